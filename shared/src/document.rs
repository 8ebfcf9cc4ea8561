//! SSM documents, parsed: what is to be done on a node, step by step.
//!
//! A document is JSON text. Here it becomes a value that is parsed once, shared
//! by all who run it and never changed. Both schema families end as the same
//! list of steps: `mainSteps` of 2.x in their order, `runtimeConfig` of 1.x one
//! step per plugin. Reading is `read`'s work, putting values in the place of
//! `{{ parameters }}` [`argument`]'s, what `{{ssm:name}}` means [`store`]'s; which steps run on a node, the agent decides.
//!
//! Invariant: a parsed document has at least one step.

pub mod argument;
mod platform;
mod read;
pub mod store;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

macro_rules! schema_versions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// The schema that a document is written in.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SchemaVersion { $($(#[$doc])* $name),* }

        impl SchemaVersion {
            /// The version as documents spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The version of this spelling, if it is known.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }
        }
    };
}

schema_versions! {
    /// Automation. It runs in the service and never on a node.
    V0_3 = "0.3",
    /// Plugins in `runtimeConfig`.
    V1_0 = "1.0",
    /// Plugins in `runtimeConfig`.
    V1_2 = "1.2",
    /// Steps in `mainSteps`.
    V2_0 = "2.0",
    /// As 2.0.
    V2_0_1 = "2.0.1",
    /// As 2.0.
    V2_0_2 = "2.0.2",
    /// As 2.0.
    V2_0_3 = "2.0.3",
    /// Steps in `mainSteps`, with preconditions.
    V2_2 = "2.2",
}

impl SchemaVersion {
    /// Whether the agent runs documents of this schema.
    /// As agent/appconfig/constants.go: `SupportedDocumentVersions`.
    pub const fn runs_on_nodes(self) -> bool {
        !matches!(self, Self::V0_3)
    }

    /// Whether steps may have preconditions (cross-platform documents).
    /// As agent/framework/docparser/docparser.go: from 2.2 on.
    pub const fn has_preconditions(self) -> bool {
        matches!(self, Self::V2_2)
    }

    const fn has_runtime_config(self) -> bool {
        matches!(self, Self::V1_0 | Self::V1_2)
    }
}

/// A document, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The schema that it is written in.
    pub schema_version: SchemaVersion,
    /// What it is for.
    pub description: Option<String>,
    /// The parameters that it takes, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// What is to be done, in order. The agent takes the plugins of 1.x in no
    /// particular order; here they are ordered by name.
    pub steps: Vec<Step>,
}

/// A parameter that a document takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// The type of its value.
    pub kind: ParameterKind,
    /// Its value where none is given; [`Value::Null`] where there is none.
    pub default: Value,
    /// What it is for.
    pub description: Option<String>,
    /// The only values that it may have, if any are named.
    pub allowed_values: Vec<Value>,
    /// The regular expression that it must match.
    pub allowed_pattern: Option<String>,
    /// The fewest characters.
    pub min_chars: Option<u64>,
    /// The most characters.
    pub max_chars: Option<u64>,
    /// The fewest items of a list.
    pub min_items: Option<u64>,
    /// The most items of a list.
    pub max_items: Option<u64>,
}

/// The type of a parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ParameterKind {
    /// A text.
    String,
    /// A list of texts.
    StringList,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A list of maps.
    MapList,
    /// A map of texts.
    StringMap,
    /// Another word, such as Automation's `AWS::EC2::Instance::Id`.
    Other(Box<str>),
}

impl ParameterKind {
    /// The type as documents spell it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
            Self::MapList => "MapList",
            Self::StringMap => "StringMap",
            Self::Other(word) => word,
        }
    }
}

impl From<&str> for ParameterKind {
    fn from(word: &str) -> Self {
        match word {
            "String" => Self::String,
            "StringList" => Self::StringList,
            "Boolean" => Self::Boolean,
            "Integer" => Self::Integer,
            "MapList" => Self::MapList,
            "StringMap" => Self::StringMap,
            other => Self::Other(other.into()),
        }
    }
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its name, under which its result is reported; in 1.x the plugin's.
    pub name: String,
    /// The plugin that does it, such as `aws:runShellScript`.
    pub action: String,
    /// What the plugin is told.
    pub inputs: Inputs,
    /// What stands beside that as `settings`. No plugin here looks at it, but what it
    /// refers to must be there.
    pub settings: Option<Value>,
    /// When to do it; absent means always.
    pub precondition: Option<Precondition>,
}

/// What a plugin is told. A list is worked off in order and gives one result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inputs {
    /// One set of inputs, as 2.x has it.
    One(Map<String, Value>),
    /// Several sets, the `properties` list of 1.x.
    Many(Vec<Map<String, Value>>),
}

impl Inputs {
    /// Each set of inputs, in order.
    pub fn sets(&self) -> &[Map<String, Value>] {
        match self {
            Self::One(set) => std::slice::from_ref(set),
            Self::Many(sets) => sets,
        }
    }

    /// The set of inputs, where there is one and not a list.
    pub const fn single(&self) -> Option<&Map<String, Value>> {
        match self {
            Self::One(set) => Some(set),
            Self::Many(_) => None,
        }
    }
}

/// Operators and their arguments, such as `StringEquals` and
/// `["platformType", "Linux"]`. All must hold. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// The arguments, by operator.
    pub operators: BTreeMap<String, Vec<String>>,
}

/// Why a text is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The text is no JSON, or a member has the wrong type.
    #[error("document cannot be parsed: {reason}")]
    Malformed {
        /// What the parser met.
        reason: String,
    },
    /// The schema version is missing (then empty), unknown, or not for nodes.
    #[error("document has schema version `{version}`, which is not supported")]
    UnsupportedVersion {
        /// The version as it was written.
        version: String,
    },
    /// There is nothing to do: no `mainSteps`, no `runtimeConfig`.
    #[error("document of schema version {version} has no steps")]
    NoSteps {
        /// The version as it was written.
        version: &'static str,
    },
}

impl DocumentError {
    /// The reason in the agent's own words, as it reports it with `InvalidAssoc`.
    /// As agent/framework/docparser/docparser.go.
    pub fn agent_text(&self) -> String {
        match self {
            Self::Malformed { .. } => "Encountered error while parsing input - internal error".to_owned(),
            Self::UnsupportedVersion { version } => format!(
                "Document with schema version {version} is not supported by this version of ssm agent, \
                 please update to latest version"
            ),
            Self::NoSteps { .. } => "Unsupported schema format".to_owned(),
        }
    }

    /// Whether the agent, reporting this, names the association. Of a text that
    /// it cannot parse it has kept nothing, not even the id, and leaves a gap.
    pub const fn names_association(&self) -> bool {
        !matches!(self, Self::Malformed { .. })
    }
}

#[cfg(test)]
mod tests;
