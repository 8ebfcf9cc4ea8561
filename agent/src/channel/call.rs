//! What a node says over its channels of messages, and what comes in by them.
//!
//! As with other calls, a [`MessageCall`] says it in few bytes and
//! [`MessageRequest`] is its wire form, built only to be sent. What goes over the
//! control channel is a frame; what goes by long polling is a call like others.

use std::sync::Arc;

use serde::Serialize;
use shared::frame::{AGENT_JOB_ACK, AGENT_JOB_REPLY, Frame, MessageId};
use shared::id::NodeId;
use shared::operation::Operation;
use shared::seed::Draw;
use shared::time::Timestamp;
use shared::wire::{
    AcknowledgeMessage, AgentJob, AgentJobAck, AgentJobReply, CreateControlChannel, FailMessage, GetMessages,
    Message, OpenControlChannel, SEND_COMMAND_TOPIC, SendReply, date_text,
};

use crate::client::pool::Module;

/// How long what is handed out is hidden from the next question, in seconds.
/// As agent/messageservice: `VisibilityTimeoutInSeconds`.
const VISIBILITY: i64 = 10;

/// The name under which the opening of a control channel is told of.
pub const OPEN_CHANNEL: &str = "CreateControlChannel";

/// What a node asks of, or says to, the services of messages.
#[derive(Debug, Clone)]
pub enum MessageCall {
    /// To open its control channel; its so-many-eth attempt.
    Open(u32),
    /// What waits for it; its so-many-eth question.
    Get(u32),
    /// Something about a message that it got.
    Send(Arc<Outbound>),
}

/// Something about a message that a node got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outbound {
    /// Over the control channel: it has a job, or will not have it.
    Ack {
        /// The job.
        job: Arc<str>,
        /// The frame that brought it, and when that was made.
        frame: (MessageId, Timestamp),
        /// Whether it has it.
        code: AckCode,
        /// Its running number.
        number: u32,
    },
    /// Over either channel: how a command goes.
    Reply {
        /// The message.
        message: Arc<str>,
        /// Over which channel.
        origin: Origin,
        /// In the agent's words, JSON.
        content: String,
        /// Whether it is sent again where the service does not confirm it.
        is_kept: bool,
        /// Its running number.
        number: u32,
    },
    /// By long polling: it has a message.
    Acknowledge(Arc<str>),
    /// By long polling: it can do nothing with a message.
    Fail(Arc<str>),
}

/// By which channel a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By the control channel, in this frame.
    Channel(MessageId, Timestamp),
    /// By long polling.
    Poll,
}

/// What a node says to a job at once (section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckCode {
    /// It has it.
    Successful,
    /// There is no room for it.
    ProcessorBufferFull,
    /// It had it before.
    DuplicateCommand,
    /// It, or its document, cannot be read.
    AgentJobMessageParseError,
}

impl AckCode {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Successful => ("200", "Successful"),
            Self::ProcessorBufferFull => ("51402", "ProcessorBufferFull"),
            Self::DuplicateCommand => ("51405", "DuplicateCommand"),
            Self::AgentJobMessageParseError => ("51408", "AgentJobMessageParseError"),
        }
    }
}

/// A message that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Its id, `aws.ssm.COMMAND.NODE`.
    pub message: Arc<str>,
    /// What it is.
    pub topic: Box<str>,
    /// The JSON of a command, or of what cancels one.
    pub payload: Box<str>,
    /// By which channel it came.
    pub origin: Origin,
}

impl Incoming {
    /// A job that came over the control channel; nothing where it is none.
    pub fn of_frame(frame: &Frame) -> Option<Self> {
        let job: AgentJob = serde_json::from_slice(&frame.payload).ok()?;
        Some(Self {
            message: job.job_id.into(),
            topic: job.topic.into(),
            payload: job.content.into(),
            origin: Origin::Channel(frame.id, frame.created),
        })
    }

    /// A message that came by long polling.
    pub fn of_message(message: Message) -> Self {
        Self {
            message: message.message_id.into(),
            topic: message.topic.into(),
            payload: message.payload.into(),
            origin: Origin::Poll,
        }
    }
}

/// What is said, in its wire form.
#[derive(Debug, Clone, PartialEq)]
pub enum MessageRequest {
    /// To open the control channel.
    Open(OpenChannel),
    /// What waits.
    Get(GetMessages),
    /// A message is being dealt with.
    Acknowledge(AcknowledgeMessage),
    /// A message cannot be dealt with.
    Fail(FailMessage),
    /// How a command goes.
    Reply(SendReply),
    /// The same, or an acknowledgement, over the control channel.
    Frame(OutboundFrame),
}

/// What opening a control channel takes: a call and the first frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenChannel {
    /// The node.
    pub node: NodeId,
    /// The id of the call.
    pub request_id: String,
    /// The id of the first frame.
    pub first_frame_id: String,
    /// The agent's version.
    pub agent_version: String,
    /// The platform, in lower case.
    pub platform: String,
}

impl OpenChannel {
    /// The first frame, a text: it shows the token that the call was answered with.
    pub fn first_frame(&self, token: String) -> String {
        let first = OpenControlChannel {
            cookie: None,
            message_schema_version: "1.0".to_owned(),
            request_id: self.first_frame_id.clone(),
            token_value: token,
            agent_version: self.agent_version.clone(),
            platform_type: self.platform.clone(),
        };
        serde_json::to_string(&first).expect("texts can be written")
    }
}

/// A frame for the control channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundFrame {
    /// The node.
    pub node: NodeId,
    /// The frame.
    pub frame: Frame,
    /// Whether the service's acknowledgement is waited for.
    pub is_awaited: bool,
}

impl MessageCall {
    /// The operation's name.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::Open(_) => OPEN_CHANNEL,
            Self::Get(_) => GetMessages::NAME,
            Self::Send(outbound) => match &**outbound {
                Outbound::Ack { .. } => AGENT_JOB_ACK,
                Outbound::Reply { origin: Origin::Channel(..), .. } => AGENT_JOB_REPLY,
                Outbound::Reply { origin: Origin::Poll, .. } => SendReply::NAME,
                Outbound::Acknowledge(_) => AcknowledgeMessage::NAME,
                Outbound::Fail(_) => FailMessage::NAME,
            },
        }
    }

    /// Whether the agent's SDK tries it again: what goes through the control
    /// channel is not the SDK's affair.
    pub(crate) fn is_retried(&self) -> bool {
        match self {
            Self::Open(_) => false,
            Self::Get(_) => true,
            Self::Send(outbound) => !matches!(
                &**outbound,
                Outbound::Ack { .. } | Outbound::Reply { origin: Origin::Channel(..), .. }
            ),
        }
    }

    /// The call in its wire form, the same at each attempt.
    pub(crate) fn request(
        &self,
        node: NodeId,
        (agent_version, platform): (&str, &str),
        draw: Draw,
        stamped: Timestamp,
    ) -> MessageRequest {
        match self {
            Self::Open(attempt) => MessageRequest::Open(OpenChannel {
                node,
                request_id: uuid(draw, "channel-request", *attempt),
                first_frame_id: uuid(draw, "channel-first-frame", *attempt),
                agent_version: agent_version.to_owned(),
                platform: platform.to_owned(),
            }),
            Self::Get(number) => MessageRequest::Get(GetMessages {
                destination: node,
                messages_request_id: uuid(draw, "messages-request", *number),
                visibility_timeout_in_seconds: VISIBILITY,
            }),
            Self::Send(outbound) => outbound.request(node, draw, stamped),
        }
    }
}

impl Outbound {
    fn request(&self, node: NodeId, draw: Draw, stamped: Timestamp) -> MessageRequest {
        let id = |number: u32| MessageId::from_bits(draw.wide_bits("frame", u64::from(number)));
        let frame = |message_type: &str, number: u32, payload: Vec<u8>, is_awaited: bool| {
            let frame = Frame::new(message_type, stamped, id(number), payload);
            MessageRequest::Frame(OutboundFrame { node, frame, is_awaited })
        };
        match self {
            Self::Ack { job, frame: (acknowledged, created), code, number } => {
                let (status_code, error_message) = code.words();
                let ack = AgentJobAck {
                    job_id: job.to_string(),
                    acknowledged_message_id: *acknowledged,
                    created_date: date_text(*created),
                    status_code: status_code.to_owned(),
                    error_message: error_message.to_owned(),
                };
                frame(AGENT_JOB_ACK, *number, encode(&ack), false)
            }
            Self::Reply { message, origin: Origin::Channel(..), content, is_kept, number } => {
                let reply = AgentJobReply {
                    schema_version: 1,
                    job_id: message.to_string(),
                    content: content.clone(),
                    topic: SEND_COMMAND_TOPIC.to_owned(),
                };
                frame(AGENT_JOB_REPLY, *number, encode(&reply), *is_kept)
            }
            Self::Reply { message, origin: Origin::Poll, content, number, .. } => {
                MessageRequest::Reply(SendReply {
                    message_id: message.to_string(),
                    payload: content.clone(),
                    reply_id: uuid(draw, "reply", *number),
                })
            }
            Self::Acknowledge(message) => {
                MessageRequest::Acknowledge(AcknowledgeMessage { message_id: message.to_string() })
            }
            Self::Fail(message) => MessageRequest::Fail(FailMessage {
                failure_type: "InternalHandlerException".to_owned(),
                message_id: message.to_string(),
            }),
        }
    }
}

impl MessageRequest {
    /// The operation's name.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Open(_) => OPEN_CHANNEL,
            Self::Get(_) => GetMessages::NAME,
            Self::Acknowledge(_) => AcknowledgeMessage::NAME,
            Self::Fail(_) => FailMessage::NAME,
            Self::Reply(_) => SendReply::NAME,
            Self::Frame(outbound) => match outbound.frame.message_type.as_bytes() {
                b"agent_job_ack" => AGENT_JOB_ACK,
                _ => AGENT_JOB_REPLY,
            },
        }
    }

    /// The value of `X-Amz-Target`; for what goes another way, its name.
    pub const fn target(&self) -> &'static str {
        match self {
            Self::Get(_) => GetMessages::TARGET,
            Self::Acknowledge(_) => AcknowledgeMessage::TARGET,
            Self::Fail(_) => FailMessage::TARGET,
            Self::Reply(_) => SendReply::TARGET,
            Self::Open(_) | Self::Frame(_) => self.operation(),
        }
    }

    /// The part of the agent that says it.
    pub const fn module(&self) -> Module {
        match self {
            Self::Open(_) | Self::Frame(_) => Module::ControlChannel,
            Self::Get(_) | Self::Acknowledge(_) | Self::Fail(_) | Self::Reply(_) => Module::Messages,
        }
    }

    /// The body; of a frame, its payload.
    pub fn body(&self) -> Vec<u8> {
        match self {
            Self::Open(open) => encode(&CreateControlChannel {
                message_schema_version: "1.0".to_owned(),
                request_id: open.request_id.clone(),
            }),
            Self::Get(request) => encode(request),
            Self::Acknowledge(request) => encode(request),
            Self::Fail(request) => encode(request),
            Self::Reply(request) => encode(request),
            Self::Frame(outbound) => outbound.frame.payload.clone(),
        }
    }
}

fn uuid(draw: Draw, purpose: &str, number: u32) -> String {
    MessageId::from_bits(draw.wide_bits(purpose, u64::from(number))).to_string()
}

fn encode(request: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(request).expect("a wire type has string keys and finite numbers")
}
