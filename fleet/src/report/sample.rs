//! Made-up results for the tests of the reports.

use std::collections::BTreeMap;

use shared::id::{AssociationId, ExecutionId};
use shared::time::{Period, Timestamp};

use super::{Footer, Judgement};
use crate::history::Digest;
use crate::history::mode::HistoryMode;
use crate::result::fault::{InForce, Layer};
use crate::result::{
    Agents, AssociationResult, Calls, Cohort, Difference, EntryResult, Failures, FaultResult, Generator,
    Herd, HistoryCost, InvalidInstance, Nodes, OperatorWork, Peak, Program, Quantiles, Recorded, Refusal,
    Round, RunResult, Spent, UnsupportedPlatform, VERSION,
};
use crate::simulation::{Ending, Pace};
use crate::survey::{Compliance, Listed};
use crate::threshold::{Outcome, UnitName, Verdict};

pub(super) fn footer() -> Footer {
    Footer {
        judgement: Judgement { text: "passed".to_owned(), is_well: true, reasons: Vec::new() },
        written: Some(
            "runs/2026-11-23T10-00-00-first-look/  result.json  report.md  junit.xml  timeline.csv"
                .to_owned(),
        ),
        again: "ssm-fleet run first-look --seed 2718281828".to_owned(),
        beyond: Vec::new(),
    }
}

fn counts(counts: &[(&str, u64)]) -> BTreeMap<String, u64> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

fn start() -> Timestamp {
    Timestamp::from_milliseconds(1_795_428_000_000)
}

fn round(minutes: u64, runs: &[(&str, u64)], times: [u64; 3]) -> Round {
    let [t50, t90, t100] = times.map(|seconds| Some(Period::seconds(seconds)));
    Round {
        created: start() + Period::minutes(minutes),
        execution: Some(ExecutionId::from_bits(u128::from(minutes))),
        status: Some("Success".to_owned()),
        nodes: runs.iter().map(|(_, count)| count).sum(),
        runs: counts(runs),
        foreign: 0,
        unreported: 0,
        missing: 0,
        replaced: 0,
        t50,
        t90,
        t100,
        counted: Some(counts(runs)),
        agrees: Some(true),
        difference: None,
    }
}

fn association(name: &str, aim: &str, rounds: Vec<Round>) -> AssociationResult {
    let rounds_expected = rounds.len() as u32;
    let id = AssociationId::from_bits(name.len() as u128);
    AssociationResult { name: name.to_owned(), aim: aim.to_owned(), id, rounds_expected, rounds }
}

fn refusal(name: &str, aim: &str, expected: Option<&str>, seen: Option<&str>) -> Refusal {
    Refusal {
        name: name.to_owned(),
        aim: aim.to_owned(),
        expected: expected.map(str::to_owned),
        seen: seen.map(str::to_owned),
        message: seen.map(|_| "it cannot be".to_owned()),
        is_as_expected: expected == seen,
    }
}

fn calls(count: u64, refused: &[(&str, u64)]) -> Calls {
    Calls { count, refused: counts(refused), ..Calls::default() }
}

fn cohort(name: &str, platform: &str, nodes: u64, online: u64) -> Cohort {
    Cohort {
        name: name.to_owned(),
        platform: platform.to_owned(),
        nodes,
        online,
        hibernating: nodes - online,
    }
}

fn outcome(metric: &str, bound: &str, verdict: Verdict, value: Option<f64>, unit: UnitName) -> Outcome {
    Outcome {
        metric: metric.to_owned(),
        bound: bound.to_owned(),
        verdict,
        value,
        unit,
        is_never: false,
        has_ended_run: false,
        reason: None,
    }
}

/// A run in which everything went as it should.
pub(super) fn good() -> RunResult {
    let hello = Round { foreign: 10, ..round(11, &[("Success", 495)], [312, 571, 624]) };
    let baseline = vec![
        round(11, &[("Failed", 17), ("Success", 775)], [302, 567, 628]),
        round(41, &[("Failed", 14), ("Success", 778)], [299, 560, 615]),
    ];
    let quantiles = Quantiles { p50_microseconds: 240, p99_microseconds: 980, max_microseconds: 3_150 };
    let calls: BTreeMap<String, Calls> = [
        ("GetDocument".to_owned(), calls(1_287, &[])),
        ("ListInstanceAssociations".to_owned(), calls(5_402, &[])),
        ("PutComplianceItems".to_owned(), calls(2_079, &[])),
        ("RegisterManagedInstance".to_owned(), calls(990, &[])),
        ("UpdateInstanceAssociationStatus".to_owned(), calls(10_890, &[])),
        ("UpdateInstanceInformation".to_owned(), calls(9_014, &[("InvalidInstanceId", 40)])),
    ]
    .into();
    RunResult {
        version: VERSION,
        program: Program { name: "ssm-fleet".to_owned(), version: "0.1.0".to_owned() },
        scenario: "first-look".to_owned(),
        labels: BTreeMap::new(),
        slice: None,
        seed: 2_718_281_828,
        pace: Pace::Scaled(60.0),
        plane: "embedded plane".to_owned(),
        ending: Ending::Complete,
        started: start(),
        ended: start() + Period::seconds(3_117),
        nodes: Nodes {
            total: 1_000,
            online: 990,
            hibernating: 10,
            starting: 0,
            replaced: 0,
            cohorts: vec![
                cohort("web", "amazon-linux-2023", 500, 495),
                cohort("database", "ubuntu-22.04", 300, 297),
                cohort("desktop", "windows-2022", 150, 148),
                cohort("build", "macos-14", 50, 50),
            ],
            listed: Some(Listed {
                nodes: 990,
                online: 990,
                replaced: 0,
                by_platform: counts(&[("Linux", 782)]),
            }),
        },
        failures: Failures {
            invalid_instance: InvalidInstance {
                nodes: 10,
                causes: counts(&[("never-registered", 10)]),
                refusals: counts(&[("UpdateInstanceInformation", 40)]),
            },
            unsupported_platform: UnsupportedPlatform {
                nodes: 10,
                unknown: 0,
                runs: counts(&[("Success", 30)]),
            },
        },
        thresholds: vec![
            outcome(
                "time_to_success{association=hello}",
                "p(99) < 10m",
                Verdict::Passed,
                Some(571.0),
                UnitName::Seconds,
            ),
            outcome("missed_heartbeats", "rate < 0.1%", Verdict::Passed, Some(0.0003), UnitName::Share),
        ],
        herd: Herd {
            all: Some(Peak { calls: 61, factor: 6.412 }),
            peak_at: Some(start() + Period::seconds(672)),
            by_operation: [("GetDocument".to_owned(), Peak { calls: 23, factor: 55.702 })].into(),
        },
        associations: vec![
            association("hello", "tag Env=prod", vec![hello]),
            association("baseline", "rate(30 minutes) tag Role=web,database", baseline),
        ],
        not_made: Vec::new(),
        timeline: Vec::new(),
        refusals: vec![
            refusal(
                "windows-on-linux",
                "i-0c2f4a8be1d93f670",
                Some("UnsupportedPlatformType"),
                Some("UnsupportedPlatformType"),
            ),
            refusal(
                "hello-to-a-terminated-node",
                "i-0f9e8d7c6b5a43210 (terminated)",
                Some("InvalidInstanceId"),
                Some("InvalidInstanceId"),
            ),
        ],
        spent: Spent {
            plane: "embedded plane at http://127.0.0.1:4583".to_owned(),
            wall_seconds: 52.3,
            cpu_seconds: 3.21,
            memory_bytes: 57_900_000,
            latency: calls.keys().map(|operation| (operation.clone(), quantiles)).collect(),
            generator: Some(Generator {
                kept_up: true,
                lateness: Quantiles { max_microseconds: 1_930, ..Quantiles::default() },
                connections_opened: 12,
                connections_at_most: 12,
                ..Generator::default()
            }),
            history: Some(HistoryCost { bytes: 1_234_567, waits: 0, waited_seconds: 0.0 }),
        },
        calls,
        modelled_latency: BTreeMap::new(),
        compliance: Some(Compliance { compliant: 1_256, non_compliant: 14 }),
        operator: OperatorWork { tagged: 990, made_again: 0, troubles: Vec::new() },
        agents: Agents::default(),
        faults: Vec::new(),
        history: None,
        recorded: Recorded { mode: HistoryMode::All, is_default: true, estimate: 71_000, entries: 61_234 },
    }
}

/// The same in virtual time.
pub(super) fn virtual_time() -> RunResult {
    let good = good();
    RunResult {
        pace: Pace::Virtual,
        plane: "embedded plane, virtual time".to_owned(),
        history: Some(Digest { calls: 29_662, hash: "0123456789abcdef".to_owned() }),
        spent: Spent {
            plane: "embedded plane, virtual time".to_owned(),
            latency: BTreeMap::new(),
            generator: None,
            ..good.spent
        },
        ..good
    }
}

/// A run in which nearly everything went wrong.
pub(super) fn bad() -> RunResult {
    let mut bad = good();
    bad.labels = [("team".to_owned(), "web".to_owned())].into();
    bad.ending = Ending::OutOfTime;
    bad.nodes.hibernating = 13;
    bad.nodes.online = 985;
    bad.nodes.starting = 2;
    let hello = &mut bad.associations[0].rounds[0];
    hello.runs = counts(&[("Failed", 3), ("Success", 480), ("TimedOut", 2)]);
    (hello.missing, hello.unreported, hello.agrees, hello.t100) = (10, 1, Some(false), None);
    hello.difference = Some(
        "the nodes count 3 Failed, 480 Success, 2 TimedOut, the plane 11 InProgress, 3 Failed, 479 Success, \
         2 TimedOut; the last report of 1 run was not taken"
            .to_owned(),
    );
    let many =
        (0..9).map(|number| round(11 + 30 * number, &[("Success", 1_234_567)], [302, 567, 7_628])).collect();
    let aim =
        "tag Department=research-and-development,tag-key and a second target that goes on and on and on";
    bad.associations.push(association("patch-everything-there-is-on-every-node-of-the-fleet", aim, many));
    bad.associations[1].rounds_expected = 3;
    bad.not_made = vec!["inventory".to_owned()];
    let entry = |name: &str, times, unmet| EntryResult {
        name: name.to_owned(),
        expected: name.starts_with("start-association").then(|| "success".to_owned()),
        narrated: None,
        times,
        first_milliseconds: (times > 0).then_some(1_200_000),
        unmet,
        differences: (0..unmet)
            .map(|_| Difference {
                at: Timestamp::from_seconds(1_200),
                expected: "success".to_owned(),
                seen: "StartAssociationsOnce refused: ThrottlingException: Rate exceeded".to_owned(),
            })
            .collect(),
    };
    let narrated = Some("here the plane goes down, and comes back half a minute later".to_owned());
    bad.timeline = vec![
        EntryResult { narrated, ..entry("narrate", 1, 0) },
        entry("restart-plane down for 30s", 12, 0),
        entry("start-association patch-everything-there-is-on-every-node-of-the-fleet", 6, 2),
        entry("raise-alarm cpu", 0, 0),
        entry("start-association late", 0, 0),
        entry("start-association hello", 3, 0),
        entry("inject latency-2", 1, 0),
        entry("lift power-loss", 1, 1),
    ];
    let calls_of = |calls| counts(&[("GetDocument", calls), ("UpdateInstanceInformation", 10 * calls)]);
    let window = |from, until: Option<u64>| InForce {
        from: start() + Period::minutes(from),
        until: until.map(|until| start() + Period::minutes(until)),
    };
    let fault = |name: &str, fault: &str, layer, windows, nodes| FaultResult {
        name: name.to_owned(),
        fault: fault.to_owned(),
        layer,
        windows,
        nodes,
        calls: if layer == Layer::Node { BTreeMap::new() } else { calls_of(123) },
    };
    bad.faults = vec![
        fault("power-loss", "crash", Layer::Node, vec![window(12, Some(20))], 300),
        fault("latency-2", "latency", Layer::Network, vec![window(20, None)], 1_000),
        fault("after-the-end", "pause", Layer::Node, Vec::new(), 0),
        fault(
            "the-plane-is-under-so-much-load-that-it-refuses",
            "throttling",
            Layer::Plane,
            vec![window(5, Some(6)), window(15, Some(16))],
            2_000,
        ),
    ];
    bad.refusals = vec![
        refusal("windows-on-linux", "i-0c2f4a8be1d93f670", Some("UnsupportedPlatformType"), None),
        refusal(
            "hello-to-a-terminated-node",
            "i-0f9 (terminated)",
            Some("InvalidInstanceId"),
            Some("InvalidTarget"),
        ),
        refusal(
            "inventory-of-everything-that-is-installed",
            "all nodes",
            None,
            Some("AssociationLimitExceeded"),
        ),
    ];
    let status = bad.calls.entry("UpdateInstanceAssociationStatus".to_owned()).or_default();
    *status = Calls {
        retries: 1_210,
        unknown: 301,
        unreadable: 2,
        looks: counts(&[("HTTP 502 with an empty body", 2)]),
        ..calls(10_890, &[("ThrottlingException", 1_007)])
    };
    bad.agents = Agents {
        lost_reports: 1,
        late_answers: 4,
        started_late: counts(&[("associations", 12)]),
        skipped: counts(&[("health", 3)]),
        ..Agents::default()
    };
    bad.thresholds = vec![
        Outcome {
            is_never: true,
            ..outcome(
                "time_to_success{association=hello}",
                "p(99) < 10m",
                Verdict::Failed,
                None,
                UnitName::Seconds,
            )
        },
        outcome(
            "errors{code=ThrottlingException,operation=UpdateInstanceAssociationStatus}",
            "rate < 1%",
            Verdict::Failed,
            Some(0.0925),
            UnitName::Share,
        ),
        Outcome {
            reason: Some("nothing was measured".to_owned()),
            ..outcome(
                "latency{operation=GetManifest}",
                "p(99) < 250ms",
                Verdict::NotEvaluated,
                None,
                UnitName::Seconds,
            )
        },
    ];
    bad.operator.troubles = vec![
        "no reply to AddTagsToResource: error sending request for url (http://127.0.0.1:4583/): connection refused"
            .to_owned(),
    ];
    bad.spent.generator = Some(Generator {
        kept_up: false,
        lateness: Quantiles {
            p50_microseconds: 900,
            p99_microseconds: 250_000,
            max_microseconds: 12_300_000,
        },
        held_calls: 312,
        longest_held_microseconds: 400_000,
        ..Generator::default()
    });
    bad
}
