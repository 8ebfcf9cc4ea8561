//! The credentials that the plane gives out, and how it knows them again.
//!
//! Nothing is kept of them. The session token says for which node and until
//! when, and is sealed by a key of the plane's own; the access key's id carries a
//! part of such a seal, and the secret is derived from the token. So a million
//! nodes' credentials take no memory, and those of before a restart stay good:
//! the snapshot carries the seed of the key.
//!
//! Invariant: a key's id that bears the seal is ours, and is good with its own
//! token only.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use shared::id::NodeId;
use shared::seed::Seed;
use shared::signature::{Credentials, Scope, SigningKey};
use shared::time::Timestamp;

/// What each id of a temporary access key begins with, as AWS's do.
const PREFIX: &str = "ASIA";
/// The characters of such an id behind the prefix: half of them tell keys apart, half are the seal.
const HALF: usize = 8;

/// What seals credentials.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub(crate) struct Vault {
    seed: u64,
    key: SigningKey,
}

/// What a token says, once its seal was found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// Whose credentials they are.
    pub(crate) node: NodeId,
    /// Until when they are good.
    pub(crate) expires: Timestamp,
    /// The secret that belongs to the token.
    pub(crate) secret: String,
}

impl Vault {
    /// The vault of a plane of this seed.
    pub(crate) fn new(seed: Seed) -> Self {
        Self::from(seed.draw("credentials", 0).bits("vault", 0))
    }

    /// The credentials of this running number, for this node.
    pub(crate) fn issue(&self, node: NodeId, number: u64, expires: Timestamp) -> Credentials {
        let id = self.access_key_id(number);
        let said = URL_SAFE_NO_PAD.encode(format!("{node}/{}/{id}", expires.milliseconds()));
        let session_token = format!("{said}.{}", self.key.sign(&said).as_str());
        Credentials {
            secret_access_key: self.secret(&session_token),
            access_key_id: id,
            session_token: Some(session_token),
        }
    }

    /// Whether a key of this id was issued here.
    pub(crate) fn is_ours(&self, access_key_id: &str) -> bool {
        let Some(tail) = access_key_id.strip_prefix(PREFIX).filter(|tail| tail.len() == 2 * HALF) else {
            return false;
        };
        tail.split_at_checked(HALF).is_some_and(|(said, seal)| seal == self.letters(&format!("seal {said}")))
    }

    /// What the token of this key says, if it is whole and that key's own.
    pub(crate) fn open(&self, access_key_id: &str, session_token: &str) -> Option<Session> {
        let (said, seal) = session_token.split_once('.')?;
        if self.key.sign(said).as_str() != seal {
            return None;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(said).ok()?).ok()?;
        let mut parts = text.split('/');
        let (node, expires, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id == access_key_id).then_some(())?;
        Some(Session {
            node: node.parse().ok()?,
            expires: Timestamp::from_milliseconds(expires.parse().ok()?),
            secret: self.secret(session_token),
        })
    }

    fn access_key_id(&self, number: u64) -> String {
        let said = self.letters(&format!("key {number}"));
        let seal = self.letters(&format!("seal {said}"));
        format!("{PREFIX}{said}{seal}")
    }

    /// 40 characters, as AWS's secrets have.
    fn secret(&self, session_token: &str) -> String {
        let digits = self.key.sign(&format!("secret {session_token}"));
        STANDARD_NO_PAD.encode(&digits.as_str().as_bytes()[..30])
    }

    /// Eight characters of the alphabet of key ids, from a text.
    fn letters(&self, text: &str) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let digits = self.key.sign(text);
        let bits = u64::from_str_radix(&digits.as_str()[..16], 16).expect("they are hexadecimal digits");
        (0..HALF).map(|place| char::from(LETTERS[(bits >> (5 * place)) as usize % 32])).collect()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl From<u64> for Vault {
    fn from(seed: u64) -> Self {
        let scope = Scope { date: "always", region: "plane", service: "credentials" };
        Self { seed, key: SigningKey::derive(&seed.to_string(), &scope) }
    }
}

impl From<Vault> for u64 {
    fn from(vault: Vault) -> Self {
        vault.seed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        Vault::new(Seed(7))
    }

    #[test]
    fn what_was_issued_is_known_again_also_after_a_restart() {
        let expires = Timestamp::from_seconds(1_741_608_000);
        let node = NodeId::hybrid(0xabc);
        let issued = vault().issue(node, 3, expires);
        assert_eq!((issued.access_key_id.len(), issued.secret_access_key.len()), (20, 40));
        let token = issued.session_token.clone().unwrap();
        let json = serde_json::to_string(&vault()).unwrap();
        let restored: Vault = serde_json::from_str(&json).unwrap();
        for vault in [vault(), restored] {
            assert!(vault.is_ours(&issued.access_key_id));
            let session = vault.open(&issued.access_key_id, &token).unwrap();
            assert_eq!((session.node, session.expires), (node, expires));
            assert_eq!(session.secret, issued.secret_access_key);
        }
        assert_ne!(vault().issue(node, 4, expires).access_key_id, issued.access_key_id);
    }

    #[test]
    fn what_was_not_issued_is_not_known() {
        let issued = vault().issue(NodeId::hybrid(1), 0, Timestamp::default());
        let other = vault().issue(NodeId::hybrid(2), 1, Timestamp::default());
        let (id, token) = (issued.access_key_id.as_str(), issued.session_token.clone().unwrap());
        for foreign in
            ["AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "ASIA", "ASIAÄÄÄÄÄÄÄÄ", "mi-0123456789abcdef0"]
        {
            assert!(!vault().is_ours(foreign), "{foreign}");
        }
        assert!(!Vault::new(Seed(8)).is_ours(id), "another plane's");
        let mut tampered = token.clone().into_bytes();
        tampered[0] ^= 1;
        let tampered = String::from_utf8(tampered).unwrap();
        let other_token = other.session_token.unwrap();
        for wrong in ["", ".", "abc", tampered.as_str(), other_token.as_str(), &token[..token.len() - 1]] {
            assert_eq!(vault().open(id, wrong), None, "{wrong}");
        }
    }
}
