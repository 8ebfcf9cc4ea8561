//! A fleet of this process before a plane behind a socket, in scaled time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use fleet::clock::Clock;
use fleet::connections::Connections;
use fleet::host::Limits;
use fleet::plan::{Overrides, Plan};
use fleet::progress::Progress;
use fleet::run::{Hold, PlaneChoice, RunOptions, VIRTUAL_START, plane_config, run_live};
use fleet::scenario::Scenario;
use fleet::simulation::{Finished, Pace};

/// A fleet, and the plane that it is to call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LiveFleet<'a> {
    /// The scenario, as it is written.
    pub(crate) scenario: &'a str,
    /// The plane.
    pub(crate) endpoint: &'a str,
    /// How many connections it may have at once.
    pub(crate) connections: usize,
}

/// Nobody looks at the end: the fleet is let go at once.
pub(crate) struct Nobody;

impl Hold for Nobody {
    async fn hold(self, _: &Finished) {}
}

impl LiveFleet<'_> {
    /// Runs the scenario to its end, or until `stop` completes. It begins at
    /// [`VIRTUAL_START`].
    pub(crate) async fn run(self, stop: impl Future<Output = ()>) -> Finished {
        let scenario = Scenario::parse("test", self.scenario).expect("the scenario is well written");
        let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
        // Asked for its side effect too: it raises the limit of descriptors.
        let machine = Limits::of_this_machine(true).expect("the machine can run a test");
        let options = RunOptions {
            pace: Pace::Scaled(plan.time_scale),
            plan: Arc::new(plan),
            plane: PlaneChoice::Foreign(self.endpoint.parse().expect("a test's endpoint is one")),
            shards: 2,
            connections: Connections::Pooled,
            limits: Limits { connections: self.connections, ..machine },
            progress: Arc::new(Progress::default()),
            keep: false,
            recorder: None,
            is_held: false,
        };
        run_live(options, stop, Nobody).await.expect("the fleet runs")
    }
}

/// Runs a scenario to its end on sockets, before a plane of its own.
pub(crate) async fn run_embedded(scenario: &str) -> Finished {
    run_live(embedded(scenario), std::future::pending(), Nobody).await.expect("the fleet runs")
}

/// A scenario that is to be run on sockets, before a plane of its own.
fn embedded(scenario: &str) -> RunOptions {
    let scenario = Scenario::parse("test", scenario).expect("the scenario is well written");
    let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
    let config = plane_config(&plan);
    RunOptions {
        pace: Pace::Scaled(plan.time_scale),
        plan: Arc::new(plan),
        plane: PlaneChoice::Embedded(Box::new(config), None),
        shards: 2,
        connections: Connections::Pooled,
        limits: Limits::of_this_machine(true).expect("the machine can run a test"),
        progress: Arc::new(Progress::default()),
        recorder: None,
        keep: false,
        is_held: false,
    }
}

/// Somebody who looks until the plane refuses nothing any more.
struct Patient;

impl Hold for Patient {
    async fn hold(self, finished: &Finished) {
        let (_, url) = finished.plane.rsplit_once(" at ").expect("it says where it is");
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let clock = Clock::starting(finished.ended, 1.0);
        for _ in 0..500 {
            let call = client.post(url).header("x-amz-target", "AmazonSSM.ListAssociations").body("{}");
            if call.send().await.expect("the plane is up").status().is_success() {
                return;
            }
            clock.sleep_wall(Duration::from_millis(20)).await;
        }
        panic!("the fault stands, though its time is over");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_somebody_looks_faults_of_the_plane_end_at_their_time() {
    let scenario = "{name: held, seed: 1, time: {scale: 600}, duration: 5m, \
         cohorts: [{name: web, platform: debian-12, nodes: 5}], \
         faults: [{fault: {server-error: {operations: [ListAssociations]}}, at: 4m, for: 3m}]}";
    let options = RunOptions { is_held: true, ..embedded(scenario) };
    let finished = run_live(options, std::future::pending(), Patient).await.expect("the fleet runs");
    assert_eq!(finished.operator.faults.board().windows().len(), 1);
}
