//! How long a step takes, as a scenario writes it.
//!
//! A duration, two durations between which each is as likely, or a distribution
//! by its name: `5s`, `[2s, 20s]`, `{ pareto: { least: 5s, shape: 1.5 } }`.

use std::borrow::Cow;
use std::fmt;

use agent::distribution::Distribution;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use shared::time::Period;

/// How long a step takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Takes(pub Distribution);

impl<'de> Deserialize<'de> for Takes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Written).map(Self)
    }
}

impl JsonSchema for Takes {
    fn schema_name() -> Cow<'static, str> {
        "Takes".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let period = generator.subschema_for::<Period>();
        let distribution = generator.subschema_for::<Distribution>();
        json_schema!({
            "description": "How long something takes: a duration such as 5s, two between which each is as \
                            likely such as [2s, 20s], or a distribution by its name.",
            "anyOf": [
                period,
                { "type": "array", "items": period, "minItems": 2, "maxItems": 2 },
                distribution,
            ],
        })
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Distribution;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a duration such as 5s, two of them such as [2s, 20s], or one of constant, uniform, normal, \
             log-normal and pareto",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Distribution, E> {
        text.parse().map(Distribution::Constant).map_err(de::Error::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Distribution, A::Error> {
        let [least, most] = <[Period; 2]>::deserialize(SeqAccessDeserializer::new(items))?;
        Ok(Distribution::Uniform(least, most))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Distribution, A::Error> {
        Distribution::deserialize(MapAccessDeserializer::new(members))
    }
}

#[cfg(test)]
mod tests {
    use agent::distribution::{LogNormal, Normal, Pareto};

    use super::*;

    #[test]
    fn a_time_is_written_as_a_duration_a_span_or_a_distribution() {
        let second = Period::seconds;
        let cases = [
            ("5s", Distribution::Constant(second(5))),
            ("[2s, 20s]", Distribution::Uniform(second(2), second(20))),
            ("{ constant: 5s }", Distribution::Constant(second(5))),
            ("{ uniform: [2s, 20s] }", Distribution::Uniform(second(2), second(20))),
            (
                "{ normal: { mean: 30s, deviation: 5s } }",
                Distribution::Normal(Normal { mean: second(30), deviation: second(5) }),
            ),
            (
                "{ log-normal: { median: 30s, sigma: 0.5 } }",
                Distribution::LogNormal(LogNormal { median: second(30), sigma: 0.5 }),
            ),
            (
                "{ pareto: { least: 5s, shape: 1.5 } }",
                Distribution::Pareto(Pareto { least: second(5), shape: 1.5 }),
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(serde_saphyr::from_str::<Takes>(text).unwrap(), Takes(expected), "{text}");
        }
        for (text, expected) in [
            ("5", "two of them"),
            ("soon", "is no duration"),
            ("[2s]", "length"),
            ("{ often: 5s }", "often"),
            ("{ normal: { mean: 5s } }", "deviation"),
            ("{ pareto: { least: 5s, shape: 2, tail: 1 } }", "tail"),
        ] {
            let error = serde_saphyr::from_str::<Takes>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
