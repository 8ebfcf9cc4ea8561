//! Run Command through the plane's door.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::id::NodeId;
use shared::status::PlatformType;
use shared::time::Period;

use crate::config::PlaneConfig;
use crate::service::Service;
use crate::testing::{GONE, ONE, THREE, TWO, World};

fn send(world: &World, more: &Value) -> Result<Value, (ErrorCode, String)> {
    let mut body = json!({"DocumentName": "Shell22", "Parameters": {"commands": ["id"]}});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("SendCommand", &body).map(|reply| reply["Command"].clone())
}

fn sent(world: &World, more: &Value) -> String {
    let command = send(world, more).unwrap();
    world.settle();
    command["CommandId"].as_str().unwrap().to_owned()
}

fn command(world: &World, id: &str) -> Value {
    world.post("ListCommands", &json!({"CommandId": id})).unwrap()["Commands"][0].clone()
}

/// Status, details, and the counts of targets, ended and late ones.
fn standing(world: &World, id: &str) -> (String, String, [u64; 3]) {
    let command = command(world, id);
    let text = |key: &str| command[key].as_str().unwrap().to_owned();
    let counts = ["TargetCount", "CompletedCount", "DeliveryTimedOutCount"];
    (text("Status"), text("StatusDetails"), counts.map(|key| command[key].as_u64().unwrap()))
}

fn is(status: &str, details: &str, counts: [u64; 3]) -> (String, String, [u64; 3]) {
    (status.to_owned(), details.to_owned(), counts)
}

fn queue(world: &World, node: &str) -> usize {
    world.plane.commands_waiting(node.parse().unwrap())
}

fn invocations(world: &World, body: &Value) -> Vec<(String, String, String)> {
    let reply = world.post("ListCommandInvocations", body).unwrap();
    let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
    let rows = reply["CommandInvocations"].as_array().unwrap().iter();
    rows.map(|row| (text(row, "CommandId"), text(row, "InstanceId"), text(row, "StatusDetails"))).collect()
}

#[test]
fn a_command_waits_for_its_nodes_until_its_time_is_up() {
    let mut world = World::new();
    let more = json!({"InstanceIds": [TWO, ONE], "Comment": "hello", "MaxErrors": "10%"});
    let made = send(&world, &more).unwrap();
    let expected = json!({
        "CommandId": made["CommandId"], "DocumentName": "Shell22", "DocumentVersion": "$DEFAULT",
        "Comment": "hello", "ExpiresAfter": 1_741_608_000 + 7200, "Parameters": {"commands": ["id"]},
        "InstanceIds": [TWO, ONE], "Targets": [], "RequestedDateTime": 1_741_608_000, "Status": "Pending",
        "StatusDetails": "Pending", "MaxErrors": "10%", "TargetCount": 2, "CompletedCount": 0,
        "ErrorCount": 0, "DeliveryTimedOutCount": 0,
    });
    assert_eq!(made, expected);
    let id = made["CommandId"].as_str().unwrap().to_owned();
    let brief = sent(&world, &json!({"InstanceIds": [ONE], "TimeoutSeconds": 30}));
    assert_eq!((queue(&world, ONE), queue(&world, TWO), queue(&world, THREE)), (2, 1, 0));

    world.pass(Period::seconds(30));
    assert_eq!(standing(&world, &brief), is("TimedOut", "DeliveryTimedOut", [1, 1, 1]));
    assert_eq!(standing(&world, &id), is("Pending", "Pending", [2, 0, 0]));
    assert_eq!(queue(&world, ONE), 1);

    // A plane that is restored goes on where it was.
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    world.pass(Period::minutes(59) + Period::seconds(29));
    assert_eq!(standing(&world, &id), is("Pending", "Pending", [2, 0, 0]));
    world.pass(Period::seconds(1));
    assert_eq!(standing(&world, &id), is("TimedOut", "DeliveryTimedOut", [2, 2, 2]));
    assert_eq!((queue(&world, ONE), queue(&world, TWO)), (0, 0));

    world.pass(Period::days(31));
    let gone = world.post("ListCommands", &json!({"CommandId": id})).unwrap_err();
    assert_eq!(gone.0, InvalidCommandId, "after thirty days it is forgotten");
    assert_eq!(world.post("ListCommands", &json!({})).unwrap(), json!({"Commands": []}));
}

#[test]
fn conditions_gather_nodes_in_pieces_and_leave_out_what_does_not_fit() {
    let mut world = World::new();
    let everybody = json!([{"Key": "InstanceIds", "Values": ["*"]}]);
    let id = sent(&world, &json!({"Targets": everybody}));
    assert_eq!(standing(&world, &id), is("InProgress", "InProgress", [3, 1, 0]));
    let by_node = invocations(&world, &json!({"CommandId": id}));
    let details: Vec<(&str, &str)> =
        by_node.iter().map(|(_, node, details)| (node.as_str(), details.as_str())).collect();
    assert_eq!(details, [(ONE, "Pending"), (TWO, "Pending"), (THREE, "InvalidPlatform")]);
    world.pass(Period::hours(1));
    assert_eq!(standing(&world, &id), is("Failed", "Incomplete", [3, 3, 2]));

    let nobody = sent(&world, &json!({"Targets": [{"Key": "tag:Env", "Values": ["nobody"]}]}));
    assert_eq!(standing(&world, &nobody), is("Success", "NoInstancesInTag", [0, 0, 0]));

    for number in 0..2_500 {
        world.ping(NodeId::ec2(number).as_str(), PlatformType::Linux);
    }
    let large = sent(&world, &json!({"Targets": everybody}));
    assert_eq!(standing(&world, &large), is("InProgress", "InProgress", [2_503, 1, 0]));
    world.post("CancelCommand", &json!({"CommandId": large})).unwrap();
    assert_eq!(standing(&world, &large).0, "Cancelling");
    world.settle();
    assert_eq!(standing(&world, &large), is("Cancelled", "Cancelled", [2_503, 2_503, 0]));
    assert_eq!(queue(&world, ONE), 0);
}

#[test]
fn a_command_is_cancelled_where_it_is_still_waiting() {
    let world = World::new();
    let id = sent(&world, &json!({"InstanceIds": [ONE, TWO]}));
    let cancel = |body: Value| world.post("CancelCommand", &body).map_err(|(code, _)| code);
    let cases = [
        (json!({"CommandId": id, "InstanceIds": [ONE, ONE]}), DuplicateInstanceId),
        (json!({"CommandId": id, "InstanceIds": [THREE]}), InvalidInstanceId),
        (json!({"CommandId": "00000000-0000-4000-8000-000000000001"}), InvalidCommandId),
        (json!({"CommandId": "x".repeat(36)}), InvalidCommandId),
        (json!({"CommandId": "short"}), ValidationException),
        (json!({}), ValidationException),
    ];
    for (body, code) in cases {
        assert_eq!(cancel(body.clone()), Err(code), "{body}");
    }
    assert_eq!(cancel(json!({"CommandId": id, "InstanceIds": [ONE]})), Ok(json!({})));
    assert_eq!(standing(&world, &id), is("InProgress", "InProgress", [2, 1, 0]));
    assert_eq!((queue(&world, ONE), queue(&world, TWO)), (0, 1));
    cancel(json!({"CommandId": id})).unwrap();
    world.settle();
    assert_eq!(standing(&world, &id), is("Cancelled", "Cancelled", [2, 2, 0]));
    assert_eq!(cancel(json!({"CommandId": id})), Ok(json!({})), "nothing is left to cancel");
}

#[test]
fn what_cannot_be_sent_is_refused_by_name() {
    let buckets = Some(std::collections::BTreeSet::from(["logs".to_owned()]));
    let world = crate::state::world::World { buckets, ..crate::state::world::World::default() };
    let world = World::with(PlaneConfig { world, ..World::config() });
    let many: Vec<String> = (0..51).map(|number| NodeId::ec2(number).to_string()).collect();
    let target = |key: &str, values: &[&str]| json!({"Targets": [{"Key": key, "Values": values}]});
    let on_one = |more: Value| {
        let mut body = json!({"InstanceIds": [ONE]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let cases = [
        (json!({}), ValidationException),
        (
            json!({"InstanceIds": [ONE], "Targets": [{"Key": "tag:Env", "Values": ["prod"]}]}),
            ValidationException,
        ),
        (json!({"InstanceIds": many}), ValidationException),
        (json!({"InstanceIds": ["i-1"]}), ValidationException),
        (json!({"InstanceIds": [ONE, TWO, ONE]}), DuplicateInstanceId),
        (json!({"InstanceIds": [ONE, GONE]}), InvalidInstanceId),
        (json!({"InstanceIds": ["i-0ddddddddddddddd1"]}), InvalidInstanceId),
        (json!({"InstanceIds": [THREE]}), UnsupportedPlatformType),
        (target("ResourceGroup", &["g"]), ValidationException),
        (target("resource-groups:Name", &["g"]), ValidationException),
        (target("InstanceIds", &[GONE]), InvalidInstanceId),
        (target("InstanceIds", &[THREE]), UnsupportedPlatformType),
        (on_one(json!({"DocumentName": "No-Such-Document"})), InvalidDocument),
        (on_one(json!({"DocumentVersion": "99"})), InvalidDocumentVersion),
        (on_one(json!({"DocumentHash": "00", "DocumentHashType": "Sha256"})), InvalidDocument),
        (on_one(json!({"DocumentHash": "00", "DocumentHashType": "Sha1"})), ValidationException),
        (on_one(json!({"DocumentHashType": "Md5"})), ValidationException),
        (on_one(json!({"Parameters": {}})), InvalidParameters),
        (on_one(json!({"Parameters": {"commands": ["id"], "more": ["x"]}})), InvalidParameters),
        (on_one(json!({"TimeoutSeconds": 29})), ValidationException),
        (on_one(json!({"TimeoutSeconds": "30"})), SerializationException),
        (on_one(json!({"MaxConcurrency": "0"})), ValidationException),
        (on_one(json!({"OutputS3BucketName": "nowhere"})), InvalidOutputFolder),
        (on_one(json!({"AlarmConfiguration": {"Alarms": []}})), ValidationException),
        (on_one(json!({"AlarmConfiguration": {"Alarms": [{"Name": " "}]}})), ValidationException),
        (on_one(json!({"NotificationConfig": {"NotificationType": "Letter"}})), ValidationException),
    ];
    for (body, code) in cases {
        let (refusal, message) = send(&world, &body).expect_err(&body.to_string());
        assert_eq!(refusal, code, "{body}: {message}");
    }
    assert_eq!(world.post("ListCommands", &json!({})).unwrap(), json!({"Commands": []}));
    let document = json!({"Name": "Shell22", "DocumentVersion": "1"});
    let content = world.post("GetDocument", &document).unwrap()["Content"].as_str().unwrap().to_owned();
    let hash = crate::state::document::sha256(content.as_bytes());
    let full = on_one(json!({
        "DocumentHash": hash, "DocumentHashType": "Sha256", "OutputS3BucketName": "logs",
        "AlarmConfiguration": {"Alarms": [{"Name": "cpu"}]}, "TimeoutSeconds": 30,
    }));
    let made = send(&world, &full).unwrap();
    assert_eq!(made["AlarmConfiguration"], json!({"Alarms": [{"Name": "cpu"}]}));
    assert_eq!((&made["TimeoutSeconds"], &made["OutputS3BucketName"]), (&json!(30), &json!("logs")));
}

#[test]
fn commands_and_their_parts_are_listed_newest_first_by_filters_and_in_pages() {
    let mut world = World::new();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(sent(&world, &json!({"InstanceIds": [ONE, TWO]})));
        world.pass(Period::minutes(1));
    }
    world.post("CancelCommand", &json!({"CommandId": ids[1], "InstanceIds": [ONE]})).unwrap();
    let other = sent(&world, &json!({"DocumentName": "AWS-RunPowerShellScript", "InstanceIds": [THREE]}));
    ids.push(other.clone());
    let newest_first: Vec<String> = ids.iter().rev().cloned().collect();

    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let reply = world.post("ListCommands", &json!({"MaxResults": 4, "NextToken": token})).unwrap();
        let rows = reply["Commands"].as_array().unwrap();
        seen.extend(rows.iter().map(|row| row["CommandId"].as_str().unwrap().to_owned()));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, newest_first);

    let mut parts = Vec::new();
    loop {
        let body = json!({"MaxResults": 3, "NextToken": token});
        let reply = world.post("ListCommandInvocations", &body).unwrap();
        let rows = reply["CommandInvocations"].as_array().unwrap();
        assert!(rows.len() <= 3);
        parts.extend(rows.iter().map(|row| (row["CommandId"].clone(), row["InstanceId"].clone())));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    let mut expected = vec![(json!(other), json!(THREE))];
    for id in newest_first.iter().skip(1) {
        expected.extend([(json!(id), json!(ONE)), (json!(id), json!(TWO))]);
    }
    assert_eq!(parts, expected);

    let commands = |key: &str, value: &str| {
        let body = json!({"Filters": [{"key": key, "value": value}]});
        world.post("ListCommands", &body).map(|reply| reply["Commands"].as_array().unwrap().len())
    };
    assert_eq!(commands("DocumentName", "Shell22"), Ok(5));
    assert_eq!(commands("Status", "InProgress"), Ok(1));
    assert_eq!(commands("Status", "Pending"), Ok(5));
    assert_eq!(commands("ExecutionStage", "Executing"), Ok(6));
    assert_eq!(commands("ExecutionStage", "Complete"), Ok(0));
    assert_eq!(commands("InvokedAfter", "2025-03-10T12:03:00Z"), Ok(3));
    assert_eq!(commands("InvokedBefore", "2025-03-10T12:03:00Z"), Ok(3));
    assert_eq!(commands("InvokedBefore", "noon").unwrap_err().0, ValidationException);
    assert_eq!(commands("Colour", "red").unwrap_err().0, ValidationException);
    let of = |body: &Value| invocations(&world, body).len();
    assert_eq!(of(&json!({"InstanceId": TWO})), 5);
    assert_eq!(of(&json!({"InstanceId": ONE, "Filters": [{"key": "Status", "value": "Cancelled"}]})), 1);
    assert_eq!(of(&json!({"CommandId": ids[0], "InstanceId": ONE, "MaxResults": 1})), 1);
    let refusals = [
        (
            "ListCommandInvocations",
            json!({"Filters": [{"key": "ExecutionStage", "value": "Complete"}]}),
            InvalidFilterKey,
        ),
        ("ListCommandInvocations", json!({"CommandId": "x".repeat(36)}), InvalidCommandId),
        ("ListCommandInvocations", json!({"InstanceId": "i-0ddddddddddddddd1"}), InvalidInstanceId),
        ("ListCommandInvocations", json!({"NextToken": "foreign"}), InvalidNextToken),
        ("ListCommands", json!({"InstanceId": "i-0ddddddddddddddd1"}), InvalidInstanceId),
        ("ListCommands", json!({"NextToken": "foreign"}), InvalidNextToken),
        ("ListCommands", json!({"MaxResults": 51}), ValidationException),
    ];
    for (operation, body, code) in refusals {
        assert_eq!(world.post(operation, &body).unwrap_err().0, code, "{operation} {body}");
    }
}

#[test]
fn a_part_is_read_with_text_for_dates() {
    let world = World::new();
    let id = sent(&world, &json!({"DocumentName": "AWS-RunShellScript", "InstanceIds": [ONE]}));
    let get = |more: Value| {
        let mut body = json!({"CommandId": id, "InstanceId": ONE});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.post("GetCommandInvocation", &body)
    };
    let expected = json!({
        "CommandId": id, "InstanceId": ONE, "DocumentName": "AWS-RunShellScript", "DocumentVersion": "$DEFAULT",
        "PluginName": "aws:runShellScript", "ResponseCode": -1, "ExecutionStartDateTime": "",
        "ExecutionElapsedTime": "", "ExecutionEndDateTime": "", "Status": "Pending",
        "StatusDetails": "Pending", "StandardOutputContent": "", "StandardOutputUrl": "",
        "StandardErrorContent": "", "StandardErrorUrl": "",
    });
    assert_eq!(get(json!({})), Ok(expected.clone()));
    assert_eq!(get(json!({"PluginName": "aws:runShellScript"})), Ok(expected));
    let cases = [
        (json!({"PluginName": "aws:other"}), InvalidPluginName),
        (json!({"PluginName": "a"}), ValidationException),
        (json!({"InstanceId": TWO}), InvocationDoesNotExist),
        (json!({"InstanceId": "i-0ddddddddddddddd1"}), InvalidInstanceId),
        (json!({"CommandId": "00000000-0000-4000-8000-000000000001"}), InvocationDoesNotExist),
        (json!({"CommandId": "x".repeat(36)}), InvalidCommandId),
    ];
    for (more, code) in cases {
        assert_eq!(get(more.clone()).unwrap_err().0, code, "{more}");
    }
    let body = json!({"CommandId": id, "Details": true});
    let reply = world.post("ListCommandInvocations", &body).unwrap();
    let step = json!([{"Name": "aws:runShellScript", "Status": "Pending", "StatusDetails": "Pending", "ResponseCode": -1}]);
    assert_eq!(reply["CommandInvocations"][0]["CommandPlugins"], step);
    let plain = world.post("ListCommandInvocations", &json!({"CommandId": id})).unwrap();
    assert_eq!(plain["CommandInvocations"][0]["CommandPlugins"], json!([]));
}
