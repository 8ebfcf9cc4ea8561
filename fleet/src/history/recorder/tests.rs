//! Files of histories: whole, torn, empty, and such as take nothing.

use std::sync::Arc;

use agent::lane::LaneName;
use agent::node::Note;
use shared::time::Period;
use tempfile::TempDir;

use super::*;
use crate::history::read::{Reading, Tail};
use crate::history::record::{By, Event};
use crate::plan::{Overrides, Plan};
use crate::scenario::Scenario;
use crate::simulation::Pace;

const START: Timestamp = Timestamp::from_seconds(1_735_689_600);

fn plan() -> Arc<Plan> {
    let text = "{name: x, seed: 1, duration: 5m, cohorts: [{name: a, platform: debian-12, nodes: 9}]}";
    let scenario = Scenario::parse("x", text).expect("it is well written");
    Arc::new(Plan::new(&scenario, &Overrides::default(), START).expect("it makes a plan"))
}

fn start(path: &Path) -> Result<Recorder, HistoryError> {
    let plan = plan();
    Recorder::start(path, HistoryMode::All, &Header::of(&plan, Pace::Virtual), Names::new(plan.clone()))
}

fn note(number: u32) -> Record {
    let note = Note::Skipped(LaneName::Health, number);
    let at = START + Period::milliseconds(u64::from(number));
    Record { at, by: By::Node { number: number % 9, incarnation: 0 }, event: Event::Note(note) }
}

fn read(path: &Path) -> (Vec<String>, Tail) {
    let mut lines = Vec::new();
    let tail = Reading::open(path).expect("it is a history").scan(|line| lines.push(line.to_owned()));
    (lines, tail)
}

fn counts(lines: &[String]) -> Vec<u32> {
    let line = |text: &String| serde_json::from_str::<Line<'_>>(text).expect("a line").count;
    lines.iter().map(|text| line(text).expect("each has a count")).collect()
}

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join(FILE);
    (directory, path)
}

#[test]
fn entries_stand_in_the_file_in_their_order_and_none_is_lost() {
    let (_directory, path) = place();
    let recorder = start(&path).unwrap();
    let count = ROOM as u32 * 5;
    (0..count / 2).for_each(|number| recorder.record(note(number)));
    recorder.record_all((count / 2..count).map(note));
    let written = recorder.finish(START, "complete").unwrap();
    assert_eq!(written.entries, u64::from(count));
    assert_eq!(written.bytes, path.metadata().unwrap().len());
    let (lines, tail) = read(&path);
    assert_eq!((counts(&lines), tail), ((0..count).collect(), Tail::Whole));
    let reading = Reading::open(&path).unwrap();
    assert_eq!(reading.header, Header::of(&plan(), Pace::Virtual));
}

#[test]
fn what_is_flushed_can_be_read_while_the_run_goes_on() {
    let (_directory, path) = place();
    let recorder = start(&path).unwrap();
    (0..10).for_each(|number| recorder.record(note(number)));
    recorder.flush().unwrap();
    recorder.record(note(10));
    let (lines, tail) = read(&path);
    assert_eq!((lines.len(), tail), (10, Tail::Open), "as after a kill");
    recorder.finish(START, "complete").unwrap();
    assert_eq!(read(&path).0.len(), 11);
}

#[test]
fn of_a_torn_file_everything_before_the_tear_is_read() {
    let (_directory, path) = place();
    let recorder = start(&path).unwrap();
    recorder.record_all((0..3_000).map(note));
    recorder.flush().unwrap();
    let first = path.metadata().unwrap().len();
    recorder.record_all((3_000..6_000).map(note));
    recorder.finish(START, "complete").unwrap();
    let whole = std::fs::read(&path).unwrap();
    for cut in [first as usize, first as usize + 1, first as usize + 40, whole.len() - 1] {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (lines, tail) = read(&path);
        assert!(lines.len() >= 3_000, "{cut}: {}", lines.len());
        assert_eq!(counts(&lines), (0..lines.len() as u32).collect::<Vec<_>>(), "{cut}: no half line");
        assert_ne!(tail, Tail::Whole, "{cut}");
        assert_eq!(tail == Tail::Open, cut == first as usize, "{cut}: {tail:?}");
    }
    let mut garbled = whole.clone();
    garbled.truncate(first as usize);
    garbled.extend(b"no frame at all");
    std::fs::write(&path, garbled).unwrap();
    let (lines, tail) = read(&path);
    assert_eq!(lines.len(), 3_000);
    assert!(matches!(tail, Tail::Torn(_)), "{tail:?}");
}

#[test]
fn a_history_without_an_entry_is_taken_away_where_the_run_never_began() {
    let (_directory, path) = place();
    start(&path).unwrap().abandon();
    assert!(!path.exists());
    let recorder = start(&path).unwrap();
    recorder.record(note(1));
    recorder.abandon();
    assert!(path.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_at_the_start_and_on_the_way() {
    let error = start(Path::new("/dev/full")).unwrap_err();
    let text = crate::cause::chain(&error);
    assert!(text.starts_with("cannot write the history to /dev/full: No space left"), "{text}");
}

#[test]
fn nobody_waits_for_a_file_that_takes_nothing_any_more() {
    let (_directory, path) = place();
    let plan = plan();
    let recorder = start(&path).unwrap();
    recorder.finish(START, "complete").unwrap();
    // A second one whose file is closed to writing.
    let file = File::open(&path).unwrap();
    let failing =
        Recorder::over(&path, Frames::new(file).unwrap(), HistoryMode::All, Names::new(plan)).unwrap();
    failing.record_all((0..ROOM as u32 * 3).map(note));
    let error = failing.flush().unwrap_err();
    assert!(error.to_string().contains(FILE), "{error}");
    assert!(failing.finish(START, "complete").is_err());
}

#[tokio::test]
async fn whoever_carries_the_run_out_hears_that_nothing_is_written_any_more() {
    let (_directory, path) = place();
    std::fs::write(&path, "").unwrap();
    let file = File::open(&path).unwrap();
    let failing =
        Recorder::over(&path, Frames::new(file).unwrap(), HistoryMode::All, Names::new(plan())).unwrap();
    failing.record_all((0..ROOM as u32).map(note));
    assert!(failing.flush().is_err());
    assert_eq!(failing.failed().await.path, path);
}
