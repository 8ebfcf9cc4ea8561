//! Tags of nodes and associations.

use serde::{Deserialize, Serialize};

/// A name and a value that somebody gave to a resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The name, 1 to 128 characters.
    pub key: String,
    /// The value, up to 256 characters.
    pub value: String,
}

/// Adds tags to a resource, or changes their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AddTagsToResource {
    /// `ManagedInstance`, `Association`, `Document` and others.
    pub resource_type: String,
    /// The resource's id.
    pub resource_id: String,
    /// The tags to add.
    pub tags: Vec<Tag>,
}

/// Takes tags off a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RemoveTagsFromResource {
    /// `ManagedInstance`, `Association`, `Document` and others.
    pub resource_type: String,
    /// The resource's id.
    pub resource_id: String,
    /// The names of the tags to take off.
    pub tag_keys: Vec<String>,
}

/// Reads the tags of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResource {
    /// `ManagedInstance`, `Association`, `Document` and others.
    pub resource_type: String,
    /// The resource's id.
    pub resource_id: String,
}

/// The tags of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListTagsForResourceReply {
    /// The tags, by key.
    #[serde(default)]
    pub tag_list: Vec<Tag>,
}
