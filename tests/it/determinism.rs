//! The same seed gives the same run, whatever it is cut into.

use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::credentials::Signing;
use fleet::history::{Ending, Entry};
use fleet::in_process::{Carry, InProcess};
use fleet::plan::Overrides;
use fleet::scenario::Scenario;
use fleet::shard::Caller;
use plane::service::Service;
use shared::error::{ApiError, ErrorCode};
use shared::seed::Seed;
use shared::time::{Period, Timestamp};
use ssm_fleet_tests::World;

/// A way to the plane on which one call in ten is throttled, and one in twenty
/// reaches the plane while its answer is lost.
pub(crate) struct Rough;

impl Carry for Rough {
    fn carry(
        &self,
        service: &Service,
        now: Timestamp,
        caller: Caller,
        signing: &Signing,
        request: Request,
    ) -> Answer {
        let draw = Seed(5).draw("rough", u64::from(caller.node)).part(caller.lane as u64);
        match draw.bits("luck", u64::from(caller.number)) % 20 {
            0 | 1 => Answer::Refused(ApiError::new(ErrorCode::ThrottlingException, "Rate exceeded"), 400),
            2 => {
                InProcess::Typed.carry(service, now, caller, signing, request);
                Answer::Unreachable
            }
            _ => InProcess::Typed.carry(service, now, caller, signing, request),
        }
    }
}

/// Calls that shared their instant with a call of another of `shards` pieces.
fn shared_instants(entries: &[Entry], nodes: u32, shards: u32) -> usize {
    let shard_of = |node: u32| u64::from(node) * u64::from(shards) / u64::from(nodes);
    let mut instants: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for entry in entries {
        instants.entry(entry.arrived).or_default().push(shard_of(entry.node));
    }
    let crowded = instants.into_values().filter(|shards| shards.iter().any(|shard| *shard != shards[0]));
    crowded.map(|shards| shards.len()).sum()
}

fn same_history(world: &World, carrier: &dyn Carry) -> Vec<Entry> {
    let alone = world.run_through(carrier);
    let entries = alone.history.entries();
    for shards in [2, 3, 7] {
        let cut = world.clone().in_shards(shards).run_through(carrier);
        let others = cut.history.entries();
        let first = entries.iter().zip(others).find(|(one, other)| one != other);
        assert_eq!(first, None, "{shards} shards");
        assert_eq!(entries.len(), others.len(), "{shards} shards");
        assert_eq!(alone.finished.history, cut.finished.history, "{shards} shards");
    }
    entries.to_vec()
}

#[test]
fn the_number_of_shards_changes_nothing_where_nodes_share_instants_and_calls_fail() {
    let scenario = Scenario::load("first-look").unwrap();
    let at_once = Overrides { ramp: Some(Period::ZERO), ..Overrides::default() };
    let entries = same_history(&World::new(&scenario, &at_once), &Rough);
    assert!(shared_instants(&entries, 1_000, 3) >= 1_000, "{}", shared_instants(&entries, 1_000, 3));
    let endings = |ending: &Ending| entries.iter().filter(|entry| entry.ending == *ending).count();
    assert!(endings(&Ending::Unknown) > 500);
    assert!(endings(&Ending::Fail(ErrorCode::ThrottlingException)) > 1_000);
    assert!(entries.iter().filter(|entry| entry.attempt > 0).count() > 1_000, "calls were tried again");
}

#[test]
fn the_number_of_shards_changes_nothing_in_the_first_look() {
    let entries = same_history(&World::first_look(1_000), &InProcess::Typed);
    assert!(entries.len() > 10_000, "{} calls", entries.len());
}

#[test]
fn another_seed_gives_another_run() {
    let scenario = Scenario::load("first-look").unwrap();
    let run = |seed| {
        World::new(&scenario, &Overrides { seed: Some(seed), nodes: Some(50), ..Overrides::default() }).run()
    };
    assert_eq!(run(1).finished.history, run(1).finished.history);
    assert_ne!(run(1).finished.history, run(2).finished.history);
}

#[test]
fn typed_calls_and_bytes_both_ways_come_to_the_same() {
    let typed = World::first_look(200);
    let bytes = World { transport: InProcess::Bytes, ..typed.clone() };
    let (typed, bytes) = (typed.run(), bytes.run());
    assert!(typed.history.entries().len() > 2_000);
    assert_eq!(typed.history.entries(), bytes.history.entries());
    assert_eq!(format!("{:?}", typed.finished.measures), format!("{:?}", bytes.finished.measures));
}
