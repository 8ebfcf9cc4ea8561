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

mod calls;
mod channels;
mod lane;
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

use plane::service::Service;
use shared::time::{Period, Timestamp};

use crate::churn::{Departed, Replaced};
use crate::fault::Board;
use crate::fault::plane::Carried as PlaneFaults;
use crate::fault::switchboard::Boards;
use crate::history::History;
use crate::history::record::{By, Record};
use crate::in_process::Carry;
use crate::measure::Measures;
use crate::measure::live::{Live, LiveBoard};
use crate::measure::meter::Meter;
use crate::measure::timeline::Timeline;
use crate::operator::{Desk, VirtualDesk};
use crate::shard::{Emitted, Shard};
use crate::simulation::CohortState;
use calls::Arriving;
use channels::Break;
use lane::ShardLane;
use latency::LatencyModel;
use messages::{Delivery, Mailroom};
use outage::Fate;

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
    /// Where it is said which nodes ended so.
    departed: Arc<Departed>,
}

/// Who follows the run, and where what is known stands for the operator.
#[derive(Debug)]
pub struct Follower {
    /// Takes what shards tell.
    pub meter: Meter,
    /// Where what is known is put.
    pub board: Arc<LiveBoard>,
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
                ShardLane::new(shard, start)
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
            departed: Arc::default(),
        }
    }

    /// The same fleet, which says there which nodes ended for good.
    pub fn telling_of(self, departed: Arc<Departed>) -> Self {
        Self { departed, ..self }
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
        if let Some(rounds) = follower.meter.fold() {
            self.lanes.iter_mut().for_each(|lane| lane.shard.measures.fold(&rounds, at));
        }
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
        self.arriving.is_empty() && self.lanes.iter().all(ShardLane::is_idle)
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
        let shards = self.lanes.iter().map(ShardLane::next_due);
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
