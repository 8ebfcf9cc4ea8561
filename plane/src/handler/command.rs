//! Run Command: sending a document to nodes once, and how that stands.
//!
//! A command waits at its nodes' queues. It reaches them through channels of
//! messages; this module makes, shows and cancels it.

pub(super) mod cancel;
#[cfg(test)]
mod delivery_tests;
pub(super) mod list;
#[cfg(test)]
mod rate_tests;
pub(super) mod read;
pub(super) mod send;
#[cfg(test)]
mod tests;

use shared::error::{ApiError, ErrorCode};
use shared::wire;

use super::refused;
use crate::config::choice::Rounding;
use crate::state::State;
use crate::state::command::{Command, Delivery};

/// The command of this id (InvalidCommandId).
fn find<'a>(state: &'a State, id: &str) -> Result<&'a Command, ApiError> {
    let gone = || refused(ErrorCode::InvalidCommandId, format!("there is no command {id}"));
    state.commands.by_id(id).ok_or_else(gone)
}

/// A command as clients see it.
fn describe(command: &Command, rounding: Rounding) -> wire::Command {
    let request = (*command.request).clone();
    let (status, details) = command.words(rounding);
    wire::Command {
        command_id: command.id.to_string(),
        document_name: request.document_name,
        document_version: Some(request.document_version.unwrap_or_else(|| "$DEFAULT".to_owned())),
        comment: request.comment,
        expires_after: Some(command.expires),
        parameters: request.parameters,
        instance_ids: Some(request.instance_ids.unwrap_or_default()),
        targets: Some(request.targets.unwrap_or_default()),
        requested_date_time: Some(command.requested),
        status: status.to_owned(),
        status_details: Some(details.to_owned()),
        output_s3_region: request.output_s3_region,
        output_s3_bucket_name: request.output_s3_bucket_name,
        output_s3_key_prefix: request.output_s3_key_prefix,
        max_concurrency: request.max_concurrency,
        max_errors: request.max_errors,
        target_count: command.counts.total().into(),
        completed_count: command.completed().into(),
        error_count: command.errors().into(),
        delivery_timed_out_count: command.counts.of(Delivery::TimedOut).into(),
        service_role: request.service_role_arn,
        notification_config: request.notification_config,
        cloud_watch_output_config: request.cloud_watch_output_config,
        timeout_seconds: request.timeout_seconds,
        alarm_configuration: request.alarm_configuration,
    }
}
