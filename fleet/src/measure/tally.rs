//! What was counted, without distributions: small enough to be told each second.

use std::collections::BTreeMap;

use shared::error::ErrorCode;
use shared::id::AssociationId;

use super::Measures;
use super::live::RunCounts;

/// What shards have counted up to a moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calls that came to their end, by operation.
    pub calls: BTreeMap<&'static str, CallTally>,
    /// Runs that ended, by association.
    pub runs: BTreeMap<AssociationId, RunCounts>,
    /// The same by the associations' names, of those whose name is known.
    pub named_runs: BTreeMap<String, RunCounts>,
    /// Heartbeats of nodes at work.
    pub heartbeats: Heartbeats,
    /// Reboots that a step asked for.
    pub reboots: u64,
    /// Reports that were lost for good.
    pub lost_reports: u64,
}

/// The calls of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallTally {
    /// How many came to their end, retries included.
    pub made: u64,
    /// How many of them were retries.
    pub retries: u64,
    /// How many the plane refused, by name.
    pub refused: BTreeMap<ErrorCode, u64>,
    /// How many brought nothing back.
    pub unknown: u64,
    /// How many brought back what cannot be read.
    pub unreadable: u64,
}

/// Heartbeats of nodes at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heartbeats {
    /// Calls that the plane took.
    pub taken: u64,
    /// Calls that it did not.
    pub failed: u64,
    /// Those of the failed that were tried once more.
    pub retried: u64,
    /// Turns that fell out because the lane was busy.
    pub skipped: u64,
}

impl Heartbeats {
    /// How many the plane did not take, whatever was tried.
    pub fn missed(&self) -> u64 {
        self.failed.saturating_sub(self.retried) + self.skipped
    }

    /// How many were due and are decided.
    pub fn due(&self) -> u64 {
        self.taken + self.missed()
    }

    /// Adds another shard's.
    pub fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.failed += other.failed;
        self.retried += other.retried;
        self.skipped += other.skipped;
    }
}

impl Tally {
    /// What these measures have counted.
    pub fn of(measures: &Measures) -> Self {
        let calls = measures.calls.iter().map(|(operation, calls)| {
            let tally = CallTally {
                made: calls.made,
                retries: calls.retries,
                refused: calls.refused.clone(),
                unknown: calls.unknown,
                unreadable: calls.unreadable,
            };
            (*operation, tally)
        });
        Self {
            calls: calls.collect(),
            runs: measures.run_counts.clone(),
            named_runs: BTreeMap::new(),
            heartbeats: measures.heartbeats,
            reboots: measures.reboots,
            lost_reports: measures.lost_reports,
        }
    }

    /// Adds another shard's.
    pub fn add(&mut self, other: Self) {
        for (operation, calls) in other.calls {
            self.calls.entry(operation).or_default().add(calls);
        }
        for (association, runs) in other.runs {
            add_runs(self.runs.entry(association).or_default(), &runs);
        }
        self.heartbeats.add(other.heartbeats);
        self.reboots += other.reboots;
        self.lost_reports += other.lost_reports;
    }

    /// Gives the associations their names: several of one name count as one.
    pub fn name<'a>(&mut self, name: impl Fn(AssociationId) -> Option<&'a str>) {
        self.named_runs.clear();
        for (id, runs) in &self.runs {
            if let Some(name) = name(*id) {
                add_runs(self.named_runs.entry(name.to_owned()).or_default(), runs);
            }
        }
    }
}

fn add_runs(sum: &mut RunCounts, runs: &RunCounts) {
    for (status, count) in runs {
        *sum.entry(*status).or_default() += count;
    }
}

impl CallTally {
    fn add(&mut self, other: Self) {
        self.made += other.made;
        self.retries += other.retries;
        self.unknown += other.unknown;
        self.unreadable += other.unreadable;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
    }
}
