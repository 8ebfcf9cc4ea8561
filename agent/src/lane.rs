//! A lane: one of the things that a node does beside the others.
//!
//! A lane is a goroutine of the real agent that makes calls one after another;
//! lanes never wait for one another. At most one call of a lane is in flight.

use shared::time::Timestamp;

use crate::call::Call;

/// Which lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LaneName {
    /// Registration, and the renewal of credentials.
    Credentials,
    /// Start probe, heartbeats, pings while hibernating.
    Health,
    /// Polls, the documents fetched for them, reports on what could not be loaded.
    Associations,
    /// The run of an association: its status reports and the compliance after it.
    Execution,
}

impl LaneName {
    /// All lanes, in the order in which a node looks at them.
    pub const ALL: [Self; 4] = [Self::Credentials, Self::Health, Self::Associations, Self::Execution];

    /// The lane's name in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Health => "health",
            Self::Associations => "associations",
            Self::Execution => "execution",
        }
    }
}

/// A call that has not come to its end: in flight, or waiting to be tried again.
#[derive(Debug)]
pub struct Outstanding {
    /// What is asked. The identical body is built from it for each attempt.
    pub call: Call,
    /// The instant that the body carries, the same at each attempt.
    pub stamped: Timestamp,
    /// How often it was tried before.
    pub attempt: u8,
    /// Whether it is under way; else it waits for the lane's due instant.
    pub is_in_flight: bool,
}

/// The state of a lane.
#[derive(Debug)]
pub struct Lane {
    /// When the lane next has something to do; never, while a call is in flight.
    pub due: Timestamp,
    /// The call that has not come to its end.
    pub outstanding: Option<Box<Outstanding>>,
    /// The number of the last call. An answer to another one is late.
    pub number: u32,
    /// How many of its turns were taken, where a lane has a rhythm.
    pub turns: u32,
}

impl Default for Lane {
    fn default() -> Self {
        Self { due: Timestamp::NEVER, outstanding: None, number: 0, turns: 0 }
    }
}
