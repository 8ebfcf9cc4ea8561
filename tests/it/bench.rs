//! One node before a plane of the test's own making, in virtual time.
//!
//! The test says what the plane answers to each call; the bench hands events to
//! the node in the order of their instants, as a shard would, and writes down
//! what was called and what happened.

use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::catalogue::{Behaviour, Catalogue, Cohort, Library, Platform, Timing};
use agent::credentials::{IdentitySettings, Signing};
use agent::fault::NodeFaults;
use agent::identity::Identity;
use agent::lane::LaneName;
use agent::node::{Action, Event, Node, Note};
use shared::error::{ApiError, ErrorCode};
use shared::seed::Seed;
use shared::time::{Period, Timestamp};
use shared::wire::{GetDocumentReply, InstanceAssociationSummary, ListInstanceAssociationsReply};

/// How long each answer takes, if nothing else is said.
pub(crate) const TAKES: Period = Period::milliseconds(10);

/// When a bench's node arrives, if nothing else is said.
pub(crate) const START: Timestamp = Timestamp::from_seconds(1_735_689_600);

/// A node, what it shares with nobody, and what it did.
pub(crate) struct Bench {
    pub(crate) catalogue: Catalogue,
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
    /// Every call, in order.
    pub(crate) calls: Vec<Made>,
    /// What happened, in order.
    pub(crate) notes: Vec<(Timestamp, Note)>,
    library: Library,
    answers: BTreeMap<(Timestamp, usize), (LaneName, u32, Answer)>,
}

/// A call that the node made.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) at: Timestamp,
    pub(crate) lane: LaneName,
    pub(crate) signing: Signing,
    pub(crate) attempt: u8,
    pub(crate) request: Request,
}

impl Made {
    pub(crate) fn operation(&self) -> &'static str {
        self.request.operation()
    }
}

impl Bench {
    /// A sound Linux node that arrives at [`START`].
    pub(crate) fn new() -> Self {
        Self::of(7, Vec::new(), START)
    }

    /// The sound Linux node of this number, on which documents go like this.
    pub(crate) fn of(index: u32, behaviours: Vec<Behaviour>, arrives: Timestamp) -> Self {
        Self::with(index, behaviours, arrives, IdentitySettings::default(), NodeFaults::default())
    }

    /// The same with this identity and these faults.
    pub(crate) fn with(
        index: u32,
        behaviours: Vec<Behaviour>,
        arrives: Timestamp,
        identity: IdentitySettings,
        faults: NodeFaults,
    ) -> Self {
        let cohort = Cohort {
            channels: agent::channel::Channels::None,
            name: "bench".into(),
            platform: Platform::named("ubuntu-22.04").expect("it is a platform"),
            tags: Vec::new(),
            identity,
            agent_versions: agent::mix::Mix::of_one("3.3.0.0".into()),
            timing: Timing { facts_change_every: Period::ZERO, ..Timing::default() },
            behaviours,
            faults,
        };
        let catalogue = Catalogue { seed: Seed(11), cohorts: vec![cohort] };
        let identity = Identity { number: index, index, cohort: 0, incarnation: 0 };
        let node = Node::new(identity, &catalogue, arrives);
        Self {
            catalogue,
            node,
            now: arrives,
            calls: Vec::new(),
            notes: Vec::new(),
            library: Library::default(),
            answers: BTreeMap::new(),
        }
    }

    /// Lets time pass, while `plane` answers every call.
    pub(crate) fn run_for(&mut self, period: Period, plane: &mut dyn FnMut(&Made) -> Answer) {
        self.run_until(self.now + period, &mut |made| (TAKES, plane(made)));
    }

    /// Hands the node one event now.
    pub(crate) fn hand(&mut self, event: Event, plane: &mut dyn FnMut(&Made) -> Answer) {
        self.hand_to(event, &mut |made| (TAKES, plane(made)));
    }

    /// When something next happens of itself.
    pub(crate) fn next_at(&self) -> Timestamp {
        self.node.next_due().min(self.answered_at())
    }

    fn answered_at(&self) -> Timestamp {
        self.answers.first_key_value().map_or(Timestamp::NEVER, |((at, _), _)| *at)
    }

    /// Lets time pass up to an instant, while `plane` answers every call and says how long that takes.
    pub(crate) fn run_until(&mut self, until: Timestamp, plane: &mut dyn FnMut(&Made) -> (Period, Answer)) {
        while self.next_at() <= until {
            self.now = self.next_at();
            let event = if self.answered_at() <= self.node.next_due() {
                let (_, (lane, number, answer)) = self.answers.pop_first().expect("an answer is there");
                Event::Answered { lane, number, outcome: self.library.outcome(answer) }
            } else {
                Event::Due
            };
            self.hand_to(event, plane);
        }
        self.now = until;
    }

    /// Hands the node one event now; `plane` says how long its answers take.
    pub(crate) fn hand_to(&mut self, event: Event, plane: &mut dyn FnMut(&Made) -> (Period, Answer)) {
        let draw = self.node.identity.draw(&self.catalogue);
        let mut actions = Vec::new();
        self.node.on(&self.catalogue, event, self.now, draw, &mut actions);
        for action in actions {
            match action {
                Action::Note(note) => self.notes.push((self.now, note)),
                Action::Aside(dispatch, wait) => {
                    let request = self.node.request(&self.catalogue, draw, &dispatch);
                    let signing = self.node.signing(&self.catalogue, draw, &dispatch);
                    let (lane, attempt) = (dispatch.lane, dispatch.attempt);
                    self.calls.push(Made { at: self.now + wait, lane, signing, attempt, request });
                }
                Action::Call(dispatch) => {
                    let request = self.node.request(&self.catalogue, draw, &dispatch);
                    let (lane, number, attempt) = (dispatch.lane, dispatch.number, dispatch.attempt);
                    let signing = self.node.signing(&self.catalogue, draw, &dispatch);
                    let made = Made { at: self.now, lane, signing, attempt, request };
                    let (takes, answer) = plane(&made);
                    self.calls.push(made);
                    self.answers.insert((self.now + takes, self.calls.len()), (lane, number, answer));
                }
            }
        }
    }

    /// The calls of one operation.
    pub(crate) fn calls_of(&self, operation: &str) -> Vec<&Made> {
        self.calls.iter().filter(|call| call.operation() == operation).collect()
    }

    /// The operations that were called, in order.
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        self.calls.iter().map(Made::operation).collect()
    }

    /// When the calls of one operation were made, counted from `from`.
    pub(crate) fn instants(&self, operation: &str, from: Timestamp) -> Vec<Period> {
        self.calls_of(operation).iter().map(|call| call.at.since(from)).collect()
    }

    /// When the node was accepted: its schedules count from then.
    pub(crate) fn online_since(&self) -> Timestamp {
        let online = self.notes.iter().find(|(_, note)| *note == Note::Online);
        online.expect("the node was accepted").0
    }
}

/// A plane with these associations and documents, which takes whatever it is told.
#[derive(Default)]
pub(crate) struct Shelf {
    pub(crate) associations: Vec<InstanceAssociationSummary>,
    pub(crate) documents: BTreeMap<String, String>,
}

impl Shelf {
    /// What it answers to this call.
    pub(crate) fn answer(&self, made: &Made) -> Answer {
        match &made.request {
            Request::ListAssociations(call) => {
                let from: usize =
                    call.next_token.as_deref().map_or(0, |token| token.parse().expect("our token"));
                let size = call.max_results.map_or(50, |size| size as usize);
                let rest = &self.associations[from..];
                let next = (rest.len() > size).then(|| (from + size).to_string());
                let associations = rest.iter().take(size).cloned().collect();
                Answer::Associations(ListInstanceAssociationsReply { associations, next_token: next })
            }
            Request::GetDocument(call) => match self.documents.get(&call.name) {
                Some(content) => document(&call.name, content),
                None => refused(ErrorCode::InvalidDocument),
            },
            _ => Answer::Done,
        }
    }
}

/// A document as the plane gives it.
pub(crate) fn document(name: &str, content: &str) -> Answer {
    Answer::Document(GetDocumentReply {
        name: name.into(),
        created_date: None,
        display_name: None,
        version_name: None,
        document_version: None,
        status: None,
        content: content.into(),
        document_type: None,
        document_format: None,
        requires: None,
        attachments_content: None,
    })
}

/// A refusal of this name, under the HTTP status that is its own.
pub(crate) fn refused(code: ErrorCode) -> Answer {
    let status = code.http_status();
    Answer::Refused(ApiError::from(code), status)
}

/// An association of this number with this document, never run.
pub(crate) fn association(number: u128, name: &str) -> InstanceAssociationSummary {
    InstanceAssociationSummary {
        association_id: shared::id::AssociationId::from_bits(number),
        association_version: None,
        name: name.into(),
        document_version: "1".into(),
        instance_id: shared::id::NodeId::ec2(0),
        checksum: "first".into(),
        parameters: None,
        schedule_expression: None,
        output_location: None,
        targets: None,
        status: None,
        detailed_status: Some("Associated".into()),
        last_execution_date: None,
    }
}

/// A document of one step that every Linux node can run.
pub(crate) const ONE_STEP: &str = r#"{"schemaVersion":"2.2","mainSteps":[
    {"action":"aws:runShellScript","name":"only","inputs":{"runCommand":["true"]}}]}"#;
