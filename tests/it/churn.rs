//! Nodes that end for good and are replaced, seen at the other end.

use std::collections::{BTreeMap, BTreeSet};

use fleet::plan::Overrides;
use fleet::result::RunResult;
use fleet::scenario::Scenario;
use fleet::simulation::Ending;
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::time::Period;
use ssm_fleet_tests::{Outcome, World};

use crate::binary::ssm_fleet;

const DAY: &str = r#"
name: churn
seed: 11
duration: 24h
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 60, churn: 6, tags: { Env: prod }, channel: websocket }
  - { name: poll, platform: amazon-linux-2023, nodes: 20, churn: 2, channel: long-poll }
  - { name: far, platform: debian-12, nodes: 20, churn: 1.5, identity: hybrid, tags: { Env: prod } }
  - { name: still, platform: debian-12, nodes: 5 }
documents:
  - name: one
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }]
associations:
  - { name: often, at: 1h, document: one, targets: [tag: { key: Env, values: [prod] }], schedule: rate(6 hours), rounds: 9 }
"#;

/// All nodes that the plane lists, and how it calls them.
fn listed(outcome: &Outcome) -> BTreeMap<String, String> {
    let mut nodes = BTreeMap::new();
    let mut token = Value::Null;
    loop {
        let mut body = json!({ "MaxResults": 50 });
        if !token.is_null() {
            body["NextToken"] = token;
        }
        let page = outcome.ask("DescribeInstanceInformation", &body);
        for node in page["InstanceInformationList"].as_array().unwrap() {
            let text = |key: &str| node[key].as_str().unwrap().to_owned();
            nodes.insert(text("InstanceId"), text("PingStatus"));
        }
        token = page["NextToken"].clone();
        if token.as_str().is_none_or(str::is_empty) {
            return nodes;
        }
    }
}

#[test]
fn over_a_day_nodes_are_replaced_however_the_fleet_is_cut() {
    let scenario = Scenario::parse("churn", DAY).unwrap();
    let world = World::new(&scenario, &Overrides::default());
    let outcome = world.run();
    let cut = world.clone().in_shards(3).run();
    let first = outcome.history.entries().iter().zip(cut.history.entries()).find(|(one, other)| one != other);
    assert_eq!(first, None);
    let result = |outcome: &Outcome| -> Value {
        let mut result: Value = serde_json::from_str(&RunResult::new(&outcome.finished).to_json()).unwrap();
        result.as_object_mut().unwrap().remove("spent");
        result
    };
    let result_of_all = result(&outcome);
    assert_eq!(result_of_all, result(&cut));

    let finished = &outcome.finished;
    assert_eq!(finished.operator.troubles, BTreeSet::new());
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.nodes).sum::<u32>(), 105);
    let mut replaced = finished.measures.replaced.clone();
    replaced.sort_unstable();
    let of = |cohort: u16| replaced.iter().filter(move |replaced| replaced.node.cohort == cohort);
    // Who boots, or has not arrived, has nothing to end.
    let counts = [0, 1, 2, 3].map(|cohort| of(cohort).count());
    assert!((135..=144).contains(&counts[0]) && (44..=48).contains(&counts[1]), "{counts:?}");
    assert!((33..=36).contains(&counts[2]) && counts[3] == 0, "{counts:?}");
    assert_eq!(result_of_all["nodes"]["replaced"], replaced.len());

    // Those that ended: terminated instances vanish, of hybrid ones the plane only lost track.
    let listed = listed(&outcome);
    let ids: BTreeSet<String> = replaced.iter().map(|replaced| replaced.id.to_string()).collect();
    assert_eq!(ids.len(), replaced.len(), "each had an id of its own");
    for one in &replaced {
        let status = listed.get(one.id.as_str()).map(String::as_str);
        let is_fresh = finished.ended.since(one.at) < Period::minutes(11);
        match one.node.cohort {
            2 if is_fresh => assert!(status.is_some(), "{one:?}"),
            2 => assert_eq!(status, Some("ConnectionLost"), "{one:?}"),
            _ => assert_eq!(status, None, "{one:?}"),
        }
    }
    assert_eq!(result_of_all["nodes"]["listed"]["replaced"], counts[2]);
    let booting = 105 - finished.cohorts.iter().map(|cohort| cohort.online as usize).sum::<usize>();
    assert_eq!(listed.len(), 105 - booting + counts[2]);

    // Those that came instead: tagged, and reached.
    let mut latest: BTreeMap<u32, _> = BTreeMap::new();
    for one in of(0) {
        latest.insert(one.node.number, one);
    }
    let made = &finished.operator.made[0];
    let runs = finished.measures.runs_of(made.id);
    let mut looked_at = 0;
    for one in latest.values().filter(|one| finished.ended.since(one.at) > Period::hours(7)) {
        let node = one.successor();
        let id = finished.plan.id_of(node);
        let body = json!({ "ResourceType": "ManagedInstance", "ResourceId": id });
        let tags = outcome.ask("ListTagsForResource", &body);
        assert_eq!(tags["TagList"], json!([{ "Key": "Env", "Value": "prod" }]), "{id}");
        let ran = |run: &&fleet::measure::Ran| (run.node, run.incarnation) == (node.number, node.incarnation);
        assert!(runs.iter().filter(ran).count() >= 1, "{node:?}");
        looked_at += 1;
    }
    assert!(looked_at > 20, "{looked_at}");
    assert!(runs.iter().any(|run| run.node >= 80 && run.incarnation > 0), "hybrid ones are reached too");
    let rounds = result_of_all["associations"][0]["rounds"].as_array().unwrap();
    assert!(rounds.len() >= 4, "{rounds:?}");
    for round in rounds.iter().take(3) {
        assert_eq!(round["missing"], 0, "{round}");
    }
    assert!(finished.measures.late_answers < 200, "{}", finished.measures.late_answers);
    assert_ne!(finished.ending, Ending::CutShort);
}

#[test]
fn faults_strike_whoever_is_there_and_the_plane_is_told_of_them() {
    let text = r#"
name: churn
seed: 5
duration: 6h
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 6, churn: 6, tags: { Env: prod } }
faults:
  - { name: gone, fault: { invalid-instance: { cause: shutting-down } }, on: { nodes: [0] }, at: 2h, for: 3h }
  - { name: slow, fault: { server-error: { share: 100%, operations: [UpdateInstanceInformation] } }, on: { nodes: [1] }, at: 2h, for: 3h }
"#;
    let scenario = Scenario::parse("churn", text).unwrap_or_else(|error| panic!("{error}"));
    let world = World::new(&scenario, &Overrides::default());
    let outcome = world.run();
    assert_eq!(outcome.history.digest(), world.clone().in_shards(3).run().history.digest());
    let finished = &outcome.finished;
    let during = |node: u32| {
        let (from, to) = (finished.plan.start + Period::hours(2), finished.plan.start + Period::hours(5));
        finished
            .measures
            .replaced
            .iter()
            .filter(move |one| one.node.number == node && (from..to).contains(&one.at))
            .count()
    };
    assert!(during(0) > 0 && during(1) > 0, "the seed has it so: {} {}", during(0), during(1));
    let late = finished.plan.start + Period::hours(2) + Period::minutes(6);
    for node in [0, 1] {
        let heartbeats = outcome.history.entries().iter().filter(|entry| {
            entry.node == node
                && entry.operation == "UpdateInstanceInformation"
                && (late..finished.plan.start + Period::hours(5)).contains(&entry.arrived)
        });
        let endings: Vec<_> = heartbeats.map(|entry| &entry.ending).collect();
        assert!(!endings.is_empty(), "{node}");
        assert!(endings.iter().all(|ending| **ending != fleet::history::Ending::Ok), "{node}: {endings:?}");
    }
    assert_eq!(finished.cohorts[0].nodes, 6);
}

#[test]
fn a_replacement_leaves_the_faults_of_the_plane_as_they_are() {
    let text = r#"
name: churn
seed: 5
duration: 6h
cohorts: [{ name: web, platform: ubuntu-22.04, nodes: 6, churn: 12 }]
faults:
  - name: slow
    fault: { throttling: { rate: 0.0001, burst: 5, operations: [ListInstanceAssociations] } }
    on: { index: { to: 4 } }
    at: 2h
    for: 3h
"#;
    let scenario = Scenario::parse("churn", text).unwrap_or_else(|error| panic!("{error}"));
    let outcome = World::new(&scenario, &Overrides::default()).run();
    let start = outcome.finished.plan.start;
    let meanwhile = start + Period::hours(2)..start + Period::hours(5);
    let replaced = outcome.finished.measures.replaced.iter().filter(|one| meanwhile.contains(&one.at));
    assert!(replaced.count() > 20);
    let polls = outcome.history.entries().iter().filter(|entry| {
        entry.node < 5
            && entry.operation == "ListInstanceAssociations"
            && (meanwhile.start + Period::seconds(1)..meanwhile.end).contains(&entry.arrived)
    });
    let (through, throttled): (Vec<_>, Vec<_>) =
        polls.partition(|entry| entry.ending == fleet::history::Ending::Ok);
    // Five at once, and a ten-thousandth in each of 10,800 seconds.
    assert!((5..=6).contains(&through.len()), "{} got through", through.len());
    assert!(throttled.len() > 50, "{}", throttled.len());
}

#[test]
fn who_is_down_is_replaced_and_who_lives_under_anothers_id_takes_nobody_along() {
    let text = r#"
name: churn
seed: 5
duration: 6h
cohorts: [{ name: web, platform: ubuntu-22.04, nodes: 6, churn: 12 }]
faults:
  - { fault: { crash: {} }, on: { index: { to: 2 } }, at: 2h, for: 3h }
  - { fault: { clone-id: { of: 3 } }, on: { index: { from: 4 } }, at: 2h, for: 3h }
"#;
    let scenario = Scenario::parse("churn", text).unwrap_or_else(|error| panic!("{error}"));
    let world = World::new(&scenario, &Overrides::default());
    let outcome = world.run();
    assert_eq!(outcome.history.digest(), world.clone().in_shards(3).run().history.digest());
    let finished = &outcome.finished;
    let minute = |minutes| finished.plan.start + Period::minutes(minutes);
    let replaced = |node: u32, from: u64, to: u64| {
        let within = move |at| (minute(from)..minute(to)).contains(&at);
        finished.measures.replaced.iter().filter(move |one| one.node.number == node && within(one.at))
    };
    // Without electricity one ends like any other, and so does who came in its place.
    assert!((0..3).all(|node| replaced(node, 121, 300).count() >= 2), "{:?}", finished.measures.replaced);
    let called = outcome
        .history
        .entries()
        .iter()
        .filter(|entry| entry.node < 3 && (minute(121)..minute(300)).contains(&entry.arrived));
    assert_eq!(called.count(), 0, "whoever is there is down");
    // Node 3 is a valid instance, whoever ends that was called as it is.
    assert!((4..6).any(|node| replaced(node, 121, 300).count() >= 2));
    let own = outcome.history.entries().iter().filter(|entry| entry.node == 3);
    let invalid = fleet::history::Ending::Fail(ErrorCode::InvalidInstanceId);
    let refused: Vec<_> = own.filter(|entry| entry.ending == invalid).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(finished.cohorts[0].nodes, 6);
    let booting = replaced(0, 352, 360).count() as u32;
    assert!(finished.cohorts[0].online + 4 + booting >= 6, "they are back");
}

const LIVE: &str = r#"
name: live
seed: 5
time: {scale: 120}
duration: 20m
ramp: 1m
cohorts:
  - { name: web, platform: ubuntu-22.04, nodes: 10, churn: 60, tags: { Env: prod }, channel: websocket }
  - { name: far, platform: debian-12, nodes: 4, churn: 9, identity: hybrid }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sockets_nodes_are_replaced_too() {
    let finished = crate::live::run_embedded(LIVE).await;
    assert_eq!(finished.operator.troubles, BTreeSet::new());
    let replaced = &finished.measures.replaced;
    let hybrid = replaced.iter().filter(|one| one.node.cohort == 1).count();
    let instances = replaced.len() - hybrid;
    assert!(instances >= 8 && hybrid >= 1, "{replaced:?}");
    assert!(finished.operator.tagged > 10, "{}", finished.operator.tagged);
    let survey = finished.survey.expect("the plane answers");
    // Of those that end with the run the plane need not hear any more.
    let is_late = |one: &&fleet::churn::Replaced| finished.ended.since(one.at) < Period::seconds(30);
    let late = replaced.iter().filter(|one| one.node.cohort == 0).filter(is_late).count();
    let listed = survey.nodes.replaced as usize;
    assert!((hybrid..=hybrid + late).contains(&listed), "terminated instances are not listed: {listed}");
    assert!(survey.nodes.nodes <= 14 + hybrid as u64, "{:?}", survey.nodes);
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.nodes).sum::<u32>(), 14);
}

#[test]
fn why_tells_of_all_lives_of_a_node() {
    let directory = tempfile::tempdir().expect("there is room");
    let text = "name: lives\nseed: 1\ntime: virtual\nduration: 2h\nhistory: all\n\
                cohorts: [{ name: web, platform: debian-12, nodes: 1, churn: 2 }]\n";
    std::fs::write(directory.path().join("lives.yaml"), text).expect("it can be written");
    let ended = ssm_fleet(directory.path(), "run lives.yaml --out out");
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("replaced"), "{}", ended.stdout);
    let told = ssm_fleet(directory.path(), "why web/0 --run out");
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let ends = told.stdout.matches("ends for good; another node takes its place").count();
    let registers =
        told.stdout.matches("RegisterManagedInstance").count() + told.stdout.matches("registers").count();
    assert!(ends >= 2 && registers > ends, "{}", told.stdout);
    for wrong in ["0", "-1", ".nan", "1e9"] {
        std::fs::write(
            directory.path().join("wrong.yaml"),
            text.replace("churn: 2", &format!("churn: {wrong}")),
        )
        .expect("it can be written");
        let ended = ssm_fleet(directory.path(), "check wrong.yaml");
        assert_eq!(ended.code, Some(2), "{wrong}");
        assert!(ended.stderr.contains("churn"), "{wrong}: {}", ended.stderr);
    }
}
