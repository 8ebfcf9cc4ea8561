//! What a step of a document does on a node, and what the run comes to.
//!
//! Three questions, in this order: whether a step runs ([`decide`]), what it
//! came to once its process has ended ([`finish`]), and what the document came
//! to ([`aggregate`]). The words for it are [`summary()`]'s. Nothing is executed:
//! how long a step takes and with what code it exits is the simulation's to say.
//!
//! A simulated step never asks for a reboot (exit code 194, on Windows 3010):
//! here these codes are failures like any other.
//!
//! Invariant: a step that failed does not end the document unless it says so.

mod inputs;
mod precondition;
mod summary;
#[cfg(test)]
mod tests;

use shared::document::argument::Arguments;
use shared::document::{Document, Step};
use shared::status::{AssociationStatus, PlatformType};
use shared::time::Period;
use shared::wire::Parameters;

use self::inputs::{modifier, timeout};
use self::precondition::judge;
pub use self::summary::{step_summary, summary};
use crate::plugin::{self, Support};

/// Ends the document; the step has done well.
const EXIT_WITH_SUCCESS: i32 = 168;
/// Ends the document; the step has failed.
const EXIT_WITH_FAILURE: i32 = 169;
/// What is left of a process that the agent killed.
const KILLED: i32 = 137;

const EXITED_WITH_FAILURE: &str =
    "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped.";
const ON_FAILURE: &str =
    "\nStep was found to have onFailure property. Further document steps will be skipped.";

/// What a step came to. Of the agent's states, those that a simulated step
/// reaches: nothing cancels it and nothing reboots the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepStatus {
    /// It did well.
    Success,
    /// It did not.
    Failed,
    /// It took longer than it may.
    TimedOut,
    /// It was not run.
    Skipped,
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// What it came to.
    pub status: StepStatus,
    /// The exit code that is reported.
    pub code: i32,
    /// The standard error; the summary gives it as the reason of a failure.
    pub error: String,
    /// Why it was not run, if it was not. No summary holds it.
    pub remark: String,
    /// Whether it ends the document: later steps are skipped.
    pub exits: bool,
}

/// Where and with what a document is run.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The node's platform.
    pub platform: PlatformType,
    /// The parameters given to this run, if any.
    pub parameters: Option<&'a Parameters>,
    /// Whether an earlier step ended the document ([`StepResult::exits`]).
    pub has_exited: bool,
}

/// Whether a step runs. The texts are the agent's, as it writes them to the
/// step's output. That is not its standard error, so no summary holds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It runs, for at most so long.
    Run {
        /// After this its process is killed.
        timeout: Period,
    },
    /// It is not run, and that is well.
    Skipped(String),
    /// It is not run, and that is a failure.
    Failed(Refusal),
}

/// Why a step fails without being run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason, in words.
    pub reason: String,
    /// Whether the step wants the document to end when it fails.
    pub exits: bool,
}

/// How the process of a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending<'a> {
    /// Its exit code.
    pub exit_code: i32,
    /// What it wrote to its standard error.
    pub standard_error: &'a str,
    /// How long it took, or would have taken.
    pub took: Period,
    /// How long it might take ([`Verdict::Run`]).
    pub timeout: Period,
}

impl Context<'_> {
    fn arguments<'a>(&self, document: &'a Document) -> Arguments<'a> {
        let none = Parameters::new();
        document.arguments(self.parameters.unwrap_or(&none))
    }
}

impl StepResult {
    /// The result of a step that is not run, for this reason.
    pub fn skipped(reason: String) -> Self {
        Self { remark: reason, ..Self::new(StepStatus::Skipped, 0, String::new(), false) }
    }

    /// The result of a step that fails without being run. The agent reports code
    /// 1 where a failed step has none, and no standard error.
    pub fn failed(refusal: Refusal) -> Self {
        Self { remark: refusal.reason, ..Self::new(StepStatus::Failed, 1, String::new(), refusal.exits) }
    }

    const fn new(status: StepStatus, code: i32, error: String, exits: bool) -> Self {
        Self { status, code, error, remark: String::new(), exits }
    }
}

/// Whether the step of this index runs.
/// As agent/framework/runpluginutil/runpluginutil.go: `getStepExecutionOperation`.
///
/// # Panics
/// When the document has no such step, as do all functions here that take an index.
pub fn decide(document: &Document, index: usize, context: &Context<'_>) -> Verdict {
    let step = &document.steps[index];
    let arguments = context.arguments(document);
    if context.has_exited && !is_finally(document, index, &arguments) {
        return Verdict::Skipped(format!(
            "Plugin with name {} and id {} skipped due to prior step with an exit condition",
            step.action, step.name
        ));
    }
    let obstacle = if document.schema_version.has_preconditions() {
        cross_platform_obstacle(step, context.platform, &arguments)
    } else {
        older_obstacle(step, context.platform)
    };
    match obstacle {
        None => Verdict::Run { timeout: timeout(step, &arguments) },
        Some(Obstacle::Skips(reason)) => Verdict::Skipped(reason),
        // `successAndExit` is for steps that have run.
        Some(Obstacle::Fails(reason)) => {
            Verdict::Failed(Refusal { reason, exits: modifier(step, "onFailure", &arguments) == "exit" })
        }
    }
}

/// What keeps a step from running.
enum Obstacle {
    Skips(String),
    Fails(String),
}

/// Why a step of schema 1.x or 2.0 does not run.
fn older_obstacle(step: &Step, platform: PlatformType) -> Option<Obstacle> {
    let Step { action, name, .. } = step;
    let support = plugin::support(action, platform);
    let text = match support {
        Support::Unknown => unknown_plugin(step),
        Support::Barred => {
            format!("Plugin with name {action} is not supported in current platform. Step name: {name}")
        }
        Support::Unregistered | Support::Runs if step.precondition.is_some() => format!(
            "Precondition is not supported for document schema version prior to 2.2. Step name: {name}"
        ),
        Support::Unregistered => format!("Plugin with name {action} not found. Step name: {name}"),
        Support::Runs => return None,
    };
    Some(Obstacle::Fails(text))
}

/// Why a step of schema 2.2 does not run.
fn cross_platform_obstacle(
    step: &Step,
    platform: PlatformType,
    arguments: &Arguments<'_>,
) -> Option<Obstacle> {
    let Step { action, name, .. } = step;
    let judgement = step.precondition.as_ref().map(|precondition| judge(precondition, platform, arguments));
    let holds = judgement.as_ref().is_none_or(|judgement| judgement.holds);
    let remarks = judgement.map(|judgement| judgement.remarks.join(", ")).unwrap_or_default();

    match plugin::support(action, platform) {
        Support::Unknown if holds => Some(Obstacle::Fails(unknown_plugin(step))),
        Support::Unknown | Support::Barred | Support::Unregistered => Some(Obstacle::Skips(format!(
            "Step execution skipped due to unsupported plugin: {action}. Step name: {name}"
        ))),
        Support::Runs if !holds => Some(Obstacle::Skips(format!(
            "Step execution skipped due to unsatisfied preconditions: '{remarks}'. Step name: {name}"
        ))),
        Support::Runs if !remarks.is_empty() => Some(Obstacle::Fails(format!(
            "Unrecognized precondition(s): '{remarks}', please update agent to latest version. Step name: {name}"
        ))),
        Support::Runs => None,
    }
}

fn unknown_plugin(step: &Step) -> String {
    format!(
        "Plugin with name {} is not supported by this version of ssm agent, \
         please update to latest version. Step name: {}",
        step.action, step.name
    )
}

/// What a step came to that has run.
/// As agent/framework/runpluginutil/runpluginutil.go: `RunPlugins`, and
/// agent/plugins/pluginutil: `GetStatus`.
pub fn finish(document: &Document, index: usize, context: &Context<'_>, ending: &Ending<'_>) -> StepResult {
    let step = &document.steps[index];
    let arguments = context.arguments(document);
    let error = ending.standard_error.to_owned();

    // The agent knows a killed process by its code only, so a script that exits with 137 timed out too.
    if ending.took >= ending.timeout || ending.exit_code == KILLED {
        return StepResult::new(StepStatus::TimedOut, KILLED, error, false);
    }
    match ending.exit_code {
        0 => {
            let exits = modifier(step, "onSuccess", &arguments) == "exit";
            StepResult::new(StepStatus::Success, 0, error, exits)
        }
        EXIT_WITH_SUCCESS => StepResult::new(StepStatus::Success, EXIT_WITH_SUCCESS, String::new(), true),
        code => {
            let on_failure = modifier(step, "onFailure", &arguments);
            fail(code, failure_text(step, code, error), &on_failure)
        }
    }
}

/// What a failure comes to under this `onFailure`.
fn fail(code: i32, error: String, on_failure: &str) -> StepResult {
    match (code, on_failure) {
        (EXIT_WITH_FAILURE, _) => {
            StepResult::new(StepStatus::Failed, code, error + EXITED_WITH_FAILURE, true)
        }
        (_, "exit") => StepResult::new(StepStatus::Failed, code, error + ON_FAILURE, true),
        (_, "successAndExit") => {
            StepResult::new(StepStatus::Success, EXIT_WITH_SUCCESS, error + ON_FAILURE, true)
        }
        _ => StepResult::new(StepStatus::Failed, code, error, false),
    }
}

/// The standard error of a step that failed: a script's own, and the agent's
/// remark right after it.
fn failure_text(step: &Step, code: i32, standard_error: String) -> String {
    if plugin::runs_script(&step.action) {
        format!("{standard_error}failed to run commands: exit status {code}")
    } else {
        standard_error
    }
}

/// Whether this step runs though the document has ended: the last one may.
fn is_finally(document: &Document, index: usize, arguments: &Arguments<'_>) -> bool {
    let is_last = index + 1 == document.steps.len();
    is_last && modifier(&document.steps[index], "finallyStep", arguments) == "true"
}

/// What a document came to of which every step has a result. Skipped steps are
/// as good as those that did well, so a document of which nothing ran is a
/// success. As agent/contracts/aggregator.go: `DocumentResultAggregator`.
pub fn aggregate(results: &[StepResult]) -> AssociationStatus {
    let any = |status| results.iter().any(|result| result.status == status);
    if any(StepStatus::Failed) {
        AssociationStatus::Failed
    } else if any(StepStatus::TimedOut) {
        AssociationStatus::TimedOut
    } else {
        AssociationStatus::Success
    }
}
