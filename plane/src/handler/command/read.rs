//! A command's part on one node, in full.

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{GetCommandInvocation, GetCommandInvocationReply};

use super::super::agent::unknown;
use super::super::refused;
use crate::state::State;
use crate::state::command::Command;

/// Reads a command's part on one node. Nothing of it has run, so that its
/// dates and outputs are empty, as the service has them then.
pub(in crate::handler) fn get_command_invocation(
    state: &mut State,
    _now: Timestamp,
    call: GetCommandInvocation,
) -> Result<GetCommandInvocationReply, ApiError> {
    let id = call.instance_id;
    if state.nodes.number(id).is_none() {
        return Err(unknown(id));
    }
    if call.command_id.parse::<shared::id::CommandId>().is_err() {
        return Err(refused(ErrorCode::InvalidCommandId, "the id of a command is a UUID"));
    }
    let gone = || refused(ErrorCode::InvocationDoesNotExist, format!("no such command goes to {id}"));
    let command = state.commands.by_id(&call.command_id).ok_or_else(gone)?;
    let delivery = *command.parts.get(&id).ok_or_else(gone)?;
    let step = step(command, call.plugin_name.as_deref())?;

    let request = &command.request;
    let (status, details) = delivery.words();
    let empty = || Some(String::new());
    Ok(GetCommandInvocationReply {
        command_id: call.command_id,
        instance_id: id,
        comment: request.comment.clone(),
        document_name: request.document_name.clone(),
        document_version: Some(request.document_version.as_deref().unwrap_or("$DEFAULT").to_owned()),
        plugin_name: step.map(str::to_owned),
        response_code: -1,
        execution_start_date_time: empty(),
        execution_elapsed_time: empty(),
        execution_end_date_time: empty(),
        status: status.to_owned(),
        status_details: Some(details.to_owned()),
        standard_output_content: empty(),
        standard_output_url: empty(),
        standard_error_content: empty(),
        standard_error_url: empty(),
        cloud_watch_output_config: request.cloud_watch_output_config.clone(),
    })
}

/// The step that is asked for; the only one need not be named.
fn step<'a>(command: &'a Command, asked: Option<&str>) -> Result<Option<&'a str>, ApiError> {
    match (asked, &command.steps[..]) {
        (None, [only]) => Ok(Some(only)),
        (None, _) => Ok(None),
        (Some(name), steps) => match steps.iter().find(|step| ***step == *name) {
            Some(step) => Ok(Some(step)),
            None => Err(refused(ErrorCode::InvalidPluginName, format!("the document has no step {name}"))),
        },
    }
}
