//! Counting what is on nodes, by attributes or by groups.
//!
//! An aggregator names an attribute, `AWS:Application.Name`; those inside it name
//! further ones. Each combination of their values is a row, with the number of
//! nodes that have it: attributes of one type are read from one entry, those of
//! several types from each entry with each. A group counts the nodes on which
//! all of its filters hold, and the others.
//!
//! A count is over the whole fleet, so there are no pages of it, and a bound on
//! the nodes (`aggregated_nodes_limit`) keeps other calls from waiting long.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{
    GetInventory, GetInventoryReply, InventoryAggregator, InventoryEntry, InventoryGroup,
    InventoryResultEntity, InventoryResultItem,
};

use super::super::refused;
use super::query::{Filter, check_type, gathered, read_filter, read_filters};
use crate::state::State;
use crate::state::node::Node;

/// The key of a filter that asks for types, not attributes.
const TYPE_NAME: &str = "TypeName";

/// The most combinations of entries that one node may bring.
const MOST_COMBINATIONS: usize = 100_000;

/// Attributes that are counted together.
struct Chain<'a> {
    /// Type and attribute, outermost first.
    attributes: Vec<(&'a str, &'a str)>,
    counts: BTreeMap<Vec<Arc<str>>, u64>,
}

/// A group, and how many nodes are of it.
struct Group<'a> {
    name: &'a str,
    conditions: Vec<Condition>,
    matching: u64,
    others: u64,
}

enum Condition {
    /// Any of these types is on the node, or none is.
    Types {
        names: Vec<String>,
        are_there: bool,
    },
    Entries(Filter),
}

/// Counts nodes as the aggregators of a call have it.
pub(super) fn count(
    state: &State,
    now: Timestamp,
    call: &GetInventory,
    aggregators: &[InventoryAggregator],
) -> Result<GetInventoryReply, ApiError> {
    let filters = read_filters(state, call.filters.as_deref(), None)?;
    let (mut chains, mut groups) = (Vec::new(), Vec::new());
    for aggregator in aggregators {
        add_chains(state, aggregator, &[], &mut chains)?;
        for group in aggregator.groups.iter().flatten() {
            groups.push(read_group(state, group)?);
        }
    }
    let most = state.config.aggregated_nodes_limit;
    if state.nodes.table().len() > most {
        return Err(invalid(format!(
            "there are more than {most} nodes: aggregated_nodes_limit is the setting"
        )));
    }
    for number in state.nodes.after(None) {
        let node = state.nodes.get(number);
        let is_counted = node.is_admitted && !state.is_gone(node.id);
        if is_counted && filters.iter().all(|filter| filter.lets_node_through(state, now, node)) {
            chains.iter_mut().try_for_each(|chain| chain.add(state, now, node))?;
            groups.iter_mut().for_each(|group| group.add(state, now, node));
        }
    }
    let mut data: BTreeMap<String, InventoryResultItem> = BTreeMap::new();
    for chain in &chains {
        data.entry(chain.attributes[0].0.to_owned()).or_default().content.extend(chain.rows());
    }
    for group in &groups {
        data.entry(group.name.to_owned()).or_default().content.extend(group.rows());
    }
    let entities = vec![InventoryResultEntity { id: None, data }];
    Ok(GetInventoryReply { entities, next_token: None })
}

fn invalid(reason: String) -> ApiError {
    refused(ErrorCode::InvalidAggregatorException, reason)
}

/// Adds a chain for each way from an aggregator to one with none inside.
fn add_chains<'a>(
    state: &State,
    aggregator: &'a InventoryAggregator,
    before: &[(&'a str, &'a str)],
    chains: &mut Vec<Chain<'a>>,
) -> Result<(), ApiError> {
    let Some(expression) = aggregator.expression.as_deref() else {
        return match (&aggregator.groups, &aggregator.aggregators) {
            (Some(_), None) if before.is_empty() => Ok(()),
            _ => Err(invalid("an aggregator has an Expression, or Groups".to_owned())),
        };
    };
    let unknown = || invalid(format!("{expression} is no type and attribute such as AWS:Application.Name"));
    let (kind, attribute) = expression.rsplit_once('.').ok_or_else(unknown)?;
    check_type(state, kind).map_err(|_| unknown())?;
    let mut attributes = before.to_vec();
    attributes.push((kind, attribute));
    let inner = aggregator.aggregators.as_deref().unwrap_or_default();
    for aggregator in inner {
        add_chains(state, aggregator, &attributes, chains)?;
    }
    if inner.is_empty() {
        chains.push(Chain { attributes, counts: BTreeMap::new() });
    }
    Ok(())
}

impl Chain<'_> {
    /// Counts a node under each combination that it has.
    fn add(&mut self, state: &State, now: Timestamp, node: &Node) -> Result<(), ApiError> {
        let kinds: BTreeSet<&str> = self.attributes.iter().map(|(kind, _)| *kind).collect();
        let mut combinations: Vec<Vec<(&str, usize)>> = vec![Vec::new()];
        let mut entries: BTreeMap<&str, Vec<InventoryEntry>> = BTreeMap::new();
        for kind in kinds {
            let Some(item) = gathered(state, now, node, kind) else { return Ok(()) };
            if combinations.len().saturating_mul(item.content.len()) > MOST_COMBINATIONS {
                return Err(invalid(format!("{} has more than {MOST_COMBINATIONS} combinations", node.id)));
            }
            combinations = combinations
                .iter()
                .flat_map(|known| (0..item.content.len()).map(move |index| with(known, kind, index)))
                .collect();
            entries.insert(kind, item.content);
        }
        let value = |combination: &[(&str, usize)], kind: &str, attribute: &str| {
            let (_, index) = combination.iter().find(|(known, _)| *known == kind)?;
            entries.get(kind)?.get(*index)?.get(attribute).cloned()
        };
        let values = |combination: &Vec<(&str, usize)>| {
            self.attributes.iter().map(|(kind, attribute)| value(combination, kind, attribute)).collect()
        };
        // A node counts once, however often it has the same.
        let found: BTreeSet<Vec<Arc<str>>> = combinations.iter().filter_map(values).collect();
        found.into_iter().for_each(|values| *self.counts.entry(values).or_default() += 1);
        Ok(())
    }

    fn rows(&self) -> impl Iterator<Item = InventoryEntry> {
        self.counts.iter().map(|(values, count)| {
            let names = self.attributes.iter().map(|(_, attribute)| Arc::from(*attribute));
            let mut row: InventoryEntry = names.zip(values.iter().cloned()).collect();
            row.insert("Count".into(), count.to_string().into());
            row
        })
    }
}

/// A combination with one entry more.
fn with<'a>(known: &[(&'a str, usize)], kind: &'a str, index: usize) -> Vec<(&'a str, usize)> {
    known.iter().copied().chain([(kind, index)]).collect()
}

fn read_group<'a>(state: &State, group: &'a InventoryGroup) -> Result<Group<'a>, ApiError> {
    let invalid = |error: ApiError| refused(ErrorCode::InvalidInventoryGroupException, error.message);
    let mut conditions = Vec::new();
    for filter in &group.filters {
        if filter.key != TYPE_NAME {
            conditions.push(Condition::Entries(read_filter(state, filter, None).map_err(invalid)?));
            continue;
        }
        filter.values.iter().try_for_each(|kind| check_type(state, kind)).map_err(invalid)?;
        let are_there = match filter.kind.as_deref() {
            None | Some("Equal" | "Exists") => true,
            Some("NotEqual") => false,
            Some(other) => {
                let reason = format!("{TYPE_NAME} cannot be compared by {other}: use Exists");
                return Err(refused(ErrorCode::InvalidInventoryGroupException, reason));
            }
        };
        conditions.push(Condition::Types { names: filter.values.clone(), are_there });
    }
    Ok(Group { name: &group.name, conditions, matching: 0, others: 0 })
}

impl Group<'_> {
    fn add(&mut self, state: &State, now: Timestamp, node: &Node) {
        let has = |kind: &String| gathered(state, now, node, kind).is_some();
        let is_of_it = self.conditions.iter().all(|condition| match condition {
            Condition::Types { names, are_there } => names.iter().any(has) == *are_there,
            Condition::Entries(filter) => filter.lets_node_through(state, now, node),
        });
        if is_of_it {
            self.matching += 1;
        } else {
            self.others += 1;
        }
    }

    /// As the service has them: a row for each of the two counts.
    fn rows(&self) -> [InventoryEntry; 2] {
        let row = |name: &str, count: u64| InventoryEntry::from([(name.into(), count.to_string().into())]);
        [row("notMatchingCount", self.others), row("matchingCount", self.matching)]
    }
}
