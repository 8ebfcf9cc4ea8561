//! The tags that a cohort's nodes carry: the same on all, drawn by weight, or by
//! a node's index.

use std::borrow::Cow;
use std::fmt;

use shared::seed::Draw;
use shared::wire::Tag;

use crate::mix::Mix;

/// What stands for the node's index in a value.
const INDEX: &str = "{index}";

/// A tag of a cohort's nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRule {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: TagValue,
}

/// The value of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagValue {
    /// This text, in which `{index}` is the node's index in its cohort.
    Text(String),
    /// One of these texts, by weight.
    Weighted(Mix<String>),
    /// These texts in turn, by the node's index.
    InTurn(Vec<String>),
}

impl fmt::Display for TagValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Weighted(mix) => {
                let texts: Vec<_> = mix.values().map(String::as_str).collect();
                write!(f, "{} by weight", texts.join(", "))
            }
            Self::InTurn(texts) => write!(f, "{} in turn", texts.join(", ")),
        }
    }
}

impl TagRule {
    /// Whether all nodes have the same value.
    pub fn is_fixed(&self) -> bool {
        matches!(&self.value, TagValue::Text(text) if !text.contains(INDEX))
    }

    /// The tag of the node of these draws and this index.
    pub fn of(&self, draw: Draw, index: u32) -> Tag {
        let value: Cow<'_, str> = match &self.value {
            TagValue::Text(text) if text.contains(INDEX) => text.replace(INDEX, &index.to_string()).into(),
            TagValue::Text(text) => text.into(),
            TagValue::Weighted(mix) => mix.of(draw, &self.key).into(),
            TagValue::InTurn(texts) => {
                texts.get(index as usize % texts.len().max(1)).map_or("".into(), Into::into)
            }
        };
        Tag { key: self.key.clone(), value: value.into_owned() }
    }

    /// Whether a node of the cohort may have this value.
    pub fn may_be(&self, value: &str) -> bool {
        match &self.value {
            TagValue::Text(text) => match text.split_once(INDEX) {
                Some((before, after)) => value.starts_with(before) && value.ends_with(after),
                None => text == value,
            },
            TagValue::Weighted(mix) => mix.values().any(|known| known == value),
            TagValue::InTurn(texts) => texts.iter().any(|known| known == value),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::seed::Seed;

    use super::*;

    #[test]
    fn a_tag_is_fixed_or_by_index_or_by_weight() {
        let rule = |value| TagRule { key: "Ring".into(), value };
        let draw = Seed(1).draw("web", 7);
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let weighted = Mix::new([(0, "a".to_owned()), (3, "b".to_owned())]).unwrap();
        let cases = [
            (rule(TagValue::Text("early".into())), "early", true),
            (rule(TagValue::Text("web-{index}".into())), "web-7", false),
            (rule(TagValue::InTurn(texts(&["x", "y", "z"]))), "y", false),
            (rule(TagValue::Weighted(weighted)), "b", false),
        ];
        for (rule, expected, is_fixed) in cases {
            assert_eq!(rule.of(draw, 7), Tag { key: "Ring".into(), value: expected.into() });
            assert!(rule.may_be(expected) && !rule.may_be("other"), "{rule:?}");
            assert_eq!(rule.is_fixed(), is_fixed);
        }
    }
}
