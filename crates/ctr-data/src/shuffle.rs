//! The order in which an epoch visits its rows.

use rand_chacha::ChaCha8Rng;

use crate::random;

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
}

/// Domain of the key derivation; part of the specification of [`Order::Shuffled`], never to be changed.
const CONTEXT: &str = "ctr-data shuffle v1: ChaCha8 key of (seed, epoch), little-endian";

/// A permutation of row numbers, in 4 bytes a row where that is enough.
#[derive(Debug)]
pub(crate) enum Permutation {
    Identity(u64),
    Narrow(Vec<u32>),
    Wide(Vec<u64>),
}

impl Permutation {
    pub(crate) fn new(rows: u64, order: Order) -> Self {
        let Order::Shuffled { seed, epoch } = order else { return Self::Identity(rows) };
        let mut generator = random::stream(CONTEXT, &[seed, epoch]);
        if let Ok(rows) = u32::try_from(rows) {
            let mut permutation: Vec<u32> = (0..rows).collect();
            fisher_yates(&mut permutation, &mut generator);
            Self::Narrow(permutation)
        } else {
            let mut permutation: Vec<u64> = (0..rows).collect();
            fisher_yates(&mut permutation, &mut generator);
            Self::Wide(permutation)
        }
    }

    /// The row visited at `position`.
    pub(crate) fn row(&self, position: usize) -> u64 {
        match self {
            Self::Identity(_) => position as u64,
            Self::Narrow(rows) => u64::from(rows[position]),
            Self::Wide(rows) => rows[position],
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Identity(rows) => *rows as usize,
            Self::Narrow(rows) => rows.len(),
            Self::Wide(rows) => rows.len(),
        }
    }
}

/// Durstenfeld's form of the Fisher–Yates shuffle (CACM 7(7), 1964, algorithm 235).
fn fisher_yates<T>(items: &mut [T], generator: &mut ChaCha8Rng) {
    for last in (1..items.len()).rev() {
        let other = random::below(last as u64 + 1, generator) as usize;
        items.swap(last, other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(order: Order, rows: u64) -> Vec<u64> {
        let permutation = Permutation::new(rows, order);
        (0..permutation.len()).map(|position| permutation.row(position)).collect()
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
