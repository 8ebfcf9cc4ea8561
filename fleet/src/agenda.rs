//! When which node is due: an exact priority queue with one entry per node.
//!
//! A heap that knows where each node stands in it, so that an entry moves when
//! its node's plans change. Ties are broken by the node's place in the shard,
//! which no setting of a run changes within one shard; across shards nothing
//! depends on the order, for nodes do not meet.

use shared::time::Timestamp;

/// Children per entry: four keep a node's siblings in one cache line.
const ARITY: usize = 4;
/// The position of a node that is not in the heap.
const ABSENT: u32 = u32::MAX;

/// The due instants of a shard's nodes.
#[derive(Debug, Default)]
pub struct Agenda {
    heap: Vec<(Timestamp, u32)>,
    positions: Vec<u32>,
}

impl Agenda {
    /// An agenda for so many nodes, none of which is due ever.
    pub fn new(nodes: usize) -> Self {
        Self { heap: Vec::with_capacity(nodes), positions: vec![ABSENT; nodes] }
    }

    /// The earliest entry.
    pub fn earliest(&self) -> Option<(Timestamp, u32)> {
        self.heap.first().copied()
    }

    /// Sets when a node is due; [`Timestamp::NEVER`] takes it off the agenda.
    pub fn set(&mut self, node: u32, due: Timestamp) {
        let position = self.positions[node as usize];
        match (position, due) {
            (ABSENT, Timestamp::NEVER) => {}
            (ABSENT, _) => {
                self.heap.push((due, node));
                self.rise(self.heap.len() - 1);
            }
            (position, Timestamp::NEVER) => self.remove(position as usize),
            (position, _) => {
                let position = position as usize;
                let before = std::mem::replace(&mut self.heap[position].0, due);
                if due < before { self.rise(position) } else { self.sink(position) }
            }
        }
    }

    fn remove(&mut self, position: usize) {
        let (_, node) = self.heap.swap_remove(position);
        self.positions[node as usize] = ABSENT;
        if position < self.heap.len() {
            self.positions[self.heap[position].1 as usize] = position as u32;
            self.sink(position);
            self.rise(position);
        }
    }

    fn rise(&mut self, mut position: usize) {
        let entry = self.heap[position];
        while position > 0 {
            let parent = (position - 1) / ARITY;
            if self.heap[parent] <= entry {
                break;
            }
            self.place(self.heap[parent], position);
            position = parent;
        }
        self.place(entry, position);
    }

    fn sink(&mut self, mut position: usize) {
        let entry = self.heap[position];
        loop {
            let children = position * ARITY + 1..(position * ARITY + 1 + ARITY).min(self.heap.len());
            let Some(least) = children.min_by_key(|&child| self.heap[child]) else { break };
            if entry <= self.heap[least] {
                break;
            }
            self.place(self.heap[least], position);
            position = least;
        }
        self.place(entry, position);
    }

    fn place(&mut self, entry: (Timestamp, u32), position: usize) {
        self.heap[position] = entry;
        self.positions[entry.1 as usize] = position as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::seed::Seed;

    use super::*;

    /// The same as a sorted set, through thousands of random moves.
    #[test]
    fn it_is_a_priority_queue() {
        let nodes = 200;
        let draw = Seed(11).draw("agenda", 0);
        let mut agenda = Agenda::new(nodes);
        let mut model = BTreeSet::new();
        let mut due = vec![Timestamp::NEVER; nodes];
        for turn in 0..20_000 {
            let node = draw.bits("node", turn) % nodes as u64;
            let chance = draw.bits("due", turn) % 50;
            let instant = match chance {
                0 => Timestamp::NEVER,
                _ => Timestamp::from_milliseconds(chance as i64),
            };
            let node = node as u32;
            model.remove(&(due[node as usize], node));
            if instant != Timestamp::NEVER {
                model.insert((instant, node));
            }
            due[node as usize] = instant;
            agenda.set(node, instant);
            assert_eq!(agenda.earliest(), model.first().copied(), "turn {turn}");
        }
    }
}
