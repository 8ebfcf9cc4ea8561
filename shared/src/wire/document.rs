//! Documents: what is to be done on a node.

mod list;

pub use list::*;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Tag;
use crate::status::PlatformType;
use crate::time::Timestamp;

/// Registers a document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDocument {
    /// The document's text.
    pub content: String,
    /// Its name, 3 to 128 characters.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A name for its first version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// `Command` if nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<String>,
    /// `JSON` if nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<String>,
    /// Such as `/AWS::EC2::Instance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Tags for the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
    /// The documents that it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<DocumentRequires>>,
    /// The files that belong to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<AttachmentsSource>>,
}

/// A document that another one needs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentRequires {
    /// Its name or ARN.
    pub name: String,
    /// A number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What it is needed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub require_type: Option<String>,
    /// A version by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
}

/// Where files of a document come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachmentsSource {
    /// `SourceUrl`, `S3FileUrl` or `AttachmentReference`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The place; one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
    /// The file's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A file of a document, by its name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachmentInformation {
    /// Its name.
    pub name: String,
}

/// A file of a document, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachmentContent {
    /// Its name.
    pub name: String,
    /// How large it is, in bytes; only a service that fetches files knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its digest; only a service that fetches files knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// `Sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_type: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The document as registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateDocumentReply {
    /// What the service made of it.
    pub document_description: DocumentDescription,
}

/// What the service knows of a document.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentDescription {
    /// Lower-case hexadecimal SHA-256 of the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// `Sha256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_type: Option<String>,
    /// Its name.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A name for this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// The account that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    /// `Active` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The version described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// Its description of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Vec<DocumentParameter>>,
    /// The platforms that it can run on.
    #[serde(default)]
    pub platform_types: Vec<PlatformType>,
    /// `Command` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<String>,
    /// Such as `2.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_version: Option<String>,
    /// The newest version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_version: Option<String>,
    /// The version used where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_version: Option<String>,
    /// `JSON` or `YAML`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<String>,
    /// Such as `/AWS::EC2::Instance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
    /// The files that belong to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments_information: Option<Vec<AttachmentInformation>>,
    /// The documents that it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<DocumentRequires>>,
}

/// A parameter of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentParameter {
    /// Its name.
    pub name: String,
    /// `String` or `StringList`; other types are shown as `String`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its value where none is given; a list as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
}

/// Reads a document's content. The agent calls it once per association and checksum.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetDocument {
    /// `JSON` if nothing else is said, whatever the document was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<String>,
    /// A number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// Its name.
    pub name: String,
    /// A version by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
}

/// A document's content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetDocumentReply {
    /// Its name.
    pub name: Arc<str>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Arc<str>>,
    /// A name for this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<Arc<str>>,
    /// The version given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<Arc<str>>,
    /// `Active` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Arc<str>>,
    /// The text. The only member that the agent uses.
    pub content: Arc<str>,
    /// `Command` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_type: Option<Arc<str>>,
    /// `JSON` or `YAML`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<Arc<str>>,
    /// The documents that it needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<Vec<DocumentRequires>>,
    /// The files that belong to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments_content: Option<Vec<AttachmentContent>>,
}

/// Gives a document a new version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocument {
    /// The new version's text.
    pub content: String,
    /// Its name.
    pub name: String,
    /// A name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// A name for the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// The version that it is made from: a number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// `JSON` if nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_format: Option<String>,
    /// Such as `/AWS::EC2::Instance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_type: Option<String>,
    /// The files that belong to the new version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<AttachmentsSource>>,
}

/// The document in its new version.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentReply {
    /// What the service made of it.
    pub document_description: DocumentDescription,
}

/// Says which version is meant where none is named.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentDefaultVersion {
    /// Its name.
    pub name: String,
    /// The number of a version.
    pub document_version: String,
}

/// The version that is meant from now on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateDocumentDefaultVersionReply {
    /// What was changed.
    pub description: DocumentDefaultVersionDescription,
}

/// A document's default version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DocumentDefaultVersionDescription {
    /// Its name.
    pub name: String,
    /// The number of the version.
    pub default_version: String,
    /// The version's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_version_name: Option<String>,
}

/// Reads what the service knows of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDocument {
    /// Its name.
    pub name: String,
    /// A number, `$DEFAULT` or `$LATEST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// A version by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
}

/// A document as the service knows it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeDocumentReply {
    /// What it knows.
    pub document: DocumentDescription,
}

/// Deletes a document, or one version of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteDocument {
    /// Its name.
    pub name: String,
    /// A number, `$DEFAULT` or `$LATEST`; all versions if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_version: Option<String>,
    /// A version by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_name: Option<String>,
    /// Whether it goes even though associations use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
}

/// Asks whether change calendars are open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCalendarState {
    /// The calendars, by name or ARN; all must be open.
    pub calendar_names: Vec<String>,
    /// When, in ISO 8601; now if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_time: Option<String>,
}

/// Whether change calendars are open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetCalendarStateReply {
    /// `OPEN` or `CLOSED`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The instant asked about, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_time: Option<String>,
    /// When one of them next opens or closes, in ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_transition_time: Option<String>,
}
