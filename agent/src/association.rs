//! What a node knows of its associations, and when each is due.
//!
//! The plane holds the schedule's state: each poll replaces what the node knew.
//! Fetching is `poll`'s work, running is `run`'s.

use std::sync::Arc;

use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::{InstanceAssociationSummary, OutputLocation, Parameters};

use crate::catalogue::Fetched;
use crate::schedule::Schedule;

/// After so long in progress a due association is given up.
/// As agent/association/schedulemanager: two hours.
pub const STUCK_AFTER: Period = Period::hours(2);

/// What a node is told of an association, but for its state: the same on every
/// node, and interned.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Association {
    /// Which association.
    pub id: AssociationId,
    /// Its document.
    pub name: Arc<str>,
    /// The document's version, passed on as it came.
    pub document_version: Arc<str>,
    /// Changes when the document must be fetched anew.
    pub checksum: Arc<str>,
    /// Values for the document's parameters.
    pub parameters: Option<Arc<Parameters>>,
    /// The schedule that the node itself shall keep.
    pub schedule: Option<Arc<str>>,
    /// Where the output goes.
    pub output_location: Option<Arc<OutputLocation>>,
}

/// The state of an association, as far as the agent tells states apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KnownStatus {
    /// An order to run now.
    Pending,
    /// An order to run now, where there is no schedule.
    Associated,
    /// Under way.
    InProgress,
    /// Anything else: done.
    Done,
}

impl KnownStatus {
    /// Any spelling but three counts as done, as in the real agent.
    pub fn from_text(text: &str) -> Self {
        match text {
            "Pending" => Self::Pending,
            "Associated" => Self::Associated,
            "InProgress" => Self::InProgress,
            _ => Self::Done,
        }
    }
}

impl From<AssociationStatus> for KnownStatus {
    fn from(status: AssociationStatus) -> Self {
        Self::from_text(status.as_str())
    }
}

/// An association as a poll tells of it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What is the same on every node.
    pub association: Arc<Association>,
    /// Its state on this node.
    pub status: KnownStatus,
    /// When it last ran on this node.
    pub last_execution: Option<Timestamp>,
}

/// An association as a node knows it, between polls.
#[derive(Debug)]
pub struct Known {
    /// What is the same on every node.
    pub association: Arc<Association>,
    /// Its document.
    pub document: Arc<Fetched>,
    /// When it is next run, if ever.
    pub due: Timestamp,
    /// When it last ran.
    pub last_execution: Option<Timestamp>,
    /// When this agent ran it, and whether well; what compliance tells of.
    pub executed: Option<Executed>,
    /// Its state on this node.
    pub status: KnownStatus,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Executed {
    /// When it ended.
    pub at: Timestamp,
    /// Whether it ended well.
    pub is_compliant: bool,
}

impl Association {
    /// What is the same on every node, from what one node was told.
    pub fn from_summary(summary: &InstanceAssociationSummary) -> Self {
        Self {
            id: summary.association_id,
            name: summary.name.clone(),
            document_version: summary.document_version.clone(),
            checksum: summary.checksum.clone(),
            parameters: summary.parameters.clone(),
            schedule: summary.schedule_expression.clone().filter(|text| !text.is_empty()),
            output_location: summary.output_location.clone(),
        }
    }
}

/// When an association is due, as agent/association/schedulemanager decides at
/// each poll and after each run. A schedule that cannot be read is no question
/// here: such an association is reported at each poll and never due.
pub fn due(
    schedule: Option<&Schedule>,
    status: KnownStatus,
    last_execution: Option<Timestamp>,
    now: Timestamp,
) -> Timestamp {
    match (status, schedule, last_execution) {
        (KnownStatus::Pending, _, _) | (KnownStatus::Associated, None, _) | (_, Some(_), None) => now,
        (_, None, _) => Timestamp::NEVER,
        (_, Some(schedule), Some(last)) => schedule.next(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_an_association_is_due() {
        let now = Timestamp::from_seconds(10_000);
        let hourly = Schedule::parse("rate(1 hour)").unwrap();
        let before = Timestamp::from_seconds(9_000);
        let long_ago = Timestamp::from_seconds(1_000);
        let cases = [
            (None, KnownStatus::Pending, None, now),
            (None, KnownStatus::Associated, None, now),
            (None, KnownStatus::Associated, Some(before), now),
            (None, KnownStatus::InProgress, None, Timestamp::NEVER),
            (None, KnownStatus::Done, Some(before), Timestamp::NEVER),
            (Some(&hourly), KnownStatus::Pending, Some(before), now),
            (Some(&hourly), KnownStatus::Associated, None, now),
            (Some(&hourly), KnownStatus::Done, None, now),
            (Some(&hourly), KnownStatus::Done, Some(before), before + Period::hours(1)),
            (Some(&hourly), KnownStatus::Done, Some(long_ago), long_ago + Period::hours(1)),
        ];
        for (schedule, status, last, expected) in cases {
            assert_eq!(due(schedule, status, last, now), expected, "{schedule:?} {status:?} {last:?}");
        }
    }
}
