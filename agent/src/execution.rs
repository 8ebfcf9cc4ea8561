//! What a step of a document does on a node, and what the run comes to.
//!
//! Three questions, in this order: whether a step runs ([`decide`]), what it
//! came to once its process has ended ([`finish`]), and what the document came
//! to ([`aggregate`]). The words for it are [`summary()`]'s. Nothing is executed:
//! how long a step takes and with what code it exits is the simulation's to say.
//!
//! A step that asks for a reboot (exit code 194, on Windows 3010) has done well
//! so far; the same step is taken up again once the node is back.
//!
//! Invariant: a step that failed does not end the document unless it says so.

pub mod constraint;
mod inputs;
mod output;
mod precondition;
mod result;
mod summary;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use shared::document::argument::Arguments;
use shared::document::store::Store;
use shared::document::{Document, Step};
use shared::status::PlatformType;
use shared::time::Period;
use shared::wire::Parameters;

pub use self::inputs::misfit;
use self::inputs::{modifier, timeout};
pub use self::output::{combined, cut_error, cut_output};
use self::precondition::judge;
pub use self::result::{DocumentStatus, StepResult, StepStatus, aggregate};
pub use self::summary::{step_summary, summary};
use crate::plugin::{self, Support};

/// Ends the document; the step has done well.
const EXIT_WITH_SUCCESS: i32 = 168;
/// Ends the document; the step has failed.
const EXIT_WITH_FAILURE: i32 = 169;
/// What is left of a process that the agent killed.
pub(crate) const KILLED: i32 = 137;

/// What a process of Linux and macOS exits with to have the node rebooted.
const REBOOT: i32 = 194;
/// What a process of Windows does, `ERROR_SUCCESS_REBOOT_REQUIRED`.
const REBOOT_ON_WINDOWS: i32 = 3010;

const EXITED_WITH_SUCCESS: &str = "\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped.";
const EXITED_WITH_FAILURE: &str =
    "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped.";
const ON_FAILURE: &str =
    "\nStep was found to have onFailure property. Further document steps will be skipped.";

/// Where and with what a document is run.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The node's platform.
    pub platform: PlatformType,
    /// What was given for the document's parameters.
    pub given: Given<'a>,
    /// What the Parameter Store gave, if it was asked.
    pub store: Option<&'a Store>,
    /// Whether an earlier step ended the document ([`StepResult::exits`]).
    pub has_exited: bool,
}

/// What a run was given for its document's parameters.
#[derive(Debug, Clone, Copy, Default)]
pub enum Given<'a> {
    /// Nothing.
    #[default]
    Nothing,
    /// Texts, by the association; they become what the document declares.
    Parameters(&'a Parameters),
    /// Values of any type, by another document that runs this one.
    Values(&'a Map<String, Value>),
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
    /// What it wrote to its standard output.
    pub standard_output: &'a str,
    /// What it wrote to its standard error.
    pub standard_error: &'a str,
    /// How long it took, or would have taken.
    pub took: Period,
    /// How long it might take ([`Verdict::Run`]).
    pub timeout: Period,
}

impl<'a> Context<'a> {
    /// The arguments that a document has here.
    pub fn arguments(&self, document: &'a Document) -> Arguments<'a> {
        let arguments = match self.given {
            Given::Nothing => document.arguments(&Parameters::new()),
            Given::Parameters(parameters) => document.arguments(parameters),
            Given::Values(values) => document.arguments_of(values),
        };
        arguments.with_store(self.store)
    }
}

/// Whether the step of this index runs.
/// As agent/framework/runpluginutil/runpluginutil.go: `getStepExecutionOperation`.
///
/// # Panics
/// When the document has no such step, as do all functions here that take an index.
pub fn decide<'a>(document: &'a Document, index: usize, context: &Context<'a>) -> Verdict {
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
pub fn finish<'a>(
    document: &'a Document,
    index: usize,
    context: &Context<'a>,
    ending: &Ending<'_>,
) -> StepResult {
    let step = &document.steps[index];
    let arguments = context.arguments(document);
    let mut result = come_to_end(step, &arguments, context.platform, ending);
    result.output.insert_str(0, ending.standard_output);
    result.output = cut_output(result.output);
    result.error = cut_error(result.error);
    result
}

/// What a step came to whose plugin says so itself, without a process of its own.
pub fn close<'a>(
    document: &'a Document,
    index: usize,
    context: &Context<'a>,
    status: StepStatus,
    output: String,
    error: String,
) -> StepResult {
    let step = &document.steps[index];
    let arguments = context.arguments(document);
    let mut result = match status {
        StepStatus::Failed => fail(1, error, &modifier(step, "onFailure", &arguments)),
        StepStatus::Success => {
            let exits = modifier(step, "onSuccess", &arguments) == "exit";
            StepResult::new(status, 0, error, exits)
        }
        StepStatus::TimedOut => StepResult::new(status, KILLED, error, false),
        StepStatus::Skipped | StepStatus::SuccessAndReboot | StepStatus::Cancelled => {
            StepResult::new(status, 0, error, false)
        }
    };
    result.output = cut_output(output);
    result.error = cut_error(result.error);
    result
}

fn come_to_end(
    step: &Step,
    arguments: &Arguments<'_>,
    platform: PlatformType,
    ending: &Ending<'_>,
) -> StepResult {
    let error = ending.standard_error.to_owned();

    // The agent knows a killed process by its code only, so a script that exits with 137 timed out too.
    if ending.took >= ending.timeout || ending.exit_code == KILLED {
        return StepResult::new(StepStatus::TimedOut, KILLED, error, false);
    }
    match ending.exit_code {
        0 => {
            let exits = modifier(step, "onSuccess", arguments) == "exit";
            StepResult::new(StepStatus::Success, 0, error, exits)
        }
        code if code == reboot_code(platform) => {
            StepResult::new(StepStatus::SuccessAndReboot, code, error, false)
        }
        EXIT_WITH_SUCCESS => StepResult {
            output: EXITED_WITH_SUCCESS.to_owned(),
            ..StepResult::new(StepStatus::Success, EXIT_WITH_SUCCESS, error, true)
        },
        code => {
            let on_failure = modifier(step, "onFailure", arguments);
            fail(code, failure_text(step, code, error), &on_failure)
        }
    }
}

/// The exit code that asks for a reboot.
pub const fn reboot_code(platform: PlatformType) -> i32 {
    match platform {
        PlatformType::Windows => REBOOT_ON_WINDOWS,
        PlatformType::Linux | PlatformType::MacOS => REBOOT,
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
