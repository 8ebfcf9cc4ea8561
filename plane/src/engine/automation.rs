//! Carrying out associations with runbooks: one automation per target.
//!
//! A dispatch gathers the targets in pieces, then lets them in as far as
//! MaxConcurrency goes (E); an end lets in the next, and more errors than
//! MaxErrors stop the rest, which is skipped in pieces. What the runbook would
//! do is not done: an automation takes as long, and fails as often, as is set.
//! Beyond a hundred that run and a thousand that wait an automation fails at
//! once (C.7). A newer execution stops what of the older has not begun.

use std::sync::Arc;

use shared::status::AssociationStatus::{self, Failed, InProgress, Pending, Skipped, Success};
use shared::time::Timestamp;
use shared::wire::Parameters;

use super::{PIECE, dispatch};
use crate::handler::association::{parameters, runbook};
use crate::state::State;
use crate::state::association::AssociationNumber;
use crate::state::automation::{Automation, AutomationNumber, Rollout, RolloutKey, Runbook, TargetRow};
use crate::state::execution::{Failure, Spread};
use crate::state::rate::RateRules;
use crate::state::target::runbook::Reach;
use crate::state::timer::Work;

/// Makes the rollout of an execution that has just begun, and gathers its targets.
pub(super) fn begin(state: &mut State, now: Timestamp, association: AssociationNumber, execution: u32) {
    let key = RolloutKey { association, execution };
    stop_older(state, now, key);
    let rollout = match read_runbook(state, association) {
        Ok((runbook, parameters)) => Rollout {
            key,
            runbook: Arc::new(runbook),
            parameters: Arc::new(parameters),
            rows: Vec::new(),
            after: None,
            next: 0,
            limit: 0,
            budget: 0,
            busy: 0,
            errors: 0,
            is_stopped: false,
            failure: None,
            is_moving: false,
        },
        Err(failure) => {
            fail(state, key, failure);
            return;
        }
    };
    state.automations.rollouts.insert(key, rollout);
    gather(state, now, association, execution);
}

/// Lets no more of older executions in, and forgets those that nobody remembers.
fn stop_older(state: &mut State, now: Timestamp, key: RolloutKey) {
    let Some(association) = state.associations.get_mut(key.association) else { return };
    association.counts = Default::default();
    let oldest = association.executions.front().map_or(0, |execution| execution.number);
    let first = RolloutKey { execution: 0, ..key };
    let older: Vec<RolloutKey> = state.automations.rollouts.range(first..key).map(|(key, _)| *key).collect();
    for older in older {
        let Some(rollout) = state.automations.rollouts.get_mut(&older) else { continue };
        if rollout.is_over() && older.execution < oldest {
            state.automations.rollouts.remove(&older);
        } else if !rollout.is_over() {
            rollout.is_stopped = true;
            go_on(state, now, older);
        }
    }
}

/// Lets no more targets of a deleted association in, and forgets what has ended.
pub(super) fn forget(state: &mut State, now: Timestamp, association: AssociationNumber) {
    let all = RolloutKey { association, execution: 0 }..=RolloutKey { association, execution: u32::MAX };
    let keys: Vec<RolloutKey> = state.automations.rollouts.range(all).map(|(key, _)| *key).collect();
    for key in keys {
        let Some(rollout) = state.automations.rollouts.get_mut(&key) else { continue };
        rollout.is_stopped = true;
        if rollout.is_over() {
            state.automations.rollouts.remove(&key);
        } else {
            go_on(state, now, key);
        }
    }
}

/// The runbook and its parameters as they are now, or why it cannot run.
fn read_runbook(state: &State, association: AssociationNumber) -> Result<(Runbook, Parameters), Failure> {
    let association = state.associations.get(association).ok_or(Failure::InvalidDocument)?;
    let definition = &association.definition;
    let version = Some(&*definition.document_version);
    let document = state.documents.version(&definition.name, version, &state.config.account);
    let document = document.map_err(|_| Failure::InvalidDocument)?;
    let aim = definition.aim.as_ref().ok_or(Failure::InvalidDocument)?;
    let given = definition.parameters.as_deref().cloned().unwrap_or_default();
    let (left, declared) = runbook::without_targets(aim, &given, &document.parsed);
    parameters::check(Some(&left), &declared).map_err(|_| Failure::InvalidAutomationParameters)?;
    let runbook = Runbook {
        name: (*document.kept.name).into(),
        version: document.kept.number.to_string().into(),
        target_parameter: aim.target_parameter.clone(),
        steps: document
            .parsed
            .steps
            .iter()
            .map(|step| (step.name.as_str().into(), step.action.as_str().into()))
            .collect(),
    };
    Ok((runbook, given))
}

/// Ends an execution that cannot begin.
fn fail(state: &mut State, key: RolloutKey, failure: Failure) {
    if let Some(association) = state.associations.get_mut(key.association)
        && let Some(execution) = association.execution_mut(key.execution)
    {
        execution.failure = Some(failure);
        execution.spread = Spread::Done;
    }
}

/// Gathers the next targets; with the last of them the rollout begins.
pub(super) fn gather(state: &mut State, now: Timestamp, number: AssociationNumber, execution: u32) {
    let key = RolloutKey { association: number, execution };
    let Some(association) = state.associations.get(number) else { return };
    let Some(rollout) = state.automations.rollouts.get(&key) else { return };
    let definition = &association.definition;
    let Some(aim) = &definition.aim else { return };
    let reach = match Reach::read(&definition.targets, &aim.target_maps, &state.world) {
        Ok(reach) => reach,
        Err(_) => return fail(state, key, Failure::InvalidTarget),
    };
    let mut next = None;
    let rows: Vec<TargetRow> = match &reach {
        Reach::Once => vec![TargetRow::new(None, None)],
        Reach::Values(values) => {
            values.iter().map(|value| TargetRow::new(Some(value.as_str().into()), None)).collect()
        }
        Reach::Maps(maps) => {
            let row = |(index, text): (usize, &String)| {
                let map = u32::try_from(index).expect("at most 300 maps");
                TargetRow::new(Some(text.as_str().into()), Some(map))
            };
            maps.iter().enumerate().map(row).collect()
        }
        Reach::Nodes { conditions, .. } if conditions.is_broken() => {
            return fail(state, key, Failure::InvalidTarget);
        }
        Reach::Nodes { conditions, is_ec2_only } => {
            let piece = dispatch::lookup(&state.nodes, conditions.lead(), rollout.after);
            next = piece.last().filter(|_| piece.len() == PIECE).copied();
            let node = |id: &&shared::id::NodeId| {
                let number = state.nodes.number(**id);
                number.is_some_and(|number| conditions.hold(state.nodes.get(number)))
                    && !(*is_ec2_only && id.is_hybrid())
            };
            piece.iter().filter(node).map(|id| TargetRow::new(Some(id.as_str().into()), None)).collect()
        }
    };
    add_rows(state, key, rows);
    if next.is_some() {
        let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
        rollout.after = next;
        state.timers.add(now, Work::GatherRunbook { association: number, execution });
    } else {
        count(state, key);
        go_on(state, now, key);
    }
}

fn add_rows(state: &mut State, key: RolloutKey, rows: Vec<TargetRow>) {
    let Some(association) = state.associations.get_mut(key.association) else { return };
    let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
    for row in rows {
        association.count_target(key.execution, None, row.status, None);
        rollout.rows.push(row);
    }
}

/// Sets the limits of a rollout, whose targets are all known.
fn count(state: &mut State, key: RolloutKey) {
    let rules = RateRules::of(&state.config);
    let Some(association) = state.associations.get_mut(key.association) else { return };
    let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
    let definition = &association.definition;
    let targets = u32::try_from(rollout.rows.len()).expect("fewer than four billion targets");
    (rollout.limit, rollout.budget) =
        rules.bounds(definition.max_concurrency.as_deref(), definition.max_errors.as_deref(), targets);
    if let Some(execution) = association.execution_mut(key.execution) {
        execution.spread = Spread::Done;
    }
}

/// Has the next targets let in or skipped, unless that is under way.
fn go_on(state: &mut State, now: Timestamp, key: RolloutKey) {
    let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
    if !rollout.is_moving {
        rollout.is_moving = true;
        let RolloutKey { association, execution } = key;
        state.timers.add(now, Work::RollOut { association, execution });
    }
}

/// Lets the next targets in, as far as there is room, or skips them.
pub(super) fn roll_out(state: &mut State, now: Timestamp, association: AssociationNumber, execution: u32) {
    let key = RolloutKey { association, execution };
    // Deleted, or halted by an alarm, an update, the end of its Duration.
    let is_halted = state.associations.get(association).is_none_or(|association| {
        association.execution(execution).is_none_or(|execution| execution.halt.is_some())
    });
    let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
    rollout.is_moving = false;
    rollout.is_stopped |= is_halted;
    for _ in 0..PIECE {
        let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
        let row = rollout.next;
        if row as usize == rollout.rows.len() {
            break;
        }
        if rollout.is_stopped {
            rollout.next += 1;
            let by_errors = rollout.errors > rollout.budget;
            let end = if by_errors { state.config.stopped_targets.status() } else { Skipped };
            set(state, key, row, end, None);
        } else if rollout.busy < rollout.limit {
            rollout.next += 1;
            let_in(state, now, key, row);
        } else {
            return;
        }
    }
    let Some(rollout) = state.automations.rollouts.get(&key) else { return };
    let is_more = (rollout.next as usize) < rollout.rows.len();
    if is_more && (rollout.is_stopped || rollout.busy < rollout.limit) {
        go_on(state, now, key);
    }
    conclude(state, key);
}

/// Begins the automation of one target: it runs, waits, or fails for want of room.
fn let_in(state: &mut State, now: Timestamp, key: RolloutKey, row: u32) {
    let id = state.draw_automation_id();
    let number = state.automations.next_number();
    let Some(association) = state.associations.get(key.association) else { return };
    let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
    let target = &mut rollout.rows[row as usize];
    target.automation = Some(number);
    let mut parameters = (*rollout.parameters).clone();
    let aim = association.definition.aim.as_ref();
    if let Some(map) = target.map.and_then(|map| aim?.target_maps.get(map as usize)) {
        parameters.extend(map.clone());
    } else if let (Some(name), Some(value)) = (&rollout.runbook.target_parameter, &target.target) {
        parameters.insert(name.to_string(), vec![value.to_string()]);
    }
    let automation = Automation {
        number,
        id,
        rollout: key,
        row,
        association_id: association.id.to_string().into(),
        runbook: Arc::clone(&rollout.runbook),
        target: target.target.clone(),
        parameters: Arc::new(parameters),
        status: Pending,
        failure: None,
        started: now,
        ended: None,
    };
    rollout.busy += 1;
    state.automations.insert(automation);
    if state.automations.running < state.config.automation_running_limit {
        run(state, now, number);
    } else if state.automations.queue.len() < state.config.automation_queue_limit {
        state.automations.queue.push_back(number);
    } else {
        finish(state, now, number, Failed, Some(Failure::AutomationExecutionLimitExceeded));
    }
}

/// Runs an automation.
fn run(state: &mut State, now: Timestamp, number: AutomationNumber) {
    state.automations.running += 1;
    let Some(automation) = state.automations.get_mut(number) else { return };
    automation.status = InProgress;
    let (key, row) = (automation.rollout, automation.row);
    set(state, key, row, InProgress, Some(now));
    state.timers.add(now + state.config.automation_duration, Work::EndAutomation { automation: number });
}

/// Ends an automation that ran; the next in the queue runs.
pub(super) fn end(state: &mut State, now: Timestamp, number: AutomationNumber) {
    let Some(automation) = state.automations.get(number) else { return };
    let draw = state.config.seed.draw("automation", u64::from(automation.number.0)).bits("outcome", 0) % 100;
    let status = if draw < u64::from(state.config.automation_failure_percent) { Failed } else { Success };
    state.automations.running -= 1;
    finish(state, now, number, status, None);
    if let Some(next) = state.automations.queue.pop_front() {
        run(state, now, next);
    }
}

/// Notes an end, and what follows for its rollout.
fn finish(
    state: &mut State,
    now: Timestamp,
    number: AutomationNumber,
    status: AssociationStatus,
    failure: Option<Failure>,
) {
    let Some(automation) = state.automations.get_mut(number) else { return };
    automation.status = status;
    automation.failure = failure;
    automation.ended = Some(now);
    let (key, row) = (automation.rollout, automation.row);
    state.timers.add(now + state.config.command_retention, Work::ForgetAutomation { automation: number });
    if let Some(rollout) = state.automations.rollouts.get_mut(&key) {
        rollout.busy -= 1;
        rollout.errors += u32::from(status == Failed);
        rollout.is_stopped |= rollout.errors > rollout.budget;
        rollout.failure = rollout.failure.or(failure);
    }
    set(state, key, row, status, Some(now));
    go_on(state, now, key);
}

/// Brings a target to another state, wherever that is counted.
fn set(state: &mut State, key: RolloutKey, row: u32, status: AssociationStatus, at: Option<Timestamp>) {
    let Some(rollout) = state.automations.rollouts.get_mut(&key) else { return };
    let row = &mut rollout.rows[row as usize];
    let before = std::mem::replace(&mut row.status, status);
    row.changed = at.or(row.changed);
    if let Some(association) = state.associations.get_mut(key.association) {
        association.count_target(key.execution, Some(before), status, at);
    }
}

/// Says why an execution failed once it is over, and forgets what nobody asks about.
fn conclude(state: &mut State, key: RolloutKey) {
    let Some(rollout) = state.automations.rollouts.get(&key).filter(|rollout| rollout.is_over()) else {
        return;
    };
    let failure = rollout.failure;
    match state.associations.get_mut(key.association) {
        Some(association) => association.conclude_targets(key.execution, failure),
        None => _ = state.automations.rollouts.remove(&key),
    }
}
