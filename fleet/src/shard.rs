//! A shard: a slice of the fleet's nodes as rows, and their agenda.
//!
//! A shard takes the earliest due entry or a completed call, hands it to the
//! node, and does what the node says: it turns calls into requests for whoever
//! carries them (`coordinator` in virtual time, `live` over sockets), and notes
//! into measures. It knows no clock: every instant is handed in.
//!
//! Invariant: nodes of a shard share nothing but interned bytes, so the order
//! in which two of them are served shows nowhere.

mod replace;
mod scale;

use std::collections::BTreeSet;
use std::sync::Arc;

use agent::call::{Answer, Request};
use agent::catalogue::{Catalogue, Library, Timing};
use agent::channel::call::Incoming;
use agent::credentials::Signing;
use agent::fault::passage::Passage;
use agent::fault::strike::Strike;
use agent::identity::Identity;
use agent::lane::LaneName;
use agent::lifecycle::Lifecycle;
use agent::node::{Action, Dispatch, Event, Node, Note};
use shared::operation::Operation;
use shared::seed::Draw;
use shared::time::Timestamp;
use shared::wire::UpdateInstanceInformation;

use crate::agenda::Agenda;
use crate::churn::{Churn, Replaced};
use crate::fault::Board;
use crate::fault::edges::{Edge, Edges};
use crate::fault::passage::{Called, Counts, of_push, passage};
use crate::history::Ending;
use crate::history::record::{By, Call, Event as Happening, Record, Subject};
use crate::measure::recent::Pulse;
use crate::measure::{Measures, Spent};
use crate::simulation::CohortState;

/// A slice of the fleet.
#[derive(Debug)]
pub struct Shard {
    catalogue: Arc<Catalogue>,
    board: Arc<Board>,
    counts: Counts,
    /// When strikes of the board begin and end.
    edges: Edges,
    /// The replacements that are to come.
    churn: Option<Box<Churn>>,
    /// The nodes that ended for good, for whoever else is told of them.
    replaced: Vec<Replaced>,
    first: u32,
    nodes: Vec<Node>,
    /// Whether each is part of the fleet: others come when their cohort is scaled up.
    is_here: Vec<bool>,
    /// Who leaves, and when.
    leaving: BTreeSet<(Timestamp, u32)>,
    agenda: Agenda,
    library: Library,
    actions: Vec<Action>,
    /// How the nodes of each cohort stand, kept as they change.
    states: Vec<CohortState>,
    /// What its nodes set out to do and decided, where somebody writes it down.
    told: Option<Vec<Record>>,
    /// What its nodes did.
    pub measures: Measures,
}

/// What a shard does next; of what is due at one instant, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// Strikes begin and end.
    PassEdge,
    /// Nodes leave the fleet.
    LetLeave,
    /// A node is replaced.
    Replace,
    /// The node of this place does what is due.
    Wake(u32),
}

/// A call that a node makes, in its wire type.
#[derive(Debug, Clone)]
pub struct Emitted {
    /// Who calls.
    pub caller: Caller,
    /// The caller's cohort.
    pub cohort: u16,
    /// Which of the catalogue's kinds of agents calls.
    pub agent: usize,
    /// The caller's number in its cohort.
    pub index: u32,
    /// The caller's draws.
    pub draw: Draw,
    /// When it was meant to be made.
    pub intended: Timestamp,
    /// When it was made, or is to be: what strikes a node may have it wait.
    pub made: Timestamp,
    /// How often it was tried before.
    pub attempt: u8,
    /// The agent's version, where it is not its cohort's.
    pub agent_version: Option<Box<str>>,
    /// How it is signed.
    pub signing: Signing,
    /// What is asked.
    pub request: Request,
    /// What it meets on its way, where something is wrong with that.
    pub passage: Option<Box<Passage>>,
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

impl Caller {
    /// Marks the numbers of calls whose answers nobody waits for: the second of
    /// two, one that goes out late, one of somebody beside the agent.
    const ASIDE: u32 = 1 << 31;

    /// Whether nobody waits for the answer.
    pub const fn is_aside(&self) -> bool {
        self.number & Self::ASIDE != 0
    }
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

impl Emitted {
    /// Who calls.
    pub fn identity(&self) -> Identity {
        let Caller { node, incarnation, .. } = self.caller;
        Identity { number: node, index: self.index, cohort: self.cohort, incarnation }
    }
}

impl Shard {
    /// When the nodes of this cohort call.
    pub fn timing(&self, cohort: u16) -> &Timing {
        &self.catalogue.cohorts[usize::from(cohort)].timing
    }

    /// A shard of these nodes, whose numbers must follow one another.
    pub fn new(
        catalogue: Arc<Catalogue>,
        board: Arc<Board>,
        nodes: impl IntoIterator<Item = (Identity, Timestamp)>,
    ) -> Self {
        let (nodes, is_here): (Vec<Node>, Vec<bool>) = nodes
            .into_iter()
            .map(|(identity, arrives)| {
                (Node::new(identity, &catalogue, arrives), arrives != Timestamp::NEVER)
            })
            .unzip();
        let mut agenda = Agenda::new(nodes.len());
        for (place, node) in (0..).zip(&nodes) {
            agenda.set(place, node.next_due());
        }
        let first = nodes.first().map_or(0, |node| node.identity.number);
        let states = count(&catalogue, &nodes, &is_here);
        Self {
            catalogue,
            edges: Edges::new(&board),
            board,
            counts: Counts::default(),
            churn: None,
            replaced: Vec::new(),
            first,
            nodes,
            is_here,
            leaving: BTreeSet::new(),
            agenda,
            library: Library::default(),
            actions: Vec::new(),
            states,
            told: None,
            measures: Measures::default(),
        }
    }

    /// The same shard, some of whose nodes are replaced as time goes by.
    pub fn with_churn(self, churn: Option<Box<Churn>>) -> Self {
        Self { churn, ..self }
    }

    /// The nodes that ended for good since this was last asked.
    pub fn take_replaced(&mut self) -> Vec<Replaced> {
        std::mem::take(&mut self.replaced)
    }

    /// The nodes' numbers.
    pub fn numbers(&self) -> std::ops::Range<u32> {
        self.first..self.first + self.nodes.len() as u32
    }

    /// From here on what its nodes do is told, see [`Self::take_told`].
    pub fn tell(&mut self) {
        self.told.get_or_insert_default();
    }

    /// What its nodes set out to do and decided since this was last asked, each
    /// node's in order.
    pub fn take_told(&mut self) -> impl Iterator<Item = Record> {
        self.told.iter_mut().flat_map(|told| told.drain(..))
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// How the nodes of each cohort stand.
    pub fn cohort_states(&self) -> Vec<CohortState> {
        debug_assert_eq!(
            self.states,
            count(&self.catalogue, &self.nodes, &self.is_here),
            "kept as they change"
        );
        self.states.clone()
    }

    /// What it tells whoever follows it; of calls, those before the second of `until`.
    pub fn pulse(&mut self, until: Timestamp) -> Pulse {
        self.measures.pulse(self.states.clone(), until)
    }

    /// When the first of its nodes is due.
    pub fn next_due(&self) -> Timestamp {
        self.next_step().0
    }

    /// What comes next, and when.
    fn next_step(&self) -> (Timestamp, Step) {
        let wakes = self.agenda.earliest();
        let wakes = wakes.map_or((Timestamp::NEVER, Step::Wake(0)), |(due, place)| (due, Step::Wake(place)));
        let edge = (self.edges.next(), Step::PassEdge);
        let leaves = (self.next_to_leave(), Step::LetLeave);
        let replacement = (self.next_replacement(), Step::Replace);
        edge.min(leaves).min(replacement).min(wakes)
    }

    /// Serves the earliest due entry, if one is due at or before `until`, and
    /// says when it was due.
    pub fn serve(&mut self, until: Timestamp, emitted: &mut Vec<Emitted>) -> Option<Timestamp> {
        self.serve_from(Timestamp::from_milliseconds(i64::MIN), until, emitted)
    }

    /// The same where it is `now` already: what was due before, as in a lane that was
    /// busy then, happens now.
    pub fn serve_from(
        &mut self,
        now: Timestamp,
        until: Timestamp,
        emitted: &mut Vec<Emitted>,
    ) -> Option<Timestamp> {
        let (due, step) = self.next_step();
        if due > until || due == Timestamp::NEVER {
            return None;
        }
        match step {
            Step::PassEdge => self.pass_edge(due, emitted),
            Step::LetLeave => self.let_leave(due, due.max(now)),
            Step::Replace => self.replace(due.max(now)),
            Step::Wake(place) => self.hand(place, Event::Due, due.max(now), emitted),
        }
        Some(due)
    }

    /// Hands what begins and ends at this instant to those nodes that it strikes and
    /// that are there.
    fn pass_edge(&mut self, now: Timestamp, emitted: &mut Vec<Emitted>) {
        for edge in self.edges.pass(&self.board, now) {
            let (window, strike) = match &edge {
                Edge::Begins(window, strike) => (window, Some(strike)),
                Edge::Ends(window) => (window, None),
            };
            for place in 0..self.nodes.len() as u32 {
                // Who has left is let go as well.
                let is_meant = strike.is_none() || self.is_here[place as usize];
                if is_meant && window.strikes(self.nodes[place as usize].identity) {
                    if strike.is_some() {
                        self.measures.struck_by(window.number);
                    }
                    let event = event(window.number, strike);
                    self.hand(place, event, now, emitted);
                }
            }
        }
    }

    /// Takes a completed call in.
    pub fn deliver(&mut self, completion: Completion, now: Timestamp, emitted: &mut Vec<Emitted>) {
        let caller = completion.caller;
        let Caller { node, lane, number, incarnation } = caller;
        let place = node - self.first;
        self.measures.called(&completion);
        if caller.is_aside() {
            return;
        }
        if self.nodes[place as usize].identity.incarnation != incarnation {
            self.measures.late_answers += 1;
            return;
        }
        if self.is_heartbeat(place, lane, completion.operation) {
            match Ending::from(&completion.answer) {
                Ending::Ok => self.measures.heartbeats.taken += 1,
                _ => self.measures.heartbeats.failed += 1,
            }
        }
        let outcome = self.library.outcome(completion.answer);
        self.hand(place, Event::Answered { lane, number, outcome }, now, emitted);
    }

    /// Takes over a new board of faults, which differs from the last one in what is to come only.
    pub fn post(&mut self, board: Arc<Board>) {
        self.edges.look_again(&board);
        self.board = board;
    }

    /// Who the node of this number is, which must be one of its own.
    pub fn identity(&self, number: u32) -> Identity {
        self.nodes[(number - self.first) as usize].identity
    }

    /// What a message meets that comes to this node by itself.
    pub fn passage_of_push(&self, number: u32, message: u64, now: Timestamp) -> Option<Box<Passage>> {
        let node = self.identity(number);
        of_push(&self.board, node, node.draw(&self.catalogue), message, now)
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
        self.churn = None;
        for place in 0..self.nodes.len() as u32 {
            if self.is_here[place as usize] {
                self.hand(place, Event::Stop, now, &mut Vec::new());
            }
        }
        self.leaving.clear();
    }

    /// Whether no node holds a call or a run.
    pub fn is_idle(&self) -> bool {
        self.nodes.iter().all(|node| !node.is_calling() && !node.is_running())
    }

    /// Whether a call of this node, which must be at work, is its heartbeat.
    fn is_heartbeat(&self, place: u32, lane: LaneName, operation: &str) -> bool {
        let is_online = matches!(self.nodes[place as usize].lifecycle, Lifecycle::Online { .. });
        is_online && lane == LaneName::Health && operation == UpdateInstanceInformation::NAME
    }

    fn hand(&mut self, place: u32, event: Event, now: Timestamp, emitted: &mut Vec<Emitted>) {
        let node = &mut self.nodes[place as usize];
        let draw = node.identity.draw(&self.catalogue);
        let before = node.lifecycle;
        node.on(&self.catalogue, event, now, draw, &mut self.actions);
        if before != node.lifecycle {
            let state = &mut self.states[usize::from(node.identity.cohort)];
            state.discount(before);
            state.count(node.lifecycle);
            let is_online = |lifecycle| matches!(lifecycle, Lifecycle::Online { .. });
            let went = is_online(before) && !is_online(node.lifecycle);
            self.measures.went_offline += u64::from(went);
        }
        // What was due while a node stood still is due now.
        self.agenda.set(place, node.next_due().max(now));
        let (identity, is_cut_off) = (node.identity, node.is_cut_off(now));
        let mut lost = Vec::new();
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Call(dispatch) if is_cut_off => lost.push(dispatch),
                Action::Call(dispatch) => emitted.push(self.emit(place, &dispatch, now, now)),
                Action::Aside(..) if is_cut_off => {}
                Action::Aside(dispatch, wait) => {
                    let number = dispatch.number | Caller::ASIDE;
                    let aside = Dispatch { number, ..dispatch };
                    emitted.push(self.emit(place, &aside, now, now + wait));
                }
                Action::Note(note) => self.note(identity, note, now),
            }
        }
        self.actions = actions;
        for dispatch in lost {
            let caller = caller(identity, &dispatch);
            let (operation, attempt) = (dispatch.call.operation(), dispatch.attempt);
            let completion =
                Completion { caller, operation, attempt, answer: Answer::Unreachable, spent: None };
            self.deliver(completion, now, emitted);
        }
    }

    fn note(&mut self, identity: Identity, note: Note, now: Timestamp) {
        tell(&mut self.told, identity, now, || Happening::Note(note.clone()));
        self.measures.note(identity, note, now);
    }

    /// The call of a node as it goes out, by its own clock.
    fn emit(&mut self, place: u32, dispatch: &Dispatch, now: Timestamp, made: Timestamp) -> Emitted {
        let node = &self.nodes[place as usize];
        let draw = node.identity.draw(&self.catalogue);
        let clock = node.clock(now);
        let request = node.request(&self.catalogue, draw, dispatch);
        let request = if clock.is_none() { request } else { request.dated(|instant| clock.of(instant)) };
        let signing = Signing { clock, ..node.signing(&self.catalogue, draw, dispatch) };
        self.measures.emitted(request.operation(), now);
        tell(&mut self.told, node.identity, now, || {
            let (operation, subject) = (request.operation(), Subject::of(&request));
            let Dispatch { lane, number, attempt, .. } = *dispatch;
            Happening::Invoke(Call { lane: Some(lane), number, attempt, operation, subject })
        });
        if dispatch.attempt > 0 && self.is_heartbeat(place, dispatch.lane, request.operation()) {
            self.measures.heartbeats.retried += 1;
        }
        let passage = if self.board.is_empty() {
            None
        } else {
            let (lane, number, operation) = (dispatch.lane, dispatch.number, request.operation());
            let call = Called { node: node.identity, draw, lane, number, operation };
            passage(&self.board, call, made, &mut self.counts)
        };
        if let Some(passage) = &passage {
            let windows = passage.faults.iter().map(|(window, _)| *window);
            self.measures.meets(request.operation(), windows);
        }
        Emitted {
            caller: caller(node.identity, dispatch),
            cohort: node.identity.cohort,
            index: node.identity.index,
            draw,
            agent: self.catalogue.agent(node.identity.cohort, draw),
            intended: if made == now { dispatch.intended } else { made },
            made,
            attempt: dispatch.attempt,
            agent_version: node.other_version().map(Into::into),
            signing,
            request,
            passage,
        }
    }
}

/// What a node is told of a window.
fn event(window: u32, strike: Option<&Arc<Strike>>) -> Event {
    match strike {
        Some(strike) => Event::Struck { window, strike: strike.clone() },
        None => Event::Lifted { window },
    }
}

fn caller(identity: Identity, dispatch: &Dispatch) -> Caller {
    let Identity { number: node, incarnation, .. } = identity;
    Caller { node, lane: dispatch.lane, number: dispatch.number, incarnation }
}

/// Writes down what a node did, where somebody does.
fn tell(told: &mut Option<Vec<Record>>, node: Identity, at: Timestamp, happened: impl FnOnce() -> Happening) {
    if let Some(told) = told {
        let Identity { number, incarnation, .. } = node;
        told.push(Record { at, by: By::Node { number, incarnation }, event: happened() });
    }
}

fn count(catalogue: &Catalogue, nodes: &[Node], is_here: &[bool]) -> Vec<CohortState> {
    let mut states = vec![CohortState::default(); catalogue.cohorts.len()];
    for (node, _) in nodes.iter().zip(is_here).filter(|(_, is_here)| **is_here) {
        states[usize::from(node.identity.cohort)].count(node.lifecycle);
    }
    states
}
