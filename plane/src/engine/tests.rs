//! Runs over time: what nodes are told, and how it is counted.

mod life;
mod random;
mod rate_control;
mod recount;
mod schedule;
mod setting;

use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::id::{AssociationId, NodeId};
use shared::status::AssociationStatus::{self, Failed, InProgress, Pending, Success, TimedOut};
use shared::status::PlatformType;
use shared::time::Period;

use crate::config::{EmptyTargets, PlaneConfig, Steering};
use crate::testing::{ONE, THREE, TWO, World};

fn prod(more: &Value) -> Value {
    World::shell(&json!([{"Key": "tag:Env", "Values": ["prod"]}]), more)
}

fn row(status: &str, counts: &str) -> (String, String) {
    (status.to_owned(), counts.to_owned())
}

#[test]
fn a_run_once_is_ordered_once_and_driven_by_the_service() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({})));
    let told = world.poll(ONE);
    assert_eq!(told[0].detailed_status.as_deref(), Some("Pending"));
    assert!(told[0].schedule_expression.is_none() && told[0].last_execution_date.is_none());
    assert_eq!((&*told[0].name, &*told[0].document_version), ("Shell22", "$DEFAULT"));

    world.report(ONE, id, Pending).unwrap();
    world.now += Period::seconds(1);
    world.report(ONE, id, InProgress).unwrap();
    assert_eq!(world.told(ONE), ["InProgress"]);
    assert_eq!(world.describe(id)["Overview"]["DetailedStatus"], json!("InProgress"));
    assert_eq!(world.executions(id), [row("InProgress", "{InProgress=1, Pending=1}")]);
    world.run(ONE, id, Success);
    world.run(TWO, id, Failed);
    assert_eq!((world.told(ONE), world.told(TWO)), (vec!["Success".to_owned()], vec!["Failed".to_owned()]));
    assert_eq!(world.executions(id), [row("Failed", "{Failed=1, Success=1}")]);
    let described = world.describe(id);
    let overview = json!({
        "Status": "Failed", "DetailedStatus": "Failed",
        "AssociationStatusAggregatedCount": {"Failed": 1, "Success": 1},
    });
    assert_eq!(described["Overview"], overview);
    assert_eq!(described["LastExecutionDate"], described["Date"], "when the run began");
    assert!(described.get("LastSuccessfulExecutionDate").is_none());
    world.pass(Period::days(3));
    assert_eq!(world.told(ONE), ["Success"], "never again");
}

#[test]
fn a_clock_far_ahead_holds_nothing_up() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({})));
    let ahead = |world: &World, period: Period| world.now + period;
    world.report_at(ONE, id, InProgress, ahead(&world, Period::days(365))).unwrap();
    world.report_at(TWO, id, InProgress, ahead(&world, Period::minutes(5))).unwrap();
    world.now += Period::seconds(1);
    world.report(ONE, id, Success).unwrap();
    world.report(TWO, id, Success).unwrap();
    assert_eq!(world.told(ONE), ["Success"], "a year ahead was taken as now");
    assert_eq!(world.told(TWO), ["InProgress"], "what is five minutes ahead may come after this");
    let reply = world.post("DescribeInstanceAssociationsStatus", &json!({"InstanceId": ONE})).unwrap();
    let date = &reply["InstanceAssociationStatusInfos"][0]["ExecutionDate"];
    assert_eq!(*date, json!(1_741_608_001), "of the last report");
}

#[test]
fn a_rate_runs_round_after_round_at_its_planned_instants() {
    let mut world = World::new();
    let start = world.now;
    let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(30 minutes)"})));
    for round in 1..=3 {
        assert_eq!(world.told(ONE), ["Pending"], "round {round}");
        world.run(ONE, id, Success);
        world.run(TWO, id, Success);
        assert_eq!(world.told(ONE), ["Success"]);
        world.pass((start + Period::minutes(30 * round)).since(world.now) - Period::milliseconds(1));
        assert_eq!(world.told(ONE), ["Success"], "not before it is due");
        world.pass(Period::milliseconds(1));
    }
    let all = row("Success", "{Success=2}");
    assert_eq!(world.executions(id), [row("InProgress", "{Pending=2}"), all.clone(), all.clone(), all]);
    let last = world.describe(id)["LastSuccessfulExecutionDate"].as_f64().unwrap();
    assert_eq!(last, (start + Period::minutes(60)).seconds());
}

#[test]
fn a_new_round_skips_who_never_began_and_waits_for_who_is_still_at_it() {
    let mut world = World::new();
    let body = World::shell(
        &json!([{"Key": "InstanceIds", "Values": ["*"]}]),
        &json!({"ScheduleExpression": "rate(30 minutes)"}),
    );
    let id = world.associate(&body);
    world.run(ONE, id, Success);
    world.report(TWO, id, InProgress).unwrap();
    world.pass(Period::minutes(30));
    assert_eq!(
        world.executions(id),
        [row("InProgress", "{Pending=3}"), row("InProgress", "{InProgress=1, Skipped=1, Success=1}")]
    );
    assert_eq!(world.told(ONE), ["Pending"]);
    assert_eq!(world.told(TWO), ["InProgress"], "not restarted");
    assert_eq!(world.told(THREE), ["Pending"], "once, not twice");
    world.pass(Period::minutes(30));
    world.report(TWO, id, InProgress).unwrap();
    world.pass(Period::seconds(1));
    world.report(TWO, id, TimedOut).unwrap();
    assert_eq!(world.told(TWO), ["Pending"], "after the end it runs in the newest round");
    assert_eq!(
        world.executions(id),
        [
            row("InProgress", "{Pending=3}"),
            row("Skipped", "{Skipped=3}"),
            row("Failed", "{Skipped=1, Success=1, TimedOut=1}"),
        ]
    );
}

#[test]
fn reports_out_of_order_change_nothing_and_are_answered_with_success() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(30 minutes)"})));
    let start = world.now;
    let at = |seconds| start + Period::seconds(seconds);
    world.report_at(ONE, id, InProgress, at(10)).unwrap();
    world.report_at(ONE, id, Pending, at(5)).unwrap();
    assert_eq!(world.told(ONE), ["InProgress"], "an older report is dropped");
    world.report_at(ONE, id, Success, at(20)).unwrap();
    for (status, seconds) in [(Success, 20), (InProgress, 25), (Failed, 30)] {
        world.report_at(ONE, id, status, at(seconds)).unwrap();
        assert_eq!(world.executions(id), [row("InProgress", "{Pending=1, Success=1}")], "{status}");
    }
    world.pass(Period::minutes(30));
    world.report_at(ONE, id, Success, at(20)).unwrap();
    assert_eq!(world.told(ONE), ["Pending"], "the end of the last round, sent again, does not end this one");
    world.report_at(ONE, id, Success, at(2000)).unwrap();
    assert_eq!(world.told(ONE), ["Success"]);

    let unknown = AssociationId::from_bits(1);
    for (node, association) in [(ONE, unknown), (THREE, id), ("i-0ddddddddddddddd1", id)] {
        let refusal = world.report(node, association, Success).unwrap_err();
        assert_eq!(refusal.code, ErrorCode::AssociationDoesNotExist, "{node} {association}");
    }
}

#[test]
fn a_node_that_joins_late_runs_at_once_and_one_that_leaves_is_counted_no_more() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({})));
    world.run(ONE, id, Success);
    world.run(TWO, id, Success);
    assert_eq!(world.describe(id)["Overview"]["Status"], json!("Success"));

    let late = "i-0ddddddddddddddd1";
    world.tag(late, "Env", "prod");
    assert_eq!(world.executions(id), [row("Success", "{Success=2}")], "known by its tags only");
    world.ping(late, PlatformType::Linux);
    assert_eq!(world.told(late), ["Pending"]);
    assert_eq!(
        world.executions(id),
        [row("InProgress", "{Pending=1, Success=2}")],
        "in the newest execution"
    );

    world.tag(THREE, "Env", "prod");
    assert_eq!(world.told(THREE), ["Pending"], "its changed tag makes it a target");
    world.tag(TWO, "Env", "test");
    assert!(world.told(TWO).is_empty(), "its changed tag makes it none");
    let refusal = world.report(TWO, id, Success).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::AssociationDoesNotExist);
    world.tag(THREE, "Env", "test");
    assert_eq!(world.executions(id), [row("InProgress", "{Pending=1, Skipped=1, Success=2}")]);
    let counts = &world.describe(id)["Overview"]["AssociationStatusAggregatedCount"];
    assert_eq!(counts, &json!({"Pending": 1, "Success": 1}));
}

#[test]
fn a_deleted_association_is_gone_at_once_and_leaves_nothing_behind() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(30 minutes)"})));
    world.run(ONE, id, Success);
    world.report(TWO, id, InProgress).unwrap();
    world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
    assert!(world.poll(ONE).is_empty(), "before the engine has come by");
    world.settle();
    let refusal = world.report(TWO, id, Success).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::AssociationDoesNotExist);
    let gone = world.post("DescribeAssociation", &json!({"AssociationId": id})).unwrap_err();
    assert_eq!(gone.0, ErrorCode::AssociationDoesNotExist);
    let summaries = world.post("ListComplianceSummaries", &json!({})).unwrap();
    assert_eq!(summaries["ComplianceSummaryItems"], json!([]), "nor of its compliance");
    world.pass(Period::hours(3));
    assert_eq!(world.plane.next_timer(), None, "nothing is due any more");
}

#[test]
fn a_node_that_falls_silent_in_a_run_has_failed_after_two_hours() {
    let mut world = World::new();
    let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(12 hours)"})));
    world.report(ONE, id, InProgress).unwrap();
    world.pass(Period::hours(1));
    world.report(TWO, id, InProgress).unwrap();
    world.pass(Period::hours(1) - Period::milliseconds(1));
    assert_eq!(world.told(ONE), ["InProgress"]);
    world.pass(Period::milliseconds(1));
    assert_eq!(
        (world.told(ONE), world.told(TWO)),
        (vec!["Failed".to_owned()], vec!["InProgress".to_owned()])
    );
    world.pass(Period::hours(1));
    assert_eq!(world.executions(id), [row("Failed", "{Failed=2}")]);
    let body = json!({"AssociationId": id, "ExecutionId": world.newest(id)["ExecutionId"]});
    let targets = world.post("DescribeAssociationExecutionTargets", &body).unwrap();
    let target = &targets["AssociationExecutionTargets"][0];
    assert_eq!(target["DetailedStatus"], json!("StuckAtInProgress"));
    assert_eq!(target["OutputSource"]["OutputSourceType"], json!("RunCommand"));
    assert_eq!(target["OutputSource"]["OutputSourceId"].as_str().unwrap().len(), 36);
    world.pass(Period::hours(9));
    assert_eq!(world.told(ONE), ["Pending"], "the next round starts it again");
}

#[test]
fn a_run_whose_end_was_lost_keeps_its_node_out_of_later_rounds_until_it_is_over() {
    for (stuck_after, over) in [(Period::minutes(25), 25), (Period::hours(2), 120)] {
        let mut world = World::with(PlaneConfig { stuck_after, ..World::config() });
        let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(30 minutes)"})));
        world.poll(ONE);
        world.report(ONE, id, InProgress).unwrap();
        for minute in 1..over {
            world.pass(Period::minutes(1));
            assert_eq!(world.told(ONE), ["InProgress"], "minute {minute}: an agent leaves that alone");
        }
        world.post("StartAssociationsOnce", &json!({"AssociationIds": [id]})).unwrap();
        world.settle();
        assert_eq!(world.told(ONE), ["InProgress"], "it is not ordered anew in the midst of it");
        world.pass(Period::minutes(1));
        assert_eq!(world.executions(id).pop(), Some(row("Failed", "{Failed=1, Skipped=1}")), "{over}");
        assert_eq!(world.told(ONE), ["Pending"], "{over}: it runs in the newest round");
    }
}

#[test]
fn a_fleet_is_gathered_in_pieces_and_listed_once_each() {
    let mut world = World::empty(PlaneConfig::default());
    let ids: Vec<NodeId> = (0..2_500).map(|number| NodeId::ec2(number * 7919 % 2_503)).collect();
    for id in &ids {
        world.ping(id.as_str(), PlatformType::Linux);
        world.tag(id.as_str(), "Fleet", if id.as_str().ends_with('0') { "a" } else { "b" });
    }
    let cases = [
        (json!([{"Key": "InstanceIds", "Values": ["*"]}]), 2_500),
        (json!([{"Key": "tag:Fleet", "Values": ["a", "b"]}]), 2_500),
        (json!([{"Key": "tag-key", "Values": ["Fleet"]}]), 2_500),
    ];
    for (targets, expected) in cases {
        let body =
            json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": targets});
        let reply = world.post("CreateAssociation", &body).unwrap();
        let id: AssociationId =
            reply["AssociationDescription"]["AssociationId"].as_str().unwrap().parse().unwrap();
        let mut pieces = 0;
        while world.plane.run_timer(world.now) {
            pieces += 1;
        }
        assert_eq!(pieces, 3, "a thousand at a time");
        assert_eq!(world.executions(id), [row("InProgress", &format!("{{Pending={expected}}}"))]);
        let execution = world.newest(id)["ExecutionId"].clone();
        let mut listed: Vec<String> = Vec::new();
        let mut token = Value::Null;
        loop {
            let body = json!({"AssociationId": id, "ExecutionId": execution, "NextToken": token});
            let reply = world.post("DescribeAssociationExecutionTargets", &body).unwrap();
            let rows = reply["AssociationExecutionTargets"].as_array().unwrap();
            listed.extend(rows.iter().map(|row| row["ResourceId"].as_str().unwrap().to_owned()));
            token = reply["NextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        let mut sorted: Vec<String> = ids.iter().map(ToString::to_string).collect();
        sorted.sort();
        assert_eq!(listed, sorted, "in the order of their ids");
        world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
        world.pass(Period::ZERO);
        assert!(world.poll(ids[3].as_str()).is_empty());
    }
}

#[test]
fn history_is_a_bounded_ring() {
    let mut world = World::with(PlaneConfig { execution_history: 3, ..World::config() });
    let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(30 minutes)"})));
    world.report(ONE, id, InProgress).unwrap();
    world.pass(Period::minutes(30 * 3));
    assert_eq!(world.executions(id).len(), 3);
    world.report(ONE, id, AssociationStatus::Success).unwrap();
    assert_eq!(world.told(ONE), ["Pending"], "the run of a forgotten execution still ends");
}

#[test]
fn a_node_that_falls_silent_in_an_execution_since_forgotten_runs_again() {
    let mut world = World::with(PlaneConfig { execution_history: 2, ..World::config() });
    let id = world.associate(&prod(&json!({"ScheduleExpression": "rate(30 minutes)"})));
    world.report(ONE, id, InProgress).unwrap();
    world.pass(Period::minutes(30 * 3));
    assert_eq!(world.told(ONE), ["InProgress"], "two hours are not over");
    world.pass(Period::minutes(30));
    assert_eq!(world.told(ONE), ["Pending"], "nor does it wait for ever");
    let summaries = world.post("ListComplianceSummaries", &json!({})).unwrap();
    let bad = &summaries["ComplianceSummaryItems"][0]["NonCompliantSummary"]["NonCompliantCount"];
    assert_eq!(bad, &json!(1), "the run that never ended has failed");
    assert_eq!(
        world.executions(id),
        [row("InProgress", "{Pending=2}"), row("Skipped", "{Skipped=2}")],
        "it has its place in the newest round"
    );
}

#[test]
fn a_fleet_that_hangs_is_looked_through_once_a_minute_at_most() {
    let mut world = World::empty(PlaneConfig::default());
    let nodes: Vec<NodeId> = (0..40).map(NodeId::ec2).collect();
    for node in &nodes {
        world.ping(node.as_str(), PlatformType::Linux);
    }
    let all = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let body = json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": all});
    let id = world.associate(&body);
    for node in &nodes {
        world.report(node.as_str(), id, InProgress).unwrap();
        world.pass(Period::seconds(1));
    }
    let mut looks = 0;
    while let Some(due) = world.plane.next_timer() {
        world.now = due;
        looks += usize::from(world.plane.run_timer(due));
    }
    assert_eq!(world.executions(id), [row("Failed", "{Failed=40}")]);
    assert_eq!(looks, 2, "the first that is due, and a minute later all others");
}

#[test]
fn agents_drive_plain_schedules_where_that_is_set() {
    let mut world = World::with(PlaneConfig { steering: Steering::Agent, ..World::config() });
    let schedule = json!({"ScheduleExpression": "cron(0 13 ? * 2 *)"});
    let id = world.associate(&prod(&schedule));
    let told = |world: &World| {
        let told = world.poll(ONE).remove(0);
        let text = |text: Option<std::sync::Arc<str>>| text.map(|text| text.to_string());
        (text(told.schedule_expression), text(told.detailed_status).unwrap(), told.last_execution_date)
    };
    let own = Some("cron(0 13 ? * MON *)".to_owned());
    assert_eq!(told(&world), (own.clone(), "Pending".to_owned(), None), "the first run is an order");
    world.run(ONE, id, Success);
    let ran = Some(world.now);
    assert_eq!(told(&world), (own.clone(), "Success".to_owned(), ran));
    world.pass(Period::hours(1));
    assert_eq!(world.executions(id)[0], row("InProgress", "{Pending=2}"), "it is Monday, past one");
    assert_eq!(told(&world), (own.clone(), "Success".to_owned(), ran), "the agent's own timer is the order");
    world.report(ONE, id, InProgress).unwrap();
    assert_eq!(told(&world), (own.clone(), "InProgress".to_owned(), Some(world.now)));
    world.now += Period::seconds(1);
    world.report(ONE, id, Failed).unwrap();
    world.post("StartAssociationsOnce", &json!({"AssociationIds": [id]})).unwrap();
    world.settle();
    assert_eq!(told(&world), (own, "Pending".to_owned(), Some(world.now)), "out of turn it is told to");
    world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
    world.settle();

    for more in [
        json!({"MaxConcurrency": "1"}),
        json!({"MaxErrors": "1"}),
        json!({"ApplyOnlyAtCronInterval": true, "ScheduleExpression": "cron(0 0/1 ? * MON *)"}),
        json!({"ScheduleExpression": "at(2025-03-11T15:55:00)"}),
        json!({"ScheduleExpression": "cron(0 13 ? * MON 2025)"}),
    ] {
        let mut body = schedule.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let id = world.associate(&prod(&body));
        world.pass(Period::hours(1));
        let (schedule, _, last) = told(&world);
        assert_eq!((schedule, last), (None, None), "{more}: the service drives it");
        world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
        world.settle();
    }
}

#[test]
fn an_association_without_nodes_stands_as_the_setting_says() {
    let nobody = World::shell(&json!([{"Key": "tag:Env", "Values": ["nobody"]}]), &json!({}));
    for (empty_target_status, expected) in
        [(EmptyTargets::Success, ["Success", "Success"]), (EmptyTargets::Pending, ["Pending", "Associated"])]
    {
        let world = World::with(PlaneConfig { empty_target_status, ..World::config() });
        let overview = world.describe(world.associate(&nobody))["Overview"].clone();
        assert_eq!([&overview["Status"], &overview["DetailedStatus"]], expected);
    }
}
