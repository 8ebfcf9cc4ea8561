//! Which rounds the operator knows of, for whoever follows the run beside it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use shared::id::AssociationId;
use shared::time::Timestamp;

/// The associations that the operator made, and their rounds as it last saw them.
#[derive(Debug, Default)]
pub struct KnownRounds(Mutex<Rounds>);

/// The same as a value.
pub type Rounds = BTreeMap<AssociationId, KnownAssociation>;

/// An association that the operator made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KnownAssociation {
    /// Its name in the plan.
    pub name: String,
    /// When its rounds were dispatched, oldest first.
    pub dispatched: Vec<Timestamp>,
    /// When the operator last looked: later rounds are not known.
    pub looked_at: Timestamp,
}

impl KnownRounds {
    /// What is known.
    pub fn read(&self) -> MutexGuard<'_, Rounds> {
        // Whoever panicked while it held the lock has put nothing half.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An association of this name was made.
    pub fn made(&self, id: AssociationId, name: &str) {
        self.read().entry(id).or_default().name = name.to_owned();
    }

    /// These rounds there were when the operator looked. A plane lists old ones no
    /// longer, and under a fault not the newest: what was seen once stays known.
    pub fn looked(&self, id: AssociationId, dispatched: Vec<Timestamp>, now: Timestamp) {
        if let Some(known) = self.read().get_mut(&id) {
            known.dispatched.extend(dispatched);
            known.dispatched.sort_unstable();
            known.dispatched.dedup();
            known.looked_at = now;
        }
    }
}

impl KnownAssociation {
    /// When the round was dispatched that a run belongs to which began then: the
    /// newest there was; the first takes what a foreign clock puts before it.
    pub fn round_of(&self, started: Timestamp) -> Option<Timestamp> {
        let begun = self.dispatched.partition_point(|dispatched| *dispatched <= started);
        self.dispatched.get(begun.saturating_sub(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_was_seen_once_stays_known() {
        let (id, rounds) = (AssociationId::from_bits(1), KnownRounds::default());
        let second = Timestamp::from_seconds;
        rounds.made(id, "patch");
        rounds.looked(id, vec![second(100), second(200)], second(250));
        rounds.looked(id, vec![second(200), second(300)], second(350));
        let known = rounds.read()[&id].clone();
        assert_eq!((known.dispatched.len(), known.looked_at), (3, second(350)));
        let cases = [(99, 100), (100, 100), (199, 100), (200, 200), (9_999, 300)];
        for (started, dispatched) in cases {
            assert_eq!(known.round_of(second(started)), Some(second(dispatched)), "{started}");
        }
        assert_eq!(KnownAssociation::default().round_of(second(1)), None);
    }
}
