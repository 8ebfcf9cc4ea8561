//! A plane that takes its time, and a generator that does not wait for it.
//!
//! The plane here answers each call after a second of wall time. The load is
//! open: nodes call when they are due, whatever the answers do, so the calls
//! open at once are as many as arrive in a second. With too few connections
//! that cannot be, and then the result must say so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use fleet::clock::Clock;
use fleet::result::RunResult;
use shared::operation::Operation;
use shared::time::Timestamp;
use shared::wire::{ListInstanceAssociations, RegisterManagedInstance, UpdateInstanceInformation};
use tokio::net::TcpListener;

use crate::live::LiveFleet;

/// How long an answer takes.
const SLOWNESS: Duration = Duration::from_secs(1);

/// A plane that knows every node at once, and tells it of nothing to do.
#[derive(Clone)]
struct SlowPlane {
    clock: Clock,
    seen: Arc<Mutex<Seen>>,
}

/// What came to a slow plane from nodes.
#[derive(Debug, Clone, Default)]
struct Seen {
    calls: BTreeMap<String, u64>,
    open: u64,
    most_open: u64,
    answered: u64,
    /// Calls that had come when the first answer went out.
    before_first_answer: u64,
}

impl Seen {
    fn calls_of<O: Operation>(&self) -> u64 {
        self.calls.get(O::TARGET).copied().unwrap_or(0)
    }

    fn came(&mut self, target: &str) {
        *self.calls.entry(target.to_owned()).or_default() += 1;
        self.open += 1;
        self.most_open = self.most_open.max(self.open);
    }

    fn answered(&mut self) {
        if self.answered == 0 {
            self.before_first_answer = self.calls.values().sum();
        }
        self.answered += 1;
        self.open -= 1;
    }
}

impl SlowPlane {
    /// Starts one; its tasks end with the runtime.
    async fn start() -> (Self, String) {
        let plane = Self { clock: Clock::starting(Timestamp::default(), 1.0), seen: Arc::default() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let app = Router::new().fallback(answer).with_state(plane.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (plane, url)
    }

    fn seen(&self) -> Seen {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().expect("nobody panics with the lock")
    }
}

async fn answer(State(plane): State<SlowPlane>, headers: HeaderMap, _: Request) -> &'static str {
    let target = headers["x-amz-target"].to_str().expect("a target is plain text");
    // The operator's questions at the end are no load.
    let is_of_a_node = [
        RegisterManagedInstance::TARGET,
        UpdateInstanceInformation::TARGET,
        ListInstanceAssociations::TARGET,
    ]
    .contains(&target);
    if !is_of_a_node {
        return "{}";
    }
    plane.lock().came(target);
    plane.clock.sleep_wall(SLOWNESS).await;
    plane.lock().answered();
    match target {
        RegisterManagedInstance::TARGET => r#"{"InstanceId":"i-0123456789abcdef0"}"#,
        ListInstanceAssociations::TARGET => r#"{"Associations":[]}"#,
        _ => "{}",
    }
}

/// Nodes that arrive within three seconds of wall time. The end comes before any
/// of them is due for its second regular poll, ten minutes after it came online.
const A_THOUSAND_NODES: &str = "{name: slow, seed: 1, time: {scale: 60}, ramp: 3m, duration: 690s, \
     cohorts: [{name: all, platform: ubuntu-22.04, nodes: 1000}]}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_plane_is_offered_every_call_when_it_is_due() {
    let (plane, url) = SlowPlane::start().await;
    let fleet = LiveFleet { scenario: A_THOUSAND_NODES, endpoint: &url, connections: 5_000 };
    let finished = fleet.run(std::future::pending()).await;
    let seen = plane.seen();

    assert_eq!(seen.calls_of::<RegisterManagedInstance>(), 1_000, "each node registers once: {seen:?}");
    assert_eq!(
        seen.calls_of::<ListInstanceAssociations>(),
        2_000,
        "a first poll, and one more after an empty answer: {seen:?}"
    );
    let heartbeats = seen.calls_of::<UpdateInstanceInformation>();
    assert!(
        (4_000..=6_000).contains(&heartbeats),
        "one for the role, a probe, one in full, then one in five minutes: {seen:?}"
    );

    // 333 nodes arrive in the second that the first answer takes.
    assert!(seen.before_first_answer > 200, "nobody waits for another's answer: {seen:?}");
    assert!(seen.most_open > 300, "calls pile up at the plane, not before it: {seen:?}");

    let (_, connections) = finished.connections.expect("a run over sockets has connections");
    assert_eq!((connections.held_in_total, connections.held), (0, 0));
    assert!(connections.most_open as u64 >= seen.most_open, "{connections:?}");
    let result = RunResult::new(&finished);
    assert_eq!((result.nodes.online, result.nodes.total), (1_000, 1_000));
    for (operation, calls) in &result.calls {
        assert_eq!((calls.errors(), calls.retries), (0, 0), "{operation}");
        let latency = result.spent.latency[operation];
        assert!(latency.p50_microseconds >= 1_000_000, "the second is the plane's, and seen: {latency:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generator_with_too_few_connections_is_not_healthy() {
    let (plane, url) = SlowPlane::start().await;
    let scenario = "{name: held, seed: 1, time: {scale: 60}, ramp: 30s, duration: 4m, \
         cohorts: [{name: all, platform: ubuntu-22.04, nodes: 100}]}";
    let fleet = LiveFleet { scenario, endpoint: &url, connections: 10 };
    let finished = fleet.run(std::future::pending()).await;
    let seen = plane.seen();

    assert_eq!(seen.most_open, 10, "no more connections than there may be: {seen:?}");
    let generator = RunResult::new(&finished).spent.generator.expect("a run over sockets has a generator");
    assert!(!generator.kept_up, "{generator:?}");
    assert!(generator.held_calls > 50, "{generator:?}");
    assert!(generator.longest_held_microseconds >= 900_000, "a turn comes with an answer: {generator:?}");
    assert_eq!(generator.connections_at_most, 10);
}
