//! Activations: the leave to register hybrid nodes, with what they are born with.

use serde::{Deserialize, Serialize};

use super::Tag;
use crate::id::ActivationId;
use crate::time::Timestamp;

/// Gives leave to register hybrid nodes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateActivation {
    /// In words, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name that each of its nodes gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_instance_name: Option<String>,
    /// The role that its nodes act in.
    pub iam_role: String,
    /// How many nodes may register: 1 to 1,000, one if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_limit: Option<i64>,
    /// When it ends: a day from now if not said, 30 days at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// The tags that each of its nodes gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
    /// Reserved by the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_metadata: Option<Vec<RegistrationMetadataItem>>,
}

/// Reserved by the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RegistrationMetadataItem {
    /// Reserved by the service.
    pub key: String,
    /// Reserved by the service.
    pub value: String,
}

/// The activation, and the only time its code is told.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreateActivationReply {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// Its secret, 20 characters and more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_code: Option<String>,
}

impl std::fmt::Debug for CreateActivationReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateActivationReply")
            .field("activation_id", &self.activation_id)
            .finish_non_exhaustive()
    }
}

/// Takes the leave back. Nodes that registered stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteActivation {
    /// Which.
    pub activation_id: String,
}

/// Lists activations.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeActivations {
    /// All of them must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<Vec<DescribeActivationsFilter>>,
    /// 1 to 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// A condition on the activations that are listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeActivationsFilter {
    /// `ActivationIds`, `DefaultInstanceName` or `IamRole`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_key: Option<String>,
    /// Any of them suffices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_values: Option<Vec<String>>,
}

/// A page of activations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DescribeActivationsReply {
    /// The activations.
    #[serde(default)]
    pub activation_list: Vec<Activation>,
    /// Where to go on, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An activation as the service knows it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Activation {
    /// Its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activation_id: Option<ActivationId>,
    /// In words, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The name that each of its nodes gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_instance_name: Option<String>,
    /// The role that its nodes act in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam_role: Option<String>,
    /// How many nodes may register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_limit: Option<i64>,
    /// How many did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrations_count: Option<i64>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiration_date: Option<Timestamp>,
    /// Whether it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<bool>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_date: Option<Timestamp>,
    /// The tags that each of its nodes gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
}
