//! The versions of associations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{OutputLocation, Parameters};
use crate::id::AssociationId;
use crate::target::Target;
use crate::time::Timestamp;

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
