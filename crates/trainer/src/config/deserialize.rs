//! From the tree to a type, with faults that keep their way through the tree.
//!
//! Any `Deserialize` type gets the same treatment; the faults are structured, not texts to be taken apart again.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Expected, IntoDeserializer, Unexpected, Visitor};

use super::document::{Entry, Node, Segment, Value, key_path};
use super::error::{ConfigError, Known};

/// Reads a `T` out of the tree.
pub(super) fn deserialize<T: DeserializeOwned>(root: &Node) -> Result<T, ConfigError> {
    T::deserialize(NodeDeserializer(root)).map_err(|fault| locate::<T>(root, fault).into_error(root))
}

/// What serde found wrong, and the way to the node where it did.
#[derive(Clone, Debug)]
struct Fault {
    /// Innermost first while it travels up.
    path: Vec<Segment>,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownName { name: String, known: &'static [&'static str] },
    MissingKey { key: &'static str },
    WrongType { expected: String },
    WrongValue { expected: String },
    Rejected { reason: String },
}

impl Fault {
    fn new(reason: Reason) -> Self {
        Self { path: Vec::new(), reason }
    }

    fn below(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }

    fn into_error(self, root: &Node) -> ConfigError {
        let mut path = self.path;
        let value = root.get(&path).map_or_else(String::new, |node| node.value.to_string());
        let key = key_path(&path);
        let origin = root.origin(&path).clone();
        match self.reason {
            Reason::UnknownKey { key, known } => {
                let known = Box::new(Known::new(&key, known.iter().copied()));
                path.push(Segment::Key(key));
                ConfigError::UnknownKey { origin: root.key_origin(&path).clone(), key: key_path(&path), known }
            }
            Reason::UnknownName { name, known } => ConfigError::UnknownName {
                origin,
                key,
                value,
                known: Box::new(Known::new(&name, known.iter().copied())),
            },
            Reason::MissingKey { key } => {
                path.push(Segment::from(key));
                ConfigError::MissingKey { origin, key: key_path(&path) }
            }
            Reason::WrongType { expected } => ConfigError::WrongType { origin, key, value, expected },
            Reason::WrongValue { expected } => ConfigError::Invalid { origin, key, value, expected },
            Reason::Rejected { reason } => ConfigError::Rejected { origin, key, value, reason },
        }
    }
}

/// Serde reads an enum that is told apart by a key into a buffer first and loses the way below it. The way is found
/// again by leaving keys out: without the culprit the fault is another one, or none.
fn locate<T: DeserializeOwned>(root: &Node, mut fault: Fault) -> Fault {
    fault.path.reverse();
    if matches!(fault.reason, Reason::MissingKey { .. }) {
        return fault;
    }
    let blames = |candidate: &[Segment]| {
        let mut without = root.clone();
        without.remove(candidate);
        T::deserialize(NodeDeserializer(&without)).err().is_none_or(|other| other.reason != fault.reason)
    };
    let mut path = fault.path.clone();
    while let Some(node) = root.get(&path) {
        let culprit =
            node.children().into_iter().map(|child| [path.as_slice(), &[child]].concat()).find(|way| blames(way));
        let Some(way) = culprit else { break };
        path = way;
    }
    if let (Reason::UnknownKey { key, .. }, Some(Segment::Key(last))) = (&fault.reason, path.last())
        && key == last
    {
        path.pop();
    }
    Fault { path, ..fault }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.reason)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Reason::Rejected { reason: message.to_string() })
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Reason::WrongType { expected: in_words(&expected.to_string()) })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Reason::WrongValue { expected: in_words(&expected.to_string()) })
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Reason::UnknownName { name: variant.to_owned(), known: expected })
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(Reason::UnknownKey { key: field.to_owned(), known: expected })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Reason::MissingKey { key: field })
    }
}

/// Serde also builds structs and tagged enums from sequences, by position; a config names its keys.
fn expects_table(expected: &dyn Expected) -> bool {
    in_words(&expected.to_string()) == "a table"
}

/// What serde calls a type, in the words of a config.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number ≥ 0",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a string",
        "string or map" => "a name in quotes",
        "a sequence" => "an array",
        "a map" => "a table",
        other if other.starts_with("struct ") || other.starts_with("internally tagged enum ") => "a table",
        other => other,
    }
    .to_owned()
}

struct NodeDeserializer<'a>(&'a Node);

impl<'de> de::Deserializer<'de> for NodeDeserializer<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::Array(_) if expects_table(&visitor) => Err(de::Error::invalid_type(Unexpected::Seq, &visitor)),
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(integer) => visitor.visit_i64(*integer),
            Value::Float(float) => visitor.visit_f64(*float),
            Value::Boolean(boolean) => visitor.visit_bool(*boolean),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate() }),
            Value::Table(table) => visitor.visit_map(Entries { entries: table.iter(), current: None }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match &self.0.value {
            Value::String(text) => visitor.visit_enum(StrDeserializer::new(text)),
            Value::Table(table) if table.len() == 1 => {
                let entries = Entries { entries: table.iter(), current: None };
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            _ => Err(Fault::new(Reason::WrongType { expected: format!("one of \"{}\"", variants.join("\", \"")) })),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Node>>,
}

impl<'de> de::SeqAccess<'de> for Items<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some((index, item)) = self.items.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer(item)).map(Some).map_err(|fault| fault.below(Segment::Index(index)))
    }
}

struct Entries<'a> {
    entries: std::collections::btree_map::Iter<'a, String, Entry>,
    current: Option<(&'a str, &'a Node)>,
}

impl<'de> de::MapAccess<'de> for Entries<'_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, entry)) = self.entries.next() else { return Ok(None) };
        self.current = Some((key, &entry.node));
        seed.deserialize(key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, node)) = self.current.take() else {
            return Err(de::Error::custom("a value was asked for before its key"));
        };
        seed.deserialize(NodeDeserializer(node)).map_err(|fault| fault.below(Segment::from(key)))
    }
}
