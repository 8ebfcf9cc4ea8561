//! What keeps an execution from beginning, or ends it early: closed calendars,
//! alarms, and its Duration (C.4).
//!
//! An execution that a calendar or an alarm keeps from beginning is remembered
//! as void: it has no nodes, and changes nothing on them. A node that joins
//! while a calendar is closed is noted, and runs once as soon as all are open.

use shared::status::AssociationStatus::{Cancelled, Queued, Skipped};
use shared::time::Timestamp;
use shared::wire::AlarmStateInformation;

use super::{PIECE, admission, dispatch, report};
use crate::calendar::{Calendar, all_open, next_transition};
use crate::state::State;
use crate::state::alarm::triggered;
use crate::state::association::AssociationNumber;
use crate::state::execution::{Detail, Halt};
use crate::state::node::NodeNumber;
use crate::state::timer::Work;

/// Why nothing may begin.
pub(super) enum Closed {
    /// A calendar is closed.
    Calendar,
    /// This alarm is raised, or cannot be read.
    Alarm(AlarmStateInformation),
}

/// Whether all of these calendars are open. One that is gone, or that cannot be
/// read any more, is not.
pub(crate) fn calendars_open(state: &State, now: Timestamp, names: &[String]) -> bool {
    calendars(state, names).is_some_and(|calendars| all_open(&calendars, now))
}

fn calendars<'a>(state: &'a State, names: &[String]) -> Option<Vec<&'a Calendar>> {
    names.iter().map(|name| state.documents.calendar(name, &state.config.account).ok()).collect()
}

/// What keeps an association from running now.
pub(super) fn closed(state: &State, now: Timestamp, number: AssociationNumber) -> Option<Closed> {
    let definition = &state.associations.get(number)?.definition;
    if !calendars_open(state, now, &definition.calendars) {
        return Some(Closed::Calendar);
    }
    triggered(&state.world, definition.alarm.as_deref()?).map(Closed::Alarm)
}

/// Notes a node that joined while a calendar is closed.
pub(super) fn note_joined(state: &mut State, now: Timestamp, number: AssociationNumber, node: NodeNumber) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let is_first = association.joined.is_empty();
    association.joined.insert(node);
    if is_first {
        await_opening(state, now, number);
    }
}

/// Puts down when to look at who joined while a calendar was closed.
fn await_opening(state: &mut State, now: Timestamp, number: AssociationNumber) {
    let Some(association) = state.associations.get(number) else { return };
    let calendars = calendars(state, &association.definition.calendars);
    if let Some(opening) = calendars.and_then(|calendars| next_transition(&calendars, now)) {
        state.timers.add(opening, Work::Open { association: number });
    }
}

/// Forgets who joined: an alarm keeps them from running, as it does those that join under it.
fn forget_joined(state: &mut State, number: AssociationNumber) {
    if let Some(association) = state.associations.get_mut(number) {
        association.joined.clear();
    }
}

/// Has those looked at anew who joined while a calendar was closed, for it may be another now.
pub(crate) fn reopen(state: &mut State, now: Timestamp, number: AssociationNumber) {
    if state.associations.get(number).is_some_and(|association| !association.joined.is_empty()) {
        state.timers.add(now, Work::Open { association: number });
    }
}

/// Runs the next nodes that joined while a calendar was closed.
pub(super) fn open(state: &mut State, now: Timestamp, number: AssociationNumber) {
    let Some(association) = state.associations.get(number) else { return };
    if association.joined.is_empty() {
        return;
    }
    match closed(state, now, number) {
        None => {}
        Some(Closed::Calendar) => return await_opening(state, now, number),
        Some(Closed::Alarm(_)) => return forget_joined(state, number),
    }
    if association.current().is_none() {
        dispatch::begin_empty(state, now, number);
    }
    let Some(association) = state.associations.get_mut(number) else { return };
    for _ in 0..PIECE {
        let Some(joined) = association.joined.pop_first() else { break };
        let node = state.nodes.get_mut(joined);
        if association.conditions.hold(node) && node.record(number).is_none() {
            dispatch::start_late(association, joined, node, state.config.late_node_policy, now);
        }
    }
    if !association.joined.is_empty() {
        state.timers.add(now, Work::Open { association: number });
    }
    if let Some(current) = association.current().map(|current| current.number) {
        admission::settle(state, now, number, current);
    }
}

/// Looks through the next associations for those that an alarm stops now.
pub(super) fn sound(state: &mut State, now: Timestamp, from: AssociationNumber) {
    let living = state.associations.from(from);
    let piece: Vec<AssociationNumber> = living.map(|one| one.number).take(PIECE + 1).collect();
    for number in piece.iter().take(PIECE) {
        let Some(association) = state.associations.get(*number) else { continue };
        let alarm = association.definition.alarm.as_deref();
        let Some(alarm) = alarm.and_then(|alarm| triggered(&state.world, alarm)) else { continue };
        let running = association.current().filter(|current| current.halt.is_none() && !current.is_over());
        let Some(running) = running.map(|current| current.number) else { continue };
        admission::halt(state, now, *number, running, Halt::Alarm);
        let Some(association) = state.associations.get_mut(*number) else { continue };
        association.triggered = Some(alarm.clone());
        if let Some(execution) = association.execution_mut(running) {
            execution.triggered = Some(alarm);
        }
    }
    if let Some(next) = piece.get(PIECE) {
        state.timers.add(now, Work::Sound { from: *next });
    }
}

/// Ends the next rows of an execution whose Duration is over.
pub(super) fn elapse(
    state: &mut State,
    now: Timestamp,
    number: AssociationNumber,
    execution: u32,
    from: u32,
) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let Some(ended) = association.execution_mut(execution) else { return };
    ended.halt.get_or_insert(Halt::Duration);
    let rows = ended.rows.iter().enumerate().skip(from as usize).take(PIECE);
    let open: Vec<_> = rows.filter(|(_, row)| !row.status.is_terminal()).map(|(_, row)| row.node).collect();
    let is_last = ended.rows.len() <= from as usize + PIECE;
    let mut changed = Vec::new();
    for node in open {
        let node = state.nodes.get_mut(node);
        let Ok(index) = node.position(number) else { continue };
        let record = &mut node.records[index];
        if let Some(owed) = record.owed.filter(|owed| owed.execution == execution) {
            record.owed = None;
            association.set_row(owed, Skipped, Detail::Plain, None);
        }
        if record.place.execution == execution && !record.status.is_terminal() {
            let end = if record.status == Queued { Skipped } else { Cancelled };
            report::move_to(association, record, end, None);
            changed.extend(admission::run_owed(association, record, now));
        }
    }
    if !is_last {
        let row = from + u32::try_from(PIECE).expect("a thousand");
        state.timers.add(now, Work::Elapse { association: number, execution, row });
    }
    changed.dedup();
    for execution in changed {
        admission::settle(state, now, number, execution);
    }
}
