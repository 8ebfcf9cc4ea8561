//! Health: the lane by which a node says that it lives.
//!
//! What follows an event is `lifecycle`'s table; here its actions are carried
//! out, and heartbeats keep their rhythm: two at the start, the next after a
//! uniform share of the interval, then one each interval, without jitter
//! (agent/health).

use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};

use crate::call::{Call, Outcome};
use crate::fault::named::Misfit;
use crate::lane::LaneName;
use crate::lifecycle::{self, Action, Event, Lifecycle};
use crate::node::{Node, Note, Turn};

impl Node {
    pub(crate) fn health_due(&mut self, due: Timestamp, turn: &mut Turn<'_>) {
        match self.lifecycle {
            Lifecycle::Starting | Lifecycle::Hibernating { .. } => {
                self.call(LaneName::Health, Call::Probe, due, turn);
            }
            Lifecycle::Online { .. } => self.call(LaneName::Health, Call::Heartbeat, due, turn),
            Lifecycle::Unregistered | Lifecycle::Stopped => {}
        }
    }

    pub(crate) fn health_answered(&mut self, call: &Call, outcome: &Outcome, turn: &mut Turn<'_>) {
        let event = match call {
            Call::Probe if outcome.is_done() => Event::ProbeAccepted,
            Call::Probe => Event::ProbeRefused,
            _ => Event::HeartbeatAnswered,
        };
        let before = self.lifecycle;
        self.follow(event, turn);
        let fell_asleep =
            before == Lifecycle::Starting && matches!(self.lifecycle, Lifecycle::Hibernating { .. });
        if fell_asleep && outcome.refusal() == Some(&ErrorCode::InvalidInstanceId) {
            turn.note(Note::IdNotAccepted);
        }
        if fell_asleep && outcome.refusal().is_some() && self.misfit() == Some(Misfit::Unknown) {
            turn.note(Note::PlatformNotAccepted);
        }
    }

    pub(crate) fn follow(&mut self, event: Event, turn: &mut Turn<'_>) {
        let before = self.lifecycle;
        let (after, action) = before.on(event, turn.now);
        self.lifecycle = after;
        match action {
            Action::Probe => self.lane(LaneName::Health).due = turn.now + lifecycle::WORKER_START,
            Action::BeginWork => self.begin_work(turn),
            Action::AwaitNextPing(at) => {
                if before == Lifecycle::Starting {
                    turn.note(Note::Hibernating);
                }
                self.lane(LaneName::Health).due = at;
            }
            Action::AwaitNextHeartbeat => self.await_next_heartbeat(turn),
            Action::Finish | Action::Nothing => {}
        }
    }

    fn begin_work(&mut self, turn: &mut Turn<'_>) {
        turn.note(Note::Online);
        self.call(LaneName::Health, Call::Heartbeat, turn.now, turn);
        self.lane(LaneName::Associations).turns = 0;
        self.lane(LaneName::Health).turns = 0;
        self.await_next_poll(turn);
        self.resume_run(turn);
        self.begin_messaging(turn);
    }

    fn await_next_heartbeat(&mut self, turn: &mut Turn<'_>) {
        let Lifecycle::Online { since } = self.lifecycle else { return };
        let every = self.identity.cohort(turn.catalogue).timing.health_every;
        let chance = turn.draw.period("health-first", 0, every);
        let first = since + if self.has_jitter() { chance } else { every };
        let lane = self.lane(LaneName::Health);
        let (due, passed) = next_turn(first, every, lane.turns, turn.now);
        lane.turns = passed;
        // Only the start-up's own heartbeat is answered before the first turn.
        if due <= turn.now {
            turn.note(Note::StartedLate(LaneName::Health));
        }
        self.lane(LaneName::Health).due = due;
    }
}

/// The turn after the first `taken` ones, and how many are taken with it. Of
/// turns that have passed meanwhile only the last is made up for, as a ticker
/// that holds one tick does.
pub(crate) fn next_turn(first: Timestamp, every: Period, taken: u32, now: Timestamp) -> (Timestamp, u32) {
    let due = first + every * u64::from(taken);
    let missed = now.since(due).as_milliseconds() / every.as_milliseconds().max(1);
    let missed = u32::try_from(missed).unwrap_or(u32::MAX - taken - 1);
    (due + every * u64::from(missed), taken + missed + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keep_their_rhythm() {
        let second = Timestamp::from_seconds;
        let every = Period::seconds(300);
        let cases = [
            // (turns taken, now) -> (due, taken with it)
            (0, 0, 100, 1),
            (1, 101, 400, 2),
            (2, 650, 700, 3),
            // Busy past the turn: it is late, not lost.
            (1, 450, 400, 2),
            // Busy past two turns: one of them is made up for.
            (1, 720, 700, 3),
        ];
        for (taken, now, due, with_it) in cases {
            assert_eq!(
                next_turn(second(100), every, taken, second(now)),
                (second(due), with_it),
                "{taken} {now}"
            );
        }
    }
}
