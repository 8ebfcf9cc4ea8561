//! What is on nodes, as they told: their inventory.
//!
//! It is kept by node and type, apart from the node's own row, for most nodes
//! have none. A type's entries are replaced as a whole. What nobody has repeated
//! for a while is not shown any more.
//!
//! Invariant: the size that is kept beside a type is that of its entries.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::id::NodeId;
use shared::time::{Period, Timestamp};
use shared::wire::InventoryEntry;

/// What begins the name of a type that the account made itself.
pub(crate) const CUSTOM: &str = "Custom:";

/// What is on a node of one type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gathered {
    pub(crate) schema_version: Box<str>,
    /// When it was looked at, as the node wrote it.
    pub(crate) captured: Box<str>,
    /// When the node last told or repeated it.
    pub(crate) heard: Timestamp,
    /// The digest that came with it.
    pub(crate) hash: Option<Box<str>>,
    pub(crate) entries: Arc<Vec<InventoryEntry>>,
    /// The size of the entries, in bytes.
    pub(crate) size: usize,
}

/// What is on a node, by type.
pub(crate) type OfNode = BTreeMap<Arc<str>, Gathered>;

/// What is on all nodes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Inventory {
    nodes: BTreeMap<NodeId, OfNode>,
    /// The custom types of the account, and how many nodes have each.
    custom: BTreeMap<Arc<str>, u64>,
}

impl Inventory {
    /// What is on a node of one type, unless that is too long ago.
    pub(crate) fn get(
        &self,
        node: NodeId,
        kind: &str,
        now: Timestamp,
        kept_for: Period,
    ) -> Option<&Gathered> {
        self.nodes.get(&node)?.get(kind).filter(|gathered| now.since(gathered.heard) <= kept_for)
    }

    /// How many bytes are kept of a node, but for these types.
    pub(crate) fn size_without(&self, node: NodeId, kinds: &BTreeSet<&str>) -> usize {
        let known = self.nodes.get(&node).into_iter().flatten();
        known.filter(|(kind, _)| !kinds.contains(&***kind)).map(|(_, gathered)| gathered.size).sum()
    }

    /// How many custom types the account has, and would have with these.
    pub(crate) fn custom_types_with(&self, kinds: &BTreeSet<&str>) -> usize {
        let new = kinds.iter().filter(|kind| kind.starts_with(CUSTOM) && !self.custom.contains_key(**kind));
        self.custom.len() + new.count()
    }

    /// Whether somebody told of this custom type.
    pub(crate) fn knows_custom(&self, kind: &str) -> bool {
        self.custom.contains_key(kind)
    }

    /// Takes in what is on a node of one type.
    pub(crate) fn put(&mut self, node: NodeId, kind: Arc<str>, gathered: Gathered) {
        let is_new = self.nodes.entry(node).or_default().insert(Arc::clone(&kind), gathered).is_none();
        if is_new && kind.starts_with(CUSTOM) {
            *self.custom.entry(kind).or_default() += 1;
        }
    }

    /// Notes that what is on a node of one type is as it was.
    pub(crate) fn repeat(&mut self, node: NodeId, kind: &str, captured: &str, now: Timestamp) {
        if let Some(known) = self.nodes.get_mut(&node).and_then(|known| known.get_mut(kind)) {
            known.captured = captured.into();
            known.heard = now;
        }
    }

    /// Forgets a node.
    pub(crate) fn remove(&mut self, node: NodeId) {
        for (kind, _) in self.nodes.remove(&node).into_iter().flatten() {
            if let Some(count) = self.custom.get_mut(&kind) {
                *count -= 1;
                if *count == 0 {
                    self.custom.remove(&kind);
                }
            }
        }
    }
}
