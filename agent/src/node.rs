//! A node: a row while it waits, and what it does at each event.
//!
//! [`Node::on`] follows one event at one instant and pushes the actions that
//! follow. It knows no clock and no I/O, and draws only from what it is handed.
//! What each lane does is in `credentials`, `health`, `poll` and `run`; retries are the
//! same for all lanes and are here.
//!
//! Invariant: at most one call of a lane is in flight, and an answer that does
//! not match it changes nothing.

use std::fmt;
use std::sync::Arc;

use shared::id::{AssociationId, NodeId, uuid_text};
use shared::seed::Draw;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::{
    ConfigurePackageResultStep, DeregisterManagedInstance, GetDocument, GetManifest, GetParameters,
    InstanceAssociationExecutionResult, ListInstanceAssociations, PutConfigurePackageResult,
    RegisterManagedInstance, RequestManagedInstanceRoleToken, UpdateInstanceAssociationStatus,
    UpdateInstanceInformation, UpdateManagedInstancePublicKey,
};
use smallvec::SmallVec;

use crate::association::Known;
use crate::call::{Call, Outcome, PackageResult, Request};
use crate::catalogue::{Catalogue, Platform};
use crate::channel::Messaging;
use crate::channel::call::Incoming;
use crate::compliance;
use crate::credentials::{Held, IdentityKind, IdentitySettings};
use crate::facts::Facts;
use crate::facts::host::HostFacts;
use crate::fault::NodeFault;
use crate::fault::named::Cause;
use crate::fault::software::EagerRetries;
use crate::fault::strike::Strike;
use crate::identity::{self, Identity};
use crate::inventory::{self, Taken};
use crate::lane::{Lane, LaneName, Outstanding};
use crate::legacy;
use crate::lifecycle::Lifecycle;
use crate::output;
use crate::poll::Poll;
use crate::retry::{self, Failure};
use crate::run::Run;
use crate::struck::Struck;

/// The page size that the real agent asks for.
const PAGE: i64 = 20;

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
            let due = self.lane(name).due;
            if due > turn.now {
                continue;
            }
            if self.lane(name).outstanding.is_some() {
                self.try_again(name, due, turn);
                continue;
            }
            self.lane(name).due = Timestamp::NEVER;
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

    pub(crate) fn answered(&mut self, name: LaneName, number: u32, outcome: Outcome, turn: &mut Turn<'_>) {
        let lane = self.lane(name);
        let is_current =
            lane.number == number && lane.outstanding.as_ref().is_some_and(|call| call.is_in_flight);
        if !is_current {
            turn.note(Note::LateAnswer);
            return;
        }
        let mut outstanding = lane.outstanding.take().expect("a call is in flight");
        let is_retried = !matches!(&outstanding.call, Call::Message(call) if !call.is_retried());
        let eager = self.eager_retries();
        if is_retried
            && let Some(wait) =
                wait_before_retry(&outcome, outstanding.attempt, number, name, turn.draw, eager)
        {
            let lane = self.lane(name);
            outstanding.is_in_flight = false;
            outstanding.attempt += 1;
            lane.due = turn.now + wait;
            lane.outstanding = Some(outstanding);
            return;
        }
        match name {
            LaneName::Credentials => self.credentials_answered(&outstanding.call, &outcome, turn),
            LaneName::Health => self.health_answered(&outstanding.call, &outcome, turn),
            LaneName::Associations => self.poll_answered(&outstanding.call, outcome, turn),
            LaneName::Execution => self.execution_answered(&outstanding.call, &outcome, turn),
            LaneName::ControlChannel | LaneName::Messages | LaneName::Replies => {
                if let Call::Message(call) = &outstanding.call {
                    self.message_answered(call, outcome, turn);
                }
            }
            LaneName::Intake => self.intake_answered(&outstanding.call, &outcome, turn),
            LaneName::Command1
            | LaneName::Command2
            | LaneName::Command3
            | LaneName::Command4
            | LaneName::Command5 => self.command_answered(name, &outstanding.call, &outcome, turn),
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

    /// Makes a new call in this lane, which must be free.
    pub(crate) fn call(&mut self, name: LaneName, call: Call, intended: Timestamp, turn: &mut Turn<'_>) {
        let stamped = turn.now;
        let lane = self.lane(name);
        debug_assert!(lane.outstanding.is_none(), "one call of a lane at a time");
        lane.number = lane.number.wrapping_add(1);
        lane.due = Timestamp::NEVER;
        let dispatch =
            Dispatch { lane: name, number: lane.number, attempt: 0, intended, stamped, call: call.clone() };
        lane.outstanding = Some(Box::new(Outstanding { call, stamped, attempt: 0, is_in_flight: true }));
        self.send_out(dispatch, turn);
    }

    pub(crate) fn try_again(&mut self, name: LaneName, intended: Timestamp, turn: &mut Turn<'_>) {
        let lane = self.lane(name);
        lane.number = lane.number.wrapping_add(1);
        lane.due = Timestamp::NEVER;
        let number = lane.number;
        let outstanding = lane.outstanding.as_mut().expect("a call waits to be tried again");
        outstanding.is_in_flight = true;
        turn.actions.push(Action::Call(Dispatch {
            lane: name,
            number,
            attempt: outstanding.attempt,
            intended,
            stamped: outstanding.stamped,
            call: outstanding.call.clone(),
        }));
    }

    pub(crate) fn lane(&mut self, name: LaneName) -> &mut Lane {
        if name.is_of_channels() {
            return &mut self.messaging.get_or_insert_default().lanes[name.channel_index()];
        }
        &mut self.lanes[name as usize]
    }

    /// What this node tells of itself in its platform's place; nothing if that is another one.
    fn host<'a>(&self, catalogue: &'a Catalogue) -> Option<&'a HostFacts> {
        let cohort = self.identity.cohort(catalogue);
        cohort.host.as_deref().filter(|_| self.misfit().is_none())
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

    /// A call in its wire type, the same at each attempt.
    pub fn request(&self, catalogue: &Catalogue, draw: Draw, dispatch: &Dispatch) -> Request {
        self.spoil(dispatch, self.sound_request(catalogue, draw, dispatch))
    }

    fn sound_request(&self, catalogue: &Catalogue, draw: Draw, dispatch: &Dispatch) -> Request {
        let id = self.id(draw);
        let cohort = self.identity.cohort(catalogue);
        match &dispatch.call {
            Call::Deregister => {
                Request::Deregister(DeregisterManagedInstance { instance_id: id.to_string() })
            }
            Call::Register => {
                let offers = self.signing(catalogue, draw, dispatch).offers.unwrap_or_default();
                let public_key = identity::public_key(catalogue.seed, offers);
                Request::Register(self.registration(catalogue, draw, public_key))
            }
            Call::RequestToken(_) => Request::RequestToken(RequestManagedInstanceRoleToken {
                fingerprint: self.fingerprint(catalogue, draw, 1),
            }),
            Call::UpdateKey => {
                let offers = self.signing(catalogue, draw, dispatch).offers.unwrap_or_default();
                Request::UpdateKey(UpdateManagedInstancePublicKey {
                    new_public_key: identity::public_key(catalogue.seed, offers),
                    new_public_key_type: "Rsa".into(),
                })
            }
            Call::Probe => {
                Request::Heartbeat(probe(id, self.agent_version(cohort, draw), self.platform(catalogue)))
            }
            Call::Heartbeat => {
                let version = self.agent_version(cohort, draw);
                let (platform, host) = (self.platform(catalogue), self.host(catalogue));
                let heartbeat = heartbeat(
                    id,
                    version,
                    platform,
                    host,
                    (self.machine(draw), self.identity.place(catalogue)),
                );
                let word = Some(self.channel_word().to_owned());
                Request::Heartbeat(UpdateInstanceInformation { ssm_connection_channel: word, ..heartbeat })
            }
            Call::ListAssociations(token) => Request::ListAssociations(ListInstanceAssociations {
                instance_id: id,
                max_results: Some(PAGE),
                next_token: token.as_deref().map(str::to_owned),
            }),
            Call::ListLegacy => Request::ListLegacy(legacy::list(id)),
            Call::DescribeLegacy(association) => Request::DescribeLegacy(legacy::describe(id, association)),
            Call::GetDocument(association) => Request::GetDocument(GetDocument {
                name: association.name.to_string(),
                document_version: Some(association.document_version.to_string())
                    .filter(|version| !version.is_empty()),
                ..GetDocument::default()
            }),
            Call::GetNamedDocument(document) => Request::GetDocument(GetDocument {
                name: document.name.clone(),
                document_version: document.version.clone(),
                ..GetDocument::default()
            }),
            Call::GetParameters(names) => {
                Request::GetParameters(GetParameters { names: names.to_vec(), with_decryption: Some(false) })
            }
            Call::GetManifest(package) => Request::GetManifest(GetManifest {
                package_name: package.name.clone(),
                package_version: package.version.clone().unwrap_or_default(),
            }),
            Call::PutInventory(upload) => {
                let facts = Facts {
                    platform: self.platform(catalogue),
                    draw: self.machine(draw),
                    edition: upload.edition,
                    host: self.host(catalogue),
                };
                Request::PutInventory(inventory::upload(id, &facts, upload, dispatch.stamped))
            }
            Call::PutPackageResult(result) => {
                let (platform, host) = (self.platform(catalogue), self.host(catalogue));
                Request::PutPackageResult(package_result(
                    id,
                    platform,
                    host,
                    self.identity.place(catalogue),
                    result,
                ))
            }
            Call::ReportStatus(report) if report.association.is_legacy => Request::ReportLegacy(
                legacy::report(id, self.agent_version(cohort, draw), report, dispatch.stamped),
            ),
            Call::ReportStatus(report) => Request::ReportStatus(UpdateInstanceAssociationStatus {
                association_id: report.association.id,
                association_version: None,
                execution_result: InstanceAssociationExecutionResult {
                    error_code: Some(report.error_code.map_or(String::new(), |code| code.to_string())),
                    execution_date: dispatch.stamped,
                    execution_summary: report.summary.clone(),
                    output_url: report
                        .output_of
                        .and_then(|began| output::url(&report.association, id, began)),
                    status: report.status,
                },
                instance_id: id,
            }),
            Call::Message(call) => {
                let platform = self.platform(catalogue).kind.as_str().to_lowercase();
                let speaker = (self.agent_version(cohort, draw), platform.as_str());
                Request::Message(call.request(id, speaker, draw, dispatch.stamped))
            }
            Call::PutCompliance(items) => {
                Request::PutCompliance(compliance::upload(id, items, dispatch.stamped))
            }
        }
    }
}

impl Node {
    fn registration(&self, catalogue: &Catalogue, draw: Draw, public_key: String) -> RegisterManagedInstance {
        let cohort = self.identity.cohort(catalogue);
        let grant = cohort.identity.activations.of(self.identity.index);
        let (activation_id, activation_code) = grant.map(|grant| (grant.id, grant.code)).unzip();
        RegisterManagedInstance {
            activation_code,
            activation_id,
            fingerprint: self.fingerprint(catalogue, draw, 0),
            public_key,
            public_key_type: Some("Rsa".into()),
            ..RegisterManagedInstance::default()
        }
    }

    /// What tells this machine from others; it is another for the `time`-th use
    /// on a machine that became another one meanwhile.
    fn fingerprint(&self, catalogue: &Catalogue, draw: Draw, time: u64) -> String {
        if self.identity.cohort(catalogue).identity.kind == IdentityKind::Ec2 {
            return self.id(draw).to_string();
        }
        let is_changed = self.fault == Some(NodeFault::FingerprintMismatch);
        let draw = self.fingerprint_draw(catalogue, draw);
        uuid_text(draw.wide_bits("fingerprint", if is_changed { time } else { 0 }))
    }
}

fn wait_before_retry(
    outcome: &Outcome,
    attempt: u8,
    number: u32,
    name: LaneName,
    draw: Draw,
    eager: Option<EagerRetries>,
) -> Option<Period> {
    let failure = match outcome {
        Outcome::Done
        | Outcome::Associations(..)
        | Outcome::Legacy(_)
        | Outcome::Described(..)
        | Outcome::Fatal(_)
        | Outcome::Registered(_)
        | Outcome::Token(..)
        | Outcome::Messages(_)
        | Outcome::Document(_)
        | Outcome::Parameters(_)
        | Outcome::Manifest(_) => return None,
        Outcome::Refused(error, status) => Failure::Code(&error.code, *status),
        Outcome::Unreachable => Failure::Transport,
        // A body that cannot be read is no reason for the SDK to ask again; the status may be.
        Outcome::Unreadable(status) => Failure::Http(*status),
    };
    if let Some(eager) = eager {
        return (retry::is_retried(failure) && attempt < eager.times).then_some(eager.wait);
    }
    let chance = draw.part(name as u64).uniform("retry", u64::from(number));
    let wait = retry::is_retried(failure).then(|| retry::delay(attempt, chance)).flatten()?;
    // Whoever had waited for messages in vain asks again at once.
    let is_question = name == LaneName::Messages && matches!(failure, Failure::Transport);
    Some(if is_question { retry::QUESTION_AGAIN } else { wait })
}

fn probe(id: NodeId, agent_version: &str, platform: Platform) -> UpdateInstanceInformation {
    UpdateInstanceInformation {
        agent_name: Some("amazon-ssm-agent".into()),
        agent_status: None,
        agent_version: Some(agent_version.to_owned()),
        availability_zone: None,
        availability_zone_id: None,
        computer_name: None,
        ip_address: None,
        instance_id: id,
        platform_name: None,
        platform_type: Some(platform.kind),
        platform_version: None,
        ssm_connection_channel: None,
    }
}

fn heartbeat(
    id: NodeId,
    agent_version: &str,
    platform: Platform,
    host: Option<&HostFacts>,
    (draw, place): (Draw, Draw),
) -> UpdateInstanceInformation {
    let [a, b, c, d] = identity::ip_address(draw);
    let computer = host.and_then(|host| host.computer_name.clone());
    let address = host.and_then(|host| host.ip_address().map(str::to_owned));
    let (name, version) = platform_words(platform, host);
    // Only EC2 says in which zone a node is; the keys are there all the same.
    let (zone, zone_id) =
        if id.is_hybrid() { Default::default() } else { identity::availability_zone(place) };
    UpdateInstanceInformation {
        agent_status: Some("Active".into()),
        availability_zone: Some(zone),
        availability_zone_id: Some(zone_id),
        computer_name: Some(computer.unwrap_or_else(|| format!("ip-{a}-{b}-{c}-{d}.ec2.internal"))),
        ip_address: Some(address.unwrap_or_else(|| format!("{a}.{b}.{c}.{d}"))),
        platform_name: Some(name.to_owned()),
        platform_version: Some(version.to_owned()),
        // Empty until a channel of messages is known.
        ssm_connection_channel: Some(String::new()),
        ..probe(id, agent_version, platform)
    }
}

/// What a platform is called, and its version.
fn platform_words(platform: Platform, host: Option<&HostFacts>) -> (&str, &str) {
    let name = host.and_then(|host| host.platform_name.as_deref());
    let version = host.and_then(|host| host.platform_version.as_deref());
    (name.unwrap_or(platform.platform_name), version.unwrap_or(platform.platform_version))
}

/// What is told of the work on a package. Of its steps only the two that everyone takes.
fn package_result(
    id: NodeId,
    platform: Platform,
    host: Option<&HostFacts>,
    place: Draw,
    result: &PackageResult,
) -> PutConfigurePackageResult {
    let (name, version) = platform_words(platform, host);
    let (zone, _) = if id.is_hybrid() { Default::default() } else { identity::availability_zone(place) };
    let architecture = if platform.user_agent_system.ends_with("arm64") { "arm64" } else { "x86_64" };
    let attributes = [
        ("architecture", architecture),
        ("availabilityZone", &zone),
        ("instanceID", id.as_str()),
        ("instanceType", if id.is_hybrid() { "" } else { "m5.large" }),
        ("platformName", name),
        ("platformVersion", version),
        ("region", "us-east-1"),
    ];
    let took = i64::try_from(result.took.as_milliseconds()).unwrap_or(i64::MAX);
    let step = |action: String, result, timing| ConfigurePackageResultStep { action, result, timing };
    PutConfigurePackageResult {
        attributes: attributes.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        operation: result.operation.clone(),
        overall_timing: took,
        package_name: result.name.clone(),
        package_version: result.version.clone(),
        previous_package_version: None,
        result: i64::from(result.code),
        steps: vec![
            step("download manifest".to_owned(), 0, 0),
            step(format!("prepare {}", result.operation), i64::from(result.code), took),
        ],
    }
}

/// The items of compliance that this node has to tell of: each association
/// that was run since the agent started and is still in its list.
pub(crate) fn executed_items(known: &[Known]) -> Vec<compliance::Item> {
    known.iter().filter_map(|known| known.executed.map(|executed| item(known, executed))).collect()
}

fn item(known: &Known, executed: crate::association::Executed) -> compliance::Item {
    compliance::Item {
        association: Arc::clone(&known.association),
        is_compliant: executed.is_compliant,
        executed: executed.at,
    }
}
