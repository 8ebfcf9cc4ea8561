//! The operator's calls about associations: they are made, changed, run, deleted,
//! and watched until their rounds are over.

use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::wire::{
    AssociationExecution, CreateAssociation, DeleteAssociation, DescribeAssociationExecutions,
    StartAssociationsOnce, UpdateAssociation,
};

use super::act::{Seen, seen};
use super::{Desk, DeskError, LOOK_AT_ALL_EVERY, Made, Operator, Refused, next_page};
use crate::plan::timeline::{Expected, Which};

impl Operator {
    /// Makes the planned association at this place.
    pub(super) async fn create_association(&mut self, desk: &impl Desk, planned: usize) -> Seen {
        let association = &self.plan.associations[planned];
        let expected = Expected { error: association.refusal.clone(), ..Expected::default() };
        let mut request = association.request.clone();
        request.tags = self.run_tag.clone().map(|tag| vec![tag]);
        let outcome = self.insist_as_expected(desk, request, &expected).await;
        match &outcome {
            Ok(reply) => {
                if expected.error.is_some() {
                    self.refusals.push(Refused { planned, error: None });
                }
                match reply.association_description.association_id {
                    Some(id) => {
                        if expected.error.is_none() {
                            self.rounds.made(id, self.plan.associations[planned].name());
                        }
                        let is_gone = expected.error.is_some();
                        self.made.push(Made { planned, id, created: desk.now(), is_gone });
                    }
                    None => {
                        self.troubles.insert("CreateAssociation brought no AssociationId".into());
                    }
                }
            }
            Err(DeskError::Refused { error, .. }) => {
                self.refusals.push(Refused { planned, error: Some(error.clone()) });
            }
            Err(error) => self.trouble(error.clone()),
        }
        seen(outcome)
    }

    /// Changes an association into what `wanted` would create.
    pub(super) async fn update_association(
        &mut self,
        desk: &impl Desk,
        which: &Which,
        wanted: CreateAssociation,
        expected: &Expected,
    ) -> Seen {
        let id = self.id_of::<UpdateAssociation>(which)?;
        let call = update(id, wanted);
        seen(self.insist_as_expected(desk, call, expected).await)
    }

    /// Has an association run now.
    pub(super) async fn start_association(
        &mut self,
        desk: &impl Desk,
        which: &Which,
        expected: &Expected,
    ) -> Seen {
        let id = self.id_of::<StartAssociationsOnce>(which)?;
        let call = StartAssociationsOnce { association_ids: vec![id] };
        seen(self.insist_as_expected(desk, call, expected).await)
    }

    /// Deletes an association.
    pub(super) async fn delete_association(
        &mut self,
        desk: &impl Desk,
        which: &Which,
        expected: &Expected,
    ) -> Seen {
        let id = self.id_of::<DeleteAssociation>(which)?;
        let call = DeleteAssociation { association_id: Some(id), ..DeleteAssociation::default() };
        let outcome = self.insist_as_expected(desk, call, expected).await;
        if outcome.is_ok() {
            self.made.iter_mut().filter(|made| made.id == id).for_each(|made| made.is_gone = true);
        }
        seen(outcome)
    }

    /// The id of the association that is meant: of a name the last that was made.
    fn id_of<O: shared::operation::Operation>(&self, which: &Which) -> Result<AssociationId, DeskError> {
        let name = match which {
            Which::Id(id) => return Ok(*id),
            Which::Named(name) => name,
        };
        let is_meant = |made: &&Made| self.plan.associations[made.planned].name() == name;
        let found = self.made.iter().rev().find(is_meant).map(|made| made.id);
        found.ok_or_else(|| DeskError::Failed {
            operation: O::NAME,
            reason: format!("there is no association {name}: it has not been made"),
            may_be_done: false,
        })
    }

    /// Whether each association has come through its rounds.
    pub(super) async fn is_over(&mut self, desk: &impl Desk) -> bool {
        let mut is_over = true;
        let looks_at_all = self.is_followed || self.look_at_all <= desk.now();
        if looks_at_all {
            self.look_at_all = desk.now() + LOOK_AT_ALL_EVERY;
        }
        for made in self.made.clone().into_iter().filter(|made| !made.is_gone) {
            let wanted = self.plan.associations[made.planned].rounds as usize;
            match executions(desk, made.id).await {
                Ok(executions) => {
                    let dates = executions.iter().filter_map(|execution| execution.created_time);
                    let dispatched = dates.map(|date| desk.instant_of(date)).collect();
                    self.rounds.looked(made.id, dispatched, desk.now());
                    is_over &= executions.iter().filter(|execution| is_terminal(execution)).count() >= wanted;
                    if !is_over && !looks_at_all {
                        return false;
                    }
                }
                Err(error) if error.is_passing() => {
                    // The next look is the next try.
                    self.made_again += 1;
                    return false;
                }
                Err(error) => {
                    self.trouble(error);
                    return false;
                }
            }
        }
        is_over
    }

    /// Deletes the associations that this run made.
    pub(super) async fn clear_associations(&mut self, desk: &impl Desk) {
        for made in self.made.clone() {
            let call = DeleteAssociation { association_id: Some(made.id), ..DeleteAssociation::default() };
            match self.insist(desk, call).await {
                Ok(_) => {}
                Err(DeskError::Refused { error, .. }) if error.code == ErrorCode::AssociationDoesNotExist => {
                }
                Err(error) => {
                    tracing::warn!(association = %made.id, %error, "an association of this run is left");
                }
            }
        }
    }
}

/// The call that changes an association into what another would create. What it
/// does not say, the service forgets.
fn update(association_id: AssociationId, wanted: CreateAssociation) -> UpdateAssociation {
    UpdateAssociation {
        association_id,
        parameters: wanted.parameters,
        document_version: wanted.document_version,
        schedule_expression: wanted.schedule_expression,
        output_location: wanted.output_location,
        name: Some(wanted.name),
        targets: wanted.targets,
        association_name: wanted.association_name,
        association_version: None,
        automation_target_parameter_name: wanted.automation_target_parameter_name,
        max_errors: wanted.max_errors,
        max_concurrency: wanted.max_concurrency,
        compliance_severity: wanted.compliance_severity,
        sync_compliance: wanted.sync_compliance,
        apply_only_at_cron_interval: wanted.apply_only_at_cron_interval,
        calendar_names: wanted.calendar_names,
        target_locations: wanted.target_locations,
        schedule_offset: wanted.schedule_offset,
        duration: wanted.duration,
        target_maps: wanted.target_maps,
        alarm_configuration: wanted.alarm_configuration,
        association_dispatch_assume_role: wanted.association_dispatch_assume_role,
    }
}

/// Whether nothing more is to come of an execution.
pub fn is_terminal(execution: &AssociationExecution) -> bool {
    !matches!(execution.status.as_str(), "Pending" | "InProgress")
}

/// All executions of an association, oldest first.
pub async fn executions(
    desk: &impl Desk,
    association: AssociationId,
) -> Result<Vec<AssociationExecution>, DeskError> {
    let mut all = Vec::new();
    let mut next_token = None;
    loop {
        let call = DescribeAssociationExecutions {
            association_id: association,
            filters: None,
            max_results: Some(50),
            next_token: next_token.clone(),
        };
        let page = desk.call(call).await?;
        all.extend(page.association_executions);
        match next_page::<DescribeAssociationExecutions>(next_token, page.next_token)? {
            Some(token) => next_token = Some(token),
            None => break,
        }
    }
    // Newest first by the API reference; the sort keeps that where a plane gives no instants.
    all.reverse();
    all.sort_by_key(|execution| execution.created_time);
    Ok(all)
}
