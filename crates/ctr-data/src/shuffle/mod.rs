//! The order in which an epoch visits its rows.

mod blocks;

use std::ops::Range;

use rand_chacha::ChaCha8Rng;

use crate::random;
use blocks::BlockOrder;
pub(crate) use blocks::Window;

/// The order of an epoch's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As in the file.
    Sequential,
    /// A uniformly random permutation that depends on the number of rows, the seed and the epoch only: an epoch can be taken up again in
    /// its middle, and no epoch needs the ones before it.
    Shuffled {
        /// The run's shuffle seed.
        seed: u64,
        /// The epoch's number.
        epoch: u64,
    },
    /// As in the file, shuffled only within consecutive windows of `window` rows (the last may be smaller): 1 is the order of the file, the
    /// number of rows and more that of [`Order::Shuffled`].
    Windowed {
        /// The run's shuffle seed.
        seed: u64,
        /// The epoch's number.
        epoch: u64,
        /// Rows of a window, ≥ 1.
        window: u64,
    },
    /// Blocks of `block` consecutive rows in a random order, and the rows of each `window` blocks shuffled together: random to the eye of a
    /// training run, while memory holds the rows of a window and not those of the file, which is read block after block.
    ///
    /// The order of the blocks takes 4 bytes a block, a window 8 bytes a row for each thread of the loader. The rows behind the last whole
    /// block stay at the end. `block` 1 with a window of all rows is a uniform shuffle.
    Blocks {
        /// The run's shuffle seed.
        seed: u64,
        /// The epoch's number.
        epoch: u64,
        /// Consecutive rows of a block, ≥ 1.
        block: u64,
        /// Blocks of a window, ≥ 1.
        window: u64,
    },
}

/// Domain of the key derivation; part of the specification of [`Order::Shuffled`], never to be changed.
const CONTEXT: &str = "ctr-data shuffle v1: ChaCha8 key of (seed, epoch), little-endian";
/// The same for the order within batches.
pub(crate) const REORDER: &str = "ctr-data order within batches v1: ChaCha8 key of (seed), little-endian";

/// A permutation of row numbers, in 4 bytes a row where that is enough.
#[derive(Debug)]
pub(crate) enum Permutation {
    Identity(u64),
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
    Blocks(BlockOrder),
}

impl Permutation {
    pub(crate) fn new(rows: u64, order: Order) -> Self {
        let (seed, epoch, window) = match order {
            Order::Sequential => return Self::Identity(rows),
            Order::Shuffled { seed, epoch } => (seed, epoch, rows),
            Order::Windowed { seed, epoch, window } => (seed, epoch, window),
            Order::Blocks { seed, epoch, block, window } => {
                return Self::Blocks(BlockOrder::new(rows, [seed, epoch], block, window));
            }
        };
        let mut permutation = Self::in_order(rows);
        permutation.shuffle_within(window, &mut random::stream(CONTEXT, &[seed, epoch]));
        permutation
    }

    /// The same batches of `batch` rows each, the rows inside each in another order.
    pub(crate) fn reordered(self, batch: u64, seed: u64) -> Self {
        let mut permutation = match self {
            Self::Identity(rows) => Self::in_order(rows),
            Self::Blocks(mut blocks) => {
                blocks.reorder = Some((batch, seed));
                return Self::Blocks(blocks);
            }
            permutation => permutation,
        };
        permutation.shuffle_within(batch, &mut random::stream(REORDER, &[seed]));
        permutation
    }

    fn in_order(rows: u64) -> Self {
        match u32::try_from(rows) {
            Ok(rows) => Self::Narrow((0..rows).collect()),
            Err(_) => Self::Wide((0..rows).collect()),
        }
    }

    fn shuffle_within(&mut self, window: u64, generator: &mut ChaCha8Rng) {
        let window = usize::try_from(window.max(1)).unwrap_or(usize::MAX);
        match self {
            Self::Identity(_) | Self::Blocks(_) => {}
            Self::Narrow(rows) => rows.chunks_mut(window).for_each(|rows| fisher_yates(rows, generator)),
            Self::Wide(rows) => rows.chunks_mut(window).for_each(|rows| fisher_yates(rows, generator)),
        }
    }

    /// Appends the rows visited at some positions, those of one batch; `room` keeps what the next call may need again.
    pub(crate) fn rows_at(&self, positions: Range<usize>, room: &mut Window, rows: &mut Vec<u64>) {
        match self {
            Self::Identity(_) => rows.extend(positions.map(|position| position as u64)),
            Self::Narrow(all) => rows.extend(all[positions].iter().map(|&row| u64::from(row))),
            Self::Wide(all) => rows.extend_from_slice(&all[positions]),
            Self::Blocks(blocks) => blocks.rows_at(positions, room, rows),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Identity(rows) => *rows as usize,
            Self::Narrow(rows) => rows.len(),
            Self::Wide(rows) => rows.len(),
            Self::Blocks(blocks) => blocks.len(),
        }
    }
}

/// Durstenfeld's form of the Fisher–Yates shuffle (CACM 7(7), 1964, algorithm 235).
pub(crate) fn fisher_yates<T>(items: &mut [T], generator: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        let other = random::below(last as u64 + 1, generator) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(order: Order, rows: u64) -> Vec<u64> {
        all(&Permutation::new(rows, order))
    }

    fn all(permutation: &Permutation) -> Vec<u64> {
        let mut rows = Vec::new();
        permutation.rows_at(0..permutation.len(), &mut Window::default(), &mut rows);
        rows
    }

    #[test]
    fn a_shuffle_is_a_permutation() {
        for n in [0, 1, 2, 3, 1000] {
            let mut shuffled = rows(Order::Shuffled { seed: 7, epoch: 3 }, n);
            shuffled.sort_unstable();
            assert_eq!(shuffled, (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn seed_and_epoch_each_change_the_order() {
        let base = rows(Order::Shuffled { seed: 7, epoch: 3 }, 100);
        assert_eq!(base, rows(Order::Shuffled { seed: 7, epoch: 3 }, 100));
        assert_ne!(base, rows(Order::Shuffled { seed: 3, epoch: 7 }, 100));
        assert_ne!(base, rows(Order::Shuffled { seed: 7, epoch: 4 }, 100));
        assert_ne!(base, rows(Order::Shuffled { seed: 8, epoch: 3 }, 100));
    }

    /// The order is part of what a published run promises: these numbers may never change.
    #[test]
    fn the_order_is_pinned() {
        assert_eq!(rows(Order::Shuffled { seed: 1, epoch: 0 }, 10), PINNED);
    }
    const PINNED: [u64; 10] = [4, 9, 6, 1, 7, 3, 0, 5, 8, 2];

    #[test]
    fn a_window_keeps_its_rows() {
        let windowed = |window| rows(Order::Windowed { seed: 3, epoch: 1, window }, 10);
        assert_eq!(windowed(1), (0..10).collect::<Vec<_>>());
        assert_eq!(windowed(10), rows(Order::Shuffled { seed: 3, epoch: 1 }, 10));
        assert_eq!(windowed(1000), windowed(10));
        let mut by_four = windowed(4);
        assert_ne!(by_four, (0..10).collect::<Vec<_>>());
        by_four.chunks_mut(4).for_each(<[u64]>::sort_unstable);
        assert_eq!(by_four, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn another_order_within_batches_leaves_each_batch_its_rows() {
        for order in [Order::Sequential, Order::Shuffled { seed: 1, epoch: 0 }] {
            let batches = |permutation: &Permutation| -> Vec<Vec<u64>> {
                all(permutation).chunks(4).map(<[u64]>::to_vec).collect()
            };
            let plain = Permutation::new(10, order);
            let before = batches(&plain);
            let mut after = batches(&plain.reordered(4, 9));
            assert_ne!(before, after);
            let mut sorted = before;
            sorted.iter_mut().chain(&mut after).for_each(|batch| batch.sort_unstable());
            assert_eq!(sorted, after);
        }
    }

    #[test]
    fn row_numbers_of_both_widths_are_shuffled_alike() {
        let mut narrow: Vec<u32> = (0..1000).collect();
        let mut wide: Vec<u64> = (0..1000).collect();
        fisher_yates(&mut narrow, &mut random::stream(CONTEXT, &[5, 6]));
        fisher_yates(&mut wide, &mut random::stream(CONTEXT, &[5, 6]));
        assert!(narrow.iter().map(|&row| u64::from(row)).eq(wide));
    }

    #[test]
    fn every_row_is_equally_likely_in_every_place() {
        const ROWS: u64 = 4;
        const EPOCHS: u64 = 6000;
        let mut counts = [[0_u32; ROWS as usize]; ROWS as usize];
        for epoch in 0..EPOCHS {
            for (place, row) in rows(Order::Shuffled { seed: 11, epoch }, ROWS).into_iter().enumerate() {
                counts[place][row as usize] += 1;
            }
        }
        // Each count is binomial: mean 1500, standard deviation 33.5; five of those leave a chance of about 1e-5.
        for count in counts.as_flattened() {
            assert!((1330..=1670).contains(count), "{counts:?}");
        }
    }
}
