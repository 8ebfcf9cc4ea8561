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
    walk.judge(Place { shape, value: request, is_hidden: shape.is_secret })?;
    walk.outcome()
}

/// A value, what it may be, and whether it must not be printed.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    shape: &'a Shape,
    value: &'a Value,
    is_hidden: bool,
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
    fn judge(&mut self, here: Place<'a>) -> Result<(), ApiError> {
        for broken in rule::broken(here.shape, here.value).map_err(|expected| self.wrong_type(expected))? {
            self.violate(here, &broken);
        }
        match (&here.shape.kind, here.value) {
            (Kind::Structure(members), Value::Object(fields)) => self.structure(here, members, fields),
            (Kind::List(Some(item)), Value::Array(items)) => self.list(here, table::shape(*item), items),
            (Kind::Map(key, value), Value::Object(fields)) => {
                self.map(here, key.map(table::shape), value.map(table::shape), fields)
            }
            _ => Ok(()),
        }
    }

    fn structure(
        &mut self,
        here: Place<'a>,
        members: &'a [Member],
        fields: &'a Map<String, Value>,
    ) -> Result<(), ApiError> {
        for member in members {
            let step = Step::Name(&member.name);
            match fields.get(&member.name).filter(|value| !value.is_null()) {
                Some(value) => self.step(here, step, table::shape(member.shape), value)?,
                None if member.is_required => self.miss(step),
                None => {}
            }
        }
        Ok(())
    }

    fn list(&mut self, here: Place<'a>, item: &'a Shape, items: &'a [Value]) -> Result<(), ApiError> {
        if item.is_plain() {
            return self.each(here, item, items.iter(), "Member");
        }
        for (index, value) in items.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            self.step(here, Step::Index(index + 1), item, value)?;
        }
        Ok(())
    }

    fn map(
        &mut self,
        here: Place<'a>,
        key: Option<&'a Shape>,
        value: Option<&'a Shape>,
        fields: &'a Map<String, Value>,
    ) -> Result<(), ApiError> {
        if let Some(key) = key.filter(|key| fields.keys().any(|text| !rule::holds_for_key(key, text))) {
            self.violate(here, &rule::all_of("Map keys", key));
        }
        let Some(shape) = value else { return Ok(()) };
        if shape.is_plain() {
            return self.each(here, shape, fields.values(), "Map value");
        }
        for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
            self.step(here, Step::Key(key), shape, value)?;
        }
        Ok(())
    }

    /// Judges what a list or map holds, where it is told of as a whole.
    fn each(
        &mut self,
        here: Place<'a>,
        each: &Shape,
        values: impl Iterator<Item = &'a Value>,
        who: &str,
    ) -> Result<(), ApiError> {
        let mut holds = true;
        for value in values.filter(|value| !value.is_null()) {
            holds &= rule::holds(each, value).map_err(|expected| self.wrong_type_within(expected))?;
        }
        if !holds {
            self.violate(here, &rule::all_of(who, each));
        }
        Ok(())
    }

    /// Judges what is one step further. What a secret holds is secret.
    fn step(
        &mut self,
        here: Place<'a>,
        step: Step<'a>,
        shape: &'a Shape,
        value: &'a Value,
    ) -> Result<(), ApiError> {
        self.way.push(step);
        self.judge(Place { shape, value, is_hidden: here.is_hidden || shape.is_secret })?;
        self.way.pop();
        Ok(())
    }

    /// Notes that a member is not there.
    fn miss(&mut self, step: Step<'a>) {
        self.way.push(step);
        self.note(|path| {
            format!("Value null at '{path}' failed to satisfy constraint: Member must not be null")
        });
        self.way.pop();
    }

    fn violate(&mut self, here: Place<'a>, rule: &str) {
        self.note(|path| {
            // A body of megabytes must not come back in the message, a secret not at all.
            let value = match here.is_hidden {
                true => String::new(),
                false => format!(" '{}'", show(here.shape, here.value, LONGEST)),
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

    /// A wrong type in a list or map that is told of as a whole.
    fn wrong_type_within(&self, expected: &str) -> ApiError {
        let message = format!("what '{}' holds must be {expected}", self.path());
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
