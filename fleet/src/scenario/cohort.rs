//! What a scenario says of its nodes: who they are, how they behave, what is wrong
//! with them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use agent::fault::Share;
use agent::fault::named::{Cause, Misfit};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use shared::time::Period;

use super::arrival::Arrival;
use super::tags::{TagValue, Versions};
use super::takes::Takes;
use super::timing::Timing;

/// Nodes that are alike.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cohort {
    /// Its name.
    pub name: String,
    /// A platform's short name, such as `ubuntu-22.04`.
    pub platform: String,
    /// How many.
    #[serde(default)]
    pub nodes: Option<u32>,
    /// Which share of the scenario's `nodes`, in the place of how many.
    #[serde(default)]
    pub share: Option<Share>,
    /// The tags that its nodes carry: a text, in which `{index}` is the node's index
    /// in the cohort, a list of which nodes take in turn, or `weighted` ones.
    #[serde(default)]
    pub tags: BTreeMap<String, TagValue>,
    /// When its nodes arrive; evenly over the scenario's `ramp` if not said.
    #[serde(default)]
    pub arrival: Option<Arrival>,
    /// How many of its nodes are replaced in an hour, such as 12 or 0.5; none if not said.
    /// A node ends without a word, and another one boots in its place: of the same tags,
    /// index and number, with an id of its own.
    #[serde(default)]
    pub churn: Option<f64>,
    /// Which of the agent's identities they have; `ec2` if not said.
    #[serde(default)]
    pub identity: Identity,
    /// Whether EC2 instances have a role; true if not said. Without one they
    /// ask for credentials of their own.
    #[serde(default)]
    pub instance_profile: Option<bool>,
    /// After how long hybrid nodes change their keys of themselves; never if not said.
    #[serde(default)]
    pub key_rotation: Option<Period>,
    /// The agent's version, or several by weight: `{ 3.3.0.0: 9, 3.2.2303.0: 1 }`.
    #[serde(default)]
    pub agent_version: Option<Versions>,
    /// After how long one of a node's packages changes, for its inventory; a week if not said.
    #[serde(default)]
    pub facts_change: Option<Period>,
    /// When its nodes call; as the real agent if not said.
    #[serde(default)]
    pub timing: Timing,
    /// What is wrong with how many of them.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// How runs of documents go.
    #[serde(default)]
    pub behaviours: Vec<Behaviour>,
    /// By which channel of messages they can be reached; by none if not said, for
    /// each costs a connection that stays open.
    #[serde(default)]
    pub channel: Channel,
    /// What they tell of themselves; what their platform's template has if not said.
    #[serde(default)]
    pub facts: Facts,
}

/// What nodes tell of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Facts {
    /// What their platform's template has.
    #[default]
    Template,
    /// What this machine tells of itself, and the template where it tells nothing.
    Host,
}

/// A channel of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// None: a node is reached at its next poll.
    #[default]
    None,
    /// Long polling of ec2messages.
    LongPoll,
    /// The control channel of ssmmessages.
    Websocket,
}

/// An identity of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// EC2 instances, `i-`.
    #[default]
    Ec2,
    /// Machines that register by an activation, `mi-`.
    Hybrid,
}

/// What is wrong with some nodes for as long as they live.
#[derive(Debug, Clone, Copy, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "CohortFault")]
pub enum Fault {
    /// They are no valid instances.
    InvalidInstance(InvalidInstances),
    /// They run a platform for which the documents of their cohort are not made,
    /// or one that the service does not know.
    UnsupportedPlatform(UnsupportedPlatforms),
    /// Their machine became another one after it registered, as that of a cloned image.
    FingerprintMismatch(Share),
}

/// Nodes that are no valid instances: their share, or that and why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidInstances {
    /// How many.
    pub share: Share,
    /// Why not; `never-registered` if not said.
    pub cause: Cause,
    /// How long after their arrival nodes are deregistered; 15 minutes if not said.
    pub after: Option<Period>,
}

/// Nodes whose platform is not supported: their share, or that and which platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnsupportedPlatforms {
    /// How many.
    pub share: Share,
    /// Which platform; `foreign` to the documents if not said.
    pub platform: Misfit,
}

impl<'de> Deserialize<'de> for InvalidInstances {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let short = |share| Self { share, cause: Cause::NeverRegistered, after: None };
        let read = deserializer.deserialize_any(ShareOr::<LongInvalid>(PhantomData))?;
        let LongInvalid { share, cause, after } = match read {
            Err(share) => return Ok(short(share)),
            Ok(long) => long,
        };
        if after.is_some() && cause != Cause::Deregistered {
            return Err(de::Error::custom("`after` is for `cause: deregistered`: leave it out"));
        }
        Ok(Self { share, cause, after })
    }
}

impl<'de> Deserialize<'de> for UnsupportedPlatforms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = deserializer.deserialize_any(ShareOr::<LongUnsupported>(PhantomData))?;
        Ok(match read {
            Err(share) => Self { share, platform: Misfit::Foreign },
            Ok(LongUnsupported { share, platform }) => Self { share, platform },
        })
    }
}

/// How many nodes are no valid instances, and why not.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "InvalidInstancesByCause")]
struct LongInvalid {
    /// How many.
    share: Share,
    /// Why not; `never-registered` if not said.
    #[serde(default)]
    cause: Cause,
    /// How long after their arrival nodes are deregistered; 15 minutes if not said.
    #[serde(default)]
    after: Option<Period>,
}

/// How many nodes run a platform that is not supported, and which.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UnsupportedPlatformsByKind")]
struct LongUnsupported {
    /// How many.
    share: Share,
    /// Which platform; `foreign` to the documents if not said.
    #[serde(default)]
    platform: Misfit,
}

impl schemars::JsonSchema for InvalidInstances {
    fn schema_name() -> Cow<'static, str> {
        "InvalidInstances".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        share_or::<LongInvalid>(
            "Nodes that are no valid instances: their share, or that and why not.",
            generator,
        )
    }
}

impl schemars::JsonSchema for UnsupportedPlatforms {
    fn schema_name() -> Cow<'static, str> {
        "UnsupportedPlatforms".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let meaning = "Nodes whose platform is not supported: their share, or that and which platform.";
        share_or::<LongUnsupported>(meaning, generator)
    }
}

fn share_or<T: schemars::JsonSchema>(
    meaning: &str,
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    let (short, long) = (generator.subschema_for::<Share>(), generator.subschema_for::<T>());
    schemars::json_schema!({ "description": meaning, "anyOf": [short, long] })
}

/// Reads a share, or a map of these members.
struct ShareOr<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ShareOr<T> {
    type Value = Result<T, Share>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share such as 1%, or a map with `share`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Err).map_err(E::custom)
    }

    // Without a percent sign it is a number to YAML.
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(members)).map(Ok)
    }
}

/// How the steps of a document go. What is not said, the steps' own commands say.
#[derive(Debug, Clone, Default, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// The document's name; any document if not said.
    #[serde(default)]
    pub document: Option<String>,
    /// The nodes that it is for, by their index in the cohort, from 0; all if not said.
    #[serde(default)]
    pub nodes: Option<BTreeSet<u32>>,
    /// The step's name; any step if not said.
    #[serde(default)]
    pub step: Option<String>,
    /// How long a step takes.
    #[serde(default)]
    pub takes: Option<Takes>,
    /// The share of runs that fail.
    #[serde(default)]
    pub fails: Share,
    /// Whether it is always the same nodes that fail; false if not said, then each run
    /// may fail on any node.
    #[serde(default)]
    pub sticky: bool,
    /// The exit code of the step that fails; 1 if not said.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// What a step writes to its standard output.
    #[serde(default)]
    pub output: Option<String>,
    /// What a step that fails writes to its standard error.
    #[serde(default)]
    pub error: Option<String>,
    /// How long a node is away when a step asks for a reboot; 90 s if not said.
    #[serde(default)]
    pub reboot: Option<Period>,
    /// Whether the place where output is stored cannot be reached.
    #[serde(default)]
    pub loses_output: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_written_as_a_share_or_with_what_more_there_is_to_say() {
        let read = |text: &str| serde_saphyr::from_str::<Fault>(text);
        let share = "1%".parse().unwrap();
        let cases = [
            ("invalid-instance: 1%", Cause::NeverRegistered, None),
            ("invalid-instance: { share: 1% }", Cause::NeverRegistered, None),
            ("invalid-instance: { share: 1%, cause: agent-stopped }", Cause::AgentStopped, None),
            (
                "invalid-instance: { share: 1%, cause: deregistered, after: 5m }",
                Cause::Deregistered,
                Some(Period::minutes(5)),
            ),
        ];
        for (text, cause, after) in cases {
            let Ok(Fault::InvalidInstance(seen)) = read(text) else { panic!("{text}") };
            assert_eq!(seen, InvalidInstances { share, cause, after }, "{text}");
        }
        for (text, platform) in [
            ("unsupported-platform: 1%", Misfit::Foreign),
            ("unsupported-platform: { share: 1%, platform: unknown }", Misfit::Unknown),
        ] {
            let Ok(Fault::UnsupportedPlatform(seen)) = read(text) else { panic!("{text}") };
            assert_eq!(seen, UnsupportedPlatforms { share, platform }, "{text}");
        }
        for (text, expected) in [
            ("invalid-instance: 1", "no share"),
            ("invalid-instance: [1%]", "a share such as 1%"),
            ("invalid-instance: { cause: terminated }", "share"),
            ("invalid-instance: { share: 1%, cause: gone }", "gone"),
            ("invalid-instance: { share: 1%, why: gone }", "why"),
            ("invalid-instance: { share: 1%, after: 5m }", "`after` is for `cause: deregistered`"),
            ("unsupported-platform: { share: 1%, platform: beos }", "beos"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
