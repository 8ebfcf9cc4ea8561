//! A run is followed second by second, so that a threshold can end it.
//!
//! In virtual time the coordinator is asked between strides. In real time the
//! shards are tasks: they are asked at whole simulated seconds, but no more often
//! than the wall allows, and what they tell is exact by simulated second all the
//! same.

use std::time::Duration;

use agent::client::Client;
use shared::time::Timestamp;
use tokio::sync::watch;

use super::Fleet;
use crate::clock::Clock;
use crate::measure::live::LiveBoard;
use crate::measure::meter::Meter;
use crate::measure::recent::{Follow, second_of};
use crate::operator::Operator;
use crate::plan::Plan;
use crate::threshold::{Broken, Threshold, broken};

/// Shards are not asked more often than so, in wall time: at a thousand seconds
/// a second they would do nothing else.
const PAUSE: Duration = Duration::from_millis(100);

/// Who follows a run of this plan, and hears of rounds from this operator.
pub(super) fn meter(plan: &Plan, operator: &mut Operator, is_virtual: bool) -> Meter {
    let follow = Follow::of(plan.asked_live());
    operator.is_followed = follow.runs;
    Meter::new(plan, operator.rounds.clone(), follow, is_virtual)
}

/// The whole second at this instant, or else the next one.
pub(super) fn whole_second_from(instant: Timestamp) -> Timestamp {
    let second = instant.milliseconds().checked_add(999).map_or(i64::MAX, |ahead| ahead.div_euclid(1_000));
    Timestamp::from_seconds(second.min(i64::MAX / 1_000))
}

/// Where what shards tell comes from, in real time.
pub(super) struct Pulses<'a> {
    pub(super) fleet: &'a Fleet,
    pub(super) clock: Clock,
    pub(super) client: &'a Client<Clock>,
    pub(super) thresholds: &'a [Threshold],
}

impl Pulses<'_> {
    /// Follows the run until a threshold is to end it, or until somebody halts
    /// this. It is not to be dropped before: what shards have told is taken in.
    pub(super) async fn follow(
        &self,
        meter: &mut Meter,
        board: &LiveBoard,
        mut halted: watch::Receiver<bool>,
    ) -> Option<Broken> {
        loop {
            let second = Timestamp::from_seconds(second_of(self.clock.now()) + 1);
            tokio::select! {
                _ = halted.changed() => return None,
                () = self.clock.sleep_until(second) => {}
            }
            let at = Timestamp::from_seconds(second_of(self.clock.now()));
            let pulses = self.fleet.pulses(at).await;
            meter.take(at, pulses, Some(self.client.counters().held_in_total));
            meter.put_up(board);
            if let Some(rounds) = meter.fold() {
                self.fleet.fold(rounds.into(), at);
            }
            let broken = broken(self.thresholds, meter.live());
            if broken.is_some() {
                return broken;
            }
            tokio::select! {
                _ = halted.changed() => return None,
                () = self.clock.sleep_wall(PAUSE) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_second_is_its_own() {
        for (milliseconds, second) in [(5_000, 5), (5_001, 6), (5_999, 6), (-1, 0)] {
            let instant = Timestamp::from_milliseconds(milliseconds);
            assert_eq!(whole_second_from(instant), Timestamp::from_seconds(second));
        }
        assert!(whole_second_from(Timestamp::NEVER) > Timestamp::from_seconds(1_000_000_000));
    }
}
