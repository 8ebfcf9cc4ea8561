//! An instant as a signature spells it, and back.
//!
//! `20261123T061200Z`: UTC, to the second, and its first eight characters are the
//! day that a key is good for. Civil dates by integer arithmetic: a library of
//! time zones would be much for one format that knows none.

use std::fmt;

use crate::time::Timestamp;

/// Seconds of a day; leap seconds do not exist in this count.
const DAY: i64 = 86_400;

/// An instant as `X-Amz-Date` spells it, such as `20261123T061200Z`: UTC, whole seconds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SigningTime([u8; 16]);

impl SigningTime {
    /// The spelling of `instant`, cut to the second. The form has four digits
    /// for the year: what lies outside of 0000 to 9999 becomes the nearest end.
    pub fn new(instant: Timestamp) -> Self {
        let seconds = instant.milliseconds().div_euclid(1000).clamp(-62_167_219_200, 253_402_300_799);
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        let mut text = *b"00000000T000000Z";
        write_digits(&mut text[0..4], year);
        write_digits(&mut text[4..6], month);
        write_digits(&mut text[6..8], day);
        write_digits(&mut text[9..11], second / 3600);
        write_digits(&mut text[11..13], second / 60 % 60);
        write_digits(&mut text[13..15], second % 60);
        Self(text)
    }

    /// Reads the spelling; nothing where it is not of this form or names no
    /// instant, such as the 30th of February.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 16] = text.as_bytes().try_into().ok()?;
        let time = Self(bytes);
        let are_digits =
            bytes.iter().enumerate().all(|(at, byte)| matches!(at, 8 | 15) || byte.is_ascii_digit());
        (are_digits && Self::new(time.instant()) == time).then_some(time)
    }

    /// The whole spelling.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII is written")
    }

    /// The day alone, such as `20261123`.
    pub fn date(&self) -> &str {
        &self.as_str()[..8]
    }

    /// The instant that is spelled.
    pub fn instant(&self) -> Timestamp {
        let number = |from: usize, to: usize| {
            self.0[from..to].iter().fold(0, |number, digit| number * 10 + i64::from(digit.wrapping_sub(b'0')))
        };
        let days = days_since_1970(number(0, 4), number(4, 6), number(6, 8));
        let seconds = number(9, 11) * 3600 + number(11, 13) * 60 + number(13, 15);
        Timestamp::from_seconds(days * DAY + seconds)
    }
}

impl fmt::Debug for SigningTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn write_digits(place: &mut [u8], mut number: i64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of the day that is `days` after 1970-01-01. Counts
/// years from March, so that the leap day comes last (H. Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`] (`days_from_civil` of the same paper).
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_instant_is_spelled_to_the_second() {
        let cases = [
            (0, "19700101T000000Z"),
            (-1, "19691231T235959Z"),
            (951_827_696_999, "20000229T123456Z"),
            (1_795_407_870_211, "20261123T042430Z"),
            (4_107_542_399_000, "21000228T235959Z"),
            (i64::MAX, "99991231T235959Z"),
            (i64::MIN, "00000101T000000Z"),
        ];
        for (milliseconds, text) in cases {
            assert_eq!(SigningTime::new(Timestamp::from_milliseconds(milliseconds)).as_str(), text);
        }
        for text in ["", "20260230T000000Z", "20261123T240000Z", "20261123 042430Z", "2026112aT042430Z"] {
            assert_eq!(SigningTime::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_second_is_read_back(seconds in -62_167_219_200..=253_402_300_799i64) {
            let time = SigningTime::new(Timestamp::from_seconds(seconds));
            prop_assert_eq!(SigningTime::parse(time.as_str()), Some(time));
            prop_assert_eq!(time.instant(), Timestamp::from_seconds(seconds));
        }

        #[test]
        fn the_next_day_is_spelled_after_this_one(day in -700_000..2_900_000i64) {
            let (today, tomorrow) = (civil(day), civil(day + 1));
            let (year, month, date) = today;
            let is_next = tomorrow == (year, month, date + 1)
                || tomorrow == (year, month + 1, 1)
                || tomorrow == (year + 1, 1, 1);
            prop_assert!(is_next, "{:?} then {:?}", today, tomorrow);
        }
    }
}
