//! The last calls of a run: what the plane knows, and what is cleared away there.
//!
//! The fleet has done its work by then, and a plane that hangs would keep whoever
//! waits for the result. So these calls are raced against the wish to end the
//! run, be it older than they are: then they have a little time left, in which a
//! plane that answers has answered.

use std::pin::Pin;
use std::time::Duration;

use crate::clock::Clock;

/// How long a survey may go on once somebody wants the run to end, in wall time.
pub(super) const SURVEY: Duration = Duration::from_secs(5);

/// How long the clearing away may go on then.
pub(super) const CLEARING: Duration = Duration::from_secs(30);

/// Who wants a run to end.
pub(super) struct Stop<'a, F> {
    wish: Pin<&'a mut F>,
    is_wished: bool,
    clock: Clock,
}

impl<'a, F: Future<Output = ()>> Stop<'a, F> {
    /// Somebody whose wish is this future.
    pub(super) fn new(wish: Pin<&'a mut F>, clock: Clock) -> Self {
        Self { wish, is_wished: false, clock }
    }

    /// Completes once the end is wished for.
    pub(super) async fn wished(&mut self) {
        if !self.is_wished {
            self.wish.as_mut().await;
            self.is_wished = true;
        }
    }

    /// Does this work, or as much of it as comes before the end is wished for and
    /// `left` in wall time has passed since.
    pub(super) async fn or_soon<T>(&mut self, left: Duration, work: impl Future<Output = T>) -> Option<T> {
        let clock = self.clock;
        let over = async {
            self.wished().await;
            clock.sleep_wall(left).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = over => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;

    use shared::time::Timestamp;

    use super::*;

    fn clock() -> Clock {
        Clock::starting(Timestamp::default(), 1.0)
    }

    #[tokio::test]
    async fn last_calls_take_their_time_while_nobody_wants_the_end() {
        let never = pin!(pending());
        let mut stop = Stop::new(never, clock());
        let slow = async { tokio::task::yield_now().await };
        assert_eq!(stop.or_soon(Duration::ZERO, slow).await, Some(()));
    }

    #[tokio::test]
    async fn last_calls_have_a_little_time_left_once_the_end_is_wished_for() {
        let wish = pin!(ready(()));
        let mut stop = Stop::new(wish, clock());
        let answers = async {
            tokio::task::yield_now().await;
            7
        };
        assert_eq!(stop.or_soon(Duration::from_secs(3600), answers).await, Some(7));
        assert_eq!(stop.or_soon(Duration::ZERO, pending::<()>()).await, None, "a plane that hangs");
        // The wish is older now than what is done.
        stop.wished().await;
        assert_eq!(stop.or_soon(Duration::ZERO, pending::<()>()).await, None);
    }
}
