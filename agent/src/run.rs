//! The run of an association: its reports, its steps, its compliance.
//!
//! One association runs at a time, the first due one in the plane's order.
//! Reports are calls of the execution lane, one after another: Pending,
//! InProgress, one per step, the final one, then compliance
//! (agent/association/processor.go). Steps do not wait for reports: they are
//! due instants of their own. What a step does is `execution`'s decision.
//!
//! Invariant: one association never runs twice at once, as in the real agent.

use std::collections::VecDeque;
use std::sync::Arc;

use shared::document::Document;
use shared::id::AssociationId;
use shared::status::{AgentErrorCode, AssociationStatus, PlatformType};
use shared::time::{Period, Timestamp};

use crate::association::{Association, Executed, KnownStatus, STUCK_AFTER};
use crate::call::{Call, Outcome, Report};
use crate::catalogue::Fetched;
use crate::execution::{self, StepResult, Verdict};
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Ended, Fatality, Node, Note, Turn, executed_items};

/// Between looks at associations that are due and may not start.
const SAFETY_TICK: Period = Period::seconds(300);

/// A run under way.
#[derive(Debug)]
pub struct Run {
    association: Arc<Association>,
    document: Arc<Fetched>,
    number: u32,
    started: Timestamp,
    phase: Phase,
    results: Vec<StepResult>,
    /// How many steps the platform could not run.
    foreign_steps: usize,
    /// The step under way, and how it will have gone.
    step: Option<StepUnderWay>,
    /// When it ends.
    pub(crate) step_due: Timestamp,
    /// What is still to be reported, oldest first.
    reports: VecDeque<Arc<Report>>,
    status: AssociationStatus,
    is_reported: bool,
    ended: Timestamp,
    /// Whether the executor stops after it: a document that cannot be parsed.
    stalls: bool,
}

/// What is being reported. While steps run, their reports queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Pending,
    InProgress,
    Steps,
    Final,
    Compliance,
}

#[derive(Debug, Clone, Copy)]
struct StepUnderWay {
    exit_code: i32,
    takes: Period,
    timeout: Period,
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
        let known = &self.known[first];
        if known.status != KnownStatus::InProgress {
            self.start(first, turn);
        } else if known.last_execution.is_some_and(|last| turn.now.since(last) > STUCK_AFTER) {
            self.report_stuck(first, turn);
        } else {
            self.lane(LaneName::Execution).due = next_tick(since, turn.now);
        }
    }

    fn start(&mut self, index: usize, turn: &mut Turn<'_>) {
        let known = &mut self.known[index];
        known.status = KnownStatus::Pending;
        let run = Run::new(known.association.clone(), known.document.clone(), self.runs, turn.now);
        self.runs += 1;
        turn.note(Note::Started(run.association.id));
        let report = run.report(AssociationStatus::Pending, None, "Association is pending".into());
        self.run = Some(Box::new(run));
        self.send_report(report, turn);
    }

    fn report_stuck(&mut self, index: usize, turn: &mut Turn<'_>) {
        let known = &self.known[index];
        let mut run = Run::new(known.association.clone(), known.document.clone(), self.runs, turn.now);
        self.runs += 1;
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

    /// Sends the oldest report that waits, if the lane is free.
    fn report_next(&mut self, turn: &mut Turn<'_>) {
        if self.lane(LaneName::Execution).outstanding.is_some() {
            return;
        }
        let Some(run) = &mut self.run else { return };
        let Some(report) = run.reports.pop_front() else { return };
        if report.status.is_terminal() {
            run.phase = Phase::Final;
        }
        self.send_report(report, turn);
    }

    pub(crate) fn execution_answered(&mut self, call: &Call, outcome: &Outcome, turn: &mut Turn<'_>) {
        let Some(run) = &mut self.run else { return };
        if matches!(call, Call::ReportStatus(_)) && !outcome.is_done() {
            // As in the real agent: logged, never sent again.
            turn.note(Note::ReportLost);
        }
        match run.phase {
            Phase::Pending => self.begin(turn),
            Phase::InProgress => {
                run.phase = Phase::Steps;
                self.begin_steps(turn);
            }
            Phase::Steps => self.report_next(turn),
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
        let fetched = run.document.clone();
        let Err(error) = &fetched.document else {
            run.phase = Phase::InProgress;
            let report = run.report(AssociationStatus::InProgress, None, "Executing association".into());
            self.send_report(report, turn);
            return;
        };
        let id = if error.names_association() { run.association.spelled_id() } else { String::new() };
        let reason = error.agent_text();
        let summary = format!("Encountered error while parsing association {id}, {reason}");
        // The real agent's executor returns here without taking up the next one.
        run.stalls = true;
        run.end(AssociationStatus::Failed, Some(AgentErrorCode::InvalidAssoc), summary, turn.now);
        self.report_next(turn);
    }

    /// Takes up steps until one takes time or none is left.
    fn begin_steps(&mut self, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let cohort = self.identity.cohort(turn.catalogue);
        let index_in_cohort = self.identity.index;
        let Some(run) = &mut self.run else { return };
        let fetched = run.document.clone();
        let Ok(document) = &fetched.document else { return };
        while run.results.len() < document.steps.len() {
            let index = run.results.len();
            let result = match execution::decide(document, index, &run.context(platform)) {
                Verdict::Run { timeout } => {
                    let behaviour = cohort.behaviour(&run.association.name, index_in_cohort);
                    let draw = turn.draw.part(u64::from(run.number));
                    // The first step that runs is the one that fails.
                    let has_run = run.results.len() > run.foreign_steps;
                    let fails = !has_run && draw.uniform("fails", 0) < behaviour.fails.fraction();
                    let (least, most) = behaviour.takes;
                    let takes = least + draw.period("step-takes", index as u64, most - least);
                    let exit_code = if fails { behaviour.exit_code } else { 0 };
                    run.step = Some(StepUnderWay { exit_code, takes, timeout });
                    run.step_due = turn.now + takes.min(timeout);
                    break;
                }
                Verdict::Skipped(reason) => StepResult::skipped(reason),
                Verdict::Failed(refusal) => StepResult::failed(refusal),
            };
            run.foreign_steps += 1;
            run.step_came_to_end(result, document);
        }
        if run.results.len() == document.steps.len() && run.step.is_none() {
            let status = execution::aggregate(&run.results);
            let code = (status == AssociationStatus::Failed).then_some(AgentErrorCode::ExecutionError);
            let summary = execution::summary(document, &run.results);
            run.end(status, code, summary, turn.now);
        }
        self.report_next(turn);
    }

    pub(crate) fn step_ended(&mut self, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let Some(run) = &mut self.run else { return };
        run.step_due = Timestamp::NEVER;
        let Some(StepUnderWay { exit_code, takes: took, timeout }) = run.step.take() else { return };
        let fetched = run.document.clone();
        let Ok(document) = &fetched.document else { return };
        // Nothing is executed, so there is no standard error but the agent's own remark.
        let ending = execution::Ending { exit_code, standard_error: "", took, timeout };
        let context = run.context(platform);
        let result = execution::finish(document, run.results.len(), &context, &ending);
        run.step_came_to_end(result, document);
        self.begin_steps(turn);
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
        let is_foreign = run.foreign_steps > 0 && run.foreign_steps == run.results.len();
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
                self.lane(LaneName::Execution).due = next_tick(since, turn.now);
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
            association,
            document,
            number,
            started: now,
            phase: Phase::Pending,
            results: Vec::new(),
            foreign_steps: 0,
            step: None,
            step_due: Timestamp::NEVER,
            reports: VecDeque::new(),
            status: AssociationStatus::InProgress,
            is_reported: false,
            ended: now,
            stalls: false,
        }
    }

    fn context(&self, platform: PlatformType) -> execution::Context<'_> {
        execution::Context {
            platform,
            parameters: self.association.parameters.as_deref(),
            has_exited: self.results.iter().any(|result| result.exits),
        }
    }

    fn report(
        &self,
        status: AssociationStatus,
        error_code: Option<AgentErrorCode>,
        summary: String,
    ) -> Arc<Report> {
        Arc::new(Report { association: self.association.clone(), status, error_code, summary })
    }

    /// A step's end is reported as progress, its summary telling of that step alone.
    fn step_came_to_end(&mut self, result: StepResult, document: &Document) {
        let summary = execution::step_summary(document, self.results.len(), &result);
        self.results.push(result);
        // The way of old agents has no room for it.
        if self.association.is_legacy {
            return;
        }
        let report = self.report(AssociationStatus::InProgress, None, summary);
        self.reports.push_back(report);
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
        let report = self.report(status, error_code, summary);
        self.reports.push_back(report);
    }
}

/// The next instant of the scheduler's safety tick.
fn next_tick(since: Timestamp, now: Timestamp) -> Timestamp {
    let passed = now.since(since).as_milliseconds() / SAFETY_TICK.as_milliseconds();
    since + SAFETY_TICK * (passed + 1)
}
