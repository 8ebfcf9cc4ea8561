//! A bucket of tokens: how many calls go through in a time.
//!
//! It fills evenly with simulated time, up to its brim, and each call takes a
//! token out. Reckoned in whole millionths, so that no rounding shows.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::time::Timestamp;

/// A token, in millionths.
const TOKEN: u64 = 1_000_000;

/// The highest rate: more a second is no limit to any fleet.
const HIGHEST: f64 = 1_000_000.0;

/// So many in a second, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(u32);

impl Rate {
    /// The rate in whole calls, rounded up.
    pub(super) fn whole(self) -> u32 {
        self.0.div_ceil(1000)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", f64::from(self.0) / 1000.0)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 1000 {
            0 => serializer.serialize_u32(self.0 / 1000),
            _ => serializer.serialize_f64(f64::from(self.0) / 1000.0),
        }
    }
}

impl schemars::JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CallsPerSecond".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "number",
            "minimum": 0,
            "maximum": HIGHEST,
            "description": "Calls in a simulated second, such as 50 or 0.5.",
        })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rate = f64::deserialize(deserializer)?;
        if !(0.0..=HIGHEST).contains(&rate) {
            return Err(de::Error::custom(format_args!(
                "`{rate}` is no rate: expected calls a second from 0 to 1000000, such as 50 or 0.5"
            )));
        }
        Ok(Self((rate * 1000.0).round() as u32))
    }
}

/// What is left of what may go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    level: u64,
    filled: Timestamp,
}

impl Bucket {
    /// A bucket that has rested.
    pub(super) fn full(most: u32, now: Timestamp) -> Self {
        Self { level: u64::from(most) * TOKEN, filled: now }
    }

    /// Takes a token, if one is there.
    pub(super) fn take(&mut self, rate: Rate, most: u32, now: Timestamp) -> bool {
        let since = now.since(self.filled).as_milliseconds();
        // Thousandths a second times milliseconds are millionths.
        let more = since.saturating_mul(u64::from(rate.0));
        self.level = self.level.saturating_add(more).min(u64::from(most) * TOKEN);
        self.filled = self.filled.max(now);
        match self.level.checked_sub(TOKEN) {
            Some(rest) => {
                self.level = rest;
                true
            }
            None => false,
        }
    }
}
