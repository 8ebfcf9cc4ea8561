//! Who waits for something to happen to a node: held questions and open sockets.
//!
//! The state says which nodes have something new; whoever listens for one of them
//! is told and looks for himself. A word that comes while nobody waits is kept
//! until the listener waits the next time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::id::NodeId;
use tokio::sync::Notify;

/// Who listens, by node.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    table: Mutex<HashMap<NodeId, Vec<Arc<Notify>>>>,
}

impl Listeners {
    /// Listens for a node, as long as the answer lives.
    pub(crate) fn listen(&self, node: NodeId) -> Listening<'_> {
        let word = Arc::new(Notify::new());
        self.lock().entry(node).or_default().push(Arc::clone(&word));
        Listening { listeners: self, node, word }
    }

    /// Tells those who listen for one of these nodes.
    pub(crate) fn tell(&self, nodes: impl IntoIterator<Item = NodeId>) {
        let table = self.lock();
        for node in nodes {
            table.get(&node).into_iter().flatten().for_each(|word| word.notify_one());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Vec<Arc<Notify>>>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who listens.
#[derive(Debug)]
pub(crate) struct Listening<'a> {
    listeners: &'a Listeners,
    node: NodeId,
    word: Arc<Notify>,
}

impl Listening<'_> {
    /// Waits until there is something new.
    pub(crate) async fn told(&self) {
        self.word.notified().await;
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let mut table = self.listeners.lock();
        if let Some(words) = table.get_mut(&self.node) {
            words.retain(|word| !Arc::ptr_eq(word, &self.word));
            if words.is_empty() {
                table.remove(&self.node);
            }
        }
    }
}
