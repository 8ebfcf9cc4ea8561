//! How a step of a command goes: as the cohort's behaviour for its document has it.

use shared::document::{Document, Step};
use shared::seed::Draw;
use shared::time::Period;

use crate::catalogue::Cohort;

/// How a step goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Performance {
    /// How long it takes, or would take if nobody stopped it.
    pub(super) takes: Period,
    /// Its exit code.
    pub(super) exit_code: i32,
    /// What it writes to its standard output.
    pub(super) output: String,
}

/// How this step goes. The first step that runs is the one that may fail.
pub(super) fn perform(
    cohort: &Cohort,
    name: &str,
    document: &Document,
    index: usize,
    is_first: bool,
    draw: Draw,
) -> Performance {
    let behaviour = cohort.behaviour(name);
    let fails = is_first && draw.uniform("fails", 0) < behaviour.fails.fraction();
    let (least, most) = behaviour.takes;
    let takes = least + draw.period("step-takes", index as u64, most - least);
    let exit_code = if fails { behaviour.exit_code } else { 0 };
    let Step { name, action, .. } = &document.steps[index];
    Performance { takes, exit_code, output: format!("{action} {name}: simulated for {takes}\n") }
}
