//! How many nodes are replaced, and of whom.

use std::ops::Range;

use shared::time::Period;

use super::{Plan, PlanError};
use crate::churn::{Churn, MOST_LIVES, Turnover};
use crate::scenario;

const HOUR: f64 = 3_600_000.0;

/// How often each node of a cohort of this size is replaced on average in the run.
pub(super) fn lives(written: &scenario::Cohort, size: u32, duration: Period) -> Result<f64, PlanError> {
    let Some(churn) = written.churn else { return Ok(0.0) };
    let lives = churn * duration.as_milliseconds() as f64 / HOUR / f64::from(size.max(1));
    // What is no number is refused too.
    if churn > 0.0 && lives <= MOST_LIVES {
        return Ok(lives);
    }
    Err(PlanError::Churn { cohort: written.name.clone(), churn: churn.to_string() })
}

impl Plan {
    /// The replacements that are to come among the nodes of these numbers.
    pub(super) fn churn_among(&self, numbers: &Range<u32>) -> Option<Box<Churn>> {
        if self.churn.iter().all(|churn| *churn == 0.0) {
            return None;
        }
        let mut first = 0;
        let mut cohorts = Vec::new();
        let all = self.catalogue.cohorts.iter().zip(&self.sizes).zip(self.at_first.iter().zip(&self.churn));
        for (number, ((cohort, &size), (&(_, at_first), &churn))) in (0..).zip(all) {
            let own = numbers.start.clamp(first, first + size)..numbers.end.clamp(first, first + size);
            let own = own.start - first..own.end - first;
            first += size;
            if churn > 0.0 {
                cohorts.push(Turnover {
                    cohort: number,
                    draw: self.catalogue.seed.draw(&format!("churn of {}", cohort.name), 0),
                    start: self.start,
                    every: HOUR / churn,
                    own,
                    size: at_first,
                    number: 0,
                    next: None,
                });
            }
        }
        Churn::new(cohorts)
    }
}
