//! Why a scenario makes no plan, in words for who wrote it.

use agent::catalogue::PLATFORMS;
use agent::distribution::InvalidDistribution;

use super::timeline::EntryError;
use crate::fault::FaultError;
use crate::scenario::timing::InvalidTiming;

/// Why a scenario makes no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A run needs nodes.
    #[error("scenario {0} has no nodes")]
    NoNodes(String),
    /// There is no such platform.
    #[error("cohort {cohort}: no platform `{platform}`; there are {}", platform_names())]
    UnknownPlatform {
        /// The cohort that names it.
        cohort: String,
        /// Its name.
        platform: String,
    },
    /// Two cohorts of one name would have the same nodes.
    #[error("two cohorts are called `{0}`")]
    DuplicateCohort(String),
    /// There is no such cohort.
    #[error("association {association}: no cohort `{cohort}`")]
    UnknownCohort {
        /// The association that names it.
        association: String,
        /// Its name.
        cohort: String,
    },
    /// A cohort has no node that is free of faults.
    #[error("association {association}: cohort {cohort} has no node without a fault to aim at")]
    NoSoundNode {
        /// The association that aims at it.
        association: String,
        /// The cohort.
        cohort: String,
    },
    /// A behaviour is for a node that the cohort does not have.
    #[error("cohort {cohort}: a behaviour names node {node}; the {nodes} nodes count from 0")]
    NoSuchNode {
        /// The cohort.
        cohort: String,
        /// The node's index.
        node: u32,
        /// How many nodes the cohort has.
        nodes: u32,
    },
    /// Settings of an identity that the cohort does not have.
    #[error("cohort {cohort}: `{setting}` is for nodes of identity {identity}")]
    NotOfThisIdentity {
        /// The cohort.
        cohort: String,
        /// The setting.
        setting: &'static str,
        /// Who has it.
        identity: &'static str,
    },
    /// An id that nobody knows before the node has registered.
    #[error(
        "association {association}: the nodes of the hybrid cohort {cohort} get their ids when they register; aim at a tag"
    )]
    NoIdYet {
        /// The association that aims at it.
        association: String,
        /// The cohort.
        cohort: String,
    },
    /// A key must be changed for another.
    #[error("key_pool {0} is not from 2 to 1,000")]
    KeyPool(u32),
    /// A distribution that cannot be drawn from.
    #[error("cohort {cohort}: `takes`: {source}")]
    Takes {
        /// The cohort that names it.
        cohort: String,
        /// What is wrong with it.
        source: InvalidDistribution,
    },
    /// Times at which no node would call.
    #[error("cohort {cohort}: `timing`: {source}")]
    Timing {
        /// The cohort that names it.
        cohort: String,
        /// What is wrong with it.
        source: InvalidTiming,
    },
    /// Such a version cannot stand in a header, and no agent has it.
    #[error("cohort {cohort}: agent version `{}` is not of the form 3.3.0.0", version.escape_debug())]
    AgentVersion {
        /// The cohort that names it.
        cohort: String,
        /// The version.
        version: String,
    },
    /// No cohort lies in the target of a document that a foreign platform could not run.
    #[error(
        "--unsupported-platform strikes nodes that lie in a tag target, and scenario {0} has none \
         whose document Windows cannot run"
    )]
    NothingToMisfit(String),
    /// An entry of the timeline means nothing.
    #[error("timeline: {name}: {source}")]
    Entry {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: EntryError,
    },
    /// A fault that cannot be what was written.
    #[error("fault {name}: {source}")]
    Fault {
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: FaultError,
    },
    /// A plane that is not ours cannot be told of an instance.
    #[error(
        "invalid-instance: cause {0} takes the embedded plane, which is told of it: with --endpoint \
         there are never-registered, agent-stopped, terminated and deregistered"
    )]
    TakesOwnPlane(&'static str),
    /// A label with a value that the scenario does not have.
    #[error("threshold {threshold}: no {label} is called `{value}`: {known}")]
    ThresholdLabel {
        /// The threshold.
        threshold: String,
        /// The label.
        label: &'static str,
        /// Its value.
        value: String,
        /// The nearest name, or those there are.
        known: String,
    },
    /// A latency that cannot be drawn.
    #[error("`latency_model`: {0}")]
    LatencyModel(InvalidDistribution),
    /// Time must pass.
    #[error("time scale {0} is not from 0.001 to 100,000")]
    TimeScale(f64),
}

fn platform_names() -> String {
    PLATFORMS.map(|platform| platform.name).join(", ")
}
