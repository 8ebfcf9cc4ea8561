//! A scenario: what somebody wrote, read strictly.
//!
//! Unknown keys, missing keys and wrong values are refused with their place in
//! the file. What it means, with every default filled, is `plan`'s business.

pub mod takes;
pub mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use agent::fault::Share;
use plane::config::PlaneConfig;
use plane::state::world::World;
use serde::Deserialize;
use shared::error::ErrorCode;
use shared::id::NodeId;
use shared::time::Period;
use shared::wire::Parameters;

use self::takes::Takes;
use self::timing::Timing;
use crate::connections::Connections;

/// The scenario that runs when none is named.
pub const FIRST_LOOK: &str = include_str!("../../scenarios/first-look.yaml");

/// The scenarios that are built in, by name.
pub const BUILT_IN: [(&str, &str); 1] = [("first-look", FIRST_LOOK)];

/// A scenario as it was written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, which its results carry.
    pub name: String,
    /// The number that the run follows from.
    pub seed: u64,
    /// How many simulated seconds pass in a second; 1 if not said.
    #[serde(default)]
    pub time_scale: Option<f64>,
    /// Over what time nodes arrive.
    #[serde(default)]
    pub ramp: Period,
    /// After what time the run ends at the latest.
    pub duration: Period,
    /// How many key pairs the nodes share; 8 if not said.
    #[serde(default)]
    pub key_pool: Option<u32>,
    /// How nodes use connections; as the real agent if not said, where that fits.
    #[serde(default)]
    pub connections: Option<Connections>,
    /// The embedded plane's settings, and under `world` what other services know.
    #[serde(default)]
    pub plane: PlaneConfig,
    /// The nodes.
    pub cohorts: Vec<Cohort>,
    /// The documents that the operator creates.
    #[serde(default)]
    pub documents: Vec<Document>,
    /// The associations that the operator creates.
    #[serde(default)]
    pub associations: Vec<Association>,
}

/// Nodes that are alike.
#[derive(Debug, Clone, Default, Deserialize)]
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
    /// What they tell of themselves; what their platform's template has if not said.
    #[serde(default)]
    pub facts: Facts,
}

/// What nodes tell of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facts {
    /// What their platform's template has.
    #[default]
    Template,
    /// What this machine tells of itself, and the template where it tells nothing.
    Host,
}

/// A channel of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// EC2 instances, `i-`.
    #[default]
    Ec2,
    /// Machines that register by an activation, `mi-`.
    Hybrid,
}

/// What is wrong with some nodes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// They call under an id that the plane does not accept.
    InvalidInstance(Share),
    /// They run a platform for which the documents of their cohort are not made.
    UnsupportedPlatform(Share),
    /// Their machine became another one after it registered, as that of a cloned image.
    FingerprintMismatch(Share),
}

/// How the steps of a document go. What is not said, the steps' own commands say.
#[derive(Debug, Clone, Default, Deserialize)]
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

/// A document to create.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Its name.
    pub name: String,
    /// Its content, which is sent as JSON.
    pub content: serde_json::Value,
}

/// An association to create.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Association {
    /// Its name, for the report and as `AssociationName`.
    pub name: String,
    /// When, from the start of the run.
    pub at: Period,
    /// The document's name.
    pub document: String,
    /// Values for the document's parameters.
    #[serde(default)]
    pub parameters: Option<Parameters>,
    /// The nodes; all of the targets must hold.
    pub targets: Vec<Target>,
    /// When to run again; once if not said.
    #[serde(default)]
    pub schedule: Option<String>,
    /// How many nodes run at once: a number or a share such as `10%`.
    #[serde(default)]
    pub max_concurrency: Option<String>,
    /// After how many failures the rest is not begun: a number or a share.
    #[serde(default)]
    pub max_errors: Option<String>,
    /// The alarm of the plane's `world` that stops it.
    #[serde(default)]
    pub alarm: Option<String>,
    /// The bucket that takes what runs print.
    #[serde(default)]
    pub output_bucket: Option<String>,
    /// How many rounds the run waits for; 1 if not said.
    #[serde(default)]
    pub rounds: Option<u32>,
    /// The refusal that is expected.
    #[serde(default)]
    pub refused: Option<Refusal>,
}

/// The name of a refusal.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub struct Refusal(pub ErrorCode);

/// Nodes, as a scenario names them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// Those with this tag.
    Tag(TagTarget),
    /// All.
    All,
    /// One sound node of this cohort, by its id.
    Node(String),
    /// A node that is declared terminated, by its id.
    TerminatedNode,
    /// An EC2 instance of the plane's `world`, by its id.
    Instance(NodeId),
    /// The nodes of a resource group of the plane's `world`.
    ResourceGroup(String),
}

/// A tag and its values, any of which suffices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TagTarget {
    /// The tag's key.
    pub key: String,
    /// Its values.
    pub values: Vec<String>,
}

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is no such scenario.
    #[error("no scenario `{name}`: no such file, and the built-in ones are {built_in}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// The names there are.
        built_in: String,
    },
    /// The file cannot be read.
    #[error("cannot read scenario {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no such setting of the plane.
    #[error(
        "no setting of the plane is called `{name}`; {}ssm-fleet plane --settings lists them all",
        nearest.map(|nearest| format!("the nearest is `{nearest}`, and ")).unwrap_or_default()
    )]
    UnknownSetting {
        /// The name that was given.
        name: String,
        /// The name that comes nearest, if one comes near.
        nearest: Option<&'static str>,
    },
    /// A setting of the plane was given twice.
    #[error("setting `{name}` of the plane is given twice: give it once")]
    RepeatedSetting {
        /// Its name.
        name: String,
    },
    /// A setting of the plane cannot be so.
    #[error("setting `{name}` of the plane cannot be `{value}`: expected {expected}")]
    Setting {
        /// Its name.
        name: String,
        /// The value that was given.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// The file of what other services know cannot be read.
    #[error("cannot read the world from {}", path.display())]
    UnreadableWorld {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of what other services know says something else.
    #[error("world {}: {reason}", path.display())]
    World {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// The text is no scenario.
    #[error("scenario {name}: {reason}")]
    Malformed {
        /// The scenario's file or name.
        name: String,
        /// What is wrong, and where.
        reason: String,
    },
}

impl Scenario {
    /// The built-in scenario of this name, or the one in this file.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Self::parse(name, text);
        }
        let path = PathBuf::from(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(name, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let built_in = BUILT_IN.map(|(name, _)| name).join(", ");
                Err(ScenarioError::Unknown { name: name.to_owned(), built_in })
            }
            Err(source) => Err(ScenarioError::Unreadable { path, source }),
        }
    }

    /// A scenario of one cohort of which nobody wants anything.
    pub fn of_cohort(name: &str, seed: u64, duration: Period, cohort: Cohort) -> Self {
        Self {
            name: name.to_owned(),
            seed,
            time_scale: None,
            ramp: Period::ZERO,
            duration,
            key_pool: None,
            connections: None,
            plane: PlaneConfig::default(),
            cohorts: vec![cohort],
            documents: Vec::new(),
            associations: Vec::new(),
        }
    }

    /// Reads a scenario from its text; `name` is for the error.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        serde_saphyr::from_str(text)
            .map_err(|error| ScenarioError::Malformed { name: name.to_owned(), reason: reason_of(&error) })
    }
}

/// Reads what other services know, from a file in JSON or YAML: the same words
/// as in a scenario's `plane: world:`, and in the admin API.
pub fn load_world(path: &Path) -> Result<World, ScenarioError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ScenarioError::UnreadableWorld { path: path.to_owned(), source })?;
    serde_saphyr::from_str(&text)
        .map_err(|error| ScenarioError::World { path: path.to_owned(), reason: reason_of(&error) })
}

/// What a YAML reader says, without a word that our own message begins with.
pub(crate) fn reason_of(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let library = LIBRARY_WORDS.iter().find(|(words, _)| text.contains(words));
    library.map_or_else(|| text.to_owned(), |(words, own)| text.replace(words, own))
}

/// What the YAML reader says to programmers, and what that means to who wrote the text.
const LIBRARY_WORDS: [(&str, &str); 9] = [
    ("invalid u8", "no number that can be here: expected a whole number from 0 to 255"),
    ("invalid u32", "no number that can be here: expected a whole number from 0 to 4294967295"),
    ("invalid u64", "no number that can be here: expected a whole number from 0 to 18446744073709551615"),
    ("invalid usize", "no number that can be here: expected a whole number from 0 to 18446744073709551615"),
    ("invalid f64", "no number: expected one such as 1.5"),
    (
        "cannot deserialize null into string; use Option<String>",
        "a text is missing: expected one after the colon",
    ),
    (", set DuplicateKeyPolicy in Options if acceptable", ": expected each key once"),
    (
        "expected string key for externally tagged enum",
        "expected one choice by its name, such as `invalid-instance: 1%`",
    ),
    ("externally tagged enum expected scalar or mapping", "expected one choice by its name"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_scenarios_can_be_read() {
        for (name, text) in BUILT_IN {
            let scenario = Scenario::parse(name, text).unwrap();
            assert_eq!(scenario.name, name);
            assert_eq!(scenario.cohorts.iter().map(|cohort| cohort.nodes).sum::<u32>(), 1000);
        }
    }

    const HEAD: &str = "name: x\nseed: 1\nduration: 5m\ncohorts: []\nplane:\n  world:\n";

    #[test]
    fn what_other_services_know_is_part_of_a_scenario() {
        let world = "    alarms: { cpu: ALARM }\n    buckets: [logs]\n    resource_groups:\n      web: { tag_filters: [{ key: Role, values: [web] }] }\n    instances:\n      i-0123456789abcdef0: { state: pending, tags: { Env: prod } }\n    denied_nodes: [i-0123456789abcdef1]\n    parameters: { /app/flag: { value: \"on\" } }\n";
        let scenario = Scenario::parse("x", &format!("{HEAD}{world}")).unwrap();
        let plane = plane::service::Service::new(scenario.plane);
        let expected = serde_json::json!({
            "alarms": {"cpu": "ALARM"},
            "buckets": ["logs"],
            "resource_groups": {"web": {"tag_filters": [{"key": "Role", "values": ["web"]}]}},
            "instances": {"i-0123456789abcdef0": {"state": "pending", "tags": {"Env": "prod"}}},
            "denied_nodes": ["i-0123456789abcdef1"],
            "parameters": {"/app/flag": {"type": "String", "value": "on"}},
            "shared_documents": {},
        });
        assert_eq!(
            serde_json::to_value(plane.world()).unwrap(),
            expected,
            "the same words as the admin API's"
        );
    }

    #[test]
    fn an_error_in_the_world_names_key_and_line() {
        let cases = [
            ("    alarm: {}\n", "alarm", "line 7"),
            ("    alarms: { cpu: RED }\n", "RED", "line 7"),
            ("    buckets: []\n    instances: { i-1: {} }\n", "i-1", "line 8"),
            ("    instances:\n      mi-0123456789abcdef0: {}\n", "hybrid", "line"),
            ("    parameters: { a: { valeu: x } }\n", "valeu", "line 7"),
            ("    resource_groups: { web: {} }\n", "tag_filters", "line 7"),
        ];
        for (world, key, line) in cases {
            let error = Scenario::parse("x", &format!("{HEAD}{world}")).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains(line), "{world}: {error}");
        }
    }

    #[test]
    fn an_error_names_the_place() {
        let cases = [
            ("name: x\nseed: 1\nduration: 5\ncohorts: []\n", "line 3"),
            ("name: x\nseed: 1\nduration: 5m\ncohort: []\n", "cohort"),
            ("name: x\nseed: 1\nduration: 5m\nconnections: shared\ncohorts: []\n", "as-agent"),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: 1, faults: [lazy: 1%]}\n",
                "lazy",
            ),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: 1, faults: [invalid-instance: 1]}\n",
                "no share",
            ),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - name: a\n    platform: b\n    nodes: 1\n    behaviours:\n      - { takes: { often: 5s } }\n",
                "line 9",
            ),
        ];
        for (text, expected) in cases {
            let error = Scenario::parse("x", text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let cases = [
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: -5}\n",
                "from 0 to 4294967295",
                "line 5",
            ),
            ("name:\nseed: 1\nduration: 5m\ncohorts: []\n", "a text is missing", "line 1"),
            ("name: x\nname: y\nseed: 1\nduration: 5m\ncohorts: []\n", "each key once", "line 2"),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: 1, faults: [{[a]: 1%}]}\n",
                "choice by its name",
                "line 5",
            ),
        ];
        for (text, expected, line) in cases {
            let error = Scenario::parse("x", text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(line), "{error}");
            let library = ["Option<", "invalid u", "Policy", "externally tagged"];
            assert!(!library.iter().any(|words| error.contains(words)), "{error}");
        }
        assert!(Scenario::load("no-such").unwrap_err().to_string().contains("first-look"));
    }
}
