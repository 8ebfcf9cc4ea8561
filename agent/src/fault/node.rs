//! What happens to a node's machine and to its reports, for a while.
//!
//! Only the parameters are here; what a node does about them is `struck`'s work.

use serde::Deserialize;
use shared::time::Period;

/// The machine loses its power, and is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Crash {
    /// How long it is away; until the fault is over, if not said.
    pub down: Option<Period>,
    /// What is gone when it is back.
    pub loses: Loss,
}

/// What a crash takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// What the agent knew. A document that was being run goes on with the step
    /// that was under way.
    #[default]
    Memory,
    /// The disk as well: the document under way is forgotten, and the machine
    /// registers anew.
    Disk,
}

/// The node is cut off from the plane and comes back, again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flapping {
    /// How long it is cut off.
    pub down: Period,
    /// How long it is not, in between.
    pub up: Period,
}

/// Each report is sent more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DuplicateReports {
    /// How often beyond the first time, at most 100.
    pub times: u32,
}

impl Default for DuplicateReports {
    fn default() -> Self {
        Self { times: 1 }
    }
}

/// Each report is sent so much later; the node goes on meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateReports {
    /// How much later.
    pub by: Period,
}

/// Each report is sent somewhat later, by chance, so that some overtake others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReorderedReports {
    /// The longest delay.
    pub within: Period,
}

/// Each report is as large as this: its summary is filled up with blanks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HugeReports {
    /// How many bytes, at most 64 million.
    pub bytes: u32,
}

impl Flapping {
    /// Whether the node is cut off after so long.
    pub(crate) fn is_down(self, elapsed: Period) -> bool {
        elapsed.as_milliseconds() % self.round() < self.down.as_milliseconds()
    }

    /// How long it is from then to the next change.
    pub(crate) fn until_change(self, elapsed: Period) -> Period {
        let within = elapsed.as_milliseconds() % self.round();
        let down = self.down.as_milliseconds();
        Period::milliseconds(if within < down { down - within } else { self.round() - within })
    }

    fn round(self) -> u64 {
        (self.down + self.up).as_milliseconds().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_flaps_is_down_first() {
        let flapping = Flapping { down: Period::seconds(10), up: Period::seconds(30) };
        let cases =
            [(0, true, 10), (9, true, 1), (10, false, 30), (39, false, 1), (40, true, 10), (45, true, 5)];
        for (elapsed, is_down, left) in cases {
            let elapsed = Period::seconds(elapsed);
            let seen = (flapping.is_down(elapsed), flapping.until_change(elapsed));
            assert_eq!(seen, (is_down, Period::seconds(left)), "{elapsed}");
        }
    }
}
