//! How long things take that do not always take as long.
//!
//! A distribution turns draws into a period. Each draw is a number from 0 to 1,
//! so the same draws give the same period on any machine.
//!
//! Invariant: no period is below zero, and none is longer than a month.

use serde::Deserialize;
use shared::seed::Draw;
use shared::time::Period;

const LONGEST: Period = Period::days(30);

/// How a period is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distribution {
    /// Always the same.
    Constant(Period),
    /// Anything from the first to the second, each as likely.
    Uniform(Period, Period),
    /// Around a mean, either way alike; what falls below zero is zero.
    Normal(Normal),
    /// Half of them below the median, and some far above it.
    LogNormal(LogNormal),
    /// Mostly close to the least, and a few very far above it.
    Pareto(Pareto),
}

/// A normal distribution.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    /// Its middle.
    pub mean: Period,
    /// Its standard deviation: two thirds lie no farther from the middle.
    pub deviation: Period,
}

/// A log-normal distribution.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogNormal {
    /// Half lie below it.
    pub median: Period,
    /// The standard deviation of the logarithm: 0.5 is much as things are, 1 is wild.
    pub sigma: f64,
}

/// A Pareto distribution.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pareto {
    /// None lies below it.
    pub least: Period,
    /// The tail's exponent: of 1.16, a fifth takes four fifths of all the time.
    pub shape: f64,
}

/// Why a distribution cannot be drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDistribution {
    /// The least must come first.
    #[error("`uniform` has its least value first")]
    Backwards,
    /// A deviation that is none.
    #[error("`sigma` of `log-normal` lies from 0 to 10")]
    Sigma,
    /// An exponent that is none.
    #[error("`shape` of `pareto` lies above 0 and is at most 100")]
    Shape,
}

impl Distribution {
    /// Whether it can be drawn from.
    pub fn check(self) -> Result<Self, InvalidDistribution> {
        match self {
            Self::Uniform(least, most) if least > most => Err(InvalidDistribution::Backwards),
            Self::LogNormal(LogNormal { sigma, .. }) if !(0.0..=10.0).contains(&sigma) => {
                Err(InvalidDistribution::Sigma)
            }
            Self::Pareto(Pareto { shape, .. }) if !(shape > 0.0 && shape <= 100.0) => {
                Err(InvalidDistribution::Shape)
            }
            sound => Ok(sound),
        }
    }

    /// The `number`-th period for this purpose.
    pub fn period(self, draw: Draw, purpose: &str, number: u64) -> Period {
        match self {
            Self::Constant(period) => period,
            Self::Uniform(least, most) => least + draw.period(purpose, number, most - least),
            Self::Normal(Normal { mean, deviation }) => {
                let distance = deviation.as_seconds() * standard_normal(draw, purpose, number);
                seconds(mean.as_seconds() + distance)
            }
            Self::LogNormal(LogNormal { median, sigma }) => {
                seconds(median.as_seconds() * (sigma * standard_normal(draw, purpose, number)).exp())
            }
            Self::Pareto(Pareto { least, shape }) => {
                let rest = 1.0 - draw.uniform(purpose, number);
                seconds(least.as_seconds() * rest.powf(-1.0 / shape))
            }
        }
    }
}

fn seconds(seconds: f64) -> Period {
    let milliseconds = (seconds.max(0.0) * 1000.0).min(LONGEST.as_milliseconds() as f64);
    Period::milliseconds(milliseconds as u64)
}

/// By the transform of Box and Muller, from two even draws.
fn standard_normal(draw: Draw, purpose: &str, number: u64) -> f64 {
    let own = draw.part(number);
    let radius = (-2.0 * (1.0 - own.uniform(purpose, 0)).ln()).sqrt();
    radius * (std::f64::consts::TAU * own.uniform(purpose, 1)).cos()
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;

    /// The tenth, fiftieth and ninetieth of a hundred, in seconds.
    fn quantiles(distribution: Distribution) -> [f64; 3] {
        let draw = Seed(3).draw("any", 0);
        let mut drawn: Vec<_> = (0..10_000).map(|number| distribution.period(draw, "x", number)).collect();
        drawn.sort();
        [1000, 5000, 9000].map(|place| drawn[place].as_seconds())
    }

    #[test]
    fn periods_lie_as_their_distribution_has_them() {
        let second = Period::seconds;
        let cases = [
            (Distribution::Constant(second(5)), [5.0, 5.0, 5.0]),
            (Distribution::Uniform(second(10), second(20)), [11.0, 15.0, 19.0]),
            (Distribution::Normal(Normal { mean: second(30), deviation: second(5) }), [23.59, 30.0, 36.41]),
            (Distribution::Normal(Normal { mean: second(1), deviation: second(10) }), [0.0, 1.0, 13.8]),
            (Distribution::LogNormal(LogNormal { median: second(30), sigma: 0.5 }), [15.8, 30.0, 56.9]),
            (Distribution::Pareto(Pareto { least: second(10), shape: 2.0 }), [10.54, 14.14, 31.6]),
        ];
        for (distribution, expected) in cases {
            let found = quantiles(distribution);
            for (found, expected) in found.iter().zip(expected) {
                assert!(
                    (found - expected).abs() <= 0.04 * expected + 0.15,
                    "{distribution:?}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn one_that_cannot_be_drawn_from_says_why() {
        let cases = [
            (Distribution::Uniform(Period::seconds(2), Period::seconds(1)), InvalidDistribution::Backwards),
            (
                Distribution::LogNormal(LogNormal { median: Period::seconds(1), sigma: f64::NAN }),
                InvalidDistribution::Sigma,
            ),
            (
                Distribution::Pareto(Pareto { least: Period::seconds(1), shape: 0.0 }),
                InvalidDistribution::Shape,
            ),
        ];
        for (distribution, expected) in cases {
            assert_eq!(distribution.check(), Err(expected));
        }
        let tail = Distribution::Pareto(Pareto { least: Period::days(2), shape: 0.01 });
        let draw = Seed(1).draw("any", 0);
        assert!((0..100).all(|number| tail.period(draw, "x", number) <= LONGEST));
    }
}
