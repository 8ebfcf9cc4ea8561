//! What must come of a run, as a scenario writes it: metrics, and bounds on them.
//!
//! ```yaml
//! thresholds:
//!   time_to_success{association=patch}: [p(99) < 10m]
//!   errors{code=ThrottlingException}: [{ threshold: count == 0, abort: true }]
//!   online: [{ threshold: value >= 900, abort: true, after: 15m }]
//! ```
//!
//! A metric's bounds can only be read once it is known which metric it is, so
//! both are read here, and a mistake in either has its line.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use shared::time::Period;

use super::tree::{Node, Problem, Value};
use crate::metric::bound::Bound;
use crate::metric::selection::Selection;
use crate::metric::{Known, METRICS, Metric};
use crate::threshold::Threshold;

/// The thresholds of a scenario, in the order in which they are written.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Thresholds(pub Vec<Threshold>);

/// The key of thresholds in a scenario.
const KEY: &str = "thresholds";

/// Puts a metric in the path to a value as [`respell_all`] does.
pub(super) fn respell(path: &mut [String]) {
    if let [first, metric, ..] = path
        && first == KEY
        && let Ok(selection) = metric.parse::<Selection>()
    {
        *metric = selection.to_string();
    }
}

/// Puts the metrics that a scenario has thresholds on in one spelling, so that one
/// is the same whatever the order of its labels. Says which are there twice.
pub(super) fn respell_all(scenario: &mut Node) -> Vec<Problem> {
    let Some(Node { value: Value::Map(thresholds), .. }) = scenario.get_mut(KEY) else { return Vec::new() };
    let mut known = BTreeSet::new();
    let mut problems = Vec::new();
    for entry in thresholds {
        // What is no metric is refused when it is read.
        let Ok(selection) = entry.key.parse::<Selection>() else { continue };
        entry.key = selection.to_string();
        if !known.insert(selection) {
            let reason = format!(
                "{KEY}: `{}` is here twice, with its labels in another order: expected each metric once",
                entry.key
            );
            problems.push(Problem::wrong(reason).here(&entry.place));
        }
    }
    problems
}

/// A bound that may end the run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Threshold")]
struct Written {
    /// The bound, such as `count == 0`.
    threshold: String,
    /// Whether the run ends as soon as it does not hold.
    #[serde(default)]
    abort: bool,
    /// From when on it may end the run, from the start, such as 15m; from the first
    /// second on if not said.
    #[serde(default)]
    after: Option<Period>,
}

impl<'de> Deserialize<'de> for Thresholds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(All)
    }
}

impl JsonSchema for Thresholds {
    fn schema_name() -> Cow<'static, str> {
        "Thresholds".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        let written = generator.subschema_for::<Written>();
        json_schema!({
            "type": "object",
            "description": "Metrics, such as `online` or `time_to_success{association=patch}`, with their bounds, \
                            such as `[p(99) < 10m]`.",
            "propertyNames": { "pattern": format!(r"^({})\s*(\{{.*\}})?$", names.join("|")) },
            "additionalProperties": {
                "type": "array",
                "items": { "anyOf": [{ "type": "string" }, written] },
            },
        })
    }
}

struct All;

impl<'de> Visitor<'de> for All {
    type Value = Thresholds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("metrics with their bounds, such as `online: [value >= 900]`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Thresholds, A::Error> {
        let mut all = Vec::new();
        while let Some(selection) = members.next_key::<Selection>()? {
            members.next_value_seed(Bounds { selection, all: &mut all })?;
        }
        Ok(Thresholds(all))
    }
}

/// The bounds on a metric.
struct Bounds<'a> {
    selection: Selection,
    all: &'a mut Vec<Threshold>,
}

impl<'de> DeserializeSeed<'de> for Bounds<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        // Any, so that what is no list is refused in our words.
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Bounds<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of bounds on `{}`, such as [p(99) < 10m]", self.selection)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let metric = self.selection.metric;
        let before = self.all.len();
        while let Some(One { bound, is_abort, after }) = items.next_element_seed(OneBound(metric))? {
            self.all.push(Threshold { selection: self.selection.clone(), bound, is_abort, after });
        }
        if self.all.len() == before {
            return Err(de::Error::custom(format_args!(
                "`{}` has no bound: give one, such as [count == 0]",
                self.selection
            )));
        }
        Ok(())
    }
}

/// A bound, and what becomes of it.
struct One {
    bound: Bound,
    is_abort: bool,
    after: Period,
}

/// One bound: a text, or a map with what becomes of it.
struct OneBound(Metric);

impl<'de> DeserializeSeed<'de> for OneBound {
    type Value = One;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<One, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OneBound {
    type Value = One;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bound such as `count == 0`, or `{ threshold: count == 0, abort: true }`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<One, E> {
        let bound = Bound::parse(self.0, text).map_err(de::Error::custom)?;
        Ok(One { bound, is_abort: false, after: Period::ZERO })
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<One, A::Error> {
        let written = Written::deserialize(MapAccessDeserializer::new(members))?;
        let bound = Bound::parse(self.0, &written.threshold).map_err(de::Error::custom)?;
        if written.abort && self.0.description().known == Known::AtEnd {
            return Err(de::Error::custom(format_args!(
                "`{}` is known at the end only, so it cannot end the run: take `abort: true` away",
                self.0.as_str()
            )));
        }
        if !written.abort && written.after.is_some() {
            return Err(de::Error::custom(
                "`after` says from when on a bound may end the run: add `abort: true`, or take it away",
            ));
        }
        Ok(One { bound, is_abort: written.abort, after: written.after.unwrap_or_default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> Result<Thresholds, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    #[test]
    fn thresholds_keep_their_order_and_say_what_ends_the_run() {
        let thresholds = read(
            "time_to_success{association=patch}: [p(99) < 10m, max < 20m]\n\
             errors{code=ThrottlingException,operation=GetDocument}: [{ threshold: count == 0, abort: true }]\n\
             \"online{cohort=web}\":\n  - value >= 900\n",
        )
        .unwrap();
        let written: Vec<(String, bool)> =
            thresholds.0.iter().map(|threshold| (threshold.to_string(), threshold.is_abort)).collect();
        let expected = [
            ("time_to_success{association=patch}: p(99) < 10m", false),
            ("time_to_success{association=patch}: max < 20m", false),
            ("errors{code=ThrottlingException,operation=GetDocument}: count == 0", true),
            ("online{cohort=web}: value >= 900", false),
        ];
        assert_eq!(written, expected.map(|(text, is_abort)| (text.to_owned(), is_abort)));
    }

    #[test]
    fn a_mistake_has_its_line() {
        let cases = [
            ("online: [value > 5]\nonlin: [value > 5]", "the nearest is `online`", "line 2"),
            ("online: [value > 5]\nerrors{kode=x}: [count == 0]", "it has code, operation", "line 2"),
            ("online: [value > 5]\nerrors:\n  - count == 0\n  - cuont == 0", "expected `count`", "line 4"),
            ("latency: [p(99) < 250]", "expected a duration such as 250ms", "line 1"),
            ("online: value > 5", "a list of bounds on `online`", "line 1"),
            ("online: []", "`online` has no bound", "line"),
            ("online: [{ threshold: value > 5, about: true }]", "about", "line 1"),
            ("online: [{ threshold: value > 5, after: 5m }]", "add `abort: true`", "line 1"),
            ("missing: [{ threshold: count == 0, abort: true }]", "known at the end only", "line"),
            ("online: [value > 5]\nonline: [value > 6]", "online", "line 2"),
        ];
        for (yaml, expected, line) in cases {
            let error = read(yaml).unwrap_err();
            assert!(error.contains(expected) && error.contains(line), "{yaml}: {error}");
        }
    }
}
