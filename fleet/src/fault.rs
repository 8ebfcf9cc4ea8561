//! What is wrong when and with whom: the board of faults.
//!
//! A [`Window`] is a fault with absolute instants and a pure question whom it
//! strikes. The [`Board`] holds the windows known so far; everybody who carries
//! faults out has the same one, behind an `Arc`. The [`switchboard`] is where the
//! timeline injects and lifts: each time a new board takes the old one's place,
//! and whoever watches takes it over: shards at the end of a window of virtual
//! time, or as they run, over sockets.
//!
//! - [`edges`]: when strikes of nodes begin and end
//! - [`passage`]: what a call meets of the faults in force
//! - [`selection`]: which nodes of a fleet a selector means
//! - [`switchboard`]: injecting and lifting
//! - [`told`]: what the embedded plane is told of nodes meanwhile
//!
//! Invariant: a board changes for the future only, [`LOOKAHEAD`] ahead at the
//! least, so that in virtual time it makes no difference in which window a shard
//! hears of it.
//!
//! [`LOOKAHEAD`]: crate::coordinator::LOOKAHEAD

pub mod edges;
mod error;
mod node;
pub mod passage;
pub mod plane;
pub mod selection;
pub mod switchboard;
pub mod told;

use std::sync::Arc;

use agent::call::OPERATIONS;
use agent::identity::Identity;
use shared::time::{Period, Timestamp};

pub use self::error::FaultError;
pub(crate) use self::node::identity_of;
use self::selection::Selection;
use crate::plan::Plan;
use crate::scenario::fault::{Fault, FaultWindow};

/// A fault, when it is in force, and for whom.
#[derive(Debug, Clone)]
pub struct Window {
    /// Its place on the board, from 0: what an injected one gets follows on.
    pub number: u32,
    /// Its name.
    pub name: Arc<str>,
    /// What goes wrong.
    pub fault: Fault,
    /// From when on.
    pub from: Timestamp,
    /// Until when; it is over then.
    pub until: Timestamp,
    /// Whom it strikes.
    pub on: Selection,
}

impl Window {
    /// Whether it is in force at this instant.
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it strikes this node while it is in force.
    pub fn strikes(&self, node: Identity) -> bool {
        self.on.contains(node)
    }
}

/// The windows known so far, those that are over among them, by number.
#[derive(Debug, Clone, Default)]
pub struct Board {
    windows: Vec<Arc<Window>>,
    /// Those that were not over when the board was made: a timeline may inject
    /// many, and calls ask of the few that count.
    standing: Vec<Arc<Window>>,
}

impl Board {
    /// What a scenario's `faults` mean in this plan; `shift` says when something
    /// begins that was written for an instant. What cannot be is left out, and told
    /// with its place among them and its name.
    pub fn new(
        plan: &Plan,
        written: &[FaultWindow],
        shift: impl Fn(Period) -> Period,
    ) -> (Self, Vec<(usize, String, FaultError)>) {
        let mut board = Self::default();
        let mut wrong = Vec::new();
        for (place, written) in written.iter().enumerate() {
            let from = plan.start + written.at.map_or(Period::ZERO, &shift);
            let name = board.name_of(written);
            let window = match board.windows.iter().any(|window| *window.name == *name) {
                true => Err(FaultError::Repeated),
                false => board.window(plan, written, from),
            };
            match window {
                Ok(window) => board.windows.push(window.into()),
                Err(error) => wrong.push((place, name, error)),
            }
        }
        board.standing = board.windows.clone();
        (board, wrong)
    }

    /// Whether there never was anything wrong.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// All windows, by number.
    pub fn windows(&self) -> &[Arc<Window>] {
        &self.windows
    }

    /// What is wrong with this node at this instant, by number.
    pub fn striking(&self, node: Identity, now: Timestamp) -> impl Iterator<Item = &Arc<Window>> {
        self.standing.iter().filter(move |window| window.is_in_force(now) && window.strikes(node))
    }

    /// When, after this instant, the next window begins or ends.
    pub fn next_edge(&self, after: Timestamp) -> Timestamp {
        let edges = self.standing.iter().filter(|window| window.from < window.until);
        let edges = edges.flat_map(|window| [window.from, window.until]);
        edges.filter(|edge| *edge > after).min().unwrap_or(Timestamp::NEVER)
    }

    /// When all of these windows are over.
    pub fn over(&self, numbers: &[u32]) -> Timestamp {
        let untils = numbers.iter().filter_map(|number| self.windows.get(*number as usize));
        untils.map(|window| window.until).max().unwrap_or_default()
    }

    /// The name of a window that would come next.
    fn name_of(&self, written: &FaultWindow) -> String {
        let numbered = || format!("{}-{}", written.fault.as_str(), self.windows.len() + 1);
        written.name.clone().unwrap_or_else(numbered)
    }

    /// What a window means that begins at this instant and comes next.
    fn window(&self, plan: &Plan, written: &FaultWindow, from: Timestamp) -> Result<Window, FaultError> {
        check(&written.fault)?;
        if written.lasts == Some(Period::ZERO) {
            return Err(FaultError::NoTime);
        }
        let number = self.windows.len() as u32;
        let on = Selection::new(plan, &written.on, number)?;
        node::check(plan, &written.fault, &on)?;
        if written.fault.of_plane().is_some() {
            plane::check(plan, &on)?;
        }
        Ok(Window {
            number,
            name: self.name_of(written).into(),
            fault: written.fault.clone(),
            from,
            until: written.lasts.map_or(Timestamp::NEVER, |lasts| from + lasts),
            on,
        })
    }

    /// Whether this can be injected.
    pub fn check(&self, plan: &Plan, written: &FaultWindow) -> Result<(), FaultError> {
        self.injected(plan, written, plan.start).map(drop)
    }

    /// The board with one window more, from this instant on. A window of the
    /// same name that is not over yet is over then.
    fn injected(&self, plan: &Plan, written: &FaultWindow, from: Timestamp) -> Result<Self, FaultError> {
        if written.at.is_some() {
            return Err(FaultError::Injected);
        }
        let window = self.window(plan, written, from)?;
        let mut board = self.ended(&window.name, from);
        let window = Arc::new(window);
        board.windows.push(window.clone());
        board.standing.push(window);
        Ok(board)
    }

    /// The board on which what has this name is over from this instant on.
    fn lifted(&self, name: &str, at: Timestamp) -> Result<Self, FaultError> {
        let is_to_come = |window: &&Arc<Window>| window.until > at;
        if !self.windows.iter().filter(is_to_come).any(|window| *window.name == *name) {
            let names = self.windows.iter().filter(is_to_come).map(|window| &*window.name);
            return Err(FaultError::NothingToLift(names.collect::<Vec<_>>().join(", ")));
        }
        Ok(self.ended(name, at))
    }

    fn ended(&self, name: &str, at: Timestamp) -> Self {
        let ended = |window: &Arc<Window>| {
            if *window.name != *name || window.until <= at {
                return window.clone();
            }
            Arc::new(Window { until: at, ..Window::clone(window) })
        };
        let windows: Vec<_> = self.windows.iter().map(ended).collect();
        // One that is over from now on still holds until then.
        let is_standing = |window: &&Arc<Window>| window.until >= at;
        Self { standing: windows.iter().filter(is_standing).cloned().collect(), windows }
    }
}

/// Whether a fault's own settings can be meant.
fn check(fault: &Fault) -> Result<(), FaultError> {
    let (operations, status) = match fault {
        Fault::Abort(abort) => (&abort.operations, None),
        Fault::LostAcknowledgement(lost) => (&lost.operations, None),
        Fault::ReplaceStatus(replace) => (&replace.operations, Some(replace.status)),
        Fault::FailFirst(fail) => (&fail.operations, Some(fail.status)),
        Fault::DroppedWrites(_)
        | Fault::PlaneLatency(_)
        | Fault::ServerError(_)
        | Fault::StaleReads(_)
        | Fault::Throttling(_) => {
            let fault = fault.of_plane().expect("these are the plane's");
            return fault.check().map_err(FaultError::Plane);
        }
        _ => return Ok(()),
    };
    if let Some(status) = status.filter(|status| !(400..=599).contains(status)) {
        return Err(FaultError::Status(status));
    }
    match operations.0.iter().find(|name| !OPERATIONS.contains(&name.as_str())) {
        Some(name) => Err(FaultError::UnknownOperation(name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::switchboard::Switchboard;
    use super::*;
    use crate::plan::{Overrides, PlanErrors};
    use crate::scenario::Scenario;

    const START: Timestamp = Timestamp::from_seconds(1_000);

    fn plan(faults: &str) -> Result<Arc<Plan>, PlanErrors> {
        let text = format!(
            "{{name: x, seed: 1, duration: 1h, cohorts: [{{name: a, platform: debian-12, nodes: 10}}, \
             {{name: b, platform: windows-2022, nodes: 10}}], faults: [{faults}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect(&text);
        Plan::new(&scenario, &Overrides::default(), START).map(Arc::new)
    }

    fn written(text: &str) -> FaultWindow {
        serde_saphyr::from_str(text).expect(text)
    }

    fn at(seconds: u64) -> Timestamp {
        START + Period::seconds(seconds)
    }

    fn names(board: &Board, plan: &Plan, node: u32, now: Timestamp) -> Vec<String> {
        board.striking(plan.identity(node), now).map(|window| window.name.to_string()).collect()
    }

    #[test]
    fn a_window_holds_from_its_beginning_to_before_its_end() {
        let plan = plan(
            "{fault: {latency: {delay: 1s}}, on: {cohort: a}, at: 5s, for: 10s}, \
             {name: cut, fault: {partition: {}}, at: 10s}",
        );
        let plan = plan.unwrap();
        let cases: [(u64, u32, &[&str]); 7] = [
            (4, 0, &[]),
            (5, 0, &["latency-1"]),
            (5, 10, &[]),
            (10, 9, &["latency-1", "cut"]),
            (14, 10, &["cut"]),
            (15, 0, &["cut"]),
            (3_599, 0, &["cut"]),
        ];
        for (second, node, expected) in cases {
            assert_eq!(names(&plan.faults, &plan, node, at(second)), expected, "{second} s, node {node}");
        }
        let edges = [(0, at(5)), (5, at(10)), (10, at(15)), (15, Timestamp::NEVER)];
        for (after, edge) in edges {
            assert_eq!(plan.faults.next_edge(at(after)), edge, "after {after} s");
        }
    }

    #[test]
    fn what_is_injected_and_lifted_holds_a_messages_way_later() {
        let plan = plan("{name: cut, fault: {partition: {}}, on: {nodes: [3]}, at: 60s}").unwrap();
        let switchboard = Switchboard::new(plan.clone());
        let mut boards = switchboard.boards();
        let slow = written("{name: slow, fault: {latency: {delay: 1s}}, for: 1m}");
        let on = |node, now| names(&switchboard.board(), &plan, node, now);
        let way = Period::milliseconds(10);

        switchboard.inject(&slow, at(10)).unwrap();
        assert!(boards.has_changed().unwrap() && boards.borrow_and_update().windows().len() == 2);
        assert_eq!((on(3, at(10)), on(3, at(10) + way)), (vec![], vec!["slow".into()]));
        // The same again takes the first one's place.
        switchboard.inject(&slow, at(30)).unwrap();
        assert_eq!((on(3, at(75)), on(3, at(91))), (vec!["cut".into(), "slow".into()], vec!["cut".into()]));
        switchboard.lift("slow", at(40)).unwrap();
        assert_eq!((on(3, at(40)), on(3, at(40) + way)), (vec!["slow".into()], vec![]));
        // What was to come does not come.
        switchboard.lift("cut", at(50)).unwrap();
        assert_eq!(on(3, at(60)), Vec::<String>::new());
        assert_eq!(switchboard.board().next_edge(at(51)), Timestamp::NEVER);
        let nothing = switchboard.lift("slow", at(70)).unwrap_err().to_string();
        assert_eq!(nothing, "nothing of this name is in force or to come; nothing else is");
        let early = written("{fault: {partition: {}}, at: 5s}");
        assert_eq!(switchboard.inject(&early, at(70)), Err(FaultError::Injected));
    }

    #[test]
    fn what_cannot_be_meant_is_told_by_its_name() {
        let cases = [
            (
                "{name: x, fault: {partition: {}}}, {name: x, fault: {partition: {}}}",
                "fault x: two faults have this name",
            ),
            (
                "{fault: {replace-status: {status: 200}}}",
                "fault replace-status-1: status 200 is not from 400 to 599",
            ),
            (
                "{fault: {abort: {operations: [GetDocuments]}}}",
                "fault abort-1: no node calls an operation `GetDocuments`; there are AcknowledgeMessage",
            ),
            ("{name: z, fault: {timeout: {}}, for: 0s}", "fault z: `for: 0s` is no time at all"),
            (
                "{fault: {duplicate-reports: {times: 0}}}",
                "fault duplicate-reports-1: `times` is 0: expected from 1 to 100",
            ),
            (
                "{fault: {flapping: {down: 0s, up: 1m}}}",
                "fault flapping-1: `down and up` is 0s: expected 1ms",
            ),
            (
                "{fault: {eager-retries: {times: 255}}}",
                "fault eager-retries-1: `times` is 255: expected from 0",
            ),
            (
                "{fault: {huge-reports: {bytes: 64000001}}}",
                "fault huge-reports-1: `bytes` is 64000001: expected",
            ),
            (
                "{fault: {old-version: {version: new}}}",
                "fault old-version-1: `version` is new: expected three or four numbers",
            ),
            (
                "{fault: {outcome: {times_out: true, takes: 5s}}}",
                "fault outcome-1: `takes` is given beside `times_out`: expected one of the two",
            ),
            ("{fault: {outcome: {takes: [5s, 1s]}}}", "fault outcome-1: `takes`: "),
            (
                "{fault: {same-fingerprint: {of: 1}}}",
                "fault same-fingerprint-1: it is for nodes of identity hybrid",
            ),
            (
                "{fault: {invalid-instance: {cause: deregistered}}, on: {cohort: a}}",
                "fault invalid-instance-1: it is for nodes of identity hybrid, and strikes such of cohort a",
            ),
            (
                "{fault: expired-credentials}",
                "fault expired-credentials-1: it is for nodes that the plane gives",
            ),
            ("{fault: {clone-id: {of: 3}}}", "fault clone-id-1: `of` is 3, and it strikes this very node"),
            (
                "{fault: {clone-id: {of: 10}}}",
                "fault clone-id-1: `of` is 10, and the 10 nodes of cohort a count from 0",
            ),
            ("{name: y, fault: {timeout: {}}, on: {cohort: c}}", "fault y: no cohort `c`; there are a, b"),
        ];
        for (faults, expected) in cases {
            let error = plan(faults).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
