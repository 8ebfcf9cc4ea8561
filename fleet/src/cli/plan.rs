//! `ssm-fleet plan`: who would do what, and when, without doing it.

use std::io::{self, BufWriter, Write};

use clap::Args;
use shared::time::Period;

use super::exit::Exit;
use super::failure::Failure;
use super::{run, terminal, value};
use crate::outline::Outline;
use crate::plan::slice::Slice;
use crate::plan::{Overrides, Plan as Planned};
use crate::run::VIRTUAL_START;
use crate::scenario::Scenario;

/// Tell who would do what in a scenario, and when, without doing it
#[derive(Debug, Args)]
pub struct Plan {
    /// Scenario file, or the name of a built-in scenario
    scenario: String,
    /// A value of the scenario by its path, such as cohorts.web.nodes=500; may be
    /// given again
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Number of nodes, over all cohorts, such as 500, 10k or 1m
    #[arg(long, value_name = "COUNT", value_parser = value::nodes)]
    nodes: Option<u32>,
    /// The number that the whole run follows from
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Time over which the nodes arrive, such as 90s or 2m (simulated)
    #[arg(long, value_name = "TIME")]
    ramp: Option<Period>,
    /// Only one of several equal pieces of the fleet, such as 3/8
    #[arg(long, value_name = "I/N")]
    slice: Option<Slice>,
    /// Tell of each node too
    #[arg(long)]
    each: bool,
    /// Print an object
    #[arg(long)]
    json: bool,
}

impl Plan {
    /// Makes the plan and prints it.
    pub fn run(self) -> Result<Exit, Failure> {
        let loaded = Scenario::load_with(&self.scenario, &self.set)?;
        run::check_scenario(&loaded.scenario)?;
        let overrides =
            Overrides { nodes: self.nodes, seed: self.seed, ramp: self.ramp, ..Overrides::default() };
        let plan = Planned::new(&loaded.scenario, &overrides, VIRTUAL_START);
        let plan = plan.map_err(|error| Failure::of_plan(&loaded, error))?;
        let outline = Outline::new(&plan, self.slice.unwrap_or(Slice::WHOLE), self.each);
        match print(&outline, self.json) {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Passed),
            printed => printed.map(|()| Exit::Passed).map_err(Failure::Output),
        }
    }
}

fn print(outline: &Outline, is_json: bool) -> io::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    if is_json {
        serde_json::to_writer_pretty(&mut stdout, outline)?;
        writeln!(stdout)?;
    } else {
        stdout.write_all(terminal::fit(&outline.text(), terminal::width()).as_bytes())?;
    }
    stdout.flush()
}
