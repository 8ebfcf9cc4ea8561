//! One call over a socket, from the shard that made it to its outcome in the
//! shard's inbox.
//!
//! Most calls are requests; a control channel is opened and driven, and frames go
//! over it. Whoever looks on is told of each, and so is the history.

use std::time::Duration;

use agent::call::{Answer, Request};
use agent::catalogue::Timing;
use agent::channel::call::MessageRequest;
use agent::client::{CallError, Outgoing};
use agent::credentials::Signing;
use bytes::Bytes;
use http::HeaderValue;
use shared::error::ApiError;
use shared::time::Timestamp;
use tokio::sync::mpsc;

use super::{CALL_LIMIT, Surroundings, channel, faults, is_held, limit_of};
use crate::cause::chain;
use crate::clock::Clock;
use crate::history::record::{By, Call, Event, Heard as Told, Record, Subject};
use crate::measure::Spent;
use crate::shard::{Arrival, Caller, Completion, Emitted};
use crate::witness::{Heard, Witnessed};

/// The ways back to a shard.
pub(super) struct Ways {
    pub(super) inbox: mpsc::UnboundedSender<Completion>,
    pub(super) news: mpsc::UnboundedSender<Arrival>,
}

/// Makes one call, which the shard let go at `began`, and brings its outcome to
/// the shard's inbox.
pub(super) async fn carry(call: Emitted, began: Duration, around: Surroundings, ways: Ways) {
    let began = wait_until_made(call.made, began, around.clock).await;
    let request = as_sent(call.request, &call.signing, &around);
    let call = Emitted { request, ..call };
    let trail = Trail::of(&call, began, &around, ways.inbox);
    let node = call.identity();
    match call.request {
        Request::Message(MessageRequest::Open(open)) => {
            let Emitted { signing, draw, passage, cohort, .. } = call;
            let timing = around.timings[usize::from(cohort)];
            let opening = channel::Opening { open, signing, node, draw, passage, timing };
            channel::open(opening, trail, ways.news).await;
        }
        Request::Message(MessageRequest::Frame(frame)) => {
            let payload = Bytes::from(frame.frame.payload.clone());
            let answer = channel::send(frame, node.number, call.passage, &around).await;
            let is_sent = matches!(answer, Answer::Done);
            trail.tell(payload, Heard::of_frame(is_sent), trail.took());
            trail.end(answer);
        }
        request => post(Emitted { request, ..call }, trail).await,
    }
}

/// Waits until the call is to be made, and says when it began by the wall's clock.
async fn wait_until_made(made: Timestamp, began: Duration, clock: Clock) -> Duration {
    if clock.now() >= made {
        return began;
    }
    clock.sleep_until(made).await;
    clock.wall()
}

/// A request as it goes out: a real key takes the place of the one that stands
/// for it, and before a foreign plane its dates are the wall's.
fn as_sent(request: Request, signing: &Signing, around: &Surroundings) -> Request {
    let offered = signing.offers.and_then(|number| around.client.keys().public_key(number));
    let request = match offered {
        Some(public_key) => request.offering(public_key),
        None => request,
    };
    if around.is_wall_dated { request.dated(|instant| around.clock.date_of(instant)) } else { request }
}

/// Sends a request, and brings back what came of it.
async fn post(call: Emitted, trail: Trail<'_>) {
    let around = trail.around;
    let outgoing = outgoing(&call, around);
    let body = outgoing.body.clone();
    let holders = call.passage.map(|passage| passage.holders).unwrap_or_default();
    let sent = tokio::select! {
        sent = around.client.send(outgoing) => sent,
        () = faults::lifted(&holders, around.boards.clone(), &around.clock) => {
            return trail.end(Answer::Unreachable);
        }
    };
    if around.witness.is_some() {
        trail.tell(body, Heard::of(&sent.outcome), sent.latency);
    }
    let obstacle = match &sent.outcome {
        Err(CallError::Unreachable { source, .. }) if around.recorder.is_some() => Some(chain(source)),
        _ => None,
    };
    let answer = match sent.outcome {
        Ok(body) => call.request.read(&body),
        Err(error) => answer_of(error),
    };
    let clock = around.clock;
    let answer = match around.is_wall_dated {
        true => answer.dated(|date| clock.instant_of(date), |date| clock.expiry_of(date)),
        false => answer,
    };
    trail.finish(answer, sent.held, obstacle);
}

/// What is sent for a call, by whom, and how long it is waited for.
fn outgoing(call: &Emitted, around: &Surroundings) -> Outgoing {
    let standard = &around.user_agents[call.agent];
    let user_agent = match &call.agent_version {
        Some(version) => user_agent_of(standard, version),
        None => standard.clone(),
    };
    let timing = &around.timings[usize::from(call.cohort)];
    Outgoing {
        target: call.request.target(),
        user_agent,
        body: call.request.body().into(),
        by: call.signing.by.clone(),
        owner: around.connections.owner(call.caller.node, &call.request),
        due: call.intended,
        now: call.signing.clock.of(around.date()),
        timeout: wall_limit(call.request.operation(), &around.clock, timing, around.is_wall_dated),
        obstacles: call.passage.as_ref().map(|passage| faults::obstacles(passage, &around.clock)),
    }
}

/// What is left of a call while it is out: whose it is, and who is told of its end.
pub(super) struct Trail<'a> {
    pub(super) around: &'a Surroundings,
    inbox: mpsc::UnboundedSender<Completion>,
    caller: Caller,
    operation: &'static str,
    attempt: u8,
    intended: Timestamp,
    made: Timestamp,
    /// When it went out, by the wall's clock.
    began: Duration,
    /// What it is about, where a history is written.
    subject: Option<Subject>,
}

impl<'a> Trail<'a> {
    fn of(
        call: &Emitted,
        began: Duration,
        around: &'a Surroundings,
        inbox: mpsc::UnboundedSender<Completion>,
    ) -> Self {
        Self {
            around,
            inbox,
            caller: call.caller,
            operation: call.request.operation(),
            attempt: call.attempt,
            intended: call.intended,
            made: call.made,
            began,
            subject: around.recorder.is_some().then(|| Subject::of(&call.request)),
        }
    }

    /// How long it has been out.
    pub(super) fn took(&self) -> Duration {
        self.around.clock.wall().saturating_sub(self.began)
    }

    /// Tells whoever looks on.
    pub(super) fn tell(&self, body: Bytes, answer: Heard, took: Duration) {
        let Self { made: at, operation, attempt, .. } = *self;
        if let Some(witness) = &self.around.witness {
            // Whoever looked on may have gone.
            let _ = witness.send(Witnessed { at, operation, attempt, body, answer, took });
        }
    }

    /// The call's end, where it never waited for a connection.
    pub(super) fn end(self, answer: Answer) {
        self.finish(answer, Duration::ZERO, None);
    }

    /// Writes the call's end down, and brings it to the shard.
    fn finish(self, answer: Answer, held: Duration, obstacle: Option<String>) {
        let took = self.took();
        let Self { around, inbox, caller, operation, attempt, made, intended, subject, .. } = self;
        let clock = around.clock;
        if let (Some(recorder), Some(subject)) = (&around.recorder, subject) {
            let call = Call { lane: Some(caller.lane), number: caller.number, attempt, operation, subject };
            let by = By::Node { number: caller.node, incarnation: caller.incarnation };
            let heard = Told::from(&answer).because(obstacle);
            let event = Event::End { call, invoked: made, learnt: None, heard };
            recorder.record(Record { at: clock.now(), by, event });
        }
        let late = clock.wall_time(made.since(intended));
        let spent = Spent { latency: late + took, held };
        // The shard has ended: then nobody learns of it any more.
        let _ = inbox.send(Completion { caller, operation, attempt, answer, spent: Some(spent) });
    }
}

/// The same `User-Agent` with another version of the agent.
fn user_agent_of(standard: &HeaderValue, version: &str) -> HeaderValue {
    let text = standard.to_str().expect("it was written as text");
    let (before, _) = text.rsplit_once('/').expect("the version is its end");
    HeaderValue::from_str(&format!("{before}/{version}"))
        .expect("faults admit only versions that can stand in a header")
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
        CallError::Unreadable { status, source, .. } => {
            Answer::Unreadable(status, source.look(status).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::operation::Operation;
    use shared::time::Period;
    use shared::wire::{GetMessages, RequestManagedInstanceRoleToken};

    use super::*;

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
