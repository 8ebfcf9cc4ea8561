//! Associations with runbooks, from their making to the end of their automations.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::id::{AssociationId, NodeId};
use shared::status::PlatformType;
use shared::time::Period;

use crate::config::PlaneConfig;
use crate::service::Service;
use crate::testing::{GONE, ONE, THREE, TWO, World};

fn world(config: PlaneConfig) -> World {
    let world = World::with(config);
    let content = json!({
        "schemaVersion": "0.3",
        "parameters": {
            "InstanceId": {"type": "String"},
            "Mode": {"type": "String", "default": "Install", "allowedValues": ["Install", "Remove"]},
        },
        "mainSteps": [{"action": "aws:runCommand", "name": "run", "inputs": {}}],
    });
    let body = json!({"Name": "Auto03", "Content": content.to_string(), "DocumentType": "Automation"});
    world.post("CreateDocument", &body).unwrap();
    world
}

fn body(more: &Value) -> Value {
    let mut body = json!({"Name": "Auto03"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// On nodes by a condition, with further members.
fn on(key: &str, values: &[&str], more: &Value) -> Value {
    let mut body = body(more);
    body["Targets"] = json!([{"Key": key, "Values": values}]);
    body["AutomationTargetParameterName"] = json!("InstanceId");
    body
}

/// Status and counts of the newest execution.
fn standing(world: &World, id: AssociationId) -> (String, String) {
    world.executions(id)[0].clone()
}

fn is(status: &str, counts: &str) -> (String, String) {
    (status.to_owned(), counts.to_owned())
}

fn targets(world: &World, id: AssociationId) -> Vec<Value> {
    let body = json!({"AssociationId": id, "ExecutionId": world.newest(id)["ExecutionId"]});
    let reply = world.post("DescribeAssociationExecutionTargets", &body).unwrap();
    reply["AssociationExecutionTargets"].as_array().unwrap().clone()
}

fn automations(world: &World, body: &Value) -> Result<usize, ErrorCode> {
    let reply = world.post("DescribeAutomationExecutions", body).map_err(|(code, _)| code)?;
    Ok(reply["AutomationExecutionMetadataList"].as_array().unwrap().len())
}

#[test]
fn each_target_gets_an_automation_that_takes_its_time() {
    let mut world = world(World::config());
    let start = world.now.milliseconds() / 1000;
    let id = world.associate(&on("tag:Env", &["prod"], &json!({"Parameters": {"Mode": ["Remove"]}})));
    assert_eq!(standing(&world, id), is("InProgress", "{InProgress=2}"));
    assert!(world.poll(ONE).is_empty(), "nodes have nothing to do with it");
    let rows = targets(&world, id);
    let ids: Vec<&str> = rows.iter().map(|row| row["ResourceId"].as_str().unwrap()).collect();
    assert_eq!(ids, [ONE, TWO]);
    assert_eq!(rows[0]["OutputSource"]["OutputSourceType"], "Automation");
    let automation = &rows[0]["OutputSource"]["OutputSourceId"];
    let get = |world: &World| {
        let reply = world.post("GetAutomationExecution", &json!({"AutomationExecutionId": automation}));
        reply.unwrap()["AutomationExecution"].clone()
    };
    let expected = json!({
        "AutomationExecutionId": automation, "DocumentName": "Auto03", "DocumentVersion": "1",
        "AutomationExecutionStatus": "InProgress", "ExecutionStartTime": start, "Mode": "Auto",
        "TargetParameterName": "InstanceId", "Target": ONE, "AssociationId": id,
        "Parameters": {"InstanceId": [ONE], "Mode": ["Remove"]},
        "StepExecutions": [{"StepName": "run", "Action": "aws:runCommand", "StepStatus": "InProgress", "ExecutionStartTime": start}],
    });
    assert_eq!(get(&world), expected);

    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    world.pass(Period::seconds(29));
    assert_eq!(standing(&world, id).0, "InProgress");
    world.pass(Period::seconds(1));
    assert_eq!(standing(&world, id), is("Success", "{Success=2}"));
    assert_eq!(get(&world)["AutomationExecutionStatus"], "Success");
    assert_eq!(get(&world)["ExecutionEndTime"], json!(start + 30));
    let described = world.describe(id);
    let overview = json!({
        "Status": "Success", "DetailedStatus": "Success", "AssociationStatusAggregatedCount": {"Success": 2},
    });
    assert_eq!(described["Overview"], overview);
    assert_eq!(described["AutomationTargetParameterName"], "InstanceId");
    assert_eq!(described["LastSuccessfulExecutionDate"], json!(start));
}

#[test]
fn errors_stop_the_rest_under_rate_control() {
    let config = PlaneConfig { automation_failure_percent: 100, ..World::config() };
    let mut world = world(config);
    for number in 0..2_500 {
        world.ping(NodeId::ec2(number).as_str(), PlatformType::Linux);
    }
    let limits = json!({"MaxConcurrency": "10", "MaxErrors": "3"});
    let id = world.associate(&on("InstanceIds", &["*"], &limits));
    assert_eq!(standing(&world, id), is("InProgress", "{InProgress=10, Pending=2493}"));
    world.pass(Period::minutes(1));
    // Ten end at once: the fourth error stops it, before anybody else is let in.
    assert_eq!(standing(&world, id), is("Failed", "{Failed=10, Skipped=2493}"));
    assert_eq!(world.describe(id)["Overview"]["Status"], "Failed");
    let failed = json!({"Filters": [{"Key": "ExecutionStatus", "Values": ["Failed"]}]});
    assert_eq!(automations(&world, &failed), Ok(10));
    world.pass(Period::days(31));
    assert_eq!(automations(&world, &json!({})), Ok(0), "after thirty days they are forgotten");
}

#[test]
fn beyond_what_runs_and_waits_automations_fail() {
    let config = PlaneConfig { automation_running_limit: 1, automation_queue_limit: 1, ..World::config() };
    let mut world = world(config);
    let id = world.associate(&on("ParameterValues", &["a", "b", "c"], &json!({})));
    assert_eq!(standing(&world, id), is("InProgress", "{Failed=1, InProgress=1, Pending=1}"));
    let rows = targets(&world, id);
    assert_eq!(rows[2]["DetailedStatus"], "AutomationExecutionLimitExceeded");
    world.pass(Period::seconds(30));
    assert_eq!(standing(&world, id), is("InProgress", "{Failed=1, InProgress=1, Success=1}"));
    world.pass(Period::seconds(30));
    assert_eq!(standing(&world, id), is("Failed", "{Failed=1, Success=2}"));
    assert_eq!(world.newest(id)["DetailedStatus"], "AutomationExecutionLimitExceeded");
    assert_eq!(world.describe(id)["Overview"]["DetailedStatus"], "AutomationExecutionLimitExceeded");
}

#[test]
fn a_runbook_runs_on_what_its_targets_mean() {
    let world = world(World::config());
    let own = json!({"Parameters": {"InstanceId": [ONE]}});
    let mut marker = body(&own);
    let value = "AWS-NoOpAutomationTarget-Value";
    marker["Targets"] = json!([{"Key": "aws:NoOpAutomationTag", "Values": [value]}]);
    let maps =
        body(&json!({"TargetMaps": [{"InstanceId": [ONE]}, {"InstanceId": [TWO], "Mode": ["Remove"]}]}));
    let location = json!({"Accounts": ["111122223333"], "Regions": ["eu-west-1"]});
    let mut located = body(&own);
    located["TargetLocations"] = json!([location]);
    let cases = [
        (on("InstanceIds", &[ONE, THREE], &json!({})), vec![ONE, THREE]),
        (on("AWS::EC2::Instance", &["*"], &json!({})), vec![ONE, TWO, THREE]),
        (on("ParameterValues", &["x", "y"], &json!({})), vec!["x", "y"]),
        (on("tag:Env", &["nobody"], &json!({})), vec![]),
        (marker, vec!["none"]),
        (body(&own), vec!["none"]),
        (
            maps,
            vec![
                r#"{"InstanceId":["i-0aaaaaaaaaaaaaaa1"]}"#,
                r#"{"InstanceId":["i-0aaaaaaaaaaaaaaa2"],"Mode":["Remove"]}"#,
            ],
        ),
        (located, vec!["none"]),
    ];
    for (request, expected) in cases {
        let id = world.associate(&request);
        let rows = targets(&world, id);
        let target = |row| Value::get(row, "ResourceId").map_or("none", |id| id.as_str().unwrap());
        let reached: Vec<&str> = rows.iter().map(target).collect();
        assert_eq!(reached, expected, "{request}");
        let described = world.describe(id);
        for member in ["Targets", "TargetMaps", "TargetLocations"] {
            assert_eq!(described.get(member), request.get(member), "{request}");
        }
    }
    let removed = json!({"Filters": [{"Key": "ExecutionStatus", "Values": ["InProgress"]}], "MaxResults": 1});
    assert_eq!(automations(&world, &removed), Ok(1));
}

#[test]
fn an_update_of_a_runbooks_association_checks_what_goes_with_targets_first() {
    let mut world = world(PlaneConfig { automation_duration: Period::minutes(1), ..World::config() });
    let id = world.associate(&on("ParameterValues", &["a", "b"], &json!({"MaxConcurrency": "1"})));
    // Case 54d of the reference: what is left out is cleared, the targets are kept.
    let update = |more: Value| {
        let mut body = json!({"AssociationId": id});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = world.post("UpdateAssociation", &body).map_err(|(code, _)| code);
        world.settle();
        reply
    };
    assert_eq!(update(json!({})), Err(ValidationException));
    let again = json!({"AutomationTargetParameterName": "InstanceId", "Parameters": {"Mode": ["Remove"]}});
    let reply = update(again).unwrap();
    assert_eq!(reply["AssociationDescription"]["AssociationVersion"], "2");
    assert_eq!(standing(&world, id), is("InProgress", "{InProgress=2}"));
    world.pass(Period::minutes(1));
    let expected = [is("Success", "{Success=2}"), is("Success", "{Skipped=1, Success=1}")];
    assert_eq!(world.executions(id), expected, "who had not begun was stopped");

    let maps = json!([{"InstanceId": [ONE]}]);
    let mapped = world.associate(&body(&json!({"TargetMaps": maps})));
    let versions = world.post("ListAssociationVersions", &json!({"AssociationId": mapped})).unwrap();
    assert_eq!(versions["AssociationVersions"][0]["TargetMaps"], maps);
    let listed = world.post("ListAssociations", &json!({})).unwrap();
    assert_eq!(listed["Associations"][1]["TargetMaps"], maps);
}

#[test]
fn an_alarm_lets_nobody_else_in() {
    let mut world = world(World::config());
    let alarm = |world: &World, state: &str| {
        let state = serde_json::from_value(json!(state)).unwrap();
        let change = crate::service::WorldChange::Alarm("cpu".to_owned(), Some(state));
        world.plane.change_world(world.now, change).unwrap();
        world.settle();
    };
    alarm(&world, "OK");
    let watched = json!({"MaxConcurrency": "1", "AlarmConfiguration": {"Alarms": [{"Name": "cpu"}]}});
    let id = world.associate(&on("ParameterValues", &["a", "b"], &watched));
    assert_eq!(standing(&world, id), is("InProgress", "{InProgress=1, Pending=1}"));
    alarm(&world, "ALARM");
    world.pass(Period::seconds(30));
    assert_eq!(standing(&world, id).1, "{Skipped=1, Success=1}");
    assert_eq!(world.describe(id)["TriggeredAlarms"], json!([{"Name": "cpu", "State": "ALARM"}]));
}

#[test]
fn what_a_runbook_cannot_have_is_refused_by_name() {
    let world = world(World::config());
    let prod = json!([{"Key": "tag:Env", "Values": ["prod"]}]);
    let own = json!({"InstanceId": [ONE]});
    let cases = [
        // 54a and 54b of the reference, then the rules one by one.
        (json!({"Targets": prod}), InvalidParameters, "Parameter \"InstanceId\" requires a value."),
        (json!({"Targets": prod, "Parameters": own}), ValidationException, "Must specify both"),
        (json!({"AutomationTargetParameterName": "InstanceId"}), ValidationException, "Must specify both"),
        (json!({}), InvalidParameters, "Parameter \"InstanceId\" requires a value."),
        (
            json!({"Targets": prod, "AutomationTargetParameterName": "Nothing", "Parameters": own}),
            InvalidParameters,
            "Parameter \"Nothing\" is not defined",
        ),
        (json!({"TargetMaps": [{"Nothing": ["x"]}], "Parameters": own}), InvalidTargetMaps, "is not defined"),
        (json!({"Targets": prod, "TargetMaps": [{"InstanceId": [ONE]}]}), InvalidTargetMaps, "together"),
        (
            json!({"Parameters": {"InstanceId": [ONE], "Mode": ["install"]}}),
            InvalidParameters,
            "not found in",
        ),
        (
            json!({"Parameters": own, "TargetLocations": [{"IncludeChildOrganizationUnits": true}]}),
            InvalidTarget,
            "IncludeChildOrganizationUnits",
        ),
        (json!({"InstanceId": ONE, "Parameters": own}), InvalidDocument, "0.3"),
    ];
    for (more, code, fragment) in cases {
        let (refusal, message) = world.post("CreateAssociation", &body(&more)).expect_err(&more.to_string());
        assert_eq!(refusal, code, "{more}: {message}");
        assert!(message.contains(fragment), "{more}: {message}");
    }
    let named = on("InstanceIds", &[GONE], &json!({}));
    assert_eq!(world.post("CreateAssociation", &named).unwrap_err().0, InvalidInstanceId);
    let unknown = on("Colour", &["red"], &json!({}));
    assert_eq!(world.post("CreateAssociation", &unknown).unwrap_err().0, InvalidTarget);

    let missing = json!({"AutomationExecutionId": "00000000-0000-4000-8000-000000000001"});
    let refusals = [
        ("GetAutomationExecution", missing, AutomationExecutionNotFoundException),
        ("GetAutomationExecution", json!({"AutomationExecutionId": "short"}), ValidationException),
        ("DescribeAutomationExecutions", json!({"NextToken": "foreign"}), InvalidNextToken),
        (
            "DescribeAutomationExecutions",
            json!({"Filters": [{"Key": "Colour", "Values": ["x"]}]}),
            ValidationException,
        ),
        (
            "DescribeAutomationExecutions",
            json!({"Filters": [{"Key": "StartTimeAfter", "Values": ["noon"]}]}),
            InvalidFilterValue,
        ),
    ];
    for (operation, body, code) in refusals {
        assert_eq!(world.post(operation, &body).unwrap_err().0, code, "{operation} {body}");
    }
}

#[test]
fn a_newer_execution_a_changed_runbook_and_a_deletion_end_what_has_not_begun() {
    let mut world = world(PlaneConfig { automation_duration: Period::minutes(40), ..World::config() });
    let hourly = json!({"MaxConcurrency": "1", "ScheduleExpression": "rate(1 hour)"});
    let id = world.associate(&on("ParameterValues", &["a", "b", "c"], &hourly));
    world.pass(Period::minutes(59));
    assert_eq!(standing(&world, id), is("InProgress", "{InProgress=1, Pending=1, Success=1}"));
    world.pass(Period::minutes(1));
    let executions = world.executions(id);
    assert_eq!(executions[1], is("InProgress", "{InProgress=1, Skipped=1, Success=1}"));
    assert_eq!(executions[0], is("InProgress", "{InProgress=1, Pending=2}"));

    let content = json!({
        "schemaVersion": "0.3",
        "parameters": {"InstanceId": {"type": "String"}, "More": {"type": "String"}},
        "mainSteps": [{"action": "aws:sleep", "name": "wait", "inputs": {}}],
    });
    let update = json!({"Name": "Auto03", "Content": content.to_string(), "DocumentVersion": "$LATEST"});
    world.post("UpdateDocument", &update).unwrap();
    let default = json!({"Name": "Auto03", "DocumentVersion": "2"});
    world.post("UpdateDocumentDefaultVersion", &default).unwrap();
    world.settle();
    world.pass(Period::hours(1));
    let execution = world.newest(id);
    let expected = (&json!("Failed"), &json!("InvalidAutomationParameters"));
    assert_eq!((&execution["Status"], &execution["DetailedStatus"]), expected);

    let second = world.associate(&on(
        "ParameterValues",
        &["a", "b"],
        &json!({"MaxConcurrency": "1", "DocumentVersion": "1"}),
    ));
    assert_eq!(standing(&world, second), is("InProgress", "{InProgress=1, Pending=1}"));
    let before = automations(&world, &json!({})).unwrap();
    world.post("DeleteAssociation", &json!({"AssociationId": second})).unwrap();
    world.pass(Period::hours(2));
    assert_eq!(automations(&world, &json!({})), Ok(before), "nobody was let in after that");
    world.post("DeleteAssociation", &json!({"AssociationId": id})).unwrap();
    world.settle();
    let left = serde_json::to_value(world.plane.state().automations.kept()).unwrap();
    assert_eq!((&left["rollouts"], &left["running"], &left["queue"]), (&json!([]), &json!(0), &json!([])));
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
}
