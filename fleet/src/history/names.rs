//! Under which ids the nodes of a fleet call, and what is wrong with them.
//!
//! An id is made from the seed whenever it is wanted; one that the plane gave
//! out is remembered. What was made lately is kept, as a node's entries come
//! close together.

use std::collections::BTreeMap;
use std::sync::Arc;

use agent::credentials::IdentityKind;
use agent::fault::NodeFault;
use agent::fault::named::Cause;
use agent::identity::{Identity, node_id};
use shared::id::NodeId;

use super::windows::Windows;
use crate::plan::Plan;

/// The most ids that are kept ready; a power of two.
const KEPT: usize = 1 << 16;

/// A node, as an entry of the history names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Its id; none of a hybrid node that has not registered.
    pub id: Option<NodeId>,
    /// What is wrong with it for life.
    pub fault: Option<NodeFault>,
}

/// The names of a fleet's nodes.
#[derive(Debug)]
pub struct Names {
    plan: Arc<Plan>,
    registered: BTreeMap<(u32, u16), NodeId>,
    lately: Vec<Option<(u32, u16, Name)>>,
    /// What is wrong with them for a while.
    pub windows: Windows,
}

impl Names {
    /// The names of this plan's nodes.
    pub fn new(plan: Arc<Plan>) -> Self {
        let kept = (plan.nodes() as usize).next_power_of_two().min(KEPT);
        let windows = Windows::new(&plan);
        Self { plan, registered: BTreeMap::new(), lately: vec![None; kept], windows }
    }

    /// A node's name.
    pub fn of(&mut self, number: u32, incarnation: u16) -> Name {
        let place = self.place(number);
        if let Some((there, life, name)) = self.lately[place]
            && (there, life) == (number, incarnation)
        {
            return name;
        }
        let name = self.make(self.identity(number, incarnation));
        self.lately[place] = Some((number, incarnation, name));
        name
    }

    /// Who the node of this number is in its so-many-eth life.
    pub fn identity(&self, number: u32, incarnation: u16) -> Identity {
        Identity { incarnation, ..self.plan.identity(number) }
    }

    fn place(&self, number: u32) -> usize {
        number as usize & (self.lately.len() - 1)
    }

    /// The plane took a node's registration under this id.
    pub fn register(&mut self, number: u32, incarnation: u16, id: NodeId) {
        if self.is_hybrid(self.plan.identity(number)) {
            self.registered.insert((number, incarnation), id);
            let place = self.place(number);
            self.lately[place] = None;
        }
    }

    fn is_hybrid(&self, identity: Identity) -> bool {
        identity.cohort(&self.plan.catalogue).identity.kind == IdentityKind::Hybrid
    }

    fn make(&self, identity: Identity) -> Name {
        let catalogue = &self.plan.catalogue;
        let fault = identity.cohort(catalogue).faults.of(catalogue.seed, identity.number);
        let never = NodeFault::InvalidInstance(Cause::NeverRegistered);
        // One that never registers calls under an id of its own making.
        let id = if self.is_hybrid(identity) && fault != Some(never) {
            self.registered.get(&(identity.number, identity.incarnation)).copied()
        } else {
            Some(node_id(identity.draw(catalogue), fault))
        };
        Name { id, fault }
    }
}

/// The word for what is wrong with a node for life, as a scenario spells it.
pub fn fault_word(fault: NodeFault) -> &'static str {
    match fault {
        NodeFault::InvalidInstance(_) => "invalid-instance",
        NodeFault::UnsupportedPlatform | NodeFault::UnknownPlatform => "unsupported-platform",
        NodeFault::FingerprintMismatch => "fingerprint-mismatch",
    }
}
