//! An association's parameters against what its document declares (B.3 R23 to R25).
//!
//! Values may be secret: a message names the parameter, and not its value. The one
//! exception is what a closed list does not have, which is a slip and no secret.

use std::collections::BTreeSet;

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use shared::document::{Document, Parameter, ParameterKind};
use shared::error::{ApiError, ErrorCode};
use shared::wire::Parameters;

use super::super::refused;

/// The most memory that a pattern may take, compiled, in bytes. It is compiled
/// while all other calls wait.
const LARGEST_PATTERN: usize = 1 << 20;

/// Checks what was given against what is declared.
pub(crate) fn check(given: Option<&Parameters>, document: &Document) -> Result<(), ApiError> {
    for (name, parameter) in &document.parameters {
        let values = given.and_then(|given| given.get(name)).filter(|values| !values.is_empty());
        match values {
            None if parameter.default == Value::Null => {
                return Err(invalid(format!("Parameter \"{name}\" requires a value.")));
            }
            None => {}
            Some(values) => check_values(name, parameter, values)?,
        }
    }
    let is_declared = |name: &&String| document.parameters.contains_key(*name);
    match given.into_iter().flat_map(Parameters::keys).find(|name| !is_declared(name)) {
        Some(name) => Err(invalid(format!("Parameter \"{name}\" is not defined in the document."))),
        None => Ok(()),
    }
}

fn check_values(name: &str, parameter: &Parameter, values: &[String]) -> Result<(), ApiError> {
    if parameter.kind == ParameterKind::StringList {
        check_count(name, parameter, values.len())?;
    } else if values.len() > 1 {
        return Err(invalid(format!("Parameter \"{name}\" takes one value, {} were given.", values.len())));
    }
    let allowed: BTreeSet<String> = parameter.allowed_values.iter().map(text_of).collect();
    let rules = Rules { allowed: &allowed, pattern: pattern_of(parameter) };
    values.iter().try_for_each(|value| check_value(name, parameter, &rules, value))
}

/// What a parameter's values are compared with, made once for all of them.
struct Rules<'a> {
    allowed: &'a BTreeSet<String>,
    pattern: Option<Regex>,
}

/// The pattern that values must match. One that this dialect cannot read, or
/// that would take megabytes, refuses nothing.
fn pattern_of(parameter: &Parameter) -> Option<Regex> {
    let pattern = parameter.allowed_pattern.as_deref()?;
    RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(LARGEST_PATTERN).build().ok()
}

fn check_count(name: &str, parameter: &Parameter, count: usize) -> Result<(), ApiError> {
    let count = count as u64;
    if parameter.min_items.is_some_and(|least| count < least) {
        return Err(invalid(format!("Parameter \"{name}\" has too few items.")));
    }
    if parameter.max_items.is_some_and(|most| count > most) {
        return Err(invalid(format!("Parameter \"{name}\" has too many items.")));
    }
    Ok(())
}

fn check_value(name: &str, parameter: &Parameter, rules: &Rules<'_>, value: &str) -> Result<(), ApiError> {
    // A reference to a stored parameter is put in its place on the node.
    if value.contains("{{") {
        return Ok(());
    }
    let is_of_kind = match parameter.kind {
        ParameterKind::Boolean => matches!(value, "true" | "false"),
        ParameterKind::Integer => value.parse::<i64>().is_ok(),
        _ => true,
    };
    if !is_of_kind {
        return Err(invalid(format!(
            "Parameter \"{name}\" has a value that is no {}.",
            parameter.kind.as_str()
        )));
    }
    if !rules.allowed.is_empty() && !rules.allowed.contains(value) {
        let allowed: Vec<String> = parameter.allowed_values.iter().map(text_of).collect();
        return Err(invalid(format!(
            "Parameter \"{name}\" has value \"{value}\" not found in [{}].",
            allowed.join(", ")
        )));
    }
    if rules.pattern.as_ref().is_some_and(|pattern| !pattern.is_match(value)) {
        let pattern = parameter.allowed_pattern.as_deref().unwrap_or_default();
        return Err(invalid(format!("Parameter \"{name}\" has a value that does not match {pattern}.")));
    }
    let characters = value.chars().count() as u64;
    if parameter.min_chars.is_some_and(|least| characters < least)
        || parameter.max_chars.is_some_and(|most| characters > most)
    {
        return Err(invalid(format!("Parameter \"{name}\" has a value of a length that is not allowed.")));
    }
    Ok(())
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn invalid(reason: String) -> ApiError {
    refused(ErrorCode::InvalidParameters, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"schemaVersion":"2.2","parameters":{
        "commands":{"type":"StringList","minItems":1,"maxItems":2},
        "mode":{"type":"String","default":"fast","allowedValues":["fast","slow"]},
        "seconds":{"type":"String","default":"1","allowedPattern":"[0-9]+","maxChars":3},
        "vast":{"type":"String","default":"","allowedPattern":"(\\w{100}){50}"},
        "dry":{"type":"Boolean","default":false}},
        "mainSteps":[{"action":"aws:runShellScript","name":"a","inputs":{"runCommand":["x"]}}]}"#;

    #[test]
    fn parameters_are_checked_against_the_document_and_not_repeated_but_for_closed_lists() {
        let document = Document::parse(DOCUMENT).unwrap();
        type Given<'a> = &'a [(&'a str, &'a [&'a str])];
        let cases: &[(Given, &str)] = &[
            (&[("commands", &["id"])], ""),
            (&[], "\"commands\" requires a value."),
            (&[("commands", &[])], "\"commands\" requires a value."),
            (&[("commands", &["a", "b", "c"])], "too many items"),
            (&[("commands", &["id"]), ("foo", &["secret"])], "\"foo\" is not defined in the document."),
            (&[("commands", &["id"]), ("mode", &["slow"])], ""),
            (
                &[("commands", &["id"]), ("mode", &["medium"])],
                "\"mode\" has value \"medium\" not found in [fast, slow].",
            ),
            (&[("commands", &["id"]), ("mode", &["{{ssm:mode}}"])], ""),
            (&[("commands", &["id"]), ("mode", &["slow", "fast"])], "takes one value"),
            (&[("commands", &["id"]), ("seconds", &["secret"])], "does not match [0-9]+"),
            (&[("commands", &["id"]), ("seconds", &["12345"])], "length"),
            (&[("commands", &["id"]), ("seconds", &["{{ssm:seconds}}"])], ""),
            (&[("commands", &["id"]), ("vast", &["of a pattern too large to compile"])], ""),
            (&[("commands", &["id"]), ("dry", &["secret"])], "no Boolean"),
        ];
        for (given, expected) in cases {
            let given: Parameters = given
                .iter()
                .map(|(name, values)| {
                    ((*name).to_owned(), values.iter().map(|value| (*value).to_owned()).collect())
                })
                .collect();
            match check(Some(&given), &document) {
                Ok(()) => assert_eq!(*expected, "", "{given:?}"),
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::InvalidParameters);
                    assert!(!expected.is_empty() && error.message.contains(expected), "{given:?}: {error}");
                    assert!(!error.message.contains("secret"), "{error}");
                }
            }
        }
    }
}
