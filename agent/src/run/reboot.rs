//! A step asks for a reboot: the node goes, comes back, and goes on.
//!
//! The step is reported as one that did well, then the agent stops all it does
//! and has the machine rebooted. When it is back it starts as at first: probe,
//! heartbeat, polls; what it knew of associations is gone. The document is taken
//! up where it was left, with the same step. One that was taken up too often
//! is put aside, and nobody hears of it (agent/framework/processor:
//! `processInProgressDocuments`). When only the agent dies, the document's own
//! process goes on, and what it came to is told when the agent is back.
//!
//! Invariant: a node that is away calls nobody.

use shared::time::{Period, Timestamp};

use crate::call::Call;
use crate::execution::{self, StepResult};
use crate::lane::LaneName;
use crate::lifecycle::{Lifecycle, WORKER_START};
use crate::node::{Node, Note, Turn};

use super::{AssociationStatus, Phase, Run};

/// How often a document is taken up again. `Mds.CommandRetryLimit`.
const RETRY_LIMIT: u32 = 15;

impl Run {
    /// Whether it waits for the agent to come back.
    pub(crate) fn is_away(&self) -> bool {
        self.phase == Phase::Away || self.is_detached
    }

    /// Puts down that the node is to be rebooted. A document that a step runs does
    /// not outlive that: its step begins anew.
    pub(super) fn ask_for_reboot(&mut self, result: StepResult, away: Period) {
        self.passes.truncate(1);
        self.package = None;
        let fetched = self.passes[0].document.clone();
        let Ok(document) = &fetched.document else { return };
        let index = self.passes[0].results.len();
        let summary = execution::step_summary(document, index, &result);
        let report = self.report_with_output(AssociationStatus::InProgress, None, summary);
        self.reports.push_back(report);
        self.passes[0].begun += 1;
        self.away = Some(away);
    }
}

impl Node {
    /// Goes away for so long. What was asked meanwhile stays unanswered.
    pub(super) fn reboot(&mut self, away: Period, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        run.away = None;
        run.phase = Phase::Away;
        turn.note(Note::Rebooting(run.association.id));
        if self.lifecycle == Lifecycle::Stopped {
            self.run = None;
            return;
        }
        let back = turn.now + away;
        self.lifecycle = Lifecycle::Starting;
        self.poll = None;
        self.known.clear();
        self.known.shrink_to_fit();
        self.asked_twice = false;
        if let Some(messaging) = &mut self.messaging {
            messaging.forget();
        }
        for name in LaneName::ALL {
            let lane = self.lane(name);
            let was_calling = lane.outstanding.take().is_some();
            lane.due = match name {
                // Whatever was to be done about credentials is done at the start.
                LaneName::Credentials if was_calling => back,
                LaneName::Credentials => lane.due.max(back),
                LaneName::Health => back + WORKER_START,
                // Its channels were forgotten above.
                LaneName::Associations
                | LaneName::Execution
                | LaneName::ControlChannel
                | LaneName::Messages
                | LaneName::Replies => Timestamp::NEVER,
            };
        }
    }

    /// The machine goes down at once: a document whose steps have begun is taken up
    /// again with the step that was under way, unless the disk is lost as well.
    pub(crate) fn interrupt_run(&mut self, is_disk_lost: bool) {
        let Some(run) = &mut self.run else { return };
        if is_disk_lost || !matches!(run.phase, Phase::Steps | Phase::Away) {
            self.run = None;
            return;
        }
        run.passes.truncate(1);
        run.passes[0].begun += 1;
        run.phase = Phase::Away;
        run.is_detached = false;
        (run.step, run.step_due) = (None, Timestamp::NEVER);
        (run.package, run.upload, run.call, run.asking, run.away) = (None, None, None, None, None);
        run.reports.clear();
    }

    /// The agent works again: a document that a reboot interrupted goes on.
    pub(crate) fn resume_run(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = self.run.as_mut().filter(|run| run.is_away()) else { return };
        if run.resumed == RETRY_LIMIT {
            turn.note(Note::GivenUp(run.association.id));
            self.run = None;
            return;
        }
        run.resumed += 1;
        if std::mem::take(&mut run.is_detached) {
            return self.report_next(turn);
        }
        run.phase = Phase::Steps;
        run.worker_since = turn.now;
        self.begin_steps(turn);
    }

    /// The agent dies: a document whose steps have begun goes on in a process of
    /// its own, and its results are told when the agent is back. Anything else of
    /// a run is lost. As agent/framework/processor/executer/outofproc.
    pub(crate) fn detach_run(&mut self) {
        let call = self.lane(LaneName::Execution).outstanding.take().map(|outstanding| outstanding.call);
        let Some(run) = &mut self.run else { return };
        if run.phase != Phase::Steps {
            self.run = None;
            return;
        }
        run.is_detached = true;
        match call {
            // What a report came to nobody will know.
            None | Some(Call::ReportStatus(_) | Call::PutCompliance(_)) => {}
            Some(own) => run.call = Some(own),
        }
    }
}
