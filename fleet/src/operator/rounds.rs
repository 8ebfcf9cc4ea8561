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

    /// These rounds there were when the operator looked.
    pub fn looked(&self, id: AssociationId, dispatched: Vec<Timestamp>, now: Timestamp) {
        if let Some(known) = self.read().get_mut(&id) {
            (known.dispatched, known.looked_at) = (dispatched, now);
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
