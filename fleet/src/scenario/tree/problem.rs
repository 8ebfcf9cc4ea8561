//! A mistake in what somebody wrote: where it stands, what it is, what would be right.

use std::fmt::{self, Write as _};

use serde::de::{self, Expected, Unexpected};
use shared::nearest::nearest;

use super::Place;

/// More names than these are not told one by one.
const LISTED: usize = 24;

/// A mistake, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it was written, once that is known.
    pub place: Option<Place>,
    /// The way to it, innermost step first.
    pub path: Vec<Step>,
    /// What is wrong.
    pub wrong: Wrong,
}

/// A step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into the value of a key.
    Key {
        /// Its place among the keys.
        index: usize,
        /// The key.
        key: String,
    },
    /// Into an item of a list.
    Item {
        /// Its place in the list.
        index: usize,
        /// The name that it gives itself.
        name: Option<String>,
    },
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// A key that must be there is not.
    Missing(&'static str),
    /// Something is there that cannot be.
    Value(String),
}

impl Problem {
    /// Something that cannot be, in words.
    pub fn wrong(reason: String) -> Self {
        Self { place: None, path: Vec::new(), wrong: Wrong::Value(reason) }
    }

    /// The same, written here unless it is known better already.
    pub fn here(mut self, place: &Place) -> Self {
        self.place.get_or_insert_with(|| place.clone());
        self
    }

    /// The same, one step further out.
    pub fn within(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    /// The way to it, as one writes it.
    fn way(&self) -> String {
        let mut way = String::new();
        for step in self.path.iter().rev() {
            match step {
                Step::Item { index, name: None } => {
                    let _ = write!(way, "[{index}]");
                    continue;
                }
                _ if !way.is_empty() => way.push('.'),
                _ => {}
            }
            match step {
                Step::Key { key: name, .. } | Step::Item { name: Some(name), .. } => way.push_str(name),
                Step::Item { .. } => {}
            }
        }
        way
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.way())?;
        }
        match &self.wrong {
            Wrong::Missing(key) => write!(f, "the key `{key}` is missing"),
            Wrong::Value(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::wrong(message.to_string())
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::wrong(format!("expected {expected}, not {}", words(unexpected)))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        // Serde says so of lists that end too soon.
        let expected = expected.to_string();
        let expected = expected.strip_prefix("an array of length ").unwrap_or(&expected).to_owned();
        Self::wrong(format!("the list has {length} in it: expected {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::wrong(format!("there is no choice `{variant}`{}", suggestion(variant, expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::wrong(format!("there is no key `{field}`{}", suggestion(field, expected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { place: None, path: Vec::new(), wrong: Wrong::Missing(field) }
    }
}

/// What might have been meant, and what there is.
fn suggestion(name: &str, known: &'static [&'static str]) -> String {
    let mut text = String::new();
    if let Some(nearest) = nearest(name, known.iter().copied()) {
        let _ = write!(text, "; did you mean `{nearest}`?");
    }
    if text.is_empty() && known.len() > LISTED {
        text.push_str("; ssm-fleet schema scenario tells them all");
    } else if text.is_empty() {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let _ = write!(text, "; there are {}", names.join(", "));
    }
    text
}

/// What was found, in words of who wrote it.
fn words(unexpected: Unexpected<'_>) -> String {
    match unexpected {
        Unexpected::Bool(value) => format!("`{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Char(value) => format!("`{value}`"),
        Unexpected::Str(value) => format!("`{value}`"),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "keys and values".to_owned(),
        Unexpected::UnitVariant => "a choice without a value".to_owned(),
        Unexpected::NewtypeVariant | Unexpected::TupleVariant | Unexpected::StructVariant => {
            "a choice with a value".to_owned()
        }
        other => other.to_string(),
    }
}
