//! Sending a command.
//!
//! The checks come in the order of an association's (B.2): what needs no
//! document, the document, its parameters, the nodes, the output. Nodes that
//! are named by their ids get their parts at once; those that conditions mean
//! are gathered by the engine.

use std::collections::BTreeSet;

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::target::Target;
use shared::time::{Period, Timestamp};
use shared::wire::{SendCommand, SendCommandReply};

use super::super::association::parameters;
use super::super::refused;
use super::describe;
use crate::config::{AdmissionOrder, UnknownTargets};
use crate::engine::command::settle;
use crate::state::State;
use crate::state::command::{Command, CommandNumber, Delivery, DeliveryCounts};
use crate::state::document::StoredDocument;
use crate::state::execution::Spread;
use crate::state::target::{Conditions, group_name};
use crate::state::timer::Work;

/// How long a document may run if it has no say in it.
const EXECUTION_TIMEOUT: Period = Period::hours(1);

/// Sends a document to nodes.
pub(in crate::handler) fn send_command(
    state: &mut State,
    now: Timestamp,
    call: SendCommand,
) -> Result<SendCommandReply, ApiError> {
    check_form(&call)?;
    let version = call.document_version.as_deref();
    let document = state.documents.version(&call.document_name, version, &state.config.account)?;
    check_document(&call, document)?;
    parameters::check(call.parameters.as_ref(), &document.parsed)?;
    let named = call.instance_ids.clone().unwrap_or_default();
    check_nodes(state, &named, document)?;
    check_targets(state, call.targets.as_deref().unwrap_or_default(), document)?;
    check_output(state, &call)?;

    let delivery_timeout = call.timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok());
    let delivery_timeout = delivery_timeout.map_or(state.config.command_timeout, Period::seconds);
    let execution_timeout = execution_timeout(&call, document);
    let content = std::sync::Arc::clone(&document.kept.content);
    let number = state.commands.next_number();
    let command = Command {
        number,
        steps: document.parsed.steps.iter().map(|step| step.name.as_str().into()).collect(),
        platforms: document.parsed.platforms(),
        request: Box::new(SendCommand { document_name: document.kept.name.to_string(), ..call }),
        id: state.draw_command_id(),
        requested: now,
        expires: now + delivery_timeout + execution_timeout,
        spread: if named.is_empty() { Spread::Going(None) } else { Spread::Done },
        is_cancelled: false,
        parts: std::collections::BTreeMap::new(),
        counts: DeliveryCounts::default(),
        shuffle: shuffle(state, number),
        held: BTreeSet::new(),
        is_stopped: false,
        content,
        hidden: std::collections::BTreeMap::new(),
        progress: std::collections::BTreeMap::new(),
    };
    let has_targets = named.is_empty();
    state.commands.insert(command);
    named.into_iter().for_each(|node| state.commands.set(number, node, Delivery::Queued));
    settle(state, now, number);
    put_down(state, now, number, [delivery_timeout, delivery_timeout + execution_timeout], has_targets);
    let rounding = state.config.percent_rounding;
    let command = state.commands.get(number).expect("inserted above");
    Ok(SendCommandReply { command: describe(command, rounding) })
}

/// From what the order follows in which nodes get a command.
fn shuffle(state: &State, number: CommandNumber) -> Option<u64> {
    match state.config.admission_order {
        AdmissionOrder::NodeId => None,
        AdmissionOrder::Shuffled => {
            Some(state.config.seed.draw("command-admission", u64::from(number.0)).bits("order", 0))
        }
    }
}

/// Puts down what is to become of a command later.
fn put_down(
    state: &mut State,
    now: Timestamp,
    command: CommandNumber,
    timeouts: [Period; 2],
    has_targets: bool,
) {
    if has_targets {
        state.timers.add(now, Work::SpreadCommand { command });
    }
    let [_, expires] = timeouts;
    for timeout in timeouts {
        state.timers.add(now + timeout, Work::ExpireCommand { command, after: None });
    }
    let retention = state.config.command_retention.max(expires);
    state.timers.add(now + retention, Work::ForgetCommand { command });
}

/// What can be told without the document.
fn check_form(call: &SendCommand) -> Result<(), ApiError> {
    let invalid = |reason: &str| Err(refused(ErrorCode::ValidationException, reason));
    let ids = call.instance_ids.as_deref().unwrap_or_default();
    let has_targets = call.targets.as_ref().is_some_and(|targets| !targets.is_empty());
    if !ids.is_empty() && has_targets {
        return invalid("Only one of InstanceIds and Targets can be specified");
    }
    if ids.is_empty() && !has_targets {
        return invalid("InstanceIds or Targets must be specified");
    }
    if call.document_hash.is_some() && call.document_hash_type.as_deref() == Some("Sha1") {
        return invalid("Sha1 hashes are deprecated: send DocumentHashType Sha256");
    }
    let mut seen = BTreeSet::new();
    match ids.iter().find(|id| !seen.insert(**id)) {
        Some(twice) => Err(refused(ErrorCode::DuplicateInstanceId, format!("{twice} is named twice"))),
        None => Ok(()),
    }
}

/// Whether the document can be sent, and has the hash that is said.
fn check_document(call: &SendCommand, document: &StoredDocument) -> Result<(), ApiError> {
    let name = &document.kept.name;
    if !document.parsed.schema_version.runs_on_nodes() || &*document.kept.kind != "Command" {
        return Err(refused(ErrorCode::InvalidDocument, format!("document {name} is no Command document")));
    }
    match &call.document_hash {
        Some(hash) if !hash.eq_ignore_ascii_case(&document.kept.hash) => {
            Err(refused(ErrorCode::InvalidDocument, format!("document {name} has another hash")))
        }
        _ => Ok(()),
    }
}

/// Nodes that are named by their ids must be there and fit the document.
fn check_nodes(state: &State, ids: &[NodeId], document: &StoredDocument) -> Result<(), ApiError> {
    let is_unfit = |id: &&NodeId| state.nodes.admitted(**id).is_none() || state.is_out_of_reach(**id);
    let unfit: Vec<&str> = ids.iter().filter(is_unfit).map(NodeId::as_str).collect();
    if !unfit.is_empty() {
        let account = &state.config.account;
        let reason = format!("Instances [[{}]] not in a valid state for account {account}", unfit.join(", "));
        return Err(refused(ErrorCode::InvalidInstanceId, reason));
    }
    check_platforms(state, ids.iter().copied(), document)
}

fn check_platforms(
    state: &State,
    mut ids: impl Iterator<Item = NodeId>,
    document: &StoredDocument,
) -> Result<(), ApiError> {
    let platforms = document.parsed.platforms();
    let platform = |id| state.nodes.number(id).and_then(|number| state.nodes.get(number).facts.platform_type);
    match ids.find(|id| platform(*id).is_some_and(|platform| !platforms.contains(&platform))) {
        Some(id) => {
            let reason = format!("document {} does not run on the platform of {id}", document.kept.name);
            Err(refused(ErrorCode::UnsupportedPlatformType, reason))
        }
        None => Ok(()),
    }
}

/// Conditions must be ones that an association could have. There is no
/// InvalidTarget here, so what is wrong with them is a matter of form.
fn check_targets(state: &State, targets: &[Target], document: &StoredDocument) -> Result<(), ApiError> {
    if targets.is_empty() {
        return Ok(());
    }
    let conditions = Conditions::read(targets, &state.world)
        .map_err(|refusal| refused(ErrorCode::ValidationException, refusal.message))?;
    if conditions.is_broken() {
        let name = group_name(targets).unwrap_or_default();
        let reason = format!("resource group {name} does not exist or is too large");
        return Err(refused(ErrorCode::ValidationException, reason));
    }
    let may_name = |id| {
        state.nodes.number(id).is_some() || state.config.unknown_target_instance == UnknownTargets::Accept
    };
    if let Some(id) = conditions.named().find(|id| state.is_out_of_reach(*id) || !may_name(*id)) {
        return Err(refused(ErrorCode::InvalidInstanceId, id.to_string()));
    }
    check_platforms(state, conditions.named(), document)
}

/// The bucket must be known, where buckets are.
fn check_output(state: &State, call: &SendCommand) -> Result<(), ApiError> {
    match call.output_s3_bucket_name.as_deref().filter(|name| !state.world.knows_bucket(name)) {
        Some(name) => Err(refused(ErrorCode::InvalidOutputFolder, format!("bucket {name} does not exist"))),
        None => Ok(()),
    }
}

/// How long the document may run: the parameter that says so, or its default.
fn execution_timeout(call: &SendCommand, document: &StoredDocument) -> Period {
    let given = call.parameters.as_ref().and_then(|given| given.get("executionTimeout")?.first());
    let declared = || {
        let default = &document.parsed.parameters.get("executionTimeout")?.default;
        default.as_u64().or_else(|| default.as_str()?.parse().ok())
    };
    let seconds = given.and_then(|text| text.parse().ok()).or_else(declared);
    seconds.map_or(EXECUTION_TIMEOUT, Period::seconds)
}
