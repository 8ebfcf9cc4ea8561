//! Activations: who may register hybrid nodes, how many, until when, and what
//! those nodes are born with.
//!
//! One that was deleted or has ended lets nobody in any more; nodes that came by
//! it stay. The ids of deleted ones are remembered, for to name one is another
//! mistake than to name what never was.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::error::{ApiError, ErrorCode};
use shared::id::ActivationId;
use shared::time::Timestamp;

use super::tag::Tags;

/// An activation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Activation {
    pub(crate) code: Box<str>,
    pub(crate) description: Option<Box<str>>,
    /// The name that each of its nodes gets.
    pub(crate) instance_name: Option<Arc<str>>,
    pub(crate) iam_role: Arc<str>,
    pub(crate) limit: u32,
    /// How many nodes registered by it.
    pub(crate) count: u32,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) tags: Tags,
}

impl Activation {
    /// Whether its time is over.
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires
    }
}

/// All activations.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Activations {
    table: BTreeMap<ActivationId, Activation>,
    deleted: BTreeSet<ActivationId>,
}

impl Activations {
    /// Takes in a new one.
    pub(crate) fn insert(&mut self, id: ActivationId, activation: Activation) {
        self.table.insert(id, activation);
    }

    /// Deletes one.
    pub(crate) fn delete(&mut self, text: &str) -> Result<(), ApiError> {
        let id = self.find(text)?;
        self.table.remove(&id);
        self.deleted.insert(id);
        Ok(())
    }

    /// All that there are, by id, from behind this one.
    pub(crate) fn after(
        &self,
        id: Option<ActivationId>,
    ) -> impl Iterator<Item = (ActivationId, &Activation)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.table.range((id.map_or(Unbounded, Excluded), Unbounded)).map(|(id, one)| (*id, one))
    }

    /// Counts one more node, if this activation lets it in.
    pub(crate) fn admit(
        &mut self,
        text: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<(ActivationId, &Activation), ApiError> {
        let id = self.find(text)?;
        let activation = self.table.get_mut(&id).expect("it was found");
        let no = |code: ErrorCode, reason: String| Err(ApiError::new(code, reason));
        if *activation.code != *code {
            let reason = format!("the activation code is not that of activation {id}");
            return no(ErrorCode::InvalidActivation, reason);
        }
        if activation.is_expired(now) {
            return no(ErrorCode::ActivationExpired, format!("activation {id} has expired"));
        }
        if activation.count >= activation.limit {
            let reason = format!("activation {id} has registered all of its {} nodes", activation.limit);
            return no(ErrorCode::RegistrationLimitExceeded, reason);
        }
        activation.count += 1;
        Ok((id, activation))
    }

    /// The id of an activation that there is.
    fn find(&self, text: &str) -> Result<ActivationId, ApiError> {
        let id: Option<ActivationId> = text.parse().ok();
        match id {
            Some(id) if self.table.contains_key(&id) => Ok(id),
            Some(id) if self.deleted.contains(&id) => {
                Err(ApiError::new(ErrorCode::InvalidActivation, format!("activation {id} was deleted")))
            }
            _ => {
                let reason = format!("there is no activation {text}");
                Err(ApiError::new(ErrorCode::InvalidActivationId, reason))
            }
        }
    }
}
