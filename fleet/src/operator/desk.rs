//! Where the operator sits: before a socket in real time, or in virtual time with
//! the coordinator, which wakes it.
//!
//! From there it calls the plane's public API, and gives orders that change the
//! circumstances of a run: the world, the embedded plane, how many nodes there are.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;

use agent::identity::Identity;
use agent::retry::{self, Failure};
use plane::auth::Caller;
use plane::service::{Handle, Memory, Service, WorldChange};
use shared::error::ApiError;
use shared::time::{Period, Timestamp};

use crate::history::record::Act;
use crate::plan::timeline::PlannedScale;

/// Why the operator's call brought no reply.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DeskError {
    /// The plane said no.
    #[error("{operation} refused: {error}")]
    Refused {
        /// The operation's name.
        operation: &'static str,
        /// The refusal.
        error: ApiError,
    },
    /// What came back is neither a reply nor a refusal.
    #[error("{operation} was answered with {look}")]
    Odd {
        /// The operation's name.
        operation: &'static str,
        /// What it looks like.
        look: String,
        /// Its HTTP status.
        status: u16,
    },
    /// Nothing came back.
    #[error("no reply to {operation}: {reason}")]
    Failed {
        /// The operation's name.
        operation: &'static str,
        /// What went wrong.
        reason: String,
        /// Whether the plane may have done it all the same.
        may_be_done: bool,
    },
}

impl DeskError {
    /// Whether the same call may fare better later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            // A page, or a way elsewhere, is there the next time too.
            Self::Odd { status, .. } => *status >= 500,
            Self::Refused { error, .. } => {
                retry::is_retried(Failure::Code(&error.code, error.code.http_status()))
            }
        }
    }

    /// Whether the plane may have done what it did not answer.
    pub(super) fn may_be_done(&self) -> bool {
        matches!(self, Self::Failed { may_be_done: true, .. } | Self::Odd { .. })
    }
}

/// What wakes the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// The instant it waited for.
    Due,
    /// Nodes that registered.
    Registered(Vec<Identity>),
}

/// A change of circumstances, which is no call of the plane's API.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// What other services know changes.
    ChangeWorld(WorldChange),
    /// The embedded plane goes down and is started anew.
    RestartPlane {
        /// How long nobody answers.
        downtime: Period,
        /// What it knows afterwards.
        memory: Memory,
    },
    /// Nodes come or go.
    Scale(PlannedScale),
}

/// Why an order was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// The world cannot be so.
    #[error("{0}")]
    World(String),
    /// Only a plane of our own takes such orders.
    #[error("only the embedded plane does that")]
    Foreign,
    /// Who carries it out is gone: the run ends.
    #[error("the run ends")]
    Over,
}

/// How long the operator waits for a reply.
pub(crate) const REPLY_WITHIN: Period = Period::minutes(15);

/// Where the operator sits.
pub trait Desk {
    /// The instant it is.
    fn now(&self) -> Timestamp;

    /// Makes one call, which faults of the embedded plane strike as they strike anybody's.
    fn call<O: Handle + Clone>(&self, operation: O) -> impl Future<Output = Result<O::Reply, DeskError>>;

    /// Makes one call that the run itself needs, and that is no part of what is
    /// rehearsed: no fault of the embedded plane strikes it.
    fn attend<O: Handle + Clone>(&self, operation: O) -> impl Future<Output = Result<O::Reply, DeskError>>;

    /// The simulated instant of a date that the plane told: its clock need not be the fleet's.
    fn instant_of(&self, date: Timestamp) -> Timestamp {
        date
    }

    /// Has an order carried out.
    fn order(&self, order: Order) -> impl Future<Output = Result<(), OrderError>>;

    /// Waits for `due`, or for nodes to register.
    fn wake(&self, due: Timestamp) -> impl Future<Output = Wake>;

    /// Tells what is done to the world, and is no call, to whoever writes it down.
    /// Where faults begin and end need not be told: the board says that.
    fn tell(&self, act: Act) {
        tracing::debug!(act = act.act, name = act.name, text = act.text, "done to the world");
    }
}

/// The operator's place in virtual time. The coordinator owns the plane and the
/// clock, and polls the operator when it is due.
pub struct VirtualDesk<'a> {
    service: Cell<&'a Service>,
    now: Cell<Timestamp>,
    due: Cell<Timestamp>,
    registered: RefCell<VecDeque<(Timestamp, Identity)>>,
    /// Orders that the coordinator has not taken yet.
    orders: RefCell<VecDeque<Order>>,
    /// Whether nobody answers at the plane's address.
    is_plane_down: Cell<bool>,
    /// When the answer comes that is on its way.
    answer_at: Cell<Timestamp>,
    /// Whether its connection was cut.
    is_cut: Cell<bool>,
}

/// An answer that is on its way for as long as this is held.
struct OnItsWay<'a>(&'a Cell<Timestamp>);

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.set(Timestamp::NEVER);
    }
}

impl<'a> VirtualDesk<'a> {
    /// A place before this plane.
    pub fn new(service: &'a Service, now: Timestamp) -> Self {
        Self {
            service: Cell::new(service),
            now: Cell::new(now),
            due: Cell::new(Timestamp::NEVER),
            registered: RefCell::default(),
            orders: RefCell::default(),
            is_plane_down: Cell::new(false),
            answer_at: Cell::new(Timestamp::NEVER),
            is_cut: Cell::new(false),
        }
    }

    /// The next order that the coordinator is to carry out.
    pub(crate) fn take_order(&self) -> Option<Order> {
        self.orders.borrow_mut().pop_front()
    }

    /// From here on nobody answers at the plane's address, or somebody does again.
    pub(crate) fn set_plane_down(&self, is_down: bool) {
        self.is_plane_down.set(is_down);
        if is_down && self.answer_at.get() != Timestamp::NEVER {
            self.is_cut.set(true);
            self.answer_at.set(self.now.get());
        }
    }

    /// From here on this plane is asked: it was started anew with what the other one kept.
    pub fn move_to(&self, service: &'a Service) {
        self.service.set(service);
    }

    /// When the operator has something to do.
    pub fn next_due(&self) -> Timestamp {
        let registered = self.registered.borrow().front().map_or(Timestamp::NEVER, |(at, _)| *at);
        self.due.get().min(registered).min(self.answer_at.get())
    }

    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// Tells of nodes that registered; the news takes a while.
    pub(crate) fn registered(&self, nodes: Vec<(Timestamp, Identity)>, takes: Period) {
        if nodes.is_empty() {
            return;
        }
        let mut registered = self.registered.borrow_mut();
        registered.extend(nodes.into_iter().map(|(at, node)| (at + takes, node)));
        registered.make_contiguous().sort_unstable();
    }
}

impl VirtualDesk<'_> {
    /// Has the plane do a call in this name.
    fn ask<O: Handle>(&self, caller: Caller, operation: O) -> Result<O::Reply, DeskError> {
        if self.is_plane_down.get() {
            let reason = "connection refused".to_owned();
            return Err(DeskError::Failed { operation: O::NAME, reason, may_be_done: false });
        }
        let outcome = self.service.get().call_for(self.now.get(), caller, operation);
        outcome.map_err(|error| DeskError::Refused { operation: O::NAME, error })
    }

    /// Waits for an answer that comes so late. Says why none comes, if so.
    async fn answer_after(&self, delay: Period) -> Result<(), &'static str> {
        let at = self.now.get() + delay.min(REPLY_WITHIN);
        self.is_cut.set(false);
        self.answer_at.set(at);
        let _on_its_way = OnItsWay(&self.answer_at);
        poll_fn(|_| {
            // Whoever waits at this desk besides says so again.
            self.due.set(Timestamp::NEVER);
            let has_come = self.is_cut.get() || at <= self.now.get();
            if has_come { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        match delay {
            _ if self.is_cut.get() => Err("the connection was closed"),
            _ if delay >= REPLY_WITHIN => Err("no answer in time"),
            _ => Ok(()),
        }
    }
}

impl Desk for VirtualDesk<'_> {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        let body = || serde_json::to_vec(&operation).expect("a call can be written");
        // Nobody is late with an answer where nobody listens.
        let is_sent = !self.is_plane_down.get();
        let delay = if is_sent { self.service.get().delay(O::NAME, body) } else { Period::ZERO };
        let outcome = self.ask(Caller::Account, operation);
        if delay > Period::ZERO {
            self.answer_after(delay).await.map_err(|reason| DeskError::Failed {
                operation: O::NAME,
                reason: reason.to_owned(),
                may_be_done: true,
            })?;
        }
        outcome
    }

    async fn attend<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        self.ask(Caller::Attendant, operation)
    }

    async fn order(&self, order: Order) -> Result<(), OrderError> {
        match order {
            Order::ChangeWorld(change) => {
                let changed = self.service.get().change_world(self.now.get(), change);
                changed.map_err(|error| OrderError::World(error.to_string()))
            }
            Order::RestartPlane { .. } | Order::Scale(_) => {
                self.orders.borrow_mut().push_back(order);
                Ok(())
            }
        }
    }

    async fn wake(&self, due: Timestamp) -> Wake {
        poll_fn(|_| {
            let now = self.now.get();
            let mut registered = self.registered.borrow_mut();
            let ready = registered.partition_point(|(at, _)| *at <= now);
            if ready > 0 {
                self.due.set(Timestamp::NEVER);
                return Poll::Ready(Wake::Registered(
                    registered.drain(..ready).map(|(_, node)| node).collect(),
                ));
            }
            if due <= now {
                self.due.set(Timestamp::NEVER);
                return Poll::Ready(Wake::Due);
            }
            self.due.set(due);
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use plane::config::PlaneConfig;
    use shared::wire::ListAssociations;

    use super::*;

    #[tokio::test]
    async fn where_nobody_listens_no_fault_delays_the_answer() {
        let service = Service::new(PlaneConfig::default());
        let now = Timestamp::from_seconds(1_735_689_600);
        let fault = r#"{"fault": {"plane-latency": {"delay": "3s"}}}"#;
        let fault = serde_json::from_str(fault).expect("it is a fault");
        service.inject_fault(now, "slow", fault).expect("it can stand");
        let desk = VirtualDesk::new(&service, now);
        desk.set_plane_down(true);
        let error = desk.call(ListAssociations::default()).await.expect_err("the plane is down");
        assert_eq!(error.to_string(), "no reply to ListAssociations: connection refused");
        assert!(service.struck_calls().is_empty(), "{:?}", service.struck_calls());
    }
}
