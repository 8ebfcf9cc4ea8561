//! The way of a call that meets faults, in virtual time: when it reaches the
//! plane, if it does, and when its end comes to the node.
//!
//! `agent::fault::passage` says what comes of each way; here that becomes
//! instants. Whoever hears nothing gives up at the operation's limit, as on a
//! socket, or is let go when what holds it is lifted.

use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::channel::call::MessageRequest;
use agent::fault::passage::{Course, Meddling, Passage};
use shared::time::{Period, Timestamp};

use super::LOOKAHEAD;
use super::lane::Incoming;
use crate::fault::Board;
use crate::live::limit_of;
use crate::shard::{Emitted, News};

/// How a call comes to its end.
#[derive(Debug)]
pub(super) struct End {
    pub(super) answer: Answer,
    /// When the node learns of it.
    pub(super) at: Timestamp,
    /// Whether it learns of it sooner where its faults are lifted sooner.
    pub(super) is_held: bool,
    /// Whether the channel breaks over which it went.
    pub(super) breaks_channel: bool,
    /// Whether it is a frame that its channel keeps until there is a way again.
    pub(super) is_kept: bool,
}

impl End {
    /// An end that comes at this instant and does no more.
    pub(super) fn at(at: Timestamp, answer: Answer) -> Self {
        Self { answer, at, is_held: false, breaks_channel: false, is_kept: false }
    }

    /// The same end of a call made at this instant, its answer being so much
    /// later: too late for who waits no longer.
    pub(super) fn later(self, delay: Period, made: Timestamp, patience: Patience) -> Self {
        let gives_up = made + patience.limit;
        if delay == Period::ZERO || !patience.is_awaited || self.at + delay < gives_up {
            return Self { at: self.at + delay, ..self };
        }
        Self { answer: Answer::Unreachable, at: gives_up.max(self.at), ..self }
    }
}

/// How long a call is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// After so long nothing more is expected.
    pub(super) limit: Period,
    /// Whether an answer is. What is sent over a channel without one is done with
    /// once it is sent.
    is_awaited: bool,
    /// Whether it goes over a channel, which delivers it although nobody waits any more.
    pub(super) is_frame: bool,
}

impl Patience {
    pub(super) fn of(request: &Request, message_wait: Period) -> Self {
        let limit = limit_of(request.operation(), message_wait);
        match request {
            Request::Message(MessageRequest::Frame(frame)) => {
                Self { limit, is_awaited: frame.is_awaited, is_frame: true }
            }
            _ => Self { limit, is_awaited: true, is_frame: false },
        }
    }
}

/// When a call reaches the plane, or would have, and its end if it does not.
pub(super) fn up(call: &Emitted, message_wait: Period) -> (Timestamp, Option<End>) {
    let at = call.made + LOOKAHEAD;
    let Some(passage) = &call.passage else { return (at, None) };
    if let Meddling::Answers(stated) = &passage.meddling {
        return (at, Some(End::at(at + LOOKAHEAD, stated.answer())));
    }
    let patience = Patience::of(&call.request, message_wait);
    match passage.way_up(call.request.body().len()) {
        Course::Arrives(delay) if delay < patience.limit || patience.is_frame => (at + delay, None),
        course => (at, Some(end(course, call.made, at, patience, passage.meddling == Meddling::None))),
    }
}

/// How a call ends that the plane answered at this instant.
pub(super) fn down(
    passage: &Passage,
    patience: Patience,
    made: Timestamp,
    at: Timestamp,
    answer: Answer,
) -> End {
    let answer = match &passage.meddling {
        Meddling::Replaces(stated) => stated.answer(),
        _ => answer,
    };
    match passage.way_down(answer.size(), at.since(made)) {
        Course::Arrives(delay) if at + LOOKAHEAD + delay < made + patience.limit => {
            End::at(at + LOOKAHEAD + delay, answer)
        }
        course => end(course, made, at, patience, passage.meddling == Meddling::None),
    }
}

/// An end without an answer. What befalls a single frame does its channel no harm.
fn end(course: Course, made: Timestamp, at: Timestamp, patience: Patience, is_of_channel: bool) -> End {
    let gives_up = (made + patience.limit).max(at + LOOKAHEAD);
    let breaks_channel = patience.is_frame && is_of_channel && matches!(course, Course::Breaks(_));
    let is_kept = patience.is_frame && matches!(course, Course::Hangs(_));
    if !patience.is_awaited {
        return End { breaks_channel, is_kept, ..End::at(at + LOOKAHEAD, Answer::Done) };
    }
    let (at, is_held) = match course {
        Course::Breaks(after) => ((at + LOOKAHEAD + after).min(gives_up), false),
        Course::Hangs(after) => (after.map_or(gives_up, |after| (made + after).min(gives_up)), true),
        Course::Arrives(_) => (gives_up, false),
    };
    End { answer: Answer::Unreachable, at, is_held, breaks_channel, is_kept }
}

/// What comes to the nodes of a shard later than anything else that left the
/// plane with it.
#[derive(Default)]
pub(super) struct Late {
    coming: BTreeMap<(Timestamp, u64), Held>,
}

/// Something that may be let go before its time.
pub(super) struct Held {
    pub(super) incoming: Incoming,
    /// When it comes at the latest.
    pub(super) latest: Timestamp,
    /// The faults that hold it until then, if any do.
    pub(super) holders: Vec<u32>,
}

impl Late {
    /// When the first of it comes.
    pub(super) fn next_due(&self) -> Timestamp {
        self.coming.first_key_value().map_or(Timestamp::NEVER, |((at, _), _)| *at)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.coming.is_empty()
    }

    /// Takes in what comes at this instant; `number` follows the plane's order.
    pub(super) fn insert(&mut self, at: Timestamp, number: u64, held: Held) {
        self.coming.insert((at, number), held);
    }

    /// Lets go what a new board no longer holds, not before `earliest`.
    pub(super) fn follow(&mut self, board: &Board, earliest: Timestamp) {
        let held = |(_, held): &(&(Timestamp, u64), &Held)| !held.holders.is_empty();
        let keys: Vec<_> = self.coming.iter().filter(held).map(|(key, _)| *key).collect();
        for key in keys {
            let held = self.coming.remove(&key).expect("it was just seen");
            let at = board.over(&held.holders).max(earliest).min(held.latest);
            self.coming.insert((at, key.1), held);
        }
    }

    /// Forgets the messages on their way to a node whose control channel broke.
    pub(super) fn lose_messages(&mut self, node: u32) {
        self.coming.retain(|_, held| {
            !matches!(&held.incoming, Incoming::Arrival(arrival)
                if arrival.node == node && matches!(arrival.news, News::Message(_)))
        });
    }

    /// Cuts off the answers on their way: at this instant their nodes learn that
    /// none comes. What a fault of the network holds back is not there to be cut.
    pub(super) fn cut(&mut self, at: Timestamp) {
        let is_cut =
            |held: &Held| held.holders.is_empty() && matches!(&held.incoming, Incoming::Completion(..));
        let keys: Vec<_> = self.coming.iter().filter(|(_, held)| is_cut(held)).map(|(key, _)| *key).collect();
        for (due, number) in keys {
            let mut held = self.coming.remove(&(due, number)).expect("it was just seen");
            held.incoming.lose();
            self.coming.insert((due.min(at), number), held);
        }
    }

    /// The first of it.
    pub(super) fn pop(&mut self) -> Option<(Timestamp, Incoming)> {
        self.coming.pop_first().map(|((at, _), held)| (at, held.incoming))
    }
}
