//! Whoever follows a run: takes what shards tell, second by second, and makes of
//! it what can be asked.
//!
//! The peak second, the range of a gauge and the times of runs are folded as they
//! come, so nothing here grows with the run's length. A run belongs to the newest
//! dispatch that was there when it began; which there were the operator tells, so
//! a run waits until the operator has looked after its end.
//!
//! Invariant: shards are added up, never put in an order, so their number shows nowhere.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use shared::id::AssociationId;
use shared::time::Timestamp;

use super::folded::{Folding, STRANGE};
use super::live::{AssociationTimes, Live, LiveBoard, Samples, StateRanges};
use super::recent::{Follow, Pulse, Second, second_of};
use super::tally::Tally;
use super::timeline::Timeline;
use super::{Ran, histogram, merge_histograms};
use crate::metric::selection::Selection;
use crate::metric::{Label, Metric};
use crate::operator::rounds::{KnownRounds, Rounds};
use crate::plan::Plan;
use crate::simulation::CohortState;

/// Whoever follows a run.
#[derive(Debug)]
pub struct Meter {
    follow: Follow,
    rounds: Arc<KnownRounds>,
    live: Live,
    timeline: Timeline,
    /// Runs that ended after the operator last looked which rounds there are.
    waiting: Vec<(AssociationId, Ran)>,
    folding: Folding,
    /// Whether the shards are to fold runs now.
    is_time_to_fold: bool,
}

impl Follow {
    /// What must be followed so that these can be asked while the run goes on.
    pub fn of<'a>(asked: impl IntoIterator<Item = &'a Selection>) -> Self {
        let mut follow = Self::default();
        for selection in asked {
            follow.counts = true;
            match selection.metric {
                Metric::TimeToStart | Metric::TimeToSuccess => follow.runs = true,
                Metric::Latency => follow.latencies = true,
                Metric::Lateness => follow.lateness = true,
                _ => {}
            }
        }
        follow
    }
}

impl Meter {
    /// Follows a run of this plan.
    pub fn new(plan: &Plan, rounds: Arc<KnownRounds>, follow: Follow, is_virtual: bool) -> Self {
        let names = plan.catalogue.cohorts.iter().map(|cohort| cohort.name.clone());
        let live = Live {
            at: plan.start,
            started: plan.start,
            is_virtual,
            cohort_names: names.collect(),
            cohorts: vec![CohortState::default(); plan.catalogue.cohorts.len()],
            ranges: vec![StateRanges::default(); plan.catalogue.cohorts.len() + 1],
            ..Live::default()
        };
        Self {
            follow,
            rounds,
            live,
            timeline: Timeline::starting(plan.start),
            waiting: Vec::new(),
            folding: Folding::default(),
            is_time_to_fold: false,
        }
    }

    /// What shards have to keep for it.
    pub fn follow(&self) -> Follow {
        self.follow
    }

    /// The instant up to which it has measured.
    pub fn at(&self) -> Timestamp {
        self.live.at
    }

    /// Puts up what is known, if anybody asks for it while the run goes on.
    pub fn put_up(&self, board: &LiveBoard) {
        if self.follow.counts {
            board.put(self.live.clone());
        }
    }

    /// What is known.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The rounds by which all shards are to fold their runs now, if they are.
    pub fn fold(&self) -> Option<Rounds> {
        self.is_time_to_fold.then(|| self.rounds.read().clone())
    }

    /// The run second by second.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Takes in what the shards tell at this instant; `held` calls have waited for a connection.
    pub fn take(&mut self, at: Timestamp, pulses: Vec<Pulse>, held: Option<u64>) {
        let seconds = second_of(at) - second_of(self.live.at);
        self.live.at = at;
        self.live.held = held;
        self.live.tally = Tally::default();
        self.live.lateness = None;
        let mut cohorts = vec![CohortState::default(); self.live.cohorts.len()];
        let mut made: BTreeMap<i64, Second> = BTreeMap::new();
        self.is_time_to_fold = self.folding.is_due(pulses.iter().map(|pulse| pulse.kept_runs).sum());
        for pulse in pulses {
            self.live.tally.add(pulse.tally);
            cohorts.iter_mut().zip(pulse.cohorts).for_each(|(sum, cohort)| sum.add(cohort));
            for told in pulse.seconds {
                match made.entry(told.second) {
                    Entry::Vacant(none) => _ = none.insert(told),
                    Entry::Occupied(mut sum) => {
                        told.calls.iter().for_each(|(operation, count)| sum.get_mut().add(operation, *count));
                    }
                }
            }
            self.waiting.extend(pulse.runs);
            merge_histograms(&mut self.live.lateness, pulse.lateness);
            for (operation, microseconds) in pulse.latencies {
                let of_operation = self.live.latency.entry(operation).or_insert_with(histogram);
                of_operation.saturating_record(microseconds.max(1));
            }
        }
        self.ranges(cohorts, u64::try_from(seconds).unwrap_or(0));
        let mut all = CohortState::default();
        self.live.cohorts.iter().for_each(|cohort| all.add(*cohort));
        self.timeline.take(made.values(), at, all);
        made.values().for_each(|made| self.herd(made));
        if self.follow.counts {
            let associations = self.rounds.read();
            self.live.tally.name(|id| associations.get(&id).map(|known| known.name.as_str()));
            drop(associations);
            self.fold_runs();
        }
    }

    /// Nodes stood as before in the seconds in which nobody asked, for nothing happened in them.
    fn ranges(&mut self, cohorts: Vec<CohortState>, seconds: u64) {
        let before = std::mem::replace(&mut self.live.cohorts, cohorts);
        for (cohorts, seconds) in [(&before, seconds.saturating_sub(1)), (&self.live.cohorts, seconds.min(1))]
        {
            let mut all = CohortState::default();
            cohorts.iter().for_each(|cohort| all.add(*cohort));
            if all.nodes == 0 {
                continue;
            }
            let states = std::iter::once(&all).chain(cohorts);
            self.live.ranges.iter_mut().zip(states).for_each(|(range, state)| range.add(*state, seconds));
        }
    }

    fn herd(&mut self, made: &Second) {
        let herd = &mut self.live.herd;
        let all = made.total();
        herd.total += all;
        if all > herd.peak {
            (herd.peak, herd.peak_at) = (all, Timestamp::from_seconds(made.second));
        }
        for (operation, count) in &made.calls {
            let (peak, total) = herd.by_operation.entry(operation).or_default();
            *peak = (*peak).max(u64::from(*count));
            *total += u64::from(*count);
        }
    }

    fn fold_runs(&mut self) {
        let Self { rounds, live, waiting, .. } = self;
        let associations = rounds.read();
        waiting.retain(|(id, ran)| {
            let Some(known) = associations.get(id) else { return live.at < ran.ended + STRANGE };
            if known.looked_at <= ran.ended {
                return true;
            }
            if let Some(dispatched) = known.round_of(ran.started) {
                let times = live.associations.entry(known.name.clone()).or_insert_with(folded);
                times.to_start.add(ran.started.since(dispatched));
                if ran.status == shared::status::AssociationStatus::Success {
                    times.to_success.add(ran.ended.since(dispatched));
                }
            }
            false
        });
    }
}

fn folded() -> AssociationTimes {
    AssociationTimes {
        to_start: Samples::folded(),
        to_success: Samples::folded(),
        ..AssociationTimes::default()
    }
}

/// Whether a label of this selection can have the value that it has, by the plan.
pub fn unknown_label<'a>(selection: &'a Selection, plan: &'a Plan) -> Option<(Label, &'a str, Vec<&'a str>)> {
    let cohorts = || plan.catalogue.cohorts.iter().map(|cohort| cohort.name.as_str()).collect::<Vec<_>>();
    let associations = || plan.associations.iter().map(|planned| planned.name()).collect::<Vec<_>>();
    let known: [(Label, &dyn Fn() -> Vec<&'a str>); 2] =
        [(Label::Cohort, &cohorts), (Label::Association, &associations)];
    known.into_iter().find_map(|(label, names)| {
        let value = selection.label(label)?;
        let names = names();
        (!names.contains(&value)).then_some((label, value, names))
    })
}
