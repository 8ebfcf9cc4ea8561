//! Which associations a node has: joining, leaving, and deletion.
//!
//! A node that registers or whose tags change is matched again. What newly
//! means it runs at once, within the newest execution (C.4, node added), unless
//! the association runs at its schedule's instants only; what
//! no longer means it is taken off, with what it said of compliance.

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
    let node = state.nodes.get(number);
    let mut candidates: BTreeSet<AssociationNumber> = state.associations.candidates(node, from);
    candidates.extend(node.records.iter().map(|record| record.association).filter(|known| *known >= from));
    if let Some(next) = candidates.iter().nth(PIECE) {
        state.timers.add(now, Work::Match { node: number, from: *next });
    }
    let (mut changed, mut joins) = (Vec::new(), Vec::new());
    for candidate in candidates.into_iter().take(PIECE) {
        let Some(association) = state.associations.get_mut(candidate) else { continue };
        let node = state.nodes.get_mut(number);
        if !association.conditions.hold(node) {
            leave(association, node, &mut state.compliance);
            changed.push(candidate);
        } else if node.record(candidate).is_none() && !association.definition.is_apply_only {
            joins.push(candidate);
        }
    }
    for candidate in joins {
        match gate::closed(state, now, candidate) {
            Some(Closed::Calendar) => gate::note_joined(state, now, candidate, number),
            Some(Closed::Alarm(_)) => {}
            None => {
                let Some(association) = state.associations.get_mut(candidate) else { continue };
                let node = state.nodes.get_mut(number);
                dispatch::start_late(association, number, node, state.config.late_node_policy, now);
                changed.push(candidate);
            }
        }
    }
    for candidate in changed {
        refresh::push(state, now, candidate, [number]);
        let current = state.associations.get(candidate).and_then(|association| association.current());
        if let Some(current) = current.map(|current| current.number) {
            admission::settle(state, now, candidate, current);
        }
    }
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
