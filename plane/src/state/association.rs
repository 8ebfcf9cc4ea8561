//! An association, its executions, and how it stands.
//!
//! An association keeps counts over the nodes that have it now, and a bounded
//! ring of executions. Where it is found among the others is [`table`]'s work.
//!
//! Invariant: the newest two executions that began are kept, for nodes may be
//! part of them.

pub(crate) mod table;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::id::{AssociationId, NodeId};
use shared::schedule::timetable::Timetable;
use shared::status::AssociationStatus;
use shared::target::Target;
use shared::time::Timestamp;
use shared::wire::{AlarmConfiguration, AlarmStateInformation, LegacyStatus, OutputLocation, Parameters};

use super::compliance::Severity;
use super::execution::counts::StatusCounts;
use super::execution::{Detail, Execution, Failure, Limit, Spread};
use super::node::{NodeNumber, Place};
use super::rate::RateRules;
use super::tag::Tags;
use super::target::Conditions;
use super::target::runbook::TargetMap;

/// An association's number: the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub(crate) struct AssociationNumber(pub(crate) u32);

/// What was asked for: the part of an association that the caller wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) name: Arc<str>,
    /// A number, `$DEFAULT` or `$LATEST`; `$DEFAULT` where nothing was said.
    pub(crate) document_version: Arc<str>,
    /// What a runbook is carried out on; none where nodes run the document.
    pub(crate) aim: Option<Aim>,
    /// The node of the old form.
    pub(crate) instance_id: Option<NodeId>,
    pub(crate) parameters: Option<Arc<Parameters>>,
    pub(crate) targets: Arc<Vec<Target>>,
    pub(crate) schedule_expression: Option<Arc<str>>,
    pub(crate) output_location: Option<Arc<OutputLocation>>,
    pub(crate) association_name: Option<Box<str>>,
    pub(crate) max_errors: Option<Box<str>>,
    pub(crate) max_concurrency: Option<Box<str>>,
    pub(crate) severity: Option<Severity>,
    pub(crate) sync_compliance: Option<Box<str>>,
    /// Whether it waits for its schedule, whatever happens before.
    pub(crate) is_apply_only: bool,
    /// How many days after the schedule's instant it runs.
    pub(crate) schedule_offset: Option<u8>,
    /// The change calendars that must be open for it to run.
    pub(crate) calendars: Arc<Vec<String>>,
    /// How many hours a run may take.
    pub(crate) duration: Option<u8>,
    /// The alarm that stops it.
    pub(crate) alarm: Option<Arc<AlarmConfiguration>>,
    /// The role in whose name it is dispatched; kept, not used.
    pub(crate) role: Option<Box<str>>,
}

/// A definition that another has replaced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) created: Timestamp,
    pub(crate) definition: Definition,
}

/// What a runbook is carried out on, beside `Targets`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Aim {
    /// The parameter that takes the target.
    pub(crate) target_parameter: Option<Box<str>>,
    pub(crate) target_maps: Vec<TargetMap>,
    /// Kept and shown; runbooks run in one place.
    pub(crate) target_locations: Vec<Map<String, Value>>,
}

impl Aim {
    /// The target maps, as they are shown.
    pub(crate) fn shown_maps(&self) -> Option<Vec<TargetMap>> {
        (!self.target_maps.is_empty()).then(|| self.target_maps.clone())
    }

    /// The target locations, as they are shown.
    pub(crate) fn shown_locations(&self) -> Option<Vec<Map<String, Value>>> {
        (!self.target_locations.is_empty()).then(|| self.target_locations.clone())
    }
}

/// An association.
#[derive(Debug, Clone)]
pub(crate) struct Association {
    pub(crate) kept: Kept,
    /// The targets, understood.
    pub(crate) conditions: Conditions,
    /// The schedule with its options, understood.
    pub(crate) timetable: Timetable,
}

/// What a snapshot keeps of an association; the rest follows from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) number: AssociationNumber,
    pub(crate) id: AssociationId,
    pub(crate) definition: Definition,
    pub(crate) tags: Tags,
    pub(crate) created: Timestamp,
    /// 1 when new, one more with each update.
    pub(crate) version: u32,
    /// When it was last updated.
    pub(crate) updated: Timestamp,
    /// The versions before this one, oldest first.
    pub(crate) versions: Vec<Version>,
    /// Who joined while a calendar was closed.
    pub(crate) joined: BTreeSet<NodeNumber>,
    /// The alarm that stopped its last run.
    pub(crate) triggered: Option<AlarmStateInformation>,
    /// Changes with the document, the parameters and the version.
    pub(crate) checksum: Arc<str>,
    /// The instant of the schedule that the next run follows from, or the last
    /// one did where there is no next; the intervals count from it.
    pub(crate) anchor: Timestamp,
    /// Newest last.
    pub(crate) executions: VecDeque<Execution>,
    pub(crate) next_execution: u32,
    /// The states of the nodes that have it now.
    pub(crate) counts: StatusCounts,
    pub(crate) last_run: Option<Timestamp>,
    pub(crate) last_success: Option<Timestamp>,
    /// Whether an update is still being applied to the nodes.
    #[serde(default)]
    pub(crate) is_revised: bool,
    /// Which nodes it meant before its resource group changed, until all were looked through.
    #[serde(default)]
    pub(crate) regrouping: Option<Regrouping>,
    /// Whether the engine has not looked at it since it was made.
    #[serde(default)]
    pub(crate) is_new: bool,
    /// What an old agent last said of it in the old form.
    pub(crate) legacy: Option<Box<LegacyStatus>>,
}

/// What is left of a change of a resource group: who was meant before it joins nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Regrouping {
    /// The conditions before the first change that is not done with.
    pub(crate) before: Conditions,
    /// How many looks through the nodes are under way.
    pub(crate) surveys: u32,
}

impl std::ops::Deref for Association {
    type Target = Kept;

    fn deref(&self) -> &Kept {
        &self.kept
    }
}

impl std::ops::DerefMut for Association {
    fn deref_mut(&mut self) -> &mut Kept {
        &mut self.kept
    }
}

impl Kept {
    /// Whether run results do not count as compliance (`SyncCompliance` MANUAL).
    pub(crate) fn is_manual(&self) -> bool {
        self.definition.sync_compliance.as_deref() == Some("MANUAL")
    }

    /// The definition of a version, and when it was made; this one's if there is no such.
    pub(crate) fn version(&self, number: u32) -> (&Definition, Timestamp) {
        let past = (number as usize).checked_sub(1).and_then(|index| self.versions.get(index));
        past.map_or((&self.definition, self.updated), |past| (&past.definition, past.created))
    }

    /// How bad it is not to comply.
    pub(crate) fn severity(&self) -> Severity {
        self.definition.severity.unwrap_or(Severity::Unspecified)
    }

    fn index_of(&self, number: u32) -> Option<usize> {
        self.executions.binary_search_by_key(&number, |execution| execution.number).ok()
    }

    /// The execution of this running number, if it is still remembered.
    pub(crate) fn execution(&self, number: u32) -> Option<&Execution> {
        self.executions.get(self.index_of(number)?)
    }

    /// The execution of this running number, to be changed.
    pub(crate) fn execution_mut(&mut self, number: u32) -> Option<&mut Execution> {
        let index = self.index_of(number)?;
        self.executions.get_mut(index)
    }

    /// The newest execution that began: one that nodes may be part of.
    pub(crate) fn current(&self) -> Option<&Execution> {
        self.executions.iter().rev().find(|execution| !execution.is_void)
    }

    /// Whether this is the number of the newest execution that began.
    pub(crate) fn is_current(&self, number: u32) -> bool {
        self.current().is_some_and(|current| current.number == number)
    }

    /// Adds an execution, and forgets the oldest ones beyond these bounds. The
    /// newest two that began stay: the nodes are part of them.
    pub(crate) fn begin(&mut self, execution: Execution, most: usize, most_rows: usize) {
        self.next_execution = execution.number + 1;
        self.executions.push_back(execution);
        let mut rows: usize = self.executions.iter().map(|execution| execution.rows.len()).sum();
        while self.executions.len() > most || rows > most_rows {
            let begun = self.executions.iter().rev().filter(|execution| !execution.is_void);
            let kept = begun.map(|execution| execution.number).nth(1).unwrap_or(0);
            let last = self.next_execution - 1;
            let oldest = self.executions.iter().position(|execution| {
                execution.number < kept || execution.is_void && execution.number < last
            });
            let Some(oldest) = oldest.and_then(|oldest| self.executions.remove(oldest)) else { break };
            rows -= oldest.rows.len();
        }
    }

    /// Moves a node's row to another state; `at` is the date of the report that caused it.
    pub(crate) fn set_row(
        &mut self,
        place: Place,
        status: AssociationStatus,
        detail: Detail,
        at: Option<Timestamp>,
    ) {
        let Some(execution) = self.execution_mut(place.execution) else { return };
        execution.set(place.row, status, detail, at);
        let (created, reported) = (execution.created, at.is_some());
        if reported {
            self.last_run = self.last_run.max(Some(created));
        }
        self.note_end(place.execution);
    }

    /// Counts a runbook's target that comes to another state, in its execution
    /// and, where that is the newest, in the association.
    pub(crate) fn count_target(
        &mut self,
        number: u32,
        before: Option<AssociationStatus>,
        status: AssociationStatus,
        at: Option<Timestamp>,
    ) {
        let is_newest = self.executions.back().is_some_and(|newest| newest.number == number);
        if is_newest {
            before.into_iter().for_each(|before| self.counts.remove(before));
            self.counts.add(status);
        }
        let Some(execution) = self.execution_mut(number) else { return };
        before.into_iter().for_each(|before| execution.counts.remove(before));
        execution.counts.add(status);
        execution.last_report = execution.last_report.max(at);
        if at.is_some() {
            let created = execution.created;
            self.last_run = self.last_run.max(Some(created));
        }
    }

    /// Notes that a runbook's targets have all ended.
    pub(crate) fn conclude_targets(&mut self, number: u32, failure: Option<Failure>) {
        let Some(execution) = self.execution_mut(number) else { return };
        execution.failure = failure;
        let (status, created) = (execution.status(), execution.created);
        if status == AssociationStatus::Success && execution.counts.total() > 0 {
            self.last_success = self.last_success.max(Some(created));
        }
    }

    /// Takes a node that is no longer meant out of an execution.
    pub(crate) fn leave_row(&mut self, place: Place) {
        if let Some(execution) = self.execution_mut(place.execution) {
            execution.leave(place.row);
        }
        self.note_end(place.execution);
    }

    /// Notes the gathering of an execution's nodes as done: from here on their
    /// number is known, and what MaxConcurrency and MaxErrors come to.
    pub(crate) fn end_spread(&mut self, number: u32, rules: RateRules) {
        let Some(index) = self.index_of(number) else { return };
        let definition = &self.definition;
        let execution = &mut self.executions[index];
        execution.spread = Spread::Done;
        let targets = u32::try_from(execution.rows.len()).expect("a row per node");
        let (limit, budget) =
            rules.bounds(definition.max_concurrency.as_deref(), definition.max_errors.as_deref(), targets);
        execution.budget = budget;
        if execution.is_limited() {
            // A node that joins an execution without nodes finds a slot.
            execution.limit = Limit::At(limit.max(1));
        }
        self.note_end(number);
    }

    fn note_end(&mut self, number: u32) {
        let Some(execution) = self.execution(number) else { return };
        if execution.is_over()
            && !execution.rows.is_empty()
            && execution.status() == AssociationStatus::Success
        {
            let created = execution.created;
            self.last_success = self.last_success.max(Some(created));
        }
    }

    /// Status and detailed status of the overview (C.1, C.2). The status is
    /// Pending, Success or Failed, whatever happens: clients insist.
    pub(crate) fn standing(&self) -> (AssociationStatus, &'static str) {
        use AssociationStatus::{Cancelled, Failed, InProgress, Pending, Queued, Success};
        // What was updated has not run yet, whatever ran before.
        let Some(newest) = self.current().filter(|current| current.version == self.version) else {
            // It stands by once the engine looked at it, or its turn came to nothing.
            let is_looked_through = !self.is_new && !self.is_revised;
            let had_its_turn = self.executions.back().is_some_and(|last| last.version == self.version);
            return (Pending, if is_looked_through || had_its_turn { "Associated" } else { "Creating" });
        };
        if newest.spread != Spread::Done {
            return (Pending, if newest.number == 0 { "Creating" } else { InProgress.as_str() });
        }
        if newest.rows.is_empty() && newest.awaits_nodes {
            return (Pending, "Associated");
        }
        match newest.status() {
            Failed | Cancelled => (Failed, newest.detailed_status()),
            InProgress if newest.counts.of(Pending) + newest.counts.of(Queued) == newest.counts.total() => {
                (Pending, "Associated")
            }
            InProgress | Pending => (Pending, InProgress.as_str()),
            _ => (Success, Success.as_str()),
        }
    }
}
