//! Virtual time: windows in which shards run, and one order in which the plane
//! hears of it.
//!
//! A message between node and plane takes [`LOOKAHEAD`] either way. In a window
//! of that length no shard can hear of another, so shards run apart; at its end
//! the coordinator, which alone owns the plane and the operator, applies plane
//! timers, operator acts and calls by arrival instant, then in that order, then
//! calls by (node, lane, number). Whatever the plane answers falls due a window
//! later at the earliest.
//!
//! Invariant: no thread, shard, hash or insertion order breaks a tie, so the
//! history is the same for any number of shards.

mod channels;
pub mod latency;
mod messages;
mod outage;
mod replacement;
mod way;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use agent::call::Answer;
use agent::channel::call::Incoming as Message;
use agent::fault::passage::{Course, Passage};
use plane::service::Service;
use shared::time::{Period, Timestamp};

use crate::churn::Replaced;
use crate::fault::Board;
use crate::fault::plane::Carried as PlaneFaults;
use crate::fault::switchboard::Boards;
use crate::history::record::{By, Call, Event, Heard, Record, Subject};
use crate::history::{Ending, Entry, History};
use crate::in_process::Carry;
use crate::measure::Measures;
use crate::measure::live::{Live, LiveBoard};
use crate::measure::meter::Meter;
use crate::measure::timeline::Timeline;
use crate::operator::{Desk, VirtualDesk};
use crate::shard::{Arrival, Caller, Completion, Emitted, News, Shard};
use crate::simulation::CohortState;
use channels::Break;
use latency::LatencyModel;
use messages::{Delivery, Mailroom, Until};
use outage::Fate;
use way::{End, Held, Late, Patience};

/// The shortest time that a message between node and plane takes.
pub const LOOKAHEAD: Period = Period::milliseconds(10);

/// With fewer completions than this in a window, threads cost more than they bring.
const WORTH_THREADS: usize = 4096;

/// The fleet, the plane and the operator in virtual time.
pub struct Coordinator<'a> {
    service: &'a Service,
    transport: &'a dyn Carry,
    lanes: Vec<ShardLane>,
    /// Calls that are on their way to the plane.
    arriving: Vec<Arriving>,
    /// What happened, in the plane's order.
    pub history: History,
    /// What nodes set out to do and decided in this window, for the history.
    told: VecDeque<Record>,
    now: Timestamp,
    events: u64,
    mailroom: Mailroom,
    /// What befalls the plane itself.
    fate: Fate,
    follower: Option<Follower>,
    latency_model: Option<LatencyModel>,
    boards: Option<Boards>,
    board: Arc<Board>,
    /// How often something came late; tells them apart.
    met: u64,
    /// Control channels that are going to break.
    breaks: BTreeSet<Break>,
    /// Up to when the plane has heard everything; `now` may lie before it.
    applied: Timestamp,
    /// When the next fault begins or ends.
    edge: Timestamp,
    /// Frames that channels keep, by node, until there is a way again.
    kept: BTreeMap<u32, Vec<Emitted>>,
    /// When the last message comes to a node to which one was late, for none overtakes another.
    pushed: BTreeMap<u32, Timestamp>,
    /// Nodes that ended for good, of which the plane is to hear.
    replaced: VecDeque<Replaced>,
}

/// Who follows the run, and where what is known stands for the operator.
#[derive(Debug)]
pub struct Follower {
    /// Takes what shards tell.
    pub meter: Meter,
    /// Where what is known is put.
    pub board: Arc<LiveBoard>,
}

/// A shard and the completions on their way to it, in the order of their instants.
struct ShardLane {
    shard: Shard,
    /// The instant of what its nodes were handed last. It depends on no other node
    /// where it matters: a node that is behind is served before anybody else.
    now: Timestamp,
    inbox: VecDeque<(Timestamp, Incoming)>,
    late: Late,
    emitted: Vec<Emitted>,
}

/// What is on its way to a node.
enum Incoming {
    /// A call's end, and where latency is modelled, when it was meant to be made.
    Completion(Completion, Option<Timestamp>),
    Arrival(Arrival),
}

/// A call that reaches the plane, or would have but for its end.
struct Arriving {
    at: Timestamp,
    call: Emitted,
    end: Option<End>,
}

impl Arriving {
    fn key(&self) -> (Timestamp, Caller) {
        (self.at, self.call.caller)
    }
}

/// What is left of a call once the plane has it.
struct Carried {
    intended: Timestamp,
    caller: Caller,
    operation: &'static str,
    attempt: u8,
    /// A hash of its body.
    body: u64,
    patience: Patience,
    passage: Option<Box<Passage>>,
    /// For the history: when it set out, and what it is about.
    recorded: Option<(Timestamp, Subject)>,
}

impl Carried {
    fn of(call: &Emitted, message_wait: Period, is_recorded: bool) -> Self {
        Self {
            intended: call.intended,
            caller: call.caller,
            operation: call.request.operation(),
            attempt: call.attempt,
            body: shared::seed::digest(&call.request.body()),
            patience: Patience::of(&call.request, message_wait),
            passage: call.passage.clone(),
            recorded: is_recorded.then(|| (call.made, Subject::of(&call.request))),
        }
    }
}

/// The operator's work, as the coordinator drives it: polled when it is due.
pub type Script<'a> = Pin<&'a mut dyn Future<Output = ()>>;

impl<'a> Coordinator<'a> {
    /// A fleet of these shards before this plane, at this instant.
    pub fn new(
        service: &'a Service,
        transport: &'a dyn Carry,
        shards: Vec<Shard>,
        history: History,
        start: Timestamp,
    ) -> Self {
        let is_recorded = history.recorder().is_some();
        let lanes = shards
            .into_iter()
            .map(|mut shard| {
                if is_recorded {
                    shard.tell();
                }
                let (late, inbox, emitted) = (Late::default(), VecDeque::new(), Vec::new());
                ShardLane { shard, now: start, inbox, late, emitted }
            })
            .collect();
        service.follow();
        let mailroom = Mailroom::default();
        Self {
            service,
            transport,
            lanes,
            arriving: Vec::new(),
            history,
            told: VecDeque::new(),
            now: start,
            events: 0,
            mailroom,
            fate: Fate::default(),
            follower: None,
            latency_model: None,
            boards: None,
            board: Arc::default(),
            met: 0,
            breaks: BTreeSet::new(),
            applied: start,
            edge: Timestamp::NEVER,
            kept: BTreeMap::new(),
            pushed: BTreeMap::new(),
            replaced: VecDeque::new(),
        }
    }

    /// The same fleet, told of each new board of faults.
    pub fn told_by(self, boards: Boards) -> Self {
        let board = boards.borrow().clone();
        // What begins with the run is yet to begin.
        let edge = board.next_edge(self.now - Period::milliseconds(1));
        Self { board, boards: Some(boards), edge, ..self }
    }

    /// The same fleet before a plane that carries its own faults out.
    pub fn with_faults_of_plane(mut self, carried: PlaneFaults) -> Self {
        self.fate.faults = Some(carried);
        self
    }

    /// From here on this plane answers: it was started anew with what the other one kept.
    pub fn move_to(&mut self, service: &'a Service) {
        self.service = service;
    }

    /// The same fleet, followed: [`Coordinator::measure`] says what is known.
    pub fn followed_by(mut self, follower: Follower) -> Self {
        let follow = follower.meter.follow();
        self.shards_mut().for_each(|shard| shard.measures.follow(follow));
        self.follower = Some(follower);
        self
    }

    /// The same fleet before a plane that takes so long to answer.
    pub fn delayed_by(self, latency_model: Option<LatencyModel>) -> Self {
        Self { latency_model, ..self }
    }

    /// Takes in what the shards have done up to `at`; of calls, those before the second of `until`.
    pub fn measure(&mut self, at: Timestamp, until: Timestamp) -> Option<&Live> {
        let follower = self.follower.as_mut()?;
        let pulses = self.lanes.iter_mut().map(|lane| lane.shard.pulse(until)).collect();
        follower.meter.take(at, pulses, None);
        follower.meter.put_up(&follower.board);
        Some(follower.meter.live())
    }

    /// The run second by second, if it is followed.
    pub fn timeline(&self) -> Option<&Timeline> {
        self.follower.as_ref().map(|follower| follower.meter.timeline())
    }

    /// When something is due next.
    pub fn next_due(&self, desk: &VirtualDesk<'_>) -> Timestamp {
        self.next_instant().min(desk.next_due())
    }

    /// The instant up to which everything has happened.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// How many calls were carried so far.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How the nodes of each cohort stand.
    pub fn cohort_states(&self) -> Vec<CohortState> {
        let mut states = self.lanes.iter().map(|lane| lane.shard.cohort_states());
        let mut sum = states.next().unwrap_or_default();
        for shard in states {
            sum.iter_mut().zip(shard).for_each(|(sum, cohort)| sum.add(cohort));
        }
        sum
    }

    /// What all nodes did.
    pub fn into_measures(self) -> Measures {
        let mut measures = Measures::default();
        for lane in self.lanes {
            measures.merge(lane.shard.measures);
        }
        measures
    }

    /// Lets nodes finish what they hold; nothing new is taken up.
    pub fn drain(&mut self, desk: &VirtualDesk<'_>, until: Timestamp) {
        let now = self.now;
        self.shards_mut().for_each(|shard| shard.stop(now));
        // Nobody works at the desk any more, but news still comes to it: left
        // there, it would be due for ever.
        let mut script = std::pin::pin!(async {
            loop {
                desk.wake(Timestamp::NEVER).await;
            }
        });
        while (self.fate.is_down() || !self.is_idle()) && self.now < until {
            let stride = (self.now + Period::seconds(1)).min(until);
            self.run(script.as_mut(), desk, stride);
        }
        if self.fate.is_down() {
            self.come_back(self.now, desk);
        }
    }

    /// The shards, to be told something.
    pub fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.lanes.iter_mut().map(|lane| &mut lane.shard)
    }

    /// Whether nothing is on its way and no node holds a call or a run.
    pub fn is_idle(&self) -> bool {
        self.arriving.is_empty()
            && self
                .lanes
                .iter()
                .all(|lane| lane.inbox.is_empty() && lane.late.is_empty() && lane.shard.is_idle())
    }

    /// Runs windows until the script has ended, or until this instant, which it
    /// does not pass. Says whether the script has ended.
    pub fn run(&mut self, mut script: Script<'_>, desk: &VirtualDesk<'_>, until: Timestamp) -> bool {
        if poll(&mut script, desk, self.now) {
            return true;
        }
        self.obey(self.now, self.now, desk);
        self.post_board();
        loop {
            let next = self.next_instant().min(desk.next_due());
            if next > until {
                self.now = until.max(self.now);
                return false;
            }
            let start = window_start(next);
            let end = start + LOOKAHEAD;
            self.run_shards(end, desk);
            let has_ended = self.apply(end, &mut script, desk);
            self.applied = end;
            self.now = end.min(until);
            self.post_board();
            if has_ended {
                return true;
            }
        }
    }

    /// Hands the shards the board if it is a new one.
    fn post_board(&mut self) {
        let Some(boards) = &mut self.boards else { return };
        if boards.has_changed().unwrap_or(false) {
            self.board = boards.borrow_and_update().clone();
            self.edge = self.board.next_edge(self.applied - Period::milliseconds(1));
            for lane in &mut self.lanes {
                lane.shard.post(self.board.clone());
                lane.late.follow(&self.board, self.now + LOOKAHEAD);
            }
        }
    }

    fn next_instant(&self) -> Timestamp {
        let shards = self.lanes.iter().map(|lane| {
            let arrives = lane.inbox.front().map_or(Timestamp::NEVER, |(at, _)| *at);
            lane.shard.next_due().min(arrives).min(lane.late.next_due())
        });
        let arriving = self.arriving.iter().map(|arriving| arriving.at);
        let others = [
            self.next_timer(),
            self.mailroom.next_due(),
            self.next_break(),
            self.next_turn(),
            self.next_replaced(),
        ];
        shards.chain(arriving).chain(others).min().unwrap_or(Timestamp::NEVER)
    }

    fn run_shards(&mut self, end: Timestamp, desk: &VirtualDesk<'_>) {
        let load: usize = self.lanes.iter().map(|lane| lane.inbox.len()).sum();
        if self.lanes.len() > 1 && load >= WORTH_THREADS {
            std::thread::scope(|scope| {
                for lane in &mut self.lanes {
                    scope.spawn(|| lane.run(end));
                }
            });
        } else {
            self.lanes.iter_mut().for_each(|lane| lane.run(end));
        }
        for lane in &mut self.lanes {
            let ShardLane { shard, emitted, .. } = lane;
            self.arriving.extend(emitted.drain(..).map(|call| {
                let (at, end) = way::up(&call, shard.timing(call.cohort).message_wait);
                Arriving { at, call, end }
            }));
            desk.registered(lane.shard.measures.take_registered(), LOOKAHEAD);
            self.told.extend(lane.shard.take_told());
            self.replaced.extend(lane.shard.take_replaced());
        }
        // Stable: what one node did at one instant stays in its order.
        self.told.make_contiguous().sort_by_key(|record| (record.at, node_of(record)));
        self.arriving.sort_unstable_by_key(Arriving::key);
        self.replaced.make_contiguous().sort_unstable();
    }

    /// Applies what reaches the plane before `end`, in its one order. Says
    /// whether the operator's script has ended.
    fn apply(&mut self, end: Timestamp, script: &mut Script<'_>, desk: &VirtualDesk<'_>) -> bool {
        let due = self.arriving.partition_point(|arriving| arriving.at < end);
        let later = self.arriving.split_off(due);
        let mut calls = std::mem::replace(&mut self.arriving, later).into_iter().peekable();
        let mut has_ended = false;
        loop {
            let timer = self.next_timer();
            let turn = self.next_turn();
            let operator = if has_ended { Timestamp::NEVER } else { desk.next_due() };
            let call = calls.peek().map_or(Timestamp::NEVER, |call| call.at);
            let mail = self.mailroom.next_due();
            let broken = self.next_break();
            let replaced = self.next_replaced();
            let at = timer.min(operator).min(call).min(mail).min(broken).min(turn).min(replaced);
            self.write_told(at.min(end));
            if at >= end {
                return has_ended;
            }
            if turn == at {
                self.turn(at, desk);
            } else if replaced == at {
                self.replace(at);
            } else if timer == at {
                self.service.run_timers(at);
            } else if broken == at {
                self.break_channels(at);
            } else if operator == at {
                if at.milliseconds().rem_euclid(1_000) == 0 {
                    // Conditions are evaluated at whole seconds, by what is known then.
                    self.measure(at, at);
                }
                has_ended = poll(script, desk, at);
                self.obey(at, end, desk);
            } else if mail == at {
                // Looked after below.
            } else {
                self.carry(calls.next().expect("a call is due"), None);
            }
            self.look_after(at);
        }
    }

    /// Writes down what nodes did up to this instant, before what the plane does then.
    fn write_told(&mut self, until: Timestamp) {
        let due = self.told.partition_point(|record| record.at <= until);
        if let Some(recorder) = self.history.recorder()
            && due > 0
        {
            recorder.record_all(self.told.drain(..due));
        }
    }

    /// Looks after nodes for which the plane has something new.
    fn look_after(&mut self, now: Timestamp) {
        self.mailroom.gather(self.service, now);
        while let Some(deliveries) = self.mailroom.next(self.service, now) {
            for delivery in deliveries {
                match delivery {
                    Delivery::Push(node, incoming) => self.push(node, incoming, now),
                    Delivery::Ask(held, until) => {
                        self.carry(Arriving { at: now, call: held.call, end: None }, Some(until));
                    }
                }
            }
            self.mailroom.gather(self.service, now);
        }
    }

    /// How long nodes of this cohort wait for messages.
    fn message_wait(&self, cohort: u16) -> Period {
        self.lanes[0].shard.timing(cohort).message_wait
    }

    /// Carries a call to the plane. A question for messages that finds none is
    /// held; one that was held already is, until the instant that was set.
    fn carry(&mut self, arriving: Arriving, held_until: Option<Until>) {
        let Arriving { at, call, end } = arriving;
        let message_wait = self.message_wait(call.cohort);
        if let Some(end) = end {
            let carried = Carried::of(&call, message_wait, self.history.recorder().is_some());
            if end.is_kept {
                let node = carried.caller.node;
                self.kept.entry(node).or_default().push(call);
                self.send_kept(node, at);
            }
            return self.finish(at, carried, end);
        }
        if self.fate.is_down() {
            // Nobody listens: the connection is refused.
            let carried = Carried::of(&call, message_wait, self.history.recorder().is_some());
            return self.finish(at, carried, End::at(at + LOOKAHEAD, Answer::Unreachable));
        }
        let is_there = || !self.has_ended(call.caller);
        let again = messages::asks(&call.request).filter(|_| is_there()).map(|node| (node, call.clone()));
        let opens = messages::opens(&call.request).filter(|_| is_there());
        if let Some(node) = opens {
            self.mailroom.opens(self.service, node);
        }
        let carried = Carried::of(&call, message_wait, self.history.recorder().is_some());
        let Emitted { caller, made, signing, request, .. } = call;
        let delay = self.service.delay(carried.operation, || request.body());
        let answer = match held_until {
            Some(Until::GivenUp(until)) if until <= at => Answer::Unreachable,
            _ => self.transport.carry(self.service, at, caller, &signing, request),
        };
        if let Some((node, call)) = again
            && messages::is_empty(&answer)
        {
            // The answer that nobody waits for any more would take its way back.
            let wait = message_wait - LOOKAHEAD;
            let until = held_until.unwrap_or_else(|| Until::of(self.service, at, made, wait));
            if at < until.at() {
                self.mailroom.hold(node, Arriving { at, call, end: None }, until);
                return;
            }
        }
        let end = match &carried.passage {
            None => End::at(at + LOOKAHEAD, answer),
            Some(passage) => way::down(passage, carried.patience, made, at, answer),
        };
        let end = match &self.latency_model {
            None => end,
            // A frame is sent, and no request that the plane takes its time over.
            Some(_) if carried.patience.is_frame => end,
            Some(model) => model.delay(end, caller, carried.attempt, made, carried.patience.limit),
        };
        let end = end.later(delay, made, carried.patience);
        if let Some(node) = opens {
            if matches!(end.answer, Answer::Done) {
                self.mailroom.opened(node, caller.node, at);
                let after = carried.passage.as_ref().and_then(|passage| passage.resets_after);
                self.breaks.extend(after.map(|after| Break {
                    at: made + after,
                    node: caller.node,
                    by: None,
                }));
            } else {
                // What the plane opened is of no use to a node that does not know.
                self.mailroom.opens(self.service, node);
            }
        }
        self.events += 1;
        self.finish(at, carried, end);
    }

    /// Brings a call's end to its node, and writes it down.
    fn finish(&mut self, at: Timestamp, carried: Carried, end: End) {
        let Carried { intended, caller, operation, attempt, body, passage, recorded, .. } = carried;
        let Caller { node, lane, number, incarnation } = caller;
        if end.breaks_channel {
            self.breaks.insert(Break { at: end.at, node, by: None });
        }
        let ending = Ending::from(&end.answer);
        if let (Some(recorder), Some((invoked, subject))) = (self.history.recorder(), recorded) {
            let by = By::Node { number: node, incarnation };
            let call = Call { lane: Some(lane), number, attempt, operation, subject };
            let learnt = (!end.is_held && end.at != at + LOOKAHEAD).then_some(end.at);
            let event = Event::End { call, invoked, learnt, heard: Heard::from(&end.answer) };
            recorder.record(Record { at, by, event });
        }
        let fault = passage.as_ref().and_then(|passage| passage.faults.first().map(|(_, name)| name.clone()));
        let completion = Completion { caller, operation, attempt, answer: end.answer, spent: None };
        let is_modelled = self.latency_model.is_some();
        let incoming = Incoming::Completion(completion, is_modelled.then_some(intended));
        match passage {
            None if end.at == at + LOOKAHEAD && !is_modelled => {
                self.lane_of(node).inbox.push_back((end.at, incoming));
            }
            None => self.come_late(node, (at + LOOKAHEAD, end.at), Vec::new(), incoming),
            Some(passage) => {
                let holders = if end.is_held { passage.holders } else { Vec::new() };
                self.come_late(node, (at + LOOKAHEAD, end.at), holders, incoming);
            }
        }
        self.history.record(Entry {
            arrived: at,
            node,
            lane,
            number,
            attempt,
            operation,
            body,
            ending,
            fault,
        });
    }

    /// Sends a message down a node's control channel.
    fn push(&mut self, node: u32, message: Message, now: Timestamp) {
        let (size, number) = (message.payload.len(), self.met);
        let before = self.pushed.get(&node).copied().unwrap_or_default();
        let due = (now + LOOKAHEAD).max(before);
        let incoming = Incoming::Arrival(Arrival { node, news: News::Message(message) });
        let lane = self.lane_of(node);
        let Some(passage) = lane.shard.passage_of_push(node, number, now) else {
            if due > now + LOOKAHEAD {
                return self.come_late(node, (due, due), Vec::new(), incoming);
            }
            self.pushed.remove(&node);
            self.lane_of(node).inbox.push_back((due, incoming));
            return;
        };
        match passage.way_down(size, Period::ZERO) {
            Course::Arrives(delay) => {
                let at = due.max(now + LOOKAHEAD + delay);
                self.pushed.insert(node, at);
                self.come_late(node, (at, at), Vec::new(), incoming);
            }
            Course::Hangs(_) => self.come_late(node, (due, Timestamp::NEVER), passage.holders, incoming),
            Course::Breaks(after) => _ = self.breaks.insert(Break { at: now + after, node, by: None }),
        }
    }

    /// Brings something to a node at the last of these instants, or, where faults
    /// hold it, from the first one on as soon as they are over.
    fn come_late(
        &mut self,
        node: u32,
        (earliest, latest): (Timestamp, Timestamp),
        holders: Vec<u32>,
        incoming: Incoming,
    ) {
        self.met += 1;
        let number = self.met;
        let released = if holders.is_empty() { Timestamp::NEVER } else { self.board.over(&holders) };
        let at = released.max(earliest).min(latest);
        self.lane_of(node).late.insert(at, number, Held { incoming, latest, holders });
    }

    /// When a control channel breaks, or a fault begins or ends of which some may break.
    fn next_break(&self) -> Timestamp {
        let breaks = self.breaks.first().map_or(Timestamp::NEVER, |broken| broken.at);
        breaks.min(self.edge)
    }

    /// Breaks the control channels whose time has come, and notes which will
    /// break of what begins now.
    fn break_channels(&mut self, now: Timestamp) {
        self.edge = self.board.next_edge(now);
        let begun =
            self.board.windows().iter().filter(|window| window.from == now && window.is_in_force(now));
        for window in begun {
            for (node, opened) in self.mailroom.channels() {
                let place = self.lanes.partition_point(|lane| lane.shard.numbers().end <= node);
                if window.strikes(self.lanes[place].shard.identity(node)) {
                    let at = channels::breaks_at(&window.fault, opened, now);
                    self.breaks.extend(at.map(|at| Break { at, node, by: Some(window.number) }));
                }
            }
        }
        while let Some(broken) = self.breaks.first().copied().filter(|broken| broken.at <= now) {
            self.breaks.pop_first();
            let is_lifted = broken.by.is_some_and(|number| self.board.over(&[number]) <= broken.at);
            if is_lifted || !self.mailroom.lose(self.service, broken.node) {
                continue;
            }
            let closed = Incoming::Arrival(Arrival { node: broken.node, news: News::ChannelClosed });
            self.kept.remove(&broken.node);
            self.lane_of(broken.node).late.lose_messages(broken.node);
            self.come_late(broken.node, (now + LOOKAHEAD, now + LOOKAHEAD), Vec::new(), closed);
        }
        let nodes: Vec<u32> = self.kept.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.send_kept(node, now));
    }

    /// Brings a node's frames to the plane once nothing holds them any more. The
    /// node has stopped waiting for them.
    fn send_kept(&mut self, node: u32, now: Timestamp) {
        let is_held = |call: &Emitted| {
            let holders = call.passage.as_ref().map_or(&[][..], |passage| &passage.holders);
            self.board.over(holders) > now
        };
        if self.kept.get(&node).is_none_or(|calls| calls.iter().any(is_held)) {
            return;
        }
        for call in self.kept.remove(&node).unwrap_or_default() {
            let Emitted { caller, signing, request, .. } = call;
            // Whatever the plane says of it, nobody waits for that.
            _ = self.transport.carry(self.service, now, caller, &signing, request);
        }
    }

    fn lane_of(&mut self, node: u32) -> &mut ShardLane {
        let place = self.lanes.partition_point(|lane| lane.shard.numbers().end <= node);
        &mut self.lanes[place]
    }
}

impl ShardLane {
    /// Runs the shard up to `end`, which it does not reach. What is delivered
    /// goes before what is due at the same instant.
    fn run(&mut self, end: Timestamp) {
        let last = end - Period::milliseconds(1);
        loop {
            match self.next_incoming(end.min(self.shard.next_due() + Period::milliseconds(1))) {
                Some((at, Incoming::Completion(mut completion, intended))) => {
                    self.now = at;
                    completion.spent = intended.map(|intended| latency::spent(at, intended));
                    self.shard.deliver(completion, at, &mut self.emitted);
                }
                Some((at, Incoming::Arrival(arrival))) => {
                    self.now = at;
                    self.shard.arrive(arrival, at, &mut self.emitted);
                }
                None => match self.shard.serve_from(self.now, last, &mut self.emitted) {
                    Some(due) => self.now = self.now.max(due),
                    None => return,
                },
            }
        }
    }

    /// What comes next before this instant.
    fn next_incoming(&mut self, before: Timestamp) -> Option<(Timestamp, Incoming)> {
        let on_time = self.inbox.front().map_or(Timestamp::NEVER, |(at, _)| *at);
        let late = self.late.next_due();
        if on_time.min(late) >= before {
            return None;
        }
        if late < on_time { self.late.pop() } else { self.inbox.pop_front() }
    }
}

fn node_of(record: &Record) -> u32 {
    match record.by {
        By::Node { number, .. } => number,
        By::Operator => unreachable!("shards tell of nodes"),
    }
}

fn poll(script: &mut Script<'_>, desk: &VirtualDesk<'_>, now: Timestamp) -> bool {
    desk.set_now(now);
    matches!(script.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
}

fn window_start(instant: Timestamp) -> Timestamp {
    let length = LOOKAHEAD.as_milliseconds() as i64;
    Timestamp::from_milliseconds(instant.milliseconds().div_euclid(length) * length)
}
