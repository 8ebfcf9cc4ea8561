//! What an inventory step tells of a node.
//!
//! Each type carries a hash of its content; a type whose hash the plane took
//! last is sent without its content. What was taken is remembered in four bytes:
//! the edition of the facts, and the types (agent/plugins/inventory/datauploader).
//!
//! Which types are looked at stands in the step's inputs. Files, the registry and
//! custom types are not: nothing of this machine is ever read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use serde_json::{Map, Value};
use shared::id::NodeId;
use shared::status::PlatformType;
use shared::time::Timestamp;
use shared::wire::{InventoryEntry, InventoryItem, PutInventory};

use crate::call::InventoryUpload;
use crate::facts::{Facts, Thing};

/// A type of inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Application,
    AwsComponent,
    Network,
    InstanceDetailedInformation,
    Service,
    WindowsRole,
    WindowsUpdate,
}

/// In the order of an upload: the input that asks for it, its name, its schema's version.
const KINDS: [(Kind, &str, &str, &str); 7] = [
    (Kind::Application, "applications", "AWS:Application", "1.1"),
    (Kind::AwsComponent, "awsComponents", "AWS:AWSComponent", "1.0"),
    (Kind::Network, "networkConfig", "AWS:Network", "1.0"),
    (
        Kind::InstanceDetailedInformation,
        "instanceDetailedInformation",
        "AWS:InstanceDetailedInformation",
        "1.0",
    ),
    (Kind::Service, "services", "AWS:Service", "1.0"),
    (Kind::WindowsRole, "windowsRoles", "AWS:WindowsRole", "1.0"),
    (Kind::WindowsUpdate, "windowsUpdates", "AWS:WindowsUpdate", "1.0"),
];

/// Types of inventory, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// The types that a step's inputs ask for, and that this platform can tell of.
    pub fn asked(inputs: &Map<String, Value>, platform: PlatformType) -> Self {
        let is_enabled = |input: &str| {
            let found = inputs.iter().find(|(key, _)| key.eq_ignore_ascii_case(input));
            found
                .and_then(|(_, value)| value.as_str())
                .is_some_and(|text| text.eq_ignore_ascii_case("enabled"))
        };
        let can_tell = |kind| match kind {
            Kind::Service | Kind::WindowsRole | Kind::WindowsUpdate => platform == PlatformType::Windows,
            _ => true,
        };
        let bits = KINDS.iter().filter(|(kind, input, ..)| can_tell(*kind) && is_enabled(input));
        Self(bits.fold(0, |bits, (kind, ..)| bits | 1 << *kind as u8))
    }

    /// Whether none is asked for.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn has(self, kind: Kind) -> bool {
        self.0 & 1 << kind as u8 != 0
    }
}

/// What the plane took last: types, and the edition of the packages among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Taken(u32);

impl Taken {
    /// As a number, to be put down.
    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    /// As it was put down.
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// After an upload of these types was taken.
    pub fn and(self, kinds: Kinds, edition: u32) -> Self {
        let edition = edition & Self::EDITIONS;
        let is_current = self.edition() == edition;
        let still = if is_current { self.kinds().0 } else { self.kinds().0 & !Self::CHANGING };
        Self(edition << 8 | u32::from(still | kinds.0))
    }

    /// Whether this type was taken as it is now.
    fn has(self, kind: Kind, facts: &Facts) -> bool {
        let is_current =
            Self::CHANGING & 1 << kind as u8 == 0 || self.edition() == facts.edition & Self::EDITIONS;
        is_current && self.kinds().has(kind)
    }

    /// The types whose content changes with the edition.
    const CHANGING: u8 = 1 << Kind::Application as u8 | 1 << Kind::AwsComponent as u8;
    /// As much of an edition as is remembered.
    const EDITIONS: u32 = (1 << 24) - 1;

    fn edition(self) -> u32 {
        self.0 >> 8
    }

    fn kinds(self) -> Kinds {
        Kinds(self.0 as u8)
    }
}

/// The call of an upload, made at this instant. What was taken before goes
/// without its content, unless all of it is to go with it.
pub fn upload(node: NodeId, facts: &Facts, upload: &InventoryUpload, now: Timestamp) -> PutInventory {
    let asked = KINDS.iter().filter(|(kind, ..)| upload.kinds.has(*kind));
    let items = asked.map(|&(kind, _, type_name, schema_version)| {
        let things = things(facts, kind);
        let is_known = !upload.is_full && upload.taken.has(kind, facts);
        InventoryItem {
            capture_time: captured(now),
            content_hash: Some(content_hash(&things)),
            content: (!is_known).then(|| things.into_iter().map(entry).collect()),
            context: None,
            schema_version: schema_version.into(),
            type_name: type_name.into(),
        }
    });
    PutInventory { instance_id: node, items: items.collect() }
}

fn things(facts: &Facts, kind: Kind) -> Vec<Thing> {
    match kind {
        Kind::Application => facts.applications(),
        Kind::AwsComponent => facts.aws_components(),
        Kind::Network => facts.network(),
        Kind::InstanceDetailedInformation => facts.instance_details(),
        Kind::Service => facts.services(),
        Kind::WindowsRole => facts.windows_roles(),
        Kind::WindowsUpdate => facts.windows_updates(),
    }
}

fn entry(thing: Thing) -> InventoryEntry {
    thing.into_iter().map(|(key, value)| (key.into(), value.into())).collect()
}

/// Whole seconds, as the agent writes them.
fn captured(now: Timestamp) -> String {
    let instant = jiff::Timestamp::from_millisecond(now.milliseconds()).unwrap_or_default();
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The digest of a content: of the JSON that Go writes, `null` where there is none.
fn content_hash(things: &[Thing]) -> String {
    STANDARD.encode(Md5::digest(go_json(things)))
}

fn go_json(things: &[Thing]) -> String {
    if things.is_empty() {
        return "null".into();
    }
    let mut json = String::from("[");
    for (place, thing) in things.iter().enumerate() {
        json.push_str(if place > 0 { ",{" } else { "{" });
        for (place, (key, value)) in thing.iter().enumerate() {
            let comma = if place > 0 { "," } else { "" };
            let value = serde_json::to_string(value).expect("a text is JSON");
            json.push_str(&format!("{comma}\"{key}\":{value}"));
        }
        json.push('}');
    }
    json.push(']');
    // Go escapes for HTML; none of these can stand outside of a text.
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::seed::Seed;

    use super::*;
    use crate::catalogue::Platform;

    fn facts(platform: &str, edition: u32) -> Facts {
        let platform = Platform::named(platform).unwrap();
        Facts { platform, draw: Seed(1).draw("web", 0), edition }
    }

    fn asked(inputs: Value, platform: PlatformType) -> Kinds {
        Kinds::asked(inputs.as_object().unwrap(), platform)
    }

    fn everything() -> Value {
        json!({
            "applications": "Enabled", "awsComponents": "Enabled", "networkConfig": "Enabled",
            "instanceDetailedInformation": "Enabled", "services": "Enabled", "windowsRoles": "Enabled",
            "windowsUpdates": "Enabled", "customInventory": "Disabled",
        })
    }

    fn upload(facts: &Facts, kinds: Kinds, taken: Taken, is_full: bool, now: Timestamp) -> PutInventory {
        let told = InventoryUpload { kinds, edition: facts.edition, taken, is_full };
        super::upload("mi-0123456789abcdef0".parse().unwrap(), facts, &told, now)
    }

    /// Each item's type, and whether it has content.
    fn told(upload: &PutInventory) -> Vec<(&str, bool)> {
        upload.items.iter().map(|item| (item.type_name.as_str(), item.content.is_some())).collect()
    }

    #[test]
    fn hashes_are_those_of_the_real_agent() {
        // Recorded on a Debian 12 whose 715 packages are the template's.
        assert_eq!(content_hash(&facts("debian-12", 0).applications()), "pLRqcno8OquH4nT5okIdsA==");
        assert_eq!(content_hash(&[]), "N6YlnMDB2uKZp4Zkid/wvQ==");
        let details = [
            ("CPUModel", "AMD EPYC"),
            ("CPUSpeedMHz", ""),
            ("CPUs", "2"),
            ("CPUSockets", "1"),
            ("CPUCores", "2"),
            ("CPUHyperThreadEnabled", "false"),
            ("OSServicePack", ""),
            ("KernelVersion", "6.18.44-fc-v669"),
        ];
        let details: Thing = details.into_iter().map(|(key, value)| (key, value.into())).collect();
        assert_eq!(content_hash(&[details]), "IGEQ2yX+y1z54ONloUahnQ==");
    }

    #[test]
    fn inputs_and_platform_say_what_is_looked_at() {
        use PlatformType::{Linux, Windows};
        let upload =
            |kinds| upload(&facts("windows-2022", 0), kinds, Taken::default(), false, Timestamp::default());
        let all = upload(asked(everything(), Windows));
        assert_eq!(all.items.len(), 7);
        assert_eq!(told(&upload(asked(everything(), Linux))).len(), 4);
        assert_eq!(
            told(&upload(asked(json!({"Applications": "enabled"}), Linux))),
            [("AWS:Application", true)]
        );
        assert!(asked(json!({"applications": "Disabled", "files": "Enabled"}), Linux).is_empty());
    }

    #[test]
    fn what_was_taken_as_it_is_goes_without_content() {
        let now = Timestamp::from_milliseconds(1_795_407_999_900);
        let (old, new) = (facts("amazon-linux-2023", 3), facts("amazon-linux-2023", 4));
        let few = asked(json!({"applications": "Enabled", "networkConfig": "Enabled"}), PlatformType::Linux);
        let all = asked(everything(), PlatformType::Linux);
        let first = upload(&old, few, Taken::default(), false, now);
        assert_eq!(told(&first), [("AWS:Application", true), ("AWS:Network", true)]);
        assert_eq!(first.items[0].capture_time, "2026-11-23T04:26:39Z");

        let taken = Taken::default().and(few, old.edition);
        let second = upload(&old, all, taken, false, now);
        let contents =
            |upload: &PutInventory| told(upload).into_iter().map(|(_, has)| has).collect::<Vec<_>>();
        assert_eq!(contents(&second), [false, true, false, true]);
        assert_eq!(second.items[0].content_hash, first.items[0].content_hash);
        assert_eq!(contents(&upload(&old, all, taken, true, now)), [true; 4]);

        let taken = taken.and(all, old.edition);
        assert_eq!(contents(&upload(&old, all, taken, false, now)), [false; 4]);
        // A package changed: what follows from packages is told anew.
        let changed = upload(&new, all, taken, false, now);
        assert_eq!(contents(&changed), [true, true, false, false]);
        assert_ne!(changed.items[0].content_hash, first.items[0].content_hash);
        let network = asked(json!({"networkConfig": "Enabled"}), PlatformType::Linux);
        let taken = taken.and(network, new.edition);
        assert_eq!(contents(&upload(&new, all, taken, false, now)), [true, true, false, false]);
    }
}
