//! The documents: the plane's own, and those that were registered.
//!
//! A document has numbered versions; one is the default, the newest is the
//! latest. A version's text is kept as it was given, beside what was understood
//! of it: steps, or the events of a change calendar. Handlers speak of a whole
//! document ([`VersionedDocument`]); whoever runs one asks for a version that has
//! steps ([`StoredDocument`]), and a calendar is refused there.
//!
//! Invariant: a document has at least one version, and its default is one of
//! them; a number is given once and never again.

mod change;
mod foreign;
mod read;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Bound;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use shared::document::{Document, DocumentError};
use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;

pub use self::foreign::SharedDocument;
pub(crate) use change::{DocumentChange, DocumentEvent, DocumentEvents};
pub(crate) use read::{Attachment, Format, Given, KeptVersion, ReadError};

use super::tag::Tags;
use crate::calendar::{Calendar, CalendarError};

/// The documents that users of the service expect to be there.
const BUILT_IN: &[(&str, &str)] = &[
    ("AWS-ConfigureAWSPackage", include_str!("../../documents/AWS-ConfigureAWSPackage.json")),
    ("AWS-GatherSoftwareInventory", include_str!("../../documents/AWS-GatherSoftwareInventory.json")),
    ("AWS-RefreshAssociation", include_str!("../../documents/AWS-RefreshAssociation.json")),
    ("AWS-RunPatchBaseline", include_str!("../../documents/AWS-RunPatchBaseline.json")),
    ("AWS-RunPowerShellScript", include_str!("../../documents/AWS-RunPowerShellScript.json")),
    ("AWS-RunShellScript", include_str!("../../documents/AWS-RunShellScript.json")),
    ("AWS-UpdateSSMAgent", include_str!("../../documents/AWS-UpdateSSMAgent.json")),
];

/// When the plane's own documents were made, as far as clients are told: 2020-01-01.
const BUILT_IN_CREATED: Timestamp = Timestamp::from_seconds(1_577_836_800);

/// Who owns the plane's own documents.
const AMAZON: &str = "Amazon";

/// A document with its versions.
#[derive(Debug, Clone)]
pub(crate) struct VersionedDocument {
    pub(crate) kept: KeptDocument,
    versions: BTreeMap<u32, Version>,
}

/// What a snapshot keeps of a document beside its versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeptDocument {
    pub(crate) name: Arc<str>,
    /// `Command`, `Policy`, `Automation` or `ChangeCalendar`.
    pub(crate) kind: Arc<str>,
    pub(crate) owner: Arc<str>,
    pub(crate) tags: Tags,
    /// The version that is meant where none is named.
    pub(crate) default: u32,
    /// The number that the next version gets.
    pub(crate) next: u32,
}

/// A version, understood.
#[derive(Debug, Clone)]
pub(crate) enum Version {
    Steps(Box<StoredDocument>),
    Calendar(Box<StoredCalendar>),
}

/// A version that has steps.
#[derive(Debug, Clone)]
pub(crate) struct StoredDocument {
    pub(crate) kept: KeptVersion,
    /// What was understood of its text.
    pub(crate) parsed: Document,
}

/// A version that is a change calendar.
#[derive(Debug, Clone)]
pub(crate) struct StoredCalendar {
    pub(crate) kept: KeptVersion,
    /// What was understood of its text, or what in it is not supported.
    pub(crate) calendar: Result<Calendar, CalendarError>,
}

impl Version {
    pub(crate) fn kept(&self) -> &KeptVersion {
        match self {
            Self::Steps(document) => &document.kept,
            Self::Calendar(calendar) => &calendar.kept,
        }
    }

    /// What is to be done, unless it is a calendar.
    pub(crate) fn steps(&self) -> Option<&Document> {
        match self {
            Self::Steps(document) => Some(&document.parsed),
            Self::Calendar(_) => None,
        }
    }
}

impl VersionedDocument {
    /// A document of one version.
    pub(crate) fn new(owner: &str, tags: Tags, version: Version) -> Self {
        let first = version.kept();
        let kept = KeptDocument {
            name: Arc::clone(&first.name),
            kind: Arc::clone(&first.kind),
            owner: owner.into(),
            tags,
            default: first.number,
            next: first.number + 1,
        };
        Self { kept, versions: BTreeMap::from([(first.number, version)]) }
    }

    /// A document of a snapshot.
    fn restore(kept: KeptDocument, versions: Vec<KeptVersion>) -> Result<Self, ReadError> {
        let read = |version: KeptVersion| -> Result<(u32, Version), ReadError> {
            Ok((version.number, version.read()?))
        };
        let versions: BTreeMap<u32, Version> = versions.into_iter().map(read).collect::<Result<_, _>>()?;
        if versions.contains_key(&kept.default) {
            return Ok(Self { kept, versions });
        }
        Err(ReadError::Steps(DocumentError::Malformed {
            reason: format!("document {} has no version {}", kept.name, kept.default),
        }))
    }

    /// Whether it is the plane's own.
    pub(crate) fn is_built_in(&self) -> bool {
        &*self.kept.owner == AMAZON
    }

    /// The version that is meant where none is named.
    pub(crate) fn default_version(&self) -> &Version {
        &self.versions[&self.kept.default]
    }

    /// The newest version.
    pub(crate) fn latest(&self) -> &Version {
        self.versions.last_key_value().expect("a document has a version").1
    }

    /// The versions, oldest first.
    pub(crate) fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.versions.values()
    }

    /// How many versions there are.
    pub(crate) fn count(&self) -> usize {
        self.versions.len()
    }

    /// The version of this number or `$…`, which must also have this name if
    /// one is given; a name alone suffices.
    pub(crate) fn resolve(&self, version: Option<&str>, name: Option<&str>) -> Result<&Version, ApiError> {
        let has_name =
            |found: &&Version| name.is_none_or(|name| found.kept().version_name.as_deref() == Some(name));
        let found = match version {
            None if name.is_some() => self.versions().find(has_name),
            None | Some("$DEFAULT") => Some(self.default_version()),
            Some("$LATEST") => Some(self.latest()),
            Some(number) => number.parse().ok().and_then(|number: u32| self.versions.get(&number)),
        };
        found.filter(has_name).ok_or_else(|| {
            let wanted = version.or(name).unwrap_or("$DEFAULT");
            let reason = format!("document {} has no version {wanted}", self.kept.name);
            ApiError::new(ErrorCode::InvalidDocumentVersion, reason)
        })
    }

    /// Adds a version, which becomes the latest.
    pub(crate) fn add(&mut self, version: Version) {
        let number = version.kept().number;
        self.kept.next = number + 1;
        self.versions.insert(number, version);
    }

    /// Takes a version away; the default one stays.
    pub(crate) fn remove(&mut self, number: u32) {
        if number != self.kept.default {
            self.versions.remove(&number);
        }
    }
}

/// All documents, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Documents {
    table: BTreeMap<Arc<str>, VersionedDocument>,
    /// Those of other accounts, by ARN; the world keeps them.
    shared: BTreeMap<Arc<str>, VersionedDocument>,
}

impl Documents {
    /// The plane's own documents, and no others.
    pub(crate) fn built_in() -> Self {
        let mut documents = Self::default();
        for (name, content) in BUILT_IN {
            let given = Given { content: (*content).to_owned(), format: Format::Json, ..Given::default() };
            let version = KeptVersion::new(name, "Command", 1, BUILT_IN_CREATED, given);
            let version = version.and_then(KeptVersion::read).expect("each is read by a test");
            documents.insert(VersionedDocument::new(AMAZON, Tags::default(), version));
        }
        documents
    }

    /// The document of this name. Its full ARN is as good (B.3 R28), unless it
    /// says another account than `account`, the plane's.
    pub(crate) fn document(&self, name: &str, account: &str) -> Result<&VersionedDocument, ApiError> {
        let own = self.table.get(bare_name(name)).filter(|_| is_at_hand(name, account));
        own.or_else(|| self.shared.get(name)).ok_or_else(|| no_document(name))
    }

    /// Takes in what another account shares under this ARN, or forgets it.
    pub(crate) fn share(&mut self, name: &str, document: Option<VersionedDocument>) {
        match document {
            Some(document) => self.shared.insert(name.into(), document),
            None => self.shared.remove(name),
        };
    }

    /// A document and the version of it that is meant. Of a shared one that is
    /// the default, whatever number was asked for (R29).
    pub(crate) fn find(
        &self,
        name: &str,
        version: Option<&str>,
        version_name: Option<&str>,
        account: &str,
    ) -> Result<(&VersionedDocument, &Version), ApiError> {
        let document = self.document(name, account)?;
        let version = version.filter(|_| !self.shared.contains_key(&document.kept.name));
        Ok((document, document.resolve(version, version_name)?))
    }

    /// A version of a document that can be run: a number, `$DEFAULT` or `$LATEST`.
    pub(crate) fn version(
        &self,
        name: &str,
        version: Option<&str>,
        account: &str,
    ) -> Result<&StoredDocument, ApiError> {
        match self.find(name, version, None, account)?.1 {
            Version::Steps(document) => Ok(document),
            Version::Calendar(_) => {
                let reason = format!("document {name} is a change calendar, which cannot be run");
                Err(ApiError::new(ErrorCode::InvalidDocument, reason))
            }
        }
    }

    /// The change calendar of this name, in its default version.
    pub(crate) fn calendar(&self, name: &str, account: &str) -> Result<&Calendar, ApiError> {
        match self.document(name, account)?.default_version() {
            Version::Calendar(calendar) => calendar.calendar.as_ref().map_err(|error| {
                ApiError::new(ErrorCode::UnsupportedCalendarException, format!("document {name}: {error}"))
            }),
            Version::Steps(_) => {
                let reason = format!("document {name} is no change calendar");
                Err(ApiError::new(ErrorCode::InvalidDocumentType, reason))
            }
        }
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut VersionedDocument> {
        self.table.get_mut(bare_name(name)).filter(|_| !self.shared.contains_key(name))
    }

    /// The document of this name, if it is somebody's and may be changed.
    pub(crate) fn registered_mut(&mut self, name: &str) -> Result<&mut VersionedDocument, ApiError> {
        self.get_mut(name).filter(|document| !document.is_built_in()).ok_or_else(|| no_document(name))
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.table.contains_key(bare_name(name))
    }

    pub(crate) fn insert(&mut self, document: VersionedDocument) {
        self.table.insert(Arc::clone(&document.kept.name), document);
    }

    /// Takes a document away.
    pub(crate) fn remove(&mut self, name: &str) {
        self.table.remove(bare_name(name));
    }

    /// The documents by name, from behind this one.
    pub(crate) fn after(&self, name: Option<&str>) -> impl Iterator<Item = &VersionedDocument> {
        let from = name.map_or(Bound::Unbounded, Bound::Excluded);
        self.table.range::<str, _>((from, Bound::Unbounded)).map(|(_, document)| document)
    }

    /// How many documents are not the plane's own.
    pub(crate) fn registered(&self) -> usize {
        self.kept().count()
    }

    /// Those that a snapshot must keep, with their versions: all but the plane's own.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&KeptDocument, Vec<&KeptVersion>)> {
        let registered = self.table.values().filter(|document| !document.is_built_in());
        registered.map(|document| (&document.kept, document.versions().map(Version::kept).collect()))
    }

    /// Takes in a document of a snapshot.
    pub(crate) fn restore(
        &mut self,
        kept: KeptDocument,
        versions: Vec<KeptVersion>,
    ) -> Result<(), ReadError> {
        self.insert(VersionedDocument::restore(kept, versions)?);
        Ok(())
    }

    /// The tags that were given to the plane's own documents.
    pub(crate) fn built_in_tags(&self) -> impl Iterator<Item = (&Arc<str>, &Tags)> {
        let own = self.table.values().filter(|document| document.is_built_in());
        own.filter(|document| document.kept.tags != Tags::default())
            .map(|document| (&document.kept.name, &document.kept.tags))
    }
}

fn no_document(name: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidDocument, format!("document {name} does not exist"))
}

/// The name in `arn:aws:ssm:us-east-1:111122223333:document/NAME`, or the name itself.
pub(crate) fn bare_name(name: &str) -> &str {
    match name.split_once(":document/") {
        Some((prefix, bare)) if prefix.starts_with("arn:") => bare,
        _ => name,
    }
}

/// What a document is known by: the name of an own one, the ARN of another account's.
pub(crate) fn known_as<'a>(name: &'a str, account: &str) -> &'a str {
    if is_at_hand(name, account) { bare_name(name) } else { name }
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
            ("AWS-ConfigureAWSPackage", "2.2", &[Linux, Windows, MacOS]),
            ("AWS-RunPatchBaseline", "2.2", &[Linux, Windows, MacOS]),
            ("AWS-RunShellScript", "2.2", &[Linux, MacOS]),
            ("AWS-UpdateSSMAgent", "1.2", &[Linux, Windows, MacOS]),
            ("AWS-RunPowerShellScript", "2.2", &[Linux, Windows, MacOS]),
            ("AWS-GatherSoftwareInventory", "2.0", &[Linux, Windows, MacOS]),
            ("AWS-RefreshAssociation", "2.2", &[Linux, Windows, MacOS]),
        ];
        for (name, schema, platforms) in cases {
            let document = documents.version(name, None, ACCOUNT).unwrap();
            assert_eq!(document.parsed.schema_version.as_str(), *schema, "{name}");
            for platform in *platforms {
                assert!(document.parsed.platforms().contains(platform), "{name} {platform}");
            }
        }
        let arn = |account: &str| format!("arn:aws:ssm:us-east-1:{account}:document/AWS-RunShellScript");
        for name in [arn(""), arn(ACCOUNT)] {
            assert!(documents.document(&name, ACCOUNT).is_ok(), "{name}");
        }
        for name in ["None", &arn("999999999999"), "arn:document/AWS-RunShellScript"] {
            let refusal = documents.version(name, None, ACCOUNT).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidDocument, "{name}");
        }
    }
}
