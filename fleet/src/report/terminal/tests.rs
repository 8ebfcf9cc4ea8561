//! Made-up results as they stand on a terminal.

use super::*;
use crate::report::sample;
use crate::simulation::Ending;

fn text(result: &RunResult, width: usize) -> String {
    summary(result, &sample::footer(), width, false)
}

#[test]
fn no_line_is_longer_than_the_terminal_is_wide() {
    for result in [sample::good(), sample::bad(), sample::virtual_time()] {
        for width in [60, 79, 80, 99, 100, 120, 200] {
            for line in text(&result, width).lines() {
                assert!(line.chars().count() <= width, "at {width}: {line}");
            }
        }
    }
}

#[test]
fn a_run_reads_at_a_glance() {
    assert_eq!(text(&sample::good(), 80), NARROW);
    assert_eq!(text(&sample::good(), 120), BROAD);
}

#[test]
fn the_first_line_says_what_a_scale_means_before_a_foreign_plane() {
    let mut result = sample::good();
    let head = |result: &RunResult| text(result, 200).lines().next().unwrap().to_owned();
    assert!(head(&result).contains("  60x  "), "{}", head(&result));
    result.plane = crate::result::FOREIGN_PLANE.to_owned();
    assert!(head(&result).contains("  waits 60x, bodies in wall time  "), "{}", head(&result));
    result.pace = Pace::Scaled(1.0);
    assert!(head(&result).contains("  1x  "), "{}", head(&result));
}

#[test]
fn a_run_without_rounds_ends_when_its_time_is_over() {
    let mut result = sample::bad();
    result.associations.clear();
    result.not_made.clear();
    let text = text(&result, 120);
    assert!(!text.contains("not every expected round"), "{text}");
}

#[test]
fn what_went_wrong_is_said() {
    let text = text(&sample::bad(), 120);
    for said in [
        "result       passed\nended        out of time after 51m57s: not every expected round was over",
        "             3 hibernating for another reason, 2 not yet started",
        "             the plane lists 990 nodes, 990 of them online",
        "    2 runs TimedOut, 10 of 485 runs ran no step, 10 nodes not through, 1 run unreported",
        "  2 of 3 expected rounds over",
        "  … 5 rounds between",
        "not made     inventory",
        "DISAGREEMENT hello, round 1: the nodes count 3 Failed, 480 Success, 2 TimedOut, the plane 11 InProgress",
        "faults       12m00s–20m00s  power-loss (crash): 300 nodes\n",
        "             20m00s–end     latency-2: 1,353 calls delayed\n",
        "             5m00s–16m00s   the-plane-is-under-so-much-load-that-it-refuses (throttling): 1,353 calls refused, 2 times\n",
        "             -              after-the-end: did not begin\n",
        "timeline     20m00s  here the plane goes down, and comes back half a minute later\n",
        "             20m00s  restart-plane down for 30s  12 times\n",
        "                  -  raise-alarm cpu, start-association late: did not happen\n",
        "             20m00s  start-association hello  3 times\n             20m00s  lift power-loss  UNEXPECTED\n",
        "UNEXPECTED   lift power-loss: StartAssociationsOnce refused: ThrottlingException: Rate exceeded, expected success",
        "UNEXPECTED   windows-on-linux (i-0c2f4a8be1d93f670): expected UnsupportedPlatformType, was not refused",
        "UNEXPECTED   hello-to-a-terminated-node (i-0f9 (terminated)): expected InvalidInstanceId, got",
        "expected success, got AssociationLimitExceeded:",
        "errors       UpdateInstanceAssociationStatus: 1,007 ThrottlingException, 301 without a reply,",
        "             2 unreadable (HTTP 502 with an empty body)",
        "             UpdateInstanceInformation: 40 InvalidInstanceId",
        "time_to_success{association=hello}",
        "errors{code=ThrottlingException,operation=UpdateInstanceAssociationStatus}  rate < 1%         9.25%  FAILED",
        "NOT EVALUATED\n    nothing was measured",
        "incidents    1 report lost for good, 12 turns late in a busy lane",
        "generator    DID NOT KEEP UP: latest start 12.3 s late (12m18s simulated)",
        "trouble      no reply to AddTagsToResource",
    ] {
        assert!(text.contains(said), "{said}\n\nin\n\n{text}");
    }
    assert!(!text.contains("agreement"), "{text}");
    assert!(!text.contains("inject latency-2"), "it is told among the faults: {text}");
}

#[test]
fn a_long_command_can_be_copied() {
    let again = format!("ssm-fleet run first-look --endpoint http://{}/ --seed 7", "a".repeat(70));
    let footer = Footer { written: None, again: again.clone(), ..Footer::default() };
    let text = summary(&sample::good(), &footer, 80, false);
    let (_, command) = text.split_once("again ").unwrap();
    let words: Vec<&str> = command.split_whitespace().filter(|word| *word != "\\").collect();
    assert_eq!(words.join(" "), again);
    assert!(command.lines().rev().skip(1).all(|line| line.ends_with(" \\")), "{command}");
}

#[test]
fn colour_adds_nothing_but_colour() {
    let result = sample::bad();
    let coloured = summary(&result, &sample::footer(), 80, true);
    assert!(coloured.contains("\u{1b}[31mDISAGREEMENT\u{1b}[0m"), "{coloured}");
    let mut plain = coloured;
    for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, text(&result, 80));
}

#[test]
fn a_run_that_was_cut_short_says_so_once() {
    let mut result = sample::good();
    result.ending = Ending::CutShort;
    let judgement = Judgement { text: "CUT SHORT, exit code 105".to_owned(), ..Judgement::default() };
    let text = summary(&result, &Footer { judgement, ..sample::footer() }, 80, false);
    assert!(text.contains("result       CUT SHORT, exit code 105\nnodes  "), "{text}");
}

#[test]
fn virtual_time_has_no_latencies_and_no_generator() {
    let text = text(&sample::virtual_time(), 80);
    assert!(!text.contains("p50") && !text.contains("generator"), "{text}");
}

#[test]
fn latency_that_is_modelled_is_shown_as_such() {
    let mut result = sample::virtual_time();
    assert!(text(&result, 120).contains("latency      not measured: virtual time takes none"));
    let modelled = crate::result::Quantiles { p50_microseconds: 80_000, ..Default::default() };
    result.modelled_latency.insert("GetDocument".to_owned(), modelled);
    let text = text(&result, 120);
    let above = text.find("latency      modelled, not measured: what the scenario's `latency_model` says");
    assert!(above.is_some() && above < text.find("p50"), "{text}");
    assert!(text.contains("80.0 ms"), "{text}");
}

const NARROW: &str = "\
ssm-fleet 0.1.0  first-look  seed 2718281828  60x
  embedded plane at http://127.0.0.1:4583  connections as-agent

result       passed
nodes        990 of 1,000 online   web 495 of 500   database 297 of 300
             desktop 148 of 150   build 50
             10 invalid instance (hibernating, 40 calls refused),
             10 unsupported platform (30 runs skipped every step)

association          nodes  success  failed    t50    t90    t100
hello  tag Env=prod    495      495       0  5m12s  9m31s  10m24s
    10 of 495 runs ran no step
baseline  rate(30 minutes) tag Role=web,database
  round 1              792      775      17  5m02s  9m27s  10m28s
  round 2              792      778      14  4m59s  9m20s  10m15s
agreement    nodes and plane count the same in all 3 rounds
refused      windows-on-linux            UnsupportedPlatformType  as expected
             hello-to-a-terminated-node  InvalidInstanceId        as expected

threshold                                        measured
time_to_success{association=hello}  p(99) < 10m     9m31s  passed
missed_heartbeats                   rate < 0.1%     0.03%  passed

call                              count  errors      p50      p99      max
UpdateInstanceAssociationStatus  10,890       0  0.24 ms  0.98 ms  3.15 ms
UpdateInstanceInformation         9,014      40  0.24 ms  0.98 ms  3.15 ms
ListInstanceAssociations          5,402       0  0.24 ms  0.98 ms  3.15 ms
PutComplianceItems                2,079       0  0.24 ms  0.98 ms  3.15 ms
GetDocument                       1,287       0  0.24 ms  0.98 ms  3.15 ms
RegisterManagedInstance             990       0  0.24 ms  0.98 ms  3.15 ms
errors       UpdateInstanceInformation: 40 InvalidInstanceId

compliance   1,256 compliant, 14 not
herd         61 calls in the busiest second, at 11m12s: 6.41 times the mean
generator    kept up: latest start 1.93 ms late (0.1 s simulated), no call held
spent        52 s wall for 51m57s simulated, 3.2 s CPU, 58 MB at most
written      runs/2026-11-23T10-00-00-first-look/  result.json  report.md
             junit.xml  timeline.csv
again        ssm-fleet run first-look --seed 2718281828
";

const BROAD: &str = "\
ssm-fleet 0.1.0  first-look  seed 2718281828  60x  embedded plane at http://127.0.0.1:4583  connections as-agent

result       passed
nodes        990 of 1,000 online   web 495 of 500   database 297 of 300   desktop 148 of 150   build 50
             10 invalid instance (hibernating, 40 calls refused), 10 unsupported platform (30 runs skipped every step)

association          nodes  success  failed    t50    t90    t100
hello  tag Env=prod    495      495       0  5m12s  9m31s  10m24s
    10 of 495 runs ran no step
baseline  rate(30 minutes) tag Role=web,database
  round 1              792      775      17  5m02s  9m27s  10m28s
  round 2              792      778      14  4m59s  9m20s  10m15s
agreement    nodes and plane count the same in all 3 rounds
refused      windows-on-linux            UnsupportedPlatformType  as expected  i-0c2f4a8be1d93f670
             hello-to-a-terminated-node  InvalidInstanceId        as expected  i-0f9e8d7c6b5a43210 (terminated)

threshold                                        measured
time_to_success{association=hello}  p(99) < 10m     9m31s  passed
missed_heartbeats                   rate < 0.1%     0.03%  passed

call                              count  retries  errors      p50      p99      max
UpdateInstanceAssociationStatus  10,890        0       0  0.24 ms  0.98 ms  3.15 ms
UpdateInstanceInformation         9,014        0      40  0.24 ms  0.98 ms  3.15 ms
ListInstanceAssociations          5,402        0       0  0.24 ms  0.98 ms  3.15 ms
PutComplianceItems                2,079        0       0  0.24 ms  0.98 ms  3.15 ms
GetDocument                       1,287        0       0  0.24 ms  0.98 ms  3.15 ms
RegisterManagedInstance             990        0       0  0.24 ms  0.98 ms  3.15 ms
errors       UpdateInstanceInformation: 40 InvalidInstanceId

compliance   1,256 compliant, 14 not
herd         61 calls in the busiest second, at 11m12s: 6.41 times the mean
generator    kept up: latest start 1.93 ms late (0.1 s simulated), no call held
spent        52 s wall for 51m57s simulated, 3.2 s CPU, 58 MB at most
written      runs/2026-11-23T10-00-00-first-look/  result.json  report.md  junit.xml  timeline.csv
again        ssm-fleet run first-look --seed 2718281828
";
