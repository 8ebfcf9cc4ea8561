//! The executions of runbooks, which run in the service and on no node.
//!
//! An association with a runbook has a rollout for each of its executions: its
//! targets in their order, and how far it has come. Each target that is let in
//! gets an automation, which runs, waits in the queue of all automations, or
//! fails because that queue is full (C.7).
//!
//! Invariant: `running` and the queue agree with the automations' states.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::id::{AutomationId, NodeId};
use shared::status::AssociationStatus;
use shared::time::Timestamp;
use shared::wire::Parameters;

use super::association::AssociationNumber;
use super::execution::Failure;

/// An automation's number: the order in which they began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub(crate) struct AutomationNumber(pub(crate) u32);

/// A runbook's execution on one target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Automation {
    pub(crate) number: AutomationNumber,
    pub(crate) id: AutomationId,
    /// The rollout that it belongs to, and its place there.
    pub(crate) rollout: RolloutKey,
    pub(crate) row: u32,
    pub(crate) association_id: Box<str>,
    pub(crate) runbook: Arc<Runbook>,
    pub(crate) target: Option<Arc<str>>,
    pub(crate) parameters: Arc<Parameters>,
    /// `Pending`, `InProgress`, `Success` or `Failed`.
    pub(crate) status: AssociationStatus,
    pub(crate) failure: Option<Failure>,
    pub(crate) started: Timestamp,
    pub(crate) ended: Option<Timestamp>,
}

/// The runbook of a rollout, as it was when that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Runbook {
    pub(crate) name: Box<str>,
    pub(crate) version: Box<str>,
    pub(crate) target_parameter: Option<Box<str>>,
    /// Names and actions of its steps.
    pub(crate) steps: Vec<(Box<str>, Box<str>)>,
}

/// An execution of an association, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct RolloutKey {
    pub(crate) association: AssociationNumber,
    pub(crate) execution: u32,
}

/// How far an execution with a runbook has come.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Rollout {
    pub(crate) key: RolloutKey,
    pub(crate) runbook: Arc<Runbook>,
    /// The parameters beside the target's.
    pub(crate) parameters: Arc<Parameters>,
    pub(crate) rows: Vec<TargetRow>,
    /// The node behind which more of them are looked for.
    pub(crate) after: Option<NodeId>,
    /// The first row that was not yet let in.
    pub(crate) next: u32,
    pub(crate) limit: u32,
    pub(crate) budget: u32,
    pub(crate) busy: u32,
    pub(crate) errors: u32,
    /// Whether nobody is let in any more.
    pub(crate) is_stopped: bool,
    /// Why its targets failed, if that was not for the runbook.
    pub(crate) failure: Option<Failure>,
    /// Whether the rest of it is being let in or skipped.
    pub(crate) is_moving: bool,
}

/// A target of a rollout.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct TargetRow {
    /// The target's value; none where the runbook runs once and on nothing.
    pub(crate) target: Option<Arc<str>>,
    /// The map that it was given by, if it was.
    pub(crate) map: Option<u32>,
    pub(crate) status: AssociationStatus,
    pub(crate) automation: Option<AutomationNumber>,
    /// When it last changed.
    pub(crate) changed: Option<Timestamp>,
}

impl TargetRow {
    /// A target that waits for its turn.
    pub(crate) fn new(target: Option<Arc<str>>, map: Option<u32>) -> Self {
        Self { target, map, status: AssociationStatus::Pending, automation: None, changed: None }
    }
}

impl Rollout {
    /// Whether every target was let in or skipped, and has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.next as usize == self.rows.len() && self.busy == 0
    }
}

/// All automations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Automations {
    table: BTreeMap<AutomationNumber, Automation>,
    by_id: HashMap<AutomationId, AutomationNumber>,
    pub(crate) rollouts: BTreeMap<RolloutKey, Rollout>,
    pub(crate) queue: VecDeque<AutomationNumber>,
    pub(crate) running: u32,
    next: u32,
}

/// The automations as a snapshot writes them.
#[derive(Debug, Serialize)]
pub(crate) struct WrittenAutomations<'a> {
    automations: Vec<&'a Automation>,
    rollouts: Vec<&'a Rollout>,
    queue: &'a VecDeque<AutomationNumber>,
    running: u32,
    next: u32,
}

/// The automations as a snapshot has them.
#[derive(Debug, Deserialize)]
pub(crate) struct KeptAutomations {
    automations: Vec<Automation>,
    rollouts: Vec<Rollout>,
    queue: VecDeque<AutomationNumber>,
    running: u32,
    next: u32,
}

impl Automations {
    /// The number that the next automation gets.
    pub(crate) fn next_number(&self) -> AutomationNumber {
        AutomationNumber(self.next)
    }

    pub(crate) fn insert(&mut self, automation: Automation) {
        self.next = self.next.max(automation.number.0 + 1);
        self.by_id.insert(automation.id, automation.number);
        self.table.insert(automation.number, automation);
    }

    pub(crate) fn get(&self, number: AutomationNumber) -> Option<&Automation> {
        self.table.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: AutomationNumber) -> Option<&mut Automation> {
        self.table.get_mut(&number)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Automation> {
        self.get(*self.by_id.get(&id.parse().ok()?)?)
    }

    /// Those that began before this one, the newest first.
    pub(crate) fn before(&self, number: Option<AutomationNumber>) -> impl Iterator<Item = &Automation> {
        let end = number.unwrap_or(AutomationNumber(self.next));
        self.table.range(..end).rev().map(|(_, automation)| automation)
    }

    pub(crate) fn forget(&mut self, number: AutomationNumber) {
        if let Some(automation) = self.table.remove(&number) {
            self.by_id.remove(&automation.id);
        }
    }

    /// The automations, for a snapshot.
    pub(crate) fn kept(&self) -> WrittenAutomations<'_> {
        WrittenAutomations {
            automations: self.table.values().collect(),
            rollouts: self.rollouts.values().collect(),
            queue: &self.queue,
            running: self.running,
            next: self.next,
        }
    }

    /// The automations of a snapshot.
    pub(crate) fn restore(kept: KeptAutomations) -> Self {
        let mut restored =
            Self { queue: kept.queue, running: kept.running, next: kept.next, ..Self::default() };
        kept.automations.into_iter().for_each(|automation| restored.insert(automation));
        restored.rollouts = kept.rollouts.into_iter().map(|rollout| (rollout.key, rollout)).collect();
        restored
    }
}
