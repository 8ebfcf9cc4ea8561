//! Listing executions of an association, and the nodes of one.

use shared::error::{ApiError, ErrorCode};
use shared::id::{AssociationId, CommandId, NodeId};
use shared::seed::digest;
use shared::time::Timestamp;
use shared::wire::{
    AssociationExecution, AssociationExecutionFilter, AssociationExecutionTarget,
    AssociationExecutionTargetsFilter, DescribeAssociationExecutionTargets,
    DescribeAssociationExecutionTargetsReply, DescribeAssociationExecutions,
    DescribeAssociationExecutionsReply, OutputSource,
};

use super::{instant, refused};
use crate::page::{List, SEARCH, cut, page_size};
use crate::state::State;
use crate::state::association::Association;
use crate::state::automation::{RolloutKey, TargetRow};
use crate::state::execution::{Execution, Failure, Row};

/// How many rows a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// What every target of an execution is, for `i-` and `mi-` nodes alike.
const RESOURCE_TYPE: &str = "ManagedInstance";

fn find(state: &State, id: AssociationId) -> Result<&Association, ApiError> {
    let gone = || refused(ErrorCode::AssociationDoesNotExist, "there is no such association");
    state.associations.by_id(id).ok_or_else(gone)
}

/// Lists executions, newest first.
pub(super) fn describe_association_executions(
    state: &mut State,
    _now: Timestamp,
    call: DescribeAssociationExecutions,
) -> Result<DescribeAssociationExecutionsReply, ApiError> {
    let association = find(state, call.association_id)?;
    let filters = call.filters.unwrap_or_default();
    let list =
        List::new(state.config.seed, "DescribeAssociationExecutions", &(call.association_id, &filters));
    // The number of the execution where the page before ended: newer ones may have come since.
    let before = list.place::<u32>(call.next_token.as_deref())?;
    let filters = filters.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let older =
        association.executions.iter().rev().filter(|one| before.is_none_or(|before| one.number < before));
    let found: Vec<&Execution> =
        older.filter(|one| filters.iter().all(|filter| filter.lets_through(one))).collect();
    let (page, more) = cut(found, 0, page_size(call.max_results, DEFAULT_PAGE));
    let last = page.last().map(|execution| execution.number.to_string());
    Ok(DescribeAssociationExecutionsReply {
        association_executions: page.into_iter().map(|execution| row(association, execution)).collect(),
        next_token: more.and(last).map(|last| list.token(&last)),
    })
}

/// A condition on the executions that are listed.
enum Filter {
    Id(String),
    Status(String),
    Created(std::cmp::Ordering, Timestamp),
}

fn read(filter: &AssociationExecutionFilter) -> Result<Filter, ApiError> {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let ordering = match filter.kind.as_str() {
        "LESS_THAN" => Less,
        "GREATER_THAN" => Greater,
        _ => Equal,
    };
    match filter.key.as_str() {
        "CreatedTime" => Ok(Filter::Created(ordering, instant(&filter.value)?)),
        _ if ordering != Equal => Err(refused(
            ErrorCode::ValidationException,
            format!("{} is compared with EQUAL only", filter.key),
        )),
        "ExecutionId" => Ok(Filter::Id(filter.value.clone())),
        "Status" => Ok(Filter::Status(filter.value.clone())),
        other => Err(refused(ErrorCode::ValidationException, format!("there is no filter {other}"))),
    }
}

impl Filter {
    fn lets_through(&self, execution: &Execution) -> bool {
        match self {
            Self::Id(id) => execution.id.to_string() == *id,
            Self::Status(name) => execution.status().as_str() == name,
            Self::Created(ordering, instant) => execution.created.cmp(instant) == *ordering,
        }
    }
}

fn row(association: &Association, execution: &Execution) -> AssociationExecution {
    AssociationExecution {
        association_id: association.id,
        association_version: Some(execution.version.to_string()),
        execution_id: execution.id,
        detailed_status: Some(execution.detailed_status().to_owned()),
        status: execution.status().to_string(),
        created_time: Some(execution.created),
        last_execution_date: execution.last_report,
        resource_count_by_status: Some(execution.counts.as_text()),
        alarm_configuration: association.definition.alarm.as_deref().cloned(),
        triggered_alarms: execution.triggered.clone().map(|alarm| vec![alarm]),
    }
}

/// Lists the nodes of one execution, in the order in which they were gathered.
pub(super) fn describe_association_execution_targets(
    state: &mut State,
    _now: Timestamp,
    call: DescribeAssociationExecutionTargets,
) -> Result<DescribeAssociationExecutionTargetsReply, ApiError> {
    let association = find(state, call.association_id)?;
    let execution = association.executions.iter().find(|execution| execution.id == call.execution_id);
    let execution = execution.ok_or_else(|| {
        refused(ErrorCode::AssociationExecutionDoesNotExist, "the association has no such execution")
    })?;
    let filters = call.filters.unwrap_or_default();
    let list =
        List::new(state.config.seed, "DescribeAssociationExecutionTargets", &(call.execution_id, &filters));
    let from = list.place::<usize>(call.next_token.as_deref())?.unwrap_or(0);
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut reply = DescribeAssociationExecutionTargetsReply::default();
    if association.definition.aim.is_some() {
        let rows = rollout_rows(state, association, execution);
        for (index, row) in rows.iter().enumerate().skip(from) {
            if reply.association_execution_targets.len() == size || index == from + SEARCH {
                reply.next_token = Some(list.token(&index.to_string()));
                break;
            }
            let target = rollout_target(state, association, execution, row);
            if filters.iter().all(|filter| has(&target, filter)) {
                reply.association_execution_targets.push(target);
            }
        }
        return Ok(reply);
    }
    for (index, row) in execution.rows.iter().enumerate().skip(from) {
        if reply.association_execution_targets.len() == size || index == from + SEARCH {
            reply.next_token = Some(list.token(&index.to_string()));
            break;
        }
        let target = target(state, association, execution, row);
        if filters.iter().all(|filter| has(&target, filter)) {
            reply.association_execution_targets.push(target);
        }
    }
    Ok(reply)
}

fn has(target: &AssociationExecutionTarget, filter: &AssociationExecutionTargetsFilter) -> bool {
    match filter.key.as_str() {
        "Status" => target.status == filter.value,
        "ResourceId" => target.resource_id.as_deref() == Some(filter.value.as_str()),
        _ => target.resource_type == filter.value,
    }
}

/// The targets of an execution with a runbook.
fn rollout_rows<'a>(state: &'a State, association: &Association, execution: &Execution) -> &'a [TargetRow] {
    let key = RolloutKey { association: association.number, execution: execution.number };
    state.automations.rollouts.get(&key).map_or(&[], |rollout| &rollout.rows)
}

fn rollout_target(
    state: &State,
    association: &Association,
    execution: &Execution,
    row: &TargetRow,
) -> AssociationExecutionTarget {
    let automation = row.automation.and_then(|number| state.automations.get(number));
    let detail = automation.and_then(|automation| automation.failure).map(Failure::as_str);
    let is_node = row.target.as_deref().is_some_and(|target| target.parse::<NodeId>().is_ok());
    AssociationExecutionTarget {
        association_id: association.id,
        association_version: Some(execution.version.to_string()),
        execution_id: execution.id,
        resource_id: row.target.as_deref().map(str::to_owned),
        resource_type: if is_node { RESOURCE_TYPE } else { "Automation" }.to_owned(),
        status: row.status.to_string(),
        detailed_status: Some(detail.unwrap_or(row.status.as_str()).to_owned()),
        last_execution_date: row.changed,
        output_source: automation.map(|automation| OutputSource {
            output_source_id: automation.id.to_string(),
            output_source_type: "Automation".to_owned(),
        }),
    }
}

/// Where the service says that a run's output is: the command by which it would
/// have sent the execution. It is a name only: nodes of this plane fetch their
/// associations, and no command of this id can be read.
fn run_command(state: &State, execution: &Execution) -> OutputSource {
    let number = digest(execution.id.to_string().as_bytes());
    let bits = state.config.seed.draw("output-source", number).wide_bits("id", 0);
    OutputSource {
        output_source_id: CommandId::from_bits(bits).to_string(),
        output_source_type: "RunCommand".to_owned(),
    }
}

fn target(
    state: &State,
    association: &Association,
    execution: &Execution,
    row: &Row,
) -> AssociationExecutionTarget {
    AssociationExecutionTarget {
        association_id: association.id,
        association_version: Some(execution.version.to_string()),
        execution_id: execution.id,
        resource_id: Some(state.nodes.get(row.node).id.to_string()),
        resource_type: RESOURCE_TYPE.to_owned(),
        detailed_status: Some(row.detail.word(row.status).to_owned()),
        status: row.status.to_string(),
        last_execution_date: row.reported(),
        output_source: row.reported().map(|_| run_command(state, execution)),
    }
}
