//! What stands in the brackets of `rate(…)`: a number, at most one blank, a unit.
//!
//! Whether it is too often depends on a setting and is for the caller to say.

use std::str::FromStr;

use super::{ScheduleError, TOO_LONG_INTERVAL};
use crate::time::Period;

/// Reads the interval; one takes the singular, more than one the plural.
pub(super) fn parse(inside: &str) -> Result<Period, ScheduleError> {
    let malformed = || ScheduleError::MalformedRate(inside.to_owned());
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
    // Nor is a rate of zero one: it would be due for ever.
    if digits.is_empty() || digits.starts_with('0') {
        return Err(malformed());
    }
    // Too many digits for a u64 are too many days as well.
    let Ok(number) = u64::from_str(digits) else {
        return Err(ScheduleError::TooSeldom(inside.to_owned()));
    };
    let expected = if number == 1 { singular.to_owned() } else { format!("{singular}s") };
    if unit != expected {
        return Err(ScheduleError::WrongNumber { found: inside.to_owned(), number, expected });
    }
    let every = length * number;
    if every >= TOO_LONG_INTERVAL {
        return Err(ScheduleError::TooSeldom(inside.to_owned()));
    }
    Ok(every)
}
