//! Inventory through the door.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::time::Period;

use crate::config::PlaneConfig;
use crate::service::Service;
use crate::testing::{GONE, ONE, THREE, TWO, World};

const CAPTURED: &str = "2025-03-10T12:00:00Z";

fn item(kind: &str, content: Value, hash: &str) -> Value {
    let mut item =
        json!({"TypeName": kind, "SchemaVersion": "1.0", "CaptureTime": CAPTURED, "ContentHash": hash});
    if !content.is_null() {
        item["Content"] = content;
    }
    item
}

fn put(world: &World, node: &str, items: &[Value]) -> Option<ErrorCode> {
    let body = json!({"InstanceId": node, "Items": items});
    world.post("PutInventory", &body).err().map(|(code, _)| code)
}

fn entries(world: &World, node: &str, kind: &str, more: Value) -> Result<Vec<String>, ErrorCode> {
    let mut body = json!({"InstanceId": node, "TypeName": kind});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let reply = world.post("ListInventoryEntries", &body).map_err(|(code, _)| code)?;
    let rows = reply["Entries"].as_array().unwrap().iter();
    Ok(rows.map(|row| row["Name"].as_str().unwrap().to_owned()).collect())
}

const APPLICATIONS: &str = "AWS:Application";

fn applications() -> Value {
    json!([{"Name": "bash", "Version": "5.2"}, {"Name": "zsh", "Version": "5.10"}, {"Name": "curl", "Version": "8.1"}])
}

#[test]
fn a_digest_alone_stands_for_what_is_known() {
    let mut world = World::new();
    assert_eq!(put(&world, ONE, &[item(APPLICATIONS, Value::Null, "a")]), Some(ItemContentMismatchException));
    assert_eq!(put(&world, ONE, &[item(APPLICATIONS, applications(), "a")]), None);
    assert_eq!(put(&world, ONE, &[item(APPLICATIONS, Value::Null, "b")]), Some(ItemContentMismatchException));
    world.pass(Period::days(20));
    let mut again = item(APPLICATIONS, Value::Null, "a");
    again["CaptureTime"] = json!("2025-03-30T12:00:00Z");
    assert_eq!(put(&world, ONE, &[again]), None);
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    let body = json!({"InstanceId": ONE, "TypeName": APPLICATIONS, "MaxResults": 2});
    let reply = world.post("ListInventoryEntries", &body).unwrap();
    assert_eq!(reply["CaptureTime"], "2025-03-30T12:00:00Z");
    assert_eq!(reply["Entries"], json!([applications()[0], applications()[1]]));
    let token = json!({"NextToken": reply["NextToken"], "MaxResults": 2});
    assert_eq!(entries(&world, ONE, APPLICATIONS, token), Ok(vec!["curl".to_owned()]));
    assert_eq!(entries(&world, ONE, APPLICATIONS, json!({"NextToken": "x"})), Err(InvalidNextToken));
    world.pass(Period::days(20));
    assert_eq!(entries(&world, ONE, APPLICATIONS, json!({})).unwrap().len(), 3);
    world.pass(Period::days(11));
    assert_eq!(entries(&world, ONE, APPLICATIONS, json!({})), Ok(vec![]), "30 days after the last word");
    assert_eq!(put(&world, ONE, &[item(APPLICATIONS, Value::Null, "a")]), Some(ItemContentMismatchException));
}

#[test]
fn what_is_wrong_with_an_upload_is_refused_by_name() {
    let config = PlaneConfig {
        inventory_item_limit: 40,
        inventory_node_limit: 60,
        custom_inventory_types: 2,
        ..World::config()
    };
    let world = World::with(config);
    let one = |name: &str| json!([{"Name": name}]);
    let mut with_context = item("AWS:File", one("a"), "a");
    with_context["Context"] = json!({"a": "b"});
    let mut newer = item("AWS:File", one("a"), "a");
    newer["SchemaVersion"] = json!("1.1");
    let mut bare = item("AWS:File", Value::Null, "");
    bare.as_object_mut().unwrap().remove("ContentHash");
    let mut late = item("AWS:File", one("a"), "a");
    late["CaptureTime"] = json!("yesterday");
    let long = "x".repeat(30);
    let cases = [
        (ONE, vec![with_context], UnsupportedInventoryItemContextException),
        (ONE, vec![newer], UnsupportedInventorySchemaVersionException),
        (ONE, vec![bare], InvalidItemContentException),
        (ONE, vec![item("AWS:Thing", one("a"), "a")], InvalidTypeNameException),
        (ONE, vec![item("Custom:", one("a"), "a")], InvalidTypeNameException),
        (ONE, vec![item("AWS:InstanceInformation", one("a"), "a")], InvalidTypeNameException),
        (ONE, vec![item("Thing", one("a"), "a")], ValidationException),
        (ONE, vec![late], ValidationException),
        (ONE, vec![], ValidationException),
        (ONE, vec![item("AWS:File", json!([{"Name": 5}]), "a")], SerializationException),
        (
            ONE,
            vec![item("AWS:File", one("a"), "a"), item("AWS:File", one("b"), "b")],
            InvalidItemContentException,
        ),
        (ONE, vec![item("AWS:File", one(&"x".repeat(37)), "a")], ItemSizeLimitExceededException),
        (
            ONE,
            vec![item("AWS:File", one(&long), "a"), item("AWS:Network", one(&long), "a")],
            TotalSizeLimitExceededException,
        ),
        (
            ONE,
            ["1", "2", "3"].map(|kind| item(&format!("Custom:{kind}"), one("a"), "a")).to_vec(),
            CustomSchemaCountLimitExceededException,
        ),
        (GONE, vec![item("AWS:File", one("a"), "a")], InvalidInstanceId),
        ("i-0ddddddddddddddd1", vec![item("AWS:File", one("a"), "a")], InvalidInstanceId),
    ];
    for (index, (node, items, code)) in cases.into_iter().enumerate() {
        assert_eq!(put(&world, node, &items), Some(code), "case {index}");
    }
    assert_eq!(entries(&world, ONE, "AWS:File", json!({})), Ok(vec![]), "nothing of a refused call is kept");
    assert_eq!(put(&world, ONE, &[item("AWS:File", one(&long), "a")]), None);
    assert_eq!(
        put(&world, ONE, &[item("AWS:Network", one(&long), "a")]),
        Some(TotalSizeLimitExceededException)
    );
    assert_eq!(
        put(&world, ONE, &[item("AWS:File", one(&long), "b")]),
        None,
        "what is replaced does not count"
    );
    assert_eq!(put(&world, TWO, &[item("Custom:1", one("a"), "a"), item("Custom:2", one("a"), "a")]), None);
    assert_eq!(put(&world, THREE, &[item("Custom:2", one("a"), "a")]), None, "the account has it already");
    assert_eq!(
        put(&world, THREE, &[item("Custom:3", one("a"), "a")]),
        Some(CustomSchemaCountLimitExceededException)
    );
}

fn found(world: &World, body: &Value) -> Result<Vec<String>, ErrorCode> {
    let reply = world.post("GetInventory", body).map_err(|(code, _)| code)?;
    let rows = reply["Entities"].as_array().unwrap().iter();
    Ok(rows.map(|row| row["Id"].as_str().unwrap().to_owned()).collect())
}

#[test]
fn nodes_are_found_by_what_is_on_them() {
    let world = World::new();
    put(&world, ONE, &[item(APPLICATIONS, applications(), "a")]);
    put(&world, TWO, &[item(APPLICATIONS, json!([{"Name": "bash", "Version": "4.4"}]), "b")]);
    let filter = |key: &str, kind: &str, values: &[&str]| {
        found(&world, &json!({"Filters": [{"Key": key, "Type": kind, "Values": values}]}))
    };
    let own = |nodes: &[&str]| Ok(nodes.iter().map(|node| (*node).to_owned()).collect::<Vec<_>>());
    assert_eq!(found(&world, &json!({})), own(&[ONE, TWO, THREE]));
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        ("AWS:Application.Name", "Equal", &["zsh", "fish"], &[ONE]),
        ("AWS:Application.Name", "NotEqual", &["bash"], &[ONE]),
        ("AWS:Application.Name", "BeginWith", &["ba"], &[ONE, TWO]),
        ("AWS:Application.Version", "LessThan", &["5.0"], &[TWO]),
        ("AWS:Application.Version", "GreaterThan", &["5.9"], &[ONE]),
        ("AWS:Application.Name", "Exists", &["true"], &[ONE, TWO]),
        ("AWS:Application.Name", "Exists", &["false"], &[THREE]),
        ("AWS:InstanceInformation.PlatformType", "Equal", &["Windows"], &[THREE]),
        ("AWS:InstanceInformation.InstanceId", "Equal", &[TWO], &[TWO]),
    ];
    for (key, kind, values, nodes) in cases {
        assert_eq!(filter(key, kind, values), own(nodes), "{key} {kind} {values:?}");
    }
    let both = json!({"Filters": [
        {"Key": "AWS:Application.Name", "Values": ["bash"]},
        {"Key": "AWS:InstanceInformation.InstanceId", "Values": [ONE, THREE]},
    ]});
    assert_eq!(found(&world, &both), own(&[ONE]));
    assert_eq!(filter("Name", "Equal", &["x"]), Err(InvalidFilter));
    assert_eq!(filter("Custom:None.Name", "Equal", &["x"]), Err(InvalidFilter));
    assert_eq!(filter("AWS:Application.Name", "Like", &["x"]), Err(ValidationException));
    let by_type = |kind: &str| found(&world, &json!({"ResultAttributes": [{"TypeName": kind}]}));
    assert_eq!(by_type("AWS:Thing"), Err(InvalidResultAttributeException));

    let page =
        |token: Value| world.post("GetInventory", &json!({"MaxResults": 2, "NextToken": token})).unwrap();
    let first = page(Value::Null);
    let expected = json!({"Id": ONE, "Data": {"AWS:InstanceInformation": {
        "TypeName": "AWS:InstanceInformation", "SchemaVersion": "1.0", "CaptureTime": CAPTURED,
        "Content": [{"AgentType": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "ComputerName": format!("{ONE}.internal"),
            "InstanceId": ONE, "InstanceStatus": "Active", "IpAddress": "10.0.0.5", "PlatformName": "P",
            "PlatformType": "Linux", "PlatformVersion": "1", "ResourceType": "EC2Instance"}],
    }}});
    assert_eq!(first["Entities"][0], expected);
    let second = page(first["NextToken"].clone());
    assert_eq!(second["Entities"].as_array().unwrap().len(), 1);
    let shown =
        world.post("GetInventory", &json!({"ResultAttributes": [{"TypeName": APPLICATIONS}]})).unwrap();
    assert_eq!(shown["Entities"][1]["Data"][APPLICATIONS]["ContentHash"], "b");
    assert_eq!(shown["Entities"][2]["Data"], json!({}));

    let of_one = |filter: Value| entries(&world, ONE, APPLICATIONS, json!({"Filters": [filter]}));
    assert_eq!(
        of_one(json!({"Key": "Name", "Type": "BeginWith", "Values": ["z", "c"]})),
        own(&["zsh", "curl"])
    );
    assert_eq!(of_one(json!({"Key": "AWS:Application.Name", "Values": ["zsh"]})), own(&["zsh"]));
    assert_eq!(of_one(json!({"Key": "AWS:File.Name", "Values": ["zsh"]})), Err(InvalidFilter));
    assert_eq!(entries(&world, ONE, "AWS:Thing", json!({})), Err(InvalidTypeNameException));
    assert_eq!(entries(&world, GONE, APPLICATIONS, json!({})), Err(InvalidInstanceId));
}

#[test]
fn values_and_their_combinations_are_counted_over_nodes() {
    let world = World::new();
    put(&world, ONE, &[item(APPLICATIONS, applications(), "a")]);
    put(
        &world,
        TWO,
        &[item(
            APPLICATIONS,
            json!([{"Name": "bash", "Version": "5.1"}, {"Name": "bash", "Version": "5.2"}]),
            "a",
        )],
    );
    let count = |aggregators: Value| {
        let reply =
            world.post("GetInventory", &json!({"Aggregators": aggregators})).map_err(|(code, _)| code)?;
        assert!(reply.get("NextToken").is_none() && reply["Entities"][0].get("Id").is_none());
        Ok::<_, ErrorCode>(reply["Entities"][0]["Data"].clone())
    };
    let platforms = count(json!([{"Expression": "AWS:InstanceInformation.PlatformType"}])).unwrap();
    let rows = json!([{"PlatformType": "Linux", "Count": "2"}, {"PlatformType": "Windows", "Count": "1"}]);
    assert_eq!(platforms, json!({"AWS:InstanceInformation": {"Content": rows}}));
    let names = count(json!([{"Expression": "AWS:Application.Name"}])).unwrap();
    let rows = json!([
        {"Name": "bash", "Count": "2"}, {"Name": "curl", "Count": "1"}, {"Name": "zsh", "Count": "1"},
    ]);
    assert_eq!(names, json!({"AWS:Application": {"Content": rows}}), "a node counts once");
    let nested = json!([{"Expression": "AWS:Application.Name", "Aggregators": [
        {"Expression": "AWS:Application.Version", "Aggregators": [
            {"Expression": "AWS:InstanceInformation.PlatformType"},
        ]},
    ]}]);
    let rows = count(nested).unwrap()["AWS:Application"]["Content"].clone();
    let row = |name: &str, version: &str, count: &str| json!({"Name": name, "Version": version, "PlatformType": "Linux", "Count": count});
    let expected = json!([
        row("bash", "5.1", "1"),
        row("bash", "5.2", "2"),
        row("curl", "8.1", "1"),
        row("zsh", "5.10", "1")
    ]);
    assert_eq!(rows, expected);
    let filter = json!([{"Key": "AWS:InstanceInformation.InstanceId", "Values": [ONE]}]);
    let body = json!({"Filters": filter, "Aggregators": [{"Expression": "AWS:Application.Name"}]});
    let reply = world.post("GetInventory", &body).unwrap();
    assert_eq!(reply["Entities"][0]["Data"][APPLICATIONS]["Content"].as_array().unwrap().len(), 3);
    for wrong in
        [json!([{"Expression": "AWS:Application"}]), json!([{"Expression": "AWS:None.Name"}]), json!([{}])]
    {
        assert_eq!(count(wrong.clone()).unwrap_err(), InvalidAggregatorException, "{wrong}");
    }
    let small = World::with(PlaneConfig { aggregated_nodes_limit: 2, ..World::config() });
    let refusal =
        small.post("GetInventory", &json!({"Aggregators": [{"Expression": "AWS:Application.Name"}]}));
    assert_eq!(refusal.unwrap_err().0, InvalidAggregatorException);
}

#[test]
fn groups_count_the_nodes_that_match_and_the_others() {
    let world = World::new();
    let file = "AWS:File";
    put(&world, ONE, &[item(APPLICATIONS, applications(), "a"), item(file, json!([{"Name": "x"}]), "b")]);
    put(&world, TWO, &[item(file, json!([{"Name": "y"}]), "b")]);
    let has = |kinds: &[&str]| json!({"Key": "TypeName", "Values": kinds, "Type": "Exists"});
    let groups = json!([
        {"Name": "Both", "Filters": [has(&[APPLICATIONS]), has(&[file])]},
        {"Name": "Either", "Filters": [has(&[APPLICATIONS, file])]},
        {"Name": "Y", "Filters": [{"Key": "AWS:File.Name", "Values": ["y"]}]},
    ]);
    let reply = world.post("GetInventory", &json!({"Aggregators": [{"Groups": groups}]})).unwrap();
    let counts = |others: &str, matching: &str| json!({"Content": [{"notMatchingCount": others}, {"matchingCount": matching}]});
    let expected = json!({"Both": counts("2", "1"), "Either": counts("1", "2"), "Y": counts("2", "1")});
    assert_eq!(reply["Entities"], json!([{"Data": expected}]));
    let wrong = json!([{"Groups": [{"Name": "x", "Filters": [has(&["AWS:None"])]}]}]);
    let refusal = world.post("GetInventory", &json!({"Aggregators": wrong})).unwrap_err();
    assert_eq!(refusal.0, InvalidInventoryGroupException);
}
