//! What a node does when a poll fails, and what kills its worker.

use agent::call::{Answer, Request};
use agent::lane::LaneName;
use agent::node::{Fatality, Note};
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::time::{Period, Timestamp};
use shared::wire::{DescribeAssociationReply, ListAssociationsReply};

use crate::bench::{Bench, Made, ONE_STEP, START, Shelf, association, document, refused};

const LEGACY_FALLBACK: &str = include_str!("../traces/legacy-fallback.ndjson");
const LIST: &str = "ListInstanceAssociations";

/// A body without what depends on who calls and when.
fn comparable(mut body: Value) -> Value {
    let masked = ["InstanceId", "ResourceId", "ItemContentHash", "ComputerName", "IPAddress"];
    let members = body.as_object_mut().expect("a body is an object");
    for key in masked {
        members.entry(key).and_modify(|value| *value = json!("masked"));
    }
    for pointer in ["/AssociationStatus/Date", "/ExecutionSummary/ExecutionTime"] {
        if let Some(date) = body.pointer_mut(pointer) {
            assert!(date.is_number(), "{pointer} is a number of seconds");
            *date = json!("masked");
        }
    }
    if let Some(value) = body.pointer_mut("/AssociationFilterList/0/value") {
        *value = json!("masked");
    }
    body
}

fn body(made: &Made) -> Value {
    serde_json::from_slice(&made.request.body()).expect("a body is JSON")
}

fn legacy_list(associations: Value) -> Answer {
    let reply = json!({ "Associations": associations });
    Answer::Legacy(serde_json::from_value::<ListAssociationsReply>(reply).expect("a page"))
}

fn described(status: Value) -> Answer {
    let description =
        json!({ "Name": "Echo", "Status": status, "Parameters": { "commands": ["echo legacy"] } });
    let reply = json!({ "AssociationDescription": description });
    Answer::Described(Box::new(
        serde_json::from_value::<DescribeAssociationReply>(reply).expect("a description"),
    ))
}

fn state(name: &str) -> Value {
    json!({ "Name": name, "Date": 1_795_400_000, "Message": "x" })
}

/// A plane that knows only the old way, and one association there.
fn old_plane(made: &Made) -> Answer {
    match &made.request {
        Request::ListAssociations(_) => refused(ErrorCode::InvalidInstanceId),
        Request::ListLegacy(_) => legacy_list(json!([{ "Name": "Echo" }])),
        Request::DescribeLegacy(_) => described(state("Associated")),
        Request::GetDocument(call) => document(&call.name, ONE_STEP),
        _ => Answer::Done,
    }
}

#[test]
fn a_poll_that_is_refused_goes_the_old_way_as_recorded() {
    let recorded: Vec<Value> =
        LEGACY_FALLBACK.lines().map(|line| serde_json::from_str(line).expect("a line of a trace")).collect();
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(2), &mut |made| match &made.request {
        Request::ListLegacy(_) => legacy_list(json!([{ "Name": "AWS-RunShellScript" }])),
        _ => old_plane(made),
    });
    let polled =
        |operation: &str| !matches!(operation, "RegisterManagedInstance" | "UpdateInstanceInformation");
    let expected: Vec<_> = recorded
        .iter()
        .filter(|call| polled(call["operation"].as_str().expect("a name")))
        .map(|call| (call["operation"].as_str().expect("a name"), comparable(call["body"].clone())))
        .collect();
    let found: Vec<_> = bench
        .calls
        .iter()
        .filter(|made| polled(made.operation()))
        .map(|made| (made.operation(), comparable(body(made))))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(expected.len(), 8);
}

#[test]
fn a_refused_poll_costs_two_calls_and_the_next_one_tries_the_new_way_first() {
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(31), &mut |made| match &made.request {
        Request::ListAssociations(_) => refused(ErrorCode::AccessDeniedException),
        Request::ListLegacy(_) => refused(ErrorCode::AccessDeniedException),
        _ => Answer::Done,
    });
    let polls: Vec<_> =
        bench.operations().into_iter().filter(|operation| operation.starts_with("List")).collect();
    assert_eq!(polls, [LIST, "ListAssociations"].repeat(polls.len() / 2));
    assert!((3..=4).contains(&(polls.len() / 2)), "{polls:?}");
}

#[test]
fn an_old_association_that_was_done_is_not_run_again() {
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(25), &mut |made| match &made.request {
        Request::DescribeLegacy(_) => described(state("Success")),
        _ => old_plane(made),
    });
    assert_eq!(bench.calls_of("UpdateAssociationStatus").len(), 0);
    assert_eq!(bench.calls_of("GetDocument").len(), 1, "the document is remembered");
}

#[test]
fn an_empty_old_answer_empties_the_list_but_not_the_memory_of_documents() {
    let mut hourly = association(1, "Echo");
    hourly.schedule_expression = Some("rate(15 minutes)".into());
    let shelf =
        Shelf { associations: vec![hourly], documents: [("Echo".to_owned(), ONE_STEP.to_owned())].into() };
    let refused_from = START + Period::minutes(8);
    let refused_until = START + Period::minutes(28);
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(38), &mut |made| {
        let is_refused = refused_from < made.at && made.at < refused_until;
        match &made.request {
            Request::ListAssociations(_) if is_refused => refused(ErrorCode::InternalServerError),
            Request::ListLegacy(_) => legacy_list(json!([])),
            _ => shelf.answer(made),
        }
    });
    assert_eq!(bench.calls_of("GetDocument").len(), 1);
    let starts: Vec<_> = bench
        .notes
        .iter()
        .filter(|(_, note)| matches!(note, Note::Started(_)))
        .map(|(at, _)| at.since(START))
        .collect();
    // At the first poll; not a quarter of an hour later, when nothing is in the
    // list; again after the poll that is answered.
    assert!(starts[0] < Period::minutes(1), "{starts:?}");
    assert!(starts[1] > Period::minutes(30), "{starts:?}");
    assert_eq!(starts.len(), 2, "{starts:?}");
}

#[test]
fn a_reply_that_lacks_what_the_agent_takes_unseen_kills_its_worker() {
    let dies = |plane: &mut dyn FnMut(&Made) -> Answer, expected: &str| {
        let mut bench = Bench::new();
        bench.run_for(Period::minutes(3), plane);
        let died: Vec<_> = bench
            .notes
            .iter()
            .filter(
                |(_, note)| matches!(note, Note::WorkerDied(fatality) if fatality.to_string() == expected),
            )
            .map(|(at, _)| at.since(START))
            .collect();
        // A new worker each minute, which polls within half a minute and dies.
        assert_eq!(died.len(), 3, "{expected}: {died:?} {:?}", bench.notes);
        let probes: Vec<_> = bench
            .calls
            .iter()
            .filter(|made| made.lane == LaneName::Health)
            .filter(|made| matches!(&made.request, Request::Heartbeat(call) if call.agent_status.is_none()))
            .map(|made| made.at.since(START).as_milliseconds() / 1_000)
            .collect();
        assert_eq!(probes, [1, 61, 121], "{expected}");
    };
    dies(
        &mut |made| match &made.request {
            Request::ListAssociations(_) => Answer::Fatal("DocumentVersion"),
            _ => Answer::Done,
        },
        "a reply without `DocumentVersion`",
    );
    dies(
        &mut |made| match &made.request {
            Request::DescribeLegacy(_) => described(Value::Null),
            _ => old_plane(made),
        },
        "a reply without `Status`",
    );
    let mut backwards = association(1, "Echo");
    backwards.schedule_expression = Some("cron(0 22-2 * * ? *)".into());
    backwards.last_execution_date = Some(Timestamp::from_seconds(1_735_000_000));
    let shelf =
        Shelf { associations: vec![backwards], documents: [("Echo".to_owned(), ONE_STEP.to_owned())].into() };
    dies(&mut |made| shelf.answer(made), &Fatality::Schedule.to_string());
}

#[test]
fn a_schedule_that_is_over_runs_back_to_back() {
    let mut over = association(1, "Echo");
    over.schedule_expression = Some("cron(0 0 1 1 ? 2020)".into());
    let shelf =
        Shelf { associations: vec![over], documents: [("Echo".to_owned(), ONE_STEP.to_owned())].into() };
    let mut bench = Bench::new();
    bench.run_for(Period::minutes(5), &mut |made| shelf.answer(made));
    let runs = bench.notes.iter().filter(|(_, note)| matches!(note, Note::Started(_))).count();
    assert!(runs > 100, "{runs}: as the real agent does with an expression that has no future instant");
}
