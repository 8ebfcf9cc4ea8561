//! Machines that are taken for others.

use serde::Deserialize;

/// The node lives under the id of another one of its cohort, which lives as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CloneId {
    /// Whose id: the other's index in the cohort, from 0.
    pub of: u32,
}

/// The node registers with the fingerprint of another one of its cohort, as a
/// machine made from the other's image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SameFingerprint {
    /// Whose fingerprint: the other's index in the cohort, from 0.
    pub of: u32,
}
