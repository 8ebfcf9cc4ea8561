//! The end of a run: its result is written, then shown, then the fleet is held
//! for as long as somebody wants to look at it.

use std::io::{self, Write};
use std::path::Path;

use super::directory::RunDirectory;
use super::exit::Exit;
use super::failure::Failure;
use super::outcome::{Facts, not_happened};
use super::terminal;
use crate::history::recorder::FILE;
use crate::progress::display::Display;
use crate::report::{self, Footer, Judgement};
use crate::result::{RunResult, WriteError, write_atomically};
use crate::run::Hold;
use crate::signal::Signals;
use crate::simulation::{Ending, Finished};

/// What is done once a run is over.
#[derive(Debug)]
pub struct Closing<'a> {
    /// Taken off before anything is printed.
    pub display: Display,
    /// Where the result goes.
    pub directory: &'a RunDirectory,
    /// The scenario as it was used, without anything that it extends.
    pub resolved: &'a str,
    /// The command line that does it again.
    pub again: String,
    /// Whether stdout gets what `result.json` has.
    pub is_json: bool,
    /// Whether the run's latest end was set on the command line.
    pub is_duration_given: bool,
    /// Holds the fleet until one of these comes.
    pub hold_until: Option<Signals>,
    /// What came of it.
    pub outcome: &'a mut Option<Result<Exit, Failure>>,
}

impl Hold for Closing<'_> {
    async fn hold(self, finished: &Finished) {
        let Self { display, directory, resolved, again, is_json, is_duration_given, hold_until, outcome } =
            self;
        display.finish();
        let result = RunResult::new(finished);
        let resolved = format!("# As it was used by: {}\n{resolved}", again.replace(['\n', '\r'], " "));
        let (exit, reasons) = Facts::of(&result, &not_happened(finished), is_duration_given).judge();
        let text = exit.of_run().to_owned();
        let judgement = Judgement { text, is_well: exit == Exit::Passed, reasons };
        let report = report::markdown(&result, &judgement);
        let written = write(directory, finished, &result, [&resolved, &report], is_duration_given);
        let is_recorded = finished.recorded.is_some();
        let written_files = written.is_ok().then(|| files(directory.path(), is_recorded));
        let beyond = finished.plan.beyond.clone();
        let footer = Footer { judgement, written: written_files, again, beyond };
        let shown = show(&result, &footer, is_json);
        // With stderr gone there is nobody left to tell.
        let _ = footer
            .judgement
            .reasons
            .iter()
            .try_for_each(|reason| writeln!(io::stderr(), "{}", terminal::error(reason)));
        *outcome = Some(written.and(shown).map(|()| exit));

        if let Some(signals) = hold_until.filter(|_| finished.ending != Ending::CutShort) {
            let _ = write!(io::stderr(), "{}", invitation(&finished.plane));
            signals.stopped().await;
        }
    }
}

fn write(
    directory: &RunDirectory,
    finished: &Finished,
    result: &RunResult,
    [resolved, report]: [&str; 2],
    is_duration_given: bool,
) -> Result<(), Failure> {
    let path = directory.path();
    let put = |name: &str, text: String| -> Result<(), WriteError> {
        write_atomically(&path.join(name), text.as_bytes())
    };
    // Where one has no room, another may: what can be had is written, and the first failure told.
    let written = [
        put("result.json", result.to_json()),
        put("report.md", report.to_owned()),
        put("timeline.csv", finished.timeline.to_csv()),
        put("junit.xml", report::junit(result, is_duration_given)),
        put("scenario.resolved.yaml", resolved.to_owned()),
    ];
    written.into_iter().collect::<Result<(), WriteError>>()?;
    directory.make_latest()?;
    Ok(())
}

fn show(result: &RunResult, footer: &Footer, is_json: bool) -> Result<(), Failure> {
    let text = if is_json {
        result.to_json()
    } else {
        report::summary(result, footer, terminal::width(), terminal::colours(&io::stdout()))
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever reads has read enough, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::Output),
    }
}

fn files(directory: &Path, is_recorded: bool) -> String {
    let history = if is_recorded { format!("  {FILE}") } else { String::new() };
    format!(
        "{}/  result.json  report.md  junit.xml  timeline.csv  scenario.resolved.yaml{history}",
        directory.display()
    )
}

/// How to look around while plane and fleet are held. `plane` is how the run
/// names it: `embedded plane at http://…`.
fn invitation(plane: &str) -> String {
    let look = match plane.rsplit_once(" at ") {
        // Region and no signature: so it needs nothing to be configured.
        Some((_, url)) => format!(
            "  aws --endpoint-url {url} --region us-east-1 \\\n    \
             --no-sign-request ssm describe-instance-information\n"
        ),
        None => String::new(),
    };
    format!("\nplane and fleet stay up until Ctrl-C; to look around:\n{look}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_names_the_address() {
        let text = invitation("embedded plane at http://127.0.0.1:4583");
        assert!(text.contains(" --endpoint-url http://127.0.0.1:4583 "), "{text}");
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    }
}
