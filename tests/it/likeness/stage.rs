//! The situation of a recording, played to a simulated node.
//!
//! The node decides in virtual time; each of its calls goes through the fleet's
//! client over a socket to a stub on this machine, which answers as the recorded
//! one did and writes down what came in, byte for byte. The client's clock is the
//! node's, so connections age as they would.

mod clock;
mod near;
mod stub;

use std::sync::Arc;
use std::time::Duration;

use agent::call::Answer;
use agent::catalogue::{Behaviour, Platform};
use agent::channel::Channels;
use agent::client::key::KeyPool;
use agent::client::pool::Owner;
use agent::client::sign::Signer;
use agent::client::{CallError, Client, Limits, Outgoing};
use agent::credentials::{ACTIVATION_LIMIT, Activations, Grant, IdentityKind, IdentitySettings};
use agent::distribution::Distribution;
use agent::fault::NodeFaults;
use agent::node::Node;
use fleet::live::user_agents;
use shared::error::ApiError;
use shared::signature::Credentials;
use shared::status::PlatformType;
use shared::time::{Period, Timestamp};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use self::clock::BenchClock;
use self::stub::Stub;
use super::recording::{Call, Lane};
use crate::bench::{Bench, Made, TAKES};

/// The recorded agent's system.
const DEBIAN: Platform = Platform {
    name: "debian-12",
    kind: PlatformType::Linux,
    platform_name: "Debian GNU/Linux",
    platform_version: "12",
    user_agent_system: "linux; amd64",
};

/// The id under which the recorded agents called.
const NODE: &str = "mi-0123456789abcdef0";

/// The activation by which they registered.
const ACTIVATION: &str = "11111111-2222-3333-4444-555555555555";

/// The fewest key pairs that a fleet may share.
const KEYS: u32 = 2;

/// How long the recorded stub held a question for messages.
const HELD: Period = Period::seconds(18);

/// How long a shell took on the recorded machine for the scripts of these documents,
/// which say little more than `echo`.
const SHELL: Period = Period::milliseconds(50);
const SCRIPTS: [&str; 3] = ["AWS-RunShellScript", "Multi", "Old12"];

/// What a recording shows, and when.
struct Situation<'a> {
    recorded: &'a [Call],
    /// When the recorded agent's process began.
    zero: Timestamp,
    /// When it first called.
    arrives: Timestamp,
    /// When it last called.
    ends: Timestamp,
}

impl<'a> Situation<'a> {
    fn of(recorded: &'a [Call]) -> Self {
        let zero = beginning(recorded);
        let first = recorded.iter().find(|call| call.lane() == Lane::Identity).expect("a node registers").at;
        let end = recorded.last().expect("calls are recorded").at;
        Self { recorded, zero, arrives: zero + period(first), ends: zero + period(end) }
    }

    /// By which channels the recorded agent could be reached.
    fn channels(&self) -> Channels {
        match self.recorded.iter().any(|call| call.operation == "OpenControlChannel") {
            true => Channels::None,
            false => Channels::LongPoll,
        }
    }

    /// Whether the node makes calls of this kind at all.
    fn speaks(&self, operation: &str) -> bool {
        operation != "GetMessages" || self.channels() == Channels::LongPoll
    }
}

/// Plays a recording to a node, and says what the node sent.
pub(super) fn play(recorded: &[Call]) -> Vec<Call> {
    let situation = Situation::of(recorded);
    let mut bench = near::near(&situation);
    let mut stage = Stage::set(&situation, &bench);
    bench.run_until(situation.ends, &mut |made| stage.carry(made));
    stage.stub.heard()
}

/// When the recorded agent's process began: a report tells its instant, and stands at its place.
fn beginning(recorded: &[Call]) -> Timestamp {
    let told = recorded.iter().find_map(|call| {
        let instant = call.body.get("ExecutionSummary")?.get("ExecutionTime")?.number()?;
        Some(Timestamp::from_milliseconds(((instant - call.at) * 1000.0) as i64))
    });
    told.expect("a report is recorded")
}

fn period(seconds: f64) -> Period {
    Period::milliseconds((seconds * 1000.0) as u64)
}

/// A hybrid node of the recorded system that registers by an activation.
fn node(index: u32, situation: &Situation<'_>) -> Bench {
    let activations = Activations::of_nodes(index + 1);
    let grant = Grant { id: ACTIVATION.to_owned(), code: "c".repeat(20) };
    activations.put((index / ACTIVATION_LIMIT) as usize, grant);
    let identity = IdentitySettings {
        kind: IdentityKind::Hybrid,
        key_pool: KEYS,
        activations,
        ..IdentitySettings::default()
    };
    let takes = Some(Distribution::Constant(SHELL));
    let script = |name: &str| Behaviour { document: Some(name.into()), takes, ..Behaviour::default() };
    let behaviours = SCRIPTS.map(script).to_vec();
    let mut bench = Bench::with(index, behaviours, situation.arrives, identity, NodeFaults::default());
    bench.catalogue.cohorts[0].platform = DEBIAN;
    bench.catalogue.cohorts[0].channels = situation.channels();
    bench.node = Node::new(bench.node.identity, &bench.catalogue, situation.arrives);
    bench
}

struct Stage {
    runtime: Runtime,
    client: Client<BenchClock>,
    clock: BenchClock,
    stub: Arc<Stub>,
    zero: Timestamp,
    user_agent: axum::http::HeaderValue,
}

impl Stage {
    fn set(situation: &Situation<'_>, bench: &Bench) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let clock = BenchClock::default();
        let stub = Arc::new(Stub::of(situation.recorded, clock.clone()));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        runtime.spawn(Arc::clone(&stub).serve(listener));
        let credentials = Credentials {
            access_key_id: "ASIAEXAMPLE".into(),
            secret_access_key: "secret".into(),
            session_token: Some("token".into()),
        };
        let signer = Signer::new(credentials, "us-east-1", "ssm").expect("they can stand in a header");
        let endpoint = url.parse().expect("a listener's address is an endpoint");
        let client =
            Client::new(endpoint, signer, clock.clone(), Limits::of_connections(64)).expect("a client");
        let client = client.with_keys(KeyPool::generate(KEYS).expect("key pairs can be made"));
        let user_agent = user_agents(&bench.catalogue)[0].clone();
        Self { runtime, client, clock, stub, zero: situation.zero, user_agent }
    }

    /// Carries a call over the socket, and reads the answer as the fleet does. Says
    /// when the node is to have it, which is later than it was read.
    fn carry(&mut self, made: &Made) -> (Period, Answer) {
        self.clock.set(made.at.since(self.zero).as_milliseconds());
        let offered = made.signing.offers.and_then(|number| self.client.keys().public_key(number));
        let request = match offered {
            Some(public_key) => made.request.clone().offering(public_key),
            None => made.request.clone(),
        };
        let outgoing = Outgoing {
            target: request.target(),
            user_agent: self.user_agent.clone(),
            body: request.body().into(),
            by: made.signing.by.clone(),
            owner: Owner::module(0, request.module()),
            due: made.at,
            now: made.at,
            timeout: Duration::MAX,
        };
        let answer = match self.runtime.block_on(self.client.send(outgoing)).outcome {
            Ok(body) => request.read(&body),
            Err(CallError::Refused { code, status, message, .. }) => {
                Answer::Refused(ApiError::new(code, message), status)
            }
            Err(error) => panic!("the stub answers every call: {error:?}"),
        };
        (if self.stub.holds() { HELD } else { TAKES }, answer)
    }
}
