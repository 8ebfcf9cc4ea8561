//! What an idle node costs: its row, its place in the agenda, what it knows of
//! its association, and its share of what is interned; and beside it the
//! plane's record of it. Measured by a counting allocator over a whole shard,
//! for the size of a row alone tells little.

use std::collections::VecDeque;
use std::sync::Arc;

use agent::call::Request;
use agent::credentials::{ACTIVATION_LIMIT, Grant, IdentityKind};
use fleet::in_process::{Carry, InProcess};
use fleet::plan::timeline::PlannedAct;
use fleet::plan::{Overrides, Plan};
use fleet::run::VIRTUAL_START;
use fleet::scenario::Scenario;
use fleet::shard::{Completion, Emitted, Shard};
use plane::service::Service;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::{AddTagsToResource, CreateActivation};

/// An eighth of a million: tables that grow by doubling are as full as with a
/// million nodes, for which the budgets are made.
const NODES: u32 = 125_000;

/// The budget of a node in the fleet, in bytes.
const NODE_BUDGET: i64 = 256;
/// The budget of a node's record in the plane, in bytes.
const RECORD_BUDGET: i64 = 512;
/// What a hybrid node may hold beyond that: its id and its credentials.
const CREDENTIALS_BUDGET: i64 = 320;
/// What the plane may hold of a hybrid node beyond its record: what it registered with.
const REGISTRATION_BUDGET: i64 = 160;

const SCENARIO: &str = r#"
name: idle
seed: 5
duration: 1h
cohorts:
  - { name: linux, platform: ubuntu-22.04, nodes: 125000, tags: { Env: prod, Role: web } }
documents:
  - name: say-hello
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }]
associations:
  - { name: hello, at: 0s, document: say-hello, targets: [tag: { key: Env, values: [prod] }] }
"#;

/// A message takes so long either way.
const TAKES: Period = Period::milliseconds(10);

/// Lets all nodes arrive, run the association and fall idle.
fn settle(plan: &Plan, shard: &mut Shard, service: &Service) -> Timestamp {
    let mut answers: VecDeque<(Timestamp, Completion)> = VecDeque::new();
    let mut emitted = Vec::new();
    let until = plan.start + Period::seconds(90);
    loop {
        let answered = answers.front().map_or(Timestamp::NEVER, |(at, _)| *at);
        let now = shard.next_due().min(answered);
        if now > until && shard.is_idle() {
            return now;
        }
        if answered <= now {
            let (_, completion) = answers.pop_front().expect("an answer is there");
            shard.deliver(completion, now, &mut emitted);
        } else {
            shard.serve(now, &mut emitted);
        }
        service.run_timers(now);
        answers.extend(
            emitted.drain(..).map(|call| (now + TAKES + TAKES, carry(plan, service, now + TAKES, call))),
        );
    }
}

fn carry(plan: &Plan, service: &Service, now: Timestamp, call: Emitted) -> Completion {
    let Emitted { caller, attempt, signing, request, .. } = call;
    let operation = request.operation();
    let is_registration = matches!(request, Request::Register(_));
    let answer = InProcess::Typed.carry(service, now, caller, &signing, request);
    if is_registration && !plan.tags(caller.node).is_empty() && !is_hybrid(plan) {
        let resource_id = plan.node_id(caller.node).to_string();
        let tags = plan.tags(caller.node);
        let call = AddTagsToResource { resource_type: "ManagedInstance".into(), resource_id, tags };
        service.call(now, call).expect("the node has just registered");
    }
    Completion { caller, operation, attempt, answer, spent: None }
}

fn is_hybrid(plan: &Plan) -> bool {
    plan.catalogue.cohorts[0].identity.kind == IdentityKind::Hybrid
}

/// Makes the activations, as the operator would.
fn activate(plan: &Plan, service: &Service) {
    let cohort = &plan.catalogue.cohorts[0];
    let draw = plan.catalogue.seed.draw(&cohort.name, 0);
    for number in 0..cohort.identity.activations.len() {
        let call = CreateActivation {
            iam_role: "Nodes".into(),
            registration_limit: Some(ACTIVATION_LIMIT.into()),
            tags: Some(cohort.tags.iter().map(|rule| rule.of(draw, 0)).collect()),
            ..CreateActivation::default()
        };
        let made = service.call(plan.start, call).expect("the activation is sound");
        let id = made.activation_id.expect("it has an id").to_string();
        let code = made.activation_code.expect("it has a code");
        cohort.identity.activations.put(number, Grant { id, code });
    }
}

/// How many bytes are freed with this, for each node.
fn bytes_per_node<T>(held: T) -> i64 {
    let counted = allocation_counter::measure(|| drop(held));
    -counted.bytes_current / i64::from(NODES)
}

#[test]
fn an_idle_node_with_one_association_keeps_within_its_budget() {
    let (row, record) = cost(SCENARIO);
    assert!(row <= NODE_BUDGET, "an idle node takes {row} bytes");
    assert!(record <= RECORD_BUDGET, "the plane takes {record} bytes for a node");
    let (row, record) = cost(&SCENARIO.replace("platform:", "identity: hybrid, platform:"));
    assert!(row <= NODE_BUDGET + CREDENTIALS_BUDGET, "an idle hybrid node takes {row} bytes");
    assert!(
        record <= RECORD_BUDGET + REGISTRATION_BUDGET,
        "the plane takes {record} bytes for a hybrid node"
    );
}

/// The bytes of an idle node of this scenario, and of its record in the plane.
fn cost(scenario: &str) -> (i64, i64) {
    let scenario = Scenario::parse("idle", scenario).expect("the scenario can be read");
    let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
    let plan = Arc::new(plan);
    let service = Service::new(fleet::run::plane_config(&plan));
    for entry in &plan.timeline {
        if let PlannedAct::CreateDocument(document) = &entry.act {
            service.call(plan.start, (**document).clone()).expect("the document is sound");
        }
    }
    activate(&plan, &service);
    let association = service.call(plan.start, plan.associations[0].request.clone());
    let association = association.expect("the association is sound").association_description.association_id;

    let mut shard = plan.shard(0..NODES);
    settle(&plan, &mut shard, &service);

    // What was measured of runs grows with runs, not with nodes: it is counted apart.
    let measures = std::mem::take(&mut shard.measures);
    let runs = measures.runs_of(association.expect("it has an id"));
    assert_eq!(runs.len(), NODES as usize, "every node has run it");
    assert!(runs.iter().all(|run| run.status == AssociationStatus::Success && run.is_reported));
    assert!(shard.nodes().iter().all(|node| node.known.len() == 1));
    assert_eq!(measures.calls["PutComplianceItems"].made, u64::from(NODES));
    drop(runs);

    let row = bytes_per_node(shard);
    let record = bytes_per_node(service);
    let measured = bytes_per_node(measures);
    println!(
        "an idle node: {row} bytes; its record in the plane: {record}; its run in the measures: {measured}"
    );
    (row, record)
}
