//! What the plane has to do later.
//!
//! Every piece of engine work is an entry here, done in one total order:
//! instant, kind, association number, running number. Work of more than a
//! thousand records comes back as a further entry.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::id::NodeId;
use shared::time::Timestamp;

use super::association::AssociationNumber;
use super::automation::AutomationNumber;
use super::command::CommandNumber;
use super::node::NodeNumber;

/// Something that the engine does at an instant. The order of the variants is
/// the order of work at the same instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Work {
    /// Take a deleted association off the nodes that have it.
    Forget { association: AssociationNumber },
    /// Give what is bound to a changed document another checksum, from this number on.
    DocumentChanged { event: u32, from: AssociationNumber },
    /// Take an updated association off the nodes that it no longer means, from this one on.
    Revise { association: AssociationNumber, from: NodeNumber },
    /// Look at an association that was just made and does not run at once.
    Resolve { association: AssociationNumber },
    /// Begin an execution by the schedule of this version of an association.
    Due { association: AssociationNumber, version: u32 },
    /// Begin an execution now.
    Dispatch { association: AssociationNumber },
    /// Go on with the newest execution's nodes.
    Spread { association: AssociationNumber, execution: u32 },
    /// See which associations a node has now, from this number on.
    Match { node: NodeNumber, from: AssociationNumber },
    /// End what has been at `InProgress` for too long, from this row on.
    Expire { association: AssociationNumber, execution: u32, row: u32 },
    /// Stop whatever of an execution has not begun, from this row on.
    Withdraw { association: AssociationNumber, execution: u32, row: u32 },
    /// Run who joined while a calendar was closed.
    Open { association: AssociationNumber },
    /// Stop what an alarm stops, from this association on.
    Sound { from: AssociationNumber },
    /// End what is left of an execution after its Duration, from this row on.
    Elapse { association: AssociationNumber, execution: u32, row: u32 },
    /// Let in whom there is room for.
    Admit { association: AssociationNumber, execution: u32 },
    /// Give up on whom the order to run did not reach.
    GiveUp { association: AssociationNumber, execution: u32 },
    /// Understand the targets of associations anew, from this number on: a group has changed.
    Regroup { from: AssociationNumber },
    /// See which nodes an association gains or loses, from this one on.
    Survey { association: AssociationNumber, from: NodeNumber },
    /// Go on with a command's nodes.
    SpreadCommand { command: CommandNumber },
    /// Let a command in on the nodes for which there is room.
    AdmitCommand { command: CommandNumber },
    /// Take a command back from the nodes behind this one, for too many others failed.
    StopCommand { command: CommandNumber, after: Option<NodeId> },
    /// Cancel a command on the nodes behind this one.
    CancelCommand { command: CommandNumber, after: Option<NodeId> },
    /// End what of a command was not delivered, on the nodes behind this one.
    ExpireCommand { command: CommandNumber, after: Option<NodeId> },
    /// Forget a command.
    ForgetCommand { command: CommandNumber },
    /// Go on with the targets of an execution with a runbook.
    GatherRunbook { association: AssociationNumber, execution: u32 },
    /// End an automation.
    EndAutomation { automation: AutomationNumber },
    /// Let targets of an execution with a runbook in, or skip them.
    RollOut { association: AssociationNumber, execution: u32 },
    /// Forget an automation.
    ForgetAutomation { automation: AutomationNumber },
}

impl Work {
    fn kind(&self) -> u8 {
        match self {
            Self::Forget { .. } => 0,
            Self::Revise { .. } => 1,
            Self::DocumentChanged { .. } => 2,
            Self::Due { .. } => 3,
            Self::Dispatch { .. } => 4,
            Self::Spread { .. } => 5,
            Self::Match { .. } => 6,
            Self::Withdraw { .. } => 7,
            Self::Expire { .. } => 8,
            Self::GiveUp { .. } => 9,
            Self::Admit { .. } => 10,
            Self::Open { .. } => 11,
            Self::Sound { .. } => 12,
            Self::Elapse { .. } => 13,
            Self::Resolve { .. } => 14,
            Self::Regroup { .. } => 20,
            Self::Survey { .. } => 21,
            Self::SpreadCommand { .. } => 22,
            Self::CancelCommand { .. } => 23,
            Self::ExpireCommand { .. } => 24,
            Self::ForgetCommand { .. } => 25,
            Self::GatherRunbook { .. } => 26,
            Self::EndAutomation { .. } => 27,
            Self::RollOut { .. } => 28,
            Self::ForgetAutomation { .. } => 29,
            Self::StopCommand { .. } => 30,
            Self::AdmitCommand { .. } => 31,
        }
    }

    fn association(&self) -> AssociationNumber {
        match *self {
            Self::Forget { association }
            | Self::Revise { association, .. }
            | Self::Resolve { association }
            | Self::Due { association, .. }
            | Self::Dispatch { association }
            | Self::Spread { association, .. }
            | Self::Survey { association, .. }
            | Self::GatherRunbook { association, .. }
            | Self::RollOut { association, .. }
            | Self::Withdraw { association, .. }
            | Self::Expire { association, .. }
            | Self::GiveUp { association, .. }
            | Self::Open { association }
            | Self::Elapse { association, .. }
            | Self::Admit { association, .. } => association,
            Self::DocumentChanged { from, .. }
            | Self::Match { from, .. }
            | Self::Regroup { from }
            | Self::Sound { from } => from,
            Self::SpreadCommand { .. }
            | Self::AdmitCommand { .. }
            | Self::StopCommand { .. }
            | Self::CancelCommand { .. }
            | Self::ExpireCommand { .. }
            | Self::EndAutomation { .. }
            | Self::ForgetAutomation { .. }
            | Self::ForgetCommand { .. } => AssociationNumber::default(),
        }
    }
}

/// The place of an entry in the order of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Place {
    at: Timestamp,
    kind: u8,
    association: AssociationNumber,
    sequence: u64,
}

/// The entries, in their order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(from = "Entries", into = "Entries")]
pub(crate) struct Timers {
    due: BTreeMap<Place, Work>,
    sequence: u64,
}

impl Timers {
    /// Puts down work for an instant.
    pub(crate) fn add(&mut self, at: Timestamp, work: Work) {
        let place = Place { at, kind: work.kind(), association: work.association(), sequence: self.sequence };
        self.sequence += 1;
        self.due.insert(place, work);
    }

    /// When the first entry is due.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.due.first_key_value().map(|(place, _)| place.at)
    }

    /// Takes the first entry, if it is due at `now` or before.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<Work> {
        let entry = self.due.first_entry()?;
        (entry.key().at <= now).then(|| entry.remove())
    }
}

/// The entries as a snapshot has them.
#[derive(Serialize, Deserialize)]
struct Entries {
    due: Vec<(Place, Work)>,
    sequence: u64,
}

impl From<Entries> for Timers {
    fn from(entries: Entries) -> Self {
        Self { due: entries.due.into_iter().collect(), sequence: entries.sequence }
    }
}

impl From<Timers> for Entries {
    fn from(timers: Timers) -> Self {
        Self { due: timers.due.into_iter().collect(), sequence: timers.sequence }
    }
}

impl Clone for Timers {
    fn clone(&self) -> Self {
        Self { due: self.due.clone(), sequence: self.sequence }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_done_by_instant_then_kind_then_association_then_sequence() {
        let (one, two) = (AssociationNumber(1), AssociationNumber(2));
        let mut timers = Timers::default();
        let early = Timestamp::from_seconds(1);
        let late = Timestamp::from_seconds(2);
        timers.add(late, Work::Forget { association: one });
        timers.add(early, Work::Spread { association: one, execution: 0 });
        timers.add(early, Work::Dispatch { association: two });
        timers.add(early, Work::Dispatch { association: one });
        timers.add(early, Work::Spread { association: one, execution: 1 });
        assert_eq!(timers.take_due(Timestamp::from_seconds(0)), None);
        assert_eq!(timers.first(), Some(early));
        let order: Vec<Work> = std::iter::from_fn(|| timers.take_due(late)).collect();
        assert_eq!(
            order,
            [
                Work::Dispatch { association: one },
                Work::Dispatch { association: two },
                Work::Spread { association: one, execution: 0 },
                Work::Spread { association: one, execution: 1 },
                Work::Forget { association: one },
            ]
        );
    }
}
