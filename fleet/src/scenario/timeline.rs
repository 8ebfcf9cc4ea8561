//! What happens in a run and when, as a scenario writes it: the timeline.
//!
//! An entry happens at an instant or again and again. What it does is the
//! operator's to do, by the plane's public API, or it changes the circumstances:
//! faults, alarms, the plane itself, how many nodes there are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use shared::time::Period;
use shared::wire::Parameters;

use super::association::{Association, Document, Refusal, Target};
use super::fault::FaultWindow;
use super::selector::Selector;
use crate::condition::Condition;

/// Something that happens in a run.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name in the report; what it does, if not said.
    #[serde(default)]
    pub name: Option<String>,
    /// When it happens, from the start of the run.
    #[serde(default)]
    pub at: Option<Period>,
    /// After how long it happens again.
    #[serde(default)]
    pub every: Option<Period>,
    /// When what happens again and again happens first, from the start of the
    /// run; after `every` if not said.
    #[serde(default)]
    pub from: Option<Period>,
    /// Until when it happens again, from the start of the run; to the end if not said.
    #[serde(default)]
    pub until: Option<Period>,
    /// The condition at which it happens, once, such as `online < 900`; it is
    /// looked at each simulated second.
    #[serde(default)]
    pub when: Option<Condition>,
    /// What happens.
    #[serde(rename = "do")]
    pub act: Act,
    /// What is to come of a call; that it is not refused, if not said.
    #[serde(default)]
    pub expect: Option<Expectation>,
}

/// What happens.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// An alarm of the plane's world is OK again.
    ClearAlarm(String),
    /// A change calendar is closed; it is made if there is none of this name.
    CloseCalendar(String),
    /// An association is created, as under `associations`.
    CreateAssociation(Association),
    /// A document is created, as under `documents`.
    CreateDocument(Document),
    /// An association of this scenario is deleted, by its name.
    DeleteAssociation(String),
    /// A fault begins, as under `faults`, at once.
    Inject(FaultWindow),
    /// A fault ends, by its name.
    Lift(String),
    /// A line is told, in the progress and in the report.
    Narrate(String),
    /// A change calendar is open; it is made if there is none of this name.
    OpenCalendar(String),
    /// An alarm of the plane's world goes off.
    RaiseAlarm(String),
    /// The embedded plane goes down and is started anew.
    RestartPlane(RestartPlane),
    /// Nodes of a cohort come or go.
    Scale(Scale),
    /// A command is sent.
    SendCommand(Command),
    /// An association of this scenario is run now, by its name.
    StartAssociation(String),
    /// Nodes get tags, each by a call of its own. One that the plane does not know is
    /// refused with `InvalidResourceId`; an expected refusal is to come of one at least,
    /// and any other of none.
    Tag(TagNodes),
    /// Nodes lose tags, in the same way.
    Untag(UntagNodes),
    /// An association of this scenario is changed; what is not said stays.
    UpdateAssociation(AssociationChange),
    /// A document gets a new version, which is the default from then on.
    UpdateDocument(Document),
}

/// What is to come of a call.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The refusal that is expected, by its name; none if not said. An association
    /// of the scenario that was not made is asked for by an id that nobody has:
    /// `AssociationDoesNotExist`.
    #[serde(default)]
    pub error: Option<Refusal>,
    /// Members of the reply, or of the refusal, by their path, such as
    /// `AssociationDescription.Overview.Status: Pending`.
    #[serde(default)]
    pub fields: BTreeMap<String, Value>,
}

/// How the embedded plane is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartPlane {
    /// How long nobody answers; it is back at once if not said.
    #[serde(default)]
    pub downtime: Period,
    /// What it no longer knows afterwards.
    #[serde(default)]
    pub loses: Loses,
}

/// What a plane loses when it is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Loses {
    /// Nothing: its state is kept, as in a database.
    #[default]
    Nothing,
    /// All that it knew.
    State,
}

/// How many nodes of a cohort there are from now on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// The cohort.
    pub cohort: String,
    /// How many nodes of it there are then: those with the lowest indexes.
    pub to: u32,
    /// Over what time those that come arrive; at once if not said. Those that go leave
    /// at once.
    #[serde(default)]
    pub over: Period,
}

/// A command to send.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// The document's name.
    pub document: String,
    /// Values for the document's parameters.
    #[serde(default)]
    pub parameters: Option<Parameters>,
    /// The nodes; all of the targets must hold.
    pub targets: Vec<Target>,
    /// After how long it is no longer delivered; an hour if not said.
    #[serde(default)]
    pub timeout: Option<Period>,
    /// How many nodes run at once: a number or a share such as `10%`.
    #[serde(default)]
    pub max_concurrency: Option<String>,
    /// After how many failures the rest is not begun: a number or a share.
    #[serde(default)]
    pub max_errors: Option<String>,
    /// The alarm of the plane's `world` that stops it.
    #[serde(default)]
    pub alarm: Option<String>,
}

/// Nodes that get tags. Hybrid ones have no id before they register, so `on` must leave
/// them out; their cohort's `tags` come with their activation.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagNodes {
    /// Which nodes.
    pub on: Selector,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

/// Nodes that lose tags; hybrid ones cannot be named here either.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UntagNodes {
    /// Which nodes.
    pub on: Selector,
    /// The tags' keys.
    pub keys: Vec<String>,
}

/// What is changed of an association.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssociationChange {
    /// The association's name.
    pub name: String,
    /// Another document.
    #[serde(default)]
    pub document: Option<String>,
    /// Other values for the document's parameters.
    #[serde(default)]
    pub parameters: Option<Parameters>,
    /// Other nodes.
    #[serde(default)]
    pub targets: Option<Vec<Target>>,
    /// Another schedule.
    #[serde(default)]
    pub schedule: Option<String>,
    /// Another number or share of nodes that run at once.
    #[serde(default)]
    pub max_concurrency: Option<String>,
    /// Another number or share of failures.
    #[serde(default)]
    pub max_errors: Option<String>,
    /// Another alarm that stops it.
    #[serde(default)]
    pub alarm: Option<String>,
    /// Other calendars.
    #[serde(default)]
    pub calendars: Option<Vec<String>>,
    /// Another bucket that takes what runs print.
    #[serde(default)]
    pub output_bucket: Option<String>,
}

impl AssociationChange {
    /// The association that comes of it.
    pub fn applied_to(&self, before: &Association) -> Association {
        let before = before.clone();
        Association {
            document: self.document.clone().unwrap_or(before.document),
            parameters: self.parameters.clone().or(before.parameters),
            targets: self.targets.clone().unwrap_or(before.targets),
            schedule: self.schedule.clone().or(before.schedule),
            max_concurrency: self.max_concurrency.clone().or(before.max_concurrency),
            max_errors: self.max_errors.clone().or(before.max_errors),
            alarm: self.alarm.clone().or(before.alarm),
            calendars: self.calendars.clone().unwrap_or(before.calendars),
            output_bucket: self.output_bucket.clone().or(before.output_bucket),
            ..before
        }
    }
}

impl Act {
    /// Its name, as a scenario has it, and what it is about.
    pub fn phrase(&self) -> String {
        let (name, about) = match self {
            Self::ClearAlarm(alarm) => ("clear-alarm", alarm.clone()),
            Self::CloseCalendar(calendar) => ("close-calendar", calendar.clone()),
            Self::CreateAssociation(association) => ("create-association", association.name.clone()),
            Self::CreateDocument(document) => ("create-document", document.name.clone()),
            Self::DeleteAssociation(association) => ("delete-association", association.clone()),
            Self::Inject(window) => {
                let own = || window.fault.as_str().to_owned();
                ("inject", window.name.clone().unwrap_or_else(own))
            }
            Self::Lift(fault) => ("lift", fault.clone()),
            Self::Narrate(_) => ("narrate", String::new()),
            Self::OpenCalendar(calendar) => ("open-calendar", calendar.clone()),
            Self::RaiseAlarm(alarm) => ("raise-alarm", alarm.clone()),
            Self::RestartPlane(restart) => match restart.loses {
                Loses::Nothing => ("restart-plane", format!("down for {}", restart.downtime)),
                Loses::State => ("restart-plane", format!("down for {}, loses its state", restart.downtime)),
            },
            Self::Scale(scale) => ("scale", format!("{} to {}", scale.cohort, scale.to)),
            Self::SendCommand(command) => ("send-command", command.document.clone()),
            Self::StartAssociation(association) => ("start-association", association.clone()),
            Self::Tag(tag) => ("tag", pairs(&tag.tags)),
            Self::Untag(untag) => ("untag", untag.keys.join(", ")),
            Self::UpdateAssociation(change) => ("update-association", change.name.clone()),
            Self::UpdateDocument(document) => ("update-document", document.name.clone()),
        };
        if about.is_empty() { name.to_owned() } else { format!("{name} {about}") }
    }
}

fn pairs(tags: &BTreeMap<String, String>) -> String {
    tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ")
}
