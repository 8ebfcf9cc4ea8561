//! What this machine tells of itself, for nodes that take that in place of their
//! platform's template.
//!
//! It comes from sysinfo. Only what stays while the machine stays as it is is
//! taken, in an order of its own, so that a run repeats on the same machine: no
//! load, no speed of the moment. The loopback interface is nobody's address.

use agent::facts::host::{HostFacts, Interface, Processors};
use shared::status::PlatformType;
use sysinfo::{CpuRefreshKind, Networks, RefreshKind, System};

/// What kind of platform this machine is; `None` if it is none that agents run on.
pub fn kind() -> Option<PlatformType> {
    match std::env::consts::OS {
        "linux" => Some(PlatformType::Linux),
        "macos" => Some(PlatformType::MacOS),
        "windows" => Some(PlatformType::Windows),
        _ => None,
    }
}

/// The template that fits this machine best, by its short name.
pub fn platform() -> Option<&'static str> {
    Some(match (kind()?, System::distribution_id().as_str()) {
        (PlatformType::Linux, "debian") => "debian-12",
        (PlatformType::Linux, "ubuntu") => "ubuntu-22.04",
        (PlatformType::Linux, _) => "amazon-linux-2023",
        (PlatformType::MacOS, _) => "macos-14",
        (PlatformType::Windows, _) => "windows-2022",
    })
}

/// What this machine tells of itself.
pub fn facts() -> HostFacts {
    HostFacts {
        platform_name: System::name().ok(),
        platform_version: System::os_version().ok(),
        computer_name: System::host_name().ok(),
        kernel: System::kernel_version().ok(),
        processors: processors(),
        interfaces: interfaces(),
    }
}

fn processors() -> Option<Processors> {
    let kind = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
    let system = System::new_with_specifics(kind).ok()?;
    let first = system.cpus().first()?;
    let model = Some(first.brand().trim().to_owned()).filter(|model| !model.is_empty())?;
    Some(Processors { model, logical: system.cpus().len(), cores: System::physical_core_count().ok() })
}

/// The interfaces by name, without the loopback.
fn interfaces() -> Vec<Interface> {
    let Ok(networks) = Networks::new_with_refreshed_list() else { return Vec::new() };
    let mut interfaces: Vec<Interface> = networks
        .iter()
        .filter(|(_, data)| !data.ip_networks().iter().any(|network| network.addr.is_loopback()))
        .map(|(name, data)| {
            let mut addresses: Vec<_> = data.ip_networks().iter().map(|network| network.addr).collect();
            addresses.sort_unstable();
            let first = |is_wanted: fn(&&std::net::IpAddr) -> bool| {
                addresses.iter().find(is_wanted).map(ToString::to_string)
            };
            Interface {
                name: name.to_string_lossy().into_owned(),
                mac: data.mac_address().to_string(),
                ipv4: first(|address| address.is_ipv4()),
                ipv6: first(|address| address.is_ipv6()),
            }
        })
        .collect();
    interfaces.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    interfaces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_the_same_each_time() {
        assert_eq!(facts(), facts());
        let platform = agent::catalogue::Platform::named(platform().unwrap()).unwrap();
        assert_eq!(Some(platform.kind), kind());
        assert!(facts().kernel.is_some_and(|kernel| !kernel.is_empty()));
        assert!(facts().interfaces.iter().all(|interface| interface.ipv4.as_deref() != Some("127.0.0.1")));
    }
}
