//! A node's credentials and its key.
//!
//! Both calls are good only when signed with the node's own key: the signature
//! names the node, the body does not. An image that was cloned shows by its
//! fingerprint.

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    Empty, RequestManagedInstanceRoleToken, RequestManagedInstanceRoleTokenReply,
    UpdateManagedInstancePublicKey,
};

use super::super::agent::unknown;
use super::super::refused;
use super::register::check_public_key;
use crate::auth::{Caller, missing};
use crate::state::State;
use crate::state::node::{Hybrid, NodeNumber, Registration};

/// Gives a node credentials.
pub(crate) fn request_managed_instance_role_token(
    state: &mut State,
    now: Timestamp,
    caller: Caller,
    call: RequestManagedInstanceRoleToken,
) -> Result<RequestManagedInstanceRoleTokenReply, ApiError> {
    let (id, number) = node_of(state, caller, "RequestManagedInstanceRoleToken")?;
    let registration = state.nodes.get(number).registration.as_deref().ok_or_else(|| unknown(id))?;
    let fingerprint = registration.hybrid.as_ref().map_or(id.as_str(), |hybrid| &hybrid.fingerprint);
    if *fingerprint != *call.fingerprint {
        return Err(refused(
            ErrorCode::MachineFingerprintDoesNotMatch,
            format!("the fingerprint is not the one that node {id} registered with"),
        ));
    }
    // An instance is not asked to change its key.
    let key_age = registration.hybrid.as_ref().map(|hybrid| now.since(hybrid.key_since));
    let lifetime = state.config.key_lifetime;
    let update_key_pair = key_age.zip(lifetime).is_some_and(|(age, lifetime)| age >= lifetime);
    // The reply's date is in whole seconds, as the service's.
    let lifetime = state.config.token_lifetime;
    let expires = Timestamp::from_seconds((now + lifetime).milliseconds().div_euclid(1000));
    let credentials = state.next_credentials();
    let issued = state.vault.issue(id, credentials, expires);
    Ok(RequestManagedInstanceRoleTokenReply {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key,
        session_token: issued.session_token.unwrap_or_default(),
        token_expiration_date: expires,
        update_key_pair,
    })
}

/// Gives a node another key.
pub(crate) fn update_managed_instance_public_key(
    state: &mut State,
    now: Timestamp,
    caller: Caller,
    call: UpdateManagedInstancePublicKey,
) -> Result<Empty, ApiError> {
    let (id, number) = node_of(state, caller, "UpdateManagedInstancePublicKey")?;
    check_public_key(&call.new_public_key, Some(&call.new_public_key_type))?;
    let registration = state.nodes.get(number).registration.as_deref().ok_or_else(|| unknown(id))?;
    if *registration.public_key == *call.new_public_key {
        let reason = format!("this is the key of node {id} already");
        return Err(refused(ErrorCode::PublicKeyAlreadyRegistered, reason));
    }
    let hybrid = registration.hybrid.clone().map(|hybrid| Hybrid { key_since: now, ..hybrid });
    let registration = Registration { public_key: call.new_public_key.into(), hybrid };
    let registration = state.nodes.share_registration(registration);
    state.nodes.get_mut(number).registration = Some(registration);
    Ok(Empty {})
}

/// The node that signed with its key.
fn node_of(state: &State, caller: Caller, operation: &str) -> Result<(NodeId, NodeNumber), ApiError> {
    if caller == Caller::Nobody {
        return Err(missing());
    }
    let Caller::Key(id) = caller else {
        let reason = format!("ssm:{operation} has to be signed with the key of a managed node");
        return Err(refused(ErrorCode::AccessDeniedException, reason));
    };
    let number = state.nodes.admitted(id).filter(|_| !state.is_gone(id)).ok_or_else(|| unknown(id))?;
    Ok((id, number))
}

#[cfg(test)]
mod tests;
