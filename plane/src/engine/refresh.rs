//! Telling nodes at once that there is something to run.
//!
//! A node polls every ten minutes. One that can be reached by a channel of
//! messages is sent AWS-RefreshAssociation as soon as it is ordered to run an
//! association, and polls at once. Nobody waits for it, and where it is lost, the
//! next poll brings the order all the same.
//!
//! The agent runs what the push names, whatever the poll then says of it. So a
//! push is an order like that of a poll: once it is handed out it is not taken
//! back any more, and of a run that was called off before, it says nothing.

use std::collections::BTreeSet;

use shared::id::{AssociationId, NodeId};
use shared::time::Timestamp;

use super::{admission, report};
use crate::config::PushRefresh;
use crate::state::State;
use crate::state::association::AssociationNumber;
use crate::state::node::NodeNumber;

/// Pushes to those of the nodes that are newly ordered to run the association.
pub(super) fn push(
    state: &mut State,
    now: Timestamp,
    number: AssociationNumber,
    nodes: impl IntoIterator<Item = NodeNumber>,
) {
    if state.config.push_refresh == PushRefresh::Off {
        return;
    }
    let Some(association) = state.associations.get(number) else { return };
    let id = association.id;
    for node in nodes {
        let node = state.nodes.get(node);
        let is_ordered = node.record(number).is_some_and(|record| {
            record.status == shared::status::AssociationStatus::Pending && !record.is_fetched
        });
        if is_ordered && state.channels.reaches(node.id, now) {
            state.channels.refresh(node.id, id);
        }
    }
}

/// Hands out what was pushed to a node and is still to be run.
pub(super) fn hand_out(state: &mut State, now: Timestamp, node: NodeId) -> BTreeSet<AssociationId> {
    let mut pushed = state.channels.take_refreshes(node);
    let Some(number) = state.nodes.admitted(node) else { return BTreeSet::new() };
    let mut newest = None;
    pushed.retain(|id| {
        let Some(association) = state.associations.number(*id) else { return false };
        let Some(association) = state.associations.get_mut(association) else { return false };
        let node = state.nodes.get_mut(number);
        let Ok(index) = node.position(association.number) else { return false };
        let is_order = admission::hand_out(association, &mut node.records[index]);
        if is_order {
            newest = newest.max(Some(association.number));
        }
        is_order
    });
    if let Some(newest) = newest {
        report::time_out(state, now, number, newest);
    }
    pushed
}
