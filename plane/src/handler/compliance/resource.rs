//! Compliance per node and type.
//!
//! One row for each type that a node has items of. A row does not comply if any
//! of its items does not, and is as bad as the worst of these (C.5). Filters
//! look at the row; those on ids and documents at any of its items.

use std::collections::BTreeMap;

use shared::error::ApiError;
use shared::time::Timestamp;
use shared::wire::{
    ComplianceItem, CompliantSummary, ListResourceComplianceSummaries, ListResourceComplianceSummariesReply,
    NonCompliantSummary, ResourceComplianceSummaryItem,
};

use super::list::{DEFAULT_PAGE, Filter, ItemPlace, items_for, read_filters};
use crate::page::{List, SEARCH, page_size};
use crate::state::State;
use crate::state::compliance::{Severity, TypeCounts, status_text};
use crate::state::node::Node;

/// Counts compliance per node and type.
pub(crate) fn list_resource_compliance_summaries(
    state: &mut State,
    _now: Timestamp,
    call: ListResourceComplianceSummaries,
) -> Result<ListResourceComplianceSummariesReply, ApiError> {
    let list = List::new(state.config.seed, "ListResourceComplianceSummaries", &call.filters);
    let place = list.place::<ItemPlace>(call.next_token.as_deref())?;
    let filters = read_filters(call.filters.as_deref())?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    // A page may begin within a node's rows.
    let begun = place.and_then(|place| state.nodes.admitted(place.node));
    let numbers = begun.into_iter().chain(state.nodes.after(place.map(|place| place.node)));
    let mut reply = ListResourceComplianceSummariesReply::default();
    let mut looked_at = 0;
    for number in numbers {
        let node = state.nodes.get(number);
        let skip = place.filter(|place| place.node == node.id).map_or(0, |place| place.item);
        if looked_at >= SEARCH {
            reply.next_token = Some(list.token(&ItemPlace { node: node.id, item: skip }.to_string()));
            break;
        }
        let items = items_for(state, node, &filters);
        looked_at += items.len().max(1);
        for (item, row) in rows(node, items, &filters).into_iter().enumerate().skip(skip) {
            if reply.resource_compliance_summary_items.len() == size {
                reply.next_token = Some(list.token(&ItemPlace { node: node.id, item }.to_string()));
                return Ok(reply);
            }
            reply.resource_compliance_summary_items.push(row);
        }
    }
    Ok(reply)
}

/// The rows that a node's items make, as far as the filters let them through, by type.
fn rows(node: &Node, items: Vec<ComplianceItem>, filters: &[Filter]) -> Vec<ResourceComplianceSummaryItem> {
    let mut kinds: BTreeMap<String, Vec<ComplianceItem>> = BTreeMap::new();
    for item in items {
        kinds.entry(item.compliance_type.clone()).or_default().push(item);
    }
    let rows = kinds.into_values().map(|items| (row(&items), items));
    let passing =
        rows.filter(|(row, items)| filters.iter().all(|filter| filter.lets_row_through(node, row, items)));
    passing.map(|(row, _)| row).collect()
}

/// What a node's items of one type come to; there is at least one.
fn row(items: &[ComplianceItem]) -> ResourceComplianceSummaryItem {
    let mut counts = TypeCounts::default();
    for item in items {
        let severity = Severity::from_text(&item.severity).unwrap_or(Severity::Unspecified);
        counts.add(item.status == status_text(true), severity);
    }
    let (compliant_count, compliant) = counts.summary(true);
    let (non_compliant_count, non_compliant) = counts.summary(false);
    let worst = Severity::ALL.into_iter().find(|severity| counts.of(false, *severity) > 0);
    let newest = items.iter().max_by_key(|item| item.execution_summary.execution_time);
    let newest = newest.expect("a row has an item");
    ResourceComplianceSummaryItem {
        compliance_type: newest.compliance_type.clone(),
        resource_type: newest.resource_type.clone(),
        resource_id: newest.resource_id.clone(),
        status: status_text(non_compliant_count == 0).to_owned(),
        overall_severity: worst.unwrap_or(Severity::Unspecified).as_str().to_owned(),
        execution_summary: newest.execution_summary.clone(),
        compliant_summary: CompliantSummary { compliant_count, severity_summary: compliant },
        non_compliant_summary: NonCompliantSummary { non_compliant_count, severity_summary: non_compliant },
    }
}
