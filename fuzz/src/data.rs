//! The readers of `ctr-data`: raw files in each format, shards and encoders.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use ctr_data::{
    DatasetConfig, EncodeOptions, Encoder, FieldRows, Labels, LoaderOptions, MultiHot, Order, PrepareOptions,
    RowLayout, Shards, Split, TableRows, batches, config::Pooling, prepare,
};

use crate::scratch::Scratch;

/// Bytes of a digest at the end of a file.
const DIGEST: usize = 32;
/// The shortest limit that a configuration may set: lines of inputs reach it.
const SHORT_LINES: usize = 64;
static GO_ON: AtomicBool = AtomicBool::new(false);

/// Fields that go through every part of the encoder.
const FIELDS: &str = r#"
[[fields]]
name = "user"
type = "categorical"
missing = "oov"

[[fields]]
name = "price"
type = "numeric"
missing = "mean"
transform = "log1p"
standardise = true

[[fields]]
name = "item"
type = "categorical"
hash = { buckets = 100 }
"#;

/// Delimited text.
pub fn csv(bytes: &[u8]) {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    let tags = "[[fields]]\nname = \"tags\"\ntype = \"categorical\"\nmulti_hot = { separator = \"|\", weight_separator = \":\" }";
    let format = || {
        Format::new(
            "format = \"csv\"\ntrue_probability = \"p\"",
            &format!("{FIELDS}{tags}"),
            b"label,user,price,item,tags,p,unused\n1,ann,0.5,7,a:1|b:2,0.25,x\n0,\"b,\"\"o\",,8,,1,\n",
        )
    };
    FORMAT.get_or_init(format).read(bytes);
}

/// The layout of the Criteo data.
pub fn criteo_tsv(bytes: &[u8]) {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    let format = || {
        let fields = "
            [[fields]]
            name = [\"I1\", \"I2\", \"I13\"]
            type = \"numeric\"
            missing = { constant = 0.0 }
            transform = \"log_squared\"

            [[fields]]
            name = [\"C1\", \"C2\", \"C26\"]
            type = \"categorical\"
            missing = \"error\"";
        let row = format!("1{}\n", "\t2".repeat(39));
        Format::new("format = \"criteo_tsv\"", fields, row.as_bytes())
    };
    FORMAT.get_or_init(format).read(bytes);
}

/// `label index:value …`
pub fn libsvm(bytes: &[u8]) {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    let source = "format = \"libsvm\"\nindex = { user = [1, 100], price = 200, item = [300, 9223372036854775807] }";
    FORMAT.get_or_init(|| Format::new(source, FIELDS, b"1 7:1 200:0.5 300:1\n0 8:1\n1 200:3\n")).read(bytes);
}

/// `label field:feature:value …`
pub fn libfm(bytes: &[u8]) {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    let source = "format = \"libfm\"\nkey = { user = \"0\", price = \"1\" }";
    FORMAT.get_or_init(|| Format::new(source, FIELDS, b"1 0:7:1 1:1:0.5 item:3:1\n0 0:8:1\n1 1:1:3\n")).read(bytes);
}

/// Parquet files, footer and pages.
pub fn parquet(bytes: &[u8]) {
    static FORMAT: OnceLock<Format> = OnceLock::new();
    let sample = include_bytes!("../corpus/parquet/plain");
    FORMAT.get_or_init(|| Format::new("format = \"parquet\"", FIELDS, sample)).read(bytes);
}

/// A raw format, and an encoder fitted on a small file of it.
struct Format {
    scratch: Scratch,
    config: DatasetConfig,
    encoder: Encoder,
}

impl Format {
    fn new(source: &str, fields: &str, sample: &[u8]) -> Self {
        let scratch = Scratch::new();
        let text = format!(
            "name = \"fuzz\"\n[files]\ntrain = \"input\"\nvalid = \"input\"\ntest = \"input\"\n[source]\n{source}\n{fields}"
        );
        let config: DatasetConfig = toml::from_str(&text).expect("a data set configuration");
        scratch.write("input", sample);
        let options = PrepareOptions {
            data_dir: scratch.folder(),
            cache_dir: &scratch.path("cache"),
            threads: 1,
            progress: &|_| {},
            cancelled: &GO_ON,
        };
        let encoder =
            prepare(&config, &options).and_then(|dataset| dataset.encoder()).expect("a sample that is encoded");
        Self { scratch, config, encoder }
    }

    fn read(&self, bytes: &[u8]) {
        let path = self.scratch.write("input", bytes);
        let source = self.config.open_source(Split::Train, self.scratch.folder()).expect("a source");
        let (mut good, mut bad, mut last) = (0, 0, 0);
        let read = source.read(&mut |row| {
            match row {
                Ok(row) => {
                    good += 1;
                    assert!(row.line > last, "line {} after {last}", row.line);
                    last = row.line;
                    let values = (0..source.columns().fields.len()).map(|field| row.value(field).len());
                    assert!(values.sum::<usize>() <= 1 << 30);
                }
                Err(refused) => {
                    bad += 1;
                    assert!(refused.error.line > last, "line {} after {last}", refused.error.line);
                    last = refused.error.line;
                    assert!(refused.error.to_string().contains("expected"));
                }
            }
            Ok(())
        });
        if let Err(error) = &read {
            assert!(!error.to_string().is_empty());
        }
        if let Ok(shards) = self.encode(&path, Labels::Required, 1 << 20) {
            assert!(read.is_ok());
            assert_eq!((shards.len(), bad), (good, 0), "what is encoded is what is read");
            walk(&Arc::new(shards));
        }
        if let Ok(shards) = self.encode(&path, Labels::Optional, SHORT_LINES) {
            walk(&Arc::new(shards));
        }
    }

    fn encode(&self, path: &Path, labels: Labels, max_line_bytes: usize) -> Result<Shards, ctr_data::DataError> {
        let options = EncodeOptions {
            labels,
            threads: 1,
            max_line_bytes,
            scratch_dir: self.scratch.folder(),
            progress: &|_| {},
            cancelled: &GO_ON,
        };
        self.encoder.encode_file(path, &options)
    }
}

/// Encoded rows: as they are, and with the digest that belongs to them, so that what it protects is reached.
pub fn shard(bytes: &[u8]) {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    let scratch = SCRATCH.get_or_init(Scratch::new);
    for bytes in [bytes.to_vec(), sealed(bytes)] {
        if let Ok(shards) = Shards::open(&scratch.write("a.shard", &bytes)) {
            walk(&Arc::new(shards));
        }
    }
}

/// An encoder's file: as it is, and with its digest.
pub fn encoder(bytes: &[u8]) {
    static SCRATCH: OnceLock<Scratch> = OnceLock::new();
    let scratch = SCRATCH.get_or_init(Scratch::new);
    for bytes in [bytes.to_vec(), sealed(bytes)] {
        scratch.write("encoder.bin", &bytes);
        let Ok(encoder) = Encoder::load(scratch.folder()) else { continue };
        let schema = encoder.schema();
        for (number, field) in schema.categorical.iter().enumerate() {
            for id in [0, 1, u32::MAX] {
                if let Some(value) = encoder.value(number, id) {
                    assert_eq!(encoder.id(&field.table, value), Some(id));
                }
            }
        }
        let path = scratch.write("rows", b"label,user,price,item,tags,p\n1,ann,0.5,7,a:1|b:2,0.25\n0,b,,8,,1\n");
        let options = EncodeOptions {
            labels: Labels::Optional,
            threads: 1,
            max_line_bytes: 1 << 20,
            scratch_dir: scratch.folder(),
            progress: &|_| {},
            cancelled: &GO_ON,
        };
        if let Ok(shards) = encoder.encode_file(&path, &options) {
            walk(&Arc::new(shards));
        }
    }
}

/// The content with its BLAKE3 digest at the end, in the place of the one it has.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    let content = &bytes[..bytes.len().saturating_sub(DIGEST)];
    [content, blake3::hash(content).as_bytes()].concat()
}

/// Reads every row, and an epoch's batches.
fn walk(shards: &Arc<Shards>) {
    /// Rows of an input: a file with more has fewer bytes than rows.
    const MOST: usize = 1 << 20;
    assert!(shards.len() <= MOST, "{} rows in a small file", shards.len());
    let mut bags = ctr_data::Bags::default();
    for row in 0..shards.len() {
        let _ = (shards.label(row), shards.true_probability(row));
        assert_eq!(shards.numeric(row).len(), shards.numeric_fields());
        assert_eq!(shards.categorical(row).len(), shards.categorical_fields());
        shards.add_bags(row, &mut bags);
    }
    let fields = shards.categorical_fields() + shards.multi_hot_fields();
    if fields > 1 << 10 {
        return;
    }
    let table = |number: usize| TableRows { name: number.to_string(), base: 0, ids: 1 << 20, buckets: None };
    let field = |table: usize| FieldRows {
        table,
        multi_hot: (table >= shards.categorical_fields()).then_some(MultiHot { pooling: Pooling::Sum, weighted: true }),
    };
    let layout = RowLayout::of_tables((0..fields).map(table).collect(), (0..fields).map(field).collect());
    let options = LoaderOptions { batch_size: 100, threads: 0, ..LoaderOptions::default() };
    for batch in batches(shards, &layout, Order::Shuffled { seed: 1, epoch: 0 }, &options) {
        if batch.is_err() {
            break;
        }
    }
}
