//! The description of a data set: where its rows come from and what becomes of each column.

mod field;
mod files;
mod source;
mod synthetic;
mod table;
mod transform;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::DataError;

pub use field::{CategoricalConfig, CategoricalMissing, FieldConfig, NumericConfig, NumericMissing};
pub use files::{BadRowPolicy, FileList, FilesConfig, RowsConfig, SplitRule, TimeBound};
pub use source::{
    CriteoConfig, CsvConfig, CustomConfig, IndexRange, LibfmConfig, LibsvmConfig, ParquetConfig, SourceConfig,
};
pub use synthetic::{
    Distribution, InteractionConfig, SyntheticCategorical, SyntheticConfig, SyntheticNumeric, SyntheticRows,
};
pub use table::{
    Combine, Dim, EmbeddingFieldConfig, HashConfig, MultiHotConfig, Pooling, PretrainedConfig, PretrainedFormat,
    QuotientRemainderConfig,
};
pub use transform::Transform;

/// A data set.
///
/// ```
/// let config: ctr_data::DatasetConfig = toml::from_str(r#"
///     name = "frappe_x1"
///     dir = "../../datasets/frappe_x1"
///     label = "label"
///
///     [source]
///     format = "csv"
///
///     [files]
///     train = "train.csv"
///     valid = "valid.csv"
///     test = "test.csv"
///
///     [[fields]]
///     name = ["user", "item"]
///     type = "categorical"
///     min_count = 2
///
///     [[fields]]
///     name = "price"
///     type = "numeric"
///     missing = { constant = 0.0 }
///     transform = "log1p"
///     standardise = true
/// "#)?;
/// config.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetConfig {
    /// Name of the data set: letters, digits, `_`, `-` and `.`; it becomes part of a folder's name.
    pub name: String,
    /// Folder of the raw files. This crate does not resolve it: the caller does (relative to the configuration file) and passes it as
    /// [`PrepareOptions::data_dir`](crate::PrepareOptions::data_dir).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<PathBuf>,
    /// Name of the label column (default `label`). Formats without a header call their label column by this name in messages.
    #[serde(default = "default_label")]
    pub label: String,
    /// The format of the raw files, or the generator.
    pub source: SourceConfig,
    /// The raw files, relative to the folder; absent for a generator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesConfig>,
    /// How the rows of `files.all` are divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<SplitRule>,
    /// What becomes of bad rows.
    #[serde(default, skip_serializing_if = "RowsConfig::is_default")]
    pub rows: RowsConfig,
    /// What becomes of each column; columns not named are left out. A generator's fields may be left out altogether: all of its columns
    /// are then taken, categorical ones with `min_count = 1`, numeric ones as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldConfig>,
}

fn default_label() -> String {
    "label".to_owned()
}

impl DatasetConfig {
    /// Checks what the types alone do not say.
    ///
    /// # Errors
    /// [`DataError::Config`] naming the key, its value and what was expected.
    pub fn validate(&self) -> Result<(), DataError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(plain) {
            return Err(DataError::config(
                "name",
                &self.name,
                "letters, digits, `_`, `-` or `.`, not beginning with a dot: it names a folder",
            ));
        }
        if self.label.is_empty() {
            return Err(DataError::config("label", &self.label, "the name of the label column"));
        }
        match (&self.source, &self.files) {
            (SourceConfig::Synthetic(_), Some(files)) => {
                return Err(DataError::config("files", files, "no files: the source is a generator"));
            }
            (SourceConfig::Synthetic(_), None) => {
                if let Some(rule) = &self.split {
                    return Err(DataError::config("split.by", rule.name(), "no [split] table: `source.rows` divides"));
                }
            }
            (SourceConfig::Custom(_), Some(files)) => {
                return Err(DataError::config("files", files, "no files: the program brings its own source"));
            }
            (SourceConfig::Custom(_), None) => {}
            (_, Some(files)) => files.validate(self.split.as_ref())?,
            (_, None) => {
                return Err(DataError::config(
                    "files",
                    (),
                    "a table with the keys `train`, `valid` and `test`, each naming files, or `all` with a [split] table",
                ));
            }
        }
        if let Some(rule) = &self.split {
            rule.validate(&self.label)?;
        }
        self.rows.validate()?;
        self.source.validate(&self.label)?;
        if self.fields.iter().any(|field| field.names().is_empty()) {
            let none: [&str; 0] = [];
            return Err(DataError::config("fields.name", none, "the name of a column, or a list of them"));
        }
        let fields = self.resolved_fields();
        if fields.is_empty() {
            return Err(DataError::config("fields", (), "at least one [[fields]] table"));
        }
        let mut seen = BTreeSet::from([self.label.as_str()]);
        for field in &fields {
            field.validate()?;
            for name in field.names() {
                if name.is_empty() {
                    return Err(DataError::config("fields.name", name, "the name of a column"));
                }
                if !seen.insert(name) {
                    return Err(DataError::config(
                        "fields.name",
                        name,
                        "each column once, and the label column not at all",
                    ));
                }
            }
        }
        validate_tables(&fields)?;
        self.source.validate_fields(&fields)?;
        match self.split.as_ref().and_then(SplitRule::column) {
            Some(column) => self.source.validate_column(column, &fields),
            None => Ok(()),
        }
    }

    /// The fields to encode, one entry per column: lists of names are taken apart, and a generator without fields yields all its columns.
    #[must_use]
    pub fn resolved_fields(&self) -> Vec<FieldConfig> {
        if self.fields.is_empty() {
            return match &self.source {
                SourceConfig::Synthetic(synthetic) => synthetic.default_fields(),
                _ => Vec::new(),
            };
        }
        self.fields.iter().flat_map(FieldConfig::split_names).collect()
    }
}

/// Checks that the fields of each table agree in what concerns it; `fields` has one entry per column.
fn validate_tables(fields: &[FieldConfig]) -> Result<(), DataError> {
    let mut tables: BTreeMap<&str, (&str, &CategoricalConfig)> = BTreeMap::new();
    for field in fields {
        let FieldConfig::Categorical(config) = field else { continue };
        let name = config.names[0].as_str();
        let table = config.table_of(name);
        let (first, other) = *tables.entry(table).or_insert((name, config));
        let agree =
            |config: &CategoricalConfig| (config.min_count, config.top_k, config.hash, config.embedding.clone());
        if agree(config) != agree(other) {
            return Err(DataError::config(
                format!("fields.{name}.table"),
                table,
                format!("the same `min_count`, `top_k`, `hash` and `embedding` as the field `{first}` of this table"),
            ));
        }
    }
    Ok(())
}
