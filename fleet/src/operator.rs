//! The operator: tags the nodes, makes activations, documents and associations,
//! watches.
//!
//! It uses the plane's public API and nothing else, so it works before any
//! plane. What it does is one script; [`Desk`] is where it sits: before a socket
//! in real time, or in virtual time with the coordinator, which wakes it.

mod activation;
pub mod rounds;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use agent::credentials::IdentityKind;
use agent::retry::{self, Failure};
use plane::service::{Handle, Service};
use shared::error::{ApiError, ErrorCode};
use shared::id::{ActivationId, AssociationId};
use shared::operation::Operation;
use shared::time::{Period, Timestamp};
use shared::wire::{
    AddTagsToResource, AssociationExecution, CreateDocument, DeleteAssociation,
    DescribeAssociationExecutions, GetDocument, Tag,
};

use self::rounds::KnownRounds;
use crate::fault::switchboard::Switchboard;
use crate::measure::live::LiveBoard;
use crate::plan::Plan;

/// How often the operator looks whether expected rounds are over.
const WATCH_EVERY: Period = Period::seconds(10);

/// How long the operator waits before it makes a call again that failed in
/// passing: ten minutes in all, in which a plane has long been restarted.
const WAITS: [Period; 7] = [
    Period::seconds(5),
    Period::seconds(10),
    Period::seconds(20),
    Period::seconds(40),
    Period::seconds(80),
    Period::seconds(160),
    Period::seconds(320),
];

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
    /// Nothing came back, or nothing that can be read.
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
    fn is_passing(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Refused { error, .. } => {
                retry::is_retried(Failure::Code(&error.code, error.code.http_status()))
            }
        }
    }

    /// Whether the plane may have done what it did not answer.
    fn may_be_done(&self) -> bool {
        matches!(self, Self::Failed { may_be_done: true, .. })
    }
}

/// What wakes the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// The instant it waited for.
    Due,
    /// Nodes that registered.
    Registered(Vec<u32>),
}

/// Where the operator sits.
pub trait Desk {
    /// The instant it is.
    fn now(&self) -> Timestamp;

    /// Makes one call.
    fn call<O: Handle + Clone>(&self, operation: O) -> impl Future<Output = Result<O::Reply, DeskError>>;

    /// The simulated instant of a date that the plane told: its clock need not be the fleet's.
    fn instant_of(&self, date: Timestamp) -> Timestamp {
        date
    }

    /// Waits for `due`, or for nodes to register.
    fn wake(&self, due: Timestamp) -> impl Future<Output = Wake>;
}

/// What came of the operator's work.
#[derive(Debug)]
pub struct Operator {
    plan: Arc<Plan>,
    /// The associations that were made, in the order of the plan.
    pub made: Vec<Made>,
    /// Refusals, expected or not.
    pub refusals: Vec<Refused>,
    /// What went wrong otherwise, in words; each thing once.
    pub troubles: BTreeSet<String>,
    /// How many nodes were tagged.
    pub tagged: u64,
    /// How many calls failed in passing and were made again.
    pub made_again: u64,
    /// Where faults are injected and lifted.
    pub faults: Switchboard,
    /// The tag that associations carry at a plane which is not ours.
    pub run_tag: Option<Tag>,
    /// Which rounds it knows of, for whoever follows the run.
    pub rounds: Arc<KnownRounds>,
    /// What is known of the run at the last whole second, for conditions.
    pub live: Arc<LiveBoard>,
    /// Whether it looks at all rounds from the first association on: somebody follows them.
    pub is_followed: bool,
    next: usize,
    /// The activations that were made.
    activations: Vec<ActivationId>,
    /// Nodes that registered and have no tags yet.
    to_tag: VecDeque<u32>,
}

/// An association that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Its place in the plan.
    pub planned: usize,
    /// Its id.
    pub id: AssociationId,
    /// When it was made.
    pub created: Timestamp,
}

/// An association that the plane refused, or should have.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Its place in the plan.
    pub planned: usize,
    /// The refusal; none where one was expected and did not come.
    pub error: Option<ApiError>,
}

impl Operator {
    /// An operator with this plan.
    pub fn new(plan: Arc<Plan>) -> Self {
        Self {
            faults: Switchboard::new(plan.clone()),
            plan,
            made: Vec::new(),
            refusals: Vec::new(),
            troubles: BTreeSet::new(),
            tagged: 0,
            made_again: 0,
            run_tag: None,
            rounds: Arc::default(),
            live: Arc::default(),
            is_followed: false,
            next: 0,
            activations: Vec::new(),
            to_tag: VecDeque::new(),
        }
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Works through the plan until every expected round is over. May be
    /// dropped at any wait; what was done is kept.
    pub async fn run(&mut self, desk: &impl Desk) {
        self.make_activations(desk).await;
        let mut watch_at = Timestamp::NEVER;
        loop {
            while let Some(node) = self.to_tag.pop_front() {
                self.tag(desk, node).await;
            }
            let act_at = self.next_act();
            match desk.wake(act_at.min(watch_at)).await {
                Wake::Registered(nodes) => self.to_tag.extend(nodes),
                Wake::Due if act_at <= desk.now() => {
                    self.act(desk).await;
                    let watches = self.is_followed && watch_at == Timestamp::NEVER;
                    if self.next_act() == Timestamp::NEVER || watches {
                        watch_at = whole_second(desk.now() + WATCH_EVERY);
                    }
                }
                Wake::Due => {
                    let is_over = self.is_over(desk).await;
                    if is_over && self.next_act() == Timestamp::NEVER {
                        return;
                    }
                    watch_at = whole_second(desk.now() + WATCH_EVERY);
                }
            }
        }
    }

    fn next_act(&self) -> Timestamp {
        let next = self.plan.associations.get(self.next);
        next.map_or(Timestamp::NEVER, |association| self.plan.start + association.at)
    }

    async fn tag(&mut self, desk: &impl Desk, node: u32) {
        let tags = self.plan.tags(node);
        let cohort = self.plan.identity(node).cohort(&self.plan.catalogue);
        if tags.is_empty() || cohort.identity.kind == IdentityKind::Hybrid {
            return;
        }
        let call = AddTagsToResource {
            resource_type: "ManagedInstance".into(),
            resource_id: self.plan.node_id(node).to_string(),
            tags,
        };
        match self.insist(desk, call).await {
            Ok(_) => self.tagged += 1,
            Err(error) => self.trouble(error),
        }
    }

    /// Makes a call that does no harm twice, again and again while it fails in passing.
    async fn insist<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
    ) -> Result<O::Reply, DeskError> {
        self.try_again_while(desk, operation, DeskError::is_passing).await
    }

    /// The same for a call that would do harm twice: not where it may be done already.
    async fn insist_once<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
    ) -> Result<O::Reply, DeskError> {
        self.try_again_while(desk, operation, |error| error.is_passing() && !error.may_be_done()).await
    }

    async fn try_again_while<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
        is_worth_it: impl Fn(&DeskError) -> bool,
    ) -> Result<O::Reply, DeskError> {
        for wait in WAITS {
            match desk.call(operation.clone()).await {
                Err(error) if is_worth_it(&error) => {
                    self.made_again += 1;
                    self.pause(desk, wait).await;
                }
                outcome => return outcome,
            }
        }
        desk.call(operation).await
    }

    async fn pause(&mut self, desk: &impl Desk, period: Period) {
        let until = desk.now() + period;
        while let Wake::Registered(nodes) = desk.wake(until).await {
            self.to_tag.extend(nodes);
        }
    }

    async fn create_document(&mut self, desk: &impl Desk, document: CreateDocument) {
        let (name, content) = (document.name.clone(), document.content.clone());
        match self.insist(desk, document).await {
            Err(DeskError::Refused { error, .. }) if error.code == ErrorCode::DocumentAlreadyExists => {
                self.accept_document(desk, name, &content).await;
            }
            Err(error) => self.trouble(error),
            Ok(_) => {}
        }
    }

    /// A document of this name is there: from an earlier try or an earlier run,
    /// if it says the same.
    async fn accept_document(&mut self, desk: &impl Desk, name: String, content: &str) {
        let call = GetDocument { name: name.clone(), ..GetDocument::default() };
        match self.insist(desk, call).await {
            Ok(there) if is_same_json(&there.content, content) => {}
            Ok(_) => {
                self.troubles.insert(format!("document {name} is there already, with another content"));
            }
            Err(error) => self.trouble(error),
        }
    }

    /// Deletes the associations and activations that this run made, and takes out
    /// the nodes that registered by them. (A document is left: the same
    /// one serves the next run.)
    pub async fn clear_away(&mut self, desk: &impl Desk) {
        for id in std::mem::take(&mut self.activations) {
            if let Err(error) = self.clear_activation(desk, id).await {
                tracing::warn!(activation = %id, %error, "an activation of this run is left, or a node of it");
            }
        }
        for made in self.made.clone() {
            let call = DeleteAssociation { association_id: Some(made.id), ..DeleteAssociation::default() };
            match self.insist(desk, call).await {
                Ok(_) => {}
                Err(DeskError::Refused { error, .. }) if error.code == ErrorCode::AssociationDoesNotExist => {
                }
                Err(error) => {
                    tracing::warn!(association = %made.id, %error, "an association of this run is left");
                }
            }
        }
    }

    /// Makes the next association, and before the first one the documents.
    async fn act(&mut self, desk: &impl Desk) {
        if self.next == 0 {
            for document in self.plan.documents.clone() {
                self.create_document(desk, document).await;
            }
        }
        let planned = self.next;
        self.next += 1;
        let association = &self.plan.associations[planned];
        let is_refusal_expected = association.refusal.is_some();
        let mut request = association.request.clone();
        request.tags = self.run_tag.clone().map(|tag| vec![tag]);
        match self.insist_once(desk, request).await {
            Ok(reply) => {
                if is_refusal_expected {
                    self.refusals.push(Refused { planned, error: None });
                }
                match reply.association_description.association_id {
                    Some(id) if !is_refusal_expected => {
                        self.rounds.made(id, self.plan.associations[planned].name());
                        self.made.push(Made { planned, id, created: desk.now() });
                    }
                    Some(_) => {}
                    None => {
                        self.troubles.insert("CreateAssociation brought no AssociationId".into());
                    }
                }
            }
            Err(DeskError::Refused { error, .. }) => {
                self.refusals.push(Refused { planned, error: Some(error) });
            }
            Err(error) => self.trouble(error),
        }
    }

    fn trouble(&mut self, error: DeskError) {
        self.troubles.insert(error.to_string());
    }

    /// Whether each association has come through its rounds.
    async fn is_over(&mut self, desk: &impl Desk) -> bool {
        let mut is_over = true;
        for made in self.made.clone() {
            let wanted = self.plan.associations[made.planned].rounds as usize;
            match executions(desk, made.id).await {
                Ok(executions) => {
                    let dates = executions.iter().filter_map(|execution| execution.created_time);
                    let dispatched = dates.map(|date| desk.instant_of(date)).collect();
                    self.rounds.looked(made.id, dispatched, desk.now());
                    is_over &= executions.iter().filter(|execution| is_terminal(execution)).count() >= wanted;
                    if !is_over && !self.is_followed {
                        return false;
                    }
                }
                Err(error) if error.is_passing() => {
                    // The next look is the next try.
                    self.made_again += 1;
                    return false;
                }
                Err(error) => {
                    self.trouble(error);
                    return false;
                }
            }
        }
        is_over
    }
}

fn is_same_json(one: &str, other: &str) -> bool {
    let read = |text| serde_json::from_str::<serde_json::Value>(text);
    matches!((read(one), read(other)), (Ok(one), Ok(other)) if one == other)
}

/// Whether nothing more is to come of an execution.
pub fn is_terminal(execution: &AssociationExecution) -> bool {
    !matches!(execution.status.as_str(), "Pending" | "InProgress")
}

/// All executions of an association, oldest first.
pub async fn executions(
    desk: &impl Desk,
    association: AssociationId,
) -> Result<Vec<AssociationExecution>, DeskError> {
    let mut all = Vec::new();
    let mut next_token = None;
    loop {
        let call = DescribeAssociationExecutions {
            association_id: association,
            filters: None,
            max_results: Some(50),
            next_token: next_token.clone(),
        };
        let page = desk.call(call).await?;
        all.extend(page.association_executions);
        match next_page::<DescribeAssociationExecutions>(next_token, page.next_token)? {
            Some(token) => next_token = Some(token),
            None => break,
        }
    }
    // Newest first by the API reference; the sort keeps that where a plane gives no instants.
    all.reverse();
    all.sort_by_key(|execution| execution.created_time);
    Ok(all)
}

/// Where to go on, if there is more. A page that leads to itself would never end.
pub fn next_page<O: Operation>(
    asked: Option<String>,
    told: Option<String>,
) -> Result<Option<String>, DeskError> {
    let told = told.filter(|token| !token.is_empty());
    if told.is_some() && told == asked {
        let reason = "the same page comes again and again".to_owned();
        return Err(DeskError::Failed { operation: O::NAME, reason, may_be_done: true });
    }
    Ok(told)
}

/// The next whole second: conditions are evaluated then.
fn whole_second(instant: Timestamp) -> Timestamp {
    Timestamp::from_seconds(instant.milliseconds().div_euclid(1000) + 1)
}

/// The operator's place in virtual time. The coordinator owns the plane and the
/// clock, and polls the operator when it is due.
pub struct VirtualDesk<'a> {
    service: Cell<&'a Service>,
    now: Cell<Timestamp>,
    due: Cell<Timestamp>,
    registered: RefCell<VecDeque<(Timestamp, u32)>>,
}

impl<'a> VirtualDesk<'a> {
    /// A place before this plane.
    pub fn new(service: &'a Service, now: Timestamp) -> Self {
        Self {
            service: Cell::new(service),
            now: Cell::new(now),
            due: Cell::new(Timestamp::NEVER),
            registered: RefCell::default(),
        }
    }

    /// From here on this plane is asked: it was started anew with what the other one kept.
    pub fn move_to(&self, service: &'a Service) {
        self.service.set(service);
    }

    /// When the operator has something to do.
    pub fn next_due(&self) -> Timestamp {
        let registered = self.registered.borrow().front().map_or(Timestamp::NEVER, |(at, _)| *at);
        self.due.get().min(registered)
    }

    pub(crate) fn set_now(&self, now: Timestamp) {
        self.now.set(now);
    }

    /// Tells of nodes that registered; the news takes a while.
    pub(crate) fn registered(&self, nodes: Vec<(Timestamp, u32)>, takes: Period) {
        if nodes.is_empty() {
            return;
        }
        let mut registered = self.registered.borrow_mut();
        registered.extend(nodes.into_iter().map(|(at, node)| (at + takes, node)));
        registered.make_contiguous().sort_unstable();
    }
}

impl Desk for VirtualDesk<'_> {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        self.service
            .get()
            .call(self.now.get(), operation)
            .map_err(|error| DeskError::Refused { operation: O::NAME, error })
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
