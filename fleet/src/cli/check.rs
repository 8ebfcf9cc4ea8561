//! `ssm-fleet check`: whether a scenario is one, and all that is wrong if not.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::variant::{Foreseen, Variant};
use crate::report::words::{count, counted};

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
        let Foreseen { loaded, plan, notes } = self.variant.foresee(&self.scenario)?;
        let scenario = &loaded.scenario;
        let counts = [
            (scenario.documents.len(), "document", "documents"),
            (plan.associations.len(), "association", "associations"),
            (scenario.timeline.len(), "entry of the timeline", "entries of the timeline"),
            (plan.faults.windows().len(), "fault", "faults"),
            (plan.thresholds.len(), "threshold", "thresholds"),
        ];
        let nodes = counted(u64::from(plan.nodes()), "node");
        let mut text =
            format!("{} is valid: {nodes} in {}", self.scenario, counted(plan.sizes.len() as u64, "cohort"));
        for (number, one, many) in counts.into_iter().filter(|(number, ..)| *number > 0) {
            text.push_str(&format!(", {} {}", count(number as u64), if number == 1 { one } else { many }));
        }
        text.push('\n');
        for note in notes {
            let _ = writeln!(text, "note: {note}");
        }
        io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)?;
        Ok(Exit::Passed)
    }
}
