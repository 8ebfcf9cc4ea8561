//! Documents of other accounts that are shared with this one.
//!
//! They are part of the world, by their full ARN, and known by nothing else: the
//! bare name is an own document's, or nobody's (B.3 R27). Whatever version is
//! asked for, the default one is run (R29); so one version is all there is.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::time::Timestamp;

use super::read::{Format, Given, KeptVersion};
use super::{BUILT_IN_CREATED, ReadError, VersionedDocument, bare_name};
use crate::state::tag::Tags;

/// A document of another account, as the world has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedDocument {
    /// `Command`, `Policy`, `Automation` or `ChangeCalendar`.
    #[serde(rename = "type", default = "command")]
    pub kind: String,
    /// Its text: JSON, or a calendar's own; JSON may be written out.
    pub content: Value,
}

fn command() -> String {
    "Command".to_owned()
}

/// Why something is no document that another account shares.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SharedError {
    /// Its name is no ARN of another account's document.
    #[error(
        "`{0}` is no shared document's name: expected one such as arn:aws:ssm:us-east-1:999988887777:document/Name"
    )]
    Name(String),
    /// Its content is not of its type.
    #[error("shared document {name}: {source}")]
    Content {
        /// Its ARN.
        name: String,
        /// What is wrong.
        source: ReadError,
    },
}

impl SharedDocument {
    /// The document that it is, under this ARN.
    pub(crate) fn read(&self, name: &str) -> Result<VersionedDocument, SharedError> {
        let wrong_name = || SharedError::Name(name.to_owned());
        let account = name.split(':').nth(4).filter(|account| !account.is_empty()).ok_or_else(wrong_name)?;
        if bare_name(name) == name || !name.starts_with("arn:") {
            return Err(wrong_name());
        }
        let content = match &self.content {
            Value::String(text) => text.clone(),
            written_out => written_out.to_string(),
        };
        let format = if self.kind == "ChangeCalendar" { Format::Text } else { Format::Json };
        let given = Given { content, format, ..Given::default() };
        let created: Timestamp = BUILT_IN_CREATED;
        let version = KeptVersion::new(name, &self.kind, 1, created, given).and_then(KeptVersion::read);
        let version = version.map_err(|source| SharedError::Content { name: name.to_owned(), source })?;
        Ok(VersionedDocument::new(account, Tags::default(), version))
    }
}
