//! When an association is due, in the service's own dialect of schedules.
//!
//! A schedule is parsed once, with the rules of the service (not the agent's
//! looser ones), and asked for its next instant. It knows neither a clock nor
//! what is to be done then. `rate(…)` is understood here; `cron(…)` and
//! `at(…)` are recognised and refused by name.
//!
//! Invariant: [`Schedule::next`] is strictly later than the instant it is asked about.

use std::str::FromStr;

use crate::time::{Period, Timestamp};

/// Shorter intervals are refused where nothing else is set (user guide: 30 minutes).
pub const SHORTEST_INTERVAL: Period = Period::minutes(30);

/// An interval must stay below this (user guide: less than 31 days).
pub const TOO_LONG_INTERVAL: Period = Period::days(31);

/// When an association runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Schedule {
    /// `rate(30 minutes)`: at even distances, counted from the first run.
    Rate(Period),
}

/// Why a text is no schedule. The message says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// Neither rate, cron nor at.
    #[error("`{0}` is no schedule expression: expected rate(30 minutes) or the like")]
    UnknownForm(String),
    /// A form of the service that is not understood here.
    #[error("{0} is not supported by this version of ssm-fleet: use rate(30 minutes) or the like")]
    NotSupported(&'static str),
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
    /// More often than allowed.
    #[error("`rate({found})` is too often: the interval must be at least {minimum}")]
    TooOften {
        /// What stood in the brackets.
        found: String,
        /// The shortest interval allowed.
        minimum: Period,
    },
    /// More seldom than allowed.
    #[error("`rate({0})` is too seldom: the interval must be less than 31 days")]
    TooSeldom(String),
}

impl Schedule {
    /// Reads a schedule expression; intervals shorter than `minimum` are refused.
    /// The keyword may have any case, everything else is read to the letter.
    pub fn parse(text: &str, minimum: Period) -> Result<Self, ScheduleError> {
        let unknown = || ScheduleError::UnknownForm(shortened(text));
        let (keyword, rest) = text.split_once('(').ok_or_else(unknown)?;
        let inside = rest.strip_suffix(')').ok_or_else(unknown)?;
        match keyword.to_ascii_lowercase().as_str() {
            "rate" => parse_rate(inside, minimum).map(Self::Rate),
            "cron" => Err(ScheduleError::NotSupported("cron(...)")),
            "at" => Err(ScheduleError::NotSupported("at(...)")),
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
        }
    }

    /// The shortest distance between two instants.
    pub fn interval(&self) -> Period {
        match self {
            Self::Rate(every) => *every,
        }
    }
}

/// Reads what stands in the brackets of `rate(…)`: a number, at most one blank, a unit.
fn parse_rate(inside: &str, minimum: Period) -> Result<Period, ScheduleError> {
    let found = shortened(inside);
    let malformed = || ScheduleError::MalformedRate(found.clone());
    let unit_at = inside.find(|c: char| !c.is_ascii_digit()).ok_or_else(malformed)?;
    let (digits, unit) = inside.split_at(unit_at);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let singular = unit.strip_suffix('s').unwrap_or(unit);
    let length = match singular {
        "minute" => Period::minutes(1),
        "hour" => Period::hours(1),
        "day" => Period::days(1),
        _ => return Err(malformed()),
    };
    if digits.is_empty() || digits.starts_with('0') {
        return Err(malformed());
    }
    // Too many digits for a u64 are too many days as well.
    let Ok(number) = u64::from_str(digits) else {
        return Err(ScheduleError::TooSeldom(found));
    };
    let expected = if number == 1 { singular.to_owned() } else { format!("{singular}s") };
    if unit != expected {
        return Err(ScheduleError::WrongNumber { found, number, expected });
    }
    let every = length * number;
    if every >= TOO_LONG_INTERVAL {
        return Err(ScheduleError::TooSeldom(found));
    }
    // A period of zero would be due for ever, whatever the minimum.
    if every < minimum || every == Period::ZERO {
        return Err(ScheduleError::TooOften { found, minimum });
    }
    Ok(every)
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_unit_from_thirty_minutes_to_below_thirty_one_days() {
        let good = [
            ("rate(30 minutes)", Period::minutes(30)),
            ("rate(1 hour)", Period::hours(1)),
            ("rate(1day)", Period::days(1)),
            ("RATE(2 hours)", Period::hours(2)),
            ("rate(44639 minutes)", Period::minutes(44_639)),
            ("rate(743 hours)", Period::hours(743)),
            ("rate(30 days)", Period::days(30)),
        ];
        for (text, every) in good {
            assert_eq!(Schedule::parse(text, SHORTEST_INTERVAL), Ok(Schedule::Rate(every)), "{text}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused_and_the_message_says_what_would_be_right() {
        let bad = [
            ("rate(0 minutes)", "expected a whole number"),
            ("rate(29 minutes)", "at least 30m00s"),
            ("rate(5 hour)", "rate(5 hours)"),
            ("rate(1 hours)", "rate(1 hour)"),
            ("rate( 45 minutes)", "expected a whole number"),
            ("rate(45 minutes )", "expected a whole number"),
            ("rate(45  minutes)", "expected a whole number"),
            ("rate(1.5 hours)", "expected a whole number"),
            ("rate(-1 hours)", "expected a whole number"),
            ("rate(030 minutes)", "expected a whole number"),
            ("rate(2 weeks)", "minutes, hour, hours"),
            ("rate(31 days)", "less than 31 days"),
            ("rate(744 hours)", "less than 31 days"),
            ("rate(44640 minutes)", "less than 31 days"),
            ("rate(99999999999999999999 days)", "less than 31 days"),
            ("rate()", "expected a whole number"),
            ("rate(30 minutes", "expected rate"),
            ("rate(30 minutes)x", "expected rate"),
            ("every hour", "expected rate"),
            ("", "expected rate"),
            ("cron(0 2 ? * SUN *)", "cron(...) is not supported by this version of ssm-fleet"),
            ("at(2025-03-11T15:55:00)", "at(...) is not supported by this version of ssm-fleet"),
        ];
        for (text, hint) in bad {
            let error = Schedule::parse(text, SHORTEST_INTERVAL).expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
        assert!(Schedule::parse("rate(1 minute)", Period::minutes(1)).is_ok(), "the minimum is a setting");
    }

    #[test]
    fn missed_instants_do_not_pile_up() {
        let schedule = Schedule::Rate(Period::minutes(30));
        let start = Timestamp::from_seconds(1_000_000);
        let cases = [(0, 30), (1, 30), (29, 30), (30, 60), (95, 120)];
        for (after, next) in cases {
            let after = start + Period::minutes(after);
            assert_eq!(schedule.next(start, after), Some(start + Period::minutes(next)), "{after:?}");
        }
    }
}
