//! Associations: which document runs on which nodes, and when.
//!
//! Here is how they are made, changed, read and deleted.
//!
//! - `execution`: what came of each dispatch
//! - `instance`: what a node is told, and what it tells
//! - `list`, `version`: what there is, and what there was

mod execution;
mod instance;
mod list;
mod version;

pub use execution::*;
pub use instance::*;
pub use list::*;
pub use version::*;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Tag;
use crate::id::{AssociationId, NodeId};
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
