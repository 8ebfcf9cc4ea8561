//! Channels of messages: how commands reach a node without its asking every few minutes.
//!
//! There are two. The control channel is a WebSocket that the node keeps open; a
//! node that loses it opens another after a while that grows. By long polling the
//! node asks, and is answered as soon as there is something. An agent does both at
//! its start, and stops asking a minute after its control channel is open
//! (agent/messageservice). What the messages ask for is `command`'s to do.
//!
//! A node without channels has nothing of this: its state is one empty pointer.
//!
//! Invariant: what is sent back goes out one by one, in the order in which it came about.

pub mod call;

use std::collections::VecDeque;
use std::sync::Arc;

use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};

use crate::call::{Call, Outcome};
use crate::catalogue::Timing;
use crate::command::Commands;
use crate::lane::{Lane, LaneName};
use crate::lifecycle::Lifecycle;
use crate::node::{Node, Turn};
use call::{Incoming, MessageCall, Outbound};

/// By which channels a node can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channels {
    /// By none: it costs no connection.
    #[default]
    None,
    /// By long polling alone, as an agent that may not open a control channel.
    LongPoll,
    /// By the control channel, and by long polling until that is open.
    WebSocket,
}

/// Polling goes on for so long after the control channel is open.
const POLLS_ON_FOR: Period = Period::seconds(60);
/// A question that was answered sooner is not followed by the next one at once.
const QUICK: Period = Period::seconds(1);
/// After so many failures in a row the agent waits for its next look.
const MOST_FAILURES: u32 = 10;
/// Replies that the service did not confirm are sent again so many at a time,
const RESENT_AT_ONCE: usize = 50;
/// and for so long.
const RESENT_FOR: Period = Period::hours(2);

/// An agent that begins waits so long before it sends what is stored.
const STORED_WAIT: Period = Period::seconds(2);

/// Where the control channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Control {
    #[default]
    Closed,
    Open {
        since: Timestamp,
    },
}

/// What a node with channels holds.
#[derive(Debug, Default)]
pub struct Messaging {
    pub(crate) lanes: [Lane; 9],
    control: Control,
    /// Attempts to open the control channel: in all, and since it was last open.
    attempts: u32,
    failures: u32,
    /// The word for heartbeats; none is known yet at first.
    word: Option<&'static str>,
    /// Questions for messages: in all, and failures in a row.
    questions: u32,
    failed_questions: u32,
    asked_at: Timestamp,
    /// What is to be sent back, oldest first.
    outbox: VecDeque<Arc<Outbound>>,
    /// Replies that the service did not confirm, with the instant of their first failure.
    stored: Vec<(Timestamp, Arc<Outbound>)>,
    resend_due: Option<Timestamp>,
    /// Instants of first failure of what is being sent again.
    resending: Vec<(Timestamp, Arc<Outbound>)>,
    /// The commands.
    pub(crate) commands: Commands,
    /// How many things were sent back; their ids follow from it.
    pub(crate) sent: u32,
}

impl Messaging {
    /// When there is next something to do without being answered, where steps
    /// may hang.
    pub(crate) fn next_due(&self, hangs: bool) -> Timestamp {
        let lanes = self.lanes.iter().map(|lane| lane.due);
        let commands = if hangs { Timestamp::NEVER } else { self.commands.next_due() };
        let others = [self.resend_due.unwrap_or(Timestamp::NEVER), commands];
        lanes.chain(others).min().unwrap_or(Timestamp::NEVER)
    }

    /// Whether something is being sent or run that is worth waiting for.
    pub(crate) fn is_busy(&self) -> bool {
        let replies = &self.lanes[LaneName::Replies.channel_index()];
        replies.outstanding.is_some() || !self.outbox.is_empty() || self.commands.is_running()
    }

    /// Whether all is told that is to be told before a reboot.
    pub(crate) fn is_told(&self) -> bool {
        self.outbox.is_empty() && self.lanes[LaneName::Replies.channel_index()].outstanding.is_none()
    }

    /// Forgets everything but the commands, the replies that are stored on disk, the
    /// numbers of calls, for answers to old ones may still come, and what draws follow
    /// from.
    pub(crate) fn forget(&mut self) {
        let Self { attempts, questions, sent, .. } = *self;
        self.stored.append(&mut self.resending);
        let stored = std::mem::take(&mut self.stored);
        let mut commands = std::mem::take(&mut self.commands);
        commands.forget_arrivals();
        let mut lanes = std::mem::take(&mut self.lanes);
        for name in [LaneName::ControlChannel, LaneName::Messages, LaneName::Replies, LaneName::Intake] {
            lanes[name.channel_index()].forget();
        }
        *self = Self { attempts, questions, sent, stored, commands, lanes, ..Self::default() };
    }

    /// The machine goes down. What is on its disk is taken up again when it is back.
    pub(crate) fn go_down(&mut self, is_disk_lost: bool) {
        self.commands.go_away();
        self.forget();
        self.forget_documents();
        if is_disk_lost {
            self.commands = self.commands.begun_anew();
            self.stored.clear();
        }
    }

    /// Forgets the calls of the documents of commands.
    fn forget_documents(&mut self) {
        for name in LaneName::OF_COMMANDS {
            self.lanes[name.channel_index()].forget();
        }
    }

    /// Puts down what is to be sent back.
    pub(crate) fn send(&mut self, outbound: Outbound) {
        self.outbox.push_back(Arc::new(outbound));
    }

    /// The next number of what is sent back.
    pub(crate) fn next_number(&mut self) -> u32 {
        self.sent += 1;
        self.sent
    }

    /// Whether the control channel is open.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.control, Control::Open { .. })
    }
}

impl Node {
    /// What heartbeats say of the channel that the node waits on.
    pub(crate) fn channel_word(&self) -> &'static str {
        self.messaging.as_ref().and_then(|messaging| messaging.word).unwrap_or("")
    }

    /// Turns to the channels, if the cohort has any.
    pub(crate) fn begin_messaging(&mut self, turn: &mut Turn<'_>) {
        let channels = self.identity.cohort(turn.catalogue).channels;
        if channels == Channels::None {
            return;
        }
        let messaging = self.messaging.get_or_insert_default();
        if !messaging.stored.is_empty() {
            messaging.resend_due = Some(turn.now + STORED_WAIT);
        }
        self.ask_for_messages(turn.now, turn);
        if channels == Channels::WebSocket {
            self.open_channel(turn.now, turn);
        }
        self.resume_commands(turn);
    }

    /// Does what of it is due.
    pub(crate) fn messaging_due(&mut self, turn: &mut Turn<'_>) {
        for name in LaneName::OF_CHANNELS {
            let Some(due) = self.take_due(name, turn) else { continue };
            match name {
                LaneName::ControlChannel => self.open_channel(due, turn),
                LaneName::Messages => self.ask_for_messages(due, turn),
                _ => {}
            }
        }
        if !self.hangs() {
            self.commands_due(turn);
        }
        self.resend(turn);
        self.send_next(turn);
    }

    /// Takes in the answer to a call about messages.
    pub(crate) fn message_answered(&mut self, call: &MessageCall, outcome: Outcome, turn: &mut Turn<'_>) {
        match call {
            MessageCall::Open(_) => self.channel_answered(&outcome, turn),
            MessageCall::Get(_) => self.messages_answered(outcome, turn),
            MessageCall::Send(outbound) => self.sent(outbound.clone(), &outcome, turn),
        }
        self.send_next(turn);
    }

    /// A message came over the control channel.
    pub(crate) fn pushed(&mut self, incoming: &Incoming, turn: &mut Turn<'_>) {
        if self.messaging.is_some() && matches!(self.lifecycle, Lifecycle::Online { .. }) {
            self.take_in(incoming, turn);
            self.send_next(turn);
        }
    }

    /// The control channel was lost: it is opened anew after a little while.
    pub(crate) fn channel_closed(&mut self, turn: &mut Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        if !messaging.is_open() {
            return;
        }
        messaging.control = Control::Closed;
        messaging.failures = 0;
        if matches!(self.lifecycle, Lifecycle::Online { .. }) {
            let most = self.identity.cohort(turn.catalogue).timing.reconnect_lost;
            let wait = turn.draw.period("channel-lost", u64::from(messaging.attempts), most);
            self.lane(LaneName::ControlChannel).due = turn.now + wait;
        }
    }

    fn open_channel(&mut self, intended: Timestamp, turn: &mut Turn<'_>) {
        let Lifecycle::Online { .. } = self.lifecycle else { return };
        let Some(messaging) = &mut self.messaging else { return };
        let call = Call::Message(MessageCall::Open(messaging.attempts));
        messaging.attempts += 1;
        self.call(LaneName::ControlChannel, call, intended, turn);
    }

    fn channel_answered(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        if outcome.is_done() {
            messaging.control = Control::Open { since: turn.now };
            messaging.failures = 0;
            messaging.word = Some("ssmmessages");
            return;
        }
        let is_denied = outcome.refusal() == Some(&ErrorCode::AccessDeniedException);
        if is_denied {
            messaging.word = Some("ec2messages");
        } else {
            messaging.word.get_or_insert("ec2messages");
        }
        let failures = messaging.failures;
        messaging.failures += 1;
        let first = u64::from(messaging.attempts - messaging.failures);
        let wait = reopen_wait(
            &self.identity.cohort(turn.catalogue).timing,
            failures,
            turn.draw.uniform("channel-first", first),
            turn.draw.uniform("channel-wait", u64::from(messaging.attempts)),
        );
        let Lifecycle::Online { .. } = self.lifecycle else { return };
        self.lane(LaneName::ControlChannel).due = turn.now + wait;
        let messages = self.lane(LaneName::Messages);
        if is_denied && messages.outstanding.is_none() && messages.due == Timestamp::NEVER {
            messages.due = turn.now;
        }
    }

    fn ask_for_messages(&mut self, intended: Timestamp, turn: &mut Turn<'_>) {
        let Lifecycle::Online { .. } = self.lifecycle else { return };
        let Some(messaging) = &mut self.messaging else { return };
        let is_enough =
            matches!(messaging.control, Control::Open { since } if turn.now.since(since) >= POLLS_ON_FOR);
        if is_enough {
            return;
        }
        messaging.asked_at = turn.now;
        let call = Call::Message(MessageCall::Get(messaging.questions));
        messaging.questions += 1;
        self.call(LaneName::Messages, call, intended, turn);
    }

    fn messages_answered(&mut self, outcome: Outcome, turn: &mut Turn<'_>) {
        let Lifecycle::Online { since } = self.lifecycle else { return };
        let Some(messaging) = &mut self.messaging else { return };
        let took = turn.now.since(messaging.asked_at);
        let cohort = self.identity.cohort(turn.catalogue);
        if cohort.channels == Channels::LongPoll {
            messaging.word = Some("ec2messages");
        }
        messaging.failed_questions = if outcome.is_done() { 0 } else { messaging.failed_questions + 1 };
        let number = u64::from(messaging.questions);
        let due = if messaging.failed_questions >= MOST_FAILURES {
            messaging.failed_questions = 0;
            let every = cohort.timing.message_tick;
            let looks = turn.now.since(since).as_milliseconds() / every.as_milliseconds().max(1) + 1;
            since + every * looks
        } else if took >= QUICK {
            turn.now
        } else {
            let jitter = turn.draw.period("messages-pause", number, Period::milliseconds(500));
            turn.now + Period::seconds(2) + jitter
        };
        if let Outcome::Messages(messages) = outcome {
            for message in &messages {
                self.take_in(message, turn);
            }
        }
        self.lane(LaneName::Messages).due = due;
    }

    /// Sends the oldest thing that waits to be sent back, if nothing is on its way.
    pub(crate) fn send_next(&mut self, turn: &mut Turn<'_>) {
        let (Lifecycle::Online { .. } | Lifecycle::Stopped) = self.lifecycle else { return };
        let Some(messaging) = &mut self.messaging else { return };
        if messaging.lanes[LaneName::Replies.channel_index()].outstanding.is_some() {
            return;
        }
        if let Some(outbound) = messaging.outbox.pop_front() {
            let call = Call::Message(MessageCall::Send(outbound));
            self.call(LaneName::Replies, call, turn.now, turn);
        }
    }

    /// What was sent back arrived, or did not: replies are kept then, and sent again.
    fn sent(&mut self, outbound: Arc<Outbound>, outcome: &Outcome, turn: &Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        let before = messaging.resending.iter().position(|(_, resent)| Arc::ptr_eq(resent, &outbound));
        let first = before.map(|place| messaging.resending.swap_remove(place).0);
        let is_kept = matches!(&*outbound, Outbound::Reply { is_kept: true, .. });
        if outcome.is_done() || !is_kept {
            return;
        }
        let first = first.unwrap_or(turn.now);
        if turn.now.since(first) < RESENT_FOR {
            messaging.stored.push((first, outbound));
            let every = self.identity.cohort(turn.catalogue).timing.resend_every;
            messaging.resend_due.get_or_insert(turn.now + every);
        }
    }

    fn resend(&mut self, turn: &Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        if messaging.resend_due.is_none_or(|due| due > turn.now) {
            return;
        }
        messaging.stored.retain(|(first, _)| turn.now.since(*first) < RESENT_FOR);
        let count = messaging.stored.len().min(RESENT_AT_ONCE);
        for (first, outbound) in messaging.stored.drain(..count) {
            messaging.outbox.push_back(outbound.clone());
            messaging.resending.push((first, outbound));
        }
        let every = self.identity.cohort(turn.catalogue).timing.resend_every;
        messaging.resend_due = (!messaging.stored.is_empty()).then(|| turn.now + every);
    }
}

/// How long to wait after so many failures before the control channel is tried
/// again: 5 to 10 s (by default), then twice as long each time, up to 40 min, and up to half of
/// it on top. As agent/messageservice: exponential retryer with jitter.
fn reopen_wait(timing: &Timing, failures: u32, first: f64, jitter: f64) -> Period {
    let (shortest, longest) = (timing.reconnect_wait, timing.reconnect_longest);
    let least = shortest + shortest.share(first);
    let doubled = (0..failures).try_fold(least, |wait, _| {
        let wait = wait * 2;
        if wait < longest { Ok(wait) } else { Err(longest) }
    });
    let (Ok(wait) | Err(wait)) = doubled;
    wait + wait.share(jitter / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_grow_apart_up_to_a_bound() {
        let cases = [
            (0, 0.0, 0.0, 5_000),
            (0, 1.0, 0.0, 10_000),
            (0, 0.0, 1.0, 7_500),
            (1, 0.0, 0.0, 10_000),
            (3, 0.5, 0.0, 60_000),
            (8, 1.0, 0.0, 2_400_000),
            (100, 0.0, 1.0, 3_600_000),
        ];
        for (failures, first, jitter, milliseconds) in cases {
            assert_eq!(
                reopen_wait(&Timing::default(), failures, first, jitter),
                Period::milliseconds(milliseconds),
                "{failures}"
            );
        }
    }

    #[test]
    fn attempts_grow_from_and_to_what_the_cohort_says() {
        let timing = Timing {
            reconnect_wait: Period::seconds(1),
            reconnect_longest: Period::seconds(6),
            ..Timing::default()
        };
        let waits = [0, 1, 2, 3, 9].map(|failures| reopen_wait(&timing, failures, 0.0, 0.0));
        assert_eq!(waits, [1, 2, 4, 6, 6].map(Period::seconds));
    }
}
