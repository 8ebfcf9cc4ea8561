//! A result, put into words: for the terminal at the end of a run, and as a
//! document to hand on.
//!
//! Both say the same facts, and reckon none: everything comes from
//! [`RunResult`]. [`summary`] fits the terminal (`terminal`, with `page` for
//! lines, `table` for columns); [`markdown`] writes `report.md`, [`junit`] the cases
//! of `junit.xml`. What both say
//! in the same words stands in `phrases`, numbers and units in `words`.
//!
//! Invariant: what went otherwise than expected is said, and said first to the
//! eye; what there is none of is left out.

mod junit;
mod markdown;
pub(crate) mod page;
pub(crate) mod phrases;
#[cfg(test)]
mod sample;
mod table;
mod terminal;
pub(crate) mod words;

use crate::result::RunResult;

/// How a run came out, held against its scenario.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Judgement {
    /// In a few words: `passed`, `FAILED, exit code 99: a threshold failed`.
    pub text: String,
    /// Whether it is as the scenario says.
    pub is_well: bool,
    /// What was not, each in a sentence.
    pub reasons: Vec<String>,
}

/// What stands around a summary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footer {
    /// How it came out.
    pub judgement: Judgement,
    /// The files that were written, if any were.
    pub written: Option<String>,
    /// The command line that repeats the run.
    pub again: String,
    /// What would have begun after the end that a flag set.
    pub beyond: Vec<String>,
}

/// The text at the end of a run, for a terminal of so many columns (at least
/// 40). No line is longer, but for a path or a word of a command that is.
pub fn summary(result: &RunResult, footer: &Footer, width: usize, colour: bool) -> String {
    terminal::summary(result, footer, width, colour)
}

/// The text of `report.md`.
pub fn markdown(result: &RunResult, judgement: &Judgement) -> String {
    markdown::document(result, judgement)
}

/// The text of `junit.xml`. Where the run's latest end was set on the command
/// line, that it came is no failure.
pub fn junit(result: &RunResult, is_duration_given: bool) -> String {
    junit::document(result, is_duration_given)
}
