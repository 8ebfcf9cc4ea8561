//! The one door to the plane: calls, and the plane's own timers.
//!
//! All of the state is behind one lock, and whoever holds it does one bounded
//! thing: a call, or one piece of engine work. So there is one order of
//! everything, and a typed call and the same call in bytes do the same.

mod channel;
mod fault;
mod restart;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use shared::error::{ApiError, ErrorBody, ErrorCode};
use shared::id::NodeId;
use shared::operation::Operation;
use shared::seed::Seed;
use shared::time::Timestamp;
use shared::wire::{
    AddTagsToResource, CancelCommand, CreateActivation, CreateAssociation, CreateAssociationBatch,
    CreateDocument, DeleteActivation, DeleteAssociation, DeleteDocument, DeregisterManagedInstance,
    DescribeActivations, DescribeAssociation, DescribeAssociationExecutionTargets,
    DescribeAssociationExecutions, DescribeAutomationExecutions, DescribeDocument,
    DescribeEffectiveInstanceAssociations, DescribeInstanceAssociationsStatus, DescribeInstanceInformation,
    DescribeInstanceProperties, GetAutomationExecution, GetCalendarState, GetCommandInvocation, GetDocument,
    GetInventory, GetParameters, ListAssociationVersions, ListAssociations, ListCommandInvocations,
    ListCommands, ListComplianceItems, ListComplianceSummaries, ListDocumentVersions, ListDocuments,
    ListInventoryEntries, ListResourceComplianceSummaries, ListTagsForResource, RemoveTagsFromResource,
    SendCommand, StartAssociationsOnce, UpdateAssociation, UpdateDocument, UpdateDocumentDefaultVersion,
    UpdateManagedInstanceRole,
};
use tokio::sync::Notify;
use tracing::error;

use crate::auth::{Caller, Guard, Place, Signed};
use crate::config::{AdminAccess, PlaneConfig};
use crate::engine;
use crate::fault::Verdict;
pub use crate::handler::Handle;
use crate::handler::world;
pub use crate::handler::world::WorldChange;
pub(crate) use crate::handler::world::WorldKind;
use crate::listener::Listeners;
use crate::route;
use crate::snapshot::{self, RestoreError, SnapshotError};
use crate::state::State;
use crate::state::world::{InvalidWorld, World};
use crate::validate;
pub use restart::{Memory, RestartError};

/// The operations by which people define what is to be.
const DEFINITIONS: &[&str] = &[
    AddTagsToResource::NAME,
    CancelCommand::NAME,
    CreateActivation::NAME,
    CreateAssociation::NAME,
    CreateAssociationBatch::NAME,
    CreateDocument::NAME,
    DeleteActivation::NAME,
    DeleteAssociation::NAME,
    DeleteDocument::NAME,
    DeregisterManagedInstance::NAME,
    RemoveTagsFromResource::NAME,
    SendCommand::NAME,
    StartAssociationsOnce::NAME,
    UpdateAssociation::NAME,
    UpdateDocument::NAME,
    UpdateDocumentDefaultVersion::NAME,
    UpdateManagedInstanceRole::NAME,
];

/// The operations that only look. That an agent asks for its associations is
/// none of them: what it is told is noted.
const LOOKS: &[&str] = &[
    DescribeActivations::NAME,
    DescribeAssociation::NAME,
    DescribeAssociationExecutionTargets::NAME,
    DescribeAssociationExecutions::NAME,
    DescribeAutomationExecutions::NAME,
    DescribeDocument::NAME,
    DescribeEffectiveInstanceAssociations::NAME,
    DescribeInstanceAssociationsStatus::NAME,
    DescribeInstanceInformation::NAME,
    DescribeInstanceProperties::NAME,
    GetAutomationExecution::NAME,
    GetCalendarState::NAME,
    GetCommandInvocation::NAME,
    GetDocument::NAME,
    GetInventory::NAME,
    GetParameters::NAME,
    ListAssociationVersions::NAME,
    ListAssociations::NAME,
    ListCommandInvocations::NAME,
    ListCommands::NAME,
    ListComplianceItems::NAME,
    ListComplianceSummaries::NAME,
    ListDocumentVersions::NAME,
    ListDocuments::NAME,
    ListInventoryEntries::NAME,
    ListResourceComplianceSummaries::NAME,
    ListTagsForResource::NAME,
];

/// The control plane.
#[derive(Debug)]
pub struct Service {
    state: Mutex<State>,
    /// Checks signatures, without the state's lock.
    guard: Guard,
    /// Told when work was put down that is due before all other.
    earlier: Notify,
    /// Told when somebody defined something.
    defined: Notify,
    /// Counts what may have changed the state, under its lock. That a request got
    /// an id is no change.
    changes: AtomicU64,
    /// Told of nodes that have something new.
    listeners: Listeners,
    /// Those nodes, where somebody asks for them at once.
    followed: Mutex<Option<BTreeSet<NodeId>>>,
    /// What is made wrong with the plane on purpose.
    faults: fault::Standing,
    /// What the faults' draws follow from.
    seed: Seed,
}

/// An answer as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The body, AWS JSON 1.1.
    pub body: Vec<u8>,
    /// The value of `x-amzn-RequestId`, a UUID.
    pub request_id: String,
}

impl Service {
    /// A plane to which nothing has happened yet.
    pub fn new(config: PlaneConfig) -> Self {
        Self::with(State::new(config))
    }

    fn with(state: State) -> Self {
        let PlaneConfig { signatures, signature_skew: skew, seed, .. } = state.config;
        let guard = Guard { signatures, skew, vault: Arc::clone(&state.vault) };
        Self {
            state: Mutex::new(state),
            guard,
            earlier: Notify::new(),
            defined: Notify::new(),
            changes: AtomicU64::new(0),
            listeners: Listeners::default(),
            followed: Mutex::default(),
            faults: fault::Standing::default(),
            seed,
        }
    }

    /// Does a call. Applies no timers. The requests of agents are trusted to
    /// be well-formed, as types guarantee most of it; all others are checked
    /// against the service's constraints first.
    pub fn call<O: Handle>(&self, now: Timestamp, operation: O) -> Result<O::Reply, ApiError> {
        self.call_for(now, Caller::Account, operation)
    }

    /// The same, in this name.
    pub fn call_for<O: Handle>(
        &self,
        now: Timestamp,
        caller: Caller,
        operation: O,
    ) -> Result<O::Reply, ApiError> {
        if !O::IS_TRUSTED {
            let request = serde_json::to_value(&operation)
                .map_err(|error| ApiError::new(ErrorCode::SerializationException, error.to_string()))?;
            validate::check(O::NAME, &request)?;
        }
        self.handle(now, caller, operation)
    }

    /// Does a call whose request was checked, unless a fault has it otherwise.
    pub(crate) fn handle<O: Handle>(
        &self,
        now: Timestamp,
        caller: Caller,
        operation: O,
    ) -> Result<O::Reply, ApiError> {
        match self.judge(now, caller, &operation) {
            Verdict::Proceed => self.carry_out(now, caller, operation),
            Verdict::Refuse(refusal) => Err(refusal),
            Verdict::Drop => self.forget(now, caller, operation),
            Verdict::Stale(name, by) => self.look_back(now, caller, operation, &name, by),
        }
    }

    fn carry_out<O: Handle>(
        &self,
        now: Timestamp,
        caller: Caller,
        operation: O,
    ) -> Result<O::Reply, ApiError> {
        let mut state = self.lock();
        state.latest = state.latest.max(now);
        if !LOOKS.contains(&O::NAME) {
            self.before_change(&state, now);
            self.note_change();
        }
        let before = state.timers.first();
        let outcome = operation.handle_for(&mut state, now, caller);
        let after = state.timers.first();
        self.release(state);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.earlier.notify_one();
        }
        if outcome.is_ok() && DEFINITIONS.contains(&O::NAME) {
            self.defined.notify_one();
        }
        outcome
    }

    /// Does the call of this `X-Amz-Target` with this body. Whatever the bytes,
    /// there is an answer.
    pub fn respond(&self, now: Timestamp, target: &str, body: &[u8]) -> Response {
        self.respond_for(now, Caller::Account, target, body)
    }

    /// Does the call of a request, if its signature is as it should be.
    pub fn respond_signed(&self, now: Timestamp, headers: &HeaderMap, body: &[u8]) -> Response {
        match self.caller_of(now, Signed { place: Place::API, headers, body }) {
            Ok(caller) => {
                let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
                self.respond_for(now, caller, target.unwrap_or_default(), body)
            }
            Err(refusal) => self.refuse(&refusal),
        }
    }

    /// In whose name a request is made, if its signature is as it should be.
    pub(crate) fn caller_of(&self, now: Timestamp, request: Signed<'_>) -> Result<Caller, ApiError> {
        self.guard.caller(now, request, |node| self.lock().nodes.public_key(node))
    }

    /// In whose name a node calls with credentials that this plane gave it,
    /// where there are no bytes to sign.
    pub fn session(&self, now: Timestamp, access_key_id: &str, token: &str) -> Result<Caller, ApiError> {
        self.guard.session(now, access_key_id, token)
    }

    /// Whether a signature of this date is taken for one of now, where there are
    /// no bytes to sign.
    pub fn check_signing_date(&self, now: Timestamp, said: Timestamp) -> Result<(), ApiError> {
        self.guard.check_signing_date(now, said)
    }

    /// The same as [`Self::respond`], in this name.
    pub fn respond_for(&self, now: Timestamp, caller: Caller, target: &str, body: &[u8]) -> Response {
        let request_id = self.lock().draw_request_id();
        let answer = || match route::find(target) {
            Some(route) => route(self, now, caller, body),
            None => Err(ApiError::from(ErrorCode::UnknownOperationException)),
        };
        let outcome = catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|_| {
            error!(target, "a call panicked");
            Err(ApiError::new(ErrorCode::InternalServerError, "the call could not be carried out"))
        });
        match outcome {
            Ok(body) => Response { status: 200, body, request_id },
            Err(refusal) => self.refusal(&refusal, request_id),
        }
    }

    /// The answer to a request that is refused before it is a call.
    pub(crate) fn refuse(&self, refusal: &ApiError) -> Response {
        self.refusal(refusal, self.draw_request_id())
    }

    /// A refusal as it goes over the wire.
    fn refusal(&self, refusal: &ApiError, request_id: String) -> Response {
        let mut body = ErrorBody::from(refusal);
        if refusal.code.message_member().is_none() && self.lock().config.bare_refusals {
            body.message.clear();
        }
        let body = serde_json::to_vec(&body).expect("two texts can be written");
        Response { status: refusal.code.http_status(), body, request_id }
    }

    /// When the plane next has work of its own to do.
    pub fn next_timer(&self) -> Option<Timestamp> {
        self.lock().timers.first()
    }

    /// Does the work that is due at `now` or before, in its order, with what
    /// it brings about for that time. The lock is free between its pieces.
    pub fn run_timers(&self, now: Timestamp) {
        while self.run_timer(now) {}
    }

    /// Does the first piece of work that is due at `now` or before. Answers
    /// whether there was one.
    pub fn run_timer(&self, now: Timestamp) -> bool {
        let mut state = self.lock();
        self.before_change(&state, now);
        let Some(work) = state.timers.take_due(now) else { return false };
        state.latest = state.latest.max(now);
        self.note_change();
        engine::run(&mut state, now, work);
        self.release(state);
        true
    }

    /// Waits until work was put down that is due before all other.
    pub(crate) async fn earlier_timer(&self) {
        self.earlier.notified().await;
    }

    /// Waits until somebody defined something: unlike a node, which reports
    /// again, they will not do so twice.
    pub(crate) async fn defined(&self) {
        self.defined.notified().await;
    }

    /// The state as bytes, from which [`Self::restore`] makes an equal plane.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let (copy, _) = self.copy();
        Ok(snapshot::seal(&snapshot::write(&copy)?))
    }

    /// The same with the count of changes that it has, or nothing if that is the
    /// count that is known.
    pub(crate) fn snapshot_after(&self, known: Option<u64>) -> Result<Option<(u64, Vec<u8>)>, SnapshotError> {
        if known == Some(self.changes.load(Ordering::Acquire)) {
            return Ok(None);
        }
        let (copy, changes) = self.copy();
        Ok(Some((changes, snapshot::seal(&snapshot::write(&copy)?))))
    }

    /// A copy of the state, with its count of changes: nobody waits for the
    /// writing, which takes far longer than the copy.
    fn copy(&self) -> (State, u64) {
        let state = self.lock();
        (state.copy(), self.changes.load(Ordering::Acquire))
    }

    /// Counts a change. The state is locked, and the change may follow: whoever
    /// reads the count before that has the state before it as well, or waits.
    fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// A plane that goes on where a snapshot was taken. Settings come from
    /// `config`, not from the snapshot.
    pub fn restore(config: PlaneConfig, bytes: &[u8]) -> Result<Self, RestoreError> {
        snapshot::read(config, bytes).map(Self::with)
    }

    /// The latest instant at which a call or the plane's own work was done.
    pub fn latest(&self) -> Timestamp {
        self.lock().latest
    }

    /// What other services know.
    pub fn world(&self) -> World {
        world::show(&self.lock())
    }

    /// One thing that other services know, by its name.
    pub(crate) fn world_entry(&self, kind: WorldKind, name: &str) -> Option<serde_json::Value> {
        world::show_one(&self.lock(), kind, name)
    }

    /// Changes what other services know. What follows for nodes and
    /// associations is put down for the engine.
    pub fn change_world(&self, now: Timestamp, change: WorldChange) -> Result<(), InvalidWorld> {
        let mut state = self.lock();
        state.latest = state.latest.max(now);
        self.before_change(&state, now);
        self.note_change();
        world::change(&mut state, now, change)?;
        drop(state);
        self.earlier.notify_one();
        self.defined.notify_one();
        Ok(())
    }

    /// The id of the next request.
    pub(crate) fn draw_request_id(&self) -> String {
        self.lock().draw_request_id()
    }

    /// Who may use the admin API.
    pub(crate) fn admin_access(&self) -> AdminAccess {
        self.lock().config.admin_access
    }

    /// The state, to be looked at.
    #[cfg(test)]
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.lock()
    }

    /// The largest body that is read, in bytes.
    pub fn max_body(&self) -> usize {
        self.lock().config.max_body
    }

    /// How many commands wait for a node, after a recount of them all.
    #[cfg(test)]
    pub(crate) fn commands_waiting(&self, node: shared::id::NodeId) -> usize {
        self.lock().commands.recounted(node).len()
    }

    /// Gives the state back, and tells those who listen for nodes that have something new.
    fn release(&self, mut state: MutexGuard<'_, State>) {
        let (commands, channels) = (state.commands.take_woken(), state.channels.take_woken());
        drop(state);
        if commands.is_empty() && channels.is_empty() {
            return;
        }
        let woken = commands.union(&channels).copied();
        if let Some(followed) = &mut *self.followed.lock().unwrap_or_else(PoisonError::into_inner) {
            followed.extend(woken.clone());
        }
        self.listeners.tell(woken);
    }

    /// The state. A panic under the lock left it in some order: one call's
    /// work may be missing, the rest of the fleet goes on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
