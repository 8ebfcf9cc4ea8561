//! Instants where the model has a text for them.

use shared::time::Timestamp;

/// ISO 8601 in UTC, to the second; none where the year has more than four digits.
pub(crate) fn to_the_second(at: Timestamp) -> Option<String> {
    let instant = jiff::Timestamp::from_millisecond(at.milliseconds()).ok()?;
    Some(instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
