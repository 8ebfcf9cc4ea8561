//! Which platforms a document is for, as the service shows it (`PlatformTypes`).
//!
//! The service says nothing of how it finds out. Here a step is for the
//! platforms that its precondition names, else for those of its plugin, and a
//! document is for the platforms of any of its steps.

use super::{Document, Precondition, Step};
use crate::status::PlatformType;

impl Document {
    /// The platforms that this document is for, each once, in the order of
    /// [`PlatformType::ALL`].
    pub fn platforms(&self) -> Vec<PlatformType> {
        let is_for = |platform: &PlatformType| self.steps.iter().any(|step| step.is_for(*platform));
        PlatformType::ALL.iter().copied().filter(is_for).collect()
    }
}

impl Step {
    fn is_for(&self, platform: PlatformType) -> bool {
        let named = self.precondition.as_ref().and_then(Precondition::platform);
        named.map_or_else(
            || plugin_platforms(&self.action).contains(&platform),
            |named| named.eq_ignore_ascii_case(platform.as_str()),
        )
    }
}

impl Precondition {
    /// The platform that this precondition asks for, as written, where it asks
    /// for one: `"StringEquals": ["platformType", "Linux"]`, either way round.
    pub fn platform(&self) -> Option<&str> {
        match self.operators.get("StringEquals")?.as_slice() {
            [variable, platform] | [platform, variable]
                if variable == "platformType" && platform != "platformType" =>
            {
                Some(platform)
            }
            _ => None,
        }
    }
}

/// The platforms that a plugin is meant for. The agent would run PowerShell
/// scripts anywhere, yet a document that says no more is shown as Windows'.
fn plugin_platforms(plugin: &str) -> &'static [PlatformType] {
    use PlatformType::{Linux, MacOS, Windows};
    match plugin {
        "aws:runShellScript" => &[Linux, MacOS],
        "aws:runPowerShellScript"
        | "aws:applications"
        | "aws:psModule"
        | "aws:cloudWatch"
        | "aws:updateAgent"
        | "aws:configureDaemon" => &[Windows],
        "aws:domainJoin" | "aws:configureDocker" | "aws:runDockerAction" => &[Linux, Windows],
        _ => PlatformType::ALL,
    }
}
