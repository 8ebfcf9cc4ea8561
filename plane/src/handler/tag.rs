//! Tags of nodes, associations and documents.
//!
//! The service takes tags of `mi-` nodes only, and those of `i-` nodes from
//! EC2; here `i-` nodes are tagged the same way, before or after they
//! register, unless that is set otherwise (`instance_tags`).

use shared::error::{ApiError, ErrorCode};
use shared::id::{AssociationId, NodeId};
use shared::time::Timestamp;
use shared::wire::{
    AddTagsToResource, Empty, ListTagsForResource, ListTagsForResourceReply, RemoveTagsFromResource,
};

use super::node::rematch;
use super::refused;
use crate::config::choice::Undocumented;
use crate::state::State;
use crate::state::intern::Interner;
use crate::state::tag::Tags;

/// Adds tags to a resource, or changes their values.
pub(super) fn add_tags_to_resource(
    state: &mut State,
    now: Timestamp,
    call: AddTagsToResource,
) -> Result<Empty, ApiError> {
    change(state, now, &call.resource_type, &call.resource_id, |tags, texts| tags.with(&call.tags, texts))
}

/// Takes tags off a resource; those that it does not have are no matter.
pub(super) fn remove_tags_from_resource(
    state: &mut State,
    now: Timestamp,
    call: RemoveTagsFromResource,
) -> Result<Empty, ApiError> {
    change(state, now, &call.resource_type, &call.resource_id, |tags, _| Ok(tags.without(&call.tag_keys)))
}

/// Gives a resource other tags, made from those it has.
fn change(
    state: &mut State,
    now: Timestamp,
    kind: &str,
    id: &str,
    change: impl FnOnce(&Tags, &mut Interner<str>) -> Result<Tags, ApiError>,
) -> Result<Empty, ApiError> {
    let gone = || no_resource(kind, id);
    match kind {
        "ManagedInstance" => {
            let id: NodeId = id.parse().map_err(|_| gone())?;
            if !takes_tags(state, id) {
                return Err(gone());
            }
            let known = state.nodes.number(id);
            if (known.is_none() && id.is_hybrid()) || state.is_gone(id) {
                return Err(gone());
            }
            let before = known.map(|number| state.nodes.get(number).tags.clone()).unwrap_or_default();
            let tags = change(&before, &mut state.nodes.texts)?;
            // Only what is accepted, and says something, makes a node known.
            if tags != before {
                let number = state.nodes.ensure(id);
                let before = state.nodes.get(number).is_admitted.then_some(before);
                state.nodes.set_tags(number, tags);
                rematch(state, now, number, before);
            }
        }
        "Association" => {
            let id: AssociationId = id.parse().map_err(|_| gone())?;
            let association =
                state.associations.number(id).and_then(|number| state.associations.get_mut(number));
            let association = association.ok_or_else(gone)?;
            association.tags = change(&association.tags, &mut state.nodes.texts)?;
        }
        "Document" => {
            let document = state.documents.get_mut(id).ok_or_else(gone)?;
            document.kept.tags = change(&document.kept.tags, &mut state.nodes.texts)?;
        }
        other => return Err(no_type(other)),
    }
    Ok(Empty {})
}

/// Reads the tags of a resource, by key.
pub(super) fn list_tags_for_resource(
    state: &mut State,
    _now: Timestamp,
    call: ListTagsForResource,
) -> Result<ListTagsForResourceReply, ApiError> {
    let gone = || no_resource(&call.resource_type, &call.resource_id);
    let tags = match call.resource_type.as_str() {
        "ManagedInstance" => {
            let id: Option<NodeId> = call.resource_id.parse().ok();
            let id = id.filter(|id| takes_tags(state, *id));
            let number = id.and_then(|id| state.nodes.number(id)).ok_or_else(gone)?;
            &state.nodes.get(number).tags
        }
        "Association" => {
            let id: Option<AssociationId> = call.resource_id.parse().ok();
            &id.and_then(|id| state.associations.by_id(id)).ok_or_else(gone)?.tags
        }
        "Document" => {
            let document = state.documents.document(&call.resource_id, &state.config.account);
            &document.map_err(|_| gone())?.kept.tags
        }
        other => return Err(no_type(other)),
    };
    Ok(ListTagsForResourceReply { tag_list: tags.to_wire() })
}

/// Whether a node's tags are kept here: those of instances are EC2's, strictly.
fn takes_tags(state: &State, id: NodeId) -> bool {
    id.is_hybrid() || state.config.instance_tags == Undocumented::Accept
}

fn no_resource(kind: &str, id: &str) -> ApiError {
    refused(ErrorCode::InvalidResourceId, format!("there is no {kind} {id}"))
}

fn no_type(kind: &str) -> ApiError {
    refused(ErrorCode::InvalidResourceType, format!("resources of type {kind} are not kept here"))
}
