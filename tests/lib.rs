//! Worlds for tests: nodes and plane joined in virtual time.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fleet::history::History;
use fleet::in_process::{Carry, InProcess};
use fleet::plan::{Overrides, Plan};
use fleet::progress::Progress;
use fleet::run::{VIRTUAL_START, VirtualRun};
use fleet::scenario::Scenario;
use fleet::simulation::Finished;
use plane::config::PlaneConfig;
use plane::service::Service;
use serde_json::Value;

/// A scenario in virtual time, and how it is carried out.
#[derive(Debug, Clone)]
pub struct World {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// The plane's settings.
    pub plane: PlaneConfig,
    /// How calls reach the plane.
    pub transport: InProcess,
    /// How many pieces the fleet is cut into.
    pub shards: usize,
}

/// What came of a world.
#[derive(Debug)]
pub struct Outcome {
    /// The run.
    pub finished: Finished,
    /// Every call, in the plane's order.
    pub history: History,
    /// The plane, for a look.
    pub service: Service,
}

impl Outcome {
    /// What the plane answers to this, asked when the run is over.
    ///
    /// # Panics
    /// When it refuses.
    pub fn ask(&self, operation: &str, body: &Value) -> Value {
        let target = format!("AmazonSSM.{operation}");
        let response = self.service.respond(self.finished.ended, &target, body.to_string().as_bytes());
        assert_eq!(response.status, 200, "{operation}: {}", String::from_utf8_lossy(&response.body));
        serde_json::from_slice(&response.body).expect("an answer is JSON")
    }
}

impl World {
    /// A world of this scenario, as written.
    ///
    /// # Panics
    /// When the scenario makes no plan.
    pub fn new(scenario: &Scenario, overrides: &Overrides) -> Self {
        let plan = Plan::new(scenario, overrides, VIRTUAL_START).expect("the scenario makes a plan");
        let plane = fleet::run::plane_config(&plan);
        Self { plan: Arc::new(plan), plane, transport: InProcess::Typed, shards: 1 }
    }

    /// The built-in scenario with so many nodes.
    pub fn first_look(nodes: u32) -> Self {
        let scenario = Scenario::load("first-look").expect("it is built in");
        Self::new(&scenario, &Overrides { nodes: Some(nodes), ..Overrides::default() })
    }

    /// The same world, its fleet cut into so many pieces.
    pub fn in_shards(self, shards: usize) -> Self {
        Self { shards, ..self }
    }

    /// Lets it run to its end.
    pub fn run(&self) -> Outcome {
        self.run_through(&self.transport)
    }

    /// Lets it run to its end, its calls carried in this way.
    pub fn run_through(&self, carrier: &dyn Carry) -> Outcome {
        let mut history = History::keeping();
        let progress = Progress::default();
        let run = VirtualRun {
            plan: self.plan.clone(),
            plane: self.plane.clone(),
            carrier,
            shards: self.shards,
            progress: &progress,
            stop: &AtomicBool::new(false),
        };
        let (finished, service) = run.run(&mut history);
        Outcome { finished, history, service }
    }
}
