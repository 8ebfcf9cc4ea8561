//! What the plane is told of nodes that are no valid instances: what AWS knows of
//! an instance, no call of the node's makes true.

use agent::catalogue::Cohort;
use agent::credentials::IdentityKind;
use agent::fault::named::Cause;
use agent::fault::strike::Strike;
use agent::fault::{NodeFault, Share};
use agent::identity::{Identity, node_id};
use plane::service::WorldChange;
use plane::state::world::{Instance, InstanceState};

use super::Plan;
use super::timeline::PlannedAct;

impl Plan {
    /// The fault, if there is one, that takes a plane which is told of it: what AWS
    /// knows of an instance no call makes true at somebody else's plane.
    pub fn told_to_the_plane(&self) -> Option<Cause> {
        let is_told = |cause: &Cause| cause.is_told_to_the_plane();
        let lifelong = self.catalogue.cohorts.iter().find_map(|cohort| {
            let shares = Cause::ALL.iter().skip(1).zip(cohort.faults.other_causes);
            shares.filter(|(_, share)| *share != Share::NONE).map(|(cause, _)| *cause).find(is_told)
        });
        let injected = self.timeline.iter().filter_map(|entry| match &entry.act {
            PlannedAct::Inject(window) => Some(&window.fault),
            _ => None,
        });
        let windows = self.faults.windows().iter().map(|window| &window.fault);
        let for_a_while = windows.chain(injected).find_map(|fault| match fault.strike() {
            Some(Strike::InvalidInstance(cause)) => Some(cause).filter(is_told),
            _ => None,
        });
        lifelong.or(for_a_while)
    }

    /// Tells the embedded plane of those nodes that are no valid instances for as
    /// long as they live: only it can know that.
    pub(super) fn declare_instances(&mut self) {
        let is_told = |cohort: &Cohort| cohort.faults.other_causes.iter().any(|share| *share != Share::NONE);
        if !self.catalogue.cohorts.iter().any(is_told) {
            return;
        }
        for number in 0..self.nodes() {
            match self.declared(self.identity(number)) {
                Some(WorldChange::Denied(id, true)) => _ = self.plane.world.denied_nodes.insert(id),
                Some(WorldChange::Instance(id, Some(instance))) => {
                    self.plane.world.instances.insert(id, instance);
                }
                _ => {}
            }
        }
    }

    /// What the embedded plane is told of a node that is no valid instance for as long as it lives.
    pub fn declared(&self, node: Identity) -> Option<WorldChange> {
        let cohort = node.cohort(&self.catalogue);
        let fault = cohort.faults.of(self.catalogue.seed, node.number);
        let Some(NodeFault::InvalidInstance(cause)) = fault else { return None };
        if cohort.identity.kind == IdentityKind::Hybrid {
            return None;
        }
        let id = node_id(node.draw(&self.catalogue), None);
        let state = match cause {
            Cause::NoPermission => return Some(WorldChange::Denied(id, true)),
            Cause::AgentStopped => InstanceState::Running,
            Cause::ShuttingDown => InstanceState::ShuttingDown,
            Cause::Terminated => InstanceState::Terminated,
            Cause::NeverRegistered | Cause::Deregistered => return None,
        };
        let tags = self.tags(node.number).into_iter().map(|tag| (tag.key, tag.value)).collect();
        let tags = (cause == Cause::AgentStopped).then_some(tags);
        Some(WorldChange::Instance(id, Some(Instance { state, tags })))
    }
}
