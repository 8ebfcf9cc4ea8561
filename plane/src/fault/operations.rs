//! Which operations a fault is for, by their names.

use serde::{Deserialize, Deserializer, Serialize, de};
use shared::nearest::nearest;
use shared::operation::{MESSAGE_NAMES, NAMES, Operation};
use shared::wire;

/// The operations that only read, so that an older state can answer them. That
/// an agent asks for its associations is noted; an older state notes it in vain.
pub(super) const READS: &[&str] = &[
    wire::DescribeActivations::NAME,
    wire::DescribeAssociation::NAME,
    wire::DescribeAssociationExecutionTargets::NAME,
    wire::DescribeAssociationExecutions::NAME,
    wire::DescribeAutomationExecutions::NAME,
    wire::DescribeDocument::NAME,
    wire::DescribeEffectiveInstanceAssociations::NAME,
    wire::DescribeInstanceAssociationsStatus::NAME,
    wire::DescribeInstanceInformation::NAME,
    wire::DescribeInstanceProperties::NAME,
    wire::GetAutomationExecution::NAME,
    wire::GetCommandInvocation::NAME,
    wire::GetDocument::NAME,
    wire::GetInventory::NAME,
    wire::GetParameters::NAME,
    wire::ListAssociationVersions::NAME,
    wire::ListAssociations::NAME,
    wire::ListCommandInvocations::NAME,
    wire::ListCommands::NAME,
    wire::ListComplianceItems::NAME,
    wire::ListComplianceSummaries::NAME,
    wire::ListDocumentVersions::NAME,
    wire::ListDocuments::NAME,
    wire::ListInstanceAssociations::NAME,
    wire::ListInventoryEntries::NAME,
    wire::ListResourceComplianceSummaries::NAME,
    wire::ListTagsForResource::NAME,
];

/// The operations that define or report something, which can be lost.
pub(super) const WRITES: &[&str] = &[
    wire::AddTagsToResource::NAME,
    wire::CancelCommand::NAME,
    wire::CreateAssociation::NAME,
    wire::CreateAssociationBatch::NAME,
    wire::CreateDocument::NAME,
    wire::DeleteAssociation::NAME,
    wire::DeleteDocument::NAME,
    wire::PutComplianceItems::NAME,
    wire::PutConfigurePackageResult::NAME,
    wire::PutInventory::NAME,
    wire::RemoveTagsFromResource::NAME,
    wire::SendCommand::NAME,
    wire::StartAssociationsOnce::NAME,
    wire::UpdateAssociation::NAME,
    wire::UpdateAssociationStatus::NAME,
    wire::UpdateDocument::NAME,
    wire::UpdateDocumentDefaultVersion::NAME,
    wire::UpdateInstanceAssociationStatus::NAME,
    wire::UpdateInstanceInformation::NAME,
];

/// Operations by their names; none means those that the fault is for by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Operations(Vec<&'static str>);

impl Operations {
    /// These operations. Names that are none are left out.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self(names.into_iter().filter_map(find).collect())
    }

    /// Their names.
    pub(super) fn said(&self) -> &[&'static str] {
        &self.0
    }

    /// Whether none was named.
    pub(super) fn is_unsaid(&self) -> bool {
        self.0.is_empty()
    }
}

impl schemars::JsonSchema for Operations {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PlaneOperations".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "array",
            "items": { "type": "string", "pattern": "^[A-Z][A-Za-z0-9]+$" },
            "description": "Operations by their names, such as [GetDocument].",
        })
    }
}

impl<'de> Deserialize<'de> for Operations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        if names.is_empty() {
            return Err(de::Error::custom("no operation is named: leave `operations` out to mean all"));
        }
        let read = |name: &String| find(name).ok_or_else(|| de::Error::custom(unknown(name)));
        names.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn find(name: &str) -> Option<&'static str> {
    NAMES.iter().chain(MESSAGE_NAMES).copied().find(|known| *known == name)
}

fn unknown(name: &str) -> String {
    match nearest(name, NAMES.iter().chain(MESSAGE_NAMES).copied()) {
        Some(near) => format!("`{name}` is no operation of the plane; the nearest is `{near}`"),
        None => format!("`{name}` is no operation of the plane: expected one such as GetDocument"),
    }
}
