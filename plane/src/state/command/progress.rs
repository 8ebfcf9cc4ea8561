//! What a node told of its part in a command.
//!
//! Steps come one by one and are kept by their names; a later word on a step
//! replaces the one before. Output is cut to what the service shows of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::time::Timestamp;
use shared::wire::PluginResult;

/// How many characters of an output the service shows (API reference: 24,000).
pub(crate) const OUTPUT: usize = 24_000;

/// What a node told of its part in a command.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// When it was first heard of.
    pub(crate) heard: Timestamp,
    /// What went wrong before any step.
    pub(crate) trace: String,
    /// The steps that have ended, by their names.
    pub(crate) steps: BTreeMap<String, PluginResult>,
}

impl Progress {
    /// Takes in how steps stand.
    pub(crate) fn take_in(&mut self, steps: BTreeMap<String, PluginResult>) {
        for (name, mut step) in steps {
            for text in [&mut step.output, &mut step.standard_output, &mut step.standard_error] {
                cut(text, OUTPUT);
            }
            self.steps.insert(name, step);
        }
    }

    /// The step of this name. Documents of the old form name steps after their
    /// plugins, and so do agents.
    pub(crate) fn step(&self, name: &str) -> Option<&PluginResult> {
        self.steps.get(name).or_else(|| self.steps.values().find(|step| step.name == name))
    }
}

/// Cuts a text to so many characters.
pub(crate) fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_is_cut_by_characters() {
        for (text, most, expected) in [("abc", 3, "abc"), ("abcd", 3, "abc"), ("äöü!", 3, "äöü"), ("", 0, "")]
        {
            let mut text = text.to_owned();
            cut(&mut text, most);
            assert_eq!(text, expected);
        }
    }
}
