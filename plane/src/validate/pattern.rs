//! The regular expressions of the published model.
//!
//! Each is kept as the model spells it, for refusals say it so, and beside it as
//! our dialect has it: the script that makes the table translates. It is compiled
//! at its first use. The few with look-around need `fancy-regex`, which hands all
//! others to `regex`.

use std::sync::OnceLock;

use fancy_regex::Regex;
use serde::Deserialize;

/// How a pattern is matched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    /// In the dialect of the crate, over the whole text.
    regex: String,
    /// The most characters, where counting them is no work for an automaton.
    most: Option<usize>,
}

/// A regular expression that the whole text must match.
#[derive(Debug)]
pub(super) struct Pattern {
    /// As the model spells it.
    pub(super) text: String,
    recipe: Recipe,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    pub(super) fn new(text: String, recipe: Recipe) -> Self {
        Self { text, recipe, compiled: OnceLock::new() }
    }

    /// Whether the whole text matches. A search that gives up has not matched.
    pub(super) fn matches(&self, text: &str) -> bool {
        let regex =
            self.compiled.get_or_init(|| Regex::new(&self.recipe.regex).expect("each is compiled by a test"));
        let is_short = self.recipe.most.is_none_or(|most| text.len() <= most || text.chars().count() <= most);
        is_short && regex.is_match(text).unwrap_or(false)
    }
}
