//! Beginning an execution: which nodes run now.
//!
//! The service drives every schedule itself. A dispatch makes an execution and
//! gathers the nodes that the association means, in the order of their ids;
//! each one's record becomes `Pending`, which is the order to run.
//!
//! A node that the last execution never reached is skipped there and runs in
//! the new one; a node that is still at it ends first and runs after that
//! (E.2 item 8).

use std::collections::BTreeSet;

use shared::id::NodeId;
use shared::status::AssociationStatus;
use shared::time::Timestamp;

use super::PIECE;
use super::watch::{self, Silence};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::compliance::ComplianceCounts;
use crate::state::execution::{Execution, Failure, Spread};
use crate::state::node::{Node, NodeNumber, Nodes, Place, Record};
use crate::state::target::Condition;
use crate::state::timer::Work;

/// Makes an execution, puts down when the next one is due, and gathers the first nodes.
pub(super) fn dispatch(state: &mut State, now: Timestamp, number: AssociationNumber) {
    if state.associations.get(number).is_none() {
        return;
    }
    let id = state.draw_execution_id();
    let (most, most_rows) = (state.config.execution_history, state.config.execution_history_rows);
    let Some(association) = state.associations.get_mut(number) else { return };
    let execution = association.next_execution;
    let mut begun = Execution::new(execution, id, now);
    begun.failure = association.conditions.is_broken().then_some(Failure::InvalidTarget);
    association.begin(begun, most, most_rows);
    // The instants count from the one that was planned, not from when it was kept.
    let anchor = association.anchor;
    if let Some(next) = association.schedule.as_ref().and_then(|schedule| schedule.next(anchor, now)) {
        association.anchor = next;
        state.timers.add(next, Work::Dispatch { association: number });
    }
    spread(state, now, number, execution);
}

/// Gathers the next nodes of an execution.
pub(super) fn spread(state: &mut State, now: Timestamp, number: AssociationNumber, execution: u32) {
    let Some(association) = state.associations.get_mut(number) else { return };
    // A newer execution gathers the rest of the nodes.
    if association.newest().is_none_or(|newest| newest.number != execution) {
        association.end_spread(execution);
        return;
    }
    let Some(Spread::Going(after)) = association.execution(execution).map(|execution| execution.spread)
    else {
        return;
    };
    let piece = lookup(&state.nodes, association.conditions.lead(), after);
    let silence = Silence { now, limit: state.config.stuck_after };
    for node in &piece {
        let node = state.nodes.number(*node).expect("found by its id");
        if association.conditions.hold(state.nodes.get(node)) {
            start(association, node, state.nodes.get_mut(node), execution, silence, &mut state.compliance);
        }
    }
    match piece.last() {
        Some(last) if piece.len() == PIECE => {
            if let Some(execution) = association.execution_mut(execution) {
                execution.spread = Spread::Going(Some(*last));
            }
            state.timers.add(now, Work::Spread { association: number, execution });
        }
        _ => association.end_spread(execution),
    }
}

/// The next nodes, by id, that may satisfy this condition.
pub(super) fn lookup(nodes: &Nodes, condition: &Condition, after: Option<NodeId>) -> Vec<NodeId> {
    let is_after = |id: &&NodeId| after.is_none_or(|after| **id > after);
    match condition {
        Condition::Nodes(ids) => {
            let known = ids.iter().filter(is_after).filter(|id| nodes.number(**id).is_some());
            known.take(PIECE).copied().collect()
        }
        Condition::Tag { key, values } => {
            let from = (
                after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded),
                std::ops::Bound::Unbounded,
            );
            let sets = values.iter().filter_map(|value| nodes.tags.nodes(key, value));
            // The first piece of each value's nodes holds the first piece of them all.
            let first: BTreeSet<NodeId> =
                sets.flat_map(|set| set.range::<NodeId, _>(from).take(PIECE)).copied().collect();
            first.into_iter().take(PIECE).collect()
        }
        // Keys such as Name have as many values as there are nodes: asking each node is cheaper.
        Condition::TagKey(_) | Condition::Everyone => {
            nodes.after(after).take(PIECE).map(|number| nodes.get(number).id).collect()
        }
    }
}

/// Gives a node its part in an execution, unless it has it.
pub(super) fn start(
    association: &mut Association,
    number: NodeNumber,
    node: &mut Node,
    execution: u32,
    silence: Silence,
    compliance: &mut ComplianceCounts,
) {
    let position = node.position(association.number);
    let is_in = |place: Place| place.execution == execution;
    if let Ok(index) = position {
        let record = &node.records[index];
        if is_in(record.place) || record.owed.is_some_and(is_in) {
            return;
        }
    }
    let Some(row) = association.execution_mut(execution).map(|execution| execution.take_up(number)) else {
        return;
    };
    let place = Place { execution, row };
    match position {
        Ok(index) => restart(association, node, index, place, silence, compliance),
        Err(index) => {
            node.records.insert(index, new_record(association.number, place));
            association.counts.add(AssociationStatus::Pending);
        }
    }
}

/// Turns a record towards a new execution.
fn restart(
    association: &mut Association,
    node: &mut Node,
    index: usize,
    place: Place,
    silence: Silence,
    compliance: &mut ComplianceCounts,
) {
    let record = &mut node.records[index];
    if record.status == AssociationStatus::InProgress {
        if let Some(missed) = record.owed.replace(place) {
            association.set_row(missed, AssociationStatus::Skipped, None);
        }
        // Where its execution is forgotten, nothing else watches over it any more.
        if association.execution(record.place.execution).is_none() && silence.is_over(record) {
            watch::end(association, node, index, silence.now, compliance);
        }
        return;
    }
    if !record.status.is_terminal() {
        association.set_row(record.place, AssociationStatus::Skipped, None);
    }
    run_in(association, record, place);
}

/// Orders a record to run in this execution.
pub(super) fn run_in(association: &mut Association, record: &mut Record, place: Place) {
    association.counts.remove(record.status);
    association.counts.add(AssociationStatus::Pending);
    record.status = AssociationStatus::Pending;
    record.is_stuck = false;
    record.is_fresh = true;
    record.place = place;
}

fn new_record(association: AssociationNumber, place: Place) -> Record {
    Record {
        association,
        place,
        owed: None,
        status: AssociationStatus::Pending,
        is_stuck: false,
        reported: None,
        is_fresh: true,
        heard: Timestamp::default(),
        succeeded: None,
        finding: None,
        told: None,
    }
}
