//! The situation of a recording, played to a simulated node.
//!
//! The node decides in virtual time; each of its calls goes through the fleet's
//! client over a socket to a stub on this machine, which answers as the recorded
//! one did and writes down what came in, byte for byte. The client's clock is the
//! node's, so connections age as they would.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::call::{Answer, Request};
use agent::catalogue::Platform;
use agent::client::key::KeyPool;
use agent::client::pool::Owner;
use agent::client::sign::Signer;
use agent::client::{CallError, Client, Clock, Elapsed, Limits, Outgoing};
use agent::credentials::{ACTIVATION_LIMIT, Activations, Grant, IdentityKind, IdentitySettings};
use agent::fault::NodeFaults;
use agent::node::Node;
use fleet::live::user_agents;
use shared::error::ApiError;
use shared::signature::Credentials;
use shared::status::PlatformType;
use shared::time::{Period, Timestamp};
use shared::wire::RequestManagedInstanceRoleTokenReply;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::json::Json;
use super::recording::{Call, Lane};
use crate::bench::{Bench, Made};

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

/// More nodes than this are not looked at for one whose draws are near the recorded ones.
const CANDIDATES: u32 = 20_000;

/// Plays a recording to a node, and says what the node sent.
pub(super) fn play(recorded: &[Call]) -> Vec<Call> {
    let zero = beginning(recorded);
    let first = recorded.iter().find(|call| call.lane() == Lane::Identity).expect("a node registers").at;
    let arrives = zero + period(first);
    let end = recorded.last().expect("calls are recorded").at;
    let lasts = period(end - first);

    let near = (0..CANDIDATES).find(|index| is_near(*index, arrives, lasts, zero, recorded));
    let mut bench = node(near.expect("some node's draws are near the recorded ones"), arrives);
    let mut stage = Stage::set(recorded, zero, &bench);
    bench.run_for(lasts, &mut |made| stage.carry(made));
    stage.recorded()
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
fn node(index: u32, arrives: Timestamp) -> Bench {
    let activations = Activations::of_nodes(index + 1);
    let grant = Grant { id: ACTIVATION.to_owned(), code: "c".repeat(20) };
    activations.put((index / ACTIVATION_LIMIT) as usize, grant);
    let identity = IdentitySettings {
        kind: IdentityKind::Hybrid,
        key_pool: KEYS,
        activations,
        ..IdentitySettings::default()
    };
    let mut bench = Bench::with(index, Vec::new(), arrives, identity, NodeFaults::default());
    bench.catalogue.cohorts[0].platform = DEBIAN;
    bench.node = Node::new(bench.node.identity, &bench.catalogue, arrives);
    bench
}

/// Lets a node in that is only looked at, and takes whatever else it says.
fn lets_in(made: &Made) -> Answer {
    match &made.request {
        Request::Register(_) => Answer::Registered(NODE.parse().expect("an id")),
        Request::RequestToken(_) => Answer::Token(RequestManagedInstanceRoleTokenReply {
            access_key_id: String::new(),
            secret_access_key: String::new(),
            session_token: String::new(),
            token_expiration_date: made.at + Period::hours(1),
            update_key_pair: false,
        }),
        _ => Answer::Done,
    }
}

/// Whether this node polls within two seconds of the recorded first poll, and sends
/// its heartbeats within ten of the recorded ones: then what one lane does comes
/// between the same calls of another.
fn is_near(index: u32, arrives: Timestamp, lasts: Period, zero: Timestamp, recorded: &[Call]) -> bool {
    let mut bench = node(index, arrives);
    let mut instants: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    bench.run_for(lasts, &mut |made| {
        let at = made.at.since(zero).as_seconds();
        instants.entry(made.operation()).or_default().push(at);
        lets_in(made)
    });
    let agrees = |operation: &str, within: f64, count: usize| {
        let expected = recorded.iter().filter(|call| call.operation == operation).map(|call| call.at);
        let expected: Vec<f64> = expected.take(count).collect();
        let found = instants.get(operation).cloned().unwrap_or_default();
        let found: Vec<f64> = found.into_iter().take(count).collect();
        found.len() == expected.len()
            && found.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < within)
    };
    agrees("ListInstanceAssociations", 2.0, 1) && agrees("UpdateInstanceInformation", 10.0, usize::MAX)
}

/// A clock that the bench moves.
#[derive(Debug, Clone, Default)]
struct BenchClock(Arc<AtomicI64>);

impl Clock for BenchClock {
    fn wall(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed).unsigned_abs())
    }

    async fn timeout<F: Future + Send>(&self, _wall: Duration, future: F) -> Result<F::Output, Elapsed> {
        Ok(future.await)
    }
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
    fn set(recorded: &[Call], zero: Timestamp, bench: &Bench) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let clock = BenchClock::default();
        let stub = Arc::new(Stub::of(recorded, clock.clone()));
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
        Self { runtime, client, clock, stub, zero, user_agent }
    }

    /// Carries a call over the socket, and reads the answer as the fleet does.
    fn carry(&mut self, made: &Made) -> Answer {
        let at = made.at.since(self.zero).as_milliseconds();
        self.clock.0.store(at as i64, Ordering::Relaxed);
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
            obstacles: None,
        };
        match self.runtime.block_on(self.client.send(outgoing)).outcome {
            Ok(body) => request.read(&body),
            Err(CallError::Refused { code, status, message, .. }) => {
                Answer::Refused(ApiError::new(code, message), status)
            }
            Err(error) => panic!("the stub answers every call: {error:?}"),
        }
    }

    fn recorded(&self) -> Vec<Call> {
        self.stub.heard.lock().expect("nobody panics with the lock").clone()
    }
}

/// Answers as the recorded stub did: to each operation in its order, and with a
/// document to whoever asks for it by its name.
struct Stub {
    clock: BenchClock,
    answers: Mutex<BTreeMap<String, VecDeque<Call>>>,
    heard: Mutex<Vec<Call>>,
}

impl Stub {
    fn of(recorded: &[Call], clock: BenchClock) -> Self {
        let mut answers: BTreeMap<String, VecDeque<Call>> = BTreeMap::new();
        for call in recorded {
            answers.entry(asked(&call.operation, &call.body)).or_default().push_back(call.clone());
        }
        Self { clock, answers: answers.into(), heard: Mutex::default() }
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        for number in 0.. {
            let (stream, _) = listener.accept().await.expect("a listener on this machine accepts");
            tokio::spawn(Arc::clone(&self).answer_all(stream, number));
        }
    }

    async fn answer_all(self: Arc<Self>, mut stream: TcpStream, connection: u64) {
        stream.set_nodelay(true).expect("a socket takes it");
        while let Some((head, body)) = request(&mut stream).await {
            let (status, text) = self.answer(&head, &body, connection);
            let length = text.len();
            let reply = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n\r\n{text}");
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    /// Writes a call down, and says what it is answered.
    fn answer(&self, head: &str, body: &str, connection: u64) -> (u16, String) {
        let mut lines = head.split("\r\n").skip(1).filter(|line| !line.is_empty());
        let headers: Vec<(String, String)> = lines
            .by_ref()
            .map(|line| line.split_once(": ").expect("a header has a name"))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let target =
            headers.iter().find(|(name, _)| name == "X-Amz-Target").map(|(_, target)| target.as_str());
        let operation = match target {
            Some(target) => target.rsplit('.').next().unwrap_or_default().to_owned(),
            None => "CreateControlChannel".to_owned(),
        };
        let body = Json::parse(body);
        let answered = self
            .answers
            .lock()
            .expect("nobody panics with the lock")
            .get_mut(&asked(&operation, &body))
            .and_then(VecDeque::pop_front);
        let (status, error, reply) = match answered {
            Some(call) => (call.status, call.error, call.reply),
            None => (200, None, Json::Object(Vec::new())),
        };
        let text = match (&error, &reply) {
            (Some(code), _) => refusal(code, &body),
            (None, Json::Null) => "{}".to_owned(),
            (None, reply) => reply.write(),
        };
        let at = self.clock.wall().as_secs_f64();
        let call = Call { at, operation, headers, body, status, error, reply, is_held: false, connection };
        self.heard.lock().expect("nobody panics with the lock").push(call);
        (status, text)
    }
}

/// The answers of which queue a call takes.
fn asked(operation: &str, body: &Json) -> String {
    match (operation, body.get("Name").and_then(Json::text)) {
        ("GetDocument", Some(name)) => format!("{operation} {name}"),
        _ => operation.to_owned(),
    }
}

/// A refusal as the recorded stub spelled it.
fn refusal(code: &str, body: &Json) -> String {
    let message = match (code, body.get("Name").and_then(Json::text)) {
        ("InvalidDocument", Some(name)) => format!("Document with name {name} does not exist."),
        _ => "refused".to_owned(),
    };
    let members = [("__type", code.to_owned()), ("message", message)];
    Json::Object(members.map(|(name, value)| (name.to_owned(), Json::Text(value))).to_vec()).write()
}

/// The next request's head and body; nothing once the other side has closed.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("a head is plain text");
    let value = |name: &str| {
        head.split("\r\n")
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    };
    let body = match value("Content-Length") {
        Some(length) => {
            let mut body = vec![0; length.parse().expect("a length is a number")];
            stream.read_exact(&mut body).await.ok()?;
            body
        }
        None => chunks(stream).await?,
    };
    Some((head.clone(), String::from_utf8(body).expect("a body is text")))
}

/// A body in chunks, to its last one.
async fn chunks(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await.ok()?);
        }
        let length = std::str::from_utf8(&line).ok()?.trim();
        let length = usize::from_str_radix(length, 16).expect("a chunk begins with its length");
        let mut chunk = vec![0; length + 2];
        stream.read_exact(&mut chunk).await.ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}
