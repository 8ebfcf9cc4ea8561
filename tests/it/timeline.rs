//! What a timeline has happen, seen at the other end: calls, the plane's restart,
//! its faults, nodes that come and go.

use agent::channel::call::OPEN_CHANNEL;
use fleet::clock::{Clock, wall_now};
use fleet::embedded::Embedded;
use fleet::history::{Ending, Entry};
use fleet::operator::outcome::Happened;
use fleet::plan::Overrides;
use fleet::result::RunResult;
use fleet::scenario::Scenario;
use fleet::simulation;
use plane::config::PlaneConfig;
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};
use ssm_fleet_tests::{Outcome, World};

use crate::live::LiveFleet;

/// Twenty nodes with a tag and a document, and what else a test wants.
fn world(more: &str) -> World {
    let text = format!(
        r#"
name: timeline
seed: 11
duration: 2h
cohorts:
  - {{ name: web, platform: ubuntu-22.04, nodes: 20, tags: {{ Env: prod }}, channel: websocket }}
  - {{ name: far, platform: debian-12, nodes: 10, tags: {{ Env: test }}, channel: long-poll }}
documents:
  - name: one
    content:
      schemaVersion: "2.2"
      mainSteps: [{{ action: aws:runShellScript, name: only, inputs: {{ runCommand: ["true"] }} }}]
{more}
"#
    );
    let scenario = Scenario::parse("test", &text).unwrap_or_else(|error| panic!("{more}: {error}"));
    World::new(&scenario, &Overrides::default())
}

/// What came of the timeline's entry of this name.
fn happened<'a>(outcome: &'a Outcome, name: &str) -> &'a Happened {
    let place = outcome.finished.plan.timeline.iter().position(|entry| entry.name == name);
    let place = place.unwrap_or_else(|| panic!("no entry {name}"));
    outcome.finished.operator.happened.get(&place).unwrap_or_else(|| panic!("{name} did not happen"))
}

fn minute(outcome: &Outcome, count: u64) -> Timestamp {
    outcome.finished.plan.start + Period::minutes(count)
}

/// The calls between two minutes.
fn between(outcome: &Outcome, from: u64, to: u64) -> impl Iterator<Item = &Entry> {
    let (from, to) = (minute(outcome, from), minute(outcome, to));
    outcome.history.entries().iter().filter(move |entry| from <= entry.arrived && entry.arrived < to)
}

/// The same from one shard and from three.
fn in_any_number_of_shards(world: &World) -> Outcome {
    let alone = world.run();
    let cut = world.clone().in_shards(3).run();
    let first = alone.history.entries().iter().zip(cut.history.entries()).find(|(one, other)| one != other);
    assert_eq!(first, None);
    assert_eq!(alone.history.digest(), cut.history.digest());
    let json = |outcome: &Outcome| {
        let mut result: Value = serde_json::from_str(&RunResult::new(&outcome.finished).to_json()).unwrap();
        result.as_object_mut().unwrap().remove("spent");
        result
    };
    assert_eq!(json(&alone), json(&cut));
    alone
}

const CALLS: &str = r#"
associations:
  - { name: patch, at: 10m, document: one, targets: [tag: { key: Env, values: [prod] }] }
timeline:
  - { at: 20m, do: { start-association: patch } }
  - { at: 21m, name: too soon, do: { start-association: 5a39b4a8-0f3e-4d2c-9c0e-0c5d3b8a2f11 }, expect: { error: AssociationDoesNotExist } }
  - at: 25m
    name: throttle it
    do: { update-association: { name: patch, max_concurrency: "3" } }
    expect: { fields: { AssociationDescription.MaxConcurrency: "3", AssociationDescription.AssociationVersion: "2" } }
  - at: 26m
    name: wrong
    do: { update-association: { name: patch, max_concurrency: "4" } }
    expect: { fields: { AssociationDescription.MaxConcurrency: "5" } }
  - { at: 30m, do: { create-document: { name: two, content: { schemaVersion: "2.2", mainSteps: [{ action: aws:runShellScript, name: a, inputs: { runCommand: ["true"] } }] } } } }
  - { at: 31m, do: { update-document: { name: two, content: { schemaVersion: "2.2", mainSteps: [{ action: aws:runShellScript, name: b, inputs: { runCommand: ["false"] } }] } } } }
  - { at: 32m, do: { tag: { on: { cohort: far, pick: { fixed: 4 } }, tags: { Role: canary } } } }
  - { at: 33m, do: { create-association: { name: canary, document: one, targets: [tag: { key: Role, values: [canary] }] } } }
  - { at: 34m, do: { untag: { on: { cohort: web, index: { to: 4 } }, keys: [Env] } } }
  - { at: 35m, do: { send-command: { document: one, targets: [tag: { key: Env, values: [prod] }] } } }
  - { at: 36m, do: { close-calendar: freeze } }
  - { at: 37m, do: { create-association: { name: frozen, document: one, targets: [tag: { key: Env, values: [prod] }], calendars: [freeze], schedule: rate(30 minutes), rounds: 2 } } }
  - { at: 50m, do: { open-calendar: freeze } }
  - { every: 10m, from: 5m, until: 35m, name: tick, do: { narrate: "ten minutes more" } }
  - { when: "online >= 30", name: all there, do: { narrate: "all are online" } }
  - { when: "online > 1000", name: never, do: { narrate: "a miracle" } }
  - { at: 55m, do: { delete-association: canary } }
"#;

#[test]
fn what_the_timeline_calls_is_done_and_held_against_what_is_expected() {
    let outcome = in_any_number_of_shards(&world(CALLS));
    let finished = &outcome.finished;
    assert_eq!(finished.ending, simulation::Ending::Complete, "{:?}", finished.operator.troubles);
    assert!(finished.operator.troubles.is_empty(), "{:?}", finished.operator.troubles);
    for (place, entry) in finished.plan.timeline.iter().enumerate().filter(|(_, entry)| entry.is_of_timeline)
    {
        let happened = finished.operator.happened.get(&place);
        match entry.name.as_str() {
            "never" => assert_eq!(happened, None),
            "wrong" => {
                let unmet = &happened.expect("it happened").told[0];
                assert!(unmet.seen.ends_with("MaxConcurrency \"4\""), "{unmet:?}");
            }
            "tick" => assert_eq!(happened.map(|happened| (happened.times, happened.unmet)), Some((4, 0))),
            name => assert_eq!(
                happened.map(|happened| (happened.times, happened.unmet)),
                Some((1, 0)),
                "{name}: {happened:?}"
            ),
        }
    }
    let document = outcome.ask("GetDocument", &json!({"Name": "two"}));
    assert_eq!(document["DocumentVersion"], "2", "the new version is the default");
    let survey = finished.survey.as_ref().expect("the plane was asked");
    let runs = |name: &str| {
        let named = |made: &&fleet::operator::Made| {
            finished.plan.associations[made.planned].request.association_name.as_deref() == Some(name)
        };
        let made = finished.operator.made.iter().find(named).expect("it was made");
        (finished.measures.runs_of(made.id), survey.executions.get(&made.id).map(Vec::len))
    };
    assert_eq!(runs("canary").0.len(), 4, "the nodes that were tagged");
    assert_eq!(runs("canary").1, Some(1), "it is deleted, and its round is known from before");
    assert!(runs("patch").1 >= Some(2), "it was run once more");
    let frozen = runs("frozen").0;
    assert_eq!(frozen.len(), 15, "who lost the tag is not meant");
    assert!(
        frozen.iter().all(|run| run.started >= minute(&outcome, 50)),
        "nothing runs while the calendar is closed"
    );
    assert!(happened(&outcome, "all there").first < minute(&outcome, 10));
    let result = RunResult::new(finished);
    assert_eq!(result.timeline.iter().filter(|entry| entry.unmet > 0).count(), 1);
}

const RESTART: &str = r#"
associations:
  - { name: often, at: 10m, document: one, targets: [tag: { key: Env, values: [prod] }], schedule: rate(30 minutes), rounds: 5 }
timeline:
  - { at: 35m, do: { restart-plane: { downtime: 10m } } }
  - { at: 38m, name: in vain at first, do: { start-association: often } }
"#;

#[test]
fn a_plane_that_is_restarted_refuses_connections_and_goes_on_where_it_was() {
    let outcome = in_any_number_of_shards(&world(RESTART));
    let during: Vec<_> = between(&outcome, 36, 45).collect();
    assert!(during.len() > 20 && during.iter().all(|entry| entry.ending == Ending::Unknown));
    let after: Vec<_> = between(&outcome, 56, 70).collect();
    let failed: Vec<_> = after.iter().filter(|entry| entry.ending != Ending::Ok).collect();
    assert!(after.len() > 40 && failed.is_empty(), "the fleet is back: {failed:?}");
    let opened =
        |operation: &str| between(&outcome, 45, 100).filter(|entry| entry.operation == operation).count();
    assert!(opened(OPEN_CHANNEL) >= 20, "each node opens its channel anew");
    let (happened, operator) = (happened(&outcome, "in vain at first"), &outcome.finished.operator);
    assert_eq!((happened.times, happened.unmet), (1, 0));
    assert!(operator.made_again > 0 && operator.troubles.is_empty(), "{:?}", operator.troubles);
    assert_eq!(outcome.finished.ending, simulation::Ending::Complete);
    let survey = outcome.finished.survey.as_ref().expect("the plane was asked");
    let executions = &survey.executions[&operator.made[0].id];
    let created: Vec<_> = executions.iter().filter_map(|execution| execution.created).collect();
    let at = |count| minute(&outcome, count);
    assert!(created.contains(&at(45)), "the instant that was missed is caught up: {created:?}");
    assert!(executions.len() >= 5, "four by the schedule, one by hand: {}", executions.len());
}

#[test]
fn a_plane_that_loses_its_state_knows_nothing_afterwards() {
    let text = RESTART.replace("downtime: 10m", "downtime: 1m, loses: state").replace("38m", "50m");
    let text = text.replace(
        "do: { start-association: often }",
        "do: { start-association: often }, expect: { error: AssociationDoesNotExist }",
    );
    let outcome = in_any_number_of_shards(&world(&text));
    let listed = outcome.ask("ListAssociations", &json!({}));
    assert_eq!(listed["Associations"], json!([]));
    assert_eq!(happened(&outcome, "in vain at first").unmet, 0);
    let online = outcome.finished.survey.as_ref().expect("the plane was asked").nodes.nodes;
    assert_eq!(online, 30, "the nodes make themselves known again by their heartbeats");
}

fn refused<'a>(outcome: &'a Outcome, from: u64, to: u64, code: &ErrorCode) -> Vec<&'a Entry> {
    between(outcome, from, to).filter(|entry| entry.ending == Ending::Fail(code.clone())).collect()
}

#[test]
fn faults_of_the_plane_begin_and_end_and_the_fleet_recovers() {
    let throttle = "{ throttling: { operations: [UpdateInstanceInformation], rate: 0.01, burst: 1 } }";
    let error = "{ server-error: { share: 50%, error: service-unavailable } }";
    let timeline = format!(
        "faults:\n  - {{ name: slow, fault: {throttle}, at: 10m, for: 20m }}\n  \
         - {{ name: lag, fault: {{ latency: {{ delay: 1s }} }}, at: 70m, for: 10m }}\ntimeline:\n  \
         - {{ at: 40m, do: {{ inject: {{ name: down, fault: {error}, on: {{ cohort: far }} }} }} }}\n  \
         - {{ at: 55m, do: {{ lift: down }} }}\n"
    );
    let outcome = in_any_number_of_shards(&world(&timeline));
    let throttled = refused(&outcome, 0, 120, &ErrorCode::ThrottlingException);
    assert!(throttled.len() > 20);
    assert!(throttled.iter().all(|entry| entry.operation == "UpdateInstanceInformation"));
    assert_eq!(throttled.len(), refused(&outcome, 10, 31, &ErrorCode::ThrottlingException).len());
    let down = refused(&outcome, 0, 120, &ErrorCode::ServiceUnavailable);
    assert!(down.len() > 10 && down.iter().all(|entry| entry.node >= 20), "one cohort only");
    assert_eq!(down.len(), refused(&outcome, 40, 56, &ErrorCode::ServiceUnavailable).len());
    let after: Vec<_> = between(&outcome, 60, 120).collect();
    assert!(after.len() > 200 && after.iter().all(|entry| entry.ending == Ending::Ok));
    assert!(outcome.service.faults().is_empty());
    let lagging = outcome.history.entries().iter().filter(|entry| entry.fault.as_deref() == Some("lag"));
    let told = RunResult::new(&outcome.finished).faults;
    let told: Vec<_> = told.iter().map(|fault| (fault.name.as_str(), fault.nodes, fault.calls())).collect();
    let counts = [throttled.len(), down.len(), lagging.count()].map(|calls| calls as u64);
    assert_eq!(told, [("slow", 30, counts[0]), ("down", 10, counts[1]), ("lag", 30, counts[2])]);
    assert_eq!(
        outcome.finished.ending,
        simulation::Ending::OutOfTime,
        "without rounds a run goes on to its end"
    );
}

#[test]
fn late_answers_stale_reads_and_dropped_writes_are_seen_by_the_nodes() {
    let associations = "associations:\n  - { name: mine, at: 20m, document: one, targets: [tag: { key: Env, values: [test] }] }\n";
    let fault = |fault: &str| {
        let text = format!("{associations}faults:\n  - {{ fault: {fault}, at: 15m, for: 45m }}\n");
        in_any_number_of_shards(&world(&text))
    };
    let ended = |outcome: &Outcome| {
        let operator = &outcome.finished.operator;
        assert_eq!(operator.made.len(), 1, "{:?} {:?}", operator.troubles, operator.refusals);
        let runs = outcome.finished.measures.runs_of(outcome.finished.operator.made[0].id);
        assert_eq!(runs.len(), 10);
        runs.iter().map(|run| run.ended).max().expect("there are runs")
    };
    let plain = in_any_number_of_shards(&world(associations));
    assert!(ended(&plain) < minute(&plain, 35));

    let late = fault("{ plane-latency: { delay: 14m } }");
    assert!(ended(&late) > minute(&late, 45), "each call takes a quarter of an hour");
    let hopeless = fault("{ plane-latency: { delay: 16m } }");
    let heartbeats = &hopeless.finished.measures.calls["UpdateInstanceInformation"];
    assert!(heartbeats.unknown > 0, "nobody waits for longer than fifteen minutes");
    let back = between(&hopeless, 61, 120).filter(|entry| entry.ending == Ending::Ok).count();
    assert!(back > 30, "the fleet recovers: {back}");

    let stale = fault("{ stale-reads: { by: 20m, operations: [ListInstanceAssociations] } }");
    let runs = stale.finished.measures.runs_of(stale.finished.operator.made[0].id);
    let first = runs.first().map(|run| run.started).unwrap_or_else(|| {
        panic!("{:?} {:?}", stale.finished.ended.since(minute(&stale, 0)), stale.finished.survey)
    });
    assert!(first >= minute(&stale, 35), "the copy has not heard of it: {first:?}");

    let blind = fault("{ stale-reads: { by: 2h, operations: [ListInstanceAssociations] } }");
    let runs = blind.finished.measures.runs_of(blind.finished.operator.made[0].id);
    let starts = runs.iter().map(|run| run.started);
    assert!(starts.min() >= Some(minute(&blind, 60)) && ended(&blind) < minute(&blind, 75), "it is over");

    let lossy = fault("{ dropped-writes: { operations: [UpdateInstanceAssociationStatus] } }");
    let finished = &lossy.finished;
    let runs = finished.measures.runs_of(finished.operator.made[0].id);
    assert!(runs.iter().all(|run| run.is_reported), "the nodes believe that they have reported");
    let survey = finished.survey.as_ref().expect("the plane was asked");
    let counted = survey.executions[&finished.operator.made[0].id][0].targets.get("Success");
    assert!(runs.len() > 10, "the plane heard of none, and has them run again");
    assert_eq!(counted, Some(&10), "until it hears of it");
}

#[test]
fn nodes_come_and_go_and_keep_their_identity() {
    let timeline = "timeline:\n  - { at: 20m, do: { scale: { cohort: web, to: 45, over: 10m } } }\n  \
                    - { at: 60m, do: { scale: { cohort: web, to: 5 } } }\n  \
                    - { at: 90m, do: { scale: { cohort: web, to: 10 } } }\n";
    let outcome = in_any_number_of_shards(&world(timeline));
    let callers = |from, to| {
        let nodes: std::collections::BTreeSet<u32> =
            between(&outcome, from, to).map(|entry| entry.node).filter(|node| *node < 45).collect();
        nodes.len()
    };
    assert_eq!((callers(0, 19), callers(40, 59)), (20, 45));
    assert_eq!((callers(75, 89), callers(105, 120)), (5, 10));
    let web = outcome.finished.cohorts[0];
    assert_eq!((web.nodes, web.online), (10, 10));
    let plain = world("timeline: []\n");
    assert_eq!(plain.plan.node_id(7), outcome.finished.plan.node_id(7));
    assert_eq!(plain.plan.node_id(20), outcome.finished.plan.node_id(45), "the first of the other cohort");
    assert_eq!(outcome.finished.operator.tagged, 20 + 25 + 10 + 5, "who comes again registers again");
}

/// Nodes that are not there yet are none that a fault strikes, and none that ends.
#[test]
fn who_has_not_come_yet_is_neither_struck_nor_counted() {
    let timeline = "faults:\n  - { fault: offline, on: { cohort: web }, at: 2m, for: 30m }\n  \
                    - { fault: { crash: { down: 1m } }, on: { cohort: web, index: { from: 25 } }, at: 3m, for: 2m }\n\
                    timeline:\n  - { at: 60m, do: { scale: { cohort: web, to: 45 } } }\n  \
                    - { when: online > 1000, do: { scale: { cohort: web, to: 60 } } }\n";
    let outcome = in_any_number_of_shards(&world(timeline));
    let callers = |from, to| {
        let nodes: std::collections::BTreeSet<u32> =
            between(&outcome, from, to).map(|entry| entry.node).filter(|node| *node < 60).collect();
        nodes.len()
    };
    assert_eq!((callers(0, 59), callers(60, 120)), (20, 45));
    let web = outcome.finished.cohorts[0];
    assert_eq!((web.nodes, web.online), (45, 45));
}

#[test]
fn those_that_go_leave_over_a_time() {
    let timeline = "timeline:\n  - { at: 30m, do: { scale: { cohort: web, to: 0, over: 60m } } }\n";
    let outcome = in_any_number_of_shards(&world(timeline));
    let callers = |from, to| {
        let nodes: std::collections::BTreeSet<u32> =
            between(&outcome, from, to).map(|entry| entry.node).filter(|node| *node < 20).collect();
        nodes.len()
    };
    assert_eq!((callers(20, 30), callers(91, 120)), (20, 0));
    assert!((5..15).contains(&callers(60, 70)), "{}", callers(60, 70));
}

/// On real sockets: the plane is away for two
/// simulated minutes, and one of its faults stands for a while.
const LIVE: &str = r#"
name: live
seed: 5
time: {scale: 120}
duration: 10m
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 10, timing: { poll: 30s, poll_jitter: 0s, health: 30s, unreal: true } }
timeline:
  - { at: 2m, do: { restart-plane: { downtime: 2m } } }
  - { at: 6m, do: { inject: { name: down, fault: { server-error: { operations: [ListInstanceAssociations] } }, for: 1m } } }
  - { at: 6m, do: { raise-alarm: cpu } }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sockets_a_plane_goes_down_and_comes_back_and_its_faults_stand_for_their_time() {
    let finished = crate::live::run_embedded(LIVE).await;
    let calls = &finished.measures.calls;
    let heartbeats = &calls["UpdateInstanceInformation"];
    assert!(heartbeats.unknown > 0, "connections were refused or cut: {heartbeats:?}");
    let polls = &calls["ListInstanceAssociations"];
    let refused = polls.refused.get(&ErrorCode::InternalServerError).copied().unwrap_or_default();
    assert!(refused > 0 && refused < polls.made / 2, "{polls:?}");
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 10);
    let happened: Vec<_> = finished.operator.happened.values().map(|it| (it.times, it.unmet)).collect();
    assert_eq!(happened, [(1, 0); 3]);
    assert_eq!(finished.survey.expect("the plane answers again").nodes.nodes, 10);
}

/// Before a plane that is not its own: whatever the timeline makes there is taken away.
const GUEST: &str = r#"
name: guest
seed: 6
time: {scale: 600}
duration: 20m
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 4, tags: { Env: prod } }
documents:
  - { name: guest-document, content: { schemaVersion: "2.2", mainSteps: [{ action: aws:runShellScript, name: a, inputs: { runCommand: ["true"] } }] } }
timeline:
  - { at: 6m, do: { tag: { on: {}, tags: { Role: guest } } } }
  - { at: 7m, do: { close-calendar: guest-calendar } }
  - { at: 8m, do: { create-association: { name: guest-association, document: guest-document, targets: [tag: { key: Role, values: [guest] }] } } }
  - { at: 9m, do: { send-command: { document: guest-document, targets: [tag: { key: Role, values: [guest] }] } } }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_takes_away_what_its_timeline_made() {
    let clock = Clock::starting(wall_now(), 1.0);
    let address = Some("127.0.0.1:0".parse().unwrap());
    let plane = Embedded::start(PlaneConfig::default(), clock, address, None).unwrap();
    let fleet = LiveFleet { scenario: GUEST, endpoint: &plane.url(), connections: 32 };
    let finished = fleet.run(std::future::pending()).await;
    let happened: Vec<_> = finished.operator.happened.values().map(|it| (it.times, it.unmet)).collect();
    assert_eq!(happened, [(1, 0); 4], "{:?}", finished.operator.happened);
    let ask = |operation: &str, body: Value| -> Value {
        let target = format!("AmazonSSM.{operation}");
        let response = plane.service().respond(clock.now(), &target, body.to_string().as_bytes());
        serde_json::from_slice(&response.body).unwrap()
    };
    assert_eq!(ask("ListAssociations", json!({}))["Associations"], json!([]));
    let own = json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}]});
    assert_eq!(ask("ListDocuments", own)["DocumentIdentifiers"], json!([]));
    let node = finished.plan.node_id(0);
    let tags = ask("ListTagsForResource", json!({"ResourceType": "ManagedInstance", "ResourceId": node}));
    assert_eq!(tags["TagList"], json!([{"Key": "Env", "Value": "prod"}]));
    let commands = ask("ListCommands", json!({}));
    assert!(
        ["Cancelled", "Cancelling"].contains(&commands["Commands"][0]["Status"].as_str().unwrap()),
        "{commands}"
    );
    plane.stop().await.unwrap();
}
