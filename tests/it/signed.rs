//! A fleet over sockets before a plane that takes no call without a signature.

use std::sync::Arc;

use fleet::clock::{Clock, wall_now};
use fleet::connections::Connections;
use fleet::embedded::Embedded;
use fleet::host::Limits;
use fleet::plan::{Overrides, Plan};
use fleet::progress::Progress;
use fleet::run::{Hold, PlaneChoice, RunOptions, VIRTUAL_START, plane_config, run_live};
use fleet::scenario::Scenario;
use fleet::simulation::{Finished, Pace};
use plane::config::{PlaneConfig, Signatures};
use plane::service::Service;
use shared::time::Timestamp;
use shared::wire::{DescribeActivations, DescribeInstanceInformation};

use crate::live::LiveFleet;

/// Seventy minutes in seven seconds.
const SIGNED: &str = r#"
name: signed
seed: 3
time_scale: 600
ramp: 2m
duration: 70m
key_pool: 3
cohorts:
  - { name: till, platform: ubuntu-22.04, nodes: 20, identity: hybrid, key_rotation: 20m, tags: { Site: north } }
  - { name: web, platform: ubuntu-22.04, nodes: 10, tags: { Site: north } }
  - { name: bare, platform: ubuntu-22.04, nodes: 10, instance_profile: false, tags: { Site: north } }
documents:
  - name: say-hello
    content:
      schemaVersion: "2.2"
      mainSteps: [{ action: aws:runShellScript, name: only, inputs: { runCommand: ["true"] } }]
associations:
  - { name: hello, at: 5m, document: say-hello, targets: [tag: { key: Site, values: [north] }], rounds: 99 }
"#;

/// Nobody looks at the end: the fleet is let go at once.
struct Nobody;

impl Hold for Nobody {
    async fn hold(self, _: &Finished) {}
}

async fn run(signatures: Signatures) -> Finished {
    let scenario = Scenario::parse("signed", SIGNED).expect("it is well written");
    let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
    let config = PlaneConfig { signatures, ..plane_config(&plan) };
    let options = RunOptions {
        pace: Pace::Scaled(plan.time_scale),
        plan: Arc::new(plan),
        plane: PlaneChoice::Embedded(Box::new(config)),
        shards: 2,
        limits: Limits::of_this_machine(true).expect("the machine can run a test"),
        connections: Connections::AsAgent,
        progress: Arc::new(Progress::default()),
        keep: false,
        is_held: false,
        recorder: None,
    };
    run_live(options, std::future::pending(), Nobody).await.expect("the fleet runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_of_every_identity_work_where_each_signature_is_checked() {
    let finished = run(Signatures::Require).await;
    let calls = &finished.measures.calls;
    for (operation, calls) in calls {
        assert_eq!((calls.refused.len(), calls.unreadable), (0, 0), "{operation}: {calls:?}");
    }
    let online: Vec<_> = finished.cohorts.iter().map(|cohort| cohort.online).collect();
    assert_eq!(online, [20, 10, 10]);
    // One at the start, and one after each half hour, of those that have a role to ask for.
    assert!(calls["RequestManagedInstanceRoleToken"].made >= 3 * 30, "{calls:?}");
    assert!(calls["UpdateManagedInstancePublicKey"].made >= 20, "{calls:?}");
    assert_eq!(calls["RegisterManagedInstance"].made, 40);
    let hello = finished.measures.runs_of(finished.operator.made[0].id);
    assert_eq!(hello.len(), 40);
    assert_eq!(finished.operator.tagged, 20, "hybrid nodes have their tags from the activation");
    assert!(finished.operator.troubles.is_empty(), "{:?}", finished.operator.troubles);
}

/// The names of activations and nodes that a plane has.
fn left(service: &Service, now: Timestamp) -> (usize, usize) {
    let activations = service.call(now, DescribeActivations::default()).expect("they can be listed");
    let nodes = service.call(now, DescribeInstanceInformation::default()).expect("they can be listed");
    (activations.activation_list.len(), nodes.instance_information_list.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hybrid_nodes_are_taken_out_of_a_foreign_plane_at_the_end() {
    let config = PlaneConfig { signatures: Signatures::Require, ..PlaneConfig::default() };
    let service = Arc::new(Service::new(config));
    let clock = Clock::starting(wall_now(), 1.0);
    let any = ([127, 0, 0, 1], 0).into();
    let plane = Embedded::serve(Arc::clone(&service), clock, Some(any), None, None).expect("a port is free");
    let scenario = "{name: guest, seed: 1, time_scale: 60, duration: 2m, \
         cohorts: [{name: till, platform: ubuntu-22.04, nodes: 5, identity: hybrid}]}";
    let url = plane.url();
    let fleet = LiveFleet { scenario, endpoint: &url, connections: 16 };
    let finished = fleet.run(std::future::pending()).await;
    assert_eq!(finished.cohorts[0].online, 5, "{:?}", finished.measures.calls);
    assert_eq!(finished.survey.map(|survey| survey.nodes.nodes), Some(5), "they were there");
    assert_eq!(left(&service, clock.now()), (0, 0));
    plane.stop().await.expect("it ends in good order");
}
