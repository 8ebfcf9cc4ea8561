//! A result as `junit.xml`: a case per threshold and expectation, for whatever
//! shows the tests of a CI.
//!
//! Invariant: a case is failed where the exit code says that the run failed for
//! it; what could not be judged is skipped, with its reason, and never passed.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::phrases;
use crate::result::{AssociationResult, Difference, EntryResult, Refusal, RunResult, iso};
use crate::simulation::Ending;
use crate::threshold::Verdict;

/// How a case ended.
enum Case {
    Passed,
    Failed(String),
    Skipped(String),
}

pub(super) fn document(result: &RunResult, is_duration_given: bool) -> String {
    let mut report = Report::new(format!("{} {}", result.program.name, result.scenario));
    let suites = [
        ("thresholds", thresholds(result)),
        ("refusals", result.refusals.iter().map(refusal).collect()),
        ("rounds", rounds(result, is_duration_given)),
        ("timeline", result.timeline.iter().filter_map(entry).collect()),
        ("operator", vec![operator(result)]),
    ];
    for (name, cases) in suites {
        let mut suite = TestSuite::new(name);
        suite.add_property(("seed", result.seed.to_string().as_str()));
        for (label, value) in &result.labels {
            suite.add_property((format!("labels.{label}").as_str(), value.as_str()));
        }
        suite.add_test_cases(cases.into_iter().map(|(title, case)| {
            let mut case = TestCase::new(title, status(case));
            case.set_classname(format!("{}.{name}", result.scenario));
            case
        }));
        if !suite.test_cases.is_empty() {
            report.add_test_suite(suite);
        }
    }
    report.to_string().expect("a text takes whatever is written to it")
}

fn status(case: Case) -> TestCaseStatus {
    let (mut status, message) = match case {
        Case::Passed => return TestCaseStatus::success(),
        Case::Failed(message) => (TestCaseStatus::non_success(NonSuccessKind::Failure), message),
        Case::Skipped(message) => (TestCaseStatus::skipped(), message),
    };
    // Some viewers show what stands in the element, others its attribute.
    status.set_message(message.lines().next().unwrap_or_default());
    status.set_description(message);
    status
}

fn thresholds(result: &RunResult) -> Vec<(String, Case)> {
    let case = |outcome: &crate::threshold::Outcome| {
        let trouble = phrases::threshold_trouble(outcome).unwrap_or_default();
        let case = match outcome.verdict {
            Verdict::Passed => Case::Passed,
            Verdict::Failed => Case::Failed(trouble),
            Verdict::NotEvaluated => Case::Skipped(trouble),
        };
        (format!("{}: {}", outcome.metric, outcome.bound), case)
    };
    result.thresholds.iter().map(case).collect()
}

fn refusal(refusal: &Refusal) -> (String, Case) {
    let title = match &refusal.expected {
        Some(expected) => format!("association {} is refused with {expected}", refusal.name),
        None => format!("association {} is made", refusal.name),
    };
    let case = if refusal.is_as_expected { Case::Passed } else { Case::Failed(phrases::refusal(refusal)) };
    (title, case)
}

/// Whether the rounds that the run waited for came to their end, and whether
/// nodes and plane count the same in them.
fn rounds(result: &RunResult, is_duration_given: bool) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for association in &result.associations {
        cases.extend((1..=association.rounds_expected as usize).map(|number| {
            let title = format!("association {}, round {number}", association.name);
            (title, round(result, association, number, is_duration_given))
        }));
    }
    let not_made = result.not_made.iter().map(|name| {
        let case = match result.ending {
            Ending::Complete => Case::Failed("it was not made".to_owned()),
            _ => Case::Skipped("the run ended before it was made".to_owned()),
        };
        (format!("association {name}"), case)
    });
    cases.extend(not_made);
    cases
}

fn round(
    result: &RunResult,
    association: &AssociationResult,
    number: usize,
    is_duration_given: bool,
) -> Case {
    let over = || association.rounds.iter().filter(|round| round.is_over());
    if over().count() < number {
        let message = "it was not over when the run ended".to_owned();
        return match result.ending {
            Ending::OutOfTime if !is_duration_given => Case::Failed(message),
            _ => Case::Skipped(message),
        };
    }
    let Some(round) = association.rounds.get(number - 1) else { return Case::Passed };
    match (&round.difference, result.ending) {
        // Others were waited for in its place.
        _ if !round.is_over() => Case::Skipped("it was not over when the run ended".to_owned()),
        (None, _) => Case::Passed,
        (Some(difference), Ending::Complete) => Case::Failed(difference.clone()),
        (Some(difference), _) => Case::Skipped(difference.clone()),
    }
}

/// What was expected of an entry of the timeline. What expects nothing is a case
/// only where it could not be done.
fn entry(entry: &EntryResult) -> Option<(String, Case)> {
    let title = match &entry.expected {
        Some(expected) => format!("{}: {expected}", entry.name),
        None if entry.unmet > 0 => entry.name.clone(),
        None => return None,
    };
    let lines = entry
        .differences
        .iter()
        .map(|Difference { at, expected, seen }| format!("at {}: {seen}, expected {expected}", iso(*at)));
    let case = match (entry.unmet, entry.times) {
        (0, 0) => Case::Skipped("it did not happen before the run ended".to_owned()),
        (0, _) => Case::Passed,
        _ => Case::Failed(lines.collect::<Vec<_>>().join("\n")),
    };
    Some((title, case))
}

fn operator(result: &RunResult) -> (String, Case) {
    let troubles = &result.operator.troubles;
    let case = if troubles.is_empty() { Case::Passed } else { Case::Failed(troubles.join("\n")) };
    ("the operator's work".to_owned(), case)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn each_threshold_and_expectation_is_a_case() {
        let text = document(&sample::good(), false);
        for said in [
            r#"<testsuite name="thresholds" tests="2" skipped="0" errors="0" failures="0">"#,
            r#"<testcase name="time_to_success{association=hello}: p(99) &lt; 10m" classname="first-look.thresholds"/>"#,
            r#"<testcase name="association windows-on-linux is refused with UnsupportedPlatformType""#,
            r#"<testcase name="association baseline, round 2" classname="first-look.rounds"/>"#,
        ] {
            assert!(text.contains(said), "{said}\n\nin\n\n{text}");
        }
        assert!(!text.contains("<failure") && !text.contains("<skipped"), "{text}");
    }

    #[test]
    fn a_difference_counts_in_a_round_that_is_over_only() {
        let mut result = sample::good();
        let round = &mut result.associations[1].rounds[0];
        let difference = "the nodes count 1 more".to_owned();
        (round.difference, round.agrees) = (Some(difference.clone()), Some(false));
        let failed = format!(r#"<failure message="{difference}">{difference}</failure>"#);
        assert!(document(&result, false).contains(&failed), "{}", document(&result, false));
        let third = result.associations[1].rounds[1].clone();
        result.associations[1].rounds.push(third);
        result.associations[1].rounds[0].status = Some("InProgress".to_owned());
        result.associations[1].rounds_expected = 2;
        let text = document(&result, false);
        assert!(!text.contains("<failure"), "the exit code says that it passed: {text}");
        assert!(text.contains(r#"<skipped message="it was not over when the run ended">"#), "{text}");
    }

    #[test]
    fn what_failed_says_why_and_what_was_not_judged_is_skipped() {
        let text = document(&sample::bad(), false);
        for said in [
            r#"failures="2""#,
            r#"<failure message="threshold time_to_success{association=hello}: p(99) &lt; 10m failed: it was never">threshold"#,
            r#"<skipped message="threshold latency{operation=GetManifest}: p(99) &lt; 250ms was not evaluated: nothing was measured">threshold"#,
            "expected UnsupportedPlatformType, was not refused",
            r#"<failure message="it was not over when the run ended">it was not over when the run ended</failure>"#,
            "no reply to AddTagsToResource",
            r#"<testsuite name="timeline" tests="4" skipped="1" errors="0" failures="2">"#,
            r#"<failure message="at 1970-01-01T00:20:00Z: StartAssociationsOnce refused: ThrottlingException: Rate exceeded, expected success">at 1970"#,
            r#"<testcase name="start-association hello: success" classname="first-look.timeline"/>"#,
            r#"<skipped message="it did not happen before the run ended">it did"#,
            r#"<property name="labels.team" value="web"/>"#,
        ] {
            assert!(text.contains(said), "{said}\n\nin\n\n{text}");
        }
        let given = document(&sample::bad(), true);
        assert!(given.contains(r#"<skipped message="it was not over when the run ended">"#), "{given}");
    }
}
