//! When an association runs: its schedule, and what its options make of it.
//!
//! Without ApplyOnlyAtCronInterval an association runs at its creation (or
//! update) and then by its schedule; with it, by its schedule only. A
//! ScheduleOffset puts each run off by whole days: an instant of the schedule is
//! then the run's *base*, and the next base follows from this one, not from the
//! run. A base that is past at the creation is not rescued by an offset.
//!
//! Invariant: bases only rise; whoever keeps the last one knows where to go on.

use std::iter;

use super::{Schedule, ScheduleError};
use crate::time::{Period, Timestamp};

/// The most days that a run may be put off (the published model of the API).
const MOST_OFFSET_DAYS: u8 = 6;

/// When an association runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timetable {
    schedule: Option<Schedule>,
    is_apply_only: bool,
    offset: Period,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// The instant that it follows from: of the schedule, or the creation.
    pub base: Timestamp,
    /// The instant of the run.
    pub at: Timestamp,
}

impl Timetable {
    /// A schedule with `apply_only` for ApplyOnlyAtCronInterval and the days of
    /// ScheduleOffset, if they go together (user guide and API reference).
    pub fn new(
        schedule: Option<Schedule>,
        apply_only: bool,
        offset_days: Option<u8>,
    ) -> Result<Self, ScheduleError> {
        match (offset_days, schedule) {
            (Some(days), _) if !(1..=MOST_OFFSET_DAYS).contains(&days) => {
                return Err(ScheduleError::OffsetOutOfRange(days));
            }
            (Some(_), _) if !apply_only => return Err(ScheduleError::OffsetWithoutApplyOnly),
            (Some(_), Some(Schedule::Cron(_))) | (None, _) => {}
            (Some(_), _) => return Err(ScheduleError::OffsetWithoutCron),
        }
        if apply_only && matches!(schedule, Some(Schedule::Rate(_))) {
            return Err(ScheduleError::ApplyOnlyWithRate);
        }
        let offset = Period::days(offset_days.unwrap_or(0).into());
        Ok(Self { schedule, is_apply_only: apply_only, offset })
    }

    /// The schedule, if there is one.
    pub fn schedule(&self) -> Option<Schedule> {
        self.schedule
    }

    /// The first run of an association that was created, or updated, at this instant.
    pub fn first(&self, created: Timestamp) -> Option<Due> {
        match self.schedule {
            _ if !self.is_apply_only => Some(Due { base: created, at: created }),
            // An instant that is past is made up for at once (API reference).
            Some(Schedule::At(instant)) => {
                let at = instant.max(created);
                Some(Due { base: at, at })
            }
            Some(_) => self.next(created, created),
            None => None,
        }
    }

    /// The run after the one with this base, later than `now`. Runs that passed
    /// unused do not pile up, but the one of `at` is never lost: it may be `now`.
    pub fn next(&self, base: Timestamp, now: Timestamp) -> Option<Due> {
        let schedule = self.schedule?;
        if let Schedule::At(instant) = schedule {
            return (instant > base).then(|| Due { base: instant, at: instant.max(now) });
        }
        let base = schedule.next(base, base.max(now - self.offset))?;
        Some(Due { base, at: base + self.offset })
    }

    /// All runs of an association that was created, or updated, at this instant.
    pub fn runs(&self, created: Timestamp) -> impl Iterator<Item = Due> + use<> {
        let timetable = *self;
        iter::successors(timetable.first(created), move |due| timetable.next(due.base, due.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::SHORTEST_INTERVAL;

    fn schedule(text: &str) -> Option<Schedule> {
        Some(Schedule::parse(text, SHORTEST_INTERVAL).expect(text))
    }

    #[test]
    fn options_go_with_some_schedules_only() {
        use ScheduleError::{ApplyOnlyWithRate, OffsetOutOfRange, OffsetWithoutApplyOnly, OffsetWithoutCron};
        let cron = schedule("cron(0 2 ? * SUN *)");
        let rate = schedule("rate(1 hour)");
        let at = schedule("at(2025-03-11T15:55:00)");
        let cases = [
            (None, false, None, None),
            (None, true, None, None),
            (cron, true, Some(6), None),
            (cron, true, None, None),
            (at, true, None, None),
            (rate, false, None, None),
            (rate, true, None, Some(ApplyOnlyWithRate)),
            (rate, true, Some(2), Some(OffsetWithoutCron)),
            (at, true, Some(2), Some(OffsetWithoutCron)),
            (None, true, Some(2), Some(OffsetWithoutCron)),
            (rate, false, Some(2), Some(OffsetWithoutApplyOnly)),
            (cron, false, Some(2), Some(OffsetWithoutApplyOnly)),
            (cron, true, Some(0), Some(OffsetOutOfRange(0))),
            (cron, true, Some(7), Some(OffsetOutOfRange(7))),
        ];
        for (schedule, apply_only, offset, error) in cases {
            let found = Timetable::new(schedule, apply_only, offset);
            assert_eq!(found.err(), error, "{schedule:?} {apply_only} {offset:?}");
        }
    }

    #[test]
    fn without_a_schedule_it_runs_once_or_never() {
        let created = Timestamp::from_seconds(1_000_000);
        let runs = |apply_only| Timetable::new(None, apply_only, None).unwrap().runs(created).count();
        assert_eq!((runs(false), runs(true)), (1, 0));
    }

    #[test]
    fn what_passed_unused_does_not_pile_up_but_the_only_run_of_at_is_made_up_for() {
        let day = |number: u64| Timestamp::from_seconds(0) + Period::days(number);
        let timetable = |text, only, offset| Timetable::new(schedule(text), only, offset).unwrap();
        let daily = timetable("cron(0 0 * * ? *)", true, Some(2));
        let due = |base, at| Some(Due { base: day(base), at: day(at) });
        assert_eq!(daily.first(day(0)), due(1, 3));
        assert_eq!(daily.next(day(1), day(3)), due(2, 4), "the base goes before the run of the last one");
        assert_eq!(daily.next(day(1), day(9)), due(8, 10), "whatever was due until now has passed");

        let once = timetable("at(1970-01-03T00:00:00)", false, None);
        assert_eq!(once.first(day(0)), due(0, 0));
        assert_eq!(once.next(day(0), day(1)), due(2, 2));
        assert_eq!(once.next(day(0), day(5)), due(2, 5), "late, but once");
        assert_eq!(once.next(day(2), day(5)), None);
    }
}
