//! Which nodes something is for, as a scenario writes it.
//!
//! All that is given must hold; nothing given means every node. Which nodes that
//! are in a given fleet is [`crate::fault::selection`]'s to say.

use std::borrow::Cow;
use std::fmt;

use agent::fault::Share;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};
use shared::id::NodeId;

use super::TagTarget;

/// Nodes: those for which all holds that is given.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    /// Those of this cohort.
    #[serde(default)]
    pub cohort: Option<String>,
    /// Those with this tag and one of these values.
    #[serde(default)]
    pub tag: Option<TagTarget>,
    /// Those of this platform: `linux`, `windows` or `macos`, or a platform's
    /// short name such as `ubuntu-22.04`.
    #[serde(default)]
    pub platform: Option<String>,
    /// Those in this availability zone, such as `us-east-1a`: EC2 instances are spread
    /// over three.
    #[serde(default)]
    pub zone: Option<String>,
    /// Those with such an index in their cohort.
    #[serde(default)]
    pub index: Option<IndexRange>,
    /// These, by their ids or by their numbers in the fleet, from 0.
    #[serde(default)]
    pub nodes: Option<Vec<NodeName>>,
    /// How many of them, drawn from the seed; all if not said.
    #[serde(default)]
    pub pick: Pick,
}

/// Nodes by their index in the cohort, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IndexRange {
    /// The first; 0 if not said.
    #[serde(default)]
    pub from: u32,
    /// The last, which is one of them; the cohort's last if not said.
    #[serde(default)]
    pub to: Option<u32>,
}

/// How many of the nodes that are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// All.
    #[default]
    All,
    /// One.
    One,
    /// So many, or all where there are fewer.
    Fixed(
        #[serde(deserialize_with = "some")]
        #[schemars(range(min = 1))]
        u32,
    ),
    /// This share, rounded down, but one at the least.
    Percent(#[serde(deserialize_with = "some_share")] Share),
}

fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(de::Error::custom("`0` picks nobody: expected 1 or more")),
        count => Ok(count),
    }
}

fn some_share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Share, D::Error> {
    match Share::deserialize(deserializer)? {
        Share::NONE => Err(de::Error::custom("`0%` picks nobody: expected a share above 0%, such as 10%")),
        share => Ok(share),
    }
}

/// A node: its id, or its number in the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeName {
    /// Its id.
    Id(NodeId),
    /// Its number in the fleet, from 0.
    Number(u32),
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for NodeName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written)
    }
}

impl JsonSchema for NodeName {
    fn schema_name() -> Cow<'static, str> {
        "NodeName".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let id = generator.subschema_for::<NodeId>();
        json_schema!({
            "description": "A node: its id, or its number in the fleet, from 0.",
            "anyOf": [id, { "type": "integer", "minimum": 0, "maximum": u32::MAX }],
        })
    }
}

struct Written;

impl Visitor<'_> for Written {
    type Value = NodeName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node's id, or its number in the fleet, from 0")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<NodeName, E> {
        text.parse().map(NodeName::Id).map_err(de::Error::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<NodeName, E> {
        numbered(number)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<NodeName, E> {
        numbered(number)
    }
}

fn numbered<N: TryInto<u32> + Copy + fmt::Display, E: de::Error>(number: N) -> Result<NodeName, E> {
    let wrong =
        |_| E::custom(format_args!("{number} is no node's number: expected one from 0 to {}", u32::MAX));
    number.try_into().map(NodeName::Number).map_err(wrong)
}
