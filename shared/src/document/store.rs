//! Values from the Parameter Store: `{{ssm:name}}` and `{{ssm:name:version}}`.
//!
//! As agent/framework/docparser/parameterstore. The agent looks for references,
//! asks for their names by GetParameters and puts the values in their places: a
//! StringList stands where a whole item of a list is its reference, anything
//! else inside a text. Asking is the caller's work.
//!
//! Invariant: whoever has a [`Store`] has a value for every reference that was
//! asked for, and none of them is a SecureString.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::wire::ParameterValue;

/// The most names in one call of GetParameters.
pub const NAMES_IN_A_CALL: usize = 10;

const STRING_LIST: &str = "StringList";
const SECURE_STRING: &str = "SecureString";

/// What the Parameter Store gave, by the references that stand for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Store {
    values: BTreeMap<String, StoredValue>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct StoredValue {
    name: String,
    is_list: bool,
    value: String,
}

/// Why references have no value. The agent says it so, with `InvalidAssoc`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// There are fewer values than names.
    #[error("Input contains invalid parameters [{}]", names.join(" "))]
    Invalid {
        /// The names that the service did not know.
        names: Vec<String>,
    },
    /// Secrets are not handed out this way.
    #[error("Parameters [{}] of type SecureString are not supported", names.join(" "))]
    Secure {
        /// Their names.
        names: Vec<String>,
    },
    /// A value came under a name that was not asked for.
    #[error("Encountered error while parsing input - internal error")]
    Unasked,
    /// A list stands inside a text.
    #[error("Parameter {name} of type StringList cannot be used as a String")]
    ListInText {
        /// Its name.
        name: String,
    },
}

/// The references in a value, at any depth, in their order; each as it is written.
pub fn references(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    collect(value, &mut found);
    found
}

fn collect(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.extend(in_text(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => members.values().for_each(|member| collect(member, found)),
        _ => {}
    }
}

/// The names to ask for, each once: with the version where one is written.
pub fn names(references: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in references.iter().map(|reference| name_in(reference)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// `{{ ssm:name }}`, blanks allowed at both ends.
fn in_text(text: &str) -> impl Iterator<Item = &str> {
    let openings = text.match_indices("{{").map(|(at, _)| &text[at..]);
    openings.filter_map(|rest| {
        let inner = rest[2..].trim_start_matches(' ').strip_prefix("ssm:")?;
        let end = inner.find(|c| !is_of_name(c)).filter(|end| *end > 0)?;
        let after = inner[end..].trim_start_matches(' ').strip_prefix("}}")?;
        Some(&rest[..rest.len() - after.len()])
    })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | ':' | '-')
}

fn name_in(reference: &str) -> &str {
    reference.trim_start_matches(['{', ' ']).trim_start_matches("ssm:").trim_end_matches(['}', ' '])
}

impl Store {
    /// What these answers mean for these references.
    pub fn of(
        references: &[String],
        parameters: &[ParameterValue],
        invalid: &[String],
    ) -> Result<Self, StoreError> {
        if names(references).len() != parameters.len() {
            return Err(StoreError::Invalid { names: invalid.to_vec() });
        }
        let mut store = Self::default();
        for parameter in parameters {
            let (name, version) = (&parameter.name, parameter.version.unwrap_or_default());
            let exact = format!("{name}:{version}");
            let is = |wanted: &str| references.iter().any(|reference| name_in(reference) == wanted);
            // With its version first; a reference without one means the same name.
            let wanted = [&exact, name].into_iter().find(|wanted| is(wanted)).ok_or(StoreError::Unasked)?;
            let value = StoredValue {
                name: name.clone(),
                is_list: parameter.kind.as_deref() == Some(STRING_LIST),
                value: parameter.value.clone().unwrap_or_default(),
            };
            for reference in references.iter().filter(|reference| name_in(reference) == wanted) {
                store.values.insert(reference.clone(), value.clone());
            }
        }
        let secure = parameters.iter().filter(|parameter| parameter.kind.as_deref() == Some(SECURE_STRING));
        let secure: Vec<_> = secure.map(|parameter| parameter.name.clone()).collect();
        if secure.is_empty() { Ok(store) } else { Err(StoreError::Secure { names: secure }) }
    }

    /// Takes in what another question brought.
    pub fn extend(&mut self, other: Self) {
        self.values.extend(other.values);
    }

    /// This value with those of the store in their places.
    pub fn fill(&self, value: &Value) -> Result<Value, StoreError> {
        Ok(match value {
            Value::String(text) => self.fill_text(text)?.into(),
            Value::Array(items) if matches!(items.first(), Some(Value::String(_))) => {
                let mut filled = Vec::with_capacity(items.len());
                for item in items {
                    match item.as_str().and_then(|text| self.list(text)) {
                        Some(list) => filled.extend(list.split(',').map(Value::from)),
                        None => filled.push(self.fill(item)?),
                    }
                }
                Value::Array(filled)
            }
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect::<Result<_, _>>()?,
            Value::Object(members) => {
                let filled = members.iter().map(|(key, member)| Ok((key.clone(), self.fill(member)?)));
                Value::Object(filled.collect::<Result<_, StoreError>>()?)
            }
            other => other.clone(),
        })
    }

    /// The list that this text, but for blanks, is nothing but a reference to.
    fn list(&self, text: &str) -> Option<&str> {
        let stored = self.values.get(text.trim()).filter(|stored| stored.is_list)?;
        Some(&stored.value)
    }

    fn fill_text(&self, text: &str) -> Result<String, StoreError> {
        let mut filled = text.to_owned();
        for (reference, stored) in &self.values {
            if !filled.contains(reference.as_str()) {
                continue;
            }
            if stored.is_list {
                return Err(StoreError::ListInText { name: stored.name.clone() });
            }
            filled = filled.replace(reference.as_str(), &stored.value);
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(name: &str, version: u64, kind: &str, value: &str) -> ParameterValue {
        ParameterValue {
            name: name.into(),
            version: Some(version),
            kind: Some(kind.into()),
            value: Some(value.into()),
            ..ParameterValue::default()
        }
    }

    #[test]
    fn references_are_found_and_asked_for_once() {
        let inputs = json!({"a": ["{{ssm:one}}", "x {{ ssm:/two/b.c }} y {{ssm:one}}"], "b": {"c": "{{ssm:three:4}}"},
            "d": "{{ssm:}} {{ssm-secure:no}} {{ one }} {{ssm:open", "e": 5});
        let found = references(&inputs);
        assert_eq!(found, ["{{ssm:one}}", "{{ ssm:/two/b.c }}", "{{ssm:one}}", "{{ssm:three:4}}"]);
        assert_eq!(names(&found), ["one", "/two/b.c", "three:4"]);
    }

    #[test]
    fn values_take_their_places() {
        let inputs = json!({"text": "<{{ssm:one}}|{{ ssm:one }}>", "old": "{{ssm:three:4}}", "number": 1,
            "list": ["{{ssm:list}} ", "say {{ssm:one}}"], "plain": [["{{ssm:one}}"]]});
        let parameters = [
            parameter("one", 7, "String", "1"),
            parameter("three", 4, "String", "3"),
            parameter("list", 1, "StringList", "ls,date"),
        ];
        let store = Store::of(&references(&inputs), &parameters, &[]).unwrap();
        let expected = json!({"text": "<1|1>", "old": "3", "number": 1, "list": ["ls", "date", "say 1"],
            "plain": [["1"]]});
        assert_eq!(store.fill(&inputs).unwrap(), expected);
    }

    #[test]
    fn what_cannot_stand_there_is_said_in_the_agents_words() {
        let of = |text: &str, parameters: &[ParameterValue], invalid: &[&str]| {
            let references = references(&json!([text]));
            let invalid: Vec<_> = invalid.iter().map(|name| (*name).to_owned()).collect();
            Store::of(&references, parameters, &invalid)
                .and_then(|store| store.fill(&json!([text])))
                .unwrap_err()
                .to_string()
        };
        let cases = [
            (
                of("{{ssm:a}} {{ssm:b}}", &[parameter("a", 1, "String", "1")], &["b"]),
                "Input contains invalid parameters [b]",
            ),
            (
                of("{{ssm:a}}", &[parameter("a", 1, "SecureString", "AQI=")], &[]),
                "Parameters [a] of type SecureString are not supported",
            ),
            (
                of("say {{ssm:a}}", &[parameter("a", 1, "StringList", "x,y")], &[]),
                "Parameter a of type StringList cannot be used as a String",
            ),
            (
                of("{{ssm:a:3}}", &[parameter("a", 2, "String", "1")], &[]),
                "Encountered error while parsing input - internal error",
            ),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }
}
