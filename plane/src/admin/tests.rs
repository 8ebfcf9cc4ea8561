//! The admin API, and what its changes do to nodes and associations.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::status::AssociationStatus::Success;
use shared::status::PlatformType;
use shared::time::Period;

use super::answer;
use crate::service::Service;
use crate::testing::{ONE, THREE, TWO, World};

const LATER: &str = "i-0ddddddddddddddd1";

fn ask(world: &World, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let answer = answer(&world.plane, world.now, method, path, text.as_bytes());
    world.settle();
    (answer.status, answer.body)
}

fn put(world: &World, path: &str, body: &Value) {
    assert_eq!(ask(world, "PUT", path, body), (200, json!({})), "{path}");
}

fn delete(world: &World, path: &str) {
    assert_eq!(ask(world, "DELETE", path, &Value::Null), (200, json!({})), "{path}");
}

fn get(world: &World, path: &str) -> Value {
    let (status, body) = ask(world, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn create(world: &World, target: &Value, more: &Value) -> Option<ErrorCode> {
    world.post("CreateAssociation", &World::shell(target, more)).err().map(|(code, _)| code)
}

fn group(name: &str) -> Value {
    json!([{"Key": "resource-groups:Name", "Values": [name]}])
}

#[test]
fn whatever_is_set_is_shown_and_taken_away_again() {
    let mut world = World::new();
    let filters = json!({"tag_filters": [{"key": "Role", "values": ["web"]}]});
    put(&world, "/_fleet/alarms/cpu%20high", &json!("ALARM"));
    put(&world, "/_fleet/resource-groups/web", &filters);
    put(&world, "/_fleet/buckets", &json!(["logs"]));
    put(&world, "/_fleet/buckets/more", &Value::Null);
    put(&world, &format!("/_fleet/instances/{LATER}"), &json!({"state": "pending", "tags": {"Env": "prod"}}));
    put(&world, &format!("/_fleet/denied-nodes/{TWO}"), &Value::Null);
    put(&world, "/_fleet/parameters/%2Fapp%2Fflag", &json!({"value": "on"}));
    let whole = json!({
        "alarms": {"cpu high": "ALARM"}, "resource_groups": {"web": filters}, "buckets": ["logs", "more"],
        "instances": {LATER: {"state": "pending", "tags": {"Env": "prod"}}}, "denied_nodes": [TWO], "shared_documents": {},
        "parameters": {"/app/flag": {"type": "String", "value": "on", "version": 1}},
    });
    assert_eq!(get(&world, "/_fleet/world"), whole);
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(get(&world, "/_fleet/world"), whole, "a snapshot keeps it");

    assert_eq!(get(&world, "/_fleet/alarms/cpu%20high"), json!("ALARM"));
    for (kind, things) in whole.as_object().unwrap() {
        let named = things.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value));
        let listed = things.as_array().into_iter().flatten().map(|name| (name.as_str().unwrap(), name));
        for (name, value) in named.chain(listed) {
            let name = name.replace('/', "%2F").replace(' ', "%20");
            assert_eq!(get(&world, &format!("/_fleet/{}/{name}", kind.replace('_', "-"))), *value, "{kind}");
        }
    }
    assert_eq!(get(&world, "/_fleet/resource-groups/"), json!({"web": filters}));
    assert_eq!(get(&world, "/_fleet/buckets/logs"), json!("logs"));
    delete(&world, "/_fleet/alarms/cpu%20high");
    delete(&world, "/_fleet/resource-groups/web");
    delete(&world, "/_fleet/buckets/more");
    assert_eq!(get(&world, "/_fleet/buckets"), json!(["logs"]));
    delete(&world, "/_fleet/buckets");
    delete(&world, &format!("/_fleet/instances/{LATER}"));
    delete(&world, &format!("/_fleet/denied-nodes/{TWO}"));
    delete(&world, "/_fleet/parameters/%2Fapp%2Fflag");
    let nothing = json!({
        "alarms": {}, "resource_groups": {}, "buckets": null, "instances": {}, "denied_nodes": [], "shared_documents": {},
        "parameters": {},
    });
    assert_eq!(get(&world, "/_fleet/world"), nothing);
}

#[test]
fn faults_stand_until_they_are_lifted() {
    let world = World::new();
    let throttling = json!({"fault": {"throttling": {"rate": 0, "operations": ["ListDocuments"]}}});
    let error = json!({"fault": {"server-error": {"share": "100%", "error": "internal-server-error"}}, "nodes": [ONE]});
    put(&world, "/_fleet/faults/slow", &throttling);
    put(&world, "/_fleet/faults/one%20node", &error);
    assert_eq!(get(&world, "/_fleet/faults"), json!({"slow": throttling, "one node": error}));
    assert_eq!(get(&world, "/_fleet/faults/slow"), throttling);
    assert!(world.post("ListDocuments", &json!({})).is_ok(), "the bucket has one token at the least");
    let refused = world.post("ListDocuments", &json!({})).unwrap_err();
    assert_eq!(refused, (ThrottlingException, "Rate exceeded".to_owned()));
    delete(&world, "/_fleet/faults/slow");
    assert!(world.post("ListDocuments", &json!({})).is_ok());
    delete(&world, "/_fleet/faults");
    assert_eq!(get(&world, "/_fleet/faults"), json!({}));
}

#[test]
fn what_is_wrong_is_said_in_one_message() {
    let world = World::new();
    let cases = [
        ("PATCH", "/_fleet/alarms/a", json!("OK"), 405, "PATCH is not supported"),
        ("GET", "/_fleet/faults/a", Value::Null, 404, "there is no a among faults"),
        ("PUT", "/_fleet/faults", json!({}), 405, "use GET or DELETE"),
        ("PUT", "/_fleet/faults/a", json!({"fault": {"gremlins": {}}}), 400, "gremlins"),
        ("PUT", "/_fleet/faults/a", json!({"fault": {"stale-reads": {"by": "0s"}}}), 400, "expected a time"),
        ("GET", "/_fleet", Value::Null, 404, "there is nothing at"),
        ("GET", "/_fleet/nonsense", Value::Null, 404, "there is nothing at /_fleet/nonsense"),
        ("PUT", "/_fleet/nonsense/a", Value::Null, 404, "there is nothing at /_fleet/nonsense/a"),
        ("PUT", "/_fleet/alarms", json!({}), 405, "PUT is not supported at /_fleet/alarms: use GET"),
        ("DELETE", "/_fleet/world", Value::Null, 405, "DELETE is not supported at /_fleet/world: use GET"),
        ("PATCH", "/_fleet/nonsense", Value::Null, 404, "there is nothing at /_fleet/nonsense"),
        ("GET", "/_fleet/instances/i-01234567", Value::Null, 404, "there is no i-01234567 among instances"),
        ("GET", "/_fleet/alarms/a", Value::Null, 404, "there is no a among alarms"),
        ("PUT", "/_fleet/alarms/%zz", json!("OK"), 400, "percent"),
        ("PUT", "/_fleet/alarms/a", json!("RED"), 400, "unknown variant `RED`"),
        ("PUT", "/_fleet/alarms/a", Value::Null, 400, "the body cannot be understood"),
        ("PUT", "/_fleet/buckets/UPPER", Value::Null, 400, "`UPPER` is no name of a bucket"),
        ("PUT", "/_fleet/buckets", json!(["logs", "Bad_Name"]), 400, "`Bad_Name` is no name of a bucket"),
        ("PUT", "/_fleet/instances/thing", json!({}), 400, "no node id"),
        ("PUT", "/_fleet/instances/mi-0bbbbbbbbbbbbbbb1", json!({}), 400, "hybrid"),
        ("PUT", "/_fleet/instances/i-01234567", json!({"tags": {"aws:x": "y"}}), 400, "reserved"),
        ("PUT", "/_fleet/instances/i-01234567", json!({"status": "running"}), 400, "unknown field"),
    ];
    for (method, path, body, status, fragment) in cases {
        let (answered, message) = ask(&world, method, path, &body);
        assert_eq!(answered, status, "{method} {path}: {message}");
        assert!(message["error"].as_str().unwrap().contains(fragment), "{method} {path}: {message}");
    }
}

#[test]
fn an_instance_is_declared_before_its_agent_registers() {
    let world = World::new();
    let named = json!([{"Key": "InstanceIds", "Values": [LATER]}]);
    assert_eq!(create(&world, &named, &json!({})), Some(InvalidInstanceId));
    put(&world, &format!("/_fleet/instances/{LATER}"), &json!({"tags": {"Env": "later"}}));
    let id = world.associate(&World::shell(&named, &json!({})));
    let tagged = json!([{"Key": "tag:Env", "Values": ["later"]}]);
    let by_tag = world.associate(&World::shell(&tagged, &json!({})));
    assert_eq!(world.newest(id)["ResourceCountByStatus"], "{}", "no target until it registers");
    let legacy = json!({"Name": "Old12", "InstanceId": LATER});
    assert_eq!(world.post("CreateAssociation", &legacy).unwrap_err().0, InvalidInstanceId);
    world.ping(LATER, PlatformType::Linux);
    assert_eq!(world.newest(id)["ResourceCountByStatus"], "{Pending=1}");
    put(&world, &format!("/_fleet/instances/{LATER}"), &json!({"state": "running", "tags": {}}));
    assert_eq!(world.poll(LATER).len(), 1, "its tag is gone, and so is {by_tag}");
}

#[test]
fn an_instance_that_goes_leaves_the_fleet() {
    let mut world = World::new();
    let id = world.associate(&World::shell(&json!([{"Key": "InstanceIds", "Values": ["*"]}]), &json!({})));
    let listed = |world: &World| {
        let reply = world.post("DescribeInstanceInformation", &json!({})).unwrap();
        reply["InstanceInformationList"].as_array().unwrap().len()
    };
    let path = format!("/_fleet/instances/{ONE}");
    for (state, shown) in [("stopping", 2), ("stopped", 2), ("pending", 3), ("running", 3)] {
        put(&world, &path, &json!({"state": state}));
        assert_eq!(listed(&world), shown, "{state}");
        let named = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
        assert_eq!(create(&world, &named, &json!({})), None, "{state}");
    }
    for state in ["shutting-down", "terminated"] {
        put(&world, &path, &json!({"state": state}));
        assert_eq!(listed(&world), 2, "{state}");
        let poll = world.post("ListInstanceAssociations", &json!({"InstanceId": ONE}));
        assert_eq!(poll.unwrap_err().0, InvalidInstanceId, "{state}");
        let named = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
        assert_eq!(create(&world, &named, &json!({})), Some(InvalidInstanceId), "{state}");
        let ping = world.post("UpdateInstanceInformation", &json!({"InstanceId": ONE}));
        assert_eq!(ping.unwrap_err().0, InvalidInstanceId, "{state}");
    }
    assert_eq!(world.newest(id)["ResourceCountByStatus"], "{Pending=2, Skipped=1}");
    let counts = &world.describe(id)["Overview"]["AssociationStatusAggregatedCount"];
    assert_eq!(*counts, json!({"Pending": 2}));
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert_eq!(listed(&world), 2);
    assert_eq!(get(&world, &path)["tags"], json!({"Env": "prod"}));
}

#[test]
fn buckets_are_asked_for_where_they_are_known() {
    let world = World::new();
    let target = json!([{"Key": "InstanceIds", "Values": [ONE]}]);
    let output = json!({"OutputLocation": {"S3Location": {"OutputS3BucketName": "logs"}}});
    assert_eq!(create(&world, &target, &output), None, "nobody said which buckets there are");
    put(&world, "/_fleet/buckets/others", &Value::Null);
    assert_eq!(create(&world, &target, &output), Some(InvalidOutputLocation));
    put(&world, "/_fleet/buckets/logs", &Value::Null);
    assert_eq!(create(&world, &target, &output), None);
    put(&world, &format!("/_fleet/denied-nodes/{ONE}"), &Value::Null);
    assert_eq!(create(&world, &target, &json!({})), Some(InvalidInstanceId));
}

#[test]
fn a_group_that_changes_changes_the_targets() {
    let mut world = World::new();
    let filters = |values: &[&str]| json!({"tag_filters": [{"key": "Env", "values": values}]});
    put(&world, "/_fleet/resource-groups/g", &filters(&["prod"]));
    let schedule = json!({"ScheduleExpression": "rate(1 hour)"});
    let id = world.associate(&World::shell(&group("g"), &schedule));
    let nodes = |world: &World| [ONE, TWO, LATER].map(|node| world.poll(node).len());
    world.ping(LATER, PlatformType::Linux);
    assert_eq!(nodes(&world), [1, 1, 0]);
    world.tag(LATER, "Env", "next");
    put(&world, "/_fleet/resource-groups/g", &filters(&["next"]));
    assert_eq!(nodes(&world), [0, 0, 1]);
    world.run(LATER, id, Success);
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    let count = |name: &str| {
        let body = json!({"AssociationFilterList": [{"key": "ResourceGroupName", "value": name}]});
        world.post("ListAssociations", &body).unwrap()["Associations"].as_array().unwrap().len()
    };
    assert_eq!((count("g"), count("h")), (1, 0));

    // Gone, or too large: nobody is meant, and the next run fails (R12).
    let large = filters(&["1", "2", "3", "4", "5", "6"]);
    for change in [None, Some(large)] {
        match change {
            None => delete(&world, "/_fleet/resource-groups/g"),
            Some(large) => put(&world, "/_fleet/resource-groups/g", &large),
        }
        assert_eq!(nodes(&world), [0, 0, 0]);
        world.pass(Period::hours(1));
        let execution = world.newest(id);
        assert_eq!(
            (&execution["Status"], &execution["DetailedStatus"]),
            (&json!("Failed"), &json!("InvalidTarget"))
        );
        let overview = &world.describe(id)["Overview"];
        assert_eq!(
            (&overview["Status"], &overview["DetailedStatus"]),
            (&json!("Failed"), &json!("InvalidTarget"))
        );
    }
    put(&world, "/_fleet/resource-groups/g", &filters(&["prod"]));
    world.pass(Period::hours(1));
    assert_eq!(nodes(&world), [1, 1, 0]);
    assert_eq!(world.newest(id)["ResourceCountByStatus"], "{Pending=2}");
}

#[test]
fn a_change_of_a_group_outlives_a_restart_before_anybody_heard_of_it() {
    let mut world = World::new();
    let filters = |values: &[&str]| json!({"tag_filters": [{"key": "Env", "values": values}]});
    put(&world, "/_fleet/resource-groups/g", &filters(&["prod"]));
    let id = world.associate(&World::shell(&group("g"), &json!({"ScheduleExpression": "rate(1 hour)"})));
    let change = serde_json::from_value(filters(&["test"])).unwrap();
    let change = crate::service::WorldChange::ResourceGroup("g".to_owned(), Some(change));
    world.plane.change_world(world.now, change).unwrap();
    let bytes = world.plane.snapshot().unwrap();
    world.plane = Service::restore(World::config(), &bytes).unwrap();
    assert_eq!(world.plane.snapshot().unwrap(), bytes);
    world.settle();
    assert_eq!([ONE, TWO, THREE].map(|node| world.poll(node).len()), [0, 0, 1]);
    assert_eq!(world.newest(id)["ResourceCountByStatus"], "{Pending=1, Skipped=2}");
}

#[test]
fn a_document_of_another_account_is_known_by_its_arn_in_its_default_version() {
    let mut world = World::new();
    let arn = "arn:aws:ssm:us-east-1:999988887777:document/Theirs";
    let path = format!("/_fleet/shared-documents/{}", arn.replace('/', "%2F"));
    let content = |command: &str| {
        json!({"schemaVersion": "2.2",
            "mainSteps": [{"action": "aws:runShellScript", "name": "a", "inputs": {"runCommand": [command]}}]})
    };
    put(&world, &path, &json!({"content": content("id")}));
    let body = |name: &str, more: Value| {
        let mut body = json!({"Name": name, "Targets": [{"Key": "tag:Env", "Values": ["prod"]}]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let refusal = world.post("CreateAssociation", &body("Theirs", json!({}))).unwrap_err();
    assert_eq!(refusal.0, InvalidDocument, "not by its bare name");
    let id = world.associate(&body(arn, json!({"DocumentVersion": "7"})));
    assert_eq!(world.describe(id)["DocumentVersion"], "7");
    let got = world.post("GetDocument", &json!({"Name": arn, "DocumentVersion": "7"})).unwrap();
    assert_eq!((&got["Name"], &got["DocumentVersion"]), (&json!(arn), &json!("1")));
    let described = world.post("DescribeDocument", &json!({"Name": arn})).unwrap();
    assert_eq!(described["Document"]["Owner"], "999988887777");
    for node in [ONE, TWO] {
        world.run(node, id, Success);
    }
    let before = world.poll(ONE)[0].checksum.clone();
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    put(&world, &path, &json!({"content": content("uname").to_string()}));
    assert_eq!(world.executions(id).len(), 2, "it is another document now");
    assert_ne!(world.poll(ONE)[0].checksum, before);
    delete(&world, &path);
    assert_eq!(world.post("GetDocument", &json!({"Name": arn})).unwrap_err().0, InvalidDocument);

    for (path, body, word) in [
        ("/_fleet/shared-documents/Theirs", json!({"content": content("id")}), "arn:"),
        (path.as_str(), json!({"content": "{}"}), "schema version"),
        (path.as_str(), json!({"text": "{}"}), "text"),
    ] {
        let (status, refusal) = ask(&world, "PUT", path, &body);
        assert_eq!(status, 400);
        assert!(refusal["error"].as_str().unwrap().contains(word), "{refusal}");
    }
}
