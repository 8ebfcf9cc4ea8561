//! What a scenario says of its nodes: who they are, how they behave, what is wrong
//! with them.

use std::collections::{BTreeMap, BTreeSet};

use agent::fault::Share;
use serde::Deserialize;
use shared::time::Period;

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
    pub nodes: u32,
    /// The tags that its nodes carry.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
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
    /// The agent's version.
    #[serde(default)]
    pub agent_version: Option<String>,
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
    /// They call under an id that the plane does not accept.
    InvalidInstance(Share),
    /// They run a platform for which the documents of their cohort are not made.
    UnsupportedPlatform(Share),
    /// Their machine became another one after it registered, as that of a cloned image.
    FingerprintMismatch(Share),
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
