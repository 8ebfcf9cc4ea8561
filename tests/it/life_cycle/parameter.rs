//! Stored parameters that associations refer to, and that change.

use plane::service::WorldChange;
use plane::state::parameter::StoredParameter;
use serde_json::{Value, json};
use shared::id::AssociationId;

use super::gate::create_calendar;
use super::{play, row};
use crate::stage::Stage;

fn store(stage: &Stage<'_>, value: &str) {
    let parameter: StoredParameter = serde_json::from_value(json!({"value": value})).expect("it is one");
    stage.change(WorldChange::Parameter("greeting".to_owned(), Some(parameter)));
}

/// An association of *hello* with the nodes of Env=prod, whose word is the stored one.
fn greet(stage: &Stage<'_>, more: &Value) -> AssociationId {
    let mut body = more.clone();
    body["Parameters"] = json!({"word": ["echo {{ssm:greeting}}"]});
    stage.associate("hello", "prod", &body)
}

/// What a node is told of an association that it has run: the version and the checksum.
fn told(stage: &Stage<'_>, node: u32, id: AssociationId) -> (Value, Value) {
    let reply = stage.ask("ListInstanceAssociations", &json!({"InstanceId": stage.id(node)}));
    let mut associations = reply["Associations"].as_array().expect("a list").iter();
    let told = associations.find(|told| told["AssociationId"] == json!(id)).expect("it is on the node");
    (told["AssociationVersion"].clone(), told["Checksum"].clone())
}

#[test]
fn a_stored_parameter_that_changes_runs_what_refers_to_it_again() {
    play(|stage, _| {
        store(stage, "hi");
        let waits = json!({"ScheduleExpression": "cron(0 1 * * ? *)", "ApplyOnlyAtCronInterval": true});
        let (refers, waits) = (greet(stage, &json!({})), greet(stage, &waits));
        let other = stage.associate("hello", "prod", &json!({}));
        stage.until(15);
        let node = stage.nodes("prod")[0];
        let before = told(stage, node, refers);
        store(stage, "hello");
        assert_eq!(
            stage.executions(refers),
            [row("InProgress", "{Pending=3}"), row("Success", "{Success=3}")]
        );
        assert_eq!(stage.executions(waits), [], "its instant is to come");
        stage.until(25);
        let after = told(stage, node, refers);
        assert_eq!((&before.0, &after.0), (&json!("1"), &json!("1")));
        assert_ne!(before.1, after.1, "the agent knows by the checksum");
        store(stage, "hello");
        assert_eq!(told(stage, node, refers), after, "the same value is no change");
        stage.until(75);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, refers), [10, 20]);
            assert_eq!(stage.began(node, waits), [60]);
            assert_eq!(stage.began(node, other), [10]);
        }
        assert_eq!(stage.executions(refers).len(), 2);
        assert_eq!(stage.describe(refers)["AssociationVersion"], json!("1"));
    });
}

#[test]
fn a_stored_parameter_that_changes_while_a_calendar_is_closed_runs_nothing() {
    play(|stage, _| {
        store(stage, "hi");
        create_calendar(stage);
        let cron = json!({"CalendarNames": ["Freeze"], "ScheduleExpression": "cron(0 0/2 * * ? *)"});
        let id = greet(stage, &cron);
        stage.until(35);
        store(stage, "hello");
        let first = row("Success", "{Success=3}");
        assert_eq!(stage.executions(id), [row("Skipped", "{}"), first.clone()]);
        stage.until(118);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10], "not when it opens either");
        }
        stage.until(135);
        for node in stage.nodes("prod") {
            assert_eq!(stage.began(node, id), [10, 120], "the next instant");
        }
        assert_eq!(stage.executions(id)[0], first);
    });
}
