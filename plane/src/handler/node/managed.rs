//! What is done to hybrid nodes, and whether a session could reach a node.
//!
//! A node that is deregistered is known no more: nothing means it, and whatever
//! it calls is refused as from a stranger. Its associations are taken off by the
//! engine. Only hybrid nodes (`mi-`) can be deregistered or given a role.

use shared::error::ApiError;
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    DeregisterManagedInstance, Empty, GetConnectionStatus, GetConnectionStatusReply,
    UpdateManagedInstanceRole,
};

use super::super::refused;
use super::rematch;
use crate::state::State;
use crate::state::node::{Facts, NodeNumber};
use crate::state::tag::Tags;

/// Takes a hybrid node out of the service.
pub(crate) fn deregister_managed_instance(
    state: &mut State,
    now: Timestamp,
    call: DeregisterManagedInstance,
) -> Result<Empty, ApiError> {
    let number = hybrid(state, &call.instance_id)?;
    forget_uploads(state, number);
    let before = state.nodes.get(number).tags.clone();
    state.nodes.set_tags(number, Tags::default());
    state.nodes.set_facts(number, Facts::default());
    let node = state.nodes.get_mut(number);
    node.is_admitted = false;
    node.is_registered = false;
    node.last_ping = None;
    node.computer_name = None;
    node.ip_address = None;
    node.iam_role = None;
    node.registration = None;
    let id = node.id;
    state.inventory.remove(id);
    rematch(state, now, number, Some(before));
    Ok(Empty {})
}

/// Gives a hybrid node another role.
pub(crate) fn update_managed_instance_role(
    state: &mut State,
    _now: Timestamp,
    call: UpdateManagedInstanceRole,
) -> Result<Empty, ApiError> {
    let number = hybrid(state, &call.instance_id)?;
    state.nodes.get_mut(number).iam_role = Some(call.iam_role.into());
    Ok(Empty {})
}

/// Tells whether a session could reach a node: whether a control channel of it
/// is open. Of a stranger, no; that is no mistake.
pub(crate) fn get_connection_status(
    state: &mut State,
    _now: Timestamp,
    call: GetConnectionStatus,
) -> Result<GetConnectionStatusReply, ApiError> {
    let id: Option<NodeId> = call.target.parse().ok();
    let id = id.filter(|id| !state.is_gone(*id));
    let id = id.filter(|id| state.nodes.admitted(*id).is_some());
    let is_connected = id.is_some_and(|id| state.channels.is_open(id));
    let status = if is_connected { "connected" } else { "notconnected" };
    Ok(GetConnectionStatusReply { target: Some(call.target), status: Some(status.to_owned()) })
}

/// The hybrid node of this id.
fn hybrid(state: &State, text: &str) -> Result<NodeNumber, ApiError> {
    let id: Option<NodeId> = text.parse().ok();
    let id = id.filter(|id| id.is_hybrid() && !state.is_gone(*id));
    id.and_then(|id| state.nodes.admitted(id)).ok_or_else(|| {
        refused(shared::error::ErrorCode::InvalidInstanceId, format!("node {text} is not known here"))
    })
}

/// Takes what was uploaded of a node's compliance out of the counts.
fn forget_uploads(state: &mut State, number: NodeNumber) {
    let node = state.nodes.get_mut(number);
    node.association_hash = 0;
    let Some(uploads) = node.uploads.take() else { return };
    for (kind, upload) in uploads.iter() {
        for (_, item) in upload.items() {
            state.compliance.shift(kind, Some((item.is_compliant, item.severity)), None);
        }
    }
}
