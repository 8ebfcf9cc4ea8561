//! A result, put into words: for the terminal at the end of a run, and as a
//! document to hand on.
//!
//! Both say the same facts, and reckon none: everything comes from
//! [`RunResult`]. [`summary`] fits the terminal (`terminal`, with `page` for
//! lines, `table` for columns); [`markdown`] writes `report.md`. What both say
//! in the same words stands in `phrases`, numbers and units in `words`.
//!
//! Invariant: what went otherwise than expected is said, and said first to the
//! eye; what there is none of is left out.

mod markdown;
mod page;
pub(crate) mod phrases;
#[cfg(test)]
mod sample;
mod table;
mod terminal;
mod words;

use crate::result::RunResult;

/// What stands below a summary.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Footer {
    /// The files that were written, if any were.
    pub written: Option<String>,
    /// The command line that repeats the run.
    pub again: String,
}

/// The text at the end of a run, for a terminal of so many columns (at least
/// 40). No line is longer, but for a path or a word of a command that is.
pub fn summary(result: &RunResult, footer: &Footer, width: usize, colour: bool) -> String {
    terminal::summary(result, footer, width, colour)
}

/// The text of `report.md`.
pub fn markdown(result: &RunResult) -> String {
    markdown::document(result)
}
