//! Fields whose lookups seldom repeat a row, and numeric fields: a matrix of the rows of all lookups, as any layer has it.
use rayon::prelude::*;

use super::kernel::FieldRows;
use super::{FieldPlaces, Shape};
use crate::parallel::zeroed;

/// Examples that one task gathers.
const EXAMPLES: usize = 128;

/// Distinct rows that one task sums.
const ROWS: usize = 128;

/// `e_f` for each of `fields`, then x: the rows of the fields' lookups beside the numeric fields, [B, K].
pub(super) fn gather(rows: FieldRows<'_>, fields: &[FieldPlaces], numeric: &[f32], shape: Shape) -> Vec<f32> {
    let Shape { batch, width, .. } = shape;
    let (all, numbers) = (rows.fields as usize, numeric.len() / batch);
    let columns = fields.len() * width + numbers;
    zeroed(batch * columns, EXAMPLES * columns, |block, x| {
        for (x, example) in x.chunks_exact_mut(columns).zip(block * EXAMPLES..) {
            let (embedded, plain) = x.split_at_mut(fields.len() * width);
            for (e, field) in embedded.chunks_exact_mut(width).zip(fields) {
                rows.table.read(rows.lookups.row(example * all + field.field), e);
            }
            plain.copy_from_slice(&numeric[example * numbers..][..numbers]);
        }
    })
}

/// The gradients of the rows of each field, [U, D], all 0 before, from those of the gathered matrix, [B, K]: sums over the lookups of each row, first
/// lookup first.
pub(super) fn sum_lookups(
    rows: FieldRows<'_>,
    fields: &[FieldPlaces],
    dx: &[f32],
    row_grads: Vec<&mut [f32]>,
    shape: Shape,
) {
    let (width, columns) = (shape.width, dx.len() / shape.batch);
    for (number, (field, grads)) in fields.iter().zip(row_grads).enumerate() {
        grads.par_chunks_mut(ROWS * width).enumerate().for_each(|(block, grads)| {
            for (grad, place) in grads.chunks_exact_mut(width).zip(field.places.start + block * ROWS..) {
                for example in rows.examples(place) {
                    for (grad, dx) in grad.iter_mut().zip(&dx[example * columns + number * width..][..width]) {
                        *grad += dx;
                    }
                }
            }
        });
    }
}
