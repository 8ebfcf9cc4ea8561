//! One plain function per operation: state, time and call in; reply or refusal out.
//!
//! No handler waits, and none does more than its page: what grows with the
//! fleet is put down for the engine.

mod activation;
mod agent;
pub(crate) mod association;
mod automation;
pub(crate) mod channel;
mod command;
mod compliance;
mod document;
mod execution;
mod inventory;
mod message;
mod node;
mod package;
mod parameter;
mod tag;
#[cfg(test)]
mod tests;
pub(crate) mod world;

use shared::error::{ApiError, ErrorCode};
use shared::operation::Operation;
use shared::time::Timestamp;

use crate::auth::Caller;
use crate::state::State;

/// An operation that the plane carries out.
pub trait Handle: Operation {
    /// Whether a typed request of this kind is taken as it is: the agents' own
    /// calls, which are many and whose types say most of it.
    const IS_TRUSTED: bool;

    /// Does the call, in the account's name.
    fn handle(self, state: &mut State, now: Timestamp) -> Result<Self::Reply, ApiError>;

    /// Does the call in this name. To most it is all the same whose it is.
    fn handle_for(self, state: &mut State, now: Timestamp, _caller: Caller) -> Result<Self::Reply, ApiError> {
        self.handle(state, now)
    }
}

macro_rules! handlers {
    ($($operation:ident, $is_trusted:literal => $handler:path);* $(;)?) => {
        $(impl Handle for shared::wire::$operation {
            const IS_TRUSTED: bool = $is_trusted;

            fn handle(self, state: &mut State, now: Timestamp) -> Result<Self::Reply, ApiError> {
                $handler(state, now, self)
            }
        })*
    };
}

/// Those whose answer depends on who asks.
macro_rules! handlers_by_caller {
    ($($operation:ident, $is_trusted:literal => $handler:path);* $(;)?) => {
        $(impl Handle for shared::wire::$operation {
            const IS_TRUSTED: bool = $is_trusted;

            fn handle(self, state: &mut State, now: Timestamp) -> Result<Self::Reply, ApiError> {
                self.handle_for(state, now, Caller::Account)
            }

            fn handle_for(self, state: &mut State, now: Timestamp, caller: Caller) -> Result<Self::Reply, ApiError> {
                $handler(state, now, caller, self)
            }
        })*
    };
}

handlers_by_caller! {
    RegisterManagedInstance, true => node::register::register_managed_instance;
    RequestManagedInstanceRoleToken, true => node::token::request_managed_instance_role_token;
    UpdateManagedInstancePublicKey, true => node::token::update_managed_instance_public_key;
}

handlers! {
    AcknowledgeMessage, true => message::acknowledge_message;
    AddTagsToResource, false => tag::add_tags_to_resource;
    CancelCommand, false => command::cancel::cancel_command;
    CreateActivation, false => activation::create_activation;
    CreateAssociation, false => association::create::create_association;
    CreateAssociationBatch, false => association::batch::create_association_batch;
    CreateDocument, false => document::create_document;
    DeleteActivation, false => activation::delete_activation;
    DeleteAssociation, false => association::delete_association;
    DeleteDocument, false => document::update::delete_document;
    DeleteMessage, true => message::delete_message;
    DeregisterManagedInstance, false => node::managed::deregister_managed_instance;
    DescribeActivations, false => activation::describe_activations;
    DescribeAssociation, false => association::describe_association;
    DescribeAssociationExecutionTargets, false => execution::describe_association_execution_targets;
    DescribeAssociationExecutions, false => execution::describe_association_executions;
    DescribeAutomationExecutions, false => automation::describe_automation_executions;
    DescribeDocument, false => document::show::describe_document;
    DescribeEffectiveInstanceAssociations, false => association::instance::describe_effective_instance_associations;
    DescribeInstanceAssociationsStatus, false => association::instance::describe_instance_associations_status;
    DescribeInstanceInformation, false => node::describe::describe_instance_information;
    DescribeInstanceProperties, false => node::properties::describe_instance_properties;
    FailMessage, true => message::fail_message;
    GetAutomationExecution, false => automation::get_automation_execution;
    GetCalendarState, false => document::calendar::get_calendar_state;
    GetCommandInvocation, false => command::read::get_command_invocation;
    GetConnectionStatus, false => node::managed::get_connection_status;
    GetDocument, true => document::show::get_document;
    GetInventory, false => inventory::get_inventory;
    GetManifest, true => package::get_manifest;
    GetMessages, true => message::get_messages;
    GetParameters, false => parameter::get_parameters;
    ListAssociationVersions, false => association::version::list_association_versions;
    ListAssociations, false => association::list::list_associations;
    ListCommandInvocations, false => command::list::list_command_invocations;
    ListCommands, false => command::list::list_commands;
    ListComplianceItems, false => compliance::list::list_compliance_items;
    ListComplianceSummaries, false => compliance::summary::list_compliance_summaries;
    ListDocumentVersions, false => document::show::list_document_versions;
    ListDocuments, false => document::list::list_documents;
    ListInstanceAssociations, true => agent::list_instance_associations;
    ListInventoryEntries, false => inventory::list_inventory_entries;
    ListResourceComplianceSummaries, false => compliance::resource::list_resource_compliance_summaries;
    ListTagsForResource, false => tag::list_tags_for_resource;
    PutComplianceItems, true => compliance::put_compliance_items;
    PutConfigurePackageResult, true => package::put_configure_package_result;
    PutInventory, true => inventory::put_inventory;
    RemoveTagsFromResource, false => tag::remove_tags_from_resource;
    SendCommand, false => command::send::send_command;
    SendReply, true => message::send_reply;
    StartAssociationsOnce, false => association::update::start_associations_once;
    UpdateAssociation, false => association::update::update_association;
    UpdateAssociationStatus, false => association::legacy::update_association_status;
    UpdateDocument, false => document::update::update_document;
    UpdateDocumentDefaultVersion, false => document::update::update_document_default_version;
    UpdateInstanceAssociationStatus, true => agent::update_instance_association_status;
    UpdateInstanceInformation, true => node::update_instance_information;
    UpdateManagedInstanceRole, false => node::managed::update_managed_instance_role;
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
