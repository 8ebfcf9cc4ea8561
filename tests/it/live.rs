//! A fleet of this process before a plane behind a socket, in scaled time.

use std::future::Future;
use std::sync::Arc;

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
    let scenario = Scenario::parse("test", scenario).expect("the scenario is well written");
    let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START).expect("it makes a plan");
    let config = plane_config(&plan);
    let options = RunOptions {
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
    };
    run_live(options, std::future::pending(), Nobody).await.expect("the fleet runs")
}
