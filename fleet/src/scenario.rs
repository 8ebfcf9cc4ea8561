//! A scenario: what somebody wrote, read strictly.
//!
//! Unknown keys, missing keys and wrong values are refused with their place in
//! the file. What it means, with every default filled, is `plan`'s business.
//!
//! - [`tree`]: texts as trees that know where everything stands
//! - `load`: files that extend one another, and what flags set in them

mod arrival;
mod association;
mod cohort;
mod error;
pub mod fault;
mod load;
pub mod outcome;
mod plane;
pub mod selector;
mod tags;
pub mod takes;
mod threshold;
mod time;
pub mod timeline;
pub mod timing;
pub mod tree;

use std::collections::BTreeMap;
use std::path::Path;

use ::plane::state::world::World;
use serde::Deserialize;
use shared::time::Period;

pub use self::arrival::Arrival;
pub use self::association::{Association, Document, Refusal, TagTarget, Target};
pub use self::cohort::{
    Behaviour, Channel, Cohort, Facts, Fault, Identity, InvalidInstances, UnsupportedPlatforms,
};
pub use self::error::ScenarioError;
use self::fault::FaultWindow;
pub use self::load::Loaded;
pub use self::plane::{GuestOf, Plane};
pub use self::tags::{TagValue, Versions};
use self::takes::Takes;
pub use self::threshold::Thresholds;
pub use self::time::{Instant, Time};
use crate::connections::Connections;
use crate::history::mode::HistoryMode;

/// The scenario that runs when none is named.
pub const FIRST_LOOK: &str = include_str!("../../scenarios/first-look.yaml");

/// The scenarios that are built in, by name.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("first-look", FIRST_LOOK),
    ("bad-rollout", include_str!("../../scenarios/bad-rollout.yaml")),
    ("boot-storm", include_str!("../../scenarios/boot-storm.yaml")),
    ("ghosts", include_str!("../../scenarios/ghosts.yaml")),
    ("herd-boot-storm", include_str!("../../scenarios/herd-boot-storm.yaml")),
    ("herd-hibernation", include_str!("../../scenarios/herd-hibernation.yaml")),
    ("herd-on-the-hour", include_str!("../../scenarios/herd-on-the-hour.yaml")),
    ("herd-plane-back", include_str!("../../scenarios/herd-plane-back.yaml")),
    ("herd-zone-back", include_str!("../../scenarios/herd-zone-back.yaml")),
    ("lost-acks", include_str!("../../scenarios/lost-acks.yaml")),
    ("mixed-platforms", include_str!("../../scenarios/mixed-platforms.yaml")),
    ("patch-tuesday", include_str!("../../scenarios/patch-tuesday.yaml")),
    ("plane-outage", include_str!("../../scenarios/plane-outage.yaml")),
    ("soak", include_str!("../../scenarios/soak.yaml")),
    ("tag-drift", include_str!("../../scenarios/tag-drift.yaml")),
];

/// The names of the built-in scenarios.
pub fn built_in_names() -> String {
    BUILT_IN.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// The built-in scenarios, a name in each line and beside it what it shows, in lines
/// of at most 80 columns.
pub fn built_in_list() -> String {
    let widest = BUILT_IN.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let mut list = String::new();
    for (name, text) in BUILT_IN {
        let shows = text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let mut line = format!("  {name:widest$} ");
        for word in shows.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > 80 {
                list.push_str(&line);
                line = format!("\n{:1$}", "", widest + 3);
            }
            line.push(' ');
            line.push_str(word);
        }
        list.push_str(&line);
        list.push('\n');
    }
    list.trim_end().to_owned()
}

/// A scenario as it was written.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A scenario that this one changes: its file, seen from this one, or its
    /// built-in name. What is said here takes the place of what is said there.
    #[serde(default)]
    pub extends: Option<String>,
    /// Its name, which its results carry.
    pub name: String,
    /// What else is to be known of it, for whoever reads its results.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The number that the run follows from.
    pub seed: u64,
    /// The simulated instant at which it begins; now if not said, in virtual time
    /// the beginning of 2025.
    #[serde(default)]
    pub start_time: Option<Instant>,
    /// How time passes; as fast as the wall's if not said.
    #[serde(default)]
    pub time: Time,
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
    /// What of the run is written to `history.jsonl.zst`; if not said, all of it where
    /// that is at most 10 million entries by the plan's estimate, else changes.
    #[serde(default)]
    pub history: Option<HistoryMode>,
    /// The embedded plane's settings, and under `world` what other services know;
    /// or the endpoint of somebody else's.
    #[serde(default)]
    pub plane: Plane,
    /// How many nodes there are, where cohorts name shares of them.
    #[serde(default)]
    pub nodes: Option<u32>,
    /// The nodes.
    pub cohorts: Vec<Cohort>,
    /// The documents that the operator creates.
    #[serde(default)]
    pub documents: Vec<Document>,
    /// The associations that the operator creates.
    #[serde(default)]
    pub associations: Vec<Association>,
    /// How long the embedded plane takes to answer, in virtual time; without it no latency is measured there.
    #[serde(default)]
    pub latency_model: Option<Takes>,
    /// What must come of it: metrics with their bounds, such as `online: [value >= 900]`.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// What goes wrong for a while: between nodes and plane, with the nodes themselves,
    /// or with the embedded plane.
    #[serde(default)]
    pub faults: Vec<FaultWindow>,
    /// What else happens, and when.
    #[serde(default)]
    pub timeline: Vec<timeline::Entry>,
}

impl Scenario {
    /// A scenario of one cohort of which nobody wants anything.
    pub fn of_cohort(name: &str, seed: u64, duration: Period, cohort: Cohort) -> Self {
        Self {
            extends: None,
            name: name.to_owned(),
            labels: BTreeMap::new(),
            seed,
            start_time: None,
            time: Time::default(),
            ramp: Period::ZERO,
            duration,
            key_pool: None,
            connections: None,
            history: None,
            plane: Plane::default(),
            nodes: None,
            cohorts: vec![cohort],
            documents: Vec::new(),
            associations: Vec::new(),
            latency_model: None,
            thresholds: Thresholds::default(),
            faults: Vec::new(),
            timeline: Vec::new(),
        }
    }
}

/// Reads what other services know, from a file in JSON or YAML: the same words
/// as in a scenario's `plane: world:`, and in the admin API.
pub fn load_world(path: &Path) -> Result<World, ScenarioError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ScenarioError::UnreadableWorld { path: path.to_owned(), source })?;
    let tree = tree::read(&format!("world {}", path.display()), &text);
    let world = tree.map_err(|problem| vec![problem]).and_then(|tree| tree::value_of(&tree));
    world.map_err(ScenarioError::Wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_scenarios_can_be_read() {
        for (name, text) in BUILT_IN {
            let scenario = Scenario::parse(name, text).unwrap();
            assert_eq!(scenario.name, *name);
        }
    }

    #[test]
    fn the_built_in_scenarios_are_listed_with_what_they_show() {
        let list = built_in_list();
        assert_eq!(list.lines().filter(|line| !line.starts_with("   ")).count(), BUILT_IN.len());
        assert!(list.lines().all(|line| line.len() <= 80), "{list}");
        let begins = |line: &str| line.trim_start().len() < line.len() - 18 || !line.starts_with("   ");
        assert!(list.lines().all(begins), "what is continued stands in the same column: {list}");
        let line = list.lines().find(|line| line.starts_with("  first-look ")).unwrap();
        assert!(line.ends_with("  A thousand nodes apply two associations in a minute."), "{line}");
    }

    const HEAD: &str = "name: x\nseed: 1\nduration: 5m\ncohorts: []\nplane:\n  world:\n";

    #[test]
    fn what_other_services_know_is_part_of_a_scenario() {
        let world = "    alarms: { cpu: ALARM }\n    buckets: [logs]\n    resource_groups:\n      web: { tag_filters: [{ key: Role, values: [web] }] }\n    instances:\n      i-0123456789abcdef0: { state: pending, tags: { Env: prod } }\n    denied_nodes: [i-0123456789abcdef1]\n    parameters: { /app/flag: { value: \"on\" } }\n";
        let scenario = Scenario::parse("x", &format!("{HEAD}{world}")).unwrap();
        let plane = ::plane::service::Service::new(scenario.plane.settings);
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
            ("name:\nseed: 1\nduration: 5m\ncohorts: []\n", "a value is missing: expected a text", "line 1"),
            ("name: x\nname: y\nseed: 1\nduration: 5m\ncohorts: []\n", "each key once", "line 2"),
            (
                "name: x\nseed: 1\nduration: 5m\ncohorts:\n  - {name: a, platform: b, nodes: 1, faults: [{[a]: 1%}]}\n",
                "is no key: expected a name",
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
