//! `cron(…)`: at which minutes of the calendar an association is due.
//!
//! Six fields (minute, hour, day-of-month, month, day-of-week, year), or seven
//! with the seconds, which must be 0, before them. Each field is a set of
//! values (`field`), the two fields of days together are one rule (`days`).
//! The next instant is found by jumping from field to field: the next year of
//! the list, the next day that the rule has in one of its months, the next hour
//! and minute; never by trying minute after minute.
//!
//! Invariant: each year has days for every rule that can be read, so that a
//! search ends within a year of the list or at the end of the list.

mod days;
mod field;
mod set;

use self::days::Days;
use self::field::{HOUR, MINUTE, YEAR};
use self::set::Set;
use super::Dialect;
use super::calendar::Month;
use crate::time::{Period, Timestamp};

const MINUTES_OF_A_DAY: i64 = 24 * 60;

/// A cron expression, understood. Instants are whole minutes, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cron {
    minutes: Set,
    hours: Set,
    days: Days,
    years: Set,
}

/// Why fields are no cron expression: where, what is wrong, what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Too many fields, or too few. The user guide speaks of five in one place,
    /// and has six in all its examples.
    #[error(
        "expected 6 fields, minute hour day-of-month month day-of-week year, such as cron(0 2 ? * SUN *), found {0}"
    )]
    FieldCount(usize),
    /// A field's value, or a part of its list, is out of range or of no form it may have.
    #[error("{field} `{found}`: expected {expected}")]
    Value {
        /// The field.
        field: &'static str,
        /// The part of its list that is wrong.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A range from a value to a smaller one. Quartz would go round; the service does not.
    #[error("{field} `{found}` runs backwards: expected {expected}")]
    Backwards {
        /// The field.
        field: &'static str,
        /// The range.
        found: String,
        /// The two ranges that say the same.
        expected: String,
    },
    /// Hours in a form that the user guide does not name.
    #[error("hour `{0}`: expected *, one hour, or a step of 1, 2, 4, 8 or 12, such as 0/4")]
    UndocumentedHours(String),
    /// A step that stays where it is.
    #[error("{field} `{found}`: expected a step of 1 or more, such as {field} 0/30")]
    NoStep {
        /// The field.
        field: &'static str,
        /// The part of its list.
        found: String,
    },
    /// `L`, `W` or `#` in a list.
    #[error("{field} `{found}` is part of a list: expected it alone, as L, W and # must be")]
    NotAlone {
        /// The field.
        field: &'static str,
        /// The part of its list.
        found: String,
    },
    /// Both fields of days, or none, say which days.
    #[error(
        "day-of-month `{of_month}` and day-of-week `{of_week}`: expected ? in exactly one of them, such as cron(0 2 * * ? *) or cron(0 2 ? * SUN *)"
    )]
    QuestionMark {
        /// The third field of six.
        of_month: String,
        /// The fifth field of six.
        of_week: String,
    },
}

impl Cron {
    /// Reads what stands in the brackets of `cron(…)`: fields with blanks between.
    pub(super) fn parse(inside: &str, dialect: Dialect) -> Result<Self, CronError> {
        let inside = inside.to_ascii_uppercase();
        let mut fields: Vec<&str> = inside.split([' ', '\t']).filter(|field| !field.is_empty()).collect();
        if dialect.five_fields && fields.len() == 5 {
            fields.push("*");
        }
        let fields = match *fields.as_slice() {
            [seconds, ref rest @ ..] if rest.len() == 6 => {
                field::check_seconds(seconds)?;
                rest
            }
            ref all => all,
        };
        let &[minute, hour, of_month, month, of_week, year] = fields else {
            return Err(CronError::FieldCount(fields.len()));
        };
        if dialect.documented_hours && !is_documented(hour) {
            return Err(CronError::UndocumentedHours(hour.to_owned()));
        }
        let minutes = field::parse(&MINUTE, minute)?;
        let hours = field::parse(&HOUR, hour)?;
        let days = Days::parse(of_month, of_week)?;
        field::check_month(month)?;
        let years = field::parse(&YEAR, year)?;
        Ok(Self { minutes, hours, days, years })
    }

    /// The first instant strictly later than `after`, if there is one.
    pub(super) fn next(&self, after: Timestamp) -> Option<Timestamp> {
        // The first whole minute that comes into question; none before 1970 does.
        let minute = (after.milliseconds().div_euclid(60_000) + 1).max(0);
        let (today, minute) = (minute / MINUTES_OF_A_DAY, minute % MINUTES_OF_A_DAY);
        let day = self.day_from(today)?;
        let at = |day: i64, minute: i64| Timestamp::from_seconds((day * MINUTES_OF_A_DAY + minute) * 60);
        if day > today {
            return Some(at(day, self.minute_from(0)?));
        }
        match self.minute_from(minute) {
            Some(minute) => Some(at(day, minute)),
            None => Some(at(self.day_from(day + 1)?, self.minute_from(0)?)),
        }
    }

    /// The first day of the rule that is `earliest` or later, in days since 1970.
    fn day_from(&self, earliest: i64) -> Option<i64> {
        let mut month = Month::containing(earliest);
        loop {
            let year = self.years.first_from(month.year)?;
            if year > month.year {
                month = Month::january(year);
            }
            let passed = (earliest - month.first_day).max(0);
            let days = self.days.within(month) & (u32::MAX << passed);
            if days != 0 {
                return Some(month.first_day + i64::from(days.trailing_zeros()));
            }
            month = month.following();
        }
    }

    /// The first minute of a day at which it is due that is `earliest` or later.
    fn minute_from(&self, earliest: i64) -> Option<i64> {
        let (hour, minute) = (earliest / 60, earliest % 60);
        if self.hours.contains(hour)
            && let Some(minute) = self.minutes.first_from(minute)
        {
            return Some(hour * 60 + minute);
        }
        Some(self.hours.first_from(hour + 1)? * 60 + self.minutes.first_from(0)?)
    }

    /// The shortest distance between two instants.
    pub(super) fn interval(&self) -> Option<Period> {
        let minutes =
            self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| hour * 60 + minute));
        let (first, last) = (minutes.clone().next()?, minutes.clone().last()?);
        let within_a_day = minutes.clone().zip(minutes.skip(1)).map(|(one, next)| next - one).min();
        let between_days = self.closest_days().map(|days| days * MINUTES_OF_A_DAY + first - last);
        let shortest = within_a_day.into_iter().chain(between_days).min()?;
        u64::try_from(shortest).ok().map(Period::minutes)
    }

    /// How many days lie between the two days that are closest to each other.
    fn closest_days(&self) -> Option<i64> {
        let mut closest = None;
        let mut last = None;
        for month in self.years.iter().flat_map(|year| (1..=12).scan(Month::january(year), step_month)) {
            let mut days = self.days.within(month);
            while days != 0 {
                let day = month.first_day + i64::from(days.trailing_zeros());
                days &= days - 1;
                let distance = last.replace(day).map(|last| day - last);
                if distance == Some(1) {
                    return distance;
                }
                closest = closest.into_iter().chain(distance).min();
            }
        }
        closest
    }
}

/// Whether hours are in a form that the user guide names.
fn is_documented(hours: &str) -> bool {
    match hours.split_once('/') {
        Some((_, step)) => ["1", "2", "4", "8", "12"].contains(&step),
        None => !hours.contains([',', '-']),
    }
}

/// Hands out a month and goes on to the next.
fn step_month(month: &mut Month, _: u8) -> Option<Month> {
    let this = *month;
    *month = this.following();
    Some(this)
}
