//! When control channels break of network faults, in virtual time.
//!
//! A channel of the real agent pings every 54 s and is lost where no pong came
//! for 60 s, or for 114 s after it was opened. TCP keeps what was sent until it
//! gets through, so what is lifted before that does a channel no harm. Over
//! sockets `agent::client::channel` does the same by itself.

use shared::time::{Period, Timestamp};

use crate::scenario::fault::Fault;

/// Between two pings.
const PING_EVERY: Period = Period::seconds(54);
/// How long a channel stands without a pong, after the last one and after its opening.
const PONG_WITHIN: Period = Period::seconds(60);
const FIRST_PONG_WITHIN: Period = Period::seconds(114);

/// A control channel that is going to break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Break {
    pub(super) at: Timestamp,
    /// The node's number.
    pub(super) node: u32,
    /// The fault without which it does not.
    pub(super) by: Option<u32>,
}

/// When a channel that was opened then breaks of a fault that begins now.
pub(super) fn breaks_at(fault: &Fault, opened: Timestamp, now: Timestamp) -> Option<Timestamp> {
    match fault {
        Fault::ResetPeer(fault) => Some(now + fault.after),
        Fault::Timeout(fault) => {
            let closed = fault.after.map_or(Timestamp::NEVER, |after| now + after);
            Some(lost_at(opened, now).min(closed))
        }
        Fault::Partition(_) => Some(lost_at(opened, now)),
        // These let pongs through in time, or strike calls only.
        Fault::Abort(_)
        | Fault::Bandwidth(_)
        | Fault::DroppedWrites(_)
        | Fault::FailFirst(_)
        | Fault::Latency(_)
        | Fault::LimitData(_)
        | Fault::LostAcknowledgement(_)
        | Fault::PlaneLatency(_)
        | Fault::ReplaceStatus(_)
        | Fault::ServerError(_)
        | Fault::Slicer(_)
        | Fault::StaleReads(_)
        | Fault::Throttling(_) => None,
    }
}

/// When a node gives a channel up that brings no pong from now on.
fn lost_at(opened: Timestamp, now: Timestamp) -> Timestamp {
    let pings = now.since(opened).as_milliseconds() / PING_EVERY.as_milliseconds();
    match pings {
        0 => opened + FIRST_PONG_WITHIN,
        pings => opened + PING_EVERY * pings + PONG_WITHIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_given_up_a_minute_after_the_last_pong() {
        let second = Timestamp::from_seconds;
        for (now, lost) in [(0, 114), (53, 114), (54, 114), (107, 114), (108, 168), (1_000, 1_032)] {
            assert_eq!(lost_at(second(0), second(now)), second(lost), "{now}");
        }
    }
}
