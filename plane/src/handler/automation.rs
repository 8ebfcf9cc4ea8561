//! Listing and reading automation executions.

#[cfg(test)]
mod tests;

use shared::error::{ApiError, ErrorCode};
use shared::status::AssociationStatus::{InProgress, Pending};
use shared::time::Timestamp;
use shared::wire::{
    AutomationExecution, AutomationExecutionFilter, AutomationExecutionMetadata,
    DescribeAutomationExecutions, DescribeAutomationExecutionsReply, GetAutomationExecution,
    GetAutomationExecutionReply, StepExecution,
};

use super::{instant, refused};
use crate::page::{List, SEARCH, page_size};
use crate::state::State;
use crate::state::automation::{Automation, AutomationNumber};
use crate::state::execution::Failure;

/// How many automations a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Lists automations, the newest first.
pub(super) fn describe_automation_executions(
    state: &mut State,
    _now: Timestamp,
    call: DescribeAutomationExecutions,
) -> Result<DescribeAutomationExecutionsReply, ApiError> {
    let filters = call.filters.unwrap_or_default();
    let list = List::new(state.config.seed, "DescribeAutomationExecutions", &filters);
    let before = list.place::<u32>(call.next_token.as_deref())?.map(AutomationNumber);
    let filters = filters.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let size = page_size(call.max_results, DEFAULT_PAGE);

    let mut reply = DescribeAutomationExecutionsReply::default();
    let mut last = 0;
    for (looked_at, automation) in state.automations.before(before).enumerate() {
        if reply.automation_execution_metadata_list.len() == size || looked_at == SEARCH {
            reply.next_token = Some(list.token(&u32::to_string(&last)));
            break;
        }
        last = automation.number.0;
        if filters.iter().all(|filter| filter.lets_through(automation)) {
            reply.automation_execution_metadata_list.push(metadata(automation));
        }
    }
    Ok(reply)
}

/// Reads one automation.
pub(super) fn get_automation_execution(
    state: &mut State,
    _now: Timestamp,
    call: GetAutomationExecution,
) -> Result<GetAutomationExecutionReply, ApiError> {
    let id = call.automation_execution_id;
    let automation = state.automations.by_id(&id).ok_or_else(|| {
        let reason = format!("there is no automation execution {id}");
        refused(ErrorCode::AutomationExecutionNotFoundException, reason)
    })?;
    Ok(GetAutomationExecutionReply { automation_execution: describe(automation) })
}

/// A condition on the automations that are listed: any of the values.
enum Filter {
    Id(Vec<String>),
    Status(Vec<String>),
    DocumentPrefix(Vec<String>),
    Kind(Vec<String>),
    Before(Timestamp),
    After(Timestamp),
    /// Automations here have neither parents, nor tags, nor steps under way that are told apart.
    Nothing,
}

fn read(filter: &AutomationExecutionFilter) -> Result<Filter, ApiError> {
    let values = filter.values.clone();
    let date = || {
        let value = values.first().map_or("", String::as_str);
        instant(value).map_err(|wrong| refused(ErrorCode::InvalidFilterValue, wrong.message))
    };
    Ok(match filter.key.as_str() {
        "ExecutionId" => Filter::Id(values),
        "ExecutionStatus" => Filter::Status(values),
        "DocumentNamePrefix" => Filter::DocumentPrefix(values),
        "AutomationType" => Filter::Kind(values),
        "StartTimeBefore" => Filter::Before(date()?),
        "StartTimeAfter" => Filter::After(date()?),
        _ => Filter::Nothing,
    })
}

impl Filter {
    fn lets_through(&self, automation: &Automation) -> bool {
        let has = |values: &[String], own: &str| values.iter().any(|value| value == own);
        match self {
            Self::Id(ids) => has(ids, &automation.id.to_string()),
            Self::Status(words) => has(words, automation.status.as_str()),
            Self::DocumentPrefix(starts) => {
                starts.iter().any(|start| automation.runbook.name.starts_with(start.as_str()))
            }
            Self::Kind(words) => has(words, "Local"),
            Self::Before(instant) => automation.started < *instant,
            Self::After(instant) => automation.started > *instant,
            Self::Nothing => false,
        }
    }
}

fn metadata(automation: &Automation) -> AutomationExecutionMetadata {
    let whole = describe(automation);
    AutomationExecutionMetadata {
        automation_execution_id: whole.automation_execution_id,
        document_name: whole.document_name,
        document_version: whole.document_version,
        automation_execution_status: whole.automation_execution_status,
        execution_start_time: whole.execution_start_time,
        execution_end_time: whole.execution_end_time,
        executed_by: whole.executed_by,
        failure_message: whole.failure_message,
        mode: whole.mode,
        target_parameter_name: whole.target_parameter_name,
        target: whole.target,
        association_id: whole.association_id,
        automation_type: Some("Local".to_owned()),
    }
}

fn describe(automation: &Automation) -> AutomationExecution {
    let runbook = &automation.runbook;
    let failure = automation.failure.map(Failure::as_str);
    let is_failed = automation.status == shared::status::AssociationStatus::Failed;
    let message = is_failed.then(|| failure.unwrap_or("the simulated runbook failed").to_owned());
    AutomationExecution {
        automation_execution_id: automation.id.to_string(),
        document_name: runbook.name.to_string(),
        document_version: Some(runbook.version.to_string()),
        automation_execution_status: automation.status.to_string(),
        execution_start_time: Some(automation.started),
        execution_end_time: automation.ended,
        executed_by: None,
        failure_message: message,
        mode: Some("Auto".to_owned()),
        target_parameter_name: runbook.target_parameter.as_deref().map(str::to_owned),
        target: automation.target.as_deref().map(str::to_owned),
        association_id: Some(automation.association_id.to_string()),
        parameters: (!automation.parameters.is_empty()).then(|| (*automation.parameters).clone()),
        step_executions: steps(automation),
    }
}

/// How the steps stand: the simulation does not tell them apart, so they stand
/// as the whole does, and none began before that did.
fn steps(automation: &Automation) -> Vec<StepExecution> {
    let has_begun = automation.failure.is_none() && automation.status != Pending;
    let step = |(name, action): &(Box<str>, Box<str>)| StepExecution {
        step_name: name.to_string(),
        action: action.to_string(),
        step_status: if has_begun { automation.status } else { Pending }.to_string(),
        execution_start_time: has_begun.then_some(automation.started),
        execution_end_time: automation.ended.filter(|_| has_begun && automation.status != InProgress),
    };
    automation.runbook.steps.iter().map(step).collect()
}
