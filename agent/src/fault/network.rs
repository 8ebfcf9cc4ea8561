//! What can be wrong between a node and the plane, in the words of toxiproxy,
//! Chaos Mesh and turmoil.
//!
//! These are parameters only, as a scenario writes them. What a call meets of
//! them, several at once, is decided in `passage`; on sockets `client::faulty`
//! carries it out, in virtual time the coordinator does.

use std::num::NonZeroU64;

use serde::Deserialize;
use shared::time::Period;

use super::Share;
use super::http::Operations;

/// Which way of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From the node to the plane.
    Up,
    /// From the plane to the node.
    Down,
    /// Either way.
    #[default]
    Both,
}

impl Direction {
    /// As toxiproxy has it where nothing is said (`stream: downstream`).
    const fn down() -> Self {
        Self::Down
    }

    /// Whether it is the way to the plane too.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up | Self::Both)
    }

    /// Whether it is the way to the node too.
    pub const fn is_down(self) -> bool {
        matches!(self, Self::Down | Self::Both)
    }
}

/// Messages arrive later.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// By how much.
    pub delay: Period,
    /// By how much more or less at the most; drawn for each call.
    #[serde(default)]
    pub jitter: Period,
    /// Which way; `down` if not said.
    #[serde(default = "Direction::down")]
    pub direction: Direction,
}

/// Bytes pass no faster than this.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bandwidth {
    /// How many in a simulated second.
    pub bytes_per_second: NonZeroU64,
    /// Which way; `down` if not said.
    #[serde(default = "Direction::down")]
    pub direction: Direction,
}

/// A black hole: connections open, and then no byte gets through.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timeout {
    /// After what time the connection is closed; not before the fault is lifted if not said.
    #[serde(default)]
    pub after: Option<Period>,
    /// Which way; `both` if not said. Where it is `down` only, the plane acts and
    /// the node does not learn of it.
    #[serde(default)]
    pub direction: Direction,
}

/// Connections are reset.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResetPeer {
    /// After what time; at once if not said.
    #[serde(default)]
    pub after: Period,
}

/// Connections are closed once so many bytes have passed, the heads of messages
/// counted in: a body is cut.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitData {
    /// How many.
    pub bytes: u64,
    /// Which way; `down` if not said.
    #[serde(default = "Direction::down")]
    pub direction: Direction,
}

/// Bytes arrive in small pieces, one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slicer {
    /// How many bytes a piece has, on average.
    pub average_size: NonZeroU64,
    /// How many more or fewer at the most.
    #[serde(default)]
    pub size_variation: u64,
    /// The time between two pieces.
    #[serde(default)]
    pub delay: Period,
    /// Which way; `down` if not said.
    #[serde(default = "Direction::down")]
    pub direction: Direction,
}

/// Node and plane do not reach each other: no connection opens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Which way; `both` if not said. Where it is `down` only, requests reach the
    /// plane and nothing comes back.
    #[serde(default)]
    pub direction: Direction,
}

/// The plane does what it is asked, and its answer is lost: the node never
/// learns of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LostAcknowledgement {
    /// The operations, such as `UpdateInstanceAssociationStatus`; all if not said.
    #[serde(default)]
    pub operations: Operations,
    /// The share of calls; all if not said.
    #[serde(default = "Share::all")]
    pub share: Share,
}
