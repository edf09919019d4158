//! Batches depend on the data, the order and the batch size alone.

use std::sync::Arc;

use ctr_data::{DataError, Dataset, HostBatch, LoaderOptions, Order, RowLayout, RowPlanner, Split, batches};

use crate::workshop::Workshop;

const ROWS: usize = 1000;
const SHUFFLED: Order = Order::Shuffled { seed: 3, epoch: 1 };

fn dataset() -> Dataset {
    let config = r#"
        name = "made"
        [source]
        format = "synthetic"
        seed = 1
        rows = { train = 1000, valid = 1, test = 1 }
        categorical = [{ name = "a", cardinality = 50 }, { name = "b", cardinality = 7 }]
        numeric = [{ name = "x" }]
    "#;
    Workshop::empty().prepare(config).unwrap()
}

fn collect(dataset: &Dataset, order: Order, options: &LoaderOptions) -> Vec<HostBatch> {
    let layout = dataset.schema().row_layout();
    batches(dataset.split(Split::Train), &layout, order, options).map(Result::unwrap).collect()
}

fn options(batch_size: usize, threads: usize) -> LoaderOptions {
    LoaderOptions { batch_size, threads, prefetch: 3, ..LoaderOptions::default() }
}

#[test]
fn a_batch_holds_its_rows() {
    let dataset = dataset();
    let shards = dataset.split(Split::Train);
    for order in [Order::Sequential, SHUFFLED] {
        let mut seen = Vec::new();
        for (index, batch) in collect(&dataset, order, &options(64, 2)).iter().enumerate() {
            assert_eq!((batch.index, batch.len()), (index, if index == 15 { 40 } else { 64 }));
            for (b, &example) in batch.examples.iter().enumerate() {
                let row = example as usize;
                assert_eq!(batch.labels[b], shards.label(row));
                assert_eq!(batch.numeric[b..=b], *shards.numeric(row));
                assert_eq!(batch.categorical[2 * b..2 * b + 2], *shards.categorical(row));
            }
            let plan = RowPlanner::new().plan(&batch.categorical, &batch.bags, &dataset.schema().row_layout()).unwrap();
            assert_eq!(batch.plan, plan);
            seen.extend_from_slice(&batch.examples);
        }
        assert_eq!(seen.is_sorted(), order == Order::Sequential);
        seen.sort_unstable();
        assert_eq!(seen, (0..ROWS as u64).collect::<Vec<_>>());
    }
}

#[test]
fn the_number_of_threads_does_not_matter() {
    let dataset = dataset();
    let inline = collect(&dataset, SHUFFLED, &options(7, 0));
    for threads in [1, 2, 3, 8, 200] {
        for prefetch in [0, 1, 16, usize::MAX] {
            let options = LoaderOptions { prefetch, ..options(7, threads) };
            assert!(collect(&dataset, SHUFFLED, &options) == inline, "{threads} threads, {prefetch} ahead");
        }
    }
}

#[test]
fn an_epoch_resumes_in_its_middle() {
    let dataset = dataset();
    for threads in [0, 1, 3] {
        let whole = collect(&dataset, SHUFFLED, &options(64, threads));
        for start_batch in [0, 1, 5, 15, 16] {
            let rest = collect(&dataset, SHUFFLED, &LoaderOptions { start_batch, ..options(64, threads) });
            assert!(rest == whole[start_batch..], "from batch {start_batch} with {threads} threads");
        }
    }
}

#[test]
fn the_last_batch_can_be_left_out() {
    let dataset = dataset();
    let layout = dataset.schema().row_layout();
    for (batch_size, kept, all) in [(64, 15, 16), (100, 10, 10), (1000, 1, 1), (1001, 0, 1)] {
        for (drop_last, expected) in [(true, kept), (false, all)] {
            let options = LoaderOptions { drop_last, ..options(batch_size, 2) };
            let iterator = batches(dataset.split(Split::Train), &layout, SHUFFLED, &options);
            assert_eq!(iterator.batches_per_epoch(), expected);
            assert_eq!(iterator.count(), expected);
        }
    }
}

#[test]
fn dropping_the_iterator_ends_its_threads() {
    let dataset = dataset();
    let layout = dataset.schema().row_layout();
    for taken in [0, 1, 5] {
        let mut iterator = batches(dataset.split(Split::Train), &layout, SHUFFLED, &options(1, 4));
        assert_eq!(iterator.by_ref().take(taken).count(), taken);
        drop(iterator);
        // Each thread holds the shards: only this test's own handle is left.
        assert_eq!(Arc::strong_count(dataset.split(Split::Train)), 1);
    }
}

#[test]
fn arguments_that_do_not_fit_give_one_error() {
    let dataset = dataset();
    let shards = dataset.split(Split::Train);
    let layout = dataset.schema().row_layout();
    let narrow = RowLayout::new([51, 3]);
    let cases = [
        (&layout, options(0, 2), "batch size: found 0"),
        (&RowLayout::new([51]), options(64, 2), "categorical fields of the shards: found 2, expected the layout's 1"),
        (&layout, LoaderOptions { start_batch: 17, ..options(64, 2) }, "first batch: found 17, expected at most 16"),
        (&narrow, options(1000, 0), "id of a categorical field"),
        (&narrow, options(1000, 2), "id of a categorical field"),
    ];
    for (layout, options, expected) in cases {
        let all: Vec<Result<HostBatch, DataError>> = batches(shards, layout, SHUFFLED, &options).collect();
        assert_eq!(all.len(), 1, "{expected}");
        let message = all[0].as_ref().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn data_without_categorical_fields_have_an_empty_plan() {
    let config = r#"
        name = "numbers"
        source = { format = "synthetic", seed = 1, rows = { train = 10, valid = 1, test = 1 }, numeric = [{ name = "x" }] }
    "#;
    let dataset = Workshop::empty().prepare(config).unwrap();
    let batch = &collect(&dataset, Order::Sequential, &options(64, 1))[0];
    assert_eq!((batch.len(), batch.numeric.len(), batch.categorical.len(), batch.plan.unique()), (10, 10, 0, 0));
}
