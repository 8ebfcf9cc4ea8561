//! Which nodes can be reached at once, and by which channel.
//!
//! A node waits on a control channel, which is open or not, or by long polling:
//! then it counts as reachable for a while after each question. What is noted
//! here is true of this process only: a plane that is restored has no connection
//! open, and its nodes come back by themselves. So nothing of it is kept in a
//! snapshot. Commands that wait are state and are `command`'s.

use std::collections::{BTreeMap, BTreeSet};

use shared::id::{AssociationId, NodeId};
use shared::time::{Period, Timestamp};

/// How long after its last question a node that polls counts as reachable: as
/// long as the question may be held, and the pause before the next one.
const POLLS_AGAIN_WITHIN: Period = Period::seconds(25);

/// Which nodes can be reached at once.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// The token of the control channel that each node made last.
    tokens: BTreeMap<NodeId, String>,
    /// The control channels that are open, by running number. Two agents may go
    /// by one id.
    open: BTreeMap<NodeId, BTreeSet<u64>>,
    /// When nodes last asked for messages.
    asked: BTreeMap<NodeId, Timestamp>,
    /// The associations that nodes are to fetch and run now.
    refreshes: BTreeMap<NodeId, BTreeSet<AssociationId>>,
    /// Nodes that have something new.
    woken: BTreeSet<NodeId>,
    next: u64,
}

impl Channels {
    /// Notes the token that a node's next control channel must show.
    pub(crate) fn expect(&mut self, node: NodeId, token: String) {
        self.tokens.insert(node, token);
    }

    /// Opens a control channel, if this is its token. Answers its number.
    pub(crate) fn open(&mut self, node: NodeId, token: &str) -> Option<u64> {
        if self.tokens.get(&node).is_none_or(|expected| expected != token) {
            return None;
        }
        self.tokens.remove(&node);
        self.next += 1;
        self.open.entry(node).or_default().insert(self.next);
        Some(self.next)
    }

    /// Closes a control channel.
    pub(crate) fn close(&mut self, node: NodeId, channel: u64) {
        if let Some(open) = self.open.get_mut(&node) {
            open.remove(&channel);
            if open.is_empty() {
                self.open.remove(&node);
            }
        }
    }

    /// Closes all control channels of a node.
    pub(crate) fn close_all(&mut self, node: NodeId) {
        self.open.remove(&node);
    }

    /// Whether a control channel of this node is open.
    pub(crate) fn is_open(&self, node: NodeId) -> bool {
        self.open.contains_key(&node)
    }

    /// Notes that a node asked for messages.
    pub(crate) fn note_asked(&mut self, node: NodeId, now: Timestamp) {
        self.asked.insert(node, now);
    }

    /// Whether a message would reach the node at once, by either channel.
    pub(crate) fn reaches(&self, node: NodeId, now: Timestamp) -> bool {
        let asked = self.asked.get(&node);
        self.is_open(node) || asked.is_some_and(|asked| now.since(*asked) < POLLS_AGAIN_WITHIN)
    }

    /// Has a node fetch and run an association now.
    pub(crate) fn refresh(&mut self, node: NodeId, association: AssociationId) {
        self.refreshes.entry(node).or_default().insert(association);
        self.woken.insert(node);
    }

    /// What a node is to fetch and run now.
    pub(crate) fn take_refreshes(&mut self, node: NodeId) -> BTreeSet<AssociationId> {
        self.refreshes.remove(&node).unwrap_or_default()
    }

    /// Nodes that have something new since this was last asked.
    pub(crate) fn take_woken(&mut self) -> BTreeSet<NodeId> {
        std::mem::take(&mut self.woken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_opened_once_with_the_token_that_was_given_last() {
        let node = NodeId::ec2(1);
        let mut channels = Channels::default();
        assert_eq!(channels.open(node, "a"), None, "none was made");
        channels.expect(node, "a".into());
        channels.expect(node, "b".into());
        assert_eq!(channels.open(node, "a"), None);
        let first = channels.open(node, "b").unwrap();
        assert_eq!(channels.open(node, "b"), None, "a token opens one channel");
        channels.expect(node, "c".into());
        let second = channels.open(node, "c").unwrap();
        channels.close(node, first);
        channels.close(node, first);
        assert!(channels.is_open(node), "its twin is still there");
        channels.close(node, second);
        assert!(!channels.is_open(node));
        channels.expect(node, "d".into());
        channels.open(node, "d").unwrap();
        channels.close_all(node);
        assert!(!channels.is_open(node));
    }

    #[test]
    fn a_node_that_polls_is_within_reach_for_a_while() {
        let (node, noon) = (NodeId::ec2(1), Timestamp::from_seconds(43_200));
        let mut channels = Channels::default();
        assert!(!channels.reaches(node, noon));
        channels.note_asked(node, noon);
        assert!(channels.reaches(node, noon + Period::seconds(24)));
        assert!(!channels.reaches(node, noon + Period::seconds(25)));
    }
}
