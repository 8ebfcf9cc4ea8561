//! `ssm-fleet check`: whether a scenario is one, and all that is wrong if not.

use std::io::{self, Write};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::run;
use crate::plan::{Overrides, Plan};
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
        let scenario = Scenario::load_with(&self.scenario, &self.set)?.scenario;
        run::check_scenario(&scenario)?;
        let plan = Plan::new(&scenario, &Overrides::default(), VIRTUAL_START)?;
        let text = format!(
            "{} is valid: {} nodes in {} cohorts, {} documents, {} associations, {} faults\n",
            self.scenario,
            plan.nodes(),
            plan.sizes.len(),
            plan.documents.len(),
            plan.associations.len(),
            plan.faults.windows().len(),
        );
        io::stdout().write_all(text.as_bytes()).map_err(Failure::Output)?;
        Ok(Exit::Passed)
    }
}
