//! Ending what has been at `InProgress` for too long.
//!
//! The agent's own guard watches what its own schedule drives. What the service
//! drives, the service must end (C.2), or a report that was lost would keep a
//! node from ever running again.

use shared::status::AssociationStatus;
use shared::time::Timestamp;

use super::{PIECE, report};
use crate::state::State;
use crate::state::association::AssociationNumber;
use crate::state::timer::Work;

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

    let mut next: Option<Timestamp> = None;
    for (_, node) in running {
        let node = state.nodes.get_mut(node);
        let Ok(index) = node.position(number) else { continue };
        let record = &mut node.records[index];
        if record.place.execution != execution {
            continue;
        }
        let due = record.heard + state.config.stuck_after;
        if due > now {
            next = Some(next.map_or(due, |next| next.min(due)));
            continue;
        }
        record.is_stuck = true;
        report::move_to(association, record, AssociationStatus::Failed, None);
        report::find(association, node, index, AssociationStatus::Failed, now, &mut state.compliance);
        report::run_owed(association, &mut node.records[index]);
    }

    let Some(row) = association.execution_mut(execution) else { return };
    row.next_watch = [row.next_watch, next].into_iter().flatten().min();
    if !is_last {
        let from = from + u32::try_from(PIECE).expect("a thousand");
        state.timers.add(now, Work::Expire { association: number, execution, row: from });
    } else if let Some(next) = row.next_watch.take() {
        state.timers.add(next, Work::Expire { association: number, execution, row: 0 });
    } else {
        row.is_watched = false;
    }
}
