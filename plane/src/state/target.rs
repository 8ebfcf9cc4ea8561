//! Which nodes an association means, understood.
//!
//! The caller's targets are read once into conditions; all of them must hold
//! (several targets: AND), each by any of its values (OR). A condition can be
//! asked of one node, and tells where its nodes are to be looked for, so that
//! nobody walks the fleet for the few nodes of a tag.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::target::Target;

use super::node::Node;
use super::tag::Tags;
use super::world::World;

pub(crate) mod runbook;

/// One condition on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Condition {
    /// It is one of these.
    Nodes(BTreeSet<NodeId>),
    /// It has the key with one of these values.
    Tag { key: String, values: BTreeSet<String> },
    /// It has one of these keys.
    TagKey(BTreeSet<String>),
    /// Every node satisfies this.
    Everyone,
}

impl Condition {
    /// Whether a node of this id satisfies it by these tags.
    fn holds(&self, id: NodeId, tags: &Tags) -> bool {
        match self {
            Self::Nodes(ids) => ids.contains(&id),
            Self::Tag { key, values } => tags.value(key).is_some_and(|value| values.contains(&**value)),
            Self::TagKey(keys) => keys.iter().any(|key| tags.value(key).is_some()),
            Self::Everyone => true,
        }
    }

    /// How many nodes are likely to satisfy it, in rough classes.
    fn width(&self) -> u8 {
        match self {
            Self::Nodes(_) => 0,
            Self::Tag { .. } => 1,
            Self::TagKey(_) => 2,
            Self::Everyone => 3,
        }
    }
}

/// The conditions of one association; there is at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Conditions {
    all: Vec<Condition>,
    /// Whether it names a resource group that is gone or too large: it means
    /// nobody, and its executions fail.
    is_broken: bool,
}

impl Conditions {
    /// Whether this node is meant. A node that never registered is not.
    pub(crate) fn hold(&self, node: &Node) -> bool {
        node.is_admitted && self.hold_for(node.id, &node.tags)
    }

    /// Whether an admitted node of this id would be meant by these tags.
    pub(crate) fn hold_for(&self, id: NodeId, tags: &Tags) -> bool {
        self.all.iter().all(|condition| condition.holds(id, tags))
    }

    /// The narrowest condition: under it the association is indexed, and its
    /// nodes are looked for.
    pub(crate) fn lead(&self) -> &Condition {
        self.all.iter().min_by_key(|condition| condition.width()).expect("there is at least one")
    }

    /// The nodes that are named by their ids.
    pub(crate) fn named(&self) -> impl Iterator<Item = NodeId> {
        self.all
            .iter()
            .filter_map(|condition| match condition {
                Condition::Nodes(ids) => Some(ids.iter().copied()),
                _ => None,
            })
            .flatten()
    }

    /// Conditions that no node satisfies: those of what runs on none.
    pub(crate) fn nobody() -> Self {
        Self { all: vec![Condition::Nodes(BTreeSet::new())], is_broken: false }
    }

    /// Whether it names a resource group by which nothing can be resolved (R12).
    pub(crate) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Reads targets (B.3 R7 to R10, R12). A resource group stands for its
    /// conditions as they are now.
    pub(crate) fn read(targets: &[Target], world: &World) -> Result<Self, ApiError> {
        if targets.is_empty() {
            return Err(invalid("Instance ID or targets must be specified"));
        }
        let mut conditions = Self { all: Vec::new(), is_broken: false };
        let mut has_group = false;
        for target in targets {
            if target.key.as_deref() != Some(GROUP) {
                conditions.all.push(read(target)?);
                continue;
            }
            let [name] = target.values.as_deref().unwrap_or_default() else {
                return Err(invalid("The target is not valid"));
            };
            if std::mem::replace(&mut has_group, true) {
                return Err(invalid("The target is not valid"));
            }
            conditions.add_group(name, world)?;
        }
        Ok(conditions)
    }

    fn add_group(&mut self, name: &str, world: &World) -> Result<(), ApiError> {
        match world.resource_groups.get(name).filter(|group| group.is_usable()) {
            Some(group) => {
                for target in group.targets() {
                    self.all.push(read(&target)?);
                }
            }
            None => {
                self.all.push(Condition::Nodes(BTreeSet::new()));
                self.is_broken = true;
            }
        }
        Ok(())
    }
}

/// The key that names types of resources in a group.
pub(crate) const RESOURCE_TYPES: &str = "resource-groups:ResourceTypeFilters";

/// The key that names a resource group.
const GROUP: &str = "resource-groups:Name";

/// The resource group that targets name.
pub(crate) fn group_name(targets: &[Target]) -> Option<&str> {
    let target = targets.iter().find(|target| target.key.as_deref() == Some(GROUP))?;
    target.values.as_ref()?.first().map(String::as_str)
}

/// Whether this key names nodes by their ids; its case does not matter.
pub(crate) fn is_instance_ids(key: &str) -> bool {
    key.eq_ignore_ascii_case("InstanceIds")
}

fn read(target: &Target) -> Result<Condition, ApiError> {
    let key = target.key.as_deref().unwrap_or_default();
    let values = target.values.as_deref().unwrap_or_default();
    let known =
        is_instance_ids(key) || key == "tag-key" || key.strip_prefix("tag:").is_some_and(|k| !k.is_empty());
    let is_resource_type = key == RESOURCE_TYPES;
    if !known && !is_resource_type {
        return Err(invalid("Unsupported Target Type"));
    }
    if values.is_empty() {
        return Err(invalid("The target is not valid"));
    }
    if is_resource_type {
        // Whatever the types are, only managed nodes run documents.
        return Ok(Condition::Everyone);
    }
    if let Some(key) = key.strip_prefix("tag:") {
        return Ok(Condition::Tag { key: key.to_owned(), values: values.iter().cloned().collect() });
    }
    if key == "tag-key" {
        return Ok(Condition::TagKey(values.iter().cloned().collect()));
    }
    if values == ["*"] {
        return Ok(Condition::Everyone);
    }
    // This refuses `*` among ids as well.
    let ids: Result<_, _> = values.iter().map(|value| value.parse()).collect();
    ids.map(Condition::Nodes).map_err(|_| invalid("The target is not valid"))
}

fn invalid(reason: &str) -> ApiError {
    ApiError::new(ErrorCode::InvalidTarget, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_has_a_known_key_and_fitting_values() {
        let id = "i-0aaaaaaaaaaaaaaa1";
        let cases: [(Target, Option<&str>); 11] = [
            (Target::new("InstanceIds", [id]), None),
            (Target::new("instanceids", [id]), None),
            (Target::new("InstanceIds", ["*"]), None),
            (Target::new("tag:Env", ["prod"]), None),
            (Target::new("tag-key", ["Env"]), None),
            (Target::new("InstanceIds", ["*", id]), Some("The target is not valid")),
            (Target::new("InstanceIds", ["i-123"]), Some("The target is not valid")),
            (Target::new("InstanceIds", Vec::<String>::new()), Some("The target is not valid")),
            (Target::new("tag:", ["x"]), Some("Unsupported Target Type")),
            (Target::new("ResourceGroup", ["xyz"]), Some("Unsupported Target Type")),
            (Target::default(), Some("Unsupported Target Type")),
        ];
        for (target, expected) in cases {
            let error = Conditions::read(std::slice::from_ref(&target), &World::default()).err();
            assert_eq!(error.as_ref().map(|error| error.message.as_str()), expected, "{target:?}");
            assert!(error.is_none_or(|error| error.code == ErrorCode::InvalidTarget));
        }
    }

    #[test]
    fn a_group_stands_for_its_conditions_and_there_is_at_most_one() {
        let text =
            r#"{"resource_groups":{"web":{"tag_filters":[{"key":"Role","values":["web"]},{"key":"Env"}]}}}"#;
        let world: World = serde_json::from_str(text).unwrap();
        let group = |names: &[&str]| Target::new(GROUP, names.iter().copied());
        let resolved = Conditions::read(&[group(&["web"])], &world).unwrap();
        let spelled = [Target::new("tag:Role", ["web"]), Target::new("tag-key", ["Env"])];
        assert_eq!(resolved, Conditions::read(&spelled, &world).unwrap());
        let gone = Conditions::read(&[group(&["none"])], &world).unwrap();
        assert!(gone.is_broken() && !resolved.is_broken());
        for targets in [vec![group(&["web", "db"])], vec![group(&[])], vec![group(&["web"]), group(&["web"])]]
        {
            assert_eq!(Conditions::read(&targets, &world).unwrap_err().code, ErrorCode::InvalidTarget);
        }
    }

    #[test]
    fn the_narrowest_condition_leads() {
        let conditions = Conditions::read(
            &[
                Target::new("InstanceIds", ["*"]),
                Target::new("tag:Env", ["prod"]),
                Target::new("tag-key", ["Role"]),
            ],
            &World::default(),
        );
        assert!(matches!(conditions.unwrap().lead(), Condition::Tag { key, .. } if key == "Env"));
    }
}
