//! Associations: which document runs on which nodes, and when.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Tag;
use crate::id::{AssociationId, ExecutionId, NodeId};
use crate::status::AssociationStatus;
use crate::target::Target;
use crate::time::Timestamp;

/// Values for a document's parameters.
pub type Parameters = BTreeMap<String, Vec<String>>;

/// Where the output of a run goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OutputLocation {
    /// A place in S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_location: Option<S3Location>,
}

/// A place in S3.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3Location {
    /// The bucket's region.
    #[serde(rename = "OutputS3Region", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_region: Option<String>,
    /// The bucket.
    #[serde(rename = "OutputS3BucketName", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_bucket_name: Option<String>,
    /// What the object's name begins with.
    #[serde(rename = "OutputS3KeyPrefix", default, skip_serializing_if = "Option::is_none")]
    pub output_s3_key_prefix: Option<String>,
}

/// Binds a document and its parameters to nodes, once or by a schedule.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAssociation {
    /// The document.
    pub name: String,
    /// A number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// The old form: one node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// The nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// When to run again; absent means once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    /// Where the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_location: Option<OutputLocation>,
    /// A name for people, not unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
    /// How many failures stop it: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// How many nodes at once: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// How bad it is when a node does not comply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance_severity: Option<String>,
    /// `AUTO` or `MANUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_compliance: Option<String>,
    /// Whether to wait for the schedule's first instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_only_at_cron_interval: Option<bool>,
    /// The runbook's parameter that takes the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_target_parameter_name: Option<String>,
    /// Other accounts and regions to run a runbook in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_locations: Option<Vec<Map<String, Value>>>,
    /// How many days after the schedule's instant to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_offset: Option<i64>,
    /// A runbook's parameters by target, instead of `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_maps: Option<Vec<BTreeMap<String, Vec<String>>>>,
    /// The change calendars that must be open for it to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_names: Option<Vec<String>>,
    /// How many hours a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    /// The alarm that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// Tags for the association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
    /// The role in whose name it is dispatched; kept, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_dispatch_assume_role: Option<String>,
}

/// The association as made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAssociationReply {
    /// What the service made of it.
    pub association_description: AssociationDescription,
}

/// Replaces an association's definition; what is left out is cleared, but for
/// the document and the nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAssociation {
    /// The association.
    pub association_id: AssociationId,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// A number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// When to run again; absent means once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    /// Where the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_location: Option<OutputLocation>,
    /// The document; absent means as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The nodes; absent means as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// A name for people, not unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
    /// The version that the caller means to change, or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// The runbook's parameter that takes the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_target_parameter_name: Option<String>,
    /// How many failures stop it: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// How many nodes at once: a number or a share of the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// How bad it is when a node does not comply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance_severity: Option<String>,
    /// `AUTO` or `MANUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_compliance: Option<String>,
    /// Whether to wait for the schedule's first instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_only_at_cron_interval: Option<bool>,
    /// The change calendars that must be open for it to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_names: Option<Vec<String>>,
    /// Other accounts and regions to run a runbook in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_locations: Option<Vec<Map<String, Value>>>,
    /// How many days after the schedule's instant to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_offset: Option<i64>,
    /// How many hours a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    /// A runbook's parameters by target, instead of `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_maps: Option<Vec<BTreeMap<String, Vec<String>>>>,
    /// The alarm that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// The role in whose name it is dispatched; kept, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_dispatch_assume_role: Option<String>,
}

/// The association as changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAssociationReply {
    /// What the service made of it.
    pub association_description: AssociationDescription,
}

/// Lists the versions of an association, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAssociationVersions {
    /// The association.
    pub association_id: AssociationId,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A page of versions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAssociationVersionsReply {
    /// The versions.
    #[serde(default)]
    pub association_versions: Vec<AssociationVersionInfo>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One version of an association.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationVersionInfo {
    /// The association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<AssociationId>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    /// The document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The document's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// The nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// When to run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    /// Where the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_location: Option<OutputLocation>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
    /// How many failures stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// How many nodes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// How bad it is when a node does not comply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance_severity: Option<String>,
    /// `AUTO` or `MANUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_compliance: Option<String>,
    /// Whether it waits for the schedule's first instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apply_only_at_cron_interval: Option<bool>,
    /// The change calendars that must be open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_names: Option<Vec<String>>,
    /// How many days after the schedule's instant it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_offset: Option<i64>,
    /// How many hours a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    /// Other accounts and regions to run a runbook in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_locations: Option<Vec<Map<String, Value>>>,
    /// A runbook's parameters by target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_maps: Option<Vec<BTreeMap<String, Vec<String>>>>,
    /// The role in whose name it is dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_dispatch_assume_role: Option<String>,
}

/// Runs associations now, once, whatever their schedules.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StartAssociationsOnce {
    /// The associations, 1 to 10.
    pub association_ids: Vec<AssociationId>,
}

/// The alarm that stops the runs of an association.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AlarmConfiguration {
    /// Whether to go on while the alarm cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignore_poll_alarm_failure: Option<bool>,
    /// The alarm; exactly one.
    pub alarms: Vec<Alarm>,
}

/// An alarm of another service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Alarm {
    /// Its name.
    pub name: String,
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

/// Reads one association, by its id or, in the old form, by document and node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAssociation {
    /// The association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<AssociationId>,
    /// A version, or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// The node, in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// The document, in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One association.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeAssociationReply {
    /// The association.
    pub association_description: AssociationDescription,
}

/// Removes an association, by its id or, in the old form, by document and node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteAssociation {
    /// The document, in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The node, in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// The association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<AssociationId>,
}

/// An association as the service knows it. Defaults are not filled in.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationDescription {
    /// The document.
    pub name: String,
    /// The node, only in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// Its version, `1` when new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Timestamp>,
    /// When it was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_association_date: Option<Timestamp>,
    /// The old form's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<LegacyStatus>,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<AssociationOverview>,
    /// The document's version, `$DEFAULT` when none was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// The runbook's parameter that takes the targets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_target_parameter_name: Option<String>,
    /// A runbook's parameters by target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_maps: Option<Vec<BTreeMap<String, Vec<String>>>>,
    /// Other accounts and regions to run a runbook in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_locations: Option<Vec<Map<String, Value>>>,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<AssociationId>,
    /// The nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// When to run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    /// Where the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_location: Option<OutputLocation>,
    /// When it last ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution_date: Option<Timestamp>,
    /// When it last ran well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_execution_date: Option<Timestamp>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
    /// How many failures stop it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_errors: Option<String>,
    /// How many nodes at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<String>,
    /// How bad it is when a node does not comply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance_severity: Option<String>,
    /// `AUTO` or `MANUAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync_compliance: Option<String>,
    /// Whether it waits for the schedule's first instant; always said.
    #[serde(default)]
    pub apply_only_at_cron_interval: bool,
    /// How many days after the schedule's instant it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_offset: Option<i64>,
    /// The change calendars that must be open for it to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar_names: Option<Vec<String>>,
    /// How many hours a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    /// The alarm that stops it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_configuration: Option<AlarmConfiguration>,
    /// The alarm that stopped its last run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered_alarms: Option<Vec<AlarmStateInformation>>,
    /// The role in whose name it is dispatched; kept, not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_dispatch_assume_role: Option<String>,
}

/// The state of an association made for one node, in the old form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LegacyStatus {
    /// What the agent adds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_info: Option<String>,
    /// When it was reached.
    pub date: Timestamp,
    /// The reason, in words.
    pub message: String,
    /// `Associated`, `Pending`, `Success` or `Failed`.
    pub name: String,
}

/// How an association stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AssociationOverview {
    /// `Pending`, `Success` or `Failed`, and nothing else (clients insist).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The finer state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_status: Option<String>,
    /// How many nodes stand at each state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_status_aggregated_count: Option<BTreeMap<String, u64>>,
}

/// Lists associations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAssociations {
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_filter_list: Option<Vec<AssociationFilter>>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A filter on associations; its members are in lower case on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssociationFilter {
    /// What to look at.
    pub key: String,
    /// What it must be.
    pub value: String,
}

/// A page of associations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListAssociationsReply {
    /// The associations.
    #[serde(default)]
    pub associations: Vec<Association>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An association in a list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Association {
    /// The document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The node, only in the old form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<NodeId>,
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_id: Option<AssociationId>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// The document's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// The nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// When it last ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution_date: Option<Timestamp>,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overview: Option<AssociationOverview>,
    /// When to run again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
    /// How many days after the schedule's instant to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_offset: Option<i64>,
    /// How many hours a run may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    /// A runbook's parameters by target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_maps: Option<Vec<BTreeMap<String, Vec<String>>>>,
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

/// A node asks what is associated with it (private to the agent).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInstanceAssociations {
    /// Who asks.
    pub instance_id: NodeId,
    /// The real agent sends 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A page of what is associated with a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInstanceAssociationsReply {
    /// The associations, in the order in which the agent takes them up.
    #[serde(default)]
    pub associations: Vec<InstanceAssociationSummary>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What a node is told of an association. The real agent reads the members
/// that are not optional here without a check: they must always be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceAssociationSummary {
    /// Which association.
    pub association_id: AssociationId,
    /// Its version. The agent does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<Arc<str>>,
    /// The document.
    pub name: Arc<str>,
    /// The document's version, as the agent shall ask for it.
    pub document_version: Arc<str>,
    /// The node.
    pub instance_id: NodeId,
    /// Changes when the document must be fetched anew.
    pub checksum: Arc<str>,
    /// Values for the document's parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Arc<Parameters>>,
    /// For the agent's own schedule; absent when the service drives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<Arc<str>>,
    /// Where the output goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_location: Option<Arc<OutputLocation>>,
    /// The nodes. The agent does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Arc<Vec<Target>>>,
    /// The node's last state. The agent does not look at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Arc<str>>,
    /// `Pending` and `Associated` are orders to run; everything else is news.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_status: Option<Arc<str>>,
    /// From where the agent counts its own schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_execution_date: Option<Timestamp>,
}

/// A node reports how a run stands (private to the agent).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateInstanceAssociationStatus {
    /// Which association.
    pub association_id: AssociationId,
    /// The real agent never sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// How it stands.
    pub execution_result: InstanceAssociationExecutionResult,
    /// Who reports.
    pub instance_id: NodeId,
}

/// How a run stands, in the agent's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceAssociationExecutionResult {
    /// An [`crate::status::AgentErrorCode`], or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// When this was so, on the node's clock.
    pub execution_date: Timestamp,
    /// In words, at most 510 bytes.
    pub execution_summary: String,
    /// Where the output went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_url: Option<OutputUrl>,
    /// How it stands.
    pub status: AssociationStatus,
}

/// Where the output went.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OutputUrl {
    /// A place in S3.
    #[serde(rename = "S3OutputUrl", default, skip_serializing_if = "Option::is_none")]
    pub s3_output_url: Option<S3OutputUrl>,
}

/// A place in S3.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct S3OutputUrl {
    /// Its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_url: Option<String>,
}
