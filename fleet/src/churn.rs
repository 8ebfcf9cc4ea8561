//! Churn: nodes that end for good, and others that take their places.
//!
//! The `k`-th replacement of a cohort falls into the `k`-th of stretches as long
//! as the rate has it, at a drawn instant of that stretch, and strikes a drawn
//! index of those that the cohort has then: even in the mean, and a pure function
//! of (seed, cohort, `k`). A shard looks at all of them and takes its own. What
//! a replacement is to a node is [`crate::shard`]'s business.
//!
//! Invariant: every shard passes over the same replacements, so the same nodes
//! are replaced however the fleet is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent::identity::Identity;
use shared::id::NodeId;
use shared::seed::Draw;
use shared::time::{Period, Timestamp};

use crate::plan::Plan;

/// How often a node may be replaced on average in a run. A hybrid one registers
/// each time, and an activation lets in a thousand.
pub const MOST_LIVES: f64 = 400.0;

/// A node that ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replaced {
    /// When.
    pub at: Timestamp,
    /// Who it was. Who takes its place is of the next incarnation.
    pub node: Identity,
    /// The id under which it called.
    pub id: NodeId,
}

impl Replaced {
    /// Who takes its place.
    pub fn successor(&self) -> Identity {
        successor(self.node)
    }
}

/// Who takes a node's place.
pub fn successor(node: Identity) -> Identity {
    Identity { incarnation: node.incarnation.saturating_add(1), ..node }
}

/// The replacements that are to come in a shard.
#[derive(Debug)]
pub struct Churn {
    cohorts: Vec<Turnover>,
}

/// The replacements that are to come among some nodes of a cohort.
#[derive(Debug)]
pub struct Turnover {
    /// The cohort's number.
    pub cohort: u16,
    /// What they are drawn from.
    pub draw: Draw,
    /// When the run begins.
    pub start: Timestamp,
    /// How many milliseconds there are from one to the next in the mean.
    pub every: f64,
    /// The indexes that are looked after here.
    pub own: Range<u32>,
    /// How many nodes the cohort has now.
    pub size: u32,
    /// The number of the next one that nobody looked at.
    pub number: u64,
    /// The next one here: when, and which index.
    pub next: Option<(Timestamp, u32)>,
}

impl Churn {
    /// The replacements of these cohorts, if there are any.
    pub fn new(cohorts: Vec<Turnover>) -> Option<Box<Self>> {
        let mut cohorts = cohorts;
        cohorts.retain(|cohort| !cohort.own.is_empty());
        cohorts.iter_mut().for_each(Turnover::look_on);
        (!cohorts.is_empty()).then(|| Box::new(Self { cohorts }))
    }

    /// When the next one is.
    pub fn next_due(&self) -> Timestamp {
        let due = self.cohorts.iter().filter_map(|cohort| cohort.next);
        due.map(|(at, _)| at).min().unwrap_or(Timestamp::NEVER)
    }

    /// The next one's cohort and index, and goes on to what follows.
    pub fn take(&mut self) -> Option<(u16, u32)> {
        let earliest = self.next_due();
        let cohort =
            self.cohorts.iter_mut().find(|cohort| cohort.next.is_some_and(|(at, _)| at == earliest))?;
        let (_, index) = cohort.next?;
        cohort.look_on();
        Some((cohort.cohort, index))
    }

    /// From now on a cohort has so many nodes.
    pub fn scale(&mut self, cohort: u16, size: u32, now: Timestamp) {
        for cohort in self.cohorts.iter_mut().filter(|one| one.cohort == cohort) {
            cohort.size = size;
            // What was drawn for later was drawn among others.
            cohort.number = cohort.first_after(now);
            cohort.look_on();
        }
    }
}

impl Turnover {
    /// Looks for the next one here.
    fn look_on(&mut self) {
        self.next = None;
        if self.own.start >= self.size {
            return;
        }
        while self.next.is_none() {
            let (at, index) = self.of(self.number);
            if at == Timestamp::NEVER {
                return;
            }
            self.number += 1;
            self.next = self.own.contains(&index).then_some((at, index));
        }
    }

    /// When the replacement of this number is, and which index it strikes.
    fn of(&self, number: u64) -> (Timestamp, u32) {
        let draw = self.draw.part(number);
        let after = (number as f64 + draw.uniform("instant", 0)) * self.every;
        let index = (draw.uniform("index", 0) * f64::from(self.size)) as u32;
        let at =
            if after < 1e15 { self.start + Period::milliseconds(after as u64) } else { Timestamp::NEVER };
        (at, index.min(self.size.saturating_sub(1)))
    }

    /// The number of the first replacement after this instant.
    fn first_after(&self, now: Timestamp) -> u64 {
        let stretch = (now.since(self.start).as_milliseconds() as f64 / self.every) as u64;
        let mut number = stretch.saturating_sub(1);
        while self.of(number).0 <= now {
            number += 1;
        }
        number
    }
}

/// In their so-many-eth lives nodes are, as far as that is not the first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lives(BTreeMap<u32, u16>);

impl Lives {
    /// Takes note of a node that is there now.
    pub fn meet(&mut self, node: Identity) {
        if node.incarnation > 0 {
            let known = self.0.entry(node.number).or_default();
            *known = node.incarnation.max(*known);
        }
    }

    /// Who the node of this number is now.
    pub fn identity(&self, plan: &Plan, number: u32) -> Identity {
        let incarnation = self.0.get(&number).copied().unwrap_or_default();
        Identity { incarnation, ..plan.identity(number) }
    }

    /// The id of the node of this number, see [`Plan::node_id`].
    pub fn node_id(&self, plan: &Plan, number: u32) -> NodeId {
        plan.id_of(self.identity(plan, number))
    }
}

/// The ids of the nodes that ended for good so far, for whoever waits for nodes.
#[derive(Debug, Default)]
pub struct Departed(Mutex<BTreeSet<NodeId>>);

impl Departed {
    /// One more ended.
    pub fn add(&self, id: NodeId) {
        self.read().insert(id);
    }

    /// All of them.
    pub fn read(&self) -> MutexGuard<'_, BTreeSet<NodeId>> {
        // Whoever panicked while it held the lock has put nothing half.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;

    fn turnover(own: Range<u32>, size: u32) -> Turnover {
        Turnover {
            cohort: 0,
            draw: Seed(7).draw("churn", 0),
            start: Timestamp::from_seconds(1_000),
            every: 300_000.0,
            own,
            size,
            number: 0,
            next: None,
        }
    }

    fn until(churn: &mut Option<Box<Churn>>, end: Timestamp) -> Vec<(Timestamp, u32)> {
        let mut taken = Vec::new();
        let Some(churn) = churn else { return taken };
        while churn.next_due() < end {
            let at = churn.next_due();
            taken.push((at, churn.take().expect("one is due").1));
        }
        taken
    }

    #[test]
    fn replacements_are_even_in_the_mean_and_the_same_however_the_fleet_is_cut() {
        let day = Timestamp::from_seconds(1_000) + Period::hours(24);
        let all = until(&mut Churn::new(vec![turnover(0..100, 100)]), day);
        assert_eq!(all.len(), 288, "twelve an hour");
        let hours = (0..24).map(|hour| {
            let from = Timestamp::from_seconds(1_000) + Period::hours(hour);
            all.iter().filter(|(at, _)| (from..from + Period::hours(1)).contains(at)).count()
        });
        assert_eq!(hours.collect::<Vec<_>>(), vec![12; 24]);
        let low = all.iter().filter(|(_, index)| *index < 50).count();
        assert!((40..=60).contains(&(low * 100 / all.len())), "{low}");
        let parts = [0..7, 7..60, 60..100].map(|own| until(&mut Churn::new(vec![turnover(own, 100)]), day));
        let mut cut = parts.concat();
        cut.sort_unstable();
        assert_eq!(cut, all);
    }

    #[test]
    fn a_cohort_that_shrinks_loses_those_it_has() {
        let day = Timestamp::from_seconds(1_000) + Period::hours(24);
        let half = Timestamp::from_seconds(1_000) + Period::hours(12);
        let mut churn = Churn::new(vec![turnover(0..100, 100)]);
        let before = until(&mut churn, half);
        churn.as_mut().expect("there is some").scale(0, 10, half);
        let after = until(&mut churn, day);
        assert_eq!((before.len(), after.len()), (144, 144));
        assert!(after.iter().all(|(at, index)| *at > half && *index < 10), "{after:?}");
        churn.as_mut().expect("there is some").scale(0, 0, day);
        assert_eq!(churn.expect("there is some").next_due(), Timestamp::NEVER);
    }
}
