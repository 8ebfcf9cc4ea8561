//! Compliance: whether a node is as it should be.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Reports compliance. The agent calls it after each run that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutComplianceItems {
    /// `Association`, `Patch` or `Custom:…`.
    pub compliance_type: String,
    /// When it was found out.
    pub execution_summary: ComplianceExecutionSummary,
    /// If it equals the last one, the call changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_content_hash: Option<String>,
    /// The items.
    pub items: Vec<ComplianceItemEntry>,
    /// The node.
    pub resource_id: String,
    /// `ManagedInstance`.
    pub resource_type: String,
    /// `COMPLETE` if nothing else is said, or `PARTIAL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_type: Option<String>,
}

/// When compliance was found out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ComplianceExecutionSummary {
    /// An id of the finding; the agent leaves it empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// When.
    pub execution_time: Timestamp,
    /// A word for the finding; the agent leaves it empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_type: Option<String>,
}

/// One thing that a node complies with, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ComplianceItemEntry {
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<BTreeMap<Arc<str>, Arc<str>>>,
    /// Its id; the association's, for type `Association`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How bad it is not to comply.
    pub severity: String,
    /// `COMPLIANT` or `NON_COMPLIANT`.
    pub status: String,
    /// A title; the agent leaves it empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// Lists items of compliance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListComplianceItems {
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<ComplianceStringFilter>>,
    /// The node; at most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_ids: Option<Vec<String>>,
    /// `ManagedInstance`; at most one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_types: Option<Vec<String>>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
}

/// A filter on compliance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ComplianceStringFilter {
    /// What to look at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What to compare with; any suffices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// `EQUAL` if nothing else is said.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A page of items.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListComplianceItemsReply {
    /// The items.
    #[serde(default)]
    pub compliance_items: Vec<ComplianceItem>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An item as the service keeps it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ComplianceItem {
    /// `Association`, `Patch` or `Custom:…`.
    pub compliance_type: String,
    /// `ManagedInstance`.
    pub resource_type: String,
    /// The node.
    pub resource_id: String,
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// A title.
    #[serde(default)]
    pub title: String,
    /// `COMPLIANT` or `NON_COMPLIANT`.
    pub status: String,
    /// How bad it is not to comply.
    pub severity: String,
    /// When it was found out.
    pub execution_summary: ComplianceExecutionSummary,
    /// More about it.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}

/// Counts compliance per type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListComplianceSummaries {
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<ComplianceStringFilter>>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
}

/// A page of counts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListComplianceSummariesReply {
    /// The counts, one entry per type.
    #[serde(default)]
    pub compliance_summary_items: Vec<ComplianceSummaryItem>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The counts of one type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ComplianceSummaryItem {
    /// `Association`, `Patch` or `Custom:…`.
    pub compliance_type: String,
    /// What complies.
    pub compliant_summary: CompliantSummary,
    /// What does not.
    pub non_compliant_summary: NonCompliantSummary,
}

/// What complies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CompliantSummary {
    /// How many.
    pub compliant_count: u64,
    /// By severity.
    pub severity_summary: SeveritySummary,
}

/// What does not comply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NonCompliantSummary {
    /// How many.
    pub non_compliant_count: u64,
    /// By severity.
    pub severity_summary: SeveritySummary,
}

/// Counts by severity; all six are always there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "each is the service's own word")]
pub struct SeveritySummary {
    pub critical_count: u64,
    pub high_count: u64,
    pub medium_count: u64,
    pub low_count: u64,
    pub informational_count: u64,
    pub unspecified_count: u64,
}

/// Counts compliance per node and type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListResourceComplianceSummaries {
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<ComplianceStringFilter>>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
}

/// A page of counts.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListResourceComplianceSummariesReply {
    /// The counts, one entry per node and type.
    #[serde(default)]
    pub resource_compliance_summary_items: Vec<ResourceComplianceSummaryItem>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// The counts of one type on one node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResourceComplianceSummaryItem {
    /// `Association`, `Patch` or `Custom:…`.
    pub compliance_type: String,
    /// `ManagedInstance`.
    pub resource_type: String,
    /// The node.
    pub resource_id: String,
    /// `NON_COMPLIANT` if any item is.
    pub status: String,
    /// The worst severity of what does not comply.
    pub overall_severity: String,
    /// When it was last found out.
    pub execution_summary: ComplianceExecutionSummary,
    /// What complies.
    pub compliant_summary: CompliantSummary,
    /// What does not.
    pub non_compliant_summary: NonCompliantSummary,
}
