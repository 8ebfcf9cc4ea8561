//! Days and bad hours in virtual time: how often nodes call, and how they sleep
//! while the service throttles.
//!
//! What is expected is the real agent's: so many calls of each operation in a day,
//! and pings at distances that grow while a start probe is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use fleet::history::{Ending, Entry};
use fleet::in_process::{Carry, InProcess};
use fleet::plan::{Overrides, Plan};
use fleet::run::VIRTUAL_START;
use fleet::scenario::Scenario;
use fleet::shard::Caller;
use plane::service::Service;
use shared::error::{ApiError, ErrorCode};
use shared::time::{Period, Timestamp};
use ssm_fleet_tests::{Outcome, World};

const HEARTBEAT: &str = "UpdateInstanceInformation";
const REGISTER: &str = "RegisterManagedInstance";
const TOKEN: &str = "RequestManagedInstanceRoleToken";

/// How many nodes live through a day; 10,000 are the full size.
const NODES_FOR_A_DAY: &str = "SSM_FLEET_DAY_NODES";

fn world(yaml: &str) -> World {
    let scenario = Scenario::parse("test", yaml).expect("the scenario is well written");
    World::new(&scenario, &Overrides::default())
}

/// A service that throttles every heartbeat up to an instant.
struct Throttling {
    until: Timestamp,
}

impl Carry for Throttling {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        by: &Signing,
        request: Request,
    ) -> Answer {
        if now < self.until && request.operation() == HEARTBEAT {
            let error = ApiError::new(ErrorCode::ThrottlingException, "Rate exceeded");
            return Answer::Refused(error, 400);
        }
        InProcess::Typed.carry(service, now, caller, by, request)
    }
}

/// A thousand nodes that start within two minutes while the service throttles for so long.
fn throttled_boot(until: Period, duration: &str) -> Outcome {
    let world = world(&format!(
        "{{name: throttled, seed: 5, ramp: 2m, duration: {duration}, \
         cohorts: [{{name: all, platform: ubuntu-22.04, identity: hybrid, nodes: 1000}}]}}"
    ));
    world.run_through(&Throttling { until: VIRTUAL_START + until })
}

/// How many nodes had their first heartbeat accepted by then.
fn online_by(outcome: &Outcome, after: Period) -> usize {
    let accepted = |entry: &&Entry| entry.operation == HEARTBEAT && entry.ending == Ending::Ok;
    let mut firsts: BTreeMap<u32, Timestamp> = BTreeMap::new();
    for entry in outcome.history.entries().iter().filter(accepted) {
        firsts.entry(entry.node).or_insert(entry.arrived);
    }
    firsts.values().filter(|first| **first <= VIRTUAL_START + after).count()
}

/// The heartbeats of each node that were refused, by the tries of each.
fn refused(outcome: &Outcome) -> BTreeMap<u32, Vec<Vec<Timestamp>>> {
    let mut refused: BTreeMap<u32, Vec<Vec<Timestamp>>> = BTreeMap::new();
    for entry in outcome.history.entries() {
        if entry.ending == Ending::Fail(ErrorCode::ThrottlingException) {
            let pings = refused.entry(entry.node).or_default();
            if entry.attempt == 0 {
                pings.push(Vec::new());
            }
            pings.last_mut().expect("a first try comes first").push(entry.arrived);
        }
    }
    refused
}

#[test]
fn a_cohort_polls_as_often_as_its_timing_says() {
    let world = world(
        "{name: paces, seed: 5, duration: 3h, cohorts: [
          {name: quick, platform: ubuntu-22.04, nodes: 20, timing: {poll: 5m}},
          {name: usual, platform: ubuntu-22.04, nodes: 20},
          {name: eager, platform: ubuntu-22.04, nodes: 20, timing: {poll: 1m, unreal: true}}]}",
    );
    let outcome = world.run();
    let mut polls: BTreeMap<u32, usize> = BTreeMap::new();
    for entry in outcome.history.entries() {
        if entry.operation == "ListInstanceAssociations" {
            *polls.entry(entry.node).or_default() += 1;
        }
    }
    assert_eq!(polls.len(), 60);
    for (node, polls) in polls {
        // The empty first one is made twice.
        let expected = 1 + [36, 18, 180][usize::from(world.plan.identity(node).cohort)];
        assert_eq!(polls, expected, "node {node}");
    }
}

#[test]
fn nodes_that_start_while_the_service_throttles_sleep_and_return() {
    let outcome = throttled_boot(Period::minutes(12), "30m");
    assert_eq!(
        online_by(&outcome, Period::minutes(15)),
        0,
        "refused at the start probe, and five minutes later"
    );
    // Up to two minutes of arrival and eleven seconds of tries; then the ping after fifteen minutes.
    assert_eq!(online_by(&outcome, Period::minutes(18)), 1_000);
    let curve: Vec<usize> = (15..=18).map(|minute| online_by(&outcome, Period::minutes(minute))).collect();
    assert!(curve[1] > 300 && curve[1] < 700, "they come back as they had come: {curve:?}");
    for (node, pings) in refused(&outcome) {
        assert_eq!(pings.len(), 2, "node {node}");
    }
}

#[test]
fn a_throttled_boot_draws_the_curve_of_hibernation() {
    let throttled = Period::hours(4);
    let outcome = throttled_boot(throttled, "5h");
    let refused = refused(&outcome);
    assert_eq!(refused.len(), 1_000);
    for (node, pings) in &refused {
        // Four tries each, spaced as the SDK does; nothing else is sent.
        for tries in pings {
            assert_eq!(tries.len(), 4, "node {node}");
            for (retry, pair) in tries.windows(2).enumerate() {
                let wait = pair[1].since(pair[0]).as_milliseconds();
                let least = 1_000 << retry;
                // An answer takes a little time, either way.
                assert!(
                    (least..=least * 3 / 2 + 50).contains(&wait),
                    "node {node}, retry {retry}: {wait} ms"
                );
            }
        }
        let first = pings[0].last().expect("it was tried");
        let after = pings[1][0].since(*first).as_milliseconds();
        assert!((300_000..300_050).contains(&after), "node {node} sleeps five minutes first: {after} ms");
        let minutes: Vec<u64> = pings[1..]
            .windows(2)
            .map(|pair| pair[1][0].since(pair[0][0]).as_milliseconds() / 60_000)
            .collect();
        assert_eq!(minutes, [10, 10, 10, 20, 20, 20, 40, 40, 40], "node {node}");
    }
    let others = outcome.history.entries().iter().filter(|entry| entry.arrived < VIRTUAL_START + throttled);
    for entry in others {
        assert!([HEARTBEAT, REGISTER, TOKEN].contains(&entry.operation), "{entry:?}");
    }
    // The ping after 215 minutes is the last that is refused, the one after 275 brings all back.
    assert_eq!(online_by(&outcome, Period::minutes(275)), 0);
    assert_eq!(online_by(&outcome, Period::minutes(278)), 1_000);
}

/// Nodes with one association, one step, each half an hour.
fn days(nodes: u32, duration: &str) -> World {
    let world = world(&format!(
        "{{name: day, seed: 8, duration: {duration}, \
         cohorts: [{{name: all, platform: ubuntu-22.04, identity: hybrid, nodes: {nodes}}}], \
         documents: [{{name: say-hello, content: {{schemaVersion: \"2.2\", mainSteps: \
           [{{action: \"aws:runShellScript\", name: only, inputs: {{runCommand: [\"true\"]}}}}]}}}}], \
         associations: [{{name: hello, at: 1m, document: say-hello, targets: [all], \
           schedule: rate(30 minutes)}}]}}"
    ));
    // Nothing ends the run but its time.
    let mut plan = Plan::clone(&world.plan);
    plan.associations.iter_mut().for_each(|association| association.rounds = u32::MAX);
    World { plan: Arc::new(plan), ..world }
}

#[test]
fn a_day_of_one_node_has_the_agents_calls() {
    let outcome = days(1, "26h").run();
    let begin = VIRTUAL_START + Period::hours(1);
    let day = begin..begin + Period::days(1);
    let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in outcome.history.entries().iter().filter(|entry| day.contains(&entry.arrived)) {
        *calls.entry(entry.operation).or_default() += 1;
    }
    assert_eq!(calls.remove(HEARTBEAT), Some(288), "each five minutes, without jitter");
    assert_eq!(calls.remove(TOKEN), Some(48), "at half the life of each");
    // A poll and what it brings may fall on either side of the day's ends, by its jitter.
    let mut near = |operation: &str, expected: usize, jitter: usize| {
        let found = calls.remove(operation).unwrap_or(0);
        assert!(found.abs_diff(expected) <= jitter, "{operation}: {found}, not about {expected}");
        found
    };
    near("ListInstanceAssociations", 144, 1);
    let runs = near("PutComplianceItems", 48, 1);
    near("UpdateInstanceAssociationStatus", runs * 4, 3);
    assert!(calls.is_empty(), "and nothing else, for the document is known by then: {calls:?}");
}

#[test]
fn a_day_of_many_nodes_has_the_predicted_calls() {
    let nodes = std::env::var(NODES_FOR_A_DAY).ok().map(|nodes| nodes.parse().expect("a number of nodes"));
    let nodes = nodes.unwrap_or(300);
    let outcome = days(nodes, "24h").run();
    let expected = [
        ("GetDocument", 1),
        ("ListInstanceAssociations", 145),
        ("PutComplianceItems", 48),
        (REGISTER, 1),
        (TOKEN, 48),
        ("UpdateInstanceAssociationStatus", 192),
        ("UpdateInstanceInformation", 290),
    ];
    let made = &outcome.finished.measures.calls;
    assert!(made.keys().copied().eq(expected.map(|(operation, _)| operation)), "{:?}", made.keys());
    for (operation, per_node) in expected {
        let expected = per_node as f64 * f64::from(nodes);
        let deviation = made[operation].made as f64 / expected - 1.0;
        println!(
            "{operation}: {} of {expected} predicted, {:+.2} %",
            made[operation].made,
            deviation * 100.0
        );
        assert!(deviation.abs() <= 0.02, "{operation}: {} of {expected} predicted", made[operation].made);
    }
}
