//! A node's life: from its arrival to online, asleep, or stopped.
//!
//! Only the start probe can send a node to sleep. Asleep it sends nothing but
//! pings, at distances that grow (agent/hibernation/hibernation.go).
//!
//! Invariant: the spacings are counted from the instant the node fell asleep,
//! so that a slow ping does not shift those after it.

use shared::time::{Period, Timestamp};

/// Where a node stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Without credentials yet; its first call is registration.
    Unregistered,
    /// It has credentials: about to probe whether it is accepted.
    Starting,
    /// Accepted: heartbeats, polls and runs.
    Online {
        /// When it was accepted; its schedules count from then.
        since: Timestamp,
    },
    /// Refused at the start probe: pings, and nothing else.
    Hibernating {
        /// When it was refused; the spacings count from then.
        since: Timestamp,
    },
    /// Told to end: it finishes what it holds.
    Stopped,
}

/// What a node's life follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It has registered, or tried to, and has credentials.
    Registered,
    /// The bare heartbeat was accepted.
    ProbeAccepted,
    /// It was not, for any reason, retries included.
    ProbeRefused,
    /// A full heartbeat came to its end, however.
    HeartbeatAnswered,
    /// The node is to end.
    StopRequested,
}

/// What the node does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send the start probe.
    Probe,
    /// Send the full heartbeat, begin to poll.
    BeginWork,
    /// Ping again at this instant.
    AwaitNextPing(Timestamp),
    /// Wait for the next heartbeat's instant.
    AwaitNextHeartbeat,
    /// Take up nothing new.
    Finish,
    /// Nothing: the event speaks of a state that the node has left.
    Nothing,
}

impl Lifecycle {
    /// Follows one event.
    pub fn on(self, event: Event, now: Timestamp) -> (Self, Action) {
        match (self, event) {
            (Self::Stopped, _) => (self, Action::Nothing),
            (_, Event::StopRequested) => (Self::Stopped, Action::Finish),
            (Self::Unregistered, Event::Registered) => (Self::Starting, Action::Probe),
            (Self::Starting | Self::Hibernating { .. }, Event::ProbeAccepted) => {
                (Self::Online { since: now }, Action::BeginWork)
            }
            (Self::Starting, Event::ProbeRefused) => hibernate(now, now),
            (Self::Hibernating { since }, Event::ProbeRefused) => hibernate(since, now),
            // A heartbeat that fails is just late: no stop, no sleep, no other interval.
            (Self::Online { .. }, Event::HeartbeatAnswered) => (self, Action::AwaitNextHeartbeat),
            // Late replies: they speak of a state the node has left.
            (Self::Online { .. }, Event::Registered | Event::ProbeAccepted | Event::ProbeRefused)
            | (Self::Unregistered, Event::ProbeAccepted | Event::ProbeRefused | Event::HeartbeatAnswered)
            | (Self::Starting | Self::Hibernating { .. }, Event::Registered | Event::HeartbeatAnswered) => {
                (self, Action::Nothing)
            }
        }
    }
}

/// Between registration and the start probe: the core agent starts its worker.
pub const WORKER_START: Period = Period::seconds(1);

/// After the first five minutes: so many pings at each spacing, then the last one for ever.
const LADDER: [(u64, Period); 3] =
    [(3, Period::minutes(10)), (3, Period::minutes(20)), (3, Period::minutes(40))];
const FIRST_WAIT: Period = Period::minutes(5);
const LAST_SPACING: Period = Period::minutes(60);

fn hibernate(since: Timestamp, now: Timestamp) -> (Lifecycle, Action) {
    (Lifecycle::Hibernating { since }, Action::AwaitNextPing(next_ping(since, now)))
}

/// The first instant of the ladder after `now`.
fn next_ping(since: Timestamp, now: Timestamp) -> Timestamp {
    let spacings = LADDER.iter().flat_map(|&(count, spacing)| (0..count).map(move |_| spacing));
    let mut spacings = spacings.chain(std::iter::repeat(LAST_SPACING));
    let mut ping = since + FIRST_WAIT;
    while ping <= now {
        ping += spacings.next().expect("the last spacing repeats");
    }
    ping
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(count: u64) -> Timestamp {
        Timestamp::from_seconds(0) + Period::minutes(count)
    }

    #[test]
    fn each_event_leads_where_the_real_agent_goes() {
        let now = minute(7);
        let online = Lifecycle::Online { since: minute(1) };
        let asleep = Lifecycle::Hibernating { since: minute(2) };
        let cases = [
            (Lifecycle::Unregistered, Event::Registered, (Lifecycle::Starting, Action::Probe)),
            (
                Lifecycle::Starting,
                Event::ProbeAccepted,
                (Lifecycle::Online { since: now }, Action::BeginWork),
            ),
            (
                Lifecycle::Starting,
                Event::ProbeRefused,
                (Lifecycle::Hibernating { since: now }, Action::AwaitNextPing(minute(12))),
            ),
            (asleep, Event::ProbeRefused, (asleep, Action::AwaitNextPing(minute(17)))),
            (asleep, Event::ProbeAccepted, (Lifecycle::Online { since: now }, Action::BeginWork)),
            (online, Event::HeartbeatAnswered, (online, Action::AwaitNextHeartbeat)),
            (online, Event::ProbeRefused, (online, Action::Nothing)),
            (online, Event::StopRequested, (Lifecycle::Stopped, Action::Finish)),
            (Lifecycle::Stopped, Event::ProbeAccepted, (Lifecycle::Stopped, Action::Nothing)),
            (asleep, Event::HeartbeatAnswered, (asleep, Action::Nothing)),
        ];
        for (state, event, expected) in cases {
            assert_eq!(state.on(event, now), expected, "{state:?} {event:?}");
        }
    }

    #[test]
    fn pings_grow_rare() {
        let mut pings = vec![next_ping(minute(0), minute(0))];
        while pings.len() < 12 {
            pings.push(next_ping(minute(0), *pings.last().unwrap()));
        }
        let expected = [5, 15, 25, 35, 55, 75, 95, 135, 175, 215, 275, 335].map(minute);
        assert_eq!(pings, expected);
    }
}
