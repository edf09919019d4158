//! Embedding rows from files.
use std::path::Path;

use ctr_data::config::{FieldConfig, PretrainedConfig};
use ctr_data::{Dataset, Encoder, TableRows};
use ctr_model::ModelBackend;
use ctr_model::embedding::EmbeddingTable;
use ctr_model::model::EMBEDDING_TABLE;

use self::source::Source;
use crate::config::Plan;
use crate::learner::Learner;
use crate::repro::{Digest, FileError, digest_file};

mod error;
mod source;

pub use error::PretrainedError;

/// The digest that stands for the content of a config's files; see [`PretrainedConfig::blake3`].
pub(crate) fn content_digest(folder: &Path, config: &PretrainedConfig) -> Result<String, FileError> {
    let file = digest_file(&folder.join(&config.file))?.to_string();
    let Some(values) = &config.values else { return Ok(file) };
    let values = digest_file(&folder.join(values))?;
    Ok(Digest::of(format!("{file}{values}").as_bytes()).to_string())
}

/// Puts the rows of the plan's files into the tables of a new learner.
///
/// # Errors
/// When a file cannot be read, its content is not that of the plan, or it does not hold values with a row of the table's width each.
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
        let own = |table: &&mut EmbeddingTable| {
            table.name().split('.').next() == Some(EMBEDDING_TABLE) && table.row_range().contains(&rows.base)
        };
        let folder = plan.data.dir.as_deref().unwrap_or(Path::new(""));
        // Each member of an ensemble may have a table of its own.
        for table in learner.tables.host_mut().tables_mut().iter_mut().filter(own) {
            let source = Source { table: name, folder, config: file, width: table.width() };
            fill(table, &rows, &source, encoder)?;
        }
    }
    Ok(())
}

fn fill(
    table: &mut EmbeddingTable,
    rows: &TableRows,
    source: &Source<'_>,
    encoder: &Encoder,
) -> Result<(), PretrainedError> {
    let path = source.path();
    let found = content_digest(source.folder, source.config)?;
    if let Some(expected) = source.config.blake3.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&found)) {
        let (table, expected) = (rows.name.clone(), expected.clone());
        return Err(PretrainedError::Digest { table, path, found, expected });
    }
    let (mut entries, mut used) = (0, 0);
    source.for_each(&mut |entry| {
        entries += 1;
        let id = encoder.id(&rows.name, entry.value).unwrap_or(0);
        if id == 0 {
            return Ok(());
        }
        let row = (rows.base + u64::from(id) - table.row_range().start) as usize;
        let unfit = |error: ctr_model::embedding::TableError| {
            source.refused(&entry.place, error.to_string(), "a row of the table".to_owned())
        };
        table.set_row(row, entry.numbers).map_err(unfit)?;
        used += 1;
        Ok(())
    })?;
    if used == 0 {
        return Err(PretrainedError::Foreign { table: rows.name.clone(), path, entries });
    }
    tracing::info!(table = rows.name, rows = used, entries, file = %path.display(), "pretrained rows");
    Ok(())
}
