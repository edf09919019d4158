//! Raw rows as CSV files.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::atomic_file;
use crate::error::DataError;
use crate::source::{DataSource, TRUE_PROBABILITY};

/// Writes a source as a CSV file in the layout of BARS: a header, the label first, then the source's fields; LF line ends; quotes where RFC
/// 4180 asks for them. Rows that know their true click probability have it in a last column, `true_probability`. Written atomically.
///
/// Encoding the file gives the rows that encoding the source gives.
///
/// # Errors
/// What the source returns; [`DataError::Io`]; [`DataError::Empty`] without rows.
pub fn write_csv(source: &dyn DataSource, path: &Path) -> Result<(), DataError> {
    atomic_file::write_with(path, |file| write_rows(source, BufWriter::new(file), path))
}

fn write_rows(source: &dyn DataSource, to: impl Write, path: &Path) -> Result<(), DataError> {
    let failed = |cause| DataError::io("write", path, cause);
    let mut writer = csv::Writer::from_writer(to);
    let columns = source.columns();
    let mut header_written = false;
    source.read(&mut |row| {
        let row = row?;
        if !header_written {
            let label = row.label.map(|_| columns.label.as_str());
            let probability = row.true_probability.map(|_| TRUE_PROBABILITY);
            let fields = columns.fields.iter().map(|field| field.name.as_str());
            writer.write_record(label.into_iter().chain(fields).chain(probability)).map_err(|e| failed(cause(e)))?;
            header_written = true;
        }
        let label = row.label.map(|label| if label { "1" } else { "0" });
        let probability = row.true_probability.map(|p| p.to_string());
        let values = (0..columns.fields.len()).map(|field| row.value(field));
        let record = label.into_iter().chain(values).chain(probability.as_deref());
        writer.write_record(record).map_err(|e| failed(cause(e)))
    })?;
    if !header_written {
        return Err(DataError::Empty { file: source.name() });
    }
    writer.into_inner().map_err(|error| failed(error.into_error())).and_then(|mut to| to.flush().map_err(failed))
}

fn cause(error: csv::Error) -> io::Error {
    error.into()
}
