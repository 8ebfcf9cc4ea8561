//! A scenario: what somebody wrote, read strictly.
//!
//! Unknown keys, missing keys and wrong values are refused with their place in
//! the file. What it means, with every default filled, is `plan`'s business.

mod association;
mod cohort;
mod error;
pub mod fault;
pub mod outcome;
pub mod selector;
pub mod takes;
mod threshold;
pub mod timeline;
pub mod timing;

use std::path::{Path, PathBuf};

use plane::config::PlaneConfig;
use plane::state::world::World;
use serde::Deserialize;
use shared::time::Period;

use self::takes::Takes;

pub use self::association::{Association, Document, Refusal, TagTarget, Target};
pub use self::cohort::{Behaviour, Channel, Cohort, Fault, Identity, InvalidInstances, UnsupportedPlatforms};
pub use self::error::ScenarioError;
use self::fault::FaultWindow;
pub use self::threshold::Thresholds;
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
    /// What goes wrong for a while, between nodes and plane.
    #[serde(default)]
    pub faults: Vec<FaultWindow>,
    /// How long the embedded plane takes to answer, in virtual time; without it no latency is measured there.
    #[serde(default)]
    pub latency_model: Option<Takes>,
    /// What must come of it: metrics with their bounds, such as `online: [value >= 900]`.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// What else happens, and when.
    #[serde(default)]
    pub timeline: Vec<timeline::Entry>,
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
            faults: Vec::new(),
            latency_model: None,
            thresholds: Thresholds::default(),
            timeline: Vec::new(),
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
