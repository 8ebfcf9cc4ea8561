//! The run of an association: its reports, its steps, its compliance.
//!
//! One association runs at a time, the first due one in the plane's order.
//! Reports are calls of the execution lane, one after another: Pending,
//! InProgress, one per step, the final one, then compliance
//! (agent/association/processor.go). Steps do not wait for reports: they are
//! due instants of their own. Working off the document is `document_worker`'s
//! part, whose calls go through the same lane; a reboot is `reboot`'s.
//!
//! Invariant: one association never runs twice at once, as in the real agent.

use std::collections::VecDeque;
use std::sync::Arc;

use shared::id::AssociationId;
use shared::status::{AgentErrorCode, AssociationStatus};
use shared::time::{Period, Timestamp};

use crate::association::{Association, Executed, KnownStatus};
use crate::call::{Call, Outcome, Report};
use crate::catalogue::Fetched;
use crate::compliance;
use crate::document_worker::{DocumentWorker, Order, Progress, Site};
use crate::execution::{self, StepResult};
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Ended, Fatality, Node, Note, Purpose, Turn};
use crate::reboot::RETRY_LIMIT;
use crate::wait_timer::{self, next_tick};

/// A run under way.
#[derive(Debug)]
pub struct Run {
    association: Arc<Association>,
    started: Timestamp,
    phase: Phase,
    pub(crate) worker: DocumentWorker,
    /// How many steps were reported.
    reported: usize,
    /// How long the node will be away, once a step has asked for a reboot.
    pub(crate) away: Option<Period>,
    /// Whether the agent that began it is gone, while the document's worker goes on.
    is_detached: bool,
    /// How often it was taken up again.
    resumed: u32,
    /// What is still to be reported, oldest first.
    reports: VecDeque<Arc<Report>>,
    status: AssociationStatus,
    is_reported: bool,
    ended: Timestamp,
    /// Whether the executor stops after it: a document that cannot be parsed.
    stalls: bool,
}

/// What is being done. While steps run, their reports queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Pending,
    Asking,
    InProgress,
    Steps,
    /// The node is away; the last step is taken up again when it is back.
    Away,
    Final,
    Compliance,
}

impl Node {
    /// Looks for something to run, and sets when to look again.
    pub(crate) fn execution_due(&mut self, turn: &mut Turn<'_>) {
        let Lifecycle::Online { since } = self.lifecycle else { return };
        if self.run.is_some() || self.lane(LaneName::Execution).outstanding.is_some() {
            return;
        }
        let timing = &self.identity.cohort(turn.catalogue).timing;
        let lane = &mut self.lanes[LaneName::Execution as usize];
        let Some(first) = self.known.iter().position(|known| known.due <= turn.now) else {
            return wait_timer::set(lane, &mut self.known, since, timing.safety_tick);
        };
        wait_timer::stop(lane, &mut self.known, turn.now);
        let known = &self.known[first];
        if known.status != KnownStatus::InProgress {
            self.start(first, turn);
        } else if known.last_execution().is_some_and(|last| turn.now.since(last) > timing.stuck_after) {
            self.report_stuck(first, turn);
        } else {
            self.lane(LaneName::Execution).due = next_tick(since, timing.safety_tick, turn.now);
        }
    }

    fn start(&mut self, index: usize, turn: &mut Turn<'_>) {
        let number = self.next_run();
        let known = &mut self.known[index];
        known.status = KnownStatus::Pending;
        let run = Run::new(known.association.clone(), known.document.clone(), number, turn.now);
        turn.note(Note::Started(run.association.id));
        let report = run.report(AssociationStatus::Pending, None, "Association is pending".into());
        self.run = Some(Box::new(run));
        self.send_report(report, turn);
    }

    fn report_stuck(&mut self, index: usize, turn: &mut Turn<'_>) {
        let number = self.next_run();
        let known = &self.known[index];
        let mut run = Run::new(known.association.clone(), known.document.clone(), number, turn.now);
        let summary = "Association stuck at InProgress for longer than 2 hours".into();
        run.stalls = true;
        run.end(AssociationStatus::Failed, Some(AgentErrorCode::StuckAtInProgress), summary, turn.now);
        self.run = Some(Box::new(run));
        self.report_next(turn);
    }

    fn send_report(&mut self, report: Arc<Report>, turn: &mut Turn<'_>) {
        let id = report.association.id;
        if let Some(known) = self.known.iter_mut().find(|known| known.association.id == id) {
            known.status = KnownStatus::from(report.status);
        }
        self.call(LaneName::Execution, Call::ReportStatus(report), turn.now, turn);
    }

    /// Sends the oldest report that waits, or else makes the worker's call, if the lane is free.
    fn report_next(&mut self, turn: &mut Turn<'_>) {
        if self.lane(LaneName::Execution).outstanding.is_some() {
            return;
        }
        let Some(run) = self.run.as_mut().filter(|run| !run.is_detached) else { return };
        if let Some(report) = run.reports.pop_front() {
            if report.status.is_terminal() {
                run.phase = Phase::Final;
            }
            self.send_report(report, turn);
        } else if let Some(call) = run.worker.call.take() {
            self.call(LaneName::Execution, call, turn.now, turn);
        }
    }

    /// Takes the document as far as `how` does, and tells of what that came to.
    fn work(
        &mut self,
        turn: &mut Turn<'_>,
        how: impl FnOnce(&mut DocumentWorker, &mut Site<'_>) -> Progress,
    ) {
        let (platform, machine) = (self.platform(turn.catalogue), self.machine(turn.draw));
        let mut taken = self.inventory_taken();
        let Some(run) = &mut self.run else { return };
        let mut site = Site {
            cohort: self.identity.cohort(turn.catalogue),
            platform,
            index: self.identity.index,
            known: &self.known,
            taken: &mut taken,
            struck: self.struck.as_deref(),
            machine,
            draw: turn.draw,
            now: turn.now,
        };
        let progress = how(&mut run.worker, &mut site);
        if std::mem::take(&mut run.worker.has_gathered) {
            turn.note(Note::InventoryGathered(run.association.id));
            let lane = &mut self.lanes[LaneName::Credentials as usize];
            lane.turns = taken.bits();
        }
        // Nobody polls for a step of an association.
        run.worker.refreshes = None;
        run.report_steps();
        match progress {
            Progress::Waits => {}
            Progress::Ready => return self.begin_document(turn),
            Progress::Unfit(reason) => return self.cannot_begin(true, &reason, turn),
            Progress::Reboots(result, away) => run.ask_for_reboot(&result, away),
            Progress::Over => run.end_document(turn.now),
            Progress::Stopped => run.stop_document(turn.now),
        }
        self.report_next(turn);
    }

    /// The time of the step under way is over.
    pub(crate) fn step_ended(&mut self, turn: &mut Turn<'_>) {
        self.work(turn, DocumentWorker::step_ended);
    }

    pub(crate) fn execution_answered(&mut self, call: &Call, outcome: &Outcome, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        if matches!(call, Call::ReportStatus(_)) && !outcome.is_done() {
            // As in the real agent: logged, never sent again.
            turn.note(Note::ReportLost);
        }
        if DocumentWorker::makes(call) {
            return self.work(turn, |worker, site| worker.answered(call, outcome, site));
        }
        match run.phase {
            Phase::Pending => self.begin(turn),
            Phase::InProgress => {
                run.phase = Phase::Steps;
                self.work(turn, DocumentWorker::begin);
            }
            Phase::Steps => self.report_next(turn),
            // Nothing is reported meanwhile.
            Phase::Asking | Phase::Away => {}
            Phase::Final => {
                run.is_reported = outcome.is_done();
                run.phase = Phase::Compliance;
                self.note_end(turn);
                self.put_compliance(turn);
            }
            Phase::Compliance => self.end_run(turn),
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        let fetched = run.worker.fetched().clone();
        match &fetched.document {
            Ok(_) => {
                run.phase = Phase::Asking;
                self.work(turn, DocumentWorker::prepare);
            }
            Err(error) => self.cannot_begin(error.names_association(), &error.agent_text(), turn),
        }
    }

    /// The document is sound, and all that it refers to is known.
    fn begin_document(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        run.phase = Phase::InProgress;
        let report = run.report(AssociationStatus::InProgress, None, "Executing association".into());
        self.send_report(report, turn);
    }

    /// Ends a run before its first step.
    fn cannot_begin(&mut self, names_association: bool, reason: &str, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        let id = if names_association { run.association.spelled_id() } else { String::new() };
        let summary = format!("Encountered error while parsing association {id}, {reason}");
        // The real agent's executor returns here without taking up the next one.
        run.stalls = true;
        run.end(AssociationStatus::Failed, Some(AgentErrorCode::InvalidAssoc), summary, turn.now);
        self.report_next(turn);
    }

    /// The agent works again: a document that a reboot interrupted goes on.
    pub(crate) fn resume_run(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = self.run.as_mut().filter(|run| run.is_away()) else { return };
        if run.resumed == RETRY_LIMIT {
            turn.note(Note::GivenUp(Purpose::Association(run.association.id)));
            self.run = None;
            return;
        }
        run.resumed += 1;
        if std::mem::take(&mut run.is_detached) {
            return self.report_next(turn);
        }
        run.phase = Phase::Steps;
        self.work(turn, DocumentWorker::begin);
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
        // What a report came to nobody will know.
        if let Some(own) = call.filter(DocumentWorker::makes) {
            run.worker.call = Some(own);
        }
    }

    fn put_compliance(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        let is_compliant = run.status == AssociationStatus::Success;
        let (id, status, stalls) = (run.association.id, run.status, run.stalls);
        if let Some(known) = self.known.iter_mut().find(|known| known.association.id == id) {
            known.executed = Some(Executed { at: turn.now, is_compliant });
            // What stalls stays due: the next tick takes it up again, before all after it.
            if !stalls && known.ran(status, turn.now).is_err() {
                self.die(Fatality::Schedule, turn);
                return;
            }
        }
        let items = compliance::executed_items(&self.known);
        self.call(LaneName::Execution, Call::PutCompliance(items.into()), turn.now, turn);
    }

    /// Tells of the end once the plane has heard of it; compliance adds nothing to it.
    fn note_end(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = &self.run else { return };
        let is_foreign = run.worker.is_foreign();
        if is_foreign && !self.has_met_foreign_document {
            self.has_met_foreign_document = true;
            turn.note(Note::MetForeignDocument);
        }
        turn.note(Note::Ended(Ended {
            association: run.association.id,
            status: run.status,
            started: run.started,
            ended: run.ended,
            is_reported: run.is_reported,
            is_foreign,
        }));
    }

    fn end_run(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = self.run.take() else { return };
        match self.lifecycle {
            Lifecycle::Online { since } if run.stalls => {
                let every = self.identity.cohort(turn.catalogue).timing.safety_tick;
                self.lane(LaneName::Execution).due = next_tick(since, every, turn.now);
            }
            _ => self.execution_due(turn),
        }
    }
}

impl Run {
    /// Whether it waits for the agent to come back.
    pub(crate) fn is_away(&self) -> bool {
        self.phase == Phase::Away || self.is_detached
    }

    /// The node goes down; says whether the run outlives that.
    pub(crate) fn go_away(&mut self) -> bool {
        if self.phase != Phase::Steps {
            return false;
        }
        if self.away.take().is_none() {
            self.worker.interrupt();
        }
        self.phase = Phase::Away;
        true
    }

    /// The machine goes down at once; says whether the run outlives that, which it
    /// does not if the disk is lost as well.
    pub(crate) fn is_interrupted(&mut self, is_disk_lost: bool) -> bool {
        if is_disk_lost || !matches!(self.phase, Phase::Steps | Phase::Away) {
            return false;
        }
        self.worker.interrupt();
        self.phase = Phase::Away;
        self.is_detached = false;
        self.away = None;
        self.reports.clear();
        true
    }

    /// Whether all of it is told that is to be told before a reboot.
    pub(crate) fn is_told(&self) -> bool {
        self.reports.is_empty()
    }

    /// Of which association, and since when.
    pub(crate) fn begun(&self) -> (AssociationId, Timestamp) {
        (self.association.id, self.started)
    }

    fn new(association: Arc<Association>, document: Arc<Fetched>, number: u32, now: Timestamp) -> Self {
        let order = Order {
            name: association.name.clone(),
            document,
            parameters: association.parameters.clone(),
            association: Some(association.id),
            stores_output: stores_output(&association),
            number: u64::from(number),
        };
        Self {
            association,
            started: now,
            phase: Phase::Pending,
            worker: DocumentWorker::new(order, now),
            reported: 0,
            away: None,
            is_detached: false,
            resumed: 0,
            reports: VecDeque::new(),
            status: AssociationStatus::InProgress,
            is_reported: false,
            ended: now,
            stalls: false,
        }
    }

    fn report(
        &self,
        status: AssociationStatus,
        error_code: Option<AgentErrorCode>,
        summary: String,
    ) -> Arc<Report> {
        let association = self.association.clone();
        Arc::new(Report { association, status, error_code, summary, output_of: None })
    }

    /// A report that names the place where the output is stored, if there is one.
    fn report_with_output(
        &self,
        status: AssociationStatus,
        error_code: Option<AgentErrorCode>,
        summary: String,
    ) -> Arc<Report> {
        let association = self.association.clone();
        Arc::new(Report { association, status, error_code, summary, output_of: Some(self.started) })
    }

    /// A step's end is reported as progress, its summary telling of that step alone.
    fn report_steps(&mut self) {
        let fetched = self.worker.fetched().clone();
        let Ok(document) = &fetched.document else { return };
        while let Some(result) = self.worker.results().get(self.reported) {
            // The way of old agents has no room for it.
            if !self.association.is_legacy {
                let summary = execution::step_summary(document, self.reported, result);
                let report = self.report_with_output(AssociationStatus::InProgress, None, summary);
                self.reports.push_back(report);
            }
            self.reported += 1;
        }
    }

    /// Puts down that the node is to be rebooted.
    fn ask_for_reboot(&mut self, result: &StepResult, away: Period) {
        let fetched = self.worker.fetched().clone();
        let Ok(document) = &fetched.document else { return };
        let summary = execution::step_summary(document, self.reported, result);
        let report = self.report_with_output(AssociationStatus::InProgress, None, summary);
        self.reports.push_back(report);
        self.away = Some(away);
    }

    /// Every step has its result.
    fn end_document(&mut self, now: Timestamp) {
        let fetched = self.worker.fetched().clone();
        let Ok(document) = &fetched.document else { return };
        let results = self.worker.results();
        let status = execution::aggregate(document.steps.len(), results).of_association();
        let status = status.expect("nothing cancels it, and a step that wants a reboot has no result yet");
        let code = (status == AssociationStatus::Failed).then_some(AgentErrorCode::ExecutionError);
        let summary = execution::summary(document, results);
        self.end(status, code, summary, now);
    }

    /// The worker was stopped: the agent lets the first step stand for all.
    /// As agent/framework/processor/executer/outofproc: `generateUnexpectedFailResult`.
    fn stop_document(&mut self, now: Timestamp) {
        let fetched = self.worker.fetched().clone();
        let Ok(document) = &fetched.document else { return };
        let summary = execution::step_summary(document, 0, &StepResult::stopped());
        self.end(AssociationStatus::Failed, Some(AgentErrorCode::ExecutionError), summary, now);
    }

    fn end(
        &mut self,
        status: AssociationStatus,
        error_code: Option<AgentErrorCode>,
        summary: String,
        now: Timestamp,
    ) {
        self.phase = Phase::Steps;
        self.status = status;
        self.ended = now;
        let report = if self.worker.results().is_empty() {
            self.report(status, error_code, summary)
        } else {
            self.report_with_output(status, error_code, summary)
        };
        self.reports.push_back(report);
    }
}

/// Whether the association says where its output goes.
fn stores_output(association: &Association) -> bool {
    let location = association.output_location.as_ref();
    let bucket = location.and_then(|location| location.s3_location.as_ref()?.output_s3_bucket_name.as_ref());
    bucket.is_some_and(|bucket| !bucket.is_empty())
}
