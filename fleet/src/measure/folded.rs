//! Runs that are told by their rounds, no longer one by one.
//!
//! Each run of each node would be more memory with each round. What a report
//! asks of a round that is past are counts and how long its nodes took, so once
//! a node runs for a newer round, its last run for the older one is folded: added
//! to the counts and distributions of that round. Which rounds there are the
//! operator tells ([`KnownRounds`]), and a run waits until it has looked after
//! the run's end. Whoever follows the run has all shards fold at once when there
//! are many runs to fold ([`Folding`]), so what is kept exactly depends on no shard.
//!
//! [`KnownRounds`]: crate::operator::rounds::KnownRounds
//!
//! Invariant: counts are exact, the shortest and the longest too; any other
//! duration that was folded is told too long, by less than a hundredth.

use std::collections::BTreeMap;

use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};

use super::live::RunCounts;
use super::{Measures, Ran};
use crate::operator::rounds::{KnownAssociation, Rounds};

/// Fewer runs than this are kept one by one: they take less than three megabytes.
const FEW: usize = 65_536;

/// A duration keeps this many binary digits when it is folded.
const DIGITS: u32 = 8;

/// A run that ended so long ago, of an association that the operator has not told of, is none of its making.
pub const STRANGE: Period = Period::minutes(15);

/// What the operator hears of rounds may be so old: a plane under a fault tells what was.
const STALE: Period = Period::minutes(15);

/// The runs of an association that are not kept one by one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoldedRuns {
    /// By the instant of the round's dispatch.
    pub rounds: BTreeMap<Timestamp, FoldedRound>,
    /// From dispatch to start, over all rounds.
    pub to_start: Durations,
    /// From dispatch to success, over all rounds.
    pub to_success: Durations,
}

/// The last runs of nodes in a round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FoldedRound {
    /// How they ended.
    pub runs: RunCounts,
    /// How many could run no step on their platform.
    pub foreign: u64,
    /// How many ended with a last report that the plane did not take.
    pub unreported: u64,
    /// From dispatch to end.
    pub ends: Durations,
}

/// Durations, and how often each came, in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Durations {
    cells: BTreeMap<u64, u64>,
    count: u64,
    sum: u64,
    least: u64,
    most: u64,
}

/// When runs are folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folding {
    /// More runs than this are folded.
    limit: usize,
    /// Whether they were, and nobody knows yet how many are left.
    is_asked: bool,
}

impl Default for Folding {
    fn default() -> Self {
        Self { limit: FEW, is_asked: false }
    }
}

impl Folding {
    /// Whether it is time to fold, where so many runs are kept. What is left after
    /// that has to double before it is time again.
    pub fn is_due(&mut self, kept: usize) -> bool {
        if std::mem::take(&mut self.is_asked) {
            self.limit = (2 * kept).max(FEW);
        }
        self.is_asked = kept > self.limit;
        self.is_asked
    }
}

impl Durations {
    /// Adds one.
    pub fn add(&mut self, period: Period) {
        let exactly = period.as_milliseconds();
        self.add_as(exactly, exactly);
    }

    /// Adds one, in one of few places.
    fn fold(&mut self, period: Period) {
        let exactly = period.as_milliseconds();
        let beyond = (u64::BITS - exactly.leading_zeros()).saturating_sub(DIGITS);
        let rest = (1_u64 << beyond) - 1;
        self.add_as(exactly, exactly | rest);
    }

    fn add_as(&mut self, exactly: u64, cell: u64) {
        self.least = if self.count == 0 { exactly } else { self.least.min(exactly) };
        self.most = self.most.max(exactly);
        self.sum = self.sum.saturating_add(exactly);
        self.count += 1;
        *self.cells.entry(cell).or_default() += 1;
    }

    /// Adds others, each longer by this.
    pub fn merge(&mut self, other: &Self, later: Period) {
        if other.count == 0 {
            return;
        }
        let later = later.as_milliseconds();
        let least = other.least + later;
        self.least = if self.count == 0 { least } else { self.least.min(least) };
        self.most = self.most.max(other.most + later);
        self.sum = self.sum.saturating_add(other.sum).saturating_add(later.saturating_mul(other.count));
        self.count += other.count;
        for (cell, count) in &other.cells {
            *self.cells.entry(cell + later).or_default() += count;
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, in milliseconds.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum as f64 / self.count as f64)
    }

    /// The one of this rank, the shortest being the first.
    pub fn of_rank(&self, rank: u64) -> Option<Period> {
        if !(1..=self.count).contains(&rank) {
            return None;
        }
        let mut before = 0;
        let mut is_reached = |count: u64| {
            before += count;
            before >= rank
        };
        let found = match rank {
            1 => self.least,
            rank if rank == self.count => self.most,
            _ => *self.cells.iter().find(|(_, count)| is_reached(**count))?.0,
        };
        Some(Period::milliseconds(found.clamp(self.least, self.most)))
    }
}

impl FoldedRound {
    fn fold(&mut self, ran: &Ran, dispatched: Timestamp) {
        *self.runs.entry(ran.status).or_default() += 1;
        self.foreign += u64::from(ran.is_foreign);
        self.unreported += u64::from(!ran.is_reported);
        self.ends.fold(ran.ended.since(dispatched));
    }

    /// Adds one whose dispatch was so much later.
    pub fn merge(&mut self, other: &Self, later: Period) {
        for (status, count) in &other.runs {
            *self.runs.entry(*status).or_default() += count;
        }
        self.foreign += other.foreign;
        self.unreported += other.unreported;
        self.ends.merge(&other.ends, later);
    }

    /// How many runs did not end in Success.
    pub fn unsuccessful(&self) -> u64 {
        let others = self.runs.iter().filter(|(status, _)| **status != AssociationStatus::Success);
        others.map(|(_, count)| count).sum()
    }
}

impl FoldedRuns {
    fn fold(&mut self, ran: &Ran, dispatched: Timestamp) {
        self.rounds.entry(dispatched).or_default().fold(ran, dispatched);
        self.to_start.fold(ran.started.since(dispatched));
        if ran.status == AssociationStatus::Success {
            self.to_success.fold(ran.ended.since(dispatched));
        }
    }

    /// Adds those of another shard.
    pub fn merge(&mut self, other: &Self) {
        for (dispatched, round) in &other.rounds {
            self.rounds.entry(*dispatched).or_default().merge(round, Period::ZERO);
        }
        self.to_start.merge(&other.to_start, Period::ZERO);
        self.to_success.merge(&other.to_success, Period::ZERO);
    }

    /// Folds what it can of these, and gives back the others: of each node the last
    /// run, and those of which the operator may not know the round.
    fn take(&mut self, mut runs: Vec<Ran>, known: &KnownAssociation) -> Vec<Ran> {
        let mut kept: Vec<Ran> = Vec::new();
        runs.sort_unstable_by_key(|ran| (ran.node, ran.incarnation, ran.started, *ran));
        let is_settled = |ran: &Ran| ran.ended + STALE < known.looked_at;
        let (settled, open): (Vec<_>, Vec<_>) = runs.into_iter().partition(is_settled);
        for ran in settled {
            let Some(last) = kept.last_mut().filter(|last| last.node == ran.node) else {
                kept.push(ran);
                continue;
            };
            let before = std::mem::replace(last, ran);
            let is_of = |ran: &Ran| (ran.incarnation, known.round_of(ran.started));
            if is_of(&before) == is_of(&ran) {
                // Of a node that ran twice in a round the last run counts.
                *last = before.max(ran);
            } else if let Some(dispatched) = known.round_of(before.started) {
                self.fold(&before, dispatched);
            }
        }
        kept.extend(open);
        kept
    }
}

impl Measures {
    /// How many runs are kept one by one.
    pub fn kept_runs(&self) -> usize {
        self.runs.values().map(Vec::len).sum()
    }

    /// Folds the runs for rounds that their nodes have left behind.
    pub fn fold(&mut self, known: &Rounds, now: Timestamp) {
        for (id, runs) in &mut self.runs {
            match known.get(id) {
                Some(known) if known.dispatched.is_empty() => {}
                Some(known) => {
                    let folded = self.folded.entry(*id).or_default();
                    *runs = folded.take(std::mem::take(runs), known);
                }
                // Nobody will ask of them but how many there were.
                None => runs.retain(|ran| now < ran.ended + STRANGE),
            }
            runs.shrink_to_fit();
        }
    }

    /// What was folded of an association's runs.
    pub fn folded_of(&self, association: AssociationId) -> FoldedRuns {
        self.folded.get(&association).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
