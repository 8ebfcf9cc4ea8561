//! Months of the Gregorian calendar, for schedules.
//!
//! A day is a number: days since 1970-01-01, UTC. A cron expression asks of a
//! month how long it is and on which weekday it begins; both follow from its
//! first day's number. Nothing here knows of schedules.

/// Sunday, by the service's numbers.
pub(super) const SUNDAY: u8 = 1;
/// Saturday, by the service's numbers.
pub(super) const SATURDAY: u8 = 7;

/// A month of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    pub(super) year: i64,
    /// 1 is January.
    pub(super) number: u8,
    /// The number of its first day.
    pub(super) first_day: i64,
}

impl Month {
    /// January of a year.
    pub(super) fn january(year: i64) -> Self {
        // Leap years before this one, counted from the year 0; 477 of them before 1970.
        let last = year - 1;
        let leap_years = last.div_euclid(4) - last.div_euclid(100) + last.div_euclid(400);
        Self { year, number: 1, first_day: 365 * (year - 1970) + leap_years - 477 }
    }

    /// The month in which a day lies.
    pub(super) fn containing(day: i64) -> Self {
        // 400 years have 146,097 days. The estimate is off by a year at most.
        let estimate = 1970 + (day * 400).div_euclid(146_097);
        let januaries = [estimate + 1, estimate].map(Self::january);
        let begun = januaries.into_iter().find(|january| january.first_day <= day);
        let mut month = begun.unwrap_or_else(|| Self::january(estimate - 1));
        while month.first_day + i64::from(month.days()) <= day {
            month = month.following();
        }
        month
    }

    /// The month of this number in a year.
    pub(super) fn of(year: i64, number: u8) -> Self {
        (1..number).fold(Self::january(year), |month, _| month.following())
    }

    /// The month after this one.
    pub(super) fn following(self) -> Self {
        let first_day = self.first_day + i64::from(self.days());
        match self.number {
            12 => Self { year: self.year + 1, number: 1, first_day },
            number => Self { number: number + 1, first_day, ..self },
        }
    }

    /// How many days it has.
    pub(super) fn days(self) -> u8 {
        match self.number {
            2 if self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// The weekday of a day of the month, by the service's numbers: 1 is Sunday.
    pub(super) fn weekday(self, day_of_month: u8) -> u8 {
        // 1970-01-01 was a Thursday.
        ((self.first_day + i64::from(day_of_month) + 3).rem_euclid(7)) as u8 + SUNDAY
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::{Date, date};

    use super::*;

    #[test]
    fn every_day_of_the_calendar_lies_where_a_calendar_has_it() {
        let epoch = date(1970, 1, 1);
        for day in -719_528..=84_005_i64 {
            let expected: Date = epoch.checked_add(day.days()).unwrap();
            let month = Month::containing(day);
            let day_of_month = u8::try_from(day - month.first_day + 1).unwrap();
            let found = date(month.year as i16, month.number as i8, day_of_month as i8);
            assert_eq!(found, expected, "{day}");
            let weekday = expected.weekday().to_sunday_one_offset();
            assert_eq!(month.weekday(day_of_month) as i8, weekday, "{expected}");
            assert_eq!(month.days() as i8, expected.days_in_month(), "{expected}");
            assert_eq!(Month::of(month.year, month.number), month, "{expected}");
        }
    }
}
