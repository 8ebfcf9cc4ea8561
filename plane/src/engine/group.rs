//! What follows from a change of a resource group.
//!
//! The associations that name the group are understood anew, and each of them
//! that changed looks through the nodes for those that it gains or loses.
//! These join and leave like nodes whose tags changed (C.4). Who was meant before
//! and has no run, as a calendar was closed, joins nothing.

use shared::time::Timestamp;

use super::{PIECE, membership};
use crate::state::State;
use crate::state::association::{AssociationNumber, Regrouping};
use crate::state::node::NodeNumber;
use crate::state::target::{Conditions, group_name};
use crate::state::timer::Work;

/// Understands the targets of the next associations that name a group.
pub(super) fn regroup(state: &mut State, now: Timestamp, from: AssociationNumber) {
    let mut piece = Vec::new();
    let mut next = None;
    for (looked_at, association) in state.associations.from(from).enumerate() {
        if looked_at == PIECE {
            next = Some(association.number);
            break;
        }
        if association.definition.aim.is_some() || group_name(&association.definition.targets).is_none() {
            continue;
        }
        let conditions = Conditions::read(&association.definition.targets, &state.world);
        if let Ok(conditions) = conditions
            && conditions != association.conditions
        {
            piece.push((association.number, conditions));
        }
    }
    for (number, conditions) in piece {
        state.associations.set_conditions(number, conditions);
        state.timers.add(now, Work::Survey { association: number, from: NodeNumber(0) });
    }
    if let Some(from) = next {
        state.timers.add(now, Work::Regroup { from });
    }
}

/// Takes in and takes off the next nodes that an association gains or loses.
pub(super) fn survey(state: &mut State, now: Timestamp, number: AssociationNumber, from: NodeNumber) {
    let Some(association) = state.associations.get(number) else { return };
    let table = state.nodes.table();
    let end = table.len().min(from.0 as usize + PIECE);
    let place = |index: usize| NodeNumber(u32::try_from(index).expect("nodes have numbers"));
    let was_meant = |node| association.regrouping.as_ref().is_some_and(|one| one.before.hold(node));
    let changed: Vec<NodeNumber> = (from.0 as usize..end)
        .filter(|index| {
            let node = &table[*index];
            match (association.conditions.hold(node), node.record(number).is_some()) {
                (true, false) => !was_meant(node),
                (is_meant, has_it) => has_it && !is_meant,
            }
        })
        .map(place)
        .collect();
    let is_last = end == table.len();
    for node in changed {
        if state.nodes.get(node).record(number).is_some() {
            membership::part(state, number, node);
        } else {
            membership::join(state, now, number, node);
        }
    }
    membership::settle(state, now, number);
    if !is_last {
        state.timers.add(now, Work::Survey { association: number, from: place(end) });
    } else if let Some(association) = state.associations.get_mut(number) {
        let regrouping = association.regrouping.take();
        let left = regrouping.map(|one| Regrouping { surveys: one.surveys - 1, ..one });
        association.regrouping = left.filter(|one| one.surveys > 0);
    }
}
