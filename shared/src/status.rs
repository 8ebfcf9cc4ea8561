//! Words for states, as the service spells them.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// Each of these words, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word as it is spelled on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),* }
            }

            /// The state of this spelling, if there is one.
            pub fn from_text(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.pad(self.as_str()) }
        }
    };
}

words! {
    /// The kind of operating system that a node runs.
    PlatformType {
        /// Any Linux.
        Linux,
        /// Windows Server.
        Windows,
        /// macOS, in the service's spelling.
        MacOS,
    }
}

words! {
    /// The state of an association, an execution, a target, or a node's part in an association.
    /// Which of these words may appear where is the plane's business (state of its level).
    AssociationStatus {
        /// Made for this node, never run.
        Associated,
        /// To be run.
        Pending,
        /// To be run once a slot is free.
        Queued,
        /// A node is at it.
        InProgress,
        /// Ended well.
        Success,
        /// Ended badly.
        Failed,
        /// Took longer than it may.
        TimedOut,
        /// Not run.
        Skipped,
        /// Ended before its end.
        Cancelled,
    }
}

impl AssociationStatus {
    /// Whether nothing more is to come of this run.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::TimedOut | Self::Skipped | Self::Cancelled)
    }
}

words! {
    /// Whether the plane has heard from a node of late.
    PingStatus {
        /// It has.
        Online,
        /// It has not.
        ConnectionLost,
        /// Deprecated by the service, kept for its clients.
        Inactive,
    }
}

words! {
    /// What the agent tells beside a failed run.
    #[allow(clippy::enum_variant_names)]
    AgentErrorCode {
        /// The document cannot be parsed, or asks for what this agent does not know.
        InvalidAssoc,
        /// The schedule cannot be parsed.
        InvalidExpression,
        /// A step failed.
        ExecutionError,
        /// The document could not be fetched.
        ListAssocError,
        /// Defined by the agent, never sent.
        SubmitAssocError,
        /// In progress for longer than two hours.
        StuckAtInProgress,
    }
}
