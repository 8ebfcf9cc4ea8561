//! Telling nodes at once that there is something to run.
//!
//! A node polls every ten minutes. One that can be reached by a channel of
//! messages is sent AWS-RefreshAssociation as soon as it is ordered to run an
//! association, and polls at once. It is a push and no more: nobody waits for it,
//! and where it is lost, the next poll brings the order all the same.

use shared::time::Timestamp;

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
