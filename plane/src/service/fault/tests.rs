//! What clients and agents see of a fault, and that it is over once it is lifted.

use axum::http::HeaderMap;
use serde_json::{Value, json};
use shared::error::ErrorCode;
use shared::id::AssociationId;
use shared::status::AssociationStatus::{InProgress, Success};
use shared::status::PlatformType;
use shared::time::Period;

use super::*;
use crate::service::Memory;
use crate::testing::{ONE, THREE, TWO, World};

fn inject(world: &World, name: &str, injection: &Value) {
    let injection = serde_json::from_value(injection.clone()).unwrap();
    world.plane.inject_fault(world.now, name, injection).unwrap();
}

fn prod() -> Value {
    json!([{"Key": "tag:Env", "Values": ["prod"]}])
}

fn listed(world: &World) -> usize {
    world.post("ListAssociations", &json!({})).unwrap()["Associations"].as_array().unwrap().len()
}

#[test]
fn calls_beyond_the_rate_are_throttled_until_the_fault_is_lifted() {
    let mut world = World::new();
    inject(
        &world,
        "slow",
        &json!({"fault": {"throttling": {"rate": 1, "operations": ["ListAssociations"]}}}),
    );
    let list = |world: &World| world.post("ListAssociations", &json!({})).map(drop).map_err(|(code, _)| code);
    assert_eq!(list(&world), Ok(()));
    assert_eq!(list(&world), Err(ErrorCode::ThrottlingException));
    assert!(world.post("ListDocuments", &json!({})).is_ok(), "another operation");
    world.pass(Period::seconds(1));
    assert_eq!((list(&world), list(&world)), (Ok(()), Err(ErrorCode::ThrottlingException)));
    assert!(world.plane.lift_fault("slow"));
    assert!((0..10).all(|_| list(&world) == Ok(())));
    let calls = |calls| [("ListAssociations".to_owned(), calls)].into();
    let struck = |calls_struck| [(("slow".to_owned(), "throttling"), calls(calls_struck))].into();
    assert_eq!(world.plane.struck_calls(), struck(2), "it is told after it was lifted");
}

#[test]
fn what_faults_strike_is_counted_by_name_kind_and_operation() {
    let world = World::new();
    inject(&world, "it", &json!({"fault": {"plane-latency": {"delay": "3s"}}, "nodes": [ONE]}));
    for node in [ONE, ONE, TWO] {
        world.plane.delay("GetDocument", || json!({"InstanceId": node}).to_string());
    }
    inject(&world, "it", &json!({"fault": {"stale-reads": {"by": "30s"}}}));
    inject(&world, "other", &json!({"fault": {"server-error": {"operations": ["CreateAssociation"]}}}));
    listed(&world);
    world.plane.respond(world.now, "AmazonSSM.CreateAssociation", b"{}");
    let expected = [
        (("it".to_owned(), "plane-latency"), [("GetDocument".to_owned(), 2)].into()),
        (("it".to_owned(), "stale-reads"), [("ListAssociations".to_owned(), 1)].into()),
    ];
    let struck = world.plane.struck_calls();
    for (fault, calls) in expected {
        assert_eq!(struck.get(&fault), Some(&calls), "{fault:?} in {struck:?}");
    }
}

#[test]
fn an_error_of_the_server_has_its_status_and_no_effect() {
    let world = World::new();
    let fault =
        json!({"server-error": {"operations": ["CreateAssociation"], "error": "service-unavailable"}});
    inject(&world, "down", &json!({"fault": fault}));
    let body = World::shell(&prod(), &json!({})).to_string();
    let create = || world.plane.respond(world.now, "AmazonSSM.CreateAssociation", body.as_bytes());
    let response = create();
    assert_eq!(response.status, 503);
    assert!(String::from_utf8(response.body).unwrap().contains("ServiceUnavailable"));
    assert_eq!(listed(&world), 0);
    world.plane.lift_fault("down");
    assert_eq!((create().status, listed(&world)), (200, 1));
}

#[test]
fn no_fault_strikes_an_attendant() {
    let world = World::new();
    world.associate(&World::shell(&prod(), &json!({})));
    let headers = |is_attendant: bool| {
        let target = ("x-amz-target", "AmazonSSM.ListAssociations");
        let attendant = is_attendant.then_some((crate::auth::ATTENDANT, "1"));
        let headers = [target].into_iter().chain(attendant);
        headers.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>()
    };
    let list = |world: &World, is_attendant| {
        let response = world.plane.respond_signed(world.now, &headers(is_attendant), b"{}");
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        (response.status, body["Associations"].as_array().map(Vec::len))
    };
    inject(&world, "stale", &json!({"fault": {"stale-reads": {"by": "10h"}}}));
    world.associate(&World::shell(&prod(), &json!({"AssociationName": "second"})));
    assert_eq!((list(&world, false), list(&world, true)), ((200, Some(1)), (200, Some(2))));
    inject(&world, "down", &json!({"fault": {"server-error": {}}}));
    assert_eq!((list(&world, false), list(&world, true)), ((500, None), (200, Some(2))));
}

#[test]
fn a_fault_of_some_nodes_strikes_their_calls_only() {
    let world = World::new();
    inject(&world, "one", &json!({"fault": {"server-error": {}}, "nodes": [ONE]}));
    let poll = |node: &str| {
        world.plane.respond(
            world.now,
            "AmazonSSM.ListInstanceAssociations",
            json!({"InstanceId": node}).to_string().as_bytes(),
        )
    };
    assert_eq!((poll(ONE).status, poll(TWO).status, listed(&world)), (500, 200, 0));
    // It is not the node that tags it.
    world.tag(ONE, "Role", "canary");
    let delay = |node: &str| world.plane.delay("GetDocument", || json!({"InstanceId": node}).to_string());
    inject(&world, "one", &json!({"fault": {"plane-latency": {"delay": "3s"}}, "nodes": [ONE]}));
    assert_eq!((delay(ONE), delay(TWO)), (Period::seconds(3), Period::ZERO));
}

#[test]
fn a_fault_that_is_aimed_anew_goes_on_where_it_was() {
    let world = World::new();
    let fault = json!({"throttling": {"rate": 0.001, "burst": 3}});
    inject(&world, "slow", &json!({"fault": fault, "nodes": [ONE]}));
    let poll = |node: &str| {
        let body = json!({"InstanceId": node}).to_string();
        world.plane.respond(world.now, "AmazonSSM.ListInstanceAssociations", body.as_bytes()).status
    };
    assert_eq!((poll(ONE), poll(ONE), poll(TWO)), (200, 200, 200));
    let [one, two, three] = [ONE, TWO, THREE].map(|node| node.parse().unwrap());
    assert!(world.plane.aim_fault("slow", one, two));
    assert_eq!((poll(TWO), poll(TWO), poll(ONE)), (200, 400, 200), "one token was left");
    assert!(!world.plane.aim_fault("fast", one, two));
    inject(&world, "all", &json!({"fault": {"plane-latency": {"delay": "3s"}}}));
    assert!(!world.plane.aim_fault("all", one, three), "it stands for everybody");
    let body = json!({"InstanceId": ONE}).to_string();
    assert_eq!(world.plane.delay("GetDocument", || &body), Period::seconds(3));
}

#[test]
fn a_write_that_is_dropped_looks_as_if_it_were_done() {
    let mut world = World::new();
    let id = world.associate(&World::shell(&prod(), &json!({})));
    inject(&world, "lossy", &json!({"fault": {"dropped-writes": {}}}));

    world.report(ONE, id, InProgress).unwrap();
    assert_eq!(world.told(ONE), ["Pending"], "the report was taken and is not known");
    let reply = world.post("CreateAssociation", &World::shell(&prod(), &json!({}))).unwrap();
    let lost: AssociationId =
        reply["AssociationDescription"]["AssociationId"].as_str().unwrap().parse().unwrap();
    assert_eq!(listed(&world), 1);
    let refused = world.post("CreateAssociation", &json!({"Name": "NoSuch", "Targets": prod()})).unwrap_err();
    assert_eq!(refused.0, ErrorCode::InvalidDocument, "what is wrong is refused all the same");

    world.plane.lift_fault("lossy");
    let next = world.associate(&World::shell(&prod(), &json!({})));
    assert!(lost != next && lost != id, "no id is given twice");
    world.run(ONE, id, Success);
    assert_eq!(world.told(ONE)[0], "Success");
}

#[test]
fn stale_reads_tell_what_was_so_a_while_ago() {
    let mut world = World::new();
    inject(&world, "replica", &json!({"fault": {"stale-reads": {"by": "30s"}}}));
    let id = world.associate(&World::shell(&prod(), &json!({})));
    assert_eq!((listed(&world), world.poll(ONE).len()), (0, 0));
    world.pass(Period::seconds(20));
    assert_eq!(listed(&world), 0);
    world.pass(Period::seconds(15));
    assert_eq!((listed(&world), world.poll(ONE).len()), (1, 1), "the copy has caught up");
    world.run(ONE, id, Success);
    assert_eq!(world.told(ONE), ["Pending"]);
    world.plane.lift_fault("replica");
    assert_eq!(world.told(ONE), ["Success"]);
}

#[test]
fn a_snapshot_has_no_faults_and_a_restart_does_not_lift_them() {
    let world = World::new();
    inject(&world, "down", &json!({"fault": {"server-error": {"operations": ["ListAssociations"]}}}));
    let copy = Service::restore(World::config(), &world.plane.snapshot().unwrap()).unwrap();
    assert!(copy.faults().is_empty());
    world.plane.restart(world.now, Memory::Kept).unwrap();
    let code = world.plane.respond(world.now, "AmazonSSM.ListAssociations", b"{}").status;
    assert_eq!(code, 500);
}

#[test]
fn a_plane_that_is_started_anew_knows_what_it_knew_or_nothing() {
    let mut world = World::new();
    let id = world.associate(&World::shell(&prod(), &json!({"ScheduleExpression": "rate(30 minutes)"})));
    world.run(ONE, id, Success);
    world.run(TWO, id, Success);
    let before = world.plane.snapshot().unwrap();
    world.plane.restart(world.now, Memory::Kept).unwrap();
    assert!(world.plane.snapshot().unwrap() == before, "all of it");
    world.now += Period::minutes(45);
    world.settle();
    assert_eq!(world.executions(id).len(), 2, "the round whose instant was missed is caught up");

    world.plane.restart(world.now, Memory::Lost).unwrap();
    assert_eq!(listed(&world), 0);
    assert_eq!(
        world.post("ListDocuments", &json!({"Filters": [{"Key": "Owner", "Values": ["Self"]}]})).unwrap()["DocumentIdentifiers"],
        json!([])
    );
    world.ping(ONE, PlatformType::Linux);
    world.tag(ONE, "Env", "prod");
    let other = json!({"Name": "AWS-RunShellScript", "Parameters": {"commands": ["id"]}, "Targets": prod()});
    assert_ne!(world.associate(&other), id, "no id is given twice");
}
