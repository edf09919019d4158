//! Raw rows, one format per file.

mod criteo;
mod csv;
mod libfm;
mod libsvm;
mod lines;
mod sparse;
mod synthetic;

use std::path::Path;

use crate::config::{CsvConfig, DatasetConfig, FieldConfig, SourceConfig};
use crate::error::{DataError, Refusal, shown};
use crate::split::Split;

pub use criteo::CriteoSource;
pub use csv::CsvSource;
pub use libfm::LibfmSource;
pub use libsvm::LibsvmSource;
pub use synthetic::SyntheticSource;

pub(crate) use csv::TRUE_PROBABILITY;

/// Rows of text in a fixed order: a raw file, or a generator.
///
/// A source is made for certain columns ([`SourceColumns`]); each of its rows has one text per field, in that order, empty where the value
/// is missing. Reading twice gives the same rows.
pub trait DataSource: Send + Sync {
    /// What messages call it: the file's path, or the generator and split.
    fn name(&self) -> String;

    /// The columns it was made for.
    fn columns(&self) -> &SourceColumns;

    /// Its extent, in the unit of [`Row::offset`]: bytes of a file, rows of a generator.
    ///
    /// # Errors
    /// [`DataError::Io`] if there is no such file.
    fn size(&self) -> Result<u64, DataError>;

    /// A digest that changes when the rows may have changed: BLAKE3 of a file's bytes, or of a generator's parameters.
    ///
    /// `watch` is called now and then with the extent read so far; its error ends the work.
    ///
    /// # Errors
    /// [`DataError::Io`], and what `watch` returns.
    fn fingerprint(&self, watch: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError>;

    /// Calls `visit` with each row, in order.
    ///
    /// # Errors
    /// [`DataError::Row`] for a row that does not follow the format, [`DataError::MissingColumn`], [`DataError::Io`], and what `visit`
    /// returns.
    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError>;
}

/// Takes one row after the other.
pub type RowVisitor<'a> = dyn FnMut(&Row<'_>) -> Result<(), DataError> + 'a;

/// Which columns a source is to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumns {
    /// The label's column.
    pub label: String,
    /// Whether the label's column may be absent.
    pub labels: Labels,
    /// The fields, in the order of a row's values.
    pub fields: Vec<SourceColumn>,
}

/// A field that a source is to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its column's name.
    pub name: String,
    /// Whether its values are numbers.
    pub numeric: bool,
}

/// Whether rows must come with labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Labels {
    /// A file without labels is an error.
    #[default]
    Required,
    /// A file may have no labels at all; some rows with and some without are an error.
    Optional,
}

impl SourceColumns {
    /// The columns that a data set's configuration names.
    #[must_use]
    pub fn new(config: &DatasetConfig, labels: Labels) -> Self {
        let fields = config
            .resolved_fields()
            .iter()
            .flat_map(|field| {
                let numeric = matches!(field, FieldConfig::Numeric(_));
                field.names().iter().map(move |name| SourceColumn { name: name.clone(), numeric }).collect::<Vec<_>>()
            })
            .collect();
        Self { label: config.label.clone(), labels, fields }
    }
}

/// Where a value lies in its row's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// One raw row.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// 1-based line of the file on which the row begins; 1-based number of a generated row.
    pub line: u64,
    /// Extent read so far, this row included.
    pub offset: u64,
    /// The label; none where the source has no labels.
    pub label: Option<bool>,
    /// The true click probability, where the source knows it.
    pub true_probability: Option<f64>,
    text: &'a str,
    spans: &'a [Span],
}

impl<'a> Row<'a> {
    /// The text of the field numbered as in [`SourceColumns::fields`]; empty where the value is missing.
    ///
    /// # Panics
    /// If there is no such field.
    #[must_use]
    pub fn value(&self, field: usize) -> &'a str {
        let Span { start, end } = self.spans[field];
        &self.text[start as usize..end as usize]
    }
}

impl DatasetConfig {
    /// The raw rows of a split.
    ///
    /// # Errors
    /// [`DataError::Config`] if the configuration is not valid. Files are opened when they are read.
    pub fn open_source(&self, split: Split, data_dir: &Path) -> Result<Box<dyn DataSource>, DataError> {
        self.validate()?;
        let columns = SourceColumns::new(self, Labels::Required);
        if let SourceConfig::Synthetic(config) = &self.source {
            return Ok(Box::new(SyntheticSource::new(config, split, columns)?));
        }
        let Some(files) = &self.files else {
            return Err(DataError::config("files", (), "a table with the keys `train`, `valid` and `test`"));
        };
        open_file(&self.source, &data_dir.join(files.get(split)), columns)
    }
}

/// The rows of one raw file. A file of generated data is one that [`write_csv`](crate::write_csv) wrote.
pub(crate) fn open_file(
    source: &SourceConfig,
    path: &Path,
    columns: SourceColumns,
) -> Result<Box<dyn DataSource>, DataError> {
    Ok(match source {
        SourceConfig::Csv(config) => Box::new(CsvSource::new(path, config, columns)),
        SourceConfig::CriteoTsv(_) => Box::new(CriteoSource::new(path, columns)?),
        SourceConfig::Libsvm(config) => Box::new(LibsvmSource::new(path, config, columns)?),
        SourceConfig::Libfm(config) => Box::new(LibfmSource::new(path, config, columns)),
        SourceConfig::Synthetic(_) => {
            let true_probability = Some(TRUE_PROBABILITY.to_owned());
            Box::new(CsvSource::new(path, &CsvConfig { true_probability, ..CsvConfig::default() }, columns))
        }
    })
}

/// 0 or 1, also written `0.0` and `1.0`.
fn label(text: &str) -> Result<bool, Refusal> {
    match text {
        "0" | "0.0" => Ok(false),
        "1" | "1.0" => Ok(true),
        _ => Err(Refusal::new(
            shown(text.as_bytes()),
            "a label, 0 or 1",
            "correct the row, or check that `label` names the right column",
        )),
    }
}

/// A row with another number of fields than it must have.
fn field_count(found: usize, expected: String) -> Refusal {
    Refusal::new(
        format!("{found} field{}", if found == 1 { "" } else { "s" }),
        expected,
        "correct or remove the row, and check that the file was fetched completely",
    )
}
