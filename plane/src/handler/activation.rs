//! Activations: the leave to register hybrid nodes.

use shared::error::{ApiError, ErrorCode};
use shared::id::ActivationId;
use shared::time::{Period, Timestamp};
use shared::wire;
use shared::wire::{
    CreateActivation, CreateActivationReply, DeleteActivation, DescribeActivations,
    DescribeActivationsFilter, DescribeActivationsReply, Empty,
};

use super::refused;
use crate::page::{List, SEARCH, page_size};
use crate::state::State;
use crate::state::activation::Activation;
use crate::state::tag::Tags;

/// How long an activation is good if nothing else is said (user guide: 24 hours).
const DEFAULT_LIFE: Period = Period::hours(24);
/// How far ahead its end may be (user guide: 30 days).
const LONGEST_LIFE: Period = Period::days(30);
/// How many nodes it lets in if nothing else is said (API reference: one).
const DEFAULT_LIMIT: u32 = 1;
/// How many activations a page has if nothing else is said.
const DEFAULT_PAGE: usize = 50;

/// Makes an activation.
pub(super) fn create_activation(
    state: &mut State,
    now: Timestamp,
    call: CreateActivation,
) -> Result<CreateActivationReply, ApiError> {
    let invalid = |reason: String| refused(ErrorCode::InvalidParameters, reason);
    if call.iam_role.is_empty() {
        return Err(invalid("IamRole is empty: name the role of the nodes".into()));
    }
    let expires = call.expiration_date.unwrap_or(now + DEFAULT_LIFE);
    if expires <= now {
        return Err(invalid("ExpirationDate is not in the future".into()));
    }
    if expires > now + LONGEST_LIFE {
        return Err(invalid("ExpirationDate is more than 30 days ahead".into()));
    }
    let tags = call.tags.as_deref().unwrap_or_default();
    let tags = Tags::of_new_resource(tags, &mut state.nodes.texts).map_err(|error| invalid(error.message))?;
    // The checker let through 1 to 1,000.
    let limit = call.registration_limit.and_then(|limit| u32::try_from(limit).ok()).unwrap_or(DEFAULT_LIMIT);
    let (id, code) = state.draw_activation();
    let activation = Activation {
        code: code.as_str().into(),
        description: call.description.map(Into::into),
        instance_name: call.default_instance_name.map(|name| state.nodes.texts.share(name.as_str())),
        iam_role: state.nodes.texts.share(call.iam_role.as_str()),
        limit,
        count: 0,
        created: now,
        expires,
        tags,
    };
    state.activations.insert(id, activation);
    Ok(CreateActivationReply { activation_id: Some(id), activation_code: Some(code) })
}

/// Deletes an activation; who registered by it stays.
pub(super) fn delete_activation(
    state: &mut State,
    _now: Timestamp,
    call: DeleteActivation,
) -> Result<Empty, ApiError> {
    state.activations.delete(&call.activation_id)?;
    Ok(Empty {})
}

/// Lists activations, by their ids.
pub(super) fn describe_activations(
    state: &mut State,
    now: Timestamp,
    call: DescribeActivations,
) -> Result<DescribeActivationsReply, ApiError> {
    let filters = read_filters(call.filters.as_deref().unwrap_or_default())?;
    let list = List::new(state.config.seed, "DescribeActivations", &filters);
    let after = list.place::<ActivationId>(call.next_token.as_deref())?;
    let size = page_size(call.max_results, DEFAULT_PAGE);
    let mut reply = DescribeActivationsReply::default();
    let mut last = after;
    for (looked_at, (id, activation)) in state.activations.after(after).enumerate() {
        if reply.activation_list.len() == size || looked_at == SEARCH {
            reply.next_token = last.map(|last| list.token(&last.to_string()));
            break;
        }
        last = Some(id);
        if filters.iter().all(|filter| filter.lets_through(id, activation)) {
            reply.activation_list.push(show(now, id, activation));
        }
    }
    Ok(reply)
}

fn show(now: Timestamp, id: ActivationId, activation: &Activation) -> wire::Activation {
    let tags = activation.tags.to_wire();
    wire::Activation {
        activation_id: Some(id),
        description: activation.description.as_deref().map(str::to_owned),
        default_instance_name: activation.instance_name.as_deref().map(str::to_owned),
        iam_role: Some(activation.iam_role.to_string()),
        registration_limit: Some(activation.limit.into()),
        registrations_count: Some(activation.count.into()),
        expiration_date: Some(activation.expires),
        expired: Some(activation.is_expired(now)),
        created_date: Some(activation.created),
        tags: (!tags.is_empty()).then_some(tags),
    }
}

/// A condition on the activations that are listed; any of its values suffices.
#[derive(Debug)]
struct Filter {
    key: Key,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
enum Key {
    Id,
    InstanceName,
    Role,
}

fn read_filters(filters: &[DescribeActivationsFilter]) -> Result<Vec<Filter>, ApiError> {
    let read = |filter: &DescribeActivationsFilter| {
        let key = match filter.filter_key.as_deref() {
            Some("ActivationIds") => Key::Id,
            Some("DefaultInstanceName") => Key::InstanceName,
            Some("IamRole") => Key::Role,
            other => {
                let reason = format!("there is no filter {}", other.unwrap_or("without a FilterKey"));
                return Err(refused(ErrorCode::InvalidFilter, reason));
            }
        };
        let values = filter.filter_values.clone().unwrap_or_default();
        if values.is_empty() {
            let reason =
                format!("the filter {} has no values", filter.filter_key.as_deref().unwrap_or_default());
            return Err(refused(ErrorCode::InvalidFilter, reason));
        }
        Ok(Filter { key, values })
    };
    filters.iter().map(read).collect()
}

impl Filter {
    fn lets_through(&self, id: ActivationId, activation: &Activation) -> bool {
        let id = id.to_string();
        let own = match self.key {
            Key::Id => Some(id.as_str()),
            Key::InstanceName => activation.instance_name.as_deref(),
            Key::Role => Some(&*activation.iam_role),
        };
        own.is_some_and(|own| self.values.iter().any(|value| value == own))
    }
}

#[cfg(test)]
mod tests;
