//! What makes a wire type a call: its target name and its reply.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire::Empty;

/// A request of the SSM API or of its message service, and what answers it.
pub trait Operation: Serialize + DeserializeOwned + Send + 'static {
    /// The operation's own name, such as `GetDocument`.
    const NAME: &'static str;
    /// The value of `X-Amz-Target`, such as `AmazonSSM.GetDocument`.
    const TARGET: &'static str;
    /// What a successful call brings back.
    type Reply: Serialize + DeserializeOwned + Send + 'static;
}

macro_rules! operations {
    ($(#[$doc:meta])* $names:ident: $service:literal $($request:ident -> $reply:ty),* $(,)?) => {
        $(impl Operation for crate::wire::$request {
            const NAME: &'static str = stringify!($request);
            const TARGET: &'static str = concat!($service, ".", stringify!($request));
            type Reply = $reply;
        })*

        $(#[$doc])*
        pub const $names: &[&str] = &[$(stringify!($request)),*];
    };
}

operations! {
    /// The names of all operations of `ec2messages` that have a wire type.
    MESSAGE_NAMES: "EC2WindowsMessageDeliveryService"
    AcknowledgeMessage -> Empty,
    DeleteMessage -> Empty,
    FailMessage -> Empty,
    GetMessages -> crate::wire::GetMessagesReply,
    SendReply -> Empty,
}

operations! {
    /// The names of all operations of the SSM API that have a wire type.
    NAMES: "AmazonSSM"
    AddTagsToResource -> Empty,
    CancelCommand -> Empty,
    CreateActivation -> crate::wire::CreateActivationReply,
    CreateAssociation -> crate::wire::CreateAssociationReply,
    CreateAssociationBatch -> crate::wire::CreateAssociationBatchReply,
    CreateDocument -> crate::wire::CreateDocumentReply,
    DeleteActivation -> Empty,
    DeleteAssociation -> Empty,
    DeleteDocument -> Empty,
    DeregisterManagedInstance -> Empty,
    DescribeActivations -> crate::wire::DescribeActivationsReply,
    DescribeAssociation -> crate::wire::DescribeAssociationReply,
    DescribeAssociationExecutionTargets -> crate::wire::DescribeAssociationExecutionTargetsReply,
    DescribeAssociationExecutions -> crate::wire::DescribeAssociationExecutionsReply,
    DescribeAutomationExecutions -> crate::wire::DescribeAutomationExecutionsReply,
    DescribeDocument -> crate::wire::DescribeDocumentReply,
    DescribeEffectiveInstanceAssociations -> crate::wire::DescribeEffectiveInstanceAssociationsReply,
    DescribeInstanceAssociationsStatus -> crate::wire::DescribeInstanceAssociationsStatusReply,
    DescribeInstanceInformation -> crate::wire::DescribeInstanceInformationReply,
    DescribeInstanceProperties -> crate::wire::DescribeInstancePropertiesReply,
    GetAutomationExecution -> crate::wire::GetAutomationExecutionReply,
    GetCalendarState -> crate::wire::GetCalendarStateReply,
    GetCommandInvocation -> crate::wire::GetCommandInvocationReply,
    GetConnectionStatus -> crate::wire::GetConnectionStatusReply,
    GetDocument -> crate::wire::GetDocumentReply,
    GetInventory -> crate::wire::GetInventoryReply,
    GetManifest -> crate::wire::GetManifestReply,
    GetParameters -> crate::wire::GetParametersReply,
    ListAssociationVersions -> crate::wire::ListAssociationVersionsReply,
    ListAssociations -> crate::wire::ListAssociationsReply,
    ListCommandInvocations -> crate::wire::ListCommandInvocationsReply,
    ListCommands -> crate::wire::ListCommandsReply,
    ListComplianceItems -> crate::wire::ListComplianceItemsReply,
    ListComplianceSummaries -> crate::wire::ListComplianceSummariesReply,
    ListDocumentVersions -> crate::wire::ListDocumentVersionsReply,
    ListDocuments -> crate::wire::ListDocumentsReply,
    ListInstanceAssociations -> crate::wire::ListInstanceAssociationsReply,
    ListInventoryEntries -> crate::wire::ListInventoryEntriesReply,
    ListResourceComplianceSummaries -> crate::wire::ListResourceComplianceSummariesReply,
    ListTagsForResource -> crate::wire::ListTagsForResourceReply,
    PutComplianceItems -> Empty,
    PutConfigurePackageResult -> Empty,
    PutInventory -> crate::wire::PutInventoryReply,
    RegisterManagedInstance -> crate::wire::RegisterManagedInstanceReply,
    RemoveTagsFromResource -> Empty,
    RequestManagedInstanceRoleToken -> crate::wire::RequestManagedInstanceRoleTokenReply,
    SendCommand -> crate::wire::SendCommandReply,
    StartAssociationsOnce -> Empty,
    UpdateAssociation -> crate::wire::UpdateAssociationReply,
    UpdateAssociationStatus -> crate::wire::UpdateAssociationStatusReply,
    UpdateDocument -> crate::wire::UpdateDocumentReply,
    UpdateDocumentDefaultVersion -> crate::wire::UpdateDocumentDefaultVersionReply,
    UpdateInstanceAssociationStatus -> Empty,
    UpdateInstanceInformation -> Empty,
    UpdateManagedInstancePublicKey -> Empty,
    UpdateManagedInstanceRole -> Empty,
}
