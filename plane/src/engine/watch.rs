//! Ending what has been at `InProgress` for too long.
//!
//! The agent's own guard watches what its own schedule drives. What the service
//! drives, the service must end (C.2), or a report that was lost would keep a
//! node from ever running again.

use std::collections::BTreeSet;

use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};

use super::{PIECE, admission, report};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::compliance::ComplianceCounts;
use crate::state::execution::Detail;
use crate::state::node::{Node, Record};
use crate::state::timer::Work;

/// How far apart two looks at one execution are at least: a fleet that hangs
/// in a million different milliseconds is not looked through a million times.
const LEAST_APART: Period = Period::minutes(1);

/// How long a node may be silent within a run, seen from now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    pub(super) now: Timestamp,
    pub(super) limit: Period,
}

impl Silence {
    /// Whether this run has been silent for too long.
    pub(super) fn is_over(self, record: &Record) -> bool {
        record.heard + self.limit <= self.now
    }
}

/// Ends a run that fell silent; the node then runs in the execution that it
/// owes, whose number comes back.
pub(super) fn end(
    association: &mut Association,
    node: &mut Node,
    index: usize,
    now: Timestamp,
    compliance: &mut ComplianceCounts,
) -> Option<u32> {
    let record = &mut node.records[index];
    record.detail = Detail::StuckAtInProgress;
    report::move_to(association, record, AssociationStatus::Failed, None);
    report::find(association, node, index, AssociationStatus::Failed, now, compliance);
    admission::run_owed(association, &mut node.records[index], now)
}

/// Looks through the next rows of an execution for nodes that fell silent.
pub(super) fn expire(
    state: &mut State,
    now: Timestamp,
    number: AssociationNumber,
    execution: u32,
    from: u32,
) {
    let Some(association) = state.associations.get_mut(number) else { return };
    let Some(rows) = association.execution(execution).map(|execution| &execution.rows) else { return };
    let piece = rows.iter().enumerate().skip(from as usize).take(PIECE);
    let running: Vec<_> = piece
        .filter(|(_, row)| row.status == AssociationStatus::InProgress)
        .map(|(index, row)| (index, row.node))
        .collect();
    let is_last = rows.len() <= from as usize + PIECE;

    let silence = Silence { now, limit: state.config.stuck_after };
    let mut next: Option<Timestamp> = None;
    let mut changed = BTreeSet::from([execution]);
    for (_, node) in running {
        let node = state.nodes.get_mut(node);
        let Ok(index) = node.position(number) else { continue };
        let record = &node.records[index];
        if record.place.execution != execution {
            continue;
        }
        if silence.is_over(record) {
            changed.extend(end(association, node, index, now, &mut state.compliance));
        } else {
            let due = record.heard + silence.limit;
            next = Some(next.map_or(due, |next| next.min(due)));
        }
    }

    let Some(row) = association.execution_mut(execution) else { return };
    row.next_watch = [row.next_watch, next].into_iter().flatten().min();
    if !is_last {
        let from = from + u32::try_from(PIECE).expect("a thousand");
        state.timers.add(now, Work::Expire { association: number, execution, row: from });
    } else if let Some(next) = row.next_watch.take() {
        let next = next.max(now + LEAST_APART);
        state.timers.add(next, Work::Expire { association: number, execution, row: 0 });
    } else {
        row.is_watched = false;
    }
    for execution in changed {
        admission::settle(state, now, number, execution);
    }
}
