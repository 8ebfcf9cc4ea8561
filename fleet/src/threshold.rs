//! What must come of a run: a bound on a metric, and whether it held.
//!
//! Thresholds are judged at the end, of everything that is known then. Those that
//! end the run are looked at each simulated second as well: one that does not
//! hold ends it in good order, and has failed whatever comes after.
//!
//! Invariant: what could not be measured is *not evaluated*. It has not passed,
//! and says why.

use std::fmt;

use serde::Serialize;
use shared::time::Period;

use crate::measure::live::{Live, Unread};
use crate::metric::bound::{Bound, Unit};
use crate::metric::selection::Selection;
use crate::report::words::{count, counted};

/// A bound on a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Which metric.
    pub selection: Selection,
    /// How it must lie.
    pub bound: Bound,
    /// Whether the run ends as soon as it does not hold.
    pub is_abort: bool,
    /// From when on it may, from the start of the run.
    pub after: Period,
}

/// What came of a threshold.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Outcome {
    /// The metric, with its labels.
    pub metric: String,
    /// The bound on it.
    pub bound: String,
    /// Whether it held.
    pub verdict: Verdict,
    /// What was measured, in its unit; `None` if nothing was, or what should have come to an end never did.
    pub value: Option<f64>,
    /// The unit of what was measured.
    pub unit: UnitName,
    /// Whether what was measured never came to its end.
    pub is_never: bool,
    /// Whether it ended the run before its time.
    pub has_ended_run: bool,
    /// Why it was not evaluated, if it was not, or what of what was measured never came to its end.
    pub reason: Option<String>,
}

/// Whether a threshold held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It did.
    Passed,
    /// It did not.
    Failed,
    /// Nobody can say.
    NotEvaluated,
}

/// The unit of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnitName {
    /// Seconds.
    Seconds,
    /// A share of all, from 0 to 1.
    Share,
    /// So many in a simulated second.
    PerSecond,
    /// A number.
    Number,
}

/// A threshold that did not hold, and ended the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Broken {
    /// Its place among the thresholds.
    pub place: usize,
    /// What was measured then.
    pub value: f64,
}

impl Threshold {
    /// What comes of it, by what is known at the end. If it ended the run, it has failed.
    pub fn judge(&self, live: &Live, broken: Option<f64>) -> Outcome {
        let found = broken.map_or_else(|| live.read(&self.selection, self.bound.aggregate), Ok);
        let (verdict, reason) = match found {
            Ok(number) if broken.is_none() && self.bound.holds(number) => (Verdict::Passed, None),
            Ok(_) => (Verdict::Failed, None),
            Err(unread) => (Verdict::NotEvaluated, Some(unread.to_string())),
        };
        let is_never = found.is_ok_and(f64::is_infinite);
        let nevers = || {
            let (never, all) = live.nevers(&self.selection)?;
            Some(format!("{} of {} never came to it", count(never), counted(all, "node")))
        };
        let reason = if is_never { nevers() } else { reason };
        let unit = UnitName::from(self.bound.unit(self.selection.metric));
        let scale = if unit == UnitName::Seconds { 1e6 } else { 1.0 };
        Outcome {
            metric: self.selection.to_string(),
            bound: self.bound.to_string(),
            verdict,
            value: found.ok().filter(|number| number.is_finite()).map(|number| number / scale),
            unit,
            is_never,
            has_ended_run: broken.is_some(),
            reason,
        }
    }
}

/// The first of these that is to end the run, if one is.
pub fn broken(thresholds: &[Threshold], live: &Live) -> Option<Broken> {
    let ends = |threshold: &Threshold| -> Result<Option<f64>, Unread> {
        let value = live.read(&threshold.selection, threshold.bound.aggregate)?;
        Ok((!threshold.bound.holds(value)).then_some(value))
    };
    let since = live.at.since(live.started);
    let may_end = |threshold: &Threshold| threshold.is_abort && threshold.after <= since;
    thresholds.iter().enumerate().filter(|(_, threshold)| may_end(threshold)).find_map(
        |(place, threshold)| {
            // What was not measured yet may be measured later.
            let value = ends(threshold).ok().flatten()?;
            Some(Broken { place, value })
        },
    )
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.selection, self.bound)
    }
}

impl From<Unit> for UnitName {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Duration => Self::Seconds,
            Unit::Share => Self::Share,
            Unit::PerSecond => Self::PerSecond,
            Unit::Number => Self::Number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::live::{AssociationTimes, Samples};
    use shared::time::Timestamp;

    fn threshold(metric: &str, bound: &str, is_abort: bool) -> Threshold {
        let selection: Selection = metric.parse().unwrap();
        let bound = Bound::parse(selection.metric, bound).unwrap();
        Threshold { selection, bound, is_abort, after: Period::ZERO }
    }

    fn live() -> Live {
        let mut to_success = Samples::default();
        (1..=9).for_each(|minutes| to_success.add(Period::minutes(minutes)));
        to_success.add_never(1);
        let times = AssociationTimes { to_success, ..AssociationTimes::default() };
        Live { is_virtual: true, associations: [("patch".to_owned(), times)].into(), ..Live::default() }
    }

    #[test]
    fn a_threshold_passes_fails_or_is_not_evaluated() {
        let cases = [
            ("time_to_success", "p(90) < 10m", Verdict::Passed, Some(540.0), false),
            ("time_to_success", "p(90) < 9m", Verdict::Failed, Some(540.0), false),
            ("time_to_success", "max < 2h", Verdict::Failed, None, true),
            ("errors", "count == 0", Verdict::Passed, Some(0.0), false),
            ("errors", "rate < 1%", Verdict::NotEvaluated, None, false),
            ("latency", "p(99) < 250ms", Verdict::NotEvaluated, None, false),
        ];
        for (metric, bound, verdict, value, is_never) in cases {
            let outcome = threshold(metric, bound, false).judge(&live(), None);
            assert_eq!(
                (outcome.verdict, outcome.value, outcome.is_never),
                (verdict, value, is_never),
                "{metric}"
            );
            assert_eq!(outcome.reason.is_some(), is_never || verdict == Verdict::NotEvaluated);
            if is_never {
                assert_eq!(outcome.reason.as_deref(), Some("1 of 10 nodes never came to it"));
            }
        }
    }

    #[test]
    fn what_is_to_be_looked_at_later_ends_nothing_before() {
        let empty = Threshold { after: Period::minutes(10), ..threshold("online", "value >= 1", true) };
        let started = Timestamp::from_seconds(1_000);
        let at = |after| Live { started, at: started + after, ..Live::default() };
        assert_eq!(broken(std::slice::from_ref(&empty), &at(Period::milliseconds(599_999))), None);
        let found = broken(std::slice::from_ref(&empty), &at(Period::minutes(10))).unwrap();
        assert_eq!((found.place, found.value), (0, 0.0));
    }

    #[test]
    fn the_first_that_does_not_hold_ends_the_run_if_it_is_meant_to() {
        let thresholds = [
            threshold("errors", "count > 5", false),
            threshold("errors", "rate < 1%", true),
            threshold("time_to_success", "p(50) < 1m", true),
            threshold("errors", "count > 5", true),
        ];
        let broken = broken(&thresholds, &live()).unwrap();
        assert_eq!((broken.place, broken.value), (2, 300e6));
        let later = Live::default();
        let outcome = thresholds[2].judge(&later, Some(broken.value));
        assert_eq!((outcome.verdict, outcome.value), (Verdict::Failed, Some(300.0)));
        assert!(outcome.has_ended_run);
        assert_eq!(super::broken(&thresholds[..2], &live()), None);
    }
}
