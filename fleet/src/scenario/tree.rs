//! A text in YAML as a tree of values, each of which knows where it was written.
//!
//! Scenarios extend one another and flags change them, and an error must still
//! name the file and line, or the flag, that it comes from. So a text is read
//! into [`Node`]s ([`read`]), trees are laid over one another ([`merge`], [`set`]),
//! and what results is turned into types by [`value_of`], which finds as many
//! mistakes as there are, or by [`check_alone`], which lets keys be missing. The
//! tree that was used can be written down again ([`write()`]).
//!
//! What the keys are is for the types to say.
//!
//! Invariant: a node's place is where its own text stands, whatever tree it is in.

mod deserialize;
mod key;
mod merge;
mod problem;
mod prune;
mod read;
mod scalar;
mod write;

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

pub(super) use self::deserialize::KEYS_FOR_LIST;
pub use self::merge::{merge, set};
pub use self::problem::{Problem, Step, Wrong};
pub use self::prune::{check_alone, value_of};
pub use self::read::read;
pub use self::write::write;

/// A value, and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it was written.
    pub place: Place,
    /// Whether it is one of several choices by its name, which whoever reads it
    /// finds out; copies of the node learn it too.
    is_choice: Rc<Cell<bool>>,
    /// What was taken out of it on the way to more mistakes.
    wounds: Wounds,
}

/// What was taken out of a node, so that what follows from that is not told.
#[derive(Debug, Clone, Default)]
struct Wounds {
    is_hurt: bool,
    keys: Vec<String>,
}

/// A value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text, a number, a truth or nothing, as it was written.
    Scalar {
        /// Its text.
        text: String,
        /// Whether it stands without quotes, and may be more than a text.
        is_plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// Keys and their values, in the order in which they were written.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key was written.
    pub place: Place,
    /// The value.
    pub node: Node,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file, or in a text that is built in.
    Line {
        /// What it is, with its name: `scenario my.yaml`.
        text: Arc<str>,
        /// The line, from 1.
        line: usize,
    },
    /// On the command line.
    Flag(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { text, line } => write!(f, "{text}, line {line}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

impl Node {
    /// A value that was written here.
    pub fn new(value: Value, place: Place) -> Self {
        Self { value, place, is_choice: Rc::default(), wounds: Wounds::default() }
    }

    /// The value of this key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node),
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Map(entries) => {
                entries.iter_mut().find(|entry| entry.key == key).map(|entry| &mut entry.node)
            }
            Value::Scalar { .. } | Value::List(_) => None,
        }
    }

    /// Where the value at this path stands, or as much of the way as is there: a
    /// step is a key, or the name of an item or its number from 0.
    pub fn place_of(&self, path: &[Cow<'_, str>]) -> &Place {
        let Some((step, rest)) = path.split_first() else { return &self.place };
        match &self.value {
            Value::Scalar { .. } => &self.place,
            // Of equal names the last is one too many.
            Value::List(items) => {
                let named = items.iter().rfind(|item| item.name() == Some(&**step));
                let numbered = || items.get(step.parse::<usize>().ok()?);
                named.or_else(numbered).map_or(&self.place, |item| item.place_of(rest))
            }
            Value::Map(entries) => match entries.iter().find(|entry| entry.key == *step) {
                Some(entry) if rest.is_empty() => &entry.place,
                Some(entry) => entry.node.place_of(rest),
                None => &self.place,
            },
        }
    }

    /// Takes this key out, and gives its value.
    pub fn take(&mut self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &mut self.value else { return None };
        let place = entries.iter().position(|entry| entry.key == key)?;
        Some(entries.remove(place).node)
    }

    /// The name that it gives itself, as things in lists do.
    pub fn name(&self) -> Option<&str> {
        self.get("name")?.text()
    }

    /// Its text, if it is one or could be one.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, is_plain } => (!is_plain || !scalar::is_nothing(text)).then_some(text),
            Value::List(_) | Value::Map(_) => None,
        }
    }
}
