//! Where faults are injected and lifted while a run goes on.

use std::sync::Arc;

use shared::time::Timestamp;
use tokio::sync::watch;

use super::{Board, FaultError};
use crate::coordinator::LOOKAHEAD;
use crate::plan::Plan;
use crate::scenario::fault::FaultWindow;

/// Holds the board of a run, and tells of each new one.
#[derive(Debug)]
pub struct Switchboard {
    plan: Arc<Plan>,
    board: watch::Sender<Arc<Board>>,
}

/// Who is told of each new board.
pub type Boards = watch::Receiver<Arc<Board>>;

impl Switchboard {
    /// Begins with what the plan foresees.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self { board: watch::Sender::new(plan.faults.clone()), plan }
    }

    /// The board as it is.
    pub fn board(&self) -> Arc<Board> {
        self.board.borrow().clone()
    }

    /// To be told of each new board.
    pub fn boards(&self) -> Boards {
        self.board.subscribe()
    }

    /// Injects a fault, which begins a message's way after `now`. One of the same
    /// name that is not over yet gives way to it.
    pub fn inject(&self, written: &FaultWindow, now: Timestamp) -> Result<(), FaultError> {
        let board = self.board().injected(&self.plan, written, now + LOOKAHEAD)?;
        self.board.send_replace(board.into());
        Ok(())
    }

    /// Lifts what has this name, a message's way after `now`.
    pub fn lift(&self, name: &str, now: Timestamp) -> Result<(), FaultError> {
        let board = self.board().lifted(name, now + LOOKAHEAD)?;
        self.board.send_replace(board.into());
        Ok(())
    }
}
