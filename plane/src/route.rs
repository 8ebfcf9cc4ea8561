//! How bytes become a call, and its outcome bytes again.
//!
//! A table from target name to the one function that reads, checks, calls and
//! writes for that operation. Reading goes in two steps: JSON, on which the
//! constraints are checked, then the operation's type. Only the call itself is
//! done under the service's lock.

use serde_json::Value;
use shared::error::{ApiError, ErrorCode};
use shared::operation::Operation;
use shared::time::Timestamp;
use shared::wire;

use crate::auth::Caller;
use crate::handler::Handle;
use crate::service::Service;
use crate::validate;

/// Reads a body, calls, and writes the reply.
pub(crate) type Route = fn(&Service, Timestamp, Caller, &[u8]) -> Result<Vec<u8>, ApiError>;

macro_rules! routes {
    ($($operation:ident),* $(,)?) => {
        /// The way of this target, such as `AmazonSSM.<operation>`.
        pub(crate) fn find(target: &str) -> Option<Route> {
            $(if target == <wire::$operation as Operation>::TARGET {
                return Some(route::<wire::$operation>);
            })*
            None
        }

        /// The targets of all operations.
        #[cfg(test)]
        pub(crate) const TARGETS: &[&str] = &[$(<wire::$operation as Operation>::TARGET),*];
    };
}

routes! {
    AcknowledgeMessage,
    AddTagsToResource,
    CancelCommand,
    CreateActivation,
    CreateAssociation,
    CreateAssociationBatch,
    CreateDocument,
    DeleteActivation,
    DeleteAssociation,
    DeleteDocument,
    DeleteMessage,
    DeregisterManagedInstance,
    DescribeActivations,
    DescribeAssociation,
    DescribeAssociationExecutionTargets,
    DescribeAssociationExecutions,
    DescribeAutomationExecutions,
    DescribeDocument,
    DescribeEffectiveInstanceAssociations,
    DescribeInstanceAssociationsStatus,
    DescribeInstanceInformation,
    DescribeInstanceProperties,
    FailMessage,
    GetAutomationExecution,
    GetCalendarState,
    GetCommandInvocation,
    GetConnectionStatus,
    GetDocument,
    GetInventory,
    GetManifest,
    GetMessages,
    GetParameters,
    ListAssociationVersions,
    ListAssociations,
    ListCommandInvocations,
    ListCommands,
    ListComplianceItems,
    ListComplianceSummaries,
    ListDocumentVersions,
    ListDocuments,
    ListInstanceAssociations,
    ListInventoryEntries,
    ListResourceComplianceSummaries,
    ListTagsForResource,
    PutComplianceItems,
    PutConfigurePackageResult,
    PutInventory,
    RegisterManagedInstance,
    RemoveTagsFromResource,
    RequestManagedInstanceRoleToken,
    SendCommand,
    SendReply,
    StartAssociationsOnce,
    UpdateAssociation,
    UpdateAssociationStatus,
    UpdateDocument,
    UpdateDocumentDefaultVersion,
    UpdateInstanceAssociationStatus,
    UpdateInstanceInformation,
    UpdateManagedInstancePublicKey,
    UpdateManagedInstanceRole,
}

fn route<O: Handle>(
    service: &Service,
    now: Timestamp,
    caller: Caller,
    body: &[u8],
) -> Result<Vec<u8>, ApiError> {
    let request: Value = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    validate::check(O::NAME, &request)?;
    let operation: O = serde_json::from_value(request).map_err(|error| unreadable(&error))?;
    let reply = service.handle(now, caller, operation)?;
    serde_json::to_vec(&reply)
        .map_err(|error| ApiError::new(ErrorCode::InternalServerError, error.to_string()))
}

/// A refusal that says where the body went wrong. The text around that place
/// is not repeated: it may be a parameter's value.
fn unreadable(error: &serde_json::Error) -> ApiError {
    let place = match error.line() {
        0 => "a member has the wrong type or form".to_owned(),
        line => format!("the body is no JSON: line {line} column {}", error.column()),
    };
    ApiError::new(ErrorCode::SerializationException, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_has_a_wire_type_has_a_way() {
        for name in shared::operation::NAMES {
            assert!(find(&format!("AmazonSSM.{name}")).is_some(), "{name}");
        }
        for name in shared::operation::MESSAGE_NAMES {
            assert!(find(&format!("EC2WindowsMessageDeliveryService.{name}")).is_some(), "{name}");
        }
        for target in [
            "AmazonSSM.CreateAssociatio",
            "CreateAssociation",
            "",
            "AmazonSSM.",
            "AmazonSQS.GetDocument",
            "AmazonSSM.GetMessages",
        ] {
            assert!(find(target).is_none(), "{target}");
        }
    }
}
