//! Which nodes flags give a fault for as long as they live: a share of the whole
//! fleet, in the place of what cohorts say of themselves.

use std::sync::Arc;

use agent::fault::Share;

use super::association::misfits;
use super::{Overrides, Plan, PlanError};
use crate::scenario::Scenario;

impl Plan {
    /// Gives nodes the faults that flags say.
    pub(super) fn strike(&mut self, scenario: &Scenario, overrides: &Overrides) -> Result<(), PlanError> {
        let misfits = match overrides.unsupported_platform {
            None => None,
            Some(share) => Some(self.spread_misfits(scenario, share)?),
        };
        let catalogue = Arc::make_mut(&mut self.catalogue);
        for (index, cohort) in catalogue.cohorts.iter_mut().enumerate() {
            if let Some(share) = overrides.invalid_instance {
                cohort.faults.invalid_instance = share;
            }
            if let Some((eligible, share)) = &misfits {
                cohort.faults.unsupported_platform = if eligible[index] { *share } else { Share::NONE };
            }
        }
        Ok(())
    }

    /// Spreads a share of the whole fleet over the cohorts that lie in a tag
    /// target whose document the foreign platform cannot run.
    fn spread_misfits(&self, scenario: &Scenario, share: Share) -> Result<(Vec<bool>, Share), PlanError> {
        let cohorts = &self.catalogue.cohorts;
        let eligible: Vec<bool> = cohorts
            .iter()
            .map(|cohort| scenario.associations.iter().any(|a| misfits(scenario, a, cohort)))
            .collect();
        let nodes: u32 = eligible.iter().zip(&self.sizes).filter(|(is, _)| **is).map(|(_, size)| size).sum();
        let struck = share.part_of(u64::from(self.nodes()));
        if nodes == 0 && struck > 0 {
            return Err(PlanError::NothingToMisfit(scenario.name.clone()));
        }
        Ok((eligible, Share::of(struck, u64::from(nodes))))
    }
}
