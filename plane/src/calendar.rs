//! Change calendars: when something may be changed.
//!
//! A calendar is open or closed by default, and the other during its events.
//! It is written in iCalendar (RFC 5545), of which this reads what calendars of
//! the service are made of: VEVENT with DTSTART, DTEND and a daily or weekly
//! RRULE, in UTC. Whatever else would change when a calendar is open is refused
//! by its name; what only describes (SUMMARY, VTODO, X-…) is passed over.
//!
//! Invariant: an event's occurrences are all as long as the first, so the one
//! that began last is the one that ends last.

mod event;
mod read;

use shared::time::Timestamp;

use event::Event;

/// How many beginnings and ends are looked at in search of a transition. With a
/// daily event this is about three years.
const SEARCH: usize = 2_000;

/// A change calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    is_open_by_default: bool,
    events: Vec<Event>,
}

/// Why a text is no calendar that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CalendarError {
    /// It is no iCalendar text, or says not which state is the default.
    #[error("calendar cannot be parsed: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// It says something that is not carried out here.
    #[error("calendar has {feature}, which is not supported")]
    Unsupported {
        /// The name of it.
        feature: String,
    },
}

impl Calendar {
    /// Reads a calendar from iCalendar text.
    pub(crate) fn parse(text: &str) -> Result<Self, CalendarError> {
        read::read(text)
    }

    /// Whether it is open at an instant.
    pub(crate) fn is_open(&self, at: Timestamp) -> bool {
        self.is_open_by_default != self.events.iter().any(|event| event.covers(at))
    }

    /// The next instant at which it opens or closes, if one is in reach.
    pub(crate) fn next_transition(&self, at: Timestamp) -> Option<Timestamp> {
        let before = self.is_open(at);
        let mut cursor = at;
        for _ in 0..SEARCH {
            cursor = self.events.iter().filter_map(|event| event.next_boundary(cursor)).min()?;
            if self.is_open(cursor) != before {
                return Some(cursor);
            }
        }
        None
    }
}

/// Whether all of these calendars are open.
pub(crate) fn all_open(calendars: &[&Calendar], at: Timestamp) -> bool {
    calendars.iter().all(|calendar| calendar.is_open(at))
}

/// The next instant at which that becomes otherwise, if one is in reach.
pub(crate) fn next_transition(calendars: &[&Calendar], at: Timestamp) -> Option<Timestamp> {
    let before = all_open(calendars, at);
    let mut cursor = at;
    for _ in 0..SEARCH / 20 {
        cursor = calendars.iter().filter_map(|calendar| calendar.next_transition(cursor)).min()?;
        if all_open(calendars, cursor) != before {
            return Some(cursor);
        }
    }
    None
}

#[cfg(test)]
mod tests;
