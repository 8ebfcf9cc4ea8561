//! Asking what is on nodes.
//!
//! A filter names a type and an attribute, `AWS:Application.Name`; a node passes
//! if any of its entries does. Of one node's entries those are listed that pass
//! themselves. `AWS:InstanceInformation` is made here, from heartbeats.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    GetInventory, GetInventoryReply, InventoryEntry, InventoryFilter, InventoryResultEntity,
    InventoryResultItem, ListInventoryEntries, ListInventoryEntriesReply,
};

use super::super::refused;
use super::aggregate;
use super::{OF_HEARTBEATS, TYPES, known_node};
use crate::instant;
use crate::page::{List, SEARCH, cut, page_size};
use crate::state::State;
use crate::state::inventory::CUSTOM;
use crate::state::node::Node;

/// How many nodes or entries a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Lists nodes with what is on them.
pub(crate) fn get_inventory(
    state: &mut State,
    now: Timestamp,
    call: GetInventory,
) -> Result<GetInventoryReply, ApiError> {
    if let Some(aggregators) = call.aggregators.as_deref().filter(|aggregators| !aggregators.is_empty()) {
        return aggregate::count(state, now, &call, aggregators);
    }
    let filters = read_filters(state, call.filters.as_deref(), None)?;
    let shown = call.result_attributes.iter().flatten().next();
    let shown = shown.map_or(OF_HEARTBEATS, |attribute| attribute.type_name.as_str());
    check_type(state, shown)
        .map_err(|error| refused(ErrorCode::InvalidResultAttributeException, error.message))?;
    let list = List::new(state.config.seed, "GetInventory", &(&call.filters, shown));
    let after = list.place::<NodeId>(call.next_token.as_deref())?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut reply = GetInventoryReply::default();
    let mut last = after;
    for (looked_at, number) in state.nodes.after(after).enumerate() {
        if reply.entities.len() == size || looked_at == SEARCH {
            reply.next_token = last.map(|last| list.token(last.as_str()));
            break;
        }
        let node = state.nodes.get(number);
        last = Some(node.id);
        let is_listed = node.is_admitted && !state.is_gone(node.id);
        if is_listed && filters.iter().all(|filter| filter.lets_node_through(state, now, node)) {
            let data = gathered(state, now, node, shown).map(|item| (shown.to_owned(), item));
            reply.entities.push(InventoryResultEntity {
                id: Some(node.id.to_string()),
                data: data.into_iter().collect(),
            });
        }
    }
    Ok(reply)
}

/// Lists what is on one node of one type.
pub(crate) fn list_inventory_entries(
    state: &mut State,
    now: Timestamp,
    call: ListInventoryEntries,
) -> Result<ListInventoryEntriesReply, ApiError> {
    let id = known_node(state, call.instance_id)?;
    check_type(state, &call.type_name)?;
    let filters = read_filters(state, call.filters.as_deref(), Some(&call.type_name))?;
    let list = List::new(state.config.seed, "ListInventoryEntries", &(id, &call.type_name, &call.filters));
    let from = list.place::<usize>(call.next_token.as_deref())?.unwrap_or(0);

    let number = state.nodes.number(id).expect("a known node");
    let item = gathered(state, now, state.nodes.get(number), &call.type_name);
    let mut reply = ListInventoryEntriesReply {
        type_name: call.type_name,
        instance_id: id.to_string(),
        ..ListInventoryEntriesReply::default()
    };
    if let Some(item) = item {
        let passing = item.content.into_iter();
        let passing = passing.filter(|entry| filters.iter().all(|filter| filter.lets_through(entry)));
        let (page, more) = cut(passing.collect(), from, page_size(call.max_results, DEFAULT_PAGE));
        reply.entries = page;
        reply.next_token = more.map(|next| list.token(&next.to_string()));
        reply.schema_version = item.schema_version;
        reply.capture_time = item.capture_time;
    }
    Ok(reply)
}

pub(super) fn check_type(state: &State, kind: &str) -> Result<(), ApiError> {
    let is_own = kind == OF_HEARTBEATS || TYPES.iter().any(|(known, _)| *known == kind);
    if is_own || (kind.starts_with(CUSTOM) && state.inventory.knows_custom(kind)) {
        return Ok(());
    }
    Err(refused(ErrorCode::InvalidTypeNameException, format!("{kind} is no type of inventory that is known")))
}

/// What is on a node of one type.
pub(super) fn gathered(
    state: &State,
    now: Timestamp,
    node: &Node,
    kind: &str,
) -> Option<InventoryResultItem> {
    if kind == OF_HEARTBEATS {
        return of_heartbeats(node);
    }
    let known = state.inventory.get(node.id, kind, now, state.config.inventory_kept_for)?;
    Some(InventoryResultItem {
        type_name: Some(kind.to_owned()),
        schema_version: Some(known.schema_version.to_string()),
        capture_time: Some(known.captured.to_string()),
        content_hash: known.hash.as_deref().map(str::to_owned),
        content: known.entries.to_vec(),
    })
}

/// What the node's heartbeats tell.
fn of_heartbeats(node: &Node) -> Option<InventoryResultItem> {
    let ping = node.last_ping?;
    let facts = &node.facts;
    let platform = facts.platform_type.map(|platform| platform.as_str());
    let attributes = [
        ("AgentType", Some("amazon-ssm-agent")),
        ("AgentVersion", facts.agent_version.as_deref()),
        ("ComputerName", node.computer_name.as_deref()),
        ("InstanceId", Some(node.id.as_str())),
        ("InstanceStatus", Some("Active")),
        ("IpAddress", node.ip_address.as_deref()),
        ("PlatformName", facts.platform_name.as_deref()),
        ("PlatformType", platform),
        ("PlatformVersion", facts.platform_version.as_deref()),
        ("ResourceType", Some(if node.id.is_hybrid() { "ManagedInstance" } else { "EC2Instance" })),
    ];
    let told = attributes.into_iter().filter_map(|(name, value)| Some((Arc::from(name), Arc::from(value?))));
    let captured = instant::to_the_second(ping)?;
    Some(InventoryResultItem {
        type_name: Some(OF_HEARTBEATS.to_owned()),
        schema_version: Some("1.0".to_owned()),
        capture_time: Some(captured),
        content_hash: None,
        content: vec![told.collect::<BTreeMap<_, _>>()],
    })
}

/// A condition on entries of one type.
#[derive(Debug)]
pub(super) struct Filter {
    kind: String,
    attribute: String,
    comparison: Comparison,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    BeginWith,
    LessThan,
    GreaterThan,
    Exists,
}

/// Reads filters. Where one type is asked for, they may leave it out, and can be on no other.
pub(super) fn read_filters(
    state: &State,
    filters: Option<&[InventoryFilter]>,
    of: Option<&str>,
) -> Result<Vec<Filter>, ApiError> {
    filters.unwrap_or_default().iter().map(|filter| read_filter(state, filter, of)).collect()
}

pub(super) fn read_filter(
    state: &State,
    filter: &InventoryFilter,
    of: Option<&str>,
) -> Result<Filter, ApiError> {
    let invalid = |reason: String| refused(ErrorCode::InvalidFilter, reason);
    let comparison = match filter.kind.as_deref().unwrap_or("Equal") {
        "Equal" => Comparison::Equal,
        "NotEqual" => Comparison::NotEqual,
        "BeginWith" => Comparison::BeginWith,
        "LessThan" => Comparison::LessThan,
        "GreaterThan" => Comparison::GreaterThan,
        "Exists" => Comparison::Exists,
        other => return Err(invalid(format!("there is no comparison {other}"))),
    };
    let (kind, attribute) = match (filter.key.rsplit_once('.'), of) {
        (Some(parts), _) => parts,
        (None, Some(kind)) => (kind, filter.key.as_str()),
        (None, None) => return Err(invalid(format!("filter {} names no attribute of a type", filter.key))),
    };
    if of.is_some_and(|of| of != kind) {
        return Err(invalid(format!("filter {} is not on the type that is listed", filter.key)));
    }
    check_type(state, kind).map_err(|error| invalid(error.message))?;
    Ok(Filter {
        kind: kind.to_owned(),
        attribute: attribute.to_owned(),
        comparison,
        values: filter.values.clone(),
    })
}

impl Filter {
    /// Whether any entry of a node passes. With `Exists` the values say
    /// whether the node must have the type, `true`, or must not.
    pub(super) fn lets_node_through(&self, state: &State, now: Timestamp, node: &Node) -> bool {
        let told = if self.kind == OF_HEARTBEATS { of_heartbeats(node) } else { None };
        let kept = state.inventory.get(node.id, &self.kind, now, state.config.inventory_kept_for);
        let entries = match (&told, kept) {
            (Some(told), _) => told.content.as_slice(),
            (None, Some(kept)) => kept.entries.as_slice(),
            (None, None) => &[],
        };
        if self.comparison == Comparison::Exists {
            let has = entries.iter().any(|entry| entry.contains_key(self.attribute.as_str()));
            return self.values.iter().any(|value| value.eq_ignore_ascii_case("true") == has);
        }
        entries.iter().any(|entry| self.lets_through(entry))
    }

    /// Any value suffices; of those that must not be equal, none may be.
    fn lets_through(&self, entry: &InventoryEntry) -> bool {
        let own = entry.get(self.attribute.as_str()).map(|own| &**own);
        let mut values = self.values.iter().map(String::as_str);
        match (self.comparison, own) {
            (Comparison::Exists, own) => {
                values.any(|value| value.eq_ignore_ascii_case("true") == own.is_some())
            }
            (_, None) => false,
            (Comparison::Equal, Some(own)) => values.any(|value| own == value),
            (Comparison::NotEqual, Some(own)) => values.all(|value| own != value),
            (Comparison::BeginWith, Some(own)) => values.any(|value| own.starts_with(value)),
            (Comparison::LessThan, Some(own)) => values.any(|value| compare(own, value) == Ordering::Less),
            (Comparison::GreaterThan, Some(own)) => {
                values.any(|value| compare(own, value) == Ordering::Greater)
            }
        }
    }
}

/// Versions and numbers part by part, everything else as text.
fn compare(own: &str, value: &str) -> Ordering {
    let numbers =
        |text: &str| text.split('.').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>();
    match (numbers(own), numbers(value)) {
        (Some(own), Some(value)) => own.cmp(&value),
        _ => own.cmp(value),
    }
}
