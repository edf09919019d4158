//! Rows per second of each stage: `cargo bench -p ctr-data`.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ctr_data::config::RowsConfig;
use ctr_data::{
    Bags, Dataset, DatasetConfig, EncodeOptions, Labels, LoaderOptions, Order, PrepareOptions, RowPlanner, Split,
    batches, prepare, write_csv,
};

static GO_ON: AtomicBool = AtomicBool::new(false);

/// 100,000 rows of fields with a power law, in a folder that is gone afterwards.
fn made(fields: u32, cardinality: u32) -> (tempfile::TempDir, DatasetConfig, Dataset) {
    let columns = (0..fields).map(|field| format!("{{ name = 'f{field}', cardinality = {cardinality} }}"));
    let categorical = columns.collect::<Vec<_>>().join(", ");
    let config = format!(
        "name = 'made'\n[source]\nformat = 'synthetic'\nseed = 1\nrows = {{ train = 100_000, valid = 1, test = 1 }}\n\
         categorical = [{categorical}]\nnumeric = [{{ name = 'x' }}]"
    );
    let config: DatasetConfig = toml::from_str(&config).unwrap();
    let root = tempfile::tempdir().unwrap();
    let (data_dir, cache_dir) = (root.path(), root.path());
    let options = PrepareOptions { data_dir, cache_dir, threads: 2, progress: &|_| {}, cancelled: &GO_ON };
    let dataset = prepare(&config, &options).unwrap();
    (root, config, dataset)
}

fn row_plan(c: &mut Criterion) {
    let mut group = c.benchmark_group("row_plan");
    for (examples, fields, cardinality) in [(4096, 10, 500), (4096, 26, 40_000), (4096, 26, 1_000_000)] {
        let (_root, _, dataset) = made(fields, cardinality);
        let layout = dataset.schema().row_layout();
        let shards = dataset.split(Split::Train);
        let ids: Vec<u32> = (0..examples).flat_map(|row| shards.categorical(row).to_vec()).collect();
        let mut planner = RowPlanner::new();
        group.throughput(Throughput::Elements(ids.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(format!("{examples}x{fields}_of_{cardinality}")), |b| {
            b.iter(|| planner.plan(black_box(&ids), &Bags::default(), &layout).unwrap());
        });
    }
    group.finish();
}

fn epoch(c: &mut Criterion) {
    let mut group = c.benchmark_group("epoch");
    let (_root, _, dataset) = made(10, 500);
    let layout = dataset.schema().row_layout();
    let shards: &Arc<_> = dataset.split(Split::Train);
    group.throughput(Throughput::Elements(shards.len() as u64));
    for threads in [0, 1, 2] {
        let options = LoaderOptions { threads, ..LoaderOptions::default() };
        group.bench_function(BenchmarkId::from_parameter(format!("{threads}_threads")), |b| {
            b.iter(|| {
                let order = Order::Shuffled { seed: 1, epoch: 0 };
                batches(shards, &layout, order, &options).map(|batch| batch.unwrap().len()).sum::<usize>()
            });
        });
    }
    group.finish();
}

fn text(c: &mut Criterion) {
    let mut group = c.benchmark_group("csv");
    group.sample_size(20);
    let (root, config, dataset) = made(10, 500);
    let source = config.open_source(Split::Train, root.path()).unwrap();
    let path = root.path().join("train.csv");
    write_csv(source.as_ref(), &path).unwrap();
    let encoder = dataset.encoder().unwrap();
    let options = EncodeOptions {
        labels: Labels::Required,
        scratch_dir: root.path(),
        threads: 2,
        max_line_bytes: RowsConfig::MAX_LINE_BYTES,
        progress: &|_| {},
        cancelled: &GO_ON,
    };
    group.throughput(Throughput::Bytes(std::fs::metadata(&path).unwrap().len()));
    group.bench_function("encode", |b| b.iter(|| encoder.encode_file(&path, &options).unwrap().len()));
    group.finish();
}

criterion_group!(benches, row_plan, epoch, text);
criterion_main!(benches);
