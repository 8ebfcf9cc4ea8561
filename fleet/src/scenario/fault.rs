//! What goes wrong for a while, as a scenario writes it: an entry of `faults`,
//! and what the timeline injects.

use agent::fault::clock::{ClockJump, Skew};
use agent::fault::http::{Abort, FailFirst, ReplaceStatus};
use agent::fault::identity::{CloneId, SameFingerprint};
use agent::fault::named::{Cause, Misfit};
use agent::fault::network::{
    Bandwidth, Latency, LimitData, LostAcknowledgement, Partition, ResetPeer, Slicer, Timeout,
};
use agent::fault::node::{Crash, DuplicateReports, Flapping, HugeReports, LateReports, ReorderedReports};
use agent::fault::software::{EagerRetries, OldVersion};
use plane::fault::{DroppedWrites, PlaneFault, PlaneLatency, ServerError, StaleReads, Throttling};
use serde::Deserialize;
use shared::time::Period;

use super::outcome::Outcome;
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
    /// Nodes live under the id of another one, which lives as well (identity ec2).
    CloneId(CloneId),
    /// Nodes' clocks jump, and are set right little by little. It shows in what their
    /// reports carry and in the dates of their signatures.
    ClockJump(ClockJump),
    /// Nodes' clocks are off. It shows where a jump does.
    ClockSkew(Skew),
    /// Machines lose their power and are started again.
    Crash(Crash),
    /// Each report of a node goes out more than once.
    DuplicateReports(DuplicateReports),
    /// Nodes try again too soon and too often.
    EagerRetries(EagerRetries),
    /// Nodes do not renew the credentials that the plane gave them.
    ExpiredCredentials,
    /// The embedded plane answers writes as if they were done, and forgets them.
    DroppedWrites(DroppedWrites),
    /// The first calls of each node fail.
    FailFirst(FailFirst),
    /// Nodes are cut off and come back, again and again.
    Flapping(Flapping),
    /// Nodes forget before each poll what they knew of documents, runs and inventory.
    ForgetsState,
    /// The step under way does not come to its end, whatever its time-out.
    Hang,
    /// Nodes' reports are huge.
    HugeReports(HugeReports),
    /// Another machine appears under the node's id, and registers (identity ec2).
    IdReuse,
    /// Nodes are no valid instances.
    InvalidInstance(InvalidInstance),
    /// Nodes' reports go out late.
    LateReports(LateReports),
    /// Messages arrive later.
    Latency(Latency),
    /// Connections are closed once so many bytes have passed.
    LimitData(LimitData),
    /// The plane does what it is asked, and its answer is lost.
    LostAcknowledgement(LostAcknowledgement),
    /// Nodes' reports break off in the middle.
    MalformedReports,
    /// Nodes' polls and heartbeats are not spread by chance.
    NoJitter,
    /// Nodes are cut off from the plane.
    Offline,
    /// Nodes run another version of the agent.
    OldVersion(OldVersion),
    /// Documents go otherwise.
    Outcome(Outcome),
    /// Node and plane do not reach each other.
    Partition(Partition),
    /// Agents stand still, and go on where they stood.
    Pause,
    /// Nodes' reports overtake one another.
    ReorderedReports(ReorderedReports),
    /// The embedded plane answers late.
    PlaneLatency(PlaneLatency),
    /// The plane does what it is asked, and another answer comes back.
    ReplaceStatus(ReplaceStatus),
    /// Connections are reset.
    ResetPeer(ResetPeer),
    /// Nodes register with the fingerprint of another one (identity hybrid).
    SameFingerprint(SameFingerprint),
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
    /// Nodes' platform is not supported.
    UnsupportedPlatform(UnsupportedPlatform),
}

/// Nodes that are no valid instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InvalidInstance {
    /// Why not; `never-registered` if not said.
    pub cause: Cause,
}

/// Nodes whose platform is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UnsupportedPlatform {
    /// Which: `foreign` to the documents, if not said, or `unknown` to the service.
    pub platform: Misfit,
}

impl Fault {
    /// Its name, as a scenario has it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Abort(_) => "abort",
            Self::Bandwidth(_) => "bandwidth",
            Self::CloneId(_) => "clone-id",
            Self::ClockJump(_) => "clock-jump",
            Self::ClockSkew(_) => "clock-skew",
            Self::Crash(_) => "crash",
            Self::DuplicateReports(_) => "duplicate-reports",
            Self::EagerRetries(_) => "eager-retries",
            Self::ExpiredCredentials => "expired-credentials",
            Self::DroppedWrites(_) => "dropped-writes",
            Self::FailFirst(_) => "fail-first",
            Self::Flapping(_) => "flapping",
            Self::ForgetsState => "forgets-state",
            Self::Hang => "hang",
            Self::HugeReports(_) => "huge-reports",
            Self::IdReuse => "id-reuse",
            Self::InvalidInstance(_) => "invalid-instance",
            Self::LateReports(_) => "late-reports",
            Self::Latency(_) => "latency",
            Self::LimitData(_) => "limit-data",
            Self::LostAcknowledgement(_) => "lost-acknowledgement",
            Self::MalformedReports => "malformed-reports",
            Self::NoJitter => "no-jitter",
            Self::Offline => "offline",
            Self::OldVersion(_) => "old-version",
            Self::Outcome(_) => "outcome",
            Self::Partition(_) => "partition",
            Self::Pause => "pause",
            Self::PlaneLatency(_) => "plane-latency",
            Self::ReorderedReports(_) => "reordered-reports",
            Self::ReplaceStatus(_) => "replace-status",
            Self::ResetPeer(_) => "reset-peer",
            Self::SameFingerprint(_) => "same-fingerprint",
            Self::ServerError(_) => "server-error",
            Self::Slicer(_) => "slicer",
            Self::StaleReads(_) => "stale-reads",
            Self::Throttling(_) => "throttling",
            Self::Timeout(_) => "timeout",
            Self::UnsupportedPlatform(_) => "unsupported-platform",
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
