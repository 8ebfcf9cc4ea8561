//! Nodes that ended for good, in virtual time.
//!
//! The plane hears of a terminated instance as long after its end as a message
//! takes; of a hybrid node it hears nothing. Whatever was between it and the node
//! is gone: the channel, questions that were held, frames and messages on their way.

use agent::call::Answer;
use shared::time::Timestamp;

use super::way::End;
use super::{Coordinator, LOOKAHEAD};
use crate::churn::Replaced;
use crate::shard::Caller;

impl Coordinator<'_> {
    /// When the plane next hears of a node that ended.
    pub(super) fn next_replaced(&self) -> Timestamp {
        self.replaced.front().map_or(Timestamp::NEVER, |replaced| replaced.at + LOOKAHEAD)
    }

    /// Whether somebody else has taken the caller's place.
    pub(super) fn has_ended(&self, caller: Caller) -> bool {
        self.lane_of(caller.node).shard.identity(caller.node).incarnation != caller.incarnation
    }

    /// Clears away what was between the plane and the next such node.
    pub(super) fn replace(&mut self, now: Timestamp) {
        let Some(replaced) = self.replaced.pop_front() else { return };
        let Replaced { node, id, .. } = replaced;
        self.departed.add(id);
        for question in self.mailroom.forget(self.service, id) {
            let end = End::at(now + LOOKAHEAD, Answer::Unreachable);
            let carried = self.carried(&question.call);
            self.finish(now, carried, end);
        }
        self.breaks.retain(|broken| broken.node != node.number);
        self.kept.remove(&node.number);
        self.pushed.remove(&node.number);
        self.lane_of_mut(node.number).late.lose_messages(node.number);
        if let Some(faults) = &mut self.fate.faults {
            faults.replaced(&replaced, &self.board, self.service, now);
        }
    }
}
