//! Parquet files hold what CSV files hold.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ctr_data::{DataError, Dataset, Labels, Split};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use crate::workshop::{CSV_CONFIG, TEST, TRAIN, VALID, Workshop, all_rows, parse, rows};

const SCHEMA: &str = "message rows {
    OPTIONAL DOUBLE price; REQUIRED INT64 label; OPTIONAL BYTE_ARRAY item (UTF8);
    REQUIRED INT32 code (INTEGER(32, false)); OPTIONAL BYTE_ARRAY user (UTF8); OPTIONAL FLOAT score; REQUIRED BOOLEAN flag;
}";

/// Writes a CSV text's rows, `group` of them in a row group.
fn write(path: &Path, csv: &str, group: usize, compression: Compression) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::new(properties)).unwrap();
    let lines: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    for lines in lines.chunks(group) {
        let present = |place: usize| lines.iter().map(|line| i16::from(!line[place].is_empty())).collect::<Vec<_>>();
        let text = |place: usize| {
            let texts = lines.iter().map(|line| line[place]).filter(|text| !text.is_empty());
            texts.map(ByteArray::from).collect::<Vec<_>>()
        };
        let mut group = writer.next_row_group().unwrap();
        let mut place = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            match (place, column.untyped()) {
                (0, ColumnWriter::DoubleColumnWriter(column)) => {
                    let values: Vec<f64> = lines.iter().filter_map(|line| line[3].parse().ok()).collect();
                    column.write_batch(&values, Some(&present(3)), None).unwrap();
                }
                (1, ColumnWriter::Int64ColumnWriter(column)) => {
                    let values: Vec<i64> = lines.iter().map(|line| line[0].parse().unwrap()).collect();
                    column.write_batch(&values, None, None).unwrap();
                }
                (2, ColumnWriter::ByteArrayColumnWriter(column)) => {
                    column.write_batch(&text(2), Some(&present(2)), None).unwrap();
                }
                (3, ColumnWriter::Int32ColumnWriter(column)) => {
                    column.write_batch(&vec![-1; lines.len()], None, None).unwrap();
                }
                (4, ColumnWriter::ByteArrayColumnWriter(column)) => {
                    column.write_batch(&text(1), Some(&present(1)), None).unwrap();
                }
                (5, ColumnWriter::FloatColumnWriter(column)) => {
                    column.write_batch(&vec![0.1; lines.len()], Some(&vec![1; lines.len()]), None).unwrap();
                }
                (6, ColumnWriter::BoolColumnWriter(column)) => {
                    column.write_batch(&vec![true; lines.len()], None, None).unwrap();
                }
                _ => panic!("column {place} has another type"),
            }
            column.close().unwrap();
            place += 1;
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn config() -> String {
    CSV_CONFIG.replace("\"csv\"", "\"parquet\"")
}

fn prepared(train: &str, config: &str) -> Result<Dataset, DataError> {
    let workshop = Workshop::empty();
    write(&workshop.raw("train"), train, 3, Compression::UNCOMPRESSED);
    write(&workshop.raw("valid"), VALID, 100, Compression::ZSTD(ZstdLevel::default()));
    write(&workshop.raw("test"), TEST, 1, Compression::SNAPPY);
    workshop.prepare(config)
}

#[test]
fn the_same_rows_come_out_the_same() {
    let csv = Workshop::small().prepare(CSV_CONFIG).unwrap();
    assert_eq!(all_rows(&prepared(TRAIN, &config()).unwrap()), all_rows(&csv));
}

#[test]
fn nulls_are_missing_values() {
    let train = "label,user,item,price\n1,,x,2\n0,ann,,\n1,ann,x,4\n";
    let policy = |text: &str| text.replace("type = \"numeric\"", "type = \"numeric\"\nmissing = \"mean\"");
    let csv = Workshop::with(train, VALID, TEST).prepare(&policy(CSV_CONFIG)).unwrap();
    assert_eq!(all_rows(&prepared(train, &policy(&config())).unwrap()), all_rows(&csv));
    let message = prepared(train, &config()).unwrap_err().to_string();
    assert!(message.contains("train, line 2, column `price`: found nothing"), "{message}");
}

#[test]
fn values_keep_their_digits() {
    let fields =
        "[[fields]]\nname = ['code', 'flag']\ntype = 'categorical'\n[[fields]]\nname = 'score'\ntype = 'numeric'";
    let workshop = Workshop::empty();
    for (name, text) in [("train", TRAIN), ("valid", VALID), ("test", TEST)] {
        write(&workshop.raw(name), text, 2, Compression::SNAPPY);
    }
    let dataset = workshop.prepare(&format!("{}\n{fields}", config())).unwrap();
    let encoder = dataset.encoder().unwrap();
    assert_eq!((encoder.value(2, 1), encoder.value(3, 1)), (Some("4294967295"), Some("1")));
    assert_eq!(dataset.split(Split::Train).numeric(0)[1], 0.1);
}

#[test]
fn bad_rows_follow_their_policy() {
    let train = TRAIN.replacen("0,bob", "2,bob", 1);
    let message = prepared(&train, &config()).unwrap_err().to_string();
    assert!(message.contains("line 2, column `label`: found \"2\""), "{message}");
    let skipped = prepared(&train, &format!("{}\n[rows]\nbad = 'skip'", config())).unwrap();
    let without = TRAIN.replace("0,bob,y,-1\n", "");
    assert_eq!(all_rows(&skipped), all_rows(&prepared(&without, &config()).unwrap()));
}

#[test]
fn columns_that_cannot_be_read_are_named() {
    let with = |old: &str, new: &str| prepared(TRAIN, &config().replace(old, new)).unwrap_err().to_string();
    let message = with("\"item\"", "\"itme\"");
    assert!(message.contains("no column `itme`") && message.contains("did you mean `item`?"), "{message}");
    let message = with("\"item\"", "\"score\"");
    assert!(message.contains("column `score`: FLOAT for a category"), "{message}");
}

#[test]
fn labels_may_be_absent_where_they_are_optional() {
    let workshop = Workshop::small();
    let encoder = workshop.prepare(CSV_CONFIG).unwrap().encoder().unwrap();
    write(&workshop.raw("train"), TRAIN, 2, Compression::SNAPPY);
    write(&workshop.raw("valid"), VALID, 2, Compression::SNAPPY);
    write(&workshop.raw("test"), TEST, 2, Compression::SNAPPY);
    let of_parquet = workshop.prepare(&config()).unwrap().encoder().unwrap();
    let shards = workshop.encode(&of_parquet, &workshop.raw("train"), Labels::Optional).unwrap();
    workshop.write("csv", TRAIN);
    assert_eq!(rows(&shards), rows(&workshop.encode(&encoder, &workshop.raw("csv"), Labels::Optional).unwrap()));
}

/// Pages carry no checksum, so another value may come out of a flipped bit; but a damaged file ends in rows or in an error that names it.
#[test]
fn damaged_files_give_rows_or_a_named_error() {
    let workshop = Workshop::small();
    let path = workshop.raw("whole");
    write(&path, TRAIN, 2, Compression::SNAPPY);
    let whole = std::fs::read(&path).unwrap();
    let source = || parse(&config()).open_source(Split::Train, &workshop.raw("")).unwrap();
    let name = workshop.raw("train").display().to_string();
    let mut refused = 0;
    for at in (0..whole.len()).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        workshop.write("train", &bytes);
        if let Err(error) = source().read(&mut |row| Ok(row.map(|_| ())?)) {
            assert!(error.to_string().contains(&name), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 0);
    for length in (0..whole.len()).step_by(7) {
        workshop.write("train", &whole[..length]);
        let error = source().read(&mut |_| Ok(())).unwrap_err().to_string();
        assert!(error.contains(&name) && error.contains("fetch it again"), "cut to {length}: {error}");
    }
}
