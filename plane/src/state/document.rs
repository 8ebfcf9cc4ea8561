//! The documents: the plane's own, and those that were registered.
//!
//! A document has one version, `1`, which is default and latest. Its text is
//! kept as it was given, beside what was understood of it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::document::{Document, DocumentError};
use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;

use super::tag::Tags;

/// The documents that users of the service expect to be there.
const BUILT_IN: &[(&str, &str)] = &[
    ("AWS-GatherSoftwareInventory", include_str!("../../documents/AWS-GatherSoftwareInventory.json")),
    ("AWS-RefreshAssociation", include_str!("../../documents/AWS-RefreshAssociation.json")),
    ("AWS-RunPowerShellScript", include_str!("../../documents/AWS-RunPowerShellScript.json")),
    ("AWS-RunShellScript", include_str!("../../documents/AWS-RunShellScript.json")),
];

/// When the plane's own documents were made, as far as clients are told: 2020-01-01.
const BUILT_IN_CREATED: Timestamp = Timestamp::from_seconds(1_577_836_800);

/// A document of the plane.
#[derive(Debug, Clone)]
pub(crate) struct StoredDocument {
    pub(crate) kept: KeptDocument,
    /// What was understood of its text.
    pub(crate) parsed: Document,
}

/// What a snapshot keeps of a document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptDocument {
    pub(crate) name: Arc<str>,
    pub(crate) content: Arc<str>,
    /// SHA-256 of the content, lower-case hexadecimal.
    pub(crate) hash: Arc<str>,
    pub(crate) display_name: Option<Arc<str>>,
    pub(crate) version_name: Option<Arc<str>>,
    pub(crate) kind: Arc<str>,
    pub(crate) target_type: Option<Arc<str>>,
    pub(crate) owner: Arc<str>,
    pub(crate) created: Timestamp,
    pub(crate) tags: Tags,
}

impl StoredDocument {
    /// Understands a document's text.
    pub(crate) fn read(kept: KeptDocument) -> Result<Self, DocumentError> {
        Document::parse(&kept.content).map(|parsed| Self { kept, parsed })
    }

    /// Whether a version of this name, number or `$…` exists (InvalidDocumentVersion).
    pub(crate) fn check_version(&self, version: &str) -> Result<(), ApiError> {
        match version {
            "1" | "$DEFAULT" | "$LATEST" => Ok(()),
            _ => Err(ApiError::new(
                ErrorCode::InvalidDocumentVersion,
                format!("document {} has no version {version}", self.kept.name),
            )),
        }
    }
}

/// All documents, by name.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    table: BTreeMap<Arc<str>, StoredDocument>,
}

impl Documents {
    /// The plane's own documents, and no others.
    pub(crate) fn built_in() -> Self {
        let mut documents = Self::default();
        for (name, content) in BUILT_IN {
            let kept = KeptDocument {
                name: (*name).into(),
                content: (*content).into(),
                hash: sha256(content.as_bytes()).into(),
                display_name: None,
                version_name: None,
                kind: "Command".into(),
                target_type: None,
                owner: "Amazon".into(),
                created: BUILT_IN_CREATED,
                tags: Tags::default(),
            };
            documents.insert(StoredDocument::read(kept).expect("each is read by a test"));
        }
        documents
    }

    /// The document of this name. Its full ARN is as good (B.3 R28), unless it
    /// says another account than `account`, the plane's.
    pub(crate) fn get(&self, name: &str, account: &str) -> Result<&StoredDocument, ApiError> {
        let document = self.table.get(bare_name(name)).filter(|_| is_at_hand(name, account));
        document.ok_or_else(|| {
            ApiError::new(ErrorCode::InvalidDocument, format!("document {name} does not exist"))
        })
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut StoredDocument> {
        self.table.get_mut(bare_name(name))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.table.contains_key(bare_name(name))
    }

    pub(crate) fn insert(&mut self, document: StoredDocument) {
        self.table.insert(Arc::clone(&document.kept.name), document);
    }

    /// How many documents are not the plane's own.
    pub(crate) fn registered(&self) -> usize {
        self.kept().count()
    }

    /// Those that a snapshot must keep: all but the plane's own, and those too if somebody tagged them.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &KeptDocument> {
        let kept = self.table.values().map(|document| &document.kept);
        kept.filter(|kept| &*kept.owner != "Amazon")
    }

    /// The tags that were given to the plane's own documents.
    pub(crate) fn built_in_tags(&self) -> impl Iterator<Item = (&Arc<str>, &Tags)> {
        let own = self.table.values().filter(|document| &*document.kept.owner == "Amazon");
        own.filter(|document| document.kept.tags != Tags::default())
            .map(|document| (&document.kept.name, &document.kept.tags))
    }
}

/// The name in `arn:aws:ssm:us-east-1:111122223333:document/NAME`, or the name itself.
fn bare_name(name: &str) -> &str {
    match name.split_once(":document/") {
        Some((prefix, bare)) if prefix.starts_with("arn:") => bare,
        _ => name,
    }
}

/// Whether a name, if it is an ARN, is of this account, or of none as those of the service are.
fn is_at_hand(name: &str, account: &str) -> bool {
    let is_arn = name.starts_with("arn:");
    !is_arn || name.split(':').nth(4).is_some_and(|own| own.is_empty() || own == account)
}

/// Lower-case hexadecimal SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::status::PlatformType::{Linux, MacOS, Windows};

    const ACCOUNT: &str = "111122223333";

    #[test]
    fn the_planes_own_documents_can_be_read() {
        let documents = Documents::built_in();
        let cases: &[(&str, &str, &[_])] = &[
            ("AWS-RunShellScript", "2.2", &[Linux, MacOS]),
            ("AWS-RunPowerShellScript", "2.2", &[Linux, Windows, MacOS]),
            ("AWS-GatherSoftwareInventory", "2.0", &[Linux, Windows, MacOS]),
            ("AWS-RefreshAssociation", "2.2", &[Linux, Windows, MacOS]),
        ];
        for (name, schema, platforms) in cases {
            let document = documents.get(name, ACCOUNT).unwrap();
            assert_eq!(document.parsed.schema_version.as_str(), *schema, "{name}");
            for platform in *platforms {
                assert!(document.parsed.platforms().contains(platform), "{name} {platform}");
            }
        }
        let arn = |account: &str| format!("arn:aws:ssm:us-east-1:{account}:document/AWS-RunShellScript");
        assert!(documents.get(&arn(""), ACCOUNT).is_ok() && documents.get(&arn(ACCOUNT), ACCOUNT).is_ok());
        for name in ["None", &arn("999999999999"), "arn:document/AWS-RunShellScript"] {
            let refusal = documents.get(name, ACCOUNT).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidDocument, "{name}");
        }
    }
}
