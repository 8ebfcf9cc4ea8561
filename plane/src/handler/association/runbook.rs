//! The rules of associations with Automation runbooks (B.3 R5, R6, R20 to R23, R33).

use shared::document::Document;
use shared::error::{ApiError, ErrorCode};
use shared::wire::{CreateAssociation, Parameters};

use super::super::refused;
use super::parameters;
use crate::state::State;
use crate::state::association::Aim;
use crate::state::document::StoredDocument;
use crate::state::target::runbook::{Reach, is_marker};

/// What a request says of targets beside `Targets`, if the document is a runbook.
pub(super) fn aim_of(call: &CreateAssociation, document: &StoredDocument) -> Option<Aim> {
    (!document.parsed.schema_version.runs_on_nodes()).then(|| Aim {
        target_parameter: call.automation_target_parameter_name.as_deref().map(Into::into),
        target_maps: call.target_maps.clone().unwrap_or_default(),
        target_locations: call.target_locations.clone().unwrap_or_default(),
    })
}

/// What the runbook says of the form: R6, R22, R33.
pub(super) fn check_form(
    state: &State,
    call: &CreateAssociation,
    aim: &Aim,
    document: &Document,
) -> Result<(), ApiError> {
    if call.instance_id.is_some() {
        let version = document.schema_version.as_str();
        let reason = format!(
            "Document schema version, {version}, is not supported by association that is created with instance id"
        );
        return Err(refused(ErrorCode::InvalidDocument, reason));
    }
    let is_declared = |name: &str| document.parameters.contains_key(name);
    let unknown = |name: &str| format!("Parameter \"{name}\" is not defined in the document.");
    if let Some(name) = aim.target_maps.iter().flat_map(|map| map.keys()).find(|name| !is_declared(name)) {
        return Err(refused(ErrorCode::InvalidTargetMaps, unknown(name)));
    }
    if let Some(name) = aim.target_parameter.as_deref().filter(|name| !is_declared(name)) {
        return Err(refused(ErrorCode::InvalidParameters, unknown(name)));
    }
    let has_children = |location: &serde_json::Map<String, serde_json::Value>| {
        location.get("IncludeChildOrganizationUnits") == Some(&serde_json::Value::Bool(true))
    };
    if aim.target_locations.iter().any(has_children) {
        let reason = "IncludeChildOrganizationUnits is not supported by State Manager";
        return Err(refused(state.config.target_locations_error.clone(), reason));
    }
    Ok(())
}

/// The parameters against the runbook (R23).
pub(super) fn check_parameters(
    call: &CreateAssociation,
    aim: &Aim,
    document: &Document,
) -> Result<(), ApiError> {
    let given = call.parameters.clone().unwrap_or_default();
    let (left, declared) = without_targets(aim, &given, document);
    parameters::check(Some(&left), &declared)
}

/// What goes with targets (R20).
pub(super) fn check_pair(call: &CreateAssociation, aim: &Aim) -> Result<(), ApiError> {
    let targets = call.targets.as_deref().unwrap_or_default();
    let has_targets = !targets.is_empty() && !is_marker(targets);
    let has_maps = !aim.target_maps.is_empty();
    if !has_maps && has_targets != aim.target_parameter.is_some() {
        return Err(refused(
            ErrorCode::ValidationException,
            "Must specify both Automation Target Parameter Name and Targets",
        ));
    }
    Ok(())
}

/// Targets must be such as a runbook can have, and known ones where they are named.
pub(super) fn check_targets(state: &State, call: &CreateAssociation, aim: &Aim) -> Result<(), ApiError> {
    let targets = call.targets.as_deref().unwrap_or_default();
    let reach = Reach::read(targets, &aim.target_maps, &state.world)?;
    let Reach::Nodes { conditions, .. } = reach else { return Ok(()) };
    let is_unfit = |id: &shared::id::NodeId| state.is_out_of_reach(*id) || state.nodes.number(*id).is_none();
    match conditions.named().find(is_unfit) {
        Some(id) => Err(refused(ErrorCode::InvalidInstanceId, id.to_string())),
        None => Ok(()),
    }
}

/// Parameters and their declarations without those that the targets supply.
pub(crate) fn without_targets(aim: &Aim, given: &Parameters, document: &Document) -> (Parameters, Document) {
    let (mut left, mut declared) = (given.clone(), document.clone());
    let names = aim.target_maps.iter().flat_map(|map| map.keys().map(String::as_str));
    for name in names.chain(aim.target_parameter.as_deref()) {
        left.remove(name);
        declared.parameters.remove(name);
    }
    (left, declared)
}
