//! What a call meets of the faults in force when it is made.
//!
//! The shard asks when a node calls, so that it is the same in virtual time and
//! over sockets; whoever carries the call obeys. Chances are drawn for (node,
//! fault, lane, call), so that one fault more changes no other's draws.

use std::collections::BTreeMap;

use agent::fault::Share;
use agent::fault::http::Operations;
use agent::fault::passage::{Meddling, Passage};
use agent::identity::Identity;
use agent::lane::LaneName;
use shared::seed::Draw;
use shared::time::Timestamp;

use super::{Board, Window};
use crate::scenario::fault::Fault;

/// A call that is about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Called {
    /// By whom.
    pub node: Identity,
    /// The node's draws.
    pub draw: Draw,
    /// By which of its lanes.
    pub lane: LaneName,
    /// Which of the lane's calls.
    pub number: u32,
    /// What is asked.
    pub operation: &'static str,
}

/// How many calls met a fault that strikes the first ones only: by fault, node
/// and operation.
#[derive(Debug, Default)]
pub struct Counts(BTreeMap<(u32, u32, &'static str), u32>);

/// What this call meets; nothing, mostly.
pub fn passage(board: &Board, call: Called, now: Timestamp, counts: &mut Counts) -> Option<Box<Passage>> {
    let mut passage = Passage::default();
    for window in board.striking(call.node, now) {
        if meet(&mut passage, window, call, counts) {
            passage.faults.push((window.number, window.name.clone()));
        }
    }
    (!passage.faults.is_empty()).then(|| Box::new(passage))
}

/// What a message meets that comes to this node by itself; `number` tells it from others.
pub fn of_push(
    board: &Board,
    node: Identity,
    draw: Draw,
    number: u64,
    now: Timestamp,
) -> Option<Box<Passage>> {
    let (draw, lane) = (draw.part(number), LaneName::ControlChannel);
    let call = Called { node, draw, lane, number: 0, operation: PUSHED };
    passage(board, call, now, &mut Counts::default())
}

/// What is pushed is no operation, and no fault of operations strikes it.
const PUSHED: &str = "";

/// Meets one fault; says whether that makes a difference to this call.
fn meet(passage: &mut Passage, window: &Window, call: Called, counts: &mut Counts) -> bool {
    let draw = call.draw.part(u64::from(window.number)).part(call.lane as u64).part(u64::from(call.number));
    let strikes = |operations: &Operations, share: Share| {
        call.operation != PUSHED
            && operations.contains(call.operation)
            && draw.uniform("strikes", 0) < share.fraction()
    };
    match &window.fault {
        // The plane does these itself.
        Fault::DroppedWrites(_)
        | Fault::PlaneLatency(_)
        | Fault::ServerError(_)
        | Fault::StaleReads(_)
        | Fault::Throttling(_) => return false,
        Fault::Latency(fault) => passage.delay(fault, draw),
        Fault::Bandwidth(fault) => passage.narrow(fault),
        Fault::LimitData(fault) => passage.limit(fault),
        Fault::ResetPeer(fault) => passage.reset(fault),
        Fault::Slicer(fault) => passage.slice(fault, draw),
        Fault::Timeout(fault) => {
            passage.swallow(fault);
            passage.holders.push(window.number);
        }
        Fault::Partition(fault) => {
            passage.cut(fault);
            passage.holders.push(window.number);
        }
        Fault::Abort(fault) => {
            return strikes(&fault.operations, fault.share) && meddle(passage, Meddling::Aborts);
        }
        Fault::LostAcknowledgement(fault) => {
            return strikes(&fault.operations, fault.share) && meddle(passage, Meddling::LosesAnswer);
        }
        Fault::ReplaceStatus(fault) => {
            return strikes(&fault.operations, fault.share)
                && meddle(passage, Meddling::Replaces(fault.into()));
        }
        Fault::FailFirst(fault) => {
            return strikes(&fault.operations, Share::ALL)
                && counts.is_among_first(fault.calls, window, call)
                && meddle(passage, Meddling::Answers(fault.into()));
        }
        // What strikes nodes is behind the call when it goes its way.
        _ => return false,
    }
    true
}

/// Does something to the call, unless a fault before it does already.
fn meddle(passage: &mut Passage, meddling: Meddling) -> bool {
    let is_first = passage.meddling == Meddling::None;
    if is_first {
        passage.meddling = meddling;
    }
    is_first
}

impl Counts {
    fn is_among_first(&mut self, calls: u32, window: &Window, call: Called) -> bool {
        let count = self.0.entry((window.number, call.node.number, call.operation)).or_default();
        *count = count.saturating_add(1);
        *count <= calls
    }
}
