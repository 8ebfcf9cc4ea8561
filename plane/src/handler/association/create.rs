//! Making an association.
//!
//! The checks come in the order of B.2, which clients can observe: what needs
//! no document first, then document, parameters, schedule, targets, nodes,
//! output, tags, duplicates, quota. Only then something is made: the
//! association, and the entry for its first dispatch.

use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::schedule::timetable::Timetable;
use shared::schedule::{Dialect, Schedule, ScheduleError};
use shared::target::Target;
use shared::time::Timestamp;
use shared::wire::{CreateAssociation, CreateAssociationReply, OutputLocation};

use super::super::refused;
use super::{describe, parameters, runbook};
use crate::config::UnknownTargets;
use crate::config::choice::{CronHours, LegacyUniqueness, Undocumented};
use crate::state::State;
use crate::state::association::{Aim, Association, Definition, Kept};
use crate::state::compliance::Severity;
use crate::state::document::{StoredDocument, sha256};
use crate::state::execution::counts::StatusCounts;
use crate::state::tag::Tags;
use crate::state::target::{Conditions, RESOURCE_TYPES, group_name, is_instance_ids};
use crate::state::timer::Work;
use crate::state::world::check_bucket;

/// Binds a document and its parameters to nodes.
pub(crate) fn create_association(
    state: &mut State,
    now: Timestamp,
    call: CreateAssociation,
) -> Result<CreateAssociationReply, ApiError> {
    check_combinations(state, &call)?;
    let version = call.document_version.as_deref();
    let document = state.documents.version(&call.name, version, &state.config.account)?;
    let aim = runbook::aim_of(&call, document);
    check_document(state, &call, aim.as_ref(), document)?;
    let timetable = read_timetable(state, &call)?;
    let targets = targets_of(&call);
    let conditions = read_conditions(state, &call, aim.as_ref(), &targets)?;
    check_nodes(state, &call, &conditions, document)?;
    if let Some(location) = &call.output_location {
        check_output(state, location)?;
    }
    let document_hash = Arc::clone(&document.kept.hash);
    let tags = Tags::of_new_resource(call.tags.as_deref().unwrap_or_default(), &mut state.nodes.texts)?;
    check_room(state, &call)?;

    let id = state.draw_association_id();
    let number = state.associations.next_number();
    let definition = define(call, targets, aim);
    let kept = Kept {
        number,
        id,
        checksum: checksum(&document_hash, &definition, 1).into(),
        definition,
        tags,
        created: now,
        version: 1,
        updated: now,
        versions: Vec::new(),
        joined: std::collections::BTreeSet::new(),
        triggered: None,
        anchor: now,
        executions: std::collections::VecDeque::new(),
        next_execution: 0,
        counts: StatusCounts::default(),
        last_run: None,
        last_success: None,
        is_revised: false,
        regrouping: None,
        is_new: true,
        legacy: None,
    };
    let mut association = Association { kept, conditions, timetable };
    let first = timetable.first(now);
    if let Some(first) = first {
        association.anchor = first.base;
        state.timers.add(first.at, Work::Due { association: number, version: 1 });
    }
    if first.is_none_or(|first| first.at > now) {
        state.timers.add(now, Work::Resolve { association: number });
    }
    state.associations.insert(association);
    let association = state.associations.get(number).expect("inserted above");
    Ok(CreateAssociationReply { association_description: describe(state, association) })
}

/// Combinations that need no document: R5, R3, R2.
pub(super) fn check_combinations(state: &State, call: &CreateAssociation) -> Result<(), ApiError> {
    let (has_targets, has_maps) = (is_given(&call.targets), is_given(&call.target_maps));
    if has_targets && has_maps {
        return Err(refused(
            ErrorCode::InvalidTargetMaps,
            "Targets and TargetMaps cannot be specified together",
        ));
    }
    if call.instance_id.is_none() {
        return Ok(());
    }
    if has_targets || has_maps {
        return Err(refused(
            state.config.legacy_targets_error.clone(),
            "Only one of InstanceId and Targets can be specified",
        ));
    }
    let members = [
        ("AssociationName", call.association_name.is_some()),
        ("DocumentVersion", call.document_version.is_some()),
        ("MaxErrors", call.max_errors.is_some()),
        ("MaxConcurrency", call.max_concurrency.is_some()),
        ("OutputLocation", call.output_location.is_some()),
        ("ScheduleExpression", call.schedule_expression.is_some()),
    ];
    match members.iter().find(|(_, is_there)| *is_there) {
        Some((member, _)) => Err(refused(
            state.config.legacy_member_error.clone(),
            format!("{member} is not supported for associations created with InstanceId"),
        )),
        None => Ok(()),
    }
}

/// Whether a list is there and not empty.
fn is_given<T>(list: &Option<Vec<T>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

/// What the document's type and schema say of the form: R1, R4, and R6, R21,
/// R33, for a document that is for nodes and no runbook.
pub(super) fn check_form(
    state: &State,
    call: &CreateAssociation,
    document: &StoredDocument,
) -> Result<(), ApiError> {
    let version = document.parsed.schema_version.as_str();
    if call.instance_id.is_some() && !version.starts_with("1.") {
        return Err(refused(
            ErrorCode::InvalidDocument,
            format!(
                "Document schema version, {version}, is not supported by association that is created with instance id"
            ),
        ));
    }
    let for_runbooks = [
        ("TargetMaps", is_given(&call.target_maps), ErrorCode::InvalidTargetMaps),
        ("TargetLocations", is_given(&call.target_locations), state.config.target_locations_error.clone()),
        (
            "AutomationTargetParameterName",
            call.automation_target_parameter_name.is_some(),
            state.config.target_parameter_error.clone(),
        ),
    ];
    for (member, is_there, code) in for_runbooks {
        if is_there {
            let kind = &document.kept.kind;
            return Err(refused(
                code,
                format!("{member} is for Automation runbooks, not for a {kind} document"),
            ));
        }
    }
    if call.instance_id.is_none() && !is_given(&call.targets) {
        return Err(refused(ErrorCode::InvalidTarget, "Instance ID or targets must be specified"));
    }
    Ok(())
}

/// The change calendars that it names: R30.
pub(super) fn check_calendars(state: &State, call: &CreateAssociation) -> Result<(), ApiError> {
    for name in call.calendar_names.iter().flatten() {
        state
            .documents
            .calendar(name, &state.config.account)
            .map_err(|error| refused(state.config.calendar_error.clone(), error.message))?;
    }
    Ok(())
}

/// The schedule, with what must not stand beside it: R14 to R19, R32.
pub(super) fn read_timetable(state: &State, call: &CreateAssociation) -> Result<Timetable, ApiError> {
    let invalid = |error: ScheduleError| refused(ErrorCode::InvalidSchedule, error.to_string());
    let dialect = Dialect {
        minimum: state.config.min_schedule_interval,
        five_fields: state.config.cron_five_fields,
        documented_hours: state.config.cron_hours == CronHours::Documented,
    };
    let parse = |text: &String| Schedule::parse_in(text, dialect);
    let schedule = call.schedule_expression.as_ref().map(parse).transpose().map_err(invalid)?;
    let waits = call.apply_only_at_cron_interval == Some(true);
    if state.config.strict_duration && call.duration.is_some() && !waits {
        let reason = "Duration requires ApplyOnlyAtCronInterval";
        return Err(refused(ErrorCode::InvalidSchedule, reason));
    }
    if waits && schedule.is_none() && state.config.unscheduled_apply_only == Undocumented::Refuse {
        let reason = "ApplyOnlyAtCronInterval requires ScheduleExpression";
        return Err(refused(ErrorCode::InvalidSchedule, reason));
    }
    Timetable::new(schedule, waits, small(call.schedule_offset)).map_err(invalid)
}

/// A number of days or hours, which the constraints keep small.
fn small(number: Option<i64>) -> Option<u8> {
    number.and_then(|number| u8::try_from(number).ok())
}

/// The targets as given; those of the old form as one target.
pub(super) fn targets_of(call: &CreateAssociation) -> Vec<Target> {
    match call.instance_id {
        Some(node) => vec![Target::new("InstanceIds", [node.as_str()])],
        None => call.targets.clone().unwrap_or_default(),
    }
}

/// Nodes that are named by their ids: R11, R39.
pub(super) fn check_nodes(
    state: &State,
    call: &CreateAssociation,
    conditions: &Conditions,
    document: &StoredDocument,
) -> Result<(), ApiError> {
    for id in conditions.named() {
        if state.is_out_of_reach(id) || !may_name(state, call, id) {
            return Err(refused(ErrorCode::InvalidInstanceId, id.to_string()));
        }
    }
    let platforms = document.parsed.platforms();
    for id in conditions.named() {
        let number = state.nodes.number(id);
        let platform = number.and_then(|number| state.nodes.get(number).facts.platform_type);
        if let Some(platform) = platform.filter(|platform| !platforms.contains(platform)) {
            return Err(refused(
                ErrorCode::UnsupportedPlatformType,
                format!("document {} does not run on {platform}, the platform of {id}", call.name),
            ));
        }
    }
    Ok(())
}

/// Whether an association may name this node. The old form needs a node that
/// registered; targets may name an instance whose tags alone are known. A hybrid
/// node that was deregistered is nobody's any more.
fn may_name(state: &State, call: &CreateAssociation, id: NodeId) -> bool {
    if call.instance_id.is_some() {
        state.nodes.admitted(id).is_some()
    } else {
        let known = if id.is_hybrid() { state.nodes.admitted(id) } else { state.nodes.number(id) };
        known.is_some() || state.config.unknown_target_instance == UnknownTargets::Accept
    }
}

/// What the document says of the form, and of calendars and parameters: R1, R4,
/// R6, R20 to R25, R30, R33.
fn check_document(
    state: &State,
    call: &CreateAssociation,
    aim: Option<&Aim>,
    document: &StoredDocument,
) -> Result<(), ApiError> {
    match aim {
        Some(aim) => runbook::check_form(state, call, aim, &document.parsed)?,
        None => check_form(state, call, document)?,
    }
    check_calendars(state, call)?;
    match aim {
        Some(aim) => {
            runbook::check_parameters(call, aim, &document.parsed)?;
            runbook::check_pair(call, aim)
        }
        None => parameters::check(call.parameters.as_ref(), &document.parsed),
    }
}

/// The nodes that are meant; none where a runbook runs in the service.
pub(super) fn read_conditions(
    state: &State,
    call: &CreateAssociation,
    aim: Option<&Aim>,
    targets: &[Target],
) -> Result<Conditions, ApiError> {
    check_target_forms(state, targets)?;
    let conditions = match aim {
        Some(aim) => {
            runbook::check_targets(state, call, aim)?;
            Conditions::nobody()
        }
        None => Conditions::read(targets, &state.world)?,
    };
    check_group(state, targets)?;
    Ok(conditions)
}

/// Forms of targets about which the documentation leaves a choice: R8, R10.
fn check_target_forms(state: &State, targets: &[Target]) -> Result<(), ApiError> {
    for target in targets {
        let key = target.key.as_deref().unwrap_or_default();
        let values = target.values.as_deref().unwrap_or_default();
        if key == RESOURCE_TYPES && state.config.resource_type_filters == Undocumented::Refuse {
            return Err(refused(ErrorCode::InvalidTarget, "Unsupported Target Type"));
        }
        let is_malformed = |value: &String| value != "*" && value.parse::<NodeId>().is_err();
        if is_instance_ids(key) && values.iter().any(is_malformed) {
            return Err(refused(state.config.malformed_target_error.clone(), "The target is not valid"));
        }
    }
    Ok(())
}

/// A resource group that is named must be there (F.1). One that is too large
/// is taken, and the association runs and fails (R12).
pub(super) fn check_group(state: &State, targets: &[Target]) -> Result<(), ApiError> {
    match group_name(targets).filter(|name| !state.world.resource_groups.contains_key(*name)) {
        Some(name) => Err(refused(ErrorCode::InvalidTarget, format!("resource group {name} does not exist"))),
        None => Ok(()),
    }
}

/// Whether a bucket's name could be one, and whether it is known (InvalidOutputLocation, R35).
pub(super) fn check_output(state: &State, location: &OutputLocation) -> Result<(), ApiError> {
    let place = location.s3_location.as_ref();
    let Some(bucket) = place.and_then(|place| place.output_s3_bucket_name.as_deref()) else { return Ok(()) };
    check_bucket(bucket).map_err(|wrong| refused(ErrorCode::InvalidOutputLocation, wrong.to_string()))?;
    if !state.world.knows_bucket(bucket) {
        return Err(refused(ErrorCode::InvalidOutputLocation, format!("bucket {bucket} does not exist")));
    }
    Ok(())
}

/// Duplicates of the old form (R37), and the quota (R36).
fn check_room(state: &State, call: &CreateAssociation) -> Result<(), ApiError> {
    if let Some(node) = call.instance_id
        && let Some(known) = match state.config.legacy_uniqueness {
            LegacyUniqueness::DocumentAndNode => state.associations.legacy(&call.name, node),
            LegacyUniqueness::Node => state.associations.legacy_of(node).next(),
        }
    {
        let reason = format!("{} is associated with {node} already", known.definition.name);
        return Err(refused(ErrorCode::AssociationAlreadyExists, reason));
    }
    if state.associations.len() >= state.config.association_limit as usize {
        let reason = format!("there are {} associations already", state.config.association_limit);
        return Err(refused(ErrorCode::AssociationLimitExceeded, reason));
    }
    Ok(())
}

pub(super) fn define(call: CreateAssociation, targets: Vec<Target>, aim: Option<Aim>) -> Definition {
    Definition {
        name: call.name.into(),
        document_version: call.document_version.as_deref().unwrap_or("$DEFAULT").into(),
        instance_id: call.instance_id,
        aim,
        parameters: call.parameters.map(Arc::new),
        targets: Arc::new(targets),
        schedule_expression: call.schedule_expression.map(Arc::from),
        output_location: call.output_location.map(Arc::new),
        association_name: call.association_name.map(Into::into),
        max_errors: call.max_errors.map(Into::into),
        max_concurrency: call.max_concurrency.map(Into::into),
        severity: call.compliance_severity.as_deref().and_then(Severity::from_text),
        sync_compliance: call.sync_compliance.map(Into::into),
        is_apply_only: call.apply_only_at_cron_interval == Some(true),
        schedule_offset: small(call.schedule_offset),
        calendars: Arc::new(call.calendar_names.unwrap_or_default()),
        duration: small(call.duration),
        alarm: call.alarm_configuration.map(Arc::new),
        role: call.association_dispatch_assume_role.map(Into::into),
    }
}

/// What tells an agent to fetch the document anew: document content and
/// version, parameters, and the association's version.
pub(super) fn checksum(document_hash: &str, definition: &Definition, version: u32) -> String {
    let parameters = serde_json::to_string(&definition.parameters).expect("texts can be written");
    let mut digest = sha256(
        format!("{document_hash}\0{}\0{parameters}\0{version}", definition.document_version).as_bytes(),
    );
    digest.truncate(32);
    digest
}
