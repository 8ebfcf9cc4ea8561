//! The commands of Run Command, and which node waits for which.
//!
//! A command has a part on each node that it goes to. A part that is pending
//! stands in its node's queue as well, from which a channel of messages takes
//! it; as long as nobody does, it waits until it is cancelled or its time is up.
//!
//! Invariant: the counts are those of the parts, and a node's queue holds the
//! commands that are pending there, in the order in which they were sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use shared::id::{CommandId, NodeId};
use shared::status::PlatformType;
use shared::time::Timestamp;
use shared::wire::SendCommand;

use super::execution::Spread;

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
}

impl Delivery {
    /// `Status` and `StatusDetails`.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("Pending", "Pending"),
            Self::InvalidPlatform => ("Failed", "InvalidPlatform"),
            Self::TimedOut => ("TimedOut", "DeliveryTimedOut"),
            Self::Cancelled => ("Cancelled", "Cancelled"),
        }
    }
}

/// How many parts of a command stand at each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct DeliveryCounts([u32; 4]);

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
    pub(crate) counts: DeliveryCounts,
}

impl Command {
    /// `Status` and `StatusDetails` of the command as a whole.
    pub(crate) fn words(&self) -> (&'static str, &'static str) {
        let of = |delivery| self.counts.of(delivery);
        let total = self.counts.total();
        let is_open = self.spread != Spread::Done || of(Delivery::Pending) > 0;
        match () {
            () if self.is_cancelled && is_open => ("Cancelling", "Cancelling"),
            () if is_open && of(Delivery::Pending) == total => ("Pending", "Pending"),
            () if is_open => ("InProgress", "InProgress"),
            () if self.is_cancelled || (total > 0 && of(Delivery::Cancelled) == total) => {
                ("Cancelled", "Cancelled")
            }
            () if total == 0 => ("Success", "NoInstancesInTag"),
            () if of(Delivery::TimedOut) == total => ("TimedOut", "DeliveryTimedOut"),
            () if of(Delivery::InvalidPlatform) == total => ("Failed", "Failed"),
            () => ("Failed", "Incomplete"),
        }
    }

    /// On how many nodes it has ended.
    pub(crate) fn completed(&self) -> u32 {
        self.counts.total() - self.counts.of(Delivery::Pending)
    }
}

/// All commands.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commands {
    table: BTreeMap<CommandNumber, Command>,
    by_id: HashMap<CommandId, CommandNumber>,
    /// The queue of each node that a command waits for.
    waiting: BTreeMap<NodeId, BTreeSet<CommandNumber>>,
    next: u32,
}

impl Commands {
    /// The number that the next command gets.
    pub(crate) fn next_number(&self) -> CommandNumber {
        CommandNumber(self.next)
    }

    /// Adds a command, with the parts that it has already.
    pub(crate) fn insert(&mut self, command: Command) {
        let number = command.number;
        self.next = self.next.max(number.0 + 1);
        self.by_id.insert(command.id, number);
        for (node, _) in command.parts.iter().filter(|(_, part)| **part == Delivery::Pending) {
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
        if delivery == Delivery::Pending {
            self.waiting.entry(node).or_default().insert(number);
        } else if let Some(queue) = self.waiting.get_mut(&node) {
            queue.remove(&number);
            if queue.is_empty() {
                self.waiting.remove(&node);
            }
        }
    }

    /// Forgets so many parts of a command, and the command with the last of
    /// them. Answers whether there are more.
    pub(crate) fn forget(&mut self, number: CommandNumber, most: usize) -> bool {
        for _ in 0..most {
            let Some(command) = self.table.get_mut(&number) else { return false };
            match command.parts.pop_first() {
                Some((_, delivery)) => command.counts.0[delivery as usize] -= 1,
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
        }
        let pending = |command: &&Command| command.parts.get(&node) == Some(&Delivery::Pending);
        let waiting: Vec<_> = self.table.values().filter(pending).map(|command| command.number).collect();
        let queue: Vec<_> = self.waiting.get(&node).into_iter().flatten().copied().collect();
        assert_eq!(queue, waiting, "the queue holds what is pending");
        queue
    }
}
