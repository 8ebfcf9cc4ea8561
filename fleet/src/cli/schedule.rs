//! `ssm-fleet schedule`: when an association would run.
//!
//! The schedule is read as the embedded plane reads it, with the service's own
//! minimum between two runs. Nothing is started and nobody is asked.

use std::io::{self, BufWriter, Write};

use clap::Args;
use serde::Serialize;
use shared::schedule::timetable::{Due, Timetable};
use shared::schedule::{self, SHORTEST_INTERVAL, ScheduleError};
use shared::time::Timestamp;
use tracing::info;

use super::exit::Exit;
use super::failure::Failure;
use crate::clock::wall_now;
use crate::result::iso;

const AFTER_HELP: &str = "\
Examples:
  ssm-fleet schedule 'rate(12 hours)'
  ssm-fleet schedule 'cron(0 2 ? * SUN#2 *)' --apply-only-at-cron-interval
  ssm-fleet schedule 'at(2027-03-11T15:55:00)' --json";

/// Show when an association with this schedule would run
///
/// One run a line, in UTC. The first is at the creation of the association,
/// unless it shall run by its schedule only. An expression that the service would
/// refuse is refused here, with the reason, and exit code 2.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = AFTER_HELP)]
pub struct Schedule {
    /// Schedule expression: cron(…), rate(…) or at(…), in quotes
    #[arg(value_name = "EXPR")]
    expression: String,
    /// The association's creation, such as 2025-03-10T14:07:31Z [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    after: Option<Timestamp>,
    /// ScheduleOffset: run so many days after each instant, 1 to 6
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u8).range(1..=6))]
    offset: Option<u8>,
    /// ApplyOnlyAtCronInterval: do not run at creation
    #[arg(long)]
    apply_only_at_cron_interval: bool,
    /// How many runs to show, at most
    #[arg(long, value_name = "NUMBER", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Print an object in JSON
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Runs<'a> {
    expression: &'a str,
    after: String,
    runs: Vec<String>,
}

impl Schedule {
    /// Prints the runs, or says why there cannot be any.
    pub fn run(self) -> Result<Exit, Failure> {
        // To the second: nobody asks for the milliseconds of now.
        let now = || Timestamp::from_seconds(wall_now().milliseconds() / 1000);
        let after = self.after.unwrap_or_else(now);
        let timetable = self.timetable()?;
        let mut stdout = BufWriter::new(io::stdout().lock());
        let shown = self.print(timetable, after, &mut stdout).map_err(Failure::Output)?;
        // That `at` has no more is no news.
        if shown < self.count && !matches!(timetable.schedule(), Some(schedule::Schedule::At(_))) {
            info!(shown, after = %iso(after), "the schedule has no further run");
        }
        Ok(Exit::Passed)
    }

    fn timetable(&self) -> Result<Timetable, ScheduleError> {
        let schedule = schedule::Schedule::parse(&self.expression, SHORTEST_INTERVAL)?;
        Timetable::new(Some(schedule), self.apply_only_at_cron_interval, self.offset)
    }

    /// Prints the runs and returns how many there were.
    fn print(&self, timetable: Timetable, after: Timestamp, to: &mut impl Write) -> io::Result<u32> {
        let runs = timetable.runs(after).take(self.count as usize).map_while(spelled);
        let shown = if self.json {
            let runs: Vec<String> = runs.map(|run| run.to_string()).collect();
            let shown = runs.len();
            let object = Runs { expression: &self.expression, after: iso(after), runs };
            serde_json::to_writer_pretty(&mut *to, &object)?;
            writeln!(to)?;
            shown
        } else {
            let mut shown = 0;
            for run in runs {
                writeln!(to, "{} {run}", run.strftime("%a"))?;
                shown += 1;
            }
            shown
        };
        to.flush()?;
        Ok(shown as u32)
    }
}

/// The instant of a run, up to the year 9999.
fn spelled(due: Due) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_millisecond(due.at.milliseconds()).ok()
}

/// A text that is no instant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no instant: expected a date and a time in UTC, such as 2025-03-10T14:07:31Z")]
pub struct InvalidInstant(String);

/// Reads an instant in ISO 8601, to the millisecond.
fn instant(text: &str) -> Result<Timestamp, InvalidInstant> {
    let instant = text.parse::<jiff::Timestamp>();
    let wrong = |_| InvalidInstant(text.chars().take(64).collect());
    instant.map(|instant| Timestamp::from_milliseconds(instant.as_millisecond())).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        schedule: Schedule,
    }

    fn shown(line: &[&str]) -> Result<String, String> {
        let words = ["schedule", "--after", "2025-03-10T14:07:31Z"].iter().chain(line);
        let command = Line::try_parse_from(words).unwrap().schedule;
        let timetable = command.timetable().map_err(|error| error.to_string())?;
        let mut text = Vec::new();
        command.print(timetable, command.after.unwrap(), &mut text).unwrap();
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn the_runs_stand_one_a_line() {
        let only = "--apply-only-at-cron-interval";
        let cases: [(&[&str], &str); 7] = [
            (
                &["rate(30 minutes)", "--count", "3"],
                "Mon 2025-03-10T14:07:31Z\nMon 2025-03-10T14:37:31Z\nMon 2025-03-10T15:07:31Z\n",
            ),
            (
                &["cron(0 2 ? * SUN *)", "--count", "2"],
                "Mon 2025-03-10T14:07:31Z\nSun 2025-03-16T02:00:00Z\n",
            ),
            (
                &["cron(0 2 ? * SUN *)", "--count", "2", only],
                "Sun 2025-03-16T02:00:00Z\nSun 2025-03-23T02:00:00Z\n",
            ),
            (&["cron(0 2 ? * SUN#2 *)", "--count", "1", only, "--offset", "2"], "Tue 2025-04-15T02:00:00Z\n"),
            (&["at(2025-03-11T15:55:00)"], "Mon 2025-03-10T14:07:31Z\nTue 2025-03-11T15:55:00Z\n"),
            (&["cron(0 2 ? * SUN 2020)", only], ""),
            (
                &["at(2025-03-11T15:55:00)", only, "--json"],
                r#"{
  "expression": "at(2025-03-11T15:55:00)",
  "after": "2025-03-10T14:07:31Z",
  "runs": [
    "2025-03-11T15:55:00Z"
  ]
}
"#,
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(shown(line).as_deref(), Ok(expected), "{line:?}");
        }
    }

    #[test]
    fn what_the_service_would_refuse_is_refused_with_the_reason() {
        let cases: [(&[&str], &str); 5] = [
            (&["cron(0 21 ? * MON*)"], "expected 6 fields"),
            (&["cron(0/10 * * * ? *)"], "lie 10m00s apart at the closest, expected at least 30m00s"),
            (&["cron(0 2 ? * SUN *)", "--offset", "2"], "ScheduleOffset requires ApplyOnlyAtCronInterval"),
            (&["rate(1 hour)", "--apply-only-at-cron-interval"], "not supported for rate expressions"),
            (&["rate(1 hour)", "--apply-only-at-cron-interval", "--offset", "2"], "cron expressions only"),
        ];
        for (line, reason) in cases {
            let refusal = shown(line).unwrap_err();
            assert!(refusal.contains(reason), "{line:?}: {refusal}");
        }
    }
}
