//! Nodes end for good, and others take their places.
//!
//! Whose turn it is when, [`crate::churn`] says. The old one ends without a word;
//! the new one has its number and index, and all else of its own.

use agent::identity::Identity;
use agent::lifecycle::Lifecycle;
use agent::node::Note;
use shared::time::Timestamp;

use crate::churn::{Replaced, successor};
use crate::plan::boots;
use crate::shard::Shard;

impl Shard {
    /// When the next node is replaced.
    pub(super) fn next_replacement(&self) -> Timestamp {
        self.churn.as_ref().map_or(Timestamp::NEVER, |churn| churn.next_due())
    }

    /// Carries the next replacement out, of whoever is there: at work, down, or booting in
    /// another one's place. Who has not arrived yet has nothing to end.
    pub(super) fn replace(&mut self, now: Timestamp) {
        let Some((cohort, index)) = self.churn.as_mut().and_then(|churn| churn.take()) else { return };
        // Nodes of a cohort follow one another.
        let place = self.nodes.partition_point(|node| {
            let Identity { cohort: one, index: other, .. } = node.identity;
            (one, other) < (cohort, index)
        });
        let node = &self.nodes[place];
        let identity = node.identity;
        debug_assert_eq!((identity.cohort, identity.index), (cohort, index), "only its own are drawn");
        let has_come = node.has_called() || identity.incarnation > 0;
        if !self.is_here[place] || !has_come || node.lifecycle == Lifecycle::Stopped {
            return;
        }
        let (before, id) = (node.lifecycle, node.id(identity.draw(&self.catalogue)));
        self.note(identity, Note::Replaced, now);
        let replaced = Replaced { at: now, node: identity, id };
        self.replaced.push(replaced);
        self.measures.replaced.push(replaced);
        self.states[usize::from(cohort)].discount(before);
        let next = successor(identity);
        self.settle(place as u32, next, now + boots(next.draw(&self.catalogue)), now);
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Period;

    use crate::plan::timeline::PlannedScale;
    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;

    use super::*;

    #[test]
    fn who_leaves_and_who_is_replaced_does_so_in_the_order_of_time() {
        let mut scenario = Scenario::load("first-look").expect("it is built in");
        scenario.cohorts[0].churn = Some(60.0);
        let start = Timestamp::from_seconds(1_000);
        let plan = Plan::new(&scenario, &Overrides::default(), start).expect("it makes a plan");
        let mut shard = plan.shards(1).pop().expect("there is one");
        let until = start + Period::hours(1);
        // Half of them leave, one by one, while the others are replaced.
        shard.scale(PlannedScale { cohort: 0, to: 250, over: Period::hours(1) }, start);
        let (mut due, mut emitted) = (Vec::new(), Vec::new());
        while let Some(at) = shard.serve(until, &mut emitted) {
            due.push(at);
        }
        assert!(shard.take_replaced().len() > 5, "some are replaced");
        let stopped = shard.nodes().iter().filter(|node| node.lifecycle == Lifecycle::Stopped);
        assert!(stopped.count() > 5, "some leave");
        assert!(due.is_sorted(), "{due:?}");
    }
}
