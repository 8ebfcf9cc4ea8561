//! What was seen, in numbers.
//!
//! Each shard measures for itself; [`Measures::merge`] adds shards up in a way
//! that does not depend on how many there were: sums are integers, lists are
//! sorted when they are read.

pub mod folded;
pub mod live;
pub mod meter;
pub mod recent;
pub mod tally;
pub mod timeline;

use std::collections::BTreeMap;
use std::time::Duration;

use agent::call::Answer;
use agent::identity::Identity;
use agent::lane::LaneName;
use agent::node::{Ended, Fatality, Note};
use hdrhistogram::Histogram;
use shared::error::ErrorCode;
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus;
use shared::time::Timestamp;

use self::folded::FoldedRuns;
use self::live::RunCounts;
use self::recent::Recent;
use self::tally::Heartbeats;
use crate::churn::Replaced;
use crate::history::Ending;
use crate::shard::Completion;

/// What a shard's nodes did.
#[derive(Debug, Default, Clone)]
pub struct Measures {
    /// Calls that came to their end, by operation.
    pub calls: BTreeMap<&'static str, Calls>,
    /// The runs that ended, by association, but for those that were folded.
    pub runs: BTreeMap<AssociationId, Vec<Ran>>,
    /// Those, by association.
    pub folded: BTreeMap<AssociationId, FoldedRuns>,
    /// How many runs could run no step on their platform, by how they ended.
    pub foreign_runs: RunCounts,
    /// How many runs began.
    pub started: u64,
    /// How often a node came online.
    pub came_online: u64,
    /// How often a node that was online ceased to be.
    pub went_offline: u64,
    /// How often a node fell asleep at its start.
    pub fell_asleep: u64,
    /// How many nodes fell asleep because the plane does not accept their id.
    pub ids_not_accepted: u64,
    /// How often faults struck nodes, by their name and what is told beside it.
    pub struck: BTreeMap<(&'static str, Option<&'static str>), u64>,
    /// How often they struck them no more, by their name.
    pub lifted: BTreeMap<&'static str, u64>,
    /// What each window of faults struck, by its number on the board.
    pub windows: BTreeMap<u32, Met>,
    /// How many nodes fell asleep because the plane does not know their platform.
    pub platforms_not_accepted: u64,
    /// How many nodes met a document of which their platform can run nothing.
    pub met_foreign_document: u64,
    /// How often a step had its node rebooted.
    pub reboots: u64,
    /// Runs that their agent gave up unreported after too many reboots.
    pub runs_given_up: u64,
    /// How often a run gathered inventory.
    pub inventories_gathered: u64,
    /// How often a lane was busy when it was due.
    pub started_late: BTreeMap<LaneName, u64>,
    /// How many turns of a lane fell out because it was busy.
    pub skipped: BTreeMap<LaneName, u64>,
    /// Answers to calls that were over.
    pub late_answers: u64,
    /// Reports that were lost for good.
    pub lost_reports: u64,
    /// Agents' worker processes that died, by what they died of.
    pub workers_died: BTreeMap<Fatality, u64>,
    /// How late due entries were served, in microseconds of wall time.
    pub lateness: Option<Histogram<u64>>,
    /// How many runs ended, by association and status.
    pub run_counts: BTreeMap<AssociationId, RunCounts>,
    /// Heartbeats of nodes at work.
    pub heartbeats: Heartbeats,
    /// What of it a person was told, see [`crate::progress`].
    pub(crate) told: crate::progress::Totals,
    /// The nodes that ended for good.
    pub replaced: Vec<Replaced>,
    registered: Vec<(Timestamp, Identity)>,
    recent: Option<Box<Recent>>,
}

/// What a window of faults struck.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Met {
    /// How often it struck a node itself.
    pub nodes: u64,
    /// The calls that met it on their way, by operation.
    pub calls: BTreeMap<&'static str, u64>,
}

/// The calls of one operation.
#[derive(Debug, Default, Clone)]
pub struct Calls {
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
    /// What of it looked how: 16 looks at most.
    pub looks: BTreeMap<Box<str>, u64>,
    /// How long they took from their intended instant, in microseconds of wall time.
    pub latency: Option<Histogram<u64>>,
}

/// So many looks of unreadable answers are told apart, by operation: each body may
/// begin otherwise. Of more it is the first by their letters, whichever came first
/// and on whichever shard; the others are counted alone.
const LOOKS: usize = 16;

/// The end of a run on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ran {
    /// When it ended.
    pub ended: Timestamp,
    /// The node's number.
    pub node: u32,
    /// Which of its incarnations it was.
    pub incarnation: u16,
    /// When it began.
    pub started: Timestamp,
    /// How it ended.
    pub status: AssociationStatus,
    /// Whether the plane took the last report.
    pub is_reported: bool,
    /// Whether the platform could run none of the document.
    pub is_foreign: bool,
}

/// How long a call took on the wall's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// From the call's intended instant to its answer, waiting for a connection
    /// included. How late the start was is told apart as well: [`Measures::lateness`].
    pub latency: Duration,
    /// Waiting for a connection.
    pub held: Duration,
}

/// Three digits hold a latency well enough, up to an hour.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("the bounds are in order")
}

/// Records a duration in microseconds.
pub fn record(histogram: &mut Option<Histogram<u64>>, duration: Duration) {
    histogram.get_or_insert_with(self::histogram).saturating_record(microseconds(duration).max(1));
}

fn microseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Calls {
    /// How many did not end well.
    pub fn errors(&self) -> u64 {
        self.refused.values().sum::<u64>() + self.unknown + self.unreadable
    }

    fn looked(&mut self, look: &str, times: u64) {
        if let Some(count) = self.looks.get_mut(look) {
            *count += times;
            return;
        }
        self.looks.insert(look.into(), times);
        if self.looks.len() > LOOKS {
            self.looks.pop_last();
        }
    }

    fn merge(&mut self, other: Self) {
        self.made += other.made;
        self.retries += other.retries;
        self.unknown += other.unknown;
        self.unreadable += other.unreadable;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        for (look, count) in other.looks {
            self.looked(&look, count);
        }
        merge_histograms(&mut self.latency, other.latency);
    }
}

fn merge_histograms(into: &mut Option<Histogram<u64>>, from: Option<Histogram<u64>>) {
    match (into.as_mut(), from) {
        (_, None) => {}
        (None, from) => *into = from,
        (Some(into), Some(from)) => into.add(from).expect("all histograms have the same bounds"),
    }
}

impl Measures {
    /// Takes note of what happened on a node.
    pub fn note(&mut self, identity: Identity, note: Note, now: Timestamp) {
        match note {
            Note::Registered => self.registered.push((now, identity)),
            Note::Online => self.came_online += 1,
            Note::Hibernating => self.fell_asleep += 1,
            Note::IdNotAccepted => self.ids_not_accepted += 1,
            Note::Started(_) => self.started += 1,
            Note::Ended(ended) => self.ended(identity, ended),
            Note::MetForeignDocument => self.met_foreign_document += 1,
            Note::Rebooting(_) => self.reboots += 1,
            Note::GivenUp(_) => self.runs_given_up += 1,
            Note::InventoryGathered(_) => self.inventories_gathered += 1,
            Note::StartedLate(lane) => *self.started_late.entry(lane).or_default() += 1,
            Note::Skipped(lane, turns) => {
                *self.skipped.entry(lane).or_default() += u64::from(turns);
                if lane == LaneName::Health {
                    self.heartbeats.skipped += u64::from(turns);
                }
            }
            Note::LateAnswer => self.late_answers += 1,
            Note::WorkerDied(fatality) => *self.workers_died.entry(fatality).or_default() += 1,
            Note::ReportLost => self.lost_reports += 1,
            Note::Struck(name, detail) => *self.struck.entry((name, detail)).or_default() += 1,
            Note::Lifted(name) => *self.lifted.entry(name).or_default() += 1,
            Note::PlatformNotAccepted => self.platforms_not_accepted += 1,
            // Told with its id, see `replaced`.
            Note::Replaced => {}
        }
    }

    fn ended(&mut self, by: Identity, run: Ended) {
        let Identity { number: node, incarnation, .. } = by;
        let Ended { association, status, started, ended, is_reported, is_foreign } = run;
        let ran = Ran { ended, node, incarnation, started, status, is_reported, is_foreign };
        self.follow_run(association, ran);
        self.runs.entry(association).or_default().push(ran);
        *self.run_counts.entry(association).or_default().entry(status).or_default() += 1;
        if is_foreign {
            *self.foreign_runs.entry(status).or_default() += 1;
        }
    }

    /// Takes note of a node that this window strikes.
    pub fn struck_by(&mut self, window: u32) {
        self.windows.entry(window).or_default().nodes += 1;
    }

    /// Takes note of a call that meets these windows.
    pub fn meets(&mut self, operation: &'static str, windows: impl IntoIterator<Item = u32>) {
        for window in windows {
            *self.windows.entry(window).or_default().calls.entry(operation).or_default() += 1;
        }
    }

    /// Takes note of a call that came to its end.
    pub fn called(&mut self, completion: &Completion) {
        let calls = self.calls.entry(completion.operation).or_default();
        calls.made += 1;
        calls.retries += u64::from(completion.attempt > 0);
        match Ending::from(&completion.answer) {
            Ending::Ok => {}
            Ending::Fail(code) => *calls.refused.entry(code).or_default() += 1,
            Ending::Unknown => calls.unknown += 1,
            Ending::Unreadable => calls.unreadable += 1,
        }
        if let Answer::Unreadable(_, look) = &completion.answer {
            calls.looked(look, 1);
        }
        if let Some(spent) = completion.spent {
            record(&mut calls.latency, spent.latency);
            self.follow_latency(completion.operation, microseconds(spent.latency));
        }
    }

    /// The nodes that registered since this was last asked.
    pub fn take_registered(&mut self) -> Vec<(Timestamp, Identity)> {
        std::mem::take(&mut self.registered)
    }

    /// Adds another shard's measures.
    pub fn merge(&mut self, other: Self) {
        for (operation, calls) in other.calls {
            self.calls.entry(operation).or_default().merge(calls);
        }
        for (association, runs) in other.runs {
            self.runs.entry(association).or_default().extend(runs);
        }
        for (association, folded) in &other.folded {
            self.folded.entry(*association).or_default().merge(folded);
        }
        for (status, count) in other.foreign_runs {
            *self.foreign_runs.entry(status).or_default() += count;
        }
        for (association, counts) in other.run_counts {
            let sum = self.run_counts.entry(association).or_default();
            for (status, count) in counts {
                *sum.entry(status).or_default() += count;
            }
        }
        self.heartbeats.add(other.heartbeats);
        for (lane, count) in other.started_late {
            *self.started_late.entry(lane).or_default() += count;
        }
        for (lane, count) in other.skipped {
            *self.skipped.entry(lane).or_default() += count;
        }
        self.replaced.extend(other.replaced);
        self.started += other.started;
        self.came_online += other.came_online;
        self.went_offline += other.went_offline;
        self.reboots += other.reboots;
        self.runs_given_up += other.runs_given_up;
        self.inventories_gathered += other.inventories_gathered;
        self.fell_asleep += other.fell_asleep;
        self.ids_not_accepted += other.ids_not_accepted;
        self.met_foreign_document += other.met_foreign_document;
        self.platforms_not_accepted += other.platforms_not_accepted;
        for (fault, count) in other.struck {
            *self.struck.entry(fault).or_default() += count;
        }
        for (fault, count) in other.lifted {
            *self.lifted.entry(fault).or_default() += count;
        }
        for (window, met) in other.windows {
            let sum = self.windows.entry(window).or_default();
            sum.nodes += met.nodes;
            for (operation, calls) in met.calls {
                *sum.calls.entry(operation).or_default() += calls;
            }
        }
        self.late_answers += other.late_answers;
        self.lost_reports += other.lost_reports;
        for (fatality, count) in other.workers_died {
            *self.workers_died.entry(fatality).or_default() += count;
        }
        merge_histograms(&mut self.lateness, other.lateness);
    }

    /// The runs of an association that are kept one by one, by their end.
    pub fn runs_of(&self, association: AssociationId) -> Vec<Ran> {
        let mut runs = self.runs.get(&association).cloned().unwrap_or_default();
        runs.sort_unstable();
        runs
    }

    /// The ids of the nodes that ended for good.
    pub fn gone(&self) -> impl Iterator<Item = NodeId> {
        self.replaced.iter().map(|replaced| replaced.id)
    }

    /// How many calls came to their end.
    pub fn calls_made(&self) -> u64 {
        self.calls.values().map(|calls| calls.made).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_looks_are_told_apart_does_not_depend_on_who_saw_them_first() {
        let looks: Vec<String> = (0..40).map(|number| format!("HTTP {number}")).collect();
        let seen = |looks: &mut dyn Iterator<Item = &String>| {
            let mut calls = Calls::default();
            looks.for_each(|look| calls.looked(look, 2));
            calls
        };
        let mut alone = seen(&mut looks.iter());
        assert_eq!(alone.looks.len(), LOOKS);
        let mut cut = seen(&mut looks.iter().rev().step_by(2));
        cut.merge(seen(&mut looks.iter().step_by(2)));
        assert_eq!(alone.looks, cut.looks);
        alone.looked("HTTP 0", 1);
        assert_eq!(alone.looks["HTTP 0"], 3);
    }
}
