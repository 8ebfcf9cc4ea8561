//! A place from which a call that fails in passing is made again.
//!
//! What the plane is asked at the end of a run is asked of a plane that may have
//! been driven to its limits; somebody else's knows no attendant.

use std::sync::atomic::{AtomicU64, Ordering};

use plane::service::Handle;
use shared::time::Timestamp;

use super::{Desk, DeskError, Order, OrderError, WAITS, Wake};

/// How often a call is made again: two and a half minutes in all.
const TIMES: usize = 5;

/// A place before a plane that is given time.
#[derive(Debug)]
pub struct Patient<'a, D> {
    desk: &'a D,
    /// How often a call is made again.
    times: usize,
    /// How many calls were made again.
    made_again: AtomicU64,
}

impl<'a, D: Desk> Patient<'a, D> {
    /// This place, with patience; with none where somebody wants the run to end.
    pub fn new(desk: &'a D, has_time: bool) -> Self {
        let times = if has_time { TIMES } else { 0 };
        Self { desk, times, made_again: AtomicU64::new(0) }
    }

    /// How many calls were made again.
    pub fn made_again(&self) -> u64 {
        self.made_again.load(Ordering::Relaxed)
    }
}

impl<D: Desk> Desk for Patient<'_, D> {
    fn now(&self) -> Timestamp {
        self.desk.now()
    }

    async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        self.desk.call(operation).await
    }

    async fn attend<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
        for wait in &WAITS[..self.times] {
            match self.desk.attend(operation.clone()).await {
                Err(error) if error.is_passing() => {
                    self.made_again.fetch_add(1, Ordering::Relaxed);
                    let until = self.desk.now() + *wait;
                    // Nodes may register still; nobody waits for that any more.
                    while self.desk.wake(until).await != Wake::Due {}
                }
                outcome => return outcome,
            }
        }
        self.desk.attend(operation).await
    }

    fn instant_of(&self, date: Timestamp) -> Timestamp {
        self.desk.instant_of(date)
    }

    async fn order(&self, order: Order) -> Result<(), OrderError> {
        self.desk.order(order).await
    }

    async fn wake(&self, due: Timestamp) -> Wake {
        self.desk.wake(due).await
    }
}

#[cfg(test)]
mod tests {
    use plane::config::PlaneConfig;
    use plane::service::Service;
    use shared::time::Period;
    use shared::wire::ListAssociations;

    use super::*;
    use crate::operator::VirtualDesk;

    /// A place where time passes as soon as somebody waits.
    struct Hurried<'a>(VirtualDesk<'a>, &'a Service, Timestamp);

    impl Desk for Hurried<'_> {
        fn now(&self) -> Timestamp {
            self.0.now()
        }

        async fn call<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
            self.0.call(operation).await
        }

        /// Somebody else's plane knows no attendant.
        async fn attend<O: Handle + Clone>(&self, operation: O) -> Result<O::Reply, DeskError> {
            self.0.call(operation).await
        }

        async fn order(&self, order: Order) -> Result<(), OrderError> {
            self.0.order(order).await
        }

        async fn wake(&self, due: Timestamp) -> Wake {
            self.0.set_now(due);
            if due >= self.2 {
                self.1.lift_fault("down");
            }
            self.0.wake(due).await
        }
    }

    #[tokio::test]
    async fn a_question_is_asked_again_until_it_is_answered() {
        let start = Timestamp::from_seconds(1_735_689_600);
        // When the plane answers again, whether there is time, whether that is soon enough, after how many calls more.
        let cases = [(0, true, true, 1), (2, true, true, 5), (3, true, false, 5), (0, false, false, 0)];
        for (minutes, has_time, is_answered, made_again) in cases {
            let service = Service::new(PlaneConfig::default());
            let fault = serde_json::from_str(r#"{"fault": {"server-error": {}}}"#).expect("it is a fault");
            service.inject_fault(start, "down", fault).expect("it can stand");
            let lifted = start + Period::minutes(minutes);
            let desk = Hurried(VirtualDesk::new(&service, start), &service, lifted);
            let desk = Patient::new(&desk, has_time);
            let answer = desk.attend(ListAssociations::default()).await;
            assert_eq!((answer.is_ok(), desk.made_again()), (is_answered, made_again), "{minutes}");
        }
    }
}
