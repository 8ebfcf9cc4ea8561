//! Which faults are in force, as the history tells it.
//!
//! A board changes for the future only, and keeps what is over: so the newest
//! board says the truth of every instant before, however late it is written.

use std::sync::Arc;

use agent::identity::Identity;
use shared::time::{Period, Timestamp};

use crate::fault::switchboard::Boards;
use crate::fault::{Board, Window};
use crate::plan::Plan;

/// The faults of a run, and how far they were told.
#[derive(Debug)]
pub struct Windows {
    board: Arc<Board>,
    told: Timestamp,
}

/// The beginning or the end of a window.
#[derive(Debug, Clone)]
pub struct Edge {
    /// When.
    pub at: Timestamp,
    /// Whether it begins.
    pub begins: bool,
    /// The window.
    pub window: Arc<Window>,
}

impl Windows {
    /// The faults that a plan knows beforehand.
    pub fn new(plan: &Plan) -> Self {
        Self { board: plan.faults.clone(), told: plan.start - Period::milliseconds(1) }
    }

    /// Takes the newest board over.
    pub fn refresh(&mut self, boards: &Boards) {
        self.board = boards.borrow().clone();
    }

    /// What begins and ends up to this instant and was not told yet, in order.
    pub fn edges(&mut self, until: Timestamp) -> Vec<Edge> {
        // Nearly always there is none, and this is asked with each entry.
        if self.board.is_empty() || until <= self.told {
            return Vec::new();
        }
        let is_due = |at: Timestamp| self.told < at && at <= until;
        let mut edges = Vec::new();
        for window in self.board.windows().iter().filter(|window| window.from < window.until) {
            let both = [(window.from, true), (window.until, false)];
            let due = both.into_iter().filter(|(at, _)| is_due(*at));
            edges.extend(due.map(|(at, begins)| Edge { at, begins, window: window.clone() }));
        }
        edges.sort_by_key(|edge| (edge.at, edge.begins, edge.window.number));
        self.told = until;
        edges
    }

    /// The names of what is wrong with this node at one of these instants, by number.
    pub fn striking(&self, node: impl FnOnce() -> Identity, since: Timestamp, until: Timestamp) -> Vec<&str> {
        if self.board.is_empty() {
            return Vec::new();
        }
        let node = node();
        let is_meant = |window: &&Arc<Window>| {
            (window.is_in_force(since) || window.is_in_force(until)) && window.strikes(node)
        };
        self.board.windows().iter().filter(is_meant).map(|window| &*window.name).collect()
    }
}
