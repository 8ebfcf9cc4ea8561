//! A clock that the bench moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent::client::{Clock, Elapsed};

/// Milliseconds since the recorded agent's process began.
#[derive(Debug, Clone, Default)]
pub(super) struct BenchClock(Arc<AtomicU64>);

impl BenchClock {
    pub(super) fn set(&self, milliseconds: u64) {
        self.0.store(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for BenchClock {
    fn wall(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    async fn timeout<F: Future + Send>(&self, _wall: Duration, future: F) -> Result<F::Output, Elapsed> {
        Ok(future.await)
    }
}
