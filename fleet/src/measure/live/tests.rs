//! Each metric, read from measures that are made up.

use shared::error::ErrorCode;

use super::*;
use crate::metric::METRICS;
use crate::metric::bound::Bound;

fn second(count: u64) -> Period {
    Period::seconds(count)
}

/// A hundred simulated seconds of a fleet of twenty nodes.
fn live() -> Live {
    let mut ranges = [StateRanges::default(); 2];
    let state = |online| CohortState { nodes: 20, starting: 20 - online, online, hibernating: 0 };
    for online in [10, 20, 15] {
        ranges.iter_mut().for_each(|range| range.add(state(online), 1));
    }
    let mut exact = Samples::default();
    (1..=98).for_each(|count| exact.add(second(count)));
    exact.add_never(2);
    let mut tally = Tally::default();
    let refused = BTreeMap::from([(ErrorCode::ThrottlingException, 30), (ErrorCode::InvalidInstanceId, 10)]);
    let calls = CallTally { made: 200, retries: 25, refused, unknown: 5, unreadable: 5 };
    tally.calls = BTreeMap::from([
        ("UpdateInstanceInformation", calls),
        ("GetDocument", CallTally { made: 100, ..CallTally::default() }),
    ]);
    tally.named_runs.insert(
        "patch".to_owned(),
        [(AssociationStatus::Success, 98), (AssociationStatus::Failed, 2)].into(),
    );
    tally.heartbeats.taken = 150;
    tally.heartbeats.failed = 50;
    tally.heartbeats.retried = 25;
    let mut latency = super::super::histogram();
    (1..=1_000).for_each(|milliseconds| latency.record(milliseconds * 1_000).unwrap());
    let herd = Herd {
        peak: 60,
        peak_at: Timestamp::from_seconds(7),
        total: 300,
        by_operation: [("GetDocument", (50, 100))].into(),
    };
    Live {
        at: Timestamp::from_seconds(1_100),
        started: Timestamp::from_seconds(1_000),
        asked: Asked::Said,
        cohort_names: ["web".to_owned()].into(),
        cohorts: vec![state(15)],
        ranges: ranges.to_vec(),
        tally,
        held: Some(3),
        herd,
        latency: [("GetDocument", latency)].into(),
        associations: [(
            "patch".to_owned(),
            AssociationTimes {
                to_success: exact,
                meant_and_missing: (100, 2),
                ..AssociationTimes::default()
            },
        )]
        .into(),
        ..Live::default()
    }
}

fn read(live: &Live, text: &str) -> Result<f64, Unread> {
    let (selection, rest) = Selection::parse_front(text).unwrap();
    let bound = Bound::parse(selection.metric, rest).unwrap();
    live.read(&selection, bound.aggregate)
}

#[test]
fn each_metric_says_what_the_list_says_of_it() {
    let live = live();
    let cases = [
        ("calls count < 0", 300.0),
        ("calls{operation=GetDocument} count < 0", 100.0),
        ("calls rate < 0/s", 3.0),
        ("errors count < 0", 50.0),
        ("errors{code=ThrottlingException} count < 0", 30.0),
        ("errors{code=NoReply} count < 0", 5.0),
        ("errors{code=Unreadable} count < 0", 5.0),
        ("errors{operation=GetDocument} rate < 0%", 0.0),
        ("errors{operation=UpdateInstanceInformation} rate < 0%", 0.25),
        ("errors rate < 0/s", 0.5),
        ("retries rate < 0%", 25.0 / 300.0),
        ("missed_heartbeats count < 0", 25.0),
        ("missed_heartbeats rate < 0%", 25.0 / 175.0),
        ("online < 0", 15.0),
        ("online min < 0", 10.0),
        ("online max < 0", 20.0),
        ("online{cohort=web} avg < 0", 15.0),
        ("starting{cohort=web} < 0", 5.0),
        ("runs{association=patch} count < 0", 100.0),
        ("runs{association=patch,status=Failed} rate < 0%", 0.02),
        ("missing count < 0", 2.0),
        ("missing{association=patch} rate < 0%", 0.02),
        ("herd_factor max < 0", 20.0),
        ("herd_factor{operation=GetDocument} < 0", 50.0),
        ("held count < 0", 3.0),
        ("time_to_success min < 0s", 1e6),
        ("time_to_success p(50) < 0s", 50e6),
        ("time_to_success{association=patch} p(98) < 0s", 98e6),
        ("time_to_success p(99) < 0s", f64::INFINITY),
        ("time_to_success avg < 0s", f64::INFINITY),
        ("time_to_success count < 0", 98.0),
    ];
    for (text, expected) in cases {
        let found = read(&live, text).unwrap();
        assert!(found == expected || (found - expected).abs() < 1e-9, "{text}: {found}");
    }
    let p99 = read(&live, "latency p(99) < 0s").unwrap();
    assert!((p99 - 990e3).abs() < 2e3, "three digits: {p99}");
}

#[test]
fn what_was_not_measured_is_no_number() {
    let empty = Live { is_virtual: true, ..Live::default() };
    let cases = [
        ("latency p(99) < 1s", Unread::NoLatency),
        ("lateness max < 1s", Unread::NoLateness),
        ("held count == 0", Unread::NoConnections),
        ("errors rate < 1%", Unread::NoSamples),
        ("online min < 1", Unread::NoSamples),
        ("online{cohort=web} < 1", Unread::NoSamples),
        ("herd_factor < 5", Unread::NoSamples),
        ("time_to_success max < 1s", Unread::NoSamples),
        ("missing count == 0", Unread::NotYet),
    ];
    for (text, expected) in cases {
        assert_eq!(read(&empty, text), Err(expected), "{text}");
    }
    for metric in METRICS.iter().map(|known| known.metric) {
        let selection = Selection::all(metric);
        let found = empty.read(&selection, Aggregate::Count).err();
        let expected = Unread::in_virtual_time(metric, false);
        assert!(expected.is_none() || found == expected, "{metric:?}: {found:?}");
    }
    assert_eq!(read(&empty, "errors count == 0"), Ok(0.0), "that nothing happened is a count");
}

#[test]
fn folded_and_exact_samples_say_the_same_to_three_digits() {
    let (mut folded, mut exact) = (Samples::folded(), Samples::default());
    for count in 1..=1_000 {
        folded.add(second(count));
        exact.add(second(count));
    }
    for aggregate in [Aggregate::Median, Aggregate::Percentile(99.0), Aggregate::Maximum, Aggregate::Average]
    {
        let [one, other] = [folded.clone(), exact.clone()].map(|samples| samples.read(aggregate).unwrap());
        assert!((one - other).abs() <= other / 500.0, "{aggregate:?}: {one} {other}");
    }
    let both = Samples::merged([&exact, &exact].into_iter());
    assert_eq!(both.read(Aggregate::Count), Some(2_000.0));
}
