//! A rehearsal: what the operator will ask, asked beforehand of a plane without nodes.
//!
//! The embedded plane knows its own rules best, so one of the scenario's settings is
//! asked, call by call, in the order of the timeline. What waits for a condition
//! comes when nobody knows: what it defines is taken to be there from the start. What
//! is expected to be refused is not asked, for that may be wrong in all that a plane
//! refuses.
//!
//! Invariant: what is told here the run's plane would refuse as well, whatever nodes
//! there are; a refusal that depends on nodes, or on what a plane forgets, is not told.

use std::collections::{BTreeMap, BTreeSet};

use plane::config::{PlaneConfig, UnknownNodes, UnknownTargets};
use plane::service::{Handle, Service};
use shared::error::{ApiError, ErrorCode};
use shared::id::{AssociationId, NodeId};
use shared::time::Timestamp;
use shared::wire::{
    AddTagsToResource, CreateDocument, GetDocument, RemoveTagsFromResource, Tag, UpdateDocument,
    UpdateDocumentDefaultVersion, UpdateInstanceInformation,
};

use super::timeline::{Occasion, PlannedAct, Which};
use super::{Plan, PlanError, PlannedEntry};
use crate::metric::selection::Selection;
use crate::metric::{Label, NO_REPLY, UNREADABLE};
use crate::operator::association::update;
use crate::operator::document::{calendar, is_same_json};
use crate::scenario::fault::Fault;
use crate::scenario::timeline::{Act, Loses};
use crate::scenario::{Association, Scenario};
use shared::nearest::nearest;

/// A plane that is asked what the run's plane will be asked.
struct Rehearsal<'a> {
    plan: &'a Plan,
    service: Service,
    /// The associations that were made, by name.
    made: BTreeMap<&'a str, AssociationId>,
    /// The documents that were refused: of what needs them nothing is to be said.
    spoiled: BTreeSet<&'a str>,
    /// Whether the run's plane forgets its documents on the way.
    forgets: bool,
    /// How many nodes were there to be tagged.
    nodes: u64,
    refused: Vec<PlanError>,
}

impl Plan {
    /// What the embedded plane would refuse of what the operator will ask, and what
    /// is said of refusals and alarms that it does not have.
    pub fn rehearse(&self, scenario: &Scenario) -> Vec<PlanError> {
        let mut told = unknown_refusals(self, scenario);
        told.extend(unknown_alarms(self, scenario));
        let mut rehearsal = Rehearsal::of(self, scenario);
        rehearsal.tag_cohorts();
        rehearsal.ask_all();
        told.extend(rehearsal.refused);
        told
    }
}

impl<'a> Rehearsal<'a> {
    fn of(plan: &'a Plan, scenario: &Scenario) -> Self {
        let forgets = scenario.timeline.iter().any(|entry| match &entry.act {
            Act::RestartPlane(restart) => restart.loses == Loses::State,
            _ => false,
        });
        let config = PlaneConfig {
            seed: plan.catalogue.seed,
            unknown_nodes: UnknownNodes::Register,
            unknown_target_instance: UnknownTargets::Accept,
            ..plan.plane.clone()
        };
        Self {
            plan,
            service: Service::new(config),
            made: BTreeMap::new(),
            spoiled: BTreeSet::new(),
            forgets,
            nodes: 0,
            refused: Vec::new(),
        }
    }

    /// The tags of each cohort, on one node.
    fn tag_cohorts(&mut self) {
        let mut first = 0;
        for (cohort, size) in self.plan.catalogue.cohorts.iter().zip(&self.plan.sizes) {
            if *size > 0 && !cohort.tags.is_empty() {
                let outcome = self.tag(self.plan.tags(first));
                let way = || ["cohorts", &cohort.name, "tags"].map(str::to_owned).into();
                self.tell(outcome, &format!("cohort {}", cohort.name), String::new(), way);
            }
            first += size;
        }
    }

    /// Puts tags on a node of which nothing else is known.
    fn tag(&mut self, tags: Vec<Tag>) -> Result<(), ApiError> {
        let resource_id = self.node()?.to_string();
        let resource_type = "ManagedInstance".to_owned();
        self.call(AddTagsToResource { resource_type, resource_id, tags }).map(drop)
    }

    /// A node that has registered.
    fn node(&mut self) -> Result<NodeId, ApiError> {
        let id = NodeId::ec2(self.plan.catalogue.seed.draw("rehearsal", self.nodes).wide_bits("node-id", 0));
        self.nodes += 1;
        self.call(of_node(id)).map(|_| id)
    }

    /// All that the operator will ask.
    fn ask_all(&mut self) {
        let plan = self.plan;
        let mut place = 0;
        let mut calls: Vec<_> = plan
            .timeline
            .iter()
            .map(|entry| {
                place += usize::from(entry.is_of_timeline);
                (turn(plan, entry), place.saturating_sub(1), entry)
            })
            .collect();
        calls.sort_by_key(|(turn, ..)| *turn);
        for (_, place, entry) in calls {
            if entry.expected.error.is_none() {
                self.ask(place, entry);
            }
        }
    }

    fn ask(&mut self, place: usize, entry: &'a PlannedEntry) {
        let needed = self.needed(&entry.act);
        if needed.is_some_and(|document| self.spoiled.contains(document)) {
            return;
        }
        let outcome = match &entry.act {
            PlannedAct::CreateAssociation(planned) => {
                let planned = &self.plan.associations[*planned];
                // Without targets it is one with which something is wrong already.
                if planned.refusal.is_some() || planned.request.targets.is_none() {
                    return;
                }
                let reply = self.call(planned.request.clone());
                reply.map(|reply| {
                    let id = reply.association_description.association_id;
                    self.made.extend(id.map(|id| (planned.name(), id)));
                })
            }
            PlannedAct::CreateDocument(document) => self.create_document(document),
            PlannedAct::UpdateDocument(document) => self.update_document(document),
            PlannedAct::SetCalendar(name, is_open) => self.create_document(&CreateDocument {
                name: name.clone(),
                content: calendar(*is_open, "an instant"),
                document_type: Some("ChangeCalendar".into()),
                document_format: Some("TEXT".into()),
                ..CreateDocument::default()
            }),
            PlannedAct::SendCommand(command) => self.call((**command).clone()).map(drop),
            PlannedAct::UpdateAssociation(Which::Named(name), wanted) => {
                let Some(id) = self.made.get(name.as_str()) else { return };
                let call = update(*id, (**wanted).clone());
                self.call(call).map(drop)
            }
            PlannedAct::Tag(_, tags) => self.tag(tags.clone()),
            PlannedAct::Untag(_, keys) => self.untag(keys),
            _ => return,
        };
        if let (PlannedAct::CreateDocument(document), Err(_)) = (&entry.act, &outcome) {
            self.spoiled.insert(&document.name);
        }
        let name = &entry.name;
        match (&entry.act, entry.is_of_timeline) {
            (PlannedAct::CreateDocument(_), false) => {
                let way = || ["documents", name].map(str::to_owned).into();
                self.tell(outcome, &format!("document {name}"), String::new(), way);
            }
            (_, false) => {
                let code = outcome.as_ref().err().map(|error| error.code.clone());
                let meant = code.as_ref().map(|code| format!("; if that is meant, add `refused: {code}`"));
                let member = code.as_ref().map(member_of).unwrap_or_default();
                let way = || ["associations", name, member].map(str::to_owned).into();
                self.tell(outcome, &format!("association {name}"), meant.unwrap_or_default(), way);
            }
            (_, true) => {
                let code = outcome.as_ref().err().map(|error| &error.code);
                let meant = code.map(|code| format!("; if that is meant, add `expect: {{ error: {code} }}`"));
                let way = || vec!["timeline".to_owned(), place.to_string(), "do".to_owned()];
                self.tell(outcome, &format!("timeline: {name}"), meant.unwrap_or_default(), way);
            }
        }
    }

    /// The document that something needs.
    fn needed(&self, act: &'a PlannedAct) -> Option<&'a str> {
        match act {
            PlannedAct::CreateAssociation(planned) => Some(&self.plan.associations[*planned].request.name),
            PlannedAct::UpdateAssociation(_, wanted) => Some(&wanted.name),
            PlannedAct::UpdateDocument(document) => Some(&document.name),
            PlannedAct::SendCommand(command) => Some(&command.document_name),
            _ => None,
        }
    }

    /// One of this name that is there already is as good if it says the same.
    fn create_document(&self, document: &CreateDocument) -> Result<(), ApiError> {
        match self.call(document.clone()) {
            Err(error) if error.code == ErrorCode::DocumentAlreadyExists => {
                let is_calendar = document.document_type.as_deref() == Some("ChangeCalendar");
                let call = GetDocument { name: document.name.clone(), ..GetDocument::default() };
                let is_same = |there: &str| is_calendar || is_same_json(there, &document.content);
                match self.call(call) {
                    Ok(there) if self.forgets || is_same(&there.content) => Ok(()),
                    _ => Err(error),
                }
            }
            outcome => outcome.map(drop),
        }
    }

    fn update_document(&self, document: &CreateDocument) -> Result<(), ApiError> {
        let call = UpdateDocument {
            name: document.name.clone(),
            content: document.content.clone(),
            document_version: Some("$LATEST".into()),
            document_format: document.document_format.clone(),
            ..UpdateDocument::default()
        };
        let described = self.call(call)?.document_description;
        let Some(document_version) = described.document_version else { return Ok(()) };
        self.call(UpdateDocumentDefaultVersion { name: described.name, document_version }).map(drop)
    }

    fn untag(&mut self, keys: &[String]) -> Result<(), ApiError> {
        let resource_id = self.node()?.to_string();
        let resource_type = "ManagedInstance".to_owned();
        self.call(RemoveTagsFromResource { resource_type, resource_id, tag_keys: keys.to_vec() }).map(drop)
    }

    fn call<O: Handle>(&self, operation: O) -> Result<O::Reply, ApiError> {
        self.service.call(self.plan.start, operation)
    }

    /// Notes a refusal that the run's plane would give as well.
    fn tell(
        &mut self,
        outcome: Result<(), ApiError>,
        what: &str,
        meant: String,
        way: impl FnOnce() -> Vec<String>,
    ) {
        if let Err(error) = outcome
            && !depends_on_state(&error.code)
        {
            self.refused.push(PlanError::Refused { what: what.to_owned(), error, meant, way: way() });
        }
    }
}

/// A node's word that it is there.
fn of_node(instance_id: NodeId) -> UpdateInstanceInformation {
    UpdateInstanceInformation {
        agent_name: None,
        agent_status: None,
        agent_version: None,
        availability_zone: None,
        availability_zone_id: None,
        computer_name: None,
        ip_address: None,
        instance_id,
        platform_name: None,
        platform_type: None,
        platform_version: None,
        ssm_connection_channel: None,
    }
}

/// When something is asked: what defines something at a condition before all else, but a
/// new version of a document once that is there; what else waits for one after all else.
fn turn(plan: &Plan, entry: &PlannedEntry) -> (u8, Timestamp, bool) {
    let is_made =
        |act: &PlannedAct| matches!(act, PlannedAct::CreateDocument(_) | PlannedAct::SetCalendar(..));
    match (&entry.occasion, &entry.act) {
        (Occasion::When(_), PlannedAct::UpdateDocument(document)) => {
            let makes = |other: &&PlannedEntry| matches!(&other.act, PlannedAct::CreateDocument(made) if made.name == document.name);
            let made = plan.timeline.iter().filter(makes).map(|made| turn(plan, made)).min();
            made.map_or((0, Timestamp::default(), true), |(turn, at, _)| (turn, at, true))
        }
        (Occasion::When(_), act) if is_made(act) => (0, Timestamp::default(), false),
        (Occasion::When(_), _) => (2, Timestamp::default(), false),
        (other, _) => (1, Timestamp::default() + other.first().unwrap_or_default(), false),
    }
}

/// Where in an association that stands which is refused so.
fn member_of(code: &ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidSchedule => "schedule",
        ErrorCode::InvalidParameters => "parameters",
        ErrorCode::InvalidTarget => "targets",
        _ => "name",
    }
}

/// Whether a plane refuses so because of nodes, or of what it has been asked so far:
/// there the run's plane may be in another state.
fn depends_on_state(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::AssociationAlreadyExists
            | ErrorCode::AssociationDoesNotExist
            | ErrorCode::AssociationLimitExceeded
            | ErrorCode::AssociationVersionLimitExceeded
            | ErrorCode::DocumentLimitExceeded
            | ErrorCode::DocumentVersionLimitExceeded
            | ErrorCode::DuplicateDocumentContent
            | ErrorCode::InternalServerError
            | ErrorCode::InvalidInstanceId
            | ErrorCode::InvalidResourceId
            | ErrorCode::InvalidResourceType
            | ErrorCode::TooManyUpdates
            | ErrorCode::UnsupportedPlatformType
    )
}

/// The associations of a scenario, with what they are and where they stand.
fn associations(scenario: &Scenario) -> impl Iterator<Item = (&Association, String, Vec<String>)> {
    let listed = scenario.associations.iter().map(|association| {
        let way = ["associations", &association.name].map(str::to_owned).to_vec();
        (association, format!("association {}", association.name), way)
    });
    let made = scenario.timeline.iter().enumerate().filter_map(|(place, entry)| match &entry.act {
        Act::CreateAssociation(association) => {
            let way = vec!["timeline".to_owned(), place.to_string()];
            Some((association, format!("timeline: create-association {}", association.name), way))
        }
        _ => None,
    });
    listed.chain(made)
}

/// Refusals that are expected or asked for, and that nobody gives.
fn unknown_refusals(plan: &Plan, scenario: &Scenario) -> Vec<PlanError> {
    let listed = associations(scenario).filter_map(|(association, what, way)| {
        Some((association.refused.as_ref()?.0.as_str().to_owned(), what, way))
    });
    let entries = scenario.timeline.iter().enumerate().filter_map(|(place, entry)| {
        let code = &entry.expect.as_ref()?.error.as_ref()?.0;
        let what = format!("timeline: {}", entry.name.clone().unwrap_or_else(|| entry.act.phrase()));
        Some((
            code.as_str().to_owned(),
            what,
            vec!["timeline".to_owned(), place.to_string(), "expect".to_owned()],
        ))
    });
    let mut unknown: Vec<_> =
        listed.chain(entries).filter(|(code, ..)| !ErrorCode::NAMES.contains(&code.as_str())).collect();
    let of_faults = codes_of_faults(scenario);
    let seen = |code: &str| {
        ErrorCode::NAMES.contains(&code) || [NO_REPLY, UNREADABLE].contains(&code) || of_faults.contains(code)
    };
    let code =
        |selection: &Selection| selection.label(Label::Code).filter(|code| !seen(code)).map(str::to_owned);
    unknown.extend(plan.thresholds.iter().filter_map(|threshold| {
        let way = vec!["thresholds".to_owned(), threshold.selection.to_string()];
        Some((code(&threshold.selection)?, format!("threshold {threshold}"), way))
    }));
    unknown.extend(scenario.timeline.iter().enumerate().filter_map(|(place, entry)| {
        let condition = entry.when.as_ref()?;
        let way = vec!["timeline".to_owned(), place.to_string(), "when".to_owned()];
        Some((code(&condition.selection)?, format!("condition {condition}"), way))
    }));
    let told = unknown.into_iter().map(|(code, what, way)| {
        let nearest = nearest(&code, ErrorCode::NAMES.iter().copied());
        PlanError::UnknownRefusal { what, code, nearest, way }
    });
    told.collect()
}

/// The names of errors that faults put into answers.
fn codes_of_faults(scenario: &Scenario) -> BTreeSet<&str> {
    let injected = scenario.timeline.iter().filter_map(|entry| match &entry.act {
        Act::Inject(window) => Some(window),
        _ => None,
    });
    let codes = scenario.faults.iter().chain(injected).filter_map(|window| match &window.fault {
        Fault::ReplaceStatus(fault) => fault.code.as_ref(),
        Fault::FailFirst(fault) => fault.code.as_ref(),
        _ => None,
    });
    codes.map(ErrorCode::as_str).collect()
}

/// Alarms that neither the plane's world has nor the timeline sets.
fn unknown_alarms(plan: &Plan, scenario: &Scenario) -> Vec<PlanError> {
    let mut known: BTreeSet<&str> = plan.plane.world.alarms.keys().map(String::as_str).collect();
    known.extend(scenario.timeline.iter().filter_map(|entry| match &entry.act {
        Act::RaiseAlarm(alarm) | Act::ClearAlarm(alarm) => Some(alarm.as_str()),
        _ => None,
    }));
    let of_associations = associations(scenario)
        .filter_map(|(association, what, way)| Some((association.alarm.clone()?, what, way)));
    let of_acts = scenario.timeline.iter().enumerate().filter_map(|(place, entry)| {
        let alarm = match &entry.act {
            Act::SendCommand(command) => command.alarm.clone()?,
            Act::UpdateAssociation(change) => change.alarm.clone()?,
            _ => return None,
        };
        Some((
            alarm,
            format!("timeline: {}", entry.act.phrase()),
            vec!["timeline".to_owned(), place.to_string()],
        ))
    });
    let unknown = of_associations.chain(of_acts).filter(|(alarm, ..)| !known.contains(alarm.as_str()));
    let told = unknown.map(|(alarm, what, way)| {
        let nearest = nearest(&alarm, known.iter().copied()).map(str::to_owned);
        PlanError::UnknownAlarm { what, alarm, nearest, way }
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Overrides, PlanErrors};

    const HEAD: &str = "\
name: x
seed: 1
duration: 2h
plane: { world: { alarms: { cpu: OK } } }
cohorts:
  - { name: web, platform: debian-12, nodes: 10, tags: { Env: prod } }
  - { name: till, platform: debian-12, nodes: 10, identity: hybrid, tags: { Env: prod } }
";

    const ONE: &str = "{ name: one, content: { schemaVersion: '2.2', parameters: { who: { type: String, default: me } }, mainSteps: [{ action: 'aws:runShellScript', name: a, inputs: { runCommand: [id] } }] } }";

    fn rehearsed(rest: &str) -> Result<Plan, PlanErrors> {
        let rest = rest.replace("ONE", ONE);
        let scenario = Scenario::parse("x", &format!("{HEAD}{rest}")).expect(&rest);
        Plan::rehearsed(&scenario, &Overrides::default(), Timestamp::from_seconds(0))
    }

    #[test]
    fn what_no_plane_refuses_or_somebody_expects_is_right() {
        let cases = [
            "documents: [ONE]\nassociations: [{ name: abc, document: one, targets: [all], parameters: { who: [you] } }]\n",
            "documents: [ONE, ONE]\n",
            "associations: [{ name: a, document: none, targets: [], max_errors: 101%, refused: ValidationException }]\n",
            "associations: [{ name: abc, document: AWS-RunShellScript, parameters: { commands: [id] }, targets: [node: web] }]\n",
            "associations: [{ name: abc, document: AWS-RunShellScript, parameters: { commands: [id] }, targets: [terminated-node], alarm: cpu }]\n",
            "timeline: [{ at: 5m, do: { send-command: { document: none, targets: [] } }, expect: { error: ValidationException } }]\n",
            // Nobody knows when a condition holds.
            "associations: [{ name: abc, at: 5m, document: one, targets: [all] }]\ntimeline: [{ when: online > 5, do: { create-document: ONE } }]\n",
            "documents: [ONE]\nassociations: [{ name: abc, at: 5m, document: one, targets: [all] }]\ntimeline: [{ when: online > 5, do: { update-document: { name: one, content: { schemaVersion: '2.2', description: other, mainSteps: [{ action: 'aws:runShellScript', name: a, inputs: { runCommand: [id] } }] } } } }]\n",
            "documents: [ONE]\ntimeline:\n  - { at: 5m, do: { restart-plane: { loses: state } } }\n  - { at: 6m, do: { create-document: { name: one, content: { schemaVersion: '1.2', runtimeConfig: {} } } } }\n",
            "timeline:\n  - { at: 1m, do: { open-calendar: days } }\n  - { at: 2m, do: { close-calendar: days } }\n  - { at: 5m, do: { create-association: { name: abc, document: AWS-RunShellScript, parameters: { commands: [id] }, targets: [all], calendars: [days] } } }\n",
            "timeline:\n  - { at: 1m, do: { raise-alarm: disk } }\n  - { at: 5m, do: { send-command: { document: AWS-RunShellScript, parameters: { commands: [id] }, targets: [all], alarm: disk } } }\n",
            "faults: [{ fault: { replace-status: { status: 500, code: OfTheirOwn } } }]\nthresholds: { 'errors{code=OfTheirOwn}': [count > 0], 'errors{code=NoReply}': [count == 0] }\n",
        ];
        for rest in cases {
            let outcome = rehearsed(rest).map(drop).map_err(|error| error.to_string());
            assert_eq!(outcome, Ok(()), "{rest}");
        }
    }

    #[test]
    fn what_comes_too_early_or_is_changed_wrongly_is_told_at_its_place() {
        let cases = [
            (
                "associations: [{ name: abc, document: one, targets: [all] }]\ntimeline: [{ at: 5m, do: { create-document: ONE } }]\n",
                "association abc: the plane would refuse it with InvalidDocument",
                "associations.abc.name",
            ),
            (
                "documents: [{ name: one, content: {} }]\nassociations: [{ name: abc, document: one, targets: [all] }]\n",
                "document one: the plane would refuse it with InvalidDocumentSchemaVersion",
                "documents.one",
            ),
            (
                "documents: [ONE]\ntimeline: [{ at: 5m, do: { create-document: { name: one, content: { schemaVersion: '2.2', description: other, mainSteps: [{ action: 'aws:runShellScript', name: a, inputs: { runCommand: [id] } }] } } } }]\n",
                "timeline: create-document one: the plane would refuse it with DocumentAlreadyExists",
                "timeline.0.do",
            ),
            (
                "documents: [ONE]\nassociations: [{ name: abc, document: one, targets: [all] }]\ntimeline:\n  - { at: 4m, do: { narrate: x } }\n  - { at: 5m, do: { update-association: { name: abc, schedule: rate(1 minute) } } }\n",
                "timeline: update-association abc: the plane would refuse it with InvalidSchedule",
                "timeline.1.do",
            ),
            (
                "timeline: [{ at: 5m, do: { tag: { on: { cohort: web }, tags: { 'aws:x': y } } } }]\n",
                "timeline: tag aws:x=y: the plane would refuse it with ValidationException: tag key `aws:x`",
                "timeline.0.do",
            ),
            (
                "timeline: [{ when: 'errors{code=Typo}: count > 5', do: { narrate: x } }]\n",
                "condition errors{code=Typo} count > 5: there is no refusal `Typo`",
                "timeline.0.when",
            ),
        ];
        for (rest, reason, way) in cases {
            let PlanErrors(errors) = rehearsed(rest).expect_err(rest);
            let [error] = &errors[..] else { panic!("{rest}: {errors:?}") };
            assert!(error.to_string().starts_with(reason), "{rest}: {error}");
            assert_eq!(error.way().join("."), way, "{rest}");
        }
    }
}
