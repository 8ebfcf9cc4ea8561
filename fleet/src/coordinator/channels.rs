//! Control channels in virtual time: what goes down them, what they keep, and when
//! they break of network faults.
//!
//! A channel of the real agent pings every 54 s and is lost where no pong came
//! for 60 s, or for 114 s after it was opened. TCP keeps what was sent until it
//! gets through, so what is lifted before that does a channel no harm. Over
//! sockets `agent::client::channel` does the same by itself.

use agent::channel::call::Incoming as Message;
use agent::fault::passage::Course;
use shared::time::{Period, Timestamp};

use super::lane::Incoming;
use super::{Coordinator, LOOKAHEAD};
use crate::scenario::fault::Fault;
use crate::shard::{Arrival, Emitted, News};

/// Between two pings.
const PING_EVERY: Period = Period::seconds(54);
/// How long a channel stands without a pong, after the last one and after its opening.
const PONG_WITHIN: Period = Period::seconds(60);
const FIRST_PONG_WITHIN: Period = Period::seconds(114);

/// A control channel that is going to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Break {
    pub(super) at: Timestamp,
    /// The node's number.
    pub(super) node: u32,
    /// The fault without which it does not.
    pub(super) by: Option<u32>,
}

/// When a channel that was opened then breaks of a fault that begins now.
pub(super) fn breaks_at(fault: &Fault, opened: Timestamp, now: Timestamp) -> Option<Timestamp> {
    match fault {
        Fault::ResetPeer(fault) => Some(now + fault.after),
        Fault::Timeout(fault) => {
            let closed = fault.after.map_or(Timestamp::NEVER, |after| now + after);
            Some(lost_at(opened, now).min(closed))
        }
        Fault::Partition(_) => Some(lost_at(opened, now)),
        // The others let pongs through in time, or strike calls, the node itself, or the plane.
        _ => None,
    }
}

/// When a node gives a channel up that brings no pong from now on.
fn lost_at(opened: Timestamp, now: Timestamp) -> Timestamp {
    let pings = now.since(opened).as_milliseconds() / PING_EVERY.as_milliseconds();
    match pings {
        0 => opened + FIRST_PONG_WITHIN,
        pings => opened + PING_EVERY * pings + PONG_WITHIN,
    }
}

impl Coordinator<'_> {
    /// Sends a message down a node's control channel.
    pub(super) fn push(&mut self, node: u32, message: Message, now: Timestamp) {
        let (size, number) = (message.payload.len(), self.met);
        let before = self.pushed.get(&node).copied().unwrap_or_default();
        let due = (now + LOOKAHEAD).max(before);
        let incoming = Incoming::Arrival(Arrival { node, news: News::Message(message) });
        let lane = self.lane_of_mut(node);
        let Some(passage) = lane.shard.passage_of_push(node, number, now) else {
            if due > now + LOOKAHEAD {
                return self.come_late(node, (due, due), Vec::new(), incoming);
            }
            self.pushed.remove(&node);
            self.lane_of_mut(node).inbox.push_back((due, incoming));
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

    /// When a control channel breaks, or a fault begins or ends of which some may break.
    pub(super) fn next_break(&self) -> Timestamp {
        let breaks = self.breaks.first().map_or(Timestamp::NEVER, |broken| broken.at);
        breaks.min(self.edge)
    }

    /// Breaks the control channels whose time has come, and notes which will
    /// break of what begins now.
    pub(super) fn break_channels(&mut self, now: Timestamp) {
        self.edge = self.board.next_edge(now);
        let begun =
            self.board.windows().iter().filter(|window| window.from == now && window.is_in_force(now));
        for window in begun {
            for (node, opened) in self.mailroom.channels() {
                if window.strikes(self.lane_of(node).shard.identity(node)) {
                    let at = breaks_at(&window.fault, opened, now);
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
            self.lane_of_mut(broken.node).late.lose_messages(broken.node);
            self.come_late(broken.node, (now + LOOKAHEAD, now + LOOKAHEAD), Vec::new(), closed);
        }
        let nodes: Vec<u32> = self.kept.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.send_kept(node, now));
    }

    /// Keeps a frame that cannot get through, and that its channel will deliver.
    pub(super) fn keep(&mut self, call: Emitted, now: Timestamp) {
        let node = call.caller.node;
        self.kept.entry(node).or_default().push(call);
        self.send_kept(node, now);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_given_up_a_minute_after_the_last_pong() {
        let second = Timestamp::from_seconds;
        for (now, lost) in [(0, 114), (53, 114), (54, 114), (107, 114), (108, 168), (1_000, 1_032)] {
            assert_eq!(lost_at(second(0), second(now)), second(lost), "{now}");
        }
    }
}
