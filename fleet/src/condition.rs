//! A condition over a run's measures: `online < 900`,
//! `errors{code=ThrottlingException}: rate > 5%`.
//!
//! It is a metric and a bound on it, in the words of thresholds. It is asked at
//! whole simulated seconds, of what is known then.
//!
//! Invariant: of what was not measured no condition holds.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};

use crate::measure::live::Live;
use crate::metric::bound::{Bound, InvalidBound};
use crate::metric::selection::{InvalidSelection, Selection};
use crate::metric::{Known, Metric};

/// A metric, and a bound on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Which metric.
    pub selection: Selection,
    /// How it must lie.
    pub bound: Bound,
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCondition {
    /// It names no metric.
    #[error(transparent)]
    Selection(#[from] InvalidSelection),
    /// It sets no bound.
    #[error(transparent)]
    Bound(#[from] InvalidBound),
    /// It is not known while the run goes on.
    #[error("`{}` is known at the end only, when the plane is asked: it can be a threshold, and no condition", .0.as_str())]
    NotYet(Metric),
}

impl Condition {
    /// Reads a condition.
    pub fn parse(text: &str) -> Result<Self, InvalidCondition> {
        let (selection, rest) = Selection::parse_front(text)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        let bound = Bound::parse(selection.metric, rest)?;
        if selection.metric.description().known == Known::AtEnd {
            return Err(InvalidCondition::NotYet(selection.metric));
        }
        Ok(Self { selection, bound })
    }

    /// Whether it holds of what is known.
    pub fn holds(&self, live: &Live) -> bool {
        let number = live.read(&self.selection, self.bound.aggregate);
        number.is_ok_and(|number| self.bound.holds(number))
    }
}

impl FromStr for Condition {
    type Err = InvalidCondition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.selection, self.bound)
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::CohortState;

    #[test]
    fn a_condition_holds_of_what_is_known() {
        let state = |online, hibernating| CohortState { nodes: 10, starting: 0, online, hibernating };
        let live = Live {
            cohort_names: ["web".to_owned(), "db".to_owned()].into(),
            cohorts: vec![state(7, 3), state(10, 0)],
            ..Live::default()
        };
        let cases = [
            ("online < 18", true),
            ("online < 17", false),
            ("online: value >= 17", true),
            ("online{cohort=db} == 10", true),
            ("hibernating{cohort=web} > 2", true),
            ("errors{code=ThrottlingException}: count == 0", true),
            ("errors{code=ThrottlingException}: rate == 0%", false),
            ("time_to_success{association=patch}: p(99) > 1s", false),
        ];
        for (text, holds) in cases {
            let condition = Condition::parse(text).unwrap();
            assert_eq!(condition.holds(&live), holds, "{text}");
            assert_eq!(Condition::parse(&condition.to_string()), Ok(condition));
        }
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        let cases = [
            ("onlin < 5", "the nearest is `online`"),
            ("online", "`` is no bound: expected one such as value >= 900"),
            ("online < 5m", "`5m` cannot be compared"),
            ("missing: count == 0", "`missing` is known at the end only"),
        ];
        for (text, expected) in cases {
            let error = Condition::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
