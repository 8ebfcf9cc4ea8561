//! Whether a run came out as its scenario says.
//!
//! A run passes if its rounds came to their end, refusals were those expected,
//! nodes and plane count the same, and all thresholds held. What came out
//! otherwise than the scenario says goes before a threshold that failed, and that
//! before one that could not be evaluated.

use super::exit::Exit;
use crate::report::phrases;
use crate::result::{AssociationResult, Difference, EntryResult, Refusal, Round, RunResult};
use crate::simulation::{Ending, Finished};
use crate::threshold::{Outcome, Verdict};

/// What of a run decides on its exit code.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// How it ended.
    pub ending: Ending,
    /// Whether its end was set on the command line: then it is no surprise.
    pub is_duration_given: bool,
    /// What came of each association that was made.
    pub associations: &'a [AssociationResult],
    /// The associations that were neither made nor refused.
    pub not_made: &'a [String],
    /// The entries of the timeline that were due in the run and did not happen.
    pub not_happened: &'a [String],
    /// The associations that were refused, or should have been.
    pub refusals: &'a [Refusal],
    /// What came of the timeline.
    pub timeline: &'a [EntryResult],
    /// What went wrong for the operator.
    pub troubles: &'a [String],
    /// What came of thresholds.
    pub thresholds: &'a [Outcome],
}

impl<'a> Facts<'a> {
    /// Those of this result.
    pub fn of(result: &'a RunResult, not_happened: &'a [String], is_duration_given: bool) -> Self {
        Self {
            ending: result.ending,
            is_duration_given,
            associations: &result.associations,
            not_made: &result.not_made,
            not_happened,
            refusals: &result.refusals,
            timeline: &result.timeline,
            troubles: &result.operator.troubles,
            thresholds: &result.thresholds,
        }
    }

    /// The exit code, and in words what was not as the scenario says.
    pub fn judge(&self) -> (Exit, Vec<String>) {
        let mut reasons: Vec<String> = self.refusals.iter().filter_map(surprise).collect();
        reasons.extend(self.timeline.iter().flat_map(unmet));
        reasons.extend(self.troubles.iter().map(|trouble| format!("the operator met trouble: {trouble}")));
        match self.ending {
            // It was ended amid its work, so that little of it can be held against it.
            Ending::CutShort => return (Exit::CutShort, reasons),
            Ending::Aborted => {
                reasons.extend(self.thresholds.iter().filter_map(phrases::threshold_trouble));
                return (Exit::ThresholdFailed, reasons);
            }
            Ending::Complete => {
                reasons.extend(self.missed());
                reasons.extend(self.associations.iter().flat_map(differences));
            }
            Ending::OutOfTime if self.is_duration_given => {}
            Ending::OutOfTime => {
                reasons.extend(self.missed());
                reasons.extend(self.associations.iter().filter_map(unfinished));
            }
        }
        let is_as_said = reasons.is_empty();
        reasons.extend(self.thresholds.iter().filter_map(phrases::threshold_trouble));
        let has = |verdict| self.thresholds.iter().any(|outcome| outcome.verdict == verdict);
        let exit = match is_as_said {
            false => Exit::Failed,
            true if has(Verdict::Failed) => Exit::ThresholdFailed,
            true if has(Verdict::NotEvaluated) => Exit::Unknown,
            true => Exit::Passed,
        };
        (exit, reasons)
    }

    /// What was to happen in the run, and did not.
    fn missed(&self) -> impl Iterator<Item = String> {
        let made = self.not_made.iter().map(|name| format!("association {name} was not made"));
        made.chain(self.not_happened.iter().map(|name| format!("timeline: {name} did not happen")))
    }
}

/// The entries of the timeline that were due in the run and did not happen. One that
/// waits for a condition may wait in vain.
pub fn not_happened(finished: &Finished) -> Vec<String> {
    let lasted = finished.ended.since(finished.plan.start);
    let entries = finished.plan.timeline.iter().enumerate();
    let missed = entries.filter(|(place, entry)| {
        let is_due = entry.occasion.first().is_some_and(|first| first < lasted);
        entry.is_of_timeline && is_due && !finished.operator.happened.contains_key(place)
    });
    missed.map(|(_, entry)| entry.name.clone()).collect()
}

fn surprise(refusal: &Refusal) -> Option<String> {
    if refusal.is_as_expected {
        return None;
    }
    let Refusal { name, expected, seen, .. } = refusal;
    Some(match (expected, seen) {
        (Some(expected), None) => format!("association {name} was made, expected {expected}"),
        (Some(expected), Some(seen)) => {
            format!("association {name} was refused with {seen}, expected {expected}")
        }
        (None, Some(seen)) => format!("association {name} was refused with {seen}"),
        (None, None) => format!("association {name} was not made"),
    })
}

/// Where an entry of the timeline came out otherwise than expected.
fn unmet(entry: &EntryResult) -> Option<String> {
    let Difference { expected, seen, .. } = entry.differences.first()?;
    let times = if entry.unmet > 1 { format!(" ({} times)", entry.unmet) } else { String::new() };
    Some(format!("timeline: {}: {seen}, expected {expected}{times}", entry.name))
}

/// Where nodes and plane count a round differently that the run waited for.
fn differences(association: &AssociationResult) -> impl Iterator<Item = String> {
    let waited_for = association.rounds.iter().zip(1..).take(association.rounds_expected as usize);
    let name = &association.name;
    waited_for.filter(|(round, _)| round.is_over()).filter_map(move |(round, number): (&Round, u32)| {
        let difference = round.difference.as_ref()?;
        Some(format!("association {name}, round {number}: {difference}"))
    })
}

fn unfinished(association: &AssociationResult) -> Option<String> {
    let AssociationResult { name, rounds_expected, .. } = association;
    let over = association.rounds_over();
    if over >= *rounds_expected as usize {
        return None;
    }
    let first = association.rounds.iter().position(|round| !round.is_over()).unwrap_or(over) + 1;
    Some(format!("association {name}: round {first} of {rounds_expected} was not over when the time was"))
}

#[cfg(test)]
mod tests {
    use shared::id::AssociationId;
    use shared::time::Timestamp;

    use super::*;
    use crate::threshold::UnitName;

    fn round(status: &str, difference: Option<&str>) -> Round {
        Round {
            created: Timestamp::default(),
            execution: None,
            status: Some(status.to_owned()),
            nodes: 0,
            runs: Default::default(),
            foreign: 0,
            unreported: 0,
            missing: 0,
            replaced: 0,
            t50: None,
            t90: None,
            t100: None,
            counted: None,
            agrees: Some(difference.is_none()),
            difference: difference.map(str::to_owned),
        }
    }

    fn association(rounds_expected: u32, rounds: Vec<Round>) -> AssociationResult {
        let id = AssociationId::from_bits(1);
        AssociationResult { name: "hello".into(), aim: "all nodes".into(), id, rounds_expected, rounds }
    }

    fn refusal(expected: Option<&str>, seen: Option<&str>) -> Refusal {
        let [expected, seen] = [expected, seen].map(|name| name.map(str::to_owned));
        let is_as_expected = expected == seen;
        Refusal { name: "no".into(), aim: "x".into(), expected, seen, message: None, is_as_expected }
    }

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome {
            metric: "online".into(),
            bound: "value > 5".into(),
            verdict,
            value: (verdict != Verdict::NotEvaluated).then_some(3.0),
            unit: UnitName::Number,
            is_never: false,
            has_ended_run: false,
            reason: (verdict == Verdict::NotEvaluated).then(|| "nothing was measured".into()),
        }
    }

    fn facts(ending: Ending) -> Facts<'static> {
        Facts {
            ending,
            is_duration_given: false,
            associations: &[],
            not_made: &[],
            not_happened: &[],
            refusals: &[],
            timeline: &[],
            troubles: &[],
            thresholds: &[],
        }
    }

    #[test]
    fn a_run_passes_if_it_came_out_as_its_scenario_says() {
        use Ending::{Aborted, Complete, CutShort, OutOfTime};
        let over = [association(
            2,
            vec![round("Success", None), round("Failed", None), round("InProgress", Some("x"))],
        )];
        let unfinished = [association(2, vec![round("Success", None), round("InProgress", None)])];
        let differing = [association(1, vec![round("Success", Some("the nodes count 2, the plane 1"))])];
        let expected = [refusal(Some("InvalidInstanceId"), Some("InvalidInstanceId"))];
        let missing = [refusal(Some("InvalidInstanceId"), None)];
        let other = [refusal(Some("InvalidInstanceId"), Some("InvalidTarget"))];
        let unasked = [refusal(None, Some("InvalidTarget"))];
        let entry = |unmet| EntryResult {
            name: "start-association patch".into(),
            expected: Some("InvalidTarget".into()),
            narrated: None,
            times: 3,
            first_milliseconds: Some(60_000),
            unmet,
            differences: (0..unmet)
                .map(|_| Difference {
                    at: Timestamp::default(),
                    expected: "InvalidTarget".into(),
                    seen: "not refused".into(),
                })
                .collect(),
        };
        let (met, unmet) = ([entry(0)], [entry(2)]);
        let trouble = ["no reply to CreateDocument: refused".to_owned()];
        let name = ["late".to_owned()];

        let failed = [outcome(Verdict::Failed), outcome(Verdict::NotEvaluated)];
        let unknown = [outcome(Verdict::Passed), outcome(Verdict::NotEvaluated)];
        let passed = [outcome(Verdict::Passed)];

        let cases: [(Facts<'_>, Exit, &str); 23] = [
            (Facts { timeline: &met, ..facts(Complete) }, Exit::Passed, ""),
            (
                Facts { timeline: &unmet, ..facts(OutOfTime) },
                Exit::Failed,
                "start-association patch: not refused, expected InvalidTarget (2 times)",
            ),
            (Facts { associations: &over, refusals: &expected, ..facts(Complete) }, Exit::Passed, ""),
            (
                Facts { associations: &differing, ..facts(Complete) },
                Exit::Failed,
                "hello, round 1: the nodes count 2",
            ),
            (
                Facts { refusals: &missing, ..facts(Complete) },
                Exit::Failed,
                "no was made, expected InvalidInstanceId",
            ),
            (
                Facts { refusals: &other, ..facts(Complete) },
                Exit::Failed,
                "refused with InvalidTarget, expected Invalid",
            ),
            (
                Facts { refusals: &unasked, ..facts(Complete) },
                Exit::Failed,
                "no was refused with InvalidTarget",
            ),
            (
                Facts { troubles: &trouble, ..facts(Complete) },
                Exit::Failed,
                "trouble: no reply to CreateDocument",
            ),
            (Facts { not_made: &name, ..facts(Complete) }, Exit::Failed, "association late was not made"),
            (facts(OutOfTime), Exit::Passed, ""),
            (Facts { not_made: &name, ..facts(OutOfTime) }, Exit::Failed, "association late was not made"),
            (
                Facts { not_happened: &name, ..facts(OutOfTime) },
                Exit::Failed,
                "timeline: late did not happen",
            ),
            (
                Facts { not_made: &name, not_happened: &name, is_duration_given: true, ..facts(OutOfTime) },
                Exit::Passed,
                "",
            ),
            (
                Facts { associations: &unfinished, ..facts(OutOfTime) },
                Exit::Failed,
                "hello: round 2 of 2 was not over",
            ),
            (
                Facts { associations: &unfinished, is_duration_given: true, ..facts(OutOfTime) },
                Exit::Passed,
                "",
            ),
            (
                Facts { refusals: &other, is_duration_given: true, ..facts(OutOfTime) },
                Exit::Failed,
                "refused with InvalidTarget",
            ),
            (Facts { thresholds: &passed, ..facts(Complete) }, Exit::Passed, ""),
            (
                Facts { thresholds: &failed, ..facts(Complete) },
                Exit::ThresholdFailed,
                "threshold online: value > 5 ",
            ),
            (
                Facts { thresholds: &unknown, ..facts(OutOfTime) },
                Exit::Unknown,
                "was not evaluated: nothing was measured",
            ),
            (
                Facts { thresholds: &failed[..1], associations: &unfinished, ..facts(Aborted) },
                Exit::ThresholdFailed,
                "threshold online: value > 5 failed: it was 3",
            ),
            (Facts { refusals: &missing, thresholds: &failed, ..facts(Complete) }, Exit::Failed, ""),
            (Facts { thresholds: &failed, ..facts(CutShort) }, Exit::CutShort, ""),
            (
                Facts { associations: &unfinished, refusals: &missing, ..facts(CutShort) },
                Exit::CutShort,
                "was made",
            ),
        ];
        for (facts, exit, reason) in cases {
            let (found, reasons) = facts.judge();
            assert_eq!(found, exit, "{facts:?}");
            let has_no_reason = facts.ending == CutShort || exit == Exit::Passed;
            assert!(!reasons.is_empty() || has_no_reason, "{facts:?}");
            assert!(reasons.iter().all(|line| line.contains(reason)), "{reasons:?}");
        }
    }
}
