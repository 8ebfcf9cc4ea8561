//! Documents and associations that are no good, and what becomes of the sound one behind them.

use serde_json::json;
use shared::id::AssociationId;
use shared::status::AssociationStatus;
use shared::time::Period;
use shared::wire::InstanceAssociationSummary;

use super::{ONE, bench, compliance_of, given, run_of_one, shell, steps, told_of};
use crate::bench::{ONE_STEP, START, Shelf, association};

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
