//! The summary at the end of a run, to be read at a glance.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use shared::status::AssociationStatus;

use super::page::{INDENT, Page, Style, wrap};
use super::phrases;
use super::table::{Align, Cell, GAP, Table};
use super::words::{count, counted, elapsed, latency};
use super::{Footer, Judgement};
use crate::history::mode::HistoryMode;
use crate::result::{AssociationResult, EntryResult, Quantiles, Round, RunResult};
use crate::simulation::{Ending, Pace};
use crate::threshold::{Outcome, Verdict};

/// From here on there is room for what is good to know.
const WIDE: usize = 100;

/// More rounds of one association than this are shown by their first and last.
const MANY_ROUNDS: usize = 5;

/// So many cohorts or troubles are listed before the rest is counted.
const LIST: usize = 12;

pub(super) fn summary(result: &RunResult, footer: &Footer, width: usize, colour: bool) -> String {
    let mut page = Page::new(width, colour);
    head(result, &mut page);
    page.blank();
    let Judgement { text, is_well, .. } = &footer.judgement;
    page.field("result", text, if *is_well { Style::Plain } else { Style::Alarm });
    nodes(result, &mut page);
    page.blank();
    associations(result, &footer.beyond, &mut page);
    refusals(result, &mut page);
    page.blank();
    faults(result, &mut page);
    timeline(result, &mut page);
    page.blank();
    thresholds(result, &mut page);
    page.blank();
    calls(result, &mut page);
    page.blank();
    foot(result, footer, &mut page);
    page.into_text()
}

fn head(result: &RunResult, page: &mut Page) {
    let mut items = vec![
        format!("{} {}", result.program.name, result.program.version),
        result.scenario.clone(),
        format!("seed {}", result.seed),
    ];
    items.extend(result.slice.as_ref().map(|slice| format!("slice {slice}")));
    if result.pace != Pace::Virtual || !result.spent.plane.contains("virtual") {
        items.push(phrases::pace(result));
    }
    items.push(result.spent.plane.clone());
    items.extend(phrases::connections(result));
    // That all of it is written needs no telling.
    if result.recorded.mode != HistoryMode::All {
        items.push(format!("history {}", phrases::recorded(result)));
    }
    let lines = wrap(items.iter().map(String::as_str), "  ", page.width - 2);
    for (number, line) in lines.iter().enumerate() {
        let indent = if number == 0 { "" } else { "  " };
        let text = super::page::paint(line, Style::Heading, page.colour);
        page.line(&format!("{indent}{text}"));
    }
}

fn nodes(result: &RunResult, page: &mut Page) {
    // That it was cut short is told in the line above.
    if let (ending, false) = phrases::ending(result)
        && result.ending != Ending::CutShort
    {
        page.field("ended", &ending, Style::Alarm);
    }
    let nodes = &result.nodes;
    let mut items = vec![format!("{} of {} online", count(nodes.online), count(nodes.total))];
    items.extend(nodes.cohorts.iter().take(LIST).map(|cohort| {
        if cohort.online == cohort.nodes {
            format!("{} {}", cohort.name, count(cohort.nodes))
        } else {
            format!("{} {} of {}", cohort.name, count(cohort.online), count(cohort.nodes))
        }
    }));
    if let Some(more) = nodes.cohorts.len().checked_sub(LIST + 1) {
        items.push(format!("and {} more", counted(more as u64 + 1, "cohort")));
    }
    page.items("nodes", &items, "   ");
    // A line may end at any of their commas.
    let failures = phrases::failures(result);
    let failures: Vec<String> = failures.iter().flat_map(|it| it.split(", ")).map(str::to_owned).collect();
    page.items("", &failures, ", ");
    page.field("", &phrases::replaced(result).unwrap_or_default(), Style::Plain);
    page.field("", &phrases::absent(result).join(", "), Style::Alarm);
    page.field("", &phrases::listed(result).unwrap_or_default(), Style::Plain);
}

fn associations(result: &RunResult, beyond: &[String], page: &mut Page) {
    if !result.associations.is_empty() {
        let right = ["nodes", "success", "failed", "t50", "t90", "t100"].map(|title| (title, Align::Right));
        let columns: Vec<_> = [("association", Align::Left)].into_iter().chain(right).collect();
        let mut table = Table::new(&columns);
        // The numbers first: how wide they are says what else fits a row.
        let rounds = result.associations.iter().flat_map(|association| &association.rounds);
        rounds.for_each(|round| table.row(row(String::new(), round)));
        let room = table.room_for_first(page.width);
        let mut table = Table::new(&columns);
        result.associations.iter().for_each(|association| put(association, room, page.width, &mut table));
        table.put(page);
    }
    let is_chosen =
        |name: &&str| beyond.iter().any(|what| what.starts_with(&format!("association {name} (")));
    let not_made: Vec<&str> =
        result.not_made.iter().map(String::as_str).filter(|name| !is_chosen(name)).collect();
    page.field("not made", &not_made.join(", "), Style::Alarm);
    if !beyond.is_empty() {
        page.field("left out", &format!("beyond --duration: {}", beyond.join(", ")), Style::Plain);
    }
    match phrases::agreement(result) {
        Ok(agreement) => page.field("agreement", &agreement.unwrap_or_default(), Style::Plain),
        Err(differences) => {
            differences.iter().for_each(|difference| page.field("DISAGREEMENT", difference, Style::Alarm));
        }
    }
}

/// The rows of an association. Its only round shares a row with its name where that fits.
fn put(association: &AssociationResult, room: usize, width: usize, table: &mut Table) {
    let AssociationResult { name, aim, rounds, .. } = association;
    let label = format!("{name}  {aim}");
    match &rounds[..] {
        [round] if label.chars().count() <= room => {
            table.row(row(label, round));
            remark(round, width, table);
        }
        rounds => {
            table.across(label.into());
            let hidden = if rounds.len() > MANY_ROUNDS { 2..rounds.len() - 2 } else { 0..0 };
            for (place, round) in rounds.iter().enumerate() {
                if !hidden.contains(&place) {
                    table.row(row(format!("  round {}", place + 1), round));
                    remark(round, width, table);
                } else if place == hidden.start {
                    table.across(between(&rounds[hidden.clone()]));
                }
            }
        }
    }
    if let Some(missing) = phrases::rounds_missing(association) {
        table.across(Cell::styled(format!("  {missing}"), Style::Alarm));
    }
}

fn remark(round: &Round, width: usize, table: &mut Table) {
    const INDENT: &str = "    ";
    let remarks = phrases::remarks(round);
    for line in wrap(remarks.iter().map(String::as_str), ", ", width - INDENT.len()) {
        table.across(Cell::styled(format!("{INDENT}{line}"), Style::Aside));
    }
}

/// Rounds that are not shown one by one.
fn between(rounds: &[Round]) -> Cell {
    let failed = rounds.iter().map(|round| round.count(AssociationStatus::Failed)).sum();
    let missing = rounds.iter().map(|round| round.missing).sum();
    let mut text = format!("  … {} between", counted(rounds.len() as u64, "round"));
    for (number, what) in [(failed, "failed"), (missing, "not through")] {
        if number > 0 {
            text.push_str(&format!(", {} {what}", count(number)));
        }
    }
    Cell::styled(text, Style::Aside)
}

fn row(label: String, round: &Round) -> Vec<Cell> {
    let failed = round.count(AssociationStatus::Failed);
    let style = if failed > 0 { Style::Alarm } else { Style::Plain };
    vec![
        label.into(),
        count(round.nodes).into(),
        count(round.count(AssociationStatus::Success)).into(),
        Cell::styled(count(failed), style),
        elapsed(round.t50).into(),
        elapsed(round.t90).into(),
        elapsed(round.t100).into(),
    ]
}

fn refusals(result: &RunResult, page: &mut Page) {
    for refusal in result.refusals.iter().filter(|refusal| !refusal.is_as_expected) {
        let text = format!("{} ({}): {}", refusal.name, refusal.aim, phrases::refusal(refusal));
        page.field("UNEXPECTED", &text, Style::Alarm);
    }
    let mut table = Table::new(&[("", Align::Left); 4]);
    let width = page.width - INDENT;
    let is_wide = page.width >= WIDE;
    for refusal in result.refusals.iter().filter(|refusal| refusal.is_as_expected) {
        table.row(vec![
            refusal.name.clone().into(),
            refusal.seen.clone().unwrap_or_default().into(),
            phrases::refusal(refusal).into(),
            Cell::styled(if is_wide { refusal.aim.as_str() } else { "" }, Style::Aside),
        ]);
    }
    page.labelled("refused", &table.lines(width, page.colour), Style::Plain);
}

fn faults(result: &RunResult, page: &mut Page) {
    let (begun, others): (Vec<_>, Vec<_>) = result.faults.iter().partition(|fault| !fault.windows.is_empty());
    let mut lines: Vec<_> = begun
        .iter()
        .take(LIST)
        .map(|fault| {
            let text = format!("{}: {}", phrases::fault(fault), phrases::fault_effect(fault));
            (phrases::fault_time(fault, result.started), text, Style::Plain)
        })
        .collect();
    if let Some(more) = begun.len().checked_sub(LIST + 1) {
        lines.push((String::new(), format!("and {} more", counted(more as u64 + 1, "fault")), Style::Aside));
    }
    lines.extend(never(others.iter().map(|fault| &*fault.name), "did not begin"));
    dated("faults", Align::Left, lines, page);
}

fn timeline(result: &RunResult, page: &mut Page) {
    // That what was injected and lifted went well is told among the faults.
    let is_told = |entry: &EntryResult| {
        let of_fault = ["inject ", "lift "].iter().any(|act| entry.name.starts_with(act));
        of_fault && entry.times > 0 && entry.unmet == 0
    };
    let told = result.timeline.iter().filter(|entry| !is_told(entry));
    let (happened, others): (Vec<_>, Vec<_>) = told.partition(|entry| entry.times > 0);
    let lines = happened.into_iter().map(|entry| {
        let what = entry.narrated.as_ref().unwrap_or(&entry.name);
        let text = [what.as_str(), &phrases::happened(entry)].join("  ");
        let style = if entry.unmet > 0 { Style::Alarm } else { Style::Plain };
        let at = entry.first().map_or_else(|| "-".to_owned(), |first| first.to_string());
        (at, text.trim_end().to_owned(), style)
    });
    let names = others.iter().map(|entry| entry.name.as_str());
    let lines = lines.chain(never(names, "did not happen"));
    dated("timeline", Align::Right, lines.collect(), page);
    for entry in &result.timeline {
        if let Some(difference) = entry.differences.first() {
            let text = format!("{}: {}, expected {}", entry.name, difference.seen, difference.expected);
            page.field("UNEXPECTED", &text, Style::Alarm);
        }
    }
}

/// What never came, in one line; of many the first.
fn never<'a>(names: impl Iterator<Item = &'a str>, what: &str) -> Option<(String, String, Style)> {
    let mut seen = BTreeSet::new();
    let names: Vec<&str> = names.filter(|name| seen.insert(*name)).collect();
    let more = match names.len().checked_sub(LIST + 1) {
        Some(more) => format!(" and {} more", more + 1),
        None => String::new(),
    };
    let listed = names.iter().take(LIST).copied().collect::<Vec<_>>().join(", ");
    (!names.is_empty()).then(|| ("-".to_owned(), format!("{listed}{more}: {what}"), Style::Aside))
}

/// Times, and what happened then: no word of that is left out.
fn dated(label: &str, align: Align, lines: Vec<(String, String, Style)>, page: &mut Page) {
    let width = page.width - INDENT;
    let widest = lines.iter().map(|(at, ..)| at.chars().count()).max().unwrap_or(0);
    let mut table = Table::new(&[("", align), ("", Align::Left)]);
    for (at, text, style) in lines {
        let room = width.saturating_sub(widest + GAP).max(1);
        for (number, line) in wrap(text.split(' '), " ", room).into_iter().enumerate() {
            let at = if number == 0 { at.clone() } else { String::new() };
            table.row(vec![at.into(), Cell::styled(line, style)]);
        }
    }
    page.labelled(label, &table.lines(width, page.colour), Style::Plain);
}

fn thresholds(result: &RunResult, page: &mut Page) {
    if result.thresholds.is_empty() {
        return;
    }
    let columns =
        [("threshold", Align::Left), ("", Align::Left), ("measured", Align::Right), ("", Align::Left)];
    let mut table = Table::new(&columns);
    result.thresholds.iter().for_each(|outcome| table.row(threshold(String::new(), outcome)));
    let room = table.room_for_first(page.width);
    let mut table = Table::new(&columns);
    for outcome in &result.thresholds {
        if outcome.metric.chars().count() <= room {
            table.row(threshold(outcome.metric.clone(), outcome));
        } else {
            table.across(outcome.metric.clone().into());
            table.row(threshold(String::new(), outcome));
        }
        let reason = outcome.reason.as_deref().unwrap_or_default();
        for line in wrap(reason.split_whitespace(), " ", page.width - 4) {
            table.across(Cell::styled(format!("    {line}"), Style::Aside));
        }
    }
    table.put(page);
}

fn threshold(label: String, outcome: &Outcome) -> Vec<Cell> {
    let style = if outcome.verdict == Verdict::Passed { Style::Plain } else { Style::Alarm };
    vec![
        label.into(),
        outcome.bound.clone().into(),
        phrases::measured(outcome).into(),
        Cell::styled(phrases::verdict(outcome.verdict), style),
    ]
}

fn calls(result: &RunResult, page: &mut Page) {
    if result.calls.is_empty() {
        return;
    }
    page.field("latency", phrases::latency_note(result).unwrap_or_default(), Style::Plain);
    let is_timed = !phrases::latencies(result).is_empty();
    let is_wide = page.width >= WIDE;
    let mut titles = vec!["count"];
    titles.extend(is_wide.then_some("retries"));
    titles.push("errors");
    titles.extend(is_timed.then_some(["p50", "p99", "max"]).into_iter().flatten());
    let right = titles.into_iter().map(|title| (title, Align::Right));
    let columns: Vec<_> = [("call", Align::Left)].into_iter().chain(right).collect();
    let mut table = Table::new(&columns);
    for (operation, calls) in phrases::operations(result) {
        let errors = calls.errors();
        let mut cells: Vec<Cell> = vec![operation.to_owned().into(), count(calls.count).into()];
        cells.extend(is_wide.then(|| count(calls.retries).into()));
        cells.push(Cell::styled(count(errors), if errors > 0 { Style::Alarm } else { Style::Plain }));
        if is_timed {
            cells.extend(quantiles(phrases::latencies(result).get(operation)));
        }
        table.row(cells);
    }
    table.put(page);
    call_remarks(result, is_wide, page);
}

fn quantiles(quantiles: Option<&Quantiles>) -> [Cell; 3] {
    let values =
        quantiles.map(|known| [known.p50_microseconds, known.p99_microseconds, known.max_microseconds]);
    match values {
        Some(values) => values.map(|value| latency(value).into()),
        None => ["-", "-", "-"].map(|none| none.to_owned().into()),
    }
}

/// What the columns leave unsaid: the reasons of errors, and where there is no
/// column for them, retries.
fn call_remarks(result: &RunResult, is_wide: bool, page: &mut Page) {
    let failing = phrases::operations(result).into_iter().filter(|(_, calls)| calls.errors() > 0);
    for (number, (operation, calls)) in failing.enumerate() {
        let mut reasons = phrases::errors(calls);
        reasons[0].insert_str(0, &format!("{operation}: "));
        page.items(if number == 0 { "errors" } else { "" }, &reasons, ", ");
    }
    let retries: u64 = result.calls.values().map(|calls| calls.retries).sum();
    if retries > 0 && !is_wide {
        page.field("retries", &count(retries), Style::Plain);
    }
}

fn foot(result: &RunResult, footer: &Footer, page: &mut Page) {
    page.field("compliance", &phrases::compliance(result).unwrap_or_default(), Style::Plain);
    page.field("herd", &phrases::herd(result).unwrap_or_default(), Style::Plain);
    page.items("incidents", &phrases::incidents(result), ", ");
    if let Some(generator) = &result.spent.generator {
        let (text, is_well) = phrases::generator(result, generator);
        page.field("generator", &text, if is_well { Style::Plain } else { Style::Alarm });
    }
    page.field("spent", &phrases::spent(result), Style::Plain);
    for trouble in result.operator.troubles.iter().take(LIST) {
        page.field("trouble", trouble, Style::Alarm);
    }
    if let Some(more) = result.operator.troubles.len().checked_sub(LIST + 1) {
        page.field("", &format!("and {} more", more + 1), Style::Alarm);
    }
    if let Some(written) = &footer.written {
        let lines = whole_words(written.split("  "), "  ", page.width - INDENT);
        page.labelled("written", &lines, Style::Plain);
    }
    let mut lines = whole_words(footer.again.split(' '), " ", page.width - INDENT - 2);
    let last = lines.len().saturating_sub(1);
    // The shell takes up a line that ends so in the next one.
    lines[..last].iter_mut().for_each(|line| line.push_str(" \\"));
    page.labelled("again", &lines, Style::Plain);
}

/// Lines of words that are never cut: a path or a command is there to be copied.
fn whole_words<'a>(words: impl Iterator<Item = &'a str>, separator: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + separator.len() + word.chars().count() <= width => {
                line.push_str(separator);
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
