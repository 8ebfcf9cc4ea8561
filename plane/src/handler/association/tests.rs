//! Associations as they are described, counted and listed.
//!
//! The reference's cases of CreateAssociation (B.6) go over HTTP, in the tests across crates.

use serde_json::{Value, json};
use shared::error::ErrorCode::*;

use crate::config::{PlaneConfig, UnknownTargets};
use crate::testing::{ONE, TWO, World};

fn targets(key: &str, values: &[&str]) -> Value {
    json!([{"Key": key, "Values": values}])
}

fn on_one(more: &Value) -> Value {
    World::shell(&targets("InstanceIds", &[ONE]), more)
}

#[test]
fn a_new_association_is_described_as_the_service_does() {
    let world = World::new();
    let reply = world.post("CreateAssociation", &on_one(&json!({}))).unwrap();
    let made = &reply["AssociationDescription"];
    assert_eq!(made["Overview"], json!({"Status": "Pending", "DetailedStatus": "Creating"}));
    assert_eq!((&made["AssociationVersion"], &made["DocumentVersion"]), (&json!("1"), &json!("$DEFAULT")));
    assert_eq!((&made["Date"], &made["ApplyOnlyAtCronInterval"]), (&json!(1_741_608_000), &json!(false)));
    assert_eq!(made["Date"], made["LastUpdateAssociationDate"]);
    for absent in
        ["Status", "InstanceId", "MaxConcurrency", "Tags", "LastExecutionDate", "ScheduleExpression"]
    {
        assert!(made.get(absent).is_none(), "{absent}");
    }
    world.settle();
    let overview = json!({
        "Status": "Pending", "DetailedStatus": "Associated", "AssociationStatusAggregatedCount": {"Pending": 1}
    });
    let id = made["AssociationId"].as_str().unwrap().parse().unwrap();
    assert_eq!(world.describe(id)["Overview"], overview);

    let nobody = world.associate(&World::shell(&targets("tag:Env", &["nobody"]), &json!({})));
    let overview =
        json!({"Status": "Success", "DetailedStatus": "Success", "AssociationStatusAggregatedCount": {}});
    assert_eq!(world.describe(nobody)["Overview"], overview, "there is nothing to wait for");
}

#[test]
fn an_association_that_waits_for_its_instant_stands_by_once_the_engine_saw_it() {
    let mut world = World::new();
    let stands_by = |counts: Value| {
        json!({
            "Status": "Pending", "DetailedStatus": "Associated", "AssociationStatusAggregatedCount": counts
        })
    };
    let cases = [
        json!({"ScheduleExpression": "cron(0 * * * ? *)", "ApplyOnlyAtCronInterval": true}),
        json!({"ApplyOnlyAtCronInterval": true}),
    ];
    for more in cases {
        let reply = world.post("CreateAssociation", &on_one(&more)).unwrap();
        let made = &reply["AssociationDescription"];
        let creating = json!({"Status": "Pending", "DetailedStatus": "Creating"});
        let id = made["AssociationId"].as_str().unwrap().parse().unwrap();
        assert_eq!((&made["Overview"], &world.describe(id)["Overview"]), (&creating, &creating), "{more}");
        let bytes = world.plane.snapshot().unwrap();
        world.plane = crate::service::Service::restore(World::config(), &bytes).unwrap();
        assert_eq!(world.describe(id)["Overview"], creating, "a snapshot keeps it: {more}");
        world.settle();
        assert_eq!(world.describe(id)["Overview"], stands_by(json!({})), "{more}");
        world.pass(shared::time::Period::hours(1));
        let counts = if more.get("ScheduleExpression").is_some() { json!({"Pending": 1}) } else { json!({}) };
        assert_eq!(world.describe(id)["Overview"], stands_by(counts), "{more}");
    }
}

#[test]
fn the_old_form_has_a_root_status_and_is_made_once() {
    let world = World::new();
    let body = json!({"Name": "Old12", "InstanceId": ONE});
    let made = world.post("CreateAssociation", &body).unwrap()["AssociationDescription"].clone();
    assert_eq!(made["InstanceId"], json!(ONE));
    assert_eq!(made["Status"]["Name"], json!("Associated"));
    assert_eq!(made["Status"]["Message"], json!("Associated with Old12"));
    assert_eq!(made["Targets"], targets("InstanceIds", &[ONE]));
    assert_eq!(world.post("CreateAssociation", &body).unwrap_err().0, AssociationAlreadyExists);
    let found = world.post("DescribeAssociation", &body).unwrap();
    assert_eq!(found["AssociationDescription"]["AssociationId"], made["AssociationId"]);
    let listed = |node: &str| {
        let filters =
            json!({"AssociationFilterList": [{"key": "InstanceId", "value": node}], "MaxResults": 1});
        world.post("ListAssociations", &filters).unwrap()["Associations"].as_array().unwrap().len()
    };
    world.associate(&on_one(&json!({})));
    assert_eq!((listed(ONE), listed(TWO)), (1, 0), "the old form only");
    world.post("DeleteAssociation", &body).unwrap();
    assert_eq!(listed(ONE), 0);
}

#[test]
fn the_quota_counts_living_associations() {
    let config = PlaneConfig { association_limit: 3, ..World::config() };
    let world = World::with(config);
    let ids: Vec<_> = (0..3).map(|_| world.associate(&on_one(&json!({"AssociationName": "same"})))).collect();
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "duplicates with targets are allowed");
    let refusal = world.post("CreateAssociation", &on_one(&json!({}))).unwrap_err();
    assert_eq!(refusal.0, AssociationLimitExceeded);
    world.post("DeleteAssociation", &json!({"AssociationId": ids[0]})).unwrap();
    world.associate(&on_one(&json!({})));
}

#[test]
fn unknown_nodes_may_be_named_where_that_is_set() {
    let world =
        World::with(PlaneConfig { unknown_target_instance: UnknownTargets::Accept, ..World::config() });
    let later = "i-0ddddddddddddddd1";
    let id = world.associate(&World::shell(&targets("InstanceIds", &[later]), &json!({})));
    assert_eq!(world.describe(id)["Overview"]["Status"], json!("Success"), "no target yet");
    world.ping(later, shared::status::PlatformType::Linux);
    assert_eq!(world.told(later), ["Pending"]);
}

#[test]
fn associations_are_listed_by_filters_and_in_pages() {
    let mut world = World::new();
    let ids: Vec<_> = (0..7)
        .map(|n| world.associate(&on_one(&json!({"AssociationName": format!("name{}", n % 2)}))))
        .collect();
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let reply = world.post("ListAssociations", &json!({"MaxResults": 3, "NextToken": token})).unwrap();
        let page = reply["Associations"].as_array().unwrap().clone();
        seen.extend(page.into_iter().map(|row| row["AssociationId"].as_str().unwrap().to_owned()));
        token = reply["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, ids.iter().map(ToString::to_string).collect::<Vec<_>>());

    world.run(ONE, ids[4], shared::status::AssociationStatus::Failed);
    let count = |key: &str, value: &str| {
        let filters = json!({"AssociationFilterList": [{"key": key, "value": value}]});
        world.post("ListAssociations", &filters).map(|reply| reply["Associations"].as_array().unwrap().len())
    };
    assert_eq!(count("AssociationName", "name0"), Ok(4));
    assert_eq!(count("AssociationStatusName", "Failed"), Ok(1));
    assert_eq!(count("AssociationStatusName", "Pending"), Ok(6));
    assert_eq!(count("AssociationId", &ids[2].to_string()), Ok(1));
    assert_eq!(count("Name", "Shell22"), Ok(7));
    assert_eq!(count("LastExecutedAfter", "2025-03-10T00:00:00Z"), Ok(1));
    assert_eq!(count("LastExecutedBefore", "2025-03-10T00:00:00Z"), Ok(0));
    assert_eq!(count("ResourceGroupName", "any"), Ok(0));
    assert_eq!(count("LastExecutedBefore", "noon").unwrap_err().0, ValidationException);
    assert_eq!(count("Colour", "red").unwrap_err().0, ValidationException);
    let foreign = world.post("ListAssociations", &json!({"NextToken": "foreign"}));
    assert_eq!(foreign.unwrap_err().0, InvalidNextToken);
}
