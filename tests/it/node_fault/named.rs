//! The two failures that have a name, by each cause and form: for a share of a
//! cohort as long as nodes live, and for named nodes for a while. Seen are what
//! the node calls and is answered, what creation by its name is answered, and
//! what the report says.

use agent::fault::NodeFault;
use agent::fault::named::Cause;
use fleet::report::{Judgement, markdown};
use fleet::result::RunResult;
use serde_json::{Value, json};

use super::*;

const LIFELONG: &str = r#"
name: ghosts
seed: 4
duration: 50m
cohorts:
  - name: web
    platform: ubuntu-22.04
    nodes: 100
    tags: { Env: prod }
    faults:
      - invalid-instance: 4%
      - invalid-instance: { share: 4%, cause: agent-stopped }
      - invalid-instance: { share: 4%, cause: no-permission }
      - invalid-instance: { share: 4%, cause: shutting-down }
      - invalid-instance: { share: 4%, cause: terminated }
      - unsupported-platform: 4%
      - unsupported-platform: { share: 4%, platform: unknown }
  - name: till
    platform: debian-12
    nodes: 100
    identity: hybrid
    tags: { Env: prod }
    faults:
      - invalid-instance: { share: 4%, cause: deregistered, after: 20m }
      - invalid-instance: { share: 4%, cause: agent-stopped }
      - invalid-instance: 4%
      - unsupported-platform: { share: 4%, platform: unknown }
documents:
  - name: patch
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: install, inputs: { runCommand: ["true"] } }]
associations:
  - { name: patch, at: 5m, document: patch, targets: [tag: { key: Env, values: [prod] }], rounds: 9 }
"#;

fn lifelong() -> Struck {
    let world = World::new(&Scenario::parse("ghosts", LIFELONG).unwrap(), &Overrides::default());
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    Struck { world, outcome, heard: listening.0.into_inner() }
}

/// What creation is answered, on the wire, that names this node by `Targets`, or in the old way.
fn creation(struck: &Struck, node: &NodeId, is_old_form: bool) -> String {
    let body = if is_old_form {
        json!({ "Name": "old", "InstanceId": node })
    } else {
        json!({ "Name": "patch", "Targets": [{ "Key": "InstanceIds", "Values": [node] }] })
    };
    let service = &struck.outcome.service;
    let ask = |operation: &str, body: Value| {
        let body = serde_json::to_vec(&body).unwrap();
        let answer = service.respond(struck.minute(130), &format!("AmazonSSM.{operation}"), &body);
        serde_json::from_slice::<Value>(&answer.body).unwrap()
    };
    if is_old_form {
        // The old form takes old documents only.
        let content = json!({ "schemaVersion": "1.2", "runtimeConfig": {
            "aws:runShellScript": { "properties": [{ "id": "0.aws:runShellScript", "runCommand": ["true"] }] } } });
        ask(
            "CreateDocument",
            json!({ "Name": "old", "Content": content.to_string(), "DocumentType": "Command" }),
        );
    }
    ask("CreateAssociation", body)["__type"].as_str().unwrap_or("made").to_owned()
}

/// The id under which the plane first knew this node.
fn id_of(struck: &Struck, node: u32) -> NodeId {
    let registered = struck.heard.iter().find_map(|one| match one.answer {
        Answer::Registered(id) if one.node == node => Some(id),
        _ => None,
    });
    registered.unwrap_or_else(|| struck.world.plan.node_id(node))
}

/// What this node called, with what each call was answered.
fn answers(struck: &Struck, node: u32, minutes: std::ops::Range<u64>) -> BTreeSet<(&'static str, String)> {
    let word = |answer: &Answer| refusal(answer).map_or("ok".to_owned(), ToString::to_string);
    struck.calls(node, minutes).iter().map(|one| (one.request.operation(), word(&one.answer))).collect()
}

fn nodes_with(struck: &Struck, wanted: NodeFault, cohort: u16) -> Vec<u32> {
    let plan = &struck.world.plan;
    let fault =
        |number: u32| plan.identity(number).cohort(&plan.catalogue).faults.of(plan.catalogue.seed, number);
    (0..plan.nodes())
        .filter(|&number| plan.identity(number).cohort == cohort && fault(number) == Some(wanted))
        .collect()
}

const REFUSED: &str = "InvalidInstanceId";

#[test]
fn each_cause_shows_on_the_wire_in_creation_and_in_the_report() {
    let struck = lifelong();
    let refused = |operation| BTreeSet::from([(operation, REFUSED.to_owned())]);
    let none = BTreeSet::new();
    // (cause, cohort, what it calls, as any other if nothing is said, and
    // what creation is answered that names it by Targets, and by InstanceId)
    let cases = [
        (Cause::NeverRegistered, 0, Some(refused("UpdateInstanceInformation")), REFUSED, REFUSED),
        (Cause::NeverRegistered, 1, Some(refused("RequestManagedInstanceRoleToken")), REFUSED, REFUSED),
        // An instance that was declared may be named before its agent has registered.
        (Cause::AgentStopped, 0, Some(none.clone()), "made", REFUSED),
        (Cause::AgentStopped, 1, Some(none.clone()), REFUSED, REFUSED),
        (Cause::NoPermission, 0, None, REFUSED, REFUSED),
        (
            Cause::ShuttingDown,
            0,
            Some(&refused("UpdateInstanceInformation") | &refused("RegisterManagedInstance")),
            REFUSED,
            REFUSED,
        ),
        (Cause::Terminated, 0, Some(none), REFUSED, REFUSED),
    ];
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    for (cause, cohort, called, by_targets, by_id) in cases {
        let nodes = nodes_with(&struck, NodeFault::InvalidInstance(cause), cohort);
        assert!((2..=6).contains(&nodes.len()), "{cause:?}: {nodes:?}");
        *counted.entry(cause.as_str().to_owned()).or_default() += nodes.len() as u64;
        for node in nodes {
            let seen = answers(&struck, node, 0..50);
            match &called {
                Some(called) => assert_eq!(&seen, called, "{cause:?}"),
                None => assert!(seen.iter().all(|(_, word)| word == "ok") && seen.len() > 3, "{seen:?}"),
            }
            let id = id_of(&struck, node);
            let seen = (creation(&struck, &id, false), creation(&struck, &id, true));
            assert_eq!(seen, (by_targets.to_owned(), by_id.to_owned()), "{cause:?} in cohort {cohort}");
        }
    }
    for node in nodes_with(&struck, NodeFault::InvalidInstance(Cause::Deregistered), 1) {
        *counted.entry("deregistered".to_owned()).or_default() += 1;
        let before = answers(&struck, node, 0..20);
        assert!(before.iter().all(|(_, word)| word == "ok"), "{before:?}");
        let after = answers(&struck, node, 20..50);
        assert!(after.contains(&("DeregisterManagedInstance", "ok".to_owned())), "{after:?}");
        for operation in ["UpdateInstanceInformation", "ListInstanceAssociations"] {
            assert!(after.contains(&(operation, REFUSED.to_owned())), "{after:?}");
        }
        assert_eq!(creation(&struck, &id_of(&struck, node), false), REFUSED);
    }
    let result = RunResult::new(&struck.outcome.finished);
    let invalid = &result.failures.invalid_instance;
    assert_eq!(invalid.causes, counted);
    assert_eq!(invalid.nodes, counted["never-registered"] + counted["shutting-down"]);
    let operations = ["ListInstanceAssociations", "UpdateInstanceInformation", "RegisterManagedInstance"];
    assert!(operations.iter().all(|operation| invalid.refusals[*operation] > 0), "{:?}", invalid.refusals);
    let told = Cause::ALL.map(|cause| format!("{} {}", counted[cause.as_str()], cause.as_str())).join(", ");
    let report = markdown(&result, &Judgement::default());
    assert!(report.contains(&format!("calls refused): {told}")), "{told}: {report}");
}

#[test]
fn a_platform_that_the_service_does_not_know_is_refused_at_the_start() {
    let struck = lifelong();
    let unknown = NodeFault::UnknownPlatform;
    let nodes = [nodes_with(&struck, unknown, 0), nodes_with(&struck, unknown, 1)].concat();
    assert!(nodes.len() >= 5, "{nodes:?}");
    for node in &nodes {
        let calls = struck.calls(*node, 0..50);
        let heartbeats: Vec<_> =
            calls.iter().filter(|one| one.request.operation() == "UpdateInstanceInformation").collect();
        assert!(!heartbeats.is_empty());
        for one in heartbeats {
            let body = String::from_utf8(one.request.body()).unwrap();
            assert!(body.contains(r#""PlatformType":"FreeBSD""#), "{body}");
            assert_eq!(refusal(&one.answer), Some(&ErrorCode::ValidationException), "{:?}", one.answer);
        }
        let called = struck.operations(*node, 0..50);
        assert!(!called.contains("ListInstanceAssociations"), "it is not let in: {called:?}");
    }
    let result = RunResult::new(&struck.outcome.finished);
    assert_eq!(result.failures.unsupported_platform.unknown, nodes.len() as u64);
    let told = format!("{} of a platform that the service does not know", nodes.len());
    assert!(markdown(&result, &Judgement::default()).contains(&told), "{told}");
}

/// The world under a fault of its first two nodes, with an association that names
/// the first of them at the 45th minute, of which a refusal may be expected.
fn strike_and_name(fault: &str, refused: Option<&str>) -> Struck {
    let plain = world("pause", "{}");
    let [id, other] = [0, 1].map(|number| plain.plan.node_id(number));
    let expected = refused.map_or(String::new(), |code| format!(", refused: {code}"));
    let more = format!(
        "  - {{ name: named, at: 45m, document: patch, targets: [instance: {id}]{expected} }}\n\
         faults: [{{ name: it, fault: {fault}, on: {{ nodes: [0, {other}] }}, at: 30m, for: 30m }}]\n"
    );
    let scenario = Scenario::parse("x", &format!("{FLEET}{more}")).unwrap();
    let world = World::new(&scenario, &Overrides::default());
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    Struck { world, outcome, heard: listening.0.into_inner() }
}

/// Whether all that was expected of creation came about.
fn is_as_expected(struck: &Struck) -> bool {
    let result = RunResult::new(&struck.outcome.finished);
    result.refusals.len() == 1 && result.refusals[0].is_as_expected
}

#[test]
fn an_instance_is_not_valid_for_a_while() {
    let cases = [
        ("never-registered", None, Some("UpdateInstanceInformation")),
        // An agent that lost its connection may be named.
        ("agent-stopped", None, None),
        ("shutting-down", Some(REFUSED), Some("UpdateInstanceInformation")),
        ("terminated", Some(REFUSED), None),
    ];
    for (cause, creation, refused_call) in cases {
        let fault = format!("{{ invalid-instance: {{ cause: {cause} }} }}");
        let struck = strike_and_name(&fault, creation);
        struck.recovers("invalid-instance", 2);
        assert!(creation.is_none() || is_as_expected(&struck), "{cause}");
        for node in 0..2 {
            let seen = answers(&struck, node, 31..60);
            match refused_call {
                None => assert!(seen.is_empty(), "{cause}: {seen:?}"),
                Some(operation) => {
                    // The way of old agents asks without naming a node that has to be known.
                    let is_refused =
                        |(name, word): &(&str, String)| word == REFUSED || *name == "ListAssociations";
                    let names = seen.iter().any(|(name, _)| *name == operation);
                    assert!(seen.iter().all(is_refused) && names, "{cause}: {seen:?}");
                }
            }
        }
        let result = RunResult::new(&struck.outcome.finished);
        assert_eq!(result.failures.invalid_instance.causes, BTreeMap::from([(cause.to_owned(), 2)]));
        let told = "| invalid-instance | node | 30m00s–1h00m00s | 1 | 2 | - |";
        assert!(
            markdown(&result, &Judgement::default()).contains(told),
            "{told} for {cause} in {}",
            markdown(&result, &Judgement::default())
        );
    }
}

#[test]
fn who_may_not_access_a_node_cannot_name_it_and_its_agent_goes_on() {
    let struck = strike_and_name("{ invalid-instance: { cause: no-permission } }", Some(REFUSED));
    struck.recovers("invalid-instance", 2);
    assert!(is_as_expected(&struck));
    let seen = answers(&struck, 0, 30..60);
    assert!(seen.len() > 3 && seen.iter().all(|(_, word)| word == "ok"), "{seen:?}");
    assert_eq!(creation(&struck, &id_of(&struck, 0), false), "made", "it is lifted");
}

#[test]
fn a_node_that_is_deregistered_in_mid_run_calls_on_in_vain_and_registers_anew() {
    let struck = strike("{ invalid-instance: { cause: deregistered } }", "{ nodes: [12, 13] }");
    struck.recovers("invalid-instance", 2);
    for node in [12, 13] {
        let seen = answers(&struck, node, 30..31);
        assert!(seen.contains(&("DeregisterManagedInstance", "ok".to_owned())), "{seen:?}");
        let late = answers(&struck, node, 31..60);
        let is_refused = |(name, word): &(&str, String)| word == REFUSED || *name == "ListAssociations";
        assert!(late.iter().all(is_refused) && late.len() > 2, "{late:?}");
        assert_eq!(creation(&struck, &id_of(&struck, node), false), REFUSED, "its first id is gone for good");
        let back = answers(&struck, node, 60..61);
        assert!(back.contains(&("RegisterManagedInstance", "ok".to_owned())), "{back:?}");
    }
    let result = RunResult::new(&struck.outcome.finished);
    assert_eq!(result.failures.invalid_instance.causes, BTreeMap::from([("deregistered".to_owned(), 2)]));
}

#[test]
fn a_platform_is_not_supported_for_a_while() {
    let struck = strike_and_name("{ unsupported-platform: {} }", Some("UnsupportedPlatformType"));
    struck.recovers("unsupported-platform", 2);
    assert!(is_as_expected(&struck), "at creation");
    for node in 0..2 {
        let runs = struck.runs_of(node, 35..60);
        assert!(runs.len() == 1 && runs[0].is_foreign, "at run time, aimed at by a tag: {runs:?}");
        assert_eq!(runs[0].status, AssociationStatus::Success, "every step is skipped");
    }
    let result = RunResult::new(&struck.outcome.finished);
    let unsupported = &result.failures.unsupported_platform;
    assert_eq!((unsupported.nodes, unsupported.runs["Success"]), (2, 2));

    let struck = strike("{ unsupported-platform: { platform: unknown } }", "{ nodes: [0, 12] }");
    struck.recovers("unsupported-platform", 2);
    for node in [0, 12] {
        let seen = answers(&struck, node, 31..60);
        let refused = |(_, word): &(&str, String)| word == "ValidationException";
        assert!(seen.iter().any(refused) && struck.runs_of(node, 35..60).is_empty(), "{seen:?}");
    }
    assert_eq!(RunResult::new(&struck.outcome.finished).failures.unsupported_platform.unknown, 2);
}
