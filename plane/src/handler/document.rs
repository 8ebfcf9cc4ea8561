//! Registering documents, and handing them out.

use std::sync::Arc;

use serde_json::Value;
use shared::document::{DocumentError, ParameterKind};
use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{
    CreateDocument, CreateDocumentReply, DocumentDescription, DocumentParameter, GetDocument,
    GetDocumentReply,
};

use super::refused;
use crate::state::State;
use crate::state::document::{KeptDocument, StoredDocument, sha256};
use crate::state::tag::Tags;
use crate::validate::not_supported;

/// The largest document (service quota: 64 KB).
const LARGEST: usize = 64 * 1024;

/// How many documents an account may have (service quota: 500).
const MOST: usize = 500;

/// Registers a document.
pub(super) fn create_document(
    state: &mut State,
    now: Timestamp,
    call: CreateDocument,
) -> Result<CreateDocumentReply, ApiError> {
    let kind = call.document_type.as_deref().unwrap_or("Command");
    if !matches!(kind, "Command" | "Policy") {
        return Err(refused(ErrorCode::ValidationException, not_supported(&format!("DocumentType {kind}"))));
    }
    if call.document_format.as_deref().is_some_and(|format| format != "JSON") {
        return Err(refused(
            ErrorCode::InvalidDocumentContent,
            "this version of ssm-fleet takes documents in JSON only: convert the content and send DocumentFormat JSON",
        ));
    }
    if is_reserved(&call.name) {
        let reason = format!("names such as {} are the service's own to give", call.name);
        return Err(refused(ErrorCode::DocumentAlreadyExists, reason));
    }
    if state.documents.contains(&call.name) {
        return Err(refused(ErrorCode::DocumentAlreadyExists, format!("document {} exists", call.name)));
    }
    if call.content.len() > LARGEST {
        let reason = format!("a document has at most 64 KB, this one has {} bytes", call.content.len());
        return Err(refused(ErrorCode::MaxDocumentSizeExceeded, reason));
    }
    if state.documents.registered() >= MOST {
        return Err(refused(ErrorCode::DocumentLimitExceeded, format!("there are {MOST} documents already")));
    }
    let tags = Tags::of_new_resource(call.tags.as_deref().unwrap_or_default(), &mut state.nodes.texts)
        .map_err(|error| refused(ErrorCode::ValidationException, error.message))?;
    let kept = KeptDocument {
        name: call.name.into(),
        hash: sha256(call.content.as_bytes()).into(),
        content: call.content.into(),
        display_name: call.display_name.map(Arc::from),
        version_name: call.version_name.map(Arc::from),
        kind: kind.into(),
        target_type: call.target_type.map(Arc::from),
        owner: state.config.account.as_str().into(),
        created: now,
        tags,
    };
    let document = StoredDocument::read(kept).map_err(|error| {
        let code = match error {
            DocumentError::UnsupportedVersion { .. } => ErrorCode::InvalidDocumentSchemaVersion,
            _ => ErrorCode::InvalidDocumentContent,
        };
        refused(code, error.to_string())
    })?;
    let version = document.parsed.schema_version;
    if !version.runs_on_nodes() {
        let reason = format!("schema version {} is not for {kind} documents", version.as_str());
        return Err(refused(ErrorCode::InvalidDocumentSchemaVersion, reason));
    }
    let document_description = describe(&document);
    state.documents.insert(document);
    Ok(CreateDocumentReply { document_description })
}

/// Names that only the service may give.
fn is_reserved(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["aws-", "amazon-", "amzn-"].iter().any(|prefix| name.starts_with(prefix))
}

fn describe(document: &StoredDocument) -> DocumentDescription {
    let kept = &document.kept;
    let text = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
    let one = || Some("1".to_owned());
    let tags = kept.tags.to_wire();
    DocumentDescription {
        hash: Some(kept.hash.to_string()),
        hash_type: Some("Sha256".to_owned()),
        name: kept.name.to_string(),
        display_name: text(&kept.display_name),
        version_name: text(&kept.version_name),
        owner: Some(kept.owner.to_string()),
        created_date: Some(kept.created),
        status: Some("Active".to_owned()),
        document_version: one(),
        description: document.parsed.description.clone(),
        parameters: Some(parameters(document)),
        platform_types: document.parsed.platforms(),
        document_type: Some(kept.kind.to_string()),
        schema_version: Some(document.parsed.schema_version.as_str().to_owned()),
        latest_version: one(),
        default_version: one(),
        document_format: Some("JSON".to_owned()),
        target_type: text(&kept.target_type),
        tags: (!tags.is_empty()).then_some(tags),
    }
}

fn parameters(document: &StoredDocument) -> Vec<DocumentParameter> {
    let parameters = document.parsed.parameters.iter();
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

/// Hands out a document's content.
pub(super) fn get_document(
    state: &mut State,
    _now: Timestamp,
    call: GetDocument,
) -> Result<GetDocumentReply, ApiError> {
    let document = state.documents.get(&call.name, &state.config.account)?;
    if let Some(version) = &call.document_version {
        document.check_version(version)?;
    }
    let kept = &document.kept;
    if call.version_name.is_some() && call.version_name.as_deref() != kept.version_name.as_deref() {
        return Err(refused(
            ErrorCode::InvalidDocumentVersion,
            format!("document {} has no version of this name", kept.name),
        ));
    }
    if call.document_format.as_deref().is_some_and(|format| format != "JSON") {
        return Err(refused(
            ErrorCode::ValidationException,
            not_supported("a DocumentFormat other than JSON"),
        ));
    }
    Ok(GetDocumentReply {
        name: Arc::clone(&kept.name),
        created_date: Some(kept.created),
        display_name: kept.display_name.clone(),
        version_name: kept.version_name.clone(),
        document_version: Some("1".into()),
        status: Some("Active".into()),
        content: Arc::clone(&kept.content),
        document_type: Some(Arc::clone(&kept.kind)),
        document_format: Some("JSON".into()),
    })
}
