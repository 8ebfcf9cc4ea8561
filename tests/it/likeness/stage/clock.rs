//! A clock that the bench moves.
//!
//! Whoever waits on it says until when, so that the bench can stop there: what the
//! client leaves running, such as a control channel, is due at such instants.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use agent::client::{Clock, Elapsed};
use tokio::sync::watch;

/// Time since the recorded agent's process began.
#[derive(Debug, Clone, Default)]
pub(super) struct BenchClock {
    now: watch::Sender<Duration>,
    waits: Arc<Mutex<Waits>>,
}

/// Until when is waited, with a number for each who does.
#[derive(Debug, Default)]
struct Waits {
    until: BTreeSet<(Duration, u64)>,
    count: u64,
}

impl BenchClock {
    /// Moves it to this many milliseconds.
    pub(super) fn set(&self, milliseconds: u64) {
        self.now.send_replace(Duration::from_millis(milliseconds));
    }

    /// Until when the first of those who wait does so.
    pub(super) fn first_wait(&self) -> Option<Duration> {
        self.waits().until.first().map(|(until, _)| *until)
    }

    /// Whether somebody waits whose time is over and who has not been woken yet.
    pub(super) fn is_behind(&self) -> bool {
        self.first_wait().is_some_and(|until| until <= self.wall())
    }

    /// How often somebody began to wait.
    pub(super) fn waits_begun(&self) -> u64 {
        self.waits().count
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, until: Duration) -> Waiting<'_> {
        let mut waits = self.waits();
        waits.count += 1;
        let entry = (until, waits.count);
        waits.until.insert(entry);
        Waiting { clock: self, entry }
    }
}

impl Clock for BenchClock {
    fn wall(&self) -> Duration {
        *self.now.borrow()
    }

    async fn timeout<F: Future + Send>(&self, wall: Duration, future: F) -> Result<F::Output, Elapsed> {
        let Some(until) = self.wall().checked_add(wall) else { return Ok(future.await) };
        let _waiting = self.wait(until);
        let mut now = self.now.subscribe();
        let is_over = async move { now.wait_for(|now| *now >= until).await.is_ok() };
        tokio::select! {
            biased;
            done = future => Ok(done),
            _ = is_over => Err(Elapsed),
        }
    }
}

/// Somebody who waits, as long as this is there.
struct Waiting<'a> {
    clock: &'a BenchClock,
    entry: (Duration, u64),
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.clock.waits().until.remove(&self.entry);
    }
}
