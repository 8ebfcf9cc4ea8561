//! A node's credentials: the calls by which it gets them and changes its key
//! (private to the agent). Who asks is said by the signature, not by the body.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Asks for credentials, signed with the node's own key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestManagedInstanceRoleToken {
    /// What the node gave at its registration: a UUID, or its `i-` id.
    pub fingerprint: String,
}

/// The credentials. The agent reads every member unchecked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RequestManagedInstanceRoleTokenReply {
    /// The id of the access key, `ASIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
    /// What goes with each call that it signs.
    pub session_token: String,
    /// Until when they are good.
    pub token_expiration_date: Timestamp,
    /// Whether the node is to change its key.
    pub update_key_pair: bool,
}

impl fmt::Debug for RequestManagedInstanceRoleTokenReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestManagedInstanceRoleTokenReply")
            .field("access_key_id", &self.access_key_id)
            .field("token_expiration_date", &self.token_expiration_date)
            .field("update_key_pair", &self.update_key_pair)
            .finish_non_exhaustive()
    }
}

/// Changes the node's key, signed with the one that it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateManagedInstancePublicKey {
    /// Base64 of the DER SubjectPublicKeyInfo, 392 characters for RSA-2048.
    pub new_public_key: String,
    /// `Rsa`.
    pub new_public_key_type: String,
}
