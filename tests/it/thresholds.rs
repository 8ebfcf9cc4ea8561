//! Thresholds over whole runs in virtual time: judged at the end, ending a run,
//! and the same whatever the number of shards.

use fleet::metric::{Kind, Label, METRICS, Rate};
use fleet::operator::rounds::KnownAssociation;
use fleet::plan::Overrides;
use fleet::result::RunResult;
use fleet::scenario::{FIRST_LOOK, Scenario};
use fleet::simulation::Ending;
use fleet::threshold::{Outcome, Verdict};
use ssm_fleet_tests::World;

/// First-look with 200 nodes, and further keys in the place of its thresholds.
fn world(keys: &str) -> World {
    let (others, _) = FIRST_LOOK.split_once("thresholds:").unwrap();
    let scenario = Scenario::parse("first-look", &format!("{others}{keys}\n")).unwrap();
    World::new(&scenario, &Overrides { nodes: Some(200), ..Overrides::default() })
}

fn of<'a>(result: &'a RunResult, metric: &str) -> Vec<&'a Outcome> {
    result.thresholds.iter().filter(|outcome| outcome.metric == metric).collect()
}

#[test]
fn thresholds_are_judged_by_what_the_run_came_to() {
    let world = world(
        "thresholds:
  time_to_success{association=hello}: [p(99) < 11m, p(99) < 1m, max < 2h]
  time_to_success{association=baseline}: [max < 2h]
  time_to_start{association=hello}: [med > 1m]
  missing: [count == 0]
  runs{association=baseline,status=Failed}: [rate < 5%, count > 0]
  missed_heartbeats: [rate < 0.1%, count == 0]
  errors{code=InvalidInstanceId}: [count > 0]
  errors{code=ThrottlingException}: [count == 0]
  errors{operation=GetManifest}: [rate < 1%]
  latency{operation=GetDocument}: [p(99) < 250ms]
  held: [count == 0]
  online: [value >= 198, min == 0, max <= 198]
  hibernating: [value == 2]
  herd_factor: [max < 30]
  calls{operation=UpdateInstanceInformation}: [rate > 0.1/s]",
    );
    let result = RunResult::new(&world.run().finished);
    use Verdict::{Failed, NotEvaluated, Passed};
    let expected = [
        ("time_to_success{association=hello}", vec![Passed, Failed, Passed]),
        // Two in a hundred of its runs fail: they succeed never.
        ("time_to_success{association=baseline}", vec![Failed]),
        ("time_to_start{association=hello}", vec![Passed]),
        ("missing", vec![Passed]),
        ("runs{association=baseline,status=Failed}", vec![Passed, Passed]),
        ("missed_heartbeats", vec![Passed, Passed]),
        ("errors{code=InvalidInstanceId}", vec![Passed]),
        ("errors{code=ThrottlingException}", vec![Passed]),
        ("errors{operation=GetManifest}", vec![NotEvaluated]),
        ("latency{operation=GetDocument}", vec![NotEvaluated]),
        ("held", vec![NotEvaluated]),
        ("online", vec![Passed, Passed, Passed]),
        ("hibernating", vec![Passed]),
        ("herd_factor", vec![Passed]),
        ("calls{operation=UpdateInstanceInformation}", vec![Passed]),
    ];
    for (metric, verdicts) in expected {
        let outcomes = of(&result, metric);
        let found: Vec<Verdict> = outcomes.iter().map(|outcome| outcome.verdict).collect();
        assert_eq!(found, verdicts, "{metric}: {outcomes:?}");
    }
    assert!(of(&result, "time_to_success{association=baseline}")[0].is_never);

    // What a threshold says is what the tables say.
    let hello = &result.associations[0].rounds[0];
    let t100 = of(&result, "time_to_success{association=hello}")[2].value.unwrap();
    assert_eq!(Some(t100), hello.t100.map(|period| period.as_seconds()));
    let refused: u64 = result.failures.invalid_instance.refusals.values().sum();
    assert_eq!(of(&result, "errors{code=InvalidInstanceId}")[0].value, Some(refused as f64));
    let peak = result.herd.all.unwrap();
    assert_eq!(of(&result, "herd_factor")[0].value, Some(peak.factor));
    assert!(peak.factor > 1.0 && peak.calls > 0, "{peak:?}");
}

#[test]
fn a_threshold_that_is_to_end_the_run_ends_it_at_a_whole_second() {
    let keys = "thresholds:\n  online: [{ threshold: value < 100, abort: true }]\n  \
        time_to_success{association=hello}: [{ threshold: p(50) < 1s, abort: true }]\n  runs: [count == 0]";
    let world = world(keys);
    let finished = world.run().finished;
    assert_eq!(finished.ending, Ending::Aborted);
    assert_eq!(finished.ended.milliseconds() % 1_000, 0);
    assert!(finished.ended.since(world.plan.start) < world.plan.ramp, "half of the nodes had arrived");
    let result = RunResult::new(&finished);
    let [online, hello, runs] = &result.thresholds[..] else { panic!("{:?}", result.thresholds) };
    assert_eq!((online.verdict, online.has_ended_run), (Verdict::Failed, true));
    assert!(online.value.unwrap() >= 100.0 && online.value.unwrap() < 110.0, "{online:?}");
    assert_eq!((hello.verdict, hello.has_ended_run), (Verdict::NotEvaluated, false));
    assert_eq!(runs.verdict, Verdict::Passed);
}

#[test]
fn how_long_rounds_take_is_known_while_the_run_goes_on() {
    let keys = "thresholds:\n  time_to_success{association=hello}: [{ threshold: p(50) < 4m, abort: true }]";
    let world = world(keys);
    let finished = world.run().finished;
    assert_eq!(finished.ending, Ending::Aborted);
    let outcome = &RunResult::new(&finished).thresholds[0];
    let value = outcome.value.unwrap();
    assert!((240.0..260.0).contains(&value), "as soon as half of those so far took four minutes: {value}");
    let since = finished.ended.since(world.plan.start + world.plan.associations[0].at).as_seconds();
    assert!(since < 600.0, "long before the last node was through: {since}");
}

#[test]
fn a_latency_model_delays_answers_and_is_measured() {
    let model = "latency_model: { log-normal: { median: 80ms, sigma: 0.5 } }\n";
    let latency = "thresholds:\n  latency{operation=UpdateInstanceInformation}: [med < 100ms, med > 60ms, p(99) > 150ms]\n  \
        latency: [{ threshold: max < 10m, abort: true }]";
    let result = RunResult::new(&world(&format!("{model}{latency}")).run().finished);
    let verdicts: Vec<Verdict> = result.thresholds.iter().map(|outcome| outcome.verdict).collect();
    assert_eq!(verdicts, [Verdict::Passed; 4], "{:?}", result.thresholds);
    assert!(result.spent.latency.is_empty(), "no wall time was measured");
    let heartbeat = result.modelled_latency["UpdateInstanceInformation"];
    assert!((60_000..100_000).contains(&heartbeat.p50_microseconds), "{heartbeat:?}");

    // What such a plane does it does for nobody.
    let scenario = Scenario::parse("first-look", &format!("{FIRST_LOOK}\nlatency_model: 16m\n")).unwrap();
    let hour = Some(shared::time::Period::hours(1));
    let overrides = Overrides { nodes: Some(50), duration: hour, ..Overrides::default() };
    let hangs = World::new(&scenario, &overrides).run().finished;
    let registrations = &hangs.measures.calls["RegisterManagedInstance"];
    assert!(registrations.made >= 50, "{registrations:?}");
    assert_eq!(registrations.unknown, registrations.made, "each gives up after 15 minutes");
    assert_eq!(hangs.cohorts.iter().map(|cohort| cohort.online).sum::<u32>(), 0);
}

#[test]
fn the_number_of_shards_shows_in_no_measure() {
    let keys = "latency_model: [20ms, 300ms]\nthresholds:\n  errors{code=ThrottlingException}: [count == 0]\n  \
        herd_factor: [max < 30]\n  online: [avg > 1]\n  latency: [p(99) < 1s]\n  \
        time_to_success{association=hello}: [p(50) < 10m, { threshold: p(90) < 7m, abort: true }]";
    let world = world(keys);
    let result = |shards: usize| {
        let outcome = world.clone().in_shards(shards).run();
        let mut result = RunResult::new(&outcome.finished);
        result.spent = Default::default();
        result.to_json()
    };
    let one = result(1);
    assert!(one.contains("\"has_ended_run\": true"), "{one}");
    for shards in [2, 3, 7] {
        assert_eq!(result(shards), one, "{shards} shards");
    }
}

/// All that may be asked of a metric, as bounds that hold of any number.
fn bounds(kind: Kind) -> Vec<&'static str> {
    match kind {
        Kind::Durations => {
            vec![
                "avg >= 0s",
                "min >= 0s",
                "med >= 0s",
                "max >= 0s",
                "p(0) >= 0s",
                "p(99.9) >= 0s",
                "count >= 0",
            ]
        }
        Kind::Gauge => vec!["value >= 0", "avg >= 0", "min >= 0", "max >= 0"],
        Kind::Factor => vec!["value >= 0", "max >= 0"],
        Kind::Counter(rates) => {
            let rates = rates.iter().map(|rate| match rate {
                Rate::Share(_) => "rate >= 0%",
                Rate::PerSecond => "rate >= 0/s",
            });
            rates.chain(["count >= 0"]).collect()
        }
    }
}

#[test]
fn each_metric_can_be_asked_in_each_way_with_each_label() {
    let values = |label: Label| match label {
        Label::Association => "baseline",
        Label::Code => "InvalidInstanceId",
        Label::Cohort => "web",
        Label::Operation => "UpdateInstanceInformation",
        Label::Status => "Failed",
    };
    let mut keys = "latency_model: 20ms\nthresholds:\n".to_owned();
    let mut asked = 0;
    for known in &METRICS {
        let pairs: Vec<String> =
            known.labels.iter().map(|label| format!("{}={}", label.as_str(), values(*label))).collect();
        let all = (pairs.len() > 1).then(|| pairs.join(","));
        let selections = std::iter::once(String::new())
            .chain(pairs.iter().chain(&all).map(|labels| format!("{{{labels}}}")));
        for selection in selections {
            let bounds = bounds(known.kind);
            asked += bounds.len();
            keys.push_str(&format!("  {}{selection}: [{}]\n", known.name, bounds.join(", ")));
        }
    }
    let result = RunResult::new(&world(&keys).run().finished);
    assert_eq!(result.thresholds.len(), asked);
    for outcome in &result.thresholds {
        let is_of_sockets = ["held", "lateness"].contains(&outcome.metric.as_str());
        let expected = if is_of_sockets { Verdict::NotEvaluated } else { Verdict::Passed };
        assert_eq!(outcome.verdict, expected, "{outcome:?}");
        let reason = outcome.reason.as_deref().unwrap_or_default();
        assert!(!is_of_sockets || reason.starts_with("virtual time has no "), "{reason}");
    }
    let value = |metric: &str, bound: &str| {
        let mut found = of(&result, metric).into_iter().filter(|outcome| outcome.bound == bound);
        found.next().and_then(|outcome| outcome.value).unwrap()
    };
    let heartbeats = &result.calls["UpdateInstanceInformation"];
    assert_eq!(value("calls{operation=UpdateInstanceInformation}", "count >= 0"), heartbeats.count as f64);
    assert_eq!(
        value("errors{code=InvalidInstanceId,operation=UpdateInstanceInformation}", "count >= 0"),
        heartbeats.refused["InvalidInstanceId"] as f64
    );
    let failed: u64 = result
        .associations
        .iter()
        .flat_map(|it| &it.rounds)
        .filter_map(|round| round.runs.get("Failed"))
        .sum();
    assert_eq!(value("runs{status=Failed}", "count >= 0"), failed as f64);
}

#[test]
fn what_virtual_time_leaves_open_is_told_beforehand() {
    let told = |keys: &str| world(keys).plan.left_open_in_virtual_time();
    let open = "thresholds:\n  held: [count == 0]\n  latency: [p(99) < 1s]\n  lateness: [max < 1s]\n  online: [value > 5]\n";
    let [held, latency, lateness] = &told(open)[..] else { panic!("{:?}", told(open)) };
    assert!(held.starts_with("threshold held: count == 0 will not be evaluated, and the exit code be 4: "));
    assert!(held.ends_with("virtual time has no connections that a call could wait for: run over sockets"));
    assert!(latency.contains("state a `latency_model`") && lateness.contains("virtual time has no lateness"));
    assert_eq!(told(&format!("latency_model: 20ms\n{open}")).len(), 2);
}

#[test]
fn a_threshold_that_is_looked_at_later_ends_nothing_while_nodes_arrive() {
    let keys = |after: &str| {
        format!("thresholds:\n  online: [{{ threshold: value >= 190, abort: true, after: {after} }}]\n")
    };
    let early = world(&keys("2m")).run().finished;
    let since = |finished: &fleet::simulation::Finished| finished.ended.since(finished.plan.start);
    assert_eq!((early.ending, since(&early)), (Ending::Aborted, shared::time::Period::minutes(2)));
    let late = world(&keys("15m")).run().finished;
    assert_eq!(late.ending, Ending::Complete, "all have arrived by then");
    assert_eq!(RunResult::new(&late).thresholds[0].verdict, Verdict::Passed);
}

#[test]
fn runs_that_were_folded_come_to_the_same_counts_and_nearly_the_same_times() {
    let world = world(
        "thresholds:\n  time_to_success{association=baseline}: [count > 0, p(50) < 1h, max < 1h, p(99) < 1h]\n  \
         time_to_start{association=baseline}: [min > 0s, avg > 0s, max < 1h]",
    );
    let mut finished = world.run().finished;
    let exact = RunResult::new(&finished);
    let id = exact.associations[1].id;
    let dispatched = exact.associations[1].rounds.iter().map(|round| round.created).collect();
    let known = KnownAssociation { name: "baseline".into(), dispatched, looked_at: finished.ended };
    let kept = finished.measures.kept_runs();
    finished.measures.fold(&[(id, known)].into(), finished.ended);
    let of_round = exact.associations[1].rounds[0].runs.values().sum::<u64>() as usize;
    assert!(finished.measures.kept_runs() + of_round / 2 < kept, "{of_round} of {kept}");
    let folded = RunResult::new(&finished);
    let is_near = |told: f64, exact: f64| told >= exact && (told - exact) * 100.0 <= exact;
    for (told, exact) in folded.associations[1].rounds.iter().zip(&exact.associations[1].rounds) {
        assert_eq!((&told.runs, told.foreign, told.missing), (&exact.runs, exact.foreign, exact.missing));
        assert_eq!((told.agrees, told.t100), (exact.agrees, exact.t100));
        for (told, exact) in [(told.t50, exact.t50), (told.t90, exact.t90)] {
            let [told, exact] = [told, exact].map(|period| period.unwrap().as_seconds());
            assert!(is_near(told, exact), "{told} for {exact}");
        }
    }
    for (told, exact) in folded.thresholds.iter().zip(&exact.thresholds) {
        assert_eq!((told.verdict, told.is_never), (exact.verdict, exact.is_never));
        match told.bound.split(' ').next() {
            Some("p(50)") => assert!(is_near(told.value.unwrap(), exact.value.unwrap()), "{told:?}"),
            _ => assert_eq!(told.value, exact.value, "{told:?}"),
        }
    }
}
