//! Carrying a plan out: the plane beside it, the fleet, the operator, the survey.
//!
//! In virtual time everything happens on one thread and ends when the operator's
//! script does. In real time the plane has a runtime of its own, shards are tasks
//! of the program's, and the operator works beside them until the rounds are over,
//! the time is, or somebody stops it. Then the fleet drains and the plane is asked
//! what it knows.

mod follow;
mod last;
pub mod stage;

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
use shared::time::{Period, Timestamp};
use shared::wire::Tag;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use self::last::Stop;
use self::stage::{Heard, Place, Stage};
use crate::clock::Clock;
use crate::connections::Connections;
use crate::coordinator::latency::LatencyModel;
use crate::coordinator::{Coordinator, Follower, Script};
use crate::credentials::{Before, CredentialsError, signer};
use crate::embedded::{Embedded, EmbeddedError};
use crate::fault::plane::Carried;
use crate::history::History;
use crate::history::desk::RecordedDesk;
use crate::history::recorder::{HistoryError, Recorder};
use crate::host;
use crate::in_process::Carry;
use crate::live::{self, Question, State, Surroundings};
use crate::measure::Measures;
use crate::measure::recent::{Follow, Pulse};
use crate::operator::patient::Patient;
use crate::operator::rounds::Rounds;
use crate::operator::{Operator, VirtualDesk};
use crate::plan::Plan;
use crate::progress::Progress;
use crate::result::FOREIGN_PLANE;
use crate::shard::Shard;
use crate::simulation::{Ending, Finished, Pace};
use crate::socket_desk::SocketDesk;
use crate::survey::survey;
use crate::threshold::{self, Broken, Threshold};

/// Virtual time begins here, so that two runs of one seed are equal to the letter.
pub const VIRTUAL_START: Timestamp = Timestamp::from_seconds(1_735_689_600);

/// The key of the tag on what the operator makes at a plane that is not ours.
const RUN_TAG: &str = "ssm-fleet";

/// How long nodes may take in virtual time to finish what they hold.
const VIRTUAL_GRACE: Period = Period::minutes(15);

/// How long the last answers may take to reach their nodes before a fleet that
/// is held is counted, in wall time.
const SETTLING: Duration = Duration::from_millis(500);

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
    /// Where the history is written, if it is.
    pub recorder: Option<Recorder>,
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
    /// There is nobody to call as.
    #[error("the fleet has no credentials to call with")]
    Credentials(#[from] CredentialsError),
    /// The way to the plane cannot be made.
    #[error("cannot set up connections to the plane")]
    Connections(#[from] SetupError),
    /// The embedded plane's own address is no endpoint; a bug of ours.
    #[error("the embedded plane's address is no endpoint")]
    Endpoint(#[from] InvalidEndpoint),
    /// The history cannot be written.
    #[error(transparent)]
    History(#[from] HistoryError),
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
        let meter = follow::meter(&plan, &mut operator, true);
        let recorder = kept.recorder().cloned();
        if let Some(recorder) = &recorder {
            recorder.told_by(operator.faults.boards());
        }
        operator.narration = progress.narration.clone();
        let coordinator = Coordinator::new(&service, carrier, plan.shards(shards), kept, plan.start);
        let follower = Follower { meter, board: operator.live.clone() };
        let latency_model = LatencyModel::of(&plan);
        let mut coordinator = coordinator
            .told_by(operator.faults.boards())
            .with_faults_of_plane(Carried::new(plan.clone()))
            .telling_of(operator.departed.clone())
            .followed_by(follower)
            .delayed_by(latency_model);
        let end = plan.start + plan.duration;
        let recorded = RecordedDesk::new(&desk, recorder.clone());

        let (ending, broken) = {
            let mut script = std::pin::pin!(operator.run(&recorded));
            let strides = Strides { thresholds: &plan.thresholds, end, progress, stop };
            strides.run(&mut coordinator, script.as_mut(), &desk)
        };
        let ended = coordinator.now();
        operator.leave_off(ended);
        let live = coordinator.measure(ended, ended + Period::seconds(1)).cloned().unwrap_or_default();
        let timeline = coordinator.timeline().cloned().unwrap_or_default();
        let cohorts = coordinator.cohort_states();
        coordinator.drain(&desk, ended + VIRTUAL_GRACE);

        let measures = |shard: &mut Shard| shard.measures.gone().collect::<Vec<_>>();
        let gone = coordinator.shards_mut().flat_map(measures).collect();
        let struck_by_plane = service.struck_calls();
        let survey = poll_once(survey(&recorded, &operator, &gone));
        let survey = survey.map_err(|error| operator.troubles.insert(error.to_string())).ok();
        // A failure stays with the recorder, for whoever gave it.
        let recorded = recorder.and_then(|recorder| recorder.finish(ended, ending.as_str()).ok());
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
            live,
            timeline,
            struck_by_plane,
            broken,
            survey,
            history: Some(history.digest()),
            recorded,
            connections: None,
            spending: host::spending(),
        };
        drop(desk);
        (finished, service)
    }
}

/// How virtual time passes until the run ends.
struct Strides<'a> {
    /// What may end it.
    thresholds: &'a [Threshold],
    /// When it ends at the latest.
    end: Timestamp,
    progress: &'a Progress,
    stop: &'a AtomicBool,
}

impl Strides<'_> {
    /// Runs to a whole second at a time, and measures there; each minute a
    /// person is told, and heard. Seconds in which nothing happens are passed over.
    fn run(
        &self,
        coordinator: &mut Coordinator<'_>,
        mut script: Script<'_>,
        desk: &VirtualDesk<'_>,
    ) -> (Ending, Option<Broken>) {
        let mut tell_at = coordinator.now();
        loop {
            let now = coordinator.now();
            let next =
                coordinator.next_due(desk).min(now + Period::minutes(1)).max(now + Period::milliseconds(1));
            let until = follow::whole_second_from(next).min(self.end);
            if coordinator.run(script.as_mut(), desk, until) {
                return (Ending::Complete, None);
            }
            let now = coordinator.now();
            let broken =
                coordinator.measure(now, now).and_then(|live| threshold::broken(self.thresholds, live));
            if broken.is_some() {
                return (Ending::Aborted, broken);
            }
            if now >= self.end {
                return (Ending::OutOfTime, None);
            }
            if now >= tell_at {
                tell_at = now + Period::minutes(1);
                coordinator.shards_mut().for_each(|shard| self.progress.take(&mut shard.measures));
                self.progress.set_now(now);
                let has_failed =
                    coordinator.history.recorder().is_some_and(|recorder| recorder.error().is_some());
                if self.stop.load(Ordering::Relaxed) || has_failed {
                    return (Ending::CutShort, None);
                }
            }
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
    let RunOptions { plan, plane, shards, pace, limits, connections, progress, keep, is_held, recorder } =
        options;
    let scale = match pace {
        Pace::Scaled(scale) => scale,
        Pace::Virtual => 1.0,
    };
    // Before the clock starts: to make them takes a while.
    let keys = KeyPool::generate(plan.key_pool())?;
    let clock = Clock::starting(plan.start, scale);
    let is_foreign = matches!(plane, PlaneChoice::Foreign(_));
    let before = if is_foreign { Before::Guest(plan.guest_of.as_ref()) } else { Before::Embedded };
    let mut under_tls = String::new();
    let (place, endpoint) = match plane {
        PlaneChoice::Embedded(config, tls) => {
            let service = Arc::new(Service::new(*config));
            let embedded = Embedded::serve(service, clock, None, tls, None)?;
            under_tls = embedded.tls_url().map_or(String::new(), |url| format!(" and {url}"));
            let endpoint = embedded.url().parse()?;
            (Place::Up(embedded), endpoint)
        }
        PlaneChoice::Foreign(endpoint) => (Place::Foreign, endpoint),
    };
    // A control channel is a connection beside the pool's.
    let pooled = limits.connections.saturating_sub(plan.control_channels() as usize).max(1);
    let client = client(&endpoint, clock, connections, pooled, keys, signer(before)?)?;
    let (registered_in, registered) = mpsc::unbounded_channel();
    let (replaced_in, replaced) = mpsc::unbounded_channel();
    let mut operator = Operator::new(plan.clone());
    let mut meter = follow::meter(&plan, &mut operator, false);
    if let Some(recorder) = &recorder {
        recorder.told_by(operator.faults.boards());
    }
    operator.run_tag = is_foreign.then(|| Tag { key: RUN_TAG.into(), value: plan.name.clone() });
    let around = Surroundings {
        clock,
        client: client.clone(),
        connections,
        user_agents: live::user_agents(&plan.catalogue),
        timings: live::timings(&plan.catalogue),
        is_wall_dated: is_foreign,
        registered: registered_in,
        replaced: replaced_in,
        progress: progress.clone(),
        witness: None,
        channels: Arc::default(),
        boards: operator.faults.boards(),
        may_go_wrong: plan.may_go_wrong(),
        recorder: recorder.clone(),
    };
    let follow = Follow::of(plan.asked_live());
    let fleet = Fleet::launch(plan.shards(shards), follow, &around);
    let (orders, ordered) = stage::orders();
    let socket = SocketDesk::new(&endpoint, signer(before)?, clock, is_foreign, registered, orders)?;
    let desk = RecordedDesk::new(&socket, recorder.clone());
    let heard = Heard { orders: ordered, replaced, boards: operator.faults.boards() };
    let departed = operator.departed.clone();
    let mut stage = Stage::new(place, &plan, clock, heard, fleet.questions.clone()).telling_of(departed);
    operator.narration = progress.narration.clone();

    let stop = std::pin::pin!(stop);
    let mut stop = Stop::new(stop, clock);
    let board = operator.live.clone();
    let (halt, halted) = watch::channel(false);
    let mut broken = None;
    let mut ending = {
        let pulses = follow::Pulses { fleet: &fleet, clock, client: &client, thresholds: &plan.thresholds };
        let mut following = std::pin::pin!(pulses.follow(&mut meter, &board, halted));
        let ending = tokio::select! {
            () = operator.run(&desk) => Ending::Complete,
            () = clock.sleep_until(plan.start + plan.duration) => Ending::OutOfTime,
            () = stop.wished() => Ending::CutShort,
            found = &mut following => {
                broken = found;
                Ending::Aborted
            }
            error = stage.run() => return Err(error.into()),
            // What the run has come to is told all the same, and then the failure.
            () = unwritten(recorder.as_ref()) => Ending::CutShort,
        };
        if ending != Ending::Aborted {
            halt.send_replace(true);
            following.await;
        }
        ending
    };
    let ended = clock.now();
    socket.wind_up();
    operator.leave_off(ended);
    stage.bring_back().await?;
    if is_held && ending == Ending::Complete {
        // The plane knows of the last run's end before its node does; no drain follows to wait for that.
        clock.sleep_wall(SETTLING).await;
    }
    let pulses = fleet.pulses(ended + Period::seconds(1)).await;
    meter.take(ended, pulses, Some(client.counters().held_in_total));
    let State { mut measures, cohorts } = fleet.state().await;
    let mut fleet = Some(fleet);
    if !is_held && let Some(fleet) = fleet.take() {
        measures = fleet.drain(&clock).await?;
    }
    let struck_by_plane = stage.struck_calls();
    let gone = measures.gone().collect();
    let patient = Patient::new(&desk, ending != Ending::CutShort);
    let mut survey = match stop.or_soon(last::SURVEY, survey(&patient, &operator, &gone)).await {
        Some(Ok(survey)) => Some(survey),
        Some(Err(error)) => {
            operator.troubles.insert(error.to_string());
            None
        }
        None => {
            ending = Ending::CutShort;
            None
        }
    };
    operator.made_again += patient.made_again();
    if is_foreign && let Some(survey) = &mut survey {
        survey.date(|date| clock.instant_of(date));
    }
    let name = if is_foreign { FOREIGN_PLANE } else { "embedded plane" };
    // A failure stays with the recorder, and is told at the end.
    let recorded = recorder.as_ref().and_then(|recorder| recorder.flush().ok());
    let mut finished = Finished {
        plan,
        plane: format!("{name} at {endpoint}{under_tls}"),
        pace,
        ending,
        ended,
        operator,
        measures,
        cohorts,
        live: meter.live().clone(),
        timeline: meter.timeline().clone(),
        struck_by_plane,
        broken,
        survey,
        history: None,
        recorded,
        connections: Some((connections, client.counters())),
        spending: host::spending(),
    };
    tokio::select! {
        biased;
        () = hold.hold(&finished) => {}
        // While somebody looks, its faults end at their instants, and it hears of nodes that end.
        error = stage.run() => return Err(error.into()),
    }

    if is_foreign
        && !keep
        && stop.or_soon(last::CLEARING, finished.operator.clear_away(&desk)).await.is_none()
    {
        let tag = format!("{RUN_TAG}={}", finished.plan.name);
        tracing::warn!(tag, "the run was ended before all that it made at the plane was deleted");
    }
    if let Some(fleet) = fleet {
        fleet.drain(&clock).await?;
    }
    around.channels.clear();
    stage.end().await?;
    if let Some(recorder) = recorder {
        recorder.finish(clock.now(), finished.ending.as_str())?;
    }
    Ok(finished)
}

/// Completes when the history cannot be written any more.
async fn unwritten(recorder: Option<&Recorder>) {
    match recorder {
        Some(recorder) => _ = recorder.failed().await,
        None => std::future::pending().await,
    }
}

/// The running shards.
struct Fleet {
    tasks: JoinSet<Shard>,
    questions: Vec<mpsc::UnboundedSender<Question>>,
}

impl Fleet {
    fn launch(shards: Vec<Shard>, follow: Follow, around: &Surroundings) -> Self {
        let mut tasks = JoinSet::new();
        let mut questions = Vec::new();
        for mut shard in shards {
            shard.measures.follow(follow);
            let (ask, asked) = mpsc::unbounded_channel();
            tasks.spawn(live::run(shard, around.clone(), asked));
            questions.push(ask);
        }
        Self { tasks, questions }
    }

    /// What all shards have done since this was last asked; of calls, those
    /// before the second of `until`.
    async fn pulses(&self, until: Timestamp) -> Vec<Pulse> {
        let mut answers = Vec::new();
        for shard in &self.questions {
            let (reply, answered) = oneshot::channel();
            if shard.send(Question::Pulse(until, reply)).is_ok() {
                answers.push(answered);
            }
        }
        let mut pulses = Vec::new();
        for answer in answers {
            pulses.extend(answer.await);
        }
        pulses
    }

    /// Has all shards fold the runs for rounds that their nodes have left behind.
    fn fold(&self, rounds: Arc<Rounds>, now: Timestamp) {
        for shard in &self.questions {
            // A shard that has ended has no more runs.
            let _ = shard.send(Question::Fold(rounds.clone(), now));
        }
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
    signer: Signer,
) -> Result<Client<Clock>, RunError> {
    let limits = Limits { idle_close: connections.idle_close(&clock), ..Limits::of_connections(most) };
    Ok(Client::new(endpoint.clone(), signer, clock, limits)?.with_keys(keys))
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
