//! Lookups to rows: the gradient of each row is the sum over its lookups.
use std::ops::Range;

use super::layout::Combine;
use super::reader::RowReader;
use super::tables::Output;
use super::{EmbeddingTable, Lookups};
use crate::parallel::zeroed;

const ROWS_PER_BLOCK: usize = 128;

/// Σ over the lookups of each row, first lookup first; `grads` is [N, D], the result [U, D].
///
/// The order of the additions is fixed by the plan, so the bits do not depend on the number of threads.
#[must_use]
pub fn segment_sum(grads: &[f32], width: usize, lookups: Lookups<'_>) -> Vec<f32> {
    zeroed(lookups.rows.len() * width, ROWS_PER_BLOCK * width, |block, sums| {
        let first = block * ROWS_PER_BLOCK;
        for (sum, bounds) in sums.chunks_exact_mut(width).zip(lookups.offsets[first..].windows(2)) {
            for &lookup in &lookups.order[bounds[0] as usize..bounds[1] as usize] {
                let grad = &grads[lookup as usize * width..][..width];
                for (sum, grad) in sum.iter_mut().zip(grad) {
                    *sum += grad;
                }
            }
        }
    })
}

/// The gradients of the rows `unique` (places in the plan) of one table from those of the slots, [B, ΣD].
pub(super) fn segment_slots(
    table: &EmbeddingTable,
    unique: Range<usize>,
    output: &Output,
    lookups: Lookups<'_>,
    slots: Option<&[u32]>,
    grads: &[f32],
) -> Vec<f32> {
    let (width, fields, table) = (table.width(), output.slots.len(), table.reader());
    zeroed(unique.len() * width, ROWS_PER_BLOCK * width, |block, sums| {
        let first = unique.start + block * ROWS_PER_BLOCK;
        let mut row = vec![0.0; width];
        let mut best = vec![0.0; width];
        for (sum, bounds) in sums.chunks_exact_mut(width).zip(lookups.offsets[first..].windows(2)) {
            for &lookup in &lookups.order[bounds[0] as usize..bounds[1] as usize] {
                let lookup = lookup as usize;
                let number = slots.map_or(lookup, |slots| slots[lookup] as usize);
                let Some(slot) = output.slots[number % fields] else { continue };
                // Of two concatenated rows, the second one's gradient lies behind the first one's.
                let second = slot.combine == Combine::Concatenate && lookup != lookups.of_slot(number).start;
                let offset = slot.offset + if second { width } else { 0 };
                let grad = &grads[number / fields * output.width + offset..][..width];
                match slot.combine {
                    Combine::One | Combine::Concatenate => add(sum, grad, 1.0),
                    Combine::Sum => add(sum, grad, lookups.factor(lookup)),
                    Combine::Product => {
                        let other = lookups.of_slot(number).find(|&other| other != lookup).unwrap_or(lookup);
                        table.read(lookups.row(other), &mut row);
                        for ((sum, grad), e) in sum.iter_mut().zip(grad).zip(&row) {
                            *sum += grad * e;
                        }
                    }
                    Combine::Max => {
                        add_where_largest(&table, lookups, (number, lookup), sum, grad, [&mut row, &mut best]);
                    }
                }
            }
        }
    })
}

/// Which of the rows `unique` (places in the plan) a field of the output looks up.
pub(super) fn looked_up(
    unique: Range<usize>,
    output: &Output,
    lookups: Lookups<'_>,
    slots: Option<&[u32]>,
) -> Vec<bool> {
    let is_here = |&lookup: &u32| {
        let number = slots.map_or(lookup as usize, |slots| slots[lookup as usize] as usize);
        output.slots[number % output.slots.len()].is_some()
    };
    let bounds = lookups.offsets[unique.start..=unique.end].windows(2);
    bounds.map(|bounds| lookups.order[bounds[0] as usize..bounds[1] as usize].iter().any(is_here)).collect()
}

fn add(sum: &mut [f32], grad: &[f32], factor: f32) {
    for (sum, grad) in sum.iter_mut().zip(grad) {
        *sum += factor * grad;
    }
}

/// Adds the elements of `grad` where `lookup` is the first of its slot that has the largest element.
fn add_where_largest(
    table: &RowReader<'_>,
    lookups: Lookups<'_>,
    (slot, lookup): (usize, usize),
    sum: &mut [f32],
    grad: &[f32],
    [row, own]: [&mut [f32]; 2],
) {
    table.read(lookups.row(lookup), own);
    // The elements in which another lookup is larger, or equal and earlier, are taken out.
    for other in lookups.of_slot(slot).filter(|&other| other != lookup) {
        table.read(lookups.row(other), row);
        for (own, other_e) in own.iter_mut().zip(&*row) {
            if *other_e > *own || (*other_e == *own && other < lookup) {
                *own = f32::NAN;
            }
        }
    }
    for ((sum, grad), own) in sum.iter_mut().zip(grad).zip(&*own) {
        if !own.is_nan() {
            *sum += grad;
        }
    }
}
