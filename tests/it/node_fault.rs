//! Faults that strike nodes for a while: what comes of each at the plane, and that
//! the fleet is as before once it is lifted.
//!
//! One world serves for all: two cohorts that run an association every half hour.
//! The fault lasts from the 30th minute to the 60th; the second round falls into it.

mod live;
mod named;
mod overlap;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use fleet::in_process::{Carry, InProcess};
use fleet::measure::Ran;
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use fleet::shard::Caller;
use plane::service::Service;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use ssm_fleet_tests::{Outcome, World};

/// Nodes 0 to 11 are EC2 instances, 12 to 17 hybrid nodes.
const FLEET: &str = r#"
name: struck
seed: 21
duration: 2h
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 12, tags: { Env: prod } }
  - { name: till, platform: debian-12, nodes: 6, identity: hybrid, tags: { Env: prod } }
documents:
  - name: patch
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: install, inputs: { runCommand: ["sleep 60"], timeoutSeconds: "300" } }]
associations:
  - { name: patch, at: 5m, document: patch, targets: [tag: { key: Env, values: [prod] }], schedule: rate(30 minutes), rounds: 4 }
"#;

/// A call as it reached the plane.
struct Heard {
    at: Timestamp,
    node: u32,
    is_aside: bool,
    signing: Signing,
    request: Request,
    answer: Answer,
}

#[derive(Default)]
struct Listening(RefCell<Vec<Heard>>);

impl Carry for Listening {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        let answer = InProcess::Typed.carry(service, now, caller, signing, request.clone());
        let (node, is_aside) = (caller.node, caller.is_aside());
        let heard =
            Heard { at: now, node, is_aside, signing: signing.clone(), request, answer: answer.clone() };
        self.0.borrow_mut().push(heard);
        answer
    }
}

/// The world under a fault, and what was heard of it.
struct Struck {
    world: World,
    outcome: Outcome,
    heard: Vec<Heard>,
}

fn world(fault: &str, on: &str) -> World {
    let text = format!("{FLEET}faults: [{{ fault: {fault}, on: {on}, at: 30m, for: 30m }}]");
    let scenario = Scenario::parse("struck", &text).unwrap_or_else(|error| panic!("{fault}: {error}"));
    World::new(&scenario, &Overrides::default())
}

fn strike(fault: &str, on: &str) -> Struck {
    let world = world(fault, on);
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    Struck { world, outcome, heard: listening.0.into_inner() }
}

fn refusal(answer: &Answer) -> Option<&ErrorCode> {
    match answer {
        Answer::Refused(error, _) => Some(&error.code),
        _ => None,
    }
}

impl Struck {
    fn minute(&self, minute: u64) -> Timestamp {
        self.world.plan.start + Period::minutes(minute)
    }

    /// What this node was heard to call between these minutes.
    fn calls(&self, node: u32, minutes: std::ops::Range<u64>) -> Vec<&Heard> {
        let (from, to) = (self.minute(minutes.start), self.minute(minutes.end));
        self.heard.iter().filter(|one| one.node == node && (from..to).contains(&one.at)).collect()
    }

    fn operations(&self, node: u32, minutes: std::ops::Range<u64>) -> BTreeSet<&'static str> {
        self.calls(node, minutes).iter().map(|one| one.request.operation()).collect()
    }

    fn runs(&self) -> Vec<Ran> {
        self.outcome.finished.measures.runs_of(self.outcome.finished.operator.made[0].id)
    }

    /// The runs of a node that began between these minutes.
    fn runs_of(&self, node: u32, minutes: std::ops::Range<u64>) -> Vec<Ran> {
        let (from, to) = (self.minute(minutes.start), self.minute(minutes.end));
        let runs = self.runs().into_iter();
        runs.filter(|run| run.node == node && (from..to).contains(&run.started)).collect()
    }

    /// So many nodes were struck by it, and are as before: each one works, and runs
    /// the rounds after it once, well, and reports it.
    fn recovers(&self, name: &str, nodes: u64) {
        let finished = &self.outcome.finished;
        let struck: u64 =
            finished.measures.struck.iter().filter(|((fault, _), _)| *fault == name).map(|(_, n)| n).sum();
        assert_eq!((struck, finished.measures.lifted.get(name)), (nodes, Some(&nodes)), "{name}");
        let online: u32 = finished.cohorts.iter().map(|cohort| cohort.online).sum();
        assert_eq!(online, 18, "{name}: all work at the end");
        for node in 0..18 {
            let last = self.runs_of(node, 95..108);
            let is_well = |run: &Ran| run.status == AssociationStatus::Success && run.is_reported;
            assert!(last.len() == 1 && last.iter().all(is_well), "{name}: node {node} ran {last:?}");
        }
        let result = fleet::result::RunResult::new(finished);
        let told = result.faults.iter().filter(|fault| fault.fault == name).map(|fault| fault.nodes);
        assert_eq!(told.sum::<u64>(), nodes, "{name}: the report says so");
    }
}

/// The kinds of fault, with their settings and whom they strike here.
const ALL: [(&str, &str); 25] = [
    ("invalid-instance: {}", "{ cohort: web, pick: { fixed: 4 } }"),
    ("invalid-instance: { cause: agent-stopped }", "{ cohort: web, index: { to: 3 } }"),
    ("invalid-instance: { cause: no-permission }", "{ cohort: web, index: { to: 3 } }"),
    ("invalid-instance: { cause: shutting-down }", "{ cohort: web, index: { to: 3 } }"),
    ("invalid-instance: { cause: terminated }", "{ cohort: web, index: { to: 3 } }"),
    ("invalid-instance: { cause: deregistered }", "{ cohort: till, index: { to: 3 } }"),
    ("unsupported-platform: {}", "{ index: { to: 3 } }"),
    ("unsupported-platform: { platform: unknown }", "{ index: { to: 3 } }"),
    ("crash: { down: 3m }", "{}"),
    ("crash: { loses: disk }", "{ index: { to: 3 } }"),
    ("flapping: { down: 1m, up: 2m }", "{}"),
    ("duplicate-reports: { times: 2 }", "{}"),
    ("late-reports: { by: 2m }", "{}"),
    ("reordered-reports: { within: 90s }", "{}"),
    ("huge-reports: { bytes: 5000000 }", "{ index: { to: 3 } }"),
    ("clock-skew: { ahead: 20m }", "{}"),
    ("clock-jump: { to: { behind: 1h }, corrected_within: 20m }", "{}"),
    ("old-version: { version: 2.3.0.0 }", "{}"),
    ("eager-retries: { times: 9 }", "{}"),
    ("outcome: { step: install, times_out: true }", "{ index: { to: 3 } }"),
    ("clone-id: { of: 0 }", "{ cohort: web, index: { from: 1, to: 3 } }"),
    ("same-fingerprint: { of: 0 }", "{ cohort: till, index: { from: 1, to: 3 } }"),
    ("invalid-instance: {}", "{ cohort: till, index: { to: 3 } }"),
    ("outcome: { fails: 50%, exit_code: 9 }", "{}"),
    ("invalid-instance: { cause: agent-stopped }", "{ cohort: till }"),
];

/// Those that have no settings.
const PLAIN: [(&str, &str); 8] = [
    ("pause", "{}"),
    ("offline", "{}"),
    ("hang", "{}"),
    ("malformed-reports", "{}"),
    ("no-jitter", "{}"),
    ("forgets-state", "{}"),
    ("expired-credentials", "{ cohort: till }"),
    ("id-reuse", "{ cohort: web, index: { to: 3 } }"),
];

fn kinds() -> impl Iterator<Item = (String, &'static str)> {
    let with = ALL.into_iter().map(|(fault, on)| (format!("{{ {fault} }}"), on));
    with.chain(PLAIN.into_iter().map(|(fault, on)| (fault.to_owned(), on)))
}

#[test]
fn each_kind_gives_the_same_history_however_the_fleet_is_cut() {
    let sound = Scenario::parse("struck", FLEET).unwrap();
    let sound = World::new(&sound, &Overrides::default()).run().finished.history;
    let mut seen = BTreeSet::new();
    for (fault, on) in kinds() {
        let world = world(&fault, on);
        let [one, three] = [1, 3].map(|shards| world.clone().in_shards(shards).run());
        assert_eq!(one.history.entries(), three.history.entries(), "{fault}");
        let measures = |outcome: &Outcome| {
            let mut measures = outcome.finished.measures.clone();
            measures.runs.values_mut().for_each(|runs| runs.sort_unstable());
            format!("{measures:?}")
        };
        assert_eq!(measures(&one), measures(&three), "{fault}");
        // Of two nothing is to be seen as long as nobody names the node and nothing fails.
        if !["no-permission", "eager-retries"].iter().any(|name| fault.contains(name)) {
            assert_ne!(one.finished.history, sound, "{fault} changes something");
        }
        seen.extend(one.finished.measures.struck.keys().map(|(name, _)| *name));
    }
    assert_eq!(seen.len(), 23, "{seen:?}");
}

#[test]
fn a_machine_that_crashes_goes_on_with_its_document_when_it_is_back() {
    // The second round's runs are under way then: who polled, in the 41st minute, sleeps.
    let text = format!("{FLEET}faults: [{{ fault: {{ crash: {{ down: 3m }} }}, at: 2445s, for: 20m }}]");
    let world = World::new(&Scenario::parse("x", &text).unwrap(), &Overrides::default());
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    let struck = Struck { world, outcome, heard: listening.0.into_inner() };
    struck.recovers("crash", 18);
    let mut interrupted = 0;
    for node in 0..18 {
        assert_eq!(struck.operations(node, 41..43).len(), 0, "node {node} is down");
        let again = struck.operations(node, 43..45);
        assert!(again.contains("UpdateInstanceInformation"), "node {node} starts anew: {again:?}");
        interrupted += struck
            .runs_of(node, 40..41)
            .iter()
            .filter(|run| run.ended > struck.minute(43) && run.status == AssociationStatus::Success)
            .count();
    }
    assert!(
        interrupted > 9,
        "{interrupted} were in the midst of their step, took it up again and reported it"
    );
}

#[test]
fn a_machine_that_loses_its_disk_registers_anew() {
    let struck = strike("{ crash: { loses: disk } }", "{ cohort: till, index: { to: 2 } }");
    struck.recovers("crash", 3);
    for node in 12..15 {
        assert_eq!(struck.operations(node, 30..60).len(), 0, "down until it is lifted");
        let registrations: Vec<_> = struck
            .heard
            .iter()
            .filter_map(|one| match &one.answer {
                Answer::Registered(id) if one.node == node => Some((one.at >= struck.minute(60), *id)),
                _ => None,
            })
            .collect();
        assert_eq!(registrations.iter().map(|(late, _)| *late).collect::<Vec<_>>(), [false, true]);
        assert_ne!(registrations[0].1, registrations[1].1, "a hybrid node gets another id");
    }
    assert!(!struck.operations(15, 60..61).contains("RegisterManagedInstance"));
}

#[test]
fn an_agent_that_stands_still_goes_on_where_it_stood() {
    let struck = strike("pause", "{ index: { to: 1 } }");
    struck.recovers("pause", 4);
    for node in [0, 1, 12, 13] {
        // What was on its way when it stopped arrives all the same.
        let calls = struck.calls(node, 30..60);
        assert!(calls.iter().all(|one| one.at < struck.minute(30) + Period::seconds(1)), "node {node}");
        let again = struck.operations(node, 60..61);
        assert!(again.contains("UpdateInstanceInformation") && again.contains("ListInstanceAssociations"));
        // Of instances a role is looked at by a bare heartbeat as well.
        let starts = struck.calls(node, 60..61);
        assert!(
            node < 12
                || starts.iter().all(
                    |one| !matches!(&one.request, Request::Heartbeat(call) if call.agent_status.is_none())
                ),
            "it does not start anew, it goes on: no bare heartbeat"
        );
    }
}

#[test]
fn who_is_cut_off_is_not_heard_and_tries_on() {
    for (fault, name, heard) in
        [("offline", "offline", 0..1), ("{ flapping: { down: 4m, up: 1m } }", "flapping", 1..100)]
    {
        let struck = strike(fault, "{ index: { to: 1 } }");
        struck.recovers(name, 4);
        for node in [0, 1, 12, 13] {
            let calls = struck.calls(node, 31..60).len();
            assert!(heard.contains(&calls), "{name}: node {node} was heard {calls} times");
            for round in 0..6 {
                let down = struck.calls(node, 30 + 5 * round..34 + 5 * round);
                let late = struck.minute(30 + 5 * round) + Period::seconds(1);
                assert!(down.iter().all(|one| one.at < late), "{name}: node {node} in its round {round}");
            }
        }
        let unknown = struck.outcome.finished.measures.calls["UpdateInstanceInformation"].unknown;
        assert!(unknown > 10, "{name}: they call in vain: {unknown}");
    }
}

#[test]
fn a_step_that_hangs_outlasts_its_time_out_and_ends_when_it_is_let() {
    let struck = strike("hang", "{}");
    struck.recovers("hang", 18);
    for node in 0..18 {
        let runs = struck.runs_of(node, 35..48);
        assert_eq!(runs.len(), 1, "node {node}");
        assert!(runs[0].ended >= struck.minute(60), "node {node} hung until the 60th minute");
        assert_eq!(runs[0].status, AssociationStatus::Success, "node {node}");
    }
}

#[test]
fn the_step_of_a_command_hangs_as_well() {
    let text = FLEET.replace("nodes: 12,", "nodes: 12, channel: websocket,");
    let send = "send-command: { document: patch, targets: [tag: { key: Env, values: [prod] }] }";
    let run = |faults: &str| {
        let text = format!("{text}timeline: [{{ at: 45m, do: {{ {send} }} }}]\n{faults}");
        let scenario = Scenario::parse("x", &text).unwrap_or_else(|error| panic!("{error}"));
        let world = World::new(&scenario, &Overrides::default());
        let outcome = world.run();
        Struck { world, outcome, heard: Vec::new() }
    };
    let ask = |struck: &Struck, operation: &str, body: serde_json::Value| -> serde_json::Value {
        let (target, body) = (format!("AmazonSSM.{operation}"), body.to_string());
        let answer = struck.outcome.service.respond(struck.minute(120), &target, body.as_bytes());
        serde_json::from_slice(&answer.body).unwrap()
    };
    // How the command ended on a node of web, and when.
    let ends = |struck: &Struck, node: u32| {
        let commands = ask(struck, "ListCommands", serde_json::json!({}));
        let command = &commands["Commands"][0]["CommandId"];
        let body = serde_json::json!({ "CommandId": command, "InstanceId": struck.world.plan.node_id(node) });
        let told = ask(struck, "GetCommandInvocation", body);
        let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
        (text("Status"), text("ExecutionEndDateTime"))
    };
    let plain = run("");
    assert!((0..12).all(|node| {
        let (status, end) = ends(&plain, node);
        status == "Success" && end.as_str() < "2025-01-01T00:50"
    }));
    let struck = run("faults: [{ fault: hang, on: { cohort: web }, at: 30m, for: 30m }]");
    struck.recovers("hang", 12);
    for node in 0..12 {
        let (status, end) = ends(&struck, node);
        assert!(
            status == "Success" && *"2025-01-01T01:00" <= *end && *end < *"2025-01-01T01:05",
            "{status} {end}"
        );
    }
}

/// The reports on runs that reached the plane within the second round, of one node.
fn reports(struck: &Struck, node: u32) -> Vec<(&Heard, AssociationStatus, Timestamp)> {
    reports_within(struck, node, 35..60)
}

/// The same within these minutes.
fn reports_within(
    struck: &Struck,
    node: u32,
    minutes: std::ops::Range<u64>,
) -> Vec<(&Heard, AssociationStatus, Timestamp)> {
    let reports = struck.calls(node, minutes).into_iter().filter_map(|one| match &one.request {
        Request::ReportStatus(call) => {
            Some((one, call.execution_result.status, call.execution_result.execution_date))
        }
        _ => None,
    });
    reports.collect()
}

#[test]
fn reports_come_twice_late_or_out_of_order() {
    use AssociationStatus::{InProgress, Pending, Success};
    let sequence = [Pending, InProgress, InProgress, Success];
    let late = |(one, _, stamped): &(&Heard, AssociationStatus, Timestamp)| one.at.since(*stamped);
    let on_its_way = Period::milliseconds(10);
    // Once it is lifted: each once, in their order, and at once.
    let is_over = |struck: &Struck| {
        for node in 0..18 {
            let told = reports_within(struck, node, 95..120);
            assert_eq!(told.iter().map(|(_, status, _)| *status).collect::<Vec<_>>(), sequence, "{node}");
            assert!(told.iter().all(|one| late(one) == on_its_way), "node {node}");
        }
    };

    let struck = strike("{ duplicate-reports: {} }", "{ cohort: web }");
    struck.recovers("duplicate-reports", 12);
    let statuses = |struck: &Struck, node| {
        reports(struck, node).iter().map(|(_, status, _)| *status).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&struck, 0), sequence.map(|status| [status; 2]).concat());
    assert_eq!(statuses(&struck, 12), sequence, "the others send theirs once");
    assert_eq!(reports(&struck, 0).iter().filter(|(one, ..)| one.is_aside).count(), 4);
    assert_eq!(struck.outcome.finished.measures.late_answers, 0, "nobody waits for the second answer");
    is_over(&struck);

    let struck = strike("{ late-reports: { by: 2m } }", "{ cohort: web }");
    struck.recovers("late-reports", 12);
    assert_eq!(statuses(&struck, 0), sequence, "late, and in their order");
    assert!(reports(&struck, 0).iter().all(|one| late(one) == Period::seconds(120) + on_its_way));
    is_over(&struck);

    let struck = strike("{ reordered-reports: { within: 3m } }", "{ cohort: web }");
    struck.recovers("reordered-reports", 12);
    let is_out_of_order = |node: &u32| statuses(&struck, *node) != sequence;
    let overtaken = (0..12).filter(is_out_of_order).count();
    assert!(overtaken > 3, "reports of {overtaken} of 12 nodes overtook one another");
    assert!((0..12).all(|node| statuses(&struck, node).len() == 4), "none is lost");
    is_over(&struck);
}

#[test]
fn reports_that_break_off_or_are_huge_are_refused() {
    let cases = [
        ("malformed-reports", "malformed-reports", ErrorCode::SerializationException, 400),
        ("{ huge-reports: { bytes: 5000000 } }", "huge-reports", ErrorCode::ValidationException, 413),
    ];
    for (fault, name, code, status) in cases {
        let struck = strike(fault, "{ cohort: web, index: { to: 1 } }");
        struck.recovers(name, 2);
        for node in 0..2 {
            let of_run = ["UpdateInstanceAssociationStatus", "PutComplianceItems"];
            let calls = struck.calls(node, 35..60);
            let told: Vec<_> = calls.iter().filter(|one| of_run.contains(&one.request.operation())).collect();
            // The plane knows nothing of it, and orders the run anew at each poll.
            assert!(told.len() >= 5 && told.len() % 5 == 0, "{name}: {}", told.len());
            for one in told {
                let Answer::Refused(error, seen) = &one.answer else { panic!("{name}: {:?}", one.answer) };
                assert_eq!((&error.code, *seen), (&code, status), "{name}");
            }
            let run = struck.runs_of(node, 35..60)[0];
            assert!(!run.is_reported, "{name}: the node knows that nobody heard of it");
        }
        let measures = &struck.outcome.finished.measures;
        assert!(measures.lost_reports >= 8 && measures.lost_reports.is_multiple_of(4), "{name}");
        let retries = measures.calls["UpdateInstanceAssociationStatus"].retries;
        assert_eq!(retries, 0, "{name}: a refusal is not tried again");
    }
}

#[test]
fn a_clock_that_is_off_shows_in_reports_and_in_the_dates_of_signatures() {
    let struck = strike("{ clock-skew: { ahead: 20m } }", "{}");
    struck.recovers("clock-skew", 18);
    let (_, _, stamped) = reports(&struck, 0)[0];
    let ahead = stamped.since(reports(&struck, 0)[0].0.at);
    assert_eq!(ahead, Period::minutes(20) - Period::milliseconds(10), "an instance's role is not looked at");
    let refused = struck.calls(12, 31..60);
    assert!(!refused.is_empty());
    for one in refused {
        assert_eq!(refusal(&one.answer), Some(&ErrorCode::InvalidSignatureException), "{:?}", one.request);
        assert_eq!(one.signing.clock.of(one.at).since(one.at), Period::minutes(20));
    }

    let struck = strike("{ clock-jump: { to: { behind: 1h }, corrected_within: 20m } }", "{}");
    struck.recovers("clock-jump", 18);
    let off = |minute: u64| {
        let one = struck.calls(12, minute..60)[0];
        one.at.since(one.signing.clock.of(one.at))
    };
    assert!(off(30) > Period::minutes(40) && off(50) == Period::ZERO, "it comes closer");
    let codes: Vec<_> = struck.calls(12, 30..60).iter().map(|one| refusal(&one.answer).cloned()).collect();
    let wrong = Some(ErrorCode::InvalidSignatureException);
    assert!(codes.first() == Some(&wrong) && codes.last() == Some(&None), "{codes:?}");

    // Lifted before it is right again: then it is.
    let struck = strike("{ clock-jump: { to: { ahead: 1h }, corrected_within: 1h } }", "{ cohort: till }");
    struck.recovers("clock-jump", 6);
    for node in 12..18 {
        let off = |minutes| {
            let calls = struck.calls(node, minutes);
            calls.iter().map(|one| one.signing.clock.of(one.at).since(one.at)).collect::<BTreeSet<_>>()
        };
        assert!(off(30..60).iter().all(|off| *off >= Period::minutes(30)), "node {node}");
        assert_eq!(off(60..120), BTreeSet::from([Period::ZERO]), "node {node}");
    }
}

#[test]
fn agents_that_are_not_as_they_should_be() {
    let struck = strike("{ old-version: { version: 2.3.0.0 } }", "{ cohort: web }");
    struck.recovers("old-version", 12);
    let versions = |minutes| {
        let calls = struck.calls(0, minutes);
        let version = |one: &&Heard| match &one.request {
            Request::Heartbeat(call) => call.agent_version.clone(),
            _ => None,
        };
        calls.iter().filter_map(version).collect::<BTreeSet<_>>()
    };
    assert_eq!(versions(30..60), BTreeSet::from(["2.3.0.0".to_owned()]));
    assert_eq!(versions(61..90), BTreeSet::from(["3.3.0.0".to_owned()]));

    let struck = strike("no-jitter", "{}");
    struck.recovers("no-jitter", 18);
    let polls = |node, minutes| {
        let calls = struck.calls(node, minutes);
        let of_a_minute = |one: &&Heard| one.at.since(struck.world.plan.start).as_milliseconds() / 1000 % 600;
        let calls = calls.into_iter().filter(|one| matches!(one.request, Request::ListAssociations(_)));
        calls.map(|one| of_a_minute(&one)).collect::<Vec<_>>()
    };
    let seconds = |polls: Vec<u64>| polls.into_iter().collect::<BTreeSet<_>>().len();
    for node in 0..18 {
        // The turn that was drawn for before the fault is not drawn for anew.
        let meanwhile = polls(node, 41..61);
        assert_eq!(
            (meanwhile.len(), seconds(meanwhile)),
            (2, 1),
            "each at the same second of its ten minutes"
        );
        assert!(seconds(polls(node, 71..108)) > 1, "node {node}");
    }

    let struck = strike("forgets-state", "{ cohort: web }");
    struck.recovers("forgets-state", 12);
    let fetched = |node, minutes| {
        let calls = struck.calls(node, minutes);
        calls.iter().filter(|one| matches!(one.request, Request::GetDocument(_))).count()
    };
    assert_eq!((fetched(0, 30..60), fetched(12, 30..60), fetched(0, 75..108)), (3, 0, 0), "at each poll");
}

#[test]
fn eager_agents_try_again_too_soon_and_too_often() {
    let faults = "faults: [
        { fault: { eager-retries: { wait: 200ms, times: 9 } }, on: { cohort: web }, at: 30m, for: 30m },
        { fault: offline, at: 35m, for: 10m }, { fault: offline, at: 65m, for: 10m }]";
    let scenario = Scenario::parse("x", &format!("{FLEET}{faults}")).unwrap();
    let world = World::new(&scenario, &Overrides::default());
    let outcome = world.run();
    let calls = &outcome.finished.measures.calls["UpdateInstanceInformation"];
    // Of ten minutes offline two heartbeats fall to each node: 9 retries of each of 12, 3 of
    // each of 6; and 3 of each of all once it is lifted.
    assert_eq!(calls.retries, 2 * (12 * 9 + 6 * 3) + 2 * 18 * 3);
    let struck = Struck { world, outcome, heard: Vec::new() };
    struck.recovers("eager-retries", 12);
}

#[test]
fn documents_go_otherwise_for_a_while() {
    let cases = [
        ("{ outcome: { times_out: true } }", AssociationStatus::TimedOut),
        ("{ outcome: { document: patch, fails: 100%, exit_code: 9 } }", AssociationStatus::Failed),
        ("{ outcome: { document: other, fails: 100% } }", AssociationStatus::Success),
    ];
    for (fault, expected) in cases {
        let struck = strike(fault, "{ cohort: web }");
        struck.recovers("outcome", 12);
        for (node, expected) in [(0, expected), (11, expected), (12, AssociationStatus::Success)] {
            let runs = struck.runs_of(node, 35..48);
            assert_eq!(
                runs.iter().map(|run| run.status).collect::<Vec<_>>(),
                [expected],
                "{fault}, node {node}"
            );
        }
    }
}

/// The ids under which a node called between these minutes.
fn ids(struck: &Struck, node: u32, minutes: std::ops::Range<u64>) -> BTreeSet<NodeId> {
    let calls = struck.calls(node, minutes);
    let id = |one: &&Heard| match &one.request {
        Request::Heartbeat(call) => Some(call.instance_id),
        Request::ListAssociations(call) => Some(call.instance_id),
        Request::ReportStatus(call) => Some(call.instance_id),
        _ => None,
    };
    calls.iter().filter_map(id).collect()
}

#[test]
fn two_live_agents_have_one_id() {
    let struck = strike("{ clone-id: { of: 5 } }", "{ cohort: web, index: { to: 1 } }");
    struck.recovers("clone-id", 2);
    let plan = &struck.world.plan;
    for node in 0..2 {
        assert_eq!(ids(&struck, node, 30..60), BTreeSet::from([plan.node_id(5)]));
        assert_eq!(ids(&struck, node, 61..108), BTreeSet::from([plan.node_id(node)]));
    }
    let names: BTreeSet<_> = struck
        .heard
        .iter()
        .filter_map(|one| match &one.request {
            Request::Heartbeat(call) if call.instance_id == plan.node_id(5) => call.computer_name.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(names.len(), 3, "three machines say that they are node 5: {names:?}");
}

#[test]
fn machines_made_of_one_image_register_with_one_fingerprint() {
    let struck = strike("{ same-fingerprint: { of: 0 } }", "{ cohort: till, index: { from: 1, to: 2 } }");
    struck.recovers("same-fingerprint", 2);
    let mut of_nodes: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for one in &struck.heard {
        if let Request::Register(call) = &one.request
            && one.node >= 12
        {
            of_nodes.entry(one.node).or_default().push(call.fingerprint.clone());
        }
    }
    let image = &of_nodes[&12][0];
    for node in [13, 14] {
        let [own, copied, back] = &of_nodes[&node][..] else { panic!("{of_nodes:?}") };
        assert!(copied == image && own == back && own != image, "{of_nodes:?}");
    }
}

#[test]
fn credentials_that_are_not_renewed_run_out() {
    let text = FLEET.replace("duration: 2h", "duration: 2h\nplane: { token_lifetime: 15m }");
    let text = format!(
        "{text}faults: [{{ fault: expired-credentials, on: {{ cohort: till }}, at: 30m, for: 30m }}]"
    );
    let world = World::new(&Scenario::parse("x", &text).unwrap(), &Overrides::default());
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    let struck = Struck { world, outcome, heard: listening.0.into_inner() };
    struck.recovers("expired-credentials", 6);
    for node in 12..18 {
        let refused: BTreeSet<_> =
            struck.calls(node, 46..60).iter().map(|one| refusal(&one.answer).cloned()).collect();
        assert_eq!(refused, BTreeSet::from([Some(ErrorCode::ExpiredTokenException)]), "node {node}");
        let asked = struck.operations(node, 30..60).contains("RequestManagedInstanceRoleToken");
        assert!(!asked && struck.operations(node, 60..61).contains("RequestManagedInstanceRoleToken"));
    }
}

#[test]
fn another_machine_appears_under_an_id() {
    let struck = strike("id-reuse", "{ cohort: web, index: { to: 0 } }");
    struck.recovers("id-reuse", 1);
    let machines = |minutes| {
        let calls = struck.calls(0, minutes);
        let machine = |one: &&Heard| match &one.request {
            Request::Heartbeat(call) => call.computer_name.clone(),
            _ => None,
        };
        calls.iter().filter_map(machine).collect::<BTreeSet<_>>()
    };
    let (before, meanwhile, after) = (machines(0..30), machines(30..60), machines(61..108));
    assert!(before == after && meanwhile.len() == 1 && before != meanwhile, "{before:?} {meanwhile:?}");
    assert_eq!(ids(&struck, 0, 0..108).len(), 1);
    let registered = struck.calls(0, 30..31);
    let registered = registered.iter().find(|one| matches!(one.request, Request::Register(_)));
    let code = refusal(&registered.expect("it registers").answer);
    assert_eq!(code, Some(&ErrorCode::InstanceAlreadyRegistered), "the plane sees the reuse");
}
