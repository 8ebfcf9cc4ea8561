//! A share of nodes, runs or calls.
//!
//! A share strikes things that are counted at even distances, so that 1% of 1,000
//! nodes are exactly ten, and each machine can tell it of any node.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The whole, in millionths.
pub const WHOLE: u64 = 1_000_000;

/// A share of nodes, runs or calls, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share(u32);

/// A text that is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share: expected a percentage from 0% to 100%, such as 1% or 2.5%")]
pub struct InvalidShare(pub String);

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Everything.
    pub const ALL: Self = Self(WHOLE as u32);

    /// Everything, as a default.
    pub const fn all() -> Self {
        Self::ALL
    }

    /// So many of so many, rounded to the next millionth, at most all.
    pub fn of(part: u64, whole: u64) -> Self {
        let millionths = (part * WHOLE + whole / 2).checked_div(whole).unwrap_or(0);
        Self(millionths.min(WHOLE) as u32)
    }

    /// The share in millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// The share as a number from 0 to 1.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / WHOLE as f64
    }

    /// How many of `count` this share is, rounded down.
    pub fn part_of(self, count: u64) -> u64 {
        count * u64::from(self.0) / WHOLE
    }

    /// Whether this share, begun at `phase`, strikes the thing of this number.
    pub fn strikes(self, number: u64, phase: u64) -> bool {
        let before = (number * u64::from(self.0) + phase) / WHOLE;
        let after = ((number + 1) * u64::from(self.0) + phase) / WHOLE;
        after > before
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidShare(text.chars().take(64).collect());
        let number = text.strip_suffix('%').ok_or_else(wrong)?;
        let is_plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let percent: f64 = number.parse().ok().filter(|_| is_plain).ok_or_else(wrong)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(wrong());
        }
        Ok(Self((percent * WHOLE as f64 / 100.0).round() as u32))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", self.fraction() * 100.0))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_as_a_percentage() {
        assert_eq!("2.5%".parse::<Share>().unwrap().part_of(1000), 25);
        assert_eq!("100%".parse::<Share>().unwrap(), Share::ALL);
        assert_eq!(Share::of(10, 640).part_of(640), 10);
        for text in ["1", "101%", "-1%", "%", "1 %", "one%", "1e1%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["2.5%", "100%", "0%"] {
            let share: Share = text.parse().unwrap();
            assert_eq!(serde_json::to_string(&share).unwrap(), format!("\"{text}\""));
        }
    }
}
