//! When each node arrives: a function of its cohort's arrival, its index and its draws.

use agent::distribution::{Distribution, LogNormal, Normal};
use shared::seed::Draw;
use shared::time::Period;

use super::PlanError;
use crate::scenario::{self, Arrival};

/// How long machines boot until their agent starts.
const BOOT: Distribution = Distribution::LogNormal(LogNormal { median: Period::seconds(40), sigma: 0.35 });

/// Refuses an arrival at which nobody would arrive.
pub(super) fn check(cohort: &scenario::Cohort) -> Result<(), PlanError> {
    match cohort.arrival {
        Some(Arrival::Rate(rate)) if !(rate.per_second > 0.0 && rate.per_second <= 1e6) => {
            Err(PlanError::ArrivalRate {
                cohort: cohort.name.clone(),
                per_second: rate.per_second.to_string(),
            })
        }
        _ => Ok(()),
    }
}

/// How long after the start of the run the node of this index arrives.
pub(super) fn after(arrival: Arrival, index: u32, draw: Draw) -> Period {
    match arrival {
        Arrival::AtOnce => Period::ZERO,
        Arrival::Ramp(ramp) => ramp.after + ramp.over.share(even_place(index)),
        Arrival::Rate(rate) => {
            rate.after + Period::milliseconds((f64::from(index) * 1000.0 / rate.per_second) as u64)
        }
        Arrival::BootStorm(storm) => storm.after + boots(draw),
        Arrival::Normal(around) => {
            let around = Normal { mean: around.at, deviation: around.deviation };
            Distribution::Normal(around).period(draw, "arrives", 0)
        }
    }
}

/// How long a machine with these draws boots until its agent starts.
pub(crate) fn boots(draw: Draw) -> Period {
    BOOT.period(draw, "boots", 0)
}

/// Where in a ramp a node arrives, from 0 to 1. Steps by the golden section are
/// even over the ramp and mix the cohorts.
pub(super) fn even_place(number: u32) -> f64 {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    u64::from(number).wrapping_mul(GOLDEN) as f64 / u64::MAX as f64
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;
    use crate::scenario::Scenario;

    fn arrivals(arrival: &str) -> Vec<f64> {
        let text = format!(
            "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 1000, \
             arrival: {arrival}}}]}}"
        );
        let scenario = Scenario::parse("x", &text).expect("it is well written");
        let arrival = scenario.cohorts[0].arrival.expect("it is said");
        let mut all: Vec<_> =
            (0..1000).map(|index| after(arrival, index, Seed(1).draw("a", index.into()))).collect();
        all.sort();
        [99, 499, 899].map(|place: usize| all[place].as_seconds()).to_vec()
    }

    #[test]
    fn nodes_arrive_as_their_cohort_says() {
        let cases = [
            ("at-once", [0.0, 0.0, 0.0], 0.0),
            ("{ ramp: { over: 1000s, after: 1m } }", [160.0, 560.0, 960.0], 2.0),
            ("{ rate: { per_second: 10 } }", [9.9, 49.9, 89.9], 0.0),
            ("{ boot-storm: { after: 10s } }", [35.5, 50.0, 72.6], 3.0),
            ("{ normal: { at: 10m, deviation: 1m } }", [523.0, 600.0, 677.0], 8.0),
        ];
        for (arrival, expected, within) in cases {
            let found = arrivals(arrival);
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() <= within, "{arrival}: {found} is not about {expected}");
            }
        }
    }

    #[test]
    fn a_rate_at_which_nobody_arrives_is_refused() {
        for rate in ["0", "-1"] {
            let text = format!(
                "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 1, \
                 arrival: {{rate: {{per_second: {rate}}}}}}}]}}"
            );
            let scenario = Scenario::parse("x", &text).expect("it is well written");
            assert!(check(&scenario.cohorts[0]).is_err(), "{rate}");
        }
    }
}
