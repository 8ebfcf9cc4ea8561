//! What becomes of a command by itself: its nodes are gathered and let in, it is
//! stopped, it is cancelled, its time runs out, it is forgotten. What nodes say of it
//! is `delivery`'s.
//!
//! MaxConcurrency holds nodes back: an end on one lets in the next. Once more nodes
//! failed than MaxErrors bears, nobody gets it any more: who has not fetched it is
//! terminated, who has goes on to its end (E, with Run Command's defaults).
//!
//! Invariant: nobody is let in before all nodes are gathered, for until then nobody
//! knows what a share of them is.

use std::ops::Bound;

use shared::id::NodeId;
use shared::time::Timestamp;

use super::{PIECE, dispatch};
use crate::state::State;
use crate::state::command::{Command, CommandNumber, Delivery};
use crate::state::execution::Spread;
use crate::state::rate::RateRules;
use crate::state::target::Conditions;
use crate::state::timer::Work;

/// Gathers the next nodes of a command that names conditions.
pub(super) fn spread(state: &mut State, now: Timestamp, number: CommandNumber) {
    let Some(command) = state.commands.get(number) else { return };
    let Spread::Going(after) = command.spread else { return };
    let targets = command.request.targets.as_deref().unwrap_or_default();
    let conditions = Conditions::read(targets, &state.world);
    let piece = conditions
        .as_ref()
        .map_or_else(|_| Vec::new(), |conditions| dispatch::lookup(&state.nodes, conditions.lead(), after));
    let deliver = |id: &NodeId| {
        let node = state.nodes.get(state.nodes.number(*id)?);
        let platform = node.facts.platform_type;
        let fits = platform.is_none_or(|platform| command.platforms.contains(&platform));
        let delivery = if fits { Delivery::Queued } else { Delivery::InvalidPlatform };
        conditions.as_ref().is_ok_and(|conditions| conditions.hold(node)).then_some((*id, delivery))
    };
    // What was cancelled while its nodes were gathered goes to no more of them.
    let parts: Vec<_> =
        if command.is_cancelled { Vec::new() } else { piece.iter().filter_map(deliver).collect() };
    let next = piece.last().filter(|_| piece.len() == PIECE && !command.is_cancelled).copied();
    for (node, delivery) in parts {
        state.commands.set(number, node, delivery);
    }
    let Some(command) = state.commands.get_mut(number) else { return };
    command.spread = next.map_or(Spread::Done, |last| Spread::Going(Some(last)));
    if next.is_some() {
        state.timers.add(now, Work::SpreadCommand { command: number });
    } else {
        settle(state, now, number);
    }
}

/// Does what follows from a change in a command: stops it, or lets in the next
/// nodes for which there is room.
pub(crate) fn settle(state: &mut State, now: Timestamp, number: CommandNumber) {
    let rules = RateRules::of_commands(&state.config);
    let Some(command) = state.commands.get_mut(number) else { return };
    if command.spread != Spread::Done || command.is_cancelled || command.is_stopped {
        return;
    }
    if command.must_stop(rules.rounding) {
        command.is_stopped = true;
        state.timers.add(now, Work::StopCommand { command: number, after: None });
        return;
    }
    for _ in 0..PIECE {
        let next = state.commands.get(number).and_then(|command| command.next_held(rules));
        let Some(node) = next else { return };
        state.commands.set(number, node, Delivery::Pending);
    }
    state.timers.add(now, Work::AdmitCommand { command: number });
}

/// Takes a stopped command back from its next nodes, if they have not fetched it.
pub(super) fn stop(state: &mut State, now: Timestamp, number: CommandNumber, after: Option<NodeId>) {
    let stopped = |command: &Command, node: NodeId, part| match part {
        Delivery::Queued => Some(Delivery::Terminated),
        Delivery::Pending if !command.hidden.contains_key(&node) => Some(Delivery::Terminated),
        _ => None,
    };
    if let Some(last) = end(state, number, after, stopped) {
        state.timers.add(now, Work::StopCommand { command: number, after: Some(last) });
    }
}

/// Cancels a command on its next nodes.
pub(super) fn cancel(state: &mut State, now: Timestamp, number: CommandNumber, after: Option<NodeId>) {
    if let Some(last) = end(state, number, after, cancelled) {
        state.timers.add(now, Work::CancelCommand { command: number, after: Some(last) });
    }
}

/// What a part becomes that is cancelled. Whom the command may have reached is
/// told to end it.
pub(crate) fn cancelled(command: &Command, node: NodeId, part: Delivery) -> Option<Delivery> {
    match part {
        Delivery::Queued => Some(Delivery::Cancelled),
        Delivery::Pending if !command.hidden.contains_key(&node) => Some(Delivery::Cancelled),
        Delivery::Pending | Delivery::InProgress => Some(Delivery::Cancelling),
        _ => None,
    }
}

/// Ends a command on its next nodes, for it was not delivered in time, or, once
/// nothing of it can run any more, did not end.
pub(super) fn expire(state: &mut State, now: Timestamp, number: CommandNumber, after: Option<NodeId>) {
    let expired = |command: &Command, _node: NodeId, part| match part {
        Delivery::Pending | Delivery::Queued => Some(Delivery::TimedOut),
        Delivery::InProgress if now >= command.expires => Some(Delivery::ExecutionTimedOut),
        Delivery::Cancelling if now >= command.expires => Some(Delivery::Cancelled),
        _ => None,
    };
    if let Some(last) = end(state, number, after, expired) {
        state.timers.add(now, Work::ExpireCommand { command: number, after: Some(last) });
    }
    settle(state, now, number);
}

/// Moves the parts on the next nodes to what `next` says. Answers the last of
/// these nodes if there are more.
fn end(
    state: &mut State,
    number: CommandNumber,
    after: Option<NodeId>,
    next: impl Fn(&Command, NodeId, Delivery) -> Option<Delivery>,
) -> Option<NodeId> {
    let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let command = state.commands.get(number)?;
    let piece: Vec<(NodeId, Option<Delivery>)> = command
        .parts
        .range::<NodeId, _>(from)
        .take(PIECE)
        .map(|(node, part)| (*node, next(command, *node, *part)))
        .collect();
    for (node, delivery) in &piece {
        if let Some(delivery) = delivery {
            state.commands.set(number, *node, *delivery);
        }
    }
    piece.last().filter(|_| piece.len() == PIECE).map(|(node, _)| *node)
}

/// Forgets a command, piece by piece.
pub(super) fn forget(state: &mut State, now: Timestamp, number: CommandNumber) {
    if state.commands.forget(number, PIECE) {
        state.timers.add(now, Work::ForgetCommand { command: number });
    }
}
