//! The way of a call that meets faults, in virtual time: when it reaches the
//! plane, if it does, and when its end comes to the node.
//!
//! `agent::fault::passage` says what comes of each way; here that becomes
//! instants. Whoever hears nothing gives up at the operation's limit, as on a
//! socket, or is let go when what holds it is lifted.

use std::collections::BTreeMap;

use agent::call::Answer;
use agent::fault::passage::{Course, Meddling, Passage};
use shared::time::{Period, Timestamp};

use super::{Incoming, LOOKAHEAD};
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
}

/// When a call reaches the plane, or would have, and its end if it does not.
pub(super) fn up(call: &Emitted) -> (Timestamp, Option<End>) {
    let at = call.made + LOOKAHEAD;
    let Some(passage) = &call.passage else { return (at, None) };
    if let Meddling::Answers(stated) = &passage.meddling {
        return (at, Some(End { answer: stated.answer(), at: at + LOOKAHEAD, is_held: false }));
    }
    let limit = limit_of(call.request.operation());
    match passage.way_up(call.request.body().len()) {
        Course::Arrives(delay) if delay < limit => (at + delay, None),
        course => (at, Some(end(course, call.made, at, limit))),
    }
}

/// How a call ends that the plane answered at this instant.
pub(super) fn down(
    passage: &Passage,
    operation: &str,
    made: Timestamp,
    at: Timestamp,
    answer: Answer,
) -> End {
    let answer = match &passage.meddling {
        Meddling::Replaces(stated) => stated.answer(),
        _ => answer,
    };
    let limit = limit_of(operation);
    match passage.way_down(answer.size(), at.since(made)) {
        Course::Arrives(delay) if at + LOOKAHEAD + delay < made + limit => {
            End { answer, at: at + LOOKAHEAD + delay, is_held: false }
        }
        course => end(course, made, at, limit),
    }
}

/// An end without an answer.
fn end(course: Course, made: Timestamp, at: Timestamp, limit: Period) -> End {
    let gives_up = (made + limit).max(at + LOOKAHEAD);
    let (at, is_held) = match course {
        Course::Breaks(after) => ((at + LOOKAHEAD + after).min(gives_up), false),
        Course::Hangs(after) => (after.map_or(gives_up, |after| (made + after).min(gives_up)), true),
        Course::Arrives(_) => (gives_up, false),
    };
    End { answer: Answer::Unreachable, at, is_held }
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

    /// The first of it.
    pub(super) fn pop(&mut self) -> Option<(Timestamp, Incoming)> {
        self.coming.pop_first().map(|((at, _), held)| (at, held.incoming))
    }
}
