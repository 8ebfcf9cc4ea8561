//! Beginning an execution: which nodes run now.
//!
//! The service drives every schedule itself. A dispatch makes an execution and
//! gathers the nodes that the association means, in the order of their ids;
//! each one's record becomes `Pending`, which is the order to run, or under rate
//! control `Queued` until `admission` lets it in.
//!
//! A node that the last execution never reached is skipped there and runs in
//! the new one; a node that is still at it ends first and runs after that, under
//! rate control when its turn comes (E.2 item 8).

use std::collections::BTreeSet;

use shared::id::NodeId;
use shared::seed::digest;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};

use super::gate::{self, Closed};
use super::watch::{self, Silence};
use super::{PIECE, admission, automation, refresh};
use crate::config::choice::{CalendarHistory, OverlappingIntervals};
use crate::config::{AdmissionOrder, EmptyTargets, LateNodes};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::compliance::ComplianceCounts;
use crate::state::execution::{Detail, Execution, Failure, Halt, Spread};
use crate::state::node::{Node, NodeNumber, Nodes, Place, Record};
use crate::state::rate::{RateRules, Share};
use crate::state::target::Condition;
use crate::state::timer::Work;

/// The longest that an order may wait to be taken up where nothing is set (E.1).
const LONGEST_DELIVERY: Period = Period::hours(2);

/// Begins the execution that the schedule of this version has due now, and puts
/// down the next one. An update puts down its own.
pub(super) fn due(state: &mut State, now: Timestamp, number: AssociationNumber, version: u32) {
    let Some(association) = state.associations.get_mut(number) else { return };
    association.is_new = false;
    if association.version != version {
        return;
    }
    // An update or the creation itself is an order of its own.
    let is_scheduled = now > association.updated;
    // The instants count from the one that was planned, not from when it was kept.
    if let Some(next) = association.timetable.next(association.anchor, now) {
        association.anchor = next.base;
        state.timers.add(next.at, Work::Due { association: number, version });
    }
    let goes_on = association.current().is_some_and(|current| !current.is_over());
    if is_scheduled && goes_on && state.config.overlapping_intervals == OverlappingIntervals::Skip {
        return;
    }
    let Some(execution) = begin(state, now, number) else { return };
    let association = state.associations.get_mut(number);
    if let Some(begun) = association.and_then(|association| association.execution_mut(execution)) {
        begun.is_scheduled = is_scheduled;
    }
    spread(state, now, number, execution);
}

/// Makes an execution beside the schedule, and gathers the first nodes.
pub(super) fn dispatch(state: &mut State, now: Timestamp, number: AssociationNumber) {
    let Some(execution) = begin(state, now, number) else { return };
    spread(state, now, number, execution);
}

/// Makes an execution that gathers no nodes but those that join.
pub(super) fn begin_empty(state: &mut State, now: Timestamp, number: AssociationNumber) {
    let rules = RateRules::of(&state.config);
    let Some(execution) = begin(state, now, number) else { return };
    if let Some(association) = state.associations.get_mut(number) {
        association.end_spread(execution, rules);
    }
}

/// Makes an execution, unless something keeps it from beginning. Answers its number.
fn begin(state: &mut State, now: Timestamp, number: AssociationNumber) -> Option<u32> {
    state.associations.get(number)?;
    let closed = gate::closed(state, now, number);
    if matches!(closed, Some(Closed::Calendar)) && state.config.calendar_history == CalendarHistory::Nothing {
        return None;
    }
    let id = state.draw_execution_id();
    let shuffle = match state.config.admission_order {
        AdmissionOrder::NodeId => None,
        AdmissionOrder::Shuffled => {
            Some(state.config.seed.draw("execution", digest(id.to_string().as_bytes())).bits("order", 0))
        }
    };
    let default = RateRules::of(&state.config).default_limit;
    let association = state.associations.get_mut(number)?;
    let mut execution = Execution::new(association.next_execution, id, now, association.version);
    execution.stopped = state.config.stopped_targets.status();
    execution.awaits_nodes = state.config.empty_target_status == EmptyTargets::Pending;
    let running_number = execution.number;
    let (most, most_rows) = (state.config.execution_history, state.config.execution_history_rows);
    if let Some(closed) = closed {
        let reason = if matches!(closed, Closed::Calendar) { Halt::Calendar } else { Halt::Alarm };
        execution = execution.void(reason);
        if let Closed::Alarm(alarm) = closed {
            association.triggered = Some(alarm.clone());
            execution.triggered = Some(alarm);
        }
        association.begin(execution, most, most_rows);
        return None;
    }
    let definition = &association.definition;
    let limit = definition.max_concurrency.as_deref().and_then(Share::read).unwrap_or(default);
    let until_next = Some(association.anchor.since(now)).filter(|until| *until > Period::ZERO);
    let most_delivery = until_next.map_or(LONGEST_DELIVERY, |until| until.min(LONGEST_DELIVERY));
    if limit != Share::ALL {
        execution = execution.limited(shuffle, state.config.delivery_timeout.unwrap_or(most_delivery));
    }
    if let Some(hours) = definition.duration.filter(|_| definition.is_apply_only) {
        let work = Work::Elapse { association: number, execution: running_number, row: 0 };
        state.timers.add(now + Period::hours(hours.into()), work);
    }
    execution.failure = association.conditions.is_broken().then_some(Failure::InvalidTarget);
    association.triggered = None;
    association.begin(execution, most, most_rows);
    Some(running_number)
}

/// Gathers the next nodes of an execution.
pub(super) fn spread(state: &mut State, now: Timestamp, number: AssociationNumber, execution: u32) {
    let rules = RateRules::of(&state.config);
    let Some(association) = state.associations.get_mut(number) else { return };
    if association.definition.aim.is_some() {
        return automation::begin(state, now, number, execution);
    }
    // A newer execution gathers the rest of the nodes.
    if !association.is_current(execution) {
        association.end_spread(execution, rules);
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
    let numbers: Vec<NodeNumber> = piece.iter().filter_map(|node| state.nodes.number(*node)).collect();
    refresh::push(state, now, number, numbers);
    let Some(association) = state.associations.get_mut(number) else { return };
    match piece.last() {
        Some(last) if piece.len() == PIECE => {
            if let Some(execution) = association.execution_mut(execution) {
                execution.spread = Spread::Going(Some(*last));
            }
            state.timers.add(now, Work::Spread { association: number, execution });
        }
        _ => {
            association.end_spread(execution, rules);
            admission::settle(state, now, number, execution);
        }
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

/// Gives a node its part in an execution that gathers, unless it has it.
pub(super) fn start(
    association: &mut Association,
    number: NodeNumber,
    node: &mut Node,
    execution: u32,
    silence: Silence,
    compliance: &mut ComplianceCounts,
) {
    let position = node.position(association.number);
    let record = position.ok().map(|index| &node.records[index]);
    let is_in = |place: Place| place.execution == execution;
    if record.is_some_and(|record| is_in(record.place) || record.owed.is_some_and(is_in)) {
        return;
    }
    let is_at_it = record.is_some_and(|record| match record.status {
        AssociationStatus::InProgress => true,
        AssociationStatus::Pending => record.is_fetched,
        _ => false,
    });
    let Some(current) = association.execution_mut(execution) else { return };
    let waits = current.is_limited() && !is_at_it;
    let status = if waits { AssociationStatus::Queued } else { AssociationStatus::Pending };
    let place = Place { execution, row: current.take_up(number, status, false) };
    match position {
        Ok(index) => restart(association, node, index, place, status, silence, compliance),
        Err(index) => add_record(association, node, index, place, status, silence.now),
    }
}

/// Gives a node that is meant of late its part in the newest execution: in a
/// free slot, or else as the settings have it (E.2 item 5).
pub(super) fn start_late(
    association: &mut Association,
    number: NodeNumber,
    node: &mut Node,
    policy: LateNodes,
    now: Timestamp,
) {
    let Some(current) = association.current() else { return };
    let execution = current.number;
    let (status, is_extra) = if current.halt.is_some() {
        return;
    } else if current.spread != Spread::Done && current.is_limited() {
        (AssociationStatus::Queued, false)
    } else if current.has_room() {
        (AssociationStatus::Pending, false)
    } else if policy == LateNodes::Run {
        (AssociationStatus::Pending, true)
    } else {
        return;
    };
    let Err(index) = node.position(association.number) else { return };
    let Some(current) = association.execution_mut(execution) else { return };
    let place = Place { execution, row: current.take_up(number, status, is_extra) };
    add_record(association, node, index, place, status, now);
}

/// Turns a record towards a new execution.
fn restart(
    association: &mut Association,
    node: &mut Node,
    index: usize,
    place: Place,
    status: AssociationStatus,
    silence: Silence,
    compliance: &mut ComplianceCounts,
) {
    let record = &mut node.records[index];
    if let Some(missed) = record.owed.take() {
        association.set_row(missed, AssociationStatus::Skipped, Detail::Plain, None);
    }
    if record.status == AssociationStatus::InProgress {
        record.owed = Some(place);
        // Where its execution is forgotten, nothing else watches over it any more.
        if association.execution(record.place.execution).is_none() && silence.is_over(record) {
            watch::end(association, node, index, silence.now, compliance);
        }
        return;
    }
    if !record.status.is_terminal() {
        association.set_row(record.place, AssociationStatus::Skipped, Detail::Plain, None);
    }
    admission::enter(association, record, place, status, silence.now);
}

/// Makes a record for a node that had none.
fn add_record(
    association: &mut Association,
    node: &mut Node,
    index: usize,
    place: Place,
    status: AssociationStatus,
    now: Timestamp,
) {
    let record = Record {
        association: association.number,
        place,
        owed: None,
        status,
        detail: Detail::Plain,
        is_fetched: false,
        reported: None,
        is_fresh: true,
        heard: now,
        succeeded: None,
        finding: None,
        told: None,
    };
    node.insert_record(index, record);
    association.counts.add(status);
    if status == AssociationStatus::Pending {
        admission::note_order(association, place, now);
    }
}
