//! What becomes of the reports of a struck node: sent twice, late, out of order,
//! broken off, filled up.
//!
//! A report that goes out later is taken for answered at once, so that the node
//! goes on and later reports may overtake it.

use std::sync::Arc;

use shared::seed::Draw;
use shared::time::Period;

use crate::call::spoiled::{Spoiled, Spoiling};
use crate::call::{Call, Outcome, Request};
use crate::fault::named::{Misfit, UNKNOWN_PLATFORM};
use crate::fault::strike::Strike;
use crate::lane::LaneName;
use crate::node::{Action, Dispatch, Node, Turn};

/// Whether a call tells how a run stands, or what the node complies with.
fn is_report(call: &Call) -> bool {
    matches!(call, Call::ReportStatus(_) | Call::PutCompliance(_))
}

impl Node {
    /// Sends a call that is new out, or has it sent as what strikes the node will have it.
    pub(crate) fn send_out(&mut self, dispatch: Dispatch, turn: &mut Turn<'_>) {
        let Some(struck) = self.struck.as_mut().filter(|_| is_report(&dispatch.call)) else {
            turn.actions.push(Action::Call(dispatch));
            return;
        };
        let copies = struck.strikes().map(|(strike, _)| match strike {
            Strike::DuplicateReports(duplicates) => duplicates.times,
            _ => 0,
        });
        let copies: u32 = copies.sum();
        let wait =
            delay(struck.strikes().map(|(strike, _)| strike), turn.draw, dispatch.lane, dispatch.number);
        for _ in 0..copies {
            turn.actions.push(Action::Aside(dispatch.clone(), wait.unwrap_or(Period::ZERO)));
        }
        match wait {
            None => turn.actions.push(Action::Call(dispatch)),
            Some(wait) => {
                struck.told.push((dispatch.lane, dispatch.number));
                turn.actions.push(Action::Aside(dispatch, wait));
            }
        }
    }

    /// Has the node go on as if the reports that go out later were answered.
    pub(crate) fn take_for_answered(&mut self, turn: &mut Turn<'_>) {
        while let Some((lane, number)) = self.struck.as_mut().and_then(|struck| struck.told.pop()) {
            self.answered(lane, number, Outcome::Done, turn);
        }
    }

    /// The request as what strikes the node has made it.
    pub(crate) fn spoil(&self, dispatch: &Dispatch, request: Request) -> Request {
        let is_heartbeat = matches!(dispatch.call, Call::Probe | Call::Heartbeat);
        if is_heartbeat && self.misfit() == Some(Misfit::Unknown) {
            return spoiled(request, Spoiling::Platform(UNKNOWN_PLATFORM));
        }
        let Some(struck) = self.struck.as_ref().filter(|_| is_report(&dispatch.call)) else { return request };
        struck.strikes().fold(request, |request, (strike, _)| match strike {
            Strike::MalformedReports => spoiled(request, Spoiling::CutShort),
            Strike::HugeReports(huge) => spoiled(request, Spoiling::Filled(huge.bytes)),
            _ => request,
        })
    }
}

fn spoiled(request: Request, how: Spoiling) -> Request {
    Request::Spoiled(Arc::new(Spoiled { request, how }))
}

/// How much later a report goes out, if it does.
fn delay<'a>(
    strikes: impl Iterator<Item = &'a Strike>,
    draw: Draw,
    lane: LaneName,
    number: u32,
) -> Option<Period> {
    let waits = strikes.filter_map(|strike| match strike {
        Strike::LateReports(late) => Some(late.by),
        Strike::ReorderedReports(reordered) => {
            Some(draw.part(lane as u64).period("reordered", u64::from(number), reordered.within))
        }
        _ => None,
    });
    waits.reduce(|sum, wait| sum + wait)
}
