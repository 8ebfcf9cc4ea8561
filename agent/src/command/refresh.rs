//! The step `aws:refreshAssociation` of a command: the node polls at once, and
//! runs what the step names.

use shared::id::AssociationId;

use crate::association::KnownStatus;
use crate::lane::LaneName;
use crate::lifecycle::Lifecycle;
use crate::node::{Node, Turn};

impl Node {
    /// Polls at once, to run these associations, or all.
    pub(super) fn refresh_associations(&mut self, associations: Vec<AssociationId>, turn: &Turn<'_>) {
        let Lifecycle::Online { .. } = self.lifecycle else { return };
        let Some(messaging) = &mut self.messaging else { return };
        messaging.commands.refresh = Some(associations);
        let lane = self.lane(LaneName::Associations);
        // A poll under way answers for what was known when it was sent; the lane is
        // looked at again at its end.
        if lane.outstanding.is_none() {
            lane.due = turn.now;
            lane.turns = lane.turns.saturating_sub(1);
        }
    }

    /// Marks what the last refresh named as to be run now. Called at a poll's end.
    pub(crate) fn apply_refresh(&mut self, turn: &Turn<'_>) {
        let Some(messaging) = &mut self.messaging else { return };
        let Some(named) = messaging.commands.refresh.take() else { return };
        for known in &mut self.known {
            let is_named = named.is_empty() || named.contains(&known.association.id);
            let is_at_it = matches!(
                known.status,
                KnownStatus::Pending | KnownStatus::InProgress | KnownStatus::Unlisted
            );
            if is_named && !is_at_it {
                known.status = KnownStatus::Pending;
                known.due = turn.now;
            }
        }
    }
}
