//! What stands in the brackets of `at(…)`: one instant, `yyyy-MM-ddTHH:mm:ss`, UTC.

use super::ScheduleError;
use super::calendar::Month;
use crate::time::Timestamp;

/// Reads the instant; fractions, zones and missing seconds are refused.
pub(super) fn parse(inside: &str) -> Result<Timestamp, ScheduleError> {
    instant(inside).ok_or_else(|| ScheduleError::MalformedAt(inside.to_owned()))
}

fn instant(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let month = Month::of(year, month as u8);
    if !(1..=i64::from(month.days())).contains(&day) {
        return None;
    }
    let day = month.first_day + day - 1;
    Some(Timestamp::from_seconds(((day * 24 + hour) * 60 + minute) * 60 + second))
}

/// Three numbers between separators, each with so many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        let is_plain = part.bytes().all(|byte| byte.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_plain)?;
    }
    parts.next().is_none().then_some(numbers)
}
