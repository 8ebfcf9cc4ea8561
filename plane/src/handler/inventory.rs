//! Taking in inventory, from agents and from whoever uploads it.
//!
//! A type's entries come as a whole, or, where the node has told the same
//! before, as their digest alone; a digest that is not the known one is refused,
//! upon which the agent sends everything. Nothing of a call is kept if any of
//! it is refused.

mod aggregate;
mod query;
#[cfg(test)]
mod tests;

pub(super) use query::{get_inventory, list_inventory_entries};

use std::collections::BTreeSet;
use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{InventoryEntry, InventoryItem, PutInventory, PutInventoryReply};

use super::agent::unknown;
use super::refused;
use crate::state::State;
use crate::state::inventory::{CUSTOM, Gathered};

/// What the service makes itself, from heartbeats.
const OF_HEARTBEATS: &str = "AWS:InstanceInformation";

/// The types that agents report, and the versions in which they do.
const TYPES: &[(&str, &[&str])] = &[
    ("AWS:AWSComponent", &["1.0"]),
    ("AWS:Application", &["1.0", "1.1"]),
    ("AWS:BillingInfo", &["1.0"]),
    ("AWS:File", &["1.0"]),
    ("AWS:InstanceDetailedInformation", &["1.0"]),
    ("AWS:Network", &["1.0"]),
    ("AWS:Service", &["1.0"]),
    ("AWS:WindowsRegistry", &["1.0"]),
    ("AWS:WindowsRole", &["1.0"]),
    ("AWS:WindowsUpdate", &["1.0"]),
];

/// Takes in what is on a node.
pub(super) fn put_inventory(
    state: &mut State,
    now: Timestamp,
    call: PutInventory,
) -> Result<PutInventoryReply, ApiError> {
    let node = known_node(state, call.instance_id)?;
    for item in &call.items {
        check_type(item)?;
        check_content(state, node, now, item)?;
    }
    check_room(state, node, &call.items)?;
    for item in call.items {
        put_item(state, node, now, item);
    }
    Ok(PutInventoryReply::default())
}

fn known_node(state: &State, id: NodeId) -> Result<NodeId, ApiError> {
    let number = state.nodes.admitted(id).filter(|_| !state.is_gone(id));
    number.map(|_| id).ok_or_else(|| unknown(id))
}

fn check_type(item: &InventoryItem) -> Result<(), ApiError> {
    let kind = item.type_name.as_str();
    if item.context.as_ref().is_some_and(|context| !context.is_empty()) {
        let reason = format!("items of type {kind} have no Context");
        return Err(refused(ErrorCode::UnsupportedInventoryItemContextException, reason));
    }
    if kind.len() > CUSTOM.len() && kind.starts_with(CUSTOM) {
        return Ok(());
    }
    let Some((_, versions)) = TYPES.iter().find(|(known, _)| *known == kind) else {
        return Err(no_type(kind));
    };
    if versions.contains(&item.schema_version.as_str()) {
        return Ok(());
    }
    let reason = format!("type {kind} has no schema version {}", item.schema_version);
    Err(refused(ErrorCode::UnsupportedInventorySchemaVersionException, reason))
}

/// The refusal of a type that agents do not report.
fn no_type(kind: &str) -> ApiError {
    let reason = format!("{kind} is no type of inventory that can be uploaded");
    refused(ErrorCode::InvalidTypeNameException, reason)
}

/// Content must be there, or be known by its digest.
fn check_content(state: &State, node: NodeId, now: Timestamp, item: &InventoryItem) -> Result<(), ApiError> {
    if item.content.is_some() {
        return Ok(());
    }
    let hash = item.content_hash.as_deref().filter(|hash| !hash.is_empty()).ok_or_else(|| {
        let reason = format!("item {} has neither Content nor ContentHash", item.type_name);
        refused(ErrorCode::InvalidItemContentException, reason)
    })?;
    let known = state.inventory.get(node, &item.type_name, now, state.config.inventory_kept_for);
    if known.is_some_and(|known| {
        known.hash.as_deref() == Some(hash) && *known.schema_version == *item.schema_version
    }) {
        return Ok(());
    }
    let reason = format!("the content of {} that has this ContentHash is not known", item.type_name);
    Err(refused(ErrorCode::ItemContentMismatchException, reason))
}

/// Sizes, repeated types, and the number of custom types.
fn check_room(state: &State, node: NodeId, items: &[InventoryItem]) -> Result<(), ApiError> {
    let mut kinds = BTreeSet::new();
    let mut total = 0;
    for item in items {
        if !kinds.insert(item.type_name.as_str()) {
            let reason = format!("type {} comes twice", item.type_name);
            return Err(refused(ErrorCode::InvalidItemContentException, reason));
        }
        let size = item.content.as_deref().map_or(0, size_of);
        total += size;
        if size > state.config.inventory_item_limit {
            let reason = format!("{} has {size} bytes, more than an item may have", item.type_name);
            return Err(refused(ErrorCode::ItemSizeLimitExceededException, reason));
        }
    }
    let with_content = items.iter().filter(|item| item.content.is_some());
    let replaced = with_content.map(|item| item.type_name.as_str()).collect();
    let total = total + state.inventory.size_without(node, &replaced);
    if total > state.config.inventory_node_limit {
        let reason = format!("with this the node would have {total} bytes, more than a node may have");
        return Err(refused(ErrorCode::TotalSizeLimitExceededException, reason));
    }
    if kinds.iter().any(|kind| kind.starts_with(CUSTOM) && !state.inventory.knows_custom(kind))
        && state.inventory.custom_types_with(&kinds) > state.config.custom_inventory_types
    {
        let reason = format!("there may be {} custom types", state.config.custom_inventory_types);
        return Err(refused(ErrorCode::CustomSchemaCountLimitExceededException, reason));
    }
    Ok(())
}

/// The size of entries: their names and values.
fn size_of(entries: &[InventoryEntry]) -> usize {
    entries.iter().flatten().map(|(name, value)| name.len() + value.len()).sum()
}

fn put_item(state: &mut State, node: NodeId, now: Timestamp, item: InventoryItem) {
    let Some(content) = item.content else {
        state.inventory.repeat(node, &item.type_name, &item.capture_time, now);
        return;
    };
    let gathered = Gathered {
        schema_version: item.schema_version.into(),
        captured: item.capture_time.into(),
        heard: now,
        hash: item.content_hash.map(Into::into),
        size: size_of(&content),
        entries: Arc::new(content),
    };
    let kind = state.nodes.texts.share(item.type_name);
    state.inventory.put(node, kind, gathered);
}
