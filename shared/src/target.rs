//! Which nodes an association means, in the caller's words.

use serde::{Deserialize, Serialize};

/// One condition on a node: a key and the values that satisfy it. Several
/// targets must all hold, one of a target's values suffices.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Target {
    /// `InstanceIds`, `tag:<key>` or `tag-key`; echoed as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The values, any of which satisfies the condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

impl Target {
    /// A target with this key and these values.
    pub fn new(key: impl Into<String>, values: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { key: Some(key.into()), values: Some(values.into_iter().map(Into::into).collect()) }
    }
}
