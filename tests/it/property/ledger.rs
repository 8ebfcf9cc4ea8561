//! What must hold at each instant, kept as a ledger beside the plane.
//!
//! Before and after each call that may change anything, and after each act, the
//! executions are read through the public API and held against what they were:
//! who was let in, beyond what limit, after what stop. Limits and budgets are
//! computed here anew from the percentages and the number of targets (E.1).
//!
//! A slot is taken by a target at Pending or InProgress. A node *holds an order*
//! from the poll that told it to run until its final report. What held one when
//! an execution began is carried over into it. A node that lost its tag while it
//! held one has strayed: it ends what it runs, and no slot counts it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use fleet::in_process::{Carry, InProcess};
use fleet::shard::Caller;
use plane::config::LateNodes;
use plane::service::Service;
use shared::id::{AssociationId, ExecutionId, NodeId};
use shared::time::Timestamp;
use shared::wire::{
    AssociationExecution, DescribeAssociationExecutionTargets, DescribeAssociationExecutions,
};

/// The way to the plane, and the ledger of what passed. It can be cut for a node.
pub(crate) struct Witness {
    ledger: RefCell<Ledger>,
    cut: RefCell<BTreeSet<u32>>,
}

#[derive(Default)]
struct Ledger {
    late: LateNodes,
    watched: Vec<Watched>,
    /// Nodes that were tagged after the start: they may come back.
    moved: BTreeSet<NodeId>,
}

/// MaxConcurrency and MaxErrors of a version.
pub(crate) type Terms = (&'static str, &'static str);

/// An association.
pub(crate) struct Watched {
    pub(crate) id: AssociationId,
    is_by_tag: bool,
    versions: Vec<Terms>,
    executions: BTreeMap<ExecutionId, Seen>,
    /// In the order in which they began.
    begun: Vec<ExecutionId>,
    /// Which nodes hold an order, and whether they told of its beginning.
    holders: BTreeMap<NodeId, bool>,
    strayed: BTreeSet<NodeId>,
    /// From when on how many nodes may truly run.
    pub(crate) bounds: Vec<(Timestamp, usize)>,
    pub(crate) deleted: Option<Timestamp>,
    pub(crate) stops: usize,
    pub(crate) admissions: usize,
}

/// An execution, as last seen.
struct Seen {
    limit: usize,
    budget: usize,
    rows: BTreeMap<NodeId, Standing>,
    late: BTreeSet<NodeId>,
    carried: BTreeSet<NodeId>,
    is_stopped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    is_open: bool,
    is_over: bool,
    is_error: bool,
}

/// Of so many targets a number, or a share rounded down; a limit is at least one.
fn share(text: &str, targets: usize) -> usize {
    match text.strip_suffix('%') {
        Some(percent) => targets * percent.parse::<usize>().expect("a percentage") / 100,
        None => text.parse().expect("a number"),
    }
}

fn limit(text: &str, targets: usize) -> usize {
    if text == "100%" { usize::MAX } else { share(text, targets).min(targets).max(1) }
}

impl Witness {
    pub(crate) fn new(late: LateNodes) -> Self {
        let ledger = Ledger { late, ..Ledger::default() };
        Self { ledger: RefCell::new(ledger), cut: RefCell::default() }
    }

    /// From here on nothing of this node reaches the plane, or it does again.
    pub(crate) fn cut(&self, node: u32, is_cut: bool) {
        let mut cut = self.cut.borrow_mut();
        if is_cut {
            cut.insert(node)
        } else {
            cut.remove(&node)
        };
    }

    /// An association was made, under these terms; it means nodes by their tag, or all.
    pub(crate) fn made(&self, id: AssociationId, terms: Terms, is_by_tag: bool) {
        self.ledger.borrow_mut().watched.push(Watched {
            id,
            is_by_tag,
            versions: vec![terms],
            executions: BTreeMap::new(),
            begun: Vec::new(),
            holders: BTreeMap::new(),
            strayed: BTreeSet::new(),
            bounds: Vec::new(),
            deleted: None,
            stops: 0,
            admissions: 0,
        });
    }

    /// It is about to be updated. Where it means nodes by their tag from then on,
    /// who holds an order and has no such tag strays.
    pub(crate) fn updates(
        &self,
        id: AssociationId,
        terms: Terms,
        is_by_tag: bool,
        has_tag: impl Fn(NodeId) -> bool,
    ) {
        let mut ledger = self.ledger.borrow_mut();
        let watched = ledger.watched.iter_mut().find(|watched| watched.id == id).expect("it was made");
        watched.versions.push(terms);
        watched.is_by_tag = is_by_tag;
        watched.strayed.extend(watched.holders.keys().filter(|node| is_by_tag && !has_tag(**node)));
    }

    /// It is about to be deleted.
    pub(crate) fn deletes(&self, id: AssociationId, now: Timestamp) {
        let mut ledger = self.ledger.borrow_mut();
        let watched = ledger.watched.iter_mut().find(|watched| watched.id == id).expect("it was made");
        watched.deleted = Some(now);
    }

    /// A node is about to get a tag.
    pub(crate) fn tags(&self, node: NodeId) {
        self.ledger.borrow_mut().moved.insert(node);
    }

    /// A node is about to lose its tag.
    pub(crate) fn untags(&self, node: NodeId) {
        let ledger = &mut *self.ledger.borrow_mut();
        for watched in &mut ledger.watched {
            if watched.is_by_tag && watched.holders.contains_key(&node) {
                watched.strayed.insert(node);
            }
        }
    }

    /// Looks at all executions.
    pub(crate) fn look(&self, service: &Service, now: Timestamp) {
        let ledger = &mut *self.ledger.borrow_mut();
        for watched in ledger.watched.iter_mut().filter(|watched| watched.deleted.is_none()) {
            watched.look(service, now, ledger.late, &ledger.moved);
        }
    }

    /// The associations, deleted ones among them.
    pub(crate) fn into_watched(self) -> Vec<Watched> {
        self.ledger.into_inner().watched
    }
}

impl Carry for Witness {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        by: &Signing,
        request: Request,
    ) -> Answer {
        if self.cut.borrow().contains(&caller.node) {
            return Answer::Unreachable;
        }
        let asks = match &request {
            Request::ListAssociations(call) => Some(call.instance_id),
            _ => None,
        };
        let report = match &request {
            Request::ReportStatus(report) => Some(report.clone()),
            _ => None,
        };
        let matters = asks.is_some() || report.is_some() || matches!(request, Request::Register(_));
        if matters {
            self.look(service, now);
        }
        let answer = InProcess::Typed.carry(service, now, caller, by, request);
        let ledger = &mut *self.ledger.borrow_mut();
        if let (Some(node), Answer::Associations(page)) = (asks, &answer) {
            assert_eq!(page.next_token, None, "few associations need one page");
            for watched in &mut ledger.watched {
                let told = page.associations.iter().find(|told| told.association_id == watched.id);
                watched.told(node, told.and_then(|told| told.detailed_status.as_deref()));
            }
        }
        if let Some(report) = report {
            let of = ledger.watched.iter_mut().find(|watched| watched.id == report.association_id);
            let watched = of.expect("it was made");
            if report.execution_result.status.is_terminal() {
                watched.holders.remove(&report.instance_id);
                watched.strayed.remove(&report.instance_id);
            } else {
                watched.holders.insert(report.instance_id, true);
            }
        }
        if matters {
            for watched in ledger.watched.iter_mut().filter(|watched| watched.deleted.is_none()) {
                watched.look(service, now, ledger.late, &ledger.moved);
            }
        }
        answer
    }
}

impl Watched {
    /// Notes what a node was told of it. An order that is not repeated is taken
    /// back, unless the node is at it.
    fn told(&mut self, node: NodeId, status: Option<&str>) {
        let is_at_it = self.holders.get(&node) == Some(&true);
        if status == Some("Pending") {
            self.holders.entry(node).or_insert(false);
        } else if !is_at_it {
            self.holders.remove(&node);
            self.strayed.remove(&node);
        }
    }

    fn look(&mut self, service: &Service, now: Timestamp, late: LateNodes, moved: &BTreeSet<NodeId>) {
        let executions = executions(service, now, self.id);
        for execution in executions.iter().rev() {
            let rows = rows(service, now, execution);
            // What an alarm kept from beginning is remembered, and changes nothing.
            if rows.is_empty() && execution.status == "Skipped" {
                continue;
            }
            if !self.executions.contains_key(&execution.execution_id) {
                self.begin(execution, rows);
                continue;
            }
            self.compare(execution.execution_id, rows, moved);
        }
        let Some(newest) = self.begun.last() else { return };
        let seen = &self.executions[newest];
        let open: BTreeSet<NodeId> =
            seen.rows.iter().filter(|(_, row)| row.is_open).map(|(node, _)| *node).collect();
        let carried: BTreeSet<NodeId> =
            seen.carried.iter().filter(|node| self.holders.contains_key(node)).copied().collect();
        let inside = carried.iter().filter(|node| seen.rows.contains_key(node)).count();
        let extra = match late {
            LateNodes::Run => seen.late.intersection(&open).count(),
            LateNodes::Skip => 0,
        };
        let slots = seen.limit.max(inside).saturating_add(extra);
        assert!(
            open.len() <= slots,
            "{} are let into {newest} at once, {slots} may be: {} by the limit, {inside} carried over, \
             {extra} late",
            open.len(),
            seen.limit
        );
        let beyond = self.holders.keys().filter(|node| {
            self.strayed.contains(node) || (carried.contains(node) && !seen.rows.contains_key(node))
        });
        self.bounds.push((now, slots.saturating_add(beyond.count())));
    }

    fn begin(&mut self, execution: &AssociationExecution, rows: BTreeMap<NodeId, Standing>) {
        let version: usize =
            execution.association_version.as_deref().unwrap_or("1").parse().expect("a number");
        let (concurrency, errors) = self.versions[version - 1];
        self.admissions += rows.values().filter(|row| row.is_open).count();
        let seen = Seen {
            limit: limit(concurrency, rows.len()),
            budget: share(errors, rows.len()),
            rows,
            late: BTreeSet::new(),
            carried: self.holders.keys().copied().collect(),
            is_stopped: false,
        };
        self.executions.insert(execution.execution_id, seen);
        self.begun.push(execution.execution_id);
    }

    fn compare(&mut self, id: ExecutionId, rows: BTreeMap<NodeId, Standing>, moved: &BTreeSet<NodeId>) {
        let is_newest = self.begun.last() == Some(&id);
        let seen = self.executions.get_mut(&id).expect("it was seen");
        let errors = rows.values().filter(|row| row.is_error).count();
        if errors > seen.budget && !seen.is_stopped {
            seen.is_stopped = true;
            self.stops += 1;
        }
        for (node, row) in &rows {
            let before = seen.rows.get(node);
            if before.is_none_or(|before| before.is_over && !row.is_over) {
                assert!(before.is_none() || moved.contains(node), "{node} is begun again in {id}");
                seen.late.insert(*node);
            }
            if row.is_open && !before.is_some_and(|before| before.is_open) {
                self.admissions += 1;
                assert!(is_newest, "{node} is let into {id}, which is not the newest");
                assert!(!seen.is_stopped, "{node} is let into {id} after {errors} errors");
            }
        }
        seen.rows = rows;
    }
}

/// All executions of an association that are remembered, newest first.
pub(crate) fn executions(service: &Service, now: Timestamp, id: AssociationId) -> Vec<AssociationExecution> {
    let call = DescribeAssociationExecutions {
        association_id: id,
        filters: None,
        max_results: Some(50),
        next_token: None,
    };
    service.call(now, call).expect("it is there").association_executions
}

/// How each target of an execution stands, held against the execution's own counts.
fn rows(service: &Service, now: Timestamp, execution: &AssociationExecution) -> BTreeMap<NodeId, Standing> {
    let call = DescribeAssociationExecutionTargets {
        association_id: execution.association_id,
        execution_id: execution.execution_id,
        filters: None,
        max_results: Some(50),
        next_token: None,
    };
    let rows = service.call(now, call).expect("it is there").association_execution_targets;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *counts.entry(&row.status).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{status}={count}")).collect();
    assert_eq!(
        execution.resource_count_by_status.as_deref().unwrap_or("{}"),
        format!("{{{}}}", counts.join(", ")),
        "the counts of {}",
        execution.execution_id
    );
    let standing = |status: &str, detail: Option<&str>| Standing {
        is_open: matches!(status, "Pending" | "InProgress"),
        is_over: !matches!(status, "Pending" | "InProgress" | "Queued"),
        is_error: match status {
            "Failed" => true,
            "TimedOut" => detail != Some("DeliveryTimedOut"),
            _ => false,
        },
    };
    rows.iter()
        .map(|row| {
            let node = row.resource_id.as_deref().expect("a node").parse().expect("a node's id");
            (node, standing(&row.status, row.detailed_status.as_deref()))
        })
        .collect()
}
