//! Reading and deleting associations.
//!
//! Making one is [`create`]'s work, changing it [`update`]'s, listing them
//! [`list`]'s and their versions [`version`]'s.

pub(super) mod batch;
pub(super) mod create;
pub(super) mod instance;
pub(super) mod legacy;
pub(super) mod list;
pub(crate) mod parameters;
pub(crate) mod runbook;
#[cfg(test)]
mod setting_tests;
#[cfg(test)]
mod tests;
pub(super) mod update;
pub(super) mod version;

use shared::error::{ApiError, ErrorCode};
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus;
use shared::time::Timestamp;
use shared::wire::{
    AssociationDescription, AssociationOverview, DeleteAssociation, DescribeAssociation,
    DescribeAssociationReply, Empty, LegacyStatus,
};

use super::refused;
use crate::state::State;
use crate::state::association::{Aim, Association};
use crate::state::execution::Spread;
use crate::state::timer::Work;

/// Reads one association.
pub(super) fn describe_association(
    state: &mut State,
    _now: Timestamp,
    call: DescribeAssociation,
) -> Result<DescribeAssociationReply, ApiError> {
    let association = find(state, call.association_id, call.name.as_deref(), call.instance_id)?;
    let version = version::read(association, call.association_version.as_deref())?;
    Ok(DescribeAssociationReply { association_description: describe_version(state, association, version) })
}

/// Removes an association: from here on nothing of it is shown, and the engine
/// takes it off its nodes.
pub(super) fn delete_association(
    state: &mut State,
    now: Timestamp,
    call: DeleteAssociation,
) -> Result<Empty, ApiError> {
    let number = find(state, call.association_id, call.name.as_deref(), call.instance_id)?.number;
    state.associations.bury(number);
    state.timers.add(now, Work::Forget { association: number });
    Ok(Empty {})
}

/// The association of this id or, in the old form, of this document and node.
fn find<'a>(
    state: &'a State,
    id: Option<AssociationId>,
    name: Option<&str>,
    node: Option<NodeId>,
) -> Result<&'a Association, ApiError> {
    let association = match (id, name, node) {
        (Some(id), _, _) => state.associations.by_id(id),
        (None, Some(name), Some(node)) => state.associations.legacy(name, node),
        _ => {
            return Err(refused(
                ErrorCode::ValidationException,
                "AssociationId, or Name and InstanceId, must be specified",
            ));
        }
    };
    association.ok_or_else(|| refused(ErrorCode::AssociationDoesNotExist, "there is no such association"))
}

/// The association as clients see it (B.5). What was not supplied is not shown.
fn describe(state: &State, association: &Association) -> AssociationDescription {
    describe_version(state, association, association.version)
}

/// The same, as this version of it has it.
fn describe_version(state: &State, association: &Association, version: u32) -> AssociationDescription {
    let (definition, updated) = association.version(version);
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    AssociationDescription {
        name: definition.name.to_string(),
        instance_id: definition.instance_id,
        association_version: Some(version.to_string()),
        date: Some(association.created),
        last_update_association_date: Some(updated),
        status: definition.instance_id.map(|node| legacy_status(state, association, node)),
        overview: Some(overview(association)),
        document_version: Some(definition.document_version.to_string()),
        parameters: definition.parameters.as_deref().cloned(),
        association_id: Some(association.id),
        targets: (!definition.targets.is_empty()).then(|| definition.targets.to_vec()),
        automation_target_parameter_name: definition.aim.as_ref().and_then(|aim| text(&aim.target_parameter)),
        target_maps: definition.aim.as_ref().and_then(Aim::shown_maps),
        target_locations: definition.aim.as_ref().and_then(Aim::shown_locations),
        schedule_expression: definition.schedule_expression.as_deref().map(str::to_owned),
        output_location: definition.output_location.as_deref().cloned(),
        last_execution_date: association.last_run,
        last_successful_execution_date: association.last_success,
        association_name: text(&definition.association_name),
        max_errors: text(&definition.max_errors),
        max_concurrency: text(&definition.max_concurrency),
        compliance_severity: definition.severity.map(|severity| severity.as_str().to_owned()),
        sync_compliance: text(&definition.sync_compliance),
        apply_only_at_cron_interval: definition.is_apply_only,
        schedule_offset: definition.schedule_offset.map(i64::from),
        calendar_names: (!definition.calendars.is_empty()).then(|| definition.calendars.to_vec()),
        duration: definition.duration.map(i64::from),
        alarm_configuration: definition.alarm.as_deref().cloned(),
        association_dispatch_assume_role: text(&definition.role),
        triggered_alarms: association.triggered.clone().map(|alarm| vec![alarm]),
    }
}

/// How an association stands; counts only once its nodes are known, as they are
/// not when it was made or changed just now (B.5).
fn overview(association: &Association) -> AssociationOverview {
    let (status, detailed_status) = association.standing();
    // Where nothing ever ran there is nothing to wait for: no node counts yet.
    let is_gathered = association.executions.is_empty()
        || association.executions.iter().any(|execution| execution.spread == Spread::Done);
    let is_resolved = detailed_status != "Creating" && is_gathered;
    AssociationOverview {
        status: Some(status.to_string()),
        detailed_status: Some(detailed_status.to_owned()),
        association_status_aggregated_count: is_resolved.then(|| association.counts.by_name()),
    }
}

/// The root `Status` of the old form: `Associated` until the node has reported.
fn legacy_status(state: &State, association: &Association, node: NodeId) -> LegacyStatus {
    if let Some(said) = legacy::in_force(state, association, node) {
        return said.clone();
    }
    let record =
        state.nodes.number(node).and_then(|number| state.nodes.get(number).record(association.number));
    let reported = record.and_then(|record| Some((record.status, record.reported?)));
    let document = &association.definition.name;
    match reported {
        None => LegacyStatus {
            date: association.created,
            name: AssociationStatus::Associated.to_string(),
            message: format!("Associated with {document}"),
            additional_info: None,
        },
        Some((status, date)) => {
            let name = match status {
                AssociationStatus::Success | AssociationStatus::Skipped => AssociationStatus::Success,
                status if status.is_terminal() => AssociationStatus::Failed,
                _ => AssociationStatus::Pending,
            };
            LegacyStatus {
                date,
                name: name.to_string(),
                message: format!("{document} stands at {status}"),
                additional_info: None,
            }
        }
    }
}
