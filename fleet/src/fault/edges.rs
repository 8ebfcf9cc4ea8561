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
        self.next = Some(self.next_on(board)).filter(|at| *at != Timestamp::NEVER);
    }

    /// The next edge's instant as this board has it.
    pub fn next_on(&self, board: &Board) -> Timestamp {
        let edge = |window: &Arc<Window>| {
            if self.begun.contains(&window.number) {
                return Some(window.until);
            }
            let is_to_come = window.from < window.until && window.until > self.passed;
            (is_to_come && window.fault.is_strike()).then_some(window.from)
        };
        board.windows().iter().filter_map(edge).min().unwrap_or(Timestamp::NEVER)
    }

    /// What has begun and not ended.
    pub fn in_force(&self, board: &Board) -> Vec<Edge> {
        let begun = board.windows().iter().filter(|window| self.begun.contains(&window.number));
        begun.filter_map(|one| Some(Edge::Begins(one.clone(), Arc::new(one.fault.strike()?)))).collect()
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

#[cfg(test)]
mod tests {
    use shared::time::Period;

    use super::*;
    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;

    fn board(faults: &str) -> Board {
        let text = format!(
            "{{name: x, seed: 1, duration: 1h, cohorts: [{{name: a, platform: debian-12, nodes: 10}}], \
             faults: [{faults}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect(&text);
        let plan = Plan::new(&scenario, &Overrides::default(), Timestamp::from_seconds(0)).expect(&text);
        Board::clone(&plan.faults)
    }

    fn passed(edges: &mut Edges, board: &Board, minute: u64) -> Vec<String> {
        let now = Timestamp::from_seconds(0) + Period::minutes(minute);
        let told = |edge: Edge| match edge {
            Edge::Begins(window, strike) => format!("{} of {} begins", strike.name(), window.number),
            Edge::Ends(window) => format!("{} ends", window.number),
        };
        edges.pass(board, now).into_iter().map(told).collect()
    }

    #[test]
    fn strikes_begin_and_end_once_and_ends_come_first() {
        let board = board(
            "{fault: pause, at: 1m, for: 2m}, {fault: {latency: {delay: 1s}}, at: 2m}, \
             {fault: hang, at: 3m}, {fault: offline, at: 1m, for: 1m}",
        );
        let mut edges = Edges::new(&board);
        let minute = |minutes| Timestamp::from_seconds(0) + Period::minutes(minutes);
        let cases: [(u64, &[&str]); 3] = [
            (1, &["pause of 0 begins", "offline of 3 begins"]),
            (2, &["3 ends"]),
            (3, &["0 ends", "hang of 2 begins"]),
        ];
        for (at, expected) in cases {
            assert_eq!(edges.next(), minute(at));
            assert_eq!(passed(&mut edges, &board, at), expected, "minute {at}");
            assert_eq!(passed(&mut edges, &board, at), Vec::<String>::new(), "once");
        }
        assert_eq!(edges.next(), Timestamp::NEVER, "it lasts to the end");
    }
}
