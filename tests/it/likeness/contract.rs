//! A real agent is satisfied: each request of the recordings, its headers as they
//! were, goes to our plane over a socket, and the answer must hold what the agent
//! takes unseen or waits for.
//!
//! What the plane does not answer yet is listed by name; an entry that it answers
//! must go. The plane and how it is asked are in [`plane`].

mod plane;

use std::collections::{BTreeMap, BTreeSet};

use ::plane::config::{PlaneConfig, Steering};
use plane::{NODE, OLD_CONTENT, OLD_DOCUMENT, Plane, Reply};
use serde_json::{Value, json};

use super::json::Json;
use super::recording::{Call, Lane, read};
use super::{ONE_ASSOCIATION, RECORDINGS};

/// What our plane does not answer yet, and why.
const MISSING: &[(&str, &str)] = &[];

const REPORT: &str = "UpdateInstanceAssociationStatus";

/// What the agent takes unseen of an answer, or waits for; nothing, if all is there.
fn lacking(call: &Call, reply: &Reply) -> Option<String> {
    let body = &reply.body;
    let expected = if call.operation == "CreateControlChannel" { 201 } else { 200 };
    if reply.status != expected {
        return Some(format!("status {expected}: {} {}", reply.status, reply.text));
    }
    let absent = |keys: &[&str], value: &Value| {
        keys.iter().find(|key| value.pointer(key).is_none_or(Value::is_null)).map(|key| (*key).to_owned())
    };
    match call.operation.as_str() {
        "RegisterManagedInstance" => absent(&["/InstanceId"], body),
        "RequestManagedInstanceRoleToken" => absent(
            &["/AccessKeyId", "/SecretAccessKey", "/SessionToken", "/TokenExpirationDate", "/UpdateKeyPair"],
            body,
        )
        .or_else(|| (!body["TokenExpirationDate"].is_number()).then(|| "a number of seconds".to_owned()))
        .or_else(|| (!body["UpdateKeyPair"].is_boolean()).then(|| "a truth value".to_owned())),
        "ListInstanceAssociations" => {
            let keys = ["/AssociationId", "/InstanceId", "/Name", "/DocumentVersion", "/Checksum"];
            let list = body["Associations"].as_array().map_or(&[][..], Vec::as_slice);
            let lacks = list.iter().find_map(|association| absent(&keys, association));
            let is_text = |key: &str| body[key].is_null() || body[key].is_string();
            let is_known = |association: &Value| {
                let known = ["Pending", "Associated", "InProgress", "Success", "Failed", "TimedOut"];
                association["DetailedStatus"].as_str().is_some_and(|status| known.contains(&status))
            };
            lacks
                .or_else(|| list.is_empty().then(|| "an association".to_owned()))
                .or_else(|| {
                    (!list.iter().all(is_known)).then(|| "a DetailedStatus that it understands".to_owned())
                })
                .or_else(|| (!is_text("NextToken")).then(|| "a NextToken that is a text".to_owned()))
        }
        "GetDocument" => {
            let content = body["Content"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            content.is_none_or(|content| !content.is_object()).then(|| "Content that is JSON".to_owned())
        }
        "ListAssociations" => absent(&["/Associations/0/Name"], body),
        "DescribeAssociation" => {
            absent(&["/AssociationDescription/Parameters", "/AssociationDescription/Status/Name"], body)
        }
        "GetMessages" => absent(&["/Destination", "/MessagesRequestId", "/Messages"], body),
        "CreateControlChannel" => (!reply.text.contains("<TokenValue>")).then(|| "a TokenValue".to_owned()),
        _ => (!body.is_object()).then(|| "an object".to_owned()),
    }
}

/// Whether the plane has no answer to this at all.
fn is_unknown(reply: &Reply) -> bool {
    reply.status == 404 || reply.body["__type"] == "UnknownOperationException"
}

#[test]
fn our_plane_satisfies_the_recorded_agent() {
    let mut judged: BTreeMap<String, usize> = BTreeMap::new();
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    let mut lacks = Vec::new();
    for recording in RECORDINGS {
        let mut plane = Plane::start();
        let calls = read(recording.text);
        if calls.iter().any(|call| call.operation == "DescribeAssociation") {
            plane.know(OLD_DOCUMENT, OLD_CONTENT);
            let old = json!({ "Name": OLD_DOCUMENT, "InstanceId": NODE,
                "Parameters": { "commands": ["echo legacy"] } });
            plane.ask("CreateAssociation", &old);
        }
        let is_call = |call: &&Call| call.lane() != Lane::Channel || call.operation == "CreateControlChannel";
        for call in calls.iter().filter(is_call) {
            if let (Some(name), Some(content)) =
                (call.reply.get("Name").and_then(Json::text), call.reply.get("Content").and_then(Json::text))
            {
                plane.know(name, content);
            }
            let reply = plane.send(call);
            if call.operation == "RegisterManagedInstance" {
                plane.registered = reply.body["InstanceId"].as_str().map(str::to_owned);
            }
            let is_without_activations = plane.activation.is_none()
                && call.operation == "RegisterManagedInstance"
                && reply.status == 400;
            if is_unknown(&reply) || is_without_activations {
                unknown.insert(call.operation.clone());
            } else if call.operation == "GetDocument" && reply.status == 400 {
                assert_eq!(reply.body["__type"], "InvalidDocument", "{} {}", call.body.write(), reply.text);
            } else if let Some(lack) = lacking(call, &reply) {
                lacks.push(format!("{} {}: {lack}; {:.300}", recording.name, call.operation, reply.text));
            }
            *judged.entry(call.operation.clone()).or_default() += 1;
        }
    }
    assert!(lacks.is_empty(), "answers lack what the agent needs:\n{}", lacks.join("\n"));
    let listed: BTreeSet<String> = MISSING.iter().map(|(operation, _)| (*operation).to_owned()).collect();
    assert_eq!(unknown, listed, "what our plane does not answer, and what is listed so");
    assert_eq!(judged["GetDocument"], 21);
    assert_eq!((judged.len(), judged.values().sum::<usize>()), (15, 157), "{judged:?}");
}

#[test]
fn what_a_node_reports_steers_what_it_is_told_next() {
    let by_agents = PlaneConfig { steering: Steering::Agent, ..PlaneConfig::default() };
    for (config, schedule) in [(PlaneConfig::default(), None), (by_agents, Some("rate(30 minutes)"))] {
        let plane = Plane::with(config, schedule);
        // The decision table: these two run, whatever the schedule; all else has been processed.
        let status = plane.told()["DetailedStatus"].clone();
        assert!(status == "Associated" || status == "Pending", "{status}");
        for report in read(ONE_ASSOCIATION).iter().filter(|call| call.operation == REPORT) {
            assert_eq!(plane.send(report).status, 200);
            let status = report.body.get("ExecutionResult").and_then(|result| result.get("Status"));
            assert_eq!(plane.told()["DetailedStatus"].as_str(), status.and_then(Json::text));
        }
        let told = plane.told();
        assert_eq!(told["ScheduleExpression"].as_str(), schedule);
        if schedule.is_some() {
            let last = told["LastExecutionDate"].as_f64();
            assert_eq!(
                last,
                Some(1_795_407_870.211),
                "the instant that the node told: the next run counts from it"
            );
        }
    }
}
