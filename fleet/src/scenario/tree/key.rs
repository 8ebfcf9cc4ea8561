//! The name of a key or a choice, as types read it.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Problem;

/// A name.
pub(super) struct Name<'de> {
    pub(super) text: &'de str,
    /// Set if who reads it takes it for one of several choices.
    pub(super) is_choice: &'de Cell<bool>,
}

/// What a visitor waits for, in its own words.
struct Awaited<'a, V>(&'a V);

impl<'de, V: Visitor<'de>> fmt::Display for Awaited<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}

impl<'de> Deserializer<'de> for Name<'de> {
    type Error = Problem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        // A choice may reach its type through a map, so only its name tells; the words are serde's.
        if Awaited(&visitor).to_string() == "variant identifier" {
            self.is_choice.set(true);
        }
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum ignored_any
    }
}
