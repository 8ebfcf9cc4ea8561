//! What the plane does by itself: executions, joining and leaving, deletion.
//!
//! Everything that grows with the fleet is done here in pieces of at most a
//! thousand records, each an entry of the timers; a piece that is not the last
//! puts down the next one for the same instant. Handlers only put entries down.
//! Agents' reports are taken in by [`report`], within the call that brings them.
//!
//! Invariant: an association runs once at a time on a node, and each of its
//! nodes has exactly one row in each execution that it was gathered for. Nobody
//! is let into an execution that is halted or is not the newest.

pub(crate) mod admission;
mod automation;
pub(crate) mod command;
pub(crate) mod delivery;
mod dispatch;
pub(crate) mod document_event;
pub(crate) mod gate;
mod group;
mod membership;
pub(crate) mod refresh;
pub(crate) mod report;
pub(crate) mod steering;
#[cfg(test)]
mod tests;
mod watch;

use shared::time::Timestamp;

use crate::state::State;
use crate::state::timer::Work;

/// How many records one piece of work touches at most.
pub(crate) const PIECE: usize = 1_000;

/// Does one piece of work.
pub(crate) fn run(state: &mut State, now: Timestamp, work: Work) {
    match work {
        Work::Resolve { association } => membership::resolve(state, association),
        Work::Due { association, version } => dispatch::due(state, now, association, version),
        Work::DocumentChanged { event, from } => document_event::spread_change(state, now, event, from),
        Work::Dispatch { association } => dispatch::dispatch(state, now, association),
        Work::Spread { association, execution } => dispatch::spread(state, now, association, execution),
        Work::Match { node, from } => membership::rematch(state, now, node, from),
        Work::Forget { association } => {
            automation::forget(state, now, association);
            membership::forget(state, now, association);
        }
        Work::Revise { association, from } => membership::revise(state, now, association, from),
        Work::Expire { association, execution, row } => {
            watch::expire(state, now, association, execution, row);
        }
        Work::Regroup { from } => group::regroup(state, now, from),
        Work::Survey { association, from } => group::survey(state, now, association, from),
        Work::SpreadCommand { command } => command::spread(state, now, command),
        Work::AdmitCommand { command } => command::settle(state, now, command),
        Work::StopCommand { command, after } => command::stop(state, now, command, after),
        Work::CancelCommand { command, after } => command::cancel(state, now, command, after),
        Work::ExpireCommand { command, after } => command::expire(state, now, command, after),
        Work::ForgetCommand { command } => command::forget(state, now, command),
        Work::GatherRunbook { association, execution } => {
            automation::gather(state, now, association, execution);
        }
        Work::EndAutomation { automation } => automation::end(state, now, automation),
        Work::RollOut { association, execution } => automation::roll_out(state, now, association, execution),
        Work::ForgetAutomation { automation } => state.automations.forget(automation),
        Work::Withdraw { association, execution, row } => {
            admission::withdraw(state, now, association, execution, row);
        }
        Work::Open { association } => gate::open(state, now, association),
        Work::Sound { from } => gate::sound(state, now, from),
        Work::Elapse { association, execution, row } => {
            gate::elapse(state, now, association, execution, row);
        }
        Work::Admit { association, execution } => admission::settle(state, now, association, execution),
        Work::GiveUp { association, execution } => admission::give_up(state, now, association, execution),
    }
}
