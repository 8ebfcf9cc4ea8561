//! How types read a tree.
//!
//! What is wrong is said in the words of who wrote it, with its place and the way
//! to it: each step out of a value adds itself to the error.

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::key::Name;
use super::scalar::{Plain, fraction, plain, whole};
use super::{Entry, Node, Problem, Step, Value};

/// What is said where a list is expected and keys and values stand.
pub(in crate::scenario) const KEYS_FOR_LIST: &str = "expected a list such as [a, b], not keys and values";

impl Node {
    /// What stands here, in words.
    fn words(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "keys and values".to_owned(),
            Value::Scalar { text, is_plain: true } if plain(text) == Plain::Nothing => "nothing".to_owned(),
            Value::Scalar { text, is_plain } => {
                let short: String = text.chars().take(64).collect();
                if *is_plain {
                    format!("`{short}`")
                } else {
                    format!("the text \"{}\"", short.escape_debug())
                }
            }
        }
    }

    fn expected(&self, what: &str) -> Problem {
        if matches!(&self.value, Value::Scalar { text, is_plain: true } if plain(text) == Plain::Nothing) {
            return Problem::wrong(format!("a value is missing: expected {what} after the colon"));
        }
        Problem::wrong(format!("expected {what}, not {}", self.words()))
    }

    /// The whole number here, within these bounds.
    fn whole(&self, least: i128, most: i128) -> Result<i128, Problem> {
        let number = match &self.value {
            Value::Scalar { text, is_plain: true } => whole(text),
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.expected(&format!("a whole number from {least} to {most}")))
    }

    fn entries(&self) -> Result<&[Entry], Problem> {
        match &self.value {
            Value::Map(entries) => Ok(entries),
            _ => Err(self.expected("keys and values such as `name: web`")),
        }
    }

    fn items(&self) -> Result<&[Self], Problem> {
        match &self.value {
            Value::List(items) => Ok(items),
            _ => Err(self.expected("a list such as [a, b]")),
        }
    }

    fn visit_entries<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Problem> {
        let mut members = Members { node: self, entries: self.entries()?, next: 0 };
        let value = visitor.visit_map(&mut members)?;
        match members.entries.len() - members.next {
            0 => Ok(value),
            _ => Err(self.expected("one choice by its name")),
        }
    }

    fn visit_items<'de, V: Visitor<'de>>(&'de self, visitor: V) -> Result<V::Value, Problem> {
        let items = self.items()?;
        let mut members = Items { items, next: 0 };
        let value = visitor.visit_seq(&mut members)?;
        if members.next < items.len() {
            let (all, taken) = (items.len(), members.next);
            return Err(Problem::wrong(format!("the list has {all} in it: expected {taken}")));
        }
        Ok(value)
    }
}

macro_rules! whole_numbers {
    ($($method:ident $number:ident $visit:ident $wide:ident),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            let number = self.whole($number::MIN.into(), $number::MAX.into())?;
            visitor.$visit($wide::try_from(number).expect("it lies within the bounds"))
        }
    )*};
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = Problem;

    whole_numbers! {
        deserialize_u8 u8 visit_u64 u64, deserialize_u16 u16 visit_u64 u64,
        deserialize_u32 u32 visit_u64 u64, deserialize_u64 u64 visit_u64 u64,
        deserialize_i8 i8 visit_i64 i64, deserialize_i16 i16 visit_i64 i64,
        deserialize_i32 i32 visit_i64 i64, deserialize_i64 i64 visit_i64 i64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let (text, is_plain) = match &self.value {
            Value::List(_) => return self.visit_items(visitor),
            Value::Map(_) => return self.visit_entries(visitor),
            Value::Scalar { text, is_plain } => (text, *is_plain),
        };
        match plain(text) {
            _ if !is_plain => visitor.visit_borrowed_str(text),
            Plain::Text => visitor.visit_borrowed_str(text),
            Plain::Nothing => visitor.visit_unit(),
            Plain::Truth(truth) => visitor.visit_bool(truth),
            Plain::Fraction(number) => visitor.visit_f64(number),
            Plain::Whole(number) => match (u64::try_from(number), i64::try_from(number)) {
                (Ok(number), _) => visitor.visit_u64(number),
                (_, Ok(number)) => visitor.visit_i64(number),
                _ => Err(self.expected("a number of at most 64 bits")),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Scalar { text, is_plain: true } if let Plain::Truth(truth) = plain(text) => {
                visitor.visit_bool(truth)
            }
            _ => Err(self.expected("true or false")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        let number = match &self.value {
            Value::Scalar { text, is_plain: true } => {
                whole(text).map(|n| n as f64).or_else(|| fraction(text))
            }
            _ => None,
        };
        visitor.visit_f64(number.ok_or_else(|| self.expected("a number such as 1.5"))?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_borrowed_str(self.text().ok_or_else(|| self.expected("a text"))?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Scalar { text, is_plain: true } if plain(text) == Plain::Nothing => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Scalar { text, is_plain: true } if plain(text) == Plain::Nothing => visitor.visit_unit(),
            _ => Err(self.expected("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.visit_items(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Problem> {
        self.visit_items(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.visit_items(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        self.visit_entries(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.visit_entries(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        match &self.value {
            Value::Scalar { .. } if self.text().is_some() => {
                visitor.visit_enum(Choice { node: self, entry: None })
            }
            Value::Map(entries) if entries.len() == 1 => {
                visitor.visit_enum(Choice { node: self, entry: entries.first() })
            }
            _ => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                Err(self.expected(&format!("one choice by its name, of {}", names.join(", "))))
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_unit()
    }
}

struct Members<'de> {
    node: &'de Node,
    entries: &'de [Entry],
    next: usize,
}

impl<'de> MapAccess<'de> for &mut Members<'de> {
    type Error = Problem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Problem> {
        let Some(entry) = self.entries.get(self.next) else { return Ok(None) };
        let name = Name { text: &entry.key, is_choice: &self.node.is_choice };
        let step = Step::Key { index: self.next, key: entry.key.clone() };
        self.next += 1;
        seed.deserialize(name).map(Some).map_err(|problem| problem.here(&entry.place).within(step))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Problem> {
        let index = self.next - 1;
        let entry = &self.entries[index];
        let step = Step::Key { index, key: entry.key.clone() };
        seed.deserialize(&entry.node).map_err(|problem| problem.here(&entry.node.place).within(step))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len() - self.next)
    }
}

struct Items<'de> {
    items: &'de [Node],
    next: usize,
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = Problem;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Problem> {
        let Some(node) = self.items.get(self.next) else { return Ok(None) };
        let step = Step::Item { index: self.next, name: node.name().map(str::to_owned) };
        self.next += 1;
        seed.deserialize(node).map(Some).map_err(|problem| problem.here(&node.place).within(step))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

/// A choice by its name: alone, or with what belongs to it.
struct Choice<'de> {
    node: &'de Node,
    entry: Option<&'de Entry>,
}

impl<'de> Choice<'de> {
    /// The same error, one step further out if the choice has a value.
    fn place(&self, problem: Problem) -> Problem {
        match self.entry {
            None => problem.here(&self.node.place),
            Some(entry) => {
                problem.here(&entry.node.place).within(Step::Key { index: 0, key: entry.key.clone() })
            }
        }
    }

    /// What belongs to the choice.
    fn content(&self) -> Result<&'de Node, Problem> {
        let entry = self.entry.ok_or_else(|| {
            let name = self.node.text().unwrap_or_default();
            Problem::wrong(format!("`{name}` needs a value: expected `{name}: …`"))
        });
        entry.map(|entry| &entry.node)
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Problem;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Problem> {
        let text = match self.entry {
            None => self.node.text().unwrap_or_default(),
            Some(entry) => &entry.key,
        };
        let name = Name { text, is_choice: &self.node.is_choice };
        let choice = seed.deserialize(name).map_err(|problem| match self.entry {
            None => problem,
            Some(entry) => problem.here(&entry.place).within(Step::Key { index: 0, key: entry.key.clone() }),
        })?;
        Ok((choice, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Problem;

    fn unit_variant(self) -> Result<(), Problem> {
        match self.entry {
            None => Ok(()),
            Some(entry)
                if entry.node.text().is_none() && matches!(entry.node.value, Value::Scalar { .. }) =>
            {
                Ok(())
            }
            Some(entry) => {
                let reason = format!("`{}` takes no value: expected its name alone", entry.key);
                Err(self.place(Problem::custom(reason)))
            }
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Problem> {
        seed.deserialize(self.content()?).map_err(|problem| self.place(problem))
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Problem> {
        self.content()?.deserialize_tuple(length, visitor).map_err(|problem| self.place(problem))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.content()?.deserialize_struct("", fields, visitor).map_err(|problem| self.place(problem))
    }
}
