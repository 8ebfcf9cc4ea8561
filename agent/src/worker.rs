//! The worker process: what is lost when it ends, and when it begins anew.
//!
//! The core agent keeps the registration and the credentials; health, polls and
//! runs are the worker's. It looks after the worker once a minute (`worker_check_every`), and starts it
//! again if it is gone (core/workerprovider). A document that is being worked off
//! has a process of its own, which goes on meanwhile.

use shared::time::Timestamp;

use crate::lane::LaneName;
use crate::lifecycle::{Lifecycle, WORKER_START};
use crate::node::{Fatality, Node, Note, Turn};

impl Node {
    /// The worker dies: everything that it held in memory is gone, and whatever
    /// answers still come are late.
    pub(crate) fn die(&mut self, fatality: Fatality, turn: &mut Turn<'_>) {
        let Lifecycle::Online { since } = self.lifecycle else { return };
        turn.note(Note::WorkerDied(fatality));
        self.known.clear();
        self.poll = None;
        self.detach_run();
        self.asked_twice = false;
        for name in [LaneName::Health, LaneName::Associations, LaneName::Execution] {
            let lane = self.lane(name);
            lane.outstanding = None;
            lane.due = Timestamp::NEVER;
        }
        if let Some(messaging) = &mut self.messaging {
            messaging.forget();
        }
        self.lifecycle = Lifecycle::Starting;
        let began = since - WORKER_START;
        let every = self.identity.cohort(turn.catalogue).timing.worker_check_every;
        let looks = turn.now.since(began).as_milliseconds() / every.as_milliseconds().max(1) + 1;
        self.lane(LaneName::Health).due = began + every * looks + WORKER_START;
    }
}
