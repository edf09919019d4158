//! The encoder's file.
//!
//! | part | bytes |
//! |---|---|
//! | magic `CTRENCOD`, format version (u32), zero (u32), length of the JSON (u64) | 24 |
//! | JSON: schema, columns, source, each table with the number and text bytes of its fitted values | as said |
//! | for each table: the end of each value's text (u64), then the text | as said in the JSON |
//! | BLAKE3 of everything before | 32 |
//!
//! Integers are little-endian; values stand in the order of their ids.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::encoder::{Column, Encoder};
use super::ids::Ids;
use super::vocabulary::Vocabulary;
use crate::atomic_file;
use crate::config::{HashConfig, SourceConfig};
use crate::error::{DataError, hex};
use crate::schema::{CategoricalField, Schema};

/// The encoder's file name within a folder.
pub(crate) const FILE_NAME: &str = "encoder.bin";

const MAGIC: &[u8; 8] = b"CTRENCOD";
pub(crate) const FORMAT_VERSION: u32 = 2;
const PREFIX: usize = 24;
const DIGEST: usize = 32;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    schema: Schema,
    columns: Vec<Column>,
    source: SourceConfig,
    tables: Vec<Table>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    /// Where ids are hashed; there are no fitted values then.
    hash: Option<HashConfig>,
    values: usize,
    text_bytes: usize,
}

impl Encoder {
    /// Writes `encoder.bin` into a folder, atomically: one file that holds all that [`Encoder::encode_file`] needs.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn save(&self, dir: &Path) -> Result<(), DataError> {
        let path = dir.join(FILE_NAME);
        atomic_file::write(&path, &self.to_bytes(&path)?)
    }

    /// Reads what [`Encoder::save`] wrote into a folder.
    ///
    /// # Errors
    /// [`DataError::Io`]; [`DataError::Damaged`] if the file is not whole or of another version.
    pub fn load(dir: &Path) -> Result<Self, DataError> {
        let path = dir.join(FILE_NAME);
        let bytes = fs::read(&path).map_err(|cause| DataError::io("read", &path, cause))?;
        Self::from_bytes(&path, &bytes)
    }

    pub(crate) fn to_bytes(&self, path: &Path) -> Result<Vec<u8>, DataError> {
        let tables = self.tables.iter().map(|(name, ids)| Table {
            name: name.clone(),
            hash: match ids {
                Ids::Fitted(_) => None,
                Ids::Hashed(hash) => Some(*hash),
            },
            values: ids.values().count(),
            text_bytes: ids.values().map(str::len).sum(),
        });
        let description = Description {
            schema: self.schema.clone(),
            columns: self.columns.clone(),
            source: self.source.clone(),
            tables: tables.collect(),
        };
        let json = serde_json::to_vec(&description).map_err(|cause| DataError::io("write", path, cause.into()))?;
        let mut bytes = Vec::new();
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(json.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&json);
        for (_, ids) in &self.tables {
            let mut end = 0_u64;
            for value in ids.values() {
                end += value.len() as u64;
                bytes.extend_from_slice(&end.to_le_bytes());
            }
            for value in ids.values() {
                bytes.extend_from_slice(value.as_bytes());
            }
        }
        bytes.extend_from_slice(blake3::hash(&bytes).as_bytes());
        Ok(bytes)
    }

    pub(crate) fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self, DataError> {
        let mut reader = Reader { path, rest: checked(path, bytes)? };
        let length = reader.length()?;
        let json = reader.take(length, "description")?;
        let description: Description =
            serde_json::from_slice(json).map_err(|cause| reader.damaged("description", cause.to_string()))?;
        let mut tables = Vec::with_capacity(description.tables.len());
        for table in &description.tables {
            let vocabulary = reader.vocabulary(table)?;
            let ids = table.hash.map_or(Ids::Fitted(vocabulary), Ids::Hashed);
            tables.push((table.name.clone(), ids));
        }
        if !reader.rest.is_empty() {
            return Err(reader.damaged("end", format!("{} more bytes", reader.rest.len())));
        }
        let Description { schema, columns, source, .. } = description;
        let used: Vec<usize> = columns
            .iter()
            .filter_map(|column| match column {
                Column::Categorical { table, .. } => Some(*table),
                Column::Numeric => None,
            })
            .collect();
        let fits = |(field, table): (&CategoricalField, &usize)| {
            tables.get(*table).is_some_and(|(name, ids)| *name == field.table && ids.cardinality() == field.cardinality)
        };
        let agree = used.len() == schema.categorical.len()
            && columns.len() - used.len() == schema.numeric.len()
            && tables.iter().all(|(_, ids)| !matches!(ids, Ids::Hashed(HashConfig { buckets: 0, .. })))
            && schema.categorical.iter().zip(&used).all(fits);
        if !agree {
            return Err(DataError::damaged(path, "description", "fields that do not agree", "the table of each field"));
        }
        Ok(Self::new(schema, tables, columns, source))
    }
}

/// The bytes between the version and the digest, once both are right.
fn checked<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a [u8], DataError> {
    if bytes.len() < PREFIX + DIGEST {
        return Err(DataError::damaged(path, "length in bytes", bytes.len(), format!("at least {}", PREFIX + DIGEST)));
    }
    if bytes[..8] != *MAGIC {
        return Err(DataError::damaged(path, "magic", bytes[..8].escape_ascii(), "CTRENCOD, an encoder"));
    }
    let version = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
    if version != FORMAT_VERSION {
        return Err(DataError::damaged(path, "format version", version, FORMAT_VERSION));
    }
    let (content, stored) = bytes.split_at(bytes.len() - DIGEST);
    let digest = blake3::hash(content);
    if digest.as_bytes() != stored {
        return Err(DataError::damaged(path, "BLAKE3 digest", digest.to_hex(), hex(stored)));
    }
    Ok(&content[16..])
}

struct Reader<'a> {
    path: &'a Path,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn damaged(&self, part: &'static str, found: String) -> DataError {
        DataError::Damaged { path: PathBuf::from(self.path), part, found, expected: "what `save` wrote".to_owned() }
    }

    fn take(&mut self, length: usize, part: &'static str) -> Result<&'a [u8], DataError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.damaged(part, format!("{} of {length} bytes", self.rest.len())));
        };
        self.rest = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<usize, DataError> {
        let bytes: [u8; 8] =
            self.take(8, "length")?.try_into().map_err(|_| self.damaged("length", "cut".to_owned()))?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| self.damaged("length", "too large a number".to_owned()))
    }

    fn vocabulary(&mut self, extent: &Table) -> Result<Vocabulary, DataError> {
        let ends_bytes =
            extent.values.checked_mul(8).ok_or_else(|| self.damaged("vocabulary", "too large".to_owned()))?;
        let ends = self.take(ends_bytes, "vocabulary")?;
        let text = self.take(extent.text_bytes, "vocabulary")?;
        let text = std::str::from_utf8(text).map_err(|cause| self.damaged("vocabulary", cause.to_string()))?;
        let mut start = 0;
        let mut values = Vec::with_capacity(extent.values);
        for end in ends.as_chunks::<8>().0 {
            let end = u64::from_le_bytes(*end) as usize;
            let value = text.get(start..end).ok_or_else(|| self.damaged("vocabulary", format!("an end at {end}")))?;
            values.push(value);
            start = end;
        }
        Vocabulary::from_values(values)
            .ok_or_else(|| self.damaged("vocabulary", "a value that occurs twice".to_owned()))
    }
}
