//! What is counted and indexed, against a recount from the records.

use std::collections::BTreeMap;

use crate::state::State;
use crate::state::execution::counts::StatusCounts;
use crate::state::node::NodeNumber;
use shared::status::AssociationStatus::{InProgress, Pending};

/// Panics unless all that is derived is what the records and rows give.
pub(crate) fn recount(state: &State) {
    let mut counts: BTreeMap<_, StatusCounts> = BTreeMap::new();
    for (number, node) in state.nodes.table().iter().enumerate() {
        let number = NodeNumber(u32::try_from(number).unwrap());
        for record in &node.records {
            counts.entry(record.association).or_default().add(record.status);
            let Some(association) = state.associations.get(record.association) else { continue };
            if let Some(execution) = association.execution(record.place.execution) {
                let row = execution.rows[record.place.row as usize];
                assert_eq!((row.node, row.status), (number, record.status), "{} and its row", node.id);
            }
            if let Some(owed) = record.owed {
                let row = association.execution(owed.execution).unwrap().rows[owed.row as usize];
                assert_eq!(row.node, number, "{} owes a run", node.id);
                // An agent says Pending again where it starts a run anew by itself.
                let is_at_it = matches!(record.status, InProgress | Pending);
                assert!(is_at_it, "{} is at {} and owes a run", node.id, record.status);
                assert!(!row.status.is_terminal(), "{} owes a run that is over", node.id);
            }
        }
    }
    for association in state.associations.after(None) {
        let known = counts.get(&association.number).copied().unwrap_or_default();
        assert_eq!(known, association.counts, "counts of association {:?}", association.number);
        for execution in &association.executions {
            execution.recount();
        }
    }
}
