//! Inventory: what is on a node, as it told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// What one thing on a node is like: attributes to values, all texts.
pub type InventoryEntry = BTreeMap<Arc<str>, Arc<str>>;

/// Reports what is on a node. The agent calls it when its inventory association ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInventory {
    /// The node.
    pub instance_id: NodeId,
    /// What there is, by type.
    pub items: Vec<InventoryItem>,
}

/// What there is of one type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryItem {
    /// When it was looked at, `2026-11-23T04:26:39Z`.
    pub capture_time: String,
    /// What there is; left out where the hash says that it is as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Vec<InventoryEntry>>,
    /// The digest of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// What the item belongs to; only for types such as `AWS:ComplianceItem`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<BTreeMap<String, String>>,
    /// Such as `1.0`.
    pub schema_version: String,
    /// Such as `AWS:Application`, or `Custom:…`.
    pub type_name: String,
}

/// What the service says of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PutInventoryReply {
    /// A remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// Queries the inventory of all nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInventory {
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<InventoryFilter>>,
    /// What is counted; the reply then has counts and no nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregators: Option<Vec<InventoryAggregator>>,
    /// The type to show; `AWS:InstanceInformation` if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_attributes: Option<Vec<ResultAttribute>>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
}

/// What is counted: the values of an attribute, or groups of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryAggregator {
    /// An attribute of a type: `AWS:Application.Name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What is counted within each value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aggregators: Option<Vec<InventoryAggregator>>,
    /// Groups of nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<InventoryGroup>>,
}

/// Nodes that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryGroup {
    /// Its name.
    pub name: String,
    /// All must hold; the key `TypeName` asks for types.
    pub filters: Vec<InventoryFilter>,
}

/// A filter on inventory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryFilter {
    /// What to look at: `AWS:Application.Name`.
    pub key: String,
    /// What to compare with; any suffices.
    pub values: Vec<String>,
    /// `Equal` if nothing else is said.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// A type to show.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ResultAttribute {
    /// Such as `AWS:Application`.
    pub type_name: String,
}

/// A page of nodes with what is on them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetInventoryReply {
    /// The nodes.
    #[serde(default)]
    pub entities: Vec<InventoryResultEntity>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node with what is on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryResultEntity {
    /// The node; counts have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What there is, by type; counts by type or group.
    #[serde(default)]
    pub data: BTreeMap<String, InventoryResultItem>,
}

/// What is on a node of one type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InventoryResultItem {
    /// Such as `AWS:Application`; counts have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// Such as `1.1`; counts have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// When it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_time: Option<String>,
    /// The digest of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// What there is.
    pub content: Vec<InventoryEntry>,
}

/// Lists what is on one node of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInventoryEntries {
    /// The node.
    pub instance_id: NodeId,
    /// Such as `AWS:Application`.
    pub type_name: String,
    /// Filters; all must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<InventoryFilter>>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
}

/// A page of what is on a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListInventoryEntriesReply {
    /// The type.
    pub type_name: String,
    /// The node.
    pub instance_id: String,
    /// Such as `1.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// When it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture_time: Option<String>,
    /// What there is.
    #[serde(default)]
    pub entries: Vec<InventoryEntry>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}
