//! Two recordings, call by call.
//!
//! The calls of each lane are laid side by side, those of one operation that are
//! most alike against each other, in their order. What has no partner is missing, or
//! was not recorded; of partners everything is compared that can be predicted:
//! names, order and values of headers, keys, order, types and values of the body,
//! whether the connection was a new one, and the gap before the call. What cannot be
//! (ids, instants, addresses, hashes, signatures) is compared in its form; instants
//! that a call tells of itself must be its own. JSON within a text is compared as JSON.

use std::collections::BTreeMap;

use super::form::{form, header_form, is_instant};
use super::gaps::{Gap, gaps};
use super::instants::strays;
use super::json::Json;
use super::recording::{Call, Lane, node};

/// How much longer or shorter than the recorded one a gap without a rule may be, in seconds.
const ALIKE: f64 = 1.0;

/// Something that is not as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// Of which operation.
    pub(super) operation: String,
    /// What differs, in words that stay the same from run to run.
    pub(super) what: String,
    /// What was recorded and what was found.
    pub(super) detail: String,
}

/// How the calls of one operation came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) recorded: usize,
    pub(super) matched: usize,
    pub(super) differing: usize,
    pub(super) missing: usize,
    pub(super) not_recorded: usize,
}

/// Two recordings side by side.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) counts: BTreeMap<String, Counts>,
    pub(super) differences: Vec<Difference>,
    /// The stated gaps of the recording, then those of what was found.
    pub(super) gaps: [Vec<Gap>; 2],
}

/// Compares what was found with what was recorded.
pub(super) fn compare(recorded: &[Call], found: &[Call]) -> Comparison {
    let sides = Sides { recorded, found, ids: [node(recorded), node(found)] };
    let mut comparison = Comparison { gaps: [gaps(recorded), gaps(found)], ..Comparison::default() };
    for lane in Lane::ALL {
        sides.compare_lane(lane, &mut comparison);
    }
    for (side, calls) in [("recorded", recorded), ("found", found)] {
        start_up(side, calls, &mut comparison.differences);
    }
    for (side, calls) in [("recorded", recorded), ("found", found)] {
        comparison.differences.extend(strays(calls).into_iter().map(|stray| Difference {
            operation: calls[stray.call].operation.clone(),
            what: format!("instant of {} ({side})", stray.name),
            detail: format!("it is {:.3} s from that of the call", stray.by),
        }));
    }
    for (side, calls, gaps) in
        [("recorded", recorded, &comparison.gaps[0]), ("found", found, &comparison.gaps[1])]
    {
        for gap in gaps.iter().filter(|gap| !gap.is_in_range()) {
            comparison.differences.push(Difference {
                operation: calls[gap.call].operation.clone(),
                what: format!("gap: {} ({side})", gap.rule),
                detail: format!("{:.3} s is not from {} to {} s", gap.seconds, gap.least, gap.most),
            });
        }
    }
    comparison
}

/// Registration, token, probe, and then all the rest.
fn start_up(side: &str, calls: &[Call], differences: &mut Vec<Difference>) {
    let stage = |call: &Call| match call.operation.as_str() {
        "RegisterManagedInstance" => 0,
        "RequestManagedInstanceRoleToken" => 1,
        "UpdateInstanceInformation" => 2,
        _ => 3,
    };
    let mut firsts: Vec<(u8, &Call)> = Vec::new();
    for call in calls {
        if firsts.iter().all(|(known, _)| *known != stage(call)) {
            firsts.push((stage(call), call));
        }
    }
    for pair in firsts.windows(2).filter(|pair| pair[0].0 > pair[1].0) {
        differences.push(Difference {
            operation: pair[1].1.operation.clone(),
            what: format!("order of the start-up ({side})"),
            detail: format!("{} comes first", pair[0].1.operation),
        });
    }
}

struct Sides<'a> {
    recorded: &'a [Call],
    found: &'a [Call],
    ids: [String; 2],
}

impl Sides<'_> {
    fn compare_lane(&self, lane: Lane, comparison: &mut Comparison) {
        let of_lane = |calls: &[Call]| -> Vec<usize> {
            (0..calls.len()).filter(|place| calls[*place].lane() == lane).collect()
        };
        let (recorded, found) = (of_lane(self.recorded), of_lane(self.found));
        let mut before: Option<(usize, usize)> = None;
        for pair in self.align(&recorded, &found) {
            match pair {
                (Some(one), Some(other)) => {
                    let differences = self.compare_pair(one, other, before, comparison);
                    let counts = comparison.counts.entry(self.recorded[one].operation.clone()).or_default();
                    counts.recorded += 1;
                    if differences.is_empty() {
                        counts.matched += 1
                    } else {
                        counts.differing += 1
                    }
                    comparison.differences.extend(differences);
                    before = Some((one, other));
                }
                (Some(one), None) => {
                    let operation = &self.recorded[one].operation;
                    let counts = comparison.counts.entry(operation.clone()).or_default();
                    counts.recorded += 1;
                    counts.missing += 1;
                    comparison.differences.push(Difference {
                        operation: operation.clone(),
                        what: "missing".to_owned(),
                        detail: format!("{:.3} s {}", self.recorded[one].at, self.recorded[one].body.write()),
                    });
                    before = None;
                }
                (None, Some(other)) => {
                    let operation = &self.found[other].operation;
                    comparison.counts.entry(operation.clone()).or_default().not_recorded += 1;
                    comparison.differences.push(Difference {
                        operation: operation.clone(),
                        what: "not recorded".to_owned(),
                        detail: format!("{:.3} s {}", self.found[other].at, self.found[other].body.write()),
                    });
                    before = None;
                }
                (None, None) => {}
            }
        }
    }

    /// Lays the calls side by side so that as many as possible are alike.
    fn align(&self, recorded: &[usize], found: &[usize]) -> Vec<(Option<usize>, Option<usize>)> {
        let (rows, columns) = (recorded.len(), found.len());
        let mut best = vec![vec![0usize; columns + 1]; rows + 1];
        let score = |row: usize, column: usize| self.likeness(recorded[row], found[column]);
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                let apart = best[row + 1][column].max(best[row][column + 1]);
                let together = score(row, column).map_or(0, |score| score + best[row + 1][column + 1]);
                best[row][column] = apart.max(together);
            }
        }
        let (mut row, mut column) = (0, 0);
        let mut pairs = Vec::new();
        while row < rows && column < columns {
            let together = score(row, column).map_or(0, |score| score + best[row + 1][column + 1]);
            if together > 0 && together == best[row][column] {
                pairs.push((Some(recorded[row]), Some(found[column])));
                (row, column) = (row + 1, column + 1);
            } else if best[row + 1][column] == best[row][column] {
                pairs.push((Some(recorded[row]), None));
                row += 1;
            } else {
                pairs.push((None, Some(found[column])));
                column += 1;
            }
        }
        pairs.extend(recorded[row..].iter().map(|one| (Some(*one), None)));
        pairs.extend(found[column..].iter().map(|other| (None, Some(*other))));
        pairs
    }

    /// How alike two calls are; not at all if they ask different things.
    fn likeness(&self, recorded: usize, found: usize) -> Option<usize> {
        let (one, other) = (&self.recorded[recorded], &self.found[found]);
        if one.operation != other.operation {
            return None;
        }
        let said = |call: &Call, id: &str| -> Vec<String> {
            let result = call.body.get("ExecutionResult").unwrap_or(&call.body);
            let keys = ["Status", "ExecutionSummary", "Name", "AgentStatus", "DocumentVersion"];
            let of_body = ["AssociationId", "MessageId", "AssociationStatus"].map(|key| call.body.get(key));
            let values = keys.map(|key| result.get(key)).into_iter().chain(of_body);
            values.map(|value| value.map_or_else(String::new, |value| form("", value, id))).collect()
        };
        let (one, other) = (said(one, &self.ids[0]), said(other, &self.ids[1]));
        Some(10 + one.iter().zip(&other).filter(|(one, other)| one == other).count())
    }

    fn compare_pair(
        &self,
        one: usize,
        other: usize,
        before: Option<(usize, usize)>,
        comparison: &Comparison,
    ) -> Vec<Difference> {
        let (recorded, found) = (&self.recorded[one], &self.found[other]);
        let mut said = Vec::new();
        compare_headers(recorded, found, &mut said);
        self.compare_json("", &recorded.body, &found.body, &mut said);
        let answers = [recorded, found]
            .map(|call| format!("{} {}", call.status, call.error.as_deref().unwrap_or_default()));
        if answers[0] != answers[1] {
            said.push(("answer".to_owned(), format!("{}, not {}", answers[1], answers[0])));
        }
        let is_new = [(self.recorded, one), (self.found, other)]
            .map(|(calls, place)| is_on_new_connection(calls, place));
        if is_new[0] != is_new[1] {
            let word = |is_new| if is_new { "a new one" } else { "the one before" };
            said.push(("connection".to_owned(), format!("{}, not {}", word(is_new[1]), word(is_new[0]))));
        }
        let rules = |side: usize, place: usize| -> Vec<&str> {
            comparison.gaps[side].iter().filter(|gap| gap.call == place).map(|gap| gap.rule).collect()
        };
        let rules = [rules(0, one), rules(1, other)];
        if rules[0] != rules[1] {
            // A retry with another body is none, for example.
            said.push(("kind of gap".to_owned(), format!("{:?}, not {:?}", rules[1], rules[0])));
        }
        if let Some((one_before, other_before)) = before.filter(|_| rules[0].is_empty()) {
            let gaps = [recorded.at - self.recorded[one_before].at, found.at - self.found[other_before].at];
            if (gaps[0] - gaps[1]).abs() > ALIKE {
                let what = if ends_a_step(recorded) { "time of a step" } else { "gap before" };
                said.push((what.to_owned(), format!("{:.3} s, not {:.3} s", gaps[1], gaps[0])));
            }
        }
        let operation = &recorded.operation;
        said.into_iter()
            .map(|(what, detail)| Difference { operation: operation.clone(), what, detail })
            .collect()
    }

    fn compare_json(&self, path: &str, recorded: &Json, found: &Json, said: &mut Vec<(String, String)>) {
        if let (Some(one), Some(other)) = (recorded.inner(), found.inner()) {
            let is_tight = |outer: &Json, inner: &Json| outer.text() == Some(&inner.write());
            if is_tight(recorded, &one) != is_tight(found, &other) {
                said.push((format!("spelling of {path}"), found.write()));
            }
            return self.compare_json(path, &one, &other, said);
        }
        match (recorded, found) {
            (Json::Object(one), Json::Object(other)) => {
                let names = |members: &[(String, Json)]| -> Vec<String> {
                    members.iter().map(|(name, _)| name.clone()).collect()
                };
                compare_names("key", path, &names(one), &names(other), said);
                for (name, value) in one {
                    if let Some(found) = found.get(name) {
                        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                        self.compare_json(&path, value, found, said);
                    }
                }
            }
            (Json::List(one), Json::List(other)) => {
                if one.len() != other.len() {
                    let detail = format!("{} items, not {}", other.len(), one.len());
                    said.push((format!("number of {path}"), detail));
                }
                for (one, other) in one.iter().zip(other) {
                    self.compare_json(&format!("{path}[]"), one, other, said);
                }
            }
            _ => {
                let name = path.rsplit('.').next().unwrap_or_default();
                let both_numbers = recorded.number().is_some() && found.number().is_some();
                let is_same_kind = recorded.kind() == found.kind() || (is_instant(name) && both_numbers);
                if !is_same_kind {
                    said.push((
                        format!("type of {path}"),
                        format!("{}, not {}", found.kind(), recorded.kind()),
                    ));
                    return;
                }
                let forms = [form(name, recorded, &self.ids[0]), form(name, found, &self.ids[1])];
                if forms[0] != forms[1] {
                    said.push((format!("value of {path}"), format!("{}, not {}", forms[1], forms[0])));
                }
            }
        }
    }
}

/// Whether a report tells of a step's end: how long that took is a matter of the document.
fn ends_a_step(call: &Call) -> bool {
    let said = |key: &str, text: &str| {
        let value = call.body.get(key).and_then(|result| result.get(text));
        value.and_then(Json::text).unwrap_or_default().to_owned()
    };
    let is_between = said("ExecutionResult", "Status") == "InProgress";
    let told = [said("ExecutionResult", "ExecutionSummary"), said("AssociationStatus", "Message")];
    (is_between && told[0].contains(" out of ")) || told[1].contains(" out of ")
}

fn is_on_new_connection(calls: &[Call], place: usize) -> bool {
    calls[..place].iter().all(|earlier| earlier.connection != calls[place].connection)
}

fn compare_names(
    kind: &str,
    path: &str,
    recorded: &[String],
    found: &[String],
    said: &mut Vec<(String, String)>,
) {
    let place = if path.is_empty() { String::new() } else { format!(" of {path}") };
    for name in recorded.iter().filter(|name| !found.contains(name)) {
        said.push((format!("{kind} {name}{place} is missing"), String::new()));
    }
    for name in found.iter().filter(|name| !recorded.contains(name)) {
        said.push((format!("{kind} {name}{place} was not recorded"), String::new()));
    }
    let common = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| others.contains(name)).cloned().collect()
    };
    let (one, other) = (common(recorded, found), common(found, recorded));
    if one != other {
        said.push((
            format!("order of {kind}s{place}"),
            format!("{}, not {}", other.join(" "), one.join(" ")),
        ));
    }
}

fn compare_headers(recorded: &Call, found: &Call, said: &mut Vec<(String, String)>) {
    let names = |call: &Call| -> Vec<String> { call.headers.iter().map(|(name, _)| name.clone()).collect() };
    compare_names("header", "", &names(recorded), &names(found), said);
    for (name, value) in &recorded.headers {
        let Some(other) = found.header(name) else { continue };
        let forms =
            [(recorded, value.as_str()), (found, other)].map(|(call, value)| header_form(name, value, call));
        if forms[0] != forms[1] {
            said.push((format!("value of header {name}"), format!("{}, not {}", forms[1], forms[0])));
        }
    }
}
