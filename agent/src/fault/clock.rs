//! A node's clock that goes wrong.
//!
//! It is what the node's bodies carry and what its signatures are dated by. Its
//! waits are not: the real agent's timers run by the monotonic clock.

use serde::Deserialize;
use shared::time::{Period, Timestamp};

/// How far a clock is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skew {
    /// By so much before its time.
    Ahead(Period),
    /// By so much after it.
    Behind(Period),
}

/// The clock jumps, and is set right little by little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockJump {
    /// Where it jumps to.
    pub to: Skew,
    /// After how long it is right again; it comes closer evenly.
    pub corrected_within: Period,
}

/// How far a clock is off, in milliseconds: positive is ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Offset(i64);

impl Offset {
    /// What this clock shows at an instant.
    pub fn of(self, instant: Timestamp) -> Timestamp {
        if instant == Timestamp::NEVER {
            return instant;
        }
        Timestamp::from_milliseconds(instant.milliseconds().saturating_add(self.0))
    }

    /// Whether the clock is right.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Both together.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Skew {
    /// How far the clock is off.
    pub(crate) fn offset(self) -> Offset {
        let signed = |by: Period| i64::try_from(by.as_milliseconds()).unwrap_or(i64::MAX);
        match self {
            Self::Ahead(by) => Offset(signed(by)),
            Self::Behind(by) => Offset(-signed(by)),
        }
    }
}

impl ClockJump {
    /// How far the clock is off so long after it jumped.
    pub(crate) fn offset(self, elapsed: Period) -> Offset {
        let Offset(by) = self.to.offset();
        let within = self.corrected_within.as_milliseconds();
        let left = within.saturating_sub(elapsed.as_milliseconds());
        let share = i128::from(by) * i128::from(left) / i128::from(within.max(1));
        Offset(i64::try_from(share).expect("a share is no more than the whole"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumped_comes_closer_evenly() {
        let jump = |to| ClockJump { to, corrected_within: Period::minutes(10) };
        let (ahead, behind) = (Skew::Ahead(Period::hours(1)), Skew::Behind(Period::hours(1)));
        let cases =
            [(ahead, 0, 3_600), (ahead, 5, 1_800), (behind, 5, -1_800), (ahead, 10, 0), (behind, 90, 0)];
        for (to, minutes, seconds) in cases {
            let shown = jump(to).offset(Period::minutes(minutes)).of(Timestamp::from_seconds(10_000));
            assert_eq!(shown, Timestamp::from_seconds(10_000 + seconds), "{to:?} after {minutes} minutes");
        }
    }
}
