//! The associations of one node, as its owner asks for them.

use serde::{Deserialize, Serialize};

use super::OutputUrl;
use crate::id::{AssociationId, NodeId};
use crate::time::Timestamp;

/// Asks how each association of a node stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceAssociationsStatus {
    /// The node.
    pub instance_id: NodeId,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A page of a node's associations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceAssociationsStatusReply {
    /// The associations.
    #[serde(default)]
    pub instance_association_status_infos: Vec<InstanceAssociationStatusInfo>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// How an association stands on a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceAssociationStatusInfo {
    /// The association.
    pub association_id: AssociationId,
    /// The document.
    pub name: String,
    /// The document's version, as the association names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// The association's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
    /// The node.
    pub instance_id: NodeId,
    /// The date of the node's last report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_date: Option<Timestamp>,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The finer state; `Associated` where it never ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_status: Option<String>,
    /// What the node said last, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_summary: Option<String>,
    /// What the agent told beside a failed run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Where the output went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_url: Option<OutputUrl>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_name: Option<String>,
}

/// Asks what is associated with a node, with the documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeEffectiveInstanceAssociations {
    /// The node.
    pub instance_id: NodeId,
    /// 1 to 5.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A page of a node's associations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeEffectiveInstanceAssociationsReply {
    /// The associations.
    #[serde(default)]
    pub associations: Vec<InstanceAssociation>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An association of a node, with its document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceAssociation {
    /// The association.
    pub association_id: AssociationId,
    /// The node.
    pub instance_id: NodeId,
    /// The document, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// The association's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_version: Option<String>,
}
