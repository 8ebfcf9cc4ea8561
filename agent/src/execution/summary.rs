//! What is said of a run, in the agent's words (`ExecutionSummary`).

use std::fmt::Write;

use shared::document::{Document, Step};

use super::{StepResult, StepStatus};

/// A summary of so many bytes or more is cut.
/// As agent/association/service/service.go.
const LIMIT: usize = 510;
const CUT_TO: usize = 490;
const CUT_MARK: &str = "--output truncated--";

/// What is said when the step of this index has ended: of that step alone.
///
/// # Panics
/// When the document has no such step.
pub fn step_summary(document: &Document, index: usize, result: &StepResult) -> String {
    write(document.steps.len(), &[(&document.steps[index], result)])
}

/// What is said when the document has ended: of all steps, of which these are
/// the results in their order. The agent gives the reasons of failed steps in no
/// particular order; here it is that of the document.
pub fn summary(document: &Document, results: &[StepResult]) -> String {
    let ended: Vec<_> = document.steps.iter().zip(results).collect();
    write(document.steps.len(), &ended)
}

/// As agent/association/processor/processor.go: `buildOutput`.
fn write(total: usize, ended: &[(&Step, &StepResult)]) -> String {
    let count = |status| ended.iter().filter(|(_, result)| result.status == status).count();
    let mut text = format!(
        "{} out of {total} plugin{} processed, {} success, {} failed, {} timedout, {} skipped. ",
        ended.len(),
        if total > 1 { "s" } else { "" },
        count(StepStatus::Success) + count(StepStatus::SuccessAndReboot),
        count(StepStatus::Failed),
        count(StepStatus::TimedOut),
        count(StepStatus::Skipped),
    );
    for (step, result) in ended.iter().filter(|(_, result)| result.status == StepStatus::Failed) {
        write!(text, "\nThe operation {} failed because {}.", step.name, result.error)
            .expect("a String takes whatever is written");
    }
    cut(text)
}

/// Cuts a text that is too long, at the character's border before the limit.
fn cut(mut text: String) -> String {
    if text.len() >= LIMIT {
        text.truncate(text.floor_char_boundary(CUT_TO));
        text.push_str(CUT_MARK);
    }
    text
}
