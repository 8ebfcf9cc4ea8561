//! What an agent reports of a run, and what follows from it.
//!
//! Reports come in any order, twice, or late (C.2). One that is older than what
//! is known is dropped; an end is left by a new dispatch only. Both are
//! answered with success, for the agent can do nothing about them.

use shared::error::{ApiError, ErrorCode};
use shared::status::{AgentErrorCode, AssociationStatus};
use shared::time::{Period, Timestamp};
use shared::wire::InstanceAssociationExecutionResult;

use super::{PIECE, admission, refresh};
use crate::config::choice::SecondAssociation;
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::compliance::{ASSOCIATION, ComplianceCounts, Finding};
use crate::state::execution::Detail;
use crate::state::node::{Node, NodeNumber, Record};
use crate::state::timer::Work;

/// How far ahead of the plane's a node's clock may be: as far as a signature bears.
const MOST_SKEW: Period = Period::minutes(5);

/// The date of what a node says. One too far ahead is taken as of now, or
/// whatever comes after it would be older for as long.
pub(crate) fn dated(now: Timestamp, date: Timestamp) -> Timestamp {
    if date > now + MOST_SKEW { now } else { date }
}

/// Takes in a report.
pub(crate) fn apply(
    state: &mut State,
    now: Timestamp,
    node: NodeNumber,
    number: AssociationNumber,
    result: &InstanceAssociationExecutionResult,
) -> Result<(), ApiError> {
    let gone = || ApiError::from(ErrorCode::AssociationDoesNotExist);
    let told = state.nodes.share_told(result);
    let association = state.associations.get_mut(number).ok_or_else(gone)?;
    let node_number = node;
    let node = state.nodes.get_mut(node);
    let index = node.position(number).map_err(|_| gone())?;
    let record = &mut node.records[index];
    let (status, date) = (result.status, dated(now, result.execution_date));
    if is_old(record, date) || record.status.is_terminal() {
        return Ok(());
    }

    record.reported = Some(date);
    record.is_fresh = false;
    record.heard = now;
    record.told = Some(told);
    record.detail = match result.error_code.as_deref() {
        Some(code) if code == AgentErrorCode::StuckAtInProgress.as_str() => Detail::StuckAtInProgress,
        _ => Detail::Plain,
    };
    if status == AssociationStatus::Success {
        record.succeeded = Some(date);
    }
    record.is_fetched = true;
    let place = record.place;
    // What waits for its turn does not get it by a word of the run before.
    let known = if (record.status, status) == (AssociationStatus::Queued, AssociationStatus::Pending) {
        AssociationStatus::Queued
    } else {
        status
    };
    move_to(association, record, known, Some(date));
    if known == AssociationStatus::Pending {
        admission::note_order(association, place, now);
    }
    if status == AssociationStatus::InProgress {
        watch(state, now, number, place.execution);
    } else if status.is_terminal() {
        find(association, node, index, status, date, &mut state.compliance);
        let owed = admission::run_owed(association, &mut node.records[index], now);
        admission::settle(state, now, number, place.execution);
        if let Some(owed) = owed {
            refresh::push(state, now, number, [node_number]);
            admission::settle(state, now, number, owed);
        }
    }
    Ok(())
}

/// Ends what a node is at but for this association, whose order it has just
/// taken up, if that is set: as the user guide has it, the earlier run times out.
/// Its reports are those of a run that has ended.
pub(crate) fn time_out(state: &mut State, now: Timestamp, node: NodeNumber, newer: AssociationNumber) {
    if state.config.second_association == SecondAssociation::Waits {
        return;
    }
    let records = state.nodes.get(node).records.iter();
    let is_running = |record: &&Record| record.status == AssociationStatus::InProgress;
    let running: Vec<AssociationNumber> = records
        .filter(is_running)
        .map(|record| record.association)
        .filter(|number| *number != newer)
        .collect();
    for number in running {
        let Some(association) = state.associations.get_mut(number) else { continue };
        let node = state.nodes.get_mut(node);
        let Ok(index) = node.position(number) else { continue };
        let record = &mut node.records[index];
        let execution = record.place.execution;
        record.detail = Detail::Plain;
        move_to(association, record, AssociationStatus::TimedOut, None);
        find(association, node, index, AssociationStatus::TimedOut, now, &mut state.compliance);
        let owed = admission::run_owed(association, &mut node.records[index], now);
        for execution in [Some(execution), owed].into_iter().flatten() {
            admission::settle(state, now, number, execution);
        }
    }
}

/// Whether a report says nothing new. After a dispatch, one of the same date
/// is the end of the run before, sent twice.
fn is_old(record: &Record, date: Timestamp) -> bool {
    record.reported.is_some_and(|known| date < known || (record.is_fresh && date == known))
}

/// Moves a node's part to another state, wherever that is counted.
pub(super) fn move_to(
    association: &mut Association,
    record: &mut Record,
    status: AssociationStatus,
    date: Option<Timestamp>,
) {
    association.counts.remove(record.status);
    association.counts.add(status);
    record.status = status;
    association.set_row(record.place, status, record.detail, date);
}

/// What the end of a run says of compliance (C.5). It refreshes the date of all
/// findings of the node.
pub(super) fn find(
    association: &Association,
    node: &mut Node,
    index: usize,
    status: AssociationStatus,
    date: Timestamp,
    compliance: &mut ComplianceCounts,
) {
    let is_compliant = match status {
        AssociationStatus::Success => true,
        AssociationStatus::Failed | AssociationStatus::TimedOut => false,
        _ => return,
    };
    node.findings_since = node.findings_since.max(date);
    if association.is_manual() {
        return;
    }
    let finding = &mut node.records[index].finding;
    let severity = association.severity();
    let before = finding.map(|finding| (finding.is_compliant, finding.severity));
    compliance.shift(ASSOCIATION, before, Some((is_compliant, severity)));
    *finding = Some(Finding { is_compliant, severity, at: date });
}

/// Sees to it that a node which falls silent from here on is noticed.
fn watch(state: &mut State, now: Timestamp, number: AssociationNumber, number_of_execution: u32) {
    let due = now + state.config.stuck_after;
    let association = state.associations.get_mut(number);
    let Some(execution) = association.and_then(|association| association.execution_mut(number_of_execution))
    else {
        return;
    };
    if execution.is_watched {
        // A look in several pieces may just have passed by this node.
        if execution.rows.len() > PIECE {
            execution.next_watch = Some(execution.next_watch.map_or(due, |next| next.min(due)));
        }
    } else {
        execution.is_watched = true;
        state.timers.add(due, Work::Expire { association: number, execution: number_of_execution, row: 0 });
    }
}
