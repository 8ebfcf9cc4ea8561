//! What a run made at a plane that is not ours is taken away again at its end.
//!
//! Each thing is deleted by a call that is made again while it fails in passing. Once
//! one has failed for as long as one waits, the others are asked for once: a plane that
//! is gone would keep whoever waits for the end ten minutes for each of them.

use plane::service::Handle;

use super::{Desk, DeskError, Operator};

impl Operator {
    /// Takes away what this run made at a plane that is not ours: associations,
    /// documents, commands that are under way, tags that the timeline put on
    /// nodes, activations and the nodes that registered by them.
    pub async fn clear_away(&mut self, desk: &impl Desk) {
        self.clear_activations(desk).await;
        self.clear_associations(desk).await;
        self.clear_documents(desk).await;
        self.clear_acts(desk).await;
    }

    /// Makes a call by which something is taken away.
    pub(super) async fn clear<O: Handle + Clone>(
        &mut self,
        desk: &impl Desk,
        operation: O,
    ) -> Result<O::Reply, DeskError> {
        if self.left.is_given_up {
            return desk.attend(operation).await;
        }
        let outcome = self.insist(desk, operation).await;
        self.left.is_given_up = outcome.as_ref().is_err_and(DeskError::is_passing);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plane::config::PlaneConfig;
    use plane::service::Service;
    use shared::id::AssociationId;
    use shared::time::{Period, Timestamp};

    use super::super::{Made, Order, OrderError, VirtualDesk, Wake};
    use super::*;
    use crate::plan::{Overrides, Plan};
    use crate::scenario::Scenario;

    /// A place where time passes as soon as somebody waits.
    struct Hurried<'a>(VirtualDesk<'a>);

    impl Desk for Hurried<'_> {
        fn now(&self) -> Timestamp {
            self.0.now()
        }

        async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
            self.0.call(operation).await
        }

        async fn attend<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
            self.0.attend(operation).await
        }

        async fn order(&self, order: Order) -> Result<(), OrderError> {
            self.0.order(order).await
        }

        async fn wake(&self, due: Timestamp) -> Wake {
            self.0.set_now(due);
            self.0.wake(due).await
        }
    }

    #[tokio::test]
    async fn a_plane_that_is_gone_is_waited_for_once() {
        let scenario = Scenario::load("first-look").expect("it is built in");
        let start = Timestamp::from_seconds(1_735_689_600);
        let mut plan = Plan::new(&scenario, &Overrides::default(), start).expect("it makes a plan");
        // Nothing of the plan itself is left to happen.
        plan.timeline.clear();
        let plan = Arc::new(plan);
        let service = Service::new(PlaneConfig::default());
        for (is_down, waited) in [(false, Period::ZERO), (true, Period::seconds(635))] {
            let mut operator = Operator::new(plan.clone());
            let made = |bits| Made {
                planned: 0,
                id: AssociationId::from_bits(bits),
                created: start,
                is_gone: false,
            };
            operator.made = (1..=50).map(made).collect();
            operator.left.documents = vec!["one".to_owned(), "two".to_owned()];
            let desk = Hurried(VirtualDesk::new(&service, start));
            desk.0.set_plane_down(is_down);
            operator.clear_away(&desk).await;
            assert_eq!(desk.now().since(start), waited);
            assert!(operator.left.documents.is_empty(), "each was asked for");
        }
    }
}
