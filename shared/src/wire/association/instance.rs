//! Associations as a node sees them: what it is told, and what it tells of its runs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{OutputLocation, Parameters};
use crate::id::{AssociationId, NodeId};
use crate::status::AssociationStatus;
use crate::target::Target;
use crate::time::Timestamp;

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
