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
//! The timer lives in the execution lane: while it runs, the lane is due at its
//! date; once it is stopped, the lane's `turns` hold the last bits of that date,
//! which no two dates share that are less than seven weeks apart.

use shared::time::{Period, Timestamp};

use crate::lane::Lane;

/// Something is found to do, at this instant: a timer that runs is stopped.
pub(crate) fn stop(lane: &mut Lane, now: Timestamp) {
    let runs = lane.turns == 0 && lane.due > now && lane.due != Timestamp::NEVER;
    if runs {
        lane.turns = last_bits(lane.due);
    }
    lane.due = Timestamp::NEVER;
}

/// Nothing is found to do, and `next` is the earliest date that lies ahead: sets
/// the timer, unless it was stopped at this date, for then only a tick will do.
pub(crate) fn set(lane: &mut Lane, next: Option<Timestamp>, since: Timestamp, tick: Period) {
    let Some(next) = next.filter(|next| *next != Timestamp::NEVER) else {
        lane.due = Timestamp::NEVER;
        return;
    };
    if lane.turns != 0 && lane.turns == last_bits(next) {
        lane.due = next_tick(since, tick, next - Period::milliseconds(1));
    } else {
        lane.turns = 0;
        lane.due = next;
    }
}

/// The first instant of the executor's tick after this one.
pub(crate) fn next_tick(since: Timestamp, every: Period, now: Timestamp) -> Timestamp {
    let passed = now.since(since).as_milliseconds() / every.as_milliseconds().max(1);
    since + every * (passed + 1)
}

fn last_bits(date: Timestamp) -> u32 {
    date.milliseconds() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Found {
        Nothing(i64),
        Something,
    }

    #[test]
    fn a_timer_that_was_stopped_is_not_set_to_the_same_date_again() {
        use Found::{Nothing, Something};
        let second = Timestamp::from_seconds;
        let (since, tick) = (second(1_000_050), Period::seconds(300));
        let never = Timestamp::NEVER;
        let cases: [(&[(i64, Found)], Timestamp); 8] = [
            (&[(1_000_100, Nothing(1_000_700))], second(1_000_700)),
            // Found again, and again: it runs on.
            (&[(1_000_100, Nothing(1_000_700)), (1_000_200, Nothing(1_000_700))], second(1_000_700)),
            (&[(1_000_100, Something)], never),
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
                &[(1_000_100, Nothing(1_000_700)), (1_000_200, Something), (1_000_300, Nothing(1_000_800))],
                second(1_000_800),
            ),
            (
                &[
                    (1_000_100, Nothing(1_000_700)),
                    (1_000_200, Something),
                    (1_000_300, Nothing(1_000_800)),
                    (1_000_400, Nothing(1_000_700)),
                ],
                second(1_000_700),
            ),
        ];
        for (number, (story, expected)) in cases.into_iter().enumerate() {
            let mut lane = Lane::default();
            for (at, found) in story {
                match found {
                    Nothing(next) => set(&mut lane, Some(second(*next)), since, tick),
                    Something => stop(&mut lane, second(*at)),
                }
            }
            assert_eq!(lane.due, expected, "{number}");
        }
    }

    #[test]
    fn a_timer_that_has_fired_is_not_one_that_was_stopped() {
        let (since, tick) = (Timestamp::from_seconds(0), Period::seconds(300));
        let mut lane = Lane::default();
        set(&mut lane, Some(Timestamp::from_seconds(700)), since, tick);
        stop(&mut lane, Timestamp::from_seconds(700));
        set(&mut lane, Some(Timestamp::from_seconds(900)), since, tick);
        assert_eq!((lane.due, lane.turns), (Timestamp::from_seconds(900), 0));
        set(&mut lane, None, since, tick);
        assert_eq!(lane.due, Timestamp::NEVER, "nothing lies ahead");
    }
}
