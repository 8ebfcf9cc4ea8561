//! Counting the compliance of the fleet, by type.
//!
//! The counts are kept as they change. Only a filter on what is not counted
//! (ids, documents, dates, nodes, platforms) makes a summary ask the nodes, so
//! many items at a time: until it has come to the end of the fleet its pages are
//! empty, and the token of each holds what was found so far.
//!
//! Invariant: no call looks at more than [`SEARCH`] items and one node's more.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::{Deserialize, Serialize};
use shared::error::ApiError;
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    ComplianceSummaryItem, CompliantSummary, ListComplianceSummaries, ListComplianceSummariesReply,
    NonCompliantSummary,
};

use super::list::{DEFAULT_PAGE, Filter, items_for, read_filters};
use crate::page::{List, SEARCH, cut, page_size};
use crate::state::State;
use crate::state::compliance::{ComplianceCounts, Severity, TypeCounts, status_text};
use crate::state::node::NodeNumber;

/// Counts compliance per type.
pub(crate) fn list_compliance_summaries(
    state: &mut State,
    _now: Timestamp,
    call: ListComplianceSummaries,
) -> Result<ListComplianceSummariesReply, ApiError> {
    let list = List::new(state.config.seed, "ListComplianceSummaries", &call.filters);
    let token = call.next_token.as_deref();
    let filters = read_filters(call.filters.as_deref())?;
    let size = page_size(call.max_results, DEFAULT_PAGE);
    if !filters.iter().all(Filter::is_counted) {
        let search = list.place::<Search>(token)?.unwrap_or_default();
        return Ok(search.go_on(state, &filters).reply(&list, size));
    }
    let from = list.place::<usize>(token)?.unwrap_or(0);
    let (page, more) = cut(filtered(&state.compliance, &filters).into_iter().collect(), from, size);
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

/// How far a search through the fleet has come.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Search {
    /// The last node that was asked.
    after: Option<NodeId>,
    /// Whether there is none behind it.
    is_over: bool,
    /// What was found, and not yet told.
    found: BTreeMap<String, TypeCounts>,
}

impl Search {
    /// Asks the next nodes.
    fn go_on(mut self, state: &State, filters: &[Filter]) -> Self {
        if self.is_over {
            return self;
        }
        let mut looked_at = 0;
        for number in nodes(state, filters, self.after) {
            if looked_at >= SEARCH {
                return self;
            }
            let node = state.nodes.get(number);
            let items = items_for(state, node, filters);
            looked_at += items.len().max(1);
            self.after = Some(node.id);
            for item in items {
                if filters.iter().all(|filter| filter.lets_through(node, &item)) {
                    let severity = Severity::from_text(&item.severity).unwrap_or(Severity::Unspecified);
                    let counts = self.found.entry(item.compliance_type).or_default();
                    counts.add(item.status == status_text(true), severity);
                }
            }
        }
        Self { is_over: true, ..self }
    }

    /// The first types of what was found, if that is all of it; the rest is for the next page.
    fn reply(mut self, list: &List, size: usize) -> ListComplianceSummariesReply {
        let mut reply = ListComplianceSummariesReply::default();
        while self.is_over
            && reply.compliance_summary_items.len() < size
            && let Some((kind, counts)) = self.found.pop_first()
        {
            reply.compliance_summary_items.push(summary(kind, &counts));
        }
        let has_more = !self.is_over || !self.found.is_empty();
        reply.next_token = has_more.then(|| list.token(&self.to_string()));
        reply
    }
}

impl std::fmt::Display for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).expect("texts and numbers can be written"))
    }
}

impl std::str::FromStr for Search {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text)
    }
}

/// The nodes to ask, in the order of their ids: all, or those that a filter names.
fn nodes<'a>(
    state: &'a State,
    filters: &[Filter],
    after: Option<NodeId>,
) -> Box<dyn Iterator<Item = NodeNumber> + 'a> {
    let named: Option<BTreeSet<NodeId>> = filters.iter().find_map(Filter::named);
    let Some(named) = named else { return Box::new(state.nodes.after(after)) };
    let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
    let rest: Vec<NodeId> = named.range(from).copied().collect();
    Box::new(rest.into_iter().filter_map(|id| state.nodes.admitted(id)))
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
