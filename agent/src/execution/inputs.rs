//! What the inputs of a step say to the agent itself: how long it may take, and
//! what its end means for the document.

use std::fmt::Write;

use serde_json::{Map, Value};
use shared::document::Step;
use shared::document::argument::Arguments;
use shared::time::Period;

/// How long a step may take that says nothing of it, or nothing sensible.
/// As agent/plugins/pluginutil: `defaultExecutionTimeoutInSeconds`.
const DEFAULT_TIMEOUT: Period = Period::hours(1);
const SHORTEST_TIMEOUT: f64 = 5.0;
const LONGEST_TIMEOUT: f64 = 172_800.0;

/// How long a step may take: 5 s to 48 h as it says, else an hour; for a list
/// of inputs the sum of what each may take.
pub(super) fn timeout(step: &Step, arguments: &Arguments<'_>) -> Period {
    let each = step.inputs.sets().iter().map(|set| timeout_of(set, arguments));
    each.reduce(|sum, timeout| sum + timeout).unwrap_or(DEFAULT_TIMEOUT)
}

fn timeout_of(inputs: &Map<String, Value>, arguments: &Arguments<'_>) -> Period {
    // Go reads the members of inputs whatever their case.
    let written = inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case("timeoutSeconds"));
    let seconds = written.and_then(|(_, value)| match arguments.fill(value) {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse::<u32>().ok().map(f64::from),
        _ => None,
    });
    match seconds {
        Some(seconds) if (SHORTEST_TIMEOUT..=LONGEST_TIMEOUT).contains(&seconds) => {
            Period::seconds(seconds as u64)
        }
        _ => DEFAULT_TIMEOUT,
    }
}

/// Why a script's plugin cannot read these inputs, if it cannot: the commands are
/// a list of texts, and nothing else. As agent/plugins/runscript and psmodule.
pub fn misfit(action: &str, inputs: &Map<String, Value>) -> Option<String> {
    let (_, commands) = inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case("runCommand"))?;
    let (found, wanted) = match commands {
        Value::Null => return None,
        Value::Array(lines) => {
            let odd = lines.iter().find(|line| !line.is_string() && !line.is_null())?;
            (kind(odd), "string")
        }
        other => (kind(other), "[]string"),
    };
    let reader = if action == "aws:psModule" { "PSModulePluginInput" } else { "RunScriptPluginInput" };
    Some(format!(
        "Invalid format in plugin properties {};\nerror json: cannot unmarshal {found} into \
         Go struct field {reader}.RunCommand of type {wanted}",
        as_go_prints(&Value::Object(inputs.clone()))
    ))
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// A value as Go prints it with `%v`; keys are in order there as well.
fn as_go_prints(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Null => text.push_str("<nil>"),
        Value::String(plain) => text.push_str(plain),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(as_go_prints).collect();
            write!(text, "[{}]", items.join(" ")).expect("a String takes whatever is written");
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.as_str());
            let members: Vec<_> =
                members.into_iter().map(|(key, value)| format!("{key}:{}", as_go_prints(value))).collect();
            write!(text, "map[{}]", members.join(" ")).expect("a String takes whatever is written");
        }
        other => text.push_str(&other.to_string()),
    }
    text
}

/// What the inputs say of the document's course under this key, or nothing. The
/// case of the key counts, and a list of inputs says nothing.
pub(super) fn modifier(step: &Step, key: &str, arguments: &Arguments<'_>) -> String {
    let value = step.inputs.single().and_then(|inputs| arguments.fill_member(inputs, key));
    match value {
        Some(Value::String(text)) => text,
        Some(Value::Bool(value)) => value.to_string(),
        _ => String::new(),
    }
}
