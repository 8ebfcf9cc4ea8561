//! All connections to a plane, and who waits for one.
//!
//! The pool grows with demand: a call takes the connection that its [`Owner`] gave
//! back last, or opens another. Only at the bound do calls wait, the one first whose
//! intended instant is earliest; a connection given back, or the leave to open
//! one that another's end sets free, goes to it directly. At the bound an idle
//! connection of another owner is closed to make room. The pool neither opens
//! connections (`transport`) nor decides on time-outs (`client`).
//!
//! Invariant: while anybody waits, no connection stays idle and the bound is reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::time::Timestamp;
use tokio::sync::oneshot;

use super::Clock;
use super::transport::Connection;

/// What the pool has seen so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Connections open or being opened now.
    pub open: usize,
    /// The most at once.
    pub most_open: usize,
    /// Connections opened since the start.
    pub opened: u64,
    /// Idle connections found closed when a call wanted them, and passed over.
    pub replaced: u64,
    /// Calls that wait for a connection now.
    pub held: usize,
    /// Calls that ever had to.
    pub held_in_total: u64,
    /// The longest wait that has ended, in wall time.
    pub longest_held: Duration,
}

/// Who keeps connections for itself. The real agent has a client, and so a pool,
/// per module (agent/sdkutil); callers with the same owner share theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Owner(u64);

impl Owner {
    /// Whoever calls, where all calls share the connections.
    pub const ANYONE: Self = Self(0);

    /// A call that has a connection of its own, and gives none back.
    pub(super) const NOBODY: Self = Self(u64::MAX);

    /// A module of a node.
    pub const fn module(node: u32, module: Module) -> Self {
        Self(((node as u64 + 1) << 8) | module as u64)
    }

    /// Whether its process ends with its call, and its connection with it.
    const fn ends_at_once(self) -> bool {
        self.0 >> 8 != 0 && self.0 & 0xff == Module::Setup as u64
    }
}

/// A part of the real agent that has connections of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Module {
    /// An instance's registration and the role token, in the core process.
    Credentials,
    /// Start probe and heartbeats.
    Health,
    /// Polls, documents, reports on runs.
    Associations,
    /// Uploads of compliance.
    Compliance,
    /// What a document's own process asks and tells.
    Document,
    /// Questions for messages, and what is said of those that they bring.
    Messages,
    /// The control channel.
    ControlChannel,
    /// The setup program, which registers by an activation and is gone.
    Setup,
}

impl Module {
    /// How many a node has at most whose connections are the pool's, and so about
    /// how many of these. A control channel is a connection beside them.
    pub const COUNT: usize = 6;
}

/// An owner keeps no more idle ones (Go: `DefaultMaxIdleConnsPerHost`).
const IDLE_PER_OWNER: usize = 2;

/// Leave to use one connection.
#[derive(Debug)]
pub(super) enum Turn {
    /// Use this one.
    Reuse(Connection),
    /// Open one.
    Open(Slot),
}

/// Leave to have one connection open; dropping it passes it on.
#[derive(Debug)]
pub(super) struct Slot {
    ledger: Arc<Ledger>,
}

/// All connections to a plane; see the module.
#[derive(Debug)]
pub(super) struct Pool {
    ledger: Arc<Ledger>,
    bound: usize,
    idle_close: Duration,
}

#[derive(Debug, Default)]
struct Ledger {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In the order in which they were given back.
    idle: BTreeMap<u64, Idle>,
    /// The same by owner.
    idle_of: BTreeSet<(Owner, u64)>,
    returns: u64,
    waiting: BTreeMap<Place, Waiting>,
    arrivals: u64,
    counters: Counters,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    owner: Owner,
    since: Duration,
}

#[derive(Debug)]
struct Waiting {
    owner: Owner,
    turn: oneshot::Sender<Turn>,
}

/// A place in the queue: the intended instant, then the order of arrival.
type Place = (Timestamp, u64);

impl Pool {
    /// An empty pool of at most `bound` connections, but at least one; those
    /// idle for longer than `idle_close` of wall time are closed.
    pub(super) fn new(bound: usize, idle_close: Duration) -> Self {
        Self { ledger: Arc::default(), bound: bound.max(1), idle_close }
    }

    pub(super) fn counters(&self) -> Counters {
        let state = self.ledger.lock();
        Counters { held: state.waiting.len(), ..state.counters }
    }

    /// Counts a connection that was opened.
    pub(super) fn opened(&self) {
        self.ledger.lock().counters.opened += 1;
    }

    /// Counts a connection that was passed over.
    pub(super) fn replaced(&self) {
        self.ledger.lock().counters.replaced += 1;
    }

    /// A turn, and how long it was waited for: zero where none had to wait.
    pub(super) async fn turn<C: Clock>(&self, owner: Owner, due: Timestamp, clock: &C) -> (Turn, Duration) {
        let since = clock.wall();
        let (place, handed) = match self.turn_now(owner, due, since) {
            Ok(turn) => return (turn, Duration::ZERO),
            Err(queued) => queued,
        };
        let _wait = Wait { ledger: &self.ledger, place, since, clock };
        let turn = handed.await.expect("a place is given up by a turn only, or by the one who waits");
        (turn, clock.wall().saturating_sub(since))
    }

    /// A turn if one can be had at once, else a place in the queue.
    fn turn_now(
        &self,
        owner: Owner,
        due: Timestamp,
        now: Duration,
    ) -> Result<Turn, (Place, oneshot::Receiver<Turn>)> {
        // Closed connections are dropped after the lock: their slots take it too.
        let mut closed = Vec::new();
        let mut state = self.ledger.lock();
        state.retire(now, self.idle_close, &mut closed);
        while let Some(connection) = state.last_of(owner) {
            if !connection.is_closed() {
                return Ok(Turn::Reuse(connection));
            }
            state.counters.replaced += 1;
            closed.push(connection);
        }
        if state.counters.open < self.bound {
            state.counters.open += 1;
            state.counters.most_open = state.counters.most_open.max(state.counters.open);
            return Ok(Turn::Open(Slot { ledger: self.ledger.clone() }));
        }
        let (turn, receiver) = oneshot::channel();
        let place = (due, state.arrivals);
        state.arrivals += 1;
        state.counters.held_in_total += 1;
        state.waiting.insert(place, Waiting { owner, turn });
        // Its slot comes to whoever is first in the queue.
        closed.extend(state.oldest());
        Err((place, receiver))
    }

    /// Takes back a connection whose answer was read to its end, at `now` of the wall clock.
    pub(super) fn give_back(&self, owner: Owner, connection: Connection, now: Duration) {
        if owner.ends_at_once() {
            return;
        }
        let mut connection = connection.used();
        // One that is closed frees its slot by itself.
        while !connection.is_closed() {
            let mut closed = Vec::new();
            let mut state = self.ledger.lock();
            state.retire(now, self.idle_close, &mut closed);
            let Some(next) = state.waiting.first_entry() else {
                state.keep(Idle { connection, owner, since: now }, &mut closed);
                return;
            };
            if next.get().owner != owner {
                // Nobody uses another's connection; its end makes room for one of its own.
                return;
            }
            let Waiting { turn, .. } = next.remove();
            drop(state);
            match turn.send(Turn::Reuse(connection)) {
                Err(Turn::Reuse(refused)) => connection = refused,
                Ok(()) | Err(Turn::Open(_)) => return,
            }
        }
    }
}

impl State {
    /// Keeps a connection for its owner's next call; one too many of an owner is
    /// closed, unless all share theirs.
    fn keep(&mut self, idle: Idle, closed: &mut Vec<Connection>) {
        let owner = idle.owner;
        let kept = self.idle_of.range((owner, 0)..=(owner, u64::MAX)).take(IDLE_PER_OWNER).count();
        if owner != Owner::ANYONE && kept == IDLE_PER_OWNER {
            closed.push(idle.connection);
            return;
        }
        self.idle_of.insert((owner, self.returns));
        self.idle.insert(self.returns, idle);
        self.returns += 1;
    }

    /// The connection that this owner gave back last.
    fn last_of(&mut self, owner: Owner) -> Option<Connection> {
        let place = *self.idle_of.range((owner, 0)..=(owner, u64::MAX)).next_back()?;
        self.idle_of.remove(&place);
        self.idle.remove(&place.1).map(|idle| idle.connection)
    }

    /// The connection that has been idle for longest, whoever gave it back.
    fn oldest(&mut self) -> Option<Connection> {
        let (place, idle) = self.idle.pop_first()?;
        self.idle_of.remove(&(idle.owner, place));
        Some(idle.connection)
    }

    /// Sets aside those that were idle for too long. The oldest are at the
    /// front, so this looks at one that may stay. It happens when calls come and
    /// go: a fleet at rest leaves closing to the plane.
    fn retire(&mut self, now: Duration, idle_close: Duration, closed: &mut Vec<Connection>) {
        let is_over = |idle: &Idle| now.saturating_sub(idle.since) > idle_close;
        while self.idle.first_key_value().is_some_and(|(_, idle)| is_over(idle)) {
            closed.extend(self.oldest());
        }
    }
}

impl Ledger {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Poisoned by a panic only, and every change under the lock is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.ledger.lock();
        match state.waiting.pop_first() {
            None => state.counters.open -= 1,
            Some((_, Waiting { turn, .. })) => {
                drop(state);
                // Refused by one who has just given up, the slot is dropped again, for the next.
                let _ = turn.send(Turn::Open(Slot { ledger: self.ledger.clone() }));
            }
        }
    }
}

/// A call that waits; however that ends, its place is given up and its wait counted.
struct Wait<'a, C: Clock> {
    ledger: &'a Ledger,
    place: Place,
    since: Duration,
    clock: &'a C,
}

impl<C: Clock> Drop for Wait<'_, C> {
    fn drop(&mut self) {
        let waited = self.clock.wall().saturating_sub(self.since);
        let mut state = self.ledger.lock();
        state.waiting.remove(&self.place);
        state.counters.longest_held = state.counters.longest_held.max(waited);
    }
}
