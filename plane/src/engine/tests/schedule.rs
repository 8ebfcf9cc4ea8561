//! When an association runs: first run, next runs, and what waits (D.5).

use serde_json::{Value, json};
use shared::time::Period;

use crate::testing::{ONE, World};

fn body(more: &Value) -> Value {
    World::shell(&json!([{"Key": "InstanceIds", "Values": [ONE]}]), more)
}

/// The instants, in minutes from the creation, at which executions are made.
fn runs(more: &Value, days: u64) -> Vec<i64> {
    let mut world = World::new();
    let start = world.now.milliseconds();
    let id = world.associate(&body(more));
    world.pass(Period::days(days));
    super::recount::recount(&world.plane.state());
    let reply =
        world.post("DescribeAssociationExecutions", &json!({"AssociationId": id, "MaxResults": 50})).unwrap();
    let rows = reply["AssociationExecutions"].as_array().unwrap().iter().rev();
    rows.map(|row| (row["CreatedTime"].as_f64().unwrap() * 1_000.0) as i64 - start)
        .map(|passed| passed / 60_000)
        .collect()
}

#[test]
fn each_schedule_has_its_first_and_next_runs() {
    // The world begins on Monday 2025-03-10 at noon.
    let day = 24 * 60;
    let cases: Vec<(Value, u64, Vec<i64>)> = vec![
        (json!({}), 3, vec![0]),
        (json!({"ApplyOnlyAtCronInterval": true}), 3, vec![]),
        (json!({"ScheduleExpression": "rate(1 day)"}), 3, vec![0, day, 2 * day, 3 * day]),
        (json!({"ScheduleExpression": "cron(30 12 * * ? *)"}), 2, vec![0, 30, day + 30]),
        (
            json!({"ScheduleExpression": "cron(30 12 * * ? *)", "ApplyOnlyAtCronInterval": true}),
            2,
            vec![30, day + 30],
        ),
        (json!({"ScheduleExpression": "at(2025-03-11T15:55:00)"}), 3, vec![0, day + 235]),
        (
            json!({"ScheduleExpression": "at(2025-03-11T15:55:00)", "ApplyOnlyAtCronInterval": true}),
            3,
            vec![day + 235],
        ),
        (
            json!({"ScheduleExpression": "at(2020-05-14T15:55:00)", "ApplyOnlyAtCronInterval": true}),
            3,
            vec![0],
        ),
        (json!({"ScheduleExpression": "at(2020-05-14T15:55:00)"}), 3, vec![0]),
        // March's second Sunday is past; April's is the 13th, and the run two days later.
        (
            json!({
                "ScheduleExpression": "cron(0 2 ? * SUN#2 *)", "ApplyOnlyAtCronInterval": true,
                "ScheduleOffset": 2,
            }),
            40,
            vec![36 * day - 10 * 60],
        ),
        (json!({"ScheduleExpression": "cron(0 2 ? * SUN 2020)"}), 3, vec![0]),
    ];
    for (more, days, expected) in cases {
        assert_eq!(runs(&more, days), expected, "{more}");
    }
}

#[test]
fn who_waits_for_its_schedule_is_told_nothing_before() {
    let mut world = World::new();
    let more = json!({"ScheduleExpression": "cron(30 12 * * ? *)", "ApplyOnlyAtCronInterval": true});
    let id = world.associate(&World::shell(&json!([{"Key": "tag:Env", "Values": ["prod"]}]), &more));
    assert!(world.poll(ONE).is_empty());
    assert_eq!(world.describe(id)["Overview"]["Status"], json!("Pending"));
    assert_eq!(world.describe(id)["ApplyOnlyAtCronInterval"], json!(true));
    world.pass(Period::minutes(30));
    assert_eq!(world.told(ONE), ["Pending"]);
    world.tag("i-0ddddddddddddddd1", "Env", "prod");
    world.ping("i-0ddddddddddddddd1", shared::status::PlatformType::Linux);
    world.settle();
    assert!(world.poll("i-0ddddddddddddddd1").is_empty(), "a late node waits for the schedule as well");
}
