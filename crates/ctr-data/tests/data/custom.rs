//! Sources from outside the crate.

use ctr_data::config::CustomConfig;
use ctr_data::source::{RowBuffer, RowVisitor, SourceColumns};
use ctr_data::{DataError, DataSource, EncodeOptions, Labels, PrepareOptions, Sources, Split, prepare, prepare_from};

use crate::workshop::{CSV_CONFIG, GO_ON, TEST, TRAIN, VALID, Workshop, all_rows, parse};

/// The rows of a CSV text without quotes, read by a program of its own.
struct Simple {
    text: &'static str,
    columns: SourceColumns,
}

impl DataSource for Simple {
    fn name(&self) -> String {
        "simple".to_owned()
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        Ok(self.text.lines().count() as u64)
    }

    fn fingerprint(&self, _: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        Ok([self.text.len() as u8; 32])
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let mut buffer = RowBuffer::default();
        for (line, text) in (2..).zip(self.text.lines().skip(1)) {
            buffer.clear();
            let (label, values) = text.split_once(',').unwrap();
            values.split(',').for_each(|value| buffer.push(value));
            visit(Ok(&buffer.row("simple", line, line, Some(label == "1"))))?;
        }
        Ok(())
    }
}

fn custom() -> String {
    let (before, after) = CSV_CONFIG.split_once("[files]").unwrap();
    let fields = &after[after.find("[[fields]]").unwrap()..];
    format!("{}{fields}", before.replace("csv", "custom"))
}

fn sources(columns: &SourceColumns) -> Sources {
    let source = |text| Box::new(Simple { text, columns: columns.clone() }) as Box<dyn DataSource>;
    Sources::Splits([source(TRAIN), source(VALID), source(TEST)])
}

#[test]
fn a_source_of_one_s_own_equals_the_same_rows_in_a_file() {
    let workshop = Workshop::small();
    let config = parse(&custom());
    let columns = SourceColumns::new(&config, Labels::Required);
    let (data_dir, cache_dir) = (&workshop.raw(""), &workshop.cache());
    let options = PrepareOptions { data_dir, cache_dir, threads: 2, progress: &|_| {}, cancelled: &GO_ON };
    let dataset = prepare_from(&config, &sources(&columns), &options).unwrap();
    assert_eq!(all_rows(&dataset), all_rows(&workshop.prepare(CSV_CONFIG).unwrap()));
    assert!(prepare_from(&config, &sources(&columns), &options).unwrap().was_cached());

    let encoder = dataset.encoder().unwrap();
    let source = Simple { text: TEST, columns: encoder.source_columns(Labels::Optional) };
    let options = EncodeOptions {
        labels: Labels::Optional,
        threads: 2,
        max_line_bytes: 1000,
        scratch_dir: data_dir,
        progress: &|_| {},
        cancelled: &GO_ON,
    };
    let shards = encoder.encode_source(&source, &options).unwrap();
    assert_eq!(shards.digest(), dataset.split(Split::Test).digest());
    let message = encoder.encode_file(&workshop.raw("test"), &options).unwrap_err().to_string();
    assert!(message.contains("`source.format`: found \"custom\""), "{message}");
}

#[test]
fn sources_that_do_not_fit_their_configuration() {
    let workshop = Workshop::small();
    let config = parse(&custom());
    let (data_dir, cache_dir) = (&workshop.raw(""), &workshop.cache());
    let options = PrepareOptions { data_dir, cache_dir, threads: 1, progress: &|_| {}, cancelled: &GO_ON };
    let mut columns = SourceColumns::new(&config, Labels::Required);
    columns.fields.swap(0, 1);
    let message = prepare_from(&config, &sources(&columns), &options).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("columns of a source"), "{message}");
    let message = prepare(&config, &options).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("`source.format`"), "{message}");
    let mut divided = config.clone();
    divided.source = ctr_data::config::SourceConfig::Custom(CustomConfig {});
    divided.split = toml::from_str("by = 'ratio'\nvalid = 0.1\ntest = 0.1").unwrap();
    let columns = SourceColumns::new(&divided, Labels::Required);
    let message = prepare_from(&divided, &sources(&columns), &options).map(|_| ()).unwrap_err().to_string();
    assert!(message.contains("sources: found a source for each split"), "{message}");
}
