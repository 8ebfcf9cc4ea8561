//! What old agents say of associations that were made for one node.

use serde::{Deserialize, Serialize};

use super::{AssociationDescription, LegacyStatus};
use crate::id::NodeId;

/// Reports how an association of the old form stands; it is named by document
/// and node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAssociationStatus {
    /// How it stands; agents name more states than the model knows.
    pub association_status: LegacyStatus,
    /// The node.
    pub instance_id: NodeId,
    /// The document.
    pub name: String,
}

/// The association after the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateAssociationStatusReply {
    /// The association.
    pub association_description: AssociationDescription,
}
