//! Millions of malformed rows through every reader: `malformed_rows ROWS FOLDER [SEED]`.
//!
//! Valid rows are spoilt one to three times each, by hand-picked faults and by random bytes, and prepared with `bad = "skip"` and, every other
//! time, `"quarantine"`. Every row must be encoded or counted as a bad one; a panic ends the program. The same rows every time.

#![allow(clippy::print_stdout, reason = "the counts are what it is run for")]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use ctr_data::{DatasetConfig, PrepareOptions, Split, prepare};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Rows of a file.
const CHUNK: u64 = 250_000;
const LONGEST: usize = 4096;

/// `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, items: &[&'a T]) -> &'a T {
        items[self.below(items.len())]
    }
}

/// Texts that no value, or not every value, may be.
const FAULTS: &[&[u8]] = &[
    b"",
    b"2",
    b"-1",
    b"01",
    b"nan",
    b"-inf",
    b"1e999",
    b"1e-999",
    b"0x1p3",
    b"1.5.2",
    b"+",
    b"-",
    b" 1",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\0",
    b"\"",
    b"a\"b",
    b"\"a\"b",
    b"\"a",
    b"\r",
    b"\xe2\x80\xa8",
    b":",
    b"1:",
    b":1",
    b"1::1",
    b"1:2:3:4",
    b"18446744073709551616",
    b"99999999999999999999999999999999999999999999999999999999999999999999999999",
    b"|a:1",
    b"a:-1|b",
    b"\xef\xbb\xbf",
];

struct Format {
    name: &'static str,
    keys: &'static str,
    fields: &'static str,
    header: &'static str,
    delimiter: u8,
    row: fn(&mut Random) -> Vec<Vec<u8>>,
}

const FIELDS: &str = "[[fields]]\nname = 'user'\ntype = 'categorical'\nmissing = 'error'\n[[fields]]\nname = 'price'\ntype = 'numeric'\n\
     transform = { quantiles = 8 }\n[[fields]]\nname = 'tags'\ntype = 'categorical'\nmulti_hot = { separator = '|', weight_separator = ':' }";

const FORMATS: &[Format] = &[
    Format { name: "csv", keys: "", fields: FIELDS, header: "label,user,price,tags\n", delimiter: b',', row: plain },
    Format {
        name: "criteo_tsv",
        keys: "",
        fields: "[[fields]]\nname = ['I1', 'I13']\ntype = 'numeric'\n[[fields]]\nname = ['C1', 'C26']\ntype = 'categorical'\nmissing = 'error'",
        header: "",
        delimiter: b'\t',
        row: |random| (0..40).map(|_| random.below(2).to_string().into_bytes()).collect(),
    },
    Format {
        name: "libsvm",
        keys: ", index = { user = [1, 50], price = 60, item = [70, 90] }",
        fields: SPARSE,
        header: "",
        delimiter: b' ',
        row: |random| {
            let tokens =
                [format!("{}:1", 1 + random.below(50)), "60:1.5".to_owned(), format!("{}:1", 70 + random.below(20))];
            labelled(random, tokens)
        },
    },
    Format {
        name: "libfm",
        keys: ", key = { user = '0', price = '1', item = '2' }",
        fields: SPARSE,
        header: "",
        delimiter: b' ',
        row: |random| {
            let tokens =
                [format!("0:{}:1", random.below(50)), "1:1:1.5".to_owned(), format!("2:{}:1", random.below(20))];
            labelled(random, tokens)
        },
    },
    Format { name: "parquet", keys: "", fields: FIELDS, header: "", delimiter: b',', row: plain },
];

const SPARSE: &str = "[[fields]]\nname = ['user', 'item']\ntype = 'categorical'\nmissing = 'error'\n[[fields]]\nname = 'price'\ntype = 'numeric'";

fn plain(random: &mut Random) -> Vec<Vec<u8>> {
    labelled(random, ["ann".to_owned(), "1.5".to_owned(), "a:1|b:2".to_owned()])
}

fn labelled<const N: usize>(random: &mut Random, values: [String; N]) -> Vec<Vec<u8>> {
    let label = random.below(2).to_string();
    std::iter::once(label).chain(values).map(String::into_bytes).collect()
}

/// Spoils a row's values.
fn spoil(random: &mut Random, values: &mut Vec<Vec<u8>>) {
    let place = random.below(values.len());
    match random.below(16) {
        0 if values.len() > 1 => drop(values.remove(place)),
        1 => values.insert(place, random.of(FAULTS).to_vec()),
        2 => {
            // A line end would make two rows of one.
            let byte = match random.next() as u8 {
                b'\n' => b'\r',
                byte => byte,
            };
            let at = random.below(values[place].len() + 1);
            values[place].insert(at, byte);
        }
        3 => values[place].extend_from_slice(random.of(FAULTS)),
        4 if random.below(50) == 0 => values[place] = vec![b'x'; LONGEST + random.below(3)],
        5 => values.clear(),
        _ => values[place] = random.of(FAULTS).to_vec(),
    }
    if values.is_empty() {
        values.push(Vec::new());
    }
}

fn write(format: &Format, path: &Path, rows: &[Vec<Vec<u8>>]) -> Result<(), Box<dyn Error>> {
    if format.name == "parquet" {
        return write_parquet(path, rows);
    }
    let mut text = format.header.as_bytes().to_vec();
    for row in rows {
        text.extend(row.join(&format.delimiter));
        text.push(b'\n');
    }
    Ok(fs::write(path, text)?)
}

/// Texts in four columns; what a row lacks is null, what it has more is left out.
fn write_parquet(path: &Path, rows: &[Vec<Vec<u8>>]) -> Result<(), Box<dyn Error>> {
    let columns = ["label", "user", "price", "tags"];
    let schema = columns.map(|name| format!("OPTIONAL BYTE_ARRAY {name} (UTF8);")).concat();
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {schema} }}"))?);
    let mut writer = SerializedFileWriter::new(File::create(path)?, schema, Arc::default())?;
    let mut group = writer.next_row_group()?;
    let mut place = 0;
    while let Some(mut column) = group.next_column()? {
        let present: Vec<i16> = rows.iter().map(|row| i16::from(row.len() > place)).collect();
        let values: Vec<ByteArray> =
            rows.iter().filter_map(|row| row.get(place).cloned().map(ByteArray::from)).collect();
        if let ColumnWriter::ByteArrayColumnWriter(column) = column.untyped() {
            column.write_batch(&values, Some(&present), None)?;
        }
        column.close()?;
        place += 1;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let (rows, folder, seed) = match arguments.as_slice() {
        [_, rows, folder] => (rows, folder, "1"),
        [_, rows, folder, seed] => (rows, folder, seed.as_str()),
        _ => return Err("usage: malformed_rows ROWS FOLDER [SEED]".into()),
    };
    let (rows, mut random): (u64, _) = (rows.parse()?, Random(seed.parse()?));
    let each = rows.div_ceil(FORMATS.len() as u64);
    let (mut all, mut refused) = (0, 0);
    for format in FORMATS {
        let (mut written, mut good, mut chunk) = (0, 0, 0);
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        while written < each {
            let count = CHUNK.min(each - written);
            let (made, bad) = prepared(format, Path::new(folder), count, chunk, &mut random)?;
            good += made;
            for (reason, count) in bad {
                *reasons.entry(reason).or_default() += count;
            }
            (written, chunk) = (written + count, chunk + 1);
        }
        let bad: u64 = reasons.values().sum();
        println!("{}: {written} rows, {good} taken all the same, {bad} refused: {reasons:?}", format.name);
        // Only in CSV may a row be drawn into another, by a quote.
        if format.name != "csv" && good + bad != written {
            return Err(format!("{}: {written} rows are not {good} and {bad}", format.name).into());
        }
        (all, refused) = (all + written, refused + bad);
    }
    println!("{all} spoilt rows, {refused} refused, no panic");
    Ok(())
}

/// Rows by the reason that they were refused for.
type Counts = Vec<(&'static str, u64)>;

/// Rows that were encoded, of `count` malformed ones, and the others by reason.
fn prepared(
    format: &Format,
    folder: &Path,
    count: u64,
    chunk: u64,
    random: &mut Random,
) -> Result<(u64, Counts), Box<dyn Error>> {
    let scratch = tempfile::tempdir_in(folder)?;
    let place = |name: &str| scratch.path().join(name);
    // One row is as it should be: a data set without any is an error.
    let mut malformed = vec![(format.row)(random)];
    for _ in 0..count {
        let mut row = (format.row)(random);
        for _ in 0..=random.below(3) {
            spoil(random, &mut row);
        }
        malformed.push(row);
    }
    write(format, &place("train"), &malformed)?;
    for name in ["valid", "test"] {
        write(format, &place(name), &[(format.row)(random)])?;
    }
    let policy = if chunk.is_multiple_of(2) {
        "bad = 'skip'".to_owned()
    } else {
        format!("bad = 'quarantine'\nquarantine = '{}'", place("bad").display())
    };
    let config: DatasetConfig = toml::from_str(&format!(
        "name = 'malformed'\nsource = {{ format = '{}'{} }}\nfiles = {{ train = 'train', valid = 'valid', test = 'test' }}\n[rows]\n\
         max_line_bytes = {LONGEST}\n{policy}\n{}",
        format.name, format.keys, format.fields
    ))?;
    let dataset = prepare(
        &config,
        &PrepareOptions {
            data_dir: scratch.path(),
            cache_dir: &place("cache"),
            threads: 0,
            progress: &|_| {},
            cancelled: &AtomicBool::new(false),
        },
    )?;
    let bad = dataset.bad_rows().values().flatten().map(|(reason, count)| (reason.name(), *count));
    Ok((dataset.split(Split::Train).len() as u64 - 1, bad.collect()))
}
