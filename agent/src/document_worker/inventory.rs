//! What an inventory step tells the plane, `aws:softwareInventory`.
//!
//! Once its time is over, the step uploads what the node is made of: one call
//! with all types that its inputs ask for. If the plane does not know a content
//! by its hash, the whole is sent once more; whatever else it refuses fails the
//! step (agent/plugins/inventory/datauploader).

use std::sync::Arc;

use shared::document::Document;
use shared::id::AssociationId;

use crate::association::Known;
use crate::call::{Call, InventoryUpload, Outcome};
use crate::execution::{StepResult, StepStatus};
use crate::facts::Facts;
use crate::inventory::Kinds;
use crate::plugin::{self, Work};
use crate::poll::why;

use super::{DocumentWorker, Progress, Site};

/// Refusals of a content that came by its hash alone, or not as it should.
const SENT_IN_FULL_AFTER: [&str; 2] = ["ItemContentMismatchException", "InvalidItemContentException"];

/// The upload of an inventory step.
#[derive(Debug)]
pub(super) struct Upload {
    told: Arc<InventoryUpload>,
    /// What the step comes to, if the plane takes it.
    result: StepResult,
}

impl DocumentWorker {
    /// Why an inventory step fails before it begins, if it does. As
    /// agent/plugins/inventory: only associations gather inventory, and of a node only one.
    pub(super) fn objection_to_inventory(&self, site: &Site<'_>) -> Option<String> {
        let Some(own) = self.order.association else {
            return Some("aws:softwareInventory plugin can only be invoked via ssm-associate".to_owned());
        };
        let rival = other_inventory(site.known, own)?;
        Some(format!(
            "aws:softwareInventory detected multiple inventory configurations associated with one instance. \
             Each instance can be associated with just one inventory configuration. \
             Conflicting inventory configuration IDs: {own} and {rival}"
        ))
    }

    /// The time of an inventory step is over: says whether there is something to upload.
    pub(super) fn upload_inventory(
        &mut self,
        document: &Document,
        result: &StepResult,
        site: &Site<'_>,
    ) -> bool {
        let inputs = self.inputs(document, site).into_iter().next().unwrap_or_default();
        let kinds = Kinds::asked(&inputs, site.platform.kind);
        if kinds.is_empty() {
            return false;
        }
        let every = site.cohort.timing.facts_change_every;
        let facts = Facts::at(site.platform, site.machine, site.now, every);
        let told =
            Arc::new(InventoryUpload { kinds, edition: facts.edition, taken: *site.taken, is_full: false });
        self.call = Some(Call::PutInventory(told.clone()));
        self.upload = Some(Box::new(Upload { told, result: result.clone() }));
        true
    }

    pub(super) fn inventory_answered(&mut self, outcome: &Outcome, site: &mut Site<'_>) -> Progress {
        let Some(upload) = self.upload.take() else { return Progress::Waits };
        let is_mismatch = outcome.refusal().is_some_and(|code| SENT_IN_FULL_AFTER.contains(&code.as_str()));
        if is_mismatch && !upload.told.is_full {
            let told = Arc::new(InventoryUpload { is_full: true, ..*upload.told });
            self.call = Some(Call::PutInventory(told.clone()));
            self.upload = Some(Box::new(Upload { told, ..*upload }));
            return Progress::Waits;
        }
        let mut result = upload.result;
        if outcome.is_done() {
            *site.taken = site.taken.and(upload.told.kinds, upload.told.edition);
            self.has_gathered = true;
        } else {
            result.status = StepStatus::Failed;
            result.code = 1;
            result.error = why(outcome);
        }
        self.pass().ran += 1;
        self.step_came_to_end(result, site.now);
        self.begin_steps(site)
    }
}

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
