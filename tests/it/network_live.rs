//! Faults between nodes and plane over real sockets: the same kind of errors as
//! in virtual time, and a fleet that recovers.

use std::collections::BTreeSet;
use std::sync::Arc;

use agent::channel::call::OPEN_CHANNEL;
use fleet::clock::Clock;
use fleet::embedded::Embedded;
use fleet::measure::Measures;
use fleet::plan::Overrides;
use fleet::run::VIRTUAL_START;
use fleet::scenario::Scenario;
use fleet::simulation::{Ending, Finished};
use plane::config::PlaneConfig;
use plane::service::Service;
use shared::frame::{AGENT_JOB_ACK, AGENT_JOB_REPLY};
use shared::operation::Operation;
use shared::wire::{AcknowledgeMessage, FailMessage, GetMessages, SendReply};
use ssm_fleet_tests::World;

use crate::live::LiveFleet;

const SCALE: f64 = 60.0;

/// A fault that strikes all from the third to the ninth minute; then something is
/// asked of every node, and the run is over once each has done it.
fn scenario(fault: &str) -> String {
    format!(
        "{{name: x, seed: 4, duration: 10h, time: {{scale: {SCALE}}}, cohorts: [\
         {{name: web, platform: amazon-linux-2023, nodes: 3, channel: websocket, tags: {{Env: prod}}}},\
         {{name: poll, platform: ubuntu-22.04, nodes: 3, channel: long-poll, tags: {{Env: prod}}}}],\
         documents: [{{name: hello, content: {{schemaVersion: '2.2', mainSteps: [\
         {{action: 'aws:runShellScript', name: a, inputs: {{runCommand: ['true']}}}}]}}}}],\
         associations: [{{name: hello, at: 10m, document: hello, targets: [tag: {{key: Env, values: [prod]}}]}}],\
         faults: [{{fault: {{{fault}}}, at: 3m, for: 6m}}]}}"
    )
}

/// Over sockets, before a plane of our own.
async fn live(scenario: &str) -> Finished {
    let clock = Clock::starting(VIRTUAL_START, SCALE);
    let service = Arc::new(Service::new(PlaneConfig::default()));
    let any = "127.0.0.1:0".parse().expect("an address");
    let plane = Embedded::serve(service, clock, Some(any), None, None).expect("it can listen");
    let endpoint = plane.url();
    let finished =
        LiveFleet { scenario, endpoint: &endpoint, connections: 60 }.run(std::future::pending()).await;
    plane.stop().await.expect("it ends in good order");
    finished
}

/// What an agent waits for 20 s at most, here a third of a second by the wall: on a
/// machine that does much else some come to nothing without any fault.
const HURRIED: [&str; 7] = [
    GetMessages::NAME,
    AcknowledgeMessage::NAME,
    FailMessage::NAME,
    SendReply::NAME,
    OPEN_CHANNEL,
    AGENT_JOB_ACK,
    AGENT_JOB_REPLY,
];

/// The kinds of errors that nodes met, but for calls in a hurry.
fn errors(measures: &Measures) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    let patient = measures.calls.iter().filter(|(operation, _)| !HURRIED.contains(operation));
    for (_, calls) in patient {
        kinds.extend((calls.unknown > 0).then(|| "unknown".to_owned()));
        kinds.extend((calls.unreadable > 0).then(|| "unreadable".to_owned()));
        kinds.extend(calls.refused.keys().map(ToString::to_string));
    }
    kinds
}

fn assert_recovered(fault: &str, finished: &Finished) {
    assert_eq!(finished.ending, Ending::Complete, "{fault}");
    assert_eq!(finished.operator.troubles, BTreeSet::new(), "{fault}");
    assert_eq!(finished.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 6, "{fault}");
    assert_eq!(finished.measures.runs.values().map(Vec::len).sum::<usize>(), 6, "{fault}");
}

/// Runs the fault in this way, which must give these errors, and none once it is over.
fn assert_errors(fault: &str, expected: &[&str], finished: &Finished) {
    assert_recovered(fault, finished);
    let expected: BTreeSet<String> = expected.iter().map(ToString::to_string).collect();
    assert_eq!(errors(&finished.measures), expected, "{fault}, {:?}", finished.pace);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_and_virtual_time_give_the_same_kinds_of_errors() {
    let cases: [(&str, &[&str]); 12] = [
        ("latency: {delay: 1s, jitter: 500ms}", &[]),
        ("timeout: {}", &["unknown"]),
        ("timeout: {after: 5s, direction: down}", &["unknown"]),
        ("reset-peer: {}", &["unknown"]),
        ("limit-data: {bytes: 100}", &["unknown"]),
        ("partition: {}", &["unknown"]),
        ("lost-acknowledgement: {}", &["unknown"]),
        ("replace-status: {status: 400, code: ThrottlingException}", &["ThrottlingException"]),
        ("fail-first: {calls: 1}", &["unreadable"]),
        ("abort: {}", &["unknown"]),
        ("bandwidth: {bytes_per_second: 2000, direction: both}", &[]),
        ("slicer: {average_size: 1000, delay: 100ms, direction: both}", &[]),
    ];
    // Before the others begin: it would hold them up.
    for (fault, expected) in cases {
        let scenario = Scenario::parse("x", &scenario(fault)).expect(fault);
        let outcome = World::new(&scenario, &Overrides::default()).run();
        assert_errors(fault, expected, &outcome.finished);
    }
    let (mut runs, mut cases) = (tokio::task::JoinSet::new(), cases.into_iter());
    loop {
        // A few at once, so that a small machine keeps up with them.
        while runs.len() < 4
            && let Some((fault, expected)) = cases.next()
        {
            runs.spawn(async move { assert_errors(fault, expected, &live(&scenario(fault)).await) });
        }
        let Some(run) = runs.join_next().await else { return };
        run.expect("it is the same");
    }
}
