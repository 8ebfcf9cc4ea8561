//! When an association is due, in the service's own dialect of schedules.
//!
//! A schedule is parsed once, with the rules of the service (not the agent's
//! looser ones), and asked for its next instant. It knows neither a clock nor
//! what is to be done then. What the association's options make of its schedule
//! (a run at creation, an offset in days) stands in [`timetable`].
//!
//! Invariant: [`Schedule::next`] is strictly later than the instant it is asked about.

mod at;
mod calendar;
pub mod cron;
mod rate;
pub mod timetable;

#[cfg(test)]
mod tests;

use self::cron::{Cron, CronError};
use crate::time::{Period, Timestamp};

/// Shorter intervals are refused where nothing else is set (user guide: 30 minutes).
pub const SHORTEST_INTERVAL: Period = Period::minutes(30);

/// An interval of a rate must stay below this (user guide: less than 31 days).
pub const TOO_LONG_INTERVAL: Period = Period::days(31);

/// Characters that an expression may have (the published model of the API).
pub const LONGEST_EXPRESSION: usize = 256;

/// When an association runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// `rate(30 minutes)`: at even distances, counted from the first run.
    Rate(Period),
    /// `cron(0 2 ? * SUN *)`: at these minutes of the calendar, UTC.
    Cron(Cron),
    /// `at(2025-03-11T15:55:00)`: once, UTC.
    At(Timestamp),
}

/// Which schedules are taken, where that is a choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Dialect {
    /// Intervals shorter than this are refused.
    pub minimum: Period,
    /// Whether cron may leave out the year; the user guide once speaks of five
    /// fields, and shows six in all its examples.
    pub five_fields: bool,
    /// Whether the hours of cron must be in a form that the user guide names:
    /// any, one, or every 1, 2, 4, 8 or 12.
    pub documented_hours: bool,
}

impl Dialect {
    /// All that the service may ever have taken: for what was accepted once.
    pub const WIDEST: Self = Self { minimum: Period::ZERO, five_fields: true, documented_hours: false };

    /// The usual rules, with this shortest interval.
    pub const fn with_minimum(minimum: Period) -> Self {
        Self { minimum, five_fields: false, documented_hours: false }
    }
}

/// Why a text is no schedule, or none with these options. The message says what
/// is wrong, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither rate, cron nor at.
    #[error(
        "`{0}` is no schedule expression: expected cron(0 2 ? * SUN *), rate(30 minutes) or at(2025-03-11T15:55:00)"
    )]
    UnknownForm(String),
    /// More characters than the service takes.
    #[error("the schedule expression has {0} characters: expected at most {LONGEST_EXPRESSION}")]
    TooLong(usize),
    /// The brackets of `rate` hold something else than a number and a unit.
    #[error(
        "`rate({0})`: expected a whole number from 1 and minute, minutes, hour, hours, day or days, such as rate(30 minutes)"
    )]
    MalformedRate(String),
    /// One takes the singular, more than one the plural.
    #[error("`rate({found})`: {number} takes {expected}, as in rate({number} {expected})")]
    WrongNumber {
        /// What stood in the brackets.
        found: String,
        /// The number.
        number: u64,
        /// The unit that it takes.
        expected: String,
    },
    /// The brackets of `cron` hold something that is no cron expression.
    #[error("`cron({found})`: {reason}")]
    MalformedCron {
        /// What stood in the brackets.
        found: String,
        /// The field that is wrong, and how.
        reason: CronError,
    },
    /// The brackets of `at` hold something else than a date and a time.
    #[error(
        "`at({0})`: expected a date and a time to the second in UTC, without a zone, such as at(2025-03-11T15:55:00)"
    )]
    MalformedAt(String),
    /// More often than allowed.
    #[error(
        "`{found}` is too often: its runs lie {interval} apart at the closest, expected at least {minimum}"
    )]
    TooOften {
        /// The expression.
        found: String,
        /// Its shortest interval.
        interval: Period,
        /// The shortest interval allowed.
        minimum: Period,
    },
    /// More seldom than allowed.
    #[error("`rate({0})` is too seldom: the interval must be less than 31 days")]
    TooSeldom(String),
    /// A run that is put off needs an instant of a schedule to be put off from (API reference).
    #[error("ScheduleOffset requires ApplyOnlyAtCronInterval")]
    OffsetWithoutApplyOnly,
    /// Only cron expressions take an offset (user guide).
    #[error("ScheduleOffset is supported for cron expressions only, such as cron(0 2 ? * SUN#2 *)")]
    OffsetWithoutCron,
    /// More or fewer days than a run may be put off (the published model of the API).
    #[error("ScheduleOffset {0}: expected 1 to 6 days")]
    OffsetOutOfRange(u8),
    /// A rate counts from the run at creation (API reference).
    #[error("ApplyOnlyAtCronInterval is not supported for rate expressions")]
    ApplyOnlyWithRate,
}

impl Schedule {
    /// Reads a schedule expression; intervals shorter than `minimum` are refused.
    /// The keyword and the names of days may have any case, everything else is
    /// read to the letter.
    pub fn parse(text: &str, minimum: Period) -> Result<Self, ScheduleError> {
        Self::parse_in(text, Dialect::with_minimum(minimum))
    }

    /// Reads a schedule expression by these rules.
    pub fn parse_in(text: &str, dialect: Dialect) -> Result<Self, ScheduleError> {
        let minimum = dialect.minimum;
        let length = text.chars().count();
        if length > LONGEST_EXPRESSION {
            return Err(ScheduleError::TooLong(length));
        }
        let schedule = Self::read(text, dialect)?;
        match schedule.interval() {
            Some(interval) if interval < minimum => {
                Err(ScheduleError::TooOften { found: text.to_owned(), interval, minimum })
            }
            _ => Ok(schedule),
        }
    }

    fn read(text: &str, dialect: Dialect) -> Result<Self, ScheduleError> {
        let unknown = || ScheduleError::UnknownForm(text.to_owned());
        let (keyword, rest) = text.split_once('(').ok_or_else(unknown)?;
        let inside = rest.strip_suffix(')').ok_or_else(unknown)?;
        match keyword.to_ascii_lowercase().as_str() {
            "rate" => rate::parse(inside).map(Self::Rate),
            "cron" => Cron::parse(inside, dialect)
                .map(Self::Cron)
                .map_err(|reason| ScheduleError::MalformedCron { found: inside.to_owned(), reason }),
            "at" => at::parse(inside).map(Self::At),
            _ => Err(unknown()),
        }
    }

    /// The first instant strictly later than `after`. A rate counts its
    /// intervals from `anchor`, an instant at which it was due; instants that
    /// passed unused do not pile up. `None` when there is none any more.
    pub fn next(&self, anchor: Timestamp, after: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Rate(every) => {
                let intervals = after.since(anchor).as_milliseconds() / every.as_milliseconds() + 1;
                Some(anchor + *every * intervals)
            }
            Self::Cron(cron) => cron.next(after),
            Self::At(instant) => (*instant > after).then_some(*instant),
        }
    }

    /// The shortest distance between two instants; none where there is but one.
    pub fn interval(&self) -> Option<Period> {
        match self {
            Self::Rate(every) => Some(*every),
            Self::Cron(cron) => cron.interval(),
            Self::At(_) => None,
        }
    }
}
