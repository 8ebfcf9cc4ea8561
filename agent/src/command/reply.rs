//! What a node says of a command, in the agent's words.

use std::collections::BTreeMap;

use shared::status::PlatformType;
use shared::time::Timestamp;
use shared::wire::{AdditionalInfo, AgentInfo, PluginResult, ReplyContent, date_text};

use crate::execution;

/// The node that speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speaker<'a> {
    pub(super) agent_version: &'a str,
    pub(super) platform: PlatformType,
    /// Whether its control channel is open; said by long polling only.
    pub(super) able_to_open: Option<bool>,
}

/// A step that has ended.
#[derive(Debug, Clone)]
pub(super) struct EndedStep {
    pub(super) name: String,
    pub(super) plugin: String,
    pub(super) status: &'static str,
    pub(super) code: i32,
    pub(super) output: String,
    pub(super) error: String,
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
}

/// The content of a reply: how the document stands, and how these of its steps do.
/// Without steps it is the first reply, which says that it begins.
pub(super) fn content(
    speaker: Speaker<'_>,
    now: Timestamp,
    status: &str,
    trace: &str,
    all: &[EndedStep],
    told: Option<&[EndedStep]>,
) -> String {
    let os = match speaker.platform {
        PlatformType::Linux => "linux",
        PlatformType::Windows => "windows",
        PlatformType::MacOS => "darwin",
    };
    let counts = told.map(|_| {
        let mut counts = BTreeMap::new();
        all.iter().for_each(|step| *counts.entry(step.status.to_owned()).or_default() += 1);
        counts
    });
    let content = ReplyContent {
        additional_info: AdditionalInfo {
            agent: AgentInfo {
                lang: "en-US".to_owned(),
                name: "amazon-ssm-agent".to_owned(),
                os: os.to_owned(),
                osver: "1".to_owned(),
                ver: speaker.agent_version.to_owned(),
            },
            date_time: date_text(now),
            run_id: String::new(),
            runtime_status_counts: counts,
            able_to_open_mgs_connection: speaker.able_to_open,
        },
        document_status: status.to_owned(),
        document_trace_output: trace.to_owned(),
        runtime_status: told.map(|steps| steps.iter().map(result).collect()),
    };
    serde_json::to_string(&content).expect("texts can be written")
}

fn result(step: &EndedStep) -> (String, PluginResult) {
    let result = PluginResult {
        status: step.status.to_owned(),
        code: step.code,
        name: step.plugin.clone(),
        output: execution::combined(&step.output, &step.error),
        start_date_time: date_text(step.began),
        end_date_time: date_text(step.ended),
        output_s3_bucket_name: String::new(),
        output_s3_key_prefix: String::new(),
        step_name: String::new(),
        standard_output: step.output.clone(),
        standard_error: step.error.clone(),
    };
    (step.name.clone(), result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_spelled_as_they_were_recorded() {
        let date = |text| shared::wire::read_date(text).unwrap();
        let channel = Speaker { agent_version: "3.3.0.0", platform: PlatformType::Linux, able_to_open: None };
        let poll = Speaker { able_to_open: Some(false), ..channel };
        let first = content(poll, date("2026-11-23T04:29:22.153Z"), "InProgress", "", &[], None);
        assert_eq!(
            first,
            r#"{"additionalInfo":{"agent":{"lang":"en-US","name":"amazon-ssm-agent","os":"linux","osver":"1","ver":"3.3.0.0"},"dateTime":"2026-11-23T04:29:22.153Z","runId":"","runtimeStatusCounts":null,"ableToOpenMGSConnection":false},"documentStatus":"InProgress","documentTraceOutput":"","runtimeStatus":null}"#
        );
        let step = [EndedStep {
            name: "runShell".into(),
            plugin: "aws:runShellScript".into(),
            status: "Success",
            code: 0,
            output: "from-agent-job\n".into(),
            error: String::new(),
            began: date("2026-11-23T04:26:29.991Z"),
            ended: date("2026-11-23T04:26:30.009Z"),
        }];
        let last = content(channel, date("2026-11-23T04:26:30.012Z"), "Success", "", &step, Some(&step));
        assert_eq!(
            last,
            r#"{"additionalInfo":{"agent":{"lang":"en-US","name":"amazon-ssm-agent","os":"linux","osver":"1","ver":"3.3.0.0"},"dateTime":"2026-11-23T04:26:30.012Z","runId":"","runtimeStatusCounts":{"Success":1}},"documentStatus":"Success","documentTraceOutput":"","runtimeStatus":{"runShell":{"status":"Success","code":0,"name":"aws:runShellScript","output":"from-agent-job\n","startDateTime":"2026-11-23T04:26:29.991Z","endDateTime":"2026-11-23T04:26:30.009Z","outputS3BucketName":"","outputS3KeyPrefix":"","stepName":"","standardOutput":"from-agent-job\n","standardError":""}}}"#
        );
    }
}
