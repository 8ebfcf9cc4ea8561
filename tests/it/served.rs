//! A plane behind a socket at a time that the test sets, and calls to it as bytes.
//!
//! [`Served`] answers on loopback as `ssm-fleet plane` does, but its clock moves
//! only when the test moves it. A call is JSON with headers, an answer its status,
//! headers and JSON: nothing of ours reads or writes them in between. [`fixture`]
//! is the world of the reference's cases (B.6).
//!
//! Invariant: every answer to any call of a test carried an `x-amzn-RequestId` of
//! its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent::client::key::KeyPool;
use agent::client::sign::Signer;
use agent::credentials::SignedBy;
use plane::config::PlaneConfig;
use plane::http::{Clock, ServeError, serve};
use plane::service::Service;
use reqwest::Method;
use reqwest::header::HeaderValue;
use serde_json::{Value, json};
use shared::signature::Credentials;
use shared::time::{Period, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The nodes of the reference's cases: two of Linux, one of Windows, one of Linux
/// that was not heard of for half an hour, and one that is terminated.
pub(crate) const ONE: &str = "i-0aaaaaaaaaaaaaaa1";
pub(crate) const TWO: &str = "i-0aaaaaaaaaaaaaaa2";
pub(crate) const THREE: &str = "i-0aaaaaaaaaaaaaaa3";
// The reference has a hybrid node here: the same to all that a caller sees of it but the id.
pub(crate) const LOST: &str = "i-0bbbbbbbbbbbbbbb1";
pub(crate) const GONE: &str = "i-0cccccccccccccccc";
/// Declared, its agent not yet registered.
pub(crate) const DECLARED: &str = "i-0ddddddddddddddd1";
/// Which nobody has heard of.
pub(crate) const STRANGE: &str = "i-0eeeeeeeeeeeeeee1";

/// 2025-03-10T12:00:00Z.
pub(crate) const NOON: Timestamp = Timestamp::from_seconds(1_741_608_000);

/// A clock that a test sets.
#[derive(Debug, Clone)]
struct Hand(Arc<Mutex<Timestamp>>);

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        *self.0.lock().expect("nobody panics with the lock")
    }

    async fn sleep_until(&self, at: Timestamp) {
        // Whoever moves the clock runs the timers too.
        if at > self.now() {
            std::future::pending::<()>().await;
        }
    }

    async fn sleep_wall(&self, _: Duration) {
        std::future::pending::<()>().await;
    }
}

/// A plane behind a socket.
#[derive(Debug)]
pub(crate) struct Served {
    service: Arc<Service>,
    clock: Hand,
    address: SocketAddr,
    client: reqwest::Client,
    signer: Signer,
    request_ids: Mutex<BTreeSet<String>>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), ServeError>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    /// The body; null where there is none.
    pub(crate) body: Value,
}

impl Answer {
    /// The name of the refusal; nothing where it is none.
    pub(crate) fn error(&self) -> &str {
        self.body["__type"].as_str().unwrap_or_default()
    }

    /// The reason, in the member where the service puts it.
    pub(crate) fn message(&self) -> &str {
        let members = [&self.body["Message"], &self.body["message"]];
        members.into_iter().find_map(Value::as_str).unwrap_or_default()
    }
}

impl Served {
    /// A plane to which nothing has happened yet, at [`NOON`].
    pub(crate) async fn new(config: PlaneConfig) -> Self {
        let service = Arc::new(Service::new(config));
        let clock = Hand(Arc::new(Mutex::new(NOON)));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let end = async move { _ = stopped.await };
        let served = tokio::spawn(serve(listener, None, service.clone(), clock.clone(), None, end));
        let client = reqwest::Client::builder().no_proxy().build().expect("plain HTTP needs nothing");
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "example".to_owned(),
            session_token: None,
        };
        let signer = Signer::new(credentials, "us-east-1", "ssm").expect("all of it is plain text");
        let request_ids = Mutex::default();
        Self { service, clock, address, client, signer, request_ids, stop, served }
    }

    /// Ends it in good order.
    pub(crate) async fn end(self) {
        let Self { client, stop, served, .. } = self;
        drop(client);
        stop.send(()).expect("it serves");
        served.await.expect("it does not panic").expect("it ends in good order");
    }

    /// Any request at all.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address)).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.expect("the plane answers");
        let header = |name: &str| {
            let value = response.headers().get(name).map(|value| value.to_str().expect("it is plain text"));
            value.unwrap_or_default().to_owned()
        };
        let (status, content_type) = (response.status().as_u16(), header("content-type"));
        self.note(header("x-amzn-RequestId"), path);
        let bytes = response.bytes().await.expect("the body comes");
        let body = match &bytes[..] {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}")),
        };
        Answer { status, content_type, body }
    }

    /// Notes the id of an answer, which no other has.
    fn note(&self, id: String, path: &str) {
        let parts: Vec<usize> = id.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "x-amzn-RequestId is a UUID, also on {path}: {id:?}");
        let is_new = self.request_ids.lock().expect("nobody panics with the lock").insert(id);
        assert!(is_new, "each answer has an id of its own");
    }

    /// A call of this target with these bytes, signed as the clients of AWS do.
    pub(crate) async fn post(&self, target: &str, body: Vec<u8>) -> Answer {
        let headers = self.signature(&SignedBy::Account, &KeyPool::default(), target, &body, self.now());
        self.post_with(&headers, target, body).await
    }

    /// A call of this target with these bytes and these headers of a signature.
    pub(crate) async fn post_with(
        &self,
        signature: &[(&str, String)],
        target: &str,
        body: Vec<u8>,
    ) -> Answer {
        let mut headers = vec![("x-amz-target", target), ("content-type", "application/x-amz-json-1.1")];
        headers.extend(signature.iter().map(|(name, value)| (*name, value.as_str())));
        self.send(Method::POST, "/", &headers, body).await
    }

    /// The headers of a signature over a call to this plane at this time.
    pub(crate) fn signature(
        &self,
        by: &SignedBy,
        keys: &KeyPool,
        target: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Vec<(&'static str, String)> {
        let host = HeaderValue::from_str(&self.address.to_string()).expect("an address is plain text");
        let signed = self.signer.sign_by(by, keys, &host, target, body, now).expect("the key is there");
        let headers = [
            ("x-amz-date", signed.date),
            ("authorization", signed.authorization),
            ("x-amz-security-token", signed.token),
        ];
        let text = |value: HeaderValue| value.to_str().expect("a signature is plain text").to_owned();
        headers.into_iter().filter_map(|(name, value)| Some((name, text(value?)))).collect()
    }

    /// A call of an operation.
    pub(crate) async fn call(&self, operation: &str, body: &Value) -> Answer {
        self.post(&format!("AmazonSSM.{operation}"), body.to_string().into_bytes()).await
    }

    /// A call that is answered, and what follows from it at once.
    pub(crate) async fn done(&self, operation: &str, body: &Value) -> Value {
        let answer = self.call(operation, body).await;
        assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.body);
        self.settle();
        answer.body
    }

    /// A change by the admin API.
    pub(crate) async fn put(&self, path: &str, body: &Value) {
        let answer =
            self.send(Method::PUT, &format!("/_fleet/{path}"), &[], body.to_string().into_bytes()).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        self.settle();
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Does what is due now.
    pub(crate) fn settle(&self) {
        self.service.run_timers(self.now());
    }

    /// Sets the clock, with nothing done in between.
    pub(crate) fn set(&self, now: Timestamp) {
        *self.clock.0.lock().expect("nobody panics with the lock") = now;
    }

    /// Lets time pass; what falls due is done at its instant.
    pub(crate) fn pass_to(&self, end: Timestamp) {
        while let Some(due) = self.service.next_timer().filter(|due| *due <= end) {
            self.set(due.max(self.now()));
            self.settle();
        }
        self.set(end);
    }

    /// A node's heartbeat.
    pub(crate) async fn ping(&self, node: &str, platform: &str) {
        let body = json!({
            "InstanceId": node, "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0",
            "PlatformType": platform, "PlatformName": "P", "PlatformVersion": "1",
            "ComputerName": format!("{node}.internal"), "IPAddress": "10.0.0.5", "AgentStatus": "Active",
        });
        self.done("UpdateInstanceInformation", &body).await;
    }

    pub(crate) async fn tag(&self, node: &str, key: &str, value: &str) {
        let tags = json!([{"Key": key, "Value": value}]);
        let body = json!({"ResourceType": "ManagedInstance", "ResourceId": node, "Tags": tags});
        self.done("AddTagsToResource", &body).await;
    }

    pub(crate) async fn document(&self, name: &str, kind: &str, content: &str) {
        let format = if kind == "ChangeCalendar" { "TEXT" } else { "JSON" };
        let body = json!({"Name": name, "Content": content, "DocumentType": kind, "DocumentFormat": format});
        self.done("CreateDocument", &body).await;
    }
}

/// The world of the reference's cases (B.6), with one resource group, bucket,
/// alarm and calendar of each kind that a rule speaks of.
pub(crate) async fn fixture(config: PlaneConfig) -> Served {
    let plane = Served::new(config).await;
    plane.set(NOON - Period::minutes(30));
    plane.ping(LOST, "Linux").await;
    plane.set(NOON);
    for (node, platform) in [(ONE, "Linux"), (TWO, "Linux"), (THREE, "Windows")] {
        plane.ping(node, platform).await;
    }
    for (node, key, value) in
        [(ONE, "Env", "prod"), (TWO, "Env", "prod"), (TWO, "Role", "web"), (THREE, "Env", "test")]
    {
        plane.tag(node, key, value).await;
    }
    plane.put(&format!("instances/{GONE}"), &json!({"state": "terminated"})).await;
    plane.put(&format!("instances/{DECLARED}"), &json!({})).await;
    plane.put("resource-groups/web", &json!({"tag_filters": [{"key": "Role", "values": ["web"]}]})).await;
    let six: Vec<Value> = (0..6).map(|n| json!({"key": format!("k{n}"), "values": ["v"]})).collect();
    plane.put("resource-groups/vast", &json!({"tag_filters": six})).await;
    plane.put("buckets", &json!(["logs"])).await;
    plane.put("alarms/a1", &json!("OK")).await;
    documents(&plane).await;
    plane
}

async fn documents(plane: &Served) {
    for (name, action) in [("Shell22", "aws:runShellScript"), ("Win22", "aws:runPowerShellScript")] {
        let content = json!({
            "schemaVersion": "2.2",
            "parameters": {
                "commands": {"type": "StringList"},
                "mode": {"type": "String", "default": "fast", "allowedValues": ["fast", "slow"]},
                "count": {"type": "Integer", "default": 1},
                "name": {
                    "type": "String", "default": "abc", "allowedPattern": "[a-z]+", "minChars": 2, "maxChars": 4,
                },
            },
            "mainSteps": [{"action": action, "name": "run", "inputs": {"runCommand": "{{ commands }}"}}],
        });
        plane.document(name, "Command", &content.to_string()).await;
    }
    let runbook = json!({
        "schemaVersion": "0.3",
        "parameters": {
            "InstanceId": {"type": "String"},
            "AutomationAssumeRole": {"type": "String", "default": ""},
        },
        "mainSteps": [{"action": "aws:runCommand", "name": "run", "inputs": {}}],
    });
    plane.document("Auto03", "Automation", &runbook.to_string()).await;
    let calendar = "BEGIN:VCALENDAR\r\nPRODID:-//AWS//Change Calendar 1.0//EN\r\nVERSION:2.0\r\n\
                    X-CALENDAR-TYPE:DEFAULT_OPEN\r\nEND:VCALENDAR\r\n";
    plane.document("Cal1", "ChangeCalendar", calendar).await;
}

/// These members, and more beside or instead of them.
pub(crate) fn and(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("{more} is no object") };
    body.as_object_mut().expect("a request is an object").extend(more);
    body
}
