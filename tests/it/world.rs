//! Nodes and plane together, hours in a moment.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use agent::fault::NodeFault;
use agent::fault::named::Cause;
use agent::lane::LaneName;
use fleet::coordinator::Coordinator;
use fleet::history::{Ending, Entry, History};
use fleet::in_process::{Carry, InProcess};
use fleet::measure::Ran;
use fleet::operator::{Desk, Operator, VirtualDesk, Wake};
use fleet::plan::{Overrides, Plan};
use fleet::run::VIRTUAL_START;
use fleet::scenario::Scenario;
use fleet::shard::{Caller, Completion};
use fleet::simulation;
use plane::service::Service;
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::UpdateInstanceAssociationStatus;
use ssm_fleet_tests::{Outcome, World};

/// The built-in scenario, run once for all who look at it.
static FIRST_LOOK: LazyLock<(World, Outcome)> = LazyLock::new(|| {
    let world = World::first_look(1_000);
    let outcome = world.run();
    (world, outcome)
});

fn world(yaml: &str) -> World {
    let scenario = Scenario::parse("test", yaml).unwrap();
    World::new(&scenario, &Overrides::default())
}

fn fault(plan: &Plan, number: u32) -> Option<NodeFault> {
    plan.identity(number).cohort(&plan.catalogue).faults.of(plan.catalogue.seed, number)
}

/// The numbers of the nodes with this fault.
fn struck(plan: &Plan, wanted: NodeFault) -> BTreeSet<u32> {
    (0..plan.nodes()).filter(|&number| fault(plan, number) == Some(wanted)).collect()
}

/// The association that the scenario calls so.
fn made(outcome: &Outcome, name: &str) -> AssociationId {
    let named = |planned: usize| {
        outcome.finished.plan.associations[planned].request.association_name.as_deref() == Some(name)
    };
    outcome.finished.operator.made.iter().find(|made| named(made.planned)).expect("it was made").id
}

fn runs(outcome: &Outcome, name: &str) -> Vec<Ran> {
    outcome.finished.measures.runs_of(made(outcome, name))
}

fn count(runs: &[Ran], status: AssociationStatus) -> u64 {
    runs.iter().filter(|run| run.status == status).count() as u64
}

#[test]
fn the_first_look_ends_when_its_rounds_are_over() {
    let (world, outcome) = &*FIRST_LOOK;
    let finished = &outcome.finished;
    assert_eq!(finished.ending, simulation::Ending::Complete);
    assert!(finished.ended < world.plan.start + world.plan.duration);
    assert_eq!(finished.operator.troubles, BTreeSet::new());
    assert_eq!(finished.operator.made.len(), 2);
    assert_eq!(finished.operator.tagged, 990, "every node that registered");
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 990);
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.hibernating).sum::<u32>(), 10);
    assert_eq!(finished.measures.late_answers, 0);
    assert_eq!(finished.measures.lost_reports, 0);
}

#[test]
fn what_is_refused_is_what_the_scenario_expects() {
    let (world, outcome) = &*FIRST_LOOK;
    let refusals: Vec<_> = outcome
        .finished
        .operator
        .refusals
        .iter()
        .map(|refused| {
            let planned = &world.plan.associations[refused.planned];
            assert_eq!(refused.error.as_ref().map(|error| &error.code), planned.refusal.as_ref());
            planned.refusal.clone().expect("it is expected to be refused")
        })
        .collect();
    assert_eq!(refusals, [ErrorCode::UnsupportedPlatformType, ErrorCode::InvalidInstanceId]);
}

#[test]
fn nodes_and_plane_count_the_same_successes_and_failures() {
    let (_, outcome) = &*FIRST_LOOK;
    let survey = outcome.finished.survey.as_ref().expect("the plane was asked");
    for name in ["hello", "baseline"] {
        let runs = runs(outcome, name);
        assert!(runs.iter().all(|run| run.is_reported));
        let executions = &survey.executions[&made(outcome, name)];
        for status in [AssociationStatus::Success, AssociationStatus::Failed] {
            let of_plane: u64 =
                executions.iter().filter_map(|execution| execution.targets.get(status.as_str())).sum();
            assert_eq!(count(&runs, status), of_plane, "{name} {status}");
        }
        assert!(
            executions.iter().all(|execution| !execution.targets.contains_key("Pending")),
            "{executions:?}"
        );
    }
    // What each node last said of each of its associations is its compliance.
    let compliance = survey.compliance;
    let hello = runs(outcome, "hello").len() as u64;
    let nodes: BTreeSet<_> = runs(outcome, "baseline").iter().map(|run| run.node).collect();
    assert_eq!(compliance.compliant + compliance.non_compliant, hello + nodes.len() as u64);
}

#[test]
fn about_as_many_runs_fail_as_is_stated() {
    let (_, outcome) = &*FIRST_LOOK;
    let baseline = runs(outcome, "baseline");
    let failed = count(&baseline, AssociationStatus::Failed) as f64 / baseline.len() as f64;
    assert!((0.01..0.03).contains(&failed), "2% is stated, {failed} was seen");
    assert_eq!(count(&runs(outcome, "hello"), AssociationStatus::Failed), 0);
}

#[test]
fn an_association_with_a_rate_comes_round_again() {
    let (_, outcome) = &*FIRST_LOOK;
    let survey = outcome.finished.survey.as_ref().expect("the plane was asked");
    let executions = &survey.executions[&made(outcome, "baseline")];
    assert_eq!(executions.len(), 2);
    let created: Vec<_> = executions.iter().filter_map(|execution| execution.created).collect();
    assert_eq!(created[1].since(created[0]), Period::minutes(30));
    let mut rounds: BTreeMap<u32, Vec<Timestamp>> = BTreeMap::new();
    for run in runs(outcome, "baseline") {
        rounds.entry(run.node).or_default().push(run.started);
    }
    for (node, started) in rounds {
        assert_eq!(started.len(), 2, "node {node}");
        assert!(started[0] >= created[0] && started[0] < created[1], "node {node}");
        assert!(started[1] >= created[1] && started[1] < created[1] + Period::minutes(11), "node {node}");
    }
}

#[test]
fn nodes_with_an_invalid_id_are_refused_and_sleep() {
    let (world, outcome) = &*FIRST_LOOK;
    let invalid = struck(&world.plan, NodeFault::InvalidInstance(Cause::NeverRegistered));
    assert_eq!(invalid.len(), 10);
    let refused = Ending::Fail(ErrorCode::InvalidInstanceId);
    let of_them: Vec<&Entry> =
        outcome.history.entries().iter().filter(|entry| invalid.contains(&entry.node)).collect();
    assert!(
        of_them.iter().all(|entry| entry.operation == "UpdateInstanceInformation" && entry.ending == refused)
    );
    for &node in &invalid {
        let pings: Vec<_> =
            of_them.iter().filter(|entry| entry.node == node).map(|entry| entry.arrived).collect();
        let spacings = pings.windows(2).map(|pair| pair[1].since(pair[0]).as_milliseconds() / 60_000);
        let expected = [5, 10, 10, 10, 20].into_iter().take(pings.len() - 1);
        assert!(pings.len() >= 4 && spacings.eq(expected), "{pings:?}");
    }
    let others = outcome.history.entries().iter().filter(|entry| !invalid.contains(&entry.node));
    assert_eq!(others.filter(|entry| entry.ending == refused).count(), 0);
    let calls = &outcome.finished.measures.calls["UpdateInstanceInformation"];
    assert_eq!(calls.refused[&ErrorCode::InvalidInstanceId], of_them.len() as u64);
}

/// A way to the plane that remembers the reports on runs.
#[derive(Default)]
struct Listening {
    reports: RefCell<Vec<(u32, UpdateInstanceAssociationStatus)>>,
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
        if let Request::ReportStatus(report) = &request {
            self.reports.borrow_mut().push((caller.node, report.clone()));
        }
        InProcess::Typed.carry(service, now, caller, signing, request)
    }
}

const FOREIGN: &str = r#"
name: foreign
seed: 3
duration: 40m
cohorts:
  - { name: linux, platform: ubuntu-22.04, nodes: 60, tags: { Env: prod }, faults: [unsupported-platform: 10%] }
documents:
  - name: of-schema-22
    content:
      schemaVersion: "2.2"
      mainSteps:
        - { action: aws:runShellScript, name: first, inputs: { runCommand: ["true"] } }
        - { action: aws:runShellScript, name: second, inputs: { runCommand: ["true"] } }
  - name: of-schema-20
    content:
      schemaVersion: "2.0"
      mainSteps:
        - { action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }
  - name: of-schema-12
    content:
      schemaVersion: "1.2"
      runtimeConfig: { "aws:runShellScript": { properties: [{ id: "0.aws:runShellScript", runCommand: ["true"] }] } }
associations:
  - { name: "2.2", at: 2m, document: of-schema-22, targets: [tag: { key: Env, values: [prod] }] }
  - { name: "2.0", at: 2m, document: of-schema-20, targets: [tag: { key: Env, values: [prod] }] }
  - { name: "1.2", at: 2m, document: of-schema-12, targets: [tag: { key: Env, values: [prod] }] }
"#;

#[test]
fn a_foreign_platform_skips_new_documents_and_fails_old_ones() {
    let world = world(FOREIGN);
    let listening = Listening::default();
    let outcome = world.run_through(&listening);
    assert_eq!(outcome.finished.ending, simulation::Ending::Complete);
    let foreign = struck(&world.plan, NodeFault::UnsupportedPlatform);
    assert_eq!(foreign.len(), 6);
    assert_eq!(outcome.finished.measures.met_foreign_document, 6);

    let cases = [
        (
            "2.2",
            AssociationStatus::Success,
            "",
            "2 out of 2 plugins processed, 0 success, 0 failed, 0 timedout, 2 skipped. ",
        ),
        (
            "2.0",
            AssociationStatus::Failed,
            "ExecutionError",
            "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \nThe operation only failed because .",
        ),
        (
            "1.2",
            AssociationStatus::Failed,
            "ExecutionError",
            "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \
             \nThe operation aws:runShellScript failed because .",
        ),
    ];
    let reports = listening.reports.borrow();
    for (name, status, code, summary) in cases {
        let id = made(&outcome, name);
        let runs = runs(&outcome, name);
        assert_eq!(runs.len(), 60, "{name}");
        for run in &runs {
            let is_foreign = foreign.contains(&run.node);
            let expected = if is_foreign { status } else { AssociationStatus::Success };
            assert_eq!((run.status, run.is_foreign), (expected, is_foreign), "{name} on node {}", run.node);
        }
        let last =
            reports.iter().filter(|(node, report)| foreign.contains(node) && report.association_id == id);
        let last: Vec<_> = last
            .map(|(_, report)| &report.execution_result)
            .filter(|result| result.status.is_terminal())
            .collect();
        assert_eq!(last.len(), 6, "{name}");
        for result in last {
            assert_eq!(result.status, status, "{name}");
            assert_eq!(result.error_code.as_deref(), Some(code), "{name}");
            assert_eq!(result.execution_summary, summary, "{name}");
        }
    }
}

const REBOOTING: &str = r#"
name: rebooting
seed: 6
ramp: 1m
duration: 2h
cohorts:
  - name: linux
    platform: ubuntu-22.04
    nodes: 40
    behaviours: [{ step: install, takes: { normal: { mean: 40s, deviation: 10s } }, fails: 100%, exit_code: 194, reboot: 3m }]
documents:
  - name: inner
    content:
      schemaVersion: "2.2"
      parameters: { seconds: { type: String } }
      mainSteps: [{ action: aws:runShellScript, name: wait, inputs: { runCommand: ["sleep {{ seconds }}"] } }]
  - name: patch
    content:
      schemaVersion: "2.2"
      mainSteps:
        - { action: aws:runShellScript, name: install, inputs: { runCommand: ["yum -y update"] } }
        - action: aws:runDocument
          name: verify
          inputs: { documentType: SSMDocument, documentPath: inner, documentParameters: { seconds: "20" } }
associations:
  - { name: patch, at: 2m, document: patch, targets: [all] }
  - name: package
    at: 20m
    document: AWS-ConfigureAWSPackage
    parameters: { name: [AmazonCloudWatchAgent], action: [Install] }
    targets: [all]
"#;

#[test]
fn a_fleet_reboots_in_the_midst_of_a_document_and_brings_it_to_its_end() {
    let outcome = world(REBOOTING).run();
    let finished = &outcome.finished;
    assert_eq!(finished.ending, simulation::Ending::Complete);
    assert_eq!((finished.measures.reboots, finished.measures.came_online), (40, 80));
    let survey = finished.survey.as_ref().expect("the plane was asked");
    for name in ["patch", "package"] {
        let runs = runs(&outcome, name);
        assert_eq!(count(&runs, AssociationStatus::Success), 40, "{name}");
        let of_plane: u64 = survey.executions[&made(&outcome, name)]
            .iter()
            .filter_map(|execution| execution.targets.get("Success"))
            .sum();
        assert_eq!(of_plane, 40, "{name}");
    }
    // 3 minutes away, a second to start, and 20 s for the inner document's sleep.
    let shortest = Period::seconds(180 + 1 + 20);
    assert!(runs(&outcome, "patch").iter().all(|run| run.ended.since(run.started) > shortest));
    assert_eq!(finished.measures.calls["PutConfigurePackageResult"].made, 40);
    assert_eq!(finished.measures.calls["GetManifest"].errors(), 0);
}

const LATE: &str = r#"
name: late
seed: 4
ramp: 20m
duration: 40m
cohorts:
  - { name: linux, platform: ubuntu-22.04, nodes: 100, tags: { Env: prod } }
documents:
  - name: say-hello
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }]
associations:
  - { name: to-all, at: 5m, document: say-hello, targets: [all] }
  - { name: by-tag, at: 5m, document: say-hello, targets: [tag: { key: Env, values: [prod] }], schedule: rate(1 hour) }
"#;

#[test]
fn a_node_that_arrives_later_runs_at_once_what_is_there() {
    let world = world(LATE);
    // Nothing waits for later nodes, so the run goes to the end of its time.
    let mut plan = Plan::clone(&world.plan);
    plan.associations.iter_mut().for_each(|association| association.rounds = u32::MAX);
    let world = World { plan: plan.into(), ..world };
    let outcome = world.run();
    assert_eq!(outcome.finished.ending, simulation::Ending::OutOfTime);
    for name in ["to-all", "by-tag"] {
        let started: BTreeMap<u32, Timestamp> =
            runs(&outcome, name).iter().map(|run| (run.node, run.started)).collect();
        assert_eq!(started.len(), 100, "{name}");
        let created = world.plan.start + Period::minutes(5);
        for (node, started) in started {
            let arrived = world.plan.arrival(node);
            // A second for the worker, 30 for the poll's wait, 30 more where the
            // first answer was empty, and the run of the other association.
            let patience = if arrived > created { Period::seconds(70) } else { Period::minutes(11) };
            assert!(started.since(arrived.max(created)) < patience, "{name} on node {node}");
        }
    }
}

/// The calls of one node that is alone before the plane, and when its run ended.
fn alone(world: &World, node: u32) -> (Vec<Entry>, Timestamp) {
    let plan = &world.plan;
    let service = Service::new(world.plane.clone());
    let mut operator = Operator::new(Arc::clone(plan));
    let desk = VirtualDesk::new(&service, plan.start);
    let shards = vec![plan.shard(node..node + 1)];
    let mut coordinator =
        Coordinator::new(&service, &world.transport, shards, History::keeping(), plan.start);
    {
        let mut script = std::pin::pin!(operator.run(&desk));
        coordinator.run(script.as_mut(), &desk, plan.start + plan.duration);
    }
    (coordinator.history.entries().to_vec(), coordinator.now())
}

#[test]
fn a_node_does_the_same_alone_and_in_the_fleet() {
    let world = World::first_look(300);
    let fleet = world.run();
    let mut kinds = BTreeSet::new();
    for node in [0, 7, 149, 160, 201, 239, 250, 284, 285, 299]
        .into_iter()
        .chain(struck(&world.plan, NodeFault::UnsupportedPlatform))
        .chain(struck(&world.plan, NodeFault::InvalidInstance(Cause::NeverRegistered)))
    {
        let (alone, ended) = alone(&world, node);
        let until = ended.min(fleet.finished.ended);
        let of_node = |entries: &[Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| entry.node == node && entry.arrived < until).cloned().collect()
        };
        let (alone, in_fleet) = (of_node(&alone), of_node(fleet.history.entries()));
        assert!(alone.len() >= 4, "node {node} makes {} calls", alone.len());
        assert_eq!(alone.iter().zip(&in_fleet).find(|(one, other)| one != other), None, "node {node}");
        assert_eq!(alone.len(), in_fleet.len(), "node {node}");
        kinds.insert((world.plan.identity(node).cohort, fault(&world.plan, node).is_some()));
    }
    assert!(kinds.len() >= 6, "each cohort, and nodes with faults: {kinds:?}");
}

#[test]
fn an_answer_to_another_incarnation_is_dropped_and_counted() {
    let world = World::first_look(20);
    let mut shard = world.plan.shard(0..20);
    let mut emitted = Vec::new();
    shard.serve(Timestamp::NEVER, &mut emitted).expect("a node arrives");
    let call = emitted.pop().expect("it registers");
    let before = shard.next_due();
    let answer = |incarnation, number| Completion {
        caller: Caller { incarnation, number, ..call.caller },
        operation: "RegisterManagedInstance",
        attempt: 0,
        answer: Answer::Done,
        spent: None,
    };
    let now = VIRTUAL_START + Period::minutes(1);
    shard.deliver(answer(1, call.caller.number), now, &mut emitted);
    shard.deliver(answer(0, call.caller.number + 1), now, &mut emitted);
    assert_eq!((shard.measures.late_answers, shard.next_due(), emitted.len()), (2, before, 0));
    shard.deliver(answer(0, call.caller.number), now, &mut emitted);
    assert_eq!(shard.measures.late_answers, 2);
    assert_eq!((call.caller.lane, shard.measures.take_registered().len()), (LaneName::Credentials, 1));
}

#[test]
fn a_run_that_ends_while_nodes_arrive_comes_to_its_end() {
    // A hundred nodes a second, each registration under way for 20 ms: some are when the time is over.
    let outcome = world(
        "{name: early, seed: 3, ramp: 10s, duration: 5s,
          cohorts: [{name: all, platform: ubuntu-22.04, nodes: 1000}]}",
    )
    .run();
    assert_eq!(outcome.finished.ending, simulation::Ending::OutOfTime);
    let registered = outcome.finished.measures.calls["RegisterManagedInstance"].made;
    assert!((495..=505).contains(&registered), "{registered}");
}

#[test]
fn a_script_that_ends_takes_its_last_window_with_it() {
    let world = World::first_look(3);
    let service = Service::new(world.plane.clone());
    let desk = VirtualDesk::new(&service, VIRTUAL_START);
    let transport = InProcess::Typed;
    let shards = world.plan.shards(1);
    let mut coordinator = Coordinator::new(&service, &transport, shards, History::default(), VIRTUAL_START);
    let at = VIRTUAL_START + Period::milliseconds(700_003);
    let mut script = std::pin::pin!(async { while desk.wake(at).await != Wake::Due {} });
    assert!(coordinator.run(script.as_mut(), &desk, VIRTUAL_START + Period::hours(1)));
    assert!(coordinator.now() >= at, "{} of {}", coordinator.now().seconds(), at.seconds());
}
