//! Messages to nodes by long polling: the service `ec2messages`.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// Asks for messages; the answer is held back for a while as long as there are none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMessages {
    /// The node that asks.
    pub destination: NodeId,
    /// A UUID, the same at each attempt.
    pub messages_request_id: String,
    /// How long what is handed out is hidden from the next question.
    pub visibility_timeout_in_seconds: i64,
}

/// What waits for a node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct GetMessagesReply {
    /// The node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<NodeId>,
    /// The question's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_request_id: Option<String>,
    /// The messages.
    #[serde(default)]
    pub messages: Vec<Message>,
}

/// A message to a node. No member may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    /// When it was made, such as `2026-11-23T04:00:00.000Z`.
    pub created_date: String,
    /// The node.
    pub destination: NodeId,
    /// Its id, `aws.ssm.COMMAND.NODE`.
    pub message_id: String,
    /// The JSON text of a command, or of what cancels one.
    pub payload: String,
    /// The payload's SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_digest: Option<String>,
    /// What it is: `aws.ssm.sendCommand…` or `aws.ssm.cancelCommand…`.
    pub topic: String,
}

/// Says that a message is being dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AcknowledgeMessage {
    /// Which message.
    pub message_id: String,
}

/// Tells how a message's command goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SendReply {
    /// Which message.
    pub message_id: String,
    /// The JSON text of a [`super::ReplyContent`].
    pub payload: String,
    /// The reply's id, a UUID.
    pub reply_id: String,
}

/// Says that a message cannot be dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct FailMessage {
    /// `InternalHandlerException` or `NoHandlerExists`.
    pub failure_type: String,
    /// Which message.
    pub message_id: String,
}

/// Says that a message is done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeleteMessage {
    /// Which message.
    pub message_id: String,
}
