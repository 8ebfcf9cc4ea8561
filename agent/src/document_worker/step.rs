//! Taking up the steps of a document, one after another.
//!
//! Whether a step runs and what it came to are `execution`'s decisions, how it
//! goes `performance`'s. Here a step gets its time, its result is put down, and
//! the next one is taken up, until the document is over.

use shared::document::{Document, Step};
use shared::id::AssociationId;
use shared::time::{Period, Timestamp};

use crate::catalogue::Behaviour;
use crate::execution::{self, Ending, StepResult, StepStatus, Verdict};
use crate::performance::{self, Performance};
use crate::plugin::{self, Work};
use crate::struck;

use super::{DocumentWorker, Progress, Site};

/// However many steps a document has, its worker is not left alone for longer.
/// As agent/framework/processor/executer/outofproc: 172,800 s.
const DOCUMENT_LIMIT: Period = Period::hours(48);

/// How long the agent tries to store output where nobody answers.
const OUTPUT_LOST_AFTER: Period = Period::seconds(31);

/// The plugin that has associations run at once.
const REFRESH: &str = "aws:refreshAssociation";

/// A step under way, and how it will have gone.
#[derive(Debug)]
pub(super) struct StepUnderWay {
    pub(super) performance: Performance,
    pub(super) timeout: Period,
    pub(super) began: Timestamp,
}

impl DocumentWorker {
    /// Takes up steps until one takes time or asks for something, or none is left.
    pub(super) fn begin_steps(&mut self, site: &mut Site<'_>) -> Progress {
        loop {
            let fetched = self.pass().document.clone();
            let Ok(document) = &fetched.document else { return Progress::Waits };
            let index = self.pass().results.len();
            if index == document.steps.len() {
                if self.passes.len() == 1 {
                    return Progress::Over;
                }
                self.leave_nested(site);
                continue;
            }
            if self.passes.len() == 1 {
                self.began.get_or_insert(site.now);
            }
            let result = match execution::decide(document, index, &self.context(site)) {
                Verdict::Run { timeout } => match self.take_up(document, timeout, site) {
                    None => return Progress::Waits,
                    Some(result) => result,
                },
                Verdict::Skipped(reason) => self.not_run(StepResult::skipped(reason)),
                Verdict::Failed(refusal) => self.not_run(StepResult::failed(refusal)),
            };
            self.step_came_to_end(result, site.now);
        }
    }

    /// The time of the step under way is over.
    pub(crate) fn step_ended(&mut self, site: &mut Site<'_>) -> Progress {
        self.due = Timestamp::NEVER;
        let Some(StepUnderWay { performance, timeout, .. }) = self.step.take() else {
            return Progress::Waits;
        };
        if site.now.since(self.since) >= DOCUMENT_LIMIT {
            self.passes.truncate(1);
            return Progress::Stopped;
        }
        let fetched = self.pass().document.clone();
        let Ok(document) = &fetched.document else { return Progress::Waits };
        let ending = Ending {
            exit_code: performance.exit_code,
            standard_output: &performance.output,
            standard_error: &performance.error,
            took: performance.takes,
            timeout,
        };
        let index = self.pass().results.len();
        let result = execution::finish(document, index, &self.context(site), &ending);
        let step = &document.steps[index];
        if result.status == StepStatus::SuccessAndReboot {
            let away = self.behaviour(step, site).reboot;
            self.interrupt();
            return Progress::Reboots(Box::new(result), away);
        }
        let is_inventory = plugin::work(&step.action) == Work::Inventory;
        if result.status == StepStatus::Success
            && is_inventory
            && self.upload_inventory(document, &result, site)
        {
            return Progress::Waits;
        }
        if self.package.is_some() {
            self.tell_of_package(result, site.now);
            return Progress::Waits;
        }
        self.pass().ran += 1;
        self.step_came_to_end(result, site.now);
        self.begin_steps(site)
    }

    /// All that the work on a package waits for is there.
    pub(super) fn work_on_package(&mut self, site: &mut Site<'_>) -> Progress {
        let fetched = self.pass().document.clone();
        let Ok(document) = &fetched.document else { return Progress::Waits };
        let index = self.pass().results.len();
        if let Verdict::Run { timeout } = execution::decide(document, index, &self.context(site)) {
            self.begin_process(document, timeout, site);
        }
        Progress::Waits
    }

    /// Takes up the next step; its result where it has one at once.
    fn take_up(&mut self, document: &Document, timeout: Period, site: &Site<'_>) -> Option<StepResult> {
        let step = &document.steps[self.pass().results.len()];
        let fail = |worker: &Self, reason| {
            Some(worker.close(document, StepStatus::Failed, String::new(), reason, site))
        };
        match plugin::work(&step.action) {
            Work::Document => match self.begin_nested(document, site) {
                Ok(true) => return None,
                Ok(false) => {}
                Err(result) => return Some(result),
            },
            Work::Package => return self.begin_package(document, site).err(),
            Work::Inventory => {
                if let Some(reason) = self.objection_to_inventory(site) {
                    return fail(self, reason);
                }
            }
            Work::Plain => {}
        }
        if plugin::runs_script(&step.action) {
            let inputs = self.inputs(document, site);
            let misfit = inputs.iter().find_map(|set| execution::misfit(&step.action, set));
            if let Some(reason) = misfit {
                return fail(self, reason);
            }
        }
        self.begin_process(document, timeout, site);
        None
    }

    /// Lets the next step take its time.
    fn begin_process(&mut self, document: &Document, timeout: Period, site: &Site<'_>) {
        let index = self.pass().results.len();
        let step = &document.steps[index];
        let behaviour = self.behaviour(step, site);
        let mut performance = self.perform(document, timeout, site);
        if plugin::work(&step.action) == Work::Inventory && behaviour.takes.is_none() {
            let wait = site.cohort.timing.inventory_wait;
            let draw = self.draw(site.draw);
            performance.takes = performance.takes + draw.period("inventory-wait", index as u64, wait);
        }
        let lost = if self.loses_output(&behaviour, step) { OUTPUT_LOST_AFTER } else { Period::ZERO };
        let due = site.now + performance.takes.min(timeout) + lost;
        self.due = due.min(self.since + DOCUMENT_LIMIT);
        self.step = Some(StepUnderWay { performance, timeout, began: site.now });
        if step.action == REFRESH {
            self.refreshes = Some(self.associations(document, site));
        }
    }

    /// How the next step goes, if it is stopped after so long.
    pub(super) fn perform(&mut self, document: &Document, timeout: Period, site: &Site<'_>) -> Performance {
        let inputs = self.inputs(document, site);
        let draw = self.draw(site.draw);
        let pass = self.pass();
        let index = pass.results.len();
        let (begun, is_first) = (pass.begun, pass.ran == 0);
        let step = &document.steps[index];
        let behaviour = self.behaviour(step, site);
        let node = site.draw;
        let chance = performance::Turn { behaviour: &behaviour, node, draw, index, begun, is_first };
        performance::perform(step, &inputs, timeout, &chance)
    }

    fn behaviour(&mut self, step: &Step, site: &Site<'_>) -> Behaviour {
        struck::behaviour(site.struck, site.cohort, &self.pass().name, &step.name, site.index)
    }

    /// The associations that the next step names; none means all.
    fn associations(&self, document: &Document, site: &Site<'_>) -> Vec<AssociationId> {
        let inputs = self.inputs(document, site);
        let named = inputs.first().and_then(|inputs| {
            inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case("associationIds")).map(|(_, value)| value)
        });
        let ids = named.and_then(|ids| ids.as_array()).into_iter().flatten();
        ids.filter_map(|id| id.as_str()?.parse().ok()).collect()
    }

    /// Output is stored where the order says; that of inventory is nobody's.
    fn loses_output(&self, behaviour: &Behaviour, step: &Step) -> bool {
        behaviour.loses_output && self.order.stores_output && plugin::work(&step.action) != Work::Inventory
    }

    fn not_run(&mut self, result: StepResult) -> StepResult {
        if self.passes.len() == 1 {
            self.foreign_steps += 1;
        }
        result
    }
}
