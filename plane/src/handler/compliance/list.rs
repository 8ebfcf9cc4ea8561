//! Listing the items of compliance of nodes, and the filters that all lists of
//! compliance have in common.
//!
//! A filter that only a node's items can answer makes a call look through nodes:
//! then it looks at so many items at most, and its page may be short and still
//! have a successor.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    ComplianceExecutionSummary, ComplianceItem, ComplianceStringFilter, ListComplianceItems,
    ListComplianceItemsReply, ResourceComplianceSummaryItem,
};

use super::super::{instant, refused};
use crate::page::{List, SEARCH, page_size};
use crate::state::State;
use crate::state::compliance::{ASSOCIATION, Severity, status_text};
use crate::state::node::{Node, NodeNumber};

/// How many rows a page has if nothing else is said.
pub(super) const DEFAULT_PAGE: usize = 50;

/// Lists items of one node, or of all.
pub(crate) fn list_compliance_items(
    state: &mut State,
    _now: Timestamp,
    call: ListComplianceItems,
) -> Result<ListComplianceItemsReply, ApiError> {
    if call.resource_types.iter().flatten().any(|kind| kind != "ManagedInstance") {
        return Err(refused(
            ErrorCode::InvalidResourceType,
            "only nodes (ManagedInstance) have compliance here",
        ));
    }
    let only = call.resource_ids.iter().flatten().next().map(|id| known_node(state, id)).transpose()?;
    let list = List::new(state.config.seed, "ListComplianceItems", &(only, &call.filters));
    let place = list.place::<ItemPlace>(call.next_token.as_deref())?;
    let filters = read_filters(call.filters.as_deref())?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut page = Page { reply: ListComplianceItemsReply::default(), size, searched: 0 };
    let numbers: Box<dyn Iterator<Item = NodeNumber>> = match only {
        Some(id) => Box::new(state.nodes.admitted(id).into_iter()),
        None => {
            // A page may begin within a node's items.
            let begun = place.and_then(|place| state.nodes.admitted(place.node));
            Box::new(begun.into_iter().chain(state.nodes.after(place.map(|place| place.node))))
        }
    };
    for number in numbers {
        let node = state.nodes.get(number);
        let skip = place.filter(|place| place.node == node.id).map_or(0, |place| place.item);
        if let ControlFlow::Break(item) = page.add(state, node, skip, &filters) {
            page.reply.next_token = Some(list.token(&ItemPlace { node: node.id, item }.to_string()));
            break;
        }
    }
    Ok(page.reply)
}

struct Page {
    reply: ListComplianceItemsReply,
    size: usize,
    searched: usize,
}

impl Page {
    /// Adds a node's items from behind the first `skip`; breaks with the next
    /// item's place when the page is full or the search long enough.
    fn add(&mut self, state: &State, node: &Node, skip: usize, filters: &[Filter]) -> ControlFlow<usize> {
        if self.searched >= SEARCH {
            return ControlFlow::Break(skip);
        }
        let items = items_for(state, node, filters);
        self.searched += items.len().max(1);
        for (index, item) in items.into_iter().enumerate().skip(skip) {
            if filters.iter().all(|filter| filter.lets_through(node, &item)) {
                if self.reply.compliance_items.len() == self.size {
                    return ControlFlow::Break(index);
                }
                self.reply.compliance_items.push(item);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Where a page of items begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct ItemPlace {
    pub(super) node: NodeId,
    pub(super) item: usize,
}

impl std::fmt::Display for ItemPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.node, self.item)
    }
}

impl std::str::FromStr for ItemPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (node, item) = text.split_once(' ').ok_or(())?;
        Ok(Self { node: node.parse().map_err(|_| ())?, item: item.parse().map_err(|_| ())? })
    }
}

fn known_node(state: &State, text: &str) -> Result<NodeId, ApiError> {
    let id: Option<NodeId> = text.parse().ok();
    id.filter(|id| state.nodes.admitted(*id).is_some())
        .ok_or_else(|| refused(ErrorCode::InvalidResourceId, format!("node {text} is not known here")))
}

/// All items of a node, or none where the filters let nothing of it through.
pub(super) fn items_for(state: &State, node: &Node, filters: &[Filter]) -> Vec<ComplianceItem> {
    let is_meant = filters.iter().all(|filter| filter.lets_node_through(node));
    if is_meant { items(state, node) } else { Vec::new() }
}

/// All items of a node: what follows from its associations, then what was uploaded, by type and id.
fn items(state: &State, node: &Node) -> Vec<ComplianceItem> {
    let item = |kind: &str, id: String| ComplianceItem {
        compliance_type: kind.to_owned(),
        resource_type: "ManagedInstance".to_owned(),
        resource_id: node.id.to_string(),
        id,
        ..ComplianceItem::default()
    };
    let found = node.records.iter().filter_map(|record| {
        let finding = record.finding?;
        let association = state.associations.get(record.association)?;
        let definition = &association.definition;
        Some(ComplianceItem {
            status: status_text(finding.is_compliant).to_owned(),
            severity: association.severity().as_str().to_owned(),
            execution_summary: ComplianceExecutionSummary {
                execution_time: node.found_at(finding),
                ..Default::default()
            },
            details: BTreeMap::from([
                ("DocumentName".to_owned(), definition.name.to_string()),
                ("DocumentVersion".to_owned(), definition.document_version.to_string()),
            ]),
            ..item(ASSOCIATION, association.id.to_string())
        })
    });
    let types = node.uploads.iter().flat_map(|uploads| uploads.iter());
    let uploaded = types.flat_map(|(kind, upload)| upload.items().map(move |(id, one)| (kind, id, one)));
    let uploaded = uploaded.map(|(kind, id, one)| ComplianceItem {
        title: one.title.to_string(),
        status: status_text(one.is_compliant).to_owned(),
        severity: one.severity.as_str().to_owned(),
        execution_summary: one.summary.clone(),
        details: one.details.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        ..item(kind, id.to_string())
    });
    found.chain(uploaded).collect()
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    ComplianceType,
    Status,
    Severity,
    Id,
    DocumentName,
    ExecutionTime,
    InstanceId,
    PlatformType,
}

impl Key {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "ComplianceType" => Self::ComplianceType,
            "Status" => Self::Status,
            "Severity" | "OverallSeverity" => Self::Severity,
            "Id" => Self::Id,
            "DocumentName" => Self::DocumentName,
            "ExecutionTime" => Self::ExecutionTime,
            "InstanceId" => Self::InstanceId,
            "AWS:InstanceInformation.PlatformType" => Self::PlatformType,
            _ => return None,
        })
    }
}

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    BeginWith,
    LessThan,
    GreaterThan,
}

/// A condition on the items that are listed or counted.
#[derive(Debug)]
pub(super) struct Filter {
    key: Key,
    comparison: Comparison,
    values: Vec<String>,
    /// The values as instants, for the key that is one.
    instants: Vec<Timestamp>,
}

pub(super) fn read_filters(filters: Option<&[ComplianceStringFilter]>) -> Result<Vec<Filter>, ApiError> {
    filters.unwrap_or_default().iter().map(read_filter).collect()
}

fn read_filter(filter: &ComplianceStringFilter) -> Result<Filter, ApiError> {
    let invalid = |reason: String| refused(ErrorCode::InvalidFilter, reason);
    let name = filter.key.as_deref().unwrap_or_default();
    let key = Key::read(name).ok_or_else(|| invalid(format!("there is no filter {name}")))?;
    let comparison = match filter.kind.as_deref().unwrap_or("EQUAL") {
        "EQUAL" => Comparison::Equal,
        "NOT_EQUAL" => Comparison::NotEqual,
        "BEGIN_WITH" => Comparison::BeginWith,
        "LESS_THAN" => Comparison::LessThan,
        "GREATER_THAN" => Comparison::GreaterThan,
        other => return Err(invalid(format!("there is no comparison {other}"))),
    };
    let values = filter.values.clone().unwrap_or_default();
    if values.is_empty() {
        return Err(invalid(format!("filter {name} has no values")));
    }
    let instants = if key == Key::ExecutionTime && comparison != Comparison::BeginWith {
        values
            .iter()
            .map(|value| instant(value))
            .collect::<Result<_, _>>()
            .map_err(|error| invalid(error.message))?
    } else {
        Vec::new()
    };
    Ok(Filter { key, comparison, values, instants })
}

impl Filter {
    /// Whether what it looks at is counted over the fleet.
    pub(super) fn is_counted(&self) -> bool {
        matches!(self.key, Key::ComplianceType | Key::Status | Key::Severity)
    }

    /// The nodes that it names, where it lets no others through.
    pub(super) fn named(&self) -> Option<BTreeSet<NodeId>> {
        let names = (self.key, self.comparison) == (Key::InstanceId, Comparison::Equal);
        names.then(|| self.values.iter().filter_map(|value| value.parse().ok()).collect())
    }

    /// Whether it lets anything of this node through, as far as the node itself says.
    fn lets_node_through(&self, node: &Node) -> bool {
        match self.key {
            Key::InstanceId => self.compares(node.id.as_str()),
            Key::PlatformType => {
                self.compares(node.facts.platform_type.map_or("", |platform| platform.as_str()))
            }
            _ => true,
        }
    }

    pub(super) fn lets_through(&self, node: &Node, item: &ComplianceItem) -> bool {
        match self.key {
            Key::ComplianceType => self.compares(&item.compliance_type),
            Key::Status => self.compares(&item.status),
            Key::Severity => self.compares(&item.severity),
            Key::Id => self.compares(&item.id),
            Key::DocumentName => self.compares(item.details.get("DocumentName").map_or("", String::as_str)),
            Key::InstanceId | Key::PlatformType => self.lets_node_through(node),
            Key::ExecutionTime => self.compares_instant(item.execution_summary.execution_time),
        }
    }

    /// Whether it lets a node's row of one type through, with the items behind that.
    pub(super) fn lets_row_through(
        &self,
        node: &Node,
        row: &ResourceComplianceSummaryItem,
        items: &[ComplianceItem],
    ) -> bool {
        match self.key {
            Key::Status => self.compares(&row.status),
            Key::Severity => self.compares(&row.overall_severity),
            Key::ExecutionTime => self.compares_instant(row.execution_summary.execution_time),
            _ => items.iter().any(|item| self.lets_through(node, item)),
        }
    }

    /// Whether it lets items of this type, state and severity through.
    pub(super) fn lets_count_through(&self, kind: &str, is_compliant: bool, severity: Severity) -> bool {
        match self.key {
            Key::ComplianceType => self.compares(kind),
            Key::Status => self.compares(status_text(is_compliant)),
            _ => self.compares(severity.as_str()),
        }
    }

    /// Any value suffices; of those that must not be equal, none may be.
    fn compares(&self, own: &str) -> bool {
        let mut values = self.values.iter().map(String::as_str);
        match self.comparison {
            Comparison::Equal => values.any(|value| own == value),
            Comparison::NotEqual => values.all(|value| own != value),
            Comparison::BeginWith => values.any(|value| own.starts_with(value)),
            Comparison::LessThan => values.any(|value| own < value),
            Comparison::GreaterThan => values.any(|value| own > value),
        }
    }

    fn compares_instant(&self, own: Timestamp) -> bool {
        let mut instants = self.instants.iter();
        match self.comparison {
            Comparison::Equal => instants.any(|instant| own == *instant),
            Comparison::NotEqual => instants.all(|instant| own != *instant),
            Comparison::LessThan => instants.any(|instant| own < *instant),
            Comparison::GreaterThan => instants.any(|instant| own > *instant),
            Comparison::BeginWith => false,
        }
    }
}
