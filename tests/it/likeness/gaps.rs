//! The gaps of a recording whose distribution is stated, each with its range.
//!
//! All instants follow from the first heartbeat, which the worker sends as it
//! starts: polls at each ten minutes and up to 30 s, heartbeats each five minutes
//! after a first one within them, retries after 1 to 1.5, 2 to 3, 4 to 6 s.

use super::recording::{Call, Lane};

/// What a call's and an answer's way may take beyond what is stated, in seconds.
const WAY: f64 = 0.2;

/// A gap, and where it must lie.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gap {
    /// What it is.
    pub(super) rule: &'static str,
    /// The call that ends it, by its place in the recording.
    pub(super) call: usize,
    /// How long it is, in seconds.
    pub(super) seconds: f64,
    /// The least it may be.
    pub(super) least: f64,
    /// The most it may be.
    pub(super) most: f64,
}

impl Gap {
    /// Whether it lies in its range.
    pub(super) fn is_in_range(&self) -> bool {
        (self.least..=self.most).contains(&self.seconds)
    }
}

/// All gaps of a recording that have a rule.
pub(super) fn gaps(calls: &[Call]) -> Vec<Gap> {
    let Some(start) = calls.iter().find(|call| call.lane() == Lane::Health).map(|call| call.at) else {
        return Vec::new();
    };
    let mut gaps = Vec::new();
    for lane in Lane::ALL {
        let of_lane: Vec<(usize, &Call)> =
            calls.iter().enumerate().filter(|(_, call)| call.lane() == lane).collect();
        match lane {
            Lane::Identity => identity(&of_lane, start, &mut gaps),
            Lane::Health => health(&of_lane, start, &mut gaps),
            Lane::Associations => associations(&of_lane, start, &mut gaps),
            Lane::Messages => messages(&of_lane, &mut gaps),
            Lane::Channel => channel(&of_lane, &mut gaps),
            Lane::Inventory => {}
        }
        retries(&of_lane, &mut gaps);
    }
    gaps
}

type OfLane<'a> = [(usize, &'a Call)];

fn gap(rule: &'static str, call: usize, seconds: f64, least: f64, most: f64) -> Gap {
    Gap { rule, call, seconds, least, most }
}

/// The core starts the worker a second after its first token.
fn identity(calls: &OfLane<'_>, start: f64, gaps: &mut Vec<Gap>) {
    let token = calls.iter().find(|(_, call)| call.operation == "RequestManagedInstanceRoleToken");
    gaps.extend(
        token.map(|(place, call)| gap("worker after token", *place, start - call.at, 1.0, 1.0 + WAY)),
    );
}

fn health(calls: &OfLane<'_>, start: f64, gaps: &mut Vec<Gap>) {
    for (number, pair) in calls.windows(2).enumerate() {
        let ((_, before), (place, call)) = (pair[0], pair[1]);
        gaps.push(match number {
            0 => gap("heartbeat after probe", place, call.at - before.at, 0.0, WAY),
            1 => gap("second heartbeat", place, call.at - start, 0.0, 300.0 + WAY),
            _ => gap("heartbeat", place, call.at - before.at, 300.0 - WAY, 300.0 + WAY),
        });
    }
}

fn associations(calls: &OfLane<'_>, start: f64, gaps: &mut Vec<Gap>) {
    let mut turn = 0.0;
    for (number, (place, call)) in calls.iter().enumerate() {
        let before = number.checked_sub(1).map(|before| calls[before].1);
        let silence = before.map_or(0.0, |before| call.at - before.at);
        if call.operation == "ListInstanceAssociations" && call.body.get("NextToken").is_none() {
            gaps.push(gap("poll after its turn", *place, call.at - start - turn * 600.0, 0.0, 30.0 + WAY));
            turn += 1.0;
        } else if silence > 60.0 {
            // Nothing but the executor's tick wakes it then.
            let after_tick = (call.at - start + WAY) % 300.0 - WAY;
            gaps.push(gap("executor's tick", *place, after_tick, -WAY, WAY));
        }
    }
}

fn messages(calls: &OfLane<'_>, gaps: &mut Vec<Gap>) {
    let polls: Vec<_> = calls.iter().filter(|(_, call)| call.operation == "GetMessages").collect();
    for pair in polls.windows(2) {
        let ((_, before), (place, call)) = (pair[0], pair[1]);
        gaps.push(match before.is_held {
            // The stub holds for 18 s, the agent asks again at once.
            true => gap("poll for messages, held", *place, call.at - before.at, 18.0, 18.0 + WAY),
            false => gap("poll for messages, answered at once", *place, call.at - before.at, 2.0, 2.5 + WAY),
        });
    }
}

fn channel(calls: &OfLane<'_>, gaps: &mut Vec<Gap>) {
    let creations: Vec<_> =
        calls.iter().filter(|(_, call)| call.operation == "CreateControlChannel").collect();
    let mut failures = 0;
    for pair in creations.windows(2) {
        let ((_, before), (place, call)) = (pair[0], pair[1]);
        if before.status != 201 {
            let scale = f64::from(1 << failures);
            failures += 1;
            gaps.push(gap(
                "control channel again",
                *place,
                call.at - before.at,
                5.0 * scale,
                15.0 * scale + WAY,
            ));
        }
    }
    // The first one is counted from the opening.
    let is_ping = |operation: &str| matches!(operation, "frame of the opening" | "frame keepalive");
    let pings: Vec<_> = calls.iter().filter(|(_, call)| is_ping(&call.operation)).collect();
    for pair in pings.windows(2).filter(|pair| pair[1].1.operation == "frame keepalive") {
        let ((_, before), (place, call)) = (pair[0], pair[1]);
        gaps.push(gap("ping", *place, call.at - before.at, 54.0 - WAY, 54.0 + WAY));
    }
}

fn retries(calls: &OfLane<'_>, gaps: &mut Vec<Gap>) {
    let mut retry = 0;
    for pair in calls.windows(2) {
        let ((_, before), (place, call)) = (pair[0], pair[1]);
        let is_same = before.operation == call.operation && before.body == call.body;
        if before.is_to_be_retried() && is_same {
            let scale = f64::from(1 << retry);
            gaps.push(gap("retry", place, call.at - before.at, scale, 1.5 * scale + WAY));
            retry += 1;
        } else {
            retry = 0;
        }
    }
}
