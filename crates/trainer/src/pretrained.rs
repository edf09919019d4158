//! Embedding rows from files.
use std::path::{Path, PathBuf};

use ctr_data::config::{FieldConfig, PretrainedConfig};
use ctr_data::{DataError, Dataset, Encoder, TableRows};
use ctr_model::ModelBackend;
use ctr_model::embedding::EmbeddingTable;
use ctr_model::model::EMBEDDING_TABLE;

use crate::config::Plan;
use crate::learner::Learner;

/// A file of rows that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PretrainedError {
    /// The encoder of the data cannot be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// It cannot be read.
    #[error(
        "pretrained rows of the table `{table}`: cannot read `{path}`: {cause}; check `embedding.pretrained.file` of its fields"
    )]
    Read {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: csv::Error,
    },
    /// A line is not a value and the numbers of its row.
    #[error(
        "`{path}`, line {line}: found {found}, expected {expected}; correct the line, or the width of the table `{table}`"
    )]
    Line {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands there.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// No value of the file is one of the table's.
    #[error(
        "`{path}`: none of its {lines} values is in the vocabulary of the table `{table}`; check that the file belongs to this field"
    )]
    Foreign {
        /// The table.
        table: String,
        /// The file.
        path: PathBuf,
        /// Its lines.
        lines: usize,
    },
}

/// Puts the rows of the plan's files into the tables of a new learner.
///
/// # Errors
/// When a file cannot be read, or its lines are not values with a row of the table's width each.
pub fn load<B: ModelBackend>(learner: &mut Learner<B>, plan: &Plan, data: &Dataset) -> Result<(), PretrainedError> {
    let mut encoder = None;
    for field in plan.data.dataset.resolved_fields() {
        let FieldConfig::Categorical(config) = field else { continue };
        let Some(file) = &config.embedding.pretrained else { continue };
        let name = config.table_of(&config.names[0]);
        let encoder = match &mut encoder {
            Some(encoder) => encoder,
            None => encoder.insert(data.encoder()?),
        };
        let Some(rows) = learner.layout.tables.iter().find(|table| table.name == name).cloned() else { continue };
        let path = plan.data.dir.as_deref().unwrap_or(Path::new("")).join(&file.file);
        let own = |table: &&mut EmbeddingTable| {
            table.name().split('.').next() == Some(EMBEDDING_TABLE) && table.row_range().contains(&rows.base)
        };
        // Each member of an ensemble may have a table of its own.
        for table in learner.tables.tables_mut().iter_mut().filter(own) {
            fill(table, &rows, &path, file, encoder)?;
        }
    }
    Ok(())
}

fn fill(
    table: &mut EmbeddingTable,
    rows: &TableRows,
    path: &Path,
    config: &PretrainedConfig,
    encoder: &Encoder,
) -> Result<(), PretrainedError> {
    let read = |cause| PretrainedError::Read { table: rows.name.clone(), path: path.to_owned(), cause };
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // The configuration admits ASCII only.
        .delimiter(config.delimiter as u8)
        .from_path(path)
        .map_err(read)?;
    let mut record = csv::StringRecord::new();
    let (mut lines, mut used) = (0, 0);
    let mut weights = Vec::with_capacity(table.width());
    while reader.read_record(&mut record).map_err(read)? {
        lines += 1;
        let line = record.position().map_or(0, csv::Position::line);
        let refused = |found: String, expected: String| PretrainedError::Line {
            table: rows.name.clone(),
            path: path.to_owned(),
            line,
            found,
            expected,
        };
        if record.len() != table.width() + 1 {
            let expected = format!("a value and {} numbers", table.width());
            return Err(refused(format!("{} columns", record.len()), expected));
        }
        weights.clear();
        for text in record.iter().skip(1) {
            match text.trim().parse::<f32>() {
                Ok(weight) if weight.is_finite() => weights.push(weight),
                _ => return Err(refused(format!("{text:?}"), "a finite number".to_owned())),
            }
        }
        let id = encoder.id(&rows.name, record.get(0).unwrap_or_default()).unwrap_or(0);
        if id == 0 {
            continue;
        }
        let row = (rows.base + u64::from(id) - table.row_range().start) as usize;
        table.set_row(row, &weights).map_err(|error| refused(error.to_string(), "a row of the table".to_owned()))?;
        used += 1;
    }
    if used == 0 {
        return Err(PretrainedError::Foreign { table: rows.name.clone(), path: path.to_owned(), lines });
    }
    tracing::info!(table = rows.name, rows = used, lines, file = %path.display(), "pretrained rows");
    Ok(())
}
