//! What is encoded does not depend on the number of threads, on compression, or on how rows are spread over files.

use std::fmt::Write as _;
use std::io::Write as _;

use ctr_data::{DataError, Dataset, PrepareOptions, Split, prepare};

use crate::workshop::{CSV_CONFIG, GO_ON, TEST, VALID, Workshop, all_rows, parse};

/// Rows enough for several pieces, with quoted line ends, rare values and numbers whose sum depends on their order.
fn many() -> String {
    let mut text = "label,user,item,price\n".to_owned();
    for row in 0_u32..60_000 {
        let hash = row.wrapping_mul(2_654_435_761);
        let item = if hash.is_multiple_of(97) { "\"two\nlines\"".to_owned() } else { format!("i{}", hash >> 24) };
        writeln!(text, "{},u{},{item},{}.{}", hash & 1, hash >> 18, hash >> 8, hash & 255).unwrap();
    }
    text
}

fn config() -> String {
    CSV_CONFIG.replace("type = \"numeric\"", "type = \"numeric\"\nmissing = \"mean\"\nstandardise = true")
}

fn prepared(workshop: &Workshop, config: &str, threads: usize) -> Result<Dataset, DataError> {
    let cache = tempfile::tempdir_in(workshop.raw("")).unwrap();
    let (data_dir, cache_dir) = (&workshop.raw(""), cache.path());
    prepare(&parse(config), &PrepareOptions { data_dir, cache_dir, threads, progress: &|_| {}, cancelled: &GO_ON })
}

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let workshop = Workshop::with(many(), VALID, TEST);
    let one = prepared(&workshop, &config(), 1).unwrap();
    assert_eq!(one.split(Split::Train).len(), 60_000);
    for threads in [2, 3, 7] {
        assert_eq!(prepared(&workshop, &config(), threads).unwrap().digest(), one.digest(), "{threads} threads");
    }
}

#[test]
fn the_first_bad_row_is_the_error_whichever_thread_meets_it() {
    let mut text = many();
    let places: Vec<usize> = text.match_indices("\n1,").map(|(at, _)| at + 1).collect();
    for at in [places[9_000], places[20_000]] {
        text.replace_range(at..=at, "9");
    }
    let line = 1 + text[..places[9_000]].matches('\n').count();
    let workshop = Workshop::with(text, VALID, TEST);
    for threads in [1, 2, 5] {
        let message = prepared(&workshop, &config(), threads).unwrap_err().to_string();
        assert!(message.contains(&format!("line {line}, column `label`: found \"9\"")), "{message}");
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    // Two members, as `cat a.gz b.gz` makes.
    let (a, b) = content.split_at(content.len() / 3);
    [a, b]
        .into_iter()
        .flat_map(|part| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        })
        .collect()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    let (a, b) = content.split_at(content.len() / 2);
    [a, b].into_iter().flat_map(|part| zstd::encode_all(part, 1).unwrap()).collect()
}

#[test]
fn compressed_files_are_their_content() {
    let text = many();
    let plain = Workshop::with(&text, VALID, TEST);
    let expected = prepared(&plain, &config(), 2).unwrap();
    for compress in [gzip, zstd] {
        let workshop = Workshop::with(compress(text.as_bytes()), compress(VALID.as_bytes()), compress(TEST.as_bytes()));
        for threads in [1, 2] {
            assert_eq!(prepared(&workshop, &config(), threads).unwrap().digest(), expected.digest());
        }
    }
}

#[test]
fn a_compressed_file_that_is_cut_short_or_altered_is_an_error() {
    let text = many();
    for compress in [gzip, zstd] {
        let whole = compress(text.as_bytes());
        let mut altered = whole.clone();
        let middle = altered.len() / 2;
        for byte in &mut altered[middle..middle + 8] {
            *byte ^= 0xa5;
        }
        for (case, bytes) in [("cut", whole[..whole.len() - 7].to_vec()), ("altered", altered)] {
            let workshop = Workshop::with(bytes, VALID, TEST);
            let message = prepared(&workshop, &config(), 2).unwrap_err().to_string();
            // A gzip stream may decode to other text for a while: then a row is refused before the checksum is reached.
            assert!(message.contains(&workshop.raw("train").display().to_string()), "{case}: {message}");
        }
    }
}

#[test]
fn rows_may_be_spread_over_files() {
    let (text, workshop) = (many(), Workshop::with("", VALID, TEST));
    workshop.write("train", &text);
    let whole = prepared(&workshop, &config(), 2).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let cuts: Vec<usize> = rows.match_indices("\n1,").map(|(at, _)| at + 1).collect();
    for (name, part) in [
        ("day_1.csv", &rows[..cuts[100]]),
        ("day_2.csv.gz", &rows[cuts[100]..cuts[20_000]]),
        ("day_3.csv", &rows[cuts[20_000]..]),
    ] {
        let text = format!("{header}\n{part}");
        workshop.write(name, if name.ends_with("gz") { gzip(text.as_bytes()) } else { text.into_bytes() });
    }
    workshop.write("other.csv", "not a day");
    for files in ["\"day_*\"", "[\"day_1.csv\", \"day_[23].csv*\"]"] {
        let config = config().replace("train = \"train\"", &format!("train = {files}"));
        assert_eq!(prepared(&workshop, &config, 2).unwrap().digest(), whole.digest(), "{files}");
    }
    let reversed = config().replace("train = \"train\"", "train = [\"day_3.csv\", \"day_1.csv\", \"day_2.csv.gz\"]");
    assert_ne!(all_rows(&prepared(&workshop, &reversed, 2).unwrap()), all_rows(&whole), "a list keeps its order");
}

#[test]
fn files_that_do_not_fit_are_named() {
    let workshop = Workshop::small();
    let with = |files: &str| {
        let config = config().replace("train = \"train\"", &format!("train = {files}"));
        prepared(&workshop, &config, 1).unwrap_err().to_string()
    };
    let message = with("\"week_*.csv\"");
    assert!(message.contains("`files.train`: found \"week_*.csv\"") && message.contains("a file in"), "{message}");
    let message = with("\"[\"");
    assert!(message.contains("`files.train`") && message.contains("a pattern of"), "{message}");
    assert!(with("[]").contains("`files.train`: found [], expected at least one file"));
    workshop.write("other", "label,user,price\n1,a,2\n");
    let message = with("[\"train\", \"other\"]");
    assert!(message.contains("other") && message.contains("no column `item`"), "{message}");
}
