//! What the summary and the document say in the same words.

use std::collections::BTreeMap;

use crate::history::mode::HistoryMode;
use crate::report::words::{count, counted, elapsed, latency, megabytes, seconds};
use crate::result::fault::Layer;
use crate::result::{
    AssociationResult, Calls, EntryResult, FaultResult, Generator, Peak, Quantiles, Recorded, Refusal, Round,
    RunResult,
};
use crate::simulation::{Ending, Pace};
use crate::threshold::{Outcome, UnitName, Verdict};
use agent::fault::named::Cause;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};

/// How time passed: `60x`, `virtual time`. A foreign plane knows nothing of a scale.
pub(super) fn pace(result: &RunResult) -> String {
    match result.pace {
        Pace::Scaled(scale) if scale != 1.0 && result.is_plane_foreign() => {
            format!("waits {scale}x, bodies in wall time")
        }
        Pace::Scaled(scale) => format!("{scale}x"),
        Pace::Virtual => "virtual time".to_owned(),
    }
}

/// Whose connections calls took: `connections as-agent`.
pub(super) fn connections(result: &RunResult) -> Option<String> {
    let generator = result.spent.generator.as_ref()?;
    Some(format!("connections {}", generator.connections.as_str()))
}

/// What of the run is written down, and who chose that: `all, 61,234 entries`.
pub(super) fn recorded(result: &RunResult) -> String {
    let Recorded { mode, is_default, estimate, entries } = result.recorded;
    let mode_name = mode.as_str();
    match mode {
        HistoryMode::Off => mode_name.to_owned(),
        HistoryMode::All => format!("{mode_name}, {} entries", count(entries)),
        HistoryMode::Changes if is_default => format!(
            "{mode_name}, {} entries: all of it would be about {} by the plan",
            count(entries),
            count(estimate)
        ),
        HistoryMode::Changes | HistoryMode::Failures => {
            format!("{mode_name}, {} entries, as asked for", count(entries))
        }
    }
}

/// How the run ended, and whether that is as it should be.
pub(super) fn ending(result: &RunResult) -> (String, bool) {
    let after = elapsed(Some(result.duration()));
    match result.ending {
        Ending::Complete => (format!("complete after {after}"), true),
        Ending::OutOfTime if result.has_open_rounds() => {
            (format!("out of time after {after}: not every expected round was over"), false)
        }
        Ending::OutOfTime => (format!("out of time after {after}"), true),
        Ending::Aborted => {
            let ended = result.thresholds.iter().filter(|outcome| outcome.has_ended_run);
            let which: Vec<String> =
                ended.map(|outcome| format!("{}: {}", outcome.metric, outcome.bound)).collect();
            (format!("ended by a threshold after {after}: {}", which.join(", ")), false)
        }
        Ending::CutShort => (format!("cut short after {after}"), false),
    }
}

/// The two failures that have a name, those that there were.
pub(super) fn failures(result: &RunResult) -> Vec<String> {
    let mut phrases = Vec::new();
    let invalid = &result.failures.invalid_instance;
    let refused: u64 = invalid.refusals.values().sum();
    let never = Cause::NeverRegistered.as_str();
    let has_others = invalid.causes.keys().any(|cause| cause != never);
    if invalid.nodes > 0 || refused > 0 || has_others {
        let calls = counted(refused, "call");
        // A hybrid node gets no credentials then, and its worker is not started.
        let how = match result.nodes.hibernating {
            _ if invalid.nodes == 0 => "",
            0 => "without credentials, ",
            asleep if asleep >= invalid.nodes => "hibernating, ",
            _ => "hibernating or without credentials, ",
        };
        let nodes = count(invalid.nodes);
        if has_others {
            let all = count(invalid.causes.values().sum());
            let some = if invalid.nodes == 0 { String::new() } else { format!("{nodes} ") };
            let causes = Cause::ALL.iter().filter_map(|cause| {
                let nodes = invalid.causes.get(cause.as_str())?;
                Some(format!("{} {}", count(*nodes), cause.as_str()))
            });
            let causes = causes.collect::<Vec<_>>().join(", ");
            phrases.push(format!("{all} invalid instances ({some}{how}{calls} refused): {causes}"));
        } else {
            phrases.push(format!("{nodes} invalid instance ({how}{calls} refused)"));
        }
    }
    let unsupported = &result.failures.unsupported_platform;
    if unsupported.unknown > 0 {
        phrases.push(format!("{} of a platform that the service does not know", count(unsupported.unknown)));
    }
    if unsupported.nodes > 0 {
        let runs: Vec<String> =
            unsupported.runs.iter().map(|(status, runs)| foreign_runs(status, *runs)).collect();
        phrases.push(format!("{} unsupported platform ({})", count(unsupported.nodes), runs.join(", ")));
    }
    phrases
}

fn foreign_runs(status: &str, runs: u64) -> String {
    let runs = counted(runs, "run");
    if status == AssociationStatus::Success.as_str() {
        format!("{runs} skipped every step")
    } else {
        format!("{runs} {status}")
    }
}

/// A fault by its name, and what went wrong where the name does not say it.
pub(super) fn fault(fault: &FaultResult) -> String {
    let FaultResult { name, fault, .. } = fault;
    let is_said =
        name.strip_prefix(fault.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if is_said { name.clone() } else { format!("{name} ({fault})") }
}

/// When a fault was in force: `20m00s–30m00s`, and from the first to the last of several times.
pub(super) fn fault_time(fault: &FaultResult, started: Timestamp) -> String {
    let (Some(first), Some(last)) = (fault.windows.first(), fault.windows.last()) else {
        return "-".to_owned();
    };
    let until = last.until.map_or_else(|| "end".to_owned(), |until| until.since(started).to_string());
    format!("{}–{until}", first.from.since(started))
}

/// What a fault did: `300 nodes`, `1,203 calls delayed`, `12 calls refused, 3 times`.
pub(super) fn fault_effect(fault: &FaultResult) -> String {
    let times = match fault.windows.len() {
        0 => return "did not begin".to_owned(),
        1 => String::new(),
        times => format!(", {} times", count(times as u64)),
    };
    let calls = match fault.calls() {
        0 => "no call".to_owned(),
        calls => counted(calls, "call"),
    };
    let did = fault_verb(&fault.fault);
    match fault.layer {
        Layer::Node => format!("{}{times}", counted(fault.nodes, "node")),
        Layer::Network | Layer::Plane => format!("{calls} {did}{times}"),
    }
}

/// What a fault of the network or of the plane does to a call.
fn fault_verb(fault: &str) -> &'static str {
    match fault {
        "bandwidth" | "latency" | "plane-latency" | "slicer" => "delayed",
        "abort" | "limit-data" | "reset-peer" => "cut off",
        "partition" | "timeout" => "got no answer",
        "lost-acknowledgement" => "lost their answers",
        "replace-status" => "got another answer",
        "dropped-writes" => "forgotten",
        "stale-reads" => "got old answers",
        "fail-first" | "server-error" | "throttling" => "refused",
        _ => "struck",
    }
}

/// The calls that a fault struck, the most first: `UpdateInstanceInformation 1,000`.
pub(super) fn fault_calls(fault: &FaultResult) -> Vec<String> {
    let mut calls: Vec<_> = fault.calls.iter().collect();
    calls.sort_by_key(|(_, calls)| std::cmp::Reverse(**calls));
    calls.into_iter().map(|(operation, calls)| format!("{operation} {}", count(*calls))).collect()
}

/// Nodes that were neither at work nor asleep for their id, in words.
pub(super) fn absent(result: &RunResult) -> Vec<String> {
    let nodes = &result.nodes;
    let asleep = nodes.hibernating.saturating_sub(result.failures.invalid_instance.nodes);
    let mut phrases = Vec::new();
    if asleep > 0 {
        phrases.push(format!("{} hibernating for another reason", count(asleep)));
    }
    // Those on which no agent runs are told of as invalid instances, and those of a platform
    // that is refused at the start as such.
    let causes = &result.failures.invalid_instance.causes;
    let is_silent = |cause: &Cause| cause.is_silent();
    let silent: u64 =
        Cause::ALL.iter().copied().filter(is_silent).filter_map(|cause| causes.get(cause.as_str())).sum();
    let unknown = result.failures.unsupported_platform.unknown;
    let refused = result.failures.invalid_instance.nodes.saturating_sub(nodes.hibernating);
    let starting = nodes.starting.saturating_sub(silent + unknown + refused);
    if starting > 0 {
        phrases.push(format!("{} not yet started", count(starting)));
    }
    phrases
}

/// What the plane lists, where that is not what the fleet is.
pub(super) fn listed(result: &RunResult) -> Option<String> {
    let listed = result.nodes.listed.as_ref()?;
    (listed.online != result.nodes.online).then(|| {
        format!("the plane lists {}, {} of them online", counted(listed.nodes, "node"), count(listed.online))
    })
}

/// How many nodes ended for good, if any did.
pub(super) fn replaced(result: &RunResult) -> Option<String> {
    (result.nodes.replaced > 0).then(|| format!("{} replaced", count(result.nodes.replaced)))
}

/// What the columns of a round leave unsaid.
pub(super) fn remarks(round: &Round) -> Vec<String> {
    let mut phrases = Vec::new();
    let others = round.runs.iter().filter(|(status, _)| !matches!(status.as_str(), "Success" | "Failed"));
    phrases.extend(others.map(|(status, runs)| format!("{} {status}", counted(*runs, "run"))));
    if round.foreign > 0 {
        let runs = counted(round.runs.values().sum(), "run");
        phrases.push(format!("{} of {runs} ran no step", count(round.foreign)));
    }
    if round.missing > 0 {
        phrases.push(format!("{} not through", counted(round.missing, "node")));
    }
    if round.replaced > 0 {
        phrases.push(format!("{} replaced before", counted(round.replaced, "node")));
    }
    if round.unreported > 0 {
        phrases.push(format!("{} unreported", counted(round.unreported, "run")));
    }
    phrases
}

/// That rounds are missing, if they are.
pub(super) fn rounds_missing(association: &AssociationResult) -> Option<String> {
    let (over, expected) = (association.rounds_over(), association.rounds_expected as usize);
    (over < expected).then(|| format!("{over} of {} over", counted(expected as u64, "expected round")))
}

/// Whether nodes and plane agree: what to say if so, else each difference.
pub(super) fn agreement(result: &RunResult) -> Result<Option<String>, Vec<String>> {
    let rounds = result.associations.iter().flat_map(|association| {
        (1..).zip(&association.rounds).map(move |(number, round)| (association, number, round))
    });
    let mut agreed = 0;
    let mut differences = Vec::new();
    for (association, number, round) in rounds {
        agreed += u64::from(round.agrees == Some(true));
        if let Some(difference) = &round.difference {
            differences.push(format!("{}, round {number}: {difference}", association.name));
        }
    }
    if !differences.is_empty() {
        return Err(differences);
    }
    if result.compliance.is_none() && !result.associations.is_empty() {
        return Err(vec!["unknown: the plane did not say how it counts".to_owned()]);
    }
    Ok(match agreed {
        0 => None,
        1 => Some("nodes and plane count the same in the one round".to_owned()),
        agreed => Some(format!("nodes and plane count the same in all {} rounds", count(agreed))),
    })
}

/// What came of a refusal: as expected, or how not.
pub(super) fn refusal(refusal: &Refusal) -> String {
    let reason = match refusal.message.as_deref() {
        None | Some("") => String::new(),
        Some(message) => format!(": {message}"),
    };
    match (&refusal.expected, &refusal.seen) {
        _ if refusal.is_as_expected => "as expected".to_owned(),
        (Some(expected), Some(seen)) => format!("expected {expected}, got {seen}{reason}"),
        (Some(expected), None) => format!("expected {expected}, was not refused"),
        (None, Some(seen)) => format!("expected success, got {seen}{reason}"),
        (None, None) => "not refused".to_owned(),
    }
}

/// Why calls did not end well: `32 InvalidInstanceId, 4 without a reply`.
pub(super) fn errors(calls: &Calls) -> Vec<String> {
    let mut phrases: Vec<String> =
        calls.refused.iter().map(|(code, calls)| format!("{} {code}", count(*calls))).collect();
    if calls.unknown > 0 {
        phrases.push(format!("{} without a reply", count(calls.unknown)));
    }
    if calls.unreadable > 0 {
        phrases.push(format!("{} unreadable{}", count(calls.unreadable), looks(calls)));
    }
    phrases
}

/// How unreadable answers looked: ` (HTTP 404 with an empty body)`.
fn looks(calls: &Calls) -> String {
    let told: Vec<String> = match calls.looks.iter().collect::<Vec<_>>()[..] {
        [] => return String::new(),
        [(look, &times)] if times == calls.unreadable => vec![look.clone()],
        ref looks => looks.iter().map(|(look, times)| format!("{} {look}", count(**times))).collect(),
    };
    format!(" ({})", told.join(", "))
}

/// The operations by how often they were called, most often first.
pub(super) fn operations(result: &RunResult) -> Vec<(&str, &Calls)> {
    let mut operations: Vec<_> = result.calls.iter().map(|(name, calls)| (name.as_str(), calls)).collect();
    operations.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.count));
    operations
}

/// What went on beside calls and runs, if anything did.
pub(super) fn incidents(result: &RunResult) -> Vec<String> {
    let agents = &result.agents;
    let mut phrases = Vec::new();
    let mut say = |number: u64, phrase: &dyn Fn(u64) -> String| {
        if number > 0 {
            phrases.push(phrase(number));
        }
    };
    say(agents.lost_reports, &|number| format!("{} lost for good", counted(number, "report")));
    say(agents.started_late.values().sum(), &|number| {
        format!("{} late in a busy lane", counted(number, "turn"))
    });
    say(agents.skipped.values().sum(), &|number| {
        format!("{} skipped in a busy lane", counted(number, "turn"))
    });
    say(agents.late_answers, &|number| format!("{} to calls that were over", counted(number, "answer")));
    say(result.operator.made_again, &|number| {
        format!("{} of the operator made again", counted(number, "call"))
    });
    for (reason, &number) in &agents.workers_died {
        say(number, &|number| {
            format!("{} died of {reason}, as a real agent's would", counted(number, "worker"))
        });
    }
    phrases
}

/// Whether the load was generated as it was meant to be.
pub(super) fn generator(result: &RunResult, generator: &Generator) -> (String, bool) {
    let held = match generator.held_calls {
        0 => "no call held".to_owned(),
        calls => {
            let longest = latency(generator.longest_held_microseconds);
            format!("{} held for a connection, the longest {longest}", counted(calls, "call"))
        }
    };
    let latest = generator.lateness.max_microseconds;
    let simulated = match result.pace {
        Pace::Scaled(scale) if scale > 1.0 => {
            format!(" ({} simulated)", seconds(latest as f64 * scale / 1_000_000.0))
        }
        Pace::Scaled(_) | Pace::Virtual => String::new(),
    };
    let latest = format!("latest start {} late{simulated}", latency(latest));
    if generator.kept_up {
        return (format!("kept up: {latest}, {held}"), true);
    }
    let late = latency(generator.lateness.p99_microseconds);
    let text = format!(
        "DID NOT KEEP UP: {latest}, 1 in 100 later than {late}, {held}; the latencies are not the plane's alone"
    );
    (text, false)
}

/// What the run cost.
pub(super) fn spent(result: &RunResult) -> String {
    let spent = &result.spent;
    format!(
        "{} wall for {} simulated, {} CPU, {} at most",
        seconds(spent.wall_seconds),
        elapsed(Some(result.duration())),
        seconds(spent.cpu_seconds),
        megabytes(spent.memory_bytes)
    )
}

/// Compliance, as the plane counts it.
pub(super) fn compliance(result: &RunResult) -> Option<String> {
    let compliance = result.compliance?;
    Some(format!("{} compliant, {} not", count(compliance.compliant), count(compliance.non_compliant)))
}

/// What was measured for a threshold: `9m32s`, `0.31%`, `1,007`, `never`.
pub(super) fn measured(outcome: &Outcome) -> String {
    let Some(value) = outcome.value else {
        return if outcome.is_never { "never" } else { "-" }.to_owned();
    };
    match outcome.unit {
        UnitName::Seconds if value < 10.0 => latency((value * 1e6).round() as u64),
        UnitName::Seconds => elapsed(Some(Period::milliseconds((value * 1e3).round() as u64))),
        UnitName::Share => format!("{}%", number(value * 100.0)),
        UnitName::PerSecond => format!("{}/s", number(value)),
        UnitName::Number => number(value),
    }
}

/// A number with as many digits as say something.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        return count(value as u64);
    }
    match value {
        small if small < 0.01 => format!("{small:.4}"),
        middle if middle < 100.0 => format!("{middle:.2}"),
        large => count(large.round() as u64),
    }
}

/// Whether a threshold held, in a word.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "FAILED",
        Verdict::NotEvaluated => "NOT EVALUATED",
    }
}

/// That a threshold did not hold or could not be evaluated, if so.
pub(crate) fn threshold_trouble(outcome: &Outcome) -> Option<String> {
    let Outcome { metric, bound, .. } = outcome;
    match outcome.verdict {
        Verdict::Passed => None,
        Verdict::Failed => {
            let ended = if outcome.has_ended_run { ", which ended the run" } else { "" };
            let was = match &outcome.reason {
                Some(reason) => reason.clone(),
                None => format!("it was {}", measured(outcome)),
            };
            Some(format!("threshold {metric}: {bound} failed: {was}{ended}"))
        }
        Verdict::NotEvaluated => {
            let reason = outcome.reason.as_deref().unwrap_or("nothing was measured");
            Some(format!("threshold {metric}: {bound} was not evaluated: {reason}"))
        }
    }
}

/// How calls were spread over simulated time.
pub(super) fn herd(result: &RunResult) -> Option<String> {
    let Peak { calls, factor } = result.herd.all?;
    let at = elapsed(Some(result.herd.peak_at?.since(result.started)));
    Some(format!(
        "{} in the busiest second, at {at}: {} times the mean",
        counted(calls, "call"),
        number(factor)
    ))
}

/// The calls of an operation in its busiest second, and how many times the mean that is.
pub(super) fn peak(peak: Option<&Peak>) -> [String; 2] {
    match peak {
        Some(Peak { calls, factor }) => [count(*calls), format!("{}x", number(*factor))],
        None => ["-", "-"].map(str::to_owned),
    }
}

/// Whose the latencies are, where they are not the plane's own.
pub(super) fn latency_note(result: &RunResult) -> Option<&'static str> {
    match result.pace {
        Pace::Scaled(_) => None,
        Pace::Virtual if result.modelled_latency.is_empty() => {
            Some("not measured: virtual time takes none, and the scenario states no `latency_model`")
        }
        Pace::Virtual => {
            Some("modelled, not measured: what the scenario's `latency_model` says, in simulated time")
        }
    }
}

/// The latencies there are, by operation: measured or modelled.
pub(super) fn latencies(result: &RunResult) -> &BTreeMap<String, Quantiles> {
    if result.modelled_latency.is_empty() { &result.spent.latency } else { &result.modelled_latency }
}

/// How often an entry of the timeline happened, and how often otherwise than expected.
pub(crate) fn happened(entry: &EntryResult) -> String {
    match (entry.times, entry.unmet) {
        (0, _) => "did not happen".to_owned(),
        (1, 0) => String::new(),
        (times, 0) => format!("{} times", count(times)),
        (1, _) => "UNEXPECTED".to_owned(),
        (times, unmet) => format!("{} of {} times UNEXPECTED", count(unmet), count(times)),
    }
}
