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

mod messages;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use agent::call::Answer;
use plane::service::Service;
use shared::time::{Period, Timestamp};

use crate::history::{Ending, Entry, History};
use crate::in_process::Carry;
use crate::measure::Measures;
use crate::operator::{Desk, VirtualDesk};
use crate::shard::{Arrival, Caller, Completion, Emitted, News, Shard};
use crate::simulation::CohortState;
use messages::{Delivery, Mailroom, Until};

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
    now: Timestamp,
    events: u64,
    mailroom: Mailroom,
}

/// A shard and the completions on their way to it, in the order of their instants.
struct ShardLane {
    shard: Shard,
    inbox: VecDeque<(Timestamp, Incoming)>,
    emitted: Vec<Emitted>,
}

/// What is on its way to a node.
enum Incoming {
    Completion(Completion),
    Arrival(Arrival),
}

struct Arriving {
    at: Timestamp,
    call: Emitted,
}

impl Arriving {
    fn key(&self) -> (Timestamp, Caller) {
        (self.at, self.call.caller)
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
        let lanes = shards
            .into_iter()
            .map(|shard| ShardLane { shard, inbox: VecDeque::new(), emitted: Vec::new() })
            .collect();
        service.follow();
        let mailroom = Mailroom::default();
        Self { service, transport, lanes, arriving: Vec::new(), history, now: start, events: 0, mailroom }
    }

    /// From here on this plane answers: it was started anew with what the other one kept.
    pub fn move_to(&mut self, service: &'a Service) {
        self.service = service;
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
        while !self.is_idle() && self.now < until {
            let stride = (self.now + Period::seconds(1)).min(until);
            self.run(script.as_mut(), desk, stride);
        }
    }

    /// The shards, to be told something.
    pub fn shards_mut(&mut self) -> impl Iterator<Item = &mut Shard> {
        self.lanes.iter_mut().map(|lane| &mut lane.shard)
    }

    /// Whether nothing is on its way and no node holds a call or a run.
    pub fn is_idle(&self) -> bool {
        self.arriving.is_empty()
            && self.lanes.iter().all(|lane| lane.inbox.is_empty() && lane.shard.is_idle())
    }

    /// Runs windows until the script has ended, or until this instant, which it
    /// does not pass. Says whether the script has ended.
    pub fn run(&mut self, mut script: Script<'_>, desk: &VirtualDesk<'_>, until: Timestamp) -> bool {
        if poll(&mut script, desk, self.now) {
            return true;
        }
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
            self.now = end.min(until);
            if has_ended {
                return true;
            }
        }
    }

    fn next_instant(&self) -> Timestamp {
        let shards = self.lanes.iter().map(|lane| {
            let arrives = lane.inbox.front().map_or(Timestamp::NEVER, |(at, _)| *at);
            lane.shard.next_due().min(arrives)
        });
        let arriving = self.arriving.iter().map(|arriving| arriving.at);
        let others = self.service.next_timer().into_iter().chain([self.mailroom.next_due()]);
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
            let arriving = lane.emitted.drain(..).map(|call| Arriving { at: call.made + LOOKAHEAD, call });
            self.arriving.extend(arriving);
            desk.registered(lane.shard.measures.take_registered(), LOOKAHEAD);
        }
        self.arriving.sort_unstable_by_key(Arriving::key);
    }

    /// Applies what reaches the plane before `end`, in its one order. Says
    /// whether the operator's script has ended.
    fn apply(&mut self, end: Timestamp, script: &mut Script<'_>, desk: &VirtualDesk<'_>) -> bool {
        let due = self.arriving.partition_point(|arriving| arriving.at < end);
        let later = self.arriving.split_off(due);
        let mut calls = std::mem::replace(&mut self.arriving, later).into_iter().peekable();
        let mut has_ended = false;
        loop {
            let timer = self.service.next_timer().unwrap_or(Timestamp::NEVER);
            let operator = if has_ended { Timestamp::NEVER } else { desk.next_due() };
            let call = calls.peek().map_or(Timestamp::NEVER, |call| call.at);
            let mail = self.mailroom.next_due();
            let at = timer.min(operator).min(call).min(mail);
            if at >= end {
                return has_ended;
            }
            if timer == at {
                self.service.run_timers(at);
            } else if operator == at {
                has_ended = poll(script, desk, at);
            } else if mail == at {
                // Looked after below.
            } else {
                self.carry(calls.next().expect("a call is due"), None);
            }
            self.look_after(at);
        }
    }

    /// Looks after nodes for which the plane has something new.
    fn look_after(&mut self, now: Timestamp) {
        self.mailroom.gather(self.service, now);
        while let Some(deliveries) = self.mailroom.next(self.service, now) {
            for delivery in deliveries {
                match delivery {
                    Delivery::Push(node, incoming) => {
                        let arrival = Arrival { node, news: News::Message(incoming) };
                        let inbox = &mut self.lane_of(node).inbox;
                        inbox.push_back((now + LOOKAHEAD, Incoming::Arrival(arrival)));
                    }
                    Delivery::Ask(held, until) => {
                        self.carry(Arriving { at: now, call: held.call }, Some(until));
                    }
                }
            }
            self.mailroom.gather(self.service, now);
        }
    }

    /// Carries a call to the plane. A question for messages that finds none is
    /// held; one that was held already is, until the instant that was set.
    fn carry(&mut self, arriving: Arriving, held_until: Option<Until>) {
        let Arriving { at, call } = arriving;
        let made = call.made;
        // The answer that nobody waits for any more would take its way back.
        let wait = self.lanes[0].shard.timing(call.cohort).message_wait - LOOKAHEAD;
        let again = messages::asks(&call.request).map(|node| (node, call.clone()));
        let opens = messages::opens(&call.request);
        if let Some(node) = opens {
            self.mailroom.opens(self.service, node);
        }
        let Emitted { caller, signing, request, attempt, .. } = call;
        let operation = request.operation();
        let body = shared::seed::digest(&request.body());
        let answer = match held_until {
            Some(Until::GivenUp(until)) if until <= at => Answer::Unreachable,
            _ => self.transport.carry(self.service, at, caller, &signing, request),
        };
        if let Some((node, call)) = again
            && messages::is_empty(&answer)
        {
            let until = held_until.unwrap_or_else(|| Until::of(self.service, at, made, wait));
            if at < until.at() {
                self.mailroom.hold(node, Arriving { at, call }, until);
                return;
            }
        }
        if let Some(node) = opens.filter(|_| matches!(answer, Answer::Done)) {
            self.mailroom.opened(node, caller.node);
        }
        self.events += 1;
        let Caller { node, lane, number, .. } = caller;
        let ending = Ending::from(&answer);
        let lane_of_node = self.lane_of(node);
        let completion = Completion { caller, operation, attempt, answer, spent: None };
        lane_of_node.inbox.push_back((at + LOOKAHEAD, Incoming::Completion(completion)));
        self.history.record(Entry { arrived: at, node, lane, number, attempt, operation, body, ending });
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
            let due = self.shard.next_due();
            match self.inbox.front() {
                Some((at, _)) if *at < end && *at <= due => {
                    match self.inbox.pop_front().expect("the front was seen") {
                        (at, Incoming::Completion(completion)) => {
                            self.shard.deliver(completion, at, &mut self.emitted);
                        }
                        (at, Incoming::Arrival(arrival)) => {
                            self.shard.arrive(arrival, at, &mut self.emitted);
                        }
                    }
                }
                _ => {
                    if self.shard.serve(last, &mut self.emitted).is_none() {
                        return;
                    }
                }
            }
        }
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
