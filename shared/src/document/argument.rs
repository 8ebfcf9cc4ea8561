//! What stands in the place of `{{ parameters }}` when a document is run.
//!
//! As agent/framework/docparser/parameters/parameters.go. A text that is
//! nothing but one reference becomes the parameter's value, with its type; in a
//! longer text the value stands as text. References to parameters that the
//! document does not declare stay as they are. Once all is filled in, what is
//! left of `{{ssm:name}}` takes its value from the [`Store`], where one was asked.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::store::Store;
use super::{Document, ParameterKind};
use crate::wire::Parameters;

/// The value of each parameter that a document declares, for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments<'a> {
    values: BTreeMap<&'a str, Cow<'a, Value>>,
    store: Option<&'a Store>,
}

impl Document {
    /// The arguments of a run to which these parameters were given: the given
    /// value by the declared type, else the default, else null. What is given
    /// but not declared is ignored, as is what is given to a parameter of another
    /// type than String, StringList and StringMap.
    /// As agent/framework/docparser/docparser.go: `ParseParameters`.
    pub fn arguments<'a>(&'a self, given: &Parameters) -> Arguments<'a> {
        let declared = self.parameters.iter().filter(|(name, _)| is_name(name));
        let values = declared.map(|(name, parameter)| {
            let given = given.get(name).and_then(|values| typed(&parameter.kind, values));
            (name.as_str(), given.map_or(Cow::Borrowed(&parameter.default), Cow::Owned))
        });
        Arguments { values: values.collect(), store: None }
    }

    /// The arguments of a run by another document, which gives values of any type,
    /// also such as are not declared.
    /// As agent/plugins/rundocument: they are not converted by declared type.
    pub fn arguments_of<'a>(&'a self, given: &'a Map<String, Value>) -> Arguments<'a> {
        let declared = self.parameters.iter().map(|(name, parameter)| (name, &parameter.default));
        let named = declared.chain(given).filter(|(name, _)| is_name(name));
        let values = named.map(|(name, value)| (name.as_str(), Cow::Borrowed(value)));
        Arguments { values: values.collect(), store: None }
    }
}

fn typed(kind: &ParameterKind, values: &[String]) -> Option<Value> {
    match kind {
        ParameterKind::StringList => Some(values.into()),
        ParameterKind::String | ParameterKind::StringMap => values.first().map(|text| text.as_str().into()),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl<'a> Arguments<'a> {
    /// The same with the values that the Parameter Store gave.
    pub fn with_store(self, store: Option<&'a Store>) -> Self {
        Self { store, ..self }
    }

    /// The value of each parameter, by name, before the Parameter Store was asked.
    pub fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, &**value))
    }

    /// The value of this parameter, with that of the Parameter Store in its place.
    pub fn value(&self, name: &str) -> Value {
        self.values.get(name).map_or(Value::Null, |value| self.stored((**value).clone()))
    }

    /// This value with the arguments in their places, at any depth.
    pub fn fill(&self, value: &Value) -> Value {
        self.stored(self.fill_declared(value))
    }

    /// What the Parameter Store refuses was said before the run began.
    fn stored(&self, value: Value) -> Value {
        match self.store {
            Some(store) => store.fill(&value).unwrap_or(value),
            None => value,
        }
    }

    /// The same without a look at the Parameter Store.
    pub fn fill_declared(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill_text(text),
            Value::Array(items) => items.iter().map(|item| self.fill_declared(item)).collect(),
            Value::Object(members) => {
                let filled = members.iter().map(|(key, value)| (key.clone(), self.fill_declared(value)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// The member of this spelling with the arguments in their places, if there is one.
    pub fn fill_member(&self, members: &Map<String, Value>, key: &str) -> Option<Value> {
        members.get(key).map(|value| self.fill(value))
    }

    /// This text with the arguments in their places; the Parameter Store is not asked.
    pub fn fill_text(&self, text: &str) -> Value {
        if let Some((Some(value), "")) = reference(text).map(|(name, rest)| (self.values.get(name), rest)) {
            return value.clone().into_owned();
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find("{{") {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let known = reference(rest).and_then(|(name, after)| Some((self.values.get(name)?, after)));
            match known {
                Some((value, after)) => {
                    filled.push_str(&in_text(value));
                    rest = after;
                }
                None => {
                    filled.push('{');
                    rest = &rest[1..];
                }
            }
        }
        filled.push_str(rest);
        filled.into()
    }
}

/// The name in the reference that a text begins with, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let inner = text.strip_prefix("{{")?.trim_start_matches(blank);
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric())?;
    let rest = inner[end..].trim_start_matches(blank).strip_prefix("}}")?;
    Some((&inner[..end], rest)).filter(|(name, _)| !name.is_empty())
}

/// A value inside a longer text. The agent puts it there by a function in which
/// `$` begins a reference of its own, so that `$$` comes out as `$`.
fn in_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace("$$", "$"),
        other => other.to_string().replace("$$", "$"),
    }
}
