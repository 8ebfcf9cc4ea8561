//! How far a run is, for whoever watches.
//!
//! Shards add what is new, whoever runs them sets the instant; [`display`] reads.
//! Nobody waits for anybody: each number is an atomic of its own, and a reader
//! may see one of them a moment older than another.

pub mod display;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::time::Timestamp;

use crate::measure::Measures;

/// How far a run is.
#[derive(Debug, Default)]
pub struct Progress {
    online: AtomicU64,
    asleep: AtomicU64,
    applied: AtomicU64,
    calls: AtomicU64,
    held: AtomicU64,
    now: AtomicI64,
    /// Lines that the run tells.
    pub narration: Arc<Narration>,
}

/// Lines that a run tells whoever watches.
#[derive(Debug, Default)]
pub struct Narration(Mutex<VecDeque<(Timestamp, String)>>);

impl Narration {
    /// Tells a line.
    pub fn tell(&self, at: Timestamp, line: String) {
        self.lines().push_back((at, line));
    }

    /// The next line that nobody has been told.
    pub fn take(&self) -> Option<(Timestamp, String)> {
        self.lines().pop_front()
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<(Timestamp, String)>> {
        // Whoever panicked while it held the lock has put no half line there.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How often a node came online.
    pub online: u64,
    /// How often a node that was online ceased to be.
    pub went: u64,
    /// How often a node fell asleep at its start.
    pub asleep: u64,
    /// Runs of associations that ended.
    pub applied: u64,
    /// Calls that came to their end.
    pub calls: u64,
}

/// How far a run was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Snapshot {
    /// Nodes that are online.
    pub online: u64,
    /// Nodes that were refused at their start and fell asleep, whether or not they woke since.
    pub asleep: u64,
    /// Runs of associations that ended.
    pub applied: u64,
    /// Calls that came to their end.
    pub calls: u64,
    /// Calls that wait for a connection.
    pub held: u64,
    /// The simulated instant.
    pub now: Timestamp,
}

impl Totals {
    /// What these measures have counted.
    fn of(measures: &Measures) -> Self {
        Self {
            online: measures.came_online,
            went: measures.went_offline,
            asleep: measures.fell_asleep,
            applied: measures.run_counts.values().flat_map(|runs| runs.values()).sum(),
            calls: measures.calls_made(),
        }
    }
}

impl Progress {
    /// Takes in what a shard has counted since it was last taken in.
    pub fn take(&self, measures: &mut Measures) {
        let counted = Totals::of(measures);
        let told = std::mem::replace(&mut measures.told, counted);
        self.online.fetch_add(counted.online - told.online, Relaxed);
        self.online.fetch_sub(counted.went - told.went, Relaxed);
        self.asleep.fetch_add(counted.asleep - told.asleep, Relaxed);
        self.applied.fetch_add(counted.applied - told.applied, Relaxed);
        self.calls.fetch_add(counted.calls - told.calls, Relaxed);
    }

    /// Sets the simulated instant.
    pub fn set_now(&self, now: Timestamp) {
        self.now.store(now.milliseconds(), Relaxed);
    }

    /// Sets how many calls wait for a connection.
    pub fn set_held(&self, calls: usize) {
        self.held.store(calls as u64, Relaxed);
    }

    /// How far the run is.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            online: self.online.load(Relaxed),
            asleep: self.asleep.load(Relaxed),
            applied: self.applied.load(Relaxed),
            calls: self.calls.load(Relaxed),
            held: self.held.load(Relaxed),
            now: Timestamp::from_milliseconds(self.now.load(Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shard_counts_is_taken_in_once() {
        let progress = Progress::default();
        let online = |count| {
            let mut measures = Measures::default();
            measures.came_online = count;
            measures
        };
        let mut measures = online(3);
        measures.fell_asleep = 1;
        progress.take(&mut measures);
        progress.take(&mut measures);
        progress.take(&mut online(2));
        measures.came_online += 2;
        measures.went_offline += 1;
        progress.take(&mut measures);
        progress.set_now(Timestamp::from_seconds(90));
        let expected =
            Snapshot { online: 6, asleep: 1, now: Timestamp::from_seconds(90), ..Snapshot::default() };
        assert_eq!(progress.snapshot(), expected);
    }
}
