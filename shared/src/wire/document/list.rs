//! Lists of documents, and of the versions of one.

use serde::{Deserialize, Serialize};

use super::DocumentRequires;
use crate::status::PlatformType;
use crate::time::Timestamp;
use crate::wire::Tag;

/// Lists documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocuments {
    /// The older filters. Not together with `filters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_filter_list: Option<Vec<DocumentFilter>>,
    /// The newer filters; all of them must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<DocumentKeyValuesFilter>>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An older filter on documents, spelled in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFilter {
    /// `Name`, `Owner`, `PlatformTypes` or `DocumentType`.
    pub key: String,
    /// What it must be.
    pub value: String,
}

/// A newer filter on documents.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentKeyValuesFilter {
    /// As in the older filter, or `TargetType`, `tag:…` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What it must be; any suffices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// A page of documents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentsReply {
    /// The documents.
    #[serde(default)]
    pub document_identifiers: Vec<DocumentIdentifier>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A document as lists show it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentIdentifier {
    /// Its name.
    pub name: String,
    /// When its default version was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The account that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The default version's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// The platforms that it can run on.
    #[serde(default)]
    pub platform_types: Vec<PlatformType>,
    /// The default version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// `Command` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<String>,
    /// Such as `2.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// `JSON`, `YAML` or `TEXT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<String>,
    /// Such as `/AWS::EC2::Instance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
    /// The documents that it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<DocumentRequires>>,
}

/// Lists a document's versions.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentVersions {
    /// Its name.
    pub name: String,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A page of versions.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListDocumentVersionsReply {
    /// The versions, newest first.
    #[serde(default)]
    pub document_versions: Vec<DocumentVersionInfo>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A version of a document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentVersionInfo {
    /// The document's name.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    /// Whether it is meant where no version is named.
    #[serde(default)]
    pub is_default_version: bool,
    /// `JSON`, `YAML` or `TEXT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<String>,
    /// `Active` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}
