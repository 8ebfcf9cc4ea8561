//! A document that is cancelled while it is worked off.
//!
//! The process of the step under way is killed, and counts as cancelled with what
//! it has written so far. The steps behind it are still looked at, one by one: a
//! script that would run is cancelled before it begins, and whatever would not run
//! anyway is what it would be (agent/framework/runpluginutil looks at no flag;
//! each plugin does, agent/framework/processor/executer/iohandler:
//! `MarkAsCancelled`). All that takes no time.

use shared::document::Document;
use shared::time::Timestamp;

use crate::execution::{self, StepResult, Verdict};
use crate::plugin;

use super::{DocumentWorker, Site};

impl DocumentWorker {
    /// Gives each step that has none a result.
    pub(crate) fn cancel(&mut self, site: &Site<'_>) {
        let fetched = self.order.document.clone();
        let Ok(document) = &fetched.document else { return };
        let stopped = (!document.steps.is_empty()).then(|| self.stop_step(document, site)).flatten();
        self.passes.truncate(1);
        self.asking = None;
        self.package = None;
        self.upload = None;
        self.call = None;
        self.due = Timestamp::NEVER;
        if let Some(result) = stopped {
            self.step_came_to_end(result, site.now);
        }
        while self.results().len() < document.steps.len() {
            let index = self.results().len();
            self.began.get_or_insert(site.now);
            let result = match execution::decide(document, index, &self.context(site)) {
                Verdict::Run { .. } => StepResult::cancelled(1, String::new()),
                Verdict::Skipped(reason) => StepResult::skipped(reason),
                Verdict::Failed(refusal) => StepResult::failed(refusal),
            };
            self.step_came_to_end(result, site.now);
        }
    }

    /// What becomes of the step under way; of a script what its process wrote is kept.
    fn stop_step(&mut self, document: &Document, site: &Site<'_>) -> Option<StepResult> {
        let under_way = self.step.take()?;
        let index = self.results().len();
        let is_script = self.passes.len() == 1 && plugin::runs_script(&document.steps[index].action);
        if !is_script {
            return Some(StepResult::cancelled(1, String::new()));
        }
        let written = self.perform(document, site.now.since(under_way.began), site).output;
        Some(StepResult::cancelled(execution::KILLED, written))
    }
}
