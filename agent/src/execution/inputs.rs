//! What the inputs of a step say to the agent itself: how long it may take, and
//! what its end means for the document.

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
