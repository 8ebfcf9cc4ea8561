//! How an entry of the history is spelled: one JSON object a line.
//!
//! The file's first line says what run it is ([`Header`]), the last one that
//! nothing is missing ([`Kind::End`]). What does not apply to a line is left out.

use std::borrow::Cow;
use std::fmt;

use agent::node::{Ended, Fatality, Note, Purpose};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use shared::id::{AssociationId, ExecutionId};
use shared::time::Timestamp;

use super::mode::{Choice, HistoryMode};
use super::names::{Names, fault_word};
use super::record::{Act, By, Call, Event, Heard, Record, Told};
use super::windows::Edge;
use crate::plan::Plan;
use crate::simulation::Pace;

/// The version of the form of `history.jsonl.zst`.
pub const VERSION: u32 = 1;

/// The reason of an end that is unknown although something came back.
pub const UNREADABLE: &str = "the answer cannot be read";

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What run this is: the first line.
    Run,
    /// A call sets out.
    Invoke,
    /// The plane did what a call asked.
    Ok,
    /// The plane refused it.
    Fail,
    /// It was sent, and no answer came that could be read.
    Unknown,
    /// A node decided something.
    Note,
    /// Something was done to the world.
    Act,
    /// Nothing follows: the last line.
    End,
}

/// The first line: what run this is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`Kind::Run`].
    pub kind: Kind,
    /// [`VERSION`].
    pub version: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// The number that the run follows from.
    pub seed: u64,
    /// The simulated instant at which it begins.
    pub started: Instant,
    /// How many simulated seconds pass in one; none in virtual time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_scale: Option<f64>,
    /// What is written, and why.
    pub history: Choice,
    /// The cohorts, in the order of their nodes' numbers.
    pub cohorts: Vec<Cohort>,
}

/// A cohort of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cohort {
    /// Its name.
    pub name: String,
    /// How many nodes it has.
    pub nodes: u32,
    /// The short name of its platform.
    pub platform: String,
}

impl Header {
    /// The first line of the history of this plan.
    pub fn of(plan: &Plan, pace: Pace) -> Self {
        let cohorts = plan.catalogue.cohorts.iter().zip(&plan.sizes).map(|(cohort, &nodes)| Cohort {
            name: cohort.name.clone(),
            nodes,
            platform: cohort.platform.name.to_owned(),
        });
        Self {
            kind: Kind::Run,
            version: VERSION,
            program: concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).to_owned(),
            scenario: plan.name.clone(),
            seed: plan.catalogue.seed.0,
            started: Instant(plan.start),
            time_scale: match pace {
                Pace::Scaled(scale) => Some(scale),
                Pace::Virtual => None,
            },
            history: plan.history,
            cohorts: cohorts.collect(),
        }
    }
}

/// Any other line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line<'a> {
    /// The simulated instant.
    pub at: Instant,
    /// What the line tells.
    pub kind: Kind,
    /// The node's id; none of a hybrid node that has not registered.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Cow<'a, str>>,
    /// The node's number in the fleet; none where the operator acts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// Which of the node's lives, where it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u16>,
    /// `operator`, where it is not a node's doing.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Cow<'a, str>>,
    /// The part of the agent that calls, or that a note is about.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Cow<'a, str>>,
    /// The call's number in the lane: invoke and end have the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<u32>,
    /// The so-many-eth attempt, from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// The operation's name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Cow<'a, str>>,
    /// When the call set out, where no line of its own says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoked: Option<Instant>,
    /// When the node learnt of the end, or gave up, where that was not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learnt: Option<Instant>,
    /// The association.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association: Option<AssociationId>,
    /// The execution, where the call names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionId>,
    /// How a run stands.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Cow<'a, str>>,
    /// The document or package.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Cow<'a, str>>,
    /// The command, or the message that carries it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Cow<'a, str>>,
    /// The node that the operator's call is about.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Cow<'a, str>>,
    /// A name: of the association, of a fault, of an entry of the timeline.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Cow<'a, str>>,
    /// The refusal's name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Cow<'a, str>>,
    /// Why, in words.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The associations that the plane told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub associations: Option<Vec<AssociationId>>,
    /// How many messages came, or turns fell out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What a node decided.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Cow<'a, str>>,
    /// When the run began that ended, on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Instant>,
    /// Whether the plane took the last report of a run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<bool>,
    /// What was done to the world.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Cow<'a, str>>,
    /// The faults that were in force for the node.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Cow<'a, str>>,
    /// How many entries came before, beginnings and ends of faults aside; in the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
}

impl<'a> Line<'a> {
    fn bare(at: Timestamp, kind: Kind) -> Self {
        Self {
            at: Instant(at),
            kind,
            node: None,
            number: None,
            incarnation: None,
            by: None,
            lane: None,
            call: None,
            attempt: None,
            operation: None,
            invoked: None,
            learnt: None,
            association: None,
            execution: None,
            status: None,
            document: None,
            command: None,
            target: None,
            name: None,
            error: None,
            reason: None,
            associations: None,
            count: None,
            note: None,
            started: None,
            reported: None,
            act: None,
            faults: Vec::new(),
            entries: None,
        }
    }

    /// The last line of a history of so many entries.
    pub fn end(at: Timestamp, how: &'static str, entries: u64) -> Self {
        Self { status: Some(how.into()), entries: Some(entries), ..Self::bare(at, Kind::End) }
    }

    /// The line for a fault that begins or ends.
    fn edge(edge: &'a Edge) -> Self {
        let Edge { at, begins, window } = edge;
        Self {
            act: Some(if *begins { "fault-begins" } else { "fault-ends" }.into()),
            name: Some(Cow::Borrowed(&window.name)),
            reason: Some(window.fault.as_str().into()),
            ..Self::bare(*at, Kind::Act)
        }
    }

    /// Writes down what faults began or ended up to this instant and were not told yet.
    pub fn put_edges(until: Timestamp, names: &mut Names, to: &mut Vec<u8>) {
        for edge in names.windows.edges(until) {
            Line::edge(&edge).put(to);
        }
    }

    /// Writes an entry down, with a line feed, and before it what faults began or
    /// ended since the last one.
    pub fn write(record: &'a Record, names: &mut Names, mode: HistoryMode, to: &mut Vec<u8>) {
        if let By::Node { number, incarnation } = record.by
            && let Event::End { heard: Heard::Ok(Told { registered: Some(id), .. }), .. } = &record.event
        {
            names.register(number, incarnation, *id);
        }
        Line::put_edges(record.at, names, to);
        let mut line = Line::bare(record.at, Kind::Act);
        let name;
        match record.by {
            By::Node { number, incarnation } => {
                name = names.of(number, incarnation);
                line.node = name.id.as_ref().map(|id| id.as_str().into());
                line.number = Some(number);
                line.incarnation = Some(incarnation).filter(|&incarnation| incarnation > 0);
                line.faults.extend(name.fault.map(|fault| Cow::Borrowed(fault_word(fault))));
                // A call that met a fault on its way may end when that is over.
                let since = match &record.event {
                    Event::End { invoked, .. } => *invoked,
                    _ => record.at,
                };
                let identity = || names.identity(number, incarnation);
                let windows = names.windows.striking(identity, since, record.at);
                line.faults.extend(windows.into_iter().map(|name| Cow::Owned(name.to_owned())));
            }
            By::Operator => line.by = Some("operator".into()),
        }
        line.tell(&record.event, mode);
        line.put(to);
    }

    /// Writes the line down, with a line feed.
    pub fn put(&self, to: &mut Vec<u8>) {
        serde_json::to_writer(&mut *to, self).expect("a line has string keys and finite numbers");
        to.push(b'\n');
    }
}

impl<'a, 'b: 'a> Line<'a> {
    fn tell(&mut self, event: &'b Event, mode: HistoryMode) {
        match event {
            Event::Invoke(call) => {
                self.kind = Kind::Invoke;
                self.call(call);
            }
            Event::End { call, invoked, learnt, heard } => {
                self.call(call);
                self.learnt = learnt.map(Instant);
                self.invoked = (mode != HistoryMode::All).then_some(Instant(*invoked));
                self.heard(heard);
            }
            Event::Note(note) => {
                self.kind = Kind::Note;
                self.note(note);
            }
            Event::Act(act) => {
                let Act { act, name, text } = &**act;
                self.act = Some((*act).into());
                self.name = name.as_deref().map(Cow::Borrowed);
                self.reason = Some(text.as_str().into());
            }
        }
    }

    fn call(&mut self, call: &'b Call) {
        let Call { lane, number, attempt, operation, subject } = call;
        self.lane = lane.map(|lane| lane.as_str().into());
        self.call = Some(*number);
        self.attempt = Some(u32::from(*attempt) + 1);
        self.operation = Some((*operation).into());
        self.association = subject.association;
        self.status = subject.status.map(|status| status.as_str().into());
        self.document = subject.document.as_deref().map(Cow::Borrowed);
        self.command = subject.command.as_deref().map(Cow::Borrowed);
        if let Some(operator) = &subject.of_operator {
            self.name = operator.name.as_deref().map(Cow::Borrowed);
            self.execution = operator.execution;
            self.target = operator.target.as_deref().map(Cow::Borrowed);
        }
    }

    fn heard(&mut self, heard: &'b Heard) {
        match heard {
            Heard::Ok(told) => {
                self.kind = Kind::Ok;
                self.associations = told.associations.as_ref().map(|ids| ids.to_vec());
                self.count = Some(told.messages).filter(|&count| count > 0);
                if let Some(made) = &told.made {
                    self.association = made.association.or(self.association);
                    self.command = made.command.as_deref().map(Cow::Borrowed).or(self.command.take());
                }
            }
            Heard::Refused(code, reason) => {
                self.kind = Kind::Fail;
                self.error = Some(code.as_str().into());
                self.reason = Some(Cow::Borrowed(&**reason)).filter(|reason| !reason.is_empty());
            }
            Heard::Unknown(reason) => {
                self.kind = Kind::Unknown;
                self.reason = reason.as_deref().map(Cow::Borrowed);
            }
            Heard::Unreadable(look) => {
                self.kind = Kind::Unknown;
                self.reason = Some(format!("{UNREADABLE}: {look}").into());
            }
        }
    }

    /// The association that a document is worked off for; a command is told by its message.
    fn purpose(&mut self, purpose: &'b Purpose) -> Option<AssociationId> {
        match purpose {
            Purpose::Association(id) => Some(*id),
            Purpose::Command(message) => {
                self.reason = Some(Cow::Borrowed(message));
                None
            }
        }
    }

    fn note(&mut self, note: &'b Note) {
        let (word, association) = match note {
            Note::Registered => ("registered", None),
            Note::Online => ("online", None),
            Note::Hibernating => ("hibernating", None),
            Note::IdNotAccepted => ("id-not-accepted", None),
            Note::Started(id) => ("started", Some(*id)),
            Note::Rebooting(purpose) => ("rebooting", self.purpose(purpose)),
            Note::GivenUp(purpose) => ("given-up", self.purpose(purpose)),
            Note::InventoryGathered(id) => ("inventory-gathered", Some(*id)),
            Note::Ended(ended) => ("ended", Some(self.ended(ended))),
            Note::MetForeignDocument => ("met-foreign-document", None),
            Note::StartedLate(lane) => {
                self.lane = Some(lane.as_str().into());
                ("started-late", None)
            }
            Note::Skipped(lane, turns) => {
                self.lane = Some(lane.as_str().into());
                self.count = Some(*turns);
                ("skipped", None)
            }
            Note::LateAnswer => ("late-answer", None),
            Note::WorkerDied(fatality) => {
                self.reason = Some(match fatality {
                    Fatality::Reply(_) | Fatality::Schedule => fatality.to_string().into(),
                });
                ("worker-died", None)
            }
            Note::ReportLost => ("report-lost", None),
            Note::Struck(fault, detail) => {
                self.name = Some((*fault).into());
                self.reason = detail.map(Into::into);
                ("struck", None)
            }
            Note::Lifted(fault) => {
                self.name = Some((*fault).into());
                ("lifted", None)
            }
            Note::PlatformNotAccepted => ("platform-not-accepted", None),
            Note::Replaced => ("replaced", None),
        };
        self.note = Some(word.into());
        self.association = association;
    }

    fn ended(&mut self, ended: &'b Ended) -> AssociationId {
        self.status = Some(ended.status.as_str().into());
        self.started = Some(Instant(ended.started));
        self.reported = Some(ended.is_reported);
        if ended.is_foreign {
            self.reason = Some("the platform can run no step".into());
        }
        ended.association
    }
}

/// An instant as ISO 8601 has it, in UTC, always with milliseconds, so that the
/// order of texts is that of instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub Timestamp);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).expect("digits are ASCII"))
    }
}

impl Instant {
    /// Millions of these are written: no calendar of all zones is asked.
    fn text(self) -> [u8; 24] {
        let milliseconds = self.0.milliseconds().clamp(0, 253_402_300_799_999);
        let (days, of_day) = (milliseconds / 86_400_000, milliseconds % 86_400_000);
        let (year, month, day) = date(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut put = |place: usize, length: usize, mut number: i64| {
            for digit in text[place..place + length].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        put(0, 4, year);
        put(5, 2, month);
        put(8, 2, day);
        put(11, 2, of_day / 3_600_000);
        put(14, 2, of_day / 60_000 % 60);
        put(17, 2, of_day / 1000 % 60);
        put(20, 3, of_day % 1000);
        text
    }
}

/// Year, month and day of a day since 1970, in the Gregorian calendar, by years
/// that begin in March: <https://howardhinnant.github.io/date_algorithms.html>.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + next, month, day)
}

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(std::str::from_utf8(&self.text()).expect("digits are ASCII"))
    }
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
        Ok(Self(Timestamp::from_milliseconds(instant.as_millisecond())))
    }
}

#[cfg(test)]
mod tests;
