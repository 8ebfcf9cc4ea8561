//! `ssm-fleet check`: whether a scenario is one, and all that is wrong if not.

use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::run;
use crate::plan::{Overrides, Plan};
use crate::report::words::{count, counted};
use crate::run::VIRTUAL_START;
use crate::scenario::Scenario;

/// Say whether a scenario is valid, and all that is wrong with it if not
#[derive(Debug, Args)]
pub struct Check {
    /// Scenario file, or the name of a built-in scenario
    scenario: String,
    /// A value of the scenario by its path, such as cohorts.web.nodes=500; may be
    /// given again
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
}

impl Check {
    /// Reads the scenario and makes its plan.
    pub fn run(self) -> Result<Exit, Failure> {
        let loaded = Scenario::load_with(&self.scenario, &self.set)?;
        run::check_scenario(&loaded.scenario)?;
        let plan = Plan::new(&loaded.scenario, &Overrides::default(), VIRTUAL_START);
        let plan = plan.map_err(|error| Failure::of_plan(&loaded, error))?;
        let counts = [
            (loaded.scenario.documents.len(), "document", "documents"),
            (plan.associations.len(), "association", "associations"),
            (loaded.scenario.timeline.len(), "entry of the timeline", "entries of the timeline"),
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
        io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)?;
        Ok(Exit::Passed)
    }
}
