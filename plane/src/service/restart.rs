//! A plane that is started anew in the place where it stood.
//!
//! What a database keeps is kept: the state is written down and read again, as
//! from a file. What is of the process alone is gone: open channels, and who waits
//! at them. Cutting connections is the work of whoever holds them.

use std::sync::PoisonError;

use shared::time::Timestamp;

use super::Service;
use crate::snapshot::{self, RestoreError, SnapshotError};
use crate::state::State;

/// What a plane knows once it is started anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// All that it had been told.
    Kept,
    /// Nothing: as on its first day, but that it gives no id twice.
    Lost,
}

/// Why a plane could not be started anew; a bug of ours.
#[derive(Debug, thiserror::Error)]
pub enum RestartError {
    /// Its state cannot be written down.
    #[error(transparent)]
    Write(#[from] SnapshotError),
    /// Its state cannot be read again.
    #[error(transparent)]
    Read(#[from] RestoreError),
}

impl Service {
    /// Starts the plane anew. Faults stand as before; work whose instant was
    /// missed is done at the next one.
    pub fn restart(&self, now: Timestamp, memory: Memory) -> Result<(), RestartError> {
        let mut state = self.lock();
        let (config, numbers) = (state.config.clone(), state.numbers);
        *state = match memory {
            Memory::Kept => snapshot::read(config, &snapshot::seal(&snapshot::write(&state)?))?,
            Memory::Lost => State::new(config),
        };
        state.numbers = numbers;
        state.latest = state.latest.max(now);
        self.note_change();
        self.forget_copies();
        drop(state);
        if let Some(followed) = &mut *self.followed.lock().unwrap_or_else(PoisonError::into_inner) {
            followed.clear();
        }
        self.earlier.notify_one();
        self.defined.notify_one();
        Ok(())
    }
}
