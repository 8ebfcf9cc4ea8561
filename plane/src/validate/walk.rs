//! One walk over a request along its shape.
//!
//! A wrong JSON type ends the walk (SerializationException); all else is
//! collected, and told at the end in one ValidationException, in the service's
//! words (B.4). A member's own violations come before those beneath it.
//!
//! What has no members of its own is told of at the list or map that holds it,
//! with all that it must satisfy. Null is as good as absent.

use serde_json::{Map, Value};
use shared::error::{ApiError, ErrorCode};

use super::rule;
use super::show::{LONGEST, show};
use super::table::{self, Kind, Member, Shape};

/// The violations that are listed; all are counted.
const LISTED: usize = 20;

/// Walks a request.
pub(super) fn check(shape: &Shape, request: &Value) -> Result<(), ApiError> {
    let mut walk = Walk::default();
    walk.judge(shape, request, false)?;
    walk.outcome()
}

/// One step of the way to a value.
#[derive(Debug, Clone, Copy)]
enum Step<'a> {
    /// To a member of a structure.
    Name(&'a str),
    /// To an item of a list, counted from 1.
    Index(usize),
    /// To the value of a map's key.
    Key(&'a str),
}

/// Where we are, and what was found wrong so far.
#[derive(Debug, Default)]
struct Walk<'a> {
    way: Vec<Step<'a>>,
    count: usize,
    violations: Vec<String>,
}

impl<'a> Walk<'a> {
    fn judge(&mut self, shape: &'a Shape, value: &'a Value, is_hidden: bool) -> Result<(), ApiError> {
        let is_hidden = is_hidden || shape.is_secret;
        for broken in rule::broken(shape, value).map_err(|expected| self.wrong_type(expected))? {
            self.violate(shape, value, is_hidden, &broken);
        }
        match (&shape.kind, value) {
            (Kind::Structure(members), Value::Object(fields)) => self.members(members, fields, is_hidden),
            (Kind::List(Some(item)), Value::Array(items)) => {
                let item = table::shape(*item);
                if item.is_plain() {
                    return self.each(shape, value, items.iter(), item, is_hidden, "Member");
                }
                for (index, value) in items.iter().enumerate().filter(|(_, value)| !value.is_null()) {
                    self.step(Step::Index(index + 1), item, value, is_hidden)?;
                }
                Ok(())
            }
            (Kind::Map(key, content), Value::Object(fields)) => {
                if let Some(key) = key.map(table::shape)
                    && fields.keys().any(|text| !rule::holds_for_key(key, text))
                {
                    self.violate(shape, value, is_hidden, &rule::all_of("Map keys", key));
                }
                let Some(content) = content.map(table::shape) else { return Ok(()) };
                if content.is_plain() {
                    return self.each(shape, value, fields.values(), content, is_hidden, "Map value");
                }
                for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                    self.step(Step::Key(key), content, value, is_hidden)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn members(
        &mut self,
        members: &'a [Member],
        fields: &'a Map<String, Value>,
        is_hidden: bool,
    ) -> Result<(), ApiError> {
        for member in members {
            let step = Step::Name(&member.name);
            match fields.get(&member.name) {
                Some(value) if !value.is_null() => {
                    self.step(step, table::shape(member.shape), value, is_hidden)?;
                }
                _ if member.is_required => {
                    self.way.push(step);
                    self.note(|path| {
                        format!(
                            "Value null at '{path}' failed to satisfy constraint: Member must not be null"
                        )
                    });
                    self.way.pop();
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn step(
        &mut self,
        step: Step<'a>,
        shape: &'a Shape,
        value: &'a Value,
        is_hidden: bool,
    ) -> Result<(), ApiError> {
        self.way.push(step);
        self.judge(shape, value, is_hidden)?;
        self.way.pop();
        Ok(())
    }

    /// Judges what a list or map holds, where it is told of as a whole.
    fn each<'v>(
        &mut self,
        shape: &Shape,
        whole: &Value,
        values: impl Iterator<Item = &'v Value>,
        each: &Shape,
        is_hidden: bool,
        who: &str,
    ) -> Result<(), ApiError> {
        let mut holds = true;
        for value in values.filter(|value| !value.is_null()) {
            holds &= rule::holds(each, value).map_err(|expected| self.wrong_type(expected))?;
        }
        if !holds {
            self.violate(shape, whole, is_hidden, &rule::all_of(who, each));
        }
        Ok(())
    }

    fn violate(&mut self, shape: &Shape, value: &Value, is_hidden: bool, rule: &str) {
        self.note(|path| {
            // A body of megabytes must not come back in the message, a secret not at all.
            let value = match is_hidden {
                true => String::new(),
                false => format!(" '{}'", show(shape, value, LONGEST)),
            };
            format!("Value{value} at '{path}' failed to satisfy constraint: {rule}")
        });
    }

    fn note(&mut self, violation: impl FnOnce(&str) -> String) {
        self.count += 1;
        if self.violations.len() < LISTED {
            let path = self.path();
            self.violations.push(violation(&path));
        }
    }

    /// The way so far, such as `targets.1.member.key`.
    fn path(&self) -> String {
        let words: Vec<String> = self
            .way
            .iter()
            .map(|step| match step {
                Step::Name(name) => lower_first(name),
                Step::Index(index) => format!("{index}.member"),
                Step::Key(key) => format!("{key}.member"),
            })
            .collect();
        words.join(".")
    }

    fn wrong_type(&self, expected: &str) -> ApiError {
        let message = match self.way.as_slice() {
            [] => "the body must be a JSON object".to_owned(),
            _ => format!("'{}' must be {expected}", self.path()),
        };
        ApiError::new(ErrorCode::SerializationException, message)
    }

    fn outcome(self) -> Result<(), ApiError> {
        if self.count == 0 {
            return Ok(());
        }
        let noun = if self.count == 1 { "error" } else { "errors" };
        let message = format!("{} validation {noun} detected: {}", self.count, self.violations.join("; "));
        Err(ApiError::new(ErrorCode::ValidationException, message))
    }
}

/// A member's name as it is spelled in a path.
pub(super) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}
