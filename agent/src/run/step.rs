//! Taking up the steps of a document, one after another.
//!
//! Whether a step runs and what it came to are `execution`'s decisions, how it
//! goes `performance`'s. Here a step gets its time, its result is put down and
//! reported, and the next one is taken up, until the document is over.

use serde_json::Map;
use serde_json::Value;
use shared::document::{Document, Step};
use shared::id::AssociationId;
use shared::seed::Draw;
use shared::status::{AgentErrorCode, AssociationStatus, PlatformType};
use shared::time::{Period, Timestamp};

use crate::association::Known;
use crate::catalogue::Behaviour;
use crate::execution::{self, Ending, StepResult, StepStatus, Verdict};
use crate::node::{Node, Turn};
use crate::performance::{self, Performance};
use crate::plugin::{self, Work};
use crate::struck;

use super::Run;

/// However many steps a document has, its worker is not left alone for longer.
/// As agent/framework/processor/executer/outofproc: 172,800 s.
const DOCUMENT_LIMIT: Period = Period::hours(48);

/// How long the agent tries to store output where nobody answers.
const OUTPUT_LOST_AFTER: Period = Period::seconds(31);

/// Another association that has run on this node since its agent began, is still
/// in its list, and gathers inventory as well.
fn other_inventory(known: &[Known], own: AssociationId) -> Option<AssociationId> {
    let gathers = |known: &&Known| {
        let steps = known.document.document.iter().flat_map(|document| &document.steps);
        known.executed.is_some() && steps.clone().any(|step| plugin::work(&step.action) == Work::Inventory)
    };
    let ids = known.iter().filter(gathers).map(|known| known.association.id);
    ids.into_iter().find(|id| *id != own)
}

/// A step under way, and how it will have gone.
#[derive(Debug)]
pub(super) struct StepUnderWay {
    performance: Performance,
    timeout: Period,
}

impl Node {
    /// Takes up steps until one takes time or asks for something, or none is left.
    pub(super) fn begin_steps(&mut self, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let cohort = self.identity.cohort(turn.catalogue);
        let Some(run) = &mut self.run else { return };
        loop {
            let fetched = run.pass().document.clone();
            let Ok(document) = &fetched.document else { return };
            let index = run.pass().results.len();
            let Some(step) = document.steps.get(index) else {
                if run.passes.len() > 1 {
                    run.leave_nested(platform);
                    continue;
                }
                run.end_document(document, turn.now);
                break;
            };
            let association = run.association.clone();
            let decision = execution::decide(document, index, &run.pass().context(&association, platform));
            let result = match decision {
                Verdict::Run { timeout } => {
                    let rival = (plugin::work(&step.action) == Work::Inventory)
                        .then(|| other_inventory(&self.known, association.id))
                        .flatten();
                    let struck = self.struck.as_deref();
                    let behaviour =
                        struck::behaviour(struck, cohort, &run.pass().name, &step.name, self.identity.index);
                    let taken = match rival {
                        Some(rival) => Some(run.refuse_inventory(document, platform, rival)),
                        None => run.take_up(
                            document,
                            timeout,
                            &behaviour,
                            platform,
                            cohort.timing.inventory_wait,
                            turn,
                        ),
                    };
                    match taken {
                        None => break,
                        Some(result) => result,
                    }
                }
                Verdict::Skipped(reason) => run.not_run(StepResult::skipped(reason)),
                Verdict::Failed(refusal) => run.not_run(StepResult::failed(refusal)),
            };
            run.step_came_to_end(result, document);
        }
        self.report_next(turn);
    }

    /// The time of the step under way is over.
    pub(crate) fn step_ended(&mut self, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let cohort = self.identity.cohort(turn.catalogue);
        let Some(run) = &mut self.run else { return };
        run.step_due = Timestamp::NEVER;
        let Some(StepUnderWay { performance, timeout }) = run.step.take() else { return };
        if turn.now.since(run.worker_since) >= DOCUMENT_LIMIT {
            run.stop_document(turn.now);
            return self.report_next(turn);
        }
        let association = run.association.clone();
        let pass = run.pass();
        let fetched = pass.document.clone();
        let Ok(document) = &fetched.document else { return };
        let ending = Ending {
            exit_code: performance.exit_code,
            standard_output: &performance.output,
            standard_error: &performance.error,
            took: performance.takes,
            timeout,
        };
        let index = pass.results.len();
        let result = execution::finish(document, index, &pass.context(&association, platform), &ending);
        let step = &document.steps[index];
        if result.status == StepStatus::SuccessAndReboot {
            let struck = self.struck.as_deref();
            let away = struck::behaviour(struck, cohort, &pass.name, &step.name, self.identity.index).reboot;
            run.ask_for_reboot(result, away);
            return self.report_next(turn);
        }
        let is_inventory = plugin::work(&step.action) == Work::Inventory;
        if result.status == StepStatus::Success && is_inventory && self.upload_inventory(&result, turn) {
            return self.report_next(turn);
        }
        let Some(run) = &mut self.run else { return };
        if run.package.is_some() {
            run.tell_of_package(result, turn.now);
            return self.report_next(turn);
        }
        run.pass().ran += 1;
        run.step_came_to_end(result, document);
        self.begin_steps(turn);
    }

    /// All that the work on a package waits for is there.
    pub(super) fn work_on_package(&mut self, turn: &mut Turn<'_>) {
        let platform = self.platform(turn.catalogue).kind;
        let cohort = self.identity.cohort(turn.catalogue);
        let Some(run) = &mut self.run else { return };
        let association = run.association.clone();
        let pass = run.pass();
        let fetched = pass.document.clone();
        let Ok(document) = &fetched.document else { return };
        let index = pass.results.len();
        let decision = execution::decide(document, index, &pass.context(&association, platform));
        let Verdict::Run { timeout } = decision else { return };
        let (struck, step) = (self.struck.as_deref(), &document.steps[index]);
        let behaviour = struck::behaviour(struck, cohort, &pass.name, &step.name, self.identity.index);
        run.begin_process(document, timeout, &behaviour, platform, cohort.timing.inventory_wait, turn);
        self.report_next(turn);
    }
}

impl Run {
    /// Takes up the next step; its result where it has one at once.
    fn take_up(
        &mut self,
        document: &Document,
        timeout: Period,
        behaviour: &Behaviour,
        platform: PlatformType,
        inventory_wait: Period,
        turn: &Turn<'_>,
    ) -> Option<StepResult> {
        let step = &document.steps[self.pass().results.len()];
        match plugin::work(&step.action) {
            Work::Document => match self.begin_nested(document, platform) {
                Ok(true) => return None,
                Ok(false) => {}
                Err(result) => return Some(result),
            },
            Work::Package => return self.begin_package(document, platform, turn.now).err(),
            Work::Plain | Work::Inventory => {}
        }
        if plugin::runs_script(&step.action) {
            let inputs = self.inputs(document, platform);
            let misfit = inputs.iter().find_map(|set| execution::misfit(&step.action, set));
            if let Some(reason) = misfit {
                return Some(self.close(document, platform, StepStatus::Failed, String::new(), reason));
            }
        }
        self.begin_process(document, timeout, behaviour, platform, inventory_wait, turn);
        None
    }

    /// Lets the next step take its time.
    fn begin_process(
        &mut self,
        document: &Document,
        timeout: Period,
        behaviour: &Behaviour,
        platform: PlatformType,
        inventory_wait: Period,
        turn: &Turn<'_>,
    ) {
        let step = &document.steps[self.pass().results.len()];
        let inputs = self.inputs(document, platform);
        let draw = self.draw(turn.draw);
        let pass = self.pass();
        let index = pass.results.len();
        let chance = performance::Turn {
            behaviour,
            node: turn.draw,
            draw,
            index,
            begun: pass.begun,
            is_first: pass.ran == 0,
        };
        let mut performance = performance::perform(step, &inputs, timeout, &chance);
        if plugin::work(&step.action) == Work::Inventory && behaviour.takes.is_none() {
            performance.takes =
                performance.takes + draw.period("inventory-wait", index as u64, inventory_wait);
        }
        let lost = if self.loses_output(behaviour, step) { OUTPUT_LOST_AFTER } else { Period::ZERO };
        let due = turn.now + performance.takes.min(timeout) + lost;
        self.step_due = due.min(self.worker_since + DOCUMENT_LIMIT);
        self.step = Some(StepUnderWay { performance, timeout });
    }

    /// What the plugin of the next step does.
    pub(super) fn work(&mut self) -> Work {
        let pass = self.pass();
        let step =
            pass.document.document.as_ref().ok().and_then(|document| document.steps.get(pass.results.len()));
        step.map_or(Work::Plain, |step| plugin::work(&step.action))
    }

    /// Output is stored where the association says; that of inventory is nobody's.
    fn loses_output(&self, behaviour: &Behaviour, step: &Step) -> bool {
        let location = self.association.output_location.as_ref();
        let bucket =
            location.and_then(|location| location.s3_location.as_ref()?.output_s3_bucket_name.as_ref());
        behaviour.loses_output
            && bucket.is_some_and(|bucket| !bucket.is_empty())
            && plugin::work(&step.action) != Work::Inventory
    }

    /// The inputs of the next step, with all in its place.
    pub(super) fn inputs(&mut self, document: &Document, platform: PlatformType) -> Vec<Map<String, Value>> {
        let association = self.association.clone();
        let pass = self.pass();
        let context = pass.context(&association, platform);
        let arguments = context.arguments(document);
        let sets = document.steps[pass.results.len()].inputs.sets().iter();
        sets.map(|set| set.iter().map(|(key, value)| (key.clone(), arguments.fill(value))).collect())
            .collect()
    }

    /// The draws of the document that is being worked off: of this run, and of
    /// each step that runs another document.
    fn draw(&self, node: Draw) -> Draw {
        let outer = self.passes.iter().rev().skip(1).rev();
        outer.fold(node.part(u64::from(self.number)), |draw, pass| {
            draw.part(1_000 + pass.results.len() as u64)
        })
    }

    /// A node gathers inventory for one association only.
    /// As agent/plugins/inventory: `errorMsgForMultipleAssociations`.
    fn refuse_inventory(
        &mut self,
        document: &Document,
        platform: PlatformType,
        rival: AssociationId,
    ) -> StepResult {
        let reason = format!(
            "aws:softwareInventory detected multiple inventory configurations associated with one instance. \
             Each instance can be associated with just one inventory configuration. \
             Conflicting inventory configuration IDs: {} and {rival}",
            self.association.id
        );
        self.close(document, platform, StepStatus::Failed, String::new(), reason)
    }

    fn not_run(&mut self, result: StepResult) -> StepResult {
        if self.passes.len() == 1 {
            self.foreign_steps += 1;
        }
        result
    }

    /// Every step has its result.
    fn end_document(&mut self, document: &Document, now: Timestamp) {
        let results = std::mem::take(&mut self.passes[0].results);
        let status = execution::aggregate(document.steps.len(), &results).of_association();
        let status = status.expect("a step that asks for a reboot has no result yet");
        let code = (status == AssociationStatus::Failed).then_some(AgentErrorCode::ExecutionError);
        let summary = execution::summary(document, &results);
        self.passes[0].results = results;
        self.end(status, code, summary, now);
    }

    /// The worker was stopped: the agent lets the first step stand for all.
    /// As agent/framework/processor/executer/outofproc: `generateUnexpectedFailResult`.
    fn stop_document(&mut self, now: Timestamp) {
        self.passes.truncate(1);
        let fetched = self.passes[0].document.clone();
        let Ok(document) = &fetched.document else { return };
        let summary = execution::step_summary(document, 0, &StepResult::stopped());
        self.end(AssociationStatus::Failed, Some(AgentErrorCode::ExecutionError), summary, now);
    }
}
