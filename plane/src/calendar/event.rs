//! An event of a calendar, and its occurrences.
//!
//! The occurrences are numbered in the order of time, and the instant of each
//! follows from its number; so finding one is a search among numbers, however
//! long ago the event began.

use shared::time::{Period, Timestamp};

const DAY: i64 = 86_400_000;
const WEEK: i64 = 7 * DAY;

/// Something that happens once or again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) start: Timestamp,
    pub(crate) length: Period,
    pub(crate) rule: Option<Rule>,
}

/// How an event comes again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) step: Step,
    /// Every so many days or weeks.
    pub(crate) interval: u32,
    /// How many occurrences there are.
    pub(crate) count: Option<u32>,
    /// The last instant at which one may begin.
    pub(crate) until: Option<Timestamp>,
}

/// What an event comes again by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Days,
    /// On these days of the week, 0 for Monday, each once, in order.
    Weeks(Vec<u8>),
}

impl Event {
    /// Whether it is going on at an instant.
    pub(crate) fn covers(&self, at: Timestamp) -> bool {
        self.latest(at).is_some_and(|number| at < self.occurrence(number) + self.length)
    }

    /// The next instant at which an occurrence may begin or end.
    pub(crate) fn next_boundary(&self, at: Timestamp) -> Option<Timestamp> {
        let latest = self.latest(at);
        let end = latest.map(|number| self.occurrence(number) + self.length).filter(|end| *end > at);
        let next = latest.map_or(0, |number| number + 1);
        let start = Some(next).filter(|next| self.exists(*next)).map(|next| self.occurrence(next));
        [end, start].into_iter().flatten().min()
    }

    /// The number of the last occurrence that begins at this instant or before.
    fn latest(&self, at: Timestamp) -> Option<u64> {
        let is_before = |number: u64| self.exists(number) && self.occurrence(number) <= at;
        if !is_before(0) {
            return None;
        }
        // The first number known to lie behind it, then halves of what is between.
        let mut behind = 1;
        while is_before(behind) {
            behind *= 2;
        }
        let mut latest = behind / 2;
        while latest + 1 < behind {
            let middle = latest.midpoint(behind);
            if is_before(middle) {
                latest = middle;
            } else {
                behind = middle;
            }
        }
        Some(latest)
    }

    fn exists(&self, number: u64) -> bool {
        match &self.rule {
            None => number == 0,
            Some(rule) => {
                rule.count.is_none_or(|count| number < u64::from(count))
                    && rule.until.is_none_or(|until| self.occurrence(number) <= until)
            }
        }
    }

    /// When the occurrence of this number begins.
    fn occurrence(&self, number: u64) -> Timestamp {
        let Some(rule) = &self.rule else { return self.start };
        let start = self.start.milliseconds();
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let interval = i64::from(rule.interval);
        let instant = match &rule.step {
            Step::Days => start.saturating_add(number.saturating_mul(interval * DAY)),
            Step::Weeks(days) => {
                let first_day = weekday(self.start);
                let per_week = days.len() as i64;
                // Days of the first week that lie before the start do not count.
                let skipped = days.iter().filter(|day| **day < first_day).count() as i64;
                let place = number.saturating_add(skipped);
                let weeks = (place / per_week).saturating_mul(interval * WEEK);
                let day = i64::from(days[(place % per_week) as usize]) - i64::from(first_day);
                start.saturating_add(weeks).saturating_add(day * DAY)
            }
        };
        Timestamp::from_milliseconds(instant)
    }
}

/// The day of the week, 0 for Monday; 1970 began on a Thursday.
pub(crate) fn weekday(at: Timestamp) -> u8 {
    let day = (at.milliseconds().div_euclid(DAY) + 3).rem_euclid(7);
    u8::try_from(day).expect("from 0 to 6")
}
