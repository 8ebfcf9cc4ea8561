//! What is said over the control channel of `ssmmessages`, and what a command's
//! messages hold on either channel. The members stand in the agent's order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Parameters;
use crate::frame::MessageId;
use crate::signature::time::SigningTime;
use crate::time::{Period, Timestamp};

/// An instant as messages spell it, such as `2026-11-23T04:26:30.012Z`.
pub fn date_text(instant: Timestamp) -> String {
    let time = SigningTime::new(instant);
    let digits = time.as_str();
    format!(
        "{}-{}-{}T{}:{}:{}.{:03}Z",
        &digits[0..4],
        &digits[4..6],
        &digits[6..8],
        &digits[9..11],
        &digits[11..13],
        &digits[13..15],
        instant.milliseconds().rem_euclid(1000)
    )
}

/// Reads what [`date_text`] writes; nothing where it is of another form.
pub fn read_date(text: &str) -> Option<Timestamp> {
    let (whole, thousandths) = text.strip_suffix('Z')?.split_once('.')?;
    let digits: String = whole.chars().filter(|sign| !matches!(sign, '-' | ':')).collect();
    let instant = SigningTime::parse(&format!("{digits}Z"))?.instant();
    let thousandths: u64 = if thousandths.len() == 3 { thousandths.parse().ok()? } else { return None };
    let read = instant + Period::milliseconds(thousandths);
    (date_text(read) == text).then_some(read)
}

/// What the topic of a command begins with.
pub const SEND_COMMAND_TOPIC: &str = "aws.ssm.sendCommand";
/// What the topic of a cancelling begins with.
pub const CANCEL_COMMAND_TOPIC: &str = "aws.ssm.cancelCommand";

/// The body by which an agent asks for a control channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateControlChannel {
    /// `1.0`.
    pub message_schema_version: String,
    /// A UUID.
    pub request_id: String,
}

/// The first frame on a control channel, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OpenControlChannel {
    /// Nothing; the key is there all the same.
    #[serde(default)]
    pub cookie: Option<String>,
    /// `1.0`.
    pub message_schema_version: String,
    /// A UUID.
    pub request_id: String,
    /// The token that the channel was made with.
    pub token_value: String,
    /// The agent's version.
    #[serde(default)]
    pub agent_version: String,
    /// The platform, in lower case.
    #[serde(default)]
    pub platform_type: String,
}

/// A job for an agent (`agent_job`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentJob {
    /// 1.
    pub schema_version: u32,
    /// The job's id, `aws.ssm.COMMAND.NODE`.
    pub job_id: String,
    /// What it is: [`SEND_COMMAND_TOPIC`] or [`CANCEL_COMMAND_TOPIC`], and more.
    pub topic: String,
    /// The JSON text of a [`CommandPayload`] or a [`CancelPayload`].
    pub content: String,
}

/// A command, as it is sent to a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommandPayload {
    /// Values for the document's parameters.
    #[serde(default)]
    pub parameters: Parameters,
    /// The document, as an object.
    pub document_content: Value,
    /// The command's id, a UUID.
    pub command_id: String,
    /// The document's name.
    pub document_name: String,
    /// The bucket for the output; empty where there is none.
    #[serde(rename = "OutputS3BucketName", default)]
    pub output_s3_bucket_name: String,
    /// What the names of the output's objects begin with.
    #[serde(rename = "OutputS3KeyPrefix", default)]
    pub output_s3_key_prefix: String,
    /// The log group for the output; empty where there is none.
    #[serde(default)]
    pub cloud_watch_log_group_name: String,
    /// `true` or `false`, as text.
    #[serde(default)]
    pub cloud_watch_output_enabled: String,
}

/// What cancels a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CancelPayload {
    /// The id of the message that sent the command.
    pub cancel_message_id: String,
}

/// The agent has a job, or will not have it (`agent_job_ack`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobAck {
    /// The job.
    pub job_id: String,
    /// The frame that brought it.
    pub acknowledged_message_id: MessageId,
    /// When that frame was made.
    pub created_date: String,
    /// `200`, or why not.
    pub status_code: String,
    /// The same in a word.
    pub error_message: String,
}

/// How a job goes (`agent_job_reply`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobReply {
    /// 1.
    pub schema_version: u32,
    /// The job.
    pub job_id: String,
    /// The JSON text of a [`ReplyContent`].
    pub content: String,
    /// `aws.ssm.sendCommand`.
    pub topic: String,
}

/// The service has a reply (`agent_job_reply_ack`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJobReplyAck {
    /// The job.
    pub job_id: String,
    /// The frame that brought the reply.
    pub acknowledged_message_id: MessageId,
}

/// How a command goes on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplyContent {
    /// Who says so, and when.
    pub additional_info: AdditionalInfo,
    /// How the whole stands.
    pub document_status: String,
    /// What went wrong before any step.
    #[serde(default)]
    pub document_trace_output: String,
    /// How steps stand, by their names; only those that this reply is about.
    pub runtime_status: Option<BTreeMap<String, PluginResult>>,
}

/// Who sends a reply, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdditionalInfo {
    /// The agent.
    pub agent: AgentInfo,
    /// When, such as `2026-11-23T04:26:30.012Z`.
    pub date_time: String,
    /// Empty.
    #[serde(default)]
    pub run_id: String,
    /// How many steps have ended how.
    pub runtime_status_counts: Option<BTreeMap<String, u32>>,
    /// Whether the control channel is open; said by long polling only.
    #[serde(rename = "ableToOpenMGSConnection", default, skip_serializing_if = "Option::is_none")]
    pub able_to_open_mgs_connection: Option<bool>,
}

/// The agent that sends a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentInfo {
    /// `en-US`.
    pub lang: String,
    /// `amazon-ssm-agent`.
    pub name: String,
    /// The operating system.
    pub os: String,
    /// `1`.
    pub osver: String,
    /// The agent's version.
    pub ver: String,
}

/// What a step of a command came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PluginResult {
    /// How it stands.
    pub status: String,
    /// Its exit code.
    pub code: i32,
    /// The plugin.
    #[serde(default)]
    pub name: String,
    /// What it wrote, outputs and errors.
    #[serde(default)]
    pub output: String,
    /// When it began.
    #[serde(default)]
    pub start_date_time: String,
    /// When it ended.
    #[serde(default)]
    pub end_date_time: String,
    /// The bucket for the output.
    #[serde(rename = "outputS3BucketName", default)]
    pub output_s3_bucket_name: String,
    /// What the names of the output's objects begin with.
    #[serde(rename = "outputS3KeyPrefix", default)]
    pub output_s3_key_prefix: String,
    /// Empty.
    #[serde(default)]
    pub step_name: String,
    /// What it wrote.
    #[serde(default)]
    pub standard_output: String,
    /// What it wrote as errors.
    #[serde(default)]
    pub standard_error: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_thousandths() {
        let instant = Timestamp::from_milliseconds(1_795_407_989_967);
        assert_eq!(date_text(instant), "2026-11-23T04:26:29.967Z");
        assert_eq!(read_date("2026-11-23T04:26:29.967Z"), Some(instant));
        for text in [
            "",
            "2026-11-23T04:26:29Z",
            "2026-11-23T04:26:29.9Z",
            "20261123T042629.967Z",
            "2026-02-30T04:26:29.967Z",
        ] {
            assert_eq!(read_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_reply_is_spelled_as_the_agent_spells_it() {
        // Recorded over the control channel, over long polling, and the first of a run.
        for text in [
            r#"{"additionalInfo":{"agent":{"lang":"en-US","name":"amazon-ssm-agent","os":"linux","osver":"1","ver":"3.3.0.0"},"dateTime":"2026-11-23T04:26:30.011Z","runId":"","runtimeStatusCounts":{"Success":1}},"documentStatus":"InProgress","documentTraceOutput":"","runtimeStatus":{"runShell":{"status":"Success","code":0,"name":"aws:runShellScript","output":"from-agent-job\n","startDateTime":"2026-11-23T04:26:29.991Z","endDateTime":"2026-11-23T04:26:30.009Z","outputS3BucketName":"","outputS3KeyPrefix":"","stepName":"","standardOutput":"from-agent-job\n","standardError":""}}}"#,
            r#"{"additionalInfo":{"agent":{"lang":"en-US","name":"amazon-ssm-agent","os":"linux","osver":"1","ver":"3.3.0.0"},"dateTime":"2026-11-23T04:29:22.153Z","runId":"","runtimeStatusCounts":null,"ableToOpenMGSConnection":false},"documentStatus":"InProgress","documentTraceOutput":"","runtimeStatus":null}"#,
        ] {
            let content: ReplyContent = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&content).unwrap(), text);
        }
        let ack = r#"{"jobId":"aws.ssm.acb5d092-73b6-4c2b-bd22-fbbb21e6dac3.mi-0123456789abcdef0","acknowledgedMessageId":"f3317a59-e1be-42e9-b1e0-f9fc9aadc27d","createdDate":"2026-11-23T04:26:29.967Z","statusCode":"200","errorMessage":"Successful"}"#;
        let read: AgentJobAck = serde_json::from_str(ack).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), ack);
        let open = r#"{"Cookie":null,"MessageSchemaVersion":"1.0","RequestId":"5eda97b6-e4ef-4375-a313-84c2e272d557","TokenValue":"token","AgentVersion":"3.3.0.0","PlatformType":"linux"}"#;
        let read: OpenControlChannel = serde_json::from_str(open).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), open);
    }
}
