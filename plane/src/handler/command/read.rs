//! A command's part on one node, in full.

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{GetCommandInvocation, GetCommandInvocationReply, read_date};

use super::super::agent::unknown;
use super::super::refused;
use crate::state::State;
use crate::state::command::Command;

/// Reads a command's part on one node. Of a step of which nothing was heard the
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
    let told = step.and_then(|step| command.progress.get(&id)?.step(step));
    let (status, details) = told.map_or(delivery.words(), |told| step_words(&told.status));
    let text = |text: Option<&String>| Some(text.cloned().unwrap_or_default());
    let (began, ended) = (told.map(|told| &told.start_date_time), told.map(|told| &told.end_date_time));
    let elapsed =
        began.zip(ended).and_then(|(began, ended)| Some(read_date(ended)?.since(read_date(began)?)));
    Ok(GetCommandInvocationReply {
        command_id: call.command_id,
        instance_id: id,
        comment: request.comment.clone(),
        document_name: request.document_name.clone(),
        document_version: Some(request.document_version.as_deref().unwrap_or("$DEFAULT").to_owned()),
        plugin_name: step.map(str::to_owned),
        response_code: told.map_or(-1, |told| told.code.into()),
        execution_start_date_time: text(began),
        execution_elapsed_time: text(
            elapsed.map(|elapsed| format!("PT{:.3}S", elapsed.as_seconds())).as_ref(),
        ),
        execution_end_date_time: text(ended),
        status: status.to_owned(),
        status_details: Some(details.to_owned()),
        standard_output_content: text(told.map(|told| &told.standard_output)),
        standard_output_url: Some(String::new()),
        standard_error_content: text(told.map(|told| &told.standard_error)),
        standard_error_url: Some(String::new()),
        cloud_watch_output_config: request.cloud_watch_output_config.clone(),
    })
}

/// `Status` and `StatusDetails` of a step that a node told of. A step that was
/// skipped has done well, and its output says why; one that waits for a reboot goes
/// on after it.
pub(super) fn step_words(told: &str) -> (&'static str, &'static str) {
    match told {
        "InProgress" | "SuccessAndReboot" => ("InProgress", "InProgress"),
        "Success" | "PassedAndReboot" | "Skipped" => ("Success", "Success"),
        "TimedOut" => ("TimedOut", "ExecutionTimedOut"),
        "Cancelled" => ("Cancelled", "Cancelled"),
        "Failed" => ("Failed", "Failed"),
        _ => ("Pending", "Pending"),
    }
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
