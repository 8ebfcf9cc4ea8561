//! Faults that strike nodes, over real sockets: what is spoiled, dated wrongly or
//! told to the plane comes out as in virtual time, and the fleet recovers.

use std::sync::Arc;

use fleet::connections::Connections;
use fleet::host::Limits;
use fleet::plan::Plan;
use fleet::result::{FaultResult, RunResult};
use fleet::run::{PlaneChoice, RunOptions, VIRTUAL_START, plane_config, run_live};
use fleet::simulation::{Ending, Finished, Pace};

use super::*;
use crate::live::Nobody;

/// Each node has its own fault from the third minute to the twentieth; at the 25th
/// something is asked of all.
fn scenario(terminated: &str) -> String {
    format!(
        r#"
name: live
seed: 9
duration: 3h
time: {{ scale: 150 }}
cohorts:
  - {{ name: web, platform: ubuntu-22.04, nodes: 6, tags: {{ Env: prod }} }}
  - {{ name: till, platform: debian-12, nodes: 2, identity: hybrid, tags: {{ Env: prod }} }}
documents:
  - name: hello
    content:
      schemaVersion: "2.2"
      mainSteps: [{{ action: aws:runShellScript, name: only, inputs: {{ runCommand: ["true"] }} }}]
associations:
  - {{ name: first, at: 4m, document: hello, targets: [tag: {{ key: Env, values: [prod] }}] }}
  - {{ name: named, at: 5m, document: hello, targets: [instance: {terminated}], refused: InvalidInstanceId }}
  - {{ name: second, at: 25m, document: hello, targets: [tag: {{ key: Env, values: [prod] }}] }}
faults:
  - {{ fault: malformed-reports, on: {{ nodes: [0] }}, at: 3m, for: 17m }}
  - {{ fault: {{ huge-reports: {{ bytes: 5000000 }} }}, on: {{ nodes: [1] }}, at: 3m, for: 17m }}
  - {{ fault: {{ duplicate-reports: {{ times: 2 }} }}, on: {{ nodes: [2] }}, at: 3m, for: 17m }}
  - {{ fault: {{ late-reports: {{ by: 30s }} }}, on: {{ nodes: [3] }}, at: 3m, for: 17m }}
  - {{ fault: {{ invalid-instance: {{ cause: terminated }} }}, on: {{ nodes: [4] }}, at: 3m, for: 17m }}
  - {{ fault: {{ unsupported-platform: {{ platform: unknown }} }}, on: {{ nodes: [5] }}, at: 3m, for: 17m }}
  - {{ fault: {{ clock-skew: {{ behind: 1h }} }}, on: {{ nodes: [6] }}, at: 3m, for: 17m }}
  - {{ fault: {{ invalid-instance: {{ cause: deregistered }} }}, on: {{ nodes: [7] }}, at: 3m, for: 17m }}
"#
    )
}

fn plan(text: &str) -> Plan {
    let scenario = Scenario::parse("live", text).unwrap_or_else(|error| panic!("{error}"));
    Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan")
}

async fn live(plan: Plan) -> Finished {
    let machine = Limits::of_this_machine(true).expect("the machine can run a test");
    let options = RunOptions {
        pace: Pace::Scaled(plan.time_scale),
        plane: PlaneChoice::Embedded(Box::new(plane_config(&plan)), None),
        plan: Arc::new(plan),
        shards: 2,
        connections: Connections::Pooled,
        limits: Limits { connections: 40, ..machine },
        progress: Arc::default(),
        keep: false,
        recorder: None,
        is_held: false,
    };
    run_live(options, std::future::pending(), Nobody).await.expect("the fleet runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_sockets_faults_of_nodes_come_out_as_in_virtual_time() {
    let any = plan(&scenario("i-0123456789abcdef0"));
    let finished = live(plan(&scenario(any.node_id(4).as_str()))).await;
    assert_eq!((finished.ending, &finished.operator.troubles), (Ending::Complete, &BTreeSet::new()));
    let refused = |operation: &str, code: ErrorCode| {
        finished
            .measures
            .calls
            .get(operation)
            .and_then(|calls| calls.refused.get(&code))
            .copied()
            .unwrap_or(0)
    };
    let (status, heartbeat) = ("UpdateInstanceAssociationStatus", "UpdateInstanceInformation");
    assert!(refused(status, ErrorCode::SerializationException) >= 4, "node 0");
    assert!(refused(status, ErrorCode::ValidationException) >= 4, "node 1: larger than the plane takes");
    assert!(refused(heartbeat, ErrorCode::ValidationException) > 0, "node 5");
    assert!(refused(heartbeat, ErrorCode::InvalidSignatureException) > 0, "node 6");
    assert!(refused(heartbeat, ErrorCode::InvalidInstanceId) > 0, "node 7");
    assert_eq!(finished.measures.calls["DeregisterManagedInstance"].made, 1);
    let result = RunResult::new(&finished);
    assert!(
        result.refusals.iter().all(|refusal| refusal.is_as_expected) && result.refusals.len() == 1,
        "node 4"
    );
    let is_over = |fault: &FaultResult| fault.windows.iter().all(|window| window.until.is_some());
    assert!(result.faults.iter().all(is_over), "{:?}", result.faults);
    assert_eq!(
        finished.measures.struck.values().sum::<u64>(),
        finished.measures.lifted.values().sum::<u64>()
    );
    assert_eq!(result.faults.iter().map(|fault| fault.nodes).sum::<u64>(), 8);
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 8, "all are back");
    let second = finished.measures.runs_of(finished.operator.made[1].id);
    let is_well = |run: &Ran| run.status == AssociationStatus::Success && run.is_reported;
    assert!(second.len() == 8 && second.iter().all(is_well), "{second:?}");
}

/// The kinds of fault that the other fleet has not: each strikes one node, from 0 on.
const OTHERS: [&str; 22] = [
    "{ crash: { down: 3m } }",
    "{ crash: { loses: disk } }",
    "pause",
    "offline",
    "{ flapping: { down: 2m, up: 2m } }",
    "hang",
    "{ reordered-reports: { within: 1m } }",
    "{ old-version: { version: 2.3.0.0 } }",
    "no-jitter",
    "forgets-state",
    "{ eager-retries: {} }",
    "{ outcome: { fails: 100% } }",
    "{ clone-id: { of: 0 } }",
    "id-reuse",
    "{ invalid-instance: {} }",
    "{ invalid-instance: { cause: agent-stopped } }",
    "{ invalid-instance: { cause: no-permission } }",
    "{ invalid-instance: { cause: shutting-down } }",
    "{ unsupported-platform: {} }",
    // From here on hybrid nodes.
    "expired-credentials",
    "{ same-fingerprint: { of: 0 } }",
    "{ clock-jump: { to: { behind: 1h }, corrected_within: 15m } }",
];

/// All strike from the third minute to the twentieth; at the 25th something is asked of all.
fn others() -> String {
    let fault =
        |(node, fault)| format!("  - {{ fault: {fault}, on: {{ nodes: [{node}] }}, at: 3m, for: 17m }}\n");
    let faults: String = OTHERS.into_iter().enumerate().map(fault).collect();
    format!(
        r#"
name: others
seed: 9
duration: 45m
time: {{ scale: 150 }}
cohorts:
  - {{ name: web, platform: ubuntu-22.04, nodes: 19, tags: {{ Env: prod }} }}
  - {{ name: till, platform: debian-12, nodes: 3, identity: hybrid, tags: {{ Env: prod }} }}
documents:
  - name: hello
    content:
      schemaVersion: "2.2"
      mainSteps: [{{ action: aws:runShellScript, name: only, inputs: {{ runCommand: ["true"] }} }}]
associations:
  - {{ name: first, at: 4m, document: hello, targets: [tag: {{ key: Env, values: [prod] }}] }}
  - {{ name: second, at: 25m, document: hello, targets: [tag: {{ key: Env, values: [prod] }}] }}
faults:
{faults}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_sockets_the_fleet_recovers_from_the_other_kinds_too() {
    let finished = live(plan(&others())).await;
    // A hybrid machine that registers anew leaves an id behind on which no round ends.
    assert_eq!((finished.ending, &finished.operator.troubles), (Ending::OutOfTime, &BTreeSet::new()));
    let result = RunResult::new(&finished);
    let windows = result.faults.iter().flat_map(|fault| &fault.windows);
    assert!(windows.clone().all(|window| window.until.is_some()), "{:?}", result.faults);
    assert_eq!((windows.count(), result.faults.iter().map(|fault| fault.nodes).sum::<u64>()), (22, 22));

    let calls = &finished.measures.calls;
    let (heartbeat, register) = ("UpdateInstanceInformation", "RegisterManagedInstance");
    assert!(calls[heartbeat].unknown > 0, "who is cut off calls in vain");
    assert!(calls[heartbeat].refused[&ErrorCode::InvalidInstanceId] > 0, "nodes 14 and 17");
    assert!(calls[heartbeat].refused[&ErrorCode::InvalidSignatureException] > 0, "node 21");
    assert!(calls[register].refused[&ErrorCode::InstanceAlreadyRegistered] > 0, "node 13");
    let over = VIRTUAL_START + Period::minutes(20);
    let first = finished.measures.runs_of(finished.operator.made[0].id);
    let run = |node: u32| first.iter().find(|run| run.node == node && run.started < over).expect("it ran");
    assert!(run(5).ended >= over, "node 5 hung");
    assert_eq!(run(11).status, AssociationStatus::Failed, "node 11");
    assert!(run(18).is_foreign, "node 18");

    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 22, "all are back");
    let second = finished.measures.runs_of(finished.operator.made[1].id);
    let is_well = |run: &Ran| run.status == AssociationStatus::Success && run.is_reported && !run.is_foreign;
    assert!(second.len() == 22 && second.iter().all(is_well), "{second:?}");
}
