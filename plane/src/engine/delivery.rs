//! Bringing commands to nodes, and taking in what becomes of them there.
//!
//! Both channels of messages take from the same queue and bring back the same
//! words. A message is handed out, then hidden for a while; an acknowledgement or
//! a reply says that the node has it, and it leaves the queue. What speaks of a
//! command that is over or forgotten changes nothing.
//!
//! Invariant: a part that ended stays as it ended, but for one that a node would
//! not have: if the node says why, it has failed.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::id::{CommandId, NodeId};
use shared::time::{Period, Timestamp};
use shared::wire::{
    CANCEL_COMMAND_TOPIC, CancelPayload, CommandPayload, ReplyContent, SEND_COMMAND_TOPIC, date_text,
};

use super::command::settle;
use crate::state::State;
use crate::state::command::progress::Progress;
use crate::state::command::{Command, CommandNumber, Delivery, Waiting};

/// How many messages are handed out at once.
const AT_ONCE: usize = 10;

/// The document by which nodes are told to look after their associations.
const REFRESH_DOCUMENT: &str = "AWS-RefreshAssociation";

/// A message for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parcel {
    /// `aws.ssm.COMMAND.NODE`.
    pub(crate) message_id: String,
    /// What it is: `aws.ssm.sendCommand.REGION` or `aws.ssm.cancelCommand.REGION`.
    pub(crate) topic: String,
    /// The JSON text of the command, or of what cancels it.
    pub(crate) payload: String,
}

/// Hands out what waits for a node, and hides it for so long.
pub(crate) fn hand_out(state: &mut State, now: Timestamp, node: NodeId, hidden_for: Period) -> Vec<Parcel> {
    let waiting: Vec<Waiting> = state.commands.visible(node, now).take(AT_ONCE).collect();
    let mut parcels = Vec::with_capacity(waiting.len());
    parcels.extend(refresh(state, now, node));
    for waiting in waiting {
        let (Waiting::Command(number) | Waiting::Cancel(number)) = waiting;
        let cancel_id = cancel_id(state, number);
        let Some(command) = state.commands.get_mut(number) else { continue };
        // Too many others have failed; whoever got it before gets it again.
        if command.is_stopped && waiting == Waiting::Command(number) && !command.hidden.contains_key(&node) {
            state.commands.set(number, node, Delivery::Terminated);
            continue;
        }
        command.hidden.insert(node, now + hidden_for);
        let parcel = match waiting {
            Waiting::Command(_) => send(command, node, &state.config.region),
            Waiting::Cancel(_) => Some(cancel(command, cancel_id, node, &state.config.region)),
        };
        match parcel {
            Some(parcel) => parcels.push(parcel),
            None => end(state, now, number, node, Delivery::Undeliverable),
        }
    }
    parcels
}

/// The order to look after associations, if the node is to get one.
fn refresh(state: &mut State, now: Timestamp, node: NodeId) -> Option<Parcel> {
    let associations = super::refresh::hand_out(state, now, node);
    if associations.is_empty() {
        return None;
    }
    let document = state.documents.version(REFRESH_DOCUMENT, None, &state.config.account).ok()?;
    let content = std::sync::Arc::clone(&document.kept.content);
    let id = state.draw_refresh_id();
    let ids = associations.iter().map(ToString::to_string).collect();
    let payload = CommandPayload {
        parameters: [("associationIds".to_owned(), ids)].into_iter().collect(),
        document_content: serde_json::from_str(&content).ok()?,
        command_id: id.to_string(),
        document_name: REFRESH_DOCUMENT.to_owned(),
        output_s3_bucket_name: String::new(),
        output_s3_key_prefix: String::new(),
        cloud_watch_log_group_name: String::new(),
        cloud_watch_output_enabled: "false".to_owned(),
    };
    Some(parcel(SEND_COMMAND_TOPIC, id, node, &state.config.region, &payload))
}

/// A command as a message; nothing where its document cannot be sent.
fn send(command: &Command, node: NodeId, region: &str) -> Option<Parcel> {
    let document_content: Value = serde_json::from_str(&command.content).ok()?;
    let request = &command.request;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let logs = request.cloud_watch_output_config.clone().unwrap_or_default();
    let is_logged = logs.cloud_watch_output_enabled == Some(true);
    let payload = CommandPayload {
        parameters: request.parameters.clone().unwrap_or_default(),
        document_content,
        command_id: command.id.to_string(),
        document_name: request.document_name.clone(),
        output_s3_bucket_name: text(&request.output_s3_bucket_name),
        output_s3_key_prefix: text(&request.output_s3_key_prefix),
        cloud_watch_log_group_name: logs.cloud_watch_log_group_name.unwrap_or_default(),
        cloud_watch_output_enabled: is_logged.to_string(),
    };
    Some(parcel(SEND_COMMAND_TOPIC, command.id, node, region, &payload))
}

fn cancel(command: &Command, id: CommandId, node: NodeId, region: &str) -> Parcel {
    let payload = CancelPayload { cancel_message_id: message_id(command.id, node) };
    parcel(CANCEL_COMMAND_TOPIC, id, node, region, &payload)
}

/// The id of the message that cancels a command: always the same.
fn cancel_id(state: &State, number: CommandNumber) -> CommandId {
    CommandId::from_bits(state.config.seed.draw("cancel", u64::from(number.0)).wide_bits("id", 0))
}

fn parcel(topic: &str, id: CommandId, node: NodeId, region: &str, payload: &impl serde::Serialize) -> Parcel {
    Parcel {
        message_id: message_id(id, node),
        topic: format!("{topic}.{region}"),
        payload: serde_json::to_string(payload).expect("texts and JSON can be written"),
    }
}

fn message_id(command: CommandId, node: NodeId) -> String {
    format!("aws.ssm.{command}.{node}")
}

/// The command and the node of a message's id.
pub(crate) fn read_message_id(text: &str) -> Option<(CommandId, NodeId)> {
    let (command, node) = text.strip_prefix("aws.ssm.")?.split_once('.')?;
    Some((command.parse().ok()?, node.parse().ok()?))
}

/// A node says that it has a message.
pub(crate) fn acknowledge(state: &mut State, now: Timestamp, command: CommandId, node: NodeId) {
    let Some((number, part)) = find(state, command, node) else { return };
    if part == Delivery::Pending {
        note_heard(state, now, number, node);
        state.commands.set(number, node, Delivery::InProgress);
    }
}

/// A node says that it will not have a message.
pub(crate) fn refuse(state: &mut State, now: Timestamp, command: CommandId, node: NodeId) {
    if let Some((number, Delivery::Pending)) = find(state, command, node) {
        end(state, now, number, node, Delivery::Undeliverable);
    }
}

/// Brings a part to its end; others may get the command then.
fn end(state: &mut State, now: Timestamp, number: CommandNumber, node: NodeId, delivery: Delivery) {
    state.commands.set(number, node, delivery);
    settle(state, now, number);
}

/// A node tells how a command goes.
pub(crate) fn reply(
    state: &mut State,
    now: Timestamp,
    command: CommandId,
    node: NodeId,
    content: ReplyContent,
) {
    // Of a message that it could not read an agent says so, and after that why.
    let explains = |part| part == Delivery::Undeliverable && content.document_status == "Failed";
    let found = part_of(state, command, node);
    let found = found.filter(|(_, part)| !part.is_terminal() || explains(*part));
    let Some((number, part)) = found else { return };
    let progress = note_heard(state, now, number, node);
    progress.take_in(content.runtime_status.unwrap_or_default());
    if !content.document_trace_output.is_empty() {
        progress.trace = content.document_trace_output;
    }
    let next = match content.document_status.as_str() {
        "Success" | "Skipped" => Some(Delivery::Success),
        "Failed" => Some(Delivery::Failed),
        "TimedOut" => Some(Delivery::ExecutionTimedOut),
        "Cancelled" => Some(Delivery::Cancelled),
        _ => (part == Delivery::Pending).then_some(Delivery::InProgress),
    };
    match next {
        Some(Delivery::InProgress) => state.commands.set(number, node, Delivery::InProgress),
        Some(ended) => end(state, now, number, node, ended),
        None => {}
    }
}

fn note_heard(state: &mut State, now: Timestamp, number: CommandNumber, node: NodeId) -> &mut Progress {
    let command = state.commands.get_mut(number).expect("the caller has found it");
    command
        .progress
        .entry(node)
        .or_insert_with(|| Box::new(Progress { heard: now, trace: String::new(), steps: BTreeMap::new() }))
}

/// A command's part on a node, if it has not ended.
fn find(state: &State, command: CommandId, node: NodeId) -> Option<(CommandNumber, Delivery)> {
    part_of(state, command, node).filter(|(_, part)| !part.is_terminal())
}

fn part_of(state: &State, command: CommandId, node: NodeId) -> Option<(CommandNumber, Delivery)> {
    let command = state.commands.of(command)?;
    Some((command.number, *command.parts.get(&node)?))
}

/// When a message was made, as messages spell it.
pub(crate) fn created(state: &State, message_id: &str, now: Timestamp) -> String {
    let command = read_message_id(message_id).and_then(|(id, _)| state.commands.of(id));
    date_text(command.map_or(now, |command| command.requested))
}
