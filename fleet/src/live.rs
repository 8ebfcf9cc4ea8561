//! Real time: a shard that waits for its agenda, and calls over sockets.
//!
//! A shard is a task; a node is a row in it. A call is a task that lives as long
//! as the call and puts its outcome into the shard's inbox. Simulated time runs
//! as the [`Clock`] says; latency and lateness are measured on the wall's clock.

mod call;
mod channel;
mod faults;

use std::sync::Arc;
use std::time::Duration;

use agent::catalogue::{Catalogue, Timing};
use agent::channel::call::OPEN_CHANNEL;
use agent::client::Client;
use agent::client::channel::ChannelTable;
use agent::identity::Identity;
use http::HeaderValue;
use shared::frame::{AGENT_JOB_ACK, AGENT_JOB_REPLY};
use shared::operation::Operation;
use shared::time::{Period, Timestamp};
use shared::wire::{
    AcknowledgeMessage, FailMessage, GetMessages, RegisterManagedInstance, RequestManagedInstanceRoleToken,
    SendReply, UpdateManagedInstancePublicKey,
};
use tokio::sync::{mpsc, oneshot};

use crate::churn::Replaced;
use crate::clock::Clock;
use crate::connections::Connections;
use crate::fault::switchboard::Boards;
use crate::history::recorder::Recorder;
use crate::measure::recent::Pulse;
use crate::measure::{Measures, record};
use crate::operator::rounds::Rounds;
use crate::plan::timeline::PlannedScale;
use crate::progress::Progress;
use crate::shard::{Completion, Emitted, Shard};
use crate::simulation::CohortState;
use crate::witness::Witness;

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
            let ways = call::Ways { inbox: inbox_in.clone(), news: news_in.clone() };
            tokio::spawn(call::carry(call, around.clock.wall(), around.clone(), ways));
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
}
