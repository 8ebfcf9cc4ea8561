//! What is known to differ from the recordings, and why.
//!
//! An entry that no recording shows any more must go.

use super::compare::Difference;

/// A difference that is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Of which operation.
    pub(super) operation: &'static str,
    /// What differs, as the comparer says it.
    pub(super) what: &'static str,
    /// Why it does.
    pub(super) reason: &'static str,
}

impl Known {
    /// Whether it is this one.
    pub(super) fn fits(&self, operation: &str, what: &str) -> bool {
        self.operation == operation && self.what == what
    }
}

/// Why this difference is no surprise.
pub(super) fn reason(difference: &Difference) -> Option<&'static str> {
    let known = KNOWN.iter().find(|known| known.fits(&difference.operation, &difference.what));
    known.map(|known| known.reason)
}

const fn known(operation: &'static str, what: &'static str, reason: &'static str) -> Known {
    Known { operation, what, reason }
}

const ONE_BY_ONE: &str = "the recorded agent told of the step's end while its acknowledgement was under way; a node sends one after the other";
const MACHINE: &str = "processor and kernel are those of another machine; the 715 packages are the same";
const INVENTORY: &str = "the step that gathers the inventory waits for up to 29 s, drawn anew by each agent";
const INTERFACES: &str = "the recorded machine had no network interface but the loopback";

/// The list, by operation.
pub(super) const KNOWN: &[Known] = &[
    known("PutInventory", "number of Items[].Content", INTERFACES),
    known("PutInventory", "value of Items[].Content[].CPUCores", MACHINE),
    known("PutInventory", "value of Items[].Content[].CPUHyperThreadEnabled", MACHINE),
    known("PutInventory", "value of Items[].Content[].CPUModel", MACHINE),
    known("PutInventory", "value of Items[].Content[].CPUSpeedMHz", MACHINE),
    known("PutInventory", "value of Items[].Content[].KernelVersion", MACHINE),
    known("SendReply", "connection", ONE_BY_ONE),
    known("UpdateInstanceAssociationStatus", "time of a step", INVENTORY),
];
