//! How time passes, and where it begins, as a scenario writes it.

use std::borrow::Cow;
use std::ops::RangeInclusive;

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

/// The instants that may be meant. Past the last a run of a hundred years still has dates.
const BOUNDS: RangeInclusive<Timestamp> =
    Timestamp::from_seconds(0)..=Timestamp::from_seconds(221_845_392_000);

/// Whether it would be an instant if it were not beyond all that can be reckoned with.
fn is_far_off(text: &str) -> bool {
    let has_zone = text.ends_with(['Z', 'z']);
    has_zone && text.trim_end_matches(['Z', 'z']).parse::<jiff::civil::DateTime>().is_ok()
}

/// An instant, such as `2025-01-14T01:55:00Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant(pub Timestamp);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = text.parse::<jiff::Timestamp>();
        let instant = instant.map(|instant| Timestamp::from_milliseconds(instant.as_millisecond()));
        if instant.as_ref().map_or_else(|_| is_far_off(&text), |instant| !BOUNDS.contains(instant)) {
            return Err(de::Error::custom(format_args!(
                "`{text}` is too far off: expected an instant from 1970-01-01T00:00:00Z to 9000-01-01T00:00:00Z"
            )));
        }
        instant.map(Self).map_err(|_| {
            de::Error::custom(format_args!(
                "`{text}` is no instant: expected a date, a time and where it holds, such as \
                 2025-01-14T01:55:00Z"
            ))
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_its_bounds() {
        let read =
            |text: &str| serde_json::from_value::<Instant>(text.into()).map_err(|error| error.to_string());
        assert_eq!(read("2025-01-14T01:55:00Z"), Ok(Instant(Timestamp::from_seconds(1_736_819_700))));
        for text in ["1970-01-01T00:00:00Z", "9000-01-01T00:00:00Z"] {
            assert!(read(text).is_ok(), "{text}");
        }
        for text in ["9999-12-31T23:59:59Z", "9000-01-01T00:00:01Z", "1969-12-31T23:59:59Z"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("to 9000-01-01T00:00:00Z"), "{text}: {error}");
        }
        for text in ["2025-01-14T01:55:00", "tomorrow", "2025-13-14T01:55:00Z"] {
            let error = read(text).unwrap_err();
            assert!(error.contains("is no instant"), "{text}: {error}");
        }
    }
}
