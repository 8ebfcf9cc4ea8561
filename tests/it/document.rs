//! What a node makes of documents: sound ones, odd ones, and such as are none.
//!
//! The plane is a shelf of associations and documents; what the node tells it is
//! compared with what the real agent was seen or read to tell.

mod bad_input;
pub(crate) mod inner;
pub(crate) mod parameter;
mod plugin;
mod reboot;

use std::collections::BTreeMap;

use agent::call::{Answer, Request};
use agent::catalogue::Behaviour;
use agent::distribution::Distribution;
use agent::fault::Share;
use serde_json::{Value, json};
use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::Period;
use shared::wire::Parameters;

use crate::bench::{Bench, ONE_STEP, START, Shelf, TAKES, association};

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
