//! From a configuration to its sources.

use std::path::{Path, PathBuf};

use super::criteo::CriteoFormat;
use super::csv::{CsvFormat, TRUE_PROBABILITY};
use super::libfm::LibfmTokens;
use super::libsvm::LibsvmTokens;
use super::sparse::SparseFormat;
use super::text::TextFormat;
use super::{DataSource, Labels, ParquetSource, SourceColumns, SyntheticSource, TextSource, files};
use crate::config::{CsvConfig, DatasetConfig, SourceConfig};
use crate::error::DataError;
use crate::split::Split;

impl DatasetConfig {
    /// The raw rows of a split whose files the configuration names, or which is generated.
    ///
    /// # Errors
    /// [`DataError::Config`] if the configuration is not valid or divides the rows by a rule. Files are opened when they are read.
    pub fn open_source(&self, split: Split, data_dir: &Path) -> Result<Box<dyn DataSource>, DataError> {
        self.validate()?;
        let columns = SourceColumns::new(self, Labels::Required);
        if let SourceConfig::Synthetic(config) = &self.source {
            return Ok(Box::new(SyntheticSource::new(config, split, columns)?));
        }
        if matches!(self.source, SourceConfig::Custom(_)) {
            return open_files(&self.source, Vec::new(), columns, 0);
        }
        let list = self.files.as_ref().and_then(|files| files.get(split));
        let list = list.ok_or_else(|| DataError::config("files", (), format!("the key `{split}`")))?;
        let found = files::find(list, &format!("files.{split}"), data_dir)?;
        open_files(&self.source, found, columns, self.rows.max_line_bytes)
    }

    /// The raw rows that the configuration's rule divides.
    ///
    /// # Errors
    /// As [`DatasetConfig::open_source`].
    pub fn open_undivided(&self, data_dir: &Path) -> Result<Box<dyn DataSource>, DataError> {
        self.validate()?;
        let list = self.files.as_ref().and_then(|files| files.all.as_ref());
        let list = list.ok_or_else(|| DataError::config("files", (), "the key `all`"))?;
        let found = files::find(list, "files.all", data_dir)?;
        open_files(&self.source, found, SourceColumns::new(self, Labels::Required), self.rows.max_line_bytes)
    }
}

/// The rows of one raw file. A file of generated data is one that [`write_csv`](crate::write_csv) wrote.
pub(crate) fn open_file(
    source: &SourceConfig,
    path: &Path,
    columns: SourceColumns,
    longest: usize,
) -> Result<Box<dyn DataSource>, DataError> {
    open_files(source, vec![path.to_path_buf()], columns, longest)
}

fn open_files(
    source: &SourceConfig,
    files: Vec<PathBuf>,
    columns: SourceColumns,
    longest: usize,
) -> Result<Box<dyn DataSource>, DataError> {
    let format: Box<dyn TextFormat> = match source {
        SourceConfig::Csv(config) => Box::new(CsvFormat::new(config)),
        SourceConfig::CriteoTsv(_) => Box::new(CriteoFormat::new(&files::name(&files), &columns)?),
        SourceConfig::Parquet(_) => return Ok(Box::new(ParquetSource::new(files, columns))),
        SourceConfig::Libsvm(config) => Box::new(SparseFormat(LibsvmTokens::new(config, &columns)?)),
        SourceConfig::Libfm(config) => Box::new(SparseFormat(LibfmTokens::new(config, &columns))),
        SourceConfig::Custom(_) => {
            let expected = "a format that this crate reads; rows of a program's own are passed to `prepare_from`";
            return Err(DataError::config("source.format", "custom", expected));
        }
        SourceConfig::Synthetic(_) => {
            let true_probability = Some(TRUE_PROBABILITY.to_owned());
            Box::new(CsvFormat::new(&CsvConfig { true_probability, ..CsvConfig::default() }))
        }
    };
    Ok(Box::new(TextSource::new(files, format, columns, longest)))
}
