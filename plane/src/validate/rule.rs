//! What one value must satisfy, and the words for it.
//!
//! The words are the service's (B.4): greatest length first, then least, then
//! pattern, then the set of words, in the model's order.

use serde_json::Value;

use super::table::{self, Kind, Shape};

/// What this value breaks of its own shape, in words; the error says which type
/// it should have been. Of a list or map only its length is judged.
pub(super) fn broken(shape: &Shape, value: &Value) -> Result<Vec<String>, &'static str> {
    match (&shape.kind, value) {
        (Kind::Text, Value::String(text)) => Ok(broken_by_text(shape, text)),
        (Kind::Integer, Value::Number(number)) => {
            let number = number.as_i64().ok_or("a whole number")?;
            Ok(broken_limits(shape, number))
        }
        (Kind::List(_), Value::Array(items)) => Ok(broken_limits(shape, length(items.len()))),
        (Kind::Map(..), Value::Object(fields)) => Ok(broken_limits(shape, length(fields.len()))),
        (Kind::Boolean, Value::Bool(_))
        | (Kind::Instant, Value::Number(_))
        | (Kind::Structure(_), Value::Object(_)) => Ok(Vec::new()),
        (Kind::Text, _) => Err("a string"),
        (Kind::Integer, _) => Err("a whole number"),
        (Kind::Boolean, _) => Err("true or false"),
        (Kind::Instant, _) => Err("a number"),
        (Kind::Structure(_), _) => Err("a structure"),
        (Kind::List(_), _) => Err("a list"),
        (Kind::Map(..), _) => Err("a map"),
    }
}

/// Whether a plain value, and what it holds, is as it must be.
pub(super) fn holds(shape: &Shape, value: &Value) -> Result<bool, &'static str> {
    let mut holds = broken(shape, value)?.is_empty();
    if let (Kind::List(Some(item)), Value::Array(items)) = (&shape.kind, value) {
        for value in items.iter().filter(|value| !value.is_null()) {
            holds &= self::holds(table::shape(*item), value)?;
        }
    }
    Ok(holds)
}

/// Whether a map may have this key.
pub(super) fn holds_for_key(shape: &Shape, key: &str) -> bool {
    broken_by_text(shape, key).is_empty()
}

/// All that each of a list or map must satisfy, in words.
pub(super) fn all_of(who: &str, shape: &Shape) -> String {
    format!("{who} must satisfy constraint: [{}]", all(shape).join(", "))
}

fn all(shape: &Shape) -> Vec<String> {
    let is_number = matches!(shape.kind, Kind::Integer);
    let mut rules: Vec<String> = Vec::new();
    rules.extend(shape.max.map(|max| at_most(is_number, max)));
    rules.extend(shape.min.map(|min| at_least(is_number, min)));
    rules.extend(shape.pattern.map(in_form));
    if !shape.words.is_empty() {
        rules.push(one_of(&shape.words));
    }
    if let Kind::List(Some(item)) = shape.kind {
        let item = table::shape(item);
        if !all(item).is_empty() {
            rules.push(all_of("Member", item));
        }
    }
    rules
}

fn broken_by_text(shape: &Shape, text: &str) -> Vec<String> {
    let mut broken = broken_limits(shape, length(text.chars().count()));
    broken.extend(shape.pattern.filter(|&pattern| !table::pattern(pattern).matches(text)).map(in_form));
    if !shape.words.is_empty() && !shape.words.iter().any(|word| word == text) {
        broken.push(one_of(&shape.words));
    }
    broken
}

fn broken_limits(shape: &Shape, number: i64) -> Vec<String> {
    let is_number = matches!(shape.kind, Kind::Integer);
    let too_great = shape.max.filter(|max| number > *max).map(|max| at_most(is_number, max));
    let too_small = shape.min.filter(|min| number < *min).map(|min| at_least(is_number, min));
    too_great.into_iter().chain(too_small).collect()
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn at_most(is_number: bool, max: i64) -> String {
    format!("Member must have {} less than or equal to {max}", measure(is_number))
}

fn at_least(is_number: bool, min: i64) -> String {
    format!("Member must have {} greater than or equal to {min}", measure(is_number))
}

fn measure(is_number: bool) -> &'static str {
    if is_number { "value" } else { "length" }
}

fn in_form(pattern: usize) -> String {
    format!("Member must satisfy regular expression pattern: {}", table::pattern(pattern).text)
}

fn one_of(words: &[String]) -> String {
    format!("Member must satisfy enum value set: [{}]", words.join(", "))
}
