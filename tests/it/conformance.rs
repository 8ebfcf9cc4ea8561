//! How much of the published model the plane keeps to.
//!
//! A script walks the model that boto3 installs and makes requests: a minimal
//! valid one per operation, one that breaks each constraint of each member, and one
//! that gives each member, which the operation's wire type must know.
//! Each goes to a plane in bytes. What does not pass is listed with its reason in
//! `tests/conformance/exceptions.json`; `docs/conformance.md` says it all for
//! people, and is compared. `SSM_FLEET_WRITE_CONFORMANCE=1` writes it anew.
//!
//! So the share that passes cannot fall unseen: a new failure needs an entry, and
//! an entry that passes must go.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use plane::config::PlaneConfig;
use plane::service::{Response, Service};
use serde::Deserialize;
use serde_json::Value;
use shared::operation::NAMES;
use shared::time::Timestamp;

use crate::binary::{Running, root};
use crate::clients::client;
use crate::golden::GOLDEN;

/// 2025-03-10T12:00:00Z.
const NOW: Timestamp = Timestamp::from_seconds(1_741_608_000);

/// A request, and what it must bring.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Its name: operation, member, constraint.
    case: String,
    operation: String,
    expect: Expected,
    /// The member that the refusal must name.
    #[serde(default)]
    at: String,
    /// The errors that the model gives the operation.
    #[serde(default)]
    errors: Vec<String>,
    /// Where the member stands that must be known.
    #[serde(default)]
    pointer: String,
    body: Value,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Expected {
    /// An answer, or an error that the model gives the operation.
    #[serde(rename = "accepted")]
    Accepted,
    /// Neither dropped nor refused as no request at all.
    #[serde(rename = "known")]
    Known,
    ValidationException,
    SerializationException,
}

/// What came of all cases.
#[derive(Debug, Default)]
struct Outcome {
    /// By operation: how many passed, of how many.
    operations: BTreeMap<String, (usize, usize)>,
    /// What did not pass, and what it brought instead.
    failed: BTreeMap<String, String>,
}

#[test]
fn requests_of_the_published_model_are_taken_and_refused_as_it_says() {
    let outcome = judge_all(&cases());
    let exceptions = exceptions();
    let page = page(&outcome, &exceptions);
    println!("{}", page.lines().find(|line| line.contains("requests pass")).expect("the page says it"));

    let unlisted: Vec<String> = outcome
        .failed
        .iter()
        .filter(|(case, _)| !exceptions.contains_key(*case))
        .map(|(case, brought)| format!("{case}: {brought}"))
        .collect();
    assert!(unlisted.is_empty(), "these do not pass, and are not listed:\n{}", unlisted.join("\n"));
    for case in exceptions.keys() {
        let operation = case.split(' ').next().expect("a case begins with its operation");
        // What is not answered yet may be listed before it is.
        let is_open = outcome.failed.contains_key(case) || !NAMES.contains(&operation);
        assert!(is_open, "{case} passes: take it off the list of exceptions");
    }
    let path = root().join("docs/conformance.md");
    if std::env::var_os("SSM_FLEET_WRITE_CONFORMANCE").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/conformance.md is out of date; SSM_FLEET_WRITE_CONFORMANCE=1 \
         cargo test -p ssm-fleet-tests --test it conformance writes it anew"
    );
}

#[test]
fn golden_bodies_have_the_models_members_and_types() {
    let golden = root().join("tests/golden");
    let told = python("shapes.py", &[golden.to_str().expect("the path is text")]);
    let (complaints, count) = told.trim_end().rsplit_once('\n').unwrap_or(("", told.trim_end()));
    assert_eq!(complaints, "");
    let count: usize = count.trim_end_matches(" bodies").parse().expect("the last line counts");
    assert!(count >= NAMES.len(), "{count} bodies of {} operations", NAMES.len());
}

/// What a script of `tests/clients` prints.
fn python(script: &str, words: &[&str]) -> String {
    let mut python = client("python");
    python.arg(root().join("tests/clients").join(script)).args(words);
    let ended = Running::start_command(python).end();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// The cases of all operations that the plane answers and the model has.
fn cases() -> Vec<Case> {
    let told = python("conformance.py", NAMES);
    let cases: Vec<Case> =
        told.lines().map(|line| serde_json::from_str(line).expect("a case a line")).collect();
    assert!(cases.len() > NAMES.len() * 5, "{} cases", cases.len());
    cases
}

/// What need not pass, and why.
fn exceptions() -> BTreeMap<String, String> {
    let path = root().join("tests/conformance/exceptions.json");
    let text = std::fs::read_to_string(path).expect("the list is checked in");
    serde_json::from_str(&text).expect("reasons by case")
}

/// Sends each case to a plane; those of one operation to the same.
fn judge_all(cases: &[Case]) -> Outcome {
    let mut outcome = Outcome::default();
    for of_one in cases.chunk_by(|one, other| one.operation == other.operation) {
        let plane = Service::new(PlaneConfig::default());
        for case in of_one {
            let target = format!("AmazonSSM.{}", case.operation);
            let response = plane.respond(NOW, &target, case.body.to_string().as_bytes());
            let (passed, all) = outcome.operations.entry(case.operation.clone()).or_default();
            *all += 1;
            match judge(case, &response) {
                Ok(()) => *passed += 1,
                Err(brought) => _ = outcome.failed.insert(case.case.clone(), brought),
            }
        }
    }
    outcome
}

/// Whether a case passes; if not, what it brought.
fn judge(case: &Case, response: &Response) -> Result<(), String> {
    let body: Value = serde_json::from_slice(&response.body).expect("an answer is JSON");
    let name = body["__type"].as_str().unwrap_or_default();
    let message = ["Message", "message"].iter().find_map(|member| body[member].as_str()).unwrap_or_default();
    let passes = match (case.expect, response.status) {
        (Expected::Accepted, 200) => true,
        (Expected::Accepted, 400) => case.errors.iter().any(|error| error == name),
        (Expected::ValidationException, 400) => {
            name == "ValidationException" && message.contains(&format!(" at '{}' failed to satisfy", case.at))
        }
        (Expected::Known, 200 | 400) if name != "SerializationException" => {
            is_known(case) || is_refused(message)
        }
        (Expected::SerializationException, 400) => name == "SerializationException",
        _ => false,
    };
    match (passes, name) {
        (false, _) if !case.pointer.is_empty() => Err(format!("{} is not known", case.pointer)),
        (true, _) => Ok(()),
        (false, "") => Err("an answer".to_owned()),
        (false, name) => Err(format!("{name}: {message}")),
    }
}

/// Whether the wire type keeps a member.
fn is_known(case: &Case) -> bool {
    let golden = GOLDEN.iter().find(|golden| golden.name == case.operation).expect("each has its bodies");
    let again: Value = serde_json::from_str(&(golden.request_again)(&case.body.to_string()))
        .expect("it was written as JSON");
    again.pointer(&case.pointer).is_some()
}

/// Whether a request was refused by name, for what it asks is not carried out.
fn is_refused(message: &str) -> bool {
    message.contains("is not supported by this version")
}

/// The outcome for people.
fn page(outcome: &Outcome, exceptions: &BTreeMap<String, String>) -> String {
    let passed: usize = outcome.operations.values().map(|(passed, _)| passed).sum();
    let all: usize = outcome.operations.values().map(|(_, all)| all).sum();
    // Cut, not rounded: it is 100 % only when all pass.
    let tenths = passed * 1000 / all;
    let mut page = format!(
        "# Conformance with the published model\n\n\
         A test (`tests/it/conformance.rs`) walks the SSM model that boto3 installs and sends, for each of its\n\
         operations that the plane answers, a minimal valid request, a request that breaks each constraint of each\n\
         member, one with a wrong JSON type for each member, and one that gives each member a value. A violation passes\n\
         when it is refused by `ValidationException` naming the member, a wrong type by `SerializationException`; the\n\
         minimal request when it is answered, or refused by an error that the model gives the operation; a given member\n\
         when the operation's wire type knows it, or it is refused by name as not supported.\n\n\
         **{passed} of {all} requests pass ({}.{} %), over {} operations.**\n\n\
         | Operation | Pass | Requests |\n|---|---:|---:|\n",
        tenths / 10,
        tenths % 10,
        outcome.operations.len(),
    );
    for (operation, (passed, all)) in &outcome.operations {
        writeln!(page, "| {operation} | {passed} | {all} |").expect("a text takes any text");
    }
    page.push_str("\n## What does not pass, and why\n\n");
    if outcome.failed.is_empty() {
        page.push_str("Nothing.\n");
    }
    for case in outcome.failed.keys() {
        let why = exceptions.get(case).map_or("not explained", String::as_str);
        writeln!(page, "- `{case}`: {why}").expect("a text takes any text");
    }
    page
}
