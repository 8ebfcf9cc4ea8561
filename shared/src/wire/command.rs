//! Run Command: a document sent to nodes, once.

use serde::{Deserialize, Serialize};

use super::Parameters;
use super::association::AlarmConfiguration;
use crate::id::NodeId;
use crate::target::Target;
use crate::time::Timestamp;

/// Sends a document to nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendCommand {
    /// The nodes by their ids, at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_ids: Option<Vec<NodeId>>,
    /// The nodes by conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// The document.
    pub document_name: String,
    /// A number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// The hash that the document must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_hash: Option<String>,
    /// `Sha256`, or `Sha1`, which is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_hash_type: Option<String>,
    /// How long it may wait for a node, 30 s to 30 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// The region of the output's bucket.
    #[serde(rename = "OutputS3Region", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_region: Option<String>,
    /// The bucket for the output.
    #[serde(rename = "OutputS3BucketName", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_bucket_name: Option<String>,
    /// What the names of the output's objects begin with.
    #[serde(rename = "OutputS3KeyPrefix", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_key_prefix: Option<String>,
    /// How many nodes at once: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// How many failures stop it: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// The role that sends notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_role_arn: Option<String>,
    /// Who is told of its states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_config: Option<NotificationConfig>,
    /// Where in CloudWatch Logs the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_output_config: Option<CloudWatchOutputConfig>,
    /// The alarm that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
}

/// The command as made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendCommandReply {
    /// What the service made of it.
    pub command: Command,
}

/// A command as the service knows it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Command {
    /// Its id, a UUID.
    pub command_id: String,
    /// The document.
    pub document_name: String,
    /// The document's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// When nothing of it can run any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_after: Option<Timestamp>,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// The nodes that were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_ids: Option<Vec<NodeId>>,
    /// The conditions on nodes that were named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_date_time: Option<Timestamp>,
    /// How it stands.
    pub status: String,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// The region of the output's bucket.
    #[serde(rename = "OutputS3Region", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_region: Option<String>,
    /// The bucket for the output.
    #[serde(rename = "OutputS3BucketName", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_bucket_name: Option<String>,
    /// What the names of the output's objects begin with.
    #[serde(rename = "OutputS3KeyPrefix", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_key_prefix: Option<String>,
    /// How many nodes at once: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// How many failures stop it: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// How many nodes it goes to.
    #[serde(default)]
    pub target_count: i64,
    /// On how many of them it has ended.
    #[serde(default)]
    pub completed_count: i64,
    /// On how many of them it failed.
    #[serde(default)]
    pub error_count: i64,
    /// To how many of them it could not be delivered in time.
    #[serde(default)]
    pub delivery_timed_out_count: i64,
    /// The role that sends notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_role: Option<String>,
    /// Who is told of its states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_config: Option<NotificationConfig>,
    /// Where in CloudWatch Logs the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_output_config: Option<CloudWatchOutputConfig>,
    /// How long it may wait for a node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<i64>,
    /// The alarm that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
}

/// Who is told of the states of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationConfig {
    /// The topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_arn: Option<String>,
    /// The states that are told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_events: Option<Vec<String>>,
    /// `Command` or `Invocation`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_type: Option<String>,
}

/// Where in CloudWatch Logs output goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CloudWatchOutputConfig {
    /// The log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_log_group_name: Option<String>,
    /// Whether it goes there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_output_enabled: Option<bool>,
}

/// Lists commands, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListCommands {
    /// One command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The commands of one node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<CommandFilter>>,
}

/// A filter on commands; its members are in lower case on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandFilter {
    /// `InvokedAfter`, `InvokedBefore`, `Status`, `ExecutionStage` or `DocumentName`.
    pub key: String,
    /// What it must be.
    pub value: String,
}

/// A page of commands.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListCommandsReply {
    /// The commands.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Lists commands' parts on nodes, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListCommandInvocations {
    /// One command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<String>,
    /// The commands of one node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<CommandFilter>>,
    /// Whether to say how each step stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<bool>,
}

/// A page of commands' parts on nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListCommandInvocationsReply {
    /// The parts.
    #[serde(default)]
    pub command_invocations: Vec<CommandInvocation>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A command's part on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommandInvocation {
    /// The command.
    pub command_id: String,
    /// The node.
    pub instance_id: NodeId,
    /// The node's name: its computer's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The document.
    pub document_name: String,
    /// The document's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// When it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_date_time: Option<Timestamp>,
    /// How it stands.
    pub status: String,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// Where the output went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_output_url: Option<String>,
    /// Where the errors went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error_url: Option<String>,
    /// How each step stands, if asked for.
    #[serde(default)]
    pub command_plugins: Vec<CommandPlugin>,
    /// The role that sends notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_role: Option<String>,
    /// Who is told of its states.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification_config: Option<NotificationConfig>,
    /// Where in CloudWatch Logs the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_output_config: Option<CloudWatchOutputConfig>,
}

/// A step's part in a command on one node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommandPlugin {
    /// The step.
    pub name: String,
    /// How it stands.
    pub status: String,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// The exit code; -1 while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_code: Option<i64>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_start_date_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_finish_date_time: Option<Timestamp>,
    /// What it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// The region of the output's bucket.
    #[serde(rename = "OutputS3Region", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_region: Option<String>,
    /// The bucket for the output.
    #[serde(rename = "OutputS3BucketName", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_bucket_name: Option<String>,
    /// What the names of the output's objects begin with.
    #[serde(rename = "OutputS3KeyPrefix", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_key_prefix: Option<String>,
}

/// Reads a command's part on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCommandInvocation {
    /// The command.
    pub command_id: String,
    /// The node.
    pub instance_id: NodeId,
    /// The step; needed where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_name: Option<String>,
}

/// A command's part on one node, in full. The dates are text: ISO 8601, empty
/// where there is none yet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCommandInvocationReply {
    /// The command.
    pub command_id: String,
    /// The node.
    pub instance_id: NodeId,
    /// A note for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The document.
    pub document_name: String,
    /// The document's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugin_name: Option<String>,
    /// The exit code; -1 while there is none.
    pub response_code: i64,
    /// When it began, such as `2025-03-10T12:00:00.004Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_start_date_time: Option<String>,
    /// How long it took, such as `PT0.004S`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_elapsed_time: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_end_date_time: Option<String>,
    /// How it stands.
    pub status: String,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_details: Option<String>,
    /// What it wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_output_content: Option<String>,
    /// Where the output went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_output_url: Option<String>,
    /// What it wrote as errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error_content: Option<String>,
    /// Where the errors went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standard_error_url: Option<String>,
    /// Where in CloudWatch Logs the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_output_config: Option<CloudWatchOutputConfig>,
}

/// Cancels a command where it has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelCommand {
    /// The command.
    pub command_id: String,
    /// The nodes; none means all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_ids: Option<Vec<NodeId>>,
}
