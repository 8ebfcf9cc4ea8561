//! The service's doors for channels of messages: each does one bounded thing
//! under the lock, as calls do.

use std::collections::BTreeSet;
use std::sync::{MutexGuard, PoisonError};

use shared::error::ApiError;
use shared::frame::Frame;
use shared::id::NodeId;
use shared::time::{Period, Timestamp};

use super::Service;
use crate::handler::channel;
use crate::listener::Listening;

impl Service {
    /// Makes a control channel for the node of this id; answers its token.
    pub fn create_control_channel(&self, node: &str) -> Result<String, ApiError> {
        channel::create(&mut self.lock(), node)
    }

    /// Opens a control channel by its first frame; answers its number, or why not.
    pub fn open_control_channel(&self, node: NodeId, first: &str) -> Result<u64, String> {
        channel::open(&mut self.lock(), node, first)
    }

    /// Notes that a control channel is closed.
    pub fn close_control_channel(&self, node: NodeId, number: u64) {
        self.lock().channels.close(node, number);
    }

    /// Notes that none of a node's control channels is open any more.
    pub fn close_control_channels(&self, node: NodeId) {
        self.lock().channels.close_all(node);
    }

    /// Some of the jobs that wait for a node, to be sent over its control channel;
    /// none once all are sent.
    pub fn jobs(&self, now: Timestamp, node: NodeId) -> Vec<Frame> {
        let mut state = self.lock();
        state.latest = state.latest.max(now);
        let jobs = channel::jobs(&mut state, now, node);
        if !jobs.is_empty() {
            self.note_change();
        }
        self.release(state);
        jobs
    }

    /// Takes in what came over a control channel; answers what goes back.
    pub fn receive(&self, now: Timestamp, node: NodeId, frame: &Frame) -> Option<Frame> {
        let mut state = self.lock();
        state.latest = state.latest.max(now);
        self.note_change();
        let answer = channel::receive(&mut state, now, node, frame);
        self.release(state);
        answer
    }

    /// When a message for this node comes out of hiding.
    pub fn next_visible(&self, node: NodeId) -> Option<Timestamp> {
        self.lock().commands.next_visible(node)
    }

    /// How long a question for messages is held.
    pub fn hold_messages(&self) -> Period {
        self.lock().config.hold_messages
    }

    /// From now on remembers which nodes have something new, for
    /// [`Self::take_followed`]: whoever moves time by hand asks for them at once.
    pub fn follow(&self) {
        self.followed().get_or_insert_default();
    }

    /// The nodes that have something new since this was last asked.
    pub fn take_followed(&self) -> BTreeSet<NodeId> {
        self.followed().as_mut().map(std::mem::take).unwrap_or_default()
    }

    fn followed(&self) -> MutexGuard<'_, Option<BTreeSet<NodeId>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Listens for what happens to a node.
    pub(crate) fn listen(&self, node: NodeId) -> Listening<'_> {
        self.listeners.listen(node)
    }
}
