//! Real data, where they are at hand.

use std::path::Path;

use ctr_data::{Labels, LoaderOptions, Order, PrepareOptions, Split, batches, prepare};

use crate::workshop::{GO_ON, Workshop, parse, rows};

#[test]
fn frappe_is_what_bars_says_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let data_dir = root.join("../shared/data/frappe");
    if !data_dir.is_dir() {
        #[expect(clippy::print_stderr, reason = "a test that checks nothing says so")]
        {
            eprintln!("skipped: there is no {}", data_dir.display());
        }
        return;
    }
    let config = parse(&std::fs::read_to_string(root.join("configs/datasets/frappe_x1.toml")).unwrap());
    let workshop = Workshop::empty();
    let options = PrepareOptions {
        data_dir: &data_dir,
        cache_dir: &workshop.cache(),
        threads: 2,
        progress: &|_| {},
        cancelled: &GO_ON,
    };
    let dataset = prepare(&config, &options).unwrap();
    assert_eq!(Split::ALL.map(|split| dataset.split(split).len()), [202_027, 57_722, 28_860]);
    assert_eq!(dataset.schema().categorical.len(), 10);
    let positives: u64 = Split::ALL.iter().map(|&split| dataset.split(split).positives().unwrap()).sum();
    assert_eq!(positives, 96_203);
    // Hot values first: daytime's id 1 is its most frequent value.
    let train = dataset.split(Split::Train);
    let mut counts = [0_u32; 16];
    for row in 0..train.len() {
        counts[train.categorical(row)[2] as usize] += 1;
    }
    assert!(counts[0] == 0 && counts[1..].is_sorted_by(|a, b| a >= b), "{counts:?}");

    let test = workshop.encode(&dataset.encoder().unwrap(), &data_dir.join("test.csv"), Labels::Required).unwrap();
    assert_eq!(rows(&test), rows(dataset.split(Split::Test)));

    let layout = dataset.schema().row_layout();
    let options = LoaderOptions { threads: 2, ..LoaderOptions::default() };
    let sizes: Vec<usize> = batches(train, &layout, Order::Shuffled { seed: 1, epoch: 0 }, &options)
        .map(|batch| batch.unwrap().len())
        .collect();
    assert_eq!((sizes.len(), sizes[49]), (50, 202_027 - 49 * 4096));
}
