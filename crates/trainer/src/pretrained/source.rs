//! Values and their rows, out of a file of any format.
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ctr_data::config::{PretrainedConfig, PretrainedFormat};
use ctr_data::decoder_guard::guarded;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use safetensors::{Dtype, SafeTensors};

use super::PretrainedError;

/// A file of rows for one table.
pub(super) struct Source<'a> {
    pub(super) table: &'a str,
    /// The folder that the paths of `config` are relative to.
    pub(super) folder: &'a Path,
    pub(super) config: &'a PretrainedConfig,
    /// Numbers of a row.
    pub(super) width: usize,
}

/// One value of a file with the numbers of its row.
pub(super) struct Entry<'a> {
    /// The line or row, for messages.
    pub(super) place: String,
    pub(super) value: &'a str,
    pub(super) numbers: &'a [f32],
}

type Outcome<T = ()> = Result<T, PretrainedError>;

impl Source<'_> {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(&self.config.file)
    }

    /// Hands the entries of the file to `take`, in their order.
    pub(super) fn for_each(&self, take: &mut dyn FnMut(Entry<'_>) -> Outcome) -> Outcome {
        match self.config.format() {
            PretrainedFormat::Csv => self.csv(take),
            PretrainedFormat::Parquet => {
                guarded(|| self.parquet(take)).unwrap_or_else(|reason| Err(self.unreadable(&reason)))
            }
            PretrainedFormat::Safetensors => self.safetensors(take),
        }
    }

    fn unreadable(&self, cause: &dyn ToString) -> PretrainedError {
        PretrainedError::Read { table: self.table.to_owned(), path: self.path(), cause: cause.to_string() }
    }

    pub(super) fn refused(&self, place: &str, found: String, expected: String) -> PretrainedError {
        let (table, path, place) = (self.table.to_owned(), self.path(), place.to_owned());
        PretrainedError::Entry { table, path, place, found, expected }
    }

    fn csv(&self, take: &mut dyn FnMut(Entry<'_>) -> Outcome) -> Outcome {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            // The configuration admits ASCII only.
            .delimiter(self.config.delimiter as u8)
            .from_path(self.path())
            .map_err(|cause| self.unreadable(&cause))?;
        let mut record = csv::StringRecord::new();
        let mut numbers = Vec::with_capacity(self.width);
        while reader.read_record(&mut record).map_err(|cause| self.unreadable(&cause))? {
            let place = format!("line {}", record.position().map_or(0, csv::Position::line));
            if record.len() != self.width + 1 {
                let expected = format!("a value and {} numbers", self.width);
                return Err(self.refused(&place, format!("{} columns", record.len()), expected));
            }
            numbers.clear();
            for text in record.iter().skip(1) {
                let number = text.trim().parse::<f32>().ok();
                numbers.push(self.finite(&place, number, || format!("{text:?}"))?);
            }
            take(Entry { place, value: record.get(0).unwrap_or_default(), numbers: &numbers })?;
        }
        Ok(())
    }

    fn finite(&self, place: &str, number: Option<f32>, found: impl FnOnce() -> String) -> Outcome<f32> {
        match number {
            Some(number) if number.is_finite() => Ok(number),
            _ => Err(self.refused(place, found(), "a finite number".to_owned())),
        }
    }

    fn parquet(&self, take: &mut dyn FnMut(Entry<'_>) -> Outcome) -> Outcome {
        let file = File::open(self.path()).map_err(|cause| self.unreadable(&cause))?;
        let reader = SerializedFileReader::new(file).map_err(|cause| self.unreadable(&cause))?;
        let rows = reader.get_row_iter(None).map_err(|cause| self.unreadable(&cause))?;
        let mut numbers = Vec::with_capacity(self.width);
        for (number, row) in rows.enumerate() {
            let row = row.map_err(|cause| self.unreadable(&cause))?;
            let place = format!("row {}", number + 1);
            let value = self.parquet_row(&place, &row, &mut numbers)?;
            take(Entry { place, value: &value, numbers: &numbers })?;
        }
        Ok(())
    }

    /// The value of a row; its numbers go to `numbers`.
    fn parquet_row(&self, place: &str, row: &Row, numbers: &mut Vec<f32>) -> Outcome<String> {
        let mut columns = row.get_column_iter().map(|(_, field)| field);
        let value = match columns.next() {
            Some(Field::Str(text)) => text.clone(),
            Some(
                field @ (Field::Byte(_)
                | Field::Short(_)
                | Field::Int(_)
                | Field::Long(_)
                | Field::UByte(_)
                | Field::UShort(_)
                | Field::UInt(_)
                | Field::ULong(_)),
            ) => field.to_string(),
            other => {
                let found =
                    other.map_or_else(|| "no column".to_owned(), |field| format!("{field} in the first column"));
                return Err(self.refused(place, found, "a text or a whole number, the value".to_owned()));
            }
        };
        numbers.clear();
        for field in columns {
            match field {
                Field::ListInternal(list) => {
                    for element in list.elements() {
                        numbers.push(self.finite(place, float(element), || element.to_string())?);
                    }
                }
                field => numbers.push(self.finite(place, float(field), || field.to_string())?),
            }
        }
        if numbers.len() != self.width {
            let expected = format!("a value and {} numbers", self.width);
            return Err(self.refused(place, format!("{} numbers", numbers.len()), expected));
        }
        Ok(value)
    }

    fn safetensors(&self, take: &mut dyn FnMut(Entry<'_>) -> Outcome) -> Outcome {
        let bytes = fs::read(self.path()).map_err(|cause| self.unreadable(&cause))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|cause| self.unreadable(&cause))?;
        let names = file.names();
        let name = match (&self.config.tensor, names.as_slice()) {
            (Some(name), _) => name.as_str(),
            (None, [only]) => *only,
            (None, _) => {
                let found = format!("{} tensors", names.len());
                let expected = "one tensor, or its name in `embedding.pretrained.tensor`".to_owned();
                return Err(self.refused("header", found, expected));
            }
        };
        let tensor = file.tensor(name).map_err(|_| {
            let mut names = names.clone();
            names.sort_unstable();
            self.refused("header", format!("the tensors {}", names.join(", ")), format!("one that is called `{name}`"))
        })?;
        let values = self.folder.join(self.config.values.as_deref().unwrap_or(Path::new("")));
        let text = fs::read_to_string(&values).map_err(|cause| PretrainedError::Read {
            table: self.table.to_owned(),
            path: values.clone(),
            cause: cause.to_string(),
        })?;
        let lines = text.lines().count();
        if tensor.shape() != [lines, self.width] || tensor.dtype() != Dtype::F32 {
            let found = format!("{:?} of shape {:?}", tensor.dtype(), tensor.shape());
            let expected =
                format!("F32 of shape [{lines}, {}]: a row for each line of `{}`", self.width, values.display());
            return Err(self.refused(&format!("tensor `{name}`"), found, expected));
        }
        let mut numbers = Vec::with_capacity(self.width);
        let rows = tensor.data().chunks_exact(self.width * size_of::<f32>());
        for (number, (value, row)) in text.lines().zip(rows).enumerate() {
            let place = format!("row {}", number + 1);
            numbers.clear();
            for bytes in row.chunks_exact(size_of::<f32>()) {
                let element = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
                numbers.push(self.finite(&place, Some(element), || element.to_string())?);
            }
            take(Entry { place, value, numbers: &numbers })?;
        }
        Ok(())
    }
}

/// A number of a Parquet file.
fn float(field: &Field) -> Option<f32> {
    match field {
        Field::Float(number) => Some(*number),
        Field::Double(number) => Some(*number as f32),
        _ => None,
    }
}
