//! An agent that is not as it should be.

use serde::Deserialize;
use shared::time::Period;

/// The agent is of another version, and says so.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OldVersion {
    /// The version, such as `2.3.0.0`.
    pub version: String,
}

/// Calls that fail are made again far too soon, and far too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EagerRetries {
    /// How long the agent waits before each.
    pub wait: Period,
    /// How often it tries again, at most 250.
    pub times: u8,
}

impl Default for EagerRetries {
    fn default() -> Self {
        Self { wait: Period::milliseconds(100), times: 20 }
    }
}
