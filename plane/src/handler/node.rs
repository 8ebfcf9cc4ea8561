//! Registration and heartbeat.
//!
//! An EC2 instance (`i-`) is admitted when it registers or, if so set, by its
//! first heartbeat. A hybrid node (`mi-`) needs an activation, which this plane
//! does not issue; so it is never known. A node that is admitted is matched
//! with the associations at once, by the engine.

pub(super) mod describe;
pub(super) mod managed;
pub(super) mod properties;
#[cfg(test)]
mod tests;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{Empty, RegisterManagedInstance, RegisterManagedInstanceReply, UpdateInstanceInformation};

use super::agent::unknown;
use super::refused;
use crate::config::UnknownNodes;
use crate::state::State;
use crate::state::association::AssociationNumber;
use crate::state::node::{Facts, NodeNumber};
use crate::state::tag::Tags;
use crate::state::timer::Work;

/// Registers an EC2 instance, whose fingerprint is its id.
pub(super) fn register_managed_instance(
    state: &mut State,
    now: Timestamp,
    call: RegisterManagedInstance,
) -> Result<RegisterManagedInstanceReply, ApiError> {
    if call.activation_id.is_some() || call.activation_code.is_some() {
        return Err(refused(
            ErrorCode::Other("InvalidActivation".into()),
            "activations are not supported by this version of ssm-fleet",
        ));
    }
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
    let node = state.nodes.get_mut(number);
    if node.is_registered {
        return Err(refused(ErrorCode::InstanceAlreadyRegistered, format!("instance {id} is registered")));
    }
    node.is_registered = true;
    Ok(RegisterManagedInstanceReply { instance_id: id })
}

/// Takes in a heartbeat, or the probe at an agent's start.
pub(super) fn update_instance_information(
    state: &mut State,
    now: Timestamp,
    call: UpdateInstanceInformation,
) -> Result<Empty, ApiError> {
    let id = call.instance_id;
    if state.is_gone(id) {
        return Err(unknown(id));
    }
    let number = match state.nodes.admitted(id) {
        Some(number) => number,
        None if id.is_hybrid() || state.config.unknown_nodes == UnknownNodes::Refuse => {
            return Err(unknown(id));
        }
        None => admit(state, now, id),
    };
    // A ping that was held up on its way does not make the node older.
    let node = state.nodes.get_mut(number);
    node.last_ping = node.last_ping.max(Some(now));
    note(&mut node.computer_name, call.computer_name);
    note(&mut node.ip_address, call.ip_address);
    // The bare form leaves most of it out: what is known stays.
    let known = &node.facts;
    let facts = Facts {
        agent_version: call.agent_version.map(Into::into).or_else(|| known.agent_version.clone()),
        platform_type: call.platform_type.or(known.platform_type),
        platform_name: call.platform_name.map(Into::into).or_else(|| known.platform_name.clone()),
        platform_version: call.platform_version.map(Into::into).or_else(|| known.platform_version.clone()),
        channel: call.ssm_connection_channel.map(Into::into).or_else(|| known.channel.clone()),
    };
    state.nodes.set_facts(number, facts);
    Ok(Empty {})
}

fn note(known: &mut Option<Box<str>>, told: Option<String>) {
    if let Some(told) = told
        && known.as_deref() != Some(told.as_str())
    {
        *known = Some(told.into());
    }
}

/// Admits a node, if it is not yet: from here on it is listed and targeted.
fn admit(state: &mut State, now: Timestamp, id: NodeId) -> NodeNumber {
    let number = state.nodes.ensure(id);
    let node = state.nodes.get_mut(number);
    if !node.is_admitted {
        node.is_admitted = true;
        rematch(state, now, number, None);
    }
    number
}

/// Has the engine match a node with all associations, now that it has not the
/// tags any more that it had `before`, or was not admitted then.
pub(super) fn rematch(state: &mut State, now: Timestamp, node: NodeNumber, before: Option<Tags>) {
    if state.associations.len() > 0 || !state.nodes.get(node).records.is_empty() {
        state.nodes.unmatched.entry(node).or_insert(before);
        state.timers.add(now, Work::Match { node, from: AssociationNumber::default() });
    }
}
