//! The control channel of `ssmmessages`, without its socket.
//!
//! A node asks for a channel, gets a token, and opens it with a first frame that
//! shows the token. From then on jobs go out and acknowledgements and replies
//! come in, as frames. The socket is `http`'s, the waiting as well.

use shared::error::{ApiError, ErrorCode};
use shared::frame::{AGENT_JOB, AGENT_JOB_ACK, AGENT_JOB_REPLY, AGENT_JOB_REPLY_ACK, Frame};
use shared::id::NodeId;
use shared::time::{Period, Timestamp};
use shared::wire::{
    AgentJob, AgentJobAck, AgentJobReply, AgentJobReplyAck, OpenControlChannel, ReplyContent,
};
use tracing::debug;

use super::agent::unknown;
use super::refused;
use crate::config::ControlChannel;
use crate::engine::delivery;
use crate::state::State;

/// How long a job may go unacknowledged before it is sent again. An agent
/// acknowledges at once; one whose buffer is full has a place by then.
const HIDDEN_FOR: Period = Period::seconds(30);

/// Makes a control channel for a node; answers its token.
pub(crate) fn create(state: &mut State, node: &str) -> Result<String, ApiError> {
    if state.config.control_channel == ControlChannel::Deny {
        let reason = "the caller may not open control channels here";
        return Err(refused(ErrorCode::AccessDeniedException, reason));
    }
    let id: NodeId = node.parse().map_err(|error: shared::id::InvalidNodeId| {
        refused(ErrorCode::ValidationException, error.to_string())
    })?;
    if state.nodes.admitted(id).is_none() || state.is_gone(id) {
        return Err(unknown(id));
    }
    let token = state.draw_token();
    state.channels.expect(id, token.clone());
    Ok(token)
}

/// Opens the channel that a first frame speaks of; answers its number.
pub(crate) fn open(state: &mut State, node: NodeId, text: &str) -> Result<u64, String> {
    let open: OpenControlChannel = serde_json::from_str(text)
        .map_err(|error| format!("the first frame is not that which opens a channel: {error}"))?;
    state
        .channels
        .open(node, &open.token_value)
        .ok_or_else(|| format!("the token of the first frame is not that of a channel made for {node}"))
}

/// The jobs that wait for a node, as frames.
pub(crate) fn jobs(state: &mut State, now: Timestamp, node: NodeId) -> Vec<Frame> {
    let parcels = delivery::hand_out(state, now, node, HIDDEN_FOR);
    let job = |parcel: delivery::Parcel| {
        let job = AgentJob {
            schema_version: 1,
            job_id: parcel.message_id,
            topic: parcel.topic,
            content: parcel.payload,
        };
        frame(state, now, AGENT_JOB, &job)
    };
    parcels.into_iter().map(job).collect()
}

/// Takes in a frame from a node; answers what is to be sent back.
pub(crate) fn receive(state: &mut State, now: Timestamp, node: NodeId, received: &Frame) -> Option<Frame> {
    match received.message_type.as_str() {
        AGENT_JOB_ACK => {
            let ack: AgentJobAck = read(node, received)?;
            acknowledged(state, now, node, &ack);
            None
        }
        AGENT_JOB_REPLY => {
            let reply: AgentJobReply = read(node, received)?;
            replied(state, now, node, &reply);
            let ack = AgentJobReplyAck { job_id: reply.job_id, acknowledged_message_id: received.id };
            Some(frame(state, now, AGENT_JOB_REPLY_ACK, &ack))
        }
        // Telemetry wants no answer.
        other => {
            debug!(%node, message_type = other, "a frame that wants nothing");
            None
        }
    }
}

fn acknowledged(state: &mut State, now: Timestamp, node: NodeId, ack: &AgentJobAck) {
    let Some((command, _)) = own(node, &ack.job_id) else { return };
    match ack.status_code.as_str() {
        // A command that it has already is one that it has.
        "200" | "51405" => delivery::acknowledge(state, now, command, node),
        // There will be room, or a worker again: the command is sent anew.
        "51401" | "51402" => {}
        _ => delivery::refuse(state, now, command, node),
    }
}

fn replied(state: &mut State, now: Timestamp, node: NodeId, reply: &AgentJobReply) {
    let Some((command, _)) = own(node, &reply.job_id) else { return };
    match serde_json::from_str::<ReplyContent>(&reply.content) {
        Ok(content) => delivery::reply(state, now, command, node, content),
        Err(error) => debug!(%node, %error, "the content of a reply cannot be read"),
    }
}

/// The command of a job, if it is this node's.
fn own(node: NodeId, job: &str) -> Option<(shared::id::CommandId, NodeId)> {
    delivery::read_message_id(job).filter(|(_, of)| *of == node)
}

fn read<T: serde::de::DeserializeOwned>(node: NodeId, received: &Frame) -> Option<T> {
    serde_json::from_slice(&received.payload)
        .inspect_err(
            |error| debug!(%node, %error, message_type = received.message_type, "unreadable payload"),
        )
        .ok()
}

fn frame(state: &mut State, now: Timestamp, message_type: &str, payload: &impl serde::Serialize) -> Frame {
    let payload = serde_json::to_vec(payload).expect("texts can be written");
    Frame::new(message_type, now, state.draw_frame_id(), payload)
}
