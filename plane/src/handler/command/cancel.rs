//! Cancelling a command where it has not ended.

use std::collections::BTreeSet;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{CancelCommand, Empty};

use super::super::refused;
use super::find;
use crate::engine::command::{cancelled, settle};
use crate::state::State;
use crate::state::timer::Work;

/// Cancels a command, on some of its nodes or on all; the latter is the engine's work.
pub(in crate::handler) fn cancel_command(
    state: &mut State,
    now: Timestamp,
    call: CancelCommand,
) -> Result<Empty, ApiError> {
    let command = find(state, &call.command_id)?;
    let number = command.number;
    let ids = call.instance_ids.unwrap_or_default();
    let mut seen = BTreeSet::new();
    if let Some(twice) = ids.iter().find(|id| !seen.insert(**id)) {
        return Err(refused(ErrorCode::DuplicateInstanceId, format!("{twice} is named twice")));
    }
    if let Some(id) = ids.iter().find(|id| !command.parts.contains_key(id)) {
        return Err(refused(ErrorCode::InvalidInstanceId, format!("the command does not go to {id}")));
    }
    let next = |id: &NodeId| Some((*id, cancelled(command, *id, *command.parts.get(id)?)?));
    let open: Vec<_> = ids.iter().filter_map(next).collect();
    open.into_iter().for_each(|(id, delivery)| state.commands.set(number, id, delivery));
    if ids.is_empty() {
        cancel_whole(state, now, number);
    } else {
        settle(state, now, number);
    }
    Ok(Empty {})
}

fn cancel_whole(state: &mut State, now: Timestamp, number: crate::state::command::CommandNumber) {
    let rounding = state.config.percent_rounding;
    let Some(command) = state.commands.get_mut(number) else { return };
    // What has ended has ended as it did.
    let is_over = !matches!(command.words(rounding).0, "Pending" | "InProgress");
    if !is_over {
        command.is_cancelled = true;
        state.timers.add(now, Work::CancelCommand { command: number, after: None });
    }
}
