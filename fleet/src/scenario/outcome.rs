//! How documents go for a while, as a scenario writes it.

use agent::catalogue::Behaviour;
use agent::distribution::{Distribution, InvalidDistribution};
use agent::fault::Share;
use serde::Deserialize;
use shared::time::Period;

use super::takes::Takes;

/// How documents go for a while. It goes before what a cohort's behaviours say;
/// what it does not say, the steps' own commands say.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outcome {
    /// The document's name; any document if not said.
    pub document: Option<String>,
    /// The step's name; any step if not said.
    pub step: Option<String>,
    /// How long a step takes.
    pub takes: Option<Takes>,
    /// Whether steps take longer than they may.
    pub times_out: bool,
    /// The share of runs that fail.
    pub fails: Share,
    /// The exit code of the step that fails; 1 if not said.
    pub exit_code: Option<i32>,
    /// What a step writes to its standard output.
    pub output: Option<String>,
    /// What a step that fails writes to its standard error.
    pub error: Option<String>,
    /// How long a node is away when a step asks for a reboot; 90 s if not said.
    pub reboot: Option<Period>,
}

/// No step may take longer than two days.
const LONGER_THAN_ANY: Period = Period::days(3);

impl Outcome {
    /// Whether its times can be meant.
    pub fn check(&self) -> Result<(), InvalidDistribution> {
        self.takes.map_or(Ok(()), |takes| takes.0.check().map(|_| ()))
    }

    /// What it means to a node.
    pub fn meant(&self) -> Behaviour {
        let standard = Behaviour::default();
        let takes = self.takes.map(|takes| takes.0);
        Behaviour {
            document: self.document.clone(),
            step: self.step.clone(),
            takes: if self.times_out { Some(Distribution::Constant(LONGER_THAN_ANY)) } else { takes },
            fails: self.fails,
            exit_code: self.exit_code.unwrap_or(standard.exit_code),
            output: self.output.clone(),
            error: self.error.clone(),
            reboot: self.reboot.unwrap_or(standard.reboot),
            ..standard
        }
    }
}
