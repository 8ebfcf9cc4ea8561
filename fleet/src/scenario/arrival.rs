//! When the nodes of a cohort arrive, as a scenario writes it.

use serde::Deserialize;
use shared::time::Period;

/// When the nodes of a cohort arrive.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// All at the start of the run.
    AtOnce,
    /// Evenly over a time.
    Ramp(Ramp),
    /// So many a second, in the order of their indices.
    Rate(Rate),
    /// All are switched on at once, and boot as long as machines do: half of them
    /// in 40 s, a few in well over a minute.
    BootStorm(BootStorm),
    /// Around an instant.
    Normal(Around),
}

/// Evenly over a time.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ramp {
    /// Over what time.
    pub over: Period,
    /// From when on; the start of the run if not said.
    #[serde(default)]
    pub after: Period,
}

/// So many a second.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many arrive in a second.
    pub per_second: f64,
    /// From when on; the start of the run if not said.
    #[serde(default)]
    pub after: Period,
}

/// All are switched on at once.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootStorm {
    /// When they are switched on; at the start of the run if not said.
    #[serde(default)]
    pub after: Period,
}

/// Around an instant.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Around {
    /// The instant, from the start of the run.
    pub at: Period,
    /// The standard deviation: two thirds come no farther from the instant.
    pub deviation: Period,
}
