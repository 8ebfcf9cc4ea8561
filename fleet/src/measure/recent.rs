//! What happened since somebody last asked, for whoever follows a run.
//!
//! Measures add up over the whole run; this is taken away each time it is asked
//! for, so it stays as small as a second is long. Nobody keeps it for a shard
//! that nobody follows.

use hdrhistogram::Histogram;
use shared::id::AssociationId;
use shared::time::Timestamp;

use super::{Measures, Ran, tally::Tally};
use crate::simulation::CohortState;

/// The calls that were made in a second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Second {
    /// Which.
    pub second: i64,
    /// How many, by operation, in no order.
    pub calls: Vec<(&'static str, u32)>,
}

/// What is followed beside what is always counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Follow {
    /// What is counted: somebody asks for it while the run goes on.
    pub counts: bool,
    /// Each run that ends.
    pub runs: bool,
    /// How long each call took.
    pub latencies: bool,
    /// How late due entries were served.
    pub lateness: bool,
}

/// What happened since somebody last asked.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    follow: Follow,
    seconds: Vec<Second>,
    runs: Vec<(AssociationId, Ran)>,
    latencies: Vec<(&'static str, u64)>,
}

/// What a shard tells whoever follows it.
#[derive(Debug, Default)]
pub struct Pulse {
    /// What was counted since the run began, if that is followed.
    pub tally: Tally,
    /// How the nodes of each cohort stand.
    pub cohorts: Vec<CohortState>,
    /// The calls that were made since the last one, in seconds that are over.
    pub seconds: Vec<Second>,
    /// How many runs are kept one by one.
    pub kept_runs: usize,
    /// The runs that ended since the last one.
    pub runs: Vec<(AssociationId, Ran)>,
    /// How long the calls took that ended since the last one, in microseconds.
    pub latencies: Vec<(&'static str, u64)>,
    /// How late due entries were served since the run began, if that is followed.
    pub lateness: Option<Histogram<u64>>,
}

impl Second {
    /// Adds so many calls of an operation. There are few, and the same name is
    /// mostly the same text: to look at each is faster than any order.
    pub fn add(&mut self, operation: &'static str, count: u32) {
        let known =
            self.calls.iter_mut().find(|(name, _)| std::ptr::eq(*name, operation) || *name == operation);
        match known {
            Some((_, calls)) => *calls += count,
            None => self.calls.push((operation, count)),
        }
    }

    /// How many calls in all.
    pub fn total(&self) -> u64 {
        self.calls.iter().map(|(_, calls)| u64::from(*calls)).sum()
    }
}

impl Measures {
    /// From here on somebody follows, and takes what is kept for it.
    pub fn follow(&mut self, follow: Follow) {
        self.recent = Some(Box::new(Recent { follow, ..Recent::default() }));
    }

    /// What happened since this was last asked; of calls, in the seconds before `until`.
    pub fn pulse(&mut self, cohorts: Vec<CohortState>, until: Timestamp) -> Pulse {
        let mut pulse = Pulse { cohorts, kept_runs: self.kept_runs(), ..Pulse::default() };
        if self.recent.as_ref().is_some_and(|recent| recent.follow.counts) {
            pulse.tally = Tally::of(self);
        }
        if let Some(recent) = &mut self.recent {
            let over = recent.seconds.partition_point(|made| made.second < second_of(until));
            let later = recent.seconds.split_off(over);
            pulse.seconds = std::mem::replace(&mut recent.seconds, later);
            pulse.runs = std::mem::take(&mut recent.runs);
            pulse.latencies = std::mem::take(&mut recent.latencies);
            pulse.lateness = self.lateness.clone().filter(|_| recent.follow.lateness);
        }
        pulse
    }

    /// Takes note of a call that is made, not before any other.
    pub(crate) fn emitted(&mut self, operation: &'static str, now: Timestamp) {
        if let Some(recent) = &mut self.recent {
            let second = second_of(now);
            if recent.seconds.last().is_none_or(|last| last.second < second) {
                recent.seconds.push(Second { second, calls: Vec::new() });
            }
            let last = recent.seconds.last_mut().expect("there is one now");
            last.add(operation, 1);
        }
    }

    pub(super) fn follow_run(&mut self, association: AssociationId, ran: Ran) {
        if let Some(recent) = self.recent.as_mut().filter(|recent| recent.follow.runs) {
            recent.runs.push((association, ran));
        }
    }

    pub(super) fn follow_latency(&mut self, operation: &'static str, microseconds: u64) {
        if let Some(recent) = self.recent.as_mut().filter(|recent| recent.follow.latencies) {
            recent.latencies.push((operation, microseconds));
        }
    }
}

/// The whole second in which an instant lies.
pub fn second_of(instant: Timestamp) -> i64 {
    instant.milliseconds().div_euclid(1_000)
}
