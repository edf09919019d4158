//! Columns of a Parquet file, decoded to the texts that a CSV file would hold.

use std::fmt::Write;

use parquet::basic::{ConvertedType, LogicalType, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use super::line_error;
use crate::error::Refusal;

/// A column of a row group, and the next rows of it.
pub(super) struct Column {
    reader: ColumnReader,
    nullable: bool,
    unsigned: bool,
    /// Texts of the rows end to end, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<usize>,
    levels: Vec<i16>,
}

/// A row's value.
pub(super) enum Value<'a> {
    /// Its text, empty where there is none.
    Text(&'a str),
    /// Bytes that are no text.
    NoText(Refusal),
}

impl Column {
    /// Whether the type can be read without a guess; the type's description if not. A number may be a float; a category whose text is a
    /// float's would depend on how it is written.
    pub(super) fn check(descriptor: &ColumnDescriptor, numeric: bool) -> Result<(), String> {
        let physical = descriptor.physical_type();
        let decimal = descriptor.converted_type() == ConvertedType::DECIMAL
            || matches!(descriptor.logical_type_ref(), Some(LogicalType::Decimal { .. }));
        let readable = match physical {
            PhysicalType::BOOLEAN | PhysicalType::INT32 | PhysicalType::INT64 | PhysicalType::BYTE_ARRAY => !decimal,
            PhysicalType::FLOAT | PhysicalType::DOUBLE => numeric,
            PhysicalType::INT96 | PhysicalType::FIXED_LEN_BYTE_ARRAY => false,
        };
        let flat = descriptor.max_rep_level() == 0 && descriptor.max_def_level() <= 1;
        match (readable, flat) {
            (true, true) => Ok(()),
            (_, false) => Err(format!("{physical} within a list or a group")),
            (false, true) if decimal => Err("a decimal".to_owned()),
            (false, true) => Err(format!("{physical}{}", if numeric { "" } else { " for a category" })),
        }
    }

    pub(super) fn new(descriptor: &ColumnDescriptor, reader: ColumnReader) -> Self {
        let unsigned = matches!(
            descriptor.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        );
        let nullable = descriptor.max_def_level() > 0;
        Self { reader, nullable, unsigned, bytes: Vec::new(), ends: Vec::new(), levels: Vec::new() }
    }

    /// Decodes the next `count` rows.
    pub(super) fn decode(&mut self, count: usize) -> Result<(), ParquetError> {
        let Self { reader, nullable, unsigned, bytes, ends, levels } = self;
        let mut texts = Texts { bytes, ends, levels, nullable: *nullable, count };
        match reader {
            ColumnReader::BoolColumnReader(reader) => texts.decode(reader, |text, value| {
                write_text(text, u8::from(*value));
            }),
            ColumnReader::Int32ColumnReader(reader) if *unsigned => texts.decode(reader, |text, value| {
                write_text(text, value.cast_unsigned());
            }),
            ColumnReader::Int64ColumnReader(reader) if *unsigned => texts.decode(reader, |text, value| {
                write_text(text, value.cast_unsigned());
            }),
            ColumnReader::Int32ColumnReader(reader) => texts.decode(reader, |text, value| write_text(text, value)),
            ColumnReader::Int64ColumnReader(reader) => texts.decode(reader, |text, value| write_text(text, value)),
            // The digits of the f64 that the f32 is: they are read back as it.
            ColumnReader::FloatColumnReader(reader) => {
                texts.decode(reader, |text, value| write_text(text, f64::from(*value)))
            }
            ColumnReader::DoubleColumnReader(reader) => texts.decode(reader, |text, value| write_text(text, value)),
            ColumnReader::ByteArrayColumnReader(reader) => {
                texts.decode(reader, |text, value| text.extend_from_slice(value.data()))
            }
            ColumnReader::Int96ColumnReader(_) | ColumnReader::FixedLenByteArrayColumnReader(_) => {
                Err(ParquetError::NYI("a type that `Column::check` refuses".to_owned()))
            }
        }
    }

    /// The value of a decoded row.
    pub(super) fn value(&self, row: usize) -> Value<'_> {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        match line_error::text(&self.bytes[start..self.ends[row]]) {
            Ok(text) => Value::Text(text),
            Err(refusal) => Value::NoText(refusal),
        }
    }
}

fn write_text(text: &mut Vec<u8>, value: impl std::fmt::Debug) {
    struct Bytes<'a>(&'a mut Vec<u8>);
    impl Write for Bytes<'_> {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.extend_from_slice(text.as_bytes());
            Ok(())
        }
    }
    let written = write!(Bytes(text), "{value:?}");
    debug_assert!(written.is_ok(), "writing to a vector does not fail");
}

/// Where the texts of rows go.
struct Texts<'a> {
    bytes: &'a mut Vec<u8>,
    ends: &'a mut Vec<usize>,
    levels: &'a mut Vec<i16>,
    nullable: bool,
    count: usize,
}

impl Texts<'_> {
    fn decode<T: DataType>(
        &mut self,
        reader: &mut ColumnReaderImpl<T>,
        text: impl Fn(&mut Vec<u8>, &T::T),
    ) -> Result<(), ParquetError> {
        self.bytes.clear();
        self.ends.clear();
        self.levels.clear();
        let mut values = Vec::with_capacity(self.count);
        let mut rows = 0;
        while rows < self.count {
            let levels = self.nullable.then_some(&mut *self.levels);
            let (read, ..) = reader.read_records(self.count - rows, levels, None, &mut values)?;
            if read == 0 {
                let message = format!("a column has {rows} of {} rows", self.count);
                return Err(ParquetError::EOF(message));
            }
            rows += read;
        }
        let mut values = values.iter();
        for row in 0..self.count {
            let present = !self.nullable || self.levels.get(row) == Some(&1);
            if let Some(value) = present.then(|| values.next()).flatten() {
                text(self.bytes, value);
            } else if present {
                return Err(ParquetError::EOF("a column has fewer values than rows".to_owned()));
            }
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }
}
