//! Activations: made, listed, used up, run out, taken back.

use serde_json::{Value, json};
use shared::error::ErrorCode::{self, *};
use shared::time::Period;

use crate::service::Service;
use crate::testing::World;

const UUID: &str = "57c76b12-b73e-41bc-aaf9-3fffb51e7fbc";

fn key() -> String {
    format!("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA{}IDAQAB", "B".repeat(342))
}

fn post(world: &World, operation: &str, body: &Value) -> Result<Value, ErrorCode> {
    world.post(operation, body).map_err(|(code, _)| code)
}

fn create(world: &World, more: &Value) -> Value {
    let mut body = json!({"IamRole": "Nodes"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    world.post("CreateActivation", &body).unwrap()
}

fn register(world: &World, activation: &Value) -> Result<String, ErrorCode> {
    let mut body = activation.clone();
    body.as_object_mut().unwrap().extend(
        json!({"Fingerprint": UUID, "PublicKey": key(), "PublicKeyType": "Rsa"}).as_object().unwrap().clone(),
    );
    post(world, "RegisterManagedInstance", &body)
        .map(|reply| reply["InstanceId"].as_str().unwrap().to_owned())
}

fn listed(world: &World, body: &Value) -> Vec<Value> {
    let reply = world.post("DescribeActivations", body).unwrap();
    reply["ActivationList"].as_array().unwrap().clone()
}

#[test]
fn an_activation_lets_in_as_many_as_it_says_and_marks_them() {
    let mut world = World::new();
    let tags = json!([{"Key": "Env", "Value": "edge"}, {"Key": "Site", "Value": "north"}]);
    let activation = create(
        &world,
        &json!({"RegistrationLimit": 2, "Tags": tags, "DefaultInstanceName": "till", "Description": "tills"}),
    );
    assert_eq!(activation["ActivationCode"].as_str().unwrap().len(), 20);
    let target = json!([{"Key": "tag:Site", "Values": ["north"]}]);
    let id = world.associate(&World::shell(&target, &json!({})));
    let first = register(&world, &activation).unwrap();
    let second = register(&world, &activation).unwrap();
    assert!(first.starts_with("mi-") && first.len() == 20 && first != second, "{first} {second}");
    assert_eq!(register(&world, &activation), Err(RegistrationLimitExceeded));
    world.settle();
    let due = world.post("ListInstanceAssociations", &json!({"InstanceId": first})).unwrap();
    assert_eq!(due["Associations"][0]["AssociationId"], id.to_string(), "its tags hold from its birth");

    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    let shown = &listed(&world, &json!({}))[0];
    let expected = json!({
        "ActivationId": activation["ActivationId"], "Description": "tills", "DefaultInstanceName": "till",
        "IamRole": "Nodes", "RegistrationLimit": 2, "RegistrationsCount": 2, "Expired": false,
        "ExpirationDate": 1_741_608_000 + 24 * 3600, "CreatedDate": 1_741_608_000, "Tags": tags,
    });
    assert_eq!(*shown, expected);
    world.ping(&first, shared::status::PlatformType::Linux);
    let own = json!({"Filters": [{"Key": "ActivationIds", "Values": [activation["ActivationId"]]}]});
    let reply = world.post("DescribeInstanceInformation", &own).unwrap();
    let nodes = reply["InstanceInformationList"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    let node = nodes.iter().find(|node| node["InstanceId"] == first).unwrap();
    let expected = [
        ("Name", json!("till")),
        ("ActivationId", activation["ActivationId"].clone()),
        ("IamRole", json!("Nodes")),
        ("RegistrationDate", json!(1_741_608_000)),
        ("ResourceType", json!("ManagedInstance")),
        ("SourceType", json!("AWS::SSM::ManagedInstance")),
        ("PingStatus", json!("Online")),
    ];
    for (key, value) in expected {
        assert_eq!(node[key], value, "{key}");
    }
    let role = json!({"Filters": [{"Key": "IamRole", "Values": ["Nodes"]}]});
    let reply = world.post("DescribeInstanceInformation", &role).unwrap();
    assert_eq!(reply["InstanceInformationList"].as_array().unwrap().len(), 2);
    let properties = json!({"FiltersWithOperator": [
        {"Key": "ActivationIds", "Operator": "Equal", "Values": [activation["ActivationId"]]},
    ]});
    let reply = world.post("DescribeInstanceProperties", &properties).unwrap();
    assert_eq!(reply["InstanceProperties"].as_array().unwrap().len(), 2);
    assert_eq!(reply["InstanceProperties"][0]["Name"], "till");
    assert_eq!(register(&world, &activation), Err(RegistrationLimitExceeded), "a restart gives no more");
}

#[test]
fn an_activation_that_ended_or_is_not_there_lets_nobody_in() {
    let mut world = World::new();
    let own = create(&world, &json!({"RegistrationLimit": 1000}));
    let with = |key: &str, value: &str| {
        let mut body = own.clone();
        body[key] = json!(value);
        register(&world, &body)
    };
    assert_eq!(with("ActivationCode", &"0".repeat(20)), Err(InvalidActivation));
    assert_eq!(with("ActivationId", &"0".repeat(36)), Err(InvalidActivationId));
    assert_eq!(with("ActivationId", "11111111-2222-4333-8444-555555555555"), Err(InvalidActivationId));
    let only_code = json!({"ActivationCode": own["ActivationCode"]});
    assert_eq!(register(&world, &only_code), Err(InvalidActivationId));
    for (key, value) in [("PublicKey", json!("A".repeat(392))), ("PublicKeyType", json!("Ed25519"))] {
        let mut body = json!({"Fingerprint": UUID, "PublicKey": self::key(), "PublicKeyType": "Rsa"});
        body[key] = value;
        assert_eq!(post(&world, "RegisterManagedInstance", &body), Err(InvalidPublicKey), "{key}");
    }
    assert!(register(&world, &own).is_ok());
    let deleted = create(&world, &json!({}));
    post(&world, "DeleteActivation", &json!({"ActivationId": deleted["ActivationId"]})).unwrap();
    assert_eq!(register(&world, &deleted), Err(InvalidActivation));
    world.pass(Period::hours(24));
    assert_eq!(register(&world, &own), Err(ActivationExpired));
    assert_eq!(listed(&world, &json!({}))[0]["Expired"], true);
    world.plane = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    let again = post(&world, "DeleteActivation", &json!({"ActivationId": deleted["ActivationId"]}));
    assert_eq!(again, Err(InvalidActivation), "deleted ones are remembered");
    let unknown = json!({"ActivationId": "11111111-2222-4333-8444-555555555555"});
    assert_eq!(post(&world, "DeleteActivation", &unknown), Err(InvalidActivationId));
}

#[test]
fn what_an_activation_cannot_be_is_refused() {
    let world = World::new();
    let now = 1_741_608_000;
    let day = 24 * 3600;
    let cases = [
        (json!({"RegistrationLimit": 0}), ValidationException),
        (json!({"RegistrationLimit": 1001}), ValidationException),
        (json!({"IamRole": ""}), InvalidParameters),
        (json!({"IamRole": "r".repeat(65)}), ValidationException),
        (json!({"DefaultInstanceName": "a*b"}), ValidationException),
        (json!({"ExpirationDate": now}), InvalidParameters),
        (json!({"ExpirationDate": now + 30 * day + 1}), InvalidParameters),
        (json!({"Tags": [{"Key": "aws:x", "Value": "y"}]}), InvalidParameters),
        (json!({"Tags": [{"Key": "x", "Value": "y"}, {"Key": "x", "Value": "z"}]}), InvalidParameters),
    ];
    for (more, code) in cases {
        let mut body = json!({"IamRole": "Nodes"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(post(&world, "CreateActivation", &body), Err(code), "{more}");
    }
    assert_eq!(post(&world, "CreateActivation", &json!({})), Err(ValidationException), "a role is needed");
    create(&world, &json!({"ExpirationDate": now + 30 * day, "RegistrationLimit": 1000}));
    let default = create(&world, &json!({}));
    let one = json!({"Filters": [{"FilterKey": "ActivationIds", "FilterValues": [default["ActivationId"]]}]});
    assert_eq!(listed(&world, &one)[0]["RegistrationLimit"], 1);
}

#[test]
fn activations_are_listed_in_pages_and_by_filters() {
    let world = World::new();
    for number in 0..5 {
        let (role, name) = (format!("Role{}", number % 2), format!("name{number}"));
        create(&world, &json!({"IamRole": role, "DefaultInstanceName": name}));
    }
    let mut ids = Vec::new();
    let mut body = json!({"MaxResults": 2});
    loop {
        let reply = world.post("DescribeActivations", &body).unwrap();
        let page = reply["ActivationList"].as_array().unwrap();
        ids.extend(page.iter().map(|one| one["ActivationId"].as_str().unwrap().to_owned()));
        match reply.get("NextToken") {
            Some(token) => body["NextToken"] = token.clone(),
            None => break,
        }
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((ids.len(), &ids), (5, &sorted));
    let count = |key: &str, values: &[&str]| {
        listed(&world, &json!({"Filters": [{"FilterKey": key, "FilterValues": values}]})).len()
    };
    assert_eq!(count("IamRole", &["Role0"]), 3);
    assert_eq!(count("DefaultInstanceName", &["name1", "name2", "x"]), 2);
    assert_eq!(count("ActivationIds", &[&ids[0]]), 1);
    let refusals = [
        (json!({"Filters": [{"FilterKey": "Colour", "FilterValues": ["red"]}]}), ValidationException),
        (json!({"Filters": [{"FilterKey": "IamRole"}]}), InvalidFilter),
        (json!({"Filters": [{"FilterValues": ["x"]}]}), InvalidFilter),
        (json!({"NextToken": "x"}), InvalidNextToken),
        (json!({"MaxResults": 51}), ValidationException),
    ];
    for (body, code) in refusals {
        assert_eq!(post(&world, "DescribeActivations", &body), Err(code), "{body}");
    }
}

#[test]
fn a_role_registers_without_an_activation() {
    let world = World::new();
    let body = json!({
        "Fingerprint": UUID, "PublicKey": key(), "IamRole": "Core", "Tags": [{"Key": "Env", "Value": "edge"}],
    });
    let reply = post(&world, "RegisterManagedInstance", &body).unwrap();
    let filter = json!({"Filters": [{"Key": "tag:Env", "Values": ["edge"]}]});
    let listed = world.post("DescribeInstanceInformation", &filter).unwrap();
    let node = &listed["InstanceInformationList"][0];
    assert_eq!((&node["InstanceId"], &node["IamRole"]), (&reply["InstanceId"], &json!("Core")));
}
