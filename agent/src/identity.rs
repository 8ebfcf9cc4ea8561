//! Who a node is: a function of (seed, cohort, index in the cohort, incarnation).
//!
//! Nothing of it is stored but the numbers; ids, addresses and names are made
//! when they are needed. Any machine can make those of any node.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shared::id::NodeId;
use shared::seed::{Draw, Seed};

use crate::catalogue::{Catalogue, Cohort};
use crate::fault::NodeFault;
use crate::fault::named::Cause;

/// The numbers that a node follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Its number in the whole fleet.
    pub number: u32,
    /// Its number in its cohort.
    pub index: u32,
    /// Its cohort's number in the catalogue.
    pub cohort: u16,
    /// How often it was made anew.
    pub incarnation: u16,
}

impl Identity {
    /// The cohort that this node belongs to.
    pub fn cohort(self, catalogue: &Catalogue) -> &Cohort {
        &catalogue.cohorts[usize::from(self.cohort)]
    }

    /// The draws of this node's place in the fleet, whoever takes it: what an
    /// instance and the one that replaces it have in common.
    pub fn place(self, catalogue: &Catalogue) -> Draw {
        Self { incarnation: 0, ..self }.draw(catalogue)
    }

    /// The draws of this node. The number in the fleet is no part of their key:
    /// a node does the same alone and among a million.
    pub fn draw(self, catalogue: &Catalogue) -> Draw {
        let name = &self.cohort(catalogue).name;
        catalogue.seed.draw(name, u64::from(self.index)).part(u64::from(self.incarnation))
    }
}

/// The id under which a node calls.
pub fn node_id(draw: Draw, fault: Option<NodeFault>) -> NodeId {
    let bits = draw.wide_bits("node-id", 0);
    match fault {
        Some(NodeFault::InvalidInstance(Cause::NeverRegistered)) => NodeId::hybrid(bits),
        Some(
            NodeFault::InvalidInstance(_)
            | NodeFault::UnsupportedPlatform
            | NodeFault::UnknownPlatform
            | NodeFault::FingerprintMismatch,
        )
        | None => NodeId::ec2(bits),
    }
}

/// The node's address in 10.0.0.0/8.
pub fn ip_address(draw: Draw) -> [u8; 4] {
    let bits = draw.bits("ip-address", 0).to_le_bytes();
    [10, bits[0], bits[1], bits[2]]
}

/// The names of the availability zones, in us-east-1.
pub const AVAILABILITY_ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// The availability zone's name and its id, by the draws of a place
/// ([`Identity::place`]): what replaces an instance is launched where that was.
pub fn availability_zone(place: Draw) -> (String, String) {
    let zone = place.bits("availability-zone", 0) % 3;
    (AVAILABILITY_ZONES[zone as usize].to_owned(), format!("use1-az{}", zone + 1))
}

/// The DER head of an RSA-2048 SubjectPublicKeyInfo, up to the modulus.
const PUBLIC_KEY_HEAD: [u8; 33] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00, 0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00,
];

/// What stands for the public key of this number in the fleet's pool: of the
/// right form, base64 of the DER of an RSA-2048 key, 392 characters, and the
/// same at each run of a seed. Nobody holds its private half. Where signatures
/// are made, the real key takes its place ([`crate::call::Request::offering`]).
pub fn public_key(seed: Seed, number: u32) -> String {
    let draw = seed.draw("public-key", u64::from(number));
    let mut der = PUBLIC_KEY_HEAD.to_vec();
    der.extend((0..16).flat_map(|part| draw.wide_bits("public-key", part).to_be_bytes()));
    let modulus = PUBLIC_KEY_HEAD.len();
    der[modulus] |= 0x80;
    der[modulus + 255] |= 1;
    der.extend([0x02, 0x03, 0x01, 0x00, 0x01]);
    STANDARD.encode(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_has_the_length_that_the_service_asks_for() {
        let key = public_key(Seed(1), 0);
        assert_eq!(key.len(), 392);
        assert!(key.starts_with("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"), "{key}");
        assert!(key.ends_with("IDAQAB"), "{key}");
    }

    #[test]
    fn a_node_with_an_invalid_id_is_a_hybrid_one_that_nobody_registered() {
        let draw = Seed(1).draw("web", 0);
        let invalid = |cause| node_id(draw, Some(NodeFault::InvalidInstance(cause)));
        assert!(invalid(Cause::NeverRegistered).is_hybrid());
        assert_eq!(invalid(Cause::Terminated), node_id(draw, None));
        assert!(!node_id(draw, None).is_hybrid());
        assert_eq!(node_id(draw, None), node_id(draw, Some(NodeFault::UnsupportedPlatform)));
        assert_eq!(ip_address(draw)[0], 10);
    }
}
