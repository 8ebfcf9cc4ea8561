//! Carrying a plan out: the plane beside it, the fleet, the operator, the survey.
//!
//! In virtual time everything happens on one thread and ends when the operator's
//! script does. In real time the plane has a runtime of its own, shards are tasks
//! of the program's, and the operator works beside them until the rounds are over,
//! the time is, or somebody stops it. Then the fleet drains and the plane is asked
//! what it knows.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use agent::client::endpoint::{Endpoint, InvalidEndpoint};
use agent::client::key::{KeyError, KeyPool};
use agent::client::sign::Signer;
use agent::client::transport::SetupError;
use agent::client::{Client, Limits};
use plane::config::PlaneConfig;
use plane::http::tls::Certificate;
use plane::service::Service;
use shared::signature::Credentials;
use shared::time::{Period, Timestamp};
use shared::wire::Tag;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::connections::Connections;
use crate::coordinator::{Coordinator, Script};
use crate::embedded::{Embedded, EmbeddedError};
use crate::history::History;
use crate::host;
use crate::in_process::Carry;
use crate::live::{self, Question, State, Surroundings};
use crate::measure::Measures;
use crate::operator::{Operator, VirtualDesk};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::result::FOREIGN_PLANE;
use crate::shard::Shard;
use crate::simulation::{Ending, Finished, Pace};
use crate::socket_desk::SocketDesk;
use crate::survey::survey;

/// Virtual time begins here, so that two runs of one seed are equal to the letter.
pub const VIRTUAL_START: Timestamp = Timestamp::from_seconds(1_735_689_600);

/// The key of the tag on what the operator makes at a plane that is not ours.
const RUN_TAG: &str = "ssm-fleet";

/// How long nodes may take in virtual time to finish what they hold.
const VIRTUAL_GRACE: Period = Period::minutes(15);

/// How long the last answers may take to reach their nodes before a fleet that
/// is held is counted, in wall time.
const SETTLING: Duration = Duration::from_millis(500);

/// The credentials that sign calls where the environment names none: those of
/// the documentation's examples, which no account has.
const EXAMPLE_KEY: (&str, &str) = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");

/// The session token that goes with it: agents hold temporary credentials, so their calls carry one.
const EXAMPLE_TOKEN: &str = "AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c/LTo6UDdyJwOOvEVPvLXCrrrUtdnniCEXAMPLE/\
    IvU1dYUg2RVAJBanLiHb4IgRmpRV3zrkuWJOgQs8IZZaIv2BXIa2R4OlgkBN9bkUDNCJiBeb/AXlzBBko7b15fjrBs2+cTQtpZ3CYWFXG8C5zqx37wnOE49mRl/+OtkIKGO7fAE";

/// How a plan is carried out.
#[derive(Debug)]
pub struct RunOptions {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// Who answers.
    pub plane: PlaneChoice,
    /// How many pieces the fleet is cut into.
    pub shards: usize,
    /// How simulated time passes.
    pub pace: Pace,
    /// What the machine allows.
    pub limits: host::Limits,
    /// Whose connections calls take, over sockets.
    pub connections: Connections,
    /// What a person sees while it runs.
    pub progress: Arc<Progress>,
    /// Whether what the operator made at a plane that is not ours stays there.
    pub keep: bool,
    /// Whether the fleet goes on once the run is over, until it is let go.
    pub is_held: bool,
}

/// A plan to be carried out in virtual time.
pub struct VirtualRun<'a> {
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// The plane's settings.
    pub plane: PlaneConfig,
    /// Who brings calls to the plane.
    pub carrier: &'a dyn Carry,
    /// How many pieces the fleet is cut into.
    pub shards: usize,
    /// What a person sees while it runs.
    pub progress: &'a Progress,
    /// Set once somebody wants it to end.
    pub stop: &'a AtomicBool,
}

/// Who answers.
#[derive(Debug)]
pub enum PlaneChoice {
    /// A plane of our own, in this process, served under TLS as well where that has an address.
    Embedded(Box<PlaneConfig>, Option<(SocketAddr, Certificate)>),
    /// Somebody else's.
    Foreign(Endpoint),
}

/// Why a run could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The embedded plane did not start, or stopped.
    #[error("the embedded plane does not run")]
    Plane(#[from] EmbeddedError),
    /// The credentials cannot stand in a header.
    #[error("the credentials in the environment cannot be sent")]
    Credentials(#[from] http::header::InvalidHeaderValue),
    /// The way to the plane cannot be made.
    #[error("cannot set up connections to the plane")]
    Connections(#[from] SetupError),
    /// The embedded plane's own address is no endpoint; a bug of ours.
    #[error("the embedded plane's address is no endpoint")]
    Endpoint(#[from] InvalidEndpoint),
    /// No key pairs for the nodes.
    #[error("cannot make the nodes' keys")]
    Keys(#[from] KeyError),
    /// The operator cannot call.
    #[error("cannot set up the operator's connections")]
    Operator(#[from] reqwest::Error),
    /// A shard ended before its time; a bug of ours.
    #[error("a shard of the fleet failed")]
    Shard(#[from] tokio::task::JoinError),
}

/// What is called once the run is over and before the fleet is let go: it shows
/// the result, and completes when plane and fleet are no longer wanted.
pub trait Hold {
    /// Holds the fleet for as long as this takes.
    fn hold(self, finished: &Finished) -> impl Future<Output = ()>;
}

impl VirtualRun<'_> {
    /// Carries the plan out, and gives the plane back for a look. `history` says
    /// what is kept, and holds it afterwards.
    pub fn run(self, history: &mut History) -> (Finished, Service) {
        let Self { plan, plane, carrier, shards, progress, stop } = self;
        let service = Service::new(plane);
        let mut operator = Operator::new(plan.clone());
        let desk = VirtualDesk::new(&service, plan.start);
        let kept = std::mem::take(history);
        let mut coordinator = Coordinator::new(&service, carrier, plan.shards(shards), kept, plan.start);
        let end = plan.start + plan.duration;

        let ending = {
            let mut script = std::pin::pin!(operator.run(&desk));
            run_in_strides(&mut coordinator, script.as_mut(), &desk, end, progress, stop)
        };
        let ended = coordinator.now();
        let cohorts = coordinator.cohort_states();
        coordinator.drain(&desk, ended + VIRTUAL_GRACE);

        let survey = poll_once(survey(&desk, &operator));
        let survey = survey.map_err(|error| operator.troubles.insert(error.to_string())).ok();
        *history = std::mem::take(&mut coordinator.history);
        let finished = Finished {
            plan,
            plane: "embedded plane, virtual time".into(),
            pace: Pace::Virtual,
            ending,
            ended,
            operator,
            measures: coordinator.into_measures(),
            cohorts,
            survey,
            history: Some(history.digest()),
            connections: None,
            spending: host::spending(),
        };
        drop(desk);
        (finished, service)
    }
}

/// Runs a simulated minute at a time; in between a person is told, and heard.
fn run_in_strides(
    coordinator: &mut Coordinator<'_>,
    mut script: Script<'_>,
    desk: &VirtualDesk<'_>,
    end: Timestamp,
    progress: &Progress,
    stop: &AtomicBool,
) -> Ending {
    loop {
        let until = (coordinator.now() + Period::minutes(1)).min(end);
        if coordinator.run(script.as_mut(), desk, until) {
            return Ending::Complete;
        }
        for shard in coordinator.shards_mut() {
            progress.take(&mut shard.measures);
        }
        progress.set_now(coordinator.now());
        if coordinator.now() >= end {
            return Ending::OutOfTime;
        }
        if stop.load(Ordering::Relaxed) {
            return Ending::CutShort;
        }
    }
}

/// A future before a virtual desk never waits for anything but an instant, and
/// a survey waits for none.
fn poll_once<T>(future: impl Future<Output = T>) -> T {
    let future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("a survey in virtual time waits for nothing"),
    }
}

/// Carries a plan out in real time. `stop` completes when somebody wants it to end.
pub async fn run_live(
    options: RunOptions,
    stop: impl Future<Output = ()>,
    hold: impl Hold,
) -> Result<Finished, RunError> {
    let RunOptions { plan, plane, shards, pace, limits, connections, progress, keep, is_held } = options;
    let scale = match pace {
        Pace::Scaled(scale) => scale,
        Pace::Virtual => 1.0,
    };
    // Before the clock starts: to make them takes a while.
    let keys = KeyPool::generate(plan.key_pool())?;
    let clock = Clock::starting(plan.start, scale);
    let is_foreign = matches!(plane, PlaneChoice::Foreign(_));
    let (mut embedded, endpoint) = match plane {
        PlaneChoice::Embedded(config, tls) => {
            let service = Arc::new(Service::new(*config));
            let embedded = Embedded::serve(service, clock, None, tls, None)?;
            let endpoint = embedded.url().parse()?;
            (Some(embedded), endpoint)
        }
        PlaneChoice::Foreign(endpoint) => (None, endpoint),
    };
    // A control channel is a connection beside the pool's.
    let pooled = limits.connections.saturating_sub(plan.control_channels() as usize).max(1);
    let client = client(&endpoint, clock, connections, pooled, keys)?;
    let (registered_in, registered) = mpsc::unbounded_channel();
    let around = Surroundings {
        clock,
        client: client.clone(),
        connections,
        user_agents: live::user_agents(&plan.catalogue),
        timings: live::timings(&plan.catalogue),
        is_wall_dated: is_foreign,
        registered: registered_in,
        progress: progress.clone(),
        witness: None,
        channels: Arc::default(),
    };
    let fleet = Fleet::launch(plan.shards(shards), &around);
    let desk = SocketDesk::new(&endpoint, signer()?, clock, is_foreign, registered)?;
    let mut operator = Operator::new(plan.clone());
    operator.run_tag = is_foreign.then(|| Tag { key: RUN_TAG.into(), value: plan.name.clone() });

    let mut stop = std::pin::pin!(stop);
    let ending = tokio::select! {
        () = operator.run(&desk) => Ending::Complete,
        () = clock.sleep_until(plan.start + plan.duration) => Ending::OutOfTime,
        () = &mut stop => Ending::CutShort,
        error = failed(&mut embedded) => return Err(error),
    };
    let ended = clock.now();
    if is_held && ending == Ending::Complete {
        // The plane knows of the last run's end before its node does; no drain follows to wait for that.
        clock.sleep_wall(SETTLING).await;
    }
    let State { mut measures, cohorts } = fleet.state().await;
    let mut fleet = Some(fleet);
    if !is_held && let Some(fleet) = fleet.take() {
        measures = fleet.drain(&clock).await?;
    }
    let survey = survey(&desk, &operator).await;
    let mut survey = survey.map_err(|error| operator.troubles.insert(error.to_string())).ok();
    if is_foreign && let Some(survey) = &mut survey {
        survey.date(|date| clock.instant_of(date));
    }
    let name = if is_foreign { FOREIGN_PLANE } else { "embedded plane" };
    let under_tls = embedded.as_ref().and_then(Embedded::tls_url);
    let under_tls = under_tls.map_or(String::new(), |url| format!(" and {url}"));
    let mut finished = Finished {
        plan,
        plane: format!("{name} at {endpoint}{under_tls}"),
        pace,
        ending,
        ended,
        operator,
        measures,
        cohorts,
        survey,
        history: None,
        connections: Some((connections, client.counters())),
        spending: host::spending(),
    };
    hold.hold(&finished).await;

    if is_foreign && !keep {
        finished.operator.clear_away(&desk).await;
    }
    if let Some(fleet) = fleet {
        fleet.drain(&clock).await?;
    }
    around.channels.clear();
    if let Some(embedded) = embedded {
        embedded.stop().await?;
    }
    Ok(finished)
}

/// Completes when the embedded plane ends by itself, which it should not.
async fn failed(embedded: &mut Option<Embedded>) -> RunError {
    match embedded {
        Some(embedded) => match embedded.ended().await {
            Ok(()) => EmbeddedError::Gone.into(),
            Err(error) => error.into(),
        },
        None => std::future::pending().await,
    }
}

/// The running shards.
struct Fleet {
    tasks: JoinSet<Shard>,
    questions: Vec<mpsc::UnboundedSender<Question>>,
}

impl Fleet {
    fn launch(shards: Vec<Shard>, around: &Surroundings) -> Self {
        let mut tasks = JoinSet::new();
        let mut questions = Vec::new();
        for shard in shards {
            let (ask, asked) = mpsc::unbounded_channel();
            tasks.spawn(live::run(shard, around.clone(), asked));
            questions.push(ask);
        }
        Self { tasks, questions }
    }

    /// What all shards have seen so far.
    async fn state(&self) -> State {
        let mut states = Vec::new();
        for shard in &self.questions {
            let (reply, answered) = oneshot::channel();
            if shard.send(Question::State(reply)).is_ok() {
                states.extend(answered.await);
            }
        }
        live::add_up(states)
    }

    /// Lets nodes finish what they hold, within the grace; then ends all shards
    /// and says what they saw.
    async fn drain(mut self, clock: &Clock) -> Result<Measures, RunError> {
        for shard in &self.questions {
            // A shard that has ended already needs no telling.
            let _ = shard.send(Question::Drain);
        }
        let mut measures = Measures::default();
        let grace = clock.sleep_wall(live::grace(clock));
        let mut grace = std::pin::pin!(grace);
        loop {
            tokio::select! {
                joined = self.tasks.join_next() => match joined {
                    Some(shard) => measures.merge(shard?.measures),
                    None => return Ok(measures),
                },
                () = &mut grace => {
                    tracing::warn!(shards = self.tasks.len(), "the grace period is over; dropping the rest");
                    measures.merge(self.state().await.measures);
                    return Ok(measures);
                }
            }
        }
    }
}

/// The way of nodes to a plane, over at most so many connections.
pub(crate) fn client(
    endpoint: &Endpoint,
    clock: Clock,
    connections: Connections,
    most: usize,
    keys: KeyPool,
) -> Result<Client<Clock>, RunError> {
    let limits = Limits { idle_close: connections.idle_close(&clock), ..Limits::of_connections(most) };
    Ok(Client::new(endpoint.clone(), signer()?, clock, limits)?.with_keys(keys))
}

/// Signs as the environment says, else with the documentation's example key.
fn signer() -> Result<Signer, http::header::InvalidHeaderValue> {
    let of_environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = of_environment("AWS_REGION").unwrap_or_else(|| "us-east-1".into());
    let named = of_environment("AWS_ACCESS_KEY_ID").zip(of_environment("AWS_SECRET_ACCESS_KEY"));
    let credentials = match named {
        Some((access_key_id, secret_access_key)) => Credentials {
            access_key_id,
            secret_access_key,
            session_token: of_environment("AWS_SESSION_TOKEN"),
        },
        None => Credentials {
            access_key_id: EXAMPLE_KEY.0.into(),
            secret_access_key: EXAMPLE_KEY.1.into(),
            session_token: Some(EXAMPLE_TOKEN.into()),
        },
    };
    Signer::new(credentials, &region, "ssm")
}

/// The address that an embedded plane takes if it is free.
pub const USUAL_ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4583);

/// The settings of an embedded plane for this plan.
pub fn plane_config(plan: &Plan) -> PlaneConfig {
    PlaneConfig {
        seed: plan.catalogue.seed,
        terminated: plan.terminated.iter().copied().collect(),
        // Where simulated time runs fast, a second on the wall is many minutes.
        signature_skew: plan.plane.signature_skew.max(Period::seconds(1).share(plan.time_scale)),
        ..plan.plane.clone()
    }
}
