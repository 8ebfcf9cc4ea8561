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

use shared::seed::Seed;

use shared::share::WHOLE;
pub use shared::share::{InvalidShare, Share};

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
}
