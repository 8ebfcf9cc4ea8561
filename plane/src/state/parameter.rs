//! Parameter Store: stored texts, and who refers to them.
//!
//! A value of an association's parameter refers to a stored parameter as
//! `{{ssm:name}}`, or `{{ssm:name:2}}` for one version of it. The agent puts
//! the text there; the plane only has to know who must run again when it
//! changes. A reference to one version is to a text that never changes.

use serde::{Deserialize, Serialize};
use shared::wire::Parameters;

/// A stored parameter, in its present version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoredParameter {
    /// What kind of text it is.
    #[serde(rename = "type", default)]
    pub kind: StoredKind,
    /// Its text.
    pub value: String,
    /// Counts its changes; absent means one more than before, or the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// What kind of text a stored parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub enum StoredKind {
    /// A text.
    #[default]
    String,
    /// Texts with commas between.
    StringList,
    /// A secret, which agents refuse to put anywhere.
    SecureString,
}

impl StoredKind {
    /// The word of the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

/// A name, and the version that stands behind its colon.
pub(crate) fn split_version(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once(':').map_or((text, None), |(name, version)| (name, Some(version)))
}

/// Whether any value refers to the present text of this stored parameter.
pub(crate) fn refer_to(parameters: &Parameters, name: &str) -> bool {
    parameters.values().flatten().any(|value| references(value).any(|found| found == (name, None)))
}

/// The stored parameters that a text refers to, each with its version if it says one.
fn references(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    text.split("{{").skip(1).filter_map(|rest| {
        let (inside, _) = rest.split_once("}}")?;
        inside.trim().strip_prefix("ssm:").map(|reference| split_version(reference.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_refers_to_stored_parameters_by_name() {
        type References = &'static [(&'static str, Option<&'static str>)];
        let cases: [(&str, References); 5] = [
            ("{{ssm:a}}", &[("a", None)]),
            ("x {{ ssm:/a/b }} y {{ssm:c:2}}", &[("/a/b", None), ("c", Some("2"))]),
            ("{{ commands }} {{ssm:a", &[]),
            ("ssm:a", &[]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(references(text).collect::<Vec<_>>(), expected, "{text}");
        }
    }
}
