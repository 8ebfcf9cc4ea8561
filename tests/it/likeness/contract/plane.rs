//! Our plane behind a socket, with a test's own node in place of the recorded one.
//!
//! What was taken out of the recordings stands in the requests again as a test's
//! identity. The plane's clock stands still unless the test moves it: an answer
//! that comes without that waits for nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use plane::config::{PlaneConfig, Signatures};
use plane::http::Clock;
use plane::service::Service;
use serde_json::{Value, json};
use shared::time::{Period, Timestamp};
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use super::super::json::Json;
use super::super::recording::Call;

/// How long a test waits for an answer that must be there, in wall time.
const PATIENCE: Duration = Duration::from_secs(30);

/// Long before the client of a recorded agent gives up on a long poll.
const HELD_AT_MOST: Period = Period::milliseconds(19_900);

/// The node that stands in for the recorded one.
pub(super) const NODE: &str = "i-0123456789abcdef0";
const RECORDED_NODE: &str = "mi-0123456789abcdef0";

/// An RSA-2048 key, as the agent sends its own.
const PUBLIC_KEY: &str = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvHENhNLLZ+KmHY9qJXc+yYBFYEct8sLC/xTCCDrnnlPS+dIsiHPF\
    KptjuLixnCes8Gl2olD0FAkNwRtsOlDR+P5MgGSPbKhI/6S4JytPXzwEMB/kh0qV1DV9Mm5Ke5/ckOnwZbSMEzN1kYPWQlZM\
    TEuPKldal6pG6F4VKRhcv/B1C24/1FNZxF3Br4L3p1JVHlqPGOcMwFD5EZim94tpCKAdrT3Cfy9UqeSEXFfirLaZBrMiCnjT\
    FmXe3n9jQT7leOT5JfwOCozIyMfjGfrmt8w+BZ8kQfWA4xoUiFax4zy5vJE+/uk/RhA9NCSz1DrVk8Xriw3SDA9lROsFiVD+\
    9wIDAQAB";

/// In the old form an association is one of node and document, and that of an old schema.
pub(super) const OLD_DOCUMENT: &str = "OldShell";
pub(super) const OLD_CONTENT: &str = r#"{"schemaVersion":"1.2","parameters":{"commands":{"type":"StringList"}},
    "runtimeConfig":{"aws:runShellScript":{"properties":[{"id":"0.aws:runShellScript","runCommand":"{{ commands }}"}]}}}"#;

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
struct StillClock(Arc<watch::Sender<Timestamp>>);

impl StillClock {
    fn pass(&self, period: Period) {
        self.0.send_modify(|now| *now += period);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        // The sender is in this very clock, so the wait ends by the instant alone.
        let _ = self.0.subscribe().wait_for(|now| *now >= at).await;
    }

    async fn sleep_wall(&self, wall: Duration) {
        let at = self.now() + Period::milliseconds(wall.as_millis() as u64);
        self.sleep_until(at).await;
    }
}

/// A plane behind a socket, with an association for the node.
pub(super) struct Plane {
    // Dropped, it ends the plane.
    _stop: oneshot::Sender<()>,
    _runtime: Runtime,
    port: u16,
    clock: StillClock,
    service: Arc<Service>,
    association: String,
    /// An activation's id and code, if the plane makes any.
    pub(super) activation: Option<[String; 2]>,
    /// The id that the plane gave when the recorded registration was sent: the
    /// token is asked for in its name.
    pub(super) registered: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) text: String,
}

impl Plane {
    /// A plane with an association that runs once.
    pub(super) fn start() -> Self {
        Self::with(PlaneConfig::default(), None)
    }

    pub(super) fn with(config: PlaneConfig, schedule: Option<&str>) -> Self {
        // What is redacted in the recordings cannot be signed anew.
        let config = PlaneConfig { signatures: Signatures::Ignore, ..config };
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
        runtime.spawn(plane::http::serve(
            listener,
            None,
            Arc::clone(&service),
            clock.clone(),
            None,
            shutdown,
        ));
        let mut plane = Self {
            _stop: stop,
            _runtime: runtime,
            port,
            clock,
            service,
            association: String::new(),
            activation: None,
            registered: None,
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
        while plane.service.run_timer(plane.clock.now()) {}
        plane
    }

    /// Asks as an operator does, without the socket.
    fn try_asking(&self, operation: &str, body: &Value) -> (u16, Value) {
        let now = self.clock.now();
        let target = format!("AmazonSSM.{operation}");
        let response = self.service.respond(now, &target, body.to_string().as_bytes());
        (response.status, serde_json::from_slice(&response.body).expect("an answer is JSON"))
    }

    pub(super) fn ask(&self, operation: &str, body: &Value) -> Value {
        let (status, reply) = self.try_asking(operation, body);
        assert_eq!(status, 200, "{operation}: {reply}");
        reply
    }

    /// What the node is told of its association.
    pub(super) fn told(&self) -> Value {
        let list = self.ask("ListInstanceAssociations", &json!({ "InstanceId": NODE, "MaxResults": 20 }));
        list["Associations"][0].clone()
    }

    /// Makes sure that the plane knows the document, if it is one that it takes.
    pub(super) fn know(&self, name: &str, content: &str) {
        // What it does not take is asked for all the same, and must be refused as AWS would.
        self.try_asking(
            "CreateDocument",
            &json!({ "Name": name, "Content": content, "DocumentType": "Command" }),
        );
    }

    /// Sends a request as it was recorded, and reads the answer. An answer that may
    /// be held back gets the time that the agent gives it.
    pub(super) fn send(&self, call: &Call) -> Reply {
        let body = self.rebuilt(call);
        let node = match (call.operation.as_str(), &self.registered) {
            ("RequestManagedInstanceRoleToken", Some(registered)) => registered,
            _ => NODE,
        };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the plane listens");
        // Only an answer that never comes is met by it.
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket takes it");
        let path = match call.operation.as_str() {
            "CreateControlChannel" => format!("/v1/control-channel/{NODE}"),
            _ => "/".to_owned(),
        };
        let mut request = format!("POST {path} HTTP/1.1\r\n");
        for (name, value) in &call.headers {
            let value = match name.as_str() {
                "Host" => format!("127.0.0.1:{}", self.port),
                "Content-Length" => body.len().to_string(),
                _ => value.replace(RECORDED_NODE, node),
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
            self.is_heard();
            self.clock.pass(HELD_AT_MOST);
        }
        answer(&mut stream)
    }

    /// Comes back once the plane has read what was sent before: it reads in the order
    /// of arrival, so what is answered now came later.
    fn is_heard(&self) {
        // More often than it should take: on a busy machine what was read first may be looked at last.
        for _ in 0..40 {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the plane listens");
            stream.write_all(b"GET / HTTP/1.1\r\nHost: plane\r\n\r\n").expect("the plane reads");
            assert_eq!(answer(&mut stream).status, 405);
        }
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
            ("<redacted len=392>", PUBLIC_KEY.to_owned()),
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
