//! Whether nodes are as they should be: findings, uploads, and their counts.
//!
//! What follows from an association's runs is a finding and lives in the
//! node's record. What was uploaded (Custom types, Patch, associations with
//! `SyncCompliance` MANUAL) lives with the node by type. Both are counted as
//! they change, so that a summary of the fleet asks no node.
//!
//! Invariant: the size that is kept beside uploaded items is theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::time::Timestamp;
use shared::wire::{ComplianceExecutionSummary, SeveritySummary};

/// The type of what follows from associations.
pub(crate) const ASSOCIATION: &str = "Association";

/// How bad it is not to comply, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum Severity {
    Critical,
    High,
    Medium,
    Low,
    Informational,
    Unspecified,
}

impl Severity {
    pub(crate) const ALL: [Self; 6] =
        [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Informational, Self::Unspecified];

    /// The word of the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::High => "HIGH",
            Self::Medium => "MEDIUM",
            Self::Low => "LOW",
            Self::Informational => "INFORMATIONAL",
            Self::Unspecified => "UNSPECIFIED",
        }
    }

    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text)
    }
}

/// The word of the wire for a node that complies, or not.
pub(crate) const fn status_text(is_compliant: bool) -> &'static str {
    if is_compliant { "COMPLIANT" } else { "NON_COMPLIANT" }
}

/// What an association's runs say of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(crate) is_compliant: bool,
    /// The severity with which it is counted.
    pub(crate) severity: Severity,
    pub(crate) at: Timestamp,
}

/// What was uploaded for a node, by type. A node has few types, and most have
/// one: a short list costs a tenth of a map.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Uploads(Vec<(Arc<str>, Upload)>);

impl Uploads {
    fn position(&self, kind: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(kind))
    }

    /// What was uploaded of this type.
    pub(crate) fn get(&self, kind: &str) -> Option<&Upload> {
        self.position(kind).ok().map(|index| &self.0[index].1)
    }

    /// What was uploaded of this type, made if it is not there.
    pub(crate) fn entry(&mut self, kind: Arc<str>) -> &mut Upload {
        let index = self.position(&kind).unwrap_or_else(|index| {
            self.0.reserve_exact(1);
            self.0.insert(index, (kind, Upload::default()));
            index
        });
        &mut self.0[index].1
    }

    /// Takes an item away.
    pub(crate) fn remove(&mut self, kind: &str, id: &str) -> Option<Item> {
        let index = self.position(kind).ok()?;
        self.0[index].1.remove(id)
    }

    /// How many bytes are kept of all types but this.
    pub(crate) fn size_without(&self, kind: &str) -> usize {
        self.iter().filter(|(known, _)| &***known != kind).map(|(_, upload)| upload.size).sum()
    }

    /// Types and what was uploaded of each, by type.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Upload)> {
        self.0.iter().map(|(kind, upload)| (kind, upload))
    }
}

/// What was uploaded of one type.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Upload {
    /// The digest of the last upload's hash, zero if there was none; an equal
    /// one changes nothing.
    pub(crate) hash: u64,
    /// By id.
    items: BTreeMap<Box<str>, Item>,
    /// The size of the items, in bytes.
    size: usize,
}

impl Upload {
    /// The items, by id.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&str, &Item)> {
        self.items.iter().map(|(id, item)| (&**id, item))
    }

    /// The size of the items, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The size of one item, none if there is no such.
    pub(crate) fn size_of(&self, id: &str) -> usize {
        self.items.get(id).map_or(0, |item| item.size(id))
    }

    /// Puts an item in the place of the one that has its id, which comes back.
    pub(crate) fn put(&mut self, id: &str, item: Item) -> Option<Item> {
        let before = self.remove(id);
        self.size += item.size(id);
        self.items.insert(id.into(), item);
        before
    }

    /// Takes an item away.
    pub(crate) fn remove(&mut self, id: &str) -> Option<Item> {
        let item = self.items.remove(id)?;
        self.size -= item.size(id);
        Some(item)
    }
}

/// An uploaded item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) is_compliant: bool,
    pub(crate) severity: Severity,
    pub(crate) title: Box<str>,
    pub(crate) details: BTreeMap<Box<str>, Box<str>>,
    pub(crate) summary: ComplianceExecutionSummary,
}

impl Item {
    /// Its size under this id, in bytes.
    fn size(&self, id: &str) -> usize {
        let details = self.details.iter().map(|(key, value)| key.len() + value.len());
        id.len() + self.title.len() + details.sum::<usize>()
    }
}

/// One type's counts: compliant and not, by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct TypeCounts {
    compliant: [u64; Severity::ALL.len()],
    non_compliant: [u64; Severity::ALL.len()],
}

impl TypeCounts {
    pub(crate) fn add(&mut self, is_compliant: bool, severity: Severity) {
        self.side(is_compliant)[severity as usize] += 1;
    }

    fn remove(&mut self, is_compliant: bool, severity: Severity) {
        self.side(is_compliant)[severity as usize] -= 1;
    }

    fn side(&mut self, is_compliant: bool) -> &mut [u64; Severity::ALL.len()] {
        if is_compliant { &mut self.compliant } else { &mut self.non_compliant }
    }

    /// How many there are of this status and severity.
    pub(crate) fn of(&self, is_compliant: bool, severity: Severity) -> u64 {
        let side = if is_compliant { &self.compliant } else { &self.non_compliant };
        side[severity as usize]
    }

    /// Adds many at once.
    pub(crate) fn add_many(&mut self, is_compliant: bool, severity: Severity, count: u64) {
        self.side(is_compliant)[severity as usize] += count;
    }

    /// How many comply or do not, and by severity.
    pub(crate) fn summary(&self, is_compliant: bool) -> (u64, SeveritySummary) {
        let of = |severity| self.of(is_compliant, severity);
        let summary = SeveritySummary {
            critical_count: of(Severity::Critical),
            high_count: of(Severity::High),
            medium_count: of(Severity::Medium),
            low_count: of(Severity::Low),
            informational_count: of(Severity::Informational),
            unspecified_count: of(Severity::Unspecified),
        };
        (Severity::ALL.into_iter().map(of).sum(), summary)
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The counts of the whole fleet, by type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ComplianceCounts {
    pub(crate) types: BTreeMap<Arc<str>, TypeCounts>,
}

impl ComplianceCounts {
    /// Counts a change: what was before, what is now, as (compliant, severity).
    pub(crate) fn shift(
        &mut self,
        kind: &str,
        before: Option<(bool, Severity)>,
        now: Option<(bool, Severity)>,
    ) {
        if before == now {
            return;
        }
        if !self.types.contains_key(kind) {
            self.types.insert(kind.into(), TypeCounts::default());
        }
        let counts = self.types.get_mut(kind).expect("inserted above");
        if let Some((is_compliant, severity)) = before {
            counts.remove(is_compliant, severity);
        }
        if let Some((is_compliant, severity)) = now {
            counts.add(is_compliant, severity);
        }
        if counts.is_empty() {
            self.types.remove(kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_follow_each_change_and_an_empty_type_is_not_listed() {
        let mut counts = ComplianceCounts::default();
        counts.shift("Custom:A", None, Some((true, Severity::High)));
        counts.shift("Custom:A", Some((true, Severity::High)), Some((false, Severity::Low)));
        let (count, summary) = counts.types["Custom:A"].summary(false);
        assert_eq!((count, summary.low_count, summary.high_count), (1, 1, 0));
        counts.shift("Custom:A", Some((false, Severity::Low)), None);
        assert!(counts.types.is_empty());
    }
}
