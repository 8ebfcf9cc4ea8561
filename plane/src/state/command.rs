//! The commands of Run Command, and which node waits for which.
//!
//! A command has a part on each node that it goes to. A part that is pending
//! stands in its node's queue as well, from which a channel of messages takes
//! it; as long as nobody does, it waits until it is cancelled or its time is up.
//! What was taken is hidden from the channels for a while: if by then nobody said
//! that he has it, it is handed out again. A cancelling waits in the same queue.
//!
//! A part that MaxConcurrency holds back stands in no node's queue, but among
//! those that the command holds, in the order in which it lets them in.
//!
//! Invariant: the counts are those of the parts, a command holds the parts that are
//! queued, and a node's queue holds the commands that are pending or being cancelled
//! there, in the order in which they were sent.

pub(crate) mod progress;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::id::{CommandId, NodeId};
use shared::seed::{Seed, digest};
use shared::status::PlatformType;
use shared::time::Timestamp;
use shared::wire::SendCommand;

use super::execution::Spread;
use super::rate::{RateRules, Share};
use crate::config::choice::Rounding;
use progress::Progress;

/// A command's number: the order in which they were sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub(crate) struct CommandNumber(pub(crate) u32);

/// How a command's part on one node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Delivery {
    /// It waits for the node.
    Pending,
    /// The document does not run on the node's platform.
    InvalidPlatform,
    /// The node did not fetch it in time.
    TimedOut,
    /// Somebody cancelled it.
    Cancelled,
    /// The node has it.
    InProgress,
    /// The node has it, and is to end it.
    Cancelling,
    /// It did well.
    Success,
    /// It did not.
    Failed,
    /// It took longer than it may.
    ExecutionTimedOut,
    /// The node would not have it.
    Undeliverable,
    /// It waits until as few others run as MaxConcurrency wants.
    Queued,
    /// More nodes failed than MaxErrors bears, so this one did not get it.
    Terminated,
}

impl Delivery {
    /// `Status` and `StatusDetails`.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("Pending", "Pending"),
            Self::InvalidPlatform => ("Failed", "InvalidPlatform"),
            Self::TimedOut => ("TimedOut", "DeliveryTimedOut"),
            Self::Cancelled => ("Cancelled", "Cancelled"),
            Self::InProgress => ("InProgress", "InProgress"),
            Self::Cancelling => ("Cancelling", "Cancelling"),
            Self::Success => ("Success", "Success"),
            Self::Failed => ("Failed", "Failed"),
            Self::ExecutionTimedOut => ("TimedOut", "ExecutionTimedOut"),
            Self::Undeliverable => ("Failed", "Undeliverable"),
            Self::Queued => ("Pending", "Pending"),
            Self::Terminated => ("Cancelled", "Terminated"),
        }
    }

    /// Whether nothing follows it.
    pub(crate) const fn is_terminal(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress | Self::Cancelling | Self::Queued)
    }

    /// Whether something of it waits for the node.
    const fn is_waiting(self) -> bool {
        matches!(self, Self::Pending | Self::Cancelling)
    }
}

/// How many parts of a command stand at each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct DeliveryCounts([u32; 12]);

impl DeliveryCounts {
    /// How many stand at this state.
    pub(crate) fn of(&self, delivery: Delivery) -> u32 {
        self.0[delivery as usize]
    }

    /// How many there are in all.
    pub(crate) fn total(&self) -> u32 {
        self.0.iter().sum()
    }
}

/// A command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Command {
    pub(crate) number: CommandNumber,
    pub(crate) id: CommandId,
    /// What was asked for; the document is named without its ARN.
    pub(crate) request: Box<SendCommand>,
    /// The names of the document's steps.
    pub(crate) steps: Vec<Box<str>>,
    /// The platforms that the document runs on.
    pub(crate) platforms: Vec<PlatformType>,
    pub(crate) requested: Timestamp,
    /// When nothing of it can run any more.
    pub(crate) expires: Timestamp,
    /// How far the gathering of nodes has come.
    pub(crate) spread: Spread,
    /// Whether the whole of it was cancelled.
    pub(crate) is_cancelled: bool,
    pub(crate) parts: BTreeMap<NodeId, Delivery>,
    /// Follows from the parts.
    #[serde(skip)]
    pub(crate) counts: DeliveryCounts,
    /// From what the order follows in which its nodes get it; the order of their ids, if from nothing.
    #[serde(default)]
    pub(crate) shuffle: Option<u64>,
    /// The nodes that wait for their turn. Follows from the parts.
    #[serde(skip)]
    pub(crate) held: BTreeSet<(u64, NodeId)>,
    /// Whether more nodes failed than it bears: nobody gets it any more.
    #[serde(default)]
    pub(crate) is_stopped: bool,
    /// The document's text, as it was when the command was sent.
    #[serde(default)]
    pub(crate) content: Arc<str>,
    /// Until when what was handed out to a node is hidden from its channels.
    #[serde(default)]
    pub(crate) hidden: BTreeMap<NodeId, Timestamp>,
    /// What nodes told.
    #[serde(default)]
    pub(crate) progress: BTreeMap<NodeId, Box<Progress>>,
}

impl Command {
    /// `Status` and `StatusDetails` of the command as a whole.
    pub(crate) fn words(&self, rounding: Rounding) -> (&'static str, &'static str) {
        let of = |delivery| self.counts.of(delivery);
        let total = self.counts.total();
        let is_open = self.spread != Spread::Done || self.open() > 0;
        match () {
            () if self.is_cancelled && is_open => ("Cancelling", "Cancelling"),
            () if is_open && of(Delivery::Pending) + of(Delivery::Queued) == total => ("Pending", "Pending"),
            () if is_open => ("InProgress", "InProgress"),
            () if self.is_cancelled || (total > 0 && of(Delivery::Cancelled) == total) => {
                ("Cancelled", "Cancelled")
            }
            () if total == 0 => ("Success", "NoInstancesInTag"),
            () if of(Delivery::Success) == total => ("Success", "Success"),
            () if of(Delivery::TimedOut) == total => ("TimedOut", "DeliveryTimedOut"),
            () if of(Delivery::ExecutionTimedOut) == total => ("TimedOut", "ExecutionTimedOut"),
            () if of(Delivery::InvalidPlatform) == total => ("Failed", "Failed"),
            () if self.errors() > self.errors_borne(rounding) => ("Failed", "Failed"),
            () => ("Failed", "Incomplete"),
        }
    }

    /// On how many nodes it has ended.
    pub(crate) fn completed(&self) -> u32 {
        self.counts.total() - self.open()
    }

    /// On how many it has not.
    fn open(&self) -> u32 {
        self.busy() + self.counts.of(Delivery::Queued)
    }

    /// How many nodes it has been let in on and not ended: each takes one of the
    /// places that MaxConcurrency gives.
    fn busy(&self) -> u32 {
        let busy = [Delivery::Pending, Delivery::InProgress, Delivery::Cancelling];
        busy.map(|delivery| self.counts.of(delivery)).iter().sum()
    }

    /// Whether more nodes have failed than it bears.
    pub(crate) fn must_stop(&self, rounding: Rounding) -> bool {
        self.errors() > self.errors_borne(rounding)
    }

    /// The node that gets it next, if there is one and there is room.
    pub(crate) fn next_held(&self, rules: RateRules) -> Option<NodeId> {
        let share = self.request.max_concurrency.as_deref().and_then(Share::read);
        let limit = share.unwrap_or(rules.default_limit).limit(self.counts.total(), rules.rounding);
        let (_, node) = self.held.first().filter(|_| self.busy() < limit && !self.is_stopped)?;
        Some(*node)
    }

    fn place(&self, node: NodeId) -> (u64, NodeId) {
        let turn = |seed| Seed(seed).draw("admission", digest(node.as_str().as_bytes())).bits("turn", 0);
        (self.shuffle.map_or(0, turn), node)
    }

    /// On how many nodes its document failed. A platform that does not fit and a
    /// delivery that failed are no errors of the document.
    pub(crate) fn errors(&self) -> u32 {
        self.counts.of(Delivery::Failed) + self.counts.of(Delivery::ExecutionTimedOut)
    }

    /// How many errors it bears; none, unless it says so.
    fn errors_borne(&self, rounding: Rounding) -> u32 {
        let share = self.request.max_errors.as_deref().and_then(Share::read);
        share.map_or(0, |share| share.budget(self.counts.total(), rounding))
    }
}

/// Something that waits for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A command.
    Command(CommandNumber),
    /// The cancelling of one.
    Cancel(CommandNumber),
}

/// All commands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    table: BTreeMap<CommandNumber, Command>,
    by_id: HashMap<CommandId, CommandNumber>,
    /// The queue of each node that a command waits for.
    waiting: BTreeMap<NodeId, BTreeSet<CommandNumber>>,
    next: u32,
    /// Nodes whose queues have something new.
    woken: BTreeSet<NodeId>,
}

impl Commands {
    /// The number that the next command gets.
    pub(crate) fn next_number(&self) -> CommandNumber {
        CommandNumber(self.next)
    }

    /// Adds a command, with the parts that it has already.
    pub(crate) fn insert(&mut self, mut command: Command) {
        let number = command.number;
        command.counts = DeliveryCounts::default();
        command.parts.values().for_each(|part| command.counts.0[*part as usize] += 1);
        let held = command.parts.iter().filter(|(_, part)| **part == Delivery::Queued);
        command.held = held.map(|(node, _)| command.place(*node)).collect();
        self.next = self.next.max(number.0 + 1);
        self.by_id.insert(command.id, number);
        for (node, _) in command.parts.iter().filter(|(_, part)| part.is_waiting()) {
            self.waiting.entry(*node).or_default().insert(number);
        }
        self.table.insert(number, command);
    }

    pub(crate) fn get(&self, number: CommandNumber) -> Option<&Command> {
        self.table.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: CommandNumber) -> Option<&mut Command> {
        self.table.get_mut(&number)
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&Command> {
        self.get(*self.by_id.get(&id.parse().ok()?)?)
    }

    /// The command of this id.
    pub(crate) fn of(&self, id: CommandId) -> Option<&Command> {
        self.get(*self.by_id.get(&id)?)
    }

    /// Those sent before this one, the newest first.
    pub(crate) fn before(&self, number: Option<CommandNumber>) -> impl Iterator<Item = &Command> {
        let end = number.unwrap_or(CommandNumber(self.next));
        self.table.range(..end).rev().map(|(_, command)| command)
    }

    /// Brings a command's part on a node to another state; a part that it does not have begins.
    pub(crate) fn set(&mut self, number: CommandNumber, node: NodeId, delivery: Delivery) {
        let Some(command) = self.table.get_mut(&number) else { return };
        if let Some(before) = command.parts.insert(node, delivery) {
            command.counts.0[before as usize] -= 1;
        }
        command.counts.0[delivery as usize] += 1;
        command.hidden.remove(&node);
        let place = command.place(node);
        if delivery == Delivery::Queued {
            command.held.insert(place);
        } else {
            command.held.remove(&place);
        }
        if delivery.is_waiting() {
            self.waiting.entry(node).or_default().insert(number);
            self.woken.insert(node);
        } else if let Some(queue) = self.waiting.get_mut(&node) {
            queue.remove(&number);
            if queue.is_empty() {
                self.waiting.remove(&node);
            }
        }
    }

    /// What waits for a node and is not hidden, in the order in which it was sent.
    pub(crate) fn visible(&self, node: NodeId, now: Timestamp) -> impl Iterator<Item = Waiting> {
        let queue = self.waiting.get(&node).into_iter().flatten();
        let commands = queue.filter_map(|number| self.table.get(number));
        let visible = move |command: &&Command| command.hidden.get(&node).is_none_or(|until| *until <= now);
        commands.filter(visible).map(move |command| match command.parts.get(&node) {
            Some(Delivery::Cancelling) => Waiting::Cancel(command.number),
            _ => Waiting::Command(command.number),
        })
    }

    /// When something that waits for a node comes out of hiding.
    pub(crate) fn next_visible(&self, node: NodeId) -> Option<Timestamp> {
        let queue = self.waiting.get(&node).into_iter().flatten();
        queue.filter_map(|number| self.table.get(number)?.hidden.get(&node).copied()).min()
    }

    /// Nodes whose queues have something new since this was last asked.
    pub(crate) fn take_woken(&mut self) -> BTreeSet<NodeId> {
        std::mem::take(&mut self.woken)
    }

    /// Forgets so many parts of a command, and the command with the last of
    /// them. Answers whether there are more.
    pub(crate) fn forget(&mut self, number: CommandNumber, most: usize) -> bool {
        for _ in 0..most {
            let Some(command) = self.table.get_mut(&number) else { return false };
            match command.parts.pop_first() {
                Some((node, delivery)) => {
                    command.counts.0[delivery as usize] -= 1;
                    command.hidden.remove(&node);
                    command.held.remove(&command.place(node));
                    command.progress.remove(&node);
                }
                None => {
                    self.by_id.remove(&command.id);
                    self.table.remove(&number);
                    return false;
                }
            }
        }
        true
    }

    /// The commands, for a snapshot.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Command> {
        self.table.values()
    }

    /// The commands of a snapshot, with their indexes.
    pub(crate) fn restore(commands: Vec<Command>, next: CommandNumber) -> Self {
        let mut restored = Self { next: next.0, ..Self::default() };
        commands.into_iter().for_each(|command| restored.insert(command));
        restored
    }

    /// The commands that wait for a node, and a recount of what is counted.
    #[cfg(test)]
    pub(crate) fn recounted(&self, node: NodeId) -> Vec<CommandNumber> {
        for command in self.table.values() {
            let mut counts = DeliveryCounts::default();
            command.parts.values().for_each(|part| counts.0[*part as usize] += 1);
            assert_eq!(command.counts, counts, "counts are those of the parts");
            let held = command.parts.iter().filter(|(_, part)| **part == Delivery::Queued);
            let held: BTreeSet<_> = held.map(|(node, _)| command.place(*node)).collect();
            assert_eq!(command.held, held, "it holds the parts that are queued");
        }
        let pending = |command: &&Command| command.parts.get(&node).is_some_and(|part| part.is_waiting());
        let waiting: Vec<_> = self.table.values().filter(pending).map(|command| command.number).collect();
        let queue: Vec<_> = self.waiting.get(&node).into_iter().flatten().copied().collect();
        assert_eq!(queue, waiting, "the queue holds what is pending");
        queue
    }
}
