//! Changing what other services know, and what follows from it.
//!
//! An instance that goes leaves its associations, one whose tags change is
//! matched anew, a resource group that changes is resolved anew where
//! associations name it, an alarm that is raised stops those that name it, and
//! a stored parameter that changes runs what refers to it again.
//! Buckets and permissions are only looked at when a rule asks for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use shared::id::NodeId;
use shared::time::Timestamp;

use super::node::rematch;
use crate::engine::document_event::document_changed;
use crate::state::State;
use crate::state::association::AssociationNumber;
use crate::state::document::{DocumentChange, SharedDocument};
use crate::state::parameter::StoredParameter;
use crate::state::timer::Work;
use crate::state::world::{
    AlarmState, Instance, InvalidWorld, ResourceGroup, World, check_bucket, check_document, check_parameter,
};

/// A change of what other services know. Where a value may be left out, that
/// means that the thing is no longer there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorldChange {
    /// An alarm of CloudWatch.
    Alarm(String, Option<AlarmState>),
    /// A resource group.
    ResourceGroup(String, Option<ResourceGroup>),
    /// The buckets that exist; without them, all do.
    Buckets(Option<BTreeSet<String>>),
    /// Whether a bucket exists. From the first one on that does, no other is assumed to.
    Bucket(String, bool),
    /// An EC2 instance; without tags it keeps those that it has.
    Instance(NodeId, Option<Instance>),
    /// Whether the caller may not access a node.
    Denied(NodeId, bool),
    /// A document that another account shares, by its ARN.
    SharedDocument(String, Option<SharedDocument>),
    /// A parameter of Parameter Store.
    Parameter(String, Option<StoredParameter>),
}

/// A kind of what other services know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WorldKind {
    Alarms,
    ResourceGroups,
    Buckets,
    Instances,
    DeniedNodes,
    SharedDocuments,
    Parameters,
}

impl WorldKind {
    /// The kind of this name, as it stands in a path.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "alarms" => Self::Alarms,
            "resource-groups" => Self::ResourceGroups,
            "buckets" => Self::Buckets,
            "instances" => Self::Instances,
            "denied-nodes" => Self::DeniedNodes,
            "shared-documents" => Self::SharedDocuments,
            "parameters" => Self::Parameters,
            _ => return None,
        })
    }
}

/// Carries out a change.
pub(crate) fn change(state: &mut State, now: Timestamp, change: WorldChange) -> Result<(), InvalidWorld> {
    let world = &mut state.world;
    match change {
        WorldChange::Alarm(name, alarm) => {
            put(&mut world.alarms, name, alarm);
            state.timers.add(now, Work::Sound { from: AssociationNumber::default() });
        }
        WorldChange::ResourceGroup(name, group) => {
            put(&mut world.resource_groups, name, group);
            state.timers.add(now, Work::Regroup { from: AssociationNumber::default() });
        }
        WorldChange::Buckets(buckets) => {
            buckets.iter().flatten().try_for_each(|name| check_bucket(name))?;
            world.buckets = buckets;
        }
        WorldChange::Bucket(name, true) => {
            check_bucket(&name)?;
            world.buckets.get_or_insert_default().insert(name);
        }
        WorldChange::Bucket(name, false) => {
            if let Some(buckets) = &mut world.buckets {
                buckets.remove(&name);
            }
        }
        WorldChange::Instance(id, Some(instance)) => {
            instance.check(id)?;
            let before = state.nodes.admitted(id).map(|number| state.nodes.get(number).tags.clone());
            let number = state.declare(id, instance);
            rematch(state, now, number, before);
        }
        WorldChange::Instance(id, None) => {
            world.instances.remove(&id);
        }
        WorldChange::Denied(id, true) => {
            world.denied_nodes.insert(id);
        }
        WorldChange::Denied(id, false) => {
            world.denied_nodes.remove(&id);
        }
        WorldChange::SharedDocument(name, document) => share(state, now, name, document)?,
        WorldChange::Parameter(name, parameter) => {
            check_parameter(&name)?;
            change_parameter(state, now, name, parameter);
        }
    }
    Ok(())
}

/// Takes in what another account shares, or no longer does. What is bound to it
/// runs again if it is another document.
fn share(
    state: &mut State,
    now: Timestamp,
    name: String,
    document: Option<SharedDocument>,
) -> Result<(), InvalidWorld> {
    document.as_ref().map_or(Ok(()), |document| check_document(&name, document))?;
    if state.world.shared_documents.get(&name) == document.as_ref() {
        return Ok(());
    }
    state.documents.share(&name, document.as_ref().and_then(|document| document.read(&name).ok()));
    let change = if document.is_some() { DocumentChange::DefaultMoved } else { DocumentChange::Deleted };
    put(&mut state.world.shared_documents, name.clone(), document);
    document_changed(state, now, &name, change);
    Ok(())
}

/// Stores a parameter, or takes it away. What refers to it runs again if it
/// says something else than before.
fn change_parameter(state: &mut State, now: Timestamp, name: String, given: Option<StoredParameter>) {
    let before = state.world.parameters.remove(&name);
    let text = |parameter: &Option<StoredParameter>| {
        parameter.as_ref().map(|parameter| (parameter.kind, parameter.value.clone()))
    };
    let is_change = text(&before) != text(&given);
    if let Some(given) = given {
        let next = before.map_or(1, |before| before.version.unwrap_or(1) + u64::from(is_change));
        let parameter = StoredParameter { version: given.version.or(Some(next)), ..given };
        state.world.parameters.insert(name.clone(), parameter);
    }
    if is_change {
        document_changed(state, now, &name, DocumentChange::ParameterStored);
    }
}

fn put<V>(table: &mut BTreeMap<String, V>, name: String, value: Option<V>) {
    match value {
        Some(value) => table.insert(name, value),
        None => table.remove(&name),
    };
}

/// One thing that other services know, as [`show`] has it.
pub(crate) fn show_one(state: &State, kind: WorldKind, name: &str) -> Option<Value> {
    let world = &state.world;
    let node = || name.parse::<NodeId>().ok();
    match kind {
        WorldKind::Alarms => world.alarms.get(name).map(json),
        WorldKind::ResourceGroups => world.resource_groups.get(name).map(json),
        WorldKind::Buckets => world.buckets.as_ref()?.get(name).map(json),
        WorldKind::Instances => {
            let (id, instance) = world.instances.get_key_value(&node()?)?;
            Some(json(&Instance { tags: present_tags(state, *id), ..instance.clone() }))
        }
        WorldKind::DeniedNodes => world.denied_nodes.get(&node()?).map(json),
        WorldKind::SharedDocuments => world.shared_documents.get(name).map(json),
        WorldKind::Parameters => world.parameters.get(name).map(json),
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("texts and numbers can be written")
}

/// The tags that a node has now.
fn present_tags(state: &State, id: NodeId) -> Option<BTreeMap<String, String>> {
    let tags = &state.nodes.get(state.nodes.number(id)?).tags;
    Some(tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
}

/// What other services know, the instances with the tags that they have now.
pub(crate) fn show(state: &State) -> World {
    let mut world = state.world.clone();
    for (id, instance) in &mut world.instances {
        instance.tags = present_tags(state, *id);
    }
    world
}
