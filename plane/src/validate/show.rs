//! A value as a refusal prints it: short, and without what is secret.
//!
//! As Java prints its collections: `[a, b]`, `{key=value}`.

use serde_json::Value;

use super::table::{self, Kind, Shape};
use super::walk::lower_first;

/// The most characters of a value that are printed.
pub(super) const LONGEST: usize = 256;

/// A value in at most so many characters.
pub(super) fn show(shape: &Shape, value: &Value, longest: usize) -> String {
    let mut text = String::new();
    put(&mut text, Some(shape), value, longest);
    match text.char_indices().nth(longest) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

fn put(text: &mut String, shape: Option<&Shape>, value: &Value, longest: usize) {
    if shape.is_some_and(|shape| shape.is_secret) {
        return text.push_str("***");
    }
    match value {
        Value::String(word) => text.extend(word.chars().take(longest)),
        Value::Array(items) => {
            let item = match shape.map(|shape| &shape.kind) {
                Some(Kind::List(item)) => item.map(table::shape),
                _ => None,
            };
            put_all(text, ('[', ']'), items.iter(), longest, |text, value| put(text, item, value, longest));
        }
        Value::Object(fields) => {
            put_all(text, ('{', '}'), fields.iter(), longest, |text, (name, value)| {
                let (name, shape) = field(shape, name);
                text.push_str(&name);
                text.push('=');
                put(text, shape, value, longest);
            });
        }
        other => text.push_str(&other.to_string()),
    }
}

/// Prints one after another until there is no more room.
fn put_all<T>(
    text: &mut String,
    (open, close): (char, char),
    values: impl Iterator<Item = T>,
    longest: usize,
    mut put: impl FnMut(&mut String, T),
) {
    text.push(open);
    for (index, value) in values.enumerate() {
        if text.len() > longest * 4 {
            break;
        }
        if index > 0 {
            text.push_str(", ");
        }
        put(text, value);
    }
    text.push(close);
}

/// How a field is spelled, and the shape of its value.
fn field(shape: Option<&Shape>, name: &str) -> (String, Option<&'static Shape>) {
    match shape.map(|shape| &shape.kind) {
        Some(Kind::Structure(members)) => {
            let member = members.iter().find(|member| member.name == name);
            (lower_first(name), member.map(|member| table::shape(member.shape)))
        }
        Some(Kind::Map(_, value)) => (name.to_owned(), value.map(table::shape)),
        _ => (name.to_owned(), None),
    }
}
