//! How the values of a categorical field find their embedding rows.

use std::fmt;
use std::path::PathBuf;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hashing instead of a vocabulary: id = 1 + XXH64(UTF-8 bytes of the value, `seed`) mod `buckets`; id 0 stays the out-of-vocabulary id.
///
/// Nothing is fitted, and values that the training rows did not hold have rows, too; values that collide share one. XXH64 is specified at
/// <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HashConfig {
    /// Number of buckets, from 1 to 2³² − 2. Required.
    pub buckets: u64,
    /// Seed of the hash function (default 0).
    #[serde(default)]
    pub seed: u64,
}

/// A field whose text is a list of values: `a|b|c`, or with weights `a:0.5|b:2`. An empty text is an empty list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultiHotConfig {
    /// One ASCII character between values (default `|`).
    #[serde(default = "bar")]
    pub separator: char,
    /// One ASCII character between a value and its weight; the weight follows the last one of a value. Without it, all weights are 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_separator: Option<char>,
    /// What becomes of the rows of the values (default `sum`).
    #[serde(default)]
    pub pooling: Pooling,
}

const fn bar() -> char {
    '|'
}

/// How the rows e of a list of values with weights w become one; 0 for an empty list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Σ w·e.
    #[default]
    Sum,
    /// Σ w·e / Σ w.
    Mean,
    /// The largest of each element, without weights.
    Max,
}

/// What a table of embedding rows is like. None of these keys changes the encoded data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingFieldConfig {
    /// Width of a row, or `"auto"`. Default: `embedding.dim` of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dim: Option<Dim>,
    /// Two small tables in place of one large one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compress: Option<QuotientRemainderConfig>,
    /// Rows from a file, in place of random ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<PretrainedConfig>,
    /// Keep the rows as they are initialised (default false).
    pub frozen: bool,
}

/// Width of an embedding row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim {
    /// This many elements.
    Fixed(usize),
    /// `"auto"`: min(600, ⌊1.6·n^0.56 + ½⌋) for n ids, the rule `emb_sz_rule` of fastai (Howard & Gugger, "fastai: a layered API for deep
    /// learning", Information 11(2), 2020).
    Auto,
}

impl Dim {
    /// The width for a field of `cardinality` ids.
    #[must_use]
    pub fn width(self, cardinality: u64) -> usize {
        match self {
            Self::Fixed(width) => width,
            Self::Auto => libm::floor(1.6 * libm::pow(cardinality as f64, 0.56) + 0.5).clamp(1.0, 600.0) as usize,
        }
    }
}

impl Serialize for Dim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(width) => serializer.serialize_u64(*width as u64),
            Self::Auto => serializer.serialize_str("auto"),
        }
    }
}

impl<'de> Deserialize<'de> for Dim {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Width;
        impl Visitor<'_> for Width {
            type Value = Dim;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number or \"auto\"")
            }
            fn visit_u64<E: de::Error>(self, width: u64) -> Result<Dim, E> {
                let fixed = usize::try_from(width).map(Dim::Fixed);
                fixed.map_err(|_| E::invalid_value(de::Unexpected::Unsigned(width), &self))
            }
            fn visit_i64<E: de::Error>(self, width: i64) -> Result<Dim, E> {
                let fixed = usize::try_from(width).map(Dim::Fixed);
                fixed.map_err(|_| E::invalid_value(de::Unexpected::Signed(width), &self))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Dim, E> {
                if text == "auto" { Ok(Dim::Auto) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
            }
        }
        deserializer.deserialize_any(Width)
    }
}

/// Quotient–remainder compression: with m = `buckets`, id i looks up row ⌊i/m⌋ of one table and row i mod m of another, and its embedding
/// is their product or sum, or both in turn. n ids need ⌈n/m⌉ + m rows, and no two share both.
///
/// Source: Shi et al., "Compositional embeddings using complementary partitions for memory-efficient recommendation systems", arXiv
/// 1909.02107, section 4, equations 6 and 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotientRemainderConfig {
    /// m, from 1 to the number of ids. Required.
    pub buckets: u64,
    /// How the two rows become one (default `multiply`, which the paper finds best).
    #[serde(default)]
    pub combine: Combine,
}

/// How a quotient's row and a remainder's row become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// The product, element by element.
    #[default]
    Multiply,
    /// The sum.
    Add,
    /// One after the other, each of half the field's width, which must be even; `"auto"` is rounded up to an even width. Where a model looks up weights
    /// of width 1 (a first-order term), the sum.
    Concatenate,
}

/// Rows from a file, by value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PretrainedConfig {
    /// The rows, by value; relative to the folder of the raw files. Its name tells the format: `.parquet`, a column of values, then the numbers, each in a
    /// column of its own or all in one of lists; `.safetensors`, a matrix beside `values`; any other, CSV without a header, a value, then the
    /// numbers. Values that the field's vocabulary does not hold are passed over; ids without a row in the file keep their random one.
    pub file: PathBuf,
    /// One ASCII character between the columns of a CSV file (default `,`).
    #[serde(default = "comma")]
    pub delimiter: char,
    /// The name of the matrix in a safetensors file, [rows, width]. Default: its only tensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tensor: Option<String>,
    /// For a safetensors file, where it is required: a text file with the value of each row of the matrix, one a line. Relative to the folder
    /// of the raw files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<PathBuf>,
    /// BLAKE3 of the file in hexadecimal or, with `values`, of the two files' digests in hexadecimal, one after the other; other content is then an
    /// error. Default: that of the files as they are found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
}

/// What a file of rows is, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PretrainedFormat {
    /// Comma-separated values, or with another delimiter.
    Csv,
    /// Parquet.
    Parquet,
    /// Safetensors.
    Safetensors,
}

impl PretrainedConfig {
    /// The format of the file.
    #[must_use]
    pub fn format(&self) -> PretrainedFormat {
        let extension = self.file.extension().map(std::ffi::OsStr::to_ascii_lowercase);
        match extension.as_ref().and_then(|extension| extension.to_str()) {
            Some("parquet") => PretrainedFormat::Parquet,
            Some("safetensors") => PretrainedFormat::Safetensors,
            _ => PretrainedFormat::Csv,
        }
    }
}

const fn comma() -> char {
    ','
}
