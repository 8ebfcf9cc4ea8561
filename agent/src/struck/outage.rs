//! A machine goes down and comes back, perhaps as another one.
//!
//! With its memory it loses what it knew of associations; a document whose steps
//! have begun goes on with the step that was under way, once it is back. With its
//! disk it loses that too, and registers anew. Who is cut off goes on, and hears
//! of nobody.
//!
//! Invariant: a machine that is down calls nobody, and does not come back before
//! it has arrived.

use shared::id::NodeId;
use shared::time::{Period, Timestamp};

use crate::call::Call;
use crate::fault::node::Loss;
use crate::fault::strike::Strike;
use crate::inventory::Taken;
use crate::lane::LaneName;
use crate::lifecycle::{Lifecycle, WORKER_START};
use crate::node::{Action, Dispatch, Node, Turn};

/// How soon it is looked again for the id of a node that is to be deregistered.
const LOOK_AGAIN: Period = Period::minutes(1);

impl Node {
    /// Goes down until `back`, or until it is told otherwise.
    pub(super) fn go_down(&mut self, back: Timestamp, loses: Loss, turn: &mut Turn<'_>) {
        if self.lifecycle == Lifecycle::Stopped {
            return;
        }
        let back = self.arrival().map_or(back, |arrives| arrives.max(back));
        self.interrupt_run(loses == Loss::Disk);
        self.poll = None;
        self.known.clear();
        self.known.shrink_to_fit();
        self.asked_twice = false;
        if let Some(messaging) = &mut self.messaging {
            messaging.forget();
        }
        for name in LaneName::ALL {
            let lane = self.lane(name);
            lane.outstanding = None;
            lane.due = Timestamp::NEVER;
        }
        if loses == Loss::Disk {
            self.set_inventory_taken(Taken::default());
            self.lifecycle = Lifecycle::Unregistered;
            self.is_registered = false;
        }
        self.start_at(back, turn);
    }

    /// The machine boots at this instant.
    fn start_at(&mut self, at: Timestamp, turn: &mut Turn<'_>) {
        let settings = &self.identity.cohort(turn.catalogue).identity;
        if self.begins_as_a_stranger(settings) {
            self.lifecycle = Lifecycle::Starting;
        } else if self.lifecycle == Lifecycle::Unregistered {
            return self.arrive(settings, turn.draw, at);
        } else {
            self.lifecycle = Lifecycle::Starting;
            // Whatever was to be done about credentials is done at the start.
            self.lane(LaneName::Credentials).due = at;
        }
        self.lane(LaneName::Health).due = at + WORKER_START;
    }

    /// When a node arrives that has not done so yet.
    fn arrival(&mut self) -> Option<Timestamp> {
        let has_arrived = self.lanes.iter().any(|lane| lane.number > 0);
        let due = self.lanes.iter().map(|lane| lane.due).min().unwrap_or(Timestamp::NEVER);
        let struck = self.struck.as_mut()?;
        if !has_arrived && struck.arrives.is_none() {
            struck.arrives = Some(due);
        }
        struck.arrives.filter(|_| !has_arrived)
    }

    /// Starts under an id that is not its own.
    pub(super) fn live_under(&mut self, id: NodeId, is_strange: bool, turn: &mut Turn<'_>) {
        _ = self.arrival();
        let was_let_in = self.lifecycle != Lifecycle::Unregistered;
        let held = if is_strange { self.held.take() } else { None };
        let Some(struck) = &mut self.struck else { return };
        struck.stray = Some(id);
        struck.own = Some((held, was_let_in));
        if is_strange {
            self.lifecycle = Lifecycle::Unregistered;
        }
        self.go_down(turn.now, Loss::Memory, turn);
    }

    /// Starts under its own id again.
    pub(super) fn live_as_itself(&mut self, turn: &mut Turn<'_>) {
        let Some(struck) = &mut self.struck else { return };
        struck.stray = None;
        let Some((held, was_let_in)) = struck.own.take() else { return };
        if held.is_some() {
            self.held = held;
        }
        if self.lifecycle != Lifecycle::Stopped {
            self.lifecycle = if was_let_in { Lifecycle::Starting } else { Lifecycle::Unregistered };
        }
        self.go_down(turn.now, Loss::Memory, turn);
    }

    /// The node is cut off, or let through again.
    pub(super) fn connection_changes(&mut self, turn: &mut Turn<'_>) {
        let is_cut_off = self.is_cut_off(turn.now);
        if let Some(struck) = &mut self.struck {
            let changes = struck.in_force.iter().filter_map(|one| match &*one.strike {
                Strike::Flapping(flapping) => {
                    Some(turn.now + flapping.until_change(turn.now.since(one.since)))
                }
                _ => None,
            });
            struck.changes_at = changes.min();
        }
        if is_cut_off {
            self.channel_closed(turn);
        }
    }

    /// Somebody deregisters the node on its own machine; its agent goes on.
    pub(super) fn deregister(&mut self, turn: &mut Turn<'_>) {
        let is_known = self.held.as_ref().is_some_and(|held| held.id.is_some());
        let Some(struck) = &mut self.struck else { return };
        if !is_known {
            struck.deregister_at = Some(turn.now + LOOK_AGAIN);
            return;
        }
        struck.deregister_at = None;
        let lane = LaneName::Credentials;
        let number = self.lane(lane).number;
        let (intended, stamped) = (turn.now, turn.now);
        let dispatch = Dispatch { lane, number, attempt: 0, intended, stamped, call: Call::Deregister };
        turn.actions.push(Action::Aside(dispatch, Period::ZERO));
    }
}
