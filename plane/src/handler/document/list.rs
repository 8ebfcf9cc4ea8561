//! Finding documents.
//!
//! A list shows each document in its default version, by name. The older
//! filters and the newer say the same; a name matches by its beginning in the
//! newer ones, as in the service.

use shared::document::Document;
use shared::error::{ApiError, ErrorCode};
use shared::status::PlatformType;
use shared::time::Timestamp;
use shared::wire::{DocumentIdentifier, ListDocuments, ListDocumentsReply};

use super::super::refused;
use super::show::{owned, some};
use crate::page::{List, page_size};
use crate::state::State;
use crate::state::document::VersionedDocument;

/// How many documents a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Lists documents.
pub(crate) fn list_documents(
    state: &mut State,
    _now: Timestamp,
    call: ListDocuments,
) -> Result<ListDocumentsReply, ApiError> {
    let filters = read_filters(&call)?;
    let list = List::new(state.config.seed, "ListDocuments", &filters);
    let after = list.place::<String>(call.next_token.as_deref())?;
    let found = state.documents.after(after.as_deref());
    let mut found =
        found.filter(|document| filters.iter().all(|filter| filter.lets_through(document))).peekable();

    let mut reply = ListDocumentsReply::default();
    let size = page_size(call.max_results, DEFAULT_PAGE);
    let mut last = "";
    while reply.document_identifiers.len() < size
        && let Some(document) = found.next()
    {
        last = &document.kept.name;
        reply.document_identifiers.push(identify(document));
    }
    reply.next_token = found.peek().map(|_| list.token(last));
    Ok(reply)
}

fn identify(document: &VersionedDocument) -> DocumentIdentifier {
    let version = document.default_version();
    let (kept, steps) = (version.kept(), version.steps());
    let tags = document.kept.tags.to_wire();
    DocumentIdentifier {
        name: kept.name.to_string(),
        created_date: Some(kept.created),
        display_name: owned(&kept.display_name),
        owner: Some(document.kept.owner.to_string()),
        version_name: owned(&kept.version_name),
        platform_types: steps.map(Document::platforms).unwrap_or_default(),
        document_version: Some(kept.number.to_string()),
        document_type: Some(document.kept.kind.to_string()),
        schema_version: steps.map(|steps| steps.schema_version.as_str().to_owned()),
        document_format: Some(kept.format.as_str().to_owned()),
        target_type: owned(&kept.target_type),
        tags: (!tags.is_empty()).then_some(tags),
        requires: some(&kept.requires),
    }
}

/// A condition on documents; any of its values suffices.
#[derive(Debug)]
enum Filter {
    Name(Vec<String>),
    NameBegins(Vec<String>),
    Owner(Vec<Owner>),
    Platform(Vec<PlatformType>),
    Kind(Vec<String>),
    TargetType(Vec<String>),
    Tag { key: String, values: Vec<String> },
}

/// Whose documents are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Amazon,
    /// One's own: `Self` or `Private`.
    Own,
    /// Those of others; here the plane's own are the only ones.
    Public,
    All,
    ThirdParty,
}

impl Owner {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "Amazon" => Self::Amazon,
            "Self" | "Private" => Self::Own,
            "Public" => Self::Public,
            "All" => Self::All,
            "ThirdParty" => Self::ThirdParty,
            _ => return None,
        })
    }
}

fn read_filters(call: &ListDocuments) -> Result<Vec<Filter>, ApiError> {
    let older = call.document_filter_list.as_deref().unwrap_or_default();
    let newer = call.filters.as_deref().unwrap_or_default();
    if !older.is_empty() && !newer.is_empty() {
        return Err(refused(
            ErrorCode::ValidationException,
            "Only one of DocumentFilterList and Filters can be specified",
        ));
    }
    let older = older.iter().map(|filter| match filter.key.as_str() {
        "Name" => Ok(Filter::Name(vec![filter.value.clone()])),
        key => read_filter(key, std::slice::from_ref(&filter.value)),
    });
    let newer = newer.iter().map(|filter| {
        read_filter(filter.key.as_deref().unwrap_or_default(), filter.values.as_deref().unwrap_or_default())
    });
    older.chain(newer).collect()
}

fn read_filter(key: &str, values: &[String]) -> Result<Filter, ApiError> {
    Ok(match key {
        "Name" => Filter::NameBegins(values.to_vec()),
        "Owner" => Filter::Owner(words(key, values, Owner::read)?),
        "PlatformTypes" => Filter::Platform(words(key, values, PlatformType::from_text)?),
        "DocumentType" => Filter::Kind(values.to_vec()),
        "TargetType" => Filter::TargetType(values.to_vec()),
        _ => match key.strip_prefix("tag:") {
            Some(key) if !key.is_empty() => Filter::Tag { key: key.to_owned(), values: values.to_vec() },
            _ => return Err(refused(ErrorCode::InvalidFilterKey, format!("there is no filter {key}"))),
        },
    })
}

fn words<T>(key: &str, values: &[String], read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, ApiError> {
    let read = |value: &String| {
        read(value).ok_or_else(|| {
            refused(ErrorCode::ValidationException, format!("{value} is no value of the filter {key}"))
        })
    };
    values.iter().map(read).collect()
}

impl Filter {
    fn lets_through(&self, document: &VersionedDocument) -> bool {
        let (kept, version) = (&document.kept, document.default_version());
        let is_one = |values: &[String], own: &str| values.iter().any(|value| value == own);
        match self {
            Self::Name(names) => is_one(names, &kept.name),
            Self::NameBegins(names) => names.iter().any(|name| kept.name.starts_with(name.as_str())),
            Self::Owner(owners) => owners.iter().any(|owner| match owner {
                Owner::Amazon | Owner::Public => document.is_built_in(),
                Owner::Own => !document.is_built_in(),
                Owner::All => true,
                Owner::ThirdParty => false,
            }),
            Self::Platform(kinds) => {
                let platforms = version.steps().map(Document::platforms).unwrap_or_default();
                kinds.iter().any(|kind| platforms.contains(kind))
            }
            Self::Kind(kinds) => is_one(kinds, &kept.kind),
            Self::TargetType(kinds) => {
                version.kept().target_type.as_deref().is_some_and(|own| is_one(kinds, own))
            }
            Self::Tag { key, values } => kept.tags.value(key).is_some_and(|own| is_one(values, own)),
        }
    }
}
