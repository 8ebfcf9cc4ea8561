//! How long the plane takes to answer in virtual time, where a scenario says so.
//!
//! Virtual time takes no wall time, so nothing can be measured there. A model
//! makes answers come late: each by a draw of its own, from the call's being made
//! to its answer, and nodes live with it as with a slow plane. What is counted as
//! latency is then simulated time, from the intended instant to the answer, faults
//! on the way included.
//!
//! Invariant: no answer comes sooner than a message takes either way, so the
//! windows hold.

use std::time::Duration;

use agent::call::Answer;
use agent::distribution::Distribution;
use shared::seed::Seed;
use shared::time::{Period, Timestamp};

use super::LOOKAHEAD;
use super::way::End;
use crate::measure::Spent;
use crate::plan::Plan;
use crate::shard::Caller;

/// How long the plane takes to answer.
#[derive(Debug, Clone, Copy)]
pub struct LatencyModel {
    distribution: Distribution,
    seed: Seed,
}

impl LatencyModel {
    /// The plan's, if it has one.
    pub fn of(plan: &Plan) -> Option<Self> {
        plan.latency_model.map(|distribution| Self { distribution, seed: plan.catalogue.seed })
    }

    /// How long this call takes beyond what messages take anyway.
    fn beyond(&self, caller: Caller, attempt: u8) -> Period {
        let draw = self.seed.draw("latency-model", u64::from(caller.node)).part(caller.lane as u64);
        let number = u64::from(caller.number) << 8 | u64::from(attempt);
        self.distribution.period(draw, "answer", number) - LOOKAHEAD * 2
    }

    /// The end of a call that the plane answered, later. Whoever waits too long gives up.
    pub(super) fn delay(&self, end: End, caller: Caller, attempt: u8, made: Timestamp, limit: Period) -> End {
        let gives_up = made + limit;
        if matches!(end.answer, Answer::Unreachable) || end.at >= gives_up {
            return end;
        }
        let at = end.at + self.beyond(caller, attempt);
        if at <= gives_up {
            return End { at, ..end };
        }
        End::at(gives_up, Answer::Unreachable)
    }
}

/// What a call took that was meant to be made then, in simulated time.
pub(super) fn spent(at: Timestamp, intended: Timestamp) -> Spent {
    Spent { latency: Duration::from_millis(at.since(intended).as_milliseconds()), held: Duration::ZERO }
}
