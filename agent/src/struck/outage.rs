//! A machine goes down and comes back, perhaps as another one.
//!
//! With its memory it loses what it knew of associations; a document whose steps
//! have begun goes on with the step that was under way, once it is back. With its
//! disk it loses that too, and registers anew. Who is cut off goes on, and hears
//! of nobody.
//!
//! Invariant: a machine that is down calls nobody, and comes back neither before
//! it has arrived nor while anything else keeps it down.

use shared::id::NodeId;
use shared::time::{Period, Timestamp};

use crate::call::Call;
use crate::fault::node::Loss;
use crate::fault::strike::Strike;
use crate::inventory::Taken;
use crate::lane::LaneName;
use crate::lifecycle::{Lifecycle, WORKER_START};
use crate::node::{Action, Dispatch, Node, Turn};
use crate::struck::{Own, Stray};

/// How soon it is looked again for the id of a node that is to be deregistered.
const LOOK_AGAIN: Period = Period::minutes(1);

impl Node {
    /// Goes down until `back`, or for as long as anything keeps it down.
    pub(super) fn go_down(&mut self, back: Timestamp, loses: Loss, turn: &mut Turn<'_>) {
        if self.lifecycle == Lifecycle::Stopped {
            return;
        }
        let back = self.arrival().map_or(back, |arrives| arrives.max(back));
        let kept = self.struck.as_ref().and_then(|struck| struck.is_down_until());
        let back = kept.map_or(back, |until| until.max(back));
        let is_disk_lost = loses == Loss::Disk;
        self.run.take_if(|run| !run.is_interrupted(is_disk_lost));
        self.poll = None;
        self.known.clear();
        self.known.shrink_to_fit();
        self.asked_twice = false;
        if let Some(messaging) = &mut self.messaging {
            messaging.go_down(is_disk_lost);
        }
        for name in LaneName::ALL {
            let lane = self.lane(name);
            lane.outstanding = None;
            lane.due = Timestamp::NEVER;
        }
        if is_disk_lost {
            self.set_inventory_taken(Taken::default());
            self.lifecycle = Lifecycle::Unregistered;
            self.is_registered = false;
            if let Some(own) = self.struck.as_mut().and_then(|struck| struck.own.as_mut()) {
                (own.held, own.was_let_in) = (None, false);
            }
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
        let has_arrived = self.has_called();
        let due = self.lanes.iter().map(|lane| lane.due).min().unwrap_or(Timestamp::NEVER);
        let struck = self.struck.as_mut()?;
        if !has_arrived && struck.arrives.is_none() {
            struck.arrives = Some(due);
        }
        struck.arrives.filter(|_| !has_arrived)
    }

    /// Starts under an id that is not its own.
    pub(super) fn live_under(&mut self, window: u32, id: NodeId, is_strange: bool, turn: &mut Turn<'_>) {
        _ = self.arrival();
        let was_let_in = self.lifecycle != Lifecycle::Unregistered;
        let held = if is_strange { self.held.take() } else { None };
        let Some(struck) = &mut self.struck else { return };
        let own = struck.own.get_or_insert(Own { held: None, was_let_in });
        if !struck.strays.iter().any(|stray| stray.is_strange) {
            own.held = held;
        }
        struck.strays.push(Stray { window, id, is_strange });
        if is_strange && self.lifecycle != Lifecycle::Stopped {
            self.lifecycle = Lifecycle::Unregistered;
        }
        self.go_down(turn.now, Loss::Memory, turn);
    }

    /// Starts without the id that came with this window: as itself again, unless it
    /// has another one that is not its own.
    pub(super) fn live_as_itself(&mut self, window: u32, turn: &mut Turn<'_>) {
        let Some(struck) = &mut self.struck else { return };
        struck.strays.retain(|stray| stray.window != window);
        let Some(own) = &mut struck.own else { return };
        if !struck.strays.iter().any(|stray| stray.is_strange) {
            if own.held.is_some() {
                self.held = own.held.take();
            }
            if self.lifecycle != Lifecycle::Stopped {
                self.lifecycle = if own.was_let_in { Lifecycle::Starting } else { Lifecycle::Unregistered };
            }
        }
        if struck.strays.is_empty() {
            struck.own = None;
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
