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
//! - [`strike`]: with the node itself: its machine and reports ([`node`]), its
//!   [`clock`], its agent ([`software`]), its [`identity`], the failures that are
//!   [`named`]

pub mod clock;
pub mod http;
pub mod identity;
pub mod named;
pub mod network;
pub mod node;
pub mod passage;
pub mod software;
pub mod strike;

use shared::seed::Seed;
use shared::time::Period;

use self::named::Cause;

use shared::share::WHOLE;
pub use shared::share::{InvalidShare, Share};

/// What is wrong with a node for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NodeFault {
    /// It is no valid instance, for this cause.
    InvalidInstance(Cause),
    /// It runs a platform for which the documents of its cohort are not made.
    UnsupportedPlatform,
    /// It runs a platform that the service does not know. A variant of its own, for
    /// so each fault has room in one byte of a node's row.
    UnknownPlatform,
    /// Its machine became another one after it registered, as that of a cloned image.
    FingerprintMismatch,
}

/// How many nodes each fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeFaults {
    /// The share of nodes whose id was never registered.
    pub invalid_instance: Share,
    /// The share of nodes whose platform is foreign to the documents, of the nodes
    /// that [`NodeFaults::invalid_instance`] leaves.
    pub unsupported_platform: Share,
    /// The share of [`NodeFault::FingerprintMismatch`], of the nodes that the others leave.
    pub fingerprint_mismatch: Share,
    /// The shares of instances that are not valid for another cause, in the order
    /// of [`Cause::ALL`] after its first.
    pub other_causes: [Share; 5],
    /// The share of nodes whose platform the service does not know.
    pub unknown_platform: Share,
    /// How long after its arrival a node is deregistered.
    pub deregistered_after: Period,
}

/// After its arrival a node has lived for so long before it is deregistered, if
/// nothing else is said.
const DEREGISTERED_AFTER: Period = Period::minutes(15);

impl Default for NodeFaults {
    fn default() -> Self {
        Self {
            invalid_instance: Share::NONE,
            unsupported_platform: Share::NONE,
            fingerprint_mismatch: Share::NONE,
            other_causes: [Share::NONE; 5],
            unknown_platform: Share::NONE,
            deregistered_after: DEREGISTERED_AFTER,
        }
    }
}

impl NodeFaults {
    /// The share of nodes that are no valid instances for this cause.
    pub fn of_cause(&mut self, cause: Cause) -> &mut Share {
        match Cause::ALL.iter().position(|known| *known == cause) {
            Some(place @ 1..) => &mut self.other_causes[place - 1],
            _ => &mut self.invalid_instance,
        }
    }

    /// What is wrong with the node of this number.
    pub fn of(&self, seed: Seed, number: u32) -> Option<NodeFault> {
        let number = u64::from(number);
        let phase = seed.draw("node-faults", 0).bits("phase", 0) % WHOLE;
        if self.invalid_instance.strikes(number, phase) {
            return Some(NodeFault::InvalidInstance(Cause::NeverRegistered));
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
        if self.fingerprint_mismatch.strikes(number, shifted) {
            return Some(NodeFault::FingerprintMismatch);
        }
        self.of_a_slot(phase, number)
    }

    /// The other causes and the unknown platform lie one behind the other in the
    /// whole, so that no two of them can meet. Any thousand nodes in a row have
    /// every thousandth of it once, and such thousands every millionth.
    fn of_a_slot(&self, phase: u64, number: u64) -> Option<NodeFault> {
        const STEP: u64 = 617;
        let (thousandth, within) = ((number * STEP + phase) % 1_000, (number / 1_000 * STEP) % 1_000);
        let place = thousandth * 1_000 + within;
        let causes = Cause::ALL[1..].iter().map(|cause| NodeFault::InvalidInstance(*cause));
        let unknown = NodeFault::UnknownPlatform;
        let shares = self.other_causes.iter().copied().chain([self.unknown_platform]);
        let mut end = 0;
        shares.zip(causes.chain([unknown])).find_map(|(share, fault)| {
            end += u64::from(share.millionths());
            (share != Share::NONE && place < end).then_some(fault)
        })
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
            let stray = NodeFault::InvalidInstance(Cause::NeverRegistered);
            let invalid = struck.iter().filter(|fault| **fault == stray).count();
            assert_eq!((invalid, struck.len() - invalid), (10, 10), "seed {seed}");
        }
    }

    #[test]
    fn each_cause_strikes_its_share_and_no_two_of_them_meet() {
        let mut faults = NodeFaults { unknown_platform: "0.5%".parse().unwrap(), ..NodeFaults::default() };
        for cause in Cause::ALL.into_iter().skip(1) {
            *faults.of_cause(cause) = "1%".parse().unwrap();
        }
        for seed in 0..20 {
            let struck: Vec<_> = (300..1300).filter_map(|number| faults.of(Seed(seed), number)).collect();
            for cause in Cause::ALL.into_iter().skip(1) {
                let fault = NodeFault::InvalidInstance(cause);
                assert_eq!(struck.iter().filter(|one| **one == fault).count(), 10, "seed {seed} {cause:?}");
            }
            assert_eq!(struck.len(), 55, "seed {seed}: and five of a platform that nobody knows");
        }
        let few = NodeFaults { unknown_platform: "0.01%".parse().unwrap(), ..NodeFaults::default() };
        let struck = (0..100_000).filter(|&number| few.of(Seed(1), number).is_some()).count();
        assert_eq!(struck, 10);
    }
}
