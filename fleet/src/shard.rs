//! A shard: a slice of the fleet's nodes as rows, and their agenda.
//!
//! A shard takes the earliest due entry or a completed call, hands it to the
//! node, and does what the node says: it turns calls into requests for whoever
//! carries them (`coordinator` in virtual time, `live` over sockets), and notes
//! into measures. It knows no clock: every instant is handed in.
//!
//! Invariant: nodes of a shard share nothing but interned bytes, so the order
//! in which two of them are served shows nowhere.

use std::sync::Arc;

use agent::call::{Answer, Request};
use agent::catalogue::{Catalogue, Library, Timing};
use agent::channel::call::Incoming;
use agent::credentials::Signing;
use agent::identity::Identity;
use agent::lane::LaneName;
use agent::node::{Action, Dispatch, Event, Node};
use shared::time::Timestamp;

use crate::agenda::Agenda;
use crate::measure::{Measures, Spent};
use crate::simulation::CohortState;

/// A slice of the fleet.
#[derive(Debug)]
pub struct Shard {
    catalogue: Arc<Catalogue>,
    first: u32,
    nodes: Vec<Node>,
    agenda: Agenda,
    library: Library,
    actions: Vec<Action>,
    /// What its nodes did.
    pub measures: Measures,
}

/// A call that a node makes, in its wire type.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// Who calls.
    pub caller: Caller,
    /// The caller's cohort.
    pub cohort: u16,
    /// When it was meant to be made.
    pub intended: Timestamp,
    /// When it was made.
    pub made: Timestamp,
    /// How often it was tried before.
    pub attempt: u8,
    /// How it is signed.
    pub signing: Signing,
    /// What is asked.
    pub request: Request,
}

/// Whose call it is: an answer finds its way back by this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Caller {
    /// The node's number in the fleet.
    pub node: u32,
    /// The lane that calls.
    pub lane: LaneName,
    /// The call's number in the lane.
    pub number: u32,
    /// Which of the node's incarnations calls.
    pub incarnation: u16,
}

/// A call that came to its end.
#[derive(Debug)]
pub struct Completion {
    /// Whose call it was.
    pub caller: Caller,
    /// The operation's name.
    pub operation: &'static str,
    /// How often it was tried before.
    pub attempt: u8,
    /// What came of it.
    pub answer: Answer,
    /// How long it took on the wall's clock; `None` in virtual time.
    pub spent: Option<Spent>,
}

/// Something that comes to a node without being an answer to a call.
#[derive(Debug)]
pub struct Arrival {
    /// The node's number in the fleet.
    pub node: u32,
    /// What comes.
    pub news: News,
}

/// What comes to a node without being asked for.
#[derive(Debug)]
pub enum News {
    /// A message over its control channel.
    Message(Incoming),
    /// Its control channel is closed.
    ChannelClosed,
}

impl Shard {
    /// When the nodes of this cohort call.
    pub fn timing(&self, cohort: u16) -> &Timing {
        &self.catalogue.cohorts[usize::from(cohort)].timing
    }

    /// A shard of these nodes, whose numbers must follow one another.
    pub fn new(catalogue: Arc<Catalogue>, nodes: impl IntoIterator<Item = (Identity, Timestamp)>) -> Self {
        let nodes: Vec<Node> =
            nodes.into_iter().map(|(identity, arrives)| Node::new(identity, &catalogue, arrives)).collect();
        let mut agenda = Agenda::new(nodes.len());
        for (place, node) in (0..).zip(&nodes) {
            agenda.set(place, node.next_due());
        }
        let first = nodes.first().map_or(0, |node| node.identity.number);
        Self {
            catalogue,
            first,
            nodes,
            agenda,
            library: Library::default(),
            actions: Vec::new(),
            measures: Measures::default(),
        }
    }

    /// The nodes' numbers.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.nodes.len() as u32
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How the nodes of each cohort stand.
    pub fn cohort_states(&self) -> Vec<CohortState> {
        let mut states = vec![CohortState::default(); self.catalogue.cohorts.len()];
        for node in &self.nodes {
            states[usize::from(node.identity.cohort)].count(node.lifecycle);
        }
        states
    }

    /// When the first of its nodes is due.
    pub fn next_due(&self) -> Timestamp {
        self.agenda.earliest().map_or(Timestamp::NEVER, |(due, _)| due)
    }

    /// Serves the earliest due entry, if one is due at or before `until`, and
    /// says when it was due.
    pub fn serve(&mut self, until: Timestamp, emitted: &mut Vec<Emitted>) -> Option<Timestamp> {
        let (due, place) = self.agenda.earliest().filter(|(due, _)| *due <= until)?;
        self.hand(place, Event::Due, due, emitted);
        Some(due)
    }

    /// Takes a completed call in.
    pub fn deliver(&mut self, completion: Completion, now: Timestamp, emitted: &mut Vec<Emitted>) {
        let Caller { node, lane, number, incarnation } = completion.caller;
        let place = node - self.first;
        self.measures.called(&completion);
        if self.nodes[place as usize].identity.incarnation != incarnation {
            self.measures.late_answers += 1;
            return;
        }
        let outcome = self.library.outcome(completion.answer);
        self.hand(place, Event::Answered { lane, number, outcome }, now, emitted);
    }

    /// Takes in what comes to a node by itself.
    pub fn arrive(&mut self, arrival: Arrival, now: Timestamp, emitted: &mut Vec<Emitted>) {
        let event = match arrival.news {
            News::Message(incoming) => Event::Pushed(incoming),
            News::ChannelClosed => Event::ChannelClosed,
        };
        self.hand(arrival.node - self.first, event, now, emitted);
    }

    /// Tells every node to end: nothing new is taken up.
    pub fn stop(&mut self, now: Timestamp) {
        for place in 0..self.nodes.len() as u32 {
            self.hand(place, Event::Stop, now, &mut Vec::new());
        }
    }

    /// Whether no node holds a call or a run.
    pub fn is_idle(&self) -> bool {
        self.nodes.iter().all(|node| !node.is_calling() && !node.is_running())
    }

    fn hand(&mut self, place: u32, event: Event, now: Timestamp, emitted: &mut Vec<Emitted>) {
        let node = &mut self.nodes[place as usize];
        let draw = node.identity.draw(&self.catalogue);
        node.on(&self.catalogue, event, now, draw, &mut self.actions);
        self.agenda.set(place, node.next_due());
        for action in self.actions.drain(..) {
            match action {
                Action::Call(dispatch) => {
                    let request = node.request(&self.catalogue, draw, &dispatch);
                    let signing = node.signing(&self.catalogue, draw, &dispatch);
                    let Dispatch { lane, number, attempt, intended, .. } = dispatch;
                    let Identity { number: node, incarnation, cohort, .. } = node.identity;
                    let caller = Caller { node, lane, number, incarnation };
                    emitted.push(Emitted { caller, cohort, intended, made: now, attempt, signing, request });
                }
                Action::Note(note) => self.measures.note(node.identity, note, now),
            }
        }
    }
}
