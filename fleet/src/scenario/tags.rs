//! What differs from node to node of a cohort, as a scenario writes it: the values
//! of its tags, the versions of its agents.

use std::fmt;

use agent::mix::Mix;
use agent::tags;
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

/// The value of a tag: a text, a list that nodes take in turn, or `weighted` texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagValue(pub tags::TagValue);

/// The version of a cohort's agents, or several by weight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions(pub Mix<String>);

impl<'de> Deserialize<'de> for TagValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TagWritten).map(Self)
    }
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VersionsWritten).map(Self)
    }
}

struct TagWritten;

impl<'de> Visitor<'de> for TagWritten {
    type Value = tags::TagValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a text (a number in quotes), a list of texts that nodes take in turn, or \
             `weighted: { canary: 1, broad: 9 }`",
        )
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<tags::TagValue, E> {
        Ok(tags::TagValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<tags::TagValue, A::Error> {
        let mut texts = Vec::new();
        while let Some(text) = items.next_element()? {
            texts.push(text);
        }
        if texts.is_empty() {
            return Err(de::Error::custom("a list of tag values needs at least one"));
        }
        Ok(tags::TagValue::InTurn(texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<tags::TagValue, A::Error> {
        match members.next_key::<String>()?.as_deref() {
            Some("weighted") => {}
            other => return Err(de::Error::unknown_field(other.unwrap_or_default(), &["weighted"])),
        }
        let Weights(mix) = members.next_value()?;
        match members.next_key::<String>()? {
            None => Ok(tags::TagValue::Weighted(mix)),
            Some(other) => Err(de::Error::unknown_field(&other, &["weighted"])),
        }
    }
}

struct VersionsWritten;

impl<'de> Visitor<'de> for VersionsWritten {
    type Value = Mix<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version such as 3.3.0.0, or several by weight such as { 3.3.0.0: 9, 3.2.2303.0: 1 }")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Mix<String>, E> {
        Ok(Mix::of_one(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Mix<String>, A::Error> {
        weights(members)
    }
}

/// Texts and their weights.
struct Weights(Mix<String>);

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl<'de> Visitor<'de> for Written {
            type Value = Mix<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("texts and their weights, such as { canary: 1, broad: 9 }")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Mix<String>, A::Error> {
                weights(members)
            }
        }
        deserializer.deserialize_any(Written).map(Self)
    }
}

/// In the order of their names, so that their order in the file changes nothing.
fn weights<'de, A: MapAccess<'de>>(mut members: A) -> Result<Mix<String>, A::Error> {
    let mut choices = std::collections::BTreeMap::new();
    while let Some((text, weight)) = members.next_entry::<String, u32>()? {
        choices.insert(text, weight);
    }
    Mix::new(choices.into_iter().map(|(text, weight)| (weight, text))).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_a_text_a_list_or_weighted() {
        let weighted = Mix::new([(9, "broad".to_owned()), (1, "canary".to_owned())]).unwrap();
        let cases = [
            ("prod", tags::TagValue::Text("prod".into())),
            ("\"1\"", tags::TagValue::Text("1".into())),
            ("[a, b]", tags::TagValue::InTurn(vec!["a".into(), "b".into()])),
            ("{ weighted: { canary: 1, broad: 9 } }", tags::TagValue::Weighted(weighted)),
        ];
        for (text, expected) in cases {
            assert_eq!(serde_saphyr::from_str::<TagValue>(text).unwrap(), TagValue(expected), "{text}");
        }
        for (text, expected) in [
            ("[]", "at least one"),
            ("{ weighed: { a: 1 } }", "weighed"),
            ("{ weighted: { a: 0 } }", "above 0"),
            ("{ weighted: [a] }", "weights"),
            ("{ weighted: { a: 1 }, other: 2 }", "other"),
        ] {
            let error = serde_saphyr::from_str::<TagValue>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn versions_are_one_or_several() {
        let read = |text: &str| serde_saphyr::from_str::<Versions>(text).map(|versions| versions.0);
        assert_eq!(read("3.3.0.0").unwrap(), Mix::of_one("3.3.0.0".to_owned()));
        let mixed = read("{ 3.3.0.0: 9, 3.2.2303.0: 1 }").unwrap();
        assert_eq!(mixed.values().collect::<Vec<_>>(), ["3.2.2303.0", "3.3.0.0"]);
        assert!(read("[3.3.0.0]").unwrap_err().to_string().contains("by weight"));
    }
}
