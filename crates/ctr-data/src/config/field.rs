//! What becomes of a column.

use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::table::{
    Dim, EmbeddingFieldConfig, HashConfig, MultiHotConfig, Pooling, PretrainedConfig, PretrainedFormat,
    QuotientRemainderConfig,
};
use super::transform::Transform;
use crate::error::DataError;

/// A column (or several that are treated alike), by type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FieldConfig {
    /// Values are names; they become ids.
    Categorical(CategoricalConfig),
    /// Values are numbers.
    Numeric(NumericConfig),
}

/// A categorical column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CategoricalConfig {
    /// `name = "user"`, or `name = ["user", "item"]` for several fields treated alike.
    #[serde(rename = "name", with = "one_or_many")]
    pub names: Vec<String>,
    /// Values seen fewer times than this among the training rows share the out-of-vocabulary id (default 1: all are kept).
    #[serde(default = "one")]
    pub min_count: u64,
    /// Only the so many most frequent values are kept, of those that `min_count` leaves; equal counts in the order of their bytes. The others
    /// share the out-of-vocabulary id. Default: all are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_k: Option<u64>,
    /// What an empty value means; of a multi-hot field, what an empty text means.
    #[serde(default)]
    pub missing: CategoricalMissing,
    /// Hash values instead of fitting a vocabulary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<HashConfig>,
    /// Name of the table: fields of one table share their vocabulary and their rows, and must agree in all that concerns them. Default: the
    /// field's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The text is a list of values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multi_hot: Option<MultiHotConfig>,
    /// What the table's rows are like.
    #[serde(default, skip_serializing_if = "is_default")]
    pub embedding: EmbeddingFieldConfig,
}

impl CategoricalConfig {
    /// Name of the table of a field.
    #[must_use]
    pub fn table_of<'a>(&'a self, field: &'a str) -> &'a str {
        self.table.as_deref().unwrap_or(field)
    }

    fn validate(&self) -> Result<(), DataError> {
        let key = |key: &str| format!("fields.{}.{key}", self.names.join("+"));
        if self.min_count == 0 {
            return Err(DataError::config(key("min_count"), self.min_count, "at least 1 (1 keeps every value)"));
        }
        if let Some(kept) = self.top_k {
            if !(1..=MOST_BUCKETS).contains(&kept) {
                return Err(DataError::config(key("top_k"), kept, format!("1 to {MOST_BUCKETS}")));
            }
            if self.hash.is_some() {
                return Err(DataError::config(key("top_k"), kept, "no such key: a hashed field counts no values"));
            }
        }
        if let Some(HashConfig { buckets, .. }) = self.hash {
            if !(1..=MOST_BUCKETS).contains(&buckets) {
                return Err(DataError::config(key("hash.buckets"), buckets, format!("1 to {MOST_BUCKETS}")));
            }
            if self.min_count != 1 {
                return Err(DataError::config(key("min_count"), self.min_count, "1: a hashed field counts no values"));
            }
        }
        if self.table.as_ref().is_some_and(|table| table.is_empty() || table.contains('.')) {
            return Err(DataError::config(key("table"), &self.table, "a name without dots"));
        }
        if let Some(list) = self.multi_hot {
            list.validate(&key)?;
        }
        self.embedding.validate(&key, self.multi_hot.is_some(), self.hash.is_some())
    }
}

/// One id stands for values out of the vocabulary, and ids are 32-bit.
const MOST_BUCKETS: u64 = u32::MAX as u64 - 1;

impl MultiHotConfig {
    fn validate(self, key: &impl Fn(&str) -> String) -> Result<(), DataError> {
        let free = |c: char| {
            c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '"' | '\r' | '\n' | '\0' | '.' | '-' | '+')
        };
        let expected =
            "one ASCII character other than a letter, a digit, a quote, a line end, NUL and those of a number";
        if !free(self.separator) {
            return Err(DataError::config(key("multi_hot.separator"), self.separator, expected));
        }
        let Some(weight) = self.weight_separator else { return Ok(()) };
        if !free(weight) || weight == self.separator {
            let expected = format!("{expected}, and not the separator");
            return Err(DataError::config(key("multi_hot.weight_separator"), weight, expected));
        }
        if self.pooling == Pooling::Max {
            return Err(DataError::config(
                key("multi_hot.pooling"),
                "max",
                "sum or mean: the largest element has no weight",
            ));
        }
        Ok(())
    }
}

impl EmbeddingFieldConfig {
    fn validate(&self, key: &impl Fn(&str) -> String, multi_hot: bool, hashed: bool) -> Result<(), DataError> {
        const WIDEST: usize = 1 << 20;
        if let Some(Dim::Fixed(width)) = self.dim
            && !(1..=WIDEST).contains(&width)
        {
            return Err(DataError::config(key("embedding.dim"), width, format!("\"auto\", or 1 to {WIDEST}")));
        }
        if let Some(QuotientRemainderConfig { buckets, .. }) = self.compress {
            if !(1..=MOST_BUCKETS).contains(&buckets) {
                return Err(DataError::config(
                    key("embedding.compress.buckets"),
                    buckets,
                    format!("1 to {MOST_BUCKETS}"),
                ));
            }
            if multi_hot {
                let expected = "no such table: a multi-hot field cannot be compressed; hash it into fewer buckets";
                return Err(DataError::config(key("embedding.compress"), "given", expected));
            }
        }
        if let Some(pretrained) = &self.pretrained {
            let PretrainedConfig { file, delimiter, tensor, values, blake3 } = pretrained;
            if file.as_os_str().is_empty() {
                let expected = "the path of a CSV, Parquet or safetensors file";
                return Err(DataError::config(key("embedding.pretrained.file"), file, expected));
            }
            let matrix = pretrained.format() == PretrainedFormat::Safetensors;
            for (name, given) in [("tensor", tensor.is_some()), ("values", values.is_some())] {
                if given && !matrix {
                    let expected = "no such key: it belongs to a file whose name ends in `.safetensors`";
                    return Err(DataError::config(key(&format!("embedding.pretrained.{name}")), "given", expected));
                }
            }
            if matrix && values.as_ref().is_none_or(|values| values.as_os_str().is_empty()) {
                let expected = "the path of a text file with the value of each row of the matrix, one a line";
                return Err(DataError::config(key("embedding.pretrained.values"), "absent", expected));
            }
            if let Some(digest) = blake3
                && (digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()))
            {
                let expected = "64 hexadecimal digits, the BLAKE3 digest of the file";
                return Err(DataError::config(key("embedding.pretrained.blake3"), digest, expected));
            }
            if !delimiter.is_ascii() || matches!(delimiter, '"' | '\r' | '\n' | '\0') {
                let expected = "one ASCII character other than a quote, a line end or NUL";
                return Err(DataError::config(key("embedding.pretrained.delimiter"), delimiter, expected));
            }
            if hashed || self.compress.is_some() {
                let expected = "no such table: rows of a hashed or compressed field stand for no single value";
                return Err(DataError::config(key("embedding.pretrained"), "given", expected));
            }
        }
        Ok(())
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What an empty value of a categorical column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CategoricalMissing {
    /// A value like any other: it is counted and has an id of its own.
    #[default]
    Value,
    /// The out-of-vocabulary id.
    Oov,
    /// An error.
    Error,
}

/// A numeric column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumericConfig {
    /// `name = "price"`, or `name = ["price", "age"]` for several fields treated alike.
    #[serde(rename = "name", with = "one_or_many")]
    pub names: Vec<String>,
    /// What an empty value means.
    #[serde(default)]
    pub missing: NumericMissing,
    /// Applied to each raw value.
    #[serde(default)]
    pub transform: Transform,
    /// Subtract the mean and divide by the standard deviation that the transformed values have on the training rows.
    #[serde(default)]
    pub standardise: bool,
}

/// What an empty value of a numeric column means.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumericMissing {
    /// An error.
    #[default]
    Error,
    /// The mean of the raw values present among the training rows.
    Mean,
    /// This raw value: `missing = { constant = 0.0 }`.
    Constant(f64),
}

impl FieldConfig {
    /// The columns described.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::Categorical(field) => &field.names,
            Self::Numeric(field) => &field.names,
        }
    }

    /// One description per column.
    pub(super) fn split_names(&self) -> Vec<Self> {
        self.names()
            .iter()
            .map(|name| {
                let names = vec![name.clone()];
                match self {
                    Self::Categorical(field) => Self::Categorical(CategoricalConfig { names, ..field.clone() }),
                    Self::Numeric(field) => Self::Numeric(NumericConfig { names, ..field.clone() }),
                }
            })
            .collect()
    }

    pub(super) fn validate(&self) -> Result<(), DataError> {
        match self {
            Self::Categorical(field) => field.validate(),
            Self::Numeric(NumericConfig { names, missing: NumericMissing::Constant(value), .. })
                if !value.is_finite() =>
            {
                Err(DataError::config(format!("fields.{}.missing.constant", names.join("+")), value, "a finite number"))
            }
            Self::Numeric(NumericConfig { names, transform, .. }) => {
                transform.validate(&format!("fields.{}.transform", names.join("+")))
            }
        }
    }
}

const fn one() -> u64 {
    1
}

/// A text or a list of texts.
mod one_or_many {
    use super::{Deserializer, SeqAccess, Serialize, Serializer, Visitor, de, fmt};

    pub(super) fn serialize<S: Serializer>(names: &[String], serializer: S) -> Result<S::Ok, S::Error> {
        match names {
            [name] => name.serialize(serializer),
            names => names.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Vec<String>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column name or a list of column names")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
                Ok(vec![name.to_owned()])
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(names)
            }
        }
        deserializer.deserialize_any(Names)
    }
}
