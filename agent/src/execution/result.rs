//! What a step came to, and what a document comes to by its steps.

use shared::status::AssociationStatus;

use super::Refusal;

/// What a step came to. Of the agent's states, those that a simulated step
/// reaches. The later of two is what both come to.
/// As agent/contracts/resultstatus.go: `MergeResultStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StepStatus {
    /// It was not run.
    Skipped,
    /// It did well.
    Success,
    /// It did well so far, and goes on after a reboot.
    SuccessAndReboot,
    /// Somebody cancelled it.
    Cancelled,
    /// It took longer than it may.
    TimedOut,
    /// It did not.
    Failed,
}

impl StepStatus {
    /// The agent's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skipped => "Skipped",
            Self::Success => "Success",
            Self::SuccessAndReboot => "SuccessAndReboot",
            Self::Cancelled => "Cancelled",
            Self::TimedOut => "TimedOut",
            Self::Failed => "Failed",
        }
    }
}

/// What a document came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DocumentStatus {
    /// A step wants the node rebooted.
    SuccessAndReboot,
    /// A step failed.
    Failed,
    /// No step failed, and one took longer than it may.
    TimedOut,
    /// None of that, and a step was cancelled.
    Cancelled,
    /// Every step did well or was skipped.
    Success,
    /// A step has no result.
    InProgress,
}

impl DocumentStatus {
    /// What the association is reported as when its document is over. One that is
    /// not over, though its worker is gone, is to be begun anew.
    pub const fn of_association(self) -> Option<AssociationStatus> {
        match self {
            // Nobody is told of the end of one that was cancelled.
            Self::SuccessAndReboot | Self::Cancelled => None,
            Self::Failed => Some(AssociationStatus::Failed),
            Self::TimedOut => Some(AssociationStatus::TimedOut),
            Self::Success => Some(AssociationStatus::Success),
            Self::InProgress => Some(AssociationStatus::Pending),
        }
    }

    /// The agent's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuccessAndReboot => "SuccessAndReboot",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Success => "Success",
            Self::InProgress => "InProgress",
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// What it came to.
    pub status: StepStatus,
    /// The exit code that is reported.
    pub code: i32,
    /// The standard output.
    pub output: String,
    /// The standard error; the summary gives it as the reason of a failure.
    pub error: String,
    /// Why it was not run, if it was not. No summary holds it.
    pub remark: String,
    /// Whether it ends the document: later steps are skipped.
    pub exits: bool,
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

    /// The result of a step whose worker was stopped.
    pub fn stopped() -> Self {
        Self::new(StepStatus::Failed, 1, String::new(), false)
    }

    /// The result of a step that was cancelled, with what it had written.
    pub fn cancelled(code: i32, output: String) -> Self {
        Self { output, ..Self::new(StepStatus::Cancelled, code, String::new(), false) }
    }

    pub(super) const fn new(status: StepStatus, code: i32, error: String, exits: bool) -> Self {
        Self { status, code, output: String::new(), error, remark: String::new(), exits }
    }
}

/// What a document of so many steps came to, of which these have a result.
/// Skipped steps are as good as those that did well, so a document of which
/// nothing ran is a success.
/// As agent/contracts/aggregator.go: `DocumentResultAggregator`.
pub fn aggregate(steps: usize, results: &[StepResult]) -> DocumentStatus {
    let any = |status| results.iter().any(|result| result.status == status);
    if any(StepStatus::SuccessAndReboot) {
        DocumentStatus::SuccessAndReboot
    } else if any(StepStatus::Failed) {
        DocumentStatus::Failed
    } else if any(StepStatus::TimedOut) {
        DocumentStatus::TimedOut
    } else if any(StepStatus::Cancelled) {
        DocumentStatus::Cancelled
    } else if results.len() == steps {
        DocumentStatus::Success
    } else {
        DocumentStatus::InProgress
    }
}
