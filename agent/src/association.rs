//! What a node knows of its associations, and when each is due.
//!
//! The plane holds the schedule's state: each poll replaces what the node knew.
//! Fetching is `poll`'s work, running is `run`'s.

use std::sync::Arc;

use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::Timestamp;
use shared::wire::{InstanceAssociationSummary, OutputLocation, Parameters};

use crate::catalogue::Fetched;
use crate::schedule::{Next, Schedule};

/// What a node is told of an association, but for its state: the same on every
/// node, and interned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Association {
    /// Which association.
    pub id: AssociationId,
    /// Whether it was found in the way of old agents, which know an association by
    /// its document's name.
    pub is_legacy: bool,
    /// Its document.
    pub name: Arc<str>,
    /// The document's version, passed on as it came.
    pub document_version: Arc<str>,
    /// Changes when the document must be fetched anew.
    pub checksum: Arc<str>,
    /// Values for the document's parameters.
    pub parameters: Option<Arc<Parameters>>,
    /// The schedule that the node itself shall keep.
    pub schedule: OwnSchedule,
    /// Where the output goes.
    pub output_location: Option<Arc<OutputLocation>>,
}

/// What a node is told of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OwnSchedule {
    /// Nothing: the plane says when to run.
    None,
    /// To keep this one.
    Kept(Schedule),
    /// Something that the agent cannot read, `at(…)` included.
    Unreadable,
}

impl OwnSchedule {
    fn read(expression: Option<&str>) -> Self {
        match expression.filter(|text| !text.is_empty()) {
            None => Self::None,
            Some(text) => Schedule::parse(text).map_or(Self::Unreadable, Self::Kept),
        }
    }
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
    /// No longer in the plane's list; only its document is remembered.
    Unlisted,
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
    /// When it last ran; [`Timestamp::NEVER`] where nobody says (eight bytes less than an option).
    last_execution: Timestamp,
    /// When this agent ran it, and whether well; what compliance tells of.
    pub executed: Option<Executed>,
    /// Its state on this node.
    pub status: KnownStatus,
    /// Whether the agent's timer was set to its date and stopped (`wait_timer`).
    pub(crate) is_timer_stopped: bool,
}

impl Known {
    /// An association of the newest list, due as that has it.
    pub(crate) fn listed(
        listed: Listed,
        document: Arc<Fetched>,
        executed: Option<Executed>,
        now: Timestamp,
    ) -> Result<Self, Fatal> {
        let Listed { association, status, last_execution } = listed;
        let due = due(&association.schedule, status, last_execution, now)?;
        // One whose schedule cannot be read was reported, and leaves compliance.
        let executed = executed.filter(|_| association.schedule != OwnSchedule::Unreadable);
        let last_execution = last_execution.unwrap_or(Timestamp::NEVER);
        let is_timer_stopped = false;
        Ok(Self { association, document, due, last_execution, executed, status, is_timer_stopped })
    }

    /// When it last ran, if anybody says.
    pub fn last_execution(&self) -> Option<Timestamp> {
        (self.last_execution != Timestamp::NEVER).then_some(self.last_execution)
    }

    /// The same after what was known of it before, if that was due at the same date.
    pub(crate) fn after(self, old: Option<&Self>) -> Self {
        let is_timer_stopped = old.is_some_and(|old| old.due == self.due && old.is_timer_stopped);
        Self { is_timer_stopped, ..self }
    }

    /// Takes in that a run ended: the agent's own clock says when.
    pub(crate) fn ran(&mut self, status: AssociationStatus, now: Timestamp) -> Result<(), Fatal> {
        self.status = KnownStatus::from(status);
        self.last_execution = now;
        self.due = due(&self.association.schedule, self.status, Some(now), now)?;
        self.is_timer_stopped = false;
        Ok(())
    }

    /// The same without its place in the list: only the document counts.
    pub(crate) fn unlisted(self) -> Self {
        Self { due: Timestamp::NEVER, executed: None, status: KnownStatus::Unlisted, ..self }
    }
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
            is_legacy: false,
            name: summary.name.clone(),
            document_version: summary.document_version.clone(),
            checksum: summary.checksum.clone(),
            parameters: summary.parameters.clone(),
            schedule: OwnSchedule::read(summary.schedule_expression.as_deref()),
            output_location: summary.output_location.clone(),
        }
    }

    /// One that was found in the way of old agents: it has no version, no checksum
    /// and no schedule. A plane that says no id leaves one made from the name.
    pub fn legacy(name: &str, id: Option<AssociationId>) -> Self {
        let made = || AssociationId::from_bits(xxhash_rust::xxh3::xxh3_128(name.as_bytes()));
        Self {
            id: id.unwrap_or_else(made),
            is_legacy: true,
            name: name.into(),
            document_version: "".into(),
            checksum: "".into(),
            parameters: None,
            schedule: OwnSchedule::None,
            output_location: None,
        }
    }

    /// Its id as the agent spells it in a report or an item of compliance.
    pub fn spelled_id(&self) -> String {
        if self.is_legacy { self.name.to_string() } else { self.id.to_string() }
    }
}

/// What no agent survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fatal;

/// When an association is due, as agent/association/schedulemanager decides at
/// each poll and after each run; never, where the schedule cannot be read: such
/// an association is reported at each poll instead. Fails where the agent's
/// worker dies of the schedule.
pub fn due(
    schedule: &OwnSchedule,
    status: KnownStatus,
    last_execution: Option<Timestamp>,
    now: Timestamp,
) -> Result<Timestamp, Fatal> {
    use KnownStatus::{Associated, Pending, Unlisted};
    use OwnSchedule::{Kept, None, Unreadable};
    match (status, schedule, last_execution) {
        (Unlisted, ..) | (_, Unreadable, _) => Ok(Timestamp::NEVER),
        (Pending, ..) | (Associated, None, _) | (_, Kept(_), Option::None) => Ok(now),
        (_, None, _) => Ok(Timestamp::NEVER),
        (_, Kept(schedule), Some(last)) => match schedule.next(last) {
            Next::At(instant) => Ok(instant),
            // The library's zero time lies in the past, so it is due.
            Next::Exhausted => Ok(now),
            Next::Fatal => Err(Fatal),
        },
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Period;

    use super::*;

    #[test]
    fn when_an_association_is_due() {
        let now = Timestamp::from_seconds(10_000);
        let kept = |text| OwnSchedule::read(Some(text));
        let (none, hourly) = (OwnSchedule::read(Some("")), kept("rate(1 hour)"));
        let (exhausted, fatal) = (kept("cron(0 0 1 1 ? 1970)"), kept("cron(0 22-2 * * ? *)"));
        let unreadable = kept("at(2030-01-01T00:00:00)");
        let before = Timestamp::from_seconds(9_000);
        let long_ago = Timestamp::from_seconds(1_000);
        let cases = [
            (&none, KnownStatus::Pending, None, Ok(now)),
            (&none, KnownStatus::Associated, None, Ok(now)),
            (&none, KnownStatus::Associated, Some(before), Ok(now)),
            (&none, KnownStatus::InProgress, None, Ok(Timestamp::NEVER)),
            (&none, KnownStatus::Done, Some(before), Ok(Timestamp::NEVER)),
            (&hourly, KnownStatus::Pending, Some(before), Ok(now)),
            (&hourly, KnownStatus::Associated, None, Ok(now)),
            (&hourly, KnownStatus::Done, None, Ok(now)),
            (&hourly, KnownStatus::Done, Some(before), Ok(before + Period::hours(1))),
            (&hourly, KnownStatus::Done, Some(long_ago), Ok(long_ago + Period::hours(1))),
            (&hourly, KnownStatus::Unlisted, None, Ok(Timestamp::NEVER)),
            (&exhausted, KnownStatus::Done, Some(before), Ok(now)),
            (&fatal, KnownStatus::Done, None, Ok(now)),
            (&fatal, KnownStatus::Pending, Some(before), Ok(now)),
            (&fatal, KnownStatus::Done, Some(before), Err(Fatal)),
            (&unreadable, KnownStatus::Pending, None, Ok(Timestamp::NEVER)),
        ];
        for (schedule, status, last, expected) in cases {
            assert_eq!(due(schedule, status, last, now), expected, "{schedule:?} {status:?} {last:?}");
        }
    }
}
