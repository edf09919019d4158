//! A shuffle that holds a window of rows in memory, not all of them.

use std::ops::Range;

use super::{REORDER, fisher_yates};
use crate::random;

/// Domains of the key derivations; part of the specification of [`Order::Blocks`](super::Order::Blocks), never to be changed.
const BLOCKS: &str = "ctr-data block shuffle v1: ChaCha8 key of the order of blocks, (seed, epoch), little-endian";
const ROWS: &str = "ctr-data block shuffle v1: ChaCha8 key of a window's rows, (seed, epoch, window), little-endian";

/// The order of [`Order::Blocks`](super::Order::Blocks). Each window has a random stream of its own, so that its rows are known without those
/// of the windows before.
#[derive(Debug)]
pub(crate) struct BlockOrder {
    /// The whole blocks, in the order in which they are visited.
    order: Vec<u32>,
    rows: u64,
    block: u64,
    /// Blocks of a window.
    window: u64,
    /// Seed and epoch.
    key: [u64; 2],
    /// Batch size and seed of another order within batches.
    pub(super) reorder: Option<(u64, u64)>,
}

/// The rows of one window of one [`BlockOrder`].
#[derive(Debug, Default)]
pub(crate) struct Window {
    number: Option<u64>,
    rows: Vec<u64>,
}

impl BlockOrder {
    pub(super) fn new(rows: u64, key: [u64; 2], block: u64, window: u64) -> Self {
        // More than 2³² blocks would need 16 GiB: longer ones do the same.
        let block = block.max(1).max(rows.div_ceil(u64::from(u32::MAX)));
        let mut order: Vec<u32> = (0..(rows / block) as u32).collect();
        fisher_yates(&mut order, &mut random::stream(BLOCKS, &key));
        Self { order, rows, block, window: window.max(1), key, reorder: None }
    }

    pub(super) fn len(&self) -> usize {
        self.rows as usize
    }

    pub(super) fn rows_at(&self, positions: Range<usize>, room: &mut Window, rows: &mut Vec<u64>) {
        let before = rows.len();
        let length = self.block.saturating_mul(self.window);
        let (mut position, end) = (positions.start as u64, positions.end as u64);
        while position < end {
            let number = position / length;
            if room.number != Some(number) {
                self.fill(number, room);
            }
            let start = number * length;
            let stop = end.min(start + room.rows.len() as u64);
            rows.extend_from_slice(&room.rows[(position - start) as usize..(stop - start) as usize]);
            position = stop;
        }
        if let Some((batch, seed)) = self.reorder {
            let index = positions.start as u64 / batch.max(1);
            fisher_yates(&mut rows[before..], &mut random::stream(REORDER, &[seed, index]));
        }
    }

    fn fill(&self, number: u64, window: &mut Window) {
        window.number = Some(number);
        window.rows.clear();
        let count = self.order.len() as u64;
        let first = number.saturating_mul(self.window).min(count);
        let last = first.saturating_add(self.window).min(count);
        for &block in &self.order[first as usize..last as usize] {
            let start = u64::from(block) * self.block;
            window.rows.extend(start..start + self.block);
        }
        if last == count && last - first < self.window {
            // The rows behind the last whole block lie in the last window, unless it is full.
            window.rows.extend(count * self.block..self.rows);
        }
        let [seed, epoch] = self.key;
        fisher_yates(&mut window.rows, &mut random::stream(ROWS, &[seed, epoch, number]));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Order, Permutation};
    use super::*;

    fn order(rows: u64, epoch: u64, block: u64, window: u64) -> Permutation {
        Permutation::new(rows, Order::Blocks { seed: 7, epoch, block, window })
    }

    /// All rows, fetched in batches of `batch`.
    fn visited(permutation: &Permutation, batch: usize) -> Vec<u64> {
        let (mut rows, mut room) = (Vec::new(), Window::default());
        for start in (0..permutation.len()).step_by(batch) {
            permutation.rows_at(start..(start + batch).min(permutation.len()), &mut room, &mut rows);
        }
        rows
    }

    #[test]
    fn every_row_is_visited_once_however_it_is_fetched() {
        for (rows, block, window) in [
            (0, 3, 2),
            (1, 3, 2),
            (12, 3, 2),
            (13, 3, 2),
            (1000, 7, 5),
            (100, 1, 1000),
            (100, 1000, 1),
            (5, 1, u64::MAX),
        ] {
            let permutation = order(rows, 0, block, window);
            let all = visited(&permutation, 1);
            for batch in [2, 7, 64, 1000] {
                assert_eq!(visited(&permutation, batch), all, "{rows} rows in blocks of {block}");
            }
            let mut sorted = all;
            sorted.sort_unstable();
            assert_eq!(sorted, (0..rows).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_window_holds_whole_blocks_and_is_shuffled() {
        let all = visited(&order(1000, 0, 10, 5), 64);
        let mut blocks: Vec<u64> = Vec::new();
        for window in all.chunks(50) {
            let mut seen: Vec<u64> = window.iter().map(|row| row / 10).collect();
            assert!(seen.windows(2).filter(|pair| pair[0] == pair[1]).count() < 25, "blocks are mixed: {seen:?}");
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), 5);
            blocks.extend(seen);
        }
        assert!(!blocks.is_sorted());
    }

    #[test]
    fn seed_and_epoch_change_the_order() {
        assert_eq!(visited(&order(100, 3, 5, 4), 10), visited(&order(100, 3, 5, 4), 10));
        assert_ne!(visited(&order(100, 3, 5, 4), 10), visited(&order(100, 4, 5, 4), 10));
    }

    /// The order is part of what a published run promises: these numbers may never change.
    #[test]
    fn the_order_is_pinned() {
        assert_eq!(visited(&order(10, 0, 2, 2), 10), PINNED);
    }
    const PINNED: [u64; 10] = [6, 2, 7, 3, 0, 1, 4, 5, 9, 8];

    #[test]
    fn another_order_within_batches_leaves_each_batch_its_rows() {
        let plain = visited(&order(100, 0, 5, 4), 16);
        let reordered = visited(&order(100, 0, 5, 4).reordered(16, 9), 16);
        assert_ne!(plain, reordered);
        for (plain, reordered) in plain.chunks(16).zip(reordered.chunks(16)) {
            let sorted = |rows: &[u64]| {
                let mut rows = rows.to_vec();
                rows.sort_unstable();
                rows
            };
            assert_eq!(sorted(plain), sorted(reordered));
        }
    }
}
