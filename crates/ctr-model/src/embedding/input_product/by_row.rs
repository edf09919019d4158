//! Fields whose lookups repeat rows: each distinct row is multiplied once.
//!
//! The output is computed in slices of columns. Forward, a slice's rows are cut into groups, each with a part of the slice of its own, and
//! the parts are added in order; backward, a chunk of rows is one task and the chunks' gradients of W are added in order. What is cut where depends on the
//! batch alone, so the bits do not depend on the number of threads.
use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use super::kernel::{self, FieldRows, FieldWeights, SLICE};
use super::{FieldPlaces, Shape};
use crate::parallel::BLOCK;

/// Distinct rows of a chunk.
const CHUNK: usize = 512;

/// Tasks of the forward product, about; each has a part of the output of its own, [B, `SLICE`].
const TASKS: usize = 16;

/// Rows of one field.
struct Chunk {
    field: usize,
    places: Range<usize>,
}

/// The fields of a batch whose distinct rows are multiplied.
#[derive(Clone, Copy)]
pub(super) struct ByRow<'a> {
    pub(super) rows: FieldRows<'a>,
    pub(super) fields: &'a [FieldPlaces],
    pub(super) shape: Shape,
    /// W of the whole product, [I, O].
    pub(super) weight: &'a [f32],
}

impl ByRow<'_> {
    fn chunks(&self) -> Vec<Chunk> {
        let chunks = |field: &FieldPlaces| {
            let (field, places) = (field.field, field.places.clone());
            let end = places.end;
            places.step_by(CHUNK).map(move |first| Chunk { field, places: first..end.min(first + CHUNK) })
        };
        self.fields.iter().flat_map(chunks).collect()
    }

    /// At most `count` runs of chunks with about as many rows and lookups each.
    fn groups(&self, chunks: &[Chunk], count: usize) -> Vec<Range<usize>> {
        let offsets = self.rows.lookups.offsets;
        let cost = |chunk: &Chunk| {
            let lookups = offsets[chunk.places.end] - offsets[chunk.places.start];
            chunk.places.len() + lookups as usize
        };
        let share = chunks.iter().map(cost).sum::<usize>().div_ceil(count).max(1);
        let (mut groups, mut start, mut filled) = (Vec::with_capacity(count), 0, 0);
        for (number, chunk) in chunks.iter().enumerate() {
            filled += cost(chunk);
            if filled >= share {
                groups.push(start..number + 1);
                (start, filled) = (number + 1, 0);
            }
        }
        if start < chunks.len() {
            groups.push(start..chunks.len());
        }
        groups
    }

    fn weights(&self, field: usize, slice: usize, backward: bool) -> FieldWeights {
        let block = self.shape.width * self.shape.outputs;
        FieldWeights::new(&self.weight[field * block..][..block], self.shape.outputs, slice, backward)
    }

    /// Adds the products of the fields to y, [B, O].
    pub(super) fn add_products(&self, y: &mut [f32]) {
        let Shape { batch, outputs, .. } = self.shape;
        let slices = outputs.div_ceil(SLICE);
        let chunks = self.chunks();
        let groups = self.groups(&chunks, (TASKS / slices.max(1)).max(1));
        let tasks = (0..slices * groups.len()).into_par_iter().with_max_len(1);
        let parts = tasks.map(|task| {
            let (slice, group) = (task / groups.len(), &groups[task % groups.len()]);
            let mut part = vec![0.0; batch * SLICE];
            for chunk in &chunks[group.clone()] {
                let weights = self.weights(chunk.field, slice, false);
                kernel::add_products(self.rows, chunk.places.clone(), &weights, &mut part);
            }
            part
        });
        let parts: Vec<Vec<f32>> = parts.collect();
        let block = (BLOCK / outputs.max(1)).max(1);
        y.par_chunks_mut(block * outputs).enumerate().for_each(|(number, y)| {
            for (y, example) in y.chunks_exact_mut(outputs).zip(number * block..) {
                for (slice, y) in y.chunks_mut(SLICE).enumerate() {
                    for part in &parts[slice * groups.len()..(slice + 1) * groups.len()] {
                        for (y, part) in y.iter_mut().zip(&part[example * SLICE..]) {
                            *y += part;
                        }
                    }
                }
            }
        });
    }

    /// The gradients of the rows of each field, [U, D], all 0 before, and of the fields' rows of W, [I, O], from dy, [B, O].
    pub(super) fn gradients(&self, dy: &[f32], row_grads: Vec<&mut [f32]>, weight_grad: &mut [f32]) {
        let Shape { width, outputs, .. } = self.shape;
        let mut jobs: Vec<Job<'_>> = Vec::new();
        for (field, grads) in self.fields.iter().zip(row_grads) {
            let starts = field.places.clone().step_by(CHUNK);
            jobs.extend(starts.zip(grads.chunks_mut(CHUNK * width)).map(|(first, row_grads)| {
                let places = first..field.places.end.min(first + CHUNK);
                Job { chunk: Chunk { field: field.field, places }, row_grads, weight_grad: Vec::new() }
            }));
        }
        for slice in 0..outputs.div_ceil(SLICE) {
            let dy = columns(dy, outputs, slice);
            jobs.par_iter_mut().with_max_len(1).for_each(|job| {
                let weights = self.weights(job.chunk.field, slice, true);
                job.weight_grad.clear();
                job.weight_grad.resize(width, [0.0; SLICE]);
                let Job { chunk, row_grads, weight_grad } = job;
                kernel::add_gradients(self.rows, chunk.places.clone(), &weights, &dy, row_grads, weight_grad);
            });
            for job in &jobs {
                let rows = weight_grad[job.chunk.field * width * outputs..].chunks_exact_mut(outputs);
                for (row, part) in rows.zip(&job.weight_grad) {
                    for (sum, part) in row[slice * SLICE..].iter_mut().zip(part) {
                        *sum += part;
                    }
                }
            }
        }
    }
}

/// A chunk of rows, their gradients, and their part of the gradient of W in one slice.
struct Job<'a> {
    chunk: Chunk,
    row_grads: &'a mut [f32],
    weight_grad: Vec<[f32; SLICE]>,
}

/// One slice of the columns of dy, [B, `SLICE`]; 0 beyond the matrix.
fn columns(dy: &[f32], outputs: usize, slice: usize) -> Cow<'_, [f32]> {
    if outputs == SLICE {
        return Cow::Borrowed(dy);
    }
    let columns = slice * SLICE..outputs.min((slice + 1) * SLICE);
    let mut packed = vec![0.0; dy.len() / outputs * SLICE];
    let block = BLOCK / SLICE;
    packed.par_chunks_mut(block * SLICE).zip(dy.par_chunks(block * outputs)).for_each(|(packed, dy)| {
        for (packed, dy) in packed.chunks_exact_mut(SLICE).zip(dy.chunks_exact(outputs)) {
            packed[..columns.len()].copy_from_slice(&dy[columns.clone()]);
        }
    });
    Cow::Owned(packed)
}
