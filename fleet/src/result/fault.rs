//! What the faults of a run struck, by the names of their windows.
//!
//! When each was in force the board says, as it stood at the end: lifted windows
//! end there when they were lifted. Strikes and calls on their way are counted
//! by the shards, the calls that a fault of the plane struck by the plane.
//! Windows of one name and kind, as the timeline injects them again and again,
//! are one fault that was there several times.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::time::Timestamp;

use super::{instant, iso};
use crate::fault::Window;
use crate::measure::Met;
use crate::simulation::Finished;

/// What a fault did, from the first of its windows to the last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FaultResult {
    /// Its name.
    pub name: String,
    /// What went wrong, as a scenario has it: `crash`, `latency`, `throttling`.
    pub fault: String,
    /// With whom.
    pub layer: Layer,
    /// When it was in force; never, if it was to begin after the end of the run.
    pub windows: Vec<InForce>,
    /// How many nodes it was for, each as often as it came; of a fault of nodes, how
    /// many were there to be struck.
    pub nodes: u64,
    /// The calls that it struck or delayed, by operation; of a fault of nodes none are counted.
    pub calls: BTreeMap<String, u64>,
}

/// With whom something goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// With the nodes themselves.
    Node,
    /// Between nodes and plane.
    Network,
    /// With the embedded plane.
    Plane,
}

/// When a fault was in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct InForce {
    /// From when on, ISO 8601 in UTC.
    #[serde(serialize_with = "instant")]
    #[schemars(with = "String")]
    pub from: Timestamp,
    /// Until when; `None` if it still was when the run ended.
    #[serde(serialize_with = "until")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

fn until<S: serde::Serializer>(until: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    until.map(iso).serialize(serializer)
}

impl Layer {
    /// The word for it in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Network => "network",
            Self::Plane => "plane",
        }
    }
}

impl FaultResult {
    /// How many calls it struck or delayed.
    pub fn calls(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// The faults of a run, in the order in which they began.
pub(super) fn faults(finished: &Finished) -> Vec<FaultResult> {
    let board = finished.operator.faults.board();
    let mut faults: Vec<FaultResult> = Vec::new();
    for window in board.windows().iter().filter(|window| window.from < window.until) {
        let place = faults
            .iter()
            .position(|fault| *fault.name == *window.name && fault.fault == window.fault.as_str())
            .unwrap_or_else(|| {
                faults.push(named(window, finished));
                faults.len() - 1
            });
        if window.from < finished.ended {
            count(&mut faults[place], window, finished);
        }
    }
    faults.sort_by_key(|fault| fault.windows.first().map_or(Timestamp::NEVER, |window| window.from));
    faults
}

/// A fault before the first of its windows.
fn named(window: &Window, finished: &Finished) -> FaultResult {
    let layer = match &window.fault {
        fault if fault.of_plane().is_some() => Layer::Plane,
        fault if fault.is_strike() => Layer::Node,
        _ => Layer::Network,
    };
    let (name, fault) = (window.name.to_string(), window.fault.as_str());
    // The plane counts by name and kind, and knows nothing of windows.
    let calls = finished.struck_by_plane.get(&(name.clone(), fault)).cloned().unwrap_or_default();
    FaultResult { name, fault: fault.to_owned(), layer, windows: Vec::new(), nodes: 0, calls }
}

fn count(fault: &mut FaultResult, window: &Window, finished: &Finished) {
    let until = (window.until <= finished.ended).then_some(window.until);
    fault.windows.push(InForce { from: window.from, until });
    let met = finished.measures.windows.get(&window.number);
    let Met { nodes, calls } = met.cloned().unwrap_or_default();
    for (operation, count) in calls {
        *fault.calls.entry(operation.to_owned()).or_default() += count;
    }
    fault.nodes += match fault.layer {
        Layer::Node => nodes,
        Layer::Network | Layer::Plane => meant(window, finished),
    };
}

/// How many nodes of this part of the fleet a window is for.
fn meant(window: &Window, finished: &Finished) -> u64 {
    let plan = &finished.plan;
    let is_meant = |number: &u32| window.strikes(plan.identity(*number));
    plan.slice.numbers(plan.nodes()).filter(is_meant).count() as u64
}
