//! Section E of the reference through the whole stack: nodes that poll, run and
//! report, and the plane that lets them in and stops.
//!
//! All nodes come at once, so that all poll at the tens of minutes and up to 30 s
//! after. The association is made at five: who is let in at the five minutes of
//! an hour's third fetches its order five minutes later, and a run that takes
//! 20 min less five then ends at the five minutes of the next third. So node k
//! in the order of admission ends at k x 20 min, each end has admitted the next
//! node, and that one has fetched its order, before the next end comes.

use std::cell::RefCell;
use std::sync::Arc;

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use agent::distribution::Distribution;
use agent::fault::Share;
use fleet::in_process::{Carry, InProcess};
use fleet::measure::Ran;
use fleet::plan::{Overrides, Plan};
use fleet::run::VIRTUAL_START;
use fleet::scenario::takes::Takes;
use fleet::scenario::{Behaviour, Scenario};
use fleet::shard::Caller;
use fleet::simulation;
use plane::service::Service;
use serde::Deserialize;
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus::{Failed, Success};
use shared::time::{Period, Timestamp};
use shared::wire::{DescribeAssociationExecutionTargets, DescribeAssociationExecutions};
use ssm_fleet_tests::{Outcome, World};

/// Between two ends.
const THIRD: Period = Period::minutes(20);
/// From an admission to the poll that fetches the order.
const UNTIL_POLL: Period = Period::minutes(5);

/// A vector of E.3, as the reference has it.
#[derive(Debug, Clone, Deserialize)]
struct Vector {
    n: u32,
    targets: u32,
    #[serde(rename = "MaxConcurrency")]
    max_concurrency: String,
    #[serde(rename = "MaxErrors")]
    max_errors: String,
    fail: Vec<u32>,
    limit: u32,
    stop: Option<Stop>,
    started: usize,
    success: usize,
    failed: usize,
    never_started: usize,
}

/// Where a vector stops.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Stop {
    target: usize,
    in_flight: usize,
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../plane/src/engine/tests/rate-control.json");
    serde_json::from_str(text).expect("the vectors can be read")
}

/// A fleet with an association for all of it, and the order of its nodes' ids.
struct Rollout {
    scenario: Scenario,
    /// The nodes' numbers, in the order of their ids.
    order: Vec<u32>,
}

impl Rollout {
    fn new(nodes: u32, max_concurrency: &str, max_errors: &str) -> Self {
        let text = format!(
            r#"
name: rollout
seed: 41
duration: 300h
plane: {{ stuck_after: 48h }}
cohorts:
  - {{ name: all, platform: ubuntu-22.04, nodes: {nodes} }}
documents:
  - name: rollout
    content:
      schemaVersion: "2.2"
      mainSteps:
        - {{ action: aws:runShellScript, name: only, inputs: {{ runCommand: ["true"], timeoutSeconds: 172800 }} }}
associations:
  - {{ name: rollout, at: 5m, document: rollout, targets: [all], max_concurrency: "{max_concurrency}", max_errors: "{max_errors}" }}
"#
        );
        let scenario = Scenario::parse("rollout", &text).expect("the scenario can be read");
        let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
        let mut order: Vec<u32> = (0..nodes).collect();
        order.sort_by_key(|&number| plan.node_id(number));
        Self { scenario, order }
    }

    /// The node in this place of the order, from 1, takes so long, and fails or not.
    fn behave(&mut self, place: u32, takes: Period, fails: bool) {
        self.scenario.cohorts[0].behaviours.push(Behaviour {
            nodes: Some([self.order[place as usize - 1]].into()),
            takes: Some(Takes(Distribution::Constant(takes))),
            fails: if fails { Share::ALL } else { Share::NONE },
            ..Behaviour::default()
        });
    }

    /// A world of it; all polls of a turn come at one instant where that is wanted.
    fn world(&self, polls_coincide: bool) -> World {
        let world = World::new(&self.scenario, &Overrides::default());
        let mut plan = Plan::clone(&world.plan);
        let cohort = &mut Arc::make_mut(&mut plan.catalogue).cohorts[0];
        // The longest that the agent allows: heartbeats are beside the point here.
        cohort.timing.health_every = Period::hours(1);
        if polls_coincide {
            cohort.timing.poll_jitter = Period::ZERO;
        }
        World { plan: Arc::new(plan), ..world }
    }

    /// The places of those who ran, in the order in which they ended.
    fn places(&self, runs: &[Ran]) -> Vec<usize> {
        let place = |run: &Ran| self.order.iter().position(|number| *number == run.node);
        runs.iter().map(|run| place(run).expect("it is of the fleet") + 1).collect()
    }
}

/// The association, its only execution's status, and its targets in the order
/// of their ids: each with status and detailed status.
fn targets(outcome: &Outcome) -> (AssociationId, String, Vec<(NodeId, String, String)>) {
    let (service, now) = (&outcome.service, outcome.finished.ended);
    let id = outcome.finished.operator.made[0].id;
    let call = DescribeAssociationExecutions {
        association_id: id,
        filters: None,
        max_results: None,
        next_token: None,
    };
    let executions = service.call(now, call).unwrap().association_executions;
    assert_eq!(executions.len(), 1);
    let mut rows = Vec::new();
    let mut next_token = None;
    loop {
        let call = DescribeAssociationExecutionTargets {
            association_id: id,
            execution_id: executions[0].execution_id,
            filters: None,
            max_results: Some(50),
            next_token,
        };
        let page = service.call(now, call).unwrap();
        rows.extend(page.association_execution_targets.into_iter().map(|row| {
            (row.resource_id.unwrap().parse().unwrap(), row.status, row.detailed_status.unwrap_or_default())
        }));
        next_token = page.next_token;
        if next_token.is_none() {
            return (id, executions[0].status.clone(), rows);
        }
    }
}

/// What came of a rollout, in the reference's counts: seen from the nodes, and from the plane.
fn counts(outcome: &Outcome) -> ([usize; 4], [usize; 4]) {
    let (id, _, rows) = targets(outcome);
    let runs = outcome.finished.measures.runs_of(id);
    let ran = |status| runs.iter().filter(|run| run.status == status && run.is_reported).count();
    let stands = |wanted: &str| rows.iter().filter(|(_, status, _)| status == wanted).count();
    let never =
        rows.iter().filter(|(_, status, detail)| status == "Skipped" && detail == "Terminated").count();
    let nodes = outcome.finished.plan.nodes() as usize;
    assert_eq!(outcome.finished.measures.started as usize, runs.len(), "each run came to its end");
    (
        [runs.len(), ran(Success), ran(Failed), nodes - runs.len()],
        [rows.len() - never, stands("Success"), stands("Failed"), never],
    )
}

fn walk(vector: &Vector) {
    let mut rollout = Rollout::new(vector.targets, &vector.max_concurrency, &vector.max_errors);
    for place in 1..=vector.targets {
        let takes = THIRD * u64::from(place.min(vector.limit)) - UNTIL_POLL;
        rollout.behave(place, takes, vector.fail.contains(&place));
    }
    let outcome = rollout.world(false).run();
    let n = vector.n;
    assert_eq!(outcome.finished.ending, simulation::Ending::Complete, "vector {n}");
    let expected = [vector.started, vector.success, vector.failed, vector.never_started];
    assert_eq!(counts(&outcome), (expected, expected), "vector {n}");

    let (id, status, _) = targets(&outcome);
    assert_eq!(status, "Failed", "vector {n}");
    let runs = outcome.finished.measures.runs_of(id);
    assert_eq!(rollout.places(&runs), (1..=vector.started).collect::<Vec<_>>(), "vector {n}");
    let first = VIRTUAL_START + UNTIL_POLL;
    for (place, run) in (1u64..).zip(&runs) {
        let late = run.ended.since(first + THIRD * place);
        assert!(run.ended >= first + THIRD * place && late < Period::seconds(40), "vector {n}: {run:?}");
    }
    if let Some(stop) = vector.stop {
        let stopped = runs[stop.target - 1].ended;
        let in_flight = runs.iter().filter(|run| run.started < stopped && run.ended > stopped).count();
        assert_eq!(in_flight, stop.in_flight, "vector {n}");
        assert!(runs.iter().all(|run| run.started < stopped), "vector {n}: nobody starts after the stop");
    }
}

#[test]
fn each_small_vector_of_the_reference_starts_and_ends_as_it_says() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 16);
    vectors.iter().filter(|vector| vector.targets < 1_000).for_each(walk);
}

#[test]
fn the_vector_of_a_thousand_nodes_starts_and_ends_as_it_says() {
    let vectors = vectors();
    let large: Vec<&Vector> = vectors.iter().filter(|vector| vector.targets >= 1_000).collect();
    assert_eq!(large.len(), 1);
    large.into_iter().for_each(walk);
}

/// Brings calls to the plane, and looks at its counts after each final report.
#[derive(Default)]
struct Onlooker {
    counts: RefCell<Vec<String>>,
}

impl Carry for Onlooker {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        by: &Signing,
        request: Request,
    ) -> Answer {
        let ended = match &request {
            Request::ReportStatus(report) if report.execution_result.status.is_terminal() => {
                Some(report.association_id)
            }
            _ => None,
        };
        let answer = InProcess::Typed.carry(service, now, caller, by, request);
        if let Some(association_id) = ended {
            let call = DescribeAssociationExecutions {
                association_id,
                filters: None,
                max_results: None,
                next_token: None,
            };
            let executions = service.call(now, call).unwrap().association_executions;
            self.counts.borrow_mut().extend(executions[0].resource_count_by_status.clone());
        }
        answer
    }
}

/// Ends that come in batches: all who were let in together end at one instant.
#[test]
fn ends_at_one_instant_stop_what_the_first_of_them_let_in() {
    // Nodes, limit, errors, who fails -> started, success, failed, never started.
    let cases = [
        (10, "3", "0", vec![2], [3, 2, 1, 7]),
        (10, "5", "2", vec![1, 2, 3], [5, 2, 3, 5]),
        (10, "5", "2", vec![1, 2], [10, 8, 2, 0]),
        (10, "5", "1", vec![1, 6, 7], [10, 7, 3, 0]),
        (12, "4", "1", vec![1, 5, 6], [8, 5, 3, 4]),
        (20, "25%", "10%", vec![1, 2, 3, 4, 5], [5, 0, 5, 15]),
    ];
    for (nodes, limit, errors, fail, expected) in cases {
        let mut rollout = Rollout::new(nodes, limit, errors);
        for place in 1..=nodes {
            rollout.behave(place, THIRD - UNTIL_POLL, fail.contains(&place));
        }
        let outcome = rollout.world(true).run();
        let case = format!("{nodes} nodes, {limit} at once, {errors} errors, {fail:?} fail");
        assert_eq!(counts(&outcome), (expected, expected), "{case}");
        let runs = outcome.finished.measures.runs_of(outcome.finished.operator.made[0].id);
        let size = if limit == "25%" { 5 } else { limit.parse().unwrap() };
        for batch in runs.chunks(size) {
            assert!(batch.iter().all(|run| run.ended == batch[0].ended), "{case}: {batch:?}");
        }
    }
}

#[test]
fn who_was_let_in_and_has_not_fetched_is_withdrawn() {
    let mut rollout = Rollout::new(10, "3", "0");
    // Of calls at one instant the plane hears those of lower node numbers first.
    let last = (1..=3).max_by_key(|place| rollout.order[place - 1]).unwrap() as u32;
    for place in 1..=10 {
        rollout.behave(place, THIRD - UNTIL_POLL, place == last);
    }
    let onlooker = Onlooker::default();
    let outcome = rollout.world(true).run_through(&onlooker);
    let seen = onlooker.counts.into_inner();
    assert_eq!(
        seen[..2],
        ["{InProgress=2, Pending=1, Queued=6, Success=1}", "{InProgress=1, Pending=2, Queued=5, Success=2}"],
        "each end lets one in, who polls five minutes later"
    );
    assert_eq!(counts(&outcome), ([3, 2, 1, 7], [3, 2, 1, 7]), "and the failure withdraws both");
    let (_, status, rows) = targets(&outcome);
    assert_eq!(status, "Failed");
    let detail = |place: usize| (rows[place - 1].1.as_str(), rows[place - 1].2.as_str());
    assert_eq!((detail(4), detail(5)), (("Skipped", "Terminated"), ("Skipped", "Terminated")));
}
