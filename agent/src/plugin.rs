//! The plugins that the agent knows, and where each of them runs.
//!
//! The real agent asks three things of a name: whether it was ever heard of,
//! whether this platform may run it, and whether something is registered under
//! it. What follows from the answer is `execution`'s to decide.

use shared::status::PlatformType;

/// What the agent of a platform makes of a plugin's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Support {
    /// Nobody ever heard of it; a newer agent may.
    Unknown,
    /// Known, and barred from this platform.
    Barred,
    /// Known, and nothing is registered under this name here.
    Unregistered,
    /// It can run.
    Runs,
}

/// What the agent of `platform` makes of the plugin of this name.
///
/// As agent/framework/processor/executer/plugin (what is registered where) and
/// agent/framework/runpluginutil/runpluginutil_darwin.go (macOS bars what is not
/// on a list of its own; Linux and Windows bar nothing).
pub fn support(name: &str, platform: PlatformType) -> Support {
    use PlatformType::{Linux, MacOS, Windows};
    let platforms: &[PlatformType] = match name {
        "aws:runPowerShellScript"
        | "aws:softwareInventory"
        | "aws:refreshAssociation"
        | "aws:configurePackage"
        | "aws:updateSsmAgent" => PlatformType::ALL,
        "aws:runShellScript" => &[Linux, MacOS],
        "aws:downloadContent"
        | "aws:runDocument"
        | "aws:configureDocker"
        | "aws:runDockerAction"
        | "aws:domainJoin" => &[Linux, Windows],
        "aws:applications" | "aws:psModule" | "aws:updateAgent" | "aws:cloudWatch" => &[Windows],
        // Its registration is commented out in this version of the agent.
        "aws:configureDaemon" => &[],
        _ => return Support::Unknown,
    };
    match platform {
        _ if platforms.contains(&platform) => Support::Runs,
        MacOS => Support::Barred,
        Linux | Windows => Support::Unregistered,
    }
}

/// What a plugin does beside taking its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// Nothing that anybody else sees.
    Plain,
    /// It gathers inventory, and tells the plane of it.
    Inventory,
    /// It runs another document.
    Document,
    /// It installs or removes a package, which the plane describes, and tells how it went.
    Package,
}

/// What the plugin of this name does.
pub fn work(name: &str) -> Work {
    match name {
        "aws:softwareInventory" => Work::Inventory,
        "aws:runDocument" => Work::Document,
        "aws:configurePackage" => Work::Package,
        _ => Work::Plain,
    }
}

/// Whether the plugin runs a script and reports how the script's process ended.
pub fn runs_script(name: &str) -> bool {
    matches!(name, "aws:runShellScript" | "aws:runPowerShellScript" | "aws:psModule")
}

#[cfg(test)]
mod tests {
    use PlatformType::{Linux, MacOS, Windows};

    use super::*;

    #[test]
    fn a_plugin_runs_where_it_is_registered() {
        let cases = [
            ("aws:runShellScript", [Support::Runs, Support::Unregistered, Support::Runs]),
            ("aws:runPowerShellScript", [Support::Runs, Support::Runs, Support::Runs]),
            ("aws:softwareInventory", [Support::Runs, Support::Runs, Support::Runs]),
            ("aws:runDocument", [Support::Runs, Support::Runs, Support::Barred]),
            ("aws:psModule", [Support::Unregistered, Support::Runs, Support::Barred]),
            ("aws:configureDaemon", [Support::Unregistered, Support::Unregistered, Support::Barred]),
            ("aws:noSuchPlugin", [Support::Unknown, Support::Unknown, Support::Unknown]),
            // Names are compared as they stand.
            ("aws:runshellscript", [Support::Unknown, Support::Unknown, Support::Unknown]),
        ];
        for (name, expected) in cases {
            assert_eq!([Linux, Windows, MacOS].map(|platform| support(name, platform)), expected, "{name}");
        }
    }
}
