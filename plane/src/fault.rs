//! What is made wrong with the plane on purpose, and which calls it strikes.
//!
//! A fault stands under a name until it is lifted. `Faults` is asked before a
//! call is carried out: whether it is refused, taken and forgotten, or answered
//! from an older state; and after that, how late its answer goes out. It decides
//! by the instant, the operation, the node that calls and draws keyed by (seed,
//! name, running number); carrying it out is `service`'s work.
//!
//! A fault is a circumstance of a run and no part of the plane's state: a
//! snapshot does not hold it, and a restart does not lift it.
//!
//! Invariant: whom no fault strikes is served as if there were none.

mod bucket;
mod operations;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::seed::Seed;
use shared::share::Share;
use shared::time::{Period, Timestamp};

use bucket::Bucket;
pub use bucket::Rate;
pub use operations::Operations;
use operations::{READS, WRITES};

/// Something that is wrong with the plane while it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PlaneFault {
    /// Calls beyond a rate are refused with `ThrottlingException`.
    Throttling(Throttling),
    /// A share of the calls is refused with an error of the server.
    ServerError(ServerError),
    /// Answers come late; their effect does not.
    PlaneLatency(PlaneLatency),
    /// Who reads is told what was so a while ago.
    StaleReads(StaleReads),
    /// Writes are answered as if they were done, and are not.
    DroppedWrites(DroppedWrites),
}

/// Throttling by a bucket of tokens for each operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Throttling {
    /// The operations, such as `[GetDocument]`; all if not said.
    #[serde(default, skip_serializing_if = "Operations::is_unsaid")]
    pub operations: Operations,
    /// How many calls of each operation are let through in a simulated second, such as 50 or 0.5.
    pub rate: Rate,
    /// How many at once, after a rest; as many as the rate if not said, at least one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<u32>,
}

/// An error of the server in the place of an answer; the call has no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerError {
    /// The operations; all if not said.
    #[serde(default, skip_serializing_if = "Operations::is_unsaid")]
    pub operations: Operations,
    /// The share of calls that is struck, such as `10%`; all if not said.
    #[serde(default = "Share::all")]
    pub share: Share,
    /// Which error; `internal-server-error` (500) if not said.
    #[serde(default)]
    pub error: Fivexx,
}

/// An error of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "ErrorOfServer")]
pub enum Fivexx {
    /// `InternalServerError`, with HTTP 500.
    #[default]
    InternalServerError,
    /// `ServiceUnavailable`, with HTTP 503.
    ServiceUnavailable,
}

/// Answers that come late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaneLatency {
    /// The operations; all if not said.
    #[serde(default, skip_serializing_if = "Operations::is_unsaid")]
    pub operations: Operations,
    /// How late, in simulated time.
    pub delay: Period,
    /// By how much more or less, evenly; not at all if not said.
    #[serde(default)]
    pub jitter: Period,
}

/// Reads that are answered from a copy which lags behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaleReads {
    /// The operations, each of which must only read; all of these if not said.
    #[serde(default, skip_serializing_if = "Operations::is_unsaid")]
    pub operations: Operations,
    /// How far the copy lags behind: it catches up each time this has passed.
    pub by: Period,
}

/// Writes that are answered with 200 and lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DroppedWrites {
    /// The operations, each of which must change something; all definitions and reports if not said.
    #[serde(default, skip_serializing_if = "Operations::is_unsaid")]
    pub operations: Operations,
    /// The share of writes that is lost; all if not said.
    #[serde(default = "Share::all")]
    pub share: Share,
}

/// A fault, and whose calls it strikes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Injection {
    /// The fault.
    pub fault: PlaneFault,
    /// The nodes whose calls it strikes, by their ids; everybody's calls if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<BTreeSet<NodeId>>,
}

/// Why a fault cannot stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFault {
    /// Such an operation cannot be struck so.
    #[error("{operation} {reason}; {fault} is for {}", known.join(", "))]
    Operation {
        /// The operation.
        operation: &'static str,
        /// What is against it.
        reason: &'static str,
        /// The fault's name.
        fault: &'static str,
        /// The operations that can.
        known: &'static [&'static str],
    },
    /// A copy that lags behind by nothing is none.
    #[error("stale-reads by 0s are none: expected a time such as 30s")]
    NoLag,
    /// An answer cannot come before its question.
    #[error(
        "plane-latency with a jitter of {jitter} and a delay of {delay}: expected no more jitter than delay"
    )]
    Jitter {
        /// The jitter.
        jitter: Period,
        /// The delay.
        delay: Period,
    },
}

impl PlaneFault {
    /// Its name, as a scenario has it.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Throttling(_) => "throttling",
            Self::ServerError(_) => "server-error",
            Self::PlaneLatency(_) => "plane-latency",
            Self::StaleReads(_) => "stale-reads",
            Self::DroppedWrites(_) => "dropped-writes",
        }
    }

    /// Whether it can stand.
    pub fn check(&self) -> Result<(), InvalidFault> {
        let among = |operations: &Operations, known: &'static [&'static str], reason, fault| match operations
            .said()
            .iter()
            .find(|operation| !known.contains(operation))
        {
            Some(&operation) => Err(InvalidFault::Operation { operation, reason, fault, known }),
            None => Ok(()),
        };
        match self {
            Self::Throttling(_) | Self::ServerError(_) => Ok(()),
            Self::PlaneLatency(PlaneLatency { delay, jitter, .. }) if jitter > delay => {
                Err(InvalidFault::Jitter { jitter: *jitter, delay: *delay })
            }
            Self::PlaneLatency(_) => Ok(()),
            Self::StaleReads(StaleReads { by: Period::ZERO, .. }) => Err(InvalidFault::NoLag),
            Self::StaleReads(stale) => among(&stale.operations, READS, "does not only read", "stale-reads"),
            Self::DroppedWrites(dropped) => {
                among(&dropped.operations, WRITES, "writes nothing that can be lost", "dropped-writes")
            }
        }
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It is carried out.
    Proceed,
    /// It is refused.
    Refuse(ApiError),
    /// It is answered as if it were carried out.
    Drop,
    /// It is answered from the copy that lags behind under this name, by so much.
    Stale(String, Period),
}

/// How many calls faults struck or delayed, by operation: of each fault by its own name and
/// that of its kind, whether it stands or was lifted.
pub type Struck = BTreeMap<(String, &'static str), BTreeMap<String, u64>>;

/// The faults that stand, by name.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: BTreeMap<String, Standing>,
    struck: Struck,
}

#[derive(Debug)]
struct Standing {
    injection: Injection,
    buckets: BTreeMap<&'static str, Bucket>,
    /// How many calls it was asked about, and how many answers.
    calls: u64,
    answers: u64,
}

impl Faults {
    /// Lets a fault stand from now on, in the place of another of its name.
    pub(crate) fn inject(&mut self, name: String, injection: Injection) -> Result<(), InvalidFault> {
        injection.fault.check()?;
        let standing = Standing { injection, buckets: BTreeMap::new(), calls: 0, answers: 0 };
        self.standing.insert(name, standing);
        Ok(())
    }

    /// From now on a fault that stands for some nodes strikes the calls of one of them in
    /// place of another; what it counted stays. Answers whether it stands for some.
    pub(crate) fn aim(&mut self, name: &str, gone: NodeId, come: NodeId) -> bool {
        let standing = self.standing.get_mut(name);
        let Some(nodes) = standing.and_then(|standing| standing.injection.nodes.as_mut()) else {
            return false;
        };
        nodes.remove(&gone);
        nodes.insert(come);
        true
    }

    /// Lifts a fault. Answers whether it stood.
    pub(crate) fn lift(&mut self, name: &str) -> bool {
        self.standing.remove(name).is_some()
    }

    /// The faults that stand.
    pub(crate) fn show(&self) -> BTreeMap<String, Injection> {
        self.standing.iter().map(|(name, standing)| (name.clone(), standing.injection.clone())).collect()
    }

    /// How many calls were struck so far.
    pub(crate) fn struck(&self) -> Struck {
        self.struck.clone()
    }

    /// Whether none stands.
    pub(crate) fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }

    /// Whether it matters which node calls.
    pub(crate) fn asks_who_calls(&self) -> bool {
        self.standing.values().any(|standing| standing.injection.nodes.is_some())
    }

    /// What becomes of a call of this operation. The first refusal counts, by
    /// the faults' names; else the first loss.
    pub(crate) fn judge(
        &mut self,
        seed: Seed,
        now: Timestamp,
        operation: &'static str,
        node: Option<NodeId>,
    ) -> Verdict {
        let Self { standing, struck } = self;
        let mut verdict = Verdict::Proceed;
        let mut by = None;
        for (name, standing) in standing {
            if !standing.concerns(operation, node) {
                continue;
            }
            let kind = standing.injection.fault.as_str();
            match standing.judge(seed, name, now, operation) {
                Verdict::Proceed => {}
                refusal @ Verdict::Refuse(_) => {
                    (verdict, by) = (refusal, Some((name, kind)));
                    break;
                }
                loss if verdict == Verdict::Proceed => (verdict, by) = (loss, Some((name, kind))),
                _ => {}
            }
        }
        if let Some((name, kind)) = by {
            count(struck, name, kind, operation);
        }
        verdict
    }

    /// How late an answer to a call of this operation goes out.
    pub(crate) fn delay(&mut self, seed: Seed, operation: &str, node: Option<NodeId>) -> Period {
        let Self { standing, struck } = self;
        let mut sum = Period::ZERO;
        for (name, standing) in standing {
            if standing.concerns(operation, node)
                && let PlaneFault::PlaneLatency(PlaneLatency { delay, jitter, .. }) = standing.injection.fault
            {
                let draw = seed.draw("plane-fault", 0).uniform(name, standing.answers);
                standing.answers += 1;
                count(struck, name, standing.injection.fault.as_str(), operation);
                sum = sum + (delay - jitter) + jitter.share(draw) + jitter.share(draw);
            }
        }
        sum
    }
}

fn count(struck: &mut Struck, name: &str, kind: &'static str, operation: &str) {
    *struck.entry((name.to_owned(), kind)).or_default().entry(operation.to_owned()).or_default() += 1;
}

impl Standing {
    fn concerns(&self, operation: &str, node: Option<NodeId>) -> bool {
        let (operations, unsaid): (_, Option<&[&str]>) = match &self.injection.fault {
            PlaneFault::Throttling(fault) => (&fault.operations, None),
            PlaneFault::ServerError(fault) => (&fault.operations, None),
            PlaneFault::PlaneLatency(fault) => (&fault.operations, None),
            PlaneFault::StaleReads(fault) => (&fault.operations, Some(READS)),
            PlaneFault::DroppedWrites(fault) => (&fault.operations, Some(WRITES)),
        };
        let is_meant = match (operations.said(), unsaid) {
            ([], None) => true,
            ([], Some(unsaid)) => unsaid.contains(&operation),
            (said, _) => said.contains(&operation),
        };
        let strikes = |nodes: &BTreeSet<NodeId>| node.is_some_and(|node| nodes.contains(&node));
        is_meant && self.injection.nodes.as_ref().is_none_or(strikes)
    }

    fn judge(&mut self, seed: Seed, name: &str, now: Timestamp, operation: &'static str) -> Verdict {
        let draw = seed.draw("plane-fault", 1).uniform(name, self.calls);
        self.calls += 1;
        match &self.injection.fault {
            PlaneFault::Throttling(Throttling { rate, burst, .. }) => {
                let most = burst.unwrap_or_else(|| rate.whole()).max(1);
                let bucket = self.buckets.entry(operation).or_insert_with(|| Bucket::full(most, now));
                if bucket.take(*rate, most, now) { Verdict::Proceed } else { throttled() }
            }
            PlaneFault::ServerError(ServerError { share, error, .. }) if draw < share.fraction() => {
                Verdict::Refuse(error.refusal())
            }
            PlaneFault::DroppedWrites(DroppedWrites { share, .. }) if draw < share.fraction() => {
                Verdict::Drop
            }
            PlaneFault::StaleReads(StaleReads { by, .. }) => Verdict::Stale(name.to_owned(), *by),
            PlaneFault::ServerError(_) | PlaneFault::DroppedWrites(_) | PlaneFault::PlaneLatency(_) => {
                Verdict::Proceed
            }
        }
    }
}

impl Fivexx {
    fn refusal(self) -> ApiError {
        match self {
            Self::InternalServerError => {
                ApiError::new(ErrorCode::InternalServerError, "An error occurred on the server side.")
            }
            Self::ServiceUnavailable => {
                ApiError::new(ErrorCode::ServiceUnavailable, "The service is unavailable for the moment.")
            }
        }
    }
}

fn throttled() -> Verdict {
    Verdict::Refuse(ApiError::new(ErrorCode::ThrottlingException, "Rate exceeded"))
}

#[cfg(test)]
mod tests;
