//! A plan: what a scenario means, with every default filled and every flag applied.
//!
//! The same scenario, flags and seed give the same plan. It holds cohorts,
//! timeline and seeds, never per-node events: who a node is and when it arrives
//! is a function of its number.
//!
//! - `make`: from the scenario to the plan, or to all that is wrong with it
//! - `size`, `cohort`, `arrival`, `churn`: which nodes there are
//! - `node`: who a node is, and when it arrives
//! - `strike`: which flags give nodes faults for as long as they live
//! - `instance`: what the plane is told of nodes that are no valid instances
//! - `association`, [`timeline`]: what happens
//! - `threshold`: what is asked of it
//! - `form`: what no type and no place of its own refuses
//! - `end`: whether all of it lies within the run
//! - `rehearsal`: whether the embedded plane would do what it is asked
//! - `guest`: whether it can be carried out before somebody else's plane
//! - `estimate`, [`mod@slice`]: how much it is, and a piece of it

mod arrival;
mod association;
mod churn;
mod cohort;
mod end;
mod error;
mod estimate;
mod form;
mod guest;
mod instance;
mod make;
mod node;
mod rehearsal;
mod size;
pub mod slice;
mod strike;
mod threshold;
pub mod timeline;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use agent::catalogue::{Catalogue, Cohort};
use agent::channel::Channels;
use agent::credentials::KEY_POOL;
use agent::distribution::Distribution;
use agent::fault::Share;
use plane::config::PlaneConfig;
use shared::id::NodeId;
use shared::time::{Period, Timestamp};

pub(crate) use self::arrival::boots;
pub use self::association::PlannedAssociation;
pub(crate) use self::cohort::is_agent_version;
pub use self::error::{PlanError, PlanErrors};
pub use self::guest::GuestError;
pub(crate) use self::node::spread;
pub(crate) use self::size::MOST_NODES;
use self::slice::Slice;
pub use self::timeline::PlannedEntry;
use crate::fault::Board;
use crate::history::mode::{Choice, HistoryMode};
use crate::metric::selection::Selection;
use crate::scenario::{self, Arrival, GuestOf};
use crate::shard::Shard;
use crate::threshold::Threshold;

/// What a run will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// What else is to be known of it.
    pub labels: BTreeMap<String, String>,
    /// Everything that is the same for all nodes.
    pub catalogue: Arc<Catalogue>,
    /// How many nodes each cohort has at the most.
    pub sizes: Vec<u32>,
    /// Up to which number the nodes of each cohort go; the next cohort's begin with it.
    ends: Vec<u32>,
    /// How many nodes each cohort has at first: as it is written, and as it is meant.
    pub at_first: Vec<(u32, u32)>,
    /// When the run begins.
    pub start: Timestamp,
    /// Over what time nodes arrive, where their cohort says nothing else.
    pub ramp: Period,
    /// When the nodes of each cohort arrive, where it says so itself.
    pub arrivals: Vec<Option<Arrival>>,
    /// How many nodes of each cohort are replaced in an hour.
    pub churn: Vec<f64>,
    /// After what time the run ends at the latest.
    pub duration: Period,
    /// How many simulated seconds pass in a second of wall time.
    pub time_scale: f64,
    /// The associations to create: those that are listed by themselves, by
    /// instant, then those of the timeline.
    pub associations: Vec<PlannedAssociation>,
    /// All that happens, in the order in which it is written.
    pub timeline: Vec<PlannedEntry>,
    /// The nodes that are declared terminated.
    pub terminated: Vec<NodeId>,
    /// What goes wrong for a while, as far as it is known beforehand.
    pub faults: Arc<Board>,
    /// The embedded plane's settings.
    pub plane: PlaneConfig,
    /// How long the plane takes to answer in virtual time, if that is modelled.
    pub latency_model: Option<Distribution>,
    /// What must come of it.
    pub thresholds: Vec<Threshold>,
    /// What is written of the run.
    pub history: Choice,
    /// Somebody else's plane that the scenario is for, if it is.
    pub guest_of: Option<GuestOf>,
    /// Which part of the fleet is hosted here.
    pub slice: Slice,
    /// What begins when the run is over, because a flag has it end early: in words.
    pub beyond: Vec<String>,
}

/// What flags change in a scenario.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Another number of nodes, over all cohorts.
    pub nodes: Option<u32>,
    /// Another seed.
    pub seed: Option<u64>,
    /// Another pace of time.
    pub time_scale: Option<f64>,
    /// Another latest end.
    pub duration: Option<Period>,
    /// Another time over which nodes arrive.
    pub ramp: Option<Period>,
    /// Another share of the fleet that calls under an id which is not accepted.
    pub invalid_instance: Option<Share>,
    /// Another share of the fleet that cannot run the documents meant for it.
    pub unsupported_platform: Option<Share>,
    /// Another part of the run that is written down.
    pub history: Option<HistoryMode>,
    /// One of several parts of the fleet; all of it if not said.
    pub slice: Option<Slice>,
    /// Whether nodes of this machine's kind tell what it tells of itself, whatever is written.
    pub facts: Option<scenario::Facts>,
}

impl Plan {
    /// How many nodes there are, here and elsewhere.
    pub fn nodes(&self) -> u32 {
        self.sizes.iter().sum()
    }

    /// Whether other nodes of the fleet are hosted elsewhere.
    pub fn is_part(&self) -> bool {
        self.slice != Slice::WHOLE
    }

    /// The numbers of the nodes that are hosted here.
    pub fn hosted(&self) -> Range<u32> {
        self.slice.numbers(self.nodes())
    }

    /// What is asked of its measures while the run goes on.
    pub fn asked_live(&self) -> impl Iterator<Item = &Selection> {
        let thresholds = self.thresholds.iter().filter(|threshold| threshold.is_abort);
        let conditions = self.timeline.iter().filter_map(|entry| match &entry.occasion {
            timeline::Occasion::When(condition) => Some(&condition.selection),
            _ => None,
        });
        thresholds.map(|threshold| &threshold.selection).chain(conditions)
    }

    /// Whether anything may ever go wrong for a while, so that whoever keeps
    /// something open has to be ready for it.
    pub fn may_go_wrong(&self) -> bool {
        let injects = |entry: &PlannedEntry| matches!(entry.act, timeline::PlannedAct::Inject(_));
        !self.faults.is_empty() || self.timeline.iter().any(injects)
    }

    /// How many key pairs the nodes share.
    pub fn key_pool(&self) -> u32 {
        self.catalogue.cohorts.first().map_or(KEY_POOL, |cohort| cohort.identity.key_pool)
    }

    /// How many nodes keep a connection open for messages.
    pub fn channels(&self) -> u32 {
        self.nodes_of(|cohort| cohort.channels != Channels::None)
    }

    /// How many of them do so by a control channel.
    pub fn control_channels(&self) -> u32 {
        self.nodes_of(|cohort| cohort.channels == Channels::WebSocket)
    }

    fn nodes_of(&self, is_meant: impl Fn(&Cohort) -> bool) -> u32 {
        let hosted = self.hosted();
        let mut end = 0;
        let here = self.catalogue.cohorts.iter().zip(&self.sizes).map(|(cohort, size)| {
            let first = end;
            end += size;
            let here = end.min(hosted.end).saturating_sub(first.max(hosted.start));
            if is_meant(cohort) { here } else { 0 }
        });
        here.sum()
    }

    /// What is hosted here in so many shards, at least one and at most one per node.
    pub fn shards(&self, count: usize) -> Vec<Shard> {
        let Range { start, end } = self.hosted();
        let nodes = end - start;
        let count = (count.max(1) as u32).min(nodes.max(1));
        let border = |shard: u32| start + (u64::from(nodes) * u64::from(shard) / u64::from(count)) as u32;
        (0..count).map(|shard| self.shard(border(shard)..border(shard + 1))).collect()
    }

    /// One shard of the nodes of these numbers.
    pub fn shard(&self, numbers: Range<u32>) -> Shard {
        let churn = self.churn_among(&numbers);
        let nodes = numbers.map(|number| (self.identity(number), self.arrival(number)));
        Shard::new(self.catalogue.clone(), self.faults.clone(), nodes).with_churn(churn)
    }
}

#[cfg(test)]
mod tests;
