//! Whether a request keeps to the service's constraints, before it is a call.
//!
//! The constraints are data ([`members`]); this is the one checker that walks a
//! request's JSON along them. A wrong JSON type ends the walk
//! (SerializationException); everything else is collected, and all of it is
//! said in one ValidationException, in the service's words (B.4).

pub(crate) mod members;

use regex::Regex;
use serde_json::Value;
use std::sync::OnceLock;

use shared::error::{ApiError, ErrorCode};

/// A constraint on one member of a request.
#[derive(Debug)]
pub(crate) struct Member {
    /// Where it is: `Targets.member.Values`; `member` stands for each of a list.
    path: &'static [&'static str],
    is_required: bool,
    shape: Shape,
}

/// What a member must be.
#[derive(Debug)]
pub(crate) enum Shape {
    Text {
        length: (usize, usize),
        pattern: Option<&'static Pattern>,
        words: &'static [&'static str],
    },
    Integer {
        range: (i64, i64),
    },
    Number,
    Boolean,
    List {
        length: (usize, usize),
    },
    Structure,
    /// Texts to lists of texts, never printed.
    Secrets,
    /// Known to the service and not carried out here: refused, unless empty or false.
    NotSupported,
}

/// A regular expression that the whole text must match, compiled once.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: &'static str,
    compiled: OnceLock<Regex>,
}

impl Pattern {
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, compiled: OnceLock::new() }
    }

    fn matches(&self, text: &str) -> bool {
        let compile = || {
            // The service's word characters are ASCII, as in Java.
            let text = self.text.replace(r"\w", "[a-zA-Z0-9_]");
            Regex::new(&format!("^(?:{text})$")).expect("each is compiled by a test")
        };
        self.compiled.get_or_init(compile).is_match(text)
    }
}

/// A member that may be left out.
pub(crate) const fn optional(path: &'static [&'static str], shape: Shape) -> Member {
    Member { path, is_required: false, shape }
}

/// A member that must be there.
pub(crate) const fn required(path: &'static [&'static str], shape: Shape) -> Member {
    Member { path, is_required: true, shape }
}

/// A text of this length.
pub(crate) const fn text(shortest: usize, longest: usize) -> Shape {
    Shape::Text { length: (shortest, longest), pattern: None, words: &[] }
}

/// Any text.
pub(crate) const ANY_TEXT: Shape = text(0, usize::MAX);

/// A text of this form.
pub(crate) const fn form(pattern: &'static Pattern) -> Shape {
    Shape::Text { length: (0, usize::MAX), pattern: Some(pattern), words: &[] }
}

/// A text of this form and length.
pub(crate) const fn form_of_length(pattern: &'static Pattern, shortest: usize, longest: usize) -> Shape {
    Shape::Text { length: (shortest, longest), pattern: Some(pattern), words: &[] }
}

/// One of these words.
pub(crate) const fn word(words: &'static [&'static str]) -> Shape {
    Shape::Text { length: (0, usize::MAX), pattern: None, words }
}

/// A list of this length.
pub(crate) const fn list(shortest: usize, longest: usize) -> Shape {
    Shape::List { length: (shortest, longest) }
}

/// A whole number in this range.
pub(crate) const fn integer(least: i64, most: i64) -> Shape {
    Shape::Integer { range: (least, most) }
}

/// How many violations are put in words; the rest is only counted.
const MOST_LISTED: usize = 20;

/// Checks a request against its constraints.
pub(crate) fn check(members: &[Member], request: &Value) -> Result<(), ApiError> {
    if !request.is_object() {
        return Err(ApiError::new(ErrorCode::SerializationException, "the body must be a JSON object"));
    }
    let mut walk = Walk::default();
    for member in members {
        walk.descend(member, member.path, request, &mut Vec::new())?;
    }
    walk.outcome()
}

/// One step of the way to a member.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Index(usize),
}

/// What was found wrong so far.
#[derive(Debug, Default)]
struct Walk {
    /// The first violations, in words.
    violations: Vec<String>,
    /// How many there are in all.
    count: usize,
    not_supported: Option<String>,
}

impl Walk {
    fn descend<'a>(
        &mut self,
        member: &Member,
        path: &[&'a str],
        value: &Value,
        way: &mut Vec<Step<'a>>,
    ) -> Result<(), ApiError> {
        match path {
            [] => self.judge(member, value, way),
            ["member", rest @ ..] => {
                let Value::Array(items) = value else { return Err(wrong_type(way, "a list")) };
                for (index, item) in items.iter().enumerate() {
                    way.push(Step::Index(index + 1));
                    self.step_into(member, rest, item, way)?;
                    way.pop();
                }
                Ok(())
            }
            [name, rest @ ..] => {
                let Value::Object(fields) = value else { return Err(wrong_type(way, "a structure")) };
                way.push(Step::Name(name));
                self.step_into(member, rest, fields.get(*name).unwrap_or(&Value::Null), way)?;
                way.pop();
                Ok(())
            }
        }
    }

    /// Null is as good as absent; a required member is missed where its parent is there.
    fn step_into<'a>(
        &mut self,
        member: &Member,
        rest: &[&'a str],
        value: &Value,
        way: &mut Vec<Step<'a>>,
    ) -> Result<(), ApiError> {
        if !value.is_null() {
            return self.descend(member, rest, value, way);
        }
        if rest.is_empty() && member.is_required {
            self.note(|| {
                let path = spell(way);
                format!("Value null at '{path}' failed to satisfy constraint: Member must not be null")
            });
        }
        Ok(())
    }

    fn judge(&mut self, member: &Member, value: &Value, way: &[Step<'_>]) -> Result<(), ApiError> {
        match (&member.shape, value) {
            (Shape::Text { length, pattern, words }, Value::String(text)) => {
                let characters = text.chars().count();
                self.judge_length(characters, *length, text, way);
                if let Some(pattern) = pattern.filter(|pattern| !pattern.matches(text)) {
                    let rule = format!("Member must satisfy regular expression pattern: {}", pattern.text);
                    self.violate(text, way, &rule);
                }
                if !words.is_empty() && !words.contains(&text.as_str()) {
                    let rule = format!("Member must satisfy enum value set: [{}]", words.join(", "));
                    self.violate(text, way, &rule);
                }
                Ok(())
            }
            (Shape::Integer { range: (least, most) }, Value::Number(number)) => {
                let number = number.as_i64().ok_or_else(|| wrong_type(way, "a whole number"))?;
                if number < *least {
                    let rule = format!("Member must have value greater than or equal to {least}");
                    self.violate(&number.to_string(), way, &rule);
                } else if number > *most {
                    let rule = format!("Member must have value less than or equal to {most}");
                    self.violate(&number.to_string(), way, &rule);
                }
                Ok(())
            }
            (Shape::List { length }, Value::Array(items)) => {
                let shown = Value::Array(items.iter().take(3).cloned().collect()).to_string();
                self.judge_length(items.len(), *length, &shown, way);
                Ok(())
            }
            (Shape::Number, Value::Number(_))
            | (Shape::Boolean, Value::Bool(_))
            | (Shape::Structure, Value::Object(_)) => Ok(()),
            (Shape::Secrets, Value::Object(lists)) if lists.values().all(is_list_of_texts) => Ok(()),
            (Shape::NotSupported, value) => {
                if !is_idle(value) {
                    let name = member.path.last().copied().unwrap_or_default();
                    self.not_supported.get_or_insert_with(|| not_supported(name));
                }
                Ok(())
            }
            (Shape::Text { .. }, _) => Err(wrong_type(way, "a string")),
            (Shape::Integer { .. }, _) => Err(wrong_type(way, "a whole number")),
            (Shape::Number, _) => Err(wrong_type(way, "a number")),
            (Shape::Boolean, _) => Err(wrong_type(way, "true or false")),
            (Shape::List { .. }, _) => Err(wrong_type(way, "a list")),
            (Shape::Structure, _) => Err(wrong_type(way, "a structure")),
            (Shape::Secrets, _) => Err(wrong_type(way, "a map of lists of strings")),
        }
    }

    fn judge_length(
        &mut self,
        length: usize,
        (shortest, longest): (usize, usize),
        shown: &str,
        way: &[Step<'_>],
    ) {
        if length < shortest {
            let rule = format!("Member must have length greater than or equal to {shortest}");
            self.violate(shown, way, &rule);
        } else if length > longest {
            let rule = format!("Member must have length less than or equal to {longest}");
            self.violate(shown, way, &rule);
        }
    }

    fn violate(&mut self, value: &str, way: &[Step<'_>], rule: &str) {
        self.note(|| {
            // A body of megabytes must not come back in the message.
            let value: String = value.chars().take(256).collect();
            format!("Value '{value}' at '{}' failed to satisfy constraint: {rule}", spell(way))
        });
    }

    /// Counts a violation. So many that nobody reads them all are not put in words.
    fn note(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.violations.len() < MOST_LISTED {
            self.violations.push(words());
        }
    }

    fn outcome(self) -> Result<(), ApiError> {
        let count = self.count;
        if count > 0 {
            let noun = if count == 1 { "error" } else { "errors" };
            let message = format!("{count} validation {noun} detected: {}", self.violations.join("; "));
            return Err(ApiError::new(ErrorCode::ValidationException, message));
        }
        match self.not_supported {
            Some(message) => Err(ApiError::new(ErrorCode::ValidationException, message)),
            None => Ok(()),
        }
    }
}

/// What is said of a member of the service's that this plane does not carry out.
pub(crate) fn not_supported(member: &str) -> String {
    format!("{member} is not supported by this version of ssm-fleet")
}

fn is_idle(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn is_list_of_texts(value: &Value) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

/// `["Targets", 1, "Key"]` as `targets.1.member.key`.
fn spell(way: &[Step<'_>]) -> String {
    let words: Vec<String> = way
        .iter()
        .map(|step| match step {
            Step::Name(name) => {
                let mut letters = name.chars();
                letters.next().map_or_else(String::new, |first| {
                    first.to_ascii_lowercase().to_string() + letters.as_str()
                })
            }
            Step::Index(index) => format!("{index}.member"),
        })
        .collect();
    words.join(".")
}

fn wrong_type(way: &[Step<'_>], expected: &str) -> ApiError {
    ApiError::new(ErrorCode::SerializationException, format!("'{}' must be {expected}", spell(way)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    static SHORT: Pattern = Pattern::new("[a-z]+");
    static MEMBERS: &[Member] = &[
        required(&["Name"], form_of_length(&SHORT, 1, 5)),
        optional(&["Kind"], word(&["A", "B"])),
        optional(&["Targets"], list(0, 2)),
        optional(&["Targets", "member", "Key"], text(1, 3)),
        required(&["Targets", "member", "Value"], ANY_TEXT),
        optional(&["Offset"], integer(1, 6)),
        optional(&["Parameters"], Shape::Secrets),
        optional(&["CalendarNames"], Shape::NotSupported),
    ];

    #[test]
    fn violations_are_said_in_the_services_words_all_at_once() {
        let cases = [
            (json!({"Name": "abc", "Targets": [{"Key": "k", "Value": "v"}], "Kind": "A"}), ""),
            (
                json!({}),
                "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
            ),
            (
                json!({"Name": null}),
                "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null",
            ),
            (
                json!({"Name": "x!"}),
                "1 validation error detected: Value 'x!' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z]+",
            ),
            (
                json!({"Name": "ok", "Kind": "C", "Offset": 7}),
                "2 validation errors detected: Value 'C' at 'kind' failed to satisfy constraint: Member must satisfy enum value set: [A, B]; Value '7' at 'offset' failed to satisfy constraint: Member must have value less than or equal to 6",
            ),
            (
                json!({"Name": "ok", "Targets": [{"Value": ""}, {"Key": "long", "Value": ""}]}),
                "1 validation error detected: Value 'long' at 'targets.2.member.key' failed to satisfy constraint: Member must have length less than or equal to 3",
            ),
            (
                json!({"Name": "ok", "Targets": [{}]}),
                "1 validation error detected: Value null at 'targets.1.member.value' failed to satisfy constraint: Member must not be null",
            ),
            (
                json!({"Name": "ok", "CalendarNames": ["c"]}),
                "CalendarNames is not supported by this version of ssm-fleet",
            ),
            (json!({"Name": "ok", "CalendarNames": []}), ""),
        ];
        for (request, expected) in cases {
            match check(MEMBERS, &request) {
                Ok(()) => assert_eq!(expected, "", "{request}"),
                Err(error) => {
                    assert_eq!(error.code, ErrorCode::ValidationException, "{request}");
                    assert_eq!(error.message, expected, "{request}");
                }
            }
        }
    }

    #[test]
    fn many_violations_are_counted_and_few_of_them_are_said() {
        let targets: Vec<Value> = (0..50).map(|_| json!({"Key": "much too long"})).collect();
        let error = check(MEMBERS, &json!({"Name": "ok", "Targets": targets})).unwrap_err();
        assert!(error.message.starts_with("101 validation errors detected: "), "{}", error.message);
        assert_eq!(error.message.matches("failed to satisfy constraint").count(), MOST_LISTED);
    }

    #[test]
    fn a_wrong_type_is_no_violation_but_no_request_at_all() {
        let wrong = [
            json!([]),
            json!({"Name": 1}),
            json!({"Name": "!", "Offset": "two"}),
            json!({"Name": "ok", "Offset": 1.5}),
            json!({"Name": "ok", "Targets": {}}),
            json!({"Name": "ok", "Targets": ["x"]}),
            json!({"Name": "ok", "Parameters": {"secret": "word"}}),
        ];
        for request in wrong {
            let error = check(MEMBERS, &request).unwrap_err();
            assert_eq!(error.code, ErrorCode::SerializationException, "{request}");
            assert!(!error.message.contains("word"), "{}", error.message);
        }
    }
}
