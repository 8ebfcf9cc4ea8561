//! Executions of associations: each dispatch, and the nodes of it.

use serde::{Deserialize, Serialize};

use super::AlarmConfiguration;
use crate::id::{AssociationId, ExecutionId};
use crate::time::Timestamp;

/// Runs associations now, once, whatever their schedules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartAssociationsOnce {
    /// The associations, 1 to 10.
    pub association_ids: Vec<AssociationId>,
}

/// An alarm that stopped something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmStateInformation {
    /// Its name.
    pub name: String,
    /// `ALARM`, or `UNKNOWN` where it could not be read.
    pub state: String,
}

/// Lists the executions of an association, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAssociationExecutions {
    /// The association.
    pub association_id: AssociationId,
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<AssociationExecutionFilter>>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A filter on executions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationExecutionFilter {
    /// `ExecutionId`, `Status` or `CreatedTime`.
    pub key: String,
    /// What to compare with.
    pub value: String,
    /// `EQUAL`, `LESS_THAN` or `GREATER_THAN`.
    #[serde(rename = "Type")]
    pub kind: String,
}

/// A page of executions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAssociationExecutionsReply {
    /// The executions.
    #[serde(default)]
    pub association_executions: Vec<AssociationExecution>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One dispatch of an association to its nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationExecution {
    /// The association.
    pub association_id: AssociationId,
    /// The association's version then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// This execution.
    pub execution_id: ExecutionId,
    /// How it stands.
    pub status: String,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_status: Option<String>,
    /// When it was dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_time: Option<Timestamp>,
    /// When a node last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution_date: Option<Timestamp>,
    /// Nodes by state, as text such as `{Failed=1, Success=2}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_count_by_status: Option<String>,
    /// The alarm that may stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// The alarm that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_alarms: Option<Vec<AlarmStateInformation>>,
}

/// Lists the nodes of one execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAssociationExecutionTargets {
    /// The association.
    pub association_id: AssociationId,
    /// The execution.
    pub execution_id: ExecutionId,
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<AssociationExecutionTargetsFilter>>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A filter on an execution's nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationExecutionTargetsFilter {
    /// `Status`, `ResourceId` or `ResourceType`.
    pub key: String,
    /// What it must be.
    pub value: String,
}

/// A page of an execution's nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAssociationExecutionTargetsReply {
    /// The nodes.
    #[serde(default)]
    pub association_execution_targets: Vec<AssociationExecutionTarget>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node's part in one execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationExecutionTarget {
    /// The association.
    pub association_id: AssociationId,
    /// The association's version then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// The execution.
    pub execution_id: ExecutionId,
    /// The node, or what else a runbook was started for; a runbook without targets has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// `ManagedInstance`, for `i-` and `mi-` nodes alike.
    pub resource_type: String,
    /// How it stands.
    pub status: String,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_status: Option<String>,
    /// When the node last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution_date: Option<Timestamp>,
    /// Where the output came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_source: Option<OutputSource>,
}

/// Where a run's output came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OutputSource {
    /// The command's id.
    pub output_source_id: String,
    /// `RunCommand`.
    pub output_source_type: String,
}
