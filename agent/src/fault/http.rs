//! What can be wrong with single calls: which operation, how many, what comes back.
//!
//! These are parameters only, as a scenario writes them; see `network`.

use serde::Deserialize;
use shared::error::ErrorCode;

use super::Share;

/// Operations by their names, such as `GetDocument`; none named means all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Operations(pub Vec<String>);

impl Operations {
    /// Whether this one is meant.
    pub fn contains(&self, operation: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|name| name == operation)
    }
}

/// Calls are cut off before they reach the plane.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abort {
    /// The operations; all if not said.
    #[serde(default)]
    pub operations: Operations,
    /// The share of calls; all if not said.
    #[serde(default = "Share::all")]
    pub share: Share,
}

/// The plane does what it is asked, and another answer than its own comes back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplaceStatus {
    /// The HTTP status, from 400 to 599.
    pub status: u16,
    /// The name of the error in its body; the body is empty if not said.
    #[serde(default)]
    pub code: Option<ErrorCode>,
    /// The operations; all if not said.
    #[serde(default)]
    pub operations: Operations,
    /// The share of calls; all if not said.
    #[serde(default = "Share::all")]
    pub share: Share,
}

/// The first calls of each node to each operation fail before they reach the
/// plane; later ones pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailFirst {
    /// How many.
    pub calls: u32,
    /// The HTTP status that comes back, from 400 to 599; 503 if not said.
    #[serde(default = "FailFirst::status")]
    pub status: u16,
    /// The name of the error in its body; the body is empty if not said.
    #[serde(default)]
    pub code: Option<ErrorCode>,
    /// The operations; all if not said.
    #[serde(default)]
    pub operations: Operations,
}

impl FailFirst {
    const fn status() -> u16 {
        503
    }
}
