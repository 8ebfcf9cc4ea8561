//! The associations, their executions, and how they stand.
//!
//! An association keeps counts over the nodes that have it now, and a bounded
//! ring of executions. It is indexed under its narrowest condition, so that a
//! node finds the associations that mean it without asking each.
//!
//! Invariant: numbers are given once and never again, in the order of creation.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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
use super::document::bare_name;
use super::execution::{Detail, Execution, Failure, Limit, Spread, StatusCounts};
use super::node::{Node, NodeNumber, Place};
use super::rate::RateRules;
use super::tag::Tags;
use super::target::runbook::TargetMap;
use super::target::{Condition, Conditions};

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
    /// What an old agent last said of it in the old form.
    pub(crate) legacy: Option<Box<LegacyStatus>>,
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
        use AssociationStatus::{Cancelled, Failed, InProgress, Pending, Success};
        // What was updated has not run yet, whatever ran before.
        let Some(newest) = self.current().filter(|current| current.version == self.version) else {
            // It stands by once its nodes were looked through, or its turn came to nothing.
            let is_looked_through = self.version > 1 && !self.is_revised;
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
            InProgress if newest.counts.of(Pending) == newest.counts.total() => (Pending, "Associated"),
            InProgress | Pending => (Pending, InProgress.as_str()),
            _ => (Success, Success.as_str()),
        }
    }
}

/// All associations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Associations {
    table: BTreeMap<AssociationNumber, Association>,
    by_id: HashMap<AssociationId, AssociationNumber>,
    leads: Leads,
    /// Deleted, and still to be taken off their nodes.
    pub(crate) graves: BTreeMap<AssociationNumber, Association>,
    next: u32,
}

/// The associations by their narrowest condition.
#[derive(Debug, Clone, Default)]
struct Leads {
    nodes: BTreeMap<NodeId, BTreeSet<AssociationNumber>>,
    tags: BTreeMap<String, BTreeMap<String, BTreeSet<AssociationNumber>>>,
    tag_keys: BTreeMap<String, BTreeSet<AssociationNumber>>,
    everyone: BTreeSet<AssociationNumber>,
}

impl Associations {
    /// The number that the next association gets.
    pub(crate) fn next_number(&self) -> AssociationNumber {
        AssociationNumber(self.next)
    }

    pub(crate) fn insert(&mut self, association: Association) {
        let number = association.number;
        self.next = self.next.max(number.0 + 1);
        self.by_id.insert(association.id, number);
        self.leads.add(number, association.conditions.lead());
        self.table.insert(number, association);
    }

    /// Gives an association another definition, and what follows from it.
    pub(crate) fn redefine(
        &mut self,
        number: AssociationNumber,
        definition: Definition,
        conditions: Conditions,
        timetable: Timetable,
        now: Timestamp,
    ) {
        let Some(association) = self.table.get_mut(&number) else { return };
        self.leads.remove(number, association.conditions.lead());
        self.leads.add(number, conditions.lead());
        let definition = std::mem::replace(&mut association.definition, definition);
        let created = association.updated;
        association.versions.push(Version { created, definition });
        association.version += 1;
        association.updated = now;
        association.conditions = conditions;
        association.timetable = timetable;
    }

    /// Deletes an association; its nodes lose it later.
    pub(crate) fn bury(&mut self, number: AssociationNumber) {
        let Some(association) = self.table.remove(&number) else { return };
        self.by_id.remove(&association.id);
        self.leads.remove(number, association.conditions.lead());
        self.graves.insert(number, association);
    }

    pub(crate) fn get(&self, number: AssociationNumber) -> Option<&Association> {
        self.table.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: AssociationNumber) -> Option<&mut Association> {
        self.table.get_mut(&number)
    }

    /// Gives an association other conditions.
    pub(crate) fn set_conditions(&mut self, number: AssociationNumber, conditions: Conditions) {
        let Some(association) = self.table.get_mut(&number) else { return };
        self.leads.remove(number, association.conditions.lead());
        self.leads.add(number, conditions.lead());
        association.conditions = conditions;
    }

    pub(crate) fn number(&self, id: AssociationId) -> Option<AssociationNumber> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn by_id(&self, id: AssociationId) -> Option<&Association> {
        self.get(self.number(id)?)
    }

    /// The association of the old form for this document and node.
    pub(crate) fn legacy(&self, name: &str, node: NodeId) -> Option<&Association> {
        self.legacy_of(node).find(|association| {
            // A document has two names: its own, and its ARN.
            let own = &*association.definition.name;
            own == name || bare_name(own) == name || own == bare_name(name)
        })
    }

    /// The associations of the old form that a node has.
    pub(crate) fn legacy_of(&self, node: NodeId) -> impl Iterator<Item = &Association> {
        self.of_node(node).filter(move |association| association.definition.instance_id == Some(node))
    }

    /// The associations that name this node by its id.
    pub(crate) fn of_node(&self, node: NodeId) -> impl Iterator<Item = &Association> {
        self.leads.nodes.get(&node).into_iter().flatten().filter_map(|number| self.table.get(number))
    }

    /// Those from behind this number, in the order of creation.
    pub(crate) fn after(&self, number: Option<AssociationNumber>) -> impl Iterator<Item = &Association> {
        self.from(number.map_or(AssociationNumber(0), |number| AssociationNumber(number.0.saturating_add(1))))
    }

    /// Those from this number on, in the order of creation.
    pub(crate) fn from(&self, from: AssociationNumber) -> impl Iterator<Item = &Association> {
        self.table.range(from..).map(|(_, association)| association)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The associations that may mean this node, by their narrowest condition.
    pub(crate) fn candidates(&self, node: &Node, from: AssociationNumber) -> BTreeSet<AssociationNumber> {
        let tagged = node.tags.iter().filter_map(|(key, value)| self.leads.tags.get(&**key)?.get(&**value));
        let keyed = node.tags.iter().filter_map(|(key, _)| self.leads.tag_keys.get(&**key));
        let named = self.leads.nodes.get(&node.id);
        let sets = named.into_iter().chain(tagged).chain(keyed).chain([&self.leads.everyone]);
        sets.flat_map(|set| set.range(from..)).copied().collect()
    }

    /// All of them, deleted ones last, for a snapshot.
    pub(crate) fn kept(&self) -> (Vec<&Kept>, Vec<&Kept>) {
        let living = self.table.values().map(|association| &association.kept).collect();
        (living, self.graves.values().map(|association| &association.kept).collect())
    }

    /// The next number, for a snapshot, and back.
    pub(crate) fn set_next(&mut self, next: AssociationNumber) {
        self.next = next.0;
    }
}

impl Leads {
    fn sets(&mut self, condition: &Condition, mut change: impl FnMut(&mut BTreeSet<AssociationNumber>)) {
        match condition {
            Condition::Nodes(ids) => {
                for id in ids {
                    let set = self.nodes.entry(*id).or_default();
                    change(set);
                    if set.is_empty() {
                        self.nodes.remove(id);
                    }
                }
            }
            Condition::Tag { key, values } => {
                let by_value = self.tags.entry(key.clone()).or_default();
                for value in values {
                    let set = by_value.entry(value.clone()).or_default();
                    change(set);
                    if set.is_empty() {
                        by_value.remove(value);
                    }
                }
                if by_value.is_empty() {
                    self.tags.remove(key);
                }
            }
            Condition::TagKey(keys) => {
                for key in keys {
                    let set = self.tag_keys.entry(key.clone()).or_default();
                    change(set);
                    if set.is_empty() {
                        self.tag_keys.remove(key);
                    }
                }
            }
            Condition::Everyone => change(&mut self.everyone),
        }
    }

    fn add(&mut self, number: AssociationNumber, condition: &Condition) {
        self.sets(condition, |set| {
            set.insert(number);
        });
    }

    fn remove(&mut self, number: AssociationNumber, condition: &Condition) {
        self.sets(condition, |set| {
            set.remove(&number);
        });
    }
}
