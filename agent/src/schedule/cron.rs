//! The agent's cron: the instants that an expression names.
//!
//! As the library that the agent vendors reads it (gorhill/cronexpr), in UTC:
//! five fields (minute hour day month weekday), six (and a year) or seven (a
//! second before them), whatever follows is ignored; 0 and 7 are Sunday; `?` is
//! `*`; where both day fields say something, either one suffices; `L`, `LW`, `15W`
//! of a month, `5L` and `5#3` of a week. Years end with 2099.
//!
//! Invariant: an instant found is later than the one asked about.

use jiff::civil::{Date, Weekday, date};
use shared::time::{Period, Timestamp};

use super::Next;
use super::field::{DAY_OF_MONTH, DAY_OF_WEEK, HOUR, Kind, MINUTE, MONTH, SECOND, Term, Values, YEAR};

/// What the library replaces before it reads.
const MACROS: [(&str, &str); 6] = [
    ("@yearly", "0 0 0 1 1 * *"),
    ("@annually", "0 0 0 1 1 * *"),
    ("@monthly", "0 0 0 1 * * *"),
    ("@weekly", "0 0 0 * * 0 *"),
    ("@daily", "0 0 0 * * * *"),
    ("@hourly", "0 0 * * * * *"),
];

/// A cron expression as the agent reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cron {
    seconds: Values,
    minutes: Values,
    hours: Values,
    months: Values,
    years: Values,
    /// `None` where every day of the month is as good as another.
    days_of_month: Option<Vec<DayOfMonth>>,
    /// `None` where every weekday is as good as another.
    days_of_week: Option<Vec<DayOfWeek>>,
}

/// A term of the day-of-month field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum DayOfMonth {
    Day(i8),
    Last,
    LastWorkday,
    /// The working day nearest to this one, within the month.
    Nearest(i8),
}

/// A term of the day-of-week field; 0 is Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum DayOfWeek {
    Every(i8),
    Last(i8),
    Nth(i8, i8),
}

impl Cron {
    /// Reads what stands between the brackets, in lower case.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = MACROS.iter().fold(text.to_owned(), |text, (name, fields)| text.replace(name, fields));
        let fields: Vec<&str> = text.split_whitespace().take(7).collect();
        let (seconds, fields) = match fields.len() {
            0..=4 => return None,
            7 => (SECOND.values(fields[0])?, &fields[1..]),
            _ => ([0].into(), &fields[..]),
        };
        Some(Self {
            seconds,
            minutes: MINUTE.values(fields[0])?,
            hours: HOUR.values(fields[1])?,
            days_of_month: days(&DAY_OF_MONTH, fields[2], DayOfMonth::of_value, DayOfMonth::of_special)?,
            months: MONTH.values(fields[3])?,
            days_of_week: days(&DAY_OF_WEEK, fields[4], DayOfWeek::of_value, DayOfWeek::of_special)?,
            years: YEAR.values(fields.get(5).unwrap_or(&"*"))?,
        })
    }

    /// The first instant after this one.
    pub(super) fn next(&self, last: Timestamp) -> Next {
        let must_have = [&self.seconds, &self.minutes, &self.hours, &self.months];
        let second = last.milliseconds().div_euclid(1_000) + 1;
        let (day, second_of_day) = (second.div_euclid(86_400), second.rem_euclid(86_400));
        let Some(date) = date_of(day) else { return Next::Exhausted };
        if !self.years.iter().any(|&year| year as i16 >= date.year()) {
            return Next::Exhausted;
        }
        if must_have.iter().any(|values| values.is_empty()) {
            return Next::Fatal;
        }
        let today = self.has(date).then(|| self.second_from(second_of_day)).flatten();
        let found = match today {
            Some(second) => Some((date, second)),
            None => self.day_after(date).zip(self.second_from(0)),
        };
        match found {
            Some((date, second)) => Next::At(instant(date, second)),
            None => Next::Exhausted,
        }
    }

    /// The first second of a day that fits, at or after this one.
    fn second_from(&self, second_of_day: i64) -> Option<i64> {
        let split = |second: i64| [second / 3_600, second / 60 % 60, second % 60].map(|part| part as u16);
        let [hour, minute, second] = split(second_of_day);
        let whole = |hour: u16, minute: u16, second: u16| {
            i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second)
        };
        let (first_minute, first_second) = (*self.minutes.first()?, *self.seconds.first()?);
        let hour_fits = self.hours.binary_search(&hour).is_ok();
        let minute_fits = hour_fits && self.minutes.binary_search(&minute).is_ok();
        if minute_fits && let Some(second) = first_from(&self.seconds, second) {
            return Some(whole(hour, minute, second));
        }
        if hour_fits && let Some(minute) = first_from(&self.minutes, minute + 1) {
            return Some(whole(hour, minute, first_second));
        }
        first_from(&self.hours, hour + 1).map(|hour| whole(hour, first_minute, first_second))
    }

    /// The first day that fits, after this one.
    fn day_after(&self, date: Date) -> Option<Date> {
        let rest = (date.day() + 1..=date.days_in_month()).map(|day| at_day(date, day));
        if let Some(day) = rest.into_iter().find(|day| self.has(*day)) {
            return Some(day);
        }
        for &year in self.years.iter().filter(|year| **year as i16 >= date.year()) {
            for &month in &self.months {
                let first = date_in(year, month);
                if first <= date {
                    continue;
                }
                let mut days = (1..=first.days_in_month()).map(|day| at_day(first, day));
                if let Some(day) = days.find(|day| self.has(*day)) {
                    return Some(day);
                }
            }
        }
        None
    }

    /// Whether a day fits.
    fn has(&self, date: Date) -> bool {
        if self.years.binary_search(&(date.year() as u16)).is_err()
            || self.months.binary_search(&(date.month() as u16)).is_err()
        {
            return false;
        }
        let by_month = self.days_of_month.as_ref().map(|terms| terms.iter().any(|term| term.is(date)));
        let by_week = self.days_of_week.as_ref().map(|terms| terms.iter().any(|term| term.is(date)));
        match (by_month, by_week) {
            (None, None) => true,
            (by_month, by_week) => by_month == Some(true) || by_week == Some(true),
        }
    }
}

impl DayOfMonth {
    fn of_value(value: u16) -> Self {
        Self::Day(value as i8)
    }

    fn of_special(text: &str) -> Option<Self> {
        match text {
            "l" => Some(Self::Last),
            "lw" => Some(Self::LastWorkday),
            _ => {
                let day = DAY_OF_MONTH.value(text.strip_suffix('w')?)?;
                Some(Self::Nearest(day as i8))
            }
        }
    }

    fn is(self, date: Date) -> bool {
        let last = date.days_in_month();
        match self {
            Self::Day(day) => date.day() == day,
            Self::Last => date.day() == last,
            Self::LastWorkday => date.day() == workday(at_day(date, last)),
            // A day that the month lacks has no neighbours.
            Self::Nearest(day) => day <= last && date.day() == workday(at_day(date, day)),
        }
    }
}

impl DayOfWeek {
    fn of_value(value: u16) -> Self {
        Self::Every(value as i8)
    }

    fn of_special(text: &str) -> Option<Self> {
        let weekday = |text| DAY_OF_WEEK.value(text).map(|value| value as i8);
        if let Some((day, nth)) = text.split_once('#') {
            let nth = ["1", "2", "3", "4", "5"].iter().position(|known| *known == nth)?;
            return Some(Self::Nth(weekday(day)?, nth as i8 + 1));
        }
        Some(Self::Last(weekday(text.strip_suffix('l')?)?))
    }

    fn is(self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        match self {
            Self::Every(day) => weekday == day,
            Self::Last(day) => weekday == day && date.day() + 7 > date.days_in_month(),
            Self::Nth(day, nth) => weekday == day && (date.day() - 1) / 7 + 1 == nth,
        }
    }
}

/// The terms of a day field; `Some(None)` where it says nothing.
fn days<T>(
    kind: &Kind,
    text: &str,
    of_value: fn(u16) -> T,
    of_special: fn(&str) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    let terms = kind.terms(text)?;
    let says_nothing = terms.contains(&Term::All);
    let mut days = Vec::new();
    for term in terms {
        match term {
            Term::Special(text) => days.push(of_special(text)?),
            term => days.extend(term.values(kind).into_iter().map(of_value)),
        }
    }
    Some((!says_nothing).then_some(days))
}

/// The day of the working day nearest to this one, within its month.
fn workday(date: Date) -> i8 {
    match date.weekday() {
        Weekday::Saturday if date.day() == 1 => 3,
        Weekday::Saturday => date.day() - 1,
        Weekday::Sunday if date.day() == date.days_in_month() => date.day() - 2,
        Weekday::Sunday => date.day() + 1,
        _ => date.day(),
    }
}

fn first_from(values: &[u16], least: u16) -> Option<u16> {
    values.get(values.partition_point(|value| *value < least)).copied()
}

/// `None` beyond the calendar.
fn date_of(day: i64) -> Option<Date> {
    let since = jiff::Span::new().try_days(day).ok()?;
    date(1970, 1, 1).checked_add(since).ok()
}

fn at_day(month: Date, day: i8) -> Date {
    month.with().day(day).build().expect("a day that the month has")
}

fn date_in(year: u16, month: u16) -> Date {
    date(year as i16, month as i8, 1)
}

fn instant(date: Date, second_of_day: i64) -> Timestamp {
    let days = date.since(jiff::civil::date(1970, 1, 1)).expect("years have limits").get_days();
    Timestamp::from_seconds(0) + Period::days(days as u64) + Period::seconds(second_of_day as u64)
}
