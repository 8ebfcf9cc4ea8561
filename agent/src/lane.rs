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
    /// The control channel.
    ControlChannel,
    /// Questions for messages.
    Messages,
    /// What is said of messages.
    Replies,
}

impl LaneName {
    /// The lanes of every node, in the order in which it looks at them.
    pub const ALL: [Self; 4] = [Self::Credentials, Self::Health, Self::Associations, Self::Execution];

    /// The further lanes of a node with channels of messages.
    pub const OF_CHANNELS: [Self; 3] = [Self::ControlChannel, Self::Messages, Self::Replies];

    /// The place among the lanes of channels.
    pub(crate) const fn channel_index(self) -> usize {
        self as usize - Self::ControlChannel as usize
    }

    /// Whether only nodes with channels of messages have it.
    pub(crate) const fn is_of_channels(self) -> bool {
        self as usize >= Self::ControlChannel as usize
    }

    /// The lane's name in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Health => "health",
            Self::Associations => "associations",
            Self::Execution => "execution",
            Self::ControlChannel => "control channel",
            Self::Messages => "messages",
            Self::Replies => "replies",
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
    /// How many turns were taken, in lanes that keep a rhythm. It stands here
    /// because a lane has room for it and a node has none; for the same reason the
    /// lane of executions counts runs here, and that of credentials keeps what of
    /// the inventory was taken.
    pub turns: u32,
}

impl Default for Lane {
    fn default() -> Self {
        Self { due: Timestamp::NEVER, outstanding: None, number: 0, turns: 0 }
    }
}
