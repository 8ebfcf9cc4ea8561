//! What a node makes of documents: sound ones, odd ones, and such as are none.
//!
//! The plane is a shelf of associations and documents; what the node tells it is
//! compared with what the real agent was seen or read to tell.

use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::catalogue::Behaviour;
use agent::distribution::Distribution;
use agent::fault::Share;
use agent::node::Note;
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::{Period, Timestamp};
use shared::wire::{
    GetManifestReply, GetParametersReply, InstanceAssociationSummary, ParameterValue, Parameters,
};

use crate::bench::{Bench, Made, ONE_STEP, START, Shelf, TAKES, association, document, refused};

/// A report on a run: of which association, how it stands, why, in words.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    association: u128,
    status: AssociationStatus,
    code: String,
    summary: String,
}

fn told(bench: &Bench) -> Vec<Told> {
    let reports =
        bench.calls.iter().filter(|made| made.attempt == 0).filter_map(|made| match &made.request {
            Request::ReportStatus(report) => Some(report),
            _ => None,
        });
    reports
        .map(|report| Told {
            association: number(report.association_id),
            status: report.execution_result.status,
            code: report.execution_result.error_code.clone().expect("the agent always sends it"),
            summary: report.execution_result.execution_summary.clone(),
        })
        .collect()
}

fn number(id: AssociationId) -> u128 {
    (1..100).find(|number| AssociationId::from_bits(*number) == id).expect("one of the test's own")
}

/// The reports on one association, as `(status, code, summary)`.
fn told_of(bench: &Bench, association: u128) -> Vec<(AssociationStatus, String, String)> {
    let told = told(bench).into_iter().filter(|told| told.association == association);
    told.map(|told| (told.status, told.code, told.summary)).collect()
}

/// The last compliance that was told of one association.
fn compliance_of(bench: &Bench, association: u128) -> Option<String> {
    let id = AssociationId::from_bits(association).to_string();
    let uploads = bench.calls.iter().rev().filter_map(|made| match &made.request {
        Request::PutCompliance(upload) => Some(upload),
        _ => None,
    });
    uploads
        .flat_map(|upload| upload.items.iter())
        .find(|item| item.id.as_deref() == Some(&id))
        .map(|item| item.status.clone())
}

pub(crate) fn steps(steps: Value) -> String {
    json!({"schemaVersion": "2.2", "mainSteps": steps}).to_string()
}

pub(crate) fn shell(name: &str, commands: &[&str]) -> Value {
    json!({"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": commands}})
}

fn shelf(documents: &[(&str, &str)]) -> Shelf {
    let documents: BTreeMap<_, _> =
        documents.iter().map(|(name, content)| ((*name).to_owned(), (*content).to_owned())).collect();
    Shelf { associations: vec![association(1, documents.keys().next().expect("a document"))], documents }
}

fn bench(behaviours: Vec<Behaviour>) -> Bench {
    Bench::of(7, behaviours, START)
}

fn given(pairs: &[(&str, &[&str])]) -> Option<std::sync::Arc<Parameters>> {
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Some(std::sync::Arc::new(
        pairs.iter().map(|(name, values)| ((*name).to_owned(), texts(values))).collect(),
    ))
}

const ONE: &str = "1 out of 1 plugin processed, 1 success, 0 failed, 0 timedout, 0 skipped. ";

/// What is told of a run of one step that comes to this.
fn run_of_one(
    status: AssociationStatus,
    code: &str,
    summary: &str,
) -> Vec<(AssociationStatus, String, String)> {
    use AssociationStatus::{InProgress, Pending};
    [
        (Pending, "", "Association is pending"),
        (InProgress, "", "Executing association"),
        (InProgress, "", summary),
        (status, code, summary),
    ]
    .map(|(status, code, summary)| (status, code.to_owned(), summary.to_owned()))
    .into()
}

/// A bad input: an association, its document, and what becomes of both it and
/// the sound one behind it in the list, within nine minutes.
struct Row {
    case: &'static str,
    change: fn(&mut InstanceAssociationSummary),
    content: Option<String>,
    told: Vec<(AssociationStatus, String, String)>,
    compliance: Option<&'static str>,
    is_next_run: bool,
}

fn keep(_: &mut InstanceAssociationSummary) {}

/// The table of bad inputs, each row as the real agent took it.
#[test]
fn bad_inputs_are_taken_as_the_agent_takes_them() {
    use AssociationStatus::{Failed, Pending, Success, TimedOut};
    let id = AssociationId::from_bits(1);
    let failed = |code: &str, reason: String| vec![(Failed, code.to_owned(), reason)];
    let unparsed = |reason: &str, id: &str| {
        let pending = (Pending, String::new(), "Association is pending".to_owned());
        let failed = format!("Encountered error while parsing association {id}, {reason}");
        // Woken by the tick after 300 s it is tried again, and stops there again.
        let failed = (Failed, "InvalidAssoc".to_owned(), failed);
        vec![pending.clone(), failed.clone(), pending, failed]
    };
    let unsupported = |version: &str| {
        format!(
            "Document with schema version {version} is not supported by this version of ssm agent, \
             please update to latest version"
        )
    };
    let expression = format!("Encountered error while parsing expression for association {id}");
    let rows = [
        Row {
            case: "GetDocument is refused",
            change: keep,
            content: None,
            told: failed(
                "ListAssocError",
                format!("Encountered error while loading association {id} contents, InvalidDocument: "),
            ),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "rate(banana)",
            change: |association| association.schedule_expression = Some("rate(banana)".into()),
            content: Some(ONE_STEP.into()),
            told: failed("InvalidExpression", expression.clone()),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "content is no JSON",
            change: keep,
            content: Some("{not json".into()),
            told: unparsed("Encountered error while parsing input - internal error", ""),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: false,
        },
        Row {
            case: "schema 9.9",
            change: keep,
            content: Some(json!({"schemaVersion": "9.9", "mainSteps": []}).to_string()),
            told: unparsed(&unsupported("9.9"), &id.to_string()),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: false,
        },
        Row {
            case: "Automation",
            change: keep,
            content: Some(
                json!({"schemaVersion": "0.3", "mainSteps": [{"action": "aws:sleep", "name": "a"}]})
                    .to_string(),
            ),
            told: unparsed(&unsupported("0.3"), &id.to_string()),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: false,
        },
        Row {
            case: "a value that the pattern forbids",
            change: |association| association.parameters = given(&[("word", &["NO"])]),
            content: Some(
                json!({"schemaVersion": "2.2", "mainSteps": [shell("s", &["echo {{ word }}"])],
                    "parameters": {"word": {"type": "String", "allowedPattern": "^[a-z]+$"}}})
                .to_string(),
            ),
            told: unparsed(
                "Parameter value for word does not match the allowed pattern ^[a-z]+$",
                &id.to_string(),
            ),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: false,
        },
        Row {
            case: "unknown plugin",
            change: keep,
            content: Some(steps(json!([{"action": "aws:noSuchPlugin", "name": "x", "inputs": {}}]))),
            told: run_of_one(
                Failed,
                "ExecutionError",
                "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \nThe operation x failed because .",
            ),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "a step for Windows only",
            change: keep,
            content: Some(steps(json!([{"action": "aws:runPowerShellScript", "name": "w",
                "precondition": {"StringEquals": ["platformType", "Windows"]}}]))),
            told: run_of_one(
                Success,
                "",
                "1 out of 1 plugin processed, 0 success, 0 failed, 0 timedout, 1 skipped. ",
            ),
            compliance: Some("COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "a step runs for too long",
            change: keep,
            content: Some(steps(json!([{"action": "aws:runShellScript", "name": "s",
                "inputs": {"timeoutSeconds": "5", "runCommand": ["sleep 60"]}}]))),
            told: run_of_one(
                TimedOut,
                "",
                "1 out of 1 plugin processed, 0 success, 0 failed, 1 timedout, 0 skipped. ",
            ),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "a parameter that is not declared, and one that has no value",
            change: |association| association.parameters = given(&[("other", &["exit 5"])]),
            content: Some(
                json!({"schemaVersion": "2.2", "parameters": {"commands": {"type": "StringList"}},
                    "mainSteps": [{"action": "aws:runShellScript", "name": "s",
                        "inputs": {"runCommand": "{{ commands }}"}}]})
                .to_string(),
            ),
            told: run_of_one(Success, "", ONE),
            compliance: Some("COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "run once, and done",
            change: |association| association.detailed_status = Some("Success".into()),
            content: Some(ONE_STEP.into()),
            told: Vec::new(),
            compliance: None,
            is_next_run: true,
        },
        Row {
            case: "at(…)",
            change: |association| association.schedule_expression = Some("at(2030-01-01T00:00:00)".into()),
            content: Some(ONE_STEP.into()),
            told: failed("InvalidExpression", expression),
            compliance: Some("NON_COMPLIANT"),
            is_next_run: true,
        },
        Row {
            case: "half-hourly, last run an hour ago: once, not twice",
            change: |association| {
                association.detailed_status = Some("Success".into());
                association.schedule_expression = Some("rate(30 minutes)".into());
                association.last_execution_date = Some(START - Period::hours(1));
            },
            content: Some(ONE_STEP.into()),
            told: run_of_one(Success, "", ONE),
            compliance: Some("COMPLIANT"),
            is_next_run: true,
        },
    ];
    for row in rows {
        let mut shelf = Shelf {
            associations: vec![association(1, "Odd"), association(2, "Sound")],
            documents: [("Sound".to_owned(), ONE_STEP.to_owned())].into(),
        };
        (row.change)(&mut shelf.associations[0]);
        shelf.documents.extend(row.content.map(|content| ("Odd".to_owned(), content)));
        let mut bench = bench(Vec::new());
        bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));

        assert_eq!(told_of(&bench, 1), row.told, "{}", row.case);
        assert_eq!(compliance_of(&bench, 1).as_deref(), row.compliance, "{}", row.case);
        let next = told_of(&bench, 2).last().map(|told| told.0);
        assert_eq!(next, row.is_next_run.then_some(Success), "{}: the next one", row.case);
    }
}

/// Of the plane's two settings for cron the agent knows nothing.
#[test]
fn what_the_agent_has_never_heard_of_it_passes_over() {
    let shelf = shelf(&[("Only", ONE_STEP)]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| match shelf.answer(made) {
        Answer::Associations(page) => {
            let mut body = serde_json::to_value(&page).expect("a wire type can be written");
            let listed = &mut body["Associations"][0];
            listed["ScheduleExpression"] = json!("cron(0 2 ? * SUN *)");
            listed["ApplyOnlyAtCronInterval"] = json!(true);
            listed["ScheduleOffset"] = json!(2);
            made.request.read(body.to_string().as_bytes())
        }
        other => other,
    });
    assert_eq!(
        told_of(&bench, 1),
        run_of_one(AssociationStatus::Success, "", ONE),
        "it never ran, so it runs"
    );
}

#[test]
fn output_that_cannot_be_stored_delays_a_step_and_changes_nothing_else() {
    let mut shelf = shelf(&[("Only", ONE_STEP)]);
    let location = json!({"S3Location": {"OutputS3BucketName": "bucket", "OutputS3KeyPrefix": "prefix"}});
    shelf.associations[0].output_location = Some(serde_json::from_value(location).expect("a location"));
    let took = |loses_output| {
        let takes = Some(Distribution::Constant(Period::seconds(1)));
        let mut bench = bench(vec![Behaviour { takes, loses_output, ..Behaviour::default() }]);
        bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
        assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
        let places: Vec<_> = bench
            .calls_of("UpdateInstanceAssociationStatus")
            .iter()
            .map(|made| match &made.request {
                Request::ReportStatus(report) => report.execution_result.output_url.is_some(),
                other => panic!("{other:?} is no report"),
            })
            .collect();
        assert_eq!(places, [false, false, true, true], "once a step has run");
        let instants = bench.instants("UpdateInstanceAssociationStatus", START);
        instants[2] - instants[1]
    };
    assert_eq!(took(true) - took(false), Period::seconds(31));
}

#[test]
fn the_step_that_fails_can_be_named_and_says_why() {
    let content = steps(json!([shell("first", &["true"]), shell("second", &["true"])]));
    let shelf = shelf(&[("Two", &content)]);
    let behaviour = Behaviour {
        document: Some("Two".into()),
        step: Some("second".into()),
        fails: Share::ALL,
        exit_code: 7,
        error: Some("disk full\n".into()),
        ..Behaviour::default()
    };
    let mut bench = bench(vec![behaviour]);
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    let summary = "2 out of 2 plugins processed, 1 success, 1 failed, 0 timedout, 0 skipped. \n\
                   The operation second failed because disk full\nfailed to run commands: exit status 7.";
    let last = told(&bench).pop().expect("it ran");
    assert_eq!((last.status, last.summary.as_str()), (AssociationStatus::Failed, summary));
}

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
fn documents_of_schema_1_0_are_taken_as_those_of_1_2() {
    let document = json!({"schemaVersion": "1.0", "runtimeConfig": {"aws:runShellScript": {
        "properties": [{"id": "0.aws:runShellScript", "runCommand": ["exit 3"]}]}}});
    let shelf = shelf(&[("Old", &document.to_string())]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(2), &mut |made| shelf.answer(made));
    let last = told(&bench).pop().expect("it was told of");
    let summary = "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
                   The operation aws:runShellScript failed because failed to run commands: exit status 3.";
    assert_eq!((last.status, last.summary.as_str()), (AssociationStatus::Failed, summary));
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

#[test]
fn a_step_that_asks_for_a_reboot_goes_on_when_the_node_is_back() {
    let content = steps(json!([
        shell("first", &["echo once"]),
        shell("second", &["true"]),
        shell("third", &["echo after"])
    ]));
    let shelf = shelf(&[("Reboots", &content)]);
    let behaviour = Behaviour {
        step: Some("second".into()),
        takes: Some(Distribution::Constant(Period::seconds(5))),
        fails: Share::ALL,
        exit_code: 194,
        ..Behaviour::default()
    };
    let mut bench = bench(vec![behaviour]);
    let mut polls = 0;
    bench.run_for(Period::minutes(9), &mut |made| match shelf.answer(made) {
        Answer::Associations(mut page) => {
            polls += 1;
            let status = if polls == 1 { "Associated" } else { "InProgress" };
            page.associations[0].detailed_status = Some(status.into());
            Answer::Associations(page)
        }
        other => other,
    });

    let one = "1 out of 3 plugins processed, 1 success, 0 failed, 0 timedout, 0 skipped. ";
    let all = "3 out of 3 plugins processed, 3 success, 0 failed, 0 timedout, 0 skipped. ";
    let summaries: Vec<_> = told(&bench).into_iter().map(|told| told.summary).collect();
    let expected = ["Association is pending", "Executing association", one, one, one, one, all];
    assert_eq!(summaries, expected, "the second step is told of before and after the reboot");

    let gone = bench.notes.iter().find(|(_, note)| matches!(note, Note::Rebooting(_))).expect("it went").0;
    let after: Vec<_> = bench.calls.iter().filter(|made| made.at > gone).collect();
    let back = after[0].at.since(gone);
    assert_eq!(back, Period::seconds(91), "a minute, half a minute to boot, a second to start");
    let operations: Vec<_> = after.iter().map(|made| made.operation()).take(2).collect();
    assert_eq!(operations, ["UpdateInstanceInformation"; 2], "it starts as at first");
    let resumed = after.iter().find(|made| made.operation() == "UpdateInstanceAssociationStatus");
    let online = bench.notes.iter().rev().find(|(_, note)| *note == Note::Online).expect("it is back").0;
    assert_eq!(resumed.expect("it goes on").at.since(online), Period::seconds(5), "with the same step");
    assert!(after.iter().any(|made| made.operation() == "GetDocument"), "it knows of nothing any more");
    assert_eq!(bench.calls_of("RegisterManagedInstance").len(), 1);
}

#[test]
fn a_script_that_always_reboots_is_given_up_after_fifteen_times() {
    let shelf = shelf(&[("Loops", &steps(json!([shell("s", &["exit 194"])])))]);
    let mut bench = bench(Vec::new());
    let mut polls = 0;
    bench.run_for(Period::hours(2), &mut |made| match shelf.answer(made) {
        Answer::Associations(mut page) => {
            polls += 1;
            let status = if polls == 1 { "Associated" } else { "InProgress" };
            page.associations[0].detailed_status = Some(status.into());
            Answer::Associations(page)
        }
        other => other,
    });
    let count = |wanted: fn(&Note) -> bool| bench.notes.iter().filter(|(_, note)| wanted(note)).count();
    assert_eq!(count(|note| matches!(note, Note::Rebooting(_))), 16);
    assert_eq!(count(|note| matches!(note, Note::GivenUp(_))), 1);
    assert!(told(&bench).iter().all(|told| !told.status.is_terminal()), "nobody hears of it");
    assert!(!bench.node.is_running());
}

#[test]
fn a_document_goes_on_while_the_agents_worker_is_gone() {
    let content = steps(json!([shell("first", &["sleep 12m"]), shell("second", &["sleep 12m"])]));
    let shelf = shelf(&[("Long", &content)]);
    let takes = Some(Distribution::Constant(Period::ZERO));
    for step in ["first", "second"] {
        let behaviour = Behaviour { step: Some(step.into()), takes: None, ..Behaviour::default() };
        let quick = Behaviour { takes, ..Behaviour::default() };
        let mut bench = bench(vec![behaviour, quick]);
        let mut polls = 0;
        bench.run_for(Period::minutes(25), &mut |made| match shelf.answer(made) {
            Answer::Associations(mut page) => {
                polls += 1;
                page.associations[0].detailed_status =
                    Some(if polls == 1 { "Associated" } else { "InProgress" }.into());
                // The second poll comes while the long step is under way.
                if polls == 2 { Answer::Fatal("Checksum") } else { Answer::Associations(page) }
            }
            other => other,
        });
        assert!(bench.notes.iter().any(|(_, note)| matches!(note, Note::WorkerDied(_))));
        let all = "2 out of 2 plugins processed, 2 success, 0 failed, 0 timedout, 0 skipped. ";
        let last = told(&bench).pop().expect("it ran");
        assert_eq!((last.status, last.summary.as_str()), (AssociationStatus::Success, all), "{step}");
        assert_eq!(told(&bench).len(), 5, "{step}: nothing is told twice");
        assert!(!bench.node.is_running());
    }
}

#[test]
fn a_node_that_is_told_to_stop_while_it_is_away_does_not_come_back() {
    let shelf = shelf(&[("Reboots", &steps(json!([shell("s", &["exit 194"])])))]);
    let mut bench = bench(Vec::new());
    while !bench.notes.iter().any(|(_, note)| matches!(note, Note::Rebooting(_))) {
        bench.run_for(Period::seconds(1), &mut |made| shelf.answer(made));
    }
    let calls = bench.calls.len();
    bench.hand(agent::node::Event::Stop, &mut |made| shelf.answer(made));
    bench.run_for(Period::hours(1), &mut |made| shelf.answer(made));
    assert_eq!((bench.calls.len(), bench.node.is_running()), (calls, false));
    assert_eq!(bench.node.next_due(), Timestamp::NEVER);
}

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

#[test]
fn a_document_that_runs_for_two_days_is_stopped() {
    let long = |name: &str| {
        json!({"action": "aws:runShellScript", "name": name,
            "inputs": {"timeoutSeconds": 172_800, "runCommand": ["sleep 30h"]}})
    };
    let shelf = shelf(&[("Long", &steps(json!([long("first"), long("second")])))]);
    let mut bench = bench(Vec::new());
    let mut polls = 0;
    bench.run_for(Period::hours(50), &mut |made| match shelf.answer(made) {
        Answer::Associations(mut page) => {
            polls += 1;
            let status = if polls == 1 { "Associated" } else { "InProgress" };
            page.associations[0].detailed_status = Some(status.into());
            Answer::Associations(page)
        }
        other => other,
    });
    let instants = bench.instants("UpdateInstanceAssociationStatus", START);
    let last = told(&bench).pop().expect("it was told of");
    let summary = "1 out of 2 plugins processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
                   The operation first failed because .";
    assert_eq!(
        (last.status, last.code.as_str(), last.summary.as_str()),
        (AssociationStatus::Failed, "ExecutionError", summary)
    );
    // It begins once the plane has answered that it is in progress.
    let lasted = instants[instants.len() - 1] - instants[1];
    assert_eq!(lasted, Period::hours(48) + TAKES);
}

#[test]
fn inventory_is_gathered_after_a_wait_of_its_own() {
    let content = json!({"schemaVersion": "2.0", "mainSteps": [{"action": "aws:softwareInventory",
        "name": "collect", "inputs": {"applications": "Enabled"}}]});
    let shelf = shelf(&[("Inventory", &content.to_string())]);
    let mut waits: Vec<_> = (0..20)
        .map(|index| {
            let mut bench = Bench::of(index, Vec::new(), START);
            bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
            assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
            let gathered = bench.notes.iter().filter(|(_, note)| matches!(note, Note::InventoryGathered(_)));
            assert_eq!(gathered.count(), 1);
            let instants = bench.instants("UpdateInstanceAssociationStatus", START);
            instants[2] - instants[1]
        })
        .collect();
    waits.sort();
    assert!(waits[0] < Period::seconds(8) && waits[19] > Period::seconds(20), "{waits:?}");
    assert!(waits[19] < Period::seconds(33), "{waits:?}");
}

#[test]
fn a_script_whose_commands_are_no_list_fails() {
    let content =
        steps(json!([{"action": "aws:runShellScript", "name": "s", "inputs": {"runCommand": "echo a"}}]));
    let shelf = shelf(&[("Text", &content)]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    let summary = "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
                   The operation s failed because Invalid format in plugin properties map[runCommand:echo a];\n\
                   error json: cannot unmarshal string into Go struct field RunScriptPluginInput.RunCommand of type []string.";
    let expected = run_of_one(AssociationStatus::Failed, "ExecutionError", summary);
    assert_eq!(told_of(&bench, 1), expected);
}

#[test]
fn a_node_gathers_inventory_for_one_association_only() {
    let content = steps(json!([{"action": "aws:softwareInventory", "name": "collect"}]));
    let documents = [("Inventory".to_owned(), content)].into();
    let shelf =
        Shelf { associations: vec![association(1, "Inventory"), association(2, "Inventory")], documents };
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| shelf.answer(made));
    assert_eq!(told_of(&bench, 1), run_of_one(AssociationStatus::Success, "", ONE));
    let (first, second) = (AssociationId::from_bits(1), AssociationId::from_bits(2));
    let summary = format!(
        "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
         The operation collect failed because aws:softwareInventory detected multiple inventory configurations \
         associated with one instance. Each instance can be associated with just one inventory configuration. \
         Conflicting inventory configuration IDs: {second} and {first}."
    );
    assert_eq!(told_of(&bench, 2), run_of_one(AssociationStatus::Failed, "ExecutionError", &summary));
}

fn package(inputs: Value) -> String {
    steps(json!([{"action": "aws:configurePackage", "name": "p", "inputs": inputs}]))
}

#[test]
fn a_package_is_asked_for_worked_on_and_told_of() {
    let shelf =
        shelf(&[("Package", &package(json!({"name": "AmazonCloudWatchAgent", "action": "Install"})))]);
    let takes = Some(Distribution::Constant(Period::seconds(20)));
    for (fails, code, status) in
        [(Share::NONE, 0, AssociationStatus::Success), (Share::ALL, 5, AssociationStatus::Failed)]
    {
        let behaviour = Behaviour { takes, fails, exit_code: 5, ..Behaviour::default() };
        let mut bench = bench(vec![behaviour]);
        bench.run_for(Period::minutes(9), &mut |made| match &made.request {
            Request::GetManifest(call) => {
                assert_eq!(call.package_version, "latest");
                Answer::Manifest(GetManifestReply { manifest: json!({"version": "1.3"}).to_string() })
            }
            _ => shelf.answer(made),
        });
        let operations = bench.operations();
        let run: Vec<_> = operations
            .iter()
            .filter(|operation| operation.contains("Package") || operation.contains("Manifest"))
            .collect();
        assert_eq!(run, [&"GetManifest", &"PutConfigurePackageResult"]);
        let told_of = &bench.calls_of("PutConfigurePackageResult")[0].request;
        let Request::PutPackageResult(result) = told_of else { panic!("{told_of:?}") };
        assert_eq!(
            (result.package_name.as_str(), result.package_version.as_str()),
            ("AmazonCloudWatchAgent", "1.3")
        );
        assert_eq!((result.operation.as_str(), result.result), ("Install", code));
        assert_eq!(result.overall_timing, 20_010, "the question included");
        assert_eq!(told(&bench).pop().expect("it ran").status, status);
    }
}

#[test]
fn what_is_no_package_of_the_service_may_be_a_document() {
    let unknown = || Answer::Refused(ErrorCode::Other("ResourceNotFoundException".into()).into(), 400);
    for (is_there, status) in [(true, AssociationStatus::Success), (false, AssociationStatus::Failed)] {
        let content = package(json!({"name": "Mine", "action": "Install"}));
        let mut shelf = shelf(&[("A", &content)]);
        if is_there {
            shelf.documents.insert("Mine".into(), ONE_STEP.into());
        }
        let mut bench = bench(Vec::new());
        bench.run_for(Period::minutes(9), &mut |made| match &made.request {
            Request::GetManifest(_) => unknown(),
            _ => shelf.answer(made),
        });
        assert_eq!(bench.calls_of("GetDocument").len(), 2);
        assert_eq!(bench.calls_of("PutConfigurePackageResult").len(), 0, "of such nobody is told");
        assert_eq!(told(&bench).pop().expect("it ran").status, status);
    }
    let shelf = shelf(&[("A", &package(json!({"name": "P", "action": "Install"})))]);
    let mut bench = bench(Vec::new());
    bench.run_for(Period::minutes(9), &mut |made| match &made.request {
        Request::GetManifest(_) => refused(ErrorCode::AccessDeniedException),
        _ => shelf.answer(made),
    });
    let summary = "1 out of 1 plugin processed, 0 success, 1 failed, 0 timedout, 0 skipped. \n\
                   The operation p failed because AccessDeniedException: .";
    assert_eq!(told(&bench).pop().expect("it ran").summary, summary);
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
