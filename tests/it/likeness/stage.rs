//! The situation of a recording, played to a simulated node.
//!
//! The node decides in virtual time; each of its calls goes through the fleet's
//! client over a socket to a stub on this machine, which answers as the recorded
//! one did and writes down what came in, byte for byte. The client's clock is the
//! node's, so connections age as they would.

mod channel;
mod clock;
mod near;
mod stub;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use agent::call::{Answer, Request};
use agent::catalogue::{Behaviour, Platform};
use agent::channel::Channels;
use agent::channel::call::{self as channel_call, Incoming, MessageRequest, OutboundFrame};
use agent::client::channel::{ChannelHand, OpenError, Tempo};
use agent::client::key::KeyPool;
use agent::client::pool::Owner;
use agent::client::sign::Signer;
use agent::client::{CallError, Client, Limits, Outgoing};
use agent::credentials::{ACTIVATION_NODES, Activations, Grant, IdentityKind, IdentitySettings};
use agent::distribution::Distribution;
use agent::fault::NodeFaults;
use agent::node::{Event, Node};
use fleet::live::user_agents;
use shared::error::ApiError;
use shared::frame::Frame;
use shared::signature::Credentials;
use shared::status::PlatformType;
use shared::time::{Period, Timestamp};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::clock::BenchClock;
use self::stub::Stub;
use super::recording::{Call, Job, Lane};
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

/// How long the recorded stub held a question for messages, and the answer's way.
const HELD: Period = Period::milliseconds(18_010);

/// How long things take on a control channel.
const TEMPO: Tempo = Tempo {
    open_within: Duration::from_secs(15),
    ping_every: Duration::from_secs(54),
    first_word_within: Duration::from_secs(114),
    word_within: Duration::from_secs(60),
    ack_within: Duration::from_secs(1),
};

/// How long a shell took on the recorded machine for the scripts of these documents,
/// which say little more than `echo`.
const SHELL: Period = Period::milliseconds(50);
const SCRIPTS: [&str; 3] = ["AWS-RunShellScript", "Multi", "Old12"];

/// What a recording shows, and when.
struct Situation<'a> {
    recorded: &'a [Call],
    jobs: &'a [Job],
    /// When the recorded agent's process began.
    zero: Timestamp,
    /// When it first called.
    arrives: Timestamp,
    /// When it last called.
    ends: Timestamp,
}

impl<'a> Situation<'a> {
    fn of(recorded: &'a [Call], jobs: &'a [Job]) -> Self {
        let zero = beginning(recorded);
        let first = recorded.iter().find(|call| call.lane() == Lane::Identity).expect("a node registers").at;
        let end = recorded.last().expect("calls are recorded").at;
        Self { recorded, jobs, zero, arrives: zero + period(first), ends: zero + period(end) }
    }

    /// An instant of the recording.
    fn instant(&self, seconds: f64) -> Timestamp {
        self.zero + period(seconds)
    }
}

/// Plays a recording to a node, and says what the node sent.
pub(super) fn play(recorded: &[Call], jobs: &[Job]) -> Vec<Call> {
    let situation = Situation::of(recorded, jobs);
    let mut bench = near::near(&situation);
    let mut stage = Stage::set(&situation, &bench);
    while bench.now < situation.ends {
        let next = bench.next_at().min(stage.next_at()).clamp(bench.now, situation.ends);
        bench.run_until(next, &mut |made| stage.carry(made));
        if let Some(event) = stage.move_to(next) {
            bench.hand_to(event, &mut |made| stage.carry(made));
        }
    }
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
    let activations = Activations::of_nodes(index + 1, 0.0);
    let grant = Grant { id: ACTIVATION.to_owned(), code: "c".repeat(20) };
    activations.put((index / ACTIVATION_NODES) as usize, grant);
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
    bench.catalogue.cohorts[0].channels = Channels::WebSocket;
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
    /// The node's control channel, once it is open.
    channel: Option<OpenChannel>,
    /// The jobs that are still to be pushed, with their instants.
    jobs: VecDeque<(Timestamp, Frame)>,
}

/// A control channel that is driven.
struct OpenChannel {
    hand: ChannelHand,
    driver: JoinHandle<()>,
    pushed: mpsc::UnboundedReceiver<Incoming>,
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
        let jobs = situation.jobs.iter().map(|job| (situation.instant(job.at), job.frame.clone())).collect();
        Self { runtime, client, clock, stub, zero: situation.zero, user_agent, channel: None, jobs }
    }

    /// When something next happens that is not the node's own doing.
    fn next_at(&self) -> Timestamp {
        let Some(_) = self.channel else { return Timestamp::NEVER };
        let wait =
            self.clock.first_wait().map(|wait| self.zero + Period::milliseconds(wait.as_millis() as u64));
        let job = self.jobs.front().map(|(at, _)| *at);
        wait.into_iter().chain(job).min().unwrap_or(Timestamp::NEVER)
    }

    /// Moves on to an instant; what is due on the control channel happens. Says what
    /// the node learns of it.
    fn move_to(&mut self, now: Timestamp) -> Option<Event> {
        self.clock.set(now.since(self.zero).as_milliseconds());
        let Some(channel) = &mut self.channel else { return None };
        if self.clock.is_behind() {
            let (heard, begun) = (self.stub.count(), self.clock.waits_begun());
            // It waits anew after its ping, and again after the pong.
            let is_open = self.runtime.block_on(async {
                while self.clock.waits_begun() < begun + 2 && !channel.driver.is_finished() {
                    tokio::task::yield_now().await;
                }
                !channel.driver.is_finished()
            });
            if !is_open {
                self.channel = None;
                return Some(Event::ChannelClosed);
            }
            assert!(self.stub.count() > heard, "the channel was woken and said nothing");
        }
        let (_, job) = self.jobs.pop_front_if(|(at, _)| *at <= now)?;
        self.stub.push(job);
        let pushed = self.runtime.block_on(channel.pushed.recv());
        pushed.map(Event::Pushed)
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
        match &request {
            Request::Message(MessageRequest::Open(open)) => return (TAKES, self.open(open, made)),
            Request::Message(MessageRequest::Frame(frame)) => return (TAKES, self.send(frame.clone())),
            _ => {}
        }
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
        let answer = match self.runtime.block_on(self.client.send(outgoing)).outcome {
            Ok(body) => request.read(&body),
            Err(CallError::Refused { code, status, message, .. }) => {
                Answer::Refused(ApiError::new(code, message), status)
            }
            Err(error) => panic!("the stub answers every call: {error:?}"),
        };
        (if self.stub.holds() { HELD } else { TAKES }, answer)
    }

    /// Opens the node's control channel, and lets it be driven from then on.
    fn open(&mut self, open: &channel_call::OpenChannel, made: &Made) -> Answer {
        let heard = self.stub.count();
        let opening = self.client.open_channel(open, &made.signing.by, made.at, TEMPO, None);
        let opened = match self.runtime.block_on(opening) {
            Ok(opened) => opened,
            Err(OpenError::Refused(error, status)) => return Answer::Refused(error, status),
            Err(error) => panic!("the stub makes channels or denies them: {error}"),
        };
        let (pushes, pushed) = mpsc::unbounded_channel();
        // Nobody takes anything in once the play is over.
        let (hand, driven) = opened.split(self.clock.clone(), move |incoming| _ = pushes.send(incoming));
        let driver = self.runtime.spawn(driven);
        self.runtime.block_on(async {
            // The call, the upgrade and the first frame.
            self.stub.hears_more_than(heard + 2).await;
            while self.clock.first_wait().is_none() && !driver.is_finished() {
                tokio::task::yield_now().await;
            }
        });
        self.channel = Some(OpenChannel { hand, driver, pushed });
        Answer::Done
    }

    /// Sends a frame over it.
    fn send(&mut self, frame: OutboundFrame) -> Answer {
        let Some(channel) = &self.channel else { return Answer::Unreachable };
        let heard = self.stub.count();
        let is_sent = self.runtime.block_on(async {
            let is_sent = channel.hand.send(&self.clock, frame).await;
            self.stub.hears_more_than(heard).await;
            is_sent
        });
        if is_sent { Answer::Done } else { Answer::Unreachable }
    }
}
