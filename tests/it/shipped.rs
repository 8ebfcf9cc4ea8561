//! The scenarios that ship: each says what it is for, passes its own thresholds,
//! and notices when they do not hold.
//!
//! They are taken from the list of those built in, so a scenario that is added
//! there is tested here. Each is run twice through the program in virtual time: as
//! it is, and with each of its thresholds turned into its opposite and another
//! number of shards, which must change nothing but the verdicts.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use fleet::history::recorder::FILE;
use fleet::plan::Overrides;
use fleet::result::RunResult;
use fleet::scenario::{BUILT_IN, Scenario, Time, built_in_names};
use fleet::threshold::Verdict;
use serde_json::Value;
use shared::time::Period;
use ssm_fleet_tests::World;

use crate::binary::{Ended, result_in, ssm_fleet};

/// So long a scenario may run on sockets, in wall time.
const LONGEST: Period = Period::minutes(3);

/// The comment that a scenario begins with, on one line.
fn header(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix('#'));
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}

/// What the header says under this word, up to the next one.
fn part<'a>(header: &'a str, word: &str) -> &'a str {
    let (_, after) = header.split_once(word).unwrap_or_else(|| panic!("no `{word}` in: {header}"));
    after.split(" Runs: ").next().unwrap_or(after).trim()
}

/// The same bound, turned into its opposite.
fn opposite(bound: &str) -> String {
    const SIGNS: [(&str, &str); 6] =
        [("<=", ">"), (">=", "<"), ("==", "!="), ("!=", "=="), ("<", ">="), (">", "<=")];
    let sign = SIGNS.iter().find(|(sign, _)| bound.contains(sign));
    let (sign, other) = sign.unwrap_or_else(|| panic!("`{bound}` has a sign"));
    bound.replacen(sign, other, 1)
}

/// A scenario that differs from the one it extends in its thresholds alone: none of them holds
/// when all of those hold.
fn turned_round(name: &str, scenario: &Scenario) -> String {
    let mut bounds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for threshold in &scenario.thresholds.0 {
        let bound = opposite(&threshold.bound.to_string());
        bounds.entry(threshold.selection.to_string()).or_default().push(bound);
    }
    serde_json::json!({ "extends": name, "thresholds": bounds }).to_string()
}

/// The history that a run left in this directory.
fn history(directory: &Path) -> String {
    let file = std::fs::File::open(directory.join(FILE)).expect("the history is there");
    let mut text = String::new();
    let mut decoder = zstd::stream::read::Decoder::new(file).expect("it is compressed");
    decoder.read_to_string(&mut text).expect("it can be read");
    text
}

/// Each threshold, as `metric: bound`, with its verdict.
fn verdicts(result: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("it is a text").to_owned();
    let outcomes = result["thresholds"].as_array().expect("there are thresholds");
    let named = |outcome: &Value| format!("{}: {}", text(&outcome["metric"]), text(&outcome["bound"]));
    outcomes.iter().map(|outcome| (named(outcome), text(&outcome["verdict"]))).collect()
}

fn assert_all(name: &str, directory: &Path, verdict: &str, ended: &Ended) {
    let verdicts = verdicts(&result_in(directory));
    assert!(!verdicts.is_empty(), "{name} has no thresholds");
    for (threshold, found) in verdicts {
        assert_eq!(found, verdict, "{name}: {threshold}\n{}", ended.stdout);
    }
}

#[test]
fn each_says_what_it_shows_for_whom_and_how_it_runs() {
    for (name, text) in BUILT_IN {
        let first = text.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
        assert!(first.ends_with('.') && first.len() > 20, "{name} says first what it shows: {first}");
        let header = header(text);
        assert!(part(&header, " For: ").len() > 20, "{name} says for whom it is: {header}");
        let runs = part(&header, " Runs: ");
        let scenario = Scenario::load(name).expect("it is built in");
        match scenario.time {
            Time::Virtual => assert!(runs.contains("virtual time only"), "{name}: {runs}"),
            Time::Scale(scale) => {
                assert!(runs.contains(&format!("on sockets at {scale}x")), "{name} runs at {scale}x: {runs}");
                let longest = LONGEST.as_seconds() * scale;
                assert!(scenario.duration.as_seconds() <= longest, "{name} takes too long at {scale}x");
            }
            Time::Real => panic!("{name} takes as long as its hours"),
        }
    }
}

#[test]
fn each_passes_its_thresholds_in_virtual_time_and_fails_by_their_opposites() {
    for (name, _) in BUILT_IN {
        let directory = tempfile::tempdir().expect("there is room");
        let right = ssm_fleet(directory.path(), &format!("run {name} --virtual --shards 1 --out right"));
        assert_eq!(right.code, Some(0), "{name}\n{}\n{}", right.stdout, right.stderr);
        assert_all(name, &directory.path().join("right"), "passed", &right);

        let scenario = Scenario::load(name).expect("it is built in");
        std::fs::write(directory.path().join("wrong.yaml"), turned_round(name, &scenario))
            .expect("there is room");
        let wrong = ssm_fleet(directory.path(), "run wrong.yaml --virtual --shards 3 --out wrong");
        assert_eq!(wrong.code, Some(99), "{name}\n{}\n{}", wrong.stdout, wrong.stderr);
        assert_all(name, &directory.path().join("wrong"), "failed", &wrong);
        for threshold in &scenario.thresholds.0 {
            let metric = threshold.selection.to_string();
            assert!(wrong.stdout.contains(&metric), "{name}: `{metric}` is not named in:\n{}", wrong.stdout);
        }

        let (one, three) =
            (history(&directory.path().join("right")), history(&directory.path().join("wrong")));
        let first = one.lines().zip(three.lines()).find(|(one, three)| one != three);
        assert_eq!(first, None, "{name} with 1 and 3 shards");
        assert_eq!(one.len(), three.len(), "{name} with 1 and 3 shards");
    }
}

#[test]
fn all_are_listed_where_one_may_be_named() {
    let directory = tempfile::tempdir().expect("there is room");
    let unknown = ssm_fleet(directory.path(), "run no-such");
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains(&built_in_names()), "{}", unknown.stderr);
    for line in ["run --help", "init --help"] {
        let help = ssm_fleet(directory.path(), line).stdout;
        // However the lines are broken.
        let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
        for (name, text) in BUILT_IN {
            let shows = text.lines().next().unwrap_or_default().trim_start_matches("# ");
            assert!(words.contains(&format!(" {name} {shows}")), "{name} in:\n{help}");
        }
    }
    for (name, text) in BUILT_IN {
        assert_eq!(ssm_fleet(directory.path(), &format!("init {name}")).code, Some(0));
        let written = std::fs::read_to_string(directory.path().join(format!("{name}.yaml")));
        assert_eq!(&written.expect("it was written"), text);
    }
}

#[test]
fn each_notices_when_what_it_shows_breaks() {
    let cases = [
        ("first-look", "cohorts.web.behaviours.0.fails=90%", "time_to_success{association=baseline}: p(50)"),
        ("lost-acks", "faults.lost-reports.fault.lost-acknowledgement.share=70%", "lost_reports: count == 0"),
        (
            "patch-tuesday",
            "associations.patch.max_concurrency=100%",
            "time_to_start{association=patch}: p(90)",
        ),
        ("patch-tuesday", "associations.patch.max_errors=0", "missing: count == 0"),
        ("plane-outage", "timeline.1.do.restart-plane.downtime=0s", "missed_heartbeats: count > 0"),
        ("plane-outage", "cohorts.web.behaviours.0.takes=[1m, 4m]", "lost_reports: count == 0"),
        // Whose run is in progress for all the plane knows is left out of the next round.
        ("plane-outage", "cohorts.web.behaviours.0.takes=[1m, 4m]", "missing: count == 0"),
        (
            "herd-boot-storm",
            "cohorts.web.arrival={ramp: {over: 15m}}",
            "herd_factor{operation=RegisterManagedInstance}: max",
        ),
        ("herd-hibernation", "faults.reboot.at=45m", "hibernating: max"),
        ("herd-on-the-hour", "cohorts.told.channel=none", "time_to_start{association=hourly}: p(60)"),
        ("herd-plane-back", "timeline.outage.do.restart-plane.downtime=0s", "missed_heartbeats: count > 0"),
        (
            "herd-zone-back",
            "faults.zone.on={nodes: [1]}",
            "herd_factor{operation=UpdateInstanceInformation}: max",
        ),
        ("boot-storm", "faults.throttle.fault.throttling.rate=1000", "hibernating{cohort=rack}: max"),
    ];
    for (name, set, expected) in cases {
        let scenario = Scenario::load_with(name, &[set.to_owned()]);
        let scenario = scenario.unwrap_or_else(|error| panic!("{name} with {set}: {error}")).scenario;
        let result = RunResult::new(&World::new(&scenario, &Overrides::default()).run().finished);
        let failed = result.thresholds.iter().filter(|outcome| outcome.verdict == Verdict::Failed);
        let failed: Vec<String> =
            failed.map(|outcome| format!("{}: {}", outcome.metric, outcome.bound)).collect();
        assert!(
            failed.iter().any(|threshold| threshold.starts_with(expected)),
            "{name} with {set}: `{expected}` does not fail, but {failed:?}"
        );
    }
}

fn passes_on_sockets(name: &str, flags: &str) {
    let directory = tempfile::tempdir().expect("there is room");
    let ended = ssm_fleet(directory.path(), &format!("run {name} {flags} --out out"));
    assert_eq!(ended.code, Some(0), "{name}\n{}\n{}", ended.stdout, ended.stderr);
    assert_all(name, &directory.path().join("out"), "passed", &ended);
}

#[test]
fn the_first_look_passes_on_sockets() {
    passes_on_sockets("first-look", "--nodes 100 --time-scale 200");
}

#[test]
fn the_outage_of_a_plane_passes_on_sockets() {
    passes_on_sockets("plane-outage", "--time-scale 90");
}

#[test]
fn lost_acknowledgements_pass_on_sockets() {
    passes_on_sockets("lost-acks", "--time-scale 90");
}
