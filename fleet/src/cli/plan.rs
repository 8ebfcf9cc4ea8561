//! `ssm-fleet plan`: who would do what, and when, without doing it.

use std::io::{self, BufWriter, Write};

use clap::Args;

use super::exit::Exit;
use super::failure::Failure;
use super::terminal;
use super::variant::{Foreseen, Variant};
use crate::outline::Outline;
use crate::plan::slice::Slice;

/// Tell who would do what in a scenario, and when, without doing it
#[derive(Debug, Args)]
pub struct Plan {
    /// Scenario file, or the name of a built-in scenario
    scenario: String,
    #[command(flatten)]
    variant: Variant,
    /// Tell of each node too
    #[arg(long, help_heading = "Output")]
    each: bool,
    /// Print an object
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl Plan {
    /// Makes the plan and prints it.
    pub fn run(self) -> Result<Exit, Failure> {
        let Foreseen { plan, notes, .. } = self.variant.foresee(&self.scenario)?;
        let mut outline = Outline::new(&plan, self.variant.slice.unwrap_or(Slice::WHOLE), self.each);
        outline.notes = notes;
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
