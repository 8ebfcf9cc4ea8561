//! When strikes begin and end: the edges of those windows that strike nodes.
//!
//! Each shard has its own, and passes an edge before anything else that is due
//! then. At one instant the windows go by their numbers, all that end before all
//! that begin, so that every node hears the same, however the fleet is cut.
//!
//! Invariant: what began ends once, and nothing ends that did not begin.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent::fault::strike::Strike;
use shared::time::Timestamp;

use super::{Board, Window};

/// The edges that are to come.
#[derive(Debug, Default)]
pub struct Edges {
    /// The windows that have begun and not ended, by number.
    begun: BTreeSet<u32>,
    /// Up to when edges were passed.
    passed: Timestamp,
    next: Option<Timestamp>,
}

/// The beginning or the end of a strike.
#[derive(Debug, Clone)]
pub enum Edge {
    /// It strikes from here on.
    Begins(Arc<Window>, Arc<Strike>),
    /// It strikes no more.
    Ends(Arc<Window>),
}

impl Edges {
    /// Before the first edge of this board.
    pub fn new(board: &Board) -> Self {
        let mut edges = Self { passed: Timestamp::from_milliseconds(i64::MIN), ..Self::default() };
        edges.look_again(board);
        edges
    }

    /// The next edge's instant.
    pub fn next(&self) -> Timestamp {
        self.next.unwrap_or(Timestamp::NEVER)
    }

    /// Sets the next edge as this board has it.
    pub fn look_again(&mut self, board: &Board) {
        let edge = |window: &Arc<Window>| {
            if self.begun.contains(&window.number) {
                return Some(window.until);
            }
            let is_to_come = window.from < window.until && window.until > self.passed;
            (is_to_come && window.fault.is_strike()).then_some(window.from)
        };
        self.next = board.windows().iter().filter_map(edge).min().filter(|at| *at != Timestamp::NEVER);
    }

    /// What begins and ends at this instant, or did before it.
    pub fn pass(&mut self, board: &Board, now: Timestamp) -> Vec<Edge> {
        let strikes = board.windows().iter().filter_map(|window| Some((window, window.fault.strike()?)));
        let (mut ends, mut begins) = (Vec::new(), Vec::new());
        for (window, strike) in strikes {
            let has_begun = self.begun.contains(&window.number);
            match (has_begun, window.is_in_force(now)) {
                (false, true) => {
                    self.begun.insert(window.number);
                    begins.push(Edge::Begins(window.clone(), Arc::new(strike)));
                }
                (true, false) => {
                    self.begun.remove(&window.number);
                    ends.push(Edge::Ends(window.clone()));
                }
                _ => {}
            }
        }
        self.passed = now;
        self.look_again(board);
        ends.extend(begins);
        ends
    }
}
