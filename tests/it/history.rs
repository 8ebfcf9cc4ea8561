//! The history of a run, as it is written and read again.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fleet::clock::Clock;
use fleet::history::History;
use fleet::history::line::{Header, Kind, Line};
use fleet::history::mode::HistoryMode;
use fleet::history::names::Names;
use fleet::history::read::{Reading, Tail};
use fleet::history::recorder::{FILE, Recorder};
use fleet::in_process::Carry;
use fleet::plan::Overrides;
use fleet::progress::Progress;
use fleet::run::VirtualRun;
use fleet::scenario::Scenario;
use fleet::simulation::{Finished, Pace};
use shared::time::Timestamp;
use ssm_fleet_tests::World;

use crate::binary::{Running, ssm_fleet};
use crate::determinism::Rough;

/// Runs the world, writes its history of this kind to the directory and gives
/// the text of the file, with what came of the run.
fn written(world: &World, carrier: &dyn Carry, mode: HistoryMode, directory: &Path) -> (String, Finished) {
    let path = directory.join(FILE);
    let (plan, header) = (world.plan.clone(), Header::of(&world.plan, Pace::Virtual));
    let recorder = Recorder::start(&path, mode, &header, Names::new(plan.clone())).expect("a disk");
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let plane = world.plane.clone();
    let run = VirtualRun { plan, plane, carrier, shards: world.shards, progress: &progress, stop: &stop };
    let (finished, _) = run.run(&mut History::recording(Some(recorder)));
    (text(&path), finished)
}

fn text(path: &Path) -> String {
    let file = std::fs::File::open(path).expect("the file is there");
    let mut text = String::new();
    zstd::stream::read::Decoder::new(file).unwrap().read_to_string(&mut text).expect("it can be read");
    text
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let line = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    text.lines().skip(1).map(line).collect()
}

fn world() -> World {
    let faults = "\nfaults:\n  - { name: dark, fault: { timeout: {} }, on: { cohort: web, pick: { percent: 50% } }, \
                  at: 12m, for: 10m }\n";
    let text = format!("{}{faults}", fleet::scenario::FIRST_LOOK);
    let scenario = Scenario::parse("first-look", &text).expect("it is well written");
    World::new(&scenario, &Overrides { nodes: Some(120), ..Overrides::default() })
}

#[test]
fn the_number_of_shards_changes_no_byte_where_calls_fail_and_faults_are_in_force() {
    let directory = tempfile::tempdir().unwrap();
    let (alone, _) = written(&world(), &Rough, HistoryMode::All, directory.path());
    assert!(alone.contains(r#""kind":"unknown""#) && alone.contains(r#""faults":["dark"]"#));
    for shards in [2, 3, 7] {
        let (cut, _) = written(&world().in_shards(shards), &Rough, HistoryMode::All, directory.path());
        let first = alone.lines().zip(cut.lines()).find(|(one, other)| one != other);
        assert_eq!(first, None, "{shards} shards");
        assert_eq!(alone.len(), cut.len(), "{shards} shards");
    }
}

#[test]
fn each_call_sets_out_before_it_ends_and_time_never_goes_back() {
    let directory = tempfile::tempdir().unwrap();
    let (text, finished) = written(&world(), &Rough, HistoryMode::All, directory.path());
    let lines = lines(&text);
    let mut open = BTreeMap::new();
    let mut ended = 0;
    for line in &lines {
        let call = (line.number, line.lane.clone(), line.call, line.attempt);
        match line.kind {
            Kind::Invoke => assert_eq!(open.insert(call, line.operation.clone()), None, "{line:?}"),
            Kind::Ok | Kind::Fail | Kind::Unknown => {
                assert_eq!(open.remove(&call), Some(line.operation.clone()), "{line:?}");
                ended += u64::from(line.by.is_none());
            }
            Kind::Note | Kind::Act | Kind::End | Kind::Run => {}
        }
    }
    assert_eq!(ended, finished.history.expect("virtual time has one").calls);
    let back = lines.windows(2).find(|pair| pair[1].at < pair[0].at);
    assert!(back.is_none_or(|pair| pair[1].kind == Kind::End), "{back:?}");
    let acts: Vec<_> =
        lines.iter().filter_map(|line| Some((line.act.as_deref()?, line.name.as_deref()?))).collect();
    assert_eq!(acts, [("fault-begins", "dark"), ("fault-ends", "dark")]);
    let last = lines.last().expect("there are lines");
    let recorded = finished.recorded.expect("it was recorded").entries;
    assert_eq!((last.kind, last.entries), (Kind::End, Some(recorded)));
    assert_eq!(lines.len() as u64, recorded + acts.len() as u64 + 1);
}

#[test]
fn less_is_written_where_less_is_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let kept = |mode| written(&world(), &Rough, mode, directory.path()).0;
    let [all, changes, failures] = [HistoryMode::All, HistoryMode::Changes, HistoryMode::Failures].map(kept);
    let of_kind = |text: &str, kind| lines(text).iter().filter(|line| line.kind == kind).count();
    for kind in [Kind::Fail, Kind::Unknown] {
        assert_eq!(of_kind(&all, kind), of_kind(&changes, kind), "{kind:?}");
        assert_eq!(of_kind(&all, kind), of_kind(&failures, kind), "{kind:?}");
    }
    assert!(lines(&changes).iter().all(|line| line.kind != Kind::Invoke));
    let ended = |line: &Line<'_>| matches!(line.kind, Kind::Ok | Kind::Fail | Kind::Unknown);
    assert!(lines(&changes).iter().filter(|line| ended(line)).all(|line| line.invoked.is_some()));
    let is_ok = |line: &Line<'_>, operation: &str| {
        line.kind == Kind::Ok && line.operation.as_deref() == Some(operation)
    };
    let count =
        |text: &str, operation: &str| lines(text).iter().filter(|line| is_ok(line, operation)).count();
    assert!(
        count(&changes, "UpdateInstanceAssociationStatus") == count(&all, "UpdateInstanceAssociationStatus")
    );
    assert!(count(&changes, "UpdateInstanceInformation") < count(&all, "UpdateInstanceInformation") / 5);
    assert!(lines(&failures).iter().filter(|line| line.kind == Kind::Ok).all(|line| line.attempt > Some(1)));
    assert!(failures.len() < changes.len() && changes.len() < all.len());
}

#[test]
fn a_node_s_story_is_told_from_a_run_s_directory() {
    let directory = tempfile::tempdir().unwrap();
    let ran = ssm_fleet(directory.path(), "run --virtual --nodes 100 --invalid-instance 1% -q");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.contains(FILE), "{}", ran.stdout);
    let struck = lines(&text(&directory.path().join("runs/latest").join(FILE)))
        .iter()
        .find(|line| line.faults == ["invalid-instance"])
        .map(|line| (line.number.unwrap(), line.node.clone().unwrap().into_owned()))
        .expect("one node of a hundred is struck");
    let by_number = ssm_fleet(directory.path(), &format!("why {}", struck.0));
    let by_id = ssm_fleet(directory.path(), &format!("why {}", struck.1));
    assert_eq!((by_number.code, &by_number.stdout), (Some(0), &by_id.stdout));
    for words in ["for life invalid-instance", "refused, InvalidInstanceId", "goes to sleep", "again 10m00s"]
    {
        assert!(by_id.stdout.contains(words), "{words}: {}", by_id.stdout);
    }
    assert!(by_id.stdout.lines().all(|line| line.chars().count() <= 120));
    let json = ssm_fleet(directory.path(), "why web/0 --json");
    let story: serde_json::Value = serde_json::from_str(&json.stdout).expect("it is JSON");
    assert_eq!((&story["number"], &story["cohort"]), (&0.into(), &"web".into()));
    assert!(story["story"].as_array().is_some_and(|story| story.len() > 5), "{story}");

    let unknown = ssm_fleet(directory.path(), "why 100");
    assert_eq!(unknown.code, Some(2));
    assert_eq!(unknown.error(), "error: node 100 is not of this run: its 100 nodes count from 0");
    let nothing = ssm_fleet(directory.path(), "run --virtual --nodes 10 --history off --out none -q");
    assert_eq!(nothing.code, Some(0), "{}", nothing.stderr);
    let missing = ssm_fleet(directory.path(), "why 0 --run none");
    assert_eq!(missing.code, Some(1));
    assert!(missing.error().contains("history: off"), "{}", missing.stderr);
}

#[test]
fn a_run_that_is_killed_leaves_a_history_that_can_be_read() {
    let directory = tempfile::tempdir().unwrap();
    let run = Running::start(directory.path(), "run --nodes 50 --time-scale 60 --out killed -q");
    let path = directory.path().join("killed").join(FILE);
    let calls = || {
        let mut calls = 0;
        let reading = Reading::open(&path).ok()?;
        let tail = reading.scan(|line| calls += u32::from(line.contains(r#""kind":"ok""#)));
        Some((calls, tail))
    };
    let patience = Clock::starting(Timestamp::default(), 1.0);
    while calls().is_none_or(|(calls, _)| calls <= 20) {
        assert!(patience.wall() < Duration::from_secs(60), "nothing is written while the run goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(run.kill().code, None, "nobody asked it");
    let (_, tail) = calls().expect("the file is there");
    assert_eq!(tail, Tail::Open, "every frame that was written is whole");
    let why = ssm_fleet(directory.path(), "why 0 --run killed");
    assert_eq!(why.code, Some(0), "{}", why.stderr);
    assert!(why.stdout.contains("registers"), "{}", why.stdout);
    assert!(
        why.stdout.ends_with("the run was killed, or goes on: the history has no end yet\n"),
        "{}",
        why.stdout
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_program_with_its_name() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("full")).unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.path().join("full").join(FILE)).unwrap();
    for line in ["run --virtual --nodes 10 --out full -q", "run --nodes 10 --time-scale 60 --out full -q"] {
        let ran = ssm_fleet(directory.path(), line);
        assert_eq!(ran.code, Some(1), "{line}: {}", ran.stderr);
        let expected = format!("error: cannot write the history to full/{FILE}: No space left on device");
        assert!(ran.error().starts_with(&expected), "{line}: {}", ran.stderr);
    }
}
