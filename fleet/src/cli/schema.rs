//! `ssm-fleet schema`: the form of scenarios and results, as JSON Schema.

use std::io::{self, Write};

use clap::{Args, ValueEnum};

use super::exit::Exit;
use super::failure::Failure;
use crate::schema;

/// Print the form of scenarios or results as JSON Schema, for editors and tools
#[derive(Debug, Args)]
pub struct Schema {
    /// Of what
    of: Of,
}

/// What has a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// A scenario file
    Scenario,
    /// The result.json of a run
    Result,
}

impl Schema {
    /// Prints the schema.
    pub fn run(self) -> Result<Exit, Failure> {
        let schema = match self.of {
            Of::Scenario => schema::scenario(),
            Of::Result => schema::result(),
        };
        let text = serde_json::to_string_pretty(&schema).expect("a schema is JSON");
        match writeln!(io::stdout(), "{text}") {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Passed),
            written => written.map(|()| Exit::Passed).map_err(Failure::Output),
        }
    }
}
