//! How a version's text becomes what it means.
//!
//! Steps are written in JSON or in YAML, and are understood from their JSON; so
//! a YAML text is turned into JSON once, when it comes in. A change calendar is
//! written in iCalendar and has no other form.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::document::{Document, DocumentError};
use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{AttachmentsSource, DocumentRequires};

use super::{StoredCalendar, StoredDocument, Version, sha256};
use crate::calendar::{Calendar, CalendarError};

/// The type of documents that are calendars.
const CHANGE_CALENDAR: &str = "ChangeCalendar";

/// The largest JSON that a YAML text may become. Aliases let it grow beyond all bounds.
const LARGEST_JSON: usize = 1 << 20;

/// How a version's text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Format {
    #[default]
    Json,
    Yaml,
    Text,
}

impl Format {
    /// The word of the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Yaml => "YAML",
            Self::Text => "TEXT",
        }
    }

    /// The format of this word; JSON if nothing is said.
    pub(crate) fn from_text(text: Option<&str>) -> Self {
        match text {
            Some("YAML") => Self::Yaml,
            Some("TEXT") => Self::Text,
            _ => Self::Json,
        }
    }
}

/// What somebody gave for a version.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) content: String,
    pub(crate) format: Format,
    pub(crate) display_name: Option<String>,
    pub(crate) version_name: Option<String>,
    pub(crate) target_type: Option<String>,
    pub(crate) requires: Vec<DocumentRequires>,
    pub(crate) attachments: Vec<AttachmentsSource>,
}

/// What a snapshot keeps of a version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptVersion {
    /// The document's name.
    pub(crate) name: Arc<str>,
    /// The document's type.
    pub(crate) kind: Arc<str>,
    pub(crate) number: u32,
    /// The text that agents get: JSON, or the calendar's own.
    pub(crate) content: Arc<str>,
    /// The text as it was given, where that is YAML.
    pub(crate) yaml: Option<Arc<str>>,
    pub(crate) format: Format,
    /// SHA-256 of the text as it was given, lower-case hexadecimal.
    pub(crate) hash: Arc<str>,
    pub(crate) display_name: Option<Arc<str>>,
    pub(crate) version_name: Option<Arc<str>>,
    pub(crate) target_type: Option<Arc<str>>,
    pub(crate) created: Timestamp,
    /// The documents that it needs; they are kept, not looked for.
    #[serde(default)]
    pub(crate) requires: Vec<DocumentRequires>,
    /// The files that belong to it; where they are is kept, they are not fetched.
    #[serde(default)]
    pub(crate) attachments: Vec<Attachment>,
}

/// A file of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) name: String,
    pub(crate) url: String,
}

impl Attachment {
    /// The file that a source means. Without a name it has the last one in its
    /// place; a folder has no file that could be told.
    fn read(source: &AttachmentsSource) -> Option<Self> {
        let place = source.values.as_ref()?.first()?;
        let is_folder = source.key.as_deref() == Some("SourceUrl");
        let last = || place.rsplit('/').next().filter(|last| !last.is_empty() && !is_folder);
        let name = source.name.as_deref().or_else(last)?;
        let url = if is_folder { format!("{}/{name}", place.trim_end_matches('/')) } else { place.clone() };
        Some(Self { name: name.to_owned(), url })
    }
}

/// Why a text is no document of its type.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// It is no YAML.
    #[error("document cannot be parsed as YAML: {0}")]
    Yaml(String),
    /// It has no steps.
    #[error(transparent)]
    Steps(#[from] DocumentError),
    /// Its schema is not one of its type.
    #[error("document of type {kind} cannot have schema version {version}")]
    Schema {
        /// The type.
        kind: String,
        /// The version as it was written.
        version: &'static str,
    },
    /// It is written in a form that its type has not.
    #[error("document of type {kind} cannot have format {format}")]
    Format {
        /// The type.
        kind: String,
        /// The format.
        format: &'static str,
    },
    /// It is no calendar that is understood here.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
}

impl From<ReadError> for ApiError {
    fn from(error: ReadError) -> Self {
        let code = match error {
            ReadError::Steps(DocumentError::UnsupportedVersion { .. }) | ReadError::Schema { .. } => {
                ErrorCode::InvalidDocumentSchemaVersion
            }
            _ => ErrorCode::InvalidDocumentContent,
        };
        Self::new(code, error.to_string())
    }
}

impl KeptVersion {
    /// A version from what somebody gave.
    pub(crate) fn new(
        name: &str,
        kind: &str,
        number: u32,
        created: Timestamp,
        given: Given,
    ) -> Result<Self, ReadError> {
        let hash = sha256(given.content.as_bytes()).into();
        let text: Arc<str> = given.content.into();
        let (content, yaml) = match given.format {
            Format::Yaml => (to_json(&text)?.into(), Some(text)),
            Format::Json | Format::Text => (text, None),
        };
        Ok(Self {
            name: name.into(),
            kind: kind.into(),
            number,
            content,
            yaml,
            format: given.format,
            hash,
            display_name: given.display_name.map(Arc::from),
            version_name: given.version_name.map(Arc::from),
            target_type: given.target_type.map(Arc::from),
            created,
            requires: given.requires,
            attachments: given.attachments.iter().filter_map(Attachment::read).collect(),
        })
    }

    /// Understands the text, as one of a document of its type.
    pub(crate) fn read(self) -> Result<Version, ReadError> {
        let kind = &*self.kind;
        if (self.format == Format::Text) != (kind == CHANGE_CALENDAR) {
            return Err(ReadError::Format { kind: kind.to_owned(), format: self.format.as_str() });
        }
        if kind == CHANGE_CALENDAR {
            let calendar = match Calendar::parse(&self.content) {
                Err(error @ CalendarError::Malformed { .. }) => return Err(error.into()),
                // As in the service, it is kept; whoever asks for its state hears of it.
                calendar => calendar,
            };
            return Ok(Version::Calendar(Box::new(StoredCalendar { kept: self, calendar })));
        }
        let parsed = Document::parse(&self.content)?;
        let version = parsed.schema_version.as_str();
        let fits = match kind {
            "Automation" => !parsed.schema_version.runs_on_nodes(),
            "Policy" => version.starts_with("2.0"),
            _ => parsed.schema_version.runs_on_nodes(),
        };
        if !fits {
            return Err(ReadError::Schema { kind: kind.to_owned(), version });
        }
        Ok(Version::Steps(Box::new(StoredDocument { kept: self, parsed })))
    }

    /// The text in this format, JSON if nothing is said; nothing where it has no such form.
    pub(crate) fn text(&self, format: Option<&str>) -> Option<(Arc<str>, Format)> {
        let wanted = match format {
            None if self.format == Format::Text => Format::Text,
            format => Format::from_text(format),
        };
        match (wanted, self.format) {
            (Format::Text, Format::Text) | (Format::Json, Format::Json | Format::Yaml) => {
                Some((Arc::clone(&self.content), wanted))
            }
            (Format::Yaml, Format::Yaml) => Some((Arc::clone(self.yaml.as_ref()?), wanted)),
            (Format::Yaml, Format::Json) => Some((to_yaml(&self.content)?.into(), wanted)),
            _ => None,
        }
    }
}

fn to_json(yaml: &str) -> Result<String, ReadError> {
    let value: Value = serde_saphyr::from_str(yaml).map_err(|error| ReadError::Yaml(error.to_string()))?;
    let json = value.to_string();
    if json.len() <= LARGEST_JSON {
        return Ok(json);
    }
    Err(ReadError::Yaml(format!("its aliases make it {} bytes long", json.len())))
}

fn to_yaml(json: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    serde_saphyr::to_string(&value).ok()
}
