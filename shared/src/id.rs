//! Names of things: nodes, associations, executions.
//!
//! Each is a small value of its own type, cheap to copy, and spelled on the
//! wire exactly as the service spells it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The longest node id, `mi-` and 17 characters.
const LONGEST: usize = 20;

/// The id of a managed node: `i-` with 8 or 17 characters (EC2), or `mi-` with
/// 17 (hybrid). Pattern from the API reference: `(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    text: [u8; LONGEST],
    length: u8,
}

/// A text that is no node id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no node id: expected i- with 8 or 17 characters, or mi- with 17")]
pub struct InvalidNodeId(pub String);

impl NodeId {
    /// The EC2 form, `i-` and 17 hexadecimal digits, made from 68 bits of `bits`.
    pub fn ec2(bits: u128) -> Self {
        Self::from_bits("i-", bits)
    }

    /// The hybrid form, `mi-` and 17 hexadecimal digits, made from 68 bits of `bits`.
    pub fn hybrid(bits: u128) -> Self {
        Self::from_bits("mi-", bits)
    }

    fn from_bits(prefix: &str, bits: u128) -> Self {
        let digits = format!("{prefix}{:017x}", bits & ((1 << 68) - 1));
        digits.parse().expect("a prefix and 17 hexadecimal digits are a node id")
    }

    /// The id as it is spelled on the wire.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..usize::from(self.length)]).expect("only ASCII is admitted")
    }

    /// Whether this is a hybrid node's id (`mi-`).
    pub fn is_hybrid(&self) -> bool {
        self.text[0] == b'm'
    }
}

impl FromStr for NodeId {
    type Err = InvalidNodeId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lengths: &[usize] = match text.split_once('-') {
            Some(("i", _)) => &[8, 17],
            Some(("mi", _)) => &[17],
            _ => &[],
        };
        let tail = text.split_once('-').map_or("", |(_, tail)| tail);
        let is_word = tail.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !is_word || !lengths.contains(&tail.len()) {
            return Err(InvalidNodeId(text.chars().take(64).collect()));
        }
        let mut bytes = [0; LONGEST];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { text: bytes, length: text.len() as u8 })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for NodeId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A UUID of version 4's form, made from `bits`, which the caller drew.
pub fn uuid_text(bits: u128) -> String {
    uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().hyphenated().to_string()
}

/// A text that is no UUID in its hyphenated form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no id of the form 8-4-4-4-12 hexadecimal digits")]
pub struct InvalidUuid(pub String);

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// An id of version 4's form, made from `bits`, which the caller drew.
            pub fn from_bits(bits: u128) -> Self {
                Self(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
            }
        }

        impl FromStr for $name {
            type Err = InvalidUuid;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let wrong = || InvalidUuid(text.chars().take(64).collect());
                if text.len() != 36 {
                    return Err(wrong());
                }
                Uuid::try_parse(text).map(Self).map_err(|_| wrong())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut buffer = Uuid::encode_buffer();
                serializer.serialize_str(self.0.hyphenated().encode_lower(&mut buffer))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    };
}

uuid_id! {
    /// The id of an activation, a UUID.
    ActivationId
}
uuid_id! {
    /// The id of an association, a UUID.
    AssociationId
}
uuid_id! {
    /// The id of one execution (one dispatch) of an association, a UUID.
    ExecutionId
}

uuid_id! {
    /// The id of an automation execution, a UUID.
    AutomationId
}
uuid_id! {
    /// The id of a command of Run Command, a UUID.
    CommandId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_id_has_one_of_three_forms() {
        for text in ["i-01234567", "i-0123456789abcdef0", "mi-0123456789abcdef0", "i-_ABCdef9"] {
            assert_eq!(text.parse::<NodeId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "i-",
            "i-123",
            "mi-01234567",
            "x-01234567",
            "i-0123456!",
            "i-é123456",
            "i-0123456789abcdef01",
        ] {
            assert!(text.parse::<NodeId>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_keep_their_spelling_on_the_wire() {
        let id = NodeId::hybrid(0xabc);
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"mi-00000000000000abc\"");
        assert!(id.is_hybrid() && !NodeId::ec2(1).is_hybrid());
        let association = AssociationId::from_bits(7);
        let text = serde_json::to_string(&association).unwrap();
        assert_eq!(serde_json::from_str::<AssociationId>(&text).unwrap(), association);
        assert!("{0123}".parse::<AssociationId>().is_err());
    }
}
