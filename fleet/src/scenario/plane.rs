//! Which control plane a scenario is for: an embedded one with its settings, or
//! somebody else's at an endpoint.
//!
//! Both are written under the same key. An endpoint has no settings that could be
//! chosen from here, and only somebody else's plane asks for a profile; whoever
//! writes both is told.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use agent::client::endpoint::Endpoint;
use plane::config::PlaneConfig;
use plane::config::list::SETTINGS;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

/// The control plane that a scenario is for.
#[derive(Debug, Clone, Default)]
pub struct Plane {
    /// The settings of an embedded one, and under `world` what other services know.
    pub settings: PlaneConfig,
    /// Somebody else's, if it is.
    pub guest_of: Option<GuestOf>,
}

/// Somebody else's control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestOf {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// The region that calls are signed for; as the environment or the profile say if not said.
    pub region: Option<String>,
    /// The profile whose credentials sign; as the environment says if not said.
    pub profile: Option<String>,
}

/// All keys that may stand here.
static KEYS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut keys: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    keys.extend(["endpoint", "profile", "world"]);
    keys
});

impl<'de> Deserialize<'de> for Plane {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Written)
    }
}

impl JsonSchema for Plane {
    fn schema_name() -> Cow<'static, str> {
        "Plane".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = PlaneConfig::json_schema(generator);
        let keys = [
            (
                "endpoint",
                json_schema!({
                    "type": "string",
                    "pattern": "^https?://",
                    "description": "Where somebody else's plane listens, http://HOST[:PORT] or https://HOST[:PORT]. \
                                    Beside it only `region` and `profile` may stand.",
                }),
            ),
            (
                "profile",
                json_schema!({
                    "type": "string",
                    "description": "The profile in ~/.aws whose credentials sign before somebody else's plane; as \
                                    the environment says if not said.",
                }),
            ),
        ];
        if let Some(Value::Object(known)) = schema.get_mut("properties") {
            known.extend(keys.map(|(key, form)| (key.to_owned(), form.to_value())));
        }
        schema.insert(
            "description".to_owned(),
            "The settings of the embedded plane, or where somebody else's is.".into(),
        );
        schema
    }
}

struct Written;

impl<'de> Visitor<'de> for Written {
    type Value = Plane;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings of the embedded plane, or an endpoint")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Plane, A::Error> {
        let mut own = Own::default();
        let members = Sifted { members, own: &mut own };
        let settings = PlaneConfig::deserialize(MapAccessDeserializer::new(members))?;
        let Own { endpoint, profile, settings: names } = own;
        let Some(endpoint) = endpoint else {
            return match profile {
                None => Ok(Plane { settings, guest_of: None }),
                Some(_) => Err(de::Error::missing_field("endpoint")),
            };
        };
        if let Some(name) = names.iter().find(|name| *name != "region") {
            return Err(de::Error::custom(format_args!(
                "`{name}` is for an embedded plane, and `endpoint` names somebody else's: take one of them out"
            )));
        }
        let region = names.first().map(|_| settings.region.clone());
        Ok(Plane { settings, guest_of: Some(GuestOf { endpoint, region, profile }) })
    }
}

/// The keys that are no settings of an embedded plane, and the names of those that are.
#[derive(Default)]
struct Own {
    endpoint: Option<Endpoint>,
    profile: Option<String>,
    settings: Vec<String>,
}

/// The settings among the keys; the others are kept aside.
struct Sifted<'a, A> {
    members: A,
    own: &'a mut Own,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Sifted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = Some(seed);
        loop {
            match self.members.next_key_seed(Key { seed: &mut seed, settings: &mut self.own.settings })? {
                None => return Ok(None),
                Some(Sifting::Setting(key)) => return Ok(Some(key)),
                Some(Sifting::Endpoint) => self.own.endpoint = Some(self.members.next_value::<Address>()?.0),
                Some(Sifting::Profile) => self.own.profile = Some(self.members.next_value()?),
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.members.next_value_seed(seed)
    }
}

struct Address(Endpoint);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

enum Sifting<V> {
    Setting(V),
    Endpoint,
    Profile,
}

struct Key<'a, K> {
    seed: &'a mut Option<K>,
    settings: &'a mut Vec<String>,
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, K> {
    type Value = Sifting<K::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de, K: DeserializeSeed<'de>> Visitor<'de> for Key<'_, K> {
    type Value = Sifting<K::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        match name {
            "endpoint" => Ok(Sifting::Endpoint),
            "profile" => Ok(Sifting::Profile),
            _ if !KEYS.contains(&name) => Err(E::unknown_field(name, &KEYS)),
            _ => {
                self.settings.push(name.to_owned());
                let seed = self.seed.take().expect("each key that is a setting ends the search");
                seed.deserialize(StrDeserializer::new(name)).map(Sifting::Setting)
            }
        }
    }
}
