//! Listing compliance: the items of nodes, and the fleet's counts.
//!
//! The counts are kept as they change; only a filter on what is not counted
//! (ids, documents, dates, platforms) makes a summary ask the nodes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    ComplianceExecutionSummary, ComplianceItem, ComplianceStringFilter, ComplianceSummaryItem,
    CompliantSummary, ListComplianceItems, ListComplianceItemsReply, ListComplianceSummaries,
    ListComplianceSummariesReply, NonCompliantSummary, ResourceComplianceSummaryItem,
};

use super::super::{instant, refused};
use crate::page::{List, SEARCH, cut, page_size};
use crate::state::State;
use crate::state::compliance::{ASSOCIATION, ComplianceCounts, Severity, TypeCounts, status_text};
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
        if self.searched == SEARCH {
            return ControlFlow::Break(skip);
        }
        self.searched += 1;
        for (index, item) in items(state, node).into_iter().enumerate().skip(skip) {
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

/// All items of a node: what follows from its associations, then what was uploaded, by type and id.
pub(super) fn items(state: &State, node: &Node) -> Vec<ComplianceItem> {
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
                execution_time: finding.at,
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
    let uploaded = types.flat_map(|(kind, upload)| upload.items.iter().map(move |(id, one)| (kind, id, one)));
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

/// Counts compliance per type.
pub(crate) fn list_compliance_summaries(
    state: &mut State,
    _now: Timestamp,
    call: ListComplianceSummaries,
) -> Result<ListComplianceSummariesReply, ApiError> {
    let list = List::new(state.config.seed, "ListComplianceSummaries", &call.filters);
    let from = list.place::<usize>(call.next_token.as_deref())?.unwrap_or(0);
    let filters = read_filters(call.filters.as_deref())?;
    let counts = if filters.iter().all(|filter| filter.key.is_counted()) {
        filtered(&state.compliance, &filters)
    } else {
        searched(state, &filters)
    };
    let (page, more) = cut(counts.into_iter().collect(), from, page_size(call.max_results, DEFAULT_PAGE));
    Ok(ListComplianceSummariesReply {
        compliance_summary_items: page.into_iter().map(|(kind, counts)| summary(kind, &counts)).collect(),
        next_token: more.map(|next| list.token(&next.to_string())),
    })
}

/// What is counted already, as far as the filters let it through.
fn filtered(counts: &ComplianceCounts, filters: &[Filter]) -> BTreeMap<String, TypeCounts> {
    let mut found: BTreeMap<String, TypeCounts> = BTreeMap::new();
    for (kind, counts) in &counts.types {
        for (is_compliant, severity) in [true, false].into_iter().flat_map(|c| Severity::ALL.map(|s| (c, s)))
        {
            let count = counts.of(is_compliant, severity);
            let is_meant = |filter: &Filter| filter.lets_count_through(kind, is_compliant, severity);
            if count > 0 && filters.iter().all(is_meant) {
                found.entry(kind.to_string()).or_default().add_many(is_compliant, severity, count);
            }
        }
    }
    found
}

/// What the nodes' items come to, for filters on what is not counted.
fn searched(state: &State, filters: &[Filter]) -> BTreeMap<String, TypeCounts> {
    let mut found: BTreeMap<String, TypeCounts> = BTreeMap::new();
    for number in state.nodes.after(None) {
        let node = state.nodes.get(number);
        for item in items(state, node) {
            if filters.iter().all(|filter| filter.lets_through(node, &item)) {
                let severity = Severity::from_text(&item.severity).unwrap_or(Severity::Unspecified);
                let counts = found.entry(item.compliance_type).or_default();
                counts.add(item.status == status_text(true), severity);
            }
        }
    }
    found
}

fn summary(kind: String, counts: &TypeCounts) -> ComplianceSummaryItem {
    let (compliant_count, compliant) = counts.summary(true);
    let (non_compliant_count, non_compliant) = counts.summary(false);
    ComplianceSummaryItem {
        compliance_type: kind,
        compliant_summary: CompliantSummary { compliant_count, severity_summary: compliant },
        non_compliant_summary: NonCompliantSummary { non_compliant_count, severity_summary: non_compliant },
    }
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

    fn is_counted(self) -> bool {
        matches!(self, Self::ComplianceType | Self::Status | Self::Severity)
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
    fn lets_through(&self, node: &Node, item: &ComplianceItem) -> bool {
        let platform = node.facts.platform_type.map_or("", |platform| platform.as_str());
        match self.key {
            Key::ComplianceType => self.compares(&item.compliance_type),
            Key::Status => self.compares(&item.status),
            Key::Severity => self.compares(&item.severity),
            Key::Id => self.compares(&item.id),
            Key::DocumentName => self.compares(item.details.get("DocumentName").map_or("", String::as_str)),
            Key::InstanceId => self.compares(&item.resource_id),
            Key::PlatformType => self.compares(platform),
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

    fn lets_count_through(&self, kind: &str, is_compliant: bool, severity: Severity) -> bool {
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
