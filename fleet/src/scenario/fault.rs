//! What goes wrong for a while, as a scenario writes it: an entry of `faults`,
//! and what the timeline injects.

use agent::fault::http::{Abort, FailFirst, ReplaceStatus};
use agent::fault::network::{
    Bandwidth, Latency, LimitData, LostAcknowledgement, Partition, ResetPeer, Slicer, Timeout,
};
use serde::Deserialize;
use shared::time::Period;

use super::selector::Selector;

/// Something that goes wrong for a while.
#[derive(Debug, Clone, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultWindow {
    /// Its name, by which it is lifted and told of; the fault's own and its
    /// number in the file, such as `latency-1`, if not said.
    #[serde(default)]
    pub name: Option<String>,
    /// What goes wrong.
    pub fault: Fault,
    /// Which nodes it strikes; all if not said.
    #[serde(default)]
    pub on: Selector,
    /// When it begins, from the start of the run; at the start if not said. What
    /// the timeline injects begins at once.
    #[serde(default)]
    pub at: Option<Period>,
    /// How long it lasts; until it is lifted, or to the end, if not said.
    #[serde(default, rename = "for")]
    pub lasts: Option<Period>,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Calls are cut off before they reach the plane.
    Abort(Abort),
    /// Bytes pass slowly.
    Bandwidth(Bandwidth),
    /// The first calls of each node fail.
    FailFirst(FailFirst),
    /// Messages arrive later.
    Latency(Latency),
    /// Connections are closed once so many bytes have passed.
    LimitData(LimitData),
    /// The plane does what it is asked, and its answer is lost.
    LostAcknowledgement(LostAcknowledgement),
    /// Node and plane do not reach each other.
    Partition(Partition),
    /// The plane does what it is asked, and another answer comes back.
    ReplaceStatus(ReplaceStatus),
    /// Connections are reset.
    ResetPeer(ResetPeer),
    /// Bytes arrive in small pieces.
    Slicer(Slicer),
    /// Connections open, and then no byte gets through.
    Timeout(Timeout),
}

impl Fault {
    /// Its name, as a scenario has it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Abort(_) => "abort",
            Self::Bandwidth(_) => "bandwidth",
            Self::FailFirst(_) => "fail-first",
            Self::Latency(_) => "latency",
            Self::LimitData(_) => "limit-data",
            Self::LostAcknowledgement(_) => "lost-acknowledgement",
            Self::Partition(_) => "partition",
            Self::ReplaceStatus(_) => "replace-status",
            Self::ResetPeer(_) => "reset-peer",
            Self::Slicer(_) => "slicer",
            Self::Timeout(_) => "timeout",
        }
    }
}
