//! A real agent is satisfied: each request of the recordings, its headers as they
//! were, goes to our plane over a socket, and the answer must hold what the agent
//! takes unseen or waits for.
//!
//! What was taken out of the recordings stands there again as a test's own identity.
//! The plane's clock stands still unless the test moves it: an answer that comes
//! without that waits for nothing. What the plane does not answer yet is listed by
//! name; an entry that it answers must go.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use agent::identity::public_key;
use plane::config::{PlaneConfig, Steering};
use plane::service::Service;
use serde_json::{Value, json};
use shared::seed::Seed;
use shared::time::{Period, Timestamp};
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use super::json::Json;
use super::recording::{Call, read};
use super::{ONE_ASSOCIATION, RECORDINGS};

/// What our plane does not answer yet, and why.
const MISSING: &[(&str, &str)] = &[
    ("AcknowledgeMessage", "message channels"),
    ("CreateControlChannel", "message channels"),
    ("GetMessages", "message channels"),
    ("RegisterManagedInstance", "activations"),
    ("RequestManagedInstanceRoleToken", "hybrid identity"),
    ("SendReply", "message channels"),
];

const REPORT: &str = "UpdateInstanceAssociationStatus";

/// Long before the client of a recorded agent gives up on a long poll.
const HELD_AT_MOST: Period = Period::milliseconds(19_900);

/// The node that stands in for the recorded one.
const NODE: &str = "i-0123456789abcdef0";
/// In the old form an association is one of node and document, and that of an old schema.
const OLD_DOCUMENT: &str = "OldShell";
const OLD_CONTENT: &str = r#"{"schemaVersion":"1.2","parameters":{"commands":{"type":"StringList"}},
    "runtimeConfig":{"aws:runShellScript":{"properties":[{"id":"0.aws:runShellScript","runCommand":"{{ commands }}"}]}}}"#;
const RECORDED_NODE: &str = "mi-0123456789abcdef0";

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
struct StillClock(Arc<watch::Sender<Timestamp>>);

impl StillClock {
    fn pass(&self, period: Period) {
        self.0.send_modify(|now| *now += period);
    }
}

impl plane::http::Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        // The sender is in this very clock, so the wait ends by the instant alone.
        let _ = self.0.subscribe().wait_for(|now| *now >= at).await;
    }

    async fn sleep_wall(&self, wall: Duration) {
        let at = plane::http::Clock::now(self) + Period::milliseconds(wall.as_millis() as u64);
        self.sleep_until(at).await;
    }
}

/// A plane behind a socket, with an association for the node.
struct Plane {
    // Dropped, it ends the plane.
    _stop: oneshot::Sender<()>,
    _runtime: Runtime,
    port: u16,
    clock: StillClock,
    service: Arc<Service>,
    association: String,
    /// An activation's id and code, if the plane makes any.
    activation: Option<[String; 2]>,
}

/// What came back.
#[derive(Debug)]
struct Reply {
    status: u16,
    body: Value,
    text: String,
}

impl Plane {
    /// A plane with an association that runs once.
    fn start() -> Self {
        Self::with(PlaneConfig::default(), None)
    }

    fn with(config: PlaneConfig, schedule: Option<&str>) -> Self {
        let now = Timestamp::from_seconds(1_795_407_860);
        let clock = StillClock(Arc::new(watch::Sender::new(now)));
        let service = Arc::new(Service::new(config));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let listener =
            runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        runtime.spawn(plane::http::serve(listener, Arc::clone(&service), clock.clone(), None, shutdown));
        let mut plane = Self {
            _stop: stop,
            _runtime: runtime,
            port,
            clock,
            service,
            association: String::new(),
            activation: None,
        };
        let heartbeat = json!({ "InstanceId": NODE, "AgentName": "amazon-ssm-agent",
            "AgentVersion": "3.3.0.0", "PlatformType": "Linux" });
        plane.ask("UpdateInstanceInformation", &heartbeat);
        let association = json!({ "Name": "AWS-RunShellScript", "ScheduleExpression": schedule,
            "Parameters": { "commands": ["true"] }, "Targets": [{ "Key": "InstanceIds", "Values": [NODE] }] });
        let made = plane.ask("CreateAssociation", &association);
        let id = &made["AssociationDescription"]["AssociationId"];
        plane.association = id.as_str().expect("an association has an id").to_owned();
        if let (200, made) = plane.try_asking("CreateActivation", &json!({ "IamRole": "SSMServiceRole" })) {
            let text = |key: &str| made[key].as_str().expect("an activation has both").to_owned();
            plane.activation = Some(["ActivationId", "ActivationCode"].map(text));
        }
        // The plane lets the association loose by a timer of its own.
        while plane.service.run_timer(plane::http::Clock::now(&plane.clock)) {}
        plane
    }

    /// Asks as an operator does, without the socket.
    fn try_asking(&self, operation: &str, body: &Value) -> (u16, Value) {
        let now = plane::http::Clock::now(&self.clock);
        let target = format!("AmazonSSM.{operation}");
        let response = self.service.respond(now, &target, body.to_string().as_bytes());
        (response.status, serde_json::from_slice(&response.body).expect("an answer is JSON"))
    }

    fn ask(&self, operation: &str, body: &Value) -> Value {
        let (status, reply) = self.try_asking(operation, body);
        assert_eq!(status, 200, "{operation}: {reply}");
        reply
    }

    /// What the node is told of its association.
    fn told(&self) -> Value {
        let list = self.ask("ListInstanceAssociations", &json!({ "InstanceId": NODE, "MaxResults": 20 }));
        list["Associations"][0].clone()
    }

    /// Makes sure that the plane knows the document, if it is one that it takes.
    fn know(&self, name: &str, content: &str) {
        // What it does not take is asked for all the same, and must be refused as AWS would.
        self.try_asking(
            "CreateDocument",
            &json!({ "Name": name, "Content": content, "DocumentType": "Command" }),
        );
    }

    /// Sends a request as it was recorded, and reads the answer. An answer that may
    /// be held back gets the time that the agent gives it.
    fn send(&self, call: &Call) -> Reply {
        let body = self.rebuilt(call);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the plane listens");
        let path = match call.operation.as_str() {
            "CreateControlChannel" => format!("/v1/control-channel/{NODE}"),
            _ => "/".to_owned(),
        };
        let mut request = format!("POST {path} HTTP/1.1\r\n");
        for (name, value) in &call.headers {
            let value = match name.as_str() {
                "Host" => format!("127.0.0.1:{}", self.port),
                "Content-Length" => body.len().to_string(),
                _ => value.replace(RECORDED_NODE, NODE),
            };
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        match call.header("Transfer-Encoding") {
            Some(_) => request.push_str(&format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())),
            None => request.push_str(&body),
        }
        stream.write_all(request.as_bytes()).expect("the plane reads");
        if call.operation == "GetMessages" {
            self.clock.pass(HELD_AT_MOST);
        }
        answer(&mut stream)
    }

    /// The body, with what was taken out put in again and the plane's own names.
    fn rebuilt(&self, call: &Call) -> String {
        let mut body = call.body.write().replace(RECORDED_NODE, NODE);
        let recorded_id = call.body.get("ActivationId").and_then(Json::text).unwrap_or("no activation");
        let [id, code] = self
            .activation
            .clone()
            .unwrap_or_else(|| [recorded_id.to_owned(), "abcdefghijklmnopqrst".to_owned()]);
        for (recorded, value) in [
            (recorded_id, id),
            ("<redacted len=20>", code),
            ("<redacted len=36>", "6ba7b810-9dad-41d1-80b4-00c04fd430c8".to_owned()),
            ("<redacted len=392>", public_key(Seed(1).draw("contract", 0))),
        ] {
            body = body.replace(recorded, &value);
        }
        if ["DescribeAssociation", "UpdateAssociationStatus"].contains(&call.operation.as_str()) {
            body = body.replace("AWS-RunShellScript", OLD_DOCUMENT);
        }
        if let Some(id) = call.body.get("AssociationId").and_then(Json::text) {
            body = body.replace(id, &self.association);
        }
        body
    }
}

/// Reads an answer to its end: its head, and as much as that says.
fn answer(stream: &mut TcpStream) -> Reply {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        assert_eq!(
            stream.read(&mut byte).expect("the plane answers"),
            1,
            "the plane closes without an answer"
        );
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("a head is plain text").to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
    let mut body = vec![0; length.parse().expect("a length is a number")];
    stream.read_exact(&mut body).expect("the plane says it all");
    let text = String::from_utf8(body).expect("an answer is text");
    Reply { status, body: serde_json::from_str(&text).unwrap_or(Value::Null), text }
}

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
        let plane = Plane::start();
        let calls = read(recording.text);
        if calls.iter().any(|call| call.operation == "DescribeAssociation") {
            plane.know(OLD_DOCUMENT, OLD_CONTENT);
            let old = json!({ "Name": OLD_DOCUMENT, "InstanceId": NODE,
                "Parameters": { "commands": ["echo legacy"] } });
            plane.ask("CreateAssociation", &old);
        }
        for call in
            calls.iter().filter(|call| !call.headers.is_empty() && call.operation != "OpenControlChannel")
        {
            if let (Some(name), Some(content)) =
                (call.reply.get("Name").and_then(Json::text), call.reply.get("Content").and_then(Json::text))
            {
                plane.know(name, content);
            }
            let reply = plane.send(call);
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
