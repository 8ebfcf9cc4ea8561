//! How long a node waits after a failure before it asks again.
//!
//! As the core agent's registrar and credential refresher have it. `draw`s are
//! numbers from 0 to below 1.

use shared::error::ErrorCode;
use shared::time::Period;

use crate::call::Outcome;

/// Why there are no credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The plane does not want this machine: nothing that passes soon.
    Barred,
    /// The plane said no otherwise, or had a fault.
    Service,
    /// Nothing came back.
    Silence,
}

impl Failure {
    /// What an outcome is, unless it is good.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Refused(error, _) => Some(match error.code {
                ErrorCode::MachineFingerprintDoesNotMatch | ErrorCode::AccessDeniedException => Self::Barred,
                _ => Self::Service,
            }),
            Outcome::Unreadable(_) => Some(Self::Service),
            Outcome::Unreachable => Some(Self::Silence),
            _ => None,
        }
    }
}

/// How often it is asked again at once where nothing came back.
pub const AT_ONCE: u8 = 5;

/// The waits between those: 0.1 s, and each twice the one before.
pub fn at_once(retry: u8) -> Period {
    Period::milliseconds(100) * (1 << retry.min(AT_ONCE))
}

/// The same for the registration by an activation, which has up to a fifth more or less.
pub fn registration_at_once(retry: u8, draw: f64) -> Period {
    let wait = at_once(retry);
    wait.share(0.8) + wait.share(0.4 * draw)
}

/// The longest wait of a hybrid node.
const LONGEST: Period = Period::seconds(1800);
/// Past this the real agent doubles no more.
const DOUBLINGS: u8 = 16;

/// How long a hybrid node waits after so many failures before this one
/// (agent/credentialrefresher).
pub fn hybrid(failure: Failure, failures: u8, draws: [f64; 2]) -> Period {
    let base = Period::seconds(1 << failures.min(DOUBLINGS));
    let fifth = Period::seconds(base.share(0.2).as_milliseconds().div_ceil(1000));
    let wait = match failure {
        Failure::Barred => return barred(draws[0]),
        Failure::Service => {
            base + fifth.share(draws[0]) + Period::seconds(10) + Period::seconds(10).share(draws[1])
        }
        Failure::Silence => base + fifth.share(draws[0]),
    };
    if wait > LONGEST { LONGEST - Period::seconds(300).share(draws[0]) } else { wait }
}

/// How long an instance waits: 5 min, then 10, 20 and 40 thrice each, then an
/// hour, and up to a tenth less.
pub fn instance(failure: Failure, failures: u8, draw: f64) -> Period {
    if failure == Failure::Barred {
        return barred(draw);
    }
    let minutes = match failures {
        0 => 5,
        1..=3 => 10,
        4..=6 => 20,
        7..=9 => 40,
        _ => 60,
    };
    let wait = Period::minutes(minutes);
    wait - wait.share(draw / 10.0)
}

fn barred(draw: f64) -> Period {
    Period::minutes(25) + Period::seconds(300).share(draw)
}

/// How long after a failed registration an instance tries again: max(15, 2^n) s
/// and up to a fifth more (core agent, EC2 registrar).
pub fn registration(failures: u8, draw: f64) -> Period {
    let base = Period::seconds(15.max(1u64 << failures.min(DOUBLINGS)));
    base + base.share(0.2 * draw)
}

#[cfg(test)]
mod tests {
    use shared::error::ApiError;

    use super::*;

    #[test]
    fn a_failure_is_known_by_its_name() {
        let refused = |name: &str| Outcome::Refused(ApiError::from(ErrorCode::from(name)), 400);
        let cases = [
            (refused("MachineFingerprintDoesNotMatch"), Some(Failure::Barred)),
            (refused("AccessDeniedException"), Some(Failure::Barred)),
            (refused("InvalidInstanceId"), Some(Failure::Service)),
            (refused("InternalServerError"), Some(Failure::Service)),
            (Outcome::Unreadable(503), Some(Failure::Service)),
            (Outcome::Unreachable, Some(Failure::Silence)),
            (Outcome::Done, None),
        ];
        for (outcome, expected) in cases {
            assert_eq!(Failure::of(&outcome), expected, "{outcome:?}");
        }
    }

    #[test]
    fn a_hybrid_node_waits_twice_as_long_each_time_up_to_half_an_hour() {
        use Failure::{Barred, Service, Silence};
        let cases = [
            // (failure, failures before, draws) -> seconds
            (Barred, 0, [0.0, 0.0], 1500.0),
            (Barred, 9, [0.5, 0.9], 1650.0),
            (Service, 0, [0.0, 0.0], 11.0),
            (Service, 0, [0.5, 0.5], 16.5),
            (Service, 4, [0.5, 0.0], 28.0),
            (Service, 10, [0.0, 0.0], 1034.0),
            (Service, 11, [0.0, 0.0], 1800.0),
            (Service, 11, [0.5, 0.0], 1650.0),
            (Service, 255, [0.999, 0.0], 1500.3),
            (Silence, 0, [0.0, 0.9], 1.0),
            (Silence, 3, [0.5, 0.9], 9.0),
            (Silence, 16, [0.0, 0.0], 1800.0),
        ];
        for (failure, failures, draws, seconds) in cases {
            let wait = hybrid(failure, failures, draws);
            assert_eq!(
                wait,
                Period::milliseconds((seconds * 1000.0) as u64),
                "{failure:?} {failures} {draws:?}"
            );
        }
    }

    #[test]
    fn an_instance_climbs_a_ladder() {
        let minutes: Vec<u64> = (0..13)
            .map(|failures| instance(Failure::Service, failures, 0.0).as_milliseconds() / 60_000)
            .collect();
        assert_eq!(minutes, [5, 10, 10, 10, 20, 20, 20, 40, 40, 40, 60, 60, 60]);
        assert_eq!(instance(Failure::Silence, 1, 0.5), Period::milliseconds(570_000));
        assert_eq!(instance(Failure::Barred, 1, 0.5), Period::seconds(1650));
    }

    #[test]
    fn what_brought_nothing_is_asked_again_at_once_five_times() {
        let waits: Vec<u64> = (0..AT_ONCE).map(|retry| at_once(retry).as_milliseconds()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600]);
        assert_eq!(registration_at_once(1, 0.0), Period::milliseconds(160));
        assert_eq!(registration_at_once(1, 0.5), Period::milliseconds(200));
    }

    #[test]
    fn registration_is_tried_again_ever_later() {
        assert_eq!(registration(0, 0.0), Period::seconds(15));
        assert_eq!(registration(4, 0.5), Period::milliseconds(17_600));
        assert_eq!(registration(99, 1.0), Period::milliseconds(78_643_200));
    }
}
