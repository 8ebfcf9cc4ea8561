//! A node: a row while it waits, and what it does at each event.
//!
//! [`Node::on`] follows one event at one instant and pushes the actions that
//! follow. It knows no clock and no I/O, and draws only from what it is handed.
//! What each lane does is in `credentials`, `health`, `poll` and `run`; how their calls
//! are made, answered and tried again in `calls`, and what they say in `request`.
//!
//! Invariant: a node is due no later than any of its lanes, its steps and what strikes it.

mod calls;
mod request;

use std::fmt;
use std::sync::Arc;

use shared::id::{AssociationId, NodeId};
use shared::seed::Draw;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use smallvec::SmallVec;

use crate::association::Known;
use crate::call::{Call, Outcome};
use crate::catalogue::Catalogue;
use crate::channel::Messaging;
use crate::channel::call::Incoming;
use crate::credentials::{Held, IdentityKind, IdentitySettings};
use crate::fault::NodeFault;
use crate::fault::named::Cause;
use crate::fault::strike::Strike;
use crate::identity::{self, Identity};
use crate::inventory::Taken;
use crate::lane::{Lane, LaneName};
use crate::lifecycle::Lifecycle;
use crate::poll::Poll;
use crate::run::Run;
use crate::struck::Struck;

/// A managed node.
#[derive(Debug)]
pub struct Node {
    /// Who it is.
    pub identity: Identity,
    /// Where it stands in its life.
    pub lifecycle: Lifecycle,
    /// What is wrong with it.
    pub fault: Option<NodeFault>,
    /// Whether the plane has taken its registration.
    pub is_registered: bool,
    pub(crate) has_met_foreign_document: bool,
    /// Whether the empty first answer was followed by its second question.
    pub(crate) asked_twice: bool,
    pub(crate) lanes: [Lane; 4],
    /// What it knows of its associations, in the plane's order.
    pub known: SmallVec<[Known; 1]>,
    pub(crate) poll: Option<Box<Poll>>,
    pub(crate) run: Option<Box<Run>>,
    /// What it shows who it is by, unless its role suffices.
    pub(crate) held: Option<Box<Held>>,
    /// Its channels of messages, if it has any.
    pub(crate) messaging: Option<Box<Messaging>>,
    /// What strikes it, if anything does.
    pub(crate) struck: Option<Box<Struck>>,
}

/// What a node follows.
#[derive(Debug)]
pub enum Event {
    /// The instant that it asked to be woken at has come.
    Due,
    /// A call came to its end.
    Answered {
        /// The lane that called.
        lane: LaneName,
        /// The call's number in that lane.
        number: u32,
        /// What came of it.
        outcome: Outcome,
    },
    /// A message came over its control channel.
    Pushed(Incoming),
    /// Its control channel was lost.
    ChannelClosed,
    /// This strikes it, until the window of this number is lifted.
    Struck {
        /// The window's number.
        window: u32,
        /// What strikes.
        strike: Arc<Strike>,
    },
    /// What struck it in the window of this number does so no more.
    Lifted {
        /// The window's number.
        window: u32,
    },
    /// It is to end: nothing new is taken up.
    Stop,
}

/// What is to be done for a node.
#[derive(Debug)]
pub enum Action {
    /// Make this call.
    Call(Dispatch),
    /// Make this call after so long; nobody waits for its answer.
    Aside(Dispatch, Period),
    /// Take note.
    Note(Note),
}

/// A call to be made.
#[derive(Debug, Clone)]
pub struct Dispatch {
    /// The lane that calls.
    pub lane: LaneName,
    /// The call's number in that lane.
    pub number: u32,
    /// How often it was tried before.
    pub attempt: u8,
    /// When it was meant to be made.
    pub intended: Timestamp,
    /// The instant that its body carries.
    pub stamped: Timestamp,
    /// What is asked.
    pub call: Call,
}

/// Something that happened on a node and is worth telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// The plane took its registration.
    Registered,
    /// It was accepted and works.
    Online,
    /// It was refused at its start probe and sleeps.
    Hibernating,
    /// And that was because the plane does not accept its id.
    IdNotAccepted,
    /// A run began.
    Started(AssociationId),
    /// A step asked for a reboot: the node is away, and goes on when it is back.
    Rebooting(Purpose),
    /// A document was taken up after so many reboots that the agent gives it up unreported.
    GivenUp(Purpose),
    /// A step of a run has gathered inventory.
    InventoryGathered(AssociationId),
    /// A run ended, and its last report came to its end.
    Ended(Ended),
    /// For the first time it met a document of which its platform can run nothing.
    MetForeignDocument,
    /// A lane was busy when it was due, and starts late.
    StartedLate(LaneName),
    /// A lane was busy for so long that so many turns fell out.
    Skipped(LaneName, u32),
    /// An answer came to a call that is over.
    LateAnswer,
    /// Its worker process died of what the plane answered, as the real agent's does.
    WorkerDied(Fatality),
    /// So many reports on its runs were lost for good, retries included.
    ReportLost,
    /// A fault of this name struck it, and what is to be told of it beside its name.
    Struck(&'static str, Option<&'static str>),
    /// A fault of this name struck it no more.
    Lifted(&'static str),
    /// It was refused at its start probe because of its platform.
    PlatformNotAccepted,
    /// It ended for good, and another node takes its place.
    Replaced,
}

/// What a document is worked off for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// An association.
    Association(AssociationId),
    /// A command, that came in this message.
    Command(Arc<str>),
}

/// What the worker process of the real agent dies of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fatality {
    /// A reply without this key, which the agent takes unseen.
    Reply(&'static str),
    /// A schedule handed to the agent whose field has no values.
    Schedule,
}

impl fmt::Display for Fatality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply(key) => write!(f, "a reply without `{key}`"),
            Self::Schedule => f.write_str("a schedule with a range that runs backwards"),
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Of which association.
    pub association: AssociationId,
    /// How.
    pub status: AssociationStatus,
    /// When it began, on the node.
    pub started: Timestamp,
    /// When it ended, on the node.
    pub ended: Timestamp,
    /// Whether the plane took the last report.
    pub is_reported: bool,
    /// Whether the platform could run none of its steps.
    pub is_foreign: bool,
}

/// One event's surroundings.
pub(crate) struct Turn<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) draw: Draw,
    pub(crate) now: Timestamp,
    pub(crate) actions: &'a mut Vec<Action>,
}

impl Turn<'_> {
    pub(crate) fn note(&mut self, note: Note) {
        self.actions.push(Action::Note(note));
    }
}

impl Node {
    /// A node that arrives at this instant.
    pub fn new(identity: Identity, catalogue: &Catalogue, arrives: Timestamp) -> Self {
        let fault = identity.cohort(catalogue).faults.of(catalogue.seed, identity.number);
        let mut node = Self {
            identity,
            lifecycle: Lifecycle::Unregistered,
            fault,
            is_registered: false,
            has_met_foreign_document: false,
            asked_twice: false,
            lanes: Default::default(),
            known: SmallVec::new(),
            poll: None,
            run: None,
            held: None,
            messaging: None,
            struck: None,
        };
        let cohort = identity.cohort(catalogue);
        let cause = match fault {
            Some(NodeFault::InvalidInstance(cause)) => Some(cause),
            _ => None,
        };
        if cause.is_some_and(Cause::is_silent) {
            return node;
        }
        if node.begins_as_a_stranger(&cohort.identity) {
            // An agent with credentials of its own, under an id that was registered once.
            node.lifecycle = Lifecycle::Starting;
            node.lane(LaneName::Health).due = arrives + crate::lifecycle::WORKER_START;
        } else {
            node.arrive(&cohort.identity, identity.draw(catalogue), arrives);
        }
        if cause == Some(Cause::Deregistered) {
            node.struck = Some(Struck::to_be_deregistered(arrives + cohort.faults.deregistered_after));
        }
        node
    }

    /// Whether it calls without registering, by credentials of its own: an
    /// instance whose id nobody knows.
    pub(crate) fn begins_as_a_stranger(&self, settings: &IdentitySettings) -> bool {
        self.is_a_stranger() && settings.kind == IdentityKind::Ec2
    }

    /// When the node next has something to do without being answered.
    pub fn next_due(&self) -> Timestamp {
        let lanes = self.lanes.iter().map(|lane| lane.due).min().unwrap_or(Timestamp::NEVER);
        if self.struck.is_some() {
            return self.next_due_of_struck(lanes);
        }
        let lanes = self.run.as_ref().map_or(lanes, |run| lanes.min(run.worker.due));
        self.messaging.as_ref().map_or(lanes, |messaging| lanes.min(messaging.next_due(false)))
    }

    /// A step that hangs is not due, and nothing is of a node that stands still.
    fn next_due_of_struck(&self, lanes: Timestamp) -> Timestamp {
        if self.is_paused() {
            return Timestamp::NEVER;
        }
        let hangs = self.hangs();
        let step = self.run.as_ref().filter(|_| !hangs).map(|run| run.worker.due);
        let messaging = self.messaging.as_ref().map(|messaging| messaging.next_due(hangs));
        let others = [step, messaging].into_iter().flatten();
        others.fold(lanes.min(self.struck_next_due()), Timestamp::min)
    }

    /// Whether it ever called: who did not has not arrived, or boots for the first time.
    pub fn has_called(&self) -> bool {
        self.lanes.iter().any(|lane| lane.number > 0)
    }

    /// Whether a call of this node is under way.
    pub fn is_calling(&self) -> bool {
        self.lanes.iter().any(|lane| lane.outstanding.as_ref().is_some_and(|call| call.is_in_flight))
    }

    /// Whether an association or a command runs on this node.
    pub fn is_running(&self) -> bool {
        self.run.is_some() || self.messaging.as_ref().is_some_and(|messaging| messaging.is_busy())
    }

    /// The association that runs on this node, and since when.
    pub fn running(&self) -> Option<(AssociationId, Timestamp)> {
        self.run.as_ref().map(|run| run.begun())
    }

    /// Follows one event.
    pub fn on(
        &mut self,
        catalogue: &Catalogue,
        event: Event,
        now: Timestamp,
        draw: Draw,
        actions: &mut Vec<Action>,
    ) {
        let mut turn = Turn { catalogue, draw, now, actions };
        if self.struck.is_none() {
            return self.follow_event(event, &mut turn);
        }
        if let Some(event) = self.holds_back(event) {
            self.follow_event(event, &mut turn);
            self.take_for_answered(&mut turn);
        }
    }

    pub(crate) fn follow_event(&mut self, event: Event, turn: &mut Turn<'_>) {
        match event {
            Event::Due => self.due(turn),
            Event::Answered { lane, number, outcome } => {
                let outcome = self.heard(outcome, turn.now);
                self.answered(lane, number, outcome, turn);
            }
            Event::Pushed(_) if self.is_cut_off(turn.now) => {}
            Event::Pushed(incoming) => self.pushed(&incoming, turn),
            Event::ChannelClosed => self.channel_closed(turn),
            Event::Struck { window, strike } => self.struck(window, &strike, turn),
            Event::Lifted { window } => self.lifted(window, turn),
            Event::Stop => {
                self.catch_up(turn);
                self.stop(turn.now);
            }
        }
        self.reboot_if_asked(turn);
    }

    fn due(&mut self, turn: &mut Turn<'_>) {
        for name in LaneName::ALL {
            let Some(due) = self.take_due(name, turn) else { continue };
            match name {
                LaneName::Credentials => self.credentials_due(due, turn),
                LaneName::Health => self.health_due(due, turn),
                LaneName::Associations => self.poll_due(due, turn),
                LaneName::Execution => self.execution_due(turn),
                // Those of channels are looked at below.
                _ => {}
            }
        }
        if self.run.as_ref().is_some_and(|run| run.worker.due <= turn.now) && !self.hangs() {
            self.step_ended(turn);
        }
        self.struck_due(turn);
        if self.messaging.is_some() {
            self.messaging_due(turn);
        }
    }

    fn stop(&mut self, now: Timestamp) {
        (self.lifecycle, _) = self.lifecycle.on(crate::lifecycle::Event::StopRequested, now);
        for name in [LaneName::Credentials, LaneName::Health, LaneName::Associations] {
            self.lane(name).due = Timestamp::NEVER;
        }
        // A node that is away does not come back.
        self.run.take_if(|run| run.is_away());
        if self.run.is_none() {
            self.lane(LaneName::Execution).due = Timestamp::NEVER;
        }
        if let Some(messaging) = &mut self.messaging {
            messaging.commands.leave_those_away();
            self.lane(LaneName::ControlChannel).due = Timestamp::NEVER;
            self.lane(LaneName::Messages).due = Timestamp::NEVER;
        }
    }

    pub(crate) fn lane(&mut self, name: LaneName) -> &mut Lane {
        if name.is_of_channels() {
            return &mut self.messaging.get_or_insert_default().lanes[name.channel_index()];
        }
        &mut self.lanes[name as usize]
    }

    /// The id under which this node calls.
    pub fn id(&self, draw: Draw) -> NodeId {
        let issued = self.held.as_ref().and_then(|held| held.id);
        self.stray().or(issued).unwrap_or_else(|| identity::node_id(draw, self.fault))
    }

    /// What of its inventory the plane has taken.
    pub(crate) fn inventory_taken(&self) -> Taken {
        Taken::from_bits(self.lanes[LaneName::Credentials as usize].turns)
    }

    /// Puts down what of its inventory the plane has taken.
    pub(crate) fn set_inventory_taken(&mut self, taken: Taken) {
        self.lane(LaneName::Credentials).turns = taken.bits();
    }

    /// The number of the run that begins.
    pub(crate) fn next_run(&mut self) -> u32 {
        let lane = self.lane(LaneName::Execution);
        lane.turns += 1;
        lane.turns - 1
    }
}
