//! Faults between nodes and plane in virtual time: what nodes see of them, and
//! that the fleet recovers.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use agent::call::{Answer, Request};
use agent::channel::call::MessageRequest;
use agent::credentials::Signing;
use fleet::history::{Ending, Entry};
use fleet::in_process::{Carry, InProcess};
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use fleet::shard::Caller;
use fleet::simulation;
use plane::service::Service;
use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};
use ssm_fleet_tests::{Outcome, World};

fn scenario(faults: &str) -> Scenario {
    let text = format!(
        "{{name: x, seed: 4, duration: 2h, cohorts: [\
         {{name: web, platform: amazon-linux-2023, nodes: 30, channel: websocket, tags: {{Env: prod}}}},\
         {{name: poll, platform: ubuntu-22.04, nodes: 20, channel: long-poll, tags: {{Env: prod}}}}],\
         documents: [{{name: hello, content: {{schemaVersion: '2.2', mainSteps: [\
         {{action: 'aws:runShellScript', name: a, inputs: {{runCommand: ['true']}}}}]}}}}],\
         associations: [{{name: hello, at: 5m, document: hello, schedule: rate(30 minutes), rounds: 4,\
         targets: [tag: {{key: Env, values: [prod]}}]}}], faults: [{faults}]}}"
    );
    Scenario::parse("x", &text).expect(&text)
}

fn world(faults: &str) -> World {
    World::new(&scenario(faults), &Overrides::default())
}

fn minutes(outcome: &Outcome, entry: &Entry) -> u64 {
    entry.arrived.since(outcome.finished.plan.start).as_milliseconds() / 60_000
}

/// The calls that met the fault of this name.
fn met<'a>(outcome: &'a Outcome, name: &str) -> Vec<&'a Entry> {
    let met = |entry: &&Entry| entry.fault.as_deref() == Some(name);
    outcome.history.entries().iter().filter(met).collect()
}

/// Runs the scenario, and asserts that the fleet recovers after the fault: every
/// node is online, the rounds are over, and no call fails any more.
fn run(faults: &str) -> Outcome {
    let outcome = world(faults).run();
    let finished = &outcome.finished;
    assert_eq!(finished.ending, simulation::Ending::Complete, "{faults}");
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 50, "{faults}");
    let last = finished.ended - Period::minutes(5);
    let late =
        outcome.history.entries().iter().filter(|entry| entry.arrived > last && entry.ending != Ending::Ok);
    assert_eq!(late.count(), 0, "{faults}: all is well at the end");
    outcome
}

#[test]
fn each_fault_ends_calls_as_a_socket_would_and_the_fleet_recovers() {
    let unknown = || Some(Ending::Unknown);
    let throttled = Ending::Fail(ErrorCode::ThrottlingException);
    // The fault, and how calls end that meet it, if not all the same.
    let cases: [(&str, Option<Ending>); 15] = [
        ("latency: {delay: 300ms, jitter: 100ms, direction: both}", Some(Ending::Ok)),
        ("bandwidth: {bytes_per_second: 4000, direction: both}", Some(Ending::Ok)),
        ("slicer: {average_size: 10, delay: 10ms}", Some(Ending::Ok)),
        ("timeout: {}", unknown()),
        ("timeout: {after: 3s}", unknown()),
        ("timeout: {direction: down}", unknown()),
        ("reset-peer: {}", unknown()),
        ("limit-data: {bytes: 100}", unknown()),
        ("limit-data: {bytes: 100, direction: up}", unknown()),
        ("partition: {}", unknown()),
        ("partition: {direction: up}", unknown()),
        ("partition: {direction: down}", unknown()),
        ("abort: {}", unknown()),
        ("replace-status: {status: 503}", Some(Ending::Unreadable)),
        ("replace-status: {status: 400, code: ThrottlingException, share: 50%}", Some(throttled)),
    ];
    for (fault, ending) in cases {
        let outcome = run(&format!("{{name: f, fault: {{{fault}}}, at: 30m, for: 10m}}"));
        let met = met(&outcome, "f");
        let nodes: BTreeSet<u32> = met.iter().map(|entry| entry.node).collect();
        assert!(nodes.len() > 40, "{fault}: {} nodes met it", nodes.len());
        // A request may arrive later than it was sent.
        assert!(met.iter().all(|entry| (30..=40).contains(&minutes(&outcome, entry))), "{fault}");
        // What is sent over a channel without being confirmed is done with at once.
        let is_call = |entry: &&&Entry| !entry.operation.starts_with("agent_job");
        let other = met.iter().filter(is_call).find(|entry| Some(&entry.ending) != ending.as_ref());
        assert_eq!(other, None, "{fault}");
    }
}

/// How long each node took to report the round of the 35th minute, by what the plane heard.
fn reporting(outcome: &Outcome, from: u64) -> Vec<Period> {
    let mut heard: BTreeMap<u32, (Timestamp, Timestamp)> = BTreeMap::new();
    for entry in outcome.history.entries() {
        if entry.operation == "UpdateInstanceAssociationStatus"
            && (from..from + 20).contains(&minutes(outcome, entry))
        {
            let (_, last) = heard.entry(entry.node).or_insert((entry.arrived, entry.arrived));
            *last = entry.arrived;
        }
    }
    assert_eq!(heard.len(), 50);
    heard.values().map(|(first, last)| last.since(*first)).collect()
}

#[test]
fn what_slows_a_call_is_felt_until_it_is_lifted() {
    let plain = run("");
    let (usual, later) = (reporting(&plain, 35), reporting(&plain, 65));
    // What the three calls after the first are held up by at least; a report is some 500 bytes long.
    let cases = [
        ("latency: {delay: 5s}", 15),
        ("latency: {delay: 5s, direction: up}", 15),
        ("bandwidth: {bytes_per_second: 100, direction: up}", 10),
        ("slicer: {average_size: 100, delay: 1s, direction: up}", 10),
    ];
    for (fault, longer) in cases {
        let outcome = run(&format!("{{name: f, fault: {{{fault}}}, at: 30m, for: 20m}}"));
        let slow = reporting(&outcome, 35);
        let is_slow = |(slow, usual): (&Period, &Period)| *slow >= *usual + Period::seconds(longer);
        assert!(slow.iter().zip(&usual).all(is_slow), "{fault}: {slow:?} {usual:?}");
        assert_eq!(reporting(&outcome, 65), later, "{fault}: it is over");
    }
}

#[test]
fn the_number_of_shards_changes_nothing_where_faults_of_all_kinds_strike() {
    let kinds = [
        "latency: {delay: 300ms, jitter: 250ms, direction: both}",
        "bandwidth: {bytes_per_second: 900}",
        "slicer: {average_size: 10, size_variation: 5, delay: 10ms}",
        "timeout: {}",
        "timeout: {after: 3s, direction: down}",
        "reset-peer: {after: 300ms}",
        "limit-data: {bytes: 600}",
        "partition: {direction: up}",
        "partition: {direction: down}",
        "abort: {share: 30%}",
        "replace-status: {status: 500, share: 30%}",
        "fail-first: {calls: 2}",
        "lost-acknowledgement: {share: 30%}",
    ];
    let window = |(number, kind)| {
        format!("{{fault: {{{kind}}}, on: {{pick: {{percent: 40%}}}}, at: {}m, for: 9m}}", 2 + 7 * number)
    };
    let faults: Vec<String> = (0..).zip(kinds).map(window).collect();
    let world = world(&faults.join(", "));
    let alone = world.run();
    for shards in [2, 3, 7] {
        let cut = world.clone().in_shards(shards).run();
        let pairs = alone.history.entries().iter().zip(cut.history.entries());
        assert_eq!(pairs.clone().find(|(one, other)| one != other), None, "{shards} shards");
        assert_eq!(alone.finished.history, cut.finished.history, "{shards} shards");
    }
    let names: BTreeSet<&str> =
        alone.history.entries().iter().filter_map(|entry| entry.fault.as_deref()).collect();
    assert_eq!(names.len(), kinds.len(), "{names:?}");
}

#[test]
fn an_acknowledgement_that_is_lost_leaves_its_effect() {
    let operation = "UpdateInstanceAssociationStatus";
    let outcome = run(&format!(
        "{{name: lost, fault: {{lost-acknowledgement: {{operations: [{operation}], share: 50%}}}}, at: 30m}}"
    )
    .replace("at: 30m", "at: 20m, for: 40m"));
    let lost = met(&outcome, "lost");
    assert!(lost.len() > 20, "{}", lost.len());
    assert!(lost.iter().all(|entry| entry.operation == operation && entry.ending == Ending::Unknown));
    // What the node tells again, the plane knows already.
    let again =
        outcome.history.entries().iter().filter(|entry| entry.operation == operation && entry.attempt > 0);
    assert!(again.count() > 10);
}

#[test]
fn the_first_calls_of_each_node_fail_and_later_ones_pass() {
    let fault = "fail-first: {calls: 2, operations: [ListInstanceAssociations]}";
    let outcome = run(&format!("{{name: first, fault: {{{fault}}}, at: 40m, for: 30m}}"));
    let first = met(&outcome, "first");
    assert_eq!(first.len(), 2 * 50);
    assert!(first.iter().all(|entry| entry.ending == Ending::Unreadable));
}

#[test]
fn a_fault_strikes_those_who_are_meant_only() {
    let outcome =
        run("{name: f, fault: {partition: {}}, on: {cohort: web, pick: {fixed: 7}}, at: 30m, for: 20m}");
    let nodes: BTreeSet<u32> = met(&outcome, "f").iter().map(|entry| entry.node).collect();
    assert!(nodes.len() == 7 && nodes.iter().all(|node| *node < 30), "{nodes:?}");
    let unknown = outcome.history.entries().iter().filter(|entry| entry.ending == Ending::Unknown);
    assert!(unknown.clone().all(|entry| nodes.contains(&entry.node)) && unknown.count() > 7);
}

#[test]
fn channels_that_break_are_opened_again_and_those_that_are_held_go_on() {
    let opened = |outcome: &Outcome, from: u64| {
        let opens = outcome.history.entries().iter().filter(|entry| {
            entry.operation == "CreateControlChannel"
                && entry.ending == Ending::Ok
                && minutes(outcome, entry) >= from
        });
        opens.map(|entry| entry.node).collect::<BTreeSet<u32>>().len()
    };
    // The fault, for how long, how many of the 30 channels are opened anew.
    let cases = [
        ("partition: {}", "5m", 30),
        ("partition: {}", "2s", 0),
        ("timeout: {after: 1s}", "10s", 30),
        ("reset-peer: {}", "1s", 30),
    ];
    for (fault, lasts, expected) in cases {
        let outcome = run(&format!("{{name: f, fault: {{{fault}}}, at: 30m, for: {lasts}}}"));
        assert_eq!(opened(&outcome, 30), expected, "{fault} for {lasts}");
    }
}

/// A way to the plane that remembers when frames of control channels came.
#[derive(Default)]
struct Listening {
    frames: RefCell<Vec<Timestamp>>,
}

impl Carry for Listening {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        if matches!(request, Request::Message(MessageRequest::Frame(_))) {
            self.frames.borrow_mut().push(now);
        }
        InProcess::Typed.carry(service, now, caller, signing, request)
    }
}

#[test]
fn a_channel_that_stands_keeps_what_was_sent_until_there_is_a_way_again() {
    let world = world("{name: f, fault: {partition: {direction: up}}, at: 5m, for: 20s}");
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    let frames = listening.frames.borrow();
    let (begins, ends) = (world.plan.start + Period::minutes(5), world.plan.start + Period::seconds(320));
    assert_eq!(frames.iter().filter(|at| (begins..ends).contains(at)).count(), 0);
    let kept = frames.iter().filter(|at| **at == ends).count();
    assert!(kept >= 30, "{kept} frames came as soon as they could");
    let told =
        outcome.history.entries().iter().filter(|entry| entry.operation.starts_with("agent_job")).count();
    assert_eq!(frames.len(), told, "none was lost");
}

#[test]
fn a_run_with_faults_that_strike_nobody_yet_is_the_run_without() {
    let with = run("{fault: {latency: {delay: 1s}}, at: 7199999ms}");
    let without = run("");
    assert_eq!(with.finished.history, without.finished.history);
    assert!(with.finished.ended > Timestamp::default());
}

#[test]
fn what_is_injected_and_lifted_on_the_way_is_the_same_for_any_number_of_shards() {
    use std::pin::pin;

    use fleet::coordinator::Coordinator;
    use fleet::fault::switchboard::Switchboard;
    use fleet::history::History;
    use fleet::operator::{Desk, VirtualDesk};

    let world = world("");
    let cut = "{name: cut, fault: {partition: {}}, on: {pick: {percent: 50%}}, for: 20m}";
    let cut = scenario(cut).faults.pop().expect("there is one");
    let run = |shards| {
        let service = Service::new(world.plane.clone());
        let switchboard = Switchboard::new(world.plan.clone());
        let start = world.plan.start;
        let desk = VirtualDesk::new(&service, start);
        let shards = world.plan.shards(shards);
        let fleet = Coordinator::new(&service, &InProcess::Typed, shards, History::keeping(), start);
        let mut fleet = fleet.told_by(switchboard.boards());
        let script = pin!(async {
            for (minute, is_lifted) in [(10, false), (14, true), (20, false), (60, false)] {
                let at = start + Period::minutes(minute);
                while desk.now() < at {
                    desk.wake(at).await;
                }
                if is_lifted {
                    switchboard.lift("cut", desk.now()).expect("it is in force");
                } else {
                    switchboard.inject(&cut, desk.now()).expect("it can be meant");
                }
            }
        });
        assert!(fleet.run(script, &desk, start + Period::hours(2)), "the script has ended");
        fleet.history.entries().to_vec()
    };
    let alone = run(1);
    for shards in [2, 3, 7] {
        let cut = run(shards);
        assert_eq!(alone.iter().zip(&cut).find(|(one, other)| one != other), None, "{shards} shards");
        assert_eq!(alone.len(), cut.len());
    }
    let minute = |entry: &Entry| entry.arrived.since(world.plan.start).as_milliseconds() / 60_000;
    let unknown: Vec<_> = alone.iter().filter(|entry| entry.ending == Ending::Unknown).collect();
    assert!(
        unknown.iter().all(|entry| (10..=14).contains(&minute(entry)) || (20..=40).contains(&minute(entry)))
    );
    let within = |from, to| unknown.iter().filter(|entry| (from..to).contains(&minute(entry))).count();
    assert!(within(10, 14) > 0 && within(20, 40) > 0, "{} and {}", within(10, 14), within(20, 40));
}
