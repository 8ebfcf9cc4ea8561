//! Which associations a node has: joining, leaving, and deletion.
//!
//! A node that registers or whose tags change is matched again. What newly
//! means it runs at once, within the newest execution (C.4, node added), unless
//! the association runs at its schedule's instants only; what
//! no longer means it is taken off, with what it said of compliance. What meant
//! it before and has not run on it, for want of a slot or because a calendar was
//! closed, is nothing new: it waits for its next execution.

use std::collections::BTreeSet;

use shared::time::Timestamp;

use super::gate::{self, Closed};
use super::{PIECE, admission, dispatch, refresh};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::compliance::{ASSOCIATION, ComplianceCounts};
use crate::state::node::{Node, NodeNumber};
use crate::state::timer::Work;

/// Matches a node with the associations from this number on.
pub(super) fn rematch(state: &mut State, now: Timestamp, number: NodeNumber, from: AssociationNumber) {
    let before = state.nodes.unmatched.remove(&number);
    let node = state.nodes.get(number);
    let mut candidates: BTreeSet<AssociationNumber> = state.associations.candidates(node, from);
    candidates.extend(node.records.iter().map(|record| record.association).filter(|known| *known >= from));
    let is_new = |association: &Association| match &before {
        Some(Some(tags)) => !association.conditions.hold_for(node.id, tags),
        Some(None) => true,
        // It was matched since it last changed.
        None => false,
    };
    let joins: Vec<AssociationNumber> = candidates
        .iter()
        .take(PIECE)
        .filter_map(|candidate| state.associations.get(*candidate))
        .filter(|association| association.conditions.hold(node) && is_new(association))
        .map(|association| association.number)
        .collect();
    if let Some(next) = candidates.iter().nth(PIECE) {
        state.timers.add(now, Work::Match { node: number, from: *next });
        state.nodes.unmatched.extend(before.map(|before| (number, before)));
    }
    for candidate in candidates.into_iter().take(PIECE) {
        let Some(association) = state.associations.get_mut(candidate) else { continue };
        let node = state.nodes.get_mut(number);
        if !association.conditions.hold(node) {
            leave(association, node, &mut state.compliance);
            settle(state, now, candidate);
        }
    }
    for candidate in joins {
        join(state, now, candidate, number);
        refresh::push(state, now, candidate, [number]);
        settle(state, now, candidate);
    }
}

/// Does what follows from nodes that an association gained or lost.
pub(super) fn settle(state: &mut State, now: Timestamp, number: AssociationNumber) {
    let current = state.associations.get(number).and_then(|association| association.current());
    if let Some(current) = current.map(|current| current.number) {
        admission::settle(state, now, number, current);
    }
}

/// Runs an association on a node that it means from now on.
pub(super) fn join(state: &mut State, now: Timestamp, number: AssociationNumber, joined: NodeNumber) {
    let Some(association) = state.associations.get(number) else { return };
    if association.definition.is_apply_only || state.nodes.get(joined).record(number).is_some() {
        return;
    }
    match gate::closed(state, now, number) {
        Some(Closed::Calendar) => gate::note_joined(state, now, number, joined),
        Some(Closed::Alarm(_)) => {}
        None => {
            let Some(association) = state.associations.get_mut(number) else { return };
            let node = state.nodes.get_mut(joined);
            dispatch::start_late(association, joined, node, state.config.late_node_policy, now);
        }
    }
}

/// Takes an association off a node that it does not mean any more.
pub(super) fn part(state: &mut State, number: AssociationNumber, node: NodeNumber) {
    let Some(association) = state.associations.get_mut(number) else { return };
    leave(association, state.nodes.get_mut(node), &mut state.compliance);
}

/// Takes a deleted association off the next nodes that have it.
pub(super) fn forget(state: &mut State, now: Timestamp, number: AssociationNumber) {
    let Some(grave) = state.associations.graves.get_mut(&number) else { return };
    let mut left = PIECE;
    while left > 0
        && grave.counts.total() > 0
        && let Some(execution) = grave.executions.back_mut()
    {
        // From the back: rows that are done with are dropped, so that the next piece goes on here.
        let Some(row) = execution.rows.pop() else {
            grave.executions.pop_back();
            continue;
        };
        left -= 1;
        take_off(grave, state.nodes.get_mut(row.node), &mut state.compliance);
    }
    if left == 0 {
        state.timers.add(now, Work::Forget { association: number });
    } else {
        state.associations.graves.remove(&number);
    }
}

/// Notes that the engine has seen a new association that does not run at once.
pub(super) fn resolve(state: &mut State, number: AssociationNumber) {
    if let Some(association) = state.associations.get_mut(number) {
        association.is_new = false;
    }
}

/// Looks through the next nodes for those that an updated association no longer
/// means, and counts compliance by its severity.
pub(super) fn revise(state: &mut State, now: Timestamp, number: AssociationNumber, from: NodeNumber) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let end = (from.0 as usize + PIECE).min(state.nodes.table().len());
    for node in from.0 as usize..end {
        let node = state.nodes.get_mut(NodeNumber(u32::try_from(node).expect("as many as the table has")));
        let Ok(index) = node.position(number) else { continue };
        if !association.conditions.hold(node) {
            leave(association, node, &mut state.compliance);
        } else if let Some(finding) = &mut node.records[index].finding
            && finding.severity != association.severity()
        {
            let before = (finding.is_compliant, finding.severity);
            finding.severity = association.severity();
            state.compliance.shift(ASSOCIATION, Some(before), Some((finding.is_compliant, finding.severity)));
        }
    }
    if end < state.nodes.table().len() {
        let from = NodeNumber(u32::try_from(end).expect("less than the table has"));
        state.timers.add(now, Work::Revise { association: number, from });
    } else {
        association.is_revised = false;
    }
}

/// Takes an association off a node that it no longer means.
fn leave(association: &mut Association, node: &mut Node, compliance: &mut ComplianceCounts) {
    let Some(record) = node.record(association.number).cloned() else { return };
    for place in [Some(record.place), record.owed].into_iter().flatten() {
        association.leave_row(place);
    }
    take_off(association, node, compliance);
}

/// Removes a node's record of an association, and what hangs on it.
fn take_off(association: &mut Association, node: &mut Node, compliance: &mut ComplianceCounts) {
    let Ok(index) = node.position(association.number) else { return };
    let record = node.records.remove(index);
    association.counts.remove(record.status);
    let before = record.finding.map(|finding| (finding.is_compliant, finding.severity));
    compliance.shift(ASSOCIATION, before, None);
    let id = association.id.to_string();
    if let Some(item) = node.uploads.as_mut().and_then(|uploads| uploads.remove(ASSOCIATION, &id)) {
        compliance.shift(ASSOCIATION, Some((item.is_compliant, item.severity)), None);
    }
}
