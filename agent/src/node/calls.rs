//! The calls of a node's lanes: made, tried again, answered.
//!
//! Whatever a lane asks goes out here and comes back here. A call that failed for a
//! while is tried again as the agent's SDK does, the same for all lanes; what comes of
//! it in the end is told to the part whose lane it is.
//!
//! Invariant: at most one call of a lane is in flight, and an answer that does not
//! match it changes nothing.

use shared::seed::Draw;
use shared::time::{Period, Timestamp};

use super::{Action, Dispatch, Node, Note, Turn};
use crate::call::{Call, Outcome};
use crate::fault::software::EagerRetries;
use crate::lane::{LaneName, Outstanding};
use crate::retry::{self, Failure};

impl Node {
    pub(crate) fn answered(&mut self, name: LaneName, number: u32, outcome: Outcome, turn: &mut Turn<'_>) {
        let lane = self.lane(name);
        let is_current =
            lane.number == number && lane.outstanding.as_ref().is_some_and(|call| call.is_in_flight);
        if !is_current {
            turn.note(Note::LateAnswer);
            return;
        }
        let mut outstanding = lane.outstanding.take().expect("a call is in flight");
        let is_retried = !matches!(&outstanding.call, Call::Message(call) if !call.is_retried());
        let eager = self.eager_retries();
        if is_retried
            && let Some(wait) =
                wait_before_retry(&outcome, outstanding.attempt, number, name, turn.draw, eager)
        {
            let lane = self.lane(name);
            outstanding.is_in_flight = false;
            outstanding.attempt += 1;
            lane.due = turn.now + wait;
            lane.outstanding = Some(outstanding);
            return;
        }
        match name {
            LaneName::Credentials => self.credentials_answered(&outstanding.call, &outcome, turn),
            LaneName::Health => self.health_answered(&outstanding.call, &outcome, turn),
            LaneName::Associations => self.poll_answered(&outstanding.call, outcome, turn),
            LaneName::Execution => self.execution_answered(&outstanding.call, &outcome, turn),
            LaneName::ControlChannel | LaneName::Messages | LaneName::Replies => {
                if let Call::Message(call) = &outstanding.call {
                    self.message_answered(call, outcome, turn);
                }
            }
            LaneName::Intake => self.intake_answered(&outstanding.call, &outcome, turn),
            LaneName::Command1
            | LaneName::Command2
            | LaneName::Command3
            | LaneName::Command4
            | LaneName::Command5 => self.command_answered(name, &outstanding.call, &outcome, turn),
        }
    }

    /// Makes a new call in this lane, which must be free.
    pub(crate) fn call(&mut self, name: LaneName, call: Call, intended: Timestamp, turn: &mut Turn<'_>) {
        let stamped = turn.now;
        let lane = self.lane(name);
        debug_assert!(lane.outstanding.is_none(), "one call of a lane at a time");
        lane.number = lane.number.wrapping_add(1);
        lane.due = Timestamp::NEVER;
        let dispatch =
            Dispatch { lane: name, number: lane.number, attempt: 0, intended, stamped, call: call.clone() };
        lane.outstanding = Some(Box::new(Outstanding { call, stamped, attempt: 0, is_in_flight: true }));
        self.send_out(dispatch, turn);
    }

    /// When the lane was due, if it is and has something new to do: a call that waits is tried again.
    pub(crate) fn take_due(&mut self, name: LaneName, turn: &mut Turn<'_>) -> Option<Timestamp> {
        let due = self.lane(name).due;
        if due > turn.now {
            return None;
        }
        if self.lane(name).outstanding.is_some() {
            self.try_again(name, due, turn);
            return None;
        }
        self.lane(name).due = Timestamp::NEVER;
        Some(due)
    }

    fn try_again(&mut self, name: LaneName, intended: Timestamp, turn: &mut Turn<'_>) {
        let lane = self.lane(name);
        lane.number = lane.number.wrapping_add(1);
        lane.due = Timestamp::NEVER;
        let number = lane.number;
        let outstanding = lane.outstanding.as_mut().expect("a call waits to be tried again");
        outstanding.is_in_flight = true;
        turn.actions.push(Action::Call(Dispatch {
            lane: name,
            number,
            attempt: outstanding.attempt,
            intended,
            stamped: outstanding.stamped,
            call: outstanding.call.clone(),
        }));
    }
}

fn wait_before_retry(
    outcome: &Outcome,
    attempt: u8,
    number: u32,
    name: LaneName,
    draw: Draw,
    eager: Option<EagerRetries>,
) -> Option<Period> {
    let failure = match outcome {
        Outcome::Done
        | Outcome::Associations(..)
        | Outcome::Legacy(_)
        | Outcome::Described(..)
        | Outcome::Fatal(_)
        | Outcome::Registered(_)
        | Outcome::Token(..)
        | Outcome::Messages(_)
        | Outcome::Document(_)
        | Outcome::Parameters(_)
        | Outcome::Manifest(_) => return None,
        Outcome::Refused(error, status) => Failure::Code(&error.code, *status),
        Outcome::Unreachable => Failure::Transport,
        // A body that cannot be read is no reason for the SDK to ask again; the status may be.
        Outcome::Unreadable(status) => Failure::Http(*status),
    };
    if let Some(eager) = eager {
        return (retry::is_retried(failure) && attempt < eager.times).then_some(eager.wait);
    }
    let chance = draw.part(name as u64).uniform("retry", u64::from(number));
    let wait = retry::is_retried(failure).then(|| retry::delay(attempt, chance)).flatten()?;
    // Whoever had waited for messages in vain asks again at once.
    let is_question = name == LaneName::Messages && matches!(failure, Failure::Transport);
    Some(if is_question { retry::QUESTION_AGAIN } else { wait })
}
