//! What the embedded plane is told of nodes for as long as a fault strikes them.
//!
//! That an instance is terminated, or that the caller may not access it, no call
//! of a node brings about: other services of AWS know it, and the plane hears it
//! at the window's edge as it would by its admin API. A plane that is somebody
//! else's is told nothing.

use agent::credentials::IdentityKind;
use agent::fault::named::Cause;
use agent::fault::strike::Strike;
use agent::identity::Identity;
use plane::service::{Service, WorldChange};
use plane::state::world::{Instance, InstanceState};
use shared::time::Timestamp;

use super::Board;
use super::edges::{Edge, Edges};
use crate::churn::Lives;
use crate::plan::Plan;

/// Tells a plane of the nodes that are no valid instances.
#[derive(Debug)]
pub struct Teller {
    edges: Edges,
}

impl Teller {
    /// Before the first edge of this board.
    pub fn new(board: &Board) -> Self {
        Self { edges: Edges::new(board) }
    }

    /// When, on this board, there is next something to tell, or at least a window's edge.
    pub fn next(&self, board: &Board) -> Timestamp {
        self.edges.next_on(board)
    }

    /// Tells the plane what begins and ends now.
    pub fn tell(&mut self, (plan, lives): (&Plan, &Lives), board: &Board, service: &Service, now: Timestamp) {
        for edge in self.edges.pass(board, now) {
            let (window, begins) = match &edge {
                Edge::Begins(window, _) => (window, true),
                Edge::Ends(window) => (window, false),
            };
            let Some(Strike::InvalidInstance(cause)) = window.fault.strike() else { continue };
            for number in 0..plan.nodes() {
                let node = lives.identity(plan, number);
                if window.strikes(node)
                    && let Some(change) = told(plan, node, cause, begins)
                {
                    _ = service.change_world(now, change);
                }
            }
        }
    }

    /// Tells the plane what is in force for a node that takes another one's place.
    pub fn tell_of(&self, plan: &Plan, node: Identity, board: &Board, service: &Service, now: Timestamp) {
        for edge in self.edges.in_force(board) {
            if let Edge::Begins(window, strike) = &edge
                && window.strikes(node)
                && let Strike::InvalidInstance(cause) = **strike
                && let Some(change) = told(plan, node, cause, true)
            {
                _ = service.change_world(now, change);
            }
        }
    }
}

/// What the plane is told of a node that is struck so from now on, or no more.
fn told(plan: &Plan, node: Identity, cause: Cause, begins: bool) -> Option<WorldChange> {
    // Who has no id before it registers is nobody that can be told of.
    if node.cohort(&plan.catalogue).identity.kind != IdentityKind::Ec2 {
        return None;
    }
    let state = match cause {
        Cause::NoPermission => return Some(WorldChange::Denied(plan.id_of(node), begins)),
        Cause::ShuttingDown => InstanceState::ShuttingDown,
        Cause::Terminated => InstanceState::Terminated,
        Cause::NeverRegistered | Cause::AgentStopped | Cause::Deregistered => return None,
    };
    let state = if begins { state } else { InstanceState::Running };
    Some(WorldChange::Instance(plan.id_of(node), Some(Instance { state, tags: None })))
}
