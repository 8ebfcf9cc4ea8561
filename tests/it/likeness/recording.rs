//! A recording: what one agent sent, call by call, and what it was answered.
//!
//! The given recordings are of the unmodified agent (3.3.0) before a stub on
//! loopback, secrets taken out; a line is a call, or a frame of its WebSocket.

use shared::frame::{AGENT_JOB, Frame, MessageId};
use shared::time::Timestamp;

use super::frame::{self, Opcode, Said};
use super::json::Json;

/// One thing that an agent sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// Seconds since the agent's process began.
    pub(super) at: f64,
    /// What it asks, without the service's prefix.
    pub(super) operation: String,
    /// The headers in their order, as they were spelled.
    pub(super) headers: Vec<(String, String)>,
    /// The body.
    pub(super) body: Json,
    /// What it was answered.
    pub(super) status: u16,
    /// The name of the refusal, if it was one.
    pub(super) error: Option<String>,
    /// The reply's body, if it was none.
    pub(super) reply: Json,
    /// Whether the reply was held back, as long polls are.
    pub(super) is_held: bool,
    /// The connection that it came over; the same number is the same connection.
    pub(super) connection: u64,
}

/// What an agent does beside the rest, its calls in an order of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Identity,
    Health,
    Associations,
    Inventory,
    Messages,
    Channel,
}

impl Lane {
    pub(super) const ALL: [Self; 6] =
        [Self::Identity, Self::Health, Self::Associations, Self::Inventory, Self::Messages, Self::Channel];
}

impl Call {
    /// A line of a recording, if it is something that the agent sent.
    fn read(line: &str) -> Option<Self> {
        let line: Json = serde_json::from_str(line).expect("a line of a recording is JSON");
        let text = |key| line.get(key).and_then(Json::text).unwrap_or_default();
        let member = |key| line.get(key).cloned().unwrap_or(Json::Null);
        let number = |key| line.get(key).and_then(Json::number);
        let called = |operation: &str, body: Json| {
            let headers = match line.get("headers") {
                Some(Json::Object(headers)) => headers
                    .iter()
                    .map(|(name, value)| (name.clone(), value.text().unwrap_or_default().to_owned()))
                    .collect(),
                _ => Vec::new(),
            };
            Said { operation: operation.to_owned(), headers, body }
        };
        let Said { operation, headers, body } = match text("kind") {
            "http" if text("target").is_empty() => called("CreateControlChannel", member("body")),
            "http" => called(text("target").rsplit('.').next().unwrap_or_default(), member("body")),
            "ws-open" => called("OpenControlChannel", Json::Null),
            "ws-recv" => match number("opcode") {
                Some(9.0) => frame::read(Opcode::Ping, text("text").as_bytes()),
                Some(1.0) => frame::read(Opcode::Text, member("json").write().as_bytes()),
                _ => {
                    let bytes = [frame::bytes(text("hex_header")), text("payload").into()].concat();
                    frame::read(Opcode::Binary, &bytes)
                }
            },
            _ => return None,
        };
        Some(Self {
            at: number("t")?,
            operation,
            headers,
            body,
            status: number("status").unwrap_or_default() as u16,
            error: line.get("error").and_then(Json::text).map(str::to_owned),
            reply: member("resp"),
            is_held: text("note").contains("held"),
            connection: number("peer_port").unwrap_or_default() as u64,
        })
    }

    /// What part of the agent sends it.
    pub(super) fn lane(&self) -> Lane {
        match self.operation.as_str() {
            "RegisterManagedInstance"
            | "RequestManagedInstanceRoleToken"
            | "UpdateManagedInstancePublicKey" => Lane::Identity,
            "UpdateInstanceInformation" => Lane::Health,
            "GetMessages" | "SendReply" | "AcknowledgeMessage" | "FailMessage" | "DeleteMessage" => {
                Lane::Messages
            }
            "PutInventory" => Lane::Inventory,
            "CreateControlChannel" | "OpenControlChannel" => Lane::Channel,
            frame if frame.starts_with("frame ") => Lane::Channel,
            _ => Lane::Associations,
        }
    }

    /// The header of this name, in any spelling.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Whether what it was answered makes the SDK call again.
    pub(super) fn is_to_be_retried(&self) -> bool {
        let is_throttled = self.error.as_deref().is_some_and(|code| code.contains("Throttl"));
        matches!(self.status, 429 | 500 | 502 | 503 | 504) || is_throttled
    }
}

/// The calls of a recording; frames come over the connection that was opened for them.
pub(super) fn read(text: &str) -> Vec<Call> {
    let mut calls: Vec<Call> = text.lines().filter_map(Call::read).collect();
    let mut opened = 0;
    for call in &mut calls {
        match call.operation.as_str() {
            "OpenControlChannel" => opened = call.connection,
            frame if frame.starts_with("frame ") => call.connection = opened,
            _ => {}
        }
    }
    calls
}

/// A job that the stub pushed over the control channel.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Seconds since the agent's process began.
    pub(super) at: f64,
    /// The frame, with its recorded id and date.
    pub(super) frame: Frame,
}

/// The jobs of a recording.
pub(super) fn jobs(text: &str) -> Vec<Job> {
    let job = |line: &str| {
        let line: Json = serde_json::from_str(line).expect("a line of a recording is JSON");
        let text = |key| line.get(key).and_then(Json::text);
        if text("kind") != Some("ws-send") || text("msg") != Some(AGENT_JOB) {
            return None;
        }
        let created = frame::bytes(text("hex_header")?).get(40..48)?.try_into().ok()?;
        let created = Timestamp::from_milliseconds(i64::from_be_bytes(created));
        let id: MessageId = text("message_id")?.parse().ok()?;
        let payload = line.get("payload")?.write().into_bytes();
        Some(Job { at: line.get("t")?.number()?, frame: Frame::new(AGENT_JOB, created, id, payload) })
    };
    text.lines().filter_map(job).collect()
}

/// The id under which the agent of a recording called.
pub(super) fn node(calls: &[Call]) -> String {
    let of_call = |call: &Call| call.body.get("InstanceId").and_then(Json::text).map(str::to_owned);
    calls.iter().find_map(of_call).expect("an agent tells its id")
}
