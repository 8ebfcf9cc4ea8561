//! Registering documents.
//!
//! The parts: [`show`] hands documents out and describes them, [`list`] finds
//! them, [`update`] gives them versions and takes them away, [`calendar`] tells
//! whether change calendars are open.

pub(super) mod calendar;
pub(super) mod list;
pub(super) mod show;
#[cfg(test)]
mod tests;
pub(super) mod update;

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{CreateDocument, CreateDocumentReply};

use super::refused;
use crate::state::State;
use crate::state::document::{Format, Given, KeptVersion, Version, VersionedDocument};
use crate::state::tag::Tags;
use crate::validate::not_supported;

/// The types of documents that are kept here.
const KINDS: &[&str] = &["Command", "Policy", "Automation", "ChangeCalendar"];

/// Registers a document.
pub(super) fn create_document(
    state: &mut State,
    now: Timestamp,
    call: CreateDocument,
) -> Result<CreateDocumentReply, ApiError> {
    let kind = call.document_type.as_deref().unwrap_or("Command");
    if !KINDS.contains(&kind) {
        return Err(refused(ErrorCode::ValidationException, not_supported(&format!("DocumentType {kind}"))));
    }
    if is_reserved(&call.name) {
        let reason = format!("names such as {} are the service's own to give", call.name);
        return Err(refused(ErrorCode::DocumentAlreadyExists, reason));
    }
    if state.documents.contains(&call.name) {
        return Err(refused(ErrorCode::DocumentAlreadyExists, format!("document {} exists", call.name)));
    }
    check_size(&call.content, state.config.document_size_limit)?;
    let most = state.config.document_limit;
    if state.documents.registered() >= most {
        return Err(refused(ErrorCode::DocumentLimitExceeded, format!("there are {most} documents already")));
    }
    let tags = Tags::of_new_resource(call.tags.as_deref().unwrap_or_default(), &mut state.nodes.texts)
        .map_err(|error| refused(ErrorCode::ValidationException, error.message))?;
    let given = Given {
        content: call.content,
        format: Format::from_text(call.document_format.as_deref()),
        display_name: call.display_name,
        version_name: call.version_name,
        target_type: call.target_type,
        requires: call.requires.unwrap_or_default(),
        attachments: call.attachments.unwrap_or_default(),
    };
    let version = read(&call.name, 1, now, kind, given)?;
    let document = VersionedDocument::new(&state.config.account, tags, version);
    let document_description = show::describe(&document, document.latest());
    state.documents.insert(document);
    Ok(CreateDocumentReply { document_description })
}

/// A version of a document of this type, understood.
fn read(name: &str, number: u32, now: Timestamp, kind: &str, given: Given) -> Result<Version, ApiError> {
    Ok(KeptVersion::new(name, kind, number, now, given)?.read()?)
}

fn check_size(content: &str, most: usize) -> Result<(), ApiError> {
    if content.len() <= most {
        return Ok(());
    }
    let reason = format!("a document has at most {most} bytes, this one has {}", content.len());
    Err(refused(ErrorCode::MaxDocumentSizeExceeded, reason))
}

/// Names that only the service may give.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["aws-", "amazon-", "amzn-"].iter().any(|prefix| name.starts_with(prefix))
}
