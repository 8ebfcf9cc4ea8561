//! The operator: makes happen what the plan has happen, tags the nodes, watches.
//!
//! It uses the plane's public API, so it works before any plane, and gives orders
//! where circumstances change. What it does is one script; [`Desk`] is where it
//! sits: before a socket in real time, or in virtual time with the coordinator,
//! which wakes it.
//!
//! - `agenda`: what is due when
//! - `act`: one entry of the timeline, carried out
//! - `association`, `document`, `activation`: the calls about these
//! - `clear`: what the run made is taken away again
//! - [`outcome`]: what came of an entry, held against what was expected
//! - [`patient`]: a place from which questions are asked again
//!
//! What the scenario has written it calls as anybody would, and faults of the
//! plane strike that. What the run itself needs it attends to: tags and activations
//! of nodes, and looks whether rounds are over.
//!
//! Invariant: while a call is under way or tried again, circumstances change at
//! their instants all the same: what it waits for may be the end of a fault.

mod act;
mod activation;
mod agenda;
pub(crate) mod association;
mod clear;
pub mod desk;
pub(crate) mod document;
mod last_word;
pub mod outcome;
pub mod patient;
pub mod rounds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::pin;
use std::sync::Arc;

use agent::credentials::IdentityKind;
use agent::identity::Identity;
use plane::service::Handle;
use shared::error::{ApiError, ErrorCode};
use shared::id::{ActivationId, AssociationId, NodeId};
use shared::operation::Operation;
use shared::time::{Period, Timestamp};
use shared::wire::{AddTagsToResource, Tag};

use self::agenda::Agenda;
pub use self::association::{executions, is_terminal};
pub use self::desk::{Desk, DeskError, Order, OrderError, VirtualDesk, Wake};
use self::outcome::Happened;
use self::rounds::KnownRounds;
use crate::churn::{Departed, Lives};
use crate::fault::switchboard::Switchboard;
use crate::measure::live::LiveBoard;
use crate::plan::timeline::Expected;
use crate::plan::{Plan, PlannedEntry};
use crate::progress::Narration;
use crate::report::words::elapsed;
use crate::survey::Execution;

/// How often the operator looks whether expected rounds are over.
const WATCH_EVERY: Period = Period::seconds(10);

/// How often it looks at all of them, though the timeline goes on: what was
/// measured of rounds that are past is put together by what it sees.
const LOOK_AT_ALL_EVERY: Period = Period::hours(1);

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

/// As whom the operator calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// As anybody, for the scenario.
    Calls,
    /// As who looks after the run.
    Attends,
}

/// A call that is not answered for so long is told of when the run ends amid it.
const LONG: Period = Period::minutes(1);

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
    /// The call that is to have a good end.
    under_way: Option<UnderWay>,
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
    /// What came of the timeline's entries, by their place in the plan.
    pub happened: BTreeMap<usize, Happened>,
    /// What the plane said of the rounds of associations just before they were gone.
    pub last_words: BTreeMap<AssociationId, Vec<Execution>>,
    /// Which nodes ended for good.
    pub departed: Arc<Departed>,
    /// Where lines are told.
    pub narration: Arc<Narration>,
    agenda: Agenda,
    /// When conditions were looked at last.
    looked: Timestamp,
    /// When all rounds are looked at next, though some are not over.
    look_at_all: Timestamp,
    /// What this run made or put somewhere, to be cleared away.
    left: Left,
    /// Nodes that registered and have no tags yet.
    to_tag: VecDeque<Identity>,
    /// Which incarnations it has heard of.
    lives: Lives,
}

/// A call that is made until it has a good end.
#[derive(Debug)]
struct UnderWay {
    since: Timestamp,
    operation: &'static str,
    /// What it met last, if it is to be made again.
    met: Option<DeskError>,
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
    /// Whether it is there no longer: it was deleted, or the plane lost its state.
    pub is_gone: bool,
}

/// What a run makes beside associations, and puts on nodes.
#[derive(Debug, Default)]
struct Left {
    activations: Vec<ActivationId>,
    documents: Vec<String>,
    commands: Vec<String>,
    /// The keys of tags.
    tags: Vec<(NodeId, Vec<String>)>,
    /// Whether the plane failed in passing for as long as one waits, as it was cleared away.
    is_given_up: bool,
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
            agenda: Agenda::new(plan.start, &plan.timeline),
            looked: plan.start,
            look_at_all: plan.start + LOOK_AT_ALL_EVERY,
            plan,
            made: Vec::new(),
            refusals: Vec::new(),
            troubles: BTreeSet::new(),
            tagged: 0,
            made_again: 0,
            under_way: None,
            run_tag: None,
            rounds: Arc::default(),
            live: Arc::default(),
            is_followed: false,
            happened: BTreeMap::new(),
            last_words: BTreeMap::new(),
            departed: Arc::default(),
            narration: Arc::default(),
            left: Left::default(),
            to_tag: VecDeque::new(),
            lives: Lives::default(),
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
        let plan = self.plan.clone();
        // Without an association there is no round to wait for: it goes on to its end.
        let awaits_rounds = !plan.associations.is_empty();
        let mut watch_at = Timestamp::NEVER;
        loop {
            while let Some(node) = self.to_tag.pop_front() {
                self.tag_as_planned(desk, node).await;
            }
            let look_at = self.agenda.next_look(self.looked);
            match desk.wake(self.agenda.next_due().min(look_at).min(watch_at)).await {
                Wake::Registered(nodes) => self.meet(nodes),
                Wake::Due => {
                    self.look(desk.now());
                    if let Some(place) = self.agenda.take(desk.now(), &plan.timeline) {
                        self.happen(desk, place).await;
                        if awaits_rounds && (self.agenda.is_done() || watch_at == Timestamp::NEVER) {
                            watch_at = self.next_watch(desk.now());
                        }
                    } else if watch_at <= desk.now() {
                        if self.is_over(desk).await && self.agenda.is_done() {
                            return;
                        }
                        watch_at = self.next_watch(desk.now());
                    }
                }
            }
        }
    }

    /// When it looks at rounds next: while the timeline goes on, nobody waits for them.
    fn next_watch(&self, now: Timestamp) -> Timestamp {
        let is_awaited = self.is_followed || self.agenda.is_done();
        whole_second(now + if is_awaited { WATCH_EVERY } else { LOOK_AT_ALL_EVERY })
    }

    /// Looks whether conditions hold, if it is time.
    fn look(&mut self, now: Timestamp) {
        if self.agenda.next_look(self.looked) <= now {
            self.looked = now;
            self.agenda.look(now, &self.live.read());
        }
    }

    /// Takes note of nodes that registered.
    fn meet(&mut self, nodes: Vec<Identity>) {
        nodes.iter().for_each(|node| self.lives.meet(*node));
        self.to_tag.extend(nodes);
    }

    async fn tag_as_planned(&mut self, desk: &impl Desk, node: Identity) {
        let tags = self.plan.tags(node.number);
        let cohort = node.cohort(&self.plan.catalogue);
        if tags.is_empty() || cohort.identity.kind == IdentityKind::Hybrid {
            return;
        }
        let call = AddTagsToResource {
            resource_type: "ManagedInstance".into(),
            resource_id: self.plan.id_of(node).to_string(),
            tags,
        };
        match self.insist(desk, call).await {
            Ok(_) => self.tagged += 1,
            // Where nodes end for good, one may do so before it has its tags.
            Err(DeskError::Refused { error, .. })
                if error.code == ErrorCode::InvalidResourceId
                    && self.plan.churn[usize::from(node.cohort)] > 0.0 => {}
            Err(error) => self.trouble(error),
        }
    }

    /// Makes a call for the run that does no harm twice, again and again while it fails in passing.
    async fn insist<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
    ) -> Result<O::Reply, DeskError> {
        self.try_again_while(desk, Manner::Attends, operation, DeskError::is_passing).await
    }

    /// The same for a call that would do harm twice: not where it may be done already.
    async fn insist_once<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
    ) -> Result<O::Reply, DeskError> {
        let is_worth_it = |error: &DeskError| error.is_passing() && !error.may_be_done();
        self.try_again_while(desk, Manner::Attends, operation, is_worth_it).await
    }

    /// The same for a call of the scenario, which may be refused as expected.
    async fn insist_as_expected<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
        expected: &Expected,
    ) -> Result<O::Reply, DeskError> {
        let is_worth_it =
            |error: &DeskError| error.is_passing() && !error.may_be_done() && !expected.is_met_by(error);
        self.try_again_while(desk, Manner::Calls, operation, is_worth_it).await
    }

    async fn try_again_while<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        manner: Manner,
        operation: O,
        is_worth_it: impl Fn(&DeskError) -> bool,
    ) -> Result<O::Reply, DeskError> {
        self.under_way = Some(UnderWay { since: desk.now(), operation: O::NAME, met: None });
        let outcome = self.try_until(desk, manner, operation, is_worth_it).await;
        self.under_way = None;
        outcome
    }

    async fn try_until<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        manner: Manner,
        operation: O,
        is_worth_it: impl Fn(&DeskError) -> bool,
    ) -> Result<O::Reply, DeskError> {
        for wait in WAITS {
            match self.make(desk, manner, operation.clone()).await {
                Err(error) if is_worth_it(&error) => {
                    self.made_again += 1;
                    if let Some(call) = &mut self.under_way {
                        call.met = Some(error);
                    }
                    self.pause(desk, wait).await;
                }
                outcome => return outcome,
            }
        }
        self.make(desk, manner, operation).await
    }

    /// Makes a call; circumstances change while it is under way.
    async fn make<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        manner: Manner,
        operation: O,
    ) -> Result<O::Reply, DeskError> {
        let call = async {
            match manner {
                Manner::Calls => desk.call(operation).await,
                Manner::Attends => desk.attend(operation).await,
            }
        };
        let mut call = pin!(call);
        // What was due before waits for this call: it is written after it.
        let begun = desk.now();
        loop {
            let wake = tokio::select! {
                biased;
                outcome = &mut call => return outcome,
                wake = desk.wake(self.next_change(begun)) => wake,
            };
            self.keep_up(desk, wake, begun).await;
        }
    }

    /// Waits; circumstances change all the same.
    async fn pause(&mut self, desk: &impl Desk, period: Period) {
        let until = desk.now() + period;
        let ever = self.plan.start - Period::milliseconds(1);
        loop {
            let wake = desk.wake(until.min(self.next_change(ever))).await;
            if !self.keep_up(desk, wake, ever).await && until <= desk.now() {
                return;
            }
        }
    }

    /// When, of what is due after an instant, circumstances change next, or
    /// conditions are looked at.
    fn next_change(&self, after: Timestamp) -> Timestamp {
        let is_change = |at, entry: &PlannedEntry| at > after && !entry.act.is_call();
        let change_at = self.agenda.next_due_of(&self.plan.timeline, is_change);
        change_at.min(self.agenda.next_look(self.looked))
    }

    /// Follows what woke it while it waits for something else. Says whether there was anything to do.
    async fn keep_up(&mut self, desk: &impl Desk, wake: Wake, after: Timestamp) -> bool {
        if let Wake::Registered(nodes) = wake {
            self.meet(nodes);
            return true;
        }
        self.look(desk.now());
        let is_change = |at, entry: &PlannedEntry| at > after && !entry.act.is_call();
        let change = self.agenda.take_if(desk.now(), &self.plan.timeline, is_change);
        if let Some(place) = change {
            self.change(desk, place).await;
        }
        change.is_some()
    }

    /// Tells of the call that it was about when the run ended, if that had no good
    /// end for long: nobody else does.
    pub fn leave_off(&mut self, now: Timestamp) {
        let Some(UnderWay { since, operation, met }) = self.under_way.take() else { return };
        match met {
            Some(error) => {
                self.troubles.insert(format!("{error}; it was to be made again when the run ended"));
            }
            None if now.since(since) >= LONG => {
                let waited = elapsed(Some(now.since(since)));
                self.troubles.insert(format!("no reply to {operation} in {waited}, when the run ended"));
            }
            None => {}
        }
    }

    fn trouble(&mut self, error: DeskError) {
        self.troubles.insert(error.to_string());
    }
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
