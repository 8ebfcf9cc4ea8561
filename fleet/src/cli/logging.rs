//! What the program says about itself, on stderr.
//!
//! `info` tells a user about the fleet, `debug` about one node. Log lines and
//! progress share the terminal through one [`MultiProgress`].

use std::io::{self, IsTerminal, Write};

use clap::{ArgAction, Args, ValueEnum};
use indicatif::MultiProgress;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt;

use super::failure::Failure;
use super::terminal;
use crate::progress::display::Screen;

/// How much is said, and how
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Logging {
    /// Say more: -v about each node, -vv all, -vvv of libraries too
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing but errors, and show no progress
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Log what passes this filter, such as ssm_fleet_plane=debug
    #[arg(long, value_name = "FILTER", global = true, conflicts_with = "verbose")]
    log: Option<String>,
    /// How a log line is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text, global = true)]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs, one object per line
    Json,
}

impl Logging {
    /// Starts logging, and gives what bars are to be drawn with.
    pub fn start(&self) -> Result<MultiProgress, Failure> {
        let text = self.filter();
        let filter = EnvFilter::try_new(&text).map_err(|source| Failure::Filter { filter: text, source })?;
        let bars = MultiProgress::new();
        let above = Above { bars: bars.clone() };
        let logs = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_ansi(terminal::colours(&io::stderr()))
            .with_writer(move || above.clone());
        match self.log_format {
            Format::Text => logs.with_target(false).finish().init(),
            Format::Json => logs.json().finish().init(),
        }
        Ok(bars)
    }

    /// How progress is shown.
    pub fn screen(&self, bars: MultiProgress) -> Screen {
        match (self.quiet, io::stderr().is_terminal() && !bars.is_hidden()) {
            (true, _) => Screen::Nothing,
            (false, true) => Screen::Bars(bars),
            (false, false) => Screen::Lines,
        }
    }

    fn filter(&self) -> String {
        if let Some(filter) = &self.log {
            return filter.clone();
        }
        // All of our crates begin like this.
        let ours = |level| format!("info,ssm_fleet={level}");
        match (self.quiet, self.verbose) {
            (true, _) => "error".to_owned(),
            (false, 0) => "info".to_owned(),
            (false, 1) => ours("debug"),
            (false, 2) => ours("trace"),
            (false, _) => "trace".to_owned(),
        }
    }
}

/// Writes above the bars: they step aside while it does. With stderr gone, as with
/// a terminal that is closed, there is nobody left to tell, and no failure either:
/// whoever logs goes on.
#[derive(Debug, Clone)]
struct Above {
    bars: MultiProgress,
}

impl Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let write = || io::stderr().write_all(text);
        // Bars do not step aside on a terminal that was closed: they panic.
        let _ = if io::stderr().is_terminal() { self.bars.suspend(write) } else { write() };
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = io::stderr().flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_said_the_more_is_asked_for() {
        let logging = |quiet, verbose, log: Option<&str>| {
            let log = log.map(str::to_owned);
            Logging { verbose, quiet, log, log_format: Format::Text }.filter()
        };
        assert_eq!(logging(true, 0, None), "error");
        assert_eq!(logging(false, 0, None), "info");
        assert!(logging(false, 1, None).contains("ssm_fleet=debug"));
        assert!(logging(false, 2, None).contains("ssm_fleet=trace"));
        assert_eq!(logging(false, 9, None), "trace");
        assert_eq!(logging(true, 0, Some("plane=debug")), "plane=debug");
        for verbose in 0..4 {
            EnvFilter::try_new(logging(false, verbose, None)).unwrap();
        }
    }
}
