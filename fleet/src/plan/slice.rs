//! A fleet in pieces, each hosted by a process of its own.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::timeline::PlannedAct;
use super::{Plan, PlannedEntry};

/// One of several equal pieces of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Which, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

/// A text that is no slice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no slice: expected one of so many, such as 3/8")]
pub struct InvalidSlice(String);

impl Slice {
    /// The whole fleet.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// The numbers of its nodes, in a fleet of so many.
    pub fn numbers(self, nodes: u32) -> Range<u32> {
        let border = |piece: u32| (u64::from(nodes) * u64::from(piece) / u64::from(self.of)) as u32;
        border(self.number - 1)..border(self.number)
    }

    /// Whether the operator works here: in the first slice alone.
    pub fn has_operator(self) -> bool {
        self.number == 1
    }
}

impl Plan {
    /// Keeps of the timeline what happens without an operator. What only a fault is
    /// lifted by that is injected in the first slice alone has nothing to lift here.
    pub(super) fn keep_what_is_of_every_slice(&mut self) {
        self.timeline.retain(PlannedEntry::is_of_every_slice);
        let injected = self.timeline.iter().filter_map(|entry| match &entry.act {
            PlannedAct::Inject(window) => window.name.clone(),
            _ => None,
        });
        let foreseen = self.faults.windows().iter().map(|window| window.name.to_string());
        let known: Vec<String> = injected.chain(foreseen).collect();
        self.timeline.retain(|entry| match &entry.act {
            PlannedAct::Lift(name) => known.contains(name),
            _ => true,
        });
    }
}

impl FromStr for Slice {
    type Err = InvalidSlice;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || InvalidSlice(text.chars().take(64).collect());
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(number) || !is_number(of) {
            return Err(wrong());
        }
        let [number, of] = [number, of].map(|text| text.parse().unwrap_or(0));
        if (1..=of).contains(&number) { Ok(Self { number, of }) } else { Err(wrong()) }
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_put_together_are_the_whole() {
        for (nodes, of) in [(10, 3), (1, 2), (1_000_003, 8), (7, 7)] {
            let numbers: Vec<u32> = (1..=of).flat_map(|number| Slice { number, of }.numbers(nodes)).collect();
            assert_eq!(numbers, (0..nodes).collect::<Vec<_>>(), "{nodes} in {of}");
        }
    }

    #[test]
    fn a_slice_is_one_of_so_many() {
        assert_eq!("3/8".parse(), Ok(Slice { number: 3, of: 8 }));
        for text in ["", "3", "0/8", "9/8", "1/0", "-1/2", "a/b", "1/2/3", "+1/2", "99999999999/2"] {
            assert!(text.parse::<Slice>().is_err(), "{text}");
        }
    }
}
