//! The service's doors for faults: they are let stand and lifted here, and
//! carried out around the handlers.
//!
//! A write that is lost is taken by a copy of the state, which is thrown away;
//! only the running numbers go on, for an id is never given twice. What a known
//! node reports has no other answer than that it was taken, and needs no copy.
//! A stale read is answered by a copy that is renewed once it lags behind too
//! far, before the next change is made.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use shared::error::ApiError;
use shared::id::NodeId;
use shared::operation::Operation;
use shared::time::{Period, Timestamp};
use shared::wire::{
    AddTagsToResource, CreateAssociation, DescribeEffectiveInstanceAssociations,
    DescribeInstanceAssociationsStatus, Empty, GetCommandInvocation, ListCommandInvocations, ListCommands,
    ListInventoryEntries, ListTagsForResource, RemoveTagsFromResource, UpdateManagedInstanceRole,
};

use super::{Handle, Service};
use crate::auth::Caller;
use crate::fault::{Faults, Injection, InvalidFault, PlaneFault, StaleReads, Struck, Verdict};
use crate::state::State;

/// The faults of a service, and what carrying them out needs.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Whether there is any: else nobody looks further.
    is_any: AtomicBool,
    table: Mutex<Faults>,
    /// The copies that lag behind, by the faults' names.
    replicas: Mutex<BTreeMap<String, Replica>>,
}

/// A copy of the state that lags behind.
#[derive(Debug)]
struct Replica {
    by: Period,
    /// None before the first change or look.
    copy: Option<(Timestamp, Box<State>)>,
}

impl Replica {
    /// Renews the copy, if it lags behind too far.
    fn follow(&mut self, state: &State, now: Timestamp) {
        if self.copy.as_ref().is_none_or(|(taken, _)| now.since(*taken) >= self.by) {
            self.copy = Some((now, Box::new(state.twin())));
        }
    }
}

impl Service {
    /// Lets a fault stand from now on, in the place of another of its name.
    pub fn inject_fault(&self, now: Timestamp, name: &str, injection: Injection) -> Result<(), InvalidFault> {
        let lag = match &injection.fault {
            PlaneFault::StaleReads(StaleReads { by, .. }) => Some(*by),
            _ => None,
        };
        self.fault_table().inject(name.to_owned(), injection)?;
        let state = self.lock();
        let mut replicas = self.replicas();
        replicas.remove(name);
        if let Some(by) = lag {
            let mut replica = Replica { by, copy: None };
            replica.follow(&state, now);
            replicas.insert(name.to_owned(), replica);
        }
        self.faults.is_any.store(true, Ordering::Release);
        Ok(())
    }

    /// From now on a fault that stands for some nodes strikes the calls of one that came in
    /// place of another, and goes on where it is: its buckets, its draws and its copies
    /// stay. Answers whether it stands for some.
    pub fn aim_fault(&self, name: &str, gone: NodeId, come: NodeId) -> bool {
        self.fault_table().aim(name, gone, come)
    }

    /// Lifts a fault. Answers whether it stood.
    pub fn lift_fault(&self, name: &str) -> bool {
        let mut faults = self.fault_table();
        let stood = faults.lift(name);
        self.faults.is_any.store(!faults.is_empty(), Ordering::Release);
        drop(faults);
        self.replicas().remove(name);
        stood
    }

    /// The faults that stand, by name.
    pub fn faults(&self) -> BTreeMap<String, Injection> {
        self.fault_table().show()
    }

    /// How many calls faults struck so far, those that were lifted among them.
    pub fn struck_calls(&self) -> Struck {
        self.fault_table().struck()
    }

    /// How late the answer to a call with this body goes out: whoever brings it
    /// back waits so long.
    pub fn delay<B: AsRef<[u8]>>(&self, operation: &str, body: impl FnOnce() -> B) -> Period {
        if !self.faults.is_any.load(Ordering::Acquire) {
            return Period::ZERO;
        }
        let seed = self.seed;
        let mut faults = self.fault_table();
        let read = || node_in(operation, &serde_json::from_slice(body().as_ref()).ok()?);
        let node = faults.asks_who_calls().then(read).flatten();
        faults.delay(seed, operation, node)
    }

    /// What becomes of a call by the faults that stand.
    pub(super) fn judge<O: Handle>(&self, now: Timestamp, caller: Caller, operation: &O) -> Verdict {
        if caller == Caller::Attendant || !self.faults.is_any.load(Ordering::Acquire) {
            return Verdict::Proceed;
        }
        let seed = self.seed;
        let mut faults = self.fault_table();
        let node = faults.asks_who_calls().then(|| node_of(caller, operation)).flatten();
        faults.judge(seed, now, O::NAME, node)
    }

    /// Answers a call as if it had been carried out.
    pub(super) fn forget<O: Handle>(
        &self,
        now: Timestamp,
        caller: Caller,
        operation: O,
    ) -> Result<O::Reply, ApiError> {
        let mut state = self.lock();
        let nothing: Box<dyn Any> = Box::new(Empty {});
        if let Ok(reply) = nothing.downcast::<O::Reply>() {
            let node = node_of(caller, &operation).filter(|node| !state.is_gone(*node));
            if node.is_some_and(|node| state.nodes.admitted(node).is_some()) {
                return Ok(*reply);
            }
        }
        let mut copy = state.twin();
        let outcome = operation.handle_for(&mut copy, now, caller);
        self.note_change();
        state.numbers = copy.numbers;
        outcome
    }

    /// Answers a call from the copy that lags behind under this name.
    pub(super) fn look_back<O: Handle>(
        &self,
        now: Timestamp,
        caller: Caller,
        operation: O,
        name: &str,
        by: Period,
    ) -> Result<O::Reply, ApiError> {
        let state = self.lock();
        let mut replicas = self.replicas();
        let replica = replicas.entry(name.to_owned()).or_insert(Replica { by, copy: None });
        replica.follow(&state, now);
        drop(state);
        let (_, copy) = replica.copy.as_mut().expect("it follows since a line above");
        operation.handle_for(copy, now, caller)
    }

    /// Renews the copies that lag behind too far, before the state changes.
    pub(super) fn before_change(&self, state: &State, now: Timestamp) {
        if self.faults.is_any.load(Ordering::Acquire) {
            self.replicas().values_mut().for_each(|replica| replica.follow(state, now));
        }
    }

    /// Forgets the copies: the state is another one.
    pub(super) fn forget_copies(&self) {
        self.replicas().values_mut().for_each(|replica| replica.copy = None);
    }

    fn fault_table(&self) -> MutexGuard<'_, Faults> {
        self.faults.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replicas(&self) -> MutexGuard<'_, BTreeMap<String, Replica>> {
        self.faults.replicas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node that calls: by its signature, else by what it says of itself.
fn node_of<O: Handle>(caller: Caller, operation: &O) -> Option<NodeId> {
    match caller {
        Caller::Session(node) | Caller::Key(node) => Some(node),
        Caller::Account | Caller::Attendant | Caller::Nobody => {
            node_in(O::NAME, &serde_json::to_value(operation).ok()?)
        }
    }
}

/// The operations by which people ask about a node, or change something of it: it
/// is not the node that calls.
const OF_PEOPLE: &[&str] = &[
    AddTagsToResource::NAME,
    CreateAssociation::NAME,
    DescribeEffectiveInstanceAssociations::NAME,
    DescribeInstanceAssociationsStatus::NAME,
    GetCommandInvocation::NAME,
    ListCommandInvocations::NAME,
    ListCommands::NAME,
    ListInventoryEntries::NAME,
    ListTagsForResource::NAME,
    RemoveTagsFromResource::NAME,
    UpdateManagedInstanceRole::NAME,
];

/// The node that a request names as its own.
fn node_in(operation: &str, request: &Value) -> Option<NodeId> {
    if OF_PEOPLE.contains(&operation) {
        return None;
    }
    let members = ["InstanceId", "ResourceId", "Destination"];
    members.iter().find_map(|member| request.get(member)?.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests;
