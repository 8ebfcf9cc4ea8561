//! Parameter Store: texts that documents refer to by name.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Reads stored parameters. The agent calls it for each `{{ssm:name}}` in an
/// association's parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetParameters {
    /// Names, each with `:` and a version behind it if need be; at most 10.
    pub names: Vec<String>,
    /// Whether secret values are wanted in clear; the agent says no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_decryption: Option<bool>,
}

/// The parameters that there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetParametersReply {
    /// Those that are known.
    #[serde(default)]
    pub parameters: Vec<ParameterValue>,
    /// The names of which nothing is known.
    #[serde(default)]
    pub invalid_parameters: Vec<String>,
}

/// A stored parameter.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParameterValue {
    /// Its name.
    pub name: String,
    /// `String`, `StringList` or `SecureString`.
    #[serde(rename = "Type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its value; of a secret one what nobody can read, unless it was asked for in clear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Counts the changes, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// What stood behind the name, `:2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// When it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified_date: Option<Timestamp>,
    /// Its name in all of AWS.
    #[serde(rename = "ARN", default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// `text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<String>,
}
