//! One dispatch of an association to its nodes.
//!
//! An execution holds a row per node and the counts of its rows. Rows are only
//! ever added, so that a page of them stays a page. It gathers its nodes in
//! pieces, in the order of their ids; until the last piece it is not over.
//!
//! Invariant: the counts are those of the rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::id::{ExecutionId, NodeId};
use shared::status::AssociationStatus;
use shared::time::Timestamp;

use super::node::NodeNumber;

/// How many things stand at each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct StatusCounts([u32; AssociationStatus::ALL.len()]);

impl StatusCounts {
    pub(crate) fn add(&mut self, status: AssociationStatus) {
        self.0[status as usize] += 1;
    }

    pub(crate) fn remove(&mut self, status: AssociationStatus) {
        self.0[status as usize] -= 1;
    }

    /// How many there are in all.
    pub(crate) fn total(&self) -> u32 {
        self.0.iter().sum()
    }

    /// How many stand at this state.
    pub(crate) fn of(&self, status: AssociationStatus) -> u32 {
        self.0[status as usize]
    }

    /// How many may still change by themselves.
    pub(crate) fn open(&self) -> u32 {
        let open = AssociationStatus::ALL.iter().filter(|status| !status.is_terminal());
        open.map(|status| self.of(*status)).sum()
    }

    /// State and count, by the state's name; no state without a count.
    pub(crate) fn by_name(&self) -> BTreeMap<String, u64> {
        let counted = AssociationStatus::ALL.iter().filter(|status| self.of(**status) > 0);
        counted.map(|status| (status.to_string(), u64::from(self.of(*status)))).collect()
    }

    /// As the service prints a map: `{Failed=1, Success=2}`.
    pub(crate) fn as_text(&self) -> String {
        let pairs: Vec<String> =
            self.by_name().iter().map(|(name, count)| format!("{name}={count}")).collect();
        format!("{{{}}}", pairs.join(", "))
    }
}

/// How far the gathering of nodes has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Spread {
    /// The nodes up to this one, in the order of ids, are in.
    Going(Option<NodeId>),
    /// All are in.
    Done,
}

/// A node's row in an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The date of its last report, 1970 if there was none.
    at: Timestamp,
    pub(crate) node: NodeNumber,
    pub(crate) status: AssociationStatus,
    /// Whether the service ended it for its silence.
    pub(crate) is_stuck: bool,
}

impl Row {
    /// The date of its last report.
    pub(crate) fn reported(&self) -> Option<Timestamp> {
        (self.at != Timestamp::default()).then_some(self.at)
    }
}

/// Why an execution failed before it reached a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Failure {
    /// Its resource group is gone, or too large (B.3 R12).
    InvalidTarget,
}

impl Failure {
    /// The word under which clients see it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTarget => "InvalidTarget",
        }
    }
}

/// One dispatch.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Execution {
    /// Its running number in the association.
    pub(crate) number: u32,
    pub(crate) id: ExecutionId,
    pub(crate) created: Timestamp,
    pub(crate) spread: Spread,
    pub(crate) rows: Vec<Row>,
    pub(crate) counts: StatusCounts,
    /// The rows of nodes that the association no longer means: they are theirs
    /// again should they come back.
    left: BTreeMap<NodeNumber, u32>,
    /// The last report, on the nodes' clocks.
    pub(crate) last_report: Option<Timestamp>,
    /// Whether a check for silent nodes is due some time.
    pub(crate) is_watched: bool,
    /// When the next such check is due, as far as this one has come.
    pub(crate) next_watch: Option<Timestamp>,
    /// Why it could not even begin.
    pub(crate) failure: Option<Failure>,
}

impl Execution {
    pub(crate) fn new(number: u32, id: ExecutionId, created: Timestamp) -> Self {
        Self {
            number,
            id,
            created,
            spread: Spread::Going(None),
            rows: Vec::new(),
            counts: StatusCounts::default(),
            left: BTreeMap::new(),
            last_report: None,
            is_watched: false,
            next_watch: None,
            failure: None,
        }
    }

    /// A node's row, which waits for it: a new one, or the one that it left.
    pub(crate) fn take_up(&mut self, node: NodeNumber) -> u32 {
        let status = AssociationStatus::Pending;
        if let Some(row) = self.left.remove(&node) {
            self.set(row, status, None);
            return row;
        }
        let row = u32::try_from(self.rows.len()).expect("a row per node");
        self.rows.push(Row { at: Timestamp::default(), node, status, is_stuck: false });
        self.counts.add(status);
        row
    }

    /// Notes that a row's node is no longer meant. What had not ended is skipped.
    pub(crate) fn leave(&mut self, row: u32) {
        let Some(known) = self.rows.get(row as usize).copied() else { return };
        self.left.insert(known.node, row);
        if !known.status.is_terminal() {
            self.set(row, AssociationStatus::Skipped, None);
        }
    }

    /// Moves a row to another state; `at` is the date of a report, if one caused it.
    pub(crate) fn set(&mut self, row: u32, status: AssociationStatus, at: Option<Timestamp>) {
        let Some(row) = self.rows.get_mut(row as usize) else { return };
        self.counts.remove(row.status);
        self.counts.add(status);
        row.status = status;
        row.is_stuck = false;
        if let Some(at) = at {
            row.at = at;
            self.last_report = self.last_report.max(Some(at));
        }
    }

    /// Whether nothing more is to come.
    pub(crate) fn is_over(&self) -> bool {
        self.spread == Spread::Done && self.counts.open() == 0
    }

    /// How it stands in detail: the reason of a failure, where there is one.
    pub(crate) fn detailed_status(&self) -> &'static str {
        self.failure.map_or_else(|| self.status().as_str(), Failure::as_str)
    }

    /// How it stands (C.2).
    pub(crate) fn status(&self) -> AssociationStatus {
        use AssociationStatus::{Failed, InProgress, Pending, Skipped, Success, TimedOut};
        if self.failure.is_some() {
            Failed
        } else if self.rows.is_empty() && self.spread != Spread::Done {
            Pending
        } else if !self.is_over() {
            InProgress
        } else if self.counts.of(Failed) + self.counts.of(TimedOut) > 0 {
            Failed
        } else if !self.rows.is_empty() && self.counts.of(Skipped) == self.counts.total() {
            Skipped
        } else {
            Success
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AssociationStatus::{Failed, InProgress, Pending, Skipped, Success, TimedOut};

    #[test]
    fn an_execution_stands_as_its_rows_do() {
        let cases: &[(&[AssociationStatus], Spread, AssociationStatus, &str)] = &[
            (&[], Spread::Going(None), Pending, "{}"),
            (&[], Spread::Done, Success, "{}"),
            (&[Pending], Spread::Done, InProgress, "{Pending=1}"),
            (&[Success], Spread::Going(None), InProgress, "{Success=1}"),
            (&[Success, Failed, Success], Spread::Done, Failed, "{Failed=1, Success=2}"),
            (&[Success, TimedOut], Spread::Done, Failed, "{Success=1, TimedOut=1}"),
            (&[Skipped, Skipped], Spread::Done, Skipped, "{Skipped=2}"),
            (&[Skipped, Success], Spread::Done, Success, "{Skipped=1, Success=1}"),
            (&[InProgress, Failed], Spread::Done, InProgress, "{Failed=1, InProgress=1}"),
        ];
        for (rows, spread, status, text) in cases {
            let mut execution = Execution::new(0, ExecutionId::from_bits(1), Timestamp::default());
            execution.spread = *spread;
            for (index, row) in rows.iter().enumerate() {
                let place = execution.take_up(NodeNumber(index as u32));
                execution.set(place, *row, None);
            }
            assert_eq!(
                (execution.status(), execution.counts.as_text().as_str()),
                (*status, *text),
                "{rows:?}"
            );
        }
    }
}
