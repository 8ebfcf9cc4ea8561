//! The one timer by which the agent waits for its next association.
//!
//! The agent's executor looks for something to run when a poll or a run has ended,
//! at a tick of five minutes, and when its timer fires. The timer is set to the
//! earliest date that lies ahead whenever the executor finds nothing to do, and
//! stopped whenever it finds something. But it is set only where that date is
//! another one than it was set to last, and a stopped timer still counts as set:
//! so an association that another one came before is run at the next tick or
//! poll after its date, up to five minutes late
//! (agent/association/schedulemanager/signal: `ResetWaitTimerForNextScheduledAssociation`).
//!
//! While the timer runs, the execution lane is due at its date; once it is
//! stopped, the associations of that date say so.

use shared::time::{Period, Timestamp};

use crate::association::Known;
use crate::lane::Lane;

/// Something is found to do, at this instant: a timer that runs is stopped.
pub(crate) fn stop(lane: &mut Lane, known: &mut [Known], now: Timestamp) {
    let runs = lane.due > now && lane.due != Timestamp::NEVER;
    if runs {
        known
            .iter_mut()
            .filter(|known| known.due == lane.due)
            .for_each(|known| known.is_timer_stopped = true);
    }
    lane.due = Timestamp::NEVER;
}

/// Nothing is found to do: sets the timer to the earliest date that lies ahead,
/// unless it was stopped at this date, for then only a tick will do.
pub(crate) fn set(lane: &mut Lane, known: &mut [Known], since: Timestamp, tick: Period) {
    let next = known.iter().map(|known| known.due).min().unwrap_or(Timestamp::NEVER);
    let is_stopped = known.iter().any(|known| known.due == next && known.is_timer_stopped);
    lane.due = if next != Timestamp::NEVER && is_stopped {
        next_tick(since, tick, next - Period::milliseconds(1))
    } else {
        known.iter_mut().for_each(|known| known.is_timer_stopped = false);
        next
    };
}

/// The first instant of the executor's tick after this one.
pub(crate) fn next_tick(since: Timestamp, every: Period, now: Timestamp) -> Timestamp {
    let passed = now.since(since).as_milliseconds() / every.as_milliseconds().max(1);
    since + every * (passed + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use shared::id::AssociationId;

    use super::*;
    use crate::association::{Association, KnownStatus, Listed};
    use crate::catalogue::Fetched;

    enum Found {
        Nothing(i64),
        Something,
    }

    /// An association, due at this instant.
    fn known(due: i64) -> Known {
        let association = Arc::new(Association::legacy("any", Some(AssociationId::from_bits(1))));
        let listed = Listed { association, status: KnownStatus::Done, last_execution: None };
        let document = Arc::new(Fetched::new("{}"));
        let mut known =
            Known::listed(listed, document, None, Timestamp::default()).expect("it has no schedule");
        known.due = Timestamp::from_seconds(due);
        known
    }

    #[test]
    fn a_timer_that_was_stopped_is_not_set_to_the_same_date_again() {
        use Found::{Nothing, Something};
        let second = Timestamp::from_seconds;
        let (since, tick) = (second(1_000_050), Period::seconds(300));
        let cases: [(&[(i64, Found)], Timestamp); 8] = [
            (&[(1_000_100, Nothing(1_000_700))], second(1_000_700)),
            // Found again, and again: it runs on.
            (&[(1_000_100, Nothing(1_000_700)), (1_000_200, Nothing(1_000_700))], second(1_000_700)),
            (&[(1_000_100, Something)], Timestamp::NEVER),
            // Nothing was set, so nothing is stopped.
            (&[(1_000_100, Something), (1_000_200, Nothing(1_000_700))], second(1_000_700)),
            // It was stopped: the tick after the date.
            (
                &[(1_000_100, Nothing(1_000_700)), (1_000_200, Something), (1_000_300, Nothing(1_000_700))],
                second(1_000_950),
            ),
            // The tick may fall on the date itself.
            (
                &[(1_000_100, Nothing(1_000_650)), (1_000_200, Something), (1_000_300, Nothing(1_000_650))],
                second(1_000_650),
            ),
            // Another date sets it anew, and then the first one as well.
            (
                &[(1_000_100, Nothing(1_000_700)), (1_000_200, Something), (1_000_300, Nothing(1_000_600))],
                second(1_000_600),
            ),
            (
                &[
                    (1_000_100, Nothing(1_000_700)),
                    (1_000_200, Something),
                    (1_000_300, Nothing(1_000_600)),
                    (1_000_400, Nothing(1_000_700)),
                ],
                second(1_000_700),
            ),
        ];
        for (number, (story, expected)) in cases.into_iter().enumerate() {
            let mut lane = Lane::default();
            // One that is due later, and one whose date comes and goes.
            let mut knowns = [known(1_000_700), known(1_000_700)];
            for (at, found) in story {
                match found {
                    Nothing(next) => {
                        knowns[1] = known(*next).after(Some(&knowns[1]));
                        set(&mut lane, &mut knowns, since, tick);
                    }
                    Something => stop(&mut lane, &mut knowns, second(*at)),
                }
            }
            assert_eq!(lane.due, expected, "{number}");
        }
    }

    #[test]
    fn a_timer_that_has_fired_is_not_one_that_was_stopped() {
        let (since, tick) = (Timestamp::from_seconds(0), Period::seconds(300));
        let mut lane = Lane::default();
        let mut knowns = [known(700)];
        set(&mut lane, &mut knowns, since, tick);
        stop(&mut lane, &mut knowns, Timestamp::from_seconds(700));
        assert!(!knowns[0].is_timer_stopped);
        set(&mut lane, &mut [], since, tick);
        assert_eq!(lane.due, Timestamp::NEVER, "nothing lies ahead");
    }
}
