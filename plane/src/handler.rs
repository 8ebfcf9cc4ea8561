//! One plain function per operation: state, time and call in; reply or refusal out.
//!
//! No handler waits, and none does more than its page: what grows with the
//! fleet is put down for the engine.

mod agent;
pub(crate) mod association;
mod automation;
mod command;
mod compliance;
mod document;
mod execution;
mod inventory;
mod node;
mod tag;
#[cfg(test)]
mod tests;
pub(crate) mod world;

use shared::error::{ApiError, ErrorCode};
use shared::operation::Operation;
use shared::time::Timestamp;

use crate::state::State;

/// An operation that the plane carries out.
pub trait Handle: Operation {
    /// Whether a typed request of this kind is taken as it is: the agents' own
    /// calls, which are many and whose types say most of it.
    const IS_TRUSTED: bool;

    /// Does the call.
    fn handle(self, state: &mut State, now: Timestamp) -> Result<Self::Reply, ApiError>;
}

macro_rules! handlers {
    ($($operation:ident, $is_trusted:literal $(, $members:ident)? => $handler:path);* $(;)?) => {
        $(impl Handle for shared::wire::$operation {
            const IS_TRUSTED: bool = $is_trusted;

            fn handle(self, state: &mut State, now: Timestamp) -> Result<Self::Reply, ApiError> {
                $handler(state, now, self)
            }
        })*
    };
}

handlers! {
    AddTagsToResource, false, ADD_TAGS_TO_RESOURCE => tag::add_tags_to_resource;
    CancelCommand, false, CANCEL_COMMAND => command::cancel::cancel_command;
    CreateAssociation, false, CREATE_ASSOCIATION => association::create::create_association;
    CreateAssociationBatch, false, CREATE_ASSOCIATION_BATCH => association::batch::create_association_batch;
    CreateDocument, false, CREATE_DOCUMENT => document::create_document;
    DeleteAssociation, false, DELETE_ASSOCIATION => association::delete_association;
    DeleteDocument, false, DELETE_DOCUMENT => document::update::delete_document;
    DeregisterManagedInstance, false, DEREGISTER_MANAGED_INSTANCE
        => node::managed::deregister_managed_instance;
    DescribeAssociation, false, DESCRIBE_ASSOCIATION => association::describe_association;
    DescribeAssociationExecutionTargets, false, DESCRIBE_ASSOCIATION_EXECUTION_TARGETS
        => execution::describe_association_execution_targets;
    DescribeAssociationExecutions, false, DESCRIBE_ASSOCIATION_EXECUTIONS
        => execution::describe_association_executions;
    DescribeAutomationExecutions, false, DESCRIBE_AUTOMATION_EXECUTIONS
        => automation::describe_automation_executions;
    DescribeDocument, false, DESCRIBE_DOCUMENT => document::show::describe_document;
    DescribeEffectiveInstanceAssociations, false, DESCRIBE_EFFECTIVE_INSTANCE_ASSOCIATIONS
        => association::instance::describe_effective_instance_associations;
    DescribeInstanceAssociationsStatus, false, DESCRIBE_INSTANCE_ASSOCIATIONS_STATUS
        => association::instance::describe_instance_associations_status;
    DescribeInstanceInformation, false, DESCRIBE_INSTANCE_INFORMATION => node::describe::describe_instance_information;
    DescribeInstanceProperties, false, DESCRIBE_INSTANCE_PROPERTIES
        => node::properties::describe_instance_properties;
    GetAutomationExecution, false, GET_AUTOMATION_EXECUTION => automation::get_automation_execution;
    GetCalendarState, false, GET_CALENDAR_STATE => document::calendar::get_calendar_state;
    GetCommandInvocation, false, GET_COMMAND_INVOCATION => command::read::get_command_invocation;
    GetConnectionStatus, false, GET_CONNECTION_STATUS => node::managed::get_connection_status;
    GetDocument, true, GET_DOCUMENT => document::show::get_document;
    GetInventory, false, GET_INVENTORY => inventory::get_inventory;
    ListAssociationVersions, false, LIST_ASSOCIATION_VERSIONS => association::version::list_association_versions;
    ListAssociations, false, LIST_ASSOCIATIONS => association::list::list_associations;
    ListCommandInvocations, false, LIST_COMMAND_INVOCATIONS => command::list::list_command_invocations;
    ListCommands, false, LIST_COMMANDS => command::list::list_commands;
    ListComplianceItems, false, LIST_COMPLIANCE_ITEMS => compliance::list::list_compliance_items;
    ListComplianceSummaries, false, LIST_COMPLIANCE_SUMMARIES => compliance::list::list_compliance_summaries;
    ListDocumentVersions, false, LIST_DOCUMENT_VERSIONS => document::show::list_document_versions;
    ListDocuments, false, LIST_DOCUMENTS => document::list::list_documents;
    ListInstanceAssociations, true, LIST_INSTANCE_ASSOCIATIONS => agent::list_instance_associations;
    ListInventoryEntries, false, LIST_INVENTORY_ENTRIES => inventory::list_inventory_entries;
    ListResourceComplianceSummaries, false, LIST_RESOURCE_COMPLIANCE_SUMMARIES
        => compliance::resource::list_resource_compliance_summaries;
    ListTagsForResource, false, LIST_TAGS_FOR_RESOURCE => tag::list_tags_for_resource;
    PutComplianceItems, true, PUT_COMPLIANCE_ITEMS => compliance::put_compliance_items;
    PutInventory, true, PUT_INVENTORY => inventory::put_inventory;
    RegisterManagedInstance, true, REGISTER_MANAGED_INSTANCE => node::register_managed_instance;
    RemoveTagsFromResource, false, REMOVE_TAGS_FROM_RESOURCE => tag::remove_tags_from_resource;
    SendCommand, false, SEND_COMMAND => command::send::send_command;
    StartAssociationsOnce, false, START_ASSOCIATIONS_ONCE => association::update::start_associations_once;
    UpdateAssociation, false, UPDATE_ASSOCIATION => association::update::update_association;
    UpdateAssociationStatus, false, UPDATE_ASSOCIATION_STATUS => association::legacy::update_association_status;
    UpdateDocument, false, UPDATE_DOCUMENT => document::update::update_document;
    UpdateDocumentDefaultVersion, false, UPDATE_DOCUMENT_DEFAULT_VERSION
        => document::update::update_document_default_version;
    UpdateInstanceAssociationStatus, true, UPDATE_INSTANCE_ASSOCIATION_STATUS
        => agent::update_instance_association_status;
    UpdateInstanceInformation, true, UPDATE_INSTANCE_INFORMATION => node::update_instance_information;
    UpdateManagedInstanceRole, false, UPDATE_MANAGED_INSTANCE_ROLE
        => node::managed::update_managed_instance_role;
}

/// A refusal of this name, for this reason.
fn refused(code: ErrorCode, reason: impl Into<String>) -> ApiError {
    ApiError::new(code, reason)
}

/// An instant in ISO 8601, as filters have it: `2025-03-10T12:00:00Z`.
fn instant(text: &str) -> Result<Timestamp, ApiError> {
    text.parse::<jiff::Timestamp>()
        .map(|instant| Timestamp::from_milliseconds(instant.as_millisecond()))
        .map_err(|_| {
            refused(ErrorCode::ValidationException, "a date in a filter is written as 2025-03-10T12:00:00Z")
        })
}
