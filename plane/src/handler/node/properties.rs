//! The fleet's view with filters that compare.
//!
//! As the older view, nodes come in the order of their ids, and a call looks at
//! a bounded number of them. A filter looks at what a node has under its key,
//! which may be several things; it passes if any of them does.

use std::collections::BTreeSet;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::status::{PingStatus, PlatformType};
use shared::time::Timestamp;
use shared::wire::{
    DescribeInstanceProperties, DescribeInstancePropertiesReply, InstanceInformation, InstanceProperty,
};

use super::super::refused;
use super::describe::{activation, information, is_listed, known_node};
use crate::page::{List, SEARCH};
use crate::state::State;
use crate::state::node::Node;

/// How many nodes a page has if nothing else is said.
const DEFAULT_PAGE: i64 = 50;

/// Lists nodes with what is known of each.
pub(crate) fn describe_instance_properties(
    state: &mut State,
    now: Timestamp,
    call: DescribeInstanceProperties,
) -> Result<DescribeInstancePropertiesReply, ApiError> {
    let filters = read_filters(state, &call)?;
    let list = List::new(state.config.seed, "DescribeInstanceProperties", &filters);
    let after = list.place::<NodeId>(call.next_token.as_deref())?;
    let size =
        usize::try_from(call.max_results.unwrap_or(DEFAULT_PAGE).clamp(1, 1_000)).expect("from 1 to 1,000");

    let mut reply = DescribeInstancePropertiesReply::default();
    let mut last = after;
    for (looked_at, number) in state.nodes.after(after).enumerate() {
        if reply.instance_properties.len() == size || looked_at == SEARCH {
            reply.next_token = last.map(|last| list.token(last.as_str()));
            break;
        }
        let node = state.nodes.get(number);
        last = Some(node.id);
        if is_listed(state, node) && filters.iter().all(|filter| filter.lets_through(state, now, node)) {
            reply.instance_properties.push(property(state, now, node));
        }
    }
    Ok(reply)
}

fn property(state: &State, now: Timestamp, node: &Node) -> InstanceProperty {
    let InstanceInformation {
        instance_id,
        ping_status,
        last_ping_date_time,
        agent_version,
        platform_type,
        platform_name,
        platform_version,
        activation_id,
        iam_role,
        registration_date,
        resource_type,
        name,
        ip_address,
        computer_name,
        association_status,
        last_association_execution_date,
        last_successful_association_execution_date,
        association_overview,
        source_id,
        source_type,
        ..
    } = information(state, now, node);
    InstanceProperty {
        name: node.tags.value("Name").map(ToString::to_string).or(name),
        instance_id: instance_id.to_string(),
        // Both belong to EC2, of which the plane knows nothing.
        instance_role: None,
        instance_state: None,
        ip_address,
        ping_status,
        last_ping_date_time,
        agent_version,
        platform_type,
        platform_name,
        platform_version,
        activation_id,
        iam_role,
        registration_date,
        resource_type,
        computer_name,
        association_status,
        last_association_execution_date,
        last_successful_association_execution_date,
        association_overview,
        source_id,
        source_type,
    }
}

/// What a filter looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    InstanceIds,
    AgentVersion,
    PingStatus,
    PlatformTypes,
    DocumentName,
    ActivationIds,
    IamRole,
    ResourceType,
    AssociationStatus,
    Tagged,
    Tag(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    BeginWith,
    LessThan,
    GreaterThan,
}

/// A condition on the nodes that are listed.
#[derive(Debug)]
struct Filter {
    key: Key,
    operator: Operator,
    values: Vec<String>,
}

fn read_filters(state: &State, call: &DescribeInstanceProperties) -> Result<Vec<Filter>, ApiError> {
    let older = call.instance_property_filter_list.as_deref().unwrap_or_default();
    let newer = call.filters_with_operator.as_deref().unwrap_or_default();
    if !older.is_empty() && !newer.is_empty() {
        return Err(refused(
            ErrorCode::ValidationException,
            "Only one of InstancePropertyFilterList and FiltersWithOperator can be specified",
        ));
    }
    let older = older.iter().map(|filter| read_filter(state, &filter.key, &filter.value_set, None));
    let newer = newer
        .iter()
        .map(|filter| read_filter(state, &filter.key, &filter.values, filter.operator.as_deref()));
    older.chain(newer).collect()
}

fn read_filter(
    state: &State,
    key: &str,
    values: &[String],
    operator: Option<&str>,
) -> Result<Filter, ApiError> {
    let operator = match operator {
        Some("NotEqual") => Operator::NotEqual,
        Some("BeginWith") => Operator::BeginWith,
        Some("LessThan") => Operator::LessThan,
        Some("GreaterThan") => Operator::GreaterThan,
        _ => Operator::Equal,
    };
    let key = match key {
        "InstanceIds" => Key::InstanceIds,
        "AgentVersion" => Key::AgentVersion,
        "PingStatus" => Key::PingStatus,
        "PlatformType" | "PlatformTypes" => Key::PlatformTypes,
        "DocumentName" => Key::DocumentName,
        "ActivationIds" => Key::ActivationIds,
        "IamRole" => Key::IamRole,
        "ResourceType" => Key::ResourceType,
        "AssociationStatus" => Key::AssociationStatus,
        "tag-key" => Key::Tagged,
        _ => match key.strip_prefix("tag:") {
            Some(key) if !key.is_empty() => Key::Tag(key.to_owned()),
            _ => return Err(refused(ErrorCode::InvalidFilterKey, format!("there is no filter {key}"))),
        },
    };
    let filter = Filter { key, operator, values: values.to_vec() };
    if operator == Operator::Equal {
        filter.check_values(state)?;
    }
    Ok(filter)
}

impl Filter {
    /// Values that must be equal to something must be things that there can be.
    fn check_values(&self, state: &State) -> Result<(), ApiError> {
        for value in &self.values {
            let is_word = match self.key {
                Key::InstanceIds => {
                    known_node(state, value)?;
                    true
                }
                Key::DocumentName => {
                    state.documents.document(value, &state.config.account)?;
                    true
                }
                Key::PingStatus => PingStatus::from_text(value).is_some(),
                Key::PlatformTypes => PlatformType::from_text(value).is_some(),
                Key::ResourceType => ["ManagedInstance", "EC2Instance"].contains(&value.as_str()),
                Key::AssociationStatus => ["Success", "Pending", "Failed"].contains(&value.as_str()),
                _ => true,
            };
            if !is_word {
                let reason = format!("{value} is no value of the filter {:?}", self.key);
                return Err(refused(ErrorCode::InvalidInstancePropertyFilterValue, reason));
            }
        }
        Ok(())
    }

    /// Any value suffices; of those that must not be equal, none may be.
    fn lets_through(&self, state: &State, now: Timestamp, node: &Node) -> bool {
        let own = self.own(state, now, node);
        let any = |holds: fn(&str, &str) -> bool| {
            own.iter().any(|own| self.values.iter().any(|value| holds(own, value)))
        };
        match self.operator {
            Operator::Equal => any(|own, value| own == value),
            Operator::NotEqual => !any(|own, value| own == value),
            Operator::BeginWith => any(|own, value| own.starts_with(value)),
            Operator::LessThan => any(|own, value| own < value),
            Operator::GreaterThan => any(|own, value| own > value),
        }
    }

    /// What a node has under the key.
    fn own(&self, state: &State, now: Timestamp, node: &Node) -> BTreeSet<String> {
        let one = |text: Option<&str>| text.into_iter().map(str::to_owned).collect();
        match &self.key {
            Key::InstanceIds => one(Some(node.id.as_str())),
            Key::AgentVersion => one(node.facts.agent_version.as_deref()),
            Key::PingStatus => one(Some(node.ping_status(now, state.config.connection_lost_after).as_str())),
            Key::PlatformTypes => one(node.facts.platform_type.map(|platform| platform.as_str())),
            Key::DocumentName => {
                let records = node.records.iter();
                let associations = records.filter_map(|record| state.associations.get(record.association));
                associations.map(|association| association.definition.name.to_string()).collect()
            }
            Key::ActivationIds => activation(node).map(|id| id.to_string()).into_iter().collect(),
            Key::IamRole => one(node.role()),
            Key::ResourceType => one(information(state, now, node).resource_type.as_deref()),
            Key::AssociationStatus => one(node.association_status().map(|status| status.as_str())),
            Key::Tagged => node.tags.iter().map(|(key, _)| key.to_string()).collect(),
            Key::Tag(key) => one(node.tags.value(key).map(|value| &**value)),
        }
    }
}
