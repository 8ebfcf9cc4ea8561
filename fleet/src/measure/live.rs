//! What a run's measures say at a moment: the numbers behind the names of
//! `metric`.
//!
//! A [`Live`] is a value: whoever runs the fleet makes one at whole simulated
//! seconds and puts it on the [`LiveBoard`], where the operator's conditions
//! find it; at the end one is made of everything that is known then. Both are
//! asked in the same way, by [`Live::read`].
//!
//! Invariant: what was not measured is not a number. A reader hears why, and
//! nothing passes for want of samples.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;
use shared::operation::Operation;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::GetMessages;

use super::folded::Durations;
use super::tally::{CallTally, Tally};
use crate::metric::bound::Aggregate;
use crate::metric::selection::Selection;
use crate::metric::{Known, Label, Metric, NO_REPLY, UNREADABLE};
use crate::simulation::CohortState;

/// What is known of a run at a moment.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The moment.
    pub at: Timestamp,
    /// When the run began.
    pub started: Timestamp,
    /// Whether time is virtual: then nothing waits for a connection, and nothing is late.
    pub is_virtual: bool,
    /// Whether the plane was asked what it knows, as it is at the end.
    pub asked: Asked,
    /// The cohorts' names.
    pub cohort_names: Arc<[String]>,
    /// How the nodes of each cohort stand.
    pub cohorts: Vec<CohortState>,
    /// How they stood over the whole seconds so far: of all nodes, and then by cohort.
    pub ranges: Vec<StateRanges>,
    /// What was counted.
    pub tally: Tally,
    /// How often calls waited for a connection; `None` where there are no connections.
    pub held: Option<u64>,
    /// How calls were spread over time.
    pub herd: Herd,
    /// How long calls took, by operation, in microseconds.
    pub latency: BTreeMap<&'static str, Histogram<u64>>,
    /// How late due entries were served, in microseconds.
    pub lateness: Option<Histogram<u64>>,
    /// What is known of each association's rounds, by its name.
    pub associations: BTreeMap<String, AssociationTimes>,
}

/// Whether the plane was asked what it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asked {
    /// Not yet: the run goes on.
    #[default]
    NotYet,
    /// It said nothing.
    Silent,
    /// It said what it knows.
    Said,
}

/// How many nodes stood so over some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The fewest.
    pub least: u64,
    /// The most.
    pub most: u64,
    /// All seconds' numbers, added up.
    pub sum: u64,
    /// How many seconds.
    pub seconds: u64,
}

/// The ranges of all states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateRanges {
    /// Of those at work.
    pub online: Range,
    /// Of those asleep.
    pub hibernating: Range,
    /// Of those not started.
    pub starting: Range,
}

/// How the calls that nodes made were spread over simulated time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Herd {
    /// The most calls in a second, over all operations.
    pub peak: u64,
    /// When that was.
    pub peak_at: Timestamp,
    /// All calls.
    pub total: u64,
    /// The most calls in a second and all calls, by operation.
    pub by_operation: BTreeMap<&'static str, (u64, u64)>,
}

/// What is known of an association's rounds.
#[derive(Debug, Clone, Default)]
pub struct AssociationTimes {
    /// From dispatch to a run's start.
    pub to_start: Samples,
    /// From dispatch to a run's success.
    pub to_success: Samples,
    /// Nodes that rounds were meant for, and those that did not come to an end.
    pub meant_and_missing: (u64, u64),
}

/// Durations, in milliseconds.
#[derive(Debug, Clone)]
pub enum Samples {
    /// Each of them, as far as it is known, and how many never ended.
    Counted(Durations, u64),
    /// Their distribution, to three digits.
    Folded(Histogram<u64>),
}

impl Default for Samples {
    fn default() -> Self {
        Self::Counted(Durations::default(), 0)
    }
}

/// Why a number cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Nothing of it has happened.
    #[error("nothing was measured")]
    NoSamples,
    /// Virtual time takes no wall time.
    #[error("virtual time has no latency: state a `latency_model`, or run over sockets")]
    NoLatency,
    /// Virtual time takes no wall time.
    #[error("virtual time has no lateness, for it waits until all that is due is served: run over sockets")]
    NoLateness,
    /// Virtual time has no sockets.
    #[error("virtual time has no connections that a call could wait for: run over sockets")]
    NoConnections,
    /// The plane is asked at the end.
    #[error("it is known at the end only")]
    NotYet,
    /// It was asked, and said nothing.
    #[error("the plane did not say what it knows")]
    NotSaid,
}

impl Unread {
    /// Why a metric cannot be told in virtual time, if it cannot.
    pub fn in_virtual_time(metric: Metric, has_latency_model: bool) -> Option<Self> {
        match metric {
            Metric::Held => Some(Self::NoConnections),
            Metric::Lateness => Some(Self::NoLateness),
            Metric::Latency if !has_latency_model => Some(Self::NoLatency),
            _ => None,
        }
    }
}

impl Range {
    /// Adds this many, as they stood in one second.
    pub fn add(&mut self, number: u64, seconds: u64) {
        if seconds == 0 {
            return;
        }
        self.least = if self.seconds == 0 { number } else { self.least.min(number) };
        self.most = self.most.max(number);
        self.sum += number * seconds;
        self.seconds += seconds;
    }
}

impl StateRanges {
    /// Adds how nodes stood for so many seconds.
    pub fn add(&mut self, state: CohortState, seconds: u64) {
        self.online.add(state.online.into(), seconds);
        self.hibernating.add(state.hibernating.into(), seconds);
        self.starting.add(state.starting.into(), seconds);
    }
}

impl Herd {
    /// The busiest second over the mean one of so long a run, of one operation or of all.
    pub fn factor(&self, operation: Option<&str>, over: Period) -> Option<f64> {
        let (peak, total) = match operation {
            None => (self.peak, self.total),
            Some(operation) => *self.by_operation.get(operation)?,
        };
        let seconds = over.as_seconds();
        (total > 0 && seconds > 0.0).then(|| peak as f64 * seconds / total as f64)
    }
}

impl AssociationTimes {
    /// Adds those of another association of the same name.
    pub fn add(&mut self, other: Self) {
        self.to_start = Samples::merged([&self.to_start, &other.to_start].into_iter());
        self.to_success = Samples::merged([&self.to_success, &other.to_success].into_iter());
        self.meant_and_missing.0 += other.meant_and_missing.0;
        self.meant_and_missing.1 += other.meant_and_missing.1;
    }
}

impl Samples {
    /// A distribution without a sample, for periods of any length.
    pub fn folded() -> Self {
        let longest = Period::days(36_525).as_milliseconds();
        Self::Folded(Histogram::new_with_bounds(1, longest, 3).expect("the bounds are in order"))
    }

    /// Adds one.
    pub fn add(&mut self, period: Period) {
        match self {
            Self::Counted(samples, _) => samples.add(period),
            Self::Folded(histogram) => histogram.saturating_record(period.as_milliseconds()),
        }
    }

    /// Adds those that were folded.
    pub fn add_folded(&mut self, folded: &Durations) {
        if let Self::Counted(samples, _) = self {
            samples.merge(folded, Period::ZERO);
        }
    }

    /// Adds so many that never came to their end.
    pub fn add_never(&mut self, count: u64) {
        if let Self::Counted(_, never) = self {
            *never += count;
        }
    }

    fn merged<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut merged = Self::default();
        for samples in all {
            match (&mut merged, samples) {
                (Self::Counted(into, nevers), Self::Counted(from, never)) => {
                    into.merge(from, Period::ZERO);
                    *nevers += never;
                }
                (Self::Folded(into), Self::Folded(from)) => {
                    into.add(from).expect("all histograms have the same bounds");
                }
                (_, samples) => merged = samples.clone(),
            }
        }
        merged
    }

    /// In microseconds.
    fn read(self, aggregate: Aggregate) -> Option<f64> {
        match self {
            Self::Folded(histogram) => of_histogram(&histogram, aggregate).map(|milliseconds| {
                if aggregate == Aggregate::Count { milliseconds } else { milliseconds * 1_000.0 }
            }),
            Self::Counted(samples, never) => {
                let count = samples.count() + never;
                if aggregate == Aggregate::Count {
                    return Some(samples.count() as f64);
                }
                if count == 0 {
                    return None;
                }
                let at = |hundredths: f64| {
                    let rank = (hundredths / 100.0 * count as f64).ceil().max(1.0) as u64;
                    samples
                        .of_rank(rank)
                        .map_or(f64::INFINITY, |found| found.as_milliseconds() as f64 * 1_000.0)
                };
                Some(match aggregate {
                    Aggregate::Average if never > 0 => f64::INFINITY,
                    Aggregate::Average => samples.mean()? * 1_000.0,
                    Aggregate::Minimum => at(0.0),
                    Aggregate::Median => at(50.0),
                    Aggregate::Percentile(hundredths) => at(hundredths),
                    _ => at(100.0),
                })
            }
        }
    }
}

/// Of what a histogram holds, in its own unit.
fn of_histogram(histogram: &Histogram<u64>, aggregate: Aggregate) -> Option<f64> {
    if aggregate == Aggregate::Count {
        return Some(histogram.len() as f64);
    }
    if histogram.is_empty() {
        return None;
    }
    Some(match aggregate {
        Aggregate::Average => histogram.mean(),
        Aggregate::Minimum => histogram.min() as f64,
        Aggregate::Median => histogram.value_at_quantile(0.5) as f64,
        Aggregate::Percentile(hundredths) => histogram.value_at_quantile(hundredths / 100.0) as f64,
        _ => histogram.max() as f64,
    })
}

impl Live {
    /// What a metric says. A duration is told in microseconds, what never came to
    /// its end as infinite; a share from 0 to 1.
    pub fn read(&self, selection: &Selection, aggregate: Aggregate) -> Result<f64, Unread> {
        match (selection.metric.description().known, self.asked) {
            (Known::AtEnd, Asked::NotYet) => return Err(Unread::NotYet),
            (Known::AtEnd, Asked::Silent) => return Err(Unread::NotSaid),
            _ => {}
        }
        match selection.metric {
            Metric::Online | Metric::Hibernating | Metric::Starting => self.gauge(selection, aggregate),
            Metric::HerdFactor => {
                let operation = selection.label(Label::Operation);
                self.herd.factor(operation, self.at.since(self.started)).ok_or(Unread::NoSamples)
            }
            Metric::Held => self.held.map(|held| held as f64).ok_or(Unread::NoConnections),
            Metric::Lateness if self.is_virtual => Err(Unread::NoLateness),
            Metric::Lateness => {
                self.lateness.as_ref().and_then(|all| of_histogram(all, aggregate)).ok_or(Unread::NoSamples)
            }
            Metric::Latency => self.latency(selection, aggregate),
            Metric::TimeToStart | Metric::TimeToSuccess if self.asked == Asked::Silent => {
                Err(Unread::NotSaid)
            }
            Metric::TimeToStart | Metric::TimeToSuccess => {
                let times = self.associations_of(selection);
                let samples = times.map(|times| match selection.metric {
                    Metric::TimeToStart => &times.to_start,
                    _ => &times.to_success,
                });
                Samples::merged(samples).read(aggregate).ok_or(Unread::NoSamples)
            }
            Metric::Calls
            | Metric::Errors
            | Metric::LostReports
            | Metric::MissedHeartbeats
            | Metric::Missing
            | Metric::Reboots
            | Metric::Retries
            | Metric::Runs => self.counter(selection, aggregate),
        }
    }

    /// How many of how many durations never came to their end.
    pub fn nevers(&self, selection: &Selection) -> Option<(u64, u64)> {
        let samples = self.associations_of(selection).map(|times| match selection.metric {
            Metric::TimeToStart => &times.to_start,
            _ => &times.to_success,
        });
        match Samples::merged(samples) {
            Samples::Counted(samples, never) => Some((never, never + samples.count())),
            Samples::Folded(_) => None,
        }
    }

    fn gauge(&self, selection: &Selection, aggregate: Aggregate) -> Result<f64, Unread> {
        let place = match selection.label(Label::Cohort) {
            None => None,
            Some(cohort) => {
                let place = self.cohort_names.iter().position(|name| name == cohort);
                Some(place.ok_or(Unread::NoSamples)?)
            }
        };
        let of = |ranges: &StateRanges| match selection.metric {
            Metric::Online => ranges.online,
            Metric::Hibernating => ranges.hibernating,
            _ => ranges.starting,
        };
        let now = |state: &CohortState| match selection.metric {
            Metric::Online => u64::from(state.online),
            Metric::Hibernating => u64::from(state.hibernating),
            _ => u64::from(state.starting),
        };
        if aggregate == Aggregate::Value {
            return Ok(match place {
                None => self.cohorts.iter().map(now).sum::<u64>() as f64,
                Some(place) => self.cohorts.get(place).map_or(0, now) as f64,
            });
        }
        let range = self.ranges.get(place.map_or(0, |place| place + 1)).map(of).unwrap_or_default();
        if range.seconds == 0 {
            return Err(Unread::NoSamples);
        }
        Ok(match aggregate {
            Aggregate::Minimum => range.least as f64,
            Aggregate::Average => range.sum as f64 / range.seconds as f64,
            _ => range.most as f64,
        })
    }

    fn latency(&self, selection: &Selection, aggregate: Aggregate) -> Result<f64, Unread> {
        let operation = selection.label(Label::Operation);
        // A question for messages is held on purpose: it counts where it is asked for.
        let is_meant = |(name, _): &(&&'static str, _)| {
            operation.map_or(**name != GetMessages::NAME, |operation| operation == **name)
        };
        let mut all: Option<Histogram<u64>> = None;
        for (_, histogram) in self.latency.iter().filter(is_meant) {
            match &mut all {
                None => all = Some(histogram.clone()),
                Some(all) => all.add(histogram).expect("all histograms have the same bounds"),
            }
        }
        match all.and_then(|all| of_histogram(&all, aggregate)) {
            Some(number) => Ok(number),
            None if self.is_virtual && self.latency.is_empty() => Err(Unread::NoLatency),
            None => Err(Unread::NoSamples),
        }
    }

    fn counter(&self, selection: &Selection, aggregate: Aggregate) -> Result<f64, Unread> {
        let (count, of) = self.counts(selection);
        match aggregate {
            Aggregate::Share if of == 0 => Err(Unread::NoSamples),
            Aggregate::Share => Ok(count as f64 / of as f64),
            Aggregate::PerSecond => {
                let seconds = self.at.since(self.started).as_seconds();
                if seconds > 0.0 { Ok(count as f64 / seconds) } else { Err(Unread::NoSamples) }
            }
            _ => Ok(count as f64),
        }
    }

    /// How many there are of it, and of how many.
    fn counts(&self, selection: &Selection) -> (u64, u64) {
        let tally = &self.tally;
        match selection.metric {
            Metric::LostReports => (tally.lost_reports, 0),
            Metric::Reboots => (tally.reboots, 0),
            Metric::MissedHeartbeats => (tally.heartbeats.missed(), tally.heartbeats.due()),
            Metric::Missing => self
                .associations_of(selection)
                .map(|times| times.meant_and_missing)
                .fold((0, 0), |sum, (meant, missing)| (sum.0 + missing, sum.1 + meant)),
            Metric::Runs => self.runs(selection),
            metric => {
                let operation = selection.label(Label::Operation);
                let is_meant = |name: &str| operation.is_none_or(|operation| operation == name);
                let calls = tally.calls.iter().filter(|(name, _)| is_meant(name));
                let count = |calls: &CallTally| match metric {
                    Metric::Errors => errors(calls, selection.label(Label::Code)),
                    Metric::Retries => calls.retries,
                    _ => calls.made,
                };
                calls.fold((0, 0), |sum, (_, calls)| (sum.0 + count(calls), sum.1 + calls.made))
            }
        }
    }

    fn runs(&self, selection: &Selection) -> (u64, u64) {
        let association = selection.label(Label::Association);
        let status = selection.label(Label::Status);
        let mut sum = (0, 0);
        for (name, runs) in &self.tally.named_runs {
            if association.is_none_or(|association| association == name) {
                for (ended, count) in runs {
                    sum.1 += count;
                    sum.0 += if status.is_none_or(|status| status == ended.as_str()) { *count } else { 0 };
                }
            }
        }
        sum
    }

    fn associations_of<'a>(&'a self, selection: &'a Selection) -> impl Iterator<Item = &'a AssociationTimes> {
        let association = selection.label(Label::Association);
        let all = self.associations.iter();
        all.filter(move |(name, _)| association.is_none_or(|association| association == *name))
            .map(|(_, times)| times)
    }
}

fn errors(calls: &CallTally, code: Option<&str>) -> u64 {
    match code {
        None => calls.refused.values().sum::<u64>() + calls.unknown + calls.unreadable,
        Some(NO_REPLY) => calls.unknown,
        Some(UNREADABLE) => calls.unreadable,
        Some(code) => {
            let refused = calls.refused.iter().filter(|(refusal, _)| refusal.as_str() == code);
            refused.map(|(_, count)| count).sum()
        }
    }
}

/// How runs of an association ended.
pub type RunCounts = BTreeMap<AssociationStatus, u64>;

/// Where what is known stands for whoever decides by it.
#[derive(Debug, Default)]
pub struct LiveBoard(Mutex<Arc<Live>>);

impl LiveBoard {
    /// What is known.
    pub fn read(&self) -> Arc<Live> {
        // Whoever panicked while it held the lock has put nothing half.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts up what is known now.
    pub fn put(&self, live: Live) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
    }
}

#[cfg(test)]
mod tests;
