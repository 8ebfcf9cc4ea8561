//! Tags of a resource, and which nodes have which.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::error::{ApiError, ErrorCode};
use shared::id::NodeId;
use shared::wire::Tag;

use super::intern::Interner;

/// How many tags a resource may have (API reference: 50).
const MOST_TAGS: usize = 50;

/// The tags of one resource, by key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Tags(Vec<(Arc<str>, Arc<str>)>);

impl Tags {
    /// The tags that a new resource is given: no key twice, none of AWS's own (B.3 R34).
    pub(crate) fn of_new_resource(tags: &[Tag], texts: &mut Interner<str>) -> Result<Self, ApiError> {
        let mut own = Self::default();
        for tag in tags {
            if tag.key.to_ascii_lowercase().starts_with("aws:") {
                return Err(ApiError::new(
                    ErrorCode::InvalidTag,
                    format!("tag key `{}` is reserved: keys must not begin with aws:", tag.key),
                ));
            }
            if own.value(&tag.key).is_some() {
                return Err(ApiError::new(
                    ErrorCode::InvalidTag,
                    format!("tag key `{}` is given twice", tag.key),
                ));
            }
            own.set(texts.share(tag.key.as_str()), texts.share(tag.value.as_str()));
        }
        if own.0.len() > MOST_TAGS {
            return Err(ApiError::new(
                ErrorCode::InvalidTag,
                format!("a resource has at most {MOST_TAGS} tags"),
            ));
        }
        Ok(own)
    }

    /// These tags and those; a key that is here already gets the new value.
    pub(crate) fn with(&self, tags: &[Tag], texts: &mut Interner<str>) -> Result<Self, ApiError> {
        let mut all = self.clone();
        for tag in tags {
            if tag.key.to_ascii_lowercase().starts_with("aws:") {
                return Err(ApiError::new(
                    ErrorCode::ValidationException,
                    format!("tag key `{}` is reserved: keys must not begin with aws:", tag.key),
                ));
            }
            all.set(texts.share(tag.key.as_str()), texts.share(tag.value.as_str()));
        }
        if all.0.len() > MOST_TAGS {
            return Err(ApiError::new(
                ErrorCode::TooManyTagsError,
                format!("a resource has at most {MOST_TAGS} tags"),
            ));
        }
        Ok(all)
    }

    /// These tags without those of these keys.
    pub(crate) fn without(&self, keys: &[String]) -> Self {
        Self(self.0.iter().filter(|(key, _)| !keys.iter().any(|gone| **gone == **key)).cloned().collect())
    }

    fn set(&mut self, key: Arc<str>, value: Arc<str>) {
        match self.0.binary_search_by(|(known, _)| known.cmp(&key)) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => {
                // Most resources never get another tag: no room to spare.
                self.0.reserve_exact(1);
                self.0.insert(index, (key, value));
            }
        }
    }

    /// The same tags, with one copy of each word.
    pub(crate) fn shared(self, texts: &mut Interner<str>) -> Self {
        Self(self.0.into_iter().map(|(key, value)| (texts.share(key), texts.share(value))).collect())
    }

    /// The value under this key.
    pub(crate) fn value(&self, key: &str) -> Option<&Arc<str>> {
        let index = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        Some(&self.0[index].1)
    }

    /// Keys and values, by key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// As the wire has them, by key.
    pub(crate) fn to_wire(&self) -> Vec<Tag> {
        self.iter().map(|(key, value)| Tag { key: key.to_string(), value: value.to_string() }).collect()
    }
}

/// Which nodes have a tag of this key and value.
#[derive(Debug, Default)]
pub(crate) struct TagIndex {
    nodes: BTreeMap<Arc<str>, BTreeMap<Arc<str>, BTreeSet<NodeId>>>,
}

impl TagIndex {
    pub(crate) fn add(&mut self, node: NodeId, tags: &Tags) {
        for (key, value) in tags.iter() {
            let values = self.nodes.entry(Arc::clone(key)).or_default();
            values.entry(Arc::clone(value)).or_default().insert(node);
        }
    }

    pub(crate) fn remove(&mut self, node: NodeId, tags: &Tags) {
        for (key, value) in tags.iter() {
            let Some(values) = self.nodes.get_mut(key) else { continue };
            if let Some(nodes) = values.get_mut(value) {
                nodes.remove(&node);
                if nodes.is_empty() {
                    values.remove(value);
                }
            }
            if values.is_empty() {
                self.nodes.remove(key);
            }
        }
    }

    /// The nodes that have this key and value, by id.
    pub(crate) fn nodes(&self, key: &str, value: &str) -> Option<&BTreeSet<NodeId>> {
        self.nodes.get(key)?.get(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn a_new_resource_takes_no_key_twice_and_none_of_awss_own() {
        let mut texts = Interner::default();
        let cases = [
            (vec![tag("Env", "prod"), tag("Role", "web")], None),
            (vec![tag("Env", "prod"), tag("Env", "test")], Some(ErrorCode::InvalidTag)),
            (vec![tag("aws:x", "y")], Some(ErrorCode::InvalidTag)),
            (vec![tag("AWS:x", "y")], Some(ErrorCode::InvalidTag)),
        ];
        for (tags, expected) in cases {
            let result = Tags::of_new_resource(&tags, &mut texts);
            assert_eq!(result.err().map(|error| error.code), expected, "{tags:?}");
        }
    }

    #[test]
    fn tags_are_added_and_changed_up_to_fifty() {
        let mut texts = Interner::default();
        let many: Vec<Tag> = (0..50).map(|n| tag(&format!("k{n}"), "v")).collect();
        let tags = Tags::default().with(&many, &mut texts).unwrap();
        assert_eq!(tags.with(&[tag("more", "")], &mut texts).unwrap_err().code, ErrorCode::TooManyTagsError);
        let changed = tags.with(&[tag("k7", "w")], &mut texts).unwrap();
        assert_eq!(changed.value("k7").map(|value| &**value), Some("w"));
        assert_eq!(changed.to_wire().len(), 50);
    }

    #[test]
    fn the_index_forgets_what_it_is_told_to() {
        let mut texts = Interner::default();
        let tags = Tags::default().with(&[tag("Env", "prod")], &mut texts).unwrap();
        let mut index = TagIndex::default();
        index.add(NodeId::ec2(1), &tags);
        assert_eq!(index.nodes("Env", "prod").map(BTreeSet::len), Some(1));
        index.remove(NodeId::ec2(1), &tags);
        assert!(index.nodes("Env", "prod").is_none() && index.nodes.is_empty());
    }
}
