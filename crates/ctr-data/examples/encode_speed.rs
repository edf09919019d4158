//! Megabytes of a Criteo file prepared and encoded per second: `encode_speed FILE SCRATCH_FOLDER THREADS`.
//!
//! `prepare` fingerprints the file twice, fits on it and encodes it; `encode` is the encoding alone, as for predictions.

#![allow(clippy::print_stdout, reason = "the figures are what it is run for")]

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use ctr_data::config::{CriteoConfig, RowsConfig};
use ctr_data::{DatasetConfig, EncodeOptions, Labels, PrepareOptions, PrepareProgress, Split, prepare};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, scratch, threads] = arguments.as_slice() else {
        return Err("usage: encode_speed FILE SCRATCH_FOLDER THREADS".into());
    };
    let (file, threads) = (Path::new(file), threads.parse()?);
    let columns = CriteoConfig::columns();
    let (integers, categories) = columns.split_at(13);
    let one = tempfile::NamedTempFile::new_in(scratch)?;
    std::fs::write(one.path(), format!("0{}\n", "\t1".repeat(39)))?;
    let (file_text, one_text) = (file.display(), one.path().display());
    let text = format!(
        "name = 'speed'\nsource = {{ format = 'criteo_tsv' }}\nfiles = {{ train = '{file_text}', valid = '{one_text}', test = '{one_text}' }}\n\
         fields = [{{ name = {integers:?}, type = 'numeric', missing = {{ constant = 0.0 }}, transform = 'log1p' }},\n\
         {{ name = {categories:?}, type = 'categorical', min_count = 2 }}]"
    );
    let config: DatasetConfig = toml::from_str(&text)?;
    let megabytes = std::fs::metadata(file)?.len() as f64 / 1e6;
    let cache = tempfile::tempdir_in(scratch)?;
    let cancelled = &AtomicBool::new(false);
    let begin = Instant::now();
    let stages = Mutex::new(Vec::new());
    let stage_seen = |progress: PrepareProgress| {
        let mut stages = stages.lock().unwrap_or_else(PoisonError::into_inner);
        if stages.last().is_none_or(|(stage, _)| *stage != progress.stage) {
            stages.push((progress.stage, begin.elapsed().as_secs_f64()));
        }
    };
    let (data_dir, cache_dir) = (Path::new(""), cache.path());
    let options = PrepareOptions { data_dir, cache_dir, threads, progress: &stage_seen, cancelled };
    let dataset = prepare(&config, &options)?;
    let took = begin.elapsed().as_secs_f64();
    for (stage, seconds) in stages.into_inner()? {
        println!("{stage:?} begins after {seconds:.2} s");
    }
    println!("prepare {:.0} MB/s, digest {}", megabytes / took, dataset.digest());
    let encoder = dataset.encoder()?;
    for _ in 0..3 {
        let options = EncodeOptions {
            labels: Labels::Required,
            threads,
            max_line_bytes: RowsConfig::MAX_LINE_BYTES,
            scratch_dir: cache.path(),
            progress: &|_| {},
            cancelled,
        };
        let begin = Instant::now();
        let shards = encoder.encode_file(file, &options)?;
        let seconds = begin.elapsed().as_secs_f64();
        assert_eq!(shards.digest(), dataset.split(Split::Train).digest());
        println!("encode {:.0} MB/s, {:.2} million rows/s", megabytes / seconds, shards.len() as f64 / seconds / 1e6);
    }
    Ok(())
}
