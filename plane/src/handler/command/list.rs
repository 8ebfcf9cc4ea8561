//! Listing commands and their parts on nodes, the newest first.

use std::ops::Bound;
use std::str::FromStr;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::time::Timestamp;
use shared::wire::{
    CommandFilter, CommandInvocation, CommandPlugin, ListCommandInvocations, ListCommandInvocationsReply,
    ListCommands, ListCommandsReply, read_date,
};

use super::super::agent::unknown;
use super::super::{instant, refused};
use super::read::step_words;
use super::{describe, find};
use crate::page::{List, SEARCH, page_size};
use crate::state::State;
use crate::state::command::progress::cut;
use crate::state::command::{Command, CommandNumber, Delivery};

/// How many characters of an output a list shows (API reference: 2,500).
const OUTPUT: usize = 2_500;

/// How many rows a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Lists commands.
pub(in crate::handler) fn list_commands(
    state: &mut State,
    _now: Timestamp,
    call: ListCommands,
) -> Result<ListCommandsReply, ApiError> {
    let filters = call.filters.as_deref().unwrap_or_default();
    let scope = (&call.command_id, call.instance_id, filters);
    let list = List::new(state.config.seed, "ListCommands", &scope);
    let before = list.place::<u32>(call.next_token.as_deref())?.map(CommandNumber);
    let filters = filters.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    check(state, call.command_id.as_deref(), call.instance_id)?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let rounding = state.config.percent_rounding;
    let mut reply = ListCommandsReply::default();
    let mut last = 0;
    for (looked_at, command) in state.commands.before(before).enumerate() {
        if reply.commands.len() == size || looked_at == SEARCH {
            reply.next_token = Some(list.token(&u32::to_string(&last)));
            break;
        }
        last = command.number.0;
        let is_meant = is_command(command, call.command_id.as_deref())
            && call.instance_id.is_none_or(|node| command.parts.contains_key(&node));
        if is_meant && filters.iter().all(|filter| filter.lets_through(command, command.words(rounding))) {
            reply.commands.push(describe(command, rounding));
        }
    }
    Ok(reply)
}

/// Lists commands' parts on nodes, those of one command by the nodes' ids.
pub(in crate::handler) fn list_command_invocations(
    state: &mut State,
    _now: Timestamp,
    call: ListCommandInvocations,
) -> Result<ListCommandInvocationsReply, ApiError> {
    let filters = call.filters.as_deref().unwrap_or_default();
    let scope = (&call.command_id, call.instance_id, filters);
    let list = List::new(state.config.seed, "ListCommandInvocations", &scope);
    let after = list.place::<Place>(call.next_token.as_deref())?;
    if filters.iter().any(|filter| filter.key == "ExecutionStage") {
        let reason = "ExecutionStage is a filter of ListCommands only";
        return Err(refused(ErrorCode::InvalidFilterKey, reason));
    }
    let filters = filters.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    check(state, call.command_id.as_deref(), call.instance_id)?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut reply = ListCommandInvocationsReply::default();
    let mut last = None;
    for (looked_at, (place, command, delivery)) in parts(state, &call, after).enumerate() {
        if reply.command_invocations.len() == size || looked_at == SEARCH {
            reply.next_token = last.map(|last: Place| list.token(&last.to_string()));
            break;
        }
        last = Some(place);
        let Some(delivery) = delivery else { continue };
        if filters.iter().all(|filter| filter.lets_through(command, delivery.words())) {
            let with_steps = call.details == Some(true);
            reply.command_invocations.push(invocation(state, command, place.node, delivery, with_steps));
        }
    }
    Ok(reply)
}

/// Where a page of parts ends.
#[derive(Debug, Clone, Copy)]
struct Place {
    command: CommandNumber,
    /// The node, or the least id of all where a command has no part on the node that was asked for.
    node: NodeId,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.command.0, self.node)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (command, node) = text.split_once(' ').ok_or(())?;
        let command = CommandNumber(command.parse().map_err(|_| ())?);
        Ok(Self { command, node: node.parse().map_err(|_| ())? })
    }
}

/// The parts behind a place. A command without a part on the node that was
/// asked for counts as looked at.
fn parts<'a>(
    state: &'a State,
    call: &ListCommandInvocations,
    after: Option<Place>,
) -> impl Iterator<Item = (Place, &'a Command, Option<Delivery>)> {
    let (one, node) = (call.command_id.clone(), call.instance_id);
    let current = after.and_then(|after| state.commands.get(after.command));
    let commands = current.into_iter().chain(state.commands.before(after.map(|after| after.command)));
    let commands = commands.filter(move |command| is_command(command, one.as_deref()));
    commands.flat_map(move |command| {
        let number = command.number;
        let from = after.filter(|after| after.command == number).map(|after| after.node);
        let of_node = node.filter(|_| from.is_none()).map(|node| (node, command.parts.get(&node).copied()));
        let range = (from.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let of_all = command.parts.range::<NodeId, _>(range).map(|(node, part)| (*node, Some(*part)));
        let of_all = node.is_none().then_some(of_all).into_iter().flatten();
        of_node
            .into_iter()
            .chain(of_all)
            .map(move |(node, part)| (Place { command: number, node }, command, part))
    })
}

fn is_command(command: &Command, id: Option<&str>) -> bool {
    id.is_none_or(|id| id.parse() == Ok(command.id))
}

/// A command or node that is named must be there.
fn check(state: &State, command: Option<&str>, node: Option<NodeId>) -> Result<(), ApiError> {
    if let Some(id) = command {
        find(state, id)?;
    }
    match node.filter(|id| state.nodes.admitted(*id).is_none()) {
        Some(id) => Err(unknown(id)),
        None => Ok(()),
    }
}

/// A condition on the commands that are listed.
enum Filter {
    After(Timestamp),
    Before(Timestamp),
    Status(String),
    Stage(String),
    Document(String),
}

fn read(filter: &CommandFilter) -> Result<Filter, ApiError> {
    let value = filter.value.clone();
    Ok(match filter.key.as_str() {
        "InvokedAfter" => Filter::After(instant(&value)?),
        "InvokedBefore" => Filter::Before(instant(&value)?),
        "Status" => Filter::Status(value),
        "ExecutionStage" => Filter::Stage(value),
        "DocumentName" => Filter::Document(value),
        other => return Err(refused(ErrorCode::InvalidFilterKey, format!("there is no filter {other}"))),
    })
}

impl Filter {
    fn lets_through(&self, command: &Command, (status, details): (&str, &str)) -> bool {
        match self {
            Self::After(instant) => command.requested >= *instant,
            Self::Before(instant) => command.requested < *instant,
            Self::Status(word) => word == status || word == details,
            Self::Stage(word) => {
                let is_open = matches!(status, "Pending" | "InProgress" | "Cancelling");
                word == if is_open { "Executing" } else { "Complete" }
            }
            Self::Document(name) => command.request.document_name == *name,
        }
    }
}

fn invocation(
    state: &State,
    command: &Command,
    id: NodeId,
    delivery: Delivery,
    with_steps: bool,
) -> CommandInvocation {
    let request = &command.request;
    let (status, details) = delivery.words();
    let steps = command.steps.iter().map(|step| plugin(command, step, id, delivery));
    CommandInvocation {
        command_id: command.id.to_string(),
        instance_id: id,
        instance_name: name(state, id),
        comment: request.comment.clone(),
        document_name: request.document_name.clone(),
        document_version: Some(request.document_version.as_deref().unwrap_or("$DEFAULT").to_owned()),
        requested_date_time: Some(command.requested),
        status: status.to_owned(),
        status_details: Some(details.to_owned()),
        standard_output_url: None,
        standard_error_url: None,
        command_plugins: if with_steps { steps.collect() } else { Vec::new() },
        service_role: request.service_role_arn.clone(),
        notification_config: request.notification_config.clone(),
        cloud_watch_output_config: request.cloud_watch_output_config.clone(),
    }
}

/// A step of which nothing was heard stands as the whole does.
fn plugin(command: &Command, name: &str, node: NodeId, delivery: Delivery) -> CommandPlugin {
    let request = &command.request;
    let told = command.progress.get(&node).and_then(|progress| progress.step(name));
    let (status, details) = told.map_or(delivery.words(), |told| step_words(&told.status));
    let output = told.map(|told| {
        let mut output = told.output.clone();
        cut(&mut output, OUTPUT);
        output
    });
    CommandPlugin {
        name: name.to_owned(),
        status: status.to_owned(),
        status_details: Some(details.to_owned()),
        response_code: Some(told.map_or(-1, |told| told.code.into())),
        response_start_date_time: told.and_then(|told| read_date(&told.start_date_time)),
        response_finish_date_time: told.and_then(|told| read_date(&told.end_date_time)),
        output,
        output_s3_region: request.output_s3_region.clone(),
        output_s3_bucket_name: request.output_s3_bucket_name.clone(),
        output_s3_key_prefix: request.output_s3_key_prefix.clone(),
    }
}

/// A node's name: its tag `Name` or, for a hybrid node, its computer's.
fn name(state: &State, id: NodeId) -> Option<String> {
    let node = state.nodes.get(state.nodes.number(id)?);
    if id.is_hybrid() {
        node.computer_name.as_deref().map(str::to_owned)
    } else {
        node.tags.value("Name").map(ToString::to_string)
    }
}
