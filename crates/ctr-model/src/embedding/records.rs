//! Whole rows of a table, weights and state, as an accelerator's copy of them needs them.
use rayon::prelude::*;

use super::EmbeddingTable;
use super::table::mark;

const ROWS_PER_BLOCK: usize = 1024;

impl EmbeddingTable {
    /// `count` rows from `first` on, counted from the table's first: [`stride`](Self::stride) numbers each. Rows that have not been written
    /// come with their initial weights, and stay unwritten.
    #[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), allow(dead_code, reason = "accelerators need it"))]
    pub(crate) fn records(&self, first: usize, count: usize) -> Vec<f32> {
        let (stride, width, reader) = (self.stride(), self.width(), self.reader());
        let mut records = self.data.as_slice()[first * stride..(first + count) * stride].to_vec();
        let start = self.row_range().start + first as u64;
        records.par_chunks_mut(ROWS_PER_BLOCK * stride).enumerate().for_each(|(block, records)| {
            let first = start + (block * ROWS_PER_BLOCK) as u64;
            for (record, row) in records.chunks_exact_mut(stride).zip(first..) {
                reader.read(row, &mut record[..width]);
            }
        });
        records
    }

    /// Replaces rows from `first` on by what [`records`](Self::records) returned.
    #[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), allow(dead_code, reason = "accelerators need it"))]
    pub(crate) fn set_records(&mut self, first: usize, records: &[f32]) {
        let (stride, width) = (self.stride(), self.width());
        let stored = &mut self.data.as_mut_slice()[first * stride..][..records.len()];
        stored.copy_from_slice(records);
        stored.chunks_exact_mut(stride).for_each(|row| mark(&mut row[..width]));
    }
}
