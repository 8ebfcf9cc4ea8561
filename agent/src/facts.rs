//! What is on a node, for its inventory: a pure function of its platform, its
//! draws and an instant.
//!
//! Packages come from a template per platform (`facts/*.tsv`: the list of a real
//! Debian 12, typical ones for the others), and change as real ones do: at each
//! change one package gets a newer version. A node's *edition* counts its
//! changes, so equal editions of a platform mean equal packages on every node.
//!
//! Invariant: attributes stand in the order in which the real agent writes them
//! for its hash (agent/plugins/inventory/model).

use std::borrow::Cow;
use std::sync::LazyLock;

use shared::seed::Draw;
use shared::status::PlatformType;
use shared::time::{Period, Timestamp};

use crate::catalogue::Platform;
use crate::identity;

/// One thing on a node: its attributes, all texts, as the real agent orders them.
pub type Thing = Vec<(&'static str, Cow<'static, str>)>;

/// A package of a template.
struct Package {
    name: &'static str,
    version: &'static str,
    release: &'static str,
    architecture: &'static str,
    kind: &'static str,
    publisher: &'static str,
    url: &'static str,
    summary: &'static str,
}

/// What is the same on all nodes of a platform.
struct Template {
    platform: &'static str,
    kernel: &'static str,
    interface: &'static str,
    packages: Vec<Package>,
}

static TEMPLATES: LazyLock<[Template; 9]> = LazyLock::new(|| {
    let template = |platform, kernel, interface, table: &'static str| Template {
        platform,
        kernel,
        interface,
        packages: table.lines().map(Package::read).collect(),
    };
    [
        template(
            "amazon-linux-2",
            "5.10.226-214.880.amzn2.x86_64",
            "eth0",
            include_str!("../facts/amazon-linux-2.tsv"),
        ),
        template(
            "amazon-linux-2023",
            "6.1.112-122.189.amzn2023.x86_64",
            "ens5",
            include_str!("../facts/amazon-linux-2023.tsv"),
        ),
        template("debian-12", "6.1.0-26-cloud-amd64", "ens5", include_str!("../facts/debian-12.tsv")),
        template("ubuntu-22.04", "6.8.0-1017-aws", "ens5", include_str!("../facts/ubuntu-22.04.tsv")),
        template(
            "windows-2022",
            "10.0.20348",
            "Amazon Elastic Network Adapter",
            include_str!("../facts/windows-2022.tsv"),
        ),
        template("macos-14", "23.5.0", "en0", include_str!("../facts/macos-14.tsv")),
        template("rhel-9", "5.14.0-427.40.1.el9_4.x86_64", "eth0", include_str!("../facts/rhel-9.tsv")),
        template(
            "windows-2016",
            "10.0.14393",
            "Amazon Elastic Network Adapter",
            include_str!("../facts/windows-2016.tsv"),
        ),
        template(
            "windows-2019",
            "10.0.17763",
            "Amazon Elastic Network Adapter",
            include_str!("../facts/windows-2019.tsv"),
        ),
    ]
});

/// Processors of nodes: model, speed in MHz, logical ones.
const PROCESSORS: [(&str, &str, u32); 4] = [
    ("Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", "2499", 2),
    ("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "2899", 4),
    ("AMD EPYC 7R13 Processor", "2650", 2),
    ("AMD EPYC 9R14", "2600", 8),
];

/// Services of Windows: name, display name, state, start type.
const SERVICES: [(&str, &str, &str, &str); 8] = [
    ("AmazonSSMAgent", "Amazon SSM Agent", "Running", "Automatic"),
    ("Dhcp", "DHCP Client", "Running", "Automatic"),
    ("Dnscache", "DNS Client", "Running", "Automatic"),
    ("EventLog", "Windows Event Log", "Running", "Automatic"),
    ("LanmanServer", "Server", "Running", "Automatic"),
    ("Schedule", "Task Scheduler", "Running", "Automatic"),
    ("Spooler", "Print Spooler", "Stopped", "Disabled"),
    ("wuauserv", "Windows Update", "Stopped", "Manual"),
];

/// Roles and features of Windows: name, display name, whether installed, its kind.
const ROLES: [(&str, &str, bool, &str); 5] = [
    ("FileAndStorage-Services", "File and Storage Services", true, "Role"),
    ("NET-Framework-45-Core", ".NET Framework 4.8", true, "Feature"),
    ("PowerShell", "Windows PowerShell 5.1", true, "Feature"),
    ("Web-Server", "Web Server (IIS)", false, "Role"),
    ("Windows-Defender", "Microsoft Defender Antivirus", true, "Feature"),
];

/// Updates of Windows: of which platform, what it is called, and when it came.
const UPDATES: [(&str, &str, &str, &str); 9] = [
    ("windows-2016", "KB5043124", "Update", "2024-09-11T00:00:00Z"),
    ("windows-2016", "KB5044293", "Security Update", "2024-10-09T00:00:00Z"),
    ("windows-2019", "KB5043050", "Security Update", "2024-09-11T00:00:00Z"),
    ("windows-2019", "KB5044277", "Security Update", "2024-10-09T00:00:00Z"),
    ("windows-2019", "KB5044089", "Update", "2024-10-09T00:00:00Z"),
    ("windows-2022", "KB5042349", "Update", "2024-09-11T00:00:00Z"),
    ("windows-2022", "KB5043881", "Security Update", "2024-09-11T00:00:00Z"),
    ("windows-2022", "KB5044281", "Security Update", "2024-10-09T00:00:00Z"),
    ("windows-2022", "KB5044413", "Security Update", "2024-10-09T00:00:00Z"),
];

/// The names of packages that the agent counts among AWS's components.
const AWS_COMPONENTS: [&str; 11] = [
    "Amazon SSM Agent",
    "Amazon EC2Launch",
    "AWS PV Drivers",
    "AWS Tools for Windows",
    "amazon-ssm-agent",
    "aws-cfn-bootstrap",
    "awscli-2",
    "ec2-hibinit-agent",
    "ec2-instance-connect",
    "ec2-net-utils",
    "ec2-utils",
];

/// A node, as far as its facts go.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// What it runs.
    pub platform: Platform,
    /// Its draws.
    pub draw: Draw,
    /// How often its packages have changed.
    pub edition: u32,
}

impl Facts {
    /// The facts of a node at an instant, whose packages change once in `every`.
    /// Nodes change at instants of their own.
    pub fn at(platform: Platform, draw: Draw, now: Timestamp, every: Period) -> Self {
        let edition = match every.as_milliseconds() {
            0 => 0,
            every_milliseconds => {
                let phase = draw.period("facts-change", 0, every).as_milliseconds();
                let passed = u64::try_from(now.milliseconds()).unwrap_or(0) + phase;
                u32::try_from(passed / every_milliseconds).unwrap_or(u32::MAX)
            }
        };
        Self { platform, draw, edition }
    }

    /// The packages, whatever the node.
    pub fn applications(&self) -> Vec<Thing> {
        self.packages(|_| true)
    }

    /// Those of the packages that are AWS's own.
    pub fn aws_components(&self) -> Vec<Thing> {
        self.packages(|package| AWS_COMPONENTS.contains(&package.name))
    }

    fn packages(&self, is_wanted: impl Fn(&Package) -> bool) -> Vec<Thing> {
        let packages = &self.template().packages;
        let wanted = packages.iter().enumerate().filter(|(_, package)| is_wanted(package));
        wanted.map(|(place, package)| package.thing(changes(place, packages.len(), self.edition))).collect()
    }

    /// The network interfaces.
    pub fn network(&self) -> Vec<Thing> {
        let [a, b, c, d] = identity::ip_address(self.draw);
        let bits = self.draw.bits("hardware-address", 0).to_le_bytes();
        let hardware =
            format!("0a:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bits[0], bits[1], bits[2], bits[3], bits[4]);
        let local = format!(
            "fe80::8{:02x}:{:02x}ff:fe{:02x}:{:02x}{:02x}",
            bits[0], bits[1], bits[2], bits[3], bits[4]
        );
        let mut thing = vec![("Name", self.template().interface.into())];
        if self.platform.kind == PlatformType::Windows {
            thing.push(("SubnetMask", "255.255.240.0".into()));
            thing.push(("Gateway", format!("{a}.{b}.{}.1", c & 0xf0).into()));
        }
        thing.push(("MacAddress", hardware.into()));
        thing.push(("IPV4", format!("{a}.{b}.{c}.{d}").into()));
        thing.push(("IPV6", local.into()));
        vec![thing]
    }

    /// The processors and the kernel.
    pub fn instance_details(&self) -> Vec<Thing> {
        let drawn = self.draw.bits("processor", 0) as usize % PROCESSORS.len();
        let (model, speed, processors) = PROCESSORS[drawn];
        vec![vec![
            ("CPUModel", model.into()),
            ("CPUSpeedMHz", speed.into()),
            ("CPUs", processors.to_string().into()),
            ("CPUSockets", "1".into()),
            ("CPUCores", (processors / 2).to_string().into()),
            ("CPUHyperThreadEnabled", "true".into()),
            ("OSServicePack", "".into()),
            ("KernelVersion", self.template().kernel.into()),
        ]]
    }

    /// The services; only Windows tells of them.
    pub fn services(&self) -> Vec<Thing> {
        let thing =
            |(name, display, status, start): (&'static str, &'static str, &'static str, &'static str)| {
                vec![
                    ("Name", name.into()),
                    ("DisplayName", display.into()),
                    ("Status", status.into()),
                    ("DependentServices", "".into()),
                    ("ServicesDependedOn", "".into()),
                    ("ServiceType", "Win32ShareProcess".into()),
                    ("StartType", start.into()),
                ]
            };
        SERVICES.into_iter().map(thing).collect()
    }

    /// Roles and features; only Windows has them.
    pub fn windows_roles(&self) -> Vec<Thing> {
        let thing =
            |(name, display, is_installed, kind): (&'static str, &'static str, bool, &'static str)| {
                vec![
                    ("Name", name.into()),
                    ("DisplayName", display.into()),
                    ("Description", "".into()),
                    ("Installed", if is_installed { "True" } else { "False" }.into()),
                    ("InstalledState", if is_installed { "Installed" } else { "Available" }.into()),
                    ("FeatureType", kind.into()),
                    ("Path", display.into()),
                    ("SubFeatures", "".into()),
                    ("ServerComponentDescriptor", "ServerComponent".into()),
                    ("DependsOn", "".into()),
                    ("Parent", "".into()),
                ]
            };
        ROLES.into_iter().map(thing).collect()
    }

    /// Updates; only Windows tells of them.
    pub fn windows_updates(&self) -> Vec<Thing> {
        let thing =
            |&(_, id, description, installed): &(&'static str, &'static str, &'static str, &'static str)| {
                vec![
                    ("HotFixId", id.into()),
                    ("Description", description.into()),
                    ("InstalledTime", installed.into()),
                    ("InstalledBy", "NT AUTHORITY\\SYSTEM".into()),
                ]
            };
        let own = UPDATES.iter().filter(|(platform, ..)| *platform == self.platform.name);
        own.map(thing).collect()
    }

    fn template(&self) -> &'static Template {
        let found = TEMPLATES.iter().find(|template| template.platform == self.platform.name);
        found.expect("each platform has its template")
    }
}

/// Between packages that change one after another, in places of the template. No
/// template is a multiple of this prime long, so that all have their turn.
const NEXT_CHANGE: usize = 7_919;

/// How often the package in this place had changed by an edition: one package
/// changes at a time, and all in turn.
fn changes(place: usize, packages: usize, edition: u32) -> u32 {
    let turn = place * NEXT_CHANGE % packages;
    let (rounds, rest) = (edition as usize / packages, edition as usize % packages);
    (rounds + usize::from(turn < rest)) as u32
}

impl Package {
    fn read(row: &'static str) -> Self {
        let mut cells = row.split('\t');
        let mut cell = || cells.next().expect("a row has eight cells");
        Self {
            name: cell(),
            version: cell(),
            release: cell(),
            architecture: cell(),
            kind: cell(),
            publisher: cell(),
            url: cell(),
            summary: cell(),
        }
    }

    fn thing(&self, changes: u32) -> Thing {
        let is_rpm = !self.release.is_empty();
        let version = newer(self.version, if is_rpm { 0 } else { changes });
        let release = newer(self.release, changes);
        let id = if is_rpm {
            format!("{}-{version}-{release}.src.rpm", self.name)
        } else if self.url.is_empty() && self.summary.is_empty() {
            String::new()
        } else {
            let architecture = if self.architecture == "x86_64" { "amd64" } else { self.architecture };
            format!("{}_{version}_{architecture}.deb", self.name)
        };
        let attributes: [(&'static str, Cow<'static, str>); 9] = [
            ("Name", self.name.into()),
            ("Publisher", self.publisher.into()),
            ("Version", version),
            ("Release", release),
            ("ApplicationType", self.kind.into()),
            ("Architecture", self.architecture.into()),
            ("URL", self.url.into()),
            ("Summary", self.summary.into()),
            ("PackageId", id.into()),
        ];
        // These three are left out where there is nothing to say.
        let is_told = |(key, value): &(&'static str, Cow<'static, str>)| {
            !(value.is_empty() && matches!(*key, "Release" | "URL" | "Summary" | "PackageId"))
        };
        attributes.into_iter().filter(is_told).collect()
    }
}

/// A version that is newer by so many changes: its last number grows.
fn newer(version: &'static str, changes: u32) -> Cow<'static, str> {
    let last_digit = version.rfind(|letter: char| letter.is_ascii_digit());
    let Some(end) = last_digit.filter(|_| changes > 0) else { return version.into() };
    let begin = version[..end].rfind(|letter: char| !letter.is_ascii_digit()).map_or(0, |at| at + 1);
    let number: u64 = version[begin..=end].parse().unwrap_or(0);
    format!("{}{}{}", &version[..begin], number + u64::from(changes), &version[end + 1..]).into()
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;
    use crate::catalogue::PLATFORMS;

    fn facts(platform: &str, index: u64, edition: u32) -> Facts {
        let platform = Platform::named(platform).unwrap();
        Facts { platform, draw: Seed(1).draw("web", index), edition }
    }

    #[test]
    fn each_platform_has_its_packages() {
        for platform in PLATFORMS {
            let facts = facts(platform.name, 0, 0);
            let applications = facts.applications();
            assert!(applications.len() >= 20, "{}", platform.name);
            assert!(
                applications
                    .iter()
                    .all(|thing| thing.iter().any(|(key, value)| *key == "Version" && !value.is_empty()))
            );
        }
        assert_eq!(facts("debian-12", 0, 0).applications().len(), 715);
        let names: Vec<_> = facts("amazon-linux-2023", 0, 0)
            .aws_components()
            .iter()
            .map(|thing| thing[0].1.clone())
            .collect();
        assert_eq!(
            names,
            [
                "amazon-ssm-agent",
                "aws-cfn-bootstrap",
                "awscli-2",
                "ec2-hibinit-agent",
                "ec2-instance-connect",
                "ec2-utils"
            ]
        );
    }

    #[test]
    fn a_newer_version_has_a_greater_last_number() {
        let cases = [
            ("8.5.0", 0, "8.5.0"),
            ("8.5.0", 1, "8.5.1"),
            ("1.amzn2023.0.4", 3, "1.amzn2023.0.7"),
            ("7.81.0-1ubuntu1.19", 1, "7.81.0-1ubuntu1.20"),
            ("2024a", 1, "2025a"),
            ("9", 1, "10"),
            ("", 1, ""),
        ];
        for (version, changes, expected) in cases {
            assert_eq!(newer(version, changes), expected);
        }
    }

    #[test]
    fn an_edition_changes_one_package_on_every_node_of_the_platform() {
        let before = facts("ubuntu-22.04", 1, 7).applications();
        let after = facts("ubuntu-22.04", 1, 8).applications();
        assert_eq!(before.iter().zip(&after).filter(|(before, after)| before != after).count(), 1);
        assert_eq!(after, facts("ubuntu-22.04", 2, 8).applications());
        assert_ne!(facts("ubuntu-22.04", 1, 8).network(), facts("ubuntu-22.04", 2, 8).network());
    }

    #[test]
    fn packages_change_in_turn_however_many_changes_there_were() {
        for platform in PLATFORMS {
            let packages = facts(platform.name, 0, 0).applications().len();
            let total = |edition| {
                (0..packages).map(|place| u64::from(changes(place, packages, edition))).sum::<u64>()
            };
            for edition in [0, 1, packages as u32 - 1, packages as u32, 2_900, 1_800_000_000] {
                assert_eq!(total(edition), u64::from(edition), "{}", platform.name);
            }
        }
    }

    #[test]
    fn nodes_change_once_in_the_stated_time_at_instants_of_their_own() {
        let platform = Platform::named("ubuntu-22.04").unwrap();
        let (start, week) = (Timestamp::from_seconds(1_735_689_600), Period::days(7));
        let mut on_a_day = [0; 7];
        for index in 0..700 {
            let draw = Seed(1).draw("web", index);
            let edition = |after: Period| Facts::at(platform, draw, start + after, week).edition;
            assert_eq!(edition(week) - edition(Period::ZERO), 1);
            let day = (0..7).find(|&day| edition(Period::days(day + 1)) > edition(Period::days(day)));
            on_a_day[day.expect("it changes within the week") as usize] += 1;
        }
        assert!(on_a_day.iter().all(|nodes| (60..140).contains(nodes)), "{on_a_day:?}");
        let draw = Seed(1).draw("web", 0);
        assert_eq!(Facts::at(platform, draw, start, Period::ZERO).edition, 0, "never, if no time is stated");
    }
}
