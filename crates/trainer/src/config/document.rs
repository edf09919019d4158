//! A config file as a tree whose every key and value remembers where it comes from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{ConfigError, Origin};

/// A value with its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// A TOML value. Numbers are finite; there are no dates.
#[derive(Clone, Debug)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Array(Vec<Node>),
    Table(Table),
}

/// The entries of a table, in the order of their keys.
pub(super) type Table = BTreeMap<String, Entry>;

/// A key's place, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key_origin: Origin,
    pub(super) node: Node,
}

/// One step of the way from the root to a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Key(String),
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

/// The way as it is written in messages: `data.dataset.fields[2].name`.
pub(super) fn key_path(segments: &[Segment]) -> String {
    let mut text = String::new();
    for segment in segments {
        match segment {
            Segment::Index(index) => text.extend(["[", &index.to_string(), "]"]),
            Segment::Key(key) => {
                let dot = if text.is_empty() { "" } else { "." };
                let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                let key = if bare { key.clone() } else { format!("{key:?}") };
                text.extend([dot, &key]);
            }
        }
    }
    text
}

impl Node {
    /// Parses the text of the file `path`.
    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self, ConfigError> {
        let place = Place::new(path, text);
        let text = std::str::from_utf8(text).map_err(|error| ConfigError::Syntax {
            origin: place.origin(error.valid_up_to()),
            reason: format!("the byte 0x{:02x} is not UTF-8", text[error.valid_up_to()]),
        })?;
        let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
            origin: place.origin(error.span().map_or(0, |span| span.start)),
            reason: error.message().trim_end().replace('\n', ", "),
        })?;
        let origin = place.origin(0);
        let value = convert_table(table.get_ref(), &mut Vec::new(), &|offset| place.origin(offset))?;
        Ok(Self { value: Value::Table(value), origin })
    }

    /// The value of an option: TOML where it is TOML, else the text itself.
    pub(super) fn from_option(text: &str, segments: &[Segment], origin: &Origin) -> Result<Self, ConfigError> {
        match DeValue::parse(text) {
            Err(_) => Ok(Self { value: Value::String(text.to_owned()), origin: origin.clone() }),
            Ok(value) => convert(&value, &mut segments.to_vec(), &|_| origin.clone()),
        }
    }

    /// The node at the end of the way, if it exists.
    pub(super) fn get(&self, segments: &[Segment]) -> Option<&Self> {
        segments.iter().try_fold(self, |node, segment| match (&node.value, segment) {
            (Value::Table(table), Segment::Key(key)) => table.get(key).map(|entry| &entry.node),
            (Value::Array(items), Segment::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, segments: &[Segment]) -> Option<&mut Self> {
        segments.iter().try_fold(self, |node, segment| match (&mut node.value, segment) {
            (Value::Table(table), Segment::Key(key)) => table.get_mut(key).map(|entry| &mut entry.node),
            (Value::Array(items), Segment::Index(index)) => items.get_mut(*index),
            _ => None,
        })
    }

    /// Takes the node at the end of the way out of the tree.
    pub(super) fn remove(&mut self, segments: &[Segment]) -> Option<Self> {
        let (last, parents) = segments.split_last()?;
        match (&mut self.get_mut(parents)?.value, last) {
            (Value::Table(table), Segment::Key(key)) => table.remove(key).map(|entry| entry.node),
            (Value::Array(items), Segment::Index(index)) if *index < items.len() => Some(items.remove(*index)),
            _ => None,
        }
    }

    /// The steps to the children.
    pub(super) fn children(&self) -> Vec<Segment> {
        match &self.value {
            Value::Table(table) => table.keys().map(|key| Segment::Key(key.clone())).collect(),
            Value::Array(items) => (0..items.len()).map(Segment::Index).collect(),
            _ => Vec::new(),
        }
    }

    /// Where the key at the end of the way stands; the place of the nearest parent when it is absent.
    pub(super) fn key_origin(&self, segments: &[Segment]) -> &Origin {
        let Some((last, parents)) = segments.split_last() else { return &self.origin };
        match (self.get(parents), last) {
            (Some(Self { value: Value::Table(table), .. }), Segment::Key(key)) if table.contains_key(key) => {
                &table[key].key_origin
            }
            (Some(Self { value: Value::Array(items), .. }), Segment::Index(index)) if *index < items.len() => {
                &items[*index].origin
            }
            _ => self.key_origin(parents),
        }
    }

    /// Where the value at the end of the way stands; the place of the nearest parent when it is absent.
    pub(super) fn origin(&self, segments: &[Segment]) -> &Origin {
        self.get(segments).map_or_else(|| self.key_origin(segments), |node| &node.origin)
    }

    /// Puts `node` at the end of the way, with tables on it where there are none.
    pub(super) fn set(&mut self, keys: &[String], node: Self) -> Result<(), ConfigError> {
        let Some((last, parents)) = keys.split_last() else { return Ok(()) };
        let mut table = self.table_at(keys, 0, &node.origin)?;
        for (depth, key) in parents.iter().enumerate() {
            let empty = Self { value: Value::Table(Table::new()), origin: node.origin.clone() };
            let entry = Entry { key_origin: node.origin.clone(), node: empty };
            let child = &mut table.entry(key.clone()).or_insert(entry).node;
            table = child.table_at(keys, depth + 1, &node.origin)?;
        }
        table.insert(last.clone(), Entry { key_origin: node.origin.clone(), node });
        Ok(())
    }

    /// The table of this node, which `keys[..depth]` lead to.
    fn table_at(&mut self, keys: &[String], depth: usize, origin: &Origin) -> Result<&mut Table, ConfigError> {
        match &mut self.value {
            Value::Table(table) => Ok(table),
            other => {
                let segments: Vec<Segment> = keys[..depth].iter().map(|key| Segment::Key(key.clone())).collect();
                let expected = format!("a table, because the key `{}` below it is to be set", keys[depth]);
                let (key, value) = (key_path(&segments), other.to_string());
                Err(ConfigError::WrongType { origin: origin.clone(), key, value, expected })
            }
        }
    }
}

/// A file's text, to turn byte offsets into lines and columns.
struct Place<'a> {
    path: Arc<Path>,
    text: &'a [u8],
    /// Offset of the first byte of each line.
    lines: Vec<usize>,
}

impl<'a> Place<'a> {
    fn new(path: &Path, text: &'a [u8]) -> Self {
        let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { path: Arc::from(path), text, lines }
    }

    fn origin(&self, offset: usize) -> Origin {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|start| *start <= offset);
        let column = String::from_utf8_lossy(&self.text[self.lines[line - 1]..offset]).chars().count() + 1;
        Origin::File { path: self.path.clone(), line: line as u32, column: column as u32 }
    }
}

type OriginOf<'a> = &'a dyn Fn(usize) -> Origin;

fn convert_table(table: &DeTable<'_>, path: &mut Vec<Segment>, at: OriginOf<'_>) -> Result<Table, ConfigError> {
    let mut entries = Table::new();
    for (key, value) in table {
        path.push(Segment::from(key.get_ref().as_ref()));
        let node = convert(value, path, at)?;
        path.pop();
        entries.insert(key.get_ref().to_string(), Entry { key_origin: at(key.span().start), node });
    }
    Ok(entries)
}

fn convert(value: &Spanned<DeValue<'_>>, path: &mut Vec<Segment>, at: OriginOf<'_>) -> Result<Node, ConfigError> {
    let origin = at(value.span().start);
    let out_of_range = |value: String, expected: &str| ConfigError::Invalid {
        origin: origin.clone(),
        key: key_path(path),
        value,
        expected: expected.to_owned(),
    };
    let value = match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => return Err(out_of_range(digits.to_string(), "a whole number from -2^63 to 2^63 - 1")),
        },
        DeValue::Float(digits) => match digits.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Value::Float(float),
            _ => return Err(out_of_range(digits.to_string(), "a finite number")),
        },
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(datetime) => {
            return Err(ConfigError::WrongType {
                origin,
                key: key_path(path),
                value: datetime.to_string(),
                expected: "a string, a number, true or false, an array or a table: no key takes a date".to_owned(),
            });
        }
        DeValue::Array(items) => {
            let mut nodes = Vec::with_capacity(items.len());
            for (index, item) in items.iter().enumerate() {
                path.push(Segment::Index(index));
                nodes.push(convert(item, path, at)?);
                path.pop();
            }
            Value::Array(nodes)
        }
        DeValue::Table(table) => Value::Table(convert_table(table, path, at)?),
    };
    Ok(Node { value, origin })
}

/// Long values are cut: a message is one line.
const SHOWN_CHARACTERS: usize = 80;

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::String(text) => format!("{text:?}"),
            Self::Integer(integer) => integer.to_string(),
            Self::Float(float) => format!("{float:?}"),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Array(items) => {
                format!("[{}]", items.iter().map(|item| item.value.to_string()).collect::<Vec<_>>().join(", "))
            }
            Self::Table(table) => {
                let entries = table.iter().map(|(key, entry)| format!("{key} = {}", entry.node.value));
                format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
            }
        };
        if text.chars().count() <= SHOWN_CHARACTERS {
            return formatter.write_str(&text);
        }
        write!(formatter, "{}…", text.chars().take(SHOWN_CHARACTERS).collect::<String>())
    }
}
