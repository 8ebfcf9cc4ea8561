//! The comparer is worth what it notices: each edit of a recording is reported.

mod calls;
mod channel;
mod retries;

use super::compare::compare;
use super::json::Json;
use super::recording::{Call, read};
use super::{MANY_ASSOCIATIONS, ONE_ASSOCIATION, RECORDINGS, RETRIES_AND_THROTTLING};

/// The call of this operation and number, counted from zero.
fn nth<'a>(calls: &'a mut [Call], operation: &str, number: usize) -> &'a mut Call {
    calls.iter_mut().filter(|call| call.operation == operation).nth(number).expect("it is recorded")
}

fn place(calls: &[Call], operation: &str, number: usize) -> usize {
    let of_it = calls.iter().enumerate().filter(|(_, call)| call.operation == operation);
    of_it.map(|(place, _)| place).nth(number).expect("it is recorded")
}

/// The member at this path of a body.
fn member<'a>(call: &'a mut Call, path: &[&str]) -> &'a mut Json {
    within(&mut call.body, path)
}

fn within<'a>(value: &'a mut Json, path: &[&str]) -> &'a mut Json {
    path.iter().fold(value, |value, key| match value {
        Json::List(items) => &mut items[key.parse::<usize>().expect("a place in a list")],
        value => value.get_mut(key).expect("the body has it"),
    })
}

/// Edits the object that is written in a text of a body.
fn edit_inner(call: &mut Call, name: &str, edit: fn(&mut Json)) {
    let outer = member(call, &[name]);
    let mut inner = outer.inner().expect("the text holds an object");
    edit(&mut inner);
    *outer = Json::Text(inner.write());
}

fn members(value: &mut Json) -> &mut Vec<(String, Json)> {
    let Json::Object(members) = value else { panic!("{} is no object", value.kind()) };
    members
}

fn header<'a>(call: &'a mut Call, name: &str) -> &'a mut String {
    &mut call.headers.iter_mut().find(|(key, _)| key == name).expect("the call has it").1
}

/// Sets a header of an operation's first call.
fn set(calls: &mut [Call], operation: &str, name: &str, value: &str) {
    *header(nth(calls, operation, 0), name) = value.to_owned();
}

fn drop_header(call: &mut Call, name: &str) {
    call.headers.retain(|(key, _)| key != name);
}

/// Shifts a call and all that come after it.
fn delay(calls: &mut [Call], from: usize, seconds: f64) {
    calls[from..].iter_mut().for_each(|call| call.at += seconds);
}

const STATUS: &str = "UpdateInstanceAssociationStatus";
const HEARTBEAT: &str = "UpdateInstanceInformation";

/// What is changed, how, and what must be said of it.
type Edit = (&'static str, &'static str, fn(&mut Vec<Call>), &'static str);

fn assert_reported(recording: &str, edits: &[Edit]) {
    let recorded = read(recording);
    for (name, operation, edit, what) in edits {
        let mut edited = recorded.clone();
        edit(&mut edited);
        assert_ne!(edited, recorded, "{name}: nothing was edited");
        let said = compare(&recorded, &edited).differences;
        let is_reported =
            said.iter().any(|difference| difference.operation == *operation && difference.what == *what);
        assert!(is_reported, "{name}: expected `{operation}: {what}` among {said:#?}");
    }
}

#[test]
fn what_is_not_edited_does_not_differ() {
    for recording in RECORDINGS {
        let calls = read(recording.text);
        let comparison = compare(&calls, &calls);
        assert_eq!(comparison.differences, [], "{}", recording.name);
        assert!(comparison.gaps[0].len() >= 5, "{}: {:?}", recording.name, comparison.gaps[0]);
        let matched: usize = comparison.counts.values().map(|counts| counts.matched).sum();
        assert_eq!(matched, calls.len(), "{}", recording.name);
    }
}

#[test]
fn every_edit_is_reported() {
    assert_reported(ONE_ASSOCIATION, calls::OF_CALLS);
    assert_reported(ONE_ASSOCIATION, channel::OF_CHANNEL);
    assert_reported(RETRIES_AND_THROTTLING, retries::OF_RETRIES);
}

#[test]
fn an_executor_that_wakes_off_its_tick_is_reported() {
    let recorded = read(MANY_ASSOCIATIONS);
    let mut edited = recorded.clone();
    let tick = edited.iter().position(|call| call.operation == STATUS && call.at > 300.0);
    delay(&mut edited, tick.expect("the executor's tick is recorded"), -2.0);
    let said = compare(&recorded, &edited).differences;
    assert!(said.iter().any(|difference| difference.what == "gap: executor's tick (found)"), "{said:#?}");
}
