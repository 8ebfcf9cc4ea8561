//! Registration, in its three forms: an EC2 instance by its id, a hybrid node by
//! an activation, and a hybrid node by a role.
//!
//! The forms with an activation need no signature: the activation's code is what
//! the caller shows. A hybrid node gets a new id each time, whatever its
//! fingerprint, as a machine that is registered anew does.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{RegisterManagedInstance, RegisterManagedInstanceReply};

use super::super::agent::unknown;
use super::super::refused;
use super::admit;
use crate::auth::{Caller, missing};
use crate::state::State;
use crate::state::node::{Hybrid, NodeNumber, Registration};
use crate::state::tag::Tags;

/// Takes a node in.
pub(crate) fn register_managed_instance(
    state: &mut State,
    now: Timestamp,
    caller: Caller,
    call: RegisterManagedInstance,
) -> Result<RegisterManagedInstanceReply, ApiError> {
    check_public_key(&call.public_key, call.public_key_type.as_deref())?;
    let instance_id = match (&call.activation_id, &call.activation_code) {
        (None, None) if caller == Caller::Nobody => {
            return Err(missing());
        }
        (None, None) if call.iam_role.is_some() => by_role(state, now, call)?,
        (None, None) => instance(state, now, &call)?,
        _ => by_activation(state, now, call)?,
    };
    Ok(RegisterManagedInstanceReply { instance_id })
}

/// An EC2 instance, whose fingerprint is its id.
fn instance(state: &mut State, now: Timestamp, call: &RegisterManagedInstance) -> Result<NodeId, ApiError> {
    let invalid = || {
        let reason = format!("fingerprint {} is no id of an instance", call.fingerprint);
        refused(ErrorCode::InvalidInstanceId, reason)
    };
    let id: NodeId = call.fingerprint.parse().map_err(|_| invalid())?;
    if id.is_hybrid() {
        return Err(invalid());
    }
    if state.is_gone(id) {
        return Err(unknown(id));
    }
    let number = admit(state, now, id);
    if state.nodes.get(number).is_registered {
        return Err(refused(ErrorCode::InstanceAlreadyRegistered, format!("instance {id} is registered")));
    }
    register(state, number, Registration { public_key: call.public_key.as_str().into(), hybrid: None });
    Ok(id)
}

fn by_activation(
    state: &mut State,
    now: Timestamp,
    call: RegisterManagedInstance,
) -> Result<NodeId, ApiError> {
    let (id, code) = (call.activation_id.unwrap_or_default(), call.activation_code.unwrap_or_default());
    let (activation_id, activation) = state.activations.admit(&id, &code, now)?;
    let (tags, name, role) = (
        activation.tags.clone(),
        activation.instance_name.clone(),
        std::sync::Arc::clone(&activation.iam_role),
    );
    let fingerprint = call.fingerprint.into();
    let activation = Some(activation_id);
    let hybrid = Hybrid { activation, fingerprint, name, role, registered: now, key_since: now };
    Ok(take_in(state, now, &call.public_key, hybrid, tags))
}

/// The form of Greengrass: the account's owner names role and tags himself.
fn by_role(state: &mut State, now: Timestamp, call: RegisterManagedInstance) -> Result<NodeId, ApiError> {
    let tags = Tags::default().with(call.tags.as_deref().unwrap_or_default(), &mut state.nodes.texts)?;
    let role = state.nodes.texts.share(call.iam_role.as_deref().unwrap_or_default());
    let fingerprint = call.fingerprint.into();
    let hybrid = Hybrid { activation: None, fingerprint, name: None, role, registered: now, key_since: now };
    Ok(take_in(state, now, &call.public_key, hybrid, tags))
}

/// Gives a hybrid node its id and its place.
fn take_in(state: &mut State, now: Timestamp, key: &str, hybrid: Hybrid, tags: Tags) -> NodeId {
    let id = state.draw_node_id();
    let number = state.nodes.ensure(id);
    state.nodes.set_tags(number, tags);
    register(state, number, Registration { public_key: key.into(), hybrid: Some(hybrid) });
    admit(state, now, id);
    id
}

fn register(state: &mut State, number: NodeNumber, registration: Registration) {
    let registration = state.nodes.share_registration(registration);
    let node = state.nodes.get_mut(number);
    node.is_registered = true;
    node.registration = Some(registration);
}

/// A public key is base64 of the DER of an RSA key's SubjectPublicKeyInfo.
pub(super) fn check_public_key(key: &str, kind: Option<&str>) -> Result<(), ApiError> {
    /// `rsaEncryption`, the object identifier, with its tag and length.
    const RSA: [u8; 11] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    let invalid = |reason: &str| Err(refused(ErrorCode::InvalidPublicKey, reason));
    if kind.is_some_and(|kind| kind != "Rsa") {
        return invalid("the public key's type is not Rsa");
    }
    match STANDARD.decode(key) {
        Ok(der) if der.first() == Some(&0x30) && der.get(6..17) == Some(&RSA) => Ok(()),
        _ => invalid("the public key is not base64 of an RSA key's SubjectPublicKeyInfo"),
    }
}
