//! All associations, and who finds them how.
//!
//! Each is indexed under its narrowest condition, so that a node finds the
//! associations that mean it without asking each. How one of them stands is
//! [`super`]'s to say.
//!
//! Invariant: numbers are given once and never again, in the order of creation.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use shared::id::{AssociationId, NodeId};
use shared::schedule::timetable::Timetable;
use shared::time::Timestamp;

use super::{Association, AssociationNumber, Definition, Kept, Regrouping, Version};
use crate::state::document::bare_name;
use crate::state::node::Node;
use crate::state::target::{Condition, Conditions};

/// All associations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Associations {
    table: BTreeMap<AssociationNumber, Association>,
    by_id: HashMap<AssociationId, AssociationNumber>,
    leads: Leads,
    /// Deleted, and still to be taken off their nodes.
    pub(crate) graves: BTreeMap<AssociationNumber, Association>,
    next: u32,
}

/// The associations by their narrowest condition.
#[derive(Debug, Clone, Default)]
struct Leads {
    nodes: BTreeMap<NodeId, BTreeSet<AssociationNumber>>,
    tags: BTreeMap<String, BTreeMap<String, BTreeSet<AssociationNumber>>>,
    tag_keys: BTreeMap<String, BTreeSet<AssociationNumber>>,
    everyone: BTreeSet<AssociationNumber>,
}

impl Associations {
    /// The number that the next association gets.
    pub(crate) fn next_number(&self) -> AssociationNumber {
        AssociationNumber(self.next)
    }

    pub(crate) fn insert(&mut self, association: Association) {
        let number = association.number;
        self.next = self.next.max(number.0 + 1);
        self.by_id.insert(association.id, number);
        self.leads.add(number, association.conditions.lead());
        self.table.insert(number, association);
    }

    /// Gives an association another definition, and what follows from it.
    pub(crate) fn redefine(
        &mut self,
        number: AssociationNumber,
        definition: Definition,
        conditions: Conditions,
        timetable: Timetable,
        now: Timestamp,
    ) {
        let Some(association) = self.table.get_mut(&number) else { return };
        self.leads.remove(number, association.conditions.lead());
        self.leads.add(number, conditions.lead());
        let definition = std::mem::replace(&mut association.definition, definition);
        let created = association.updated;
        association.versions.push(Version { created, definition });
        association.version += 1;
        association.updated = now;
        association.conditions = conditions;
        association.timetable = timetable;
    }

    /// Deletes an association; its nodes lose it later.
    pub(crate) fn bury(&mut self, number: AssociationNumber) {
        let Some(association) = self.table.remove(&number) else { return };
        self.by_id.remove(&association.id);
        self.leads.remove(number, association.conditions.lead());
        self.graves.insert(number, association);
    }

    pub(crate) fn get(&self, number: AssociationNumber) -> Option<&Association> {
        self.table.get(&number)
    }

    pub(crate) fn get_mut(&mut self, number: AssociationNumber) -> Option<&mut Association> {
        self.table.get_mut(&number)
    }

    /// Gives an association other conditions, of which its nodes are still to hear.
    pub(crate) fn set_conditions(&mut self, number: AssociationNumber, conditions: Conditions) {
        let Some(association) = self.table.get_mut(&number) else { return };
        self.leads.remove(number, association.conditions.lead());
        self.leads.add(number, conditions.lead());
        let before = std::mem::replace(&mut association.conditions, conditions);
        association.regrouping.get_or_insert(Regrouping { before, surveys: 0 }).surveys += 1;
    }

    pub(crate) fn number(&self, id: AssociationId) -> Option<AssociationNumber> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn by_id(&self, id: AssociationId) -> Option<&Association> {
        self.get(self.number(id)?)
    }

    /// The association of the old form for this document and node.
    pub(crate) fn legacy(&self, name: &str, node: NodeId) -> Option<&Association> {
        self.legacy_of(node).find(|association| {
            // A document has two names: its own, and its ARN.
            let own = &*association.definition.name;
            own == name || bare_name(own) == name || own == bare_name(name)
        })
    }

    /// The associations of the old form that a node has.
    pub(crate) fn legacy_of(&self, node: NodeId) -> impl Iterator<Item = &Association> {
        self.of_node(node).filter(move |association| association.definition.instance_id == Some(node))
    }

    /// The associations that name this node by its id.
    pub(crate) fn of_node(&self, node: NodeId) -> impl Iterator<Item = &Association> {
        self.leads.nodes.get(&node).into_iter().flatten().filter_map(|number| self.table.get(number))
    }

    /// Those from behind this number, in the order of creation.
    pub(crate) fn after(&self, number: Option<AssociationNumber>) -> impl Iterator<Item = &Association> {
        self.from(number.map_or(AssociationNumber(0), |number| AssociationNumber(number.0.saturating_add(1))))
    }

    /// Those from this number on, in the order of creation.
    pub(crate) fn from(&self, from: AssociationNumber) -> impl Iterator<Item = &Association> {
        self.table.range(from..).map(|(_, association)| association)
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// The associations that may mean this node, by their narrowest condition.
    pub(crate) fn candidates(&self, node: &Node, from: AssociationNumber) -> BTreeSet<AssociationNumber> {
        let tagged = node.tags.iter().filter_map(|(key, value)| self.leads.tags.get(&**key)?.get(&**value));
        let keyed = node.tags.iter().filter_map(|(key, _)| self.leads.tag_keys.get(&**key));
        let named = self.leads.nodes.get(&node.id);
        let sets = named.into_iter().chain(tagged).chain(keyed).chain([&self.leads.everyone]);
        sets.flat_map(|set| set.range(from..)).copied().collect()
    }

    /// All of them, deleted ones last, for a snapshot.
    pub(crate) fn kept(&self) -> (Vec<&Kept>, Vec<&Kept>) {
        let living = self.table.values().map(|association| &association.kept).collect();
        (living, self.graves.values().map(|association| &association.kept).collect())
    }

    /// The next number, for a snapshot, and back.
    pub(crate) fn set_next(&mut self, next: AssociationNumber) {
        self.next = next.0;
    }
}

impl Leads {
    fn sets(&mut self, condition: &Condition, mut change: impl FnMut(&mut BTreeSet<AssociationNumber>)) {
        match condition {
            Condition::Nodes(ids) => {
                for id in ids {
                    let set = self.nodes.entry(*id).or_default();
                    change(set);
                    if set.is_empty() {
                        self.nodes.remove(id);
                    }
                }
            }
            Condition::Tag { key, values } => {
                let by_value = self.tags.entry(key.clone()).or_default();
                for value in values {
                    let set = by_value.entry(value.clone()).or_default();
                    change(set);
                    if set.is_empty() {
                        by_value.remove(value);
                    }
                }
                if by_value.is_empty() {
                    self.tags.remove(key);
                }
            }
            Condition::TagKey(keys) => {
                for key in keys {
                    let set = self.tag_keys.entry(key.clone()).or_default();
                    change(set);
                    if set.is_empty() {
                        self.tag_keys.remove(key);
                    }
                }
            }
            Condition::Everyone => change(&mut self.everyone),
        }
    }

    fn add(&mut self, number: AssociationNumber, condition: &Condition) {
        self.sets(condition, |set| {
            set.insert(number);
        });
    }

    fn remove(&mut self, number: AssociationNumber, condition: &Condition) {
        self.sets(condition, |set| {
            set.remove(&number);
        });
    }
}
