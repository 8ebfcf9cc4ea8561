//! One dispatch of an association to its nodes.
//!
//! An execution holds a row per node and the counts of its rows. Rows are only
//! ever added, so that a page of them stays a page. It gathers its nodes in
//! pieces, in the order of their ids; until the last piece it is not over.
//!
//! Under rate control (E) the rows wait at `Queued`, a slot for each that runs.
//! Who is let in, and when, is `engine::admission`'s to decide.
//!
//! Invariant: the counts, the slots taken, the errors and the waiting rows are
//! those that a recount of the rows gives.

pub(crate) mod counts;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use shared::id::{ExecutionId, NodeId};
use shared::seed::Seed;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::AlarmStateInformation;

use self::counts::StatusCounts;
use super::node::NodeNumber;

/// How far the gathering of nodes has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Spread {
    /// The nodes up to this one, in the order of ids, are in.
    Going(Option<NodeId>),
    /// All are in.
    Done,
}

/// Why something stands as it does, where its state alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) enum Detail {
    /// The state says all.
    #[default]
    Plain,
    /// The service ended it for its silence at `InProgress`.
    StuckAtInProgress,
    /// It never took up the order to run.
    DeliveryTimedOut,
    /// The errors of others stopped the execution before its turn.
    Terminated,
}

impl Detail {
    /// The detailed status of what stands at this state.
    pub(crate) fn word(self, status: AssociationStatus) -> &'static str {
        match self {
            Self::Plain => status.as_str(),
            Self::StuckAtInProgress => "StuckAtInProgress",
            Self::DeliveryTimedOut => "DeliveryTimedOut",
            Self::Terminated => "Terminated",
        }
    }
}

/// Why an execution lets nobody in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Halt {
    /// More errors than MaxErrors.
    Errors,
    /// An update of the association stopped it.
    Updated,
    /// An alarm stopped it.
    Alarm,
    /// Its Duration is over.
    Duration,
    /// A calendar was closed when it was due: it never began.
    Calendar,
}

/// A node's row in an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The date of its last report, 1970 if there was none.
    at: Timestamp,
    pub(crate) node: NodeNumber,
    pub(crate) status: AssociationStatus,
    pub(crate) detail: Detail,
    /// Whether it was let in beyond the limit, and so takes no slot.
    pub(crate) is_extra: bool,
}

impl Row {
    /// Whether it takes a slot.
    fn holds_slot(&self) -> bool {
        !self.is_extra && matches!(self.status, AssociationStatus::Pending | AssociationStatus::InProgress)
    }

    /// Whether it counts against MaxErrors (E.1).
    fn is_error(&self) -> bool {
        match self.status {
            AssociationStatus::Failed => true,
            AssociationStatus::TimedOut => self.detail != Detail::DeliveryTimedOut,
            _ => false,
        }
    }
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
    /// The runbook is gone.
    InvalidDocument,
    /// The runbook no longer takes these parameters.
    InvalidAutomationParameters,
    /// More automations than may run and wait.
    AutomationExecutionLimitExceeded,
}

impl Failure {
    /// The word under which clients see it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidTarget => "InvalidTarget",
            Self::InvalidDocument => "InvalidDocument",
            Self::InvalidAutomationParameters => "InvalidAutomationParameters",
            Self::AutomationExecutionLimitExceeded => "AutomationExecutionLimitExceeded",
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
    /// The version of the association that it runs.
    pub(crate) version: u32,
    /// Whether it is not done as long as it has no nodes.
    pub(crate) awaits_nodes: bool,
    /// Whether the schedule had it due.
    pub(crate) is_scheduled: bool,
    /// How many nodes may be at it at once; no number until its nodes are
    /// counted, and none at all without rate control.
    pub(crate) limit: Limit,
    /// How many errors do not stop it.
    pub(crate) budget: u32,
    /// How many slots are taken.
    pub(crate) busy: u32,
    /// How many rows are errors.
    pub(crate) errors: u32,
    /// Why nobody is let in any more.
    pub(crate) halt: Option<Halt>,
    /// How those stand that too many errors kept from their turn.
    #[serde(default = "skipped")]
    pub(crate) stopped: AssociationStatus,
    /// The alarm that stopped it.
    pub(crate) triggered: Option<AlarmStateInformation>,
    /// Whether it never began, and is remembered only because it was due.
    pub(crate) is_void: bool,
    /// Who waits for a slot, in the order of admission.
    waiting: BTreeSet<(u64, u32)>,
    /// What the order of admission is drawn from; by id where there is none.
    shuffle: Option<u64>,
    /// Whom was let in when, and may not have taken up the order yet.
    pub(crate) orders: VecDeque<(Timestamp, u32)>,
    /// How long an order may wait to be taken up.
    pub(crate) delivery: Period,
    /// Whether a look at the orders is due some time.
    pub(crate) is_delivery_watched: bool,
}

fn skipped() -> AssociationStatus {
    AssociationStatus::Skipped
}

/// How many nodes may be at an execution at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Limit {
    /// As many as there are.
    All,
    /// As yet nobody: the nodes are not counted.
    Unknown,
    /// So many.
    At(u32),
}

impl Execution {
    pub(crate) fn new(number: u32, id: ExecutionId, created: Timestamp, version: u32) -> Self {
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
            version,
            awaits_nodes: false,
            is_scheduled: false,
            limit: Limit::All,
            budget: u32::MAX,
            busy: 0,
            errors: 0,
            halt: None,
            stopped: skipped(),
            triggered: None,
            is_void: false,
            waiting: BTreeSet::new(),
            shuffle: None,
            orders: VecDeque::new(),
            delivery: Period::ZERO,
            is_delivery_watched: false,
        }
    }

    /// The same, due but not begun for this reason.
    pub(crate) fn void(self, halt: Halt) -> Self {
        Self { halt: Some(halt), is_void: true, spread: Spread::Done, ..self }
    }

    /// The same with rate control: nodes wait until they are counted, and are
    /// let in by their ids or as drawn from this number.
    pub(crate) fn limited(self, shuffle: Option<u64>, delivery: Period) -> Self {
        Self { limit: Limit::Unknown, shuffle, delivery, ..self }
    }

    /// A node's row at this state: a new one, or the one that it left.
    pub(crate) fn take_up(&mut self, node: NodeNumber, status: AssociationStatus, is_extra: bool) -> u32 {
        let row = match self.left.remove(&node) {
            Some(row) => row,
            None => {
                let row = Row {
                    at: Timestamp::default(),
                    node,
                    status: AssociationStatus::Skipped,
                    detail: Detail::Plain,
                    is_extra,
                };
                self.rows.push(row);
                self.counts.add(row.status);
                u32::try_from(self.rows.len() - 1).expect("a row per node")
            }
        };
        self.change(row, |row| {
            row.is_extra = is_extra;
            row.status = status;
            row.detail = Detail::Plain;
        });
        row
    }

    /// Notes that a row's node is no longer meant. What had not ended is skipped.
    pub(crate) fn leave(&mut self, row: u32) {
        let Some(known) = self.rows.get(row as usize).copied() else { return };
        self.left.insert(known.node, row);
        if !known.status.is_terminal() {
            self.set(row, AssociationStatus::Skipped, Detail::Plain, None);
        }
    }

    /// Moves a row to another state; `at` is the date of a report, if one caused it.
    pub(crate) fn set(&mut self, row: u32, status: AssociationStatus, detail: Detail, at: Option<Timestamp>) {
        self.change(row, |row| {
            row.status = status;
            row.detail = detail;
            row.at = at.unwrap_or(row.at);
        });
        self.last_report = self.last_report.max(at);
    }

    /// Changes a row, and whatever is counted over rows.
    fn change(&mut self, number: u32, change: impl FnOnce(&mut Row)) {
        let Some(row) = self.rows.get_mut(number as usize) else { return };
        let before = *row;
        change(row);
        let after = *row;
        self.counts.remove(before.status);
        self.counts.add(after.status);
        self.busy = self.busy + u32::from(after.holds_slot()) - u32::from(before.holds_slot());
        self.errors = self.errors + u32::from(after.is_error()) - u32::from(before.is_error());
        let key = (self.turn(after.node), number);
        if after.status == AssociationStatus::Queued {
            self.waiting.insert(key);
        } else if before.status == AssociationStatus::Queued {
            self.waiting.remove(&key);
        }
    }

    /// A node's place in the order of admission; rows of the same place go by their number.
    fn turn(&self, node: NodeNumber) -> u64 {
        self.shuffle.map_or(0, |seed| Seed(seed).draw("admission", node.0.into()).bits("turn", 0))
    }

    /// Whether one more may be let in.
    pub(crate) fn has_room(&self) -> bool {
        self.halt.is_none()
            && match self.limit {
                Limit::All => true,
                Limit::Unknown => false,
                Limit::At(limit) => self.busy < limit,
            }
    }

    /// Whether slots are counted.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit != Limit::All
    }

    /// Who is next in the order of admission.
    pub(crate) fn first_waiting(&self) -> Option<u32> {
        self.waiting.first().map(|(_, row)| *row)
    }

    /// Whether its errors are more than it bears and nothing stopped it yet.
    pub(crate) fn must_stop(&self) -> bool {
        self.halt.is_none() && self.spread == Spread::Done && self.errors > self.budget
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
        use AssociationStatus::{Cancelled, Failed, InProgress, Pending, Skipped, Success, TimedOut};
        if self.failure.is_some() {
            Failed
        } else if self.rows.is_empty() && self.spread != Spread::Done {
            Pending
        } else if !self.is_over() {
            InProgress
        } else if self.halt == Some(Halt::Errors) || self.counts.of(Failed) + self.counts.of(TimedOut) > 0 {
            Failed
        } else if self.counts.of(Cancelled) > 0 {
            Cancelled
        } else if self.is_void || !self.rows.is_empty() && self.counts.of(Skipped) == self.counts.total() {
            Skipped
        } else {
            Success
        }
    }
}

#[cfg(test)]
impl Execution {
    /// Panics unless all that is counted is what the rows give.
    pub(crate) fn recount(&self) {
        let mut counts = StatusCounts::default();
        let mut waiting = BTreeSet::new();
        for (number, row) in self.rows.iter().enumerate() {
            counts.add(row.status);
            if row.status == AssociationStatus::Queued {
                waiting.insert((self.turn(row.node), u32::try_from(number).unwrap()));
            }
        }
        let count =
            |is_so: fn(&Row) -> bool| u32::try_from(self.rows.iter().filter(|row| is_so(row)).count());
        assert_eq!(counts, self.counts, "counts of execution {}", self.number);
        assert_eq!(waiting, self.waiting, "waiting in execution {}", self.number);
        assert_eq!(count(Row::holds_slot).unwrap(), self.busy, "slots of execution {}", self.number);
        assert_eq!(count(Row::is_error).unwrap(), self.errors, "errors of execution {}", self.number);
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
            let mut execution = Execution::new(0, ExecutionId::from_bits(1), Timestamp::default(), 1);
            execution.spread = *spread;
            for (index, row) in rows.iter().enumerate() {
                let place = execution.take_up(NodeNumber(index as u32), Pending, false);
                execution.set(place, *row, Detail::Plain, None);
            }
            assert_eq!(
                (execution.status(), execution.counts.as_text().as_str()),
                (*status, *text),
                "{rows:?}"
            );
        }
    }
}
