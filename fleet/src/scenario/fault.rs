//! What goes wrong for a while, as a scenario writes it: an entry of `faults`,
//! and what the timeline injects.

use agent::fault::http::{Abort, FailFirst, ReplaceStatus};
use agent::fault::network::{
    Bandwidth, Latency, LimitData, LostAcknowledgement, Partition, ResetPeer, Slicer, Timeout,
};
use plane::fault::{DroppedWrites, PlaneFault, PlaneLatency, ServerError, StaleReads, Throttling};
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
    /// The embedded plane answers writes as if they were done, and forgets them.
    DroppedWrites(DroppedWrites),
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
    /// The embedded plane answers late.
    PlaneLatency(PlaneLatency),
    /// The plane does what it is asked, and another answer comes back.
    ReplaceStatus(ReplaceStatus),
    /// Connections are reset.
    ResetPeer(ResetPeer),
    /// The embedded plane meets errors of its own.
    ServerError(ServerError),
    /// Bytes arrive in small pieces.
    Slicer(Slicer),
    /// The embedded plane tells what was so a while ago.
    StaleReads(StaleReads),
    /// The embedded plane refuses calls beyond a rate.
    Throttling(Throttling),
    /// Connections open, and then no byte gets through.
    Timeout(Timeout),
}

impl Fault {
    /// Its name, as a scenario has it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Abort(_) => "abort",
            Self::Bandwidth(_) => "bandwidth",
            Self::DroppedWrites(_) => "dropped-writes",
            Self::FailFirst(_) => "fail-first",
            Self::Latency(_) => "latency",
            Self::LimitData(_) => "limit-data",
            Self::LostAcknowledgement(_) => "lost-acknowledgement",
            Self::Partition(_) => "partition",
            Self::PlaneLatency(_) => "plane-latency",
            Self::ReplaceStatus(_) => "replace-status",
            Self::ResetPeer(_) => "reset-peer",
            Self::ServerError(_) => "server-error",
            Self::Slicer(_) => "slicer",
            Self::StaleReads(_) => "stale-reads",
            Self::Throttling(_) => "throttling",
            Self::Timeout(_) => "timeout",
        }
    }

    /// The fault that the embedded plane carries out itself, if it is one of those.
    pub fn of_plane(&self) -> Option<PlaneFault> {
        Some(match self {
            Self::DroppedWrites(fault) => PlaneFault::DroppedWrites(fault.clone()),
            Self::PlaneLatency(fault) => PlaneFault::PlaneLatency(fault.clone()),
            Self::ServerError(fault) => PlaneFault::ServerError(fault.clone()),
            Self::StaleReads(fault) => PlaneFault::StaleReads(fault.clone()),
            Self::Throttling(fault) => PlaneFault::Throttling(fault.clone()),
            _ => return None,
        })
    }
}
