//! The one clock: what time it is, and waiting for it.
//!
//! Simulated time runs from a start at a pace of its own. Whatever else wants to
//! know the time asks here or is told; `clippy.toml` sees to it.

#![allow(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]

use std::time::{Duration, Instant, SystemTime};

use agent::client::Elapsed;
use shared::time::{Period, Timestamp};

/// The shortest wall time of a simulated time-out: a plane on a real machine needs that much.
const SHORTEST_TIMEOUT: Duration = Duration::from_secs(1);

/// Simulated time, derived from the machine's monotonic clock. Copies are the same clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    /// The wall's date at the origin.
    date: Timestamp,
    start: Timestamp,
    scale: f64,
}

impl Clock {
    /// A clock that shows `start` now and runs `scale` times as fast as the wall's.
    pub fn starting(start: Timestamp, scale: f64) -> Self {
        Self { origin: Instant::now(), date: wall_now(), start, scale }
    }

    /// The simulated instant.
    pub fn now(&self) -> Timestamp {
        self.start + Period::milliseconds((self.wall().as_secs_f64() * self.scale * 1000.0) as u64)
    }

    /// The wall's date at a simulated instant: what a body says to a plane that
    /// knows nothing of simulated time. What comes before the start is no
    /// simulated time, so it is not stretched.
    pub fn date_of(&self, instant: Timestamp) -> Timestamp {
        if instant < self.start {
            return self.date - self.start.since(instant);
        }
        let since = self.wall_at(instant).as_millis();
        self.date + Period::milliseconds(u64::try_from(since).unwrap_or(u64::MAX))
    }

    /// The simulated instant of a date that such a plane told, the way back of
    /// [`Clock::date_of`]. A date that the wall has not reached is that of a plane
    /// which runs as fast as the fleet: it stands as it is.
    pub fn instant_of(&self, date: Timestamp) -> Timestamp {
        if date > self.date + Period::milliseconds(self.wall().as_millis() as u64) {
            return date;
        }
        if date < self.date {
            return self.start - self.date.since(date);
        }
        self.start + date.since(self.date).share(self.scale)
    }

    /// The simulated instant at which something ends of which such a plane said that it
    /// will then. Where the wall has a while to go and the fleet is past it already, the plane
    /// keeps the wall's time: it lasts as long for the fleet as by the wall, so that
    /// who renews it does so as often as the real agent.
    pub fn expiry_of(&self, date: Timestamp) -> Timestamp {
        let (now, wall) = (self.now(), self.date + Period::milliseconds(self.wall().as_millis() as u64));
        if wall < date && date <= now { now + date.since(wall) } else { self.instant_of(date) }
    }

    /// Wall time since the clock's start.
    pub fn wall(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The wall time, from the clock's start, at which this instant comes.
    pub fn wall_at(&self, instant: Timestamp) -> Duration {
        self.wall_time(instant.since(self.start))
    }

    /// How much wall time a simulated period takes.
    pub fn wall_time(&self, period: Period) -> Duration {
        Duration::try_from_secs_f64(period.as_seconds() / self.scale).unwrap_or(Duration::MAX)
    }

    /// The wall time that a simulated time-out lasts: never less than a second.
    pub fn wall_timeout(&self, period: Period) -> Duration {
        self.wall_time(period).max(SHORTEST_TIMEOUT)
    }

    /// Waits for a simulated instant; for ever, if it never comes.
    pub async fn sleep_until(&self, instant: Timestamp) {
        if instant == Timestamp::NEVER {
            return std::future::pending().await;
        }
        match self.origin.checked_add(self.wall_at(instant)) {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => std::future::pending().await,
        }
    }

    /// Waits for so much wall time.
    pub async fn sleep_wall(&self, wall: Duration) {
        tokio::time::sleep(wall).await;
    }
}

impl plane::http::Clock for Clock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    async fn sleep_until(&self, at: Timestamp) {
        Self::sleep_until(self, at).await;
    }

    async fn sleep_wall(&self, wall: Duration) {
        Self::sleep_wall(self, wall).await;
    }
}

impl agent::client::Clock for Clock {
    fn wall(&self) -> Duration {
        Self::wall(self)
    }

    async fn timeout<F: Future + Send>(&self, wall: Duration, future: F) -> Result<F::Output, Elapsed> {
        tokio::time::timeout(wall, future).await.map_err(|_| Elapsed)
    }
}

/// The wall's date and time: the start of a run before a foreign plane, the name
/// of a run's directory.
pub fn wall_now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_milliseconds(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_timeout_shrinks_with_the_scale_but_not_below_a_second() {
        let clock = Clock::starting(Timestamp::from_seconds(1_000), 60.0);
        assert_eq!(clock.wall_time(Period::minutes(15)), Duration::from_secs(15));
        assert_eq!(clock.wall_timeout(Period::seconds(20)), Duration::from_secs(1));
        assert_eq!(clock.wall_at(Timestamp::from_seconds(1_060)), Duration::from_secs(1));
    }

    #[test]
    fn an_instant_has_a_date_of_the_wall_and_comes_back_from_it() {
        let second = Timestamp::from_seconds;
        let clock = Clock { date: second(5_000), ..Clock::starting(second(1_000), 60.0) };
        // simulated, wall
        for (instant, date) in [(1_000, 5_000), (1_600, 5_010), (4_600, 5_060), (400, 4_400)] {
            assert_eq!(clock.date_of(second(instant)), second(date), "{instant}");
        }
        let hour = clock.origin.checked_sub(Duration::from_secs(3_600)).expect("the machine runs for longer");
        let clock = Clock { origin: hour, ..clock };
        for (instant, date) in [(1_000, 5_000), (1_600, 5_010), (4_600, 5_060), (400, 4_400)] {
            assert_eq!(clock.instant_of(second(date)), second(instant), "{date}");
        }
        assert_eq!(clock.instant_of(second(9_000)), second(9_000), "ahead of the wall");
    }

    #[test]
    fn what_lasts_by_the_wall_lasts_as_long_for_a_fleet_that_is_ahead_of_it() {
        let second = Timestamp::from_seconds;
        let clock = Clock { date: second(5_000), ..Clock::starting(second(5_000), 60.0) };
        let hour = clock.origin.checked_sub(Duration::from_secs(3_600)).expect("the machine runs for longer");
        let clock = Clock { origin: hour, ..clock };
        // By the wall it is 8,600 now, and for the fleet 221,000.
        let lasts = clock.expiry_of(second(9_000)).since(second(221_000));
        assert!((Period::seconds(400)..Period::hours(1)).contains(&lasts), "{lasts:?}");
        assert_eq!(clock.expiry_of(second(300_000)), second(300_000), "of a plane as fast as the fleet");
        assert_eq!(clock.expiry_of(second(8_000)), clock.instant_of(second(8_000)), "it is over");
    }
}
