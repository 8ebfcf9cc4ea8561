//! A managed node: registration, heartbeat, and the fleet's view of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Tag;
use crate::id::{ActivationId, NodeId};
use crate::status::{PingStatus, PlatformType};
use crate::time::Timestamp;

/// A node makes itself known (private to the agent). The EC2 form is signed by
/// the instance's role and carries no activation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterManagedInstance {
    /// The secret of a hybrid activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_code: Option<String>,
    /// The id of a hybrid activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<String>,
    /// In the EC2 form the `i-` id; else a UUID.
    pub fingerprint: String,
    /// The role of the Greengrass form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_role: Option<String>,
    /// Base64 of the DER SubjectPublicKeyInfo, 392 characters for RSA-2048.
    pub public_key: String,
    /// `Rsa`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key_type: Option<String>,
    /// Tags of the Greengrass form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
}

/// The id under which the node is now known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegisterManagedInstanceReply {
    /// The node's id; the agent ignores it in the EC2 form.
    pub instance_id: NodeId,
}

/// A node's heartbeat (private to the agent). The bare form, without
/// `AgentStatus` and what follows from it, is the probe at start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateInstanceInformation {
    /// `amazon-ssm-agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_name: Option<String>,
    /// `Active`, in the full form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_status: Option<String>,
    /// Such as `3.3.0.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Empty outside EC2; the key is there in the full form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Empty outside EC2; the key is there in the full form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub availability_zone_id: Option<String>,
    /// The full host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// The service spells this one in capitals.
    #[serde(rename = "IPAddress", default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Who this is.
    pub instance_id: NodeId,
    /// Such as `Amazon Linux`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_name: Option<String>,
    /// The kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<PlatformType>,
    /// Such as `2023`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// Empty until a channel is known, then `ssmmessages` or `ec2messages`.
    #[serde(rename = "SSMConnectionChannel", default, skip_serializing_if = "Option::is_none")]
    pub ssm_connection_channel: Option<String>,
}

/// Lists nodes, 10 a page if nothing else is said.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceInformation {
    /// The older filters. Not together with `filters`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_information_filter_list: Option<Vec<InstanceInformationFilter>>,
    /// The newer filters; all of them must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<InstanceInformationStringFilter>>,
    /// 5 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An older filter; its members are in lower case on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceInformationFilter {
    /// What to look at.
    pub key: String,
    /// What it may be.
    pub value_set: Vec<String>,
}

/// A newer filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceInformationStringFilter {
    /// What to look at.
    pub key: String,
    /// What it may be.
    pub values: Vec<String>,
}

/// A page of nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceInformationReply {
    /// The nodes.
    #[serde(default)]
    pub instance_information_list: Vec<InstanceInformation>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node as the service knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceInformation {
    /// Who it is.
    pub instance_id: NodeId,
    /// Whether it was heard of late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_status: Option<PingStatus>,
    /// When it was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ping_date_time: Option<Timestamp>,
    /// The agent's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Whether that is the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_latest_version: Option<bool>,
    /// The kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<PlatformType>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// The activation by which a hybrid node registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// The role of a hybrid node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_role: Option<String>,
    /// When a hybrid node registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_date: Option<Timestamp>,
    /// `EC2Instance` or `ManagedInstance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// The name that a hybrid node got from its activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The node's address.
    #[serde(rename = "IPAddress", default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// The node's host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// Pending, Success or Failed over all its associations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_status: Option<String>,
    /// When an association last ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_association_execution_date: Option<Timestamp>,
    /// When one last ran well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_association_execution_date: Option<Timestamp>,
    /// How its associations stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_overview: Option<InstanceAggregatedAssociationOverview>,
    /// The source's id, here the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// `AWS::EC2::Instance` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
}

/// How a node's associations stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceAggregatedAssociationOverview {
    /// The state over all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detailed_status: Option<String>,
    /// How many stand at each state.
    #[serde(default)]
    pub instance_association_status_aggregated_count: BTreeMap<String, u64>,
}

/// Takes a hybrid node out of the service.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeregisterManagedInstance {
    /// The node, `mi-…`.
    pub instance_id: String,
}

/// Gives a hybrid node another role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateManagedInstanceRole {
    /// The node, `mi-…`.
    pub instance_id: String,
    /// The name of the role.
    pub iam_role: String,
}

/// Asks whether a session could reach a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConnectionStatus {
    /// The node.
    pub target: String,
}

/// Whether a session could reach a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetConnectionStatusReply {
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// `connected` or `notconnected`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// Lists nodes with what is known of each.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstanceProperties {
    /// The older filters. Not together with the newer ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_property_filter_list: Option<Vec<InstanceInformationFilter>>,
    /// The newer filters; all of them must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters_with_operator: Option<Vec<InstancePropertyStringFilter>>,
    /// 5 to 1,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A filter on nodes that says how to compare.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstancePropertyStringFilter {
    /// What to look at.
    pub key: String,
    /// What to compare with; any suffices.
    pub values: Vec<String>,
    /// `Equal` if nothing else is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
}

/// A page of nodes.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeInstancePropertiesReply {
    /// The nodes.
    #[serde(default)]
    pub instance_properties: Vec<InstanceProperty>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A node with what is known of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InstanceProperty {
    /// The tag `Name`, or the name that a hybrid node got from its activation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who it is.
    pub instance_id: String,
    /// The role of an EC2 instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_role: Option<String>,
    /// Such as `running`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_state: Option<String>,
    /// The node's address.
    #[serde(rename = "IPAddress", default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<String>,
    /// Whether it was heard of late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ping_status: Option<PingStatus>,
    /// When it was last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_ping_date_time: Option<Timestamp>,
    /// The agent's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// The kind of operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_type: Option<PlatformType>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_name: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_version: Option<String>,
    /// The activation by which a hybrid node registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// The role of a hybrid node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_role: Option<String>,
    /// When a hybrid node registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_date: Option<Timestamp>,
    /// `EC2Instance` or `ManagedInstance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_type: Option<String>,
    /// The node's host name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computer_name: Option<String>,
    /// Pending, Success or Failed over all its associations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_status: Option<String>,
    /// When an association last ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_association_execution_date: Option<Timestamp>,
    /// When one last ran well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_successful_association_execution_date: Option<Timestamp>,
    /// How its associations stand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub association_overview: Option<InstanceAggregatedAssociationOverview>,
    /// The source's id, here the node's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_id: Option<String>,
    /// `AWS::EC2::Instance` and others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_type: Option<String>,
}
