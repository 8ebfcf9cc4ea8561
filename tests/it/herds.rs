//! The herds that are built in, each run and seen at the plane.

use std::collections::{BTreeMap, BTreeSet};

use fleet::history::Ending;
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use shared::time::Period;
use ssm_fleet_tests::{Outcome, World};

use crate::binary::ssm_fleet;

/// The built-in scenario of this name.
fn shipped(name: &str) -> Outcome {
    let scenario = Scenario::load(name).unwrap_or_else(|error| panic!("{error}"));
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

/// How many nodes are at work at the end.
fn online(outcome: &Outcome) -> u32 {
    outcome.finished.cohorts.iter().map(|cohort| cohort.online).sum()
}

#[test]
fn machines_that_are_switched_on_at_once_register_within_two_minutes() {
    let outcome = shipped("herd-boot-storm");
    let (second, calls) = busiest(&outcome, "RegisterManagedInstance", 0);
    assert!((80..120).contains(&second) && calls > 40, "{second} {calls}");
    assert_eq!(online(&outcome), 300);
}

#[test]
fn a_plane_that_is_back_hears_from_all_again() {
    let outcome = shipped("herd-plane-back");
    let down = outcome.finished.plan.start + Period::minutes(21);
    let heard = outcome.history.entries().iter().filter(|entry| {
        (down..down + Period::minutes(8)).contains(&entry.arrived) && entry.ending == Ending::Ok
    });
    assert_eq!(heard.count(), 0);
    assert_eq!(online(&outcome), 300);
    let back = outcome.finished.plan.start + Period::minutes(30);
    let channels = outcome.history.entries().iter().filter(|entry| {
        entry.operation == "CreateControlChannel" && entry.arrived >= back && entry.ending == Ending::Ok
    });
    assert_eq!(channels.map(|entry| entry.node).collect::<BTreeSet<_>>().len(), 150, "each is open again");
}

#[test]
fn a_zone_that_returns_starts_at_one_instant() {
    let outcome = shipped("herd-zone-back");
    let struck = outcome.finished.measures.struck[&("crash", None)];
    assert!((80..120).contains(&struck), "a third: {struck}");
    let (second, calls) = busiest(&outcome, "UpdateInstanceInformation", 29);
    assert!((1_800..1_900).contains(&second) && calls as u64 >= struck, "{second} {calls} {struck}");
}

#[test]
fn on_the_hour_those_who_are_told_are_due_at_once_and_those_who_ask_when_they_ask() {
    let outcome = shipped("herd-on-the-hour");
    let (second, calls) = busiest(&outcome, "ListInstanceAssociations", 20);
    assert!(second == 1_800 && calls >= 200, "{second} {calls}");
    let runs = outcome.finished.measures.runs_of(outcome.finished.operator.made[0].id);
    let late = outcome.finished.plan.start + Period::minutes(31);
    let (told, asking): (Vec<_>, Vec<_>) = runs.into_iter().partition(|run| run.node < 200);
    assert!(told.len() == 200 && told.iter().all(|run| run.started < late), "{}", told.len());
    let slow = asking.iter().filter(|run| run.started >= late).count();
    assert!(asking.len() == 100 && slow > 80, "{} {slow}", asking.len());
}

#[test]
fn nodes_that_are_refused_at_their_start_fall_asleep_and_wake_in_waves() {
    let outcome = shipped("herd-hibernation");
    assert_eq!((outcome.finished.measures.fell_asleep, online(&outcome)), (300, 300), "they wake");
    let start = outcome.finished.plan.start;
    let pings = |minute: u64| {
        let asleep = outcome.history.entries().iter().filter(|entry| {
            let at = start + Period::minutes(minute);
            entry.operation == "UpdateInstanceInformation"
                && (at..at + Period::seconds(10)).contains(&entry.arrived)
        });
        asleep.map(|entry| entry.node).collect::<BTreeSet<_>>().len()
    };
    assert_eq!([21, 31, 51].map(pings), [300; 3], "5, 15 and 35 minutes after they fell asleep");
    assert!([25, 40, 45].iter().all(|minute| pings(*minute) == 0), "and never between");
}

#[test]
fn a_zone_that_returns_passes_on_sockets() {
    let directory = tempfile::tempdir().expect("there is room");
    let ended = ssm_fleet(directory.path(), "run herd-zone-back --nodes 90 --time-scale 60 --out out");
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
}
