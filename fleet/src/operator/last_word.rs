//! What the plane says of associations just before they are gone from it.
//!
//! Of an association that is deleted, or lost with the plane's state, nothing can
//! be asked at the end of the run. So it is asked while it is there: its rounds
//! are then told like any other's.

use shared::id::AssociationId;

use super::{Desk, Operator};
use crate::survey::survey_association;

impl Operator {
    /// Takes down the rounds of this association, as it is about to go.
    pub(super) async fn take_last_word(&mut self, desk: &impl Desk, id: AssociationId) {
        let gone = self.departed.read().clone();
        match survey_association(desk, id, &gone).await {
            Ok(mut executions) => {
                let dates = executions.iter().filter_map(|execution| execution.created);
                self.rounds.looked(id, dates.map(|date| desk.instant_of(date)).collect(), desk.now());
                executions.iter_mut().for_each(|execution| execution.is_last_word = true);
                self.last_words.insert(id, executions);
            }
            // Then the report has what its nodes did, in one round.
            Err(error) => tracing::warn!(association = %id, %error, "nothing was heard of it before it went"),
        }
    }

    /// The same for all that are there.
    pub(super) async fn take_last_words(&mut self, desk: &impl Desk) {
        let there: Vec<_> = self.made.iter().filter(|made| !made.is_gone).map(|made| made.id).collect();
        for id in there {
            self.take_last_word(desk, id).await;
        }
    }
}
