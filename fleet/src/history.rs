//! What happened, call by call, in the plane's order.
//!
//! Each call of a node or the operator is invoked and ends as ok, fail or
//! unknown. In virtual time the coordinator writes the history in its one total
//! order, so that two runs of one seed have equal histories, whatever the number
//! of shards; over sockets calls end in it in the order in which the answers came.
//!
//! - [`mode`], [`record`], [mod@line], [`names`], [`windows`]: what is written, and how
//! - [`recorder`], [`frames`]: `history.jsonl.zst`, while the run goes on
//! - [`desk`]: the operator's part of it
//! - [`read`]: reading it again

pub mod desk;
pub mod frames;
pub mod line;
pub mod mode;
pub mod names;
pub mod read;
pub mod record;
pub mod recorder;
pub mod windows;

use std::sync::Arc;

use agent::call::Answer;
use agent::lane::LaneName;
use serde::Serialize;
use shared::error::ErrorCode;
use shared::seed::digest;
use shared::time::Timestamp;

use self::recorder::Recorder;

/// How a call came to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ending {
    /// The plane did it.
    Ok,
    /// The plane refused it.
    Fail(ErrorCode),
    /// Nothing came back: whether the plane did it is not known.
    Unknown,
    /// Something came back that cannot be read.
    Unreadable,
}

impl From<&Answer> for Ending {
    fn from(answer: &Answer) -> Self {
        match answer {
            Answer::Done
            | Answer::Associations(_)
            | Answer::Legacy(_)
            | Answer::Described(_)
            | Answer::Registered(_)
            | Answer::Token(_)
            | Answer::Messages(_)
            | Answer::Document(_)
            | Answer::Parameters(_)
            | Answer::Manifest(_) => Self::Ok,
            Answer::Refused(error, _) => Self::Fail(error.code.clone()),
            Answer::Unreachable => Self::Unknown,
            // A reply that a real agent dies of is none that it can read.
            Answer::Unreadable(..) | Answer::Fatal(_) => Self::Unreadable,
        }
    }
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it reached the plane.
    pub arrived: Timestamp,
    /// The node's number.
    pub node: u32,
    /// The lane that called.
    pub lane: LaneName,
    /// The call's number in the lane.
    pub number: u32,
    /// How often it was tried before.
    pub attempt: u8,
    /// The operation's name.
    pub operation: &'static str,
    /// A hash of the body.
    pub body: u64,
    /// How it ended.
    pub ending: Ending,
    /// The fault in force that it met, the first one of several.
    pub fault: Option<Arc<str>>,
}

/// The record of a run: always a digest, and every entry where it is asked for,
/// here or in a file.
#[derive(Debug, Clone, Default)]
pub struct History {
    entries: Option<Vec<Entry>>,
    digest: u64,
    count: u64,
    /// Room for what the next digest is made from.
    folded: Vec<u8>,
    recorder: Option<Recorder>,
}

/// The digest of a history, for a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Digest {
    /// How many calls there were.
    pub calls: u64,
    /// Their hash, in order.
    pub hash: String,
}

impl History {
    /// A history that keeps every entry.
    pub fn keeping() -> Self {
        Self { entries: Some(Vec::new()), ..Self::default() }
    }

    /// A history whose entries are written to a file, if there is one.
    pub fn recording(recorder: Option<Recorder>) -> Self {
        Self { recorder, ..Self::default() }
    }

    /// Where entries are written to a file.
    pub fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// Takes one call into the digest.
    pub fn record(&mut self, entry: Entry) {
        self.count += 1;
        let code = match &entry.ending {
            Ending::Ok => "ok",
            Ending::Fail(code) => code.as_str(),
            Ending::Unknown => "unknown",
            Ending::Unreadable => "unreadable",
        };
        self.folded.clear();
        for number in [
            self.digest,
            entry.arrived.milliseconds() as u64,
            u64::from(entry.node) << 32 | u64::from(entry.number),
            (entry.lane as u64) << 8 | u64::from(entry.attempt),
            entry.body,
        ] {
            self.folded.extend_from_slice(&number.to_le_bytes());
        }
        self.folded.extend_from_slice(entry.operation.as_bytes());
        self.folded.extend_from_slice(code.as_bytes());
        self.digest = digest(&self.folded);
        if let Some(entries) = &mut self.entries {
            entries.push(entry);
        }
    }

    /// Every entry, if they were kept.
    pub fn entries(&self) -> &[Entry] {
        self.entries.as_deref().unwrap_or_default()
    }

    /// How many calls there were, and their hash.
    pub fn digest(&self) -> Digest {
        Digest { calls: self.count, hash: format!("{:016x}", self.digest) }
    }
}
