//! References to the Parameter Store: when the node asks for them, and what it makes of the answer.

use agent::call::{Answer, Request};
use serde_json::json;
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::Period;
use shared::wire::{GetParametersReply, ParameterValue};

use super::{ONE, bench, compliance_of, given, run_of_one, shelf, shell, steps, told, told_of};
use crate::bench::{Bench, Made, refused};

pub(crate) fn parameter(name: &str, kind: &str, value: &str) -> ParameterValue {
    ParameterValue {
        name: name.into(),
        kind: Some(kind.into()),
        value: Some(value.into()),
        version: Some(1),
        ..ParameterValue::default()
    }
}

/// Answers a question for parameters: of these, those that were asked for.
pub(crate) fn stored(made: &Made, store: &[ParameterValue]) -> Option<Answer> {
    let Request::GetParameters(call) = &made.request else { return None };
    assert_eq!(call.with_decryption, Some(false));
    let is_asked = |parameter: &&ParameterValue| call.names.contains(&parameter.name);
    let parameters: Vec<_> = store.iter().filter(is_asked).cloned().collect();
    let unknown = call.names.iter().filter(|name| parameters.iter().all(|known| known.name != **name));
    let invalid_parameters = unknown.cloned().collect();
    Some(Answer::Parameters(GetParametersReply { parameters, invalid_parameters }))
}

fn asked(bench: &Bench) -> Vec<Vec<String>> {
    bench
        .calls_of("GetParameters")
        .iter()
        .map(|made| match &made.request {
            Request::GetParameters(call) => call.names.clone(),
            other => panic!("{other:?} asks for no parameters"),
        })
        .collect()
}

#[test]
fn references_to_the_parameter_store_are_asked_for_before_a_document_begins() {
    let content = json!({"schemaVersion": "2.2",
        "parameters": {"word": {"type": "String", "allowedPattern": "^[a-z]+$"}},
        "mainSteps": [shell("first", &["echo {{ word }}{{ssm:end}} >&2", "exit {{ ssm:code }}"]),
            shell("second", &["{{ssm:lines}}"])]});
    let mut shelf = shelf(&[("Asks", &content.to_string())]);
    shelf.associations[0].parameters = given(&[("word", &["{{ ssm:word }}"])]);
    let store = [
        parameter("word", "String", "hello"),
        parameter("end", "String", "!"),
        parameter("code", "String", "3"),
        parameter("lines", "StringList", "echo a >&2,exit 4"),
    ];
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| stored(made, &store).unwrap_or_else(|| shelf.answer(made)));

    let expected: [&[&str]; 3] = [&["word"], &["word", "end", "code"], &["lines"]];
    assert_eq!(asked(&bench), expected, "the parameters' own first, then each step's");
    let operations = bench.operations();
    let at = operations.iter().position(|operation| *operation == "GetParameters").expect("it asked");
    let reports = |operations: &[&str]| {
        operations.iter().filter(|operation| **operation == "UpdateInstanceAssociationStatus").count()
    };
    assert_eq!(reports(&operations[..at]), 1, "it is pending, and not in progress");
    let summary = "2 out of 2 plugins processed, 0 success, 2 failed, 0 timedout, 0 skipped. \n\
                   The operation first failed because hello!\nfailed to run commands: exit status 3.\n\
                   The operation second failed because a\nfailed to run commands: exit status 4.";
    assert_eq!(told(&bench).pop().expect("it ran").summary, summary);
}

#[test]
fn settings_are_asked_for_before_inputs_and_keep_a_document_from_beginning_as_well() {
    let one = json!({"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {
        "settings": {"level": "{{ ssm:level }}"},
        "properties": [{"id": "0.aws:runShellScript", "runCommand": ["echo {{ssm:word}}"]}]}}});
    let two = json!({"schemaVersion": "2.2", "mainSteps": [{"action": "aws:runShellScript", "name": "s",
        "settings": {"level": "{{ ssm:level }}"}, "inputs": {"runCommand": ["echo {{ssm:word}}"]}}]});
    let (level, word) = (parameter("level", "String", "1"), parameter("word", "String", "x"));
    for document in [one, two] {
        let shelf = shelf(&[("Asks", &document.to_string())]);
        for (store, names, status) in [
            (
                vec![level.clone(), word.clone()],
                vec![vec!["level"], vec!["word"]],
                AssociationStatus::Success,
            ),
            (vec![word.clone()], vec![vec!["level"]], AssociationStatus::Failed),
        ] {
            let mut bench = bench(Vec::new());
            let mut plane = |made: &Made| stored(made, &store).unwrap_or_else(|| shelf.answer(made));
            bench.run_for(Period::minutes(2), &mut plane);
            assert_eq!(asked(&bench), names, "{document}");
            assert_eq!(told(&bench).pop().expect("it was told of").status, status, "{document}");
        }
    }
}

#[test]
fn ten_parameters_are_asked_for_at_once() {
    let references: Vec<_> = (1..=23).map(|number| format!("echo {{{{ssm:p{number}}}}}")).collect();
    let lines: Vec<&str> = references.iter().map(String::as_str).collect();
    let shelf = shelf(&[("Asks", &steps(json!([shell("s", &lines)])))]);
    let store: Vec<_> = (1..=23).map(|number| parameter(&format!("p{number}"), "String", "x")).collect();
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| stored(made, &store).unwrap_or_else(|| shelf.answer(made)));
    assert_eq!(asked(&bench).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 3]);
    assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
}

#[test]
fn a_document_whose_references_have_no_value_is_not_begun() {
    let id = AssociationId::from_bits(1);
    let shelf = shelf(&[("Asks", &steps(json!([shell("s", &["echo {{ssm:one}} {{ssm:two}}"])])))]);
    let known = [parameter("one", "String", "1")];
    let secret = [parameter("one", "String", "1"), parameter("two", "SecureString", "AQI=")];
    let list = [parameter("one", "String", "1"), parameter("two", "StringList", "a,b")];
    let cases: [(&[ParameterValue], Option<ErrorCode>, &str); 4] = [
        (&known, None, "Input contains invalid parameters [two]"),
        (&secret, None, "Parameters [two] of type SecureString are not supported"),
        (&list, None, "Parameter two of type StringList cannot be used as a String"),
        (&[], Some(ErrorCode::AccessDeniedException), "AccessDeniedException: "),
    ];
    for (store, refusal, reason) in cases {
        let mut bench = bench(Vec::new());
        bench.run_for(Period::minutes(2), &mut |made| match (stored(made, store), &refusal) {
            (Some(_), Some(code)) => refused(code.clone()),
            (Some(answer), None) => answer,
            (None, _) => shelf.answer(made),
        });
        let summary = format!("Encountered error while parsing association {id}, {reason}");
        let last = told_of(&bench, 1).pop().expect("it was told of");
        assert_eq!(last, (AssociationStatus::Failed, "InvalidAssoc".to_owned(), summary));
        assert_eq!(compliance_of(&bench, 1).as_deref(), Some("NON_COMPLIANT"));
    }
}

#[test]
fn a_question_for_parameters_is_tried_again_like_any_other_call() {
    let shelf = shelf(&[("Asks", &steps(json!([shell("s", &["echo {{ssm:one}}"])])))]);
    let store = [parameter("one", "String", "1")];
    let mut bench = bench(Vec::new());
    let mut throttles = 2;
    bench.run_for(Period::minutes(2), &mut |made| match stored(made, &store) {
        Some(_) if throttles > 0 => {
            throttles -= 1;
            refused(ErrorCode::ThrottlingException)
        }
        Some(answer) => answer,
        None => shelf.answer(made),
    });
    assert_eq!(
        bench.calls_of("GetParameters").iter().map(|made| made.attempt).collect::<Vec<_>>(),
        [0, 1, 2]
    );
    assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
}
