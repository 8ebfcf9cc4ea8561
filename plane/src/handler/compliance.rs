//! Taking in compliance: what agents tell after each run, and what others upload.
//!
//! For type Association an upload never wipes what the service knows itself: it
//! is merged by id, an older date loses, and what is said of associations that
//! are not on the node is ignored (C.5). Other types belong to the uploader.

pub(super) mod list;
pub(super) mod resource;
pub(super) mod summary;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use shared::error::{ApiError, ErrorCode};
use shared::id::{AssociationId, NodeId};
use shared::time::Timestamp;
use shared::wire::{ComplianceItemEntry, Empty, PutComplianceItems};

use super::refused;
use crate::engine::report;
use crate::state::State;
use crate::state::compliance::{ASSOCIATION, Finding, Item, Severity, Upload, Uploads};
use crate::state::document::sha256;
use crate::state::node::NodeNumber;

/// Takes in items of compliance.
pub(super) fn put_compliance_items(
    state: &mut State,
    now: Timestamp,
    call: PutComplianceItems,
) -> Result<Empty, ApiError> {
    if call.resource_type != "ManagedInstance" {
        return Err(refused(
            ErrorCode::InvalidResourceType,
            "only nodes (ManagedInstance) have compliance here",
        ));
    }
    let id: Option<NodeId> = call.resource_id.parse().ok();
    let id = id.filter(|id| !state.is_gone(*id));
    let number = id.and_then(|id| state.nodes.admitted(id)).ok_or_else(|| {
        refused(ErrorCode::InvalidResourceId, format!("node {} is not known here", call.resource_id))
    })?;
    let kind = call.compliance_type.as_str();
    let hash = call.item_content_hash.as_deref().filter(|hash| !hash.is_empty()).map(digest);
    if hash.is_some_and(|hash| hash == known_hash(state, number, kind)) {
        return Ok(Empty {});
    }
    check_size(state, number, &call)?;
    if kind == ASSOCIATION {
        put_associations(state, now, number, &call)?;
    } else {
        put_others(state, number, &call)?;
    }
    match hash {
        Some(hash) if kind == ASSOCIATION => state.nodes.get_mut(number).association_hash = hash,
        Some(hash) => upload(state, number, kind).hash = hash,
        None => {}
    }
    Ok(Empty {})
}

/// 64 bits of a content hash are enough to tell one upload from the next.
/// Never zero, which means that there was none.
fn digest(hash: &str) -> u64 {
    let text = sha256(hash.as_bytes());
    u64::from_str_radix(&text[..16], 16).expect("hexadecimal digits").max(1)
}

fn known_hash(state: &State, number: NodeNumber, kind: &str) -> u64 {
    let node = state.nodes.get(number);
    if kind == ASSOCIATION {
        return node.association_hash;
    }
    node.uploads.as_deref().and_then(|uploads| uploads.get(kind)).map_or(0, |upload| upload.hash)
}

/// What was uploaded of this type for this node.
fn upload<'a>(state: &'a mut State, number: NodeNumber, kind: &str) -> &'a mut Upload {
    let kind = state.nodes.texts.share(kind);
    let uploads = state.nodes.get_mut(number).uploads.get_or_insert_with(Box::<Uploads>::default);
    uploads.entry(kind)
}

/// The worker's own upload after a run, as against somebody's call: it says
/// neither how it is uploaded nor by which execution.
fn is_of_agent(call: &PutComplianceItems) -> bool {
    let is_empty = |text: &Option<String>| text.as_deref() == Some("");
    let summary = &call.execution_summary;
    call.upload_type.is_none() && is_empty(&summary.execution_id) && is_empty(&summary.execution_type)
}

fn is_partial(call: &PutComplianceItems) -> bool {
    call.upload_type.as_deref() == Some("PARTIAL")
}

/// The service counts what is uploaded as inventory: the same bounds hold for
/// one type's items, and for all that a node has.
fn check_size(state: &State, number: NodeNumber, call: &PutComplianceItems) -> Result<(), ApiError> {
    if is_of_agent(call) && call.compliance_type == ASSOCIATION {
        // It is merged with what is known; nothing is kept of it beside.
        return Ok(());
    }
    let uploads = state.nodes.get(number).uploads.as_deref();
    let known = uploads.and_then(|uploads| uploads.get(&call.compliance_type));
    let new: BTreeMap<&str, usize> = call.items.iter().map(|item| (id_of(item), size_of(item))).collect();
    let kept = match known.filter(|_| is_partial(call)) {
        Some(upload) => upload.size() - new.keys().map(|id| upload.size_of(id)).sum::<usize>(),
        None => 0,
    };
    let size = kept + new.values().sum::<usize>();
    if size > state.config.inventory_item_limit {
        let reason =
            format!("{} would have {size} bytes, more than a type may have on a node", call.compliance_type);
        return Err(refused(ErrorCode::ItemSizeLimitExceededException, reason));
    }
    let total = size + uploads.map_or(0, |uploads| uploads.size_without(&call.compliance_type));
    if total > state.config.inventory_node_limit {
        let reason = format!("with this the node would have {total} bytes, more than a node may have");
        return Err(refused(ErrorCode::TotalSizeLimitExceededException, reason));
    }
    Ok(())
}

fn id_of(entry: &ComplianceItemEntry) -> &str {
    entry.id.as_deref().unwrap_or_default()
}

/// The size of an item: its id, title and details.
fn size_of(entry: &ComplianceItemEntry) -> usize {
    let details = entry.details.iter().flatten().map(|(key, value)| key.len() + value.len());
    id_of(entry).len() + entry.title.as_deref().map_or(0, str::len) + details.sum::<usize>()
}

fn put_associations(
    state: &mut State,
    now: Timestamp,
    number: NodeNumber,
    call: &PutComplianceItems,
) -> Result<(), ApiError> {
    if is_partial(call) {
        for item in &call.items {
            let association = item.id.as_deref().and_then(|id| id.parse::<AssociationId>().ok());
            let association = association.and_then(|id| state.associations.by_id(id));
            if association.is_none_or(|association| !association.is_manual()) {
                return Err(refused(
                    ErrorCode::InvalidItemContentException,
                    "UploadType PARTIAL is for associations with SyncCompliance MANUAL",
                ));
            }
        }
    }
    if !is_partial(call) && !is_of_agent(call) {
        // COMPLETE replaces what was uploaded before, that is the MANUAL ones.
        let named: BTreeSet<&str> = call.items.iter().filter_map(|item| item.id.as_deref()).collect();
        remove_items(state, number, ASSOCIATION, |id| !named.contains(id));
    }
    for item in &call.items {
        put_association(state, now, number, call, item)?;
    }
    Ok(())
}

fn put_association(
    state: &mut State,
    now: Timestamp,
    number: NodeNumber,
    call: &PutComplianceItems,
    entry: &ComplianceItemEntry,
) -> Result<(), ApiError> {
    let id = entry.id.as_deref().and_then(|id| id.parse::<AssociationId>().ok());
    let Some(association) = id.and_then(|id| state.associations.by_id(id)) else { return Ok(()) };
    let Ok(index) = state.nodes.get(number).position(association.number) else { return Ok(()) };
    if association.is_manual() {
        return if is_of_agent(call) { Ok(()) } else { put_item(state, number, call, entry) };
    }
    let severity = association.severity();
    let at = report::dated(now, call.execution_summary.execution_time);
    let node = state.nodes.get_mut(number);
    if node.records[index].finding.is_some_and(|known| at < node.found_at(known)) {
        return Ok(());
    }
    let finding = &mut node.records[index].finding;
    let is_compliant = is_compliant(entry);
    let before = finding.map(|known| (known.is_compliant, known.severity));
    *finding = Some(Finding { is_compliant, severity, at });
    state.compliance.shift(ASSOCIATION, before, Some((is_compliant, severity)));
    Ok(())
}

fn put_others(state: &mut State, number: NodeNumber, call: &PutComplianceItems) -> Result<(), ApiError> {
    let kind = call.compliance_type.as_str();
    let uploads = state.nodes.get(number).uploads.as_deref();
    let is_new = uploads.is_none_or(|uploads| uploads.get(kind).is_none());
    let kinds = uploads.into_iter().flat_map(Uploads::iter).map(|(kind, _)| kind);
    let custom = kinds.filter(|kind| kind.starts_with("Custom:")).count();
    let most = state.config.compliance_type_limit;
    if is_new && kind.starts_with("Custom:") && custom >= most {
        return Err(refused(
            ErrorCode::ComplianceTypeCountLimitExceededException,
            format!("a node has at most {most} custom types"),
        ));
    }
    if call.items.iter().any(|item| item.id.as_deref().is_none_or(str::is_empty)) {
        return Err(refused(ErrorCode::InvalidItemContentException, "each item must have an Id"));
    }
    if !is_partial(call) {
        remove_items(state, number, kind, |_| true);
    }
    call.items.iter().try_for_each(|item| put_item(state, number, call, item))
}

fn put_item(
    state: &mut State,
    number: NodeNumber,
    call: &PutComplianceItems,
    entry: &ComplianceItemEntry,
) -> Result<(), ApiError> {
    let severity = Severity::from_text(&entry.severity)
        .ok_or_else(|| refused(ErrorCode::InvalidItemContentException, "an item has an unknown Severity"))?;
    let details = entry.details.iter().flatten();
    let item = Item {
        is_compliant: is_compliant(entry),
        severity,
        title: entry.title.as_deref().unwrap_or_default().into(),
        details: details.map(|(key, value)| ((&**key).into(), (&**value).into())).collect(),
        summary: call.execution_summary.clone(),
    };
    let now = Some((item.is_compliant, item.severity));
    let before = upload(state, number, &call.compliance_type).put(id_of(entry), item);
    let before = before.map(|item| (item.is_compliant, item.severity));
    state.compliance.shift(&call.compliance_type, before, now);
    Ok(())
}

fn remove_items(state: &mut State, number: NodeNumber, kind: &str, is_meant: impl Fn(&str) -> bool) {
    let upload = upload(state, number, kind);
    let ids: Vec<Box<str>> =
        upload.items().map(|(id, _)| id.into()).filter(|id: &Box<str>| is_meant(id)).collect();
    let removed: Vec<_> = ids.iter().filter_map(|id| upload.remove(id)).collect();
    for item in removed {
        state.compliance.shift(kind, Some((item.is_compliant, item.severity)), None);
    }
}

fn is_compliant(entry: &ComplianceItemEntry) -> bool {
    entry.status == "COMPLIANT"
}
