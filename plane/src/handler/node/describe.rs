//! The fleet's view: which nodes there are and how they stand.
//!
//! Nodes are listed in the order of their ids. Filters that name nodes or tags
//! go through the indexes; others look at a bounded number of nodes per call,
//! so that a page may be short and still have a successor.

use std::collections::BTreeSet;
use std::ops::{Bound, ControlFlow};

use shared::error::{ApiError, ErrorCode};
use shared::id::{ActivationId, NodeId};
use shared::status::{AssociationStatus, PingStatus, PlatformType};
use shared::time::Timestamp;
use shared::wire::{
    DescribeInstanceInformation, DescribeInstanceInformationReply, InstanceAggregatedAssociationOverview,
    InstanceInformation,
};

use super::super::agent::unknown;
use super::super::refused;
use crate::page::{List, SEARCH, page_size};
use crate::state::State;
use crate::state::node::{Node, NodeNumber};

/// How many nodes a page has if nothing else is said (API reference).
const DEFAULT_PAGE: usize = 10;

/// Lists nodes.
pub(crate) fn describe_instance_information(
    state: &mut State,
    now: Timestamp,
    call: DescribeInstanceInformation,
) -> Result<DescribeInstanceInformationReply, ApiError> {
    let filters = read_filters(state, &call)?;
    let list = List::new(state.config.seed, "DescribeInstanceInformation", &filters);
    let after = list.place::<NodeId>(call.next_token.as_deref())?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut reply = DescribeInstanceInformationReply::default();
    let mut last = after;
    for (looked_at, number) in candidates(state, &filters, after).enumerate() {
        if reply.instance_information_list.len() == size || looked_at == SEARCH {
            reply.next_token = last.map(|last| list.token(last.as_str()));
            break;
        }
        let node = state.nodes.get(number);
        last = Some(node.id);
        if is_listed(state, node) && filters.iter().all(|filter| filter.lets_through(state, now, node)) {
            reply.instance_information_list.push(information(state, now, node));
        }
    }
    Ok(reply)
}

pub(super) fn is_listed(state: &State, node: &Node) -> bool {
    node.is_admitted && !state.is_gone(node.id) && !state.is_off(node.id)
}

/// The nodes that may pass the filters, by id.
fn candidates<'a>(
    state: &'a State,
    filters: &[Filter],
    after: Option<NodeId>,
) -> Box<dyn Iterator<Item = NodeNumber> + 'a> {
    let is_after = move |id: &NodeId| after.is_none_or(|after| *id > after);
    let narrow = filters.iter().try_for_each(|filter| match filter {
        Filter::Nodes(ids) => {
            ControlFlow::Break(ids.iter().copied().filter(is_after).collect::<BTreeSet<_>>())
        }
        Filter::Tag { key, values } => {
            let sets = values.iter().filter_map(|value| state.nodes.tags.nodes(key, value));
            // One more than is looked at tells that there is more.
            let from = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
            let first = sets.flat_map(|set| set.range::<NodeId, _>(from).take(SEARCH + 1));
            ControlFlow::Break(first.copied().collect())
        }
        _ => ControlFlow::Continue(()),
    });
    match narrow {
        ControlFlow::Break(ids) => Box::new(ids.into_iter().filter_map(|id| state.nodes.number(id))),
        ControlFlow::Continue(()) => Box::new(state.nodes.after(after)),
    }
}

/// A condition on the nodes that are listed.
#[derive(Debug)]
enum Filter {
    Nodes(BTreeSet<NodeId>),
    AgentVersion(Vec<String>),
    Ping(Vec<PingStatus>),
    Platform(Vec<PlatformType>),
    Association(Vec<AssociationStatus>),
    Activation(Vec<String>),
    ResourceType(Vec<String>),
    Role(Vec<String>),
    SourceId(Vec<String>),
    SourceType(Vec<String>),
    Tag { key: String, values: Vec<String> },
    TagKey(Vec<String>),
}

impl Filter {
    fn lets_through(&self, state: &State, now: Timestamp, node: &Node) -> bool {
        let version = node.facts.agent_version.as_deref();
        match self {
            Self::Nodes(ids) => ids.contains(&node.id),
            Self::AgentVersion(versions) => version.is_some_and(|own| versions.iter().any(|one| one == own)),
            Self::Ping(states) => states.contains(&node.ping_status(now, state.config.connection_lost_after)),
            Self::Platform(kinds) => node.facts.platform_type.is_some_and(|own| kinds.contains(&own)),
            Self::Association(states) => node.association_status().is_some_and(|own| states.contains(&own)),
            Self::ResourceType(kinds) => kinds.iter().any(|kind| kind == resource_type(node).0),
            Self::Activation(ids) => {
                activation(node).is_some_and(|own| ids.iter().any(|id| *id == own.to_string()))
            }
            Self::Role(roles) => node.role().is_some_and(|own| roles.iter().any(|role| role == own)),
            Self::SourceId(ids) => ids.iter().any(|id| id == node.id.as_str()),
            Self::SourceType(kinds) => kinds.iter().any(|kind| kind == resource_type(node).1),
            Self::Tag { key, values } => {
                node.tags.value(key).is_some_and(|own| values.iter().any(|value| **value == **own))
            }
            Self::TagKey(keys) => keys.iter().any(|key| node.tags.value(key).is_some()),
        }
    }
}

/// What a node is, and what its source is.
fn resource_type(node: &Node) -> (&'static str, &'static str) {
    if node.id.is_hybrid() {
        ("ManagedInstance", "AWS::SSM::ManagedInstance")
    } else {
        ("EC2Instance", "AWS::EC2::Instance")
    }
}

/// The activation by which a hybrid node registered.
pub(super) fn activation(node: &Node) -> Option<ActivationId> {
    node.hybrid()?.activation
}

fn read_filters(state: &State, call: &DescribeInstanceInformation) -> Result<Vec<Filter>, ApiError> {
    let older = call.instance_information_filter_list.as_deref().unwrap_or_default();
    let newer = call.filters.as_deref().unwrap_or_default();
    if !older.is_empty() && !newer.is_empty() {
        return Err(refused(
            ErrorCode::ValidationException,
            "Only one of InstanceInformationFilterList and Filters can be specified",
        ));
    }
    let is_tag = |key: &str| key == "tag-key" || key.starts_with("tag:");
    let tagged = newer.iter().filter(|filter| is_tag(&filter.key)).count();
    if tagged > 0 && tagged < newer.len() {
        return Err(refused(
            ErrorCode::InvalidFilterKey,
            "filters on tags cannot be combined with other filters",
        ));
    }
    let older = older.iter().map(|filter| read_filter(state, &filter.key, &filter.value_set));
    let newer = newer.iter().map(|filter| read_filter(state, &filter.key, &filter.values));
    older.chain(newer).collect()
}

fn read_filter(state: &State, key: &str, values: &[String]) -> Result<Filter, ApiError> {
    Ok(match key {
        "InstanceIds" => {
            Filter::Nodes(values.iter().map(|id| known_node(state, id)).collect::<Result<_, _>>()?)
        }
        "AgentVersion" => Filter::AgentVersion(values.to_vec()),
        "PingStatus" => Filter::Ping(words(key, values, PingStatus::from_text)?),
        "PlatformType" | "PlatformTypes" => Filter::Platform(words(key, values, PlatformType::from_text)?),
        "AssociationStatus" => Filter::Association(words(key, values, |text| {
            use AssociationStatus::{Failed, Pending, Success};
            [Success, Pending, Failed].into_iter().find(|status| status.as_str() == text)
        })?),
        "ResourceType" => Filter::ResourceType(words(key, values, |text| {
            ["ManagedInstance", "EC2Instance"].contains(&text).then(|| text.to_owned())
        })?),
        "SourceIds" => Filter::SourceId(values.to_vec()),
        "SourceTypes" => Filter::SourceType(values.to_vec()),
        "ActivationIds" => Filter::Activation(values.to_vec()),
        "IamRole" => Filter::Role(values.to_vec()),
        "tag-key" => Filter::TagKey(values.to_vec()),
        _ => match key.strip_prefix("tag:") {
            Some(key) if !key.is_empty() => Filter::Tag { key: key.to_owned(), values: values.to_vec() },
            _ => return Err(refused(ErrorCode::InvalidFilterKey, format!("there is no filter {key}"))),
        },
    })
}

pub(super) fn known_node(state: &State, text: &str) -> Result<NodeId, ApiError> {
    let reason = || refused(ErrorCode::InvalidInstanceId, format!("node {text} is not known here"));
    let id: NodeId = text.parse().map_err(|_| reason())?;
    let number = state.nodes.admitted(id).ok_or_else(reason)?;
    if is_listed(state, state.nodes.get(number)) { Ok(id) } else { Err(unknown(id)) }
}

fn words<T>(key: &str, values: &[String], read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, ApiError> {
    let read = |value: &String| {
        read(value).ok_or_else(|| {
            let reason = format!("{value} is no value of the filter {key}");
            refused(ErrorCode::InvalidInstanceInformationFilterValue, reason)
        })
    };
    values.iter().map(read).collect()
}

pub(super) fn information(state: &State, now: Timestamp, node: &Node) -> InstanceInformation {
    let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
    let facts = &node.facts;
    let status = node.association_status();
    let counts = node.counts().into_iter().map(|(name, count)| (name.to_owned(), count));
    InstanceInformation {
        instance_id: node.id,
        ping_status: Some(node.ping_status(now, state.config.connection_lost_after)),
        last_ping_date_time: node.last_ping,
        agent_version: text(&facts.agent_version),
        is_latest_version: None,
        platform_type: facts.platform_type,
        platform_name: text(&facts.platform_name),
        platform_version: text(&facts.platform_version),
        activation_id: activation(node),
        iam_role: node.role().map(str::to_owned),
        registration_date: node.hybrid().map(|hybrid| hybrid.registered),
        resource_type: Some(resource_type(node).0.to_owned()),
        name: node.hybrid().and_then(|hybrid| hybrid.name.as_deref()).map(str::to_owned),
        ip_address: text(&node.ip_address),
        computer_name: text(&node.computer_name),
        association_status: status.map(|status| status.to_string()),
        last_association_execution_date: node.records.iter().filter_map(|record| record.reported).max(),
        last_successful_association_execution_date: node
            .records
            .iter()
            .filter_map(|record| record.succeeded)
            .max(),
        association_overview: status.map(|status| InstanceAggregatedAssociationOverview {
            detailed_status: Some(status.to_string()),
            instance_association_status_aggregated_count: counts.collect(),
        }),
        source_id: Some(node.id.to_string()),
        source_type: Some(resource_type(node).1.to_owned()),
    }
}
