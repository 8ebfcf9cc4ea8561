//! Who may run now: slots, the stop after too many errors, and lost orders.
//!
//! Under rate control (E) a node waits at `Queued` until a slot is free. An end
//! frees its slot, and the next in the order of admission is let in. When more
//! errors came than MaxErrors bears, the execution is halted: who has not been
//! told to run is withdrawn, in pieces; who has, ends. Gathering the nodes is
//! `dispatch`'s work.
//!
//! A node that is at it when a new execution begins holds a slot there, for so
//! many are at it. Once it ends it waits for its turn in the order of admission,
//! as all others do (E.2 item 1): where runs are longer than the interval, those
//! who happened to be at it would else keep the slots from round to round.
//!
//! Invariant: only the newest execution that began lets anybody in, and only
//! until it is halted.

use std::collections::BTreeSet;

use shared::status::AssociationStatus;
use shared::status::AssociationStatus::{Pending, Queued, Skipped, TimedOut};
use shared::time::Timestamp;

use super::{PIECE, refresh};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::execution::{Detail, Execution, Halt};
use crate::state::node::{Place, Record};
use crate::state::timer::Work;

/// Does what follows from a change in an execution: stops it, lets in the next.
pub(super) fn settle(state: &mut State, now: Timestamp, number: AssociationNumber, execution: u32) {
    let Some(association) = state.associations.get_mut(number) else { return };
    if association.execution(execution).is_some_and(|execution| execution.must_stop()) {
        halt(state, now, number, execution, Halt::Errors);
        return;
    }
    let mut left = PIECE;
    let mut let_in = Vec::new();
    while association.is_current(execution)
        && let Some(current) = association.execution(execution)
        && current.has_room()
        && let Some(row) = current.first_waiting()
    {
        if left == 0 {
            state.timers.add(now, Work::Admit { association: number, execution });
            break;
        }
        left -= 1;
        let_in.push(current.rows[row as usize].node);
        let node = state.nodes.get_mut(current.rows[row as usize].node);
        let index = node.position(number).expect("who waits in an execution has a record");
        enter(association, &mut node.records[index], Place { execution, row }, Pending, now);
    }
    refresh::push(state, now, number, let_in);
    watch_orders(state, number, execution);
}

/// Lets nobody into an execution any more, and takes back what has not begun.
pub(crate) fn halt(
    state: &mut State,
    now: Timestamp,
    number: AssociationNumber,
    execution: u32,
    reason: Halt,
) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let Some(halted) = association.execution_mut(execution).filter(|one| one.halt.is_none()) else { return };
    halted.halt = Some(reason);
    state.timers.add(now, Work::Withdraw { association: number, execution, row: 0 });
}

/// Takes back the next rows of a halted execution that have not begun.
pub(super) fn withdraw(
    state: &mut State,
    now: Timestamp,
    number: AssociationNumber,
    execution: u32,
    from: u32,
) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let Some(halted) = association.execution(execution) else { return };
    let rows = halted.rows.iter().enumerate().skip(from as usize).take(PIECE);
    let open: Vec<_> = rows.filter(|(_, row)| !row.status.is_terminal()).map(|(_, row)| row.node).collect();
    let is_last = halted.rows.len() <= from as usize + PIECE;
    for node in open {
        let node = state.nodes.get_mut(node);
        if let Ok(index) = node.position(number) {
            withdraw_record(association, &mut node.records[index], execution);
        }
    }
    if !is_last {
        let row = from + u32::try_from(PIECE).expect("a thousand");
        state.timers.add(now, Work::Withdraw { association: number, execution, row });
    }
}

/// Takes a record's part in a halted execution back, unless it has begun.
fn withdraw_record(association: &mut Association, record: &mut Record, execution: u32) {
    let Some(halted) = association.execution(execution) else { return };
    let (end, detail) = match halted.halt {
        None => return,
        Some(Halt::Errors) => (halted.stopped, Detail::Terminated),
        Some(_) => (Skipped, Detail::Plain),
    };
    if let Some(owed) = record.owed.filter(|owed| owed.execution == execution) {
        record.owed = None;
        association.set_row(owed, end, detail, None);
    }
    let has_begun = match record.status {
        Queued => false,
        Pending => record.is_fetched,
        _ => true,
    };
    if record.place.execution == execution && !has_begun {
        association.counts.remove(record.status);
        association.counts.add(end);
        record.status = end;
        record.detail = detail;
        association.set_row(record.place, end, detail, None);
    }
}

/// Notes that a node is about to be told of this record: an order to run that
/// it gets is not taken back any more, one of a halted execution it never gets.
/// Answers whether this is an order that it had not got.
pub(crate) fn hand_out(association: &mut Association, record: &mut Record) -> bool {
    if record.status != Pending || record.is_fetched {
        return false;
    }
    withdraw_record(association, record, record.place.execution);
    record.is_fetched = record.status == Pending;
    record.is_fetched
}

/// Gives a record a place in an execution: to wait there, or to run.
pub(super) fn enter(
    association: &mut Association,
    record: &mut Record,
    place: Place,
    status: AssociationStatus,
    now: Timestamp,
) {
    association.counts.remove(record.status);
    association.counts.add(status);
    // Who was told to run and has not begun does so, whatever the execution.
    record.is_fetched &= (record.status, status) == (Pending, Pending);
    record.status = status;
    record.detail = Detail::Plain;
    record.is_fresh = true;
    record.place = place;
    record.heard = now;
    association.set_row(place, status, Detail::Plain, None);
    if status == Pending {
        note_order(association, place, now);
    }
}

/// Gives a node its part in the execution that it was too busy for, whose number
/// comes back: under rate control it waits there for its turn.
pub(super) fn run_owed(association: &mut Association, record: &mut Record, now: Timestamp) -> Option<u32> {
    let owed = record.owed.take()?;
    let execution = association.execution(owed.execution);
    let is_halted = execution.is_some_and(|execution| execution.halt.is_some());
    let waits = is_halted || execution.is_some_and(Execution::is_limited);
    enter(association, record, owed, if waits { Queued } else { Pending }, now);
    if is_halted {
        withdraw_record(association, record, owed.execution);
    }
    Some(owed.execution)
}

/// Notes when an order to run was given that takes a slot.
pub(super) fn note_order(association: &mut Association, place: Place, now: Timestamp) {
    if let Some(execution) = association.execution_mut(place.execution).filter(|one| one.is_limited()) {
        execution.orders.push_back((now, place.row));
    }
}

/// Sees to it that orders which reach nobody are noticed.
fn watch_orders(state: &mut State, number: AssociationNumber, execution: u32) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let Some(watched) = association.execution_mut(execution) else { return };
    if let Some((given, _)) = watched.orders.front()
        && !watched.is_delivery_watched
    {
        watched.is_delivery_watched = true;
        let due = *given + watched.delivery;
        state.timers.add(due, Work::GiveUp { association: number, execution });
    }
}

/// Gives up on the next nodes that left their orders unanswered for too long.
/// That is no error; their slots are free (E.1).
pub(super) fn give_up(state: &mut State, now: Timestamp, number: AssociationNumber, execution: u32) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let mut owed = BTreeSet::new();
    for _ in 0..PIECE {
        let Some(watched) = association.execution_mut(execution) else { return };
        let is_due = |(given, _): &(Timestamp, u32)| *given + watched.delivery <= now;
        if !watched.orders.front().is_some_and(is_due) {
            break;
        }
        let (given, row) = watched.orders.pop_front().expect("the first of them is due");
        let node = state.nodes.get_mut(watched.rows[row as usize].node);
        let Ok(index) = node.position(number) else { continue };
        let record = &mut node.records[index];
        if record.place == (Place { execution, row }) && record.status == Pending && record.heard == given {
            record.detail = Detail::DeliveryTimedOut;
            super::report::move_to(association, record, TimedOut, None);
            owed.extend(run_owed(association, record, now));
        }
    }
    if let Some(watched) = association.execution_mut(execution) {
        watched.is_delivery_watched = false;
    }
    settle(state, now, number, execution);
    for owed in owed {
        settle(state, now, number, owed);
    }
}
