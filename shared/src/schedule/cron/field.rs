//! One field of a cron expression: from its text to the set of its values.
//!
//! A field is a list; a part of it is `*`, a value, a range, and each of them may
//! have a step. A value with a step runs to the field's end. What `?`, `L`, `W`
//! and `#` mean is for [`super::days`] to say.

use super::CronError;
use super::set::Set;

/// What a field may hold.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    least: u16,
    most: u16,
    /// Names for the values from the least one on, in capitals.
    names: &'static [&'static str],
    /// What the field may be, for whoever wrote something else.
    expected: &'static str,
}

pub(super) const MINUTE: Field = Field {
    name: "minute",
    least: 0,
    most: 59,
    names: &[],
    expected: "0 to 59, such as 15 or 0,30 or 0-30 or 0/30",
};

pub(super) const HOUR: Field = Field {
    name: "hour",
    least: 0,
    most: 23,
    names: &[],
    expected: "0 to 23, such as 2 or 6,18 or 9-17 or 0/4",
};

pub(super) const DAY_OF_MONTH: Field = Field {
    name: "day-of-month",
    least: 1,
    most: 31,
    names: &[],
    expected: "1 to 31, such as 1 or 1,15 or 1-7 or 1/10, or 15W, L or LW",
};

pub(super) const DAY_OF_WEEK: Field = Field {
    name: "day-of-week",
    least: 1,
    most: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    expected: "1 to 7 or SUN to SAT, such as SUN or MON,FRI or MON-FRI, or TUE#3 or TUEL",
};

pub(super) const YEAR: Field = Field {
    name: "year",
    least: 1970,
    most: 2199,
    names: &[],
    expected: "* or 1970 to 2199, such as 2026 or 2026,2028 or 2026-2030",
};

/// Reads a list of values, ranges and steps.
pub(super) fn parse(field: &Field, text: &str) -> Result<Set, CronError> {
    let mut set = Set::empty(field.least);
    for part in text.split(',') {
        let (first, last, step) = span(field, part)?;
        (first..=last).step_by(step).for_each(|value| set.insert(value));
    }
    Ok(set)
}

/// From where to where a part of the list reaches, and in which steps.
fn span(field: &Field, part: &str) -> Result<(u16, u16, usize), CronError> {
    let wrong = || field.refuse(part);
    let (range, step) = match part.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (part, None),
    };
    let value = |text| field.value(text).ok_or_else(wrong);
    let (first, last) = match range.split_once('-') {
        _ if range == "*" => (field.least, field.most),
        Some((first, last)) => (value(first)?, value(last)?),
        None if step.is_some() => (value(range)?, field.most),
        None => (value(range)?, value(range)?),
    };
    if first > last {
        return Err(field.backwards(range));
    }
    // A step that is longer than any range leaves the first value only.
    let step = step.map_or(Some(1), |step| number(step).map(usize::from)).ok_or_else(wrong)?;
    if step == 0 {
        return Err(CronError::NoStep { field: field.name, found: part.to_owned() });
    }
    Ok((first, last, step))
}

impl Field {
    /// The value that a number or a name means here.
    pub(super) fn value(&self, text: &str) -> Option<u16> {
        let named = || self.names.iter().zip(self.least..).find(|(name, _)| **name == text);
        let value = number(text).or_else(|| named().map(|(_, value)| value))?;
        (self.least..=self.most).contains(&value).then_some(value)
    }

    /// The error for a part of the field's list that it may not have.
    pub(super) fn refuse(&self, part: &str) -> CronError {
        CronError::Value { field: self.name, found: part.to_owned(), expected: self.expected }
    }

    fn backwards(&self, range: &str) -> CronError {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let end = |value: u16, at: Option<&&str>| at.map_or(value.to_string(), ToString::to_string);
        let (least, most) = (end(self.least, self.names.first()), end(self.most, self.names.last()));
        let expected = format!("{first}-{most},{least}-{last}");
        CronError::Backwards { field: self.name, found: range.to_owned(), expected }
    }
}

/// Digits only; more than fit are as good as the largest number.
fn number(text: &str) -> Option<u16> {
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| text.parse().unwrap_or(u16::MAX))
}

/// The seconds of seven fields: associations run at whole minutes only (user guide).
pub(super) fn check_seconds(text: &str) -> Result<(), CronError> {
    if matches!(text, "0" | "00") {
        return Ok(());
    }
    Err(CronError::Value {
        field: "seconds",
        found: text.to_owned(),
        expected: "0, or six fields without the seconds",
    })
}

/// The month: associations run in every one (user guide). `1/1` says the same.
pub(super) fn check_month(text: &str) -> Result<(), CronError> {
    if matches!(text, "*" | "1/1") {
        return Ok(());
    }
    Err(CronError::Value {
        field: "month",
        found: text.to_owned(),
        expected: "*, as an association runs in every month",
    })
}
