//! The faults that the embedded plane carries out: they are let stand and lifted
//! there as their windows open and close.
//!
//! Whom such a fault strikes the plane knows by the ids of nodes; a fault for
//! everybody has no list.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::credentials::IdentityKind;
use agent::identity::Identity;
use plane::fault::Injection;
use plane::service::{Service, WorldChange};
use plane::state::world::{Instance, InstanceState};
use shared::time::{Period, Timestamp};

use super::selection::Selection;
use super::told::Teller;
use super::{Board, FaultError, Window};
use crate::churn::{Lives, Replaced};
use crate::plan::Plan;

/// Which windows stand at the plane.
#[derive(Debug)]
pub struct Carried {
    plan: Arc<Plan>,
    standing: BTreeMap<u32, String>,
    /// Up to when the board was followed.
    followed: Timestamp,
    /// Tells the plane of nodes that are no valid instances.
    teller: Teller,
    lives: Lives,
}

impl Carried {
    /// Nothing stands before the plan begins.
    pub fn new(plan: Arc<Plan>) -> Self {
        let followed = plan.start - Period::milliseconds(1);
        let teller = Teller::new(&plan.faults);
        Self { plan, standing: BTreeMap::new(), followed, teller, lives: Lives::default() }
    }

    /// When the next fault of the plane begins or ends.
    pub fn next_edge(&self, board: &Board) -> Timestamp {
        let windows = of_plane(board).filter(|window| window.from < window.until);
        let edges = windows.flat_map(|window| [window.from, window.until]);
        let edge = edges.filter(|edge| *edge > self.followed).min().unwrap_or(Timestamp::NEVER);
        edge.min(self.teller.next(board))
    }

    /// A node ended for good: the plane is told of a terminated instance, and of what
    /// is wrong with the one that takes its place.
    pub fn replaced(&mut self, replaced: &Replaced, board: &Board, service: &Service, now: Timestamp) {
        let node = replaced.successor();
        self.lives.meet(node);
        if node.cohort(&self.plan.catalogue).identity.kind == IdentityKind::Ec2 {
            let terminated = Instance { state: InstanceState::Terminated, tags: None };
            // By its own id, even if it called under another one's: that one lives on.
            let id = self.plan.id_of(replaced.node);
            let changes = [Some(WorldChange::Instance(id, Some(terminated))), self.plan.declared(node)];
            for change in changes.into_iter().flatten() {
                // An id that is none of EC2 is that of nobody the plane knows.
                _ = service.change_world(now, change);
            }
            self.teller.tell_of(&self.plan, node, board, service, now);
        }
        self.aim_anew(replaced.node, node, board, service);
    }

    /// Faults that stand for some nodes strike this one from now on as they struck the one
    /// before it, and go on where they are: no bucket of tokens is full again.
    fn aim_anew(&self, before: Identity, node: Identity, board: &Board, service: &Service) {
        let (gone, come) = (self.plan.id_of(before), self.plan.id_of(node));
        for (number, name) in &self.standing {
            if board.windows()[*number as usize].on.contains(node) {
                service.aim_fault(name, gone, come);
            }
        }
    }

    /// Lets stand at the plane what is in force now, and lifts what is not.
    pub fn follow(&mut self, board: &Board, service: &Service, now: Timestamp) {
        self.followed = now;
        self.teller.tell((&self.plan, &self.lives), board, service, now);
        let is_in_force = |number: &u32| {
            board.windows().get(*number as usize).is_some_and(|window| window.is_in_force(now))
        };
        self.standing.retain(|number, name| {
            let stays = is_in_force(number);
            if !stays {
                service.lift_fault(name);
            }
            stays
        });
        for window in of_plane(board).filter(|window| window.is_in_force(now)) {
            if self.standing.contains_key(&window.number) {
                continue;
            }
            let Some(fault) = window.fault.of_plane() else { continue };
            let injection = Injection { fault, nodes: ids(&self.plan, &self.lives, &window.on) };
            match service.inject_fault(now, &window.name, injection) {
                Ok(()) => _ = self.standing.insert(window.number, window.name.to_string()),
                // It was checked when the plan was made.
                Err(error) => {
                    tracing::error!(fault = %window.name, %error, "a fault of the plane cannot stand")
                }
            }
        }
    }
}

fn of_plane(board: &Board) -> impl Iterator<Item = &Window> {
    board.windows().iter().map(|window| &**window).filter(|window| window.fault.of_plane().is_some())
}

/// The ids of the nodes that are meant; none where all are.
fn ids(plan: &Plan, lives: &Lives, on: &Selection) -> Option<std::collections::BTreeSet<shared::id::NodeId>> {
    let is_meant = |number: &u32| on.contains(plan.identity(*number));
    if (0..plan.nodes()).all(|number| is_meant(&number)) {
        return None;
    }
    Some((0..plan.nodes()).filter(is_meant).map(|number| lives.node_id(plan, number)).collect())
}

/// Whether the plane can tell these nodes from others.
pub(super) fn check(plan: &Plan, on: &Selection) -> Result<(), FaultError> {
    let identities = || (0..plan.nodes()).map(|number| plan.identity(number));
    if identities().all(|identity| on.contains(identity)) {
        return Ok(());
    }
    let cohorts = &plan.catalogue.cohorts;
    let is_hybrid = |cohort: u16| cohorts[usize::from(cohort)].identity.kind == IdentityKind::Hybrid;
    match identities().find(|identity| is_hybrid(identity.cohort) && on.contains(*identity)) {
        Some(identity) => Err(FaultError::NoIdYet(identity.cohort(&plan.catalogue).name.clone())),
        None => Ok(()),
    }
}
