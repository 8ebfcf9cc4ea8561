//! What AWS keeps in other services: alarms, resource groups, buckets, EC2
//! instances, permissions, stored parameters, documents of other accounts.
//!
//! Nothing that is answered here sets it. It comes from the settings (a
//! scenario, a file) or through the admin API, and handlers and engine ask it where a rule names it.
//! Whoever changes it sees to what follows for nodes and associations.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use shared::id::NodeId;
use shared::target::Target;
use shared::wire::Tag;

use super::State;
pub use super::document::SharedDocument;
use super::intern::Interner;
use super::node::NodeNumber;
use super::parameter::StoredParameter;
use super::tag::Tags;

/// How many tag keys a group may have, and how many values each (B.3 R12).
const MOST_OF_GROUP: usize = 5;

/// What other services know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct World {
    /// The alarms of CloudWatch, by name. One that is not here cannot be read.
    pub alarms: BTreeMap<String, AlarmState>,
    /// The resource groups, by name.
    pub resource_groups: BTreeMap<String, ResourceGroup>,
    /// The buckets that exist; where nothing is said, all do.
    #[serde(deserialize_with = "sound_buckets")]
    pub buckets: Option<BTreeSet<String>>,
    /// The EC2 instances that were declared, by id.
    #[serde(deserialize_with = "sound_instances")]
    pub instances: BTreeMap<NodeId, Instance>,
    /// Nodes that the caller may not access.
    pub denied_nodes: BTreeSet<NodeId>,
    /// Documents of other accounts that are shared with this one, by ARN.
    #[serde(deserialize_with = "sound_documents")]
    pub shared_documents: BTreeMap<String, SharedDocument>,
    /// What is in Parameter Store, by name.
    #[serde(deserialize_with = "sound_parameters")]
    pub parameters: BTreeMap<String, StoredParameter>,
}

/// The state of an alarm, in CloudWatch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AlarmState {
    /// All is well.
    Ok,
    /// It is not.
    Alarm,
    /// Nobody knows yet.
    InsufficientData,
}

/// A resource group: nodes by their tags.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceGroup {
    /// All must hold, each by any of its values.
    pub tag_filters: Vec<TagFilter>,
}

/// A condition on a node's tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagFilter {
    /// The tag's key.
    pub key: String,
    /// The values that satisfy it; none means any.
    #[serde(default)]
    pub values: Vec<String>,
}

/// An EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Instance {
    /// Its state.
    pub state: InstanceState,
    /// Its tags, which it has before its agent registers; absent leaves them as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
}

/// The state of an instance, in EC2's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// It starts.
    Pending,
    /// It runs.
    #[default]
    Running,
    /// It is being stopped.
    Stopping,
    /// It is off.
    Stopped,
    /// It is being terminated.
    ShuttingDown,
    /// It is gone for good.
    Terminated,
}

impl InstanceState {
    /// Whether whatever names the instance is refused (F.1).
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::ShuttingDown | Self::Terminated)
    }
}

impl ResourceGroup {
    /// Whether an association can be resolved by it (B.3 R12).
    pub(crate) fn is_usable(&self) -> bool {
        let keys: BTreeSet<&str> = self.tag_filters.iter().map(|filter| filter.key.as_str()).collect();
        !keys.is_empty()
            && keys.len() <= MOST_OF_GROUP
            && self.tag_filters.iter().all(|filter| filter.values.len() <= MOST_OF_GROUP)
    }

    /// Its conditions as targets of an association.
    pub(crate) fn targets(&self) -> impl Iterator<Item = Target> {
        self.tag_filters.iter().map(|filter| {
            if filter.values.is_empty() {
                Target::new("tag-key", [&filter.key])
            } else {
                Target::new(format!("tag:{}", filter.key), &filter.values)
            }
        })
    }
}

impl Instance {
    /// Its tags as the wire has them.
    pub(crate) fn wire_tags(&self) -> Option<Vec<Tag>> {
        let tag = |(key, value): (&String, &String)| Tag { key: key.clone(), value: value.clone() };
        self.tags.as_ref().map(|tags| tags.iter().map(tag).collect())
    }
}

/// Reads buckets, each of which must have a name that can be.
fn sound_buckets<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    let buckets = Option::<BTreeSet<String>>::deserialize(from)?;
    buckets.iter().flatten().try_for_each(|name| check_bucket(name)).map_err(D::Error::custom)?;
    Ok(buckets)
}

/// Reads parameters, each of which must have a name that can be.
fn sound_parameters<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, StoredParameter>, D::Error> {
    let parameters = BTreeMap::<String, StoredParameter>::deserialize(from)?;
    parameters.keys().try_for_each(|name| check_parameter(name)).map_err(D::Error::custom)?;
    Ok(parameters)
}

/// Reads instances, each of which must be one that can be.
fn sound_instances<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<NodeId, Instance>, D::Error> {
    let instances = BTreeMap::<NodeId, Instance>::deserialize(from)?;
    instances.iter().try_for_each(|(id, instance)| instance.check(*id)).map_err(D::Error::custom)?;
    Ok(instances)
}

/// Reads shared documents, each of which must be one that can be.
fn sound_documents<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, SharedDocument>, D::Error> {
    let documents = BTreeMap::<String, SharedDocument>::deserialize(from)?;
    documents.iter().try_for_each(|(name, one)| one.read(name).map(|_| ())).map_err(D::Error::custom)?;
    Ok(documents)
}

impl World {
    /// Whether a bucket of this name exists, as far as is known (B.3 R35).
    pub(crate) fn knows_bucket(&self, name: &str) -> bool {
        self.buckets.as_ref().is_none_or(|buckets| buckets.contains(name))
    }

    /// The state of an instance that was declared.
    pub(crate) fn instance_state(&self, id: NodeId) -> Option<InstanceState> {
        self.instances.get(&id).map(|instance| instance.state)
    }
}

/// What is wrong with a world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidWorld(String);

impl World {
    /// Whether everything in it can be: instances have the ids of EC2 and
    /// tags that a resource can have, shared documents their content, buckets and
    /// parameters a name that is one.
    pub fn check(&self) -> Result<(), InvalidWorld> {
        self.instances.iter().try_for_each(|(id, instance)| instance.check(*id))?;
        self.shared_documents.iter().try_for_each(|(name, one)| check_document(name, one))?;
        self.buckets.iter().flatten().try_for_each(|name| check_bucket(name))?;
        self.parameters.keys().try_for_each(|name| check_parameter(name))
    }
}

/// Whether a bucket may be called so (InvalidOutputLocation, R35).
pub(crate) fn check_bucket(name: &str) -> Result<(), InvalidWorld> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().last()];
    let is_dns_like = (3..=63).contains(&name.len())
        && ends.iter().all(|end| end.is_some_and(is_plain))
        && name.bytes().all(|byte| is_plain(byte) || byte == b'.' || byte == b'-')
        && !name.contains("..");
    if is_dns_like {
        return Ok(());
    }
    Err(InvalidWorld(format!(
        "`{name}` is no name of a bucket: expected 3 to 63 lowercase letters, digits, dots and hyphens, such as logs-1"
    )))
}

/// Whether a stored parameter may be called so.
pub(crate) fn check_parameter(name: &str) -> Result<(), InvalidWorld> {
    if name.is_empty() {
        return Err(InvalidWorld(
            "a stored parameter has no name: expected one such as /app/flag".to_owned(),
        ));
    }
    Ok(())
}

/// Whether another account can share this.
pub(crate) fn check_document(name: &str, document: &SharedDocument) -> Result<(), InvalidWorld> {
    document.read(name).map(|_| ()).map_err(|error| InvalidWorld(error.to_string()))
}

impl Instance {
    /// Whether an instance of this id can be so.
    pub(crate) fn check(&self, id: NodeId) -> Result<(), InvalidWorld> {
        if id.is_hybrid() {
            return Err(InvalidWorld(format!("{id} is a hybrid node: only i- ids are EC2 instances")));
        }
        let tags = self.wire_tags().unwrap_or_default();
        Tags::of_new_resource(&tags, &mut Interner::default())
            .map(|_| ())
            .map_err(|refusal| InvalidWorld(format!("instance {id}: {}", refusal.message)))
    }
}

impl State {
    /// Takes in the documents that the world has.
    pub(crate) fn share_documents(&mut self) {
        for (name, document) in &self.world.shared_documents {
            self.documents.share(name, document.read(name).ok());
        }
    }

    /// Declares an instance that was checked. It is known from here on, by its
    /// tags if by nothing else; one that is gone is nobody's target.
    pub(crate) fn declare(&mut self, id: NodeId, instance: Instance) -> NodeNumber {
        let number = self.nodes.ensure(id);
        if let Some(tags) = instance.wire_tags()
            && let Ok(tags) = Tags::of_new_resource(&tags, &mut self.nodes.texts)
        {
            self.nodes.set_tags(number, tags);
        }
        if instance.state.is_gone() {
            self.nodes.get_mut(number).is_admitted = false;
        }
        // Its tags may change by other ways: they stand with the node only.
        self.world.instances.insert(id, Instance { tags: None, ..instance });
        number
    }

    /// Whether a node is terminated, or about to be: what names it is refused.
    pub(crate) fn is_gone(&self, id: NodeId) -> bool {
        self.config.terminated.contains(&id)
            || self.world.instance_state(id).is_some_and(InstanceState::is_gone)
    }

    /// Whether a caller who names this node is refused: it is gone, or not theirs (F.1).
    pub(crate) fn is_out_of_reach(&self, id: NodeId) -> bool {
        self.is_gone(id) || self.world.denied_nodes.contains(&id)
    }

    /// Whether a node is switched off: it is no longer listed (C.6).
    pub(crate) fn is_off(&self, id: NodeId) -> bool {
        matches!(self.world.instance_state(id), Some(InstanceState::Stopping | InstanceState::Stopped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_at_most_five_keys_of_five_values() {
        let filter = |key: &str, values: usize| TagFilter {
            key: key.to_owned(),
            values: (0..values).map(|n| n.to_string()).collect(),
        };
        let cases = [
            (vec![], false),
            (vec![filter("a", 0)], true),
            (vec![filter("a", 5)], true),
            (vec![filter("a", 6)], false),
            (["a", "b", "c", "d", "e"].map(|key| filter(key, 1)).to_vec(), true),
            (["a", "b", "c", "d", "e", "f"].map(|key| filter(key, 1)).to_vec(), false),
        ];
        for (tag_filters, is_usable) in cases {
            let group = ResourceGroup { tag_filters };
            assert_eq!(group.is_usable(), is_usable, "{group:?}");
        }
    }

    #[test]
    fn names_that_cannot_be_are_refused_by_what_would_be_right() {
        let longest = "a".repeat(63);
        for name in ["logs", "my.logs-1", "123", &longest] {
            assert_eq!(check_bucket(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(64);
        for name in ["UPPER", "Bad_Name", "", "ab", "-ab", "a..b", "ab.", &too_long] {
            let world = World { buckets: Some([name.to_owned()].into()), ..World::default() };
            let text = world.check().unwrap_err().to_string();
            assert!(text.contains(&format!("`{name}`")) && text.contains("such as logs-1"), "{text}");
            let read = serde_json::from_value::<World>(serde_json::json!({"buckets": [name]})).unwrap_err();
            assert!(read.to_string().contains(&text), "{read}");
        }
        let unnamed = r#"{"parameters":{"":{"value":"on"}}}"#;
        let text = serde_json::from_str::<World>(unnamed).unwrap_err().to_string();
        assert!(text.contains("such as /app/flag"), "{text}");
        let parameters = [(String::new(), StoredParameter::default())].into();
        assert!(World { parameters, ..World::default() }.check().is_err());
    }

    #[test]
    fn a_world_is_written_as_it_is_read() {
        let text = r#"{"alarms":{"cpu":"INSUFFICIENT_DATA"},"resource_groups":{"web":{"tag_filters":[{"key":"Role","values":["web"]}]}},"buckets":["logs"],"instances":{"i-0123456789abcdef0":{"state":"shutting-down","tags":{"Env":"prod"}}},"denied_nodes":["mi-0123456789abcdef0"],"shared_documents":{},"parameters":{"/app/flag":{"type":"String","value":"on","version":2}}}"#;
        let world: World = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&world).unwrap(), text);
        assert_eq!(world.alarms["cpu"], AlarmState::InsufficientData);
        assert!(serde_json::from_str::<World>(r#"{"alarm":{}}"#).is_err(), "a slip of the finger");
        assert!(serde_json::from_str::<World>(r#"{"alarms":{"a":"RED"}}"#).is_err());
        let hybrid = r#"{"instances":{"mi-0123456789abcdef0":{}}}"#;
        assert!(serde_json::from_str::<World>(hybrid).unwrap_err().to_string().contains("hybrid"));
    }
}
