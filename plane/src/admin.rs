//! The admin API: what AWS keeps in other services, and what is made wrong with the
//! plane on purpose, shown and changed under `/_fleet/`.
//!
//! A resource is a path, its body the same JSON as in the world as a whole:
//! `GET` shows it, `PUT` (or `POST`) sets it, `DELETE` takes it away. What is
//! wrong with a request is said in one message, `{"error": …}`. Who may ask is
//! [`crate::http`]'s business. docs/admin-api.md is the reference.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::id::NodeId;
use shared::time::Timestamp;

use crate::service::{Service, WorldChange, WorldKind};

/// Where the admin API begins.
pub(crate) const ROOT: &str = "/_fleet";

/// Whether a path belongs to the admin API.
pub(crate) fn is_at(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// An answer of the admin API.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// What `Allow` says, where the method is none of a known path.
    pub(crate) allow: Option<&'static str>,
}

impl Answer {
    /// A refusal.
    pub(crate) fn error(status: u16, reason: impl Into<String>) -> Self {
        Self { status, body: json!({"error": reason.into()}), allow: None }
    }

    fn of(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(body) => Self { status: 200, body, allow: None },
            Err(error) => Self::error(500, error.to_string()),
        }
    }
}

/// What a request wants of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Show,
    Set,
    Remove,
}

/// Answers a request to a path under [`ROOT`].
pub(crate) fn answer(service: &Service, now: Timestamp, method: &str, path: &str, body: &[u8]) -> Answer {
    let Some(steps) = steps(path) else {
        return Answer::error(400, "the path is not percent-encoded UTF-8");
    };
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let Some(allowed) = methods(&steps) else { return nothing(path) };
    if !allowed.split(", ").any(|known| known == method) {
        let reason = format!("{method} is not supported at {path}: use {}", allowed.replace(", ", " or "));
        return Answer { allow: Some(allowed), ..Answer::error(405, reason) };
    }
    let verb = match method {
        "GET" => Verb::Show,
        "DELETE" => Verb::Remove,
        _ => Verb::Set,
    };
    let outcome = match (verb, &steps[..]) {
        (_, ["faults", rest @ ..]) => return faults(service, now, verb, rest, body),
        (Verb::Show, steps) => return show(service, steps),
        (verb, [kind, name]) => named(verb, kind, name, body),
        (verb, ["buckets"]) => all_buckets(verb, body),
        _ => Err(nothing(path)),
    };
    let done = outcome.and_then(|change| {
        service.change_world(now, change).map_err(|wrong| Answer::error(400, wrong.to_string()))
    });
    match done {
        Ok(()) => Answer { status: 200, body: json!({}), allow: None },
        Err(refusal) => refusal,
    }
}

/// The methods that the resource of a path has; none where there is no such resource.
fn methods(steps: &[&str]) -> Option<&'static str> {
    let is_known = |kind| WorldKind::named(kind).is_some();
    match steps {
        ["buckets"] => Some("GET, PUT, POST, DELETE"),
        ["faults"] => Some("GET, DELETE"),
        ["faults", _] => Some("GET, PUT, POST, DELETE"),
        ["world"] => Some("GET"),
        [kind] if is_known(kind) => Some("GET"),
        [kind, _] if is_known(kind) => Some("GET, PUT, POST, DELETE"),
        _ => None,
    }
}

/// The steps of a path behind the root, decoded.
fn steps(path: &str) -> Option<Vec<String>> {
    let path = path.strip_prefix(ROOT)?;
    path.split('/').filter(|step| !step.is_empty()).map(decode).collect()
}

/// A step of a path without its percent signs.
fn decode(step: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(step.len());
    let mut rest = step.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn nothing(path: &str) -> Answer {
    let reason = format!(
        "there is nothing at {path}: try {ROOT}/world, {ROOT}/alarms/NAME, {ROOT}/resource-groups/NAME, \
         {ROOT}/buckets, {ROOT}/instances/ID, {ROOT}/denied-nodes/ID, {ROOT}/shared-documents/ARN, {ROOT}/parameters/NAME or {ROOT}/faults/NAME"
    );
    Answer::error(404, reason)
}

/// Shows the faults that stand or one of them, lets one stand, lifts one or all.
fn faults(service: &Service, now: Timestamp, verb: Verb, name: &[&str], body: &[u8]) -> Answer {
    let standing = service.faults();
    match (verb, name) {
        (Verb::Show, []) => Answer::of(&standing),
        (Verb::Show, [name, ..]) => standing
            .get(*name)
            .map_or_else(|| Answer::error(404, format!("there is no {name} among faults")), Answer::of),
        (Verb::Set, [name, ..]) => match given(true, body) {
            Ok(Some(injection)) => match service.inject_fault(now, name, injection) {
                Ok(()) => Answer { status: 200, body: json!({}), allow: None },
                Err(wrong) => Answer::error(400, wrong.to_string()),
            },
            Ok(None) => Answer::error(400, "the body has no fault"),
            Err(refusal) => refusal,
        },
        (Verb::Remove | Verb::Set, names) => {
            let is_meant = |known: &&String| names.is_empty() || names.contains(&known.as_str());
            standing.keys().filter(is_meant).for_each(|name| _ = service.lift_fault(name));
            Answer { status: 200, body: json!({}), allow: None }
        }
    }
}

/// Shows the world, a kind of resources, or one of them.
fn show(service: &Service, steps: &[&str]) -> Answer {
    if let [kind, name] = steps {
        let found = WorldKind::named(kind).and_then(|kind| service.world_entry(kind, name));
        return found.map_or_else(
            || Answer::error(404, format!("there is no {name} among {kind}")),
            |found| Answer::of(&found),
        );
    }
    let world = match serde_json::to_value(service.world()) {
        Ok(world) => world,
        Err(error) => return Answer::error(500, error.to_string()),
    };
    let found = match steps {
        ["world"] => Some(&world),
        [kind] => world.get(kind.replace('-', "_")),
        _ => None,
    };
    found.map_or_else(|| nothing(&format!("{ROOT}/{}", steps.join("/"))), Answer::of)
}

/// A change of one resource.
fn named(verb: Verb, kind: &str, name: &str, body: &[u8]) -> Result<WorldChange, Answer> {
    let is_set = verb == Verb::Set;
    Ok(match kind {
        "alarms" => WorldChange::Alarm(name.to_owned(), given(is_set, body)?),
        "resource-groups" => WorldChange::ResourceGroup(name.to_owned(), given(is_set, body)?),
        "buckets" => WorldChange::Bucket(name.to_owned(), is_set),
        "instances" => WorldChange::Instance(node(name)?, given(is_set, body)?),
        "denied-nodes" => WorldChange::Denied(node(name)?, is_set),
        "shared-documents" => WorldChange::SharedDocument(name.to_owned(), given(is_set, body)?),
        "parameters" => WorldChange::Parameter(name.to_owned(), given(is_set, body)?),
        _ => return Err(nothing(&format!("{ROOT}/{kind}/{name}"))),
    })
}

/// A change of all buckets: those in the body exist, or nobody knows.
fn all_buckets(verb: Verb, body: &[u8]) -> Result<WorldChange, Answer> {
    given(verb == Verb::Set, body).map(WorldChange::Buckets)
}

fn node(name: &str) -> Result<NodeId, Answer> {
    name.parse().map_err(|wrong: shared::id::InvalidNodeId| Answer::error(400, wrong.to_string()))
}

/// The value in a body, where the request sets one.
fn given<T: DeserializeOwned>(is_set: bool, body: &[u8]) -> Result<Option<T>, Answer> {
    if !is_set {
        return Ok(None);
    }
    let read = serde_json::from_slice(body);
    read.map(Some).map_err(|error| Answer::error(400, format!("the body cannot be understood: {error}")))
}

#[cfg(test)]
mod tests;
