//! Lists of associations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AssociationId, NodeId};
use crate::target::Target;
use crate::time::Timestamp;

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
