//! The versions of an association, oldest first.

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{AssociationVersionInfo, ListAssociationVersions, ListAssociationVersionsReply};

use super::super::refused;
use crate::page::{List, page_size};
use crate::state::State;
use crate::state::association::{Aim, Association};

/// How many versions a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Lists the versions of an association.
pub(crate) fn list_association_versions(
    state: &mut State,
    _now: Timestamp,
    call: ListAssociationVersions,
) -> Result<ListAssociationVersionsReply, ApiError> {
    let association = super::find(state, Some(call.association_id), None, None)?;
    let list = List::new(state.config.seed, "ListAssociationVersions", &call.association_id);
    let from = list.place::<u32>(call.next_token.as_deref())?.unwrap_or(1);
    let size = u32::try_from(page_size(call.max_results, DEFAULT_PAGE)).expect("fifty at most");
    let end = from.saturating_add(size).min(association.version + 1);
    Ok(ListAssociationVersionsReply {
        association_versions: (from..end).map(|version| info(association, version)).collect(),
        next_token: (end <= association.version).then(|| list.token(&end.to_string())),
    })
}

/// The number of a version that a caller names, the latest if none.
pub(super) fn read(association: &Association, version: Option<&str>) -> Result<u32, ApiError> {
    let unknown = |version: &str| {
        let reason =
            format!("the association has no version {version}: its latest is {}", association.version);
        refused(ErrorCode::InvalidAssociationVersion, reason)
    };
    match version {
        None | Some("$LATEST") => Ok(association.version),
        Some(text) => text
            .parse()
            .ok()
            .filter(|number| (1..=association.version).contains(number))
            .ok_or_else(|| unknown(text)),
    }
}

fn info(association: &Association, version: u32) -> AssociationVersionInfo {
    let (definition, created) = association.version(version);
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    AssociationVersionInfo {
        association_id: Some(association.id),
        association_version: Some(version.to_string()),
        created_date: Some(created),
        name: Some(definition.name.to_string()),
        document_version: Some(definition.document_version.to_string()),
        parameters: definition.parameters.as_deref().cloned(),
        targets: (!definition.targets.is_empty()).then(|| definition.targets.to_vec()),
        schedule_expression: definition.schedule_expression.as_deref().map(str::to_owned),
        output_location: definition.output_location.as_deref().cloned(),
        association_name: text(&definition.association_name),
        max_errors: text(&definition.max_errors),
        max_concurrency: text(&definition.max_concurrency),
        compliance_severity: definition.severity.map(|severity| severity.as_str().to_owned()),
        sync_compliance: text(&definition.sync_compliance),
        apply_only_at_cron_interval: Some(definition.is_apply_only),
        calendar_names: (!definition.calendars.is_empty()).then(|| definition.calendars.to_vec()),
        schedule_offset: definition.schedule_offset.map(i64::from),
        duration: definition.duration.map(i64::from),
        target_locations: definition.aim.as_ref().and_then(Aim::shown_locations),
        target_maps: definition.aim.as_ref().and_then(Aim::shown_maps),
        association_dispatch_assume_role: text(&definition.role),
    }
}
