//! What an inventory step tells the plane, `aws:softwareInventory`.
//!
//! Once its time is over, the step uploads what the node is made of: one call
//! with all types that its inputs ask for. If the plane does not know a content
//! by its hash, the whole is sent once more; whatever else it refuses fails the
//! step (agent/plugins/inventory/datauploader).

use std::sync::Arc;

use shared::document::Document;
use shared::status::PlatformType;

use crate::call::{Call, InventoryUpload, Outcome};
use crate::execution::{StepResult, StepStatus};
use crate::facts::Facts;
use crate::inventory::Kinds;
use crate::node::{Node, Note, Turn};
use crate::poll::why;

use super::Run;

/// Refusals of a content that came by its hash alone, or not as it should.
const SENT_IN_FULL_AFTER: [&str; 2] = ["ItemContentMismatchException", "InvalidItemContentException"];

/// The upload of an inventory step.
#[derive(Debug)]
pub(super) struct Upload {
    told: Arc<InventoryUpload>,
    /// What the step comes to, if the plane takes it.
    result: StepResult,
}

impl Node {
    /// The time of an inventory step is over: says whether there is something to upload.
    pub(super) fn upload_inventory(&mut self, result: &StepResult, turn: &mut Turn<'_>) -> bool {
        let platform = self.platform(turn.catalogue);
        let every = self.identity.cohort(turn.catalogue).timing.facts_change_every;
        let (taken, machine) = (self.inventory_taken(), self.machine(turn.draw));
        let Some(run) = &mut self.run else { return false };
        let fetched = run.pass().document.clone();
        let Ok(document) = &fetched.document else { return false };
        let kinds = run.kinds_asked(document, platform.kind);
        if kinds.is_empty() {
            return false;
        }
        let facts = Facts::at(platform, machine, turn.now, every);
        let told = Arc::new(InventoryUpload { kinds, edition: facts.edition, taken, is_full: false });
        run.call = Some(Call::PutInventory(told.clone()));
        run.upload = Some(Box::new(Upload { told, result: result.clone() }));
        true
    }

    pub(super) fn inventory_answered(&mut self, outcome: &Outcome, turn: &mut Turn<'_>) {
        let taken = self.inventory_taken();
        let Some(run) = &mut self.run else { return };
        let Some(upload) = run.upload.take() else { return };
        let is_mismatch = outcome.refusal().is_some_and(|code| SENT_IN_FULL_AFTER.contains(&code.as_str()));
        if is_mismatch && !upload.told.is_full {
            let told = Arc::new(InventoryUpload { is_full: true, ..*upload.told });
            run.call = Some(Call::PutInventory(told.clone()));
            run.upload = Some(Box::new(Upload { told, ..*upload }));
            return self.report_next(turn);
        }
        let mut result = upload.result;
        if outcome.is_done() {
            let gathered = Note::InventoryGathered(run.association.id);
            self.set_inventory_taken(taken.and(upload.told.kinds, upload.told.edition));
            turn.note(gathered);
        } else {
            result.status = StepStatus::Failed;
            result.code = 1;
            result.error = why(outcome);
        }
        let Some(run) = &mut self.run else { return };
        let fetched = run.pass().document.clone();
        let Ok(document) = &fetched.document else { return };
        run.pass().ran += 1;
        run.step_came_to_end(result, document);
        self.begin_steps(turn);
    }
}

impl Run {
    fn kinds_asked(&mut self, document: &Document, platform: PlatformType) -> Kinds {
        let inputs = self.inputs(document, platform).into_iter().next().unwrap_or_default();
        Kinds::asked(&inputs, platform)
    }
}
