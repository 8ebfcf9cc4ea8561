//! Messages as they were recorded between the real agent and a stub of the service.
//!
//! `traces/messages.ndjson` holds the frames of one command over the control
//! channel, with the agent's own headers, and the calls of one by long polling.
//! What the agent said is said to the plane; what the service said is said to a
//! node, whose words must have the shape of the agent's.

use agent::call::{Answer, Request};
use agent::channel::Channels;
use agent::channel::call::{Incoming, MessageRequest};
use agent::node::Event;
use plane::config::PlaneConfig;
use plane::service::Service;
use serde::Deserialize;
use serde_json::{Value, json};
use shared::frame::{AGENT_JOB, AGENT_JOB_ACK, AGENT_JOB_REPLY, Frame, MessageId};
use shared::time::{Period, Timestamp};
use shared::wire::{GetMessagesReply, Message};

use crate::bench::{Bench, Made, START};
use crate::message::quiet;

const MESSAGES: &str = include_str!("../traces/messages.ndjson");

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Recorded {
    Frame { by: String, message_type: String, header: Option<String>, payload: String },
    Call { operation: String, body: Value, reply: Value },
}

fn recorded() -> Vec<Recorded> {
    MESSAGES.lines().map(|line| serde_json::from_str(line).expect("a line of a trace")).collect()
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits = hexadecimal.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The frames that the agent sent, as bytes: type and bytes.
fn frames_of_the_agent() -> Vec<(String, Vec<u8>)> {
    let frames = recorded().into_iter().filter_map(|line| match line {
        Recorded::Frame { by, message_type, header: Some(header), payload } if by == "agent" => {
            Some((message_type, [bytes(&header), payload.into_bytes()].concat()))
        }
        _ => None,
    });
    frames.collect()
}

/// The calls that the agent made: operation, body, reply.
fn calls_of_the_agent() -> Vec<(String, Value, Value)> {
    let calls = recorded().into_iter().filter_map(|line| match line {
        Recorded::Call { operation, body, reply } => Some((operation, body, reply)),
        Recorded::Frame { .. } => None,
    });
    calls.collect()
}

/// A value's shape: the keys of objects and the types of what is no object.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), shape(value))).collect(),
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        // JSON in a text has a shape as well.
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or(json!("text"), |inner: Value| shape(&inner))
        }
        Value::String(_) => json!("text"),
        Value::Array(items) => items.iter().map(shape).collect(),
    }
}

/// The recorded node and a plane that knows it, with a command for it.
struct World {
    service: Service,
    command: String,
}

const NODE: &str = "i-0123456789abcdef0";
const RECORDED_NODE: &str = "mi-0123456789abcdef0";

impl World {
    fn new() -> Self {
        let service = Service::new(PlaneConfig::default());
        let call = |operation: &str, body: Value| {
            let response =
                service.respond(START, &format!("AmazonSSM.{operation}"), body.to_string().as_bytes());
            assert_eq!(response.status, 200, "{:?}", String::from_utf8_lossy(&response.body));
            serde_json::from_slice::<Value>(&response.body).unwrap()
        };
        call("UpdateInstanceInformation", json!({"InstanceId": NODE, "AgentVersion": "3.3.0.0"}));
        let content = json!({"schemaVersion": "2.2", "mainSteps": [
            {"action": "aws:runShellScript", "name": "runShell", "inputs": {"runCommand": ["true"]}}]});
        let document = json!({"Name": "Echo", "Content": content.to_string(), "DocumentType": "Command"});
        call("CreateDocument", document);
        let sent = call("SendCommand", json!({"InstanceIds": [NODE], "DocumentName": "Echo"}));
        let command = sent["Command"]["CommandId"].as_str().unwrap().to_owned();
        Self { service, command }
    }

    /// A recorded text, about this plane's command and node.
    fn own(&self, text: &str) -> String {
        let (_, rest) = text.split_once("aws.ssm.").expect("it is about a command");
        let (command, _) = rest.split_once('.').expect("a message's id");
        text.replace(command, &self.command).replace(RECORDED_NODE, NODE)
    }

    fn part(&self) -> Value {
        let body = json!({"CommandId": self.command, "InstanceId": NODE}).to_string();
        let response = self.service.respond(START, "AmazonSSM.GetCommandInvocation", body.as_bytes());
        serde_json::from_slice(&response.body).unwrap()
    }
}

#[test]
fn the_agents_frames_are_read_and_written_to_the_byte() {
    let frames = frames_of_the_agent();
    assert_eq!(frames.len(), 4);
    for (message_type, bytes) in frames {
        let frame = Frame::decode(&bytes).unwrap_or_else(|error| panic!("{message_type}: {error}"));
        assert_eq!(frame.message_type, message_type);
        assert_eq!(frame.encode(), bytes, "{message_type}: digest and all");
    }
}

#[test]
fn the_plane_understands_what_the_agent_said_over_its_control_channel() {
    let world = World::new();
    let node = NODE.parse().unwrap();
    let mut stands = Vec::new();
    for (message_type, bytes) in frames_of_the_agent() {
        let mut frame = Frame::decode(&bytes).unwrap();
        frame.payload = world.own(std::str::from_utf8(&frame.payload).unwrap()).into_bytes();
        let answer = world.service.receive(START, node, &frame);
        assert_eq!(answer.is_some(), message_type == AGENT_JOB_REPLY, "each reply is confirmed");
        stands.push(world.part()["Status"].as_str().unwrap().to_owned());
    }
    // Where there is one step, its end is what is told of the part.
    assert_eq!(stands, ["InProgress", "InProgress", "Success", "Success"]);
    let part = world.part();
    assert_eq!(part["StandardOutputContent"], "from-agent-job\n");
    assert_eq!((&part["ResponseCode"], &part["ExecutionElapsedTime"]), (&json!(0), &json!("PT0.018S")));
}

#[test]
fn the_plane_understands_what_the_agent_said_by_long_polling() {
    let world = World::new();
    let mut said = Vec::new();
    for (operation, body, reply) in calls_of_the_agent() {
        let target = format!("EC2WindowsMessageDeliveryService.{operation}");
        let body = if operation == "GetMessages" {
            body.to_string().replace(RECORDED_NODE, NODE)
        } else {
            world.own(&body.to_string())
        };
        let response = world.service.respond(START, &target, body.as_bytes());
        let answer: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(response.status, 200, "{operation}: {answer}");
        if operation == "GetMessages" {
            // Documents and parameters differ; everything around them may not.
            let around = |reply: &Value| {
                let mut reply = shape(reply);
                let payload = &mut reply["Messages"][0]["Payload"];
                payload["Parameters"] = Value::Null;
                payload["DocumentContent"] = Value::Null;
                reply
            };
            assert_eq!(around(&answer), around(&reply));
        }
        said.push(operation);
    }
    assert_eq!(said, ["GetMessages", "SendReply", "AcknowledgeMessage", "SendReply", "SendReply"]);
    let part = world.part();
    assert_eq!((&part["Status"], &part["StandardOutputContent"]), (&json!("Success"), &json!("via-mds\n")));
}

#[test]
fn a_node_answers_a_recorded_job_in_the_agents_words() {
    let job = recorded().into_iter().find_map(|line| match line {
        Recorded::Frame { message_type, payload, .. } if message_type == AGENT_JOB => Some(payload),
        _ => None,
    });
    let id = MessageId::from_bits(1);
    let created = Timestamp::from_milliseconds(1_795_407_989_967);
    let frame = Frame::new(AGENT_JOB, created, id, job.expect("a job was recorded").into_bytes());
    let mut bench = Bench::new();
    bench.catalogue.cohorts[0].channels = Channels::WebSocket;
    bench.run_for(Period::minutes(3), &mut quiet);
    bench.hand(Event::Pushed(Incoming::of_frame(&frame).expect("it is a job")), &mut quiet);
    bench.run_for(Period::minutes(1), &mut quiet);
    let sent = bench.calls.iter().filter_map(|made| match &made.request {
        Request::Message(MessageRequest::Frame(outbound)) => Some(&outbound.frame),
        _ => None,
    });
    let said: Vec<(String, Value)> = sent.map(read).collect();
    let expected: Vec<_> =
        frames_of_the_agent().iter().map(|(_, bytes)| read(&Frame::decode(bytes).unwrap())).collect();
    assert_eq!(said[0].0, AGENT_JOB_ACK);
    assert_eq!(said, expected);
}

/// A frame's type and the shape of its payload.
fn read(frame: &Frame) -> (String, Value) {
    (frame.message_type.clone(), shape(&serde_json::from_slice(&frame.payload).unwrap()))
}

#[test]
fn a_node_answers_a_recorded_message_in_the_agents_words() {
    let calls = calls_of_the_agent();
    let reply: GetMessagesReply = serde_json::from_value(calls[0].2.clone()).unwrap();
    let mut messages: Option<Vec<Message>> = Some(reply.messages);
    let mut bench = Bench::new();
    bench.catalogue.cohorts[0].channels = Channels::LongPoll;
    bench.run_for(Period::minutes(1), &mut |made| match &made.request {
        Request::Message(MessageRequest::Get(_)) => {
            let messages = messages.take().unwrap_or_default();
            Answer::Messages(messages.into_iter().map(Incoming::of_message).collect())
        }
        _ => quiet(made),
    });
    let said = bench.calls.iter().filter(|made| made.request.target().starts_with("EC2Windows"));
    let body = |made: &Made| shape(&serde_json::from_slice(&made.request.body()).unwrap());
    let mut said: Vec<_> = said.map(|made| (made.operation().to_owned(), body(made))).collect();
    let first = said.remove(0);
    said.retain(|(operation, _)| operation != "GetMessages");
    said.insert(0, first);
    let expected: Vec<_> =
        calls.iter().map(|(operation, body, _)| (operation.clone(), shape(body))).collect();
    assert_eq!(said, expected);
}
