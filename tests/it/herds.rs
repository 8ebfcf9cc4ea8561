//! The herds that the guide shows, each run and seen at the plane.

use std::collections::BTreeMap;

use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use shared::time::Period;
use ssm_fleet_tests::{Outcome, World};

use crate::binary::root;

/// The scenario of this name, as the guide shows it.
fn shown(name: &str) -> Outcome {
    let guide = std::fs::read_to_string(root().join("docs/scenarios-guide.md")).expect("the guide is there");
    let directory = tempfile::tempdir().expect("there is room");
    for text in guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        if let Some(file) = text.lines().next().and_then(|line| line.strip_prefix("# ")) {
            std::fs::write(directory.path().join(file), text).expect("it can be written");
        }
    }
    let path = directory.path().join(format!("{name}.yaml"));
    let scenario =
        Scenario::load(path.to_str().expect("it is a text")).unwrap_or_else(|error| panic!("{error}"));
    World::new(&scenario, &Overrides::default()).run()
}

/// The busiest ten seconds of an operation from a minute on: when, and how many calls.
fn busiest(outcome: &Outcome, operation: &str, from: u64) -> (u64, usize) {
    let mut tens: BTreeMap<u64, usize> = BTreeMap::new();
    for entry in outcome.history.entries().iter().filter(|entry| entry.operation == operation) {
        let second = entry.arrived.since(outcome.finished.plan.start).as_milliseconds() / 10_000 * 10;
        if second >= from * 60 {
            *tens.entry(second).or_default() += 1;
        }
    }
    let (&second, &calls) = tens.iter().max_by_key(|(_, calls)| **calls).expect("there are such calls");
    (second, calls)
}

#[test]
fn machines_that_are_switched_on_at_once_register_within_two_minutes() {
    let outcome = shown("boot-storm");
    let (second, calls) = busiest(&outcome, "RegisterManagedInstance", 0);
    assert!((80..120).contains(&second) && calls > 80, "{second} {calls}");
}

#[test]
fn a_plane_that_is_back_hears_from_all_again() {
    let outcome = shown("plane-back");
    let down = outcome.finished.plan.start + Period::hours(1) + Period::minutes(1);
    let unheard = outcome.history.entries().iter().filter(|entry| {
        (down..down + Period::minutes(18)).contains(&entry.arrived)
            && entry.ending == fleet::history::Ending::Ok
    });
    assert_eq!(unheard.count(), 0);
    let online: u32 = outcome.finished.cohorts.iter().map(|cohort| cohort.online).sum();
    assert_eq!(online, 600);
}

#[test]
fn a_zone_that_returns_starts_at_one_instant() {
    let outcome = shown("zone-returns");
    let struck = outcome.finished.measures.struck[&("crash", None)];
    assert!((170..230).contains(&struck), "a third: {struck}");
    let (second, calls) = busiest(&outcome, "UpdateInstanceInformation", 79);
    assert!((4_800..4_900).contains(&second) && calls as u64 >= struck, "{second} {calls} {struck}");
}

#[test]
fn on_the_hour_the_whole_fleet_is_due() {
    let outcome = shown("on-the-hour");
    let (second, calls) = busiest(&outcome, "ListInstanceAssociations", 50);
    assert!(second % 3_600 < 60 && calls >= 500, "{second} {calls}");
}

#[test]
fn nodes_that_are_refused_at_their_boot_fall_asleep_and_wake_in_waves() {
    let outcome = shown("hibernation");
    assert_eq!(outcome.finished.measures.fell_asleep, 600);
    let online: u32 = outcome.finished.cohorts.iter().map(|cohort| cohort.online).sum();
    assert_eq!(online, 600, "they wake");
    let (second, calls) = busiest(&outcome, "UpdateInstanceInformation", 4);
    assert!(calls > 60, "{second} {calls}");
}
