//! The rounds of an association: which run belongs to which, how long a round
//! took, and whether nodes and plane say the same of it.
//!
//! A round is one dispatch. A node does not learn which one it runs for, so a
//! run belongs to the newest round that was there when it began; the first
//! round takes what a foreign clock puts before it. Of a node that ran twice in
//! a round the last run counts.
//!
//! Invariant: every run belongs to exactly one round.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use shared::id::ExecutionId;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};

use crate::measure::Ran;
use crate::measure::folded::{Durations, FoldedRound, FoldedRuns};
use crate::measure::live::AssociationTimes;
use crate::survey::Execution;

/// One dispatch of an association, as its nodes lived it and as the plane tells it.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Round {
    /// When it was dispatched, ISO 8601 in UTC.
    #[serde(serialize_with = "super::instant")]
    #[schemars(with = "String")]
    pub created: Timestamp,
    /// The plane's name for it; `None` if the plane did not say.
    pub execution: Option<ExecutionId>,
    /// How the plane says it stands.
    pub status: Option<String>,
    /// How many nodes it was meant for: those the plane lists, or else those that ran.
    pub nodes: u64,
    /// How the nodes' runs ended, by final status.
    pub runs: BTreeMap<String, u64>,
    /// How many of these runs could run no step on their platform.
    pub foreign: u64,
    /// How many of these runs ended with a last report that the plane did not take.
    pub unreported: u64,
    /// How many nodes have not come to an end.
    pub missing: u64,
    /// How many never will because they ended for good before, and others took their places.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub replaced: u64,
    /// After what time half of its nodes were through, in seconds.
    #[serde(rename = "t50_seconds", serialize_with = "seconds")]
    #[schemars(with = "Option<f64>")]
    pub t50: Option<Period>,
    /// After what time nine of ten were, in seconds.
    #[serde(rename = "t90_seconds", serialize_with = "seconds")]
    #[schemars(with = "Option<f64>")]
    pub t90: Option<Period>,
    /// After what time all were, in seconds.
    #[serde(rename = "t100_seconds", serialize_with = "seconds")]
    #[schemars(with = "Option<f64>")]
    pub t100: Option<Period>,
    /// How the plane counts its nodes; `None` if it did not say.
    pub counted: Option<BTreeMap<String, u64>>,
    /// Whether that is what the nodes did; `None` if the plane did not say, or other
    /// nodes ran elsewhere.
    pub agrees: Option<bool>,
    /// How the two differ, in words, if they do.
    pub difference: Option<String>,
}

impl Round {
    /// How many runs ended like this.
    pub fn count(&self, status: AssociationStatus) -> u64 {
        self.runs.get(status.as_str()).copied().unwrap_or(0)
    }

    /// Whether nothing more is to come of it, as the plane says; where it says
    /// nothing, whether all nodes were through.
    pub fn is_over(&self) -> bool {
        match self.status.as_deref() {
            // Of nodes that are gone nothing more comes, whatever the plane waits for.
            Some(status) if is_open(status) => self.replaced > 0 && self.missing == 0,
            Some(_) => true,
            None => self.missing == 0,
        }
    }
}

/// The rounds of an association made at this instant. `executions` is what the
/// plane says, oldest first; without it all runs are one round. Of a part of the
/// fleet (`is_part`) the plane counts nodes that ran elsewhere.
pub(super) fn rounds(
    made: Timestamp,
    executions: Option<&[Execution]>,
    runs: &[Ran],
    folded: &FoldedRuns,
    is_part: bool,
) -> Vec<Round> {
    let Some(executions) = executions else {
        let mut all = FoldedRound::default();
        folded.rounds.iter().for_each(|(dispatched, round)| all.merge(round, dispatched.since(made)));
        return vec![Round::new(made, None, runs, Some(&all), is_part)];
    };
    let created: Vec<Timestamp> =
        executions.iter().map(|execution| execution.created.unwrap_or(made)).collect();
    let parts = attribute(&created, runs);
    let rounds = executions.iter().zip(&created).zip(&parts).zip(folded_parts(&created, folded));
    rounds
        .map(|(((execution, &created), runs), folded)| {
            Round::new(created, Some(execution), runs, folded, is_part)
        })
        .collect()
}

/// Whether more is to come of an execution that stands like this.
fn is_open(status: &str) -> bool {
    matches!(status, "Pending" | "InProgress")
}

/// How long the nodes of all rounds took. What did not come to its end in a round
/// that is over never will.
pub(super) fn times(
    made: Timestamp,
    executions: &[Execution],
    runs: &[Ran],
    folded: &FoldedRuns,
    is_part: bool,
) -> AssociationTimes {
    let created: Vec<Timestamp> =
        executions.iter().map(|execution| execution.created.unwrap_or(made)).collect();
    let mut times = AssociationTimes::default();
    let parts = attribute(&created, runs).into_iter().zip(folded_parts(&created, folded));
    for ((execution, created), (runs, folded)) in executions.iter().zip(&created).zip(parts) {
        let round = Round::new(*created, Some(execution), &runs, folded, is_part);
        times.meant_and_missing.0 += round.nodes;
        times.meant_and_missing.1 += round.missing;
        for run in last_of_each(&runs).into_values() {
            times.to_start.add(run.started.since(*created));
            match run.status {
                AssociationStatus::Success => times.to_success.add(run.ended.since(*created)),
                _ if round.is_over() => times.to_success.add_never(1),
                _ => {}
            }
        }
        if round.is_over() {
            times.to_start.add_never(round.missing);
            times.to_success.add_never(round.missing + folded.map_or(0, FoldedRound::unsuccessful));
        }
    }
    // A plane may list old rounds no longer.
    let unlisted = folded.rounds.iter().filter(|(dispatched, _)| !created.contains(dispatched));
    times.to_success.add_never(unlisted.map(|(_, round)| round.unsuccessful()).sum());
    times.to_start.add_folded(&folded.to_start);
    times.to_success.add_folded(&folded.to_success);
    times
}

/// By node, the last run of each.
fn last_of_each(runs: &[Ran]) -> BTreeMap<(u32, u16), Ran> {
    let mut last: BTreeMap<_, Ran> = BTreeMap::new();
    for run in runs {
        let known = last.entry((run.node, run.incarnation)).or_insert(*run);
        *known = (*known).max(*run);
    }
    last
}

/// The runs of each round, rounds being given by the instants of their dispatch.
fn attribute(created: &[Timestamp], runs: &[Ran]) -> Vec<Vec<Ran>> {
    let mut parts = vec![Vec::new(); created.len()];
    for run in runs {
        let begun = created.partition_point(|created| *created <= run.started);
        if let Some(part) = parts.get_mut(begun.saturating_sub(1)) {
            part.push(*run);
        }
    }
    parts
}

/// The folded runs of each such round. Of two that were dispatched at one instant the
/// second one ended the first, and has them as it has those that are kept one by one.
fn folded_parts<'a>(
    created: &'a [Timestamp],
    folded: &'a FoldedRuns,
) -> impl Iterator<Item = Option<&'a FoldedRound>> {
    created.iter().enumerate().map(|(place, created_at)| {
        let is_last = created.get(place + 1) != Some(created_at);
        folded.rounds.get(created_at).filter(|_| is_last)
    })
}

impl Round {
    /// Of these runs, and those that were folded before their nodes ran for a newer round.
    fn new(
        created: Timestamp,
        execution: Option<&Execution>,
        runs: &[Ran],
        folded: Option<&FoldedRound>,
        is_part: bool,
    ) -> Self {
        let last = last_of_each(runs);
        let mut all = folded.cloned().unwrap_or_default();
        for run in last.values() {
            *all.runs.entry(run.status).or_default() += 1;
            all.foreign += u64::from(run.is_foreign);
            all.unreported += u64::from(!run.is_reported);
            all.ends.add(run.ended.since(created));
        }
        // What went on when the plane was asked for the last time is not its last count.
        let counted = execution.filter(|execution| !(execution.is_last_word && is_open(&execution.status)));
        let listed = execution.map(|execution| execution.targets.values().sum::<u64>());
        let ran = all.ends.count();
        let nodes = listed.filter(|_| !is_part).unwrap_or(ran);
        let missing = nodes.saturating_sub(ran);
        let replaced = execution.map_or(0, |execution| execution.replaced).min(missing);
        let mut round = Self {
            created,
            execution: execution.map(|execution| execution.id),
            status: execution.map(|execution| execution.status.clone()),
            nodes,
            runs: all.runs.iter().map(|(status, count)| (status.to_string(), *count)).collect(),
            foreign: all.foreign,
            unreported: all.unreported,
            missing: missing - replaced,
            replaced,
            t50: quantile(&all.ends, nodes, 50),
            t90: quantile(&all.ends, nodes, 90),
            t100: quantile(&all.ends, nodes, 100),
            counted: counted.map(|execution| execution.targets.clone()),
            agrees: None,
            difference: None,
        };
        if !is_part {
            round.difference = round.differ();
            round.agrees = counted.map(|_| round.difference.is_none());
        }
        round
    }

    /// How what the plane counts differs from what the nodes did.
    fn differ(&self) -> Option<String> {
        let counted = self.counted.as_ref()?;
        let of = |status: &AssociationStatus| counted.get(status.as_str()).copied().unwrap_or(0);
        let is_same = AssociationStatus::ALL.iter().filter(|status| status.is_terminal()).all(|status| {
            let (plane, nodes) = (of(status), self.count(*status));
            match status {
                // The plane also skips nodes that a round never reached: they ran nothing.
                AssociationStatus::Skipped => (nodes..=nodes + self.missing + self.replaced).contains(&plane),
                _ => plane == nodes,
            }
        });
        if is_same {
            return None;
        }
        let unreported = match self.unreported {
            0 => String::new(),
            1 => "; the last report of 1 run was not taken".to_owned(),
            count => format!("; the last reports of {count} runs were not taken"),
        };
        Some(format!("the nodes count {}, the plane {}{unreported}", spell(&self.runs), spell(counted)))
    }
}

/// Counts in words: `2 Failed, 40 Success`.
fn spell(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let counts: Vec<String> = counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
    counts.join(", ")
}

/// After what time this many in a hundred of so many nodes were through, by
/// nearest rank; `None` if so many never were.
fn quantile(ends: &Durations, nodes: u64, hundredths: u64) -> Option<Period> {
    ends.of_rank((nodes.max(ends.count()) * hundredths).div_ceil(100))
}

fn seconds<S: Serializer>(period: &Option<Period>, serializer: S) -> Result<S::Ok, S::Error> {
    match period {
        Some(period) => serializer.serialize_f64(period.as_seconds()),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use AssociationStatus::{Failed, Success};

    use super::*;
    use crate::measure::live::Samples;

    fn second(count: i64) -> Timestamp {
        Timestamp::from_seconds(count)
    }

    fn ran(node: u32, started: i64, ended: i64, status: AssociationStatus) -> Ran {
        let (started, ended) = (second(started), second(ended));
        Ran { ended, node, incarnation: 0, started, status, is_reported: true, is_foreign: false }
    }

    fn execution(created: i64, status: &str, targets: &[(&str, u64)]) -> Execution {
        let targets = targets.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect();
        let id = ExecutionId::from_bits(created as u128);
        Execution {
            id,
            created: Some(second(created)),
            status: status.to_owned(),
            targets,
            replaced: 0,
            is_last_word: false,
        }
    }

    #[test]
    fn quantiles_are_of_the_nearest_rank_among_all_nodes() {
        let ends: Vec<Timestamp> = (1..=10).map(|end| second(100 + end)).collect();
        let cases = [
            (&ends[..], 10, 50, Some(5)),
            (&ends[..], 10, 90, Some(9)),
            (&ends[..], 10, 100, Some(10)),
            (&ends[..1], 1, 50, Some(1)),
            (&ends[..3], 3, 50, Some(2)),
            (&ends[..3], 3, 90, Some(3)),
            // Of twelve nodes two were never through.
            (&ends[..], 12, 50, Some(6)),
            (&ends[..], 12, 90, None),
            (&ends[..], 12, 100, None),
            // The plane lists fewer than ran.
            (&ends[..], 4, 100, Some(10)),
            (&[], 0, 50, None),
            (&[], 7, 50, None),
        ];
        for (ends, nodes, hundredths, expected) in cases {
            let mut durations = Durations::default();
            ends.iter().for_each(|end| durations.add(end.since(second(100))));
            let found = quantile(&durations, nodes, hundredths);
            assert_eq!(found, expected.map(Period::seconds), "{hundredths} of {nodes}, {} ends", ends.len());
        }
    }

    #[test]
    fn a_run_belongs_to_the_newest_round_there_was_when_it_began() {
        let created = [second(100), second(200), second(300)];
        let cases = [(99, 0), (100, 0), (199, 0), (200, 1), (299, 1), (300, 2), (9_999, 2)];
        for (started, expected) in cases {
            let run = ran(1, started, started + 150, Success);
            let parts = attribute(&created, &[run]);
            let places: Vec<usize> = (0..3).filter(|&place| !parts[place].is_empty()).collect();
            assert_eq!(places, [expected], "started at {started}");
        }
        assert!(attribute(&[], &[ran(1, 1, 2, Success)]).is_empty());
    }

    #[test]
    fn the_last_run_of_a_node_counts() {
        let runs = [ran(1, 10, 20, Failed), ran(2, 10, 30, Success), ran(1, 40, 50, Success)];
        let rounds = rounds(second(5), None, &runs, &FoldedRuns::default(), false);
        assert_eq!(rounds.len(), 1);
        assert_eq!(rounds[0].runs, [("Success".to_owned(), 2)].into());
        assert_eq!((rounds[0].nodes, rounds[0].t100), (2, Some(Period::seconds(45))));
        assert_eq!((rounds[0].agrees, rounds[0].is_over()), (None, true));
    }

    type Counted = &'static [(&'static str, u64)];

    #[test]
    fn nodes_and_plane_agree_or_the_difference_is_told() {
        let runs = [ran(1, 10, 20, Success), ran(2, 10, 30, Failed)];
        let cases: &[(Counted, Option<&str>)] = &[
            (&[("Failed", 1), ("Success", 1)], None),
            (&[("Failed", 1), ("Pending", 3), ("Success", 1)], None),
            // Never reached, so skipped by the plane for a newer round.
            (&[("Failed", 1), ("Skipped", 2), ("Success", 1)], None),
            (
                &[("Failed", 1), ("InProgress", 1)],
                Some("the nodes count 1 Failed, 1 Success, the plane 1 Failed, 1 InProgress"),
            ),
            (&[("Success", 2)], Some("the nodes count 1 Failed, 1 Success, the plane 2 Success")),
            (
                &[("Cancelled", 1), ("Failed", 1), ("Success", 1)],
                Some("the nodes count 1 Failed, 1 Success, the plane 1 Cancelled, 1 Failed, 1 Success"),
            ),
            (&[], Some("the nodes count 1 Failed, 1 Success, the plane none")),
        ];
        for (targets, expected) in cases {
            let rounds = rounds(
                second(5),
                Some(&[execution(5, "InProgress", targets)]),
                &runs,
                &FoldedRuns::default(),
                false,
            );
            assert_eq!(rounds[0].difference.as_deref(), *expected);
            assert_eq!(rounds[0].agrees, Some(expected.is_none()));
        }
    }

    #[test]
    fn a_difference_names_reports_that_were_not_taken() {
        let lost = Ran { is_reported: false, ..ran(1, 10, 20, Success) };
        let rounds = rounds(
            second(5),
            Some(&[execution(5, "InProgress", &[("InProgress", 1)])]),
            &[lost],
            &FoldedRuns::default(),
            false,
        );
        let expected =
            "the nodes count 1 Success, the plane 1 InProgress; the last report of 1 run was not taken";
        assert_eq!(rounds[0].difference.as_deref(), Some(expected));
        assert_eq!((rounds[0].unreported, rounds[0].missing), (1, 0));
    }

    #[test]
    fn of_two_rounds_of_one_instant_the_second_has_what_was_folded() {
        let mut folded = FoldedRuns::default();
        let mut round = FoldedRound { runs: [(Success, 2), (Failed, 1)].into(), ..FoldedRound::default() };
        (1..=3).for_each(|took| round.ends.add(Period::seconds(took)));
        folded.rounds.insert(second(100), round);
        let counts = [("Failed", 1), ("Success", 2)];
        let executions = [
            execution(100, "Skipped", &[]),
            execution(100, "Failed", &counts),
            execution(200, "Success", &[]),
        ];
        let rounds = rounds(second(90), Some(&executions), &[], &folded, false);
        let seen: Vec<_> = rounds.iter().map(|round| (round.count(Success), round.agrees)).collect();
        assert_eq!(seen, [(0, Some(true)), (2, Some(true)), (0, Some(true))]);
        let times = times(second(90), &executions, &[], &folded, false);
        assert!(matches!(times.to_success, Samples::Counted(_, 1)), "one did not succeed: {times:?}");
    }

    #[test]
    fn each_round_counts_its_own_runs() {
        let runs = [ran(1, 110, 120, Success), ran(2, 130, 140, Failed), ran(1, 210, 260, Success)];
        let executions = [
            execution(100, "Failed", &[("Failed", 1), ("Success", 1)]),
            execution(200, "InProgress", &[("Pending", 1), ("Success", 1)]),
        ];
        let rounds = rounds(second(90), Some(&executions), &runs, &FoldedRuns::default(), false);
        let seen: Vec<_> = rounds
            .iter()
            .map(|round| {
                (round.count(Success), round.count(Failed), round.missing, round.agrees, round.is_over())
            })
            .collect();
        assert_eq!(seen, [(1, 1, 0, Some(true), true), (1, 0, 1, Some(true), false)]);
        assert_eq!((rounds[0].t50, rounds[0].t100), (Some(Period::seconds(20)), Some(Period::seconds(40))));
        assert_eq!((rounds[1].t50, rounds[1].t90), (Some(Period::seconds(60)), None));
    }
}
