//! How many things stand at each state.
//!
//! Counts are kept beside what they count, so that nobody counts a fleet.
//! Whoever moves a thing to another state says so here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::status::AssociationStatus;

/// How many things stand at each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StatusCounts([u32; AssociationStatus::ALL.len()]);

impl StatusCounts {
    pub(crate) fn add(&mut self, status: AssociationStatus) {
        self.0[status as usize] += 1;
    }

    pub(crate) fn remove(&mut self, status: AssociationStatus) {
        self.0[status as usize] -= 1;
    }

    /// How many there are in all.
    pub(crate) fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// How many stand at this state.
    pub(crate) fn of(&self, status: AssociationStatus) -> u32 {
        self.0[status as usize]
    }

    /// How many may still change by themselves.
    pub(crate) fn open(&self) -> u32 {
        let open = AssociationStatus::ALL.iter().filter(|status| !status.is_terminal());
        open.map(|status| self.of(*status)).sum()
    }

    /// State and count, by the state's name; no state without a count.
    pub(crate) fn by_name(&self) -> BTreeMap<String, u64> {
        let counted = AssociationStatus::ALL.iter().filter(|status| self.of(**status) > 0);
        counted.map(|status| (status.to_string(), u64::from(self.of(*status)))).collect()
    }

    /// As the service prints a map: `{Failed=1, Success=2}`.
    pub(crate) fn as_text(&self) -> String {
        let pairs: Vec<String> =
            self.by_name().iter().map(|(name, count)| format!("{name}={count}")).collect();
        format!("{{{}}}", pairs.join(", "))
    }
}
