//! A step asks for a reboot: the node goes, comes back, and goes on.
//!
//! The step is told of as one that did well, then the agent stops all it does
//! and has the machine rebooted. When it is back it starts as at first: probe,
//! heartbeat, polls; what it knew of associations is gone. Each document that was
//! being worked off is taken up where it was left, with the same step, whichever
//! asked for the reboot: of the others the step under way begins anew. One that
//! was taken up too often is put aside, and nobody hears of it
//! (agent/framework/processor: `processInProgressDocuments`). When only the agent
//! dies, the documents' own processes go on, and what they came to is told when
//! the agent is back.
//!
//! Invariant: a node that is away calls nobody, and goes only once what was to be
//! told before is told.

use shared::time::{Period, Timestamp};

use crate::lane::LaneName;
use crate::lifecycle::{Lifecycle, WORKER_START};
use crate::node::{Node, Note, Purpose, Turn};

/// How often a document is taken up again. `Mds.CommandRetryLimit`.
pub(crate) const RETRY_LIMIT: u32 = 15;

impl Node {
    /// Goes, if a step has asked for that and nothing is left to be told.
    pub(crate) fn reboot_if_asked(&mut self, turn: &mut Turn<'_>) {
        let Some((cause, away)) = self.asks_for_reboot() else { return };
        let is_told = self.run.as_ref().is_none_or(|run| run.is_told())
            && self.lanes[LaneName::Execution as usize].outstanding.is_none()
            && self.messaging.as_ref().is_none_or(|messaging| messaging.is_told());
        if is_told {
            self.reboot(cause, away, turn);
        }
    }

    fn asks_for_reboot(&self) -> Option<(Purpose, Period)> {
        let of_run = self.run.as_ref().filter(|run| !run.is_away());
        let of_run = of_run.and_then(|run| Some((Purpose::Association(run.begun().0), run.away?)));
        of_run.or_else(|| self.messaging.as_ref()?.commands.asks_for_reboot())
    }

    /// Goes away for so long. What was asked meanwhile stays unanswered.
    fn reboot(&mut self, cause: Purpose, away: Period, turn: &mut Turn<'_>) {
        turn.note(Note::Rebooting(cause));
        if self.run.as_mut().is_some_and(|run| !run.go_away()) {
            self.run = None;
        }
        if let Some(messaging) = &mut self.messaging {
            messaging.go_down(false);
        }
        if self.lifecycle == Lifecycle::Stopped {
            self.run = None;
            if let Some(messaging) = &mut self.messaging {
                messaging.commands = messaging.commands.begun_anew();
            }
            return;
        }
        let back = turn.now + away;
        self.lifecycle = Lifecycle::Starting;
        self.poll = None;
        self.known.clear();
        self.known.shrink_to_fit();
        self.asked_twice = false;
        for name in LaneName::ALL {
            let lane = self.lane(name);
            let was_calling = lane.outstanding.take().is_some();
            lane.due = match name {
                // Whatever was to be done about credentials is done at the start.
                LaneName::Credentials if was_calling => back,
                LaneName::Credentials => lane.due.max(back),
                LaneName::Health => back + WORKER_START,
                // The other lanes are those of its channels, which were forgotten above.
                _ => Timestamp::NEVER,
            };
        }
    }
}
