//! The service `ec2messages`: messages by long polling.
//!
//! A question is answered here with what waits now. That the answer is held back
//! while there is nothing is the door's work, which asks again.

use shared::error::{ApiError, ErrorCode};
use shared::id::{CommandId, NodeId};
use shared::time::{Period, Timestamp};
use shared::wire::{
    AcknowledgeMessage, DeleteMessage, Empty, FailMessage, GetMessages, GetMessagesReply, Message,
    ReplyContent, SendReply,
};

use super::agent::unknown;
use super::refused;
use crate::engine::delivery;
use crate::state::State;
use crate::state::document::sha256;

/// Hands out what waits for a node.
pub(super) fn get_messages(
    state: &mut State,
    now: Timestamp,
    call: GetMessages,
) -> Result<GetMessagesReply, ApiError> {
    let node = call.destination;
    if state.nodes.admitted(node).is_none() || state.is_gone(node) {
        return Err(unknown(node));
    }
    state.channels.note_asked(node, now);
    let hidden_for = Period::seconds(u64::try_from(call.visibility_timeout_in_seconds).unwrap_or(0));
    let parcels = delivery::hand_out(state, now, node, hidden_for);
    let account = state.config.account.clone();
    let message = |parcel: delivery::Parcel| Message {
        created_date: delivery::created(state, &parcel.message_id, now),
        destination: node,
        payload_digest: Some(sha256(parcel.payload.as_bytes())),
        message_id: parcel.message_id,
        payload: parcel.payload,
        topic: format!("{}.{account}", parcel.topic),
    };
    Ok(GetMessagesReply {
        destination: Some(node),
        messages_request_id: Some(call.messages_request_id),
        messages: parcels.into_iter().map(message).collect(),
    })
}

/// A node has a message.
pub(super) fn acknowledge_message(
    state: &mut State,
    now: Timestamp,
    call: AcknowledgeMessage,
) -> Result<Empty, ApiError> {
    let (command, node) = read(&call.message_id)?;
    delivery::acknowledge(state, now, command, node);
    Ok(Empty {})
}

/// A node tells how a command goes.
pub(super) fn send_reply(state: &mut State, now: Timestamp, call: SendReply) -> Result<Empty, ApiError> {
    let (command, node) = read(&call.message_id)?;
    let content: ReplyContent = serde_json::from_str(&call.payload).map_err(|error| {
        let reason = format!("the payload of the reply is not what an agent sends: {error}");
        refused(ErrorCode::ValidationException, reason)
    })?;
    delivery::reply(state, now, command, node, content);
    Ok(Empty {})
}

/// A node cannot deal with a message.
pub(super) fn fail_message(state: &mut State, now: Timestamp, call: FailMessage) -> Result<Empty, ApiError> {
    let (command, node) = read(&call.message_id)?;
    delivery::refuse(state, now, command, node);
    Ok(Empty {})
}

/// A node is done with a message, so it has it.
pub(super) fn delete_message(
    state: &mut State,
    now: Timestamp,
    call: DeleteMessage,
) -> Result<Empty, ApiError> {
    let (command, node) = read(&call.message_id)?;
    delivery::acknowledge(state, now, command, node);
    Ok(Empty {})
}

fn read(message_id: &str) -> Result<(CommandId, NodeId), ApiError> {
    delivery::read_message_id(message_id).ok_or_else(|| {
        refused(
            ErrorCode::ValidationException,
            format!("`{message_id}` is no message's id: expected aws.ssm.COMMAND.NODE"),
        )
    })
}
