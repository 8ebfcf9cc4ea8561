//! What befalls the plane itself in virtual time: it goes down and is started
//! anew, and its own faults begin and end.
//!
//! While it is down nobody listens: calls are refused at once, its timers miss
//! their instants and are caught up when it is back. Answers that were on their
//! way are cut off, held questions and control channels too, though what the
//! plane had done by then it has done.
//!
//! Invariant: what befalls the plane at an instant goes before all else there.

use agent::call::Answer;
use plane::service::Memory;
use shared::time::{Period, Timestamp};

use super::lane::Incoming;
use super::way::End;
use super::{Coordinator, LOOKAHEAD};
use crate::fault::plane::Carried as PlaneFaults;
use crate::operator::{Order, VirtualDesk};
use crate::shard::{Arrival, News};

/// How the plane fares.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// Its own faults.
    pub(super) faults: Option<PlaneFaults>,
    /// Until when it is down, and what it knows then.
    down: Option<(Timestamp, Memory)>,
    /// Since when it is up again.
    up_since: Timestamp,
}

impl Fate {
    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }
}

impl Incoming {
    /// Turns an answer on its way into none.
    pub(super) fn lose(&mut self) {
        if let Self::Completion(completion, _) = self {
            completion.answer = Answer::Unreachable;
        }
    }
}

impl Coordinator<'_> {
    /// When the plane next does work of its own.
    pub(super) fn next_timer(&self) -> Timestamp {
        if self.fate.is_down() {
            return Timestamp::NEVER;
        }
        self.service.next_timer().map_or(Timestamp::NEVER, |due| due.max(self.fate.up_since))
    }

    /// When something befalls the plane next.
    pub(super) fn next_turn(&self) -> Timestamp {
        let back = self.fate.down.map_or(Timestamp::NEVER, |(until, _)| until);
        let faults = self.fate.faults.as_ref();
        back.min(faults.map_or(Timestamp::NEVER, |faults| faults.next_edge(&self.board)))
    }

    /// Does what befalls the plane now.
    pub(super) fn turn(&mut self, now: Timestamp, desk: &VirtualDesk<'_>) {
        if self.fate.down.is_some_and(|(until, _)| until <= now) {
            self.come_back(now, desk);
        }
        if let Some(faults) = &mut self.fate.faults {
            faults.follow(&self.board, self.service, now);
        }
    }

    /// Carries out what the operator ordered at this instant. Shards have run up
    /// to `end` already, and hear of it then.
    pub(super) fn obey(&mut self, now: Timestamp, end: Timestamp, desk: &VirtualDesk<'_>) {
        while let Some(order) = desk.take_order() {
            match order {
                Order::RestartPlane { downtime, memory } => self.go_down(now, downtime, memory, desk),
                Order::Scale(scale) => self.shards_mut().for_each(|shard| shard.scale(scale, end)),
                // The desk has the plane before it, and changes its world by itself.
                Order::ChangeWorld(_) => {}
            }
        }
    }

    fn go_down(&mut self, now: Timestamp, downtime: Period, memory: Memory, desk: &VirtualDesk<'_>) {
        // One that is down already comes back when the later order says; what was lost stays so.
        let lost = self.fate.down.is_some_and(|(_, before)| before == Memory::Lost);
        self.fate.down = Some((now + downtime, if lost { Memory::Lost } else { memory }));
        desk.set_plane_down(true);
        for lane in &mut self.lanes {
            lane.inbox.iter_mut().for_each(|(_, incoming)| incoming.lose());
            lane.late.cut(now + LOOKAHEAD);
        }
        let (held, open) = self.mailroom.cut();
        for question in held {
            let end = End::at(now + LOOKAHEAD, Answer::Unreachable);
            let carried = self.carried(&question.call);
            self.finish(now, carried, end);
        }
        for node in open {
            let closed = Incoming::Arrival(Arrival { node, news: News::ChannelClosed });
            let at = now + LOOKAHEAD;
            self.come_late(node, (at, at), Vec::new(), closed);
        }
    }

    /// The plane is back.
    pub(super) fn come_back(&mut self, now: Timestamp, desk: &VirtualDesk<'_>) {
        let Some((_, memory)) = self.fate.down.take() else { return };
        self.service.restart(now, memory).expect("what was just written can be read");
        self.fate.up_since = now;
        desk.set_plane_down(false);
    }
}
