//! What happened since somebody last asked, for whoever follows a run.
//!
//! Measures add up over the whole run; this is taken away each time it is asked
//! for, so it stays as small as a second is long. Nobody keeps it for a shard
//! that nobody follows.

use std::collections::BTreeMap;

use shared::id::AssociationId;
use shared::time::Timestamp;

use super::{Measures, Ran, tally::Tally};
use crate::simulation::CohortState;

/// Calls by the second in which they were made, and by operation.
pub type Seconds = BTreeMap<i64, BTreeMap<&'static str, u64>>;

/// What is followed beside what is always counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Follow {
    /// Each run that ends.
    pub runs: bool,
    /// How long each call took.
    pub latencies: bool,
}

/// What happened since somebody last asked.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    follow: Follow,
    seconds: Seconds,
    runs: Vec<(AssociationId, Ran)>,
    latencies: Vec<(&'static str, u64)>,
}

/// What a shard tells whoever follows it.
#[derive(Debug, Default)]
pub struct Pulse {
    /// What was counted since the run began.
    pub tally: Tally,
    /// How the nodes of each cohort stand.
    pub cohorts: Vec<CohortState>,
    /// The calls that were made since the last one, in seconds that are over.
    pub seconds: Seconds,
    /// The runs that ended since the last one.
    pub runs: Vec<(AssociationId, Ran)>,
    /// How long the calls took that ended since the last one, in microseconds.
    pub latencies: Vec<(&'static str, u64)>,
}

impl Measures {
    /// From here on somebody follows, and takes what is kept for it.
    pub fn follow(&mut self, follow: Follow) {
        self.recent = Some(Box::new(Recent { follow, ..Recent::default() }));
    }

    /// What happened since this was last asked; of calls, in the seconds before `until`.
    pub fn pulse(&mut self, cohorts: Vec<CohortState>, until: Timestamp) -> Pulse {
        let mut pulse = Pulse { tally: Tally::of(self), cohorts, ..Pulse::default() };
        if let Some(recent) = &mut self.recent {
            let later = recent.seconds.split_off(&second_of(until));
            pulse.seconds = std::mem::replace(&mut recent.seconds, later);
            pulse.runs = std::mem::take(&mut recent.runs);
            pulse.latencies = std::mem::take(&mut recent.latencies);
        }
        pulse
    }

    /// Takes note of a call that is made.
    pub(crate) fn emitted(&mut self, operation: &'static str, now: Timestamp) {
        if let Some(recent) = &mut self.recent {
            *recent.seconds.entry(second_of(now)).or_default().entry(operation).or_default() += 1;
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
