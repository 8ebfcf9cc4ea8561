//! Several associations made in one call.

use serde::{Deserialize, Serialize};

use super::{AssociationDescription, CreateAssociation};

/// Makes several associations, each for itself. An entry is a request of its
/// own, only without tags and role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAssociationBatch {
    /// What is to be made.
    pub entries: Vec<CreateAssociation>,
    /// The role in whose name all of them are dispatched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_dispatch_assume_role: Option<String>,
}

/// What became of each entry.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateAssociationBatchReply {
    /// The associations that were made.
    #[serde(default)]
    pub successful: Vec<AssociationDescription>,
    /// The entries that were refused.
    #[serde(default)]
    pub failed: Vec<FailedCreateAssociation>,
}

/// An entry that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailedCreateAssociation {
    /// The entry, as it was sent.
    pub entry: CreateAssociation,
    /// The refusal's name and reason.
    pub message: String,
    /// Whose fault it is: `Client`, `Server` or `Unknown`.
    pub fault: String,
}
