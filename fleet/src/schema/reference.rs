//! All keys of a scenario, as a document for people, from the same types as the schema.

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{PART, scenario};

/// What stands above the tables.
const HEAD: &str = "\
# Scenarios: all keys

Made from the types that read scenarios; [the guide](scenarios-guide.md) shows how they are used, and `ssm-fleet schema
scenario` has the same for editors. Keys with a star must be there, unless the scenario extends one that has them. Times are
simulated.
";

/// The settings of the embedded plane have a document of their own; of its keys these stand here.
const KEYS_OF_PLANE: [&str; 4] = ["endpoint", "profile", "region", "world"];

/// The text of docs/scenarios.md.
pub fn reference() -> String {
    let schema = Value::from(scenario());
    let Some(forms) = schema.get("$defs").and_then(Value::as_object) else { return HEAD.to_owned() };
    let mut text = HEAD.to_owned();
    let mut known = BTreeSet::from(["Scenario".to_owned()]);
    let mut next = VecDeque::from(["Scenario".to_owned()]);
    while let Some(name) = next.pop_front() {
        let Some(form) = forms.get(&name) else { continue };
        let form = if name == "Plane" { plane(form) } else { form.clone() };
        text.push_str(&section(&name, &form));
        for name in referred(&form) {
            if !name.starts_with(PART) && known.insert(name.clone()) {
                next.push_back(name);
            }
        }
    }
    text
}

/// The keys of `plane` that are no settings.
fn plane(form: &Value) -> Value {
    let mut form = form.clone();
    if let Some(keys) = form.get_mut("properties").and_then(Value::as_object_mut) {
        keys.retain(|key, _| KEYS_OF_PLANE.contains(&key.as_str()));
    }
    form["description"] =
        "The settings of the embedded plane, all in [plane-settings.md](plane-settings.md), or where \
                           somebody else's is."
            .into();
    form
}

fn section(name: &str, form: &Value) -> String {
    let mut text = format!("\n## {}\n\n{}\n", title(name), described(form));
    if let Some(keys) = form.get("properties").and_then(Value::as_object) {
        text.push_str("\n| key | value | what it says |\n| --- | --- | --- |\n");
        let required = names(form.get("required"));
        let (first, rest): (Vec<_>, Vec<_>) =
            keys.iter().partition(|(key, _)| required.contains(&key.as_str()));
        for (key, value) in first.into_iter().chain(rest) {
            let star = if required.contains(&key.as_str()) { " \\*" } else { "" };
            let _ = writeln!(text, "| `{key}`{star} | {} | {} |", words(value), cell(&described(value)));
        }
    } else if let Some(choices) = form.get("oneOf").and_then(Value::as_array) {
        text.push_str("\n| choice | value | what it is |\n| --- | --- | --- |\n");
        for choice in choices {
            for (name, value) in choices_of(choice) {
                let _ = writeln!(text, "| `{name}` | {} | {} |", value, cell(&described(choice)));
            }
        }
    } else {
        let words = words(form);
        if words != "text" && !words.is_empty() {
            let _ = write!(text, "\nIt is written as {words}.\n");
        }
    }
    text
}

/// The names of a choice, and what belongs to it.
fn choices_of(choice: &Value) -> Vec<(String, String)> {
    if let Some(name) = choice.get("const").and_then(Value::as_str) {
        return vec![(name.to_owned(), String::new())];
    }
    if let Some(keys) = choice.get("properties").and_then(Value::as_object) {
        return keys.iter().map(|(name, value)| (name.clone(), words(value))).collect();
    }
    names(choice.get("enum")).into_iter().map(|name| (name.to_owned(), String::new())).collect()
}

/// What a value is, in words, with the way to where it is told.
fn words(form: &Value) -> String {
    if let Some(name) = form.get("$ref").and_then(Value::as_str) {
        let name = name.rsplit('/').next().unwrap_or(name);
        return format!("[{}](#{})", title(name), title(name).replace(' ', "-"));
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(forms) = form.get(key).and_then(Value::as_array) {
            let all: Vec<String> = forms.iter().map(words).filter(|words| !words.is_empty()).collect();
            return all.join(" or ");
        }
    }
    let kinds = match form.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        kinds => names(kinds),
    };
    match kinds.first().copied() {
        Some("string") => form.get("const").map_or_else(|| "text".to_owned(), |name| format!("`{name}`")),
        Some("integer") => whole(form),
        Some("number") => "number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => format!("list of {}", form.get("items").map_or_else(|| "two".to_owned(), words)),
        Some("object") => match form.get("additionalProperties") {
            Some(values @ Value::Object(_)) => format!("map of names to {}", words(values)),
            _ => "keys and values".to_owned(),
        },
        Some("null") => String::new(),
        _ => "anything".to_owned(),
    }
}

fn whole(form: &Value) -> String {
    match form.get("minimum").and_then(Value::as_i64) {
        Some(least) if least >= 0 => format!("whole number from {least}"),
        _ => "whole number".to_owned(),
    }
}

/// A type's name as words: `TagTarget` is `tag target`.
fn title(name: &str) -> String {
    let mut title = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !title.is_empty() {
            title.push(' ');
        }
        title.push(letter.to_ascii_lowercase());
    }
    title
}

fn described(form: &Value) -> String {
    let text = form.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn names(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The names of the forms that this one refers to, in the order of its keys.
fn referred(form: &Value) -> Vec<String> {
    match form {
        Value::Object(members) => of_members(members),
        Value::Array(items) => items.iter().flat_map(referred).collect(),
        _ => Vec::new(),
    }
}

fn of_members(members: &Map<String, Value>) -> Vec<String> {
    let mut all = Vec::new();
    for (key, member) in members {
        match member {
            Value::String(way) if key == "$ref" => all.extend(way.rsplit('/').next().map(str::to_owned)),
            member => all.extend(referred(member)),
        }
    }
    all
}
