//! Members that the service knows and this plane does not carry out yet.
//!
//! They are refused by name, unless they say what leaving them out says.

use serde_json::Value;
use shared::error::{ApiError, ErrorCode};

/// Members of a batch of associations.
const OF_BATCH: &[&str] = &["AssociationDispatchAssumeRole"];

/// Members of a document's definition.
const OF_DOCUMENT: &[&str] = &["Requires", "Attachments"];

/// Refuses a request that asks for what is not carried out.
pub(super) fn check(operation: &str, request: &Value) -> Result<(), ApiError> {
    match operation {
        "CreateAssociationBatch" => check_members(OF_BATCH, request),
        "CreateDocument" | "UpdateDocument" => check_members(OF_DOCUMENT, request),
        "GetInventory" => check_members(&["Aggregators"], request),
        _ => Ok(()),
    }
}

fn check_members(members: &[&str], request: &Value) -> Result<(), ApiError> {
    match members.iter().find(|member| request.get(member).is_some_and(|value| !is_idle(value))) {
        Some(member) => Err(ApiError::new(ErrorCode::ValidationException, not_supported(member))),
        None => Ok(()),
    }
}

/// What is said of what this plane does not carry out.
pub(crate) fn not_supported(what: &str) -> String {
    format!("{what} is not supported by this version of ssm-fleet")
}

fn is_idle(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
