//! Handing documents out, and describing them.

use std::sync::Arc;

use serde_json::Value;
use shared::document::{Document, ParameterKind};
use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{
    AttachmentContent, AttachmentInformation, DescribeDocument, DescribeDocumentReply, DocumentDescription,
    DocumentParameter, DocumentVersionInfo, GetDocument, GetDocumentReply, ListDocumentVersions,
    ListDocumentVersionsReply,
};

use super::super::refused;
use crate::page::{List, page_size};
use crate::state::State;
use crate::state::document::{Attachment, Version, VersionedDocument};

/// How many versions a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Every version is ready at once.
const ACTIVE: &str = "Active";

/// Hands out a document's content. The agent calls this.
pub(crate) fn get_document(
    state: &mut State,
    _now: Timestamp,
    call: GetDocument,
) -> Result<GetDocumentReply, ApiError> {
    let (version, name) = (call.document_version.as_deref(), call.version_name.as_deref());
    let (document, version) = state.documents.find(&call.name, version, name, &state.config.account)?;
    let kept = version.kept();
    let (content, format) = kept.text(call.document_format.as_deref()).ok_or_else(|| {
        let format = call.document_format.as_deref().unwrap_or("JSON");
        let reason = format!("document {} has no form in DocumentFormat {format}", kept.name);
        refused(ErrorCode::ValidationException, reason)
    })?;
    Ok(GetDocumentReply {
        name: Arc::clone(&kept.name),
        created_date: Some(kept.created),
        display_name: kept.display_name.clone(),
        version_name: kept.version_name.clone(),
        document_version: Some(kept.number.to_string().into()),
        status: Some(ACTIVE.into()),
        content,
        document_type: Some(Arc::clone(&document.kept.kind)),
        document_format: Some(format.as_str().into()),
        requires: some(&kept.requires),
        attachments_content: some(&kept.attachments).map(|files| files.into_iter().map(content_of).collect()),
    })
}

/// Tells what is known of a document.
pub(crate) fn describe_document(
    state: &mut State,
    _now: Timestamp,
    call: DescribeDocument,
) -> Result<DescribeDocumentReply, ApiError> {
    let (version, name) = (call.document_version.as_deref(), call.version_name.as_deref());
    let (document, version) = state.documents.find(&call.name, version, name, &state.config.account)?;
    Ok(DescribeDocumentReply { document: describe(document, version) })
}

/// Lists a document's versions, newest first.
pub(crate) fn list_document_versions(
    state: &mut State,
    _now: Timestamp,
    call: ListDocumentVersions,
) -> Result<ListDocumentVersionsReply, ApiError> {
    let document = state.documents.document(&call.name, &state.config.account)?;
    let list = List::new(state.config.seed, "ListDocumentVersions", &document.kept.name);
    let after = list.place::<u32>(call.next_token.as_deref())?;
    let older = document.versions().rev().map(Version::kept);
    let mut older = older.filter(|version| after.is_none_or(|after| version.number < after)).peekable();

    let mut reply = ListDocumentVersionsReply::default();
    let size = page_size(call.max_results, DEFAULT_PAGE);
    let mut last = 0;
    while reply.document_versions.len() < size
        && let Some(kept) = older.next()
    {
        last = kept.number;
        reply.document_versions.push(DocumentVersionInfo {
            name: kept.name.to_string(),
            display_name: owned(&kept.display_name),
            document_version: Some(kept.number.to_string()),
            version_name: owned(&kept.version_name),
            created_date: Some(kept.created),
            is_default_version: kept.number == document.kept.default,
            document_format: Some(kept.format.as_str().to_owned()),
            status: Some(ACTIVE.to_owned()),
        });
    }
    reply.next_token = older.peek().map(|_| list.token(&last.to_string()));
    Ok(reply)
}

/// What clients are told of a version.
pub(super) fn describe(document: &VersionedDocument, version: &Version) -> DocumentDescription {
    let kept = version.kept();
    let steps = version.steps();
    let tags = document.kept.tags.to_wire();
    DocumentDescription {
        hash: Some(kept.hash.to_string()),
        hash_type: Some("Sha256".to_owned()),
        name: kept.name.to_string(),
        display_name: owned(&kept.display_name),
        version_name: owned(&kept.version_name),
        owner: Some(document.kept.owner.to_string()),
        created_date: Some(kept.created),
        status: Some(ACTIVE.to_owned()),
        document_version: Some(kept.number.to_string()),
        description: steps.and_then(|steps| steps.description.clone()),
        parameters: steps.map(parameters),
        platform_types: steps.map(Document::platforms).unwrap_or_default(),
        document_type: Some(document.kept.kind.to_string()),
        schema_version: steps.map(|steps| steps.schema_version.as_str().to_owned()),
        latest_version: Some(document.latest().kept().number.to_string()),
        default_version: Some(document.kept.default.to_string()),
        document_format: Some(kept.format.as_str().to_owned()),
        target_type: owned(&kept.target_type),
        tags: (!tags.is_empty()).then_some(tags),
        attachments_information: some(&kept.attachments)
            .map(|files| files.into_iter().map(|file| AttachmentInformation { name: file.name }).collect()),
        requires: some(&kept.requires),
    }
}

/// A list, unless it is empty.
pub(super) fn some<T: Clone>(list: &[T]) -> Option<Vec<T>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// Where a file is. It was never fetched, so its size and digest are not known.
fn content_of(file: Attachment) -> AttachmentContent {
    AttachmentContent { name: file.name, url: Some(file.url), ..AttachmentContent::default() }
}

pub(super) fn owned(text: &Option<Arc<str>>) -> Option<String> {
    text.as_deref().map(str::to_owned)
}

fn parameters(document: &Document) -> Vec<DocumentParameter> {
    let parameters = document.parameters.iter();
    parameters
        .map(|(name, parameter)| DocumentParameter {
            name: name.clone(),
            // The service knows these two words only.
            kind: if parameter.kind == ParameterKind::StringList { "StringList" } else { "String" }
                .to_owned(),
            description: parameter.description.clone(),
            default_value: match &parameter.default {
                Value::Null => None,
                Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
        })
        .collect()
}
