//! The run of an association: its reports, its steps, its compliance.
//!
//! One association runs at a time, the first due one in the plane's order.
//! Reports are calls of the execution lane, one after another: Pending,
//! InProgress, one per step, the final one, then compliance
//! (agent/association/processor.go). Steps do not wait for reports: they are
//! due instants of their own. What a step does is `execution`'s decision; taking
//! steps up is `step`'s, documents that steps run `nested`'s, packages `package`'s, inventory `inventory`'s,
//! and what comes from the Parameter Store `asking`'s work. A reboot is in `reboot`.
//!
//! Invariant: one association never runs twice at once, as in the real agent.

mod asking;
mod inventory;
mod nested;
mod package;
mod pass;
mod reboot;
mod step;

use std::collections::VecDeque;
use std::sync::Arc;

use shared::document::Document;
use shared::id::AssociationId;
use shared::status::{AgentErrorCode, AssociationStatus};
use shared::time::{Period, Timestamp};

use crate::association::{Association, Executed, KnownStatus};
use crate::call::{Call, Outcome, Report};
use crate::catalogue::Fetched;
use crate::execution::{self, StepResult};
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Ended, Fatality, Node, Note, Turn, executed_items};

use self::asking::Asking;
use self::inventory::Upload;
use self::package::Package;
use self::pass::Pass;
use self::step::StepUnderWay;

/// A run under way.
#[derive(Debug)]
pub struct Run {
    association: Arc<Association>,
    number: u32,
    started: Timestamp,
    phase: Phase,
    /// The association's document, and each that a step of the one before runs.
    passes: Vec<Pass>,
    /// What the document that is to be begun refers to in the Parameter Store.
    asking: Option<Box<Asking>>,
    /// How many steps the platform could not run.
    foreign_steps: usize,
    /// The step under way, and how it will have gone.
    step: Option<StepUnderWay>,
    /// When it ends.
    pub(crate) step_due: Timestamp,
    /// The work on a package, if that is what the step under way is.
    package: Option<Box<Package>>,
    /// What an inventory step has uploaded, until it is answered.
    upload: Option<Box<Upload>>,
    /// A call that the document's worker is to make once the lane is free.
    call: Option<Call>,
    /// When the document's worker began.
    worker_since: Timestamp,
    /// How long the node will be away, once a step has asked for a reboot.
    away: Option<Period>,
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
        let Some(first) = self.known.iter().position(|known| known.due <= turn.now) else {
            let next = self.known.iter().map(|known| known.due).min();
            self.lane(LaneName::Execution).due = next.unwrap_or(Timestamp::NEVER);
            return;
        };
        let timing = &self.identity.cohort(turn.catalogue).timing;
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
        } else if let Some(call) = run.call.take() {
            self.call(LaneName::Execution, call, turn.now, turn);
        } else if let Some(away) = run.away {
            self.reboot(away, turn);
        }
    }

    pub(crate) fn execution_answered(&mut self, call: &Call, outcome: &Outcome, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        if matches!(call, Call::ReportStatus(_)) && !outcome.is_done() {
            // As in the real agent: logged, never sent again.
            turn.note(Note::ReportLost);
        }
        match call {
            Call::GetParameters(_) => return self.parameters_came(outcome, turn),
            Call::GetNamedDocument(_) => return self.named_document_came(outcome, turn),
            Call::GetManifest(_) => return self.manifest_came(outcome, turn),
            Call::PutPackageResult(_) => return self.package_result_told(outcome, turn),
            Call::PutInventory(_) => return self.inventory_answered(outcome, turn),
            _ => {}
        }
        match run.phase {
            Phase::Pending => self.begin(turn),
            Phase::InProgress => {
                run.phase = Phase::Steps;
                self.begin_steps(turn);
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
        let fetched = run.passes[0].document.clone();
        match &fetched.document {
            Ok(_) => {
                run.phase = Phase::Asking;
                run.asking = Some(Box::default());
                self.ask(turn);
            }
            Err(error) => self.cannot_begin(error.names_association(), &error.agent_text(), turn),
        }
    }

    /// The document is sound, and all that it refers to is known.
    fn begin_document(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        run.phase = Phase::InProgress;
        run.worker_since = turn.now;
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
        let items = executed_items(&self.known);
        self.call(LaneName::Execution, Call::PutCompliance(items.into()), turn.now, turn);
    }

    /// Tells of the end once the plane has heard of it; compliance adds nothing to it.
    fn note_end(&mut self, turn: &mut Turn<'_>) {
        let Some(run) = &self.run else { return };
        let is_foreign = run.foreign_steps > 0 && run.foreign_steps == run.passes[0].results.len();
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
    /// Of which association, and since when.
    pub(crate) fn begun(&self) -> (AssociationId, Timestamp) {
        (self.association.id, self.started)
    }

    fn new(association: Arc<Association>, document: Arc<Fetched>, number: u32, now: Timestamp) -> Self {
        Self {
            number,
            started: now,
            phase: Phase::Pending,
            passes: vec![Pass::new(association.name.clone(), document, None)],
            association,
            asking: None,
            foreign_steps: 0,
            step: None,
            step_due: Timestamp::NEVER,
            package: None,
            upload: None,
            call: None,
            worker_since: now,
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

    /// A step's end is reported as progress, its summary telling of that step
    /// alone; nobody hears of the steps of documents that steps run.
    fn step_came_to_end(&mut self, result: StepResult, document: &Document) {
        let is_outermost = self.passes.len() == 1;
        let pass = self.pass();
        let summary = execution::step_summary(document, pass.results.len(), &result);
        pass.begun = 0;
        pass.results.push(result);
        // The way of old agents has no room for it.
        if is_outermost && !self.association.is_legacy {
            let report = self.report_with_output(AssociationStatus::InProgress, None, summary);
            self.reports.push_back(report);
        }
    }

    /// The document that is being worked off: the last one begun.
    fn pass(&mut self) -> &mut Pass {
        self.passes.last_mut().expect("a run has the association's document")
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
        let report = if self.passes[0].results.is_empty() {
            self.report(status, error_code, summary)
        } else {
            self.report_with_output(status, error_code, summary)
        };
        self.reports.push_back(report);
    }
}

/// The next instant of the scheduler's safety tick.
fn next_tick(since: Timestamp, every: Period, now: Timestamp) -> Timestamp {
    let passed = now.since(since).as_milliseconds() / every.as_milliseconds().max(1);
    since + every * (passed + 1)
}
