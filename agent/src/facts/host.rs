//! What a machine tells of itself, where nodes take that in place of their
//! platform's template (`--facts host`, `facts: host`).
//!
//! Values only: asking the machine is the fleet's affair. Whatever the machine
//! does not tell is the template's, and so are its packages, which nobody lists.
//!
//! Invariant: nothing in it changes while the machine stays as it is, so that a
//! run repeats on the same machine.

use std::borrow::Cow;

use shared::status::PlatformType;

use super::Thing;

/// What a machine tells of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostFacts {
    /// `PlatformName` of a heartbeat.
    pub platform_name: Option<String>,
    /// `PlatformVersion` of a heartbeat.
    pub platform_version: Option<String>,
    /// `ComputerName` of a heartbeat.
    pub computer_name: Option<String>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// The processors.
    pub processors: Option<Processors>,
    /// The network interfaces but the loopback, by name. The first with an
    /// address has the machine's.
    pub interfaces: Vec<Interface>,
}

/// The processors of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processors {
    /// What they call themselves.
    pub model: String,
    /// How many logical ones there are.
    pub logical: usize,
    /// How many cores, if that is known.
    pub cores: Option<usize>,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    pub mac: String,
    /// Its first address of IP version 4, if it has one.
    pub ipv4: Option<String>,
    /// Its first address of IP version 6, if it has one.
    pub ipv6: Option<String>,
}

impl HostFacts {
    /// The machine's address.
    pub fn ip_address(&self) -> Option<&str> {
        self.interfaces.iter().find_map(|interface| interface.ipv4.as_deref())
    }

    /// The interfaces as inventory has them; `None` where the machine tells of none.
    pub(super) fn network(&self, platform: PlatformType) -> Option<Vec<Thing>> {
        let thing = |interface: &Interface| {
            let text = |text: &Option<String>| Cow::from(text.clone().unwrap_or_default());
            let mut thing: Thing = vec![("Name", interface.name.clone().into())];
            if platform == PlatformType::Windows {
                thing.push(("SubnetMask", "".into()));
                thing.push(("Gateway", "".into()));
            }
            thing.push(("MacAddress", interface.mac.clone().into()));
            thing.push(("IPV4", text(&interface.ipv4)));
            thing.push(("IPV6", text(&interface.ipv6)));
            thing
        };
        (!self.interfaces.is_empty()).then(|| self.interfaces.iter().map(thing).collect())
    }

    /// Puts what the machine tells of its processors and kernel in the template's place.
    pub(super) fn put_instance_details(&self, thing: &mut Thing) {
        for (key, value) in thing {
            let told = match (*key, &self.processors) {
                ("KernelVersion", _) => self.kernel.clone(),
                ("CPUModel", Some(processors)) => Some(processors.model.clone()),
                ("CPUSpeedMHz", Some(processors)) => speed_in(&processors.model),
                ("CPUs", Some(processors)) => Some(processors.logical.to_string()),
                ("CPUCores", Some(processors)) => processors.cores.map(|cores| cores.to_string()),
                ("CPUHyperThreadEnabled", Some(processors)) => {
                    processors.cores.map(|cores| (processors.logical > cores).to_string())
                }
                _ => None,
            };
            if let Some(told) = told {
                *value = told.into();
            }
        }
    }
}

/// The speed in MHz that a processor's name ends with, such as `@ 2.50GHz`. What it
/// runs at now is another one each time somebody looks.
fn speed_in(model: &str) -> Option<String> {
    let (_, speed) = model.rsplit_once('@')?;
    let gigahertz: f64 = speed.trim().strip_suffix("GHz")?.trim().parse().ok()?;
    Some(((gigahertz * 1_000.0).round() as u64).to_string())
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;
    use crate::catalogue::Platform;
    use crate::facts::Facts;

    fn value(things: &[Thing], key: &str) -> String {
        things[0]
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.to_string())
            .unwrap_or_default()
    }

    #[test]
    fn what_a_machine_tells_takes_the_place_of_the_template() {
        let platform = Platform::named("ubuntu-22.04").unwrap();
        let template = Facts { platform, draw: Seed(1).draw("web", 0), edition: 0, host: None };
        let host = HostFacts {
            kernel: Some("6.1".into()),
            processors: Some(Processors { model: "Any CPU @ 2.50GHz".into(), logical: 6, cores: Some(6) }),
            interfaces: vec![
                Interface { name: "a".into(), mac: "02:00".into(), ipv4: None, ipv6: Some("fe80::1".into()) },
                Interface {
                    name: "b".into(),
                    mac: "02:01".into(),
                    ipv4: Some("10.1.2.3".into()),
                    ipv6: None,
                },
            ],
            ..HostFacts::default()
        };
        assert_eq!(host.ip_address(), Some("10.1.2.3"));
        let facts = Facts { host: Some(&host), ..template };
        let details = facts.instance_details();
        let expected = [
            ("CPUModel", "Any CPU @ 2.50GHz"),
            ("CPUSpeedMHz", "2500"),
            ("CPUs", "6"),
            ("CPUSockets", "1"),
            ("CPUCores", "6"),
            ("CPUHyperThreadEnabled", "false"),
            ("KernelVersion", "6.1"),
        ];
        for (key, text) in expected {
            assert_eq!(value(&details, key), text, "{key}");
        }
        assert_eq!(facts.network().len(), 2);
        assert_eq!(
            (value(&facts.network(), "Name"), value(&facts.network(), "IPV4")),
            ("a".into(), "".into())
        );
        assert_eq!(facts.applications(), template.applications(), "nobody lists packages");

        // A machine that tells nothing is as the template has it.
        let silent = HostFacts::default();
        let silent = Facts { host: Some(&silent), ..template };
        assert_eq!(silent.instance_details(), template.instance_details());
        assert_eq!(silent.network(), template.network());
    }

    #[test]
    fn a_speed_is_read_from_the_name_only() {
        let cases = [
            ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", Some("2500")),
            ("AMD EPYC 7R13 Processor", None),
            ("x @ fast", None),
        ];
        for (model, expected) in cases {
            assert_eq!(speed_in(model).as_deref(), expected, "{model}");
        }
    }
}
