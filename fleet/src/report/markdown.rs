//! The report as a document: the same facts as the summary's, in tables.

use std::fmt::Write;

use shared::status::AssociationStatus;

use super::Judgement;
use super::phrases;
use super::words::{count, elapsed, latency};
use crate::result::fault::Layer;
use crate::result::{Round, RunResult, iso};
use crate::threshold::Verdict;

pub(super) fn document(result: &RunResult, judgement: &Judgement) -> String {
    let mut text = format!("# {}, seed {}\n\n", result.scenario, result.seed);
    let _ = writeln!(text, "**{}**\n", judgement.text);
    for reason in &judgement.reasons {
        let _ = writeln!(text, "- {}", plain(reason));
    }
    if !judgement.reasons.is_empty() {
        text.push('\n');
    }
    facts(result, &mut text);
    nodes(result, &mut text);
    associations(result, &mut text);
    refusals(result, &mut text);
    faults(result, &mut text);
    timeline(result, &mut text);
    thresholds(result, &mut text);
    calls(result, &mut text);
    troubles(result, &mut text);
    text
}

/// A table; a column whose title ends in a colon is flush right.
fn table(titles: &[&str], rows: impl IntoIterator<Item = Vec<String>>, text: &mut String) {
    let escaped = |cell: &str| cell.replace('|', "\\|").replace('\n', " ");
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(titles.iter().map(|title| title.trim_end_matches(':').to_owned()).collect()));
    let rules = titles.iter().map(|title| if title.ends_with(':') { "---:" } else { "---" }.to_owned());
    text.push_str(&line(rules.collect()));
    for row in rows {
        text.push_str(&line(row.iter().map(|cell| escaped(cell)).collect()));
    }
    text.push('\n');
}

/// A text that may tell how a body began, which is no markup of this page.
fn plain(text: &str) -> String {
    let opens = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
    let mut pieces = text.split('<');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for rest in pieces {
        plain.push_str(if opens(rest) { "\\<" } else { "<" });
        plain.push_str(rest);
    }
    plain
}

fn facts(result: &RunResult, text: &mut String) {
    let (ending, _) = phrases::ending(result);
    let mut rows = vec![
        ("program", format!("{} {}", result.program.name, result.program.version)),
        ("plane", result.spent.plane.clone()),
        ("time", phrases::pace(result)),
        ("simulated", format!("{} to {}", iso(result.started), iso(result.ended))),
        ("ended", ending),
        ("recorded", phrases::recorded(result)),
    ];
    rows.extend(result.slice.clone().map(|slice| ("slice", slice)));
    if !result.labels.is_empty() {
        let labels: Vec<String> = result.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        rows.push(("labels", labels.join(", ")));
    }
    rows.extend(phrases::compliance(result).map(|compliance| ("compliance", compliance)));
    rows.extend(match phrases::agreement(result) {
        Ok(agreement) => agreement.map(|agreement| ("agreement", agreement)),
        Err(_) => Some(("agreement", "**NO**: see below".to_owned())),
    });
    let generator = result.spent.generator.as_ref();
    rows.extend(generator.map(|generator| ("generator", phrases::generator(result, generator).0)));
    rows.extend(phrases::herd(result).map(|herd| ("herd", herd)));
    let incidents = phrases::incidents(result);
    if !incidents.is_empty() {
        rows.push(("incidents", incidents.join(", ")));
    }
    rows.push(("spent", phrases::spent(result)));
    if let Some(history) = &result.history {
        rows.push(("history", format!("{} calls, digest `{}`", count(history.calls), history.hash)));
    }
    table(&["", ""], rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]), text);
}

fn nodes(result: &RunResult, text: &mut String) {
    let nodes = &result.nodes;
    let _ = writeln!(text, "## Nodes\n\n- {} of {} online", count(nodes.online), count(nodes.total));
    let replaced = phrases::replaced(result).into_iter().collect();
    let others = [phrases::failures(result), replaced, phrases::absent(result)].concat();
    for phrase in others.into_iter().chain(phrases::listed(result)) {
        let _ = writeln!(text, "- {phrase}");
    }
    text.push('\n');
    let rows = nodes.cohorts.iter().map(|cohort| {
        let counts = [cohort.nodes, cohort.online, cohort.hibernating].map(count);
        [vec![cohort.name.clone(), cohort.platform.clone()], counts.to_vec()].concat()
    });
    table(&["cohort", "platform", "nodes:", "online:", "hibernating:"], rows, text);
}

fn associations(result: &RunResult, text: &mut String) {
    if result.associations.is_empty() && result.not_made.is_empty() {
        return;
    }
    text.push_str("## Associations\n\n");
    let titles = [
        "association",
        "aim",
        "round:",
        "created",
        "nodes:",
        "success:",
        "failed:",
        "other",
        "t50:",
        "t90:",
        "t100:",
        "the plane says",
    ];
    let rows = result.associations.iter().flat_map(|association| {
        let rounds = (1u64..).zip(&association.rounds);
        rounds.map(move |(number, round)| {
            [vec![association.name.clone(), association.aim.clone(), count(number)], row(round)].concat()
        })
    });
    table(&titles, rows, text);
    text.push_str("t50, t90, t100: after what simulated time half, nine in ten, all of a round's nodes were through.\n\n");
    for association in &result.associations {
        if let Some(missing) = phrases::rounds_missing(association) {
            let _ = writeln!(text, "- **{}: {missing}**", association.name);
        }
    }
    for difference in phrases::agreement(result).err().unwrap_or_default() {
        let _ = writeln!(text, "- **DISAGREEMENT** {difference}");
    }
    for name in &result.not_made {
        let _ = writeln!(text, "- **not made**: {name}");
    }
    if text.ends_with("\n\n") {
        return;
    }
    text.push('\n');
}

fn row(round: &Round) -> Vec<String> {
    let counts =
        [round.nodes, round.count(AssociationStatus::Success), round.count(AssociationStatus::Failed)];
    let mut cells = vec![iso(round.created)];
    cells.extend(counts.map(count));
    cells.push(phrases::remarks(round).join(", "));
    cells.extend([round.t50, round.t90, round.t100].map(elapsed));
    cells.push(round.status.clone().unwrap_or_else(|| "-".to_owned()));
    cells
}

fn refusals(result: &RunResult, text: &mut String) {
    if result.refusals.is_empty() {
        return;
    }
    text.push_str("## Refusals\n\n");
    let rows = result.refusals.iter().map(|refusal| {
        let seen = refusal.seen.clone().unwrap_or_else(|| "-".to_owned());
        let verdict = phrases::refusal(refusal);
        let verdict = if refusal.is_as_expected { verdict } else { format!("**{verdict}**") };
        vec![refusal.name.clone(), refusal.aim.clone(), seen, verdict]
    });
    table(&["association", "aim", "refused with", ""], rows, text);
}

fn faults(result: &RunResult, text: &mut String) {
    if result.faults.is_empty() {
        return;
    }
    text.push_str("## Faults\n\n");
    let rows = result.faults.iter().map(|fault| {
        let calls = if fault.layer == Layer::Node { "-".to_owned() } else { count(fault.calls()) };
        vec![
            fault.name.clone(),
            fault.fault.clone(),
            fault.layer.as_str().to_owned(),
            phrases::fault_time(fault, result.started),
            count(fault.windows.len() as u64),
            count(fault.nodes),
            calls,
            phrases::fault_calls(fault).join(", "),
        ]
    });
    table(&["name", "fault", "layer", "in force", "times:", "nodes:", "calls:", "of these"], rows, text);
}

fn timeline(result: &RunResult, text: &mut String) {
    if result.timeline.is_empty() {
        return;
    }
    text.push_str("## Timeline\n\n");
    let rows = result.timeline.iter().map(|entry| {
        let first = entry.first().map_or_else(|| "-".to_owned(), |first| first.to_string());
        let what = entry.narrated.as_ref().unwrap_or(&entry.name).clone();
        let verdict = match entry.differences.first() {
            Some(difference) => {
                format!(
                    "**{}: {}, expected {}**",
                    phrases::happened(entry),
                    difference.seen,
                    difference.expected
                )
            }
            None => phrases::happened(entry),
        };
        vec![first, what, verdict]
    });
    table(&["at:", "what", ""], rows, text);
}

fn thresholds(result: &RunResult, text: &mut String) {
    if result.thresholds.is_empty() {
        return;
    }
    text.push_str("## Thresholds\n\n");
    let rows = result.thresholds.iter().map(|outcome| {
        let verdict = phrases::verdict(outcome.verdict);
        let verdict =
            if outcome.verdict == Verdict::Passed { verdict.to_owned() } else { format!("**{verdict}**") };
        let remark = match (&outcome.reason, outcome.has_ended_run) {
            (Some(reason), _) => reason.clone(),
            (None, true) => "it ended the run".to_owned(),
            (None, false) => String::new(),
        };
        vec![
            format!("`{}`", outcome.metric),
            format!("`{}`", outcome.bound),
            phrases::measured(outcome),
            verdict,
            remark,
        ]
    });
    table(&["metric", "threshold", "measured:", "", ""], rows, text);
}

fn calls(result: &RunResult, text: &mut String) {
    if result.calls.is_empty() {
        return;
    }
    text.push_str("## Calls of the nodes\n\n");
    if let Some(note) = phrases::latency_note(result) {
        let _ = writeln!(text, "Latency: {note}.\n");
    }
    let is_timed = !phrases::latencies(result).is_empty();
    let mut titles =
        vec!["call", "count:", "retries:", "errors:", "of these", "in the busiest second:", "of the mean:"];
    titles.extend(is_timed.then_some(["p50:", "p99:", "max:"]).into_iter().flatten());
    let rows = phrases::operations(result).into_iter().map(|(operation, calls)| {
        let mut cells = vec![operation.to_owned()];
        cells.extend([calls.count, calls.retries, calls.errors()].map(count));
        cells.push(plain(&phrases::errors(calls).join(", ")));
        cells.extend(phrases::peak(result.herd.by_operation.get(operation)));
        if let Some(known) = phrases::latencies(result).get(operation) {
            cells.extend(
                [known.p50_microseconds, known.p99_microseconds, known.max_microseconds].map(latency),
            );
        }
        cells
    });
    table(&titles, rows, text);
    if is_timed && phrases::latency_note(result).is_none() {
        text.push_str(
            "Latencies are wall time, counted from the instant at which a call was meant to be made.\n\n",
        );
    }
}

fn troubles(result: &RunResult, text: &mut String) {
    if result.operator.troubles.is_empty() {
        return;
    }
    text.push_str("## Troubles of the operator\n\n");
    for trouble in &result.operator.troubles {
        let _ = writeln!(text, "- {}", plain(trouble));
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_rows_of_a_table_have_as_many_cells_as_its_titles() {
        for result in [sample::good(), sample::bad(), sample::virtual_time()] {
            let text = document(&result, &sample::footer().judgement);
            for table in text.split("\n\n").filter(|part| part.starts_with('|')) {
                let cells: Vec<usize> = table.lines().map(|line| line.matches(" |").count()).collect();
                assert!(cells.iter().all(|count| *count == cells[0]), "{table}");
            }
        }
    }

    #[test]
    fn how_a_body_began_is_no_markup() {
        let look = "CreateAssociation was answered with HTTP 200 and a body that is no JSON: <html> </p>";
        let reason = "threshold latency: p(99) < 10m failed";
        let mut result = sample::good();
        result.operator.troubles = [look.to_owned()].into();
        let judgement = Judgement {
            text: "FAILED".to_owned(),
            is_well: false,
            reasons: vec![look.to_owned(), reason.to_owned()],
        };
        let text = document(&result, &judgement);
        assert_eq!(text.matches(r"no JSON: \<html> \</p>").count(), 2, "{text}");
        assert!(text.contains(reason) && !text.contains(": <html>"), "{text}");
    }

    #[test]
    fn a_cell_stays_a_cell() {
        let mut text = String::new();
        table(&["name", "count:"], [vec!["a|b\nc".to_owned(), "1".to_owned()]], &mut text);
        assert_eq!(text, "| name | count |\n| --- | ---: |\n| a\\|b c | 1 |\n\n");
    }

    #[test]
    fn the_document_says_what_the_summary_says() {
        let text = document(&sample::good(), &sample::footer().judgement);
        for said in [
            "# first-look, seed 2718281828\n\n**passed**\n\n| ",
            "| agreement | nodes and plane count the same in all 3 rounds |",
            "- 10 invalid instance (hibernating, 40 calls refused)\n",
            "- 10 unsupported platform (30 runs skipped every step)\n",
            "| baseline | rate(30 minutes) tag Role=web,database | 2 | 2026-11-23T10:41:00Z | 792 | 778 | 14 |  \
             | 4m59s | 9m20s | 10m15s | Success |",
            "| windows-on-linux | i-0c2f4a8be1d93f670 | UnsupportedPlatformType | as expected |",
            "| GetDocument | 1,287 | 0 | 0 |  | 23 | 55.70x | 0.24 ms | 0.98 ms | 3.15 ms |",
        ] {
            assert!(text.contains(said), "{said}\n\nin\n\n{text}");
        }
        let text = document(&sample::bad(), &sample::footer().judgement);
        for said in [
            "| agreement | **NO**: see below |",
            "- **baseline: 2 of 3 expected rounds over**\n- **DISAGREEMENT** hello, round 1: the nodes count",
            "- **not made**: inventory\n\n## Refusals",
            "| power-loss | crash | node | 12m00s–20m00s | 1 | 300 | - |  |",
            "| latency-2 | latency | network | 20m00s–end | 1 | 1,000 | 1,353 | UpdateInstanceInformation 1,230, GetDocument 123 |",
            "| after-the-end | pause | node | - | 0 | 0 | - |  |",
            "| the-plane-is-under-so-much-load-that-it-refuses | throttling | plane | 5m00s–16m00s | 2 | 2,000 | 1,353 | Up",
            "| - | **expected UnsupportedPlatformType, was not refused** |",
        ] {
            assert!(text.contains(said), "{said}\n\nin\n\n{text}");
        }
        let text = document(&sample::virtual_time(), &sample::footer().judgement);
        assert!(text.contains("| history | 29,662 calls, digest `0123456789abcdef` |"), "{text}");
        assert!(!text.contains("p50"), "{text}");
    }
}
