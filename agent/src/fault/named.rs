//! The two failures that have a name: an instance that is not valid, a platform
//! that is not supported.
//!
//! The service gives four reasons for `InvalidInstanceId`; here each is a cause
//! that can be staged. What a node does for it is `struck`'s work. What the
//! embedded plane is told of it is the fleet's: no node can tell a plane that it
//! is terminated.

use serde::{Deserialize, Serialize};

/// Why an instance is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It calls under an id that was never registered, and is refused.
    #[default]
    NeverRegistered,
    /// It is there, and its agent does not run: it makes no call.
    AgentStopped,
    /// Who makes associations may not access it. Its own agent works as ever.
    NoPermission,
    /// It is being terminated: its agent still calls, and is refused.
    ShuttingDown,
    /// It is gone: it makes no call.
    Terminated,
    /// It was deregistered, and its agent goes on as if it were not.
    Deregistered,
}

impl Cause {
    /// All of them, in the order in which they are drawn.
    pub const ALL: [Self; 6] = [
        Self::NeverRegistered,
        Self::AgentStopped,
        Self::NoPermission,
        Self::ShuttingDown,
        Self::Terminated,
        Self::Deregistered,
    ];

    /// Its name in scenarios and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NeverRegistered => "never-registered",
            Self::AgentStopped => "agent-stopped",
            Self::NoPermission => "no-permission",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Deregistered => "deregistered",
        }
    }

    /// Whether no agent runs on such an instance.
    pub const fn is_silent(self) -> bool {
        matches!(self, Self::AgentStopped | Self::Terminated)
    }

    /// Whether it takes a plane that is told of it: nothing that a node or an
    /// operator calls brings it about.
    pub const fn is_told_to_the_plane(self) -> bool {
        matches!(self, Self::NoPermission | Self::ShuttingDown)
    }
}

/// How a platform is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misfit {
    /// It is one for which the documents are not made: Windows, or Linux where
    /// Windows was meant.
    #[default]
    Foreign,
    /// It is one that the service does not know, FreeBSD: the node's heartbeats are refused.
    Unknown,
}

impl Misfit {
    /// Its name in scenarios and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Unknown => "unknown",
        }
    }
}

/// The kind of platform that no service knows.
pub(crate) const UNKNOWN_PLATFORM: &str = "FreeBSD";
