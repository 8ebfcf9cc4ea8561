//! `ssm-fleet check`: whether a scenario is one, and all that is wrong if not.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::variant::Variant;
use crate::run::VIRTUAL_START;

/// Say whether a scenario is valid, and all that is wrong with it if not
#[derive(Debug, Args)]
pub struct Check {
    /// Scenario file, or the name of a built-in scenario
    scenario: String,
    #[command(flatten)]
    variant: Variant,
}

impl Check {
    /// Reads the scenario and makes its plan.
    pub fn run(self) -> Result<Exit, Failure> {
        let loaded = self.variant.load(&self.scenario)?;
        let scenario = &loaded.scenario;
        self.variant.check(scenario, scenario.plane.guest_of.is_some())?;
        let plan = self.variant.plan(&loaded, VIRTUAL_START)?;
        let mut text = format!(
            "{} is valid: {} nodes in {} cohorts, {} documents, {} associations, {} entries of the timeline, \
             {} faults, {} thresholds\n",
            self.scenario,
            plan.nodes(),
            plan.sizes.len(),
            scenario.documents.len(),
            plan.associations.len(),
            scenario.timeline.len(),
            plan.faults.windows().len(),
            plan.thresholds.len(),
        );
        for note in self.variant.left_open(scenario, &plan) {
            let _ = writeln!(text, "note: {note}");
        }
        io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)?;
        Ok(Exit::Passed)
    }
}
