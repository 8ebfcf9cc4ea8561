//! What a runbook is carried out on, understood.
//!
//! Targets of a runbook may be nodes, values as they stand, or nothing at all;
//! target maps give whole sets of parameters (B.3 R5, R8).

use std::collections::BTreeMap;

use shared::error::ApiError;
use shared::target::Target;

use super::{Condition, Conditions, GROUP, invalid};
use crate::state::world::World;

/// The key and value by which the console says that a runbook runs once, on nothing.
const NO_OPERATION: (&str, &str) = ("aws:NoOpAutomationTag", "AWS-NoOpAutomationTarget-Value");

/// Parameters by name, for one target.
pub(crate) type TargetMap = BTreeMap<String, Vec<String>>;

/// What a runbook is carried out on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Once, on nothing in particular.
    Once,
    /// These values.
    Values(Vec<String>),
    /// A map each, by what is shown of it.
    Maps(Vec<String>),
    /// The nodes that satisfy conditions.
    Nodes { conditions: Conditions, is_ec2_only: bool },
}

impl Reach {
    /// Reads targets and target maps.
    pub(crate) fn read(targets: &[Target], maps: &[TargetMap], world: &World) -> Result<Self, ApiError> {
        if !maps.is_empty() {
            return Ok(Self::Maps(maps.iter().map(shown).collect()));
        }
        if targets.is_empty() || is_marker(targets) {
            return Ok(Self::Once);
        }
        let key = |target: &Target| target.key.clone().unwrap_or_default();
        if let [target] = targets
            && let Some(values) = target.values.as_ref().filter(|values| !values.is_empty())
        {
            match key(target).as_str() {
                "ParameterValues" => return Ok(Self::Values(values.clone())),
                "AWS::EC2::Instance" if values == &["*"] => {
                    let conditions = Conditions { all: vec![Condition::Everyone], is_broken: false };
                    return Ok(Self::Nodes { conditions, is_ec2_only: true });
                }
                "AWS::EC2::Instance" => return Err(invalid("The target is not valid")),
                // Keys of the service's own, of which nothing here has any.
                other if other.starts_with("aws:") => return Ok(Self::Values(Vec::new())),
                _ => {}
            }
        }
        // For runbooks a resource group has a second name.
        let targets: Vec<Target> = targets
            .iter()
            .map(|target| match target.key.as_deref() {
                Some("ResourceGroup") => Target { key: Some(GROUP.to_owned()), ..target.clone() },
                _ => target.clone(),
            })
            .collect();
        Ok(Self::Nodes { conditions: Conditions::read(&targets, world)?, is_ec2_only: false })
    }
}

/// Whether the only target is the marker of an execution without targets.
pub(crate) fn is_marker(targets: &[Target]) -> bool {
    let [target] = targets else { return false };
    target.key.as_deref() == Some(NO_OPERATION.0)
        && target.values.as_deref().is_some_and(|values| values == [NO_OPERATION.1])
}

/// A map as it is shown where a target is one text.
fn shown(map: &TargetMap) -> String {
    serde_json::to_string(map).expect("texts can be written")
}
