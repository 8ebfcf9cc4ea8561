//! Nodes of a cohort come and go.
//!
//! A shard has a row for each node that will ever be there. Those that are not part
//! of the fleet yet, or no more, are not counted, not struck by faults and not told
//! to end. Who comes again starts anew, as the same node.
//!
//! Invariant: those with the lowest indexes of a cohort are there, but for who is
//! yet to leave.

use agent::identity::Identity;
use agent::lifecycle::Lifecycle;
use agent::node::{Event, Node};
use shared::time::Timestamp;

use crate::fault::edges::Edge;
use crate::plan::spread;
use crate::plan::timeline::PlannedScale;
use crate::shard::{Shard, event};

impl Shard {
    /// Lets nodes of a cohort come or go: from now on there are those with the
    /// lowest indexes, so many; those that go leave one by one.
    pub fn scale(&mut self, scale: PlannedScale, now: Timestamp) {
        let PlannedScale { cohort, to, over } = scale;
        if let Some(churn) = &mut self.churn {
            churn.scale(cohort, to, now);
        }
        let nodes = &self.nodes;
        self.leaving.retain(|(_, place)| nodes[*place as usize].identity.cohort != cohort);
        for place in 0..self.nodes.len() as u32 {
            let identity = self.nodes[place as usize].identity;
            if identity.cohort != cohort {
                continue;
            }
            let at = now + spread(identity.number, over);
            match (identity.index < to, self.is_here[place as usize]) {
                (true, false) => self.come(place, at, now),
                (false, true) if at > now => _ = self.leaving.insert((at, place)),
                (false, true) => self.leave(place, now),
                (true, true) | (false, false) => {}
            }
        }
    }

    /// When the next node leaves.
    pub(super) fn next_to_leave(&self) -> Timestamp {
        self.leaving.first().map_or(Timestamp::NEVER, |(at, _)| *at)
    }

    /// Lets those go whose instant has come.
    pub(super) fn let_leave(&mut self, until: Timestamp, now: Timestamp) {
        while let Some((_, place)) = self.leaving.first().copied().filter(|(at, _)| *at <= until) {
            self.leaving.pop_first();
            self.leave(place, now);
        }
    }

    /// A node joins the fleet, and arrives then.
    fn come(&mut self, place: u32, arrives: Timestamp, now: Timestamp) {
        let identity = self.nodes[place as usize].identity;
        self.settle(place, identity, arrives, now);
        self.is_here[place as usize] = true;
    }

    /// Puts this node in its place, which is counted from now on and arrives then.
    pub(super) fn settle(&mut self, place: u32, identity: Identity, arrives: Timestamp, now: Timestamp) {
        self.renew(place, identity, arrives);
        let lifecycle = self.nodes[place as usize].lifecycle;
        self.states[usize::from(identity.cohort)].count(lifecycle);
        // What is in force strikes it as it struck the one before it.
        for edge in self.edges.in_force(&self.board) {
            if let Edge::Begins(window, strike) = &edge
                && window.strikes(identity)
            {
                self.measures.struck_by(window.number);
                self.hand(place, event(window.number, Some(strike)), now, &mut Vec::new());
            }
        }
    }

    /// A node ends, or does not arrive.
    fn leave(&mut self, place: u32, now: Timestamp) {
        let node = &self.nodes[place as usize];
        if node.lifecycle != Lifecycle::Unregistered || node.is_calling() {
            self.hand(place, Event::Stop, now, &mut Vec::new());
        } else {
            self.states[usize::from(node.identity.cohort)].discount(node.lifecycle);
            let identity = node.identity;
            self.renew(place, identity, Timestamp::NEVER);
        }
        self.is_here[place as usize] = false;
    }

    /// Puts a node in its place that has done nothing yet.
    fn renew(&mut self, place: u32, identity: Identity, arrives: Timestamp) {
        let node = Node::new(identity, &self.catalogue, arrives);
        self.agenda.set(place, node.next_due());
        self.nodes[place as usize] = node;
    }
}
