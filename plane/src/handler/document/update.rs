//! New versions, other defaults, and the end of documents.
//!
//! Associations that are bound to what changed run again; that is put down for
//! the engine. The plane's own documents are nobody's to change: for whoever
//! tries, they do not exist.

use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{
    DeleteDocument, DocumentDefaultVersionDescription, Empty, UpdateDocument, UpdateDocumentDefaultVersion,
    UpdateDocumentDefaultVersionReply, UpdateDocumentReply,
};

use super::super::refused;
use super::show::{describe, owned};
use super::{check_size, read};
use crate::engine::document_event::document_changed;
use crate::state::State;
use crate::state::document::{DocumentChange, Format, Given, Version, VersionedDocument};

/// Gives a document a new version, made from its latest.
pub(crate) fn update_document(
    state: &mut State,
    now: Timestamp,
    call: UpdateDocument,
) -> Result<UpdateDocumentReply, ApiError> {
    let most = state.config.document_version_limit;
    let most_bytes = state.config.document_size_limit;
    let document = state.documents.registered_mut(&call.name)?;
    check_base(document, call.document_version.as_deref())?;
    check_size(&call.content, most_bytes)?;
    if document.count() >= most {
        let reason = format!("document {} has {most} versions already", call.name);
        return Err(refused(ErrorCode::DocumentVersionLimitExceeded, reason));
    }
    if let Some(name) = &call.version_name
        && document.resolve(None, Some(name)).is_ok()
    {
        let reason = format!("document {} has a version named {name} already", call.name);
        return Err(refused(ErrorCode::DuplicateDocumentVersionName, reason));
    }
    let given = Given {
        content: call.content,
        format: Format::from_text(call.document_format.as_deref()),
        display_name: call.display_name,
        version_name: call.version_name,
        target_type: call.target_type,
        // An update cannot say it, so it stays.
        requires: document.latest().kept().requires.clone(),
        attachments: call.attachments.unwrap_or_default(),
    };
    let kind = Arc::clone(&document.kept.kind);
    let version = read(&call.name, document.kept.next, now, &kind, given)?;
    check_content(document, &version)?;
    document.add(version);
    let document_description = describe(document, document.latest());
    document_changed(state, now, &call.name, DocumentChange::LatestUpdated);
    Ok(UpdateDocumentReply { document_description })
}

/// A version can be made from the latest one only.
fn check_base(document: &VersionedDocument, base: Option<&str>) -> Result<(), ApiError> {
    let latest = document.latest().kept().number;
    if document.resolve(base.or(Some("$LATEST")), None)?.kept().number == latest {
        return Ok(());
    }
    let reason =
        format!("only version {latest}, the latest of document {}, can be updated", document.kept.name);
    Err(refused(ErrorCode::InvalidDocumentVersion, reason))
}

fn check_content(document: &VersionedDocument, version: &Version) -> Result<(), ApiError> {
    let is_same = |known: &&Version| known.kept().hash == version.kept().hash;
    match document.versions().find(is_same) {
        Some(known) => Err(refused(
            ErrorCode::DuplicateDocumentContent,
            format!(
                "version {} of document {} has the same content",
                known.kept().number,
                document.kept.name
            ),
        )),
        None => Ok(()),
    }
}

/// Says which version is meant where none is named.
pub(crate) fn update_document_default_version(
    state: &mut State,
    now: Timestamp,
    call: UpdateDocumentDefaultVersion,
) -> Result<UpdateDocumentDefaultVersionReply, ApiError> {
    let document = state.documents.registered_mut(&call.name)?;
    let kept = document.resolve(Some(&call.document_version), None)?.kept();
    let number = kept.number;
    let description = DocumentDefaultVersionDescription {
        name: call.name.clone(),
        default_version: number.to_string(),
        default_version_name: owned(&kept.version_name),
    };
    if document.kept.default != number {
        document.kept.default = number;
        document_changed(state, now, &call.name, DocumentChange::DefaultMoved);
    }
    Ok(UpdateDocumentDefaultVersionReply { description })
}

/// Deletes a document, or one version of it.
pub(crate) fn delete_document(
    state: &mut State,
    now: Timestamp,
    call: DeleteDocument,
) -> Result<Empty, ApiError> {
    let is_forced = call.force == Some(true);
    let document = state.documents.registered_mut(&call.name)?;
    if call.document_version.is_none() && call.version_name.is_none() {
        check_use(state, &call.name, DocumentChange::Deleted, is_forced)?;
        state.documents.remove(&call.name);
        document_changed(state, now, &call.name, DocumentChange::Deleted);
        return Ok(Empty {});
    }
    let version = document.resolve(call.document_version.as_deref(), call.version_name.as_deref())?;
    let number = version.kept().number;
    if number == document.kept.default {
        let reason =
            format!("version {number} is the default of document {}, which must have one", call.name);
        return Err(refused(ErrorCode::InvalidDocumentOperation, reason));
    }
    let was_latest = number == document.latest().kept().number;
    let deleted = DocumentChange::VersionDeleted(number);
    check_use(state, &call.name, deleted, is_forced)?;
    state.documents.registered_mut(&call.name)?.remove(number);
    document_changed(state, now, &call.name, deleted);
    if was_latest {
        document_changed(state, now, &call.name, DocumentChange::LatestUpdated);
    }
    Ok(Empty {})
}

/// What associations are bound to goes only by force.
fn check_use(state: &State, name: &str, change: DocumentChange, is_forced: bool) -> Result<(), ApiError> {
    let is_bound = |bound_to: &(&str, &str)| {
        crate::state::document::bare_name(bound_to.0) == name && change.means(bound_to.1)
    };
    let mut bound_to = state.associations.after(None).map(|association| {
        let definition = &association.definition;
        (&*definition.name, &*definition.document_version)
    });
    if is_forced || !bound_to.any(|bound_to| is_bound(&bound_to)) {
        return Ok(());
    }
    Err(refused(ErrorCode::AssociatedInstances, format!("document {name} is used by associations")))
}
