//! Why a scenario makes no plan, in words for who wrote it.

use std::borrow::Cow;

use agent::catalogue::PLATFORMS;
use agent::distribution::InvalidDistribution;
use shared::error::ApiError;
use shared::time::Period;

use super::slice::Slice;
use super::timeline::EntryError;
use crate::fault::FaultError;
use crate::scenario::timing::InvalidTiming;

/// All that is wrong with a scenario that makes no plan: one thing at least.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(PlanError::to_string).collect::<Vec<_>>().join("; "))]
pub struct PlanErrors(pub Vec<PlanError>);

/// Why a scenario makes no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A run needs nodes.
    #[error("scenario {0} has no nodes")]
    NoNodes(String),
    /// A cohort needs a size, and one only.
    #[error("cohort {0}: say either `nodes` or `share`")]
    NodesOrShare(String),
    /// A share of what?
    #[error(
        "cohort {0}: `share` is of the scenario's `nodes`: say how many nodes there are, or give --nodes"
    )]
    ShareOfNothing(String),
    /// Shares that leave something over, or take too much.
    #[error("the cohorts' shares add up to {0}%, not to 100%")]
    Shares(f64),
    /// Nodes that never arrive.
    #[error(
        "cohort {cohort}: `per_second` of its arrival is {per_second}: expected a number above 0, at most a million"
    )]
    ArrivalRate {
        /// The cohort.
        cohort: String,
        /// How many arrive in a second.
        per_second: String,
    },
    /// A tag that the nodes of an activation cannot differ in.
    #[error(
        "cohort {cohort}: tag `{key}` differs from node to node, but hybrid nodes have their tags from their \
         activation: give it one value"
    )]
    TagOfHybrid {
        /// The cohort.
        cohort: String,
        /// The tag's key.
        key: String,
    },
    /// There is no such platform.
    #[error("cohort {cohort}: no platform `{platform}`; there are {}", platform_names())]
    UnknownPlatform {
        /// The cohort that names it.
        cohort: String,
        /// Its name.
        platform: String,
    },
    /// This machine is of another kind than the cohort's platform.
    #[error(
        "cohort {cohort}: `facts: host` takes this machine's own, and that is of another kind than \
         {platform}: choose a platform of its kind, or leave it at `facts: template`"
    )]
    FactsOfAnother {
        /// The cohort.
        cohort: String,
        /// Its platform.
        platform: &'static str,
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
    /// No node whose id is known beforehand is what an association aims at.
    #[error(
        "association {association}: no EC2 instance of this fleet is no valid one for the cause {cause}: a cohort's \
         `faults` say how many are, such as `invalid-instance: {{ share: 1%, cause: {cause} }}`"
    )]
    NoInvalidInstance {
        /// The association that aims at it.
        association: String,
        /// The cause.
        cause: &'static str,
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
        /// Its place in the timeline.
        place: usize,
        /// Its name.
        name: String,
        /// What is wrong with it.
        source: EntryError,
    },
    /// A label with a value that the scenario does not have.
    #[error("{asked}: no {label} is called `{value}`: {known}")]
    UnknownLabel {
        /// Where it stands, from the outermost key of the scenario on.
        way: Vec<String>,
        /// The threshold or the condition.
        asked: String,
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
    /// A fault that cannot be what was written.
    #[error("fault {name}: {source}")]
    Fault {
        /// Its place among the faults.
        place: usize,
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
    /// Nodes cannot be replaced so often.
    #[error(
        "cohort {cohort}: `churn: {churn}` cannot be: expected how many nodes are replaced in an hour, above 0, \
         and no node more than {} times in the run on average",
        crate::churn::MOST_LIVES
    )]
    Churn {
        /// The cohort.
        cohort: String,
        /// What was written.
        churn: String,
    },
    /// There are fewer nodes than slices.
    #[error("slice {slice} of {nodes} nodes has none: cut the fleet into fewer")]
    EmptySlice {
        /// The slice.
        slice: Slice,
        /// How many nodes the whole fleet has.
        nodes: u32,
    },
    /// Time must pass.
    #[error("time scale {0} is not from 0.001 to 100,000")]
    TimeScale(f64),
    /// More nodes than a machine has room for.
    #[error("{nodes} nodes are too many: expected at most 100,000,000")]
    TooManyNodes {
        /// How many.
        nodes: u64,
        /// What of the scenario makes them so many.
        key: &'static str,
    },
    /// More cohorts than have a number.
    #[error(
        "{0} cohorts are too many: expected at most 65,535; nodes of one may differ in tags and behaviours"
    )]
    TooManyCohorts(usize),
    /// A number of which nobody has a share.
    #[error(
        "`nodes` is what the cohorts' `share` is of, and no cohort has one: take it out; --nodes {0} has as many \
         nodes over all cohorts"
    )]
    NodesOfNobody(u32),
    /// A name that is none.
    #[error("a {what} cannot have the name `{}`: expected a text that is not empty, on one line", name.escape_debug())]
    Nameless {
        /// What has it: the scenario, or a cohort.
        what: &'static str,
        /// The name.
        name: String,
        /// Where it stands.
        way: Vec<String>,
    },
    /// Nodes have one thing wrong with them at the most.
    #[error("cohort {cohort}: what is wrong with its nodes adds up to {percent}%: expected at most 100%")]
    FaultShares {
        /// The cohort.
        cohort: String,
        /// The sum.
        percent: f64,
    },
    /// One share of a cohort's nodes is given twice.
    #[error("cohort {cohort}: {fault} is given twice: expected one share of its nodes")]
    FaultTwice {
        /// The cohort.
        cohort: String,
        /// The fault.
        fault: String,
    },
    /// It would begin when the run is over.
    #[error("{what} begins at {at}, and the run ends at {end}: let it begin earlier, or raise `duration`")]
    Beyond {
        /// What.
        what: String,
        /// When it begins.
        at: Period,
        /// When the run ends.
        end: Period,
        /// Where it stands.
        way: Vec<String>,
    },
    /// The plane would not do what it is asked.
    #[error("{what}: the plane would refuse it with {}{meant}", plain(error))]
    Refused {
        /// What is asked.
        what: String,
        /// The refusal.
        error: ApiError,
        /// What is to be said if that is meant.
        meant: String,
        /// Where it stands.
        way: Vec<String>,
    },
    /// There is no such refusal.
    #[error("{what}: there is no refusal `{code}`{}", nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default())]
    UnknownRefusal {
        /// What expects it.
        what: String,
        /// The name.
        code: String,
        /// The name that comes nearest, if one comes near.
        nearest: Option<&'static str>,
        /// Where it stands.
        way: Vec<String>,
    },
    /// There is no such alarm.
    #[error(
        "{what}: no alarm `{alarm}`: expected one of the plane's `world`, such as \
         `plane: {{ world: {{ alarms: {{ {alarm}: OK }} }} }}`{}",
        nearest.as_ref().map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
    )]
    UnknownAlarm {
        /// What names it.
        what: String,
        /// The alarm.
        alarm: String,
        /// The name that comes nearest, if one comes near.
        nearest: Option<String>,
        /// Where it stands.
        way: Vec<String>,
    },
    /// Rounds that nothing begins.
    #[error(
        "association {association}: it waits for {rounds} rounds, and runs once: give it a `schedule`, or leave \
         `rounds` out"
    )]
    Rounds {
        /// The association.
        association: String,
        /// How many.
        rounds: u32,
        /// Where it stands.
        way: Vec<String>,
    },
}

impl PlanError {
    /// The way to what is wrong, from the outermost key of the scenario on, as far
    /// as one place is. Things in lists go by their names, or by their number.
    pub fn way(&self) -> Vec<Cow<'_, str>> {
        match self {
            Self::NoNodes(_) | Self::Shares(_) => way(["cohorts"]),
            Self::NodesOrShare(cohort) | Self::DuplicateCohort(cohort) => way(["cohorts", cohort]),
            Self::ShareOfNothing(cohort) => way(["cohorts", cohort, "share"]),
            Self::ArrivalRate { cohort, .. } => way(["cohorts", cohort, "arrival"]),
            Self::Churn { cohort, .. } => way(["cohorts", cohort, "churn"]),
            Self::FactsOfAnother { cohort, .. } => way(["cohorts", cohort, "facts"]),
            Self::TagOfHybrid { cohort, key } => way(["cohorts", cohort, "tags", key]),
            Self::UnknownPlatform { cohort, .. } => way(["cohorts", cohort, "platform"]),
            Self::NoSuchNode { cohort, .. } | Self::Takes { cohort, .. } => {
                way(["cohorts", cohort, "behaviours"])
            }
            Self::NotOfThisIdentity { cohort, setting, .. } => way(["cohorts", cohort, setting]),
            Self::Timing { cohort, .. } => way(["cohorts", cohort, "timing"]),
            Self::AgentVersion { cohort, .. } => way(["cohorts", cohort, "agent_version"]),
            Self::UnknownCohort { association, .. }
            | Self::NoSoundNode { association, .. }
            | Self::NoIdYet { association, .. }
            | Self::NoInvalidInstance { association, .. } => way(["associations", association, "targets"]),
            Self::UnknownLabel { way, .. } => way.iter().map(|step| step.as_str().into()).collect(),
            Self::LatencyModel(_) => way(["latency_model"]),
            Self::KeyPool(_) => way(["key_pool"]),
            Self::TimeScale(_) => way(["time"]),
            Self::Fault { place, .. } => vec!["faults".into(), place.to_string().into()],
            Self::Entry { place, .. } => vec!["timeline".into(), place.to_string().into()],
            Self::TooManyNodes { key, .. } => way([key]),
            Self::TooManyCohorts(_) => way(["cohorts"]),
            Self::NodesOfNobody(_) => way(["nodes"]),
            Self::FaultShares { cohort, .. } | Self::FaultTwice { cohort, .. } => {
                way(["cohorts", cohort, "faults"])
            }
            Self::Nameless { way, .. }
            | Self::Beyond { way, .. }
            | Self::Refused { way, .. }
            | Self::UnknownRefusal { way, .. }
            | Self::UnknownAlarm { way, .. }
            | Self::Rounds { way, .. } => way.iter().map(|step| step.as_str().into()).collect(),
            // Of flags alone.
            Self::NothingToMisfit(_) | Self::TakesOwnPlane(_) | Self::EmptySlice { .. } => Vec::new(),
        }
    }
}

fn way<'a, const STEPS: usize>(steps: [&'a str; STEPS]) -> Vec<Cow<'a, str>> {
    steps.map(Cow::Borrowed).into()
}

/// The refusal as part of a sentence.
fn plain(error: &ApiError) -> String {
    match error.message.trim_end_matches('.') {
        "" => error.code.to_string(),
        message => format!("{}: {message}", error.code),
    }
}

fn platform_names() -> String {
    PLATFORMS.map(|platform| platform.name).join(", ")
}
