//! What a run may not do before a plane that is not ours, and why.
//!
//! A guest does not aim at nodes that are not its own, and cannot stop the house's
//! plane, its alarms or its errors.

use shared::target::Target;

use super::timeline::PlannedAct;
use super::{Plan, PlanError, PlannedEntry};

/// Why a plan does not go with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// It aims at whatever nodes there are.
    #[error(
        "{name} aims at all nodes of the endpoint, which may be others' as well: aim at a tag, or give --allow-all-nodes"
    )]
    AllNodes {
        /// The association or the entry.
        name: String,
    },
    /// Only the embedded plane does that.
    #[error("{name}: {reason}, and the endpoint is another")]
    Embedded {
        /// The entry or the fault.
        name: String,
        /// What only the embedded plane has.
        reason: &'static str,
    },
}

impl Plan {
    /// Whether all causes of invalid instances can be staged before a plane that is not
    /// ours: what AWS knows of an instance, no call makes true there.
    pub fn admit_told_causes(&self) -> Result<(), PlanError> {
        match self.told_to_the_plane() {
            Some(cause) => Err(PlanError::TakesOwnPlane(cause.as_str())),
            None => Ok(()),
        }
    }

    /// Whether this can be carried out before a plane that is not ours.
    pub fn admit_guest(&self, may_aim_at_all: bool) -> Result<(), GuestError> {
        let of_plane = self.faults.windows().iter().find(|window| window.fault.of_plane().is_some());
        if let Some(window) = of_plane {
            let reason = "only the embedded plane carries this fault out";
            return Err(GuestError::Embedded { name: format!("fault {}", window.name), reason });
        }
        for entry in &self.timeline {
            if let Some(reason) = embedded_only(&entry.act) {
                return Err(GuestError::Embedded { name: format!("timeline: {}", entry.name), reason });
            }
            if !may_aim_at_all && self.aims_at_all(entry) {
                let kind = if entry.is_of_timeline { "timeline:" } else { "association" };
                return Err(GuestError::AllNodes { name: format!("{kind} {}", entry.name) });
            }
        }
        Ok(())
    }

    fn aims_at_all(&self, entry: &PlannedEntry) -> bool {
        let targets = match &entry.act {
            PlannedAct::CreateAssociation(place) => &self.associations[*place].request.targets,
            PlannedAct::UpdateAssociation(_, call) => &call.targets,
            PlannedAct::SendCommand(call) => &call.targets,
            _ => return false,
        };
        let is_all = |target: &Target| target.values.iter().flatten().any(|value| value == "*");
        targets.iter().flatten().any(is_all)
    }
}

fn embedded_only(act: &PlannedAct) -> Option<&'static str> {
    match act {
        PlannedAct::RestartPlane { .. } => Some("only the embedded plane can be started anew"),
        PlannedAct::SetAlarm(..) => Some("only the embedded plane's alarms can be set"),
        PlannedAct::Inject(window) if window.fault.of_plane().is_some() => {
            Some("only the embedded plane carries this fault out")
        }
        _ => None,
    }
}
