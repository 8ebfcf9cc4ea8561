//! Whether the values of a document's parameters are such as it allows.
//!
//! As agent/framework/docparser/parameterstore: `ValidateSSMParameters`. Of a
//! document that came by an association or a command only the pattern is
//! checked, for the service has checked the rest; of one that another document
//! runs, all is.

use serde_json::Value;
use shared::document::{Document, Parameter, ParameterKind};

use crate::catalogue::Fetched;

use super::Context;

const INTERNAL: &str = "Encountered error while parsing input - internal error";

/// Checks the value of each parameter; the first that is not allowed is told in
/// the agent's words. The agent looks at them in no particular order.
pub fn check<'a>(
    fetched: &'a Fetched,
    document: &'a Document,
    context: &Context<'a>,
    is_run_by_another: bool,
) -> Result<(), String> {
    let constrained = |parameter: &Parameter| is_run_by_another || parameter.allowed_pattern.is_some();
    if !document.parameters.values().any(constrained) {
        return Ok(());
    }
    let arguments = context.arguments(document);
    for (name, parameter) in &document.parameters {
        let value = arguments.value(name);
        if let Some(pattern) = &parameter.allowed_pattern {
            check_pattern(fetched, name, pattern, &value)?;
        }
        if is_run_by_another {
            check_length(parameter, &value)?;
            check_count(parameter, &value)?;
            check_allowed(parameter, &value)?;
        }
    }
    Ok(())
}

fn check_pattern(fetched: &Fetched, name: &str, pattern: &str, value: &Value) -> Result<(), String> {
    if pattern.is_empty() {
        return Ok(());
    }
    let expression = fetched.pattern(pattern).ok_or(INTERNAL)?;
    let texts: Vec<&str> = match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => return Err(format!("Unable to determine parameter value type for {name}")),
    };
    if texts.iter().all(|text| expression.is_match(text)) {
        return Ok(());
    }
    Err(format!("Parameter value for {name} does not match the allowed pattern {pattern}"))
}

/// A value as texts whose lengths and contents count: lists by item, maps as JSON.
fn texts(parameter: &Parameter, value: &Value) -> Result<Vec<String>, String> {
    let text = |item: &Value| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
    match value {
        Value::String(text) => Ok(vec![text.clone()]),
        Value::Array(items) => Ok(items.iter().map(text).collect()),
        Value::Object(_) => Ok(vec![value.to_string()]),
        _ => Err(wrong_type(parameter, value)),
    }
}

fn wrong_type(parameter: &Parameter, value: &Value) -> String {
    let value = if value.is_null() { "<nil>".to_owned() } else { value.to_string() };
    format!("invalid parameter type {} with parameter value {value}", parameter.kind.as_str())
}

fn check_length(parameter: &Parameter, value: &Value) -> Result<(), String> {
    let (least, most) = (parameter.min_chars, parameter.max_chars);
    let is_plain = matches!(parameter.kind, ParameterKind::Integer | ParameterKind::Boolean);
    if is_plain || (least.is_none() && most.is_none()) {
        return Ok(());
    }
    for text in texts(parameter, value)? {
        let length = text.len() as u64;
        if let Some(least) = least.filter(|least| length < *least) {
            return Err(format!("parameter value /{text}/ is less than the min char limit /{least}/"));
        }
        if let Some(most) = most.filter(|most| length > *most) {
            return Err(format!("parameter value /{text}/ is exceeding the max chars /{most}/"));
        }
    }
    Ok(())
}

fn check_count(parameter: &Parameter, value: &Value) -> Result<(), String> {
    use ParameterKind::{Boolean, Integer, String};
    let (least, most) = (parameter.min_items, parameter.max_items);
    let is_plain = matches!(parameter.kind, Integer | Boolean | String);
    if is_plain || (least.is_none() && most.is_none()) {
        return Ok(());
    }
    let count = match value {
        Value::String(_) => return Ok(()),
        Value::Array(items) => items.len() as u64,
        Value::Object(members) => members.len() as u64,
        _ => return Err(wrong_type(parameter, value)),
    };
    if least.is_some_and(|least| count < least) {
        return Err(format!("parameter value list length /{count}/ is less the min item count"));
    }
    match most.filter(|most| count > *most) {
        // The agent names the limit where it means the length.
        Some(most) => Err(format!("parameter value list length /{most}/ has exceeded the max item count")),
        None => Ok(()),
    }
}

fn check_allowed(parameter: &Parameter, value: &Value) -> Result<(), String> {
    if matches!(parameter.kind, ParameterKind::Integer | ParameterKind::Boolean) {
        // Their default is the only value that they may have.
        let kind = parameter.kind.as_str();
        return if *value == parameter.default {
            Ok(())
        } else {
            Err(format!("parameter value /{value}/ not equal to default /{}/ for {kind}", parameter.default))
        };
    }
    if parameter.allowed_values.is_empty() {
        return Ok(());
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let allowed: Vec<_> = parameter.allowed_values.iter().map(text).collect();
    match texts(parameter, value)?.into_iter().find(|text| !allowed.contains(text)) {
        Some(text) => {
            Err(format!("parameter value /{text}/ is not in the allowed list [{}]", allowed.join(" ")))
        }
        None => Ok(()),
    }
}
