//! A shard and what is on its way to its nodes.
//!
//! What comes in time waits in a queue, for it comes in the order in which it set
//! out; what comes late is sorted by its instant. Both are handed to the shard
//! before anything of its own that is due at the same instant.

use std::collections::VecDeque;

use shared::time::{Period, Timestamp};

use super::way::{Held, Late};
use super::{Coordinator, latency};
use crate::shard::{Arrival, Completion, Emitted, Shard};

/// A shard and the completions on their way to it, in the order of their instants.
pub(super) struct ShardLane {
    pub(super) shard: Shard,
    /// The instant of what its nodes were handed last. It depends on no other node
    /// where it matters: a node that is behind is served before anybody else.
    now: Timestamp,
    pub(super) inbox: VecDeque<(Timestamp, Incoming)>,
    pub(super) late: Late,
    pub(super) emitted: Vec<Emitted>,
}

/// What is on its way to a node.
pub(super) enum Incoming {
    /// A call's end, and where latency is modelled, when it was meant to be made.
    Completion(Completion, Option<Timestamp>),
    Arrival(Arrival),
}

impl ShardLane {
    /// A shard to whose nodes nothing is on its way.
    pub(super) fn new(shard: Shard, now: Timestamp) -> Self {
        Self { shard, now, late: Late::default(), inbox: VecDeque::new(), emitted: Vec::new() }
    }

    /// When something comes to its nodes, or they do something of their own.
    pub(super) fn next_due(&self) -> Timestamp {
        self.shard.next_due().min(self.next_arrival())
    }

    /// Whether nothing is on its way to its nodes, and none holds a call or a run.
    pub(super) fn is_idle(&self) -> bool {
        self.inbox.is_empty() && self.late.is_empty() && self.shard.is_idle()
    }

    /// Runs the shard up to `end`, which it does not reach. What is delivered
    /// goes before what is due at the same instant.
    pub(super) fn run(&mut self, end: Timestamp) {
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
        let on_time = self.next_on_time();
        let late = self.late.next_due();
        if on_time.min(late) >= before {
            return None;
        }
        if late < on_time { self.late.pop() } else { self.inbox.pop_front() }
    }

    fn next_arrival(&self) -> Timestamp {
        self.next_on_time().min(self.late.next_due())
    }

    fn next_on_time(&self) -> Timestamp {
        self.inbox.front().map_or(Timestamp::NEVER, |(at, _)| *at)
    }
}

impl Coordinator<'_> {
    /// The lane of a node's shard.
    pub(super) fn lane_of(&self, node: u32) -> &ShardLane {
        &self.lanes[self.place_of(node)]
    }

    /// The lane of a node's shard, to bring something.
    pub(super) fn lane_of_mut(&mut self, node: u32) -> &mut ShardLane {
        let place = self.place_of(node);
        &mut self.lanes[place]
    }

    fn place_of(&self, node: u32) -> usize {
        self.lanes.partition_point(|lane| lane.shard.numbers().end <= node)
    }

    /// Brings something to a node at the last of these instants, or, where faults
    /// hold it, from the first one on as soon as they are over.
    pub(super) fn come_late(
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
        self.lane_of_mut(node).late.insert(at, number, Held { incoming, latest, holders });
    }
}
