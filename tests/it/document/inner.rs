//! Steps that run another document.

use agent::call::Request;
use serde_json::{Value, json};
use shared::status::AssociationStatus;
use shared::time::Period;

use super::{bench, shelf, shell, steps, told};
use crate::bench::{ONE_STEP, document};

pub(crate) fn runs(name: &str, path: &str, parameters: Value) -> Value {
    json!({"action": "aws:runDocument", "name": name, "inputs": {"documentType": "SSMDocument",
        "documentPath": path, "documentParameters": parameters}})
}

#[test]
fn a_step_may_run_another_document() {
    let outer = steps(json!([
        runs("inside", "Inner:2", json!({"word": "hi", "code": "3"})),
        shell("after", &["echo after"])
    ]));
    let inner = json!({"schemaVersion": "2.2",
        "parameters": {"word": {"type": "String"}, "code": {"type": "String", "default": "0"}},
        "mainSteps": [shell("a", &["echo {{ word }} >&2"]), shell("b", &["exit {{ code }}"])]});
    let shelf = shelf(&[("Inner", &inner.to_string()), ("A", &outer)]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));

    let fetched: Vec<_> = bench
        .calls
        .iter()
        .filter_map(|made| match &made.request {
            Request::GetDocument(call) => Some((call.name.as_str(), call.document_version.as_deref())),
            _ => None,
        })
        .collect();
    assert_eq!(fetched, [("A", Some("1")), ("Inner", Some("2"))]);
    let summaries: Vec<_> = told(&bench).into_iter().map(|told| told.summary).collect();
    let failure = "\nThe operation inside failed because hi\n\nfailed to run commands: exit status 3.";
    let expected = [
        "Association is pending".to_owned(),
        "Executing association".to_owned(),
        format!("1 out of 2 plugins processed, 0 success, 1 failed, 0 timedout, 0 skipped. {failure}"),
        "1 out of 2 plugins processed, 1 success, 0 failed, 0 timedout, 0 skipped. ".to_owned(),
        format!("2 out of 2 plugins processed, 1 success, 1 failed, 0 timedout, 0 skipped. {failure}"),
    ];
    assert_eq!(summaries, expected, "nobody hears of the inner steps");
}

#[test]
fn what_keeps_an_inner_document_from_running_fails_its_step() {
    let limited = json!({"schemaVersion": "2.2", "parameters": {"word": {"type": "String", "maxChars": 3}},
        "mainSteps": [shell("a", &["true"])]});
    let own = steps(json!([runs("again", "Own", json!({}))]));
    let cases = [
        ("Missing", json!({}), "InvalidDocument: ".to_owned()),
        (
            "Broken",
            json!({}),
            "There was an error while preparing documents - Encountered error while parsing input - internal error"
                .to_owned(),
        ),
        (
            "Limited",
            json!({"word": "longer"}),
            "There was an error while preparing documents - parameter value /longer/ is exceeding the max chars /3/"
                .to_owned(),
        ),
        (
            "Own",
            json!({}),
            "Maximum depth for document execution exceeded. Maximum depth permitted - 3 and current depth - 4"
                .to_owned(),
        ),
    ];
    for (path, parameters, reason) in cases {
        let outer = steps(json!([runs("inside", path, parameters)]));
        let shelf = shelf(&[
            ("A", &outer),
            ("Broken", "{not json"),
            ("Limited", &limited.to_string()),
            ("Own", &own),
        ]);
        let mut bench = bench(Vec::new());
        bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
        let summary = format!(
            "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
             The operation inside failed because {reason}."
        );
        let last = told(&bench).pop().expect("it ran");
        assert_eq!((last.status, last.summary), (AssociationStatus::Failed, summary), "{path}");
    }
}

/// A document as the shelf gives it, for its name alone.
#[test]
fn a_document_is_fetched_by_each_run_of_a_step() {
    let outer =
        steps(json!([runs("one", "Inner", json!("{\"word\": \"x\"}")), runs("two", "Inner", json!({}))]));
    let shelf = shelf(&[("A", &outer)]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| match &made.request {
        Request::GetDocument(call) if call.name == "Inner" => document("Inner", ONE_STEP),
        _ => shelf.answer(made),
    });
    assert_eq!(bench.calls_of("GetDocument").len(), 3, "the worker keeps none");
    assert_eq!(told(&bench).pop().expect("it ran").status, AssociationStatus::Success);
}
