//! Whether change calendars are open.

use shared::error::{ApiError, ErrorCode};
use shared::time::Timestamp;
use shared::wire::{GetCalendarState, GetCalendarStateReply};

use super::super::refused;
use crate::calendar::{Calendar, all_open, next_transition};
use crate::instant;
use crate::state::State;

/// Tells whether all of these calendars are open, and until when.
pub(crate) fn get_calendar_state(
    state: &mut State,
    now: Timestamp,
    call: GetCalendarState,
) -> Result<GetCalendarStateReply, ApiError> {
    let calendars: Vec<&Calendar> = call
        .calendar_names
        .iter()
        .map(|name| state.documents.calendar(name, &state.config.account))
        .collect::<Result<_, _>>()?;
    let at = call.at_time.as_deref().map(read_instant).transpose()?.unwrap_or(now);
    let is_open = all_open(&calendars, at);
    Ok(GetCalendarStateReply {
        state: Some(if is_open { "OPEN" } else { "CLOSED" }.to_owned()),
        at_time: instant::to_the_second(at),
        next_transition_time: next_transition(&calendars, at).and_then(instant::to_the_second),
    })
}

fn read_instant(text: &str) -> Result<Timestamp, ApiError> {
    let instant = text.parse::<jiff::Timestamp>().map_err(|_| {
        refused(
            ErrorCode::ValidationException,
            "AtTime is written as 2025-03-10T12:00:00Z (ISO 8601), before the last days of the year 9999",
        )
    })?;
    Ok(Timestamp::from_milliseconds(instant.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_beyond_the_year_9999_is_refused_or_left_out() {
        for beyond in ["+010000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
            let refusal = read_instant(beyond).unwrap_err();
            assert_eq!(refusal.code, ErrorCode::ValidationException, "{beyond}");
            assert!(refusal.message.contains("9999"), "{refusal}");
        }
        let last = read_instant("9999-12-30T12:00:00Z").unwrap();
        assert_eq!(instant::to_the_second(last).as_deref(), Some("9999-12-30T12:00:00Z"));
        assert_eq!(instant::to_the_second(Timestamp::from_milliseconds(253_402_300_800_000)), None);
    }
}
