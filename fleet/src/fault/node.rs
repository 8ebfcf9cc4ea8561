//! Faults that strike nodes: what they mean to a node, and whether they can be meant.

use agent::credentials::IdentityKind;
use agent::fault::named::Cause;
use agent::fault::strike::Strike;
use shared::time::Period;

use super::FaultError;
use super::selection::Selection;
use crate::plan::{Plan, is_agent_version};
use crate::scenario::fault::Fault;

/// A report is sent so often beyond the first time at most.
const MOST_COPIES: u32 = 100;
/// A body has so many bytes at most.
const MOST_BYTES: u32 = 64_000_000;
/// A call is made again so often at most.
const MOST_RETRIES: u8 = 250;

impl Fault {
    /// Whether it strikes nodes, and not what lies between them and the plane.
    pub fn is_strike(&self) -> bool {
        self.strike().is_some()
    }

    /// What it is to a node.
    pub fn strike(&self) -> Option<Strike> {
        Some(match self.clone() {
            Self::CloneId(clone) => Strike::CloneId(clone),
            Self::ClockJump(jump) => Strike::ClockJump(jump),
            Self::ClockSkew(skew) => Strike::ClockSkew(skew),
            Self::Crash(crash) => Strike::Crash(crash),
            Self::DuplicateReports(duplicates) => Strike::DuplicateReports(duplicates),
            Self::EagerRetries(eager) => Strike::EagerRetries(eager),
            Self::ExpiredCredentials => Strike::ExpiredCredentials,
            Self::Flapping(flapping) => Strike::Flapping(flapping),
            Self::ForgetsState => Strike::ForgetsState,
            Self::Hang => Strike::Hang,
            Self::HugeReports(huge) => Strike::HugeReports(huge),
            Self::IdReuse => Strike::IdReuse,
            Self::InvalidInstance(invalid) => Strike::InvalidInstance(invalid.cause),
            Self::LateReports(late) => Strike::LateReports(late),
            Self::MalformedReports => Strike::MalformedReports,
            Self::NoJitter => Strike::NoJitter,
            Self::Offline => Strike::Offline,
            Self::OldVersion(old) => Strike::OldVersion(old),
            Self::Outcome(outcome) => Strike::Outcome(Box::new(outcome.meant())),
            Self::Pause => Strike::Pause,
            Self::ReorderedReports(reordered) => Strike::ReorderedReports(reordered),
            Self::SameFingerprint(same) => Strike::SameFingerprint(same),
            Self::UnsupportedPlatform(misfit) => Strike::UnsupportedPlatform(misfit.platform),
            Self::Abort(_)
            | Self::Bandwidth(_)
            | Self::FailFirst(_)
            | Self::Latency(_)
            | Self::LimitData(_)
            | Self::LostAcknowledgement(_)
            | Self::Partition(_)
            | Self::ReplaceStatus(_)
            | Self::ResetPeer(_)
            | Self::Slicer(_)
            | Self::Timeout(_) => return None,
        })
    }

    /// The identity of the nodes for which alone it can be meant.
    fn identity(&self) -> Option<IdentityKind> {
        match self {
            Self::CloneId(_) | Self::IdReuse => Some(IdentityKind::Ec2),
            Self::SameFingerprint(_) => Some(IdentityKind::Hybrid),
            Self::InvalidInstance(invalid) => identity_of(invalid.cause),
            _ => None,
        }
    }
}

/// The identity of the nodes that can be invalid instances for this cause: only
/// hybrid ones are deregistered, and only instances have a state.
pub(crate) const fn identity_of(cause: Cause) -> Option<IdentityKind> {
    match cause {
        Cause::Deregistered => Some(IdentityKind::Hybrid),
        Cause::NoPermission | Cause::ShuttingDown | Cause::Terminated => Some(IdentityKind::Ec2),
        Cause::NeverRegistered | Cause::AgentStopped => None,
    }
}

/// Whether a fault that strikes nodes can be meant, and for these.
pub(super) fn check(plan: &Plan, fault: &Fault, on: &Selection) -> Result<(), FaultError> {
    let wrong = |key, found: String, expected| Err(FaultError::OutOfRange { key, found, expected });
    match fault {
        Fault::DuplicateReports(duplicates) if !(1..=MOST_COPIES).contains(&duplicates.times) => {
            return wrong("times", duplicates.times.to_string(), "from 1 to 100");
        }
        Fault::EagerRetries(eager) if eager.times > MOST_RETRIES => {
            return wrong("times", eager.times.to_string(), "from 0 to 250");
        }
        Fault::EagerRetries(eager) if eager.wait == Period::ZERO => {
            return wrong("wait", eager.wait.to_string(), "1ms or more");
        }
        Fault::Flapping(flapping) if flapping.down == Period::ZERO || flapping.up == Period::ZERO => {
            return wrong("down and up", Period::ZERO.to_string(), "1ms or more each");
        }
        Fault::HugeReports(huge) if huge.bytes > MOST_BYTES => {
            return wrong("bytes", huge.bytes.to_string(), "at most 64000000");
        }
        Fault::OldVersion(old) if !is_agent_version(&old.version) => {
            return wrong("version", old.version.clone(), "three or four numbers such as 2.3.0.0");
        }
        Fault::Outcome(outcome) if outcome.times_out && outcome.takes.is_some() => {
            return wrong("takes", "given beside `times_out`".to_owned(), "one of the two");
        }
        Fault::Outcome(outcome) => outcome.check().map_err(FaultError::Takes)?,
        _ => {}
    }
    let is_meant = |number: &u32| on.contains(plan.identity(*number));
    let kind = |number: u32| plan.identity(number).cohort(&plan.catalogue).identity.kind;
    if let Some(identity) = fault.identity()
        && let Some(number) = (0..plan.nodes()).filter(is_meant).find(|number| kind(*number) != identity)
    {
        let cohort = plan.identity(number).cohort(&plan.catalogue).name.clone();
        return Err(FaultError::NotOfThisIdentity { identity, cohort });
    }
    check_other(plan, fault, on)
}

/// Whether the node is there whose id or fingerprint others take, and is no other one's.
fn check_other(plan: &Plan, fault: &Fault, on: &Selection) -> Result<(), FaultError> {
    let of = match fault {
        Fault::CloneId(clone) => clone.of,
        Fault::SameFingerprint(same) => same.of,
        _ => return Ok(()),
    };
    let mut meant = (0..plan.nodes()).map(|number| plan.identity(number)).filter(|one| on.contains(*one));
    let is_wrong = |cohort: u16| of >= plan.sizes[usize::from(cohort)];
    match meant.find(|one| one.index == of || is_wrong(one.cohort)) {
        None => Ok(()),
        Some(one) if is_wrong(one.cohort) => {
            let nodes = plan.sizes[usize::from(one.cohort)];
            Err(FaultError::NoSuchIndex { of, nodes, cohort: one.cohort(&plan.catalogue).name.clone() })
        }
        Some(_) => Err(FaultError::OfItself(of)),
    }
}
