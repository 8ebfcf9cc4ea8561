//! Entries as they are written: what applies, in its order, and nothing else.

use std::sync::Arc;

use agent::lane::LaneName;
use shared::error::ErrorCode;
use shared::status::AssociationStatus;
use shared::time::Period;

use super::*;
use crate::history::record::{Made, OperatorSubject, Subject};
use crate::plan::Overrides;
use crate::scenario::Scenario;

const START: Timestamp = Timestamp::from_seconds(1_735_689_600);

fn names(cohort: &str) -> Names {
    let text = format!(
        "{{name: x, seed: 1, duration: 5m, cohorts: [{{name: a, platform: debian-12, nodes: 9, {cohort}}}]}}"
    );
    let scenario = Scenario::parse("x", &text).expect("it is well written");
    Names::new(Arc::new(Plan::new(&scenario, &Overrides::default(), START).expect("it makes a plan")))
}

fn call(operation: &'static str, subject: Subject) -> Call {
    Call { lane: Some(LaneName::Execution), number: 3, attempt: 1, operation, subject }
}

fn end(call: Call, heard: Heard) -> Event {
    Event::End { call, invoked: START, learnt: None, heard }
}

fn written(by: By, event: Event, names: &mut Names, mode: HistoryMode) -> String {
    let mut text = Vec::new();
    let at = START + Period::milliseconds(90_010);
    Line::write(&Record { at, by, event }, names, mode, &mut text);
    let text = String::from_utf8(text).expect("JSON is UTF-8");
    let line: Line<'_> = serde_json::from_str(&text).expect("what is written can be read");
    assert_eq!(serde_json::to_string(&line).unwrap() + "\n", text, "and is then the same");
    text.trim_end().to_owned()
}

const NODE: By = By::Node { number: 7, incarnation: 0 };
const HEAD: &str = r#"{"at":"2025-01-01T00:01:30.010Z","kind":"#;

#[test]
fn an_entry_says_what_applies_and_nothing_else() {
    let association = AssociationId::from_bits(1);
    let report = Subject {
        association: Some(association),
        status: Some(AssociationStatus::Failed),
        ..Subject::default()
    };
    let status = |event| written(NODE, event, &mut names(""), HistoryMode::All);
    let about = r#""lane":"execution","call":3,"attempt":2,"operation":"UpdateInstanceAssociationStatus","association":"00000000-0000-4000-8000-000000000001","status":"Failed""#;
    let node = r#""node":"i-"#;
    let name = "UpdateInstanceAssociationStatus";
    let cases = [
        (Event::Invoke(call(name, report.clone())), "\"invoke\"", format!("{about}}}")),
        (end(call(name, report.clone()), Heard::Ok(Told::default())), "\"ok\"", format!("{about}}}")),
        (
            end(call(name, report.clone()), Heard::Refused(ErrorCode::ThrottlingException, "slow \"down\"".into())),
            "\"fail\"",
            format!(r#"{about},"error":"ThrottlingException","reason":"slow \"down\""}}"#),
        ),
        (end(call(name, report.clone()), Heard::Unknown(None)), "\"unknown\"", format!("{about}}}")),
        (
            end(call(name, report), Heard::Unreadable("HTTP 404 with an empty body".into())),
            "\"unknown\"",
            format!(r#"{about},"reason":"the answer cannot be read: HTTP 404 with an empty body"}}"#),
        ),
        (Event::Note(Note::Started(association)), "\"note\"", r#""association":"00000000-0000-4000-8000-000000000001","note":"started"}"#.to_owned()),
        (Event::Note(Note::Skipped(LaneName::Associations, 4)), "\"note\"", r#""lane":"associations","count":4,"note":"skipped"}"#.to_owned()),
        (
            end(call("ListInstanceAssociations", Subject::default()), Heard::Ok(Told { associations: Some([association].into()), ..Told::default() })),
            "\"ok\"",
            r#""operation":"ListInstanceAssociations","associations":["00000000-0000-4000-8000-000000000001"]}"#.to_owned(),
        ),
    ];
    for (event, kind, rest) in cases {
        let line = status(event);
        assert!(line.starts_with(&format!("{HEAD}{kind},{node}")), "{line}");
        assert!(line.contains(r#","number":7,"#), "{line}");
        assert!(line.ends_with(&rest), "{line}\n{rest}");
    }
}

#[test]
fn the_operators_calls_name_what_they_made() {
    let subject = Subject {
        document: Some("hello".into()),
        of_operator: Some(Box::new(OperatorSubject {
            name: Some("greet".into()),
            ..OperatorSubject::default()
        })),
        ..Subject::default()
    };
    let call = Call { lane: None, attempt: 0, ..call("CreateAssociation", subject) };
    let made = Made { association: Some(AssociationId::from_bits(2)), command: None };
    let event = end(call, Heard::Ok(Told { made: Some(Box::new(made)), ..Told::default() }));
    let line = written(By::Operator, event, &mut names(""), HistoryMode::Changes);
    let expected = r#""ok","by":"operator","call":3,"attempt":1,"operation":"CreateAssociation","invoked":"2025-01-01T00:00:00.000Z","association":"00000000-0000-4000-8000-000000000002","document":"hello","name":"greet"}"#;
    assert_eq!(line, format!("{HEAD}{expected}"));
}

#[test]
fn a_hybrid_node_has_its_id_once_it_is_registered() {
    let mut names = names("identity: hybrid");
    let mut line = |event| written(NODE, event, &mut names, HistoryMode::All);
    let register = || call("RegisterManagedInstance", Subject::default());
    assert!(line(Event::Invoke(register())).contains(r#""kind":"invoke","number":7,"#));
    let registered = Some("mi-0123456789abcdef0".parse().unwrap());
    let told = Told { registered, ..Told::default() };
    let expected = r#""node":"mi-0123456789abcdef0","number":7,"#;
    assert!(line(end(register(), Heard::Ok(told))).contains(expected));
    assert!(line(Event::Note(Note::Online)).contains(expected));
}

#[test]
fn what_is_wrong_with_a_node_for_life_is_said_with_each_of_its_calls() {
    let mut names = names("faults: [invalid-instance: 100%]");
    let line = written(NODE, Event::Note(Note::Hibernating), &mut names, HistoryMode::All);
    assert!(line.ends_with(r#""note":"hibernating","faults":["invalid-instance"]}"#), "{line}");
}

#[test]
fn an_instant_is_spelled_with_milliseconds() {
    let cases = [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_868_799_001, "2000-02-29T23:59:59.001Z"),
        (1_740_787_200_010, "2025-03-01T00:00:00.010Z"),
        (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ];
    for (milliseconds, text) in cases {
        let instant = Instant(Timestamp::from_milliseconds(milliseconds));
        assert_eq!(instant.to_string(), text);
        let json = serde_json::to_string(&instant).unwrap();
        assert_eq!(serde_json::from_str::<Instant>(&json).unwrap(), instant);
    }
    // Each day of the plans' centuries, against the calendar of a library.
    for day in 0..60_000 {
        let instant = Timestamp::from_seconds(day * 86_400);
        let expected = crate::result::iso(instant).replace('Z', ".000Z");
        assert_eq!(Instant(instant).to_string(), expected);
    }
}
