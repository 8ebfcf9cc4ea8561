//! The words on the command line.
//!
//! A subcommand is a struct with `run`; its doc comments are its help. Results
//! go to stdout, logs and progress to stderr. What repeats stands in the
//! scenario; a flag is for what changes from run to run.
//!
//! - [`run`], [`plane`], [`node`], [`schedule`], [`why`]: the subcommands
//! - [`check`], [`init`], [`plan`], [`schema`]: those about scenarios
//! - [`again`], [`closing`], [`directory`]: what a run leaves behind
//! - [`exit`], [`failure`], [`outcome`]: how the program ends, and why
//! - [`logging`], [`terminal`], [`value`]: flags of all, and how values are read

pub mod again;
pub mod check;
pub mod closing;
pub mod directory;
pub mod exit;
pub mod failure;
pub mod init;
pub mod logging;
pub mod node;
pub mod outcome;
pub mod plan;
pub mod plane;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod terminal;
mod tls;
pub mod value;
pub mod variant;
pub mod why;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::exit::Exit;
use self::failure::Failure;
use self::logging::Logging;
use crate::host;

/// Thousands to millions of simulated AWS SSM Agents, and a control plane for them
///
/// Without a command it runs the built-in scenario first-look: 1,000 nodes on a
/// control plane of their own, an hour of theirs in a minute.
#[derive(Debug, Parser)]
#[command(name = "ssm-fleet", version, propagate_version = true, verbatim_doc_comment, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Exit codes: 0 passed, 1 could not start or go on, or did not come out as the
scenario says, 2 usage or scenario error, 4 a threshold could not be evaluated,
99 a threshold failed, 105 cut short.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Run>),
    Plane(plane::Plane),
    Node(node::Node),
    Check(check::Check),
    Plan(plan::Plan),
    Init(init::Init),
    Schema(schema::Schema),
    Schedule(schedule::Schedule),
    Why(why::Why),
}

/// Does what the command line says, and says how it went.
pub fn main() -> ExitCode {
    host::begin();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    match read(arguments).and_then(Cli::run) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let failure = failure.or_panic();
            // With stderr gone there is nobody left to tell.
            let _ = failure.print(&mut std::io::stderr());
            failure.exit().into()
        }
    }
}

/// Reads the command line. Where clap has the last word, for help as for what
/// it refuses, it ends the process by itself.
fn read(mut arguments: Vec<OsString>) -> Result<Cli, Failure> {
    let cli = Cli::parse_from(&arguments);
    if cli.command.is_some() {
        return Ok(cli);
    }
    arguments.push("run".into());
    Ok(Cli::parse_from(arguments))
}

impl Cli {
    fn run(self) -> Result<Exit, Failure> {
        let bars = self.logging.start()?;
        // Two at least: a signal must be heard while a virtual run keeps one busy.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(host::cores().max(2))
            .enable_all()
            .build()
            .map_err(Failure::Runtime)?;
        let outcome = match self.command.expect("`read` fills in `run`") {
            Command::Run(command) => runtime.block_on(command.run(self.logging.screen(bars))),
            Command::Plane(command) => runtime.block_on(command.run()),
            Command::Node(command) => runtime.block_on(command.run()),
            Command::Check(command) => command.run(),
            Command::Plan(command) => command.run(),
            Command::Init(command) => command.run(),
            Command::Schema(command) => command.run(),
            Command::Schedule(command) => command.run(),
            Command::Why(command) => command.run(),
        };
        // What was asked for is done; a task that still waits for a reply is not waited for.
        runtime.shutdown_background();
        outcome
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use clap::error::ErrorKind;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_fits_eighty_columns() {
        let mut command = Cli::command().term_width(80);
        command.build();
        let mut texts = vec![command.render_help().to_string(), command.render_long_help().to_string()];
        for subcommand in command.get_subcommands_mut() {
            texts.push(subcommand.render_help().to_string());
            texts.push(subcommand.render_long_help().to_string());
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
        }
    }

    #[test]
    fn words_are_understood_or_refused() {
        let read = |line: &str| Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.kind());
        for line in [
            "ssm-fleet",
            "ssm-fleet -vv",
            "ssm-fleet run",
            "ssm-fleet run my.yaml --nodes 10k --seed 7 --time-scale 60 --duration 5m --ramp 2m --shards 2",
            "ssm-fleet run --virtual --json --out there -q",
            "ssm-fleet run --endpoint http://127.0.0.1:4583 --allow-aws 111122223333",
            "ssm-fleet run --invalid-instance 1% --unsupported-platform 2.5% --unknown-nodes refuse --hold",
            "ssm-fleet plane --listen 127.0.0.1:0 --state s.json --seed 1 --terminated i-01234567,i-89abcdef",
            "ssm-fleet --log ssm_fleet=debug --log-format json plane",
            "ssm-fleet node --endpoint http://127.0.0.1:4583 --id i-0123456789abcdef0 --json --full",
            "ssm-fleet node --endpoint http://127.0.0.1:4583 --activation-id a --activation-code b --duration 5m",
            "ssm-fleet check my.yaml --set cohorts.web.nodes=5",
            "ssm-fleet plan my.yaml --slice 3/8 --json --each --nodes 10k",
            "ssm-fleet init drill",
            "ssm-fleet schema scenario",
            "ssm-fleet schedule rate(1day) --after 2025-03-10T14:07:31Z --count 3 --json",
            "ssm-fleet schedule at(12:00) --apply-only-at-cron-interval --offset 6",
            "ssm-fleet run --history failures",
            "ssm-fleet why i-0123456789abcdef0",
            "ssm-fleet why web/17 --run there --json",
        ] {
            assert!(read(line).is_ok(), "{line}: {:?}", read(line));
        }
        for (line, kind) in [
            ("ssm-fleet fly", ErrorKind::InvalidSubcommand),
            ("ssm-fleet run --nodes many", ErrorKind::ValueValidation),
            ("ssm-fleet run --shards 0", ErrorKind::ValueValidation),
            ("ssm-fleet run --endpoint 127.0.0.1:4583", ErrorKind::ValueValidation),
            ("ssm-fleet run --invalid-instance 1", ErrorKind::ValueValidation),
            ("ssm-fleet run --time-scale 0", ErrorKind::ValueValidation),
            ("ssm-fleet run --unknown-nodes shoot", ErrorKind::InvalidValue),
            ("ssm-fleet plane --terminated x", ErrorKind::ValueValidation),
            ("ssm-fleet plane --listen 4583", ErrorKind::ValueValidation),
            ("ssm-fleet node", ErrorKind::MissingRequiredArgument),
            ("ssm-fleet node --endpoint http://127.0.0.1:1 --id x", ErrorKind::ValueValidation),
            (
                "ssm-fleet node --endpoint http://127.0.0.1:1 --activation-id a",
                ErrorKind::MissingRequiredArgument,
            ),
            ("ssm-fleet check", ErrorKind::MissingRequiredArgument),
            ("ssm-fleet plan my.yaml --slice 9/8", ErrorKind::ValueValidation),
            ("ssm-fleet schema plane", ErrorKind::InvalidValue),
            ("ssm-fleet schedule", ErrorKind::MissingRequiredArgument),
            ("ssm-fleet schedule x --offset 7", ErrorKind::ValueValidation),
            ("ssm-fleet schedule x --count 0", ErrorKind::ValueValidation),
            ("ssm-fleet schedule x --after yesterday", ErrorKind::ValueValidation),
            ("ssm-fleet schedule x --after 2025-03-10T14:07:31", ErrorKind::ValueValidation),
            ("ssm-fleet run --history some", ErrorKind::InvalidValue),
            ("ssm-fleet why", ErrorKind::MissingRequiredArgument),
            ("ssm-fleet why web", ErrorKind::ValueValidation),
            ("ssm-fleet -v -q", ErrorKind::ArgumentConflict),
        ] {
            assert_eq!(read(line).unwrap_err(), kind, "{line}");
        }
    }
}
