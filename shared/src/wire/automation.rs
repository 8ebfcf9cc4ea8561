//! Automation: the executions of runbooks.

use serde::{Deserialize, Serialize};

use super::Parameters;
use crate::time::Timestamp;

/// Lists automation executions, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAutomationExecutions {
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<AutomationExecutionFilter>>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A filter on automation executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AutomationExecutionFilter {
    /// What to look at.
    pub key: String,
    /// What it may be.
    pub values: Vec<String>,
}

/// A page of automation executions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAutomationExecutionsReply {
    /// The executions.
    #[serde(default)]
    pub automation_execution_metadata_list: Vec<AutomationExecutionMetadata>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An automation execution in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AutomationExecutionMetadata {
    /// Its id, a UUID.
    pub automation_execution_id: String,
    /// The runbook.
    pub document_name: String,
    /// The runbook's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// How it stands.
    pub automation_execution_status: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_end_time: Option<Timestamp>,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed_by: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// `Auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The parameter that takes the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_parameter_name: Option<String>,
    /// What it is carried out on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The association that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<String>,
    /// `Local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_type: Option<String>,
}

/// Reads an automation execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAutomationExecution {
    /// Which one.
    pub automation_execution_id: String,
}

/// An automation execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetAutomationExecutionReply {
    /// The execution.
    pub automation_execution: AutomationExecution,
}

/// An automation execution, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AutomationExecution {
    /// Its id, a UUID.
    pub automation_execution_id: String,
    /// The runbook.
    pub document_name: String,
    /// The runbook's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// How it stands.
    pub automation_execution_status: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_end_time: Option<Timestamp>,
    /// Who began it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executed_by: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_message: Option<String>,
    /// `Auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The parameter that takes the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_parameter_name: Option<String>,
    /// What it is carried out on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The association that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<String>,
    /// Values for the runbook's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// How each step stands.
    #[serde(default)]
    pub step_executions: Vec<StepExecution>,
}

/// A step of an automation execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepExecution {
    /// The step.
    pub step_name: String,
    /// What it does.
    pub action: String,
    /// How it stands.
    pub step_status: String,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_end_time: Option<Timestamp>,
}
