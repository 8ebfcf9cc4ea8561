//! Instants and periods, in milliseconds of simulated time.
//!
//! On the wire an instant is a JSON number: seconds since 1970 with
//! milliseconds as a fraction, as AWS JSON 1.1 has it.

use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// A length of time, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Period(u64);

impl Timestamp {
    /// Later than anything that happens; a thing due then is due never.
    pub const NEVER: Self = Self(i64::MAX);

    /// The instant `milliseconds` after 1970 began.
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// The instant `seconds` after 1970 began.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds * 1000)
    }

    /// Milliseconds since 1970 began.
    pub const fn milliseconds(self) -> i64 {
        self.0
    }

    /// Seconds since 1970 began, with a fraction, as the wire has it.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// The time from `earlier` to this instant, zero if it lies later.
    pub fn since(self, earlier: Self) -> Period {
        Period(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl Period {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A period of so many milliseconds.
    pub const fn milliseconds(count: u64) -> Self {
        Self(count)
    }

    /// A period of so many seconds.
    pub const fn seconds(count: u64) -> Self {
        Self(count * 1000)
    }

    /// A period of so many minutes.
    pub const fn minutes(count: u64) -> Self {
        Self(count * 60_000)
    }

    /// A period of so many hours.
    pub const fn hours(count: u64) -> Self {
        Self(count * 3_600_000)
    }

    /// A period of so many days of 24 hours.
    pub const fn days(count: u64) -> Self {
        Self(count * 86_400_000)
    }

    /// The whole period in milliseconds.
    pub const fn as_milliseconds(self) -> u64 {
        self.0
    }

    /// The whole period in seconds, with a fraction.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This share of the period, `share` from 0 to 1, to the millisecond below.
    pub fn share(self, share: f64) -> Self {
        Self((self.0 as f64 * share) as u64)
    }
}

impl Add<Period> for Timestamp {
    type Output = Self;

    fn add(self, period: Period) -> Self {
        Self(self.0.saturating_add_unsigned(period.0))
    }
}

impl AddAssign<Period> for Timestamp {
    fn add_assign(&mut self, period: Period) {
        *self = *self + period;
    }
}

impl Sub<Period> for Timestamp {
    type Output = Self;

    fn sub(self, period: Period) -> Self {
        Self(self.0.saturating_sub_unsigned(period.0))
    }
}

impl Add for Period {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Period {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Mul<u64> for Period {
    type Output = Self;

    fn mul(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Go, in which the real agent is written, writes whole seconds without a fraction.
        if self.0 % 1000 == 0 {
            serializer.serialize_i64(self.0 / 1000)
        } else {
            serializer.serialize_f64(self.seconds())
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        // The last instant of the year 9999; beyond it a value is a mistake of unit.
        if !(-1e12..=253_402_300_799.999).contains(&seconds) {
            return Err(de::Error::custom(format_args!("{seconds} is no instant in seconds since 1970")));
        }
        Ok(Self((seconds * 1000.0).round() as i64))
    }
}

/// A text that is no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// It has not the form of one.
    #[error("`{0}` is no duration: expected a number and one of ms, s, m, h, d, such as 90s, 5m or 2h")]
    Form(String),
    /// It is longer than any that is meant.
    #[error("`{0}` is too long: expected at most 36525d, a hundred years")]
    TooLong(String),
}

impl FromStr for Period {
    type Err = InvalidPeriod;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let short = || text.chars().take(64).collect();
        let wrong = || InvalidPeriod::Form(short());
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let unit = match unit {
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            "d" => 86_400_000.0,
            _ => return Err(wrong()),
        };
        let is_plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let count: f64 = number.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
        let milliseconds = count * unit;
        // A hundred years: more is a slip of the finger, and sums stay far from overflow.
        if milliseconds > Self::days(36_525).0 as f64 {
            return Err(InvalidPeriod::TooLong(short()));
        }
        Ok(Self(milliseconds.round() as u64))
    }
}

impl fmt::Display for Period {
    /// As a person writes it: `0s`, `1.5s`, `5m02s`, `2h00m10s`, `1d00h00m00s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0 / 1000;
        let (days, hours, minutes, seconds) =
            (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let text = match self.0 {
            under_a_minute if under_a_minute < 60_000 && under_a_minute % 1000 != 0 => {
                format!("{}s", under_a_minute as f64 / 1000.0)
            }
            under_a_minute if under_a_minute < 60_000 => format!("{seconds}s"),
            under_an_hour if under_an_hour < 3_600_000 => format!("{minutes}m{seconds:02}s"),
            under_a_day if under_a_day < 86_400_000 => format!("{hours}h{minutes:02}m{seconds:02}s"),
            _ => format!("{days}d{hours:02}h{minutes:02}m{seconds:02}s"),
        };
        f.pad(&text)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_a_number_of_seconds_on_the_wire() {
        let instant = Timestamp::from_milliseconds(1_795_407_870_211);
        assert_eq!(serde_json::to_string(&instant).unwrap(), "1795407870.211");
        assert_eq!(serde_json::to_string(&Timestamp::from_seconds(5)).unwrap(), "5");
        assert_eq!(serde_json::from_str::<Timestamp>("1795407870.211").unwrap(), instant);
        assert_eq!(
            serde_json::from_str::<Timestamp>("1795407870").unwrap().milliseconds(),
            1_795_407_870_000
        );
        assert!(serde_json::from_str::<Timestamp>("1795407870211").is_err(), "milliseconds by mistake");
        assert!(serde_json::from_str::<Timestamp>("\"now\"").is_err());
    }

    #[test]
    fn a_period_is_read_and_written_as_people_do() {
        let cases = [
            ("90s", 90_000, "1m30s"),
            ("5m", 300_000, "5m00s"),
            ("2h", 7_200_000, "2h00m00s"),
            ("250ms", 250, "0.25s"),
            ("1.5s", 1500, "1.5s"),
            ("1d", 86_400_000, "1d00h00m00s"),
            ("0s", 0, "0s"),
        ];
        for (text, milliseconds, written) in cases {
            let period: Period = text.parse().unwrap();
            assert_eq!((period.as_milliseconds(), period.to_string().as_str()), (milliseconds, written));
        }
        for text in ["", "5", "m", "-5m", "5 m", "5min", "1e3s", "99999999d", "..s"] {
            let error = text.parse::<Period>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is ")), "{text}: {error}");
            assert_eq!(error.contains("at most 36525d"), text == "99999999d", "{error}");
        }
    }
}
