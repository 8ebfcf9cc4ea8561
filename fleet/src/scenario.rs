//! A scenario: what somebody wrote, read strictly.
//!
//! Unknown keys, missing keys and wrong values are refused with their place in
//! the file. What it means, with every default filled, is `plan`'s business.

use std::collections::BTreeMap;
use std::path::PathBuf;

use agent::fault::Share;
use plane::config::PlaneConfig;
use serde::Deserialize;
use shared::error::ErrorCode;
use shared::time::Period;
use shared::wire::Parameters;

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
    /// The embedded plane's settings.
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
#[derive(Debug, Clone, Deserialize)]
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
    /// The agent's version.
    #[serde(default)]
    pub agent_version: Option<String>,
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

/// What is wrong with some nodes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// They call under an id that the plane does not accept.
    InvalidInstance(Share),
    /// They run a platform for which the documents of their cohort are not made.
    UnsupportedPlatform(Share),
}

/// How the steps of a document go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behaviour {
    /// The document's name; any document if not said.
    #[serde(default)]
    pub document: Option<String>,
    /// The least and the most that a step takes.
    #[serde(default)]
    pub takes: Option<[Period; 2]>,
    /// The share of runs that fail.
    #[serde(default)]
    pub fails: Share,
    /// The exit code of the step that fails; 1 if not said.
    #[serde(default)]
    pub exit_code: Option<i32>,
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
    /// A setting of the plane that was given by name.
    #[error("setting of the plane: {reason}")]
    Settings {
        /// What is wrong.
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

    /// Reads a scenario from its text; `name` is for the error.
    pub fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        serde_saphyr::from_str(text)
            .map_err(|error| ScenarioError::Malformed { name: name.to_owned(), reason: reason_of(&error) })
    }
}

/// What a YAML reader says, without a word that our own message begins with.
pub(crate) fn reason_of(error: &serde_saphyr::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

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

    #[test]
    fn an_error_names_the_place() {
        let cases = [
            ("name: x\nseed: 1\nduration: 5\ncohorts: []\n", "line 3"),
            ("name: x\nseed: 1\nduration: 5m\ncohort: []\n", "cohort"),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: 1, faults: [lazy: 1%]}\n",
                "lazy",
            ),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: 1, faults: [invalid-instance: 1]}\n",
                "no share",
            ),
        ];
        for (text, expected) in cases {
            let error = Scenario::parse("x", text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(Scenario::load("no-such").unwrap_err().to_string().contains("first-look"));
    }
}
