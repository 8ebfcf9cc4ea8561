//! What strikes a node, for a while or for good.
//!
//! One value for each kind, with its parameters; how a node acts while it lasts
//! is in `struck`. Faults of the network and of the plane are no
//! strikes: a node never knows of them but by what comes of its calls.

use super::clock::{ClockJump, Skew};
use super::identity::{CloneId, SameFingerprint};
use super::named::{Cause, Misfit};
use super::node::{Crash, DuplicateReports, Flapping, HugeReports, LateReports, ReorderedReports};
use super::software::{EagerRetries, OldVersion};
use crate::catalogue::Behaviour;

/// The name of the fault that a node is no valid instance.
pub const INVALID_INSTANCE: &str = "invalid-instance";

/// What strikes a node.
#[derive(Debug, Clone, PartialEq)]
pub enum Strike {
    /// It is no valid instance.
    InvalidInstance(Cause),
    /// Its platform is not supported.
    UnsupportedPlatform(Misfit),
    /// Its machine goes down and comes back.
    Crash(Crash),
    /// Its agent stands still, and goes on where it stood.
    Pause,
    /// It is cut off from the plane.
    Offline,
    /// It is cut off from the plane, again and again.
    Flapping(Flapping),
    /// The step under way does not come to its end, whatever its time-out.
    Hang,
    /// Its reports go out more than once.
    DuplicateReports(DuplicateReports),
    /// Its reports go out late.
    LateReports(LateReports),
    /// Its reports overtake one another.
    ReorderedReports(ReorderedReports),
    /// Its reports break off in the middle.
    MalformedReports,
    /// Its reports are huge.
    HugeReports(HugeReports),
    /// Its clock is off.
    ClockSkew(Skew),
    /// Its clock jumps.
    ClockJump(ClockJump),
    /// Its agent is of another version.
    OldVersion(OldVersion),
    /// Its polls and first heartbeats are not spread by chance.
    NoJitter,
    /// It tries again too soon and too often.
    EagerRetries(EagerRetries),
    /// What it knew is gone before each poll.
    ForgetsState,
    /// Its documents go otherwise.
    Outcome(Box<Behaviour>),
    /// It lives under another one's id.
    CloneId(CloneId),
    /// It registers with another one's fingerprint.
    SameFingerprint(SameFingerprint),
    /// It does not renew its credentials.
    ExpiredCredentials,
    /// Another machine appears under its id.
    IdReuse,
}

impl Strike {
    /// Its name in scenarios, histories and reports.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InvalidInstance(_) => INVALID_INSTANCE,
            Self::UnsupportedPlatform(_) => "unsupported-platform",
            Self::Crash(_) => "crash",
            Self::Pause => "pause",
            Self::Offline => "offline",
            Self::Flapping(_) => "flapping",
            Self::Hang => "hang",
            Self::DuplicateReports(_) => "duplicate-reports",
            Self::LateReports(_) => "late-reports",
            Self::ReorderedReports(_) => "reordered-reports",
            Self::MalformedReports => "malformed-reports",
            Self::HugeReports(_) => "huge-reports",
            Self::ClockSkew(_) => "clock-skew",
            Self::ClockJump(_) => "clock-jump",
            Self::OldVersion(_) => "old-version",
            Self::NoJitter => "no-jitter",
            Self::EagerRetries(_) => "eager-retries",
            Self::ForgetsState => "forgets-state",
            Self::Outcome(_) => "outcome",
            Self::CloneId(_) => "clone-id",
            Self::SameFingerprint(_) => "same-fingerprint",
            Self::ExpiredCredentials => "expired-credentials",
            Self::IdReuse => "id-reuse",
        }
    }
}
