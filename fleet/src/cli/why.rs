//! `ssm-fleet why`: one node's story, from a run's history.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use shared::time::Period;

use super::exit::Exit;
use super::failure::Failure;
use super::terminal;
use crate::history::mode::HistoryMode;
use crate::history::recorder::FILE;
use crate::report::page::{Style, paint, wrap};
use crate::story::find::NodeName;
use crate::story::{self, Story};

const AFTER_HELP: &str = "\
Examples:
  ssm-fleet why i-3a6b3e30a051f811c
  ssm-fleet why 17 --run runs/2026-11-23T11-12-50-first-look
  ssm-fleet why web/17 --json";

/// Where the text of a chapter begins, behind its time.
const INDENT: usize = 15;

/// Tell one node's story: what it asked, heard and decided, and when
///
/// It is read from the run's history.jsonl.zst, also while the run goes on or
/// after it was killed. Times are simulated, from the start of the run.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, after_help = AFTER_HELP)]
pub struct Why {
    /// Node: its id, its number in the fleet, or COHORT/NUMBER
    #[arg(value_name = "NODE")]
    node: NodeName,
    /// Directory of the run [default: the one in runs/ that began last]
    #[arg(long, value_name = "DIR")]
    run: Option<PathBuf>,
    /// Print an object in JSON
    #[arg(long)]
    json: bool,
}

/// There is nothing to tell a story from.
#[derive(Debug, thiserror::Error)]
#[error("{} has no {FILE}: {reason}", directory.display())]
pub struct NoHistory {
    directory: PathBuf,
    reason: &'static str,
}

impl Why {
    /// Prints the story, or says why there is none.
    pub fn run(self) -> Result<Exit, Failure> {
        let run = self.run.unwrap_or_else(|| begun_last(Path::new("runs")));
        let story = story::story(&history(&run)?, &self.node)?;
        let text = if self.json {
            serde_json::to_string_pretty(&story).expect("a story has string keys") + "\n"
        } else {
            page(&story, terminal::width(), terminal::colours(&io::stdout()))
        };
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            // Whoever reads has read enough, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Passed),
            written => written.map(|()| Exit::Passed).map_err(Failure::Output),
        }
    }
}

/// The run in this directory that began last, be it over or not: runs are named by the
/// time at which they began. `latest` leads to the last one that has results.
fn begun_last(runs: &Path) -> PathBuf {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path()).max().unwrap_or_else(|| runs.join("latest"))
}

/// The history in this directory.
fn history(run: &Path) -> Result<PathBuf, NoHistory> {
    // Where there are no links, a file names the directory.
    let named = || std::fs::read_to_string(run).ok().map(|name| run.with_file_name(name.trim()));
    let directory = if run.is_file() { named().unwrap_or_else(|| run.to_owned()) } else { run.to_owned() };
    let path = directory.join(FILE);
    if path.is_file() {
        return Ok(path);
    }
    let reason = if directory.is_dir() {
        "the run was told to write none (`history: off`), or this is no run's directory"
    } else {
        "there is no such directory; name a run's by --run"
    };
    Err(NoHistory { directory, reason })
}

/// The story on lines of this width.
fn page(story: &Story, width: usize, colour: bool) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for part in head(story, width) {
        line(&paint(&part, Style::Heading, colour));
    }
    line("");
    for chapter in &story.story {
        let style = if chapter.is_bad { Style::Alarm } else { Style::Plain };
        let parts = wrap(chapter.text.split(' '), " ", width.saturating_sub(INDENT).max(20));
        for (place, part) in parts.iter().enumerate() {
            let time = if place == 0 { clock(chapter.after) } else { String::new() };
            line(&format!(
                "{}{}",
                paint(&format!("{time:<INDENT$}"), Style::Aside, colour),
                paint(part, style, colour)
            ));
        }
    }
    if story.story.is_empty() {
        line("The history tells nothing of this node.");
    }
    if let Some(reason) = &story.incomplete {
        wrap(reason.split(' '), " ", width).iter().for_each(|part| line(&paint(part, Style::Alarm, colour)));
    }
    text
}

fn head(story: &Story, width: usize) -> Vec<String> {
    let mut items = vec![
        story.node.clone().unwrap_or_else(|| "no id yet".to_owned()),
        format!("node {}", story.number),
        format!("{}/{}", story.cohort, story.index),
        story.platform.clone(),
    ];
    if !story.faults.is_empty() {
        items.push(format!("for life {}", story.faults.join(", ")));
    }
    items.push(format!("{}, seed {}", story.scenario, story.seed));
    items.push(format!("from {}", story.started));
    if story.history != HistoryMode::All {
        items.push(format!("of the run only {} were written", story.history.as_str()));
    }
    wrap(items.iter().map(String::as_str), "  ", width)
}

/// A time since the start of the run: `00:12:03.450`.
fn clock(after: Period) -> String {
    let milliseconds = after.as_milliseconds();
    let seconds = milliseconds / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use super::*;
    use crate::story::tell::Chapter;

    fn story() -> Story {
        let chapter = |seconds: u64, is_bad: bool, text: &str| Chapter {
            at: Timestamp::from_seconds(seconds as i64),
            after: Period::seconds(seconds),
            is_bad,
            text: text.to_owned(),
        };
        Story {
            scenario: "first-look".to_owned(),
            seed: 7,
            started: "1970-01-01T00:00:00.000Z".to_owned(),
            node: Some("i-0123456789abcdef0".to_owned()),
            number: 17,
            cohort: "web".to_owned(),
            index: 17,
            platform: "amazon-linux-2023".to_owned(),
            faults: vec!["invalid-instance".to_owned()],
            history: HistoryMode::Failures,
            incomplete: Some("the history breaks off".to_owned()),
            story: vec![
                chapter(
                    1,
                    true,
                    "heartbeat: refused, InvalidInstanceId: the plane knows no node of this id, and says so at length",
                ),
                chapter(93_600, false, "12 heartbeats, all well"),
            ],
        }
    }

    #[test]
    fn a_story_fits_its_width_and_has_colour_on_demand_only() {
        for width in [80, 120] {
            let page = page(&story(), width, false);
            assert!(page.lines().all(|line| line.chars().count() <= width), "{page}");
            assert!(page.contains("\n00:00:01.000   heartbeat: refused, InvalidInstanceId"), "{page}");
            assert!(
                page.contains("\n26:00:00.000   12 heartbeats, all well\nthe history breaks off\n"),
                "{page}"
            );
            assert!(page.contains("only failures were written") && !page.contains('\u{1b}'), "{page}");
        }
        assert!(page(&story(), 80, true).contains("\u{1b}[31mheartbeat"), "what went wrong stands out");
    }

    #[test]
    fn a_directory_without_a_history_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let text = history(directory.path()).unwrap_err().to_string();
        assert!(text.contains(FILE) && text.contains("history: off"), "{text}");
        let text = history(&directory.path().join("none")).unwrap_err().to_string();
        assert!(text.contains("name a run's by --run"), "{text}");
    }

    #[test]
    fn a_run_that_goes_on_or_was_killed_is_found_before_the_last_one_with_results() {
        let base = tempfile::tempdir().unwrap();
        let runs = base.path().join("runs");
        assert_eq!(begun_last(&runs), runs.join("latest"), "nothing is there");
        let [over, goes_on] = ["2026-11-23T04-24-30-b", "2026-11-23T04-25-00-a"].map(|name| runs.join(name));
        std::fs::create_dir_all(&over).unwrap();
        std::fs::write(runs.join("latest"), "2026-11-23T04-24-30-b").unwrap();
        assert_eq!(begun_last(&runs), over);
        std::fs::create_dir_all(&goes_on).unwrap();
        assert_eq!(begun_last(&runs), goes_on);
    }
}
