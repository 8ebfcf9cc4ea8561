//! Changing an association, and running it out of turn.
//!
//! An update replaces the definition (C.3): what is left out is cleared, but for
//! the document and the nodes. It is checked as a new association is, with what
//! it keeps filled in, and makes a new version. Nodes that are at it end; those
//! of the old version that have not begun are stopped; then all nodes run again,
//! unless the association runs at its schedule's instants only.

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{
    CreateAssociation, Empty, StartAssociationsOnce, UpdateAssociation, UpdateAssociationReply,
};

use super::super::refused;
use super::{create, describe, parameters, runbook, version};
use crate::config::choice::OmittedInUpdate;
use crate::engine::{admission, gate};
use crate::state::State;
use crate::state::association::Association;
use crate::state::execution::Halt;
use crate::state::node::NodeNumber;
use crate::state::timer::Work;

/// Replaces an association's definition.
pub(crate) fn update_association(
    state: &mut State,
    now: Timestamp,
    call: UpdateAssociation,
) -> Result<UpdateAssociationReply, ApiError> {
    let association = super::find(state, Some(call.association_id), None, None)?;
    check_version(state, association, call.association_version.as_deref())?;
    let number = association.number;
    let call = merged(state, association, call)?;
    create::check_combinations(state, &call)?;
    let version = call.document_version.as_deref();
    let document = state.documents.version(&call.name, version, &state.config.account)?;
    check_kind(state, association, &document.kept.kind)?;
    let aim = runbook::aim_of(&call, document);
    match &aim {
        // An update checks R20 first (B.3).
        Some(aim) => {
            runbook::check_form(state, &call, aim, &document.parsed)?;
            create::check_calendars(state, &call)?;
            runbook::check_pair(&call, aim)?;
            runbook::check_parameters(&call, aim, &document.parsed)?;
        }
        None => {
            create::check_form(state, &call, document)?;
            create::check_calendars(state, &call)?;
            parameters::check(call.parameters.as_ref(), &document.parsed)?;
        }
    }
    let timetable = create::read_timetable(state, &call)?;
    let targets = create::targets_of(&call);
    let conditions = create::read_conditions(state, &call, aim.as_ref(), &targets)
        .map_err(|error| as_target(state, error))?;
    // The model knows no InvalidInstanceId here.
    create::check_nodes(state, &call, &conditions, document).map_err(|error| as_target(state, error))?;
    if let Some(location) = &call.output_location {
        create::check_output(state, location)?;
    }

    let definition = create::define(call, targets, aim);
    let checksum = create::checksum(&document.kept.hash, &definition, association.version + 1);
    let current = association.current().map(|current| current.number);
    state.associations.redefine(number, definition, conditions, timetable, now);
    if let Some(current) = current {
        admission::halt(state, now, number, current, Halt::Updated);
    }
    state.timers.add(now, Work::Revise { association: number, from: NodeNumber(0) });
    let association = state.associations.get_mut(number).expect("redefined above");
    association.checksum = checksum.into();
    association.is_revised = true;
    if let Some(first) = timetable.first(now) {
        association.anchor = first.base;
        state.timers.add(first.at, Work::Due { association: number, version: association.version });
    }
    gate::reopen(state, now, number);
    let association = state.associations.get(number).expect("redefined above");
    Ok(UpdateAssociationReply { association_description: describe(state, association) })
}

/// Runs associations now, beside their schedules.
pub(crate) fn start_associations_once(
    state: &mut State,
    now: Timestamp,
    call: StartAssociationsOnce,
) -> Result<Empty, ApiError> {
    let mut numbers = BTreeSet::new();
    for id in call.association_ids {
        let association = super::find(state, Some(id), None, None)?;
        let definition = &association.definition;
        let document = state.documents.version(
            &definition.name,
            Some(&definition.document_version),
            &state.config.account,
        );
        document.map_err(|error| refused(ErrorCode::InvalidAssociation, error.message))?;
        numbers.insert(association.number);
    }
    for association in numbers {
        state.timers.add(now, Work::Dispatch { association });
    }
    Ok(Empty {})
}

/// Whether the caller means the version that there is (optimistic locking), and
/// there may be another.
fn check_version(state: &State, association: &Association, meant: Option<&str>) -> Result<(), ApiError> {
    if version::read(association, meant)? != association.version {
        let reason = format!("the latest version is {}", association.version);
        return Err(refused(ErrorCode::InvalidAssociationVersion, reason));
    }
    let most = state.config.association_version_limit;
    if association.version >= most {
        let reason = format!("an association has at most {most} versions");
        return Err(refused(ErrorCode::AssociationVersionLimitExceeded, reason));
    }
    if association.is_revised {
        let reason = "an update of the association is still being applied: try again later";
        return Err(refused(ErrorCode::TooManyUpdates, reason));
    }
    Ok(())
}

/// The request for a new association that comes to the same.
fn merged(
    state: &State,
    association: &Association,
    call: UpdateAssociation,
) -> Result<CreateAssociation, ApiError> {
    let keeps = state.config.omitted_in_update == OmittedInUpdate::Keep;
    if !keeps && call.name.is_none() {
        let reason = "1 validation error detected: Value null at 'name' failed to satisfy constraint: \
                      Member must not be null";
        return Err(refused(ErrorCode::ValidationException, reason));
    }
    // Target maps take the place of targets.
    let keeps_targets = keeps && call.target_maps.as_ref().is_none_or(Vec::is_empty);
    let definition = &association.definition;
    if definition.instance_id.is_some() && call.targets.is_some() {
        let reason = "an association that was created with InstanceId cannot get Targets";
        return Err(refused(ErrorCode::InvalidUpdate, reason));
    }
    let targets = match definition.instance_id {
        Some(_) => None,
        None => call.targets.or_else(|| keeps_targets.then(|| definition.targets.to_vec())),
    };
    Ok(CreateAssociation {
        name: call.name.unwrap_or_else(|| definition.name.to_string()),
        document_version: call.document_version,
        instance_id: definition.instance_id,
        parameters: call.parameters,
        targets,
        schedule_expression: call.schedule_expression,
        output_location: call.output_location,
        association_name: call.association_name,
        max_errors: call.max_errors,
        max_concurrency: call.max_concurrency,
        compliance_severity: call.compliance_severity,
        sync_compliance: call.sync_compliance,
        apply_only_at_cron_interval: call.apply_only_at_cron_interval,
        automation_target_parameter_name: call.automation_target_parameter_name,
        target_locations: call.target_locations,
        schedule_offset: call.schedule_offset,
        target_maps: call.target_maps,
        calendar_names: call.calendar_names,
        duration: call.duration,
        alarm_configuration: call.alarm_configuration,
        association_dispatch_assume_role: call.association_dispatch_assume_role,
        tags: None,
    })
}

/// An association keeps to the type of document that it was made with.
fn check_kind(state: &State, association: &Association, kind: &Arc<str>) -> Result<(), ApiError> {
    let before = state.documents.document(&association.definition.name, &state.config.account);
    match before {
        Ok(before) if before.kept.kind != *kind => Err(refused(
            ErrorCode::InvalidUpdate,
            format!("a {} document cannot be replaced by one of type {kind}", before.kept.kind),
        )),
        _ => Ok(()),
    }
}

fn as_target(state: &State, error: ApiError) -> ApiError {
    match error.code {
        ErrorCode::InvalidInstanceId => {
            refused(state.config.unknown_update_target_error.clone(), error.message)
        }
        ErrorCode::UnsupportedPlatformType => refused(ErrorCode::InvalidTarget, error.message),
        _ => error,
    }
}
