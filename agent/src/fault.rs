//! What is wrong with a node, and which nodes it strikes.
//!
//! A share strikes nodes at even distances over the whole fleet, so that 1% of
//! 1,000 nodes are exactly ten, and each machine can tell it of any node.
//!
//! Here is what is wrong for a node's whole life. What is wrong for a while:
//!
//! - [`network`]: between a node and the plane
//! - [`http`]: with single calls
//! - [`passage`]: what one call meets of both

pub mod http;
pub mod network;
pub mod passage;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use shared::seed::Seed;

const WHOLE: u64 = 1_000_000;

/// A share of nodes or runs, in millionths.
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
    pub(crate) const fn all() -> Self {
        Self::ALL
    }

    /// So many of so many, rounded to the next millionth, at most all.
    pub fn of(part: u64, whole: u64) -> Self {
        let millionths = (part * WHOLE + whole / 2).checked_div(whole).unwrap_or(0);
        Self(millionths.min(WHOLE) as u32)
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
    fn strikes(self, number: u64, phase: u64) -> bool {
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

impl schemars::JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A percentage from 0% to 100%, such as 1% or 2.5%.",
            "pattern": r"^(100(\.0*)?|[0-9]?[0-9](\.[0-9]*)?)%$",
        })
    }
}

/// What is wrong with a node for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeFault {
    /// It calls under an id that the plane does not accept: a hybrid id that was
    /// never registered, or no longer is.
    InvalidInstance,
    /// It runs a platform for which the documents of its cohort are not made.
    UnsupportedPlatform,
    /// Its machine became another one after it registered, as that of a cloned image.
    FingerprintMismatch,
}

/// How many nodes each fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeFaults {
    /// The share of [`NodeFault::InvalidInstance`].
    pub invalid_instance: Share,
    /// The share of [`NodeFault::UnsupportedPlatform`], of the nodes that
    /// [`NodeFaults::invalid_instance`] leaves.
    pub unsupported_platform: Share,
    /// The share of [`NodeFault::FingerprintMismatch`], of the nodes that the others leave.
    pub fingerprint_mismatch: Share,
}

impl NodeFaults {
    /// What is wrong with the node of this number.
    pub fn of(self, seed: Seed, number: u32) -> Option<NodeFault> {
        let number = u64::from(number);
        let phase = seed.draw("node-faults", 0).bits("phase", 0) % WHOLE;
        if self.invalid_instance.strikes(number, phase) {
            return Some(NodeFault::InvalidInstance);
        }
        // Half a stride away, so that equal shares do not meet on one node; where
        // shares meet all the same, the next node is struck in its stead.
        let shifted = (phase + WHOLE / 2) % WHOLE;
        let misfits = |number| self.unsupported_platform.strikes(number, shifted);
        let steps_in = |number| misfits(number) && self.invalid_instance.strikes(number, phase);
        let is_struck = misfits(number) || number.checked_sub(1).is_some_and(steps_in);
        if is_struck {
            return Some(NodeFault::UnsupportedPlatform);
        }
        let shifted = (phase + WHOLE / 4) % WHOLE;
        self.fingerprint_mismatch.strikes(number, shifted).then_some(NodeFault::FingerprintMismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_per_cent_of_a_thousand_are_ten_whatever_the_seed() {
        let faults = NodeFaults {
            invalid_instance: "1%".parse().unwrap(),
            unsupported_platform: "1%".parse().unwrap(),
            ..NodeFaults::default()
        };
        for seed in 0..50 {
            let struck: Vec<_> = (0..1000).filter_map(|number| faults.of(Seed(seed), number)).collect();
            let invalid = struck.iter().filter(|fault| **fault == NodeFault::InvalidInstance).count();
            assert_eq!((invalid, struck.len() - invalid), (10, 10), "seed {seed}");
        }
    }

    #[test]
    fn a_share_is_written_as_a_percentage() {
        assert_eq!("2.5%".parse::<Share>().unwrap().part_of(1000), 25);
        assert_eq!("100%".parse::<Share>().unwrap(), Share::ALL);
        assert_eq!(Share::of(10, 640).part_of(640), 10);
        for text in ["1", "101%", "-1%", "%", "1 %", "one%", "1e1%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}
