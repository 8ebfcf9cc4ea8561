//! The choices that a setting has, where it is no number, time or switch.
//!
//! Each is about a rule on which the service is silent or says two things; the
//! first of each is the default. Where a choice changes what happens, the code
//! that does it names the setting; nothing is decided here.

use serde::Deserialize;
use shared::status::AssociationStatus;

/// How shares of the targets become whole numbers (E.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rounding {
    /// Down, as sibling features of the service state it.
    #[default]
    Down,
    /// To the nearest, halves up.
    Nearest,
    /// Up.
    Up,
}

/// How a target stands that MaxErrors kept from its turn (E.2 item 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoppedTargets {
    /// `Skipped`.
    #[default]
    Skipped,
    /// `Cancelled`.
    Cancelled,
}

impl StoppedTargets {
    /// The state that it means.
    pub(crate) const fn status(self) -> AssociationStatus {
        match self {
            Self::Skipped => AssociationStatus::Skipped,
            Self::Cancelled => AssociationStatus::Cancelled,
        }
    }
}

/// When a second association of the old form is one too many (R37).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LegacyUniqueness {
    /// A node has each document once.
    #[default]
    DocumentAndNode,
    /// A node has one document.
    Node,
}

/// What becomes of a request whose form nobody documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Undocumented {
    /// It is taken.
    #[default]
    Accept,
    /// It is refused.
    Refuse,
}

/// What an update does to a document's name and to targets that it leaves out (C.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OmittedInUpdate {
    /// They stay, as in the samples of the command line.
    #[default]
    Keep,
    /// They are cleared as all else is, and then missing (user guide).
    Clear,
}

/// What is remembered of an interval at which a calendar was closed (C.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CalendarHistory {
    /// An execution that was skipped.
    #[default]
    Skipped,
    /// Nothing.
    Nothing,
}

/// What becomes of an interval that comes due while nodes of the one before are
/// still at it, or wait (E.2 item 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OverlappingIntervals {
    /// Its execution replaces the one before.
    #[default]
    Supersede,
    /// It is left out.
    Skip,
}

/// What becomes of a node's run when another of its associations is due (C.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SecondAssociation {
    /// It ends first: an agent runs one association at a time.
    #[default]
    Waits,
    /// It times out once the node takes the other one up (user guide).
    TimesOutTheFirst,
}

/// Which steps and lists the hours of a cron expression may have (D.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CronHours {
    /// Any.
    #[default]
    Any,
    /// `*`, one hour, or a step of 1, 2, 4, 8 or 12 (user guide).
    Documented,
}
