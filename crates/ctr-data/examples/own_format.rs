//! A format of one's own: implement `DataSource` for it and pass it to `prepare_from`.
//!
//! Here rows are lines of `key=value` pairs. Run with `cargo run --example own_format`.

#![allow(clippy::print_stdout, reason = "an example shows what it did")]

use std::error::Error;
use std::sync::atomic::AtomicBool;

use ctr_data::source::{BadRow, RowBuffer, RowVisitor, SourceColumns};
use ctr_data::{
    DataError, DataSource, DatasetConfig, Labels, PrepareOptions, Reason, RowError, Sources, Split, prepare_from,
};

/// Lines such as `click=1 user=ann price=2.5`, in memory.
struct Pairs {
    name: &'static str,
    text: &'static str,
    columns: SourceColumns,
}

impl DataSource for Pairs {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn columns(&self) -> &SourceColumns {
        &self.columns
    }

    fn size(&self) -> Result<u64, DataError> {
        Ok(self.text.len() as u64)
    }

    // The data set is made anew when this changes.
    fn fingerprint(&self, _: &mut dyn FnMut(u64) -> Result<(), DataError>) -> Result<[u8; 32], DataError> {
        Ok(*blake3::hash(self.text.as_bytes()).as_bytes())
    }

    fn read(&self, visit: &mut RowVisitor<'_>) -> Result<(), DataError> {
        let mut buffer = RowBuffer::default();
        let mut offset = 0;
        for (number, text) in self.text.lines().enumerate() {
            let line = number as u64 + 1;
            offset += text.len() as u64 + 1;
            let value = |key: &str| {
                let mut pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
                pairs.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
            };
            let label = match value(&self.columns.label) {
                "0" => false,
                "1" => true,
                other => {
                    let error = RowError {
                        file: self.name(),
                        line,
                        column: Some(self.columns.label.clone()),
                        value: format!("{other:?}"),
                        expected: "0 or 1".to_owned(),
                        next: "correct the row",
                        reason: Reason::Label,
                    };
                    // The caller's policy says whether this ends the reading.
                    visit(Err(BadRow { error: Box::new(error), raw: text.as_bytes() }))?;
                    continue;
                }
            };
            buffer.clear();
            for field in &self.columns.fields {
                buffer.push(value(&field.name));
            }
            visit(Ok(&buffer.row(self.name, line, offset, Some(label))))?;
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let config: DatasetConfig = toml::from_str(
        r#"
        name = "pairs"
        label = "click"
        source = { format = "custom" }
        rows = { bad = "skip" }
        fields = [
            { name = "user", type = "categorical" },
            { name = "price", type = "numeric", missing = "mean" },
        ]
        "#,
    )?;
    let columns = SourceColumns::new(&config, Labels::Required);
    let source = |name, text| Box::new(Pairs { name, text, columns: columns.clone() }) as Box<dyn DataSource>;
    let sources = Sources::Splits([
        source("train", "click=1 user=ann price=2.5\nclick=? user=bob\nclick=0 user=bob price=1\n"),
        source("valid", "click=0 user=ann\n"),
        source("test", "price=3 user=cyd click=1\n"),
    ]);
    let cache = tempfile::tempdir()?;
    let options = PrepareOptions {
        data_dir: cache.path(),
        cache_dir: cache.path(),
        threads: 0,
        progress: &|_| {},
        cancelled: &AtomicBool::new(false),
    };
    let dataset = prepare_from(&config, &sources, &options)?;
    let train = dataset.split(Split::Train);
    for row in 0..train.len() {
        println!("label {}, ids {:?}, numbers {:?}", train.label(row), train.categorical(row), train.numeric(row));
    }
    println!("left out: {:?}", dataset.bad_rows());
    Ok(())
}
