//! What agents ask about associations, and what they report.
//!
//! The service drives every schedule (D.6), unless that is set otherwise: a node
//! is told neither a schedule nor when it last ran, only whether to run now.

use std::sync::{Arc, LazyLock};

use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::status::AssociationStatus;
use shared::time::Timestamp;
use shared::wire::{
    Empty, InstanceAssociationSummary, ListInstanceAssociations, ListInstanceAssociationsReply,
    UpdateInstanceAssociationStatus,
};

use super::refused;
use crate::engine::{self, report, steering};
use crate::page::{List, page_size};
use crate::state::State;
use crate::state::association::{Association, AssociationNumber};
use crate::state::node::Record;

/// How many associations a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// The words of each state, made once for all replies.
static WORDS: LazyLock<Vec<Arc<str>>> =
    LazyLock::new(|| AssociationStatus::ALL.iter().map(|status| status.as_str().into()).collect());

/// What is associated with the node that asks, in the order of creation.
pub(super) fn list_instance_associations(
    state: &mut State,
    now: Timestamp,
    call: ListInstanceAssociations,
) -> Result<ListInstanceAssociationsReply, ApiError> {
    let id = call.instance_id;
    let number = state.nodes.admitted(id).filter(|_| !state.is_gone(id));
    let node = state.nodes.get_mut(number.ok_or_else(|| unknown(id))?);
    let list = List::new(state.config.seed, "ListInstanceAssociations", &id);
    let after = list.place::<u32>(call.next_token.as_deref())?;
    let from = after.map_or(0, |after| node.records.partition_point(|record| record.association.0 <= after));

    // Deleted associations leave their record behind until the engine comes by.
    let mut reply = ListInstanceAssociationsReply::default();
    let size = page_size(call.max_results, DEFAULT_PAGE);
    let mut last = AssociationNumber::default();
    let mut taken_up = None;
    for record in &mut node.records[from..] {
        let Some(association) = state.associations.get_mut(record.association) else { continue };
        if reply.associations.len() == size {
            reply.next_token = Some(list.token(&last.0.to_string()));
            break;
        }
        if engine::admission::hand_out(association, record) {
            taken_up = Some(association.number);
        }
        last = association.number;
        let mut summary = summary(id, record, association);
        if let Some(schedule) = steering::agents_own(&state.config, &association.definition) {
            steer(&mut summary, record, association, schedule);
        }
        reply.associations.push(summary);
    }
    if let (Some(number), Some(newer)) = (number, taken_up) {
        report::time_out(state, now, number, newer);
    }
    Ok(reply)
}

fn summary(node: NodeId, record: &Record, association: &Association) -> InstanceAssociationSummary {
    let definition = &association.definition;
    let status = &WORDS[record.status as usize];
    InstanceAssociationSummary {
        association_id: association.id,
        association_version: Some(version_text(association.version)),
        name: Arc::clone(&definition.name),
        document_version: Arc::clone(&definition.document_version),
        instance_id: node,
        checksum: Arc::clone(&association.checksum),
        parameters: definition.parameters.clone(),
        schedule_expression: None,
        output_location: definition.output_location.clone(),
        targets: Some(Arc::clone(&definition.targets)),
        status: Some(Arc::clone(status)),
        detailed_status: Some(Arc::clone(status)),
        last_execution_date: None,
    }
}

/// Has the agent drive the schedule by itself. An execution by the schedule is
/// no order then: the agent's own timer is. Who never ran runs at once.
fn steer(
    summary: &mut InstanceAssociationSummary,
    record: &Record,
    association: &Association,
    schedule: String,
) {
    summary.schedule_expression = Some(schedule.into());
    summary.last_execution_date = record.reported;
    let is_scheduled = association.execution(record.place.execution).is_some_and(|one| one.is_scheduled);
    if record.status == AssociationStatus::Pending
        && record.is_fresh
        && is_scheduled
        && record.reported.is_some()
    {
        let last = if record.succeeded == record.reported {
            AssociationStatus::Success
        } else {
            AssociationStatus::Failed
        };
        summary.status = Some(Arc::clone(&WORDS[last as usize]));
        summary.detailed_status = summary.status.clone();
    }
}

/// An association's version; most have their first.
fn version_text(version: u32) -> Arc<str> {
    static ONE: LazyLock<Arc<str>> = LazyLock::new(|| "1".into());
    if version == 1 { Arc::clone(&ONE) } else { version.to_string().into() }
}

/// Takes in how a run stands.
pub(super) fn update_instance_association_status(
    state: &mut State,
    now: Timestamp,
    call: UpdateInstanceAssociationStatus,
) -> Result<Empty, ApiError> {
    // The model knows no InvalidInstanceId here: who has no such association gets that answer.
    let gone = || refused(ErrorCode::AssociationDoesNotExist, "the association is not on this node");
    let number = state.associations.number(call.association_id).ok_or_else(gone)?;
    let node = state.nodes.admitted(call.instance_id).ok_or_else(gone)?;
    let latest = state.associations.get(number).map_or(0, |association| association.version);
    let ever_was = |version: &str| {
        version == "$LATEST" || version.parse().is_ok_and(|version: u32| (1..=latest).contains(&version))
    };
    if call.association_version.as_deref().is_some_and(|version| !ever_was(version)) {
        return Err(refused(ErrorCode::InvalidAssociationVersion, "the association never had this version"));
    }
    if matches!(call.execution_result.status, AssociationStatus::Associated | AssociationStatus::Queued) {
        return Err(refused(ErrorCode::ValidationException, "this status is the service's to give"));
    }
    report::apply(state, now, node, number, &call.execution_result)?;
    Ok(Empty {})
}

/// The refusal of a node that is not known, or gone.
pub(super) fn unknown(id: NodeId) -> ApiError {
    refused(ErrorCode::InvalidInstanceId, format!("node {id} is not known here"))
}
