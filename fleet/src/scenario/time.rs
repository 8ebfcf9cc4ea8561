//! How time passes, and where it begins, as a scenario writes it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use shared::time::Timestamp;

/// How simulated time passes.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Time {
    /// As fast as the wall's.
    #[default]
    Real,
    /// From what is due to what is due next, without waiting.
    Virtual,
    /// So many simulated seconds in a second.
    Scale(f64),
}

/// An instant, such as `2025-01-14T01:55:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant: jiff::Timestamp = text.parse().map_err(|_| {
            de::Error::custom(format_args!(
                "`{text}` is no instant: expected a date, a time and where it holds, such as \
                 2025-01-14T01:55:00Z"
            ))
        })?;
        Ok(Self(Timestamp::from_milliseconds(instant.as_millisecond())))
    }
}

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": "date-time",
            "description": "An instant, such as 2025-01-14T01:55:00Z.",
        })
    }
}
