//! Changes of documents, and of stored parameters that stand in them, that
//! associations have yet to hear of.
//!
//! A change is put down here and worked off by the engine in pieces; it is
//! forgotten when its last piece is done.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How a document changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DocumentChange {
    /// `$DEFAULT` is another version now.
    DefaultMoved,
    /// `$LATEST` is another version now.
    LatestUpdated,
    /// This version is gone.
    VersionDeleted(u32),
    /// It is gone as a whole.
    Deleted,
    /// No document: a parameter of Parameter Store has another text, or is gone.
    ParameterStored,
}

impl DocumentChange {
    /// Whether it means an association that is bound to this version, a number or `$…`.
    pub(crate) fn means(self, bound_to: &str) -> bool {
        match self {
            Self::DefaultMoved => bound_to == "$DEFAULT",
            Self::LatestUpdated => bound_to == "$LATEST",
            Self::VersionDeleted(number) => bound_to.parse() == Ok(number),
            Self::Deleted => true,
            Self::ParameterStored => false,
        }
    }
}

/// A change that is being worked off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DocumentEvent {
    /// The document's name, or the parameter's.
    pub(crate) name: Arc<str>,
    pub(crate) change: DocumentChange,
}

/// The changes that are being worked off, by running number.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct DocumentEvents {
    open: BTreeMap<u32, DocumentEvent>,
    next: u32,
}

impl DocumentEvents {
    /// Puts a change down. Answers its number.
    pub(crate) fn add(&mut self, event: DocumentEvent) -> u32 {
        let number = self.next;
        self.next += 1;
        self.open.insert(number, event);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&DocumentEvent> {
        self.open.get(&number)
    }

    /// Forgets a change that was worked off.
    pub(crate) fn close(&mut self, number: u32) {
        self.open.remove(&number);
    }
}
