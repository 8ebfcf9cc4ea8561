//! Real time: a shard that waits for its agenda, and calls over sockets.
//!
//! A shard is a task; a node is a row in it. A call is a task that lives as long
//! as the call and puts its outcome into the shard's inbox. Simulated time runs
//! as the [`Clock`] says; latency and lateness are measured on the wall's clock.

mod channel;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use agent::call::{Answer, Request};
use agent::catalogue::{Catalogue, Timing};
use agent::channel::call::{MessageRequest, OPEN_CHANNEL};
use agent::client::channel::ChannelTable;
use agent::client::{CallError, Client, Outgoing};
use agent::identity::Identity;
use bytes::Bytes;
use http::HeaderValue;
use shared::error::ApiError;
use shared::frame::{AGENT_JOB_ACK, AGENT_JOB_REPLY};
use shared::operation::Operation;
use shared::time::{Period, Timestamp};
use shared::wire::{
    AcknowledgeMessage, FailMessage, GetMessages, RegisterManagedInstance, RequestManagedInstanceRoleToken,
    SendReply, UpdateManagedInstancePublicKey,
};
use tokio::sync::{mpsc, oneshot};

use crate::cause::chain;
use crate::churn::Replaced;
use crate::clock::Clock;
use crate::connections::Connections;
use crate::fault::switchboard::Boards;
use crate::history::record::{By, Call, Event, Heard as Told, Record, Subject};
use crate::history::recorder::Recorder;
use crate::measure::recent::Pulse;
use crate::measure::{Measures, Spent, record};
use crate::operator::rounds::Rounds;
use crate::plan::timeline::PlannedScale;
use crate::progress::Progress;
use crate::shard::{Arrival, Completion, Emitted, Shard};
use crate::simulation::CohortState;
use crate::witness::{Heard, Witness, Witnessed};

/// No call outlives this: then it is unreachable to the node, and unknown.
pub const CALL_LIMIT: Period = Period::minutes(15);

/// The agent waits no longer for its registration, its credentials and the change
/// of its key.
const TOKEN_LIMIT: Period = Period::seconds(60);
/// The agent waits for its control channel to open no longer than this, and for
/// the service's word on what it sends there.
const CHANNEL_LIMIT: Period = Period::seconds(15);
const CONFIRMATION_LIMIT: Period = Period::seconds(1);

/// So many entries or completions are served before others get a turn.
const BATCH: usize = 256;

/// What a shard needs of its surroundings.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The clock.
    pub clock: Clock,
    /// The way to the plane.
    pub client: Client<Clock>,
    /// Whose connections the calls take.
    pub connections: Connections,
    /// The `User-Agent` of each cohort.
    pub user_agents: Arc<[HeaderValue]>,
    /// When the nodes of each cohort call.
    pub timings: Arc<[Timing]>,
    /// Whether signatures and bodies carry the wall's date: so before a foreign plane.
    pub is_wall_dated: bool,
    /// Where the operator hears of nodes that registered.
    pub registered: mpsc::UnboundedSender<Identity>,
    /// Where it is heard of nodes that ended for good.
    pub replaced: mpsc::UnboundedSender<Replaced>,
    /// What a person sees while it runs.
    pub progress: Arc<Progress>,
    /// Who is told of each call, if anybody is.
    pub witness: Option<Witness>,
    /// The control channels that are open.
    pub channels: Arc<ChannelTable>,
    /// Who tells of each new board of faults.
    pub boards: Boards,
    /// Whether anything may ever go wrong, so that control channels are ready for it.
    pub may_go_wrong: bool,
    /// Where the history is written, if it is.
    pub recorder: Option<Recorder>,
}

impl Surroundings {
    /// The date of what is sent now.
    fn date(&self) -> Timestamp {
        if self.is_wall_dated { crate::clock::wall_now() } else { self.clock.now() }
    }
}

/// What a running shard is asked.
#[derive(Debug)]
pub enum Question {
    /// What was seen so far, and how nodes stand.
    State(oneshot::Sender<State>),
    /// What was done since this was last asked; of calls, those before the second of this instant.
    Pulse(Timestamp, oneshot::Sender<Pulse>),
    /// Fold the runs for rounds, of these, that their nodes have left behind at this instant.
    Fold(Arc<Rounds>, Timestamp),
    /// Let nodes of a cohort come or go.
    Scale(PlannedScale),
    /// Take up nothing new; end once nothing is held.
    Drain,
}

/// What was seen so far.
#[derive(Debug)]
pub struct State {
    /// In numbers.
    pub measures: Measures,
    /// How the nodes of each cohort stand.
    pub cohorts: Vec<CohortState>,
}

/// The `User-Agent` of each kind of agents, as the real agent's SDK writes it.
pub fn user_agents(catalogue: &Catalogue) -> Arc<[HeaderValue]> {
    let user_agent = |(platform, version): (agent::catalogue::Platform, &str)| {
        let system = platform.user_agent_system;
        let text = format!("aws-sdk-go/1.51.20 (go1.21.13; {system}) amazon-ssm-agent/{version}");
        HeaderValue::from_str(&text).expect("the plan admits only versions that can stand in a header")
    };
    catalogue.agents().map(user_agent).collect()
}

/// The same `User-Agent` with another version of the agent.
fn user_agent_of(standard: &HeaderValue, version: &str) -> HeaderValue {
    let text = standard.to_str().expect("it was written as text");
    let (before, _) = text.rsplit_once('/').expect("the version is its end");
    HeaderValue::from_str(&format!("{before}/{version}"))
        .expect("faults admit only versions that can stand in a header")
}

/// When the nodes of each cohort call.
pub fn timings(catalogue: &Catalogue) -> Arc<[Timing]> {
    catalogue.cohorts.iter().map(|cohort| cohort.timing).collect()
}

/// Runs a shard until it is told to drain and holds nothing, or `questions` ends.
pub async fn run(
    mut shard: Shard,
    around: Surroundings,
    mut questions: mpsc::UnboundedReceiver<Question>,
) -> Shard {
    let (inbox_in, mut inbox) = mpsc::unbounded_channel();
    let (news_in, mut news) = mpsc::unbounded_channel();
    if around.recorder.is_some() {
        shard.tell();
    }
    let mut emitted = Vec::new();
    let mut completed = Vec::with_capacity(BATCH);
    let mut boards = around.boards.clone();
    let mut drains = false;
    let mut in_flight = 0usize;
    loop {
        let is_behind = serve_due(&mut shard, &around, &mut emitted);
        in_flight += emitted.iter().filter(|call| !is_held(call.request.operation())).count();
        if let Some(recorder) = &around.recorder {
            // Before a call can come to its end.
            recorder.record_all(shard.take_told());
        }
        for call in emitted.drain(..) {
            let ways = Ways { inbox: inbox_in.clone(), news: news_in.clone() };
            tokio::spawn(carry(call, around.clock.wall(), around.clone(), ways));
        }
        tell(&mut shard, &around);
        if drains && in_flight == 0 && shard.is_idle() {
            return shard;
        }
        let pause = async {
            if is_behind {
                tokio::task::yield_now().await;
            } else {
                around.clock.sleep_until(shard.next_due()).await;
            }
        };
        tokio::select! {
            biased;
            question = questions.recv() => match question {
                Some(Question::State(reply)) => {
                    let cohorts = shard.cohort_states();
                    // Nobody waits for it any more: then it is not wanted.
                    let _ = reply.send(State { measures: shard.measures.clone(), cohorts });
                }
                Some(Question::Pulse(until, reply)) => {
                    // Nobody waits for it any more: then nobody follows.
                    let _ = reply.send(shard.pulse(until));
                }
                Some(Question::Fold(rounds, now)) => shard.measures.fold(&rounds, now),
                Some(Question::Scale(scale)) => shard.scale(scale, around.clock.now()),
                Some(Question::Drain) => {
                    drains = true;
                    shard.stop(around.clock.now());
                }
                None => return shard,
            },
            count = inbox.recv_many(&mut completed, BATCH) => {
                let _ = count;
                in_flight -= completed.iter().filter(|call: &&Completion| !is_held(call.operation)).count();
                let now = around.clock.now();
                for completion in completed.drain(..) {
                    shard.deliver(completion, now, &mut emitted);
                }
            }
            Ok(()) = boards.changed() => shard.post(boards.borrow_and_update().clone()),
            Some(arrival) = news.recv() => shard.arrive(arrival, around.clock.now(), &mut emitted),
            () = pause => {}
        }
    }
}

/// Whether an operation's answer is held back until there is something to say:
/// nobody waits for it at the end.
fn is_held(operation: &str) -> bool {
    operation == GetMessages::NAME
}

/// How long a call of this operation may take, in simulated time: each part of the
/// agent has a client of its own, and only some of these have a limit.
pub(crate) fn limit_of(operation: &str, message_wait: Period) -> Period {
    match operation {
        RegisterManagedInstance::NAME
        | RequestManagedInstanceRoleToken::NAME
        | UpdateManagedInstancePublicKey::NAME => TOKEN_LIMIT,
        GetMessages::NAME | AcknowledgeMessage::NAME | FailMessage::NAME | SendReply::NAME => message_wait,
        OPEN_CHANNEL => CHANNEL_LIMIT,
        AGENT_JOB_ACK | AGENT_JOB_REPLY => CONFIRMATION_LIMIT,
        _ => CALL_LIMIT,
    }
}

/// The ways back to a shard.
struct Ways {
    inbox: mpsc::UnboundedSender<Completion>,
    news: mpsc::UnboundedSender<Arrival>,
}

/// Serves what is due; says whether more is.
fn serve_due(shard: &mut Shard, around: &Surroundings, emitted: &mut Vec<Emitted>) -> bool {
    let now = around.clock.now();
    for _ in 0..BATCH {
        let Some(due) = shard.serve(now, emitted) else { return false };
        let late = around.clock.wall_time(now.since(due));
        record(&mut shard.measures.lateness, late);
    }
    true
}

fn tell(shard: &mut Shard, around: &Surroundings) {
    for (_, node) in shard.measures.take_registered() {
        // The operator may have left: then nobody tags any more.
        let _ = around.registered.send(node);
    }
    for replaced in shard.take_replaced() {
        around.channels.close(replaced.node.number);
        // The run may have ended: then nobody is told any more.
        let _ = around.replaced.send(replaced);
    }
    around.progress.take(&mut shard.measures);
    around.progress.set_now(around.clock.now());
    around.progress.set_held(around.client.counters().held);
}

/// Makes one call, which the shard let go at `began`, and brings its outcome to
/// the shard's inbox.
async fn carry(call: Emitted, began: Duration, around: Surroundings, ways: Ways) {
    let identity = call.identity();
    let Surroundings { clock, client, connections, user_agents, is_wall_dated, .. } = &around;
    let (clock, connections, is_wall_dated) = (*clock, *connections, *is_wall_dated);
    let Emitted {
        caller,
        cohort,
        agent,
        draw,
        intended,
        made,
        attempt,
        agent_version,
        signing,
        request,
        passage,
        ..
    } = call;
    let timing = around.timings[usize::from(cohort)];
    let began = if clock.now() < made {
        clock.sleep_until(made).await;
        clock.wall()
    } else {
        began
    };
    let user_agent = match agent_version {
        Some(version) => user_agent_of(&user_agents[agent], &version),
        None => user_agents[agent].clone(),
    };
    // A real key takes the place of the one that stands for it.
    let offered = signing.offers.and_then(|number| client.keys().public_key(number));
    let request = match offered {
        Some(public_key) => request.offering(public_key),
        None => request,
    };
    let request = if is_wall_dated { request.dated(|instant| clock.date_of(instant)) } else { request };
    let operation = request.operation();
    let recorded = around.recorder.as_ref().map(|recorder| {
        let lane = Some(caller.lane);
        let subject = Subject::of(&request);
        (recorder, Call { lane, number: caller.number, attempt, operation, subject })
    });
    let finish = |answer: Answer, held: Duration, obstacle: Option<String>| {
        if let Some((recorder, call)) = recorded {
            let by = By::Node { number: caller.node, incarnation: caller.incarnation };
            let heard = Told::from(&answer).because(obstacle);
            let event = Event::End { call, invoked: made, learnt: None, heard };
            recorder.record(Record { at: clock.now(), by, event });
        }
        let late = clock.wall_time(made.since(intended));
        let spent = Spent { latency: late + clock.wall().saturating_sub(began), held };
        // The shard has ended: then nobody learns of it any more.
        let _ = ways.inbox.send(Completion { caller, operation, attempt, answer, spent: Some(spent) });
    };
    let tell = |body: Bytes, answer: Heard, took: Duration| {
        if let Some(witness) = &around.witness {
            // Whoever looked on may have gone.
            let _ = witness.send(Witnessed { at: made, operation, attempt, body, answer, took });
        }
    };
    match request {
        Request::Message(MessageRequest::Open(open)) => {
            let finish = |answer| finish(answer, Duration::ZERO, None);
            let body = MessageRequest::Open(open.clone()).body();
            let tell = |answer: Heard| tell(body.into(), answer, clock.wall().saturating_sub(began));
            let opening = channel::Opening { open, signing, node: identity, draw, passage, timing };
            return channel::open(opening, &around, finish, tell, ways.news.clone()).await;
        }
        Request::Message(MessageRequest::Frame(frame)) => {
            let payload = Bytes::from(frame.frame.payload.clone());
            let answer = channel::send(frame, caller.node, passage, &around).await;
            let is_sent = matches!(answer, Answer::Done);
            tell(payload, Heard::of_frame(is_sent), clock.wall().saturating_sub(began));
            return finish(answer, Duration::ZERO, None);
        }
        _ => {}
    }
    let outgoing = Outgoing {
        target: request.target(),
        user_agent,
        body: request.body().into(),
        by: signing.by,
        owner: connections.owner(caller.node, &request),
        due: intended,
        now: signing.clock.of(around.date()),
        timeout: wall_limit(operation, &clock, &timing, is_wall_dated),
        obstacles: passage.as_ref().map(|passage| faults::obstacles(passage, &clock)),
    };
    let body = outgoing.body.clone();
    let holders = passage.map(|passage| passage.holders).unwrap_or_default();
    let sent = tokio::select! {
        sent = client.send(outgoing) => sent,
        () = faults::lifted(&holders, around.boards.clone(), &clock) => {
            return finish(Answer::Unreachable, Duration::ZERO, None);
        }
    };
    if around.witness.is_some() {
        tell(body, Heard::of(&sent.outcome), sent.latency);
    }
    let obstacle = match &sent.outcome {
        Err(CallError::Unreachable { source, .. }) if around.recorder.is_some() => Some(chain(source)),
        _ => None,
    };
    let answer = match sent.outcome {
        Ok(body) => request.read(&body),
        Err(error) => answer_of(error),
    };
    let answer = if is_wall_dated { answer.dated(|date| clock.instant_of(date)) } else { answer };
    finish(answer, sent.held, obstacle);
}

/// How long a call may take by the wall's clock. A plane that knows nothing of
/// simulated time takes its own time over it, and holds a question as long as ever.
fn wall_limit(operation: &str, clock: &Clock, timing: &Timing, is_wall_dated: bool) -> Duration {
    let limit = limit_of(operation, timing.message_wait);
    let own = clock.wall_timeout(limit);
    if !is_wall_dated {
        return own;
    }
    let unscaled = Duration::from_millis(limit.as_milliseconds());
    own.max(if is_held(operation) { unscaled } else { unscaled.min(clock.wall_timeout(CALL_LIMIT)) })
}

fn answer_of(error: CallError) -> Answer {
    match error {
        CallError::Unreachable { .. } => Answer::Unreachable,
        CallError::Refused { code, status, message, .. } => {
            Answer::Refused(ApiError::new(code, message), status)
        }
        CallError::Unreadable { status, .. } => Answer::Unreadable(status),
    }
}

/// How long the whole fleet may take to drain, in wall time.
pub fn grace(clock: &Clock) -> Duration {
    clock.wall_timeout(Period::minutes(2)).min(Duration::from_secs(10))
}

/// Adds up the states of shards that ran apart.
pub fn add_up(states: impl IntoIterator<Item = State>) -> State {
    let mut total = State { measures: Measures::default(), cohorts: Vec::new() };
    for state in states {
        total.measures.merge(state.measures);
        if total.cohorts.is_empty() {
            total.cohorts = state.cohorts;
        } else {
            for (sum, cohort) in total.cohorts.iter_mut().zip(state.cohorts) {
                sum.add(cohort);
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use super::*;

    #[test]
    fn a_control_channel_pings_and_waits_as_the_agent_does_or_as_its_cohort_says() {
        let clock = Clock::starting(Timestamp::default(), 1.0);
        let times = |timing: &Timing| {
            let tempo = channel::tempo(&clock, timing);
            [tempo.ping_every, tempo.first_word_within, tempo.word_within].map(|time| time.as_secs())
        };
        assert_eq!(times(&Timing::default()), [54, 114, 60]);
        assert_eq!(times(&Timing { ping_every: Period::seconds(9), ..Timing::default() }), [9, 19, 10]);
    }

    #[test]
    fn a_call_is_waited_for_as_long_as_the_agents_client_waits() {
        let cases = [
            (RegisterManagedInstance::NAME, 60),
            (RequestManagedInstanceRoleToken::NAME, 60),
            (UpdateManagedInstancePublicKey::NAME, 60),
            (GetMessages::NAME, 20),
            (SendReply::NAME, 20),
            (AcknowledgeMessage::NAME, 20),
            (FailMessage::NAME, 20),
            (OPEN_CHANNEL, 15),
            (AGENT_JOB_REPLY, 1),
            ("UpdateInstanceInformation", 900),
            ("UpdateInstanceAssociationStatus", 900),
        ];
        for (operation, seconds) in cases {
            let limit = limit_of(operation, Timing::default().message_wait);
            assert_eq!(limit, Period::seconds(seconds), "{operation}");
        }
    }

    #[test]
    fn a_plane_that_knows_no_simulated_time_is_given_its_own() {
        let timing = Timing { message_wait: Period::seconds(30), ..Timing::default() };
        let token = RequestManagedInstanceRoleToken::NAME;
        let cases = [
            (1.0, GetMessages::NAME, false, 30),
            (10.0, GetMessages::NAME, false, 3),
            (10.0, GetMessages::NAME, true, 30),
            (1.0, token, true, 60),
            (10.0, token, false, 6),
            (10.0, token, true, 60),
            (100.0, token, false, 1),
            // No call waits longer than those that the agent lets wait for ever.
            (100.0, token, true, 9),
            (100.0, "UpdateInstanceInformation", false, 9),
            (100.0, "UpdateInstanceInformation", true, 9),
        ];
        for (scale, operation, is_foreign, seconds) in cases {
            let clock = Clock::starting(Timestamp::default(), scale);
            let limit = wall_limit(operation, &clock, &timing, is_foreign);
            assert_eq!(limit, Duration::from_secs(seconds), "{operation} at {scale}, {is_foreign}");
        }
    }
}
