//! A run from beginning to end: the plan carried out, and what came of it.
//!
//! In virtual time the coordinator does it; in real time `live` does, over
//! sockets. Either way the same nodes, the same operator and the same survey at
//! the end come to one [`Finished`], which `result` and `report` tell of.

use std::sync::Arc;
use std::time::Duration;

use agent::client::pool::Counters;
use agent::lifecycle::Lifecycle;
use plane::fault::Struck;
use shared::time::Timestamp;

use crate::connections::Connections;
use crate::history::Digest;
use crate::history::recorder::Written;
use crate::measure::Measures;
use crate::measure::live::Live;
use crate::measure::timeline::Timeline;
use crate::operator::Operator;
use crate::plan::Plan;
use crate::survey::Survey;
use crate::threshold::Broken;

/// A run that came to its end, however.
#[derive(Debug)]
pub struct Finished {
    /// What was to be done.
    pub plan: Arc<Plan>,
    /// Who answered, for people: `embedded plane at http://…`, `plane at http://…`, `embedded plane, virtual time`.
    pub plane: String,
    /// The mode of time.
    pub pace: Pace,
    /// How it ended.
    pub ending: Ending,
    /// The simulated instant at which it ended.
    pub ended: Timestamp,
    /// What the operator did.
    pub operator: Operator,
    /// What the nodes did.
    pub measures: Measures,
    /// How the nodes of each cohort stood at the end, in the plan's order.
    pub cohorts: Vec<CohortState>,
    /// What was known of them second by second.
    pub live: Live,
    /// The run second by second.
    pub timeline: Timeline,
    /// How many calls the embedded plane's own faults struck.
    pub struck_by_plane: Struck,
    /// The threshold that ended the run, if one did.
    pub broken: Option<Broken>,
    /// What the plane says of it, by its public API; `None` if it did not say.
    pub survey: Option<Survey>,
    /// The digest of the calls in their order; only virtual time has one order.
    pub history: Option<Digest>,
    /// What was written of it; `None` where nothing was to be.
    pub recorded: Option<Written>,
    /// Whose connections calls took, and how many; only real time has them.
    pub connections: Option<(Connections, Counters)>,
    /// What it cost.
    pub spending: Spending,
}

/// How simulated time passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many times as fast as the wall's clock.
    Scaled(f64),
    /// It jumps to the next due instant.
    Virtual,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every expected round was over.
    Complete,
    /// The latest end came before.
    OutOfTime,
    /// A threshold ended it.
    Aborted,
    /// Somebody ended it.
    CutShort,
}

impl Ending {
    /// The word for it in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::OutOfTime => "out-of-time",
            Self::Aborted => "aborted",
            Self::CutShort => "cut-short",
        }
    }
}

/// How the nodes of a cohort stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CohortState {
    /// How many there are.
    pub nodes: u32,
    /// How many have not arrived yet, or wait for their start probe.
    pub starting: u32,
    /// How many work.
    pub online: u32,
    /// How many were refused at their start probe and sleep.
    pub hibernating: u32,
}

/// What a run cost on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spending {
    /// Wall time.
    pub wall: Duration,
    /// Processor time of this process, an embedded plane included.
    pub cpu: Duration,
    /// The most memory that was resident, in bytes.
    pub memory: u64,
}

impl CohortState {
    /// Counts one more node, unless it has left.
    pub fn count(&mut self, lifecycle: Lifecycle) {
        self.nodes += u32::from(lifecycle != Lifecycle::Stopped);
        match lifecycle {
            Lifecycle::Unregistered | Lifecycle::Starting => self.starting += 1,
            Lifecycle::Online { .. } => self.online += 1,
            Lifecycle::Hibernating { .. } => self.hibernating += 1,
            Lifecycle::Stopped => {}
        }
    }

    /// Counts one node less.
    pub fn discount(&mut self, lifecycle: Lifecycle) {
        self.nodes -= u32::from(lifecycle != Lifecycle::Stopped);
        match lifecycle {
            Lifecycle::Unregistered | Lifecycle::Starting => self.starting -= 1,
            Lifecycle::Online { .. } => self.online -= 1,
            Lifecycle::Hibernating { .. } => self.hibernating -= 1,
            Lifecycle::Stopped => {}
        }
    }

    /// Adds another shard's part of the cohort.
    pub fn add(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.starting += other.starting;
        self.online += other.online;
        self.hibernating += other.hibernating;
    }
}
