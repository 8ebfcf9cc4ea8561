//! What a scenario's timeline means: what happens when, with every name looked up.
//!
//! What a scenario lists under `documents` and `associations` is the beginning of
//! the same plan. Whether an entry can be carried out before a given plane is
//! `guest`'s question.

mod error;

use std::collections::BTreeMap;
use std::iter;

use agent::credentials::IdentityKind;
use plane::service::Memory;
use plane::state::world::AlarmState;
use serde_json::Value;
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::time::Period;
use shared::wire::{Alarm, AlarmConfiguration, CreateAssociation, CreateDocument, SendCommand, Tag};

pub use self::error::EntryError;
use super::make::Mistakes;
use super::{Plan, PlanError, PlannedAssociation};
use crate::condition::Condition;
use crate::fault::selection::Selection;
use crate::operator::DeskError;
use crate::scenario::fault::FaultWindow;
use crate::scenario::selector::Selector;
use crate::scenario::timeline::{Act, Command, Entry, Expectation, Loses, RestartPlane, Scale};
use crate::scenario::{self, Scenario};

/// Something that happens.
#[derive(Debug, Clone)]
pub struct PlannedEntry {
    /// Its name in the report.
    pub name: String,
    /// When.
    pub occasion: Occasion,
    /// What.
    pub act: PlannedAct,
    /// What is to come of it.
    pub expected: Expected,
    /// Whether it is of the timeline: documents and associations that are listed
    /// by themselves are told of elsewhere.
    pub is_of_timeline: bool,
}

impl PlannedEntry {
    /// Whether it happens in each slice of a fleet, for that slice's nodes: it is no
    /// call of the plane's API, and its instant is known. What waits for a condition
    /// looks at the nodes of the first slice, and happens there.
    pub fn is_of_every_slice(&self) -> bool {
        !self.act.is_call() && !matches!(self.occasion, Occasion::When(_))
    }
}

/// When something happens, from the start of the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Occasion {
    /// Once.
    At(Period),
    /// Again and again.
    Every {
        /// After how long again.
        every: Period,
        /// When first.
        from: Period,
        /// The last instant at which it may happen; the run's end, if none.
        until: Option<Period>,
    },
    /// Once, at the first whole second at which this holds.
    When(Condition),
}

/// What happens.
#[derive(Debug, Clone)]
pub enum PlannedAct {
    /// The planned association at this place is created.
    CreateAssociation(usize),
    /// A document is created.
    CreateDocument(Box<CreateDocument>),
    /// An association is deleted.
    DeleteAssociation(Which),
    /// A fault begins.
    Inject(Box<FaultWindow>),
    /// A fault ends.
    Lift(String),
    /// A line is told.
    Narrate(String),
    /// The embedded plane goes down and is started anew.
    RestartPlane {
        /// How long nobody answers.
        downtime: Period,
        /// What it knows afterwards.
        memory: Memory,
    },
    /// Nodes come or go.
    Scale(PlannedScale),
    /// A command is sent.
    SendCommand(Box<SendCommand>),
    /// An alarm of the world changes.
    SetAlarm(String, AlarmState),
    /// A calendar is open from now on, or closed.
    SetCalendar(String, bool),
    /// An association runs now.
    StartAssociation(Which),
    /// Nodes get tags.
    Tag(Selection, Vec<Tag>),
    /// Nodes lose the tags of these keys.
    Untag(Selection, Vec<String>),
    /// An association is changed into what this would create.
    UpdateAssociation(Which, Box<CreateAssociation>),
    /// A document gets a new version.
    UpdateDocument(Box<CreateDocument>),
}

impl PlannedAct {
    /// The word for what changes the circumstances; a call has its operation.
    pub const fn word(&self) -> Option<&'static str> {
        Some(match self {
            Self::Inject(_) => "inject",
            Self::Lift(_) => "lift",
            Self::Narrate(_) => "narrate",
            Self::RestartPlane { .. } => "restart-plane",
            Self::Scale(_) => "scale",
            Self::SetAlarm(..) => "set-alarm",
            _ => return None,
        })
    }
}

/// An association, as the timeline names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The last that was made of this name.
    Named(String),
    /// The one of this id, whoever made it.
    Id(AssociationId),
}

/// How many nodes of a cohort there are from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlannedScale {
    /// The cohort's number.
    pub cohort: u16,
    /// How many.
    pub to: u32,
    /// Over what time those that come arrive.
    pub over: Period,
}

/// What is to come of a call that is not to be refused.
pub const SUCCESS: &str = "success";

/// What is to come of a call.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Expected {
    /// The refusal, if one is expected.
    pub error: Option<ErrorCode>,
    /// Members of the reply or the refusal, by their path.
    pub fields: BTreeMap<String, Value>,
}

impl Expected {
    /// In words: the refusal, or success, and the members.
    pub fn phrase(&self) -> String {
        let refusal = match &self.error {
            Some(code) => code.to_string(),
            None => SUCCESS.to_owned(),
        };
        let members = self.fields.iter().map(|(path, value)| format!("{path} {value}"));
        iter::once(refusal).chain(members).collect::<Vec<_>>().join(", ")
    }

    /// Whether this is the refusal that is expected.
    pub fn is_met_by(&self, error: &DeskError) -> bool {
        match error {
            DeskError::Refused { error, .. } => self.error.as_ref() == Some(&error.code),
            DeskError::Odd { .. } | DeskError::Failed { .. } => false,
        }
    }
}

impl Occasion {
    fn of(entry: &Entry) -> Result<Self, EntryError> {
        let said = [entry.at.is_some(), entry.every.is_some(), entry.when.is_some()];
        match (entry, said.into_iter().filter(|is_said| *is_said).count()) {
            (_, 0) => return Err(EntryError::NoOccasion),
            (_, 2..) => return Err(EntryError::TwoOccasions),
            (Entry { every: None, from: Some(_), .. }, _) => return Err(EntryError::OfEvery("from")),
            (Entry { every: None, until: Some(_), .. }, _) => return Err(EntryError::OfEvery("until")),
            _ => {}
        }
        match entry {
            Entry { when: Some(condition), .. } => Ok(Self::When(condition.clone())),
            Entry { every: Some(Period::ZERO), .. } => Err(EntryError::Unending),
            Entry { at: Some(at), .. } => Ok(Self::At(*at)),
            Entry { every: Some(every), from, until, .. } => {
                let from = from.unwrap_or(*every);
                match until {
                    Some(until) if *until < from => Err(EntryError::Never { from, until: *until }),
                    until => Ok(Self::Every { every: *every, from, until: *until }),
                }
            }
            Entry { at: None, every: None, when: None, .. } => Err(EntryError::NoOccasion),
        }
    }

    /// When it happens first, if that is known beforehand.
    pub fn first(&self) -> Option<Period> {
        match self {
            Self::At(at) => Some(*at),
            Self::Every { from, .. } => Some(*from),
            Self::When(_) => None,
        }
    }

    /// When it ends to happen again and again, if that is said.
    pub fn until(&self) -> Option<Period> {
        match self {
            Self::Every { until, .. } => *until,
            Self::At(_) | Self::When(_) => None,
        }
    }

    /// When it happens again, after it happened then.
    pub fn next(&self, after: Period) -> Option<Period> {
        match self {
            Self::At(_) | Self::When(_) => None,
            Self::Every { every, until, .. } => {
                let next = after + *every;
                until.is_none_or(|until| next <= until).then_some(next)
            }
        }
    }

    /// The same on a run whose ramp is longer by one time and shorter by another.
    fn moved(self, later: Period, earlier: Period) -> Self {
        let moved = |at: Period| at + later - earlier;
        match self {
            Self::At(at) => Self::At(moved(at)),
            Self::Every { every, from, until } => {
                Self::Every { every, from: moved(from), until: until.map(moved) }
            }
            Self::When(condition) => Self::When(condition),
        }
    }
}

impl PlannedAct {
    /// Whether it makes or changes a document.
    pub(super) fn is_document(&self) -> bool {
        matches!(self, Self::CreateDocument(_) | Self::UpdateDocument(_))
    }

    /// Whether it is a call of the plane's API, of which something can be expected.
    pub fn is_call(&self) -> bool {
        match self {
            Self::CreateAssociation(_)
            | Self::CreateDocument(_)
            | Self::DeleteAssociation(_)
            | Self::SendCommand(_)
            | Self::SetCalendar(..)
            | Self::StartAssociation(_)
            | Self::Tag(..)
            | Self::Untag(..)
            | Self::UpdateAssociation(..)
            | Self::UpdateDocument(_) => true,
            Self::Inject(_)
            | Self::Lift(_)
            | Self::Narrate(_)
            | Self::RestartPlane { .. }
            | Self::Scale(_)
            | Self::SetAlarm(..) => false,
        }
    }
}

/// What the entries read before have defined.
struct Definitions {
    /// The associations by name, as they stand after the changes read so far.
    associations: BTreeMap<String, scenario::Association>,
    /// The names of faults that can be lifted.
    faults: Vec<String>,
}

impl Plan {
    /// What the whole scenario has happen, in the order in which it is written:
    /// documents, associations, timeline.
    pub(super) fn lay_out(&mut self, scenario: &Scenario, mistakes: &mut Mistakes) {
        let first = self.associations.iter().map(|association| association.at).min().unwrap_or_default();
        let listed = |name: &str, at, act| PlannedEntry {
            name: name.to_owned(),
            occasion: Occasion::At(at),
            act,
            expected: Expected::default(),
            is_of_timeline: false,
        };
        let documents = scenario.documents.iter().map(|document| {
            let call = Box::new(create_document(document));
            listed(&document.name, first, PlannedAct::CreateDocument(call))
        });
        let associations = (0..).zip(&self.associations).map(|(place, association)| {
            let name = association.request.association_name.as_deref().unwrap_or_default();
            listed(name, association.at, PlannedAct::CreateAssociation(place))
        });
        let mut timeline: Vec<PlannedEntry> = documents.chain(associations).collect();
        let moved = (self.ramp - scenario.ramp, scenario.ramp - self.ramp);
        let mut known = Definitions::of(scenario, self);
        for (place, entry) in scenario.timeline.iter().enumerate() {
            let planned = self.entry(place, entry, moved, &mut known);
            let nothing = || listed("", first, PlannedAct::Narrate(String::new()));
            let planned = mistakes.note(planned).unwrap_or_else(nothing);
            timeline.push(PlannedEntry { is_of_timeline: true, ..planned });
        }
        self.timeline = timeline;
    }

    /// What an entry means, on a run whose ramp is longer by one time and shorter by another.
    fn entry(
        &mut self,
        place: usize,
        entry: &Entry,
        (later, earlier): (Period, Period),
        known: &mut Definitions,
    ) -> Result<PlannedEntry, PlanError> {
        let name = entry.name.clone().unwrap_or_else(|| entry.act.phrase());
        let wrong = |source| PlanError::Entry { place, name: name.clone(), source };
        let occasion = Occasion::of(entry).map_err(wrong)?.moved(later, earlier);
        let expected = entry.expect.clone().map(Expected::from).unwrap_or_default();
        let first = occasion.first().unwrap_or_default();
        let act = self.act(place, entry, first, &expected, known)?;
        if entry.expect.is_some() && !act.is_call() {
            return Err(wrong(EntryError::NothingToExpect));
        }
        Ok(PlannedEntry { name, occasion, act, expected, is_of_timeline: true })
    }

    fn act(
        &mut self,
        place: usize,
        entry: &Entry,
        at: Period,
        expected: &Expected,
        known: &mut Definitions,
    ) -> Result<PlannedAct, PlanError> {
        let name = || entry.name.clone().unwrap_or_else(|| entry.act.phrase());
        let wrong = |source| PlanError::Entry { place, name: name(), source };
        let of_fault = |source| wrong(EntryError::Fault(source));
        // Each entry draws for itself, and no fault has its number.
        let number = u32::MAX - place as u32;
        Ok(match &entry.act {
            Act::ClearAlarm(alarm) => PlannedAct::SetAlarm(alarm.clone(), AlarmState::Ok),
            Act::RaiseAlarm(alarm) => PlannedAct::SetAlarm(alarm.clone(), AlarmState::Alarm),
            Act::OpenCalendar(calendar) => PlannedAct::SetCalendar(calendar.clone(), true),
            Act::CloseCalendar(calendar) => PlannedAct::SetCalendar(calendar.clone(), false),
            Act::CreateAssociation(written) => {
                let planned = self.association(written);
                let mut planned = match planned {
                    Ok(planned) => planned,
                    Err(mistake) => {
                        self.associations.push(PlannedAssociation::named(written));
                        return Err(mistake);
                    }
                };
                planned.at = at;
                planned.refusal = planned.refusal.or_else(|| expected.error.clone());
                self.associations.push(planned);
                PlannedAct::CreateAssociation(self.associations.len() - 1)
            }
            Act::CreateDocument(written) => PlannedAct::CreateDocument(create_document(written).into()),
            Act::UpdateDocument(written) => PlannedAct::UpdateDocument(create_document(written).into()),
            Act::DeleteAssociation(name) => PlannedAct::DeleteAssociation(known.which(name).map_err(wrong)?),
            Act::StartAssociation(name) => PlannedAct::StartAssociation(known.which(name).map_err(wrong)?),
            Act::UpdateAssociation(change) => {
                let which = known.which(&change.name).map_err(wrong)?;
                let unnamed = || wrong(EntryError::ChangeById);
                let before = known.associations.get_mut(&change.name).ok_or_else(unnamed)?;
                *before = change.applied_to(before);
                let wanted = self.association(&before.clone())?.request;
                PlannedAct::UpdateAssociation(which, wanted.into())
            }
            Act::Inject(window) => {
                self.faults.check(self, window).map_err(of_fault)?;
                PlannedAct::Inject(window.clone().into())
            }
            Act::Lift(fault) if known.faults.contains(fault) => PlannedAct::Lift(fault.clone()),
            Act::Lift(fault) => {
                let (fault, known) = (fault.clone(), known.faults.join(", "));
                return Err(wrong(EntryError::UnknownFault { fault, known }));
            }
            Act::Narrate(text) => PlannedAct::Narrate(text.clone()),
            Act::RestartPlane(RestartPlane { downtime, loses }) => {
                let memory = if *loses == Loses::State { Memory::Lost } else { Memory::Kept };
                PlannedAct::RestartPlane { downtime: *downtime, memory }
            }
            Act::Scale(scale) => PlannedAct::Scale(self.scale(scale).map_err(wrong)?),
            Act::SendCommand(command) => PlannedAct::SendCommand(self.command(command)?.into()),
            Act::Tag(tag) => {
                let tags = tag.tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
                PlannedAct::Tag(self.named_nodes(&tag.on, number).map_err(wrong)?, tags.collect())
            }
            Act::Untag(untag) => {
                PlannedAct::Untag(self.named_nodes(&untag.on, number).map_err(wrong)?, untag.keys.clone())
            }
        })
    }

    /// The nodes that are meant, which must have ids from the start.
    fn named_nodes(&self, on: &Selector, number: u32) -> Result<Selection, EntryError> {
        let selection = Selection::new(self, on, number).map_err(EntryError::Fault)?;
        let is_hybrid = |number: &u32| {
            let identity = self.identity(*number);
            let cohort = identity.cohort(&self.catalogue);
            cohort.identity.kind == IdentityKind::Hybrid && selection.contains(identity)
        };
        match (0..self.nodes()).find(is_hybrid) {
            Some(number) => {
                let cohort = self.identity(number).cohort(&self.catalogue).name.clone();
                Err(EntryError::NoIdYet { cohort })
            }
            None => Ok(selection),
        }
    }

    fn command(&self, written: &Command) -> Result<SendCommand, PlanError> {
        let aimed = scenario::Association {
            name: written.document.clone(),
            document: written.document.clone(),
            targets: written.targets.clone(),
            ..scenario::Association::default()
        };
        let seconds = |period: Period| (period.as_milliseconds() / 1000) as i64;
        Ok(SendCommand {
            document_name: written.document.clone(),
            parameters: written.parameters.clone(),
            targets: self.association(&aimed)?.request.targets,
            timeout_seconds: written.timeout.map(seconds),
            max_concurrency: written.max_concurrency.clone(),
            max_errors: written.max_errors.clone(),
            alarm_configuration: written.alarm.clone().map(|name| AlarmConfiguration {
                ignore_poll_alarm_failure: None,
                alarms: vec![Alarm { name }],
            }),
            ..SendCommand::default()
        })
    }

    fn scale(&self, written: &Scale) -> Result<PlannedScale, EntryError> {
        let cohorts = &self.catalogue.cohorts;
        let Some(cohort) = cohorts.iter().position(|known| known.name == written.cohort) else {
            let known: Vec<_> = cohorts.iter().map(|cohort| &*cohort.name).collect();
            return Err(EntryError::UnknownCohort { name: written.cohort.clone(), known: known.join(", ") });
        };
        let to = scaled(written.to, self.at_first[cohort]);
        Ok(PlannedScale { cohort: cohort as u16, to, over: written.over })
    }
}

/// A number of nodes in a cohort that has more or fewer than were written.
pub(super) fn scaled(nodes: u32, (written, meant): (u32, u32)) -> u32 {
    let scaled = u64::from(nodes) * u64::from(meant) + u64::from(written) / 2;
    u32::try_from(scaled / u64::from(written.max(1))).unwrap_or(u32::MAX)
}

/// The most nodes that each cohort comes to have.
pub(super) fn peaks(scenario: &Scenario, at_first: &[(u32, u32)]) -> Vec<u32> {
    let mut written: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in &scenario.timeline {
        if let Act::Scale(scale) = &entry.act {
            let most = written.entry(&scale.cohort).or_default();
            *most = scale.to.max(*most);
        }
    }
    let peak = |(cohort, &sizes): (&scenario::Cohort, &(u32, u32))| {
        let later = written.get(cohort.name.as_str()).map(|to| scaled(*to, sizes));
        later.unwrap_or_default().max(sizes.1)
    };
    scenario.cohorts.iter().zip(at_first).map(peak).collect()
}

impl Definitions {
    /// What a scenario defines, faults of this plan among it.
    fn of(scenario: &Scenario, plan: &Plan) -> Self {
        let mut known = Self {
            associations: scenario.associations.iter().map(|it| (it.name.clone(), it.clone())).collect(),
            faults: plan.faults.windows().iter().map(|window| window.name.to_string()).collect(),
        };
        // Those too with which something is wrong.
        for name in scenario.faults.iter().filter_map(|window| window.name.as_ref()) {
            if !known.faults.contains(name) {
                known.faults.push(name.clone());
            }
        }
        for entry in &scenario.timeline {
            if let Act::CreateAssociation(association) = &entry.act {
                known.associations.insert(association.name.clone(), association.clone());
            }
            if let Act::Inject(FaultWindow { name: Some(name), .. }) = &entry.act {
                known.faults.push(name.clone());
            }
        }
        known
    }

    fn which(&self, name: &str) -> Result<Which, EntryError> {
        if self.associations.contains_key(name) {
            return Ok(Which::Named(name.to_owned()));
        }
        let known = || self.associations.keys().cloned().collect::<Vec<_>>().join(", ");
        name.parse()
            .map(Which::Id)
            .map_err(|_| EntryError::UnknownAssociation { name: name.to_owned(), known: known() })
    }
}

impl From<Expectation> for Expected {
    fn from(written: Expectation) -> Self {
        Self { error: written.error.map(|refusal| refusal.0), fields: written.fields }
    }
}

fn create_document(written: &scenario::Document) -> CreateDocument {
    CreateDocument {
        name: written.name.clone(),
        content: written.content.to_string(),
        document_type: Some("Command".into()),
        document_format: Some("JSON".into()),
        ..CreateDocument::default()
    }
}

#[cfg(test)]
mod tests;
