//! On which days of a month a cron expression is due.
//!
//! The fields day-of-month and day-of-week make one rule: exactly one of them is
//! `?`, and the other has its say. Numbers of weekdays are the service's, 1 for
//! Sunday; the agent's own library counts from 0.

use super::CronError;
use super::field::{self, DAY_OF_MONTH, DAY_OF_WEEK, Field};
use super::set::Set;
use crate::schedule::calendar::{Month, SATURDAY, SUNDAY};

/// Which days of any month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Days {
    /// `1,15` or `*`: these days, where the month has them.
    OfMonth(Set),
    /// `L`: the last day.
    Last,
    /// `LW`: the last day from Monday to Friday.
    LastWorkday,
    /// `15W`: the day from Monday to Friday that is nearest, in the same month.
    WorkdayNear(u8),
    /// `MON-FRI` or `*`: these days of each week.
    OfWeek(Set),
    /// `3L`: the last such day of the week.
    LastOfWeek(u8),
    /// `3#2`: the second such day of the week; a month without a fifth is left out.
    NthOfWeek { weekday: u8, nth: u8 },
}

impl Days {
    /// Reads the two fields, in capitals.
    pub(super) fn parse(of_month: &str, of_week: &str) -> Result<Self, CronError> {
        match (of_month, of_week) {
            ("?", week) if week != "?" => Self::parse_week(week),
            (month, "?") if month != "?" => Self::parse_month(month),
            _ => Err(CronError::QuestionMark { of_month: of_month.to_owned(), of_week: of_week.to_owned() }),
        }
    }

    fn parse_month(text: &str) -> Result<Self, CronError> {
        refuse_in_list(&DAY_OF_MONTH, text, &['L', 'W'])?;
        if let Some(day) = text.strip_suffix('W').filter(|day| *day != "L") {
            let day = DAY_OF_MONTH.value(day).ok_or_else(|| DAY_OF_MONTH.refuse(text))?;
            return Ok(Self::WorkdayNear(day as u8));
        }
        match text {
            "L" => Ok(Self::Last),
            "LW" => Ok(Self::LastWorkday),
            _ => field::parse(&DAY_OF_MONTH, text).map(Self::OfMonth),
        }
    }

    fn parse_week(text: &str) -> Result<Self, CronError> {
        refuse_in_list(&DAY_OF_WEEK, text, &['L', '#'])?;
        let weekday = |day| DAY_OF_WEEK.value(day).map(|day| day as u8);
        let wrong = || DAY_OF_WEEK.refuse(text);
        if let Some((day, nth)) = text.split_once('#') {
            let nth = ["1", "2", "3", "4", "5"].iter().zip(1..).find(|(digit, _)| **digit == nth);
            let nth = nth.map(|(_, nth)| nth).ok_or_else(wrong)?;
            return Ok(Self::NthOfWeek { weekday: weekday(day).ok_or_else(wrong)?, nth });
        }
        match text.strip_suffix('L') {
            // Alone it means the week's last day, as 7 does.
            Some("") => field::parse(&DAY_OF_WEEK, "7").map(Self::OfWeek),
            Some(day) => Ok(Self::LastOfWeek(weekday(day).ok_or_else(wrong)?)),
            None => field::parse(&DAY_OF_WEEK, text).map(Self::OfWeek),
        }
    }

    /// The days of this month as bits, the lowest for its first day.
    pub(super) fn within(self, month: Month) -> u32 {
        let length = month.days();
        let day = match self {
            Self::OfMonth(days) => return days.low_bits() & (u32::MAX >> (32 - length)),
            Self::OfWeek(weekdays) => {
                let is_due = |day: &u8| weekdays.contains(month.weekday(*day).into());
                return (1..=length).filter(is_due).fold(0, |days, day| days | bit(day));
            }
            Self::Last => Some(length),
            Self::LastWorkday => Some(workday_near(month, length)),
            Self::WorkdayNear(day) => (day <= length).then(|| workday_near(month, day)),
            Self::LastOfWeek(weekday) => Some(length - (month.weekday(length) + 7 - weekday) % 7),
            Self::NthOfWeek { weekday, nth } => {
                let day = 1 + (weekday + 7 - month.weekday(1)) % 7 + 7 * (nth - 1);
                (day <= length).then_some(day)
            }
        };
        day.map_or(0, bit)
    }
}

fn bit(day: u8) -> u32 {
    1 << (day - 1)
}

/// The day from Monday to Friday that is nearest to a day of the month, and in it.
fn workday_near(month: Month, day: u8) -> u8 {
    match month.weekday(day) {
        SATURDAY if day == 1 => 3,
        SATURDAY => day - 1,
        SUNDAY if day == month.days() => day - 2,
        SUNDAY => day + 1,
        _ => day,
    }
}

/// `L`, `W` and `#` stand alone, as EventBridge has it for `#`, and Quartz for all.
fn refuse_in_list(field: &Field, text: &str, signs: &[char]) -> Result<(), CronError> {
    let has_sign = |part: &&str| part.contains(signs);
    match text.split(',').find(has_sign) {
        Some(part) if part != text => Err(CronError::NotAlone { field: field.name, found: part.to_owned() }),
        _ => Ok(()),
    }
}
