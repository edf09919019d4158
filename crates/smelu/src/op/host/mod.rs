//! The CPU kernels: one pass over memory, vectorised, on all threads of the pool.
//!
//! A tensor is cut into pieces of fixed size, one task each, and a piece into blocks that stay in the first-level cache
//! between reading, computing and writing. Neither size depends on the number of threads, and sums over pieces are taken
//! in their order: results are the same bits for any number of threads.
#![allow(clippy::inline_always, reason = "conversions of single elements, inlined into vectorised loops")]

mod kernel;
mod lanes;
mod long;
mod stored;
mod view;

use core::mem::MaybeUninit;

use rayon::prelude::*;

use super::Formula;
use super::curve::Curve;
pub(super) use kernel::Slope;
use kernel::{Columns, Compute};
use lanes::LANES;
pub(super) use stored::Stored;
pub(super) use view::{Strided, View};

/// Elements of a block.
const BLOCK: usize = 2048;

/// Elements of a piece.
const PIECE: usize = 16 * BLOCK;

/// Below this many elements waking the pool costs more than it saves.
const PARALLEL: usize = 4 * PIECE;

/// Calls `block` for the start and the length of each block of a stretch of `length` elements.
fn blocks(length: usize, mut block: impl FnMut(usize, usize)) {
    for start in (0..length).step_by(BLOCK) {
        block(start, BLOCK.min(length - start));
    }
}

/// `work(position of the first element, piece)` for each piece of `whole`, on all threads if it is large.
fn for_each_piece<T: Send>(whole: &mut [T], work: impl Fn(usize, &mut [T]) + Sync) {
    if whole.len() < PARALLEL {
        work(0, whole);
    } else {
        whole.par_chunks_mut(PIECE).enumerate().for_each(|(i, piece)| work(i * PIECE, piece));
    }
}

/// New memory for `length` elements, filled by `fill`, which writes every one of them.
fn filled<T>(length: usize, fill: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut out = Vec::with_capacity(length);
    fill(&mut out.spare_capacity_mut()[..length]);
    // SAFETY: the capacity is at least `length`, and every caller in this file writes each element of the slice it was
    // given. Zeroing first would be a second pass over the output, where the pass itself is bound by memory.
    unsafe { out.set_len(length) };
    out
}

/// `f(x)` in row-major order.
pub(super) fn values<T: Stored>(x: &(impl View<T> + ?Sized), curve: &Curve) -> Vec<T> {
    filled(x.len(), |out| {
        for_each_piece(out, |first, out| {
            if let Some(x) = x.stretch(first, out.len()) {
                return T::values(curve, x, out);
            }
            let mut buffer = [T::Compute::default(); BLOCK];
            blocks(out.len(), |start, length| {
                let block = &mut buffer[..length];
                x.load(first + start, block);
                T::Compute::values(curve, block);
                T::store_new(block, &mut out[start..start + length]);
            });
        });
    })
}

/// `f(x)` in place.
pub(super) fn values_in_place<T: Stored>(x: &mut [T], curve: &Curve) {
    for_each_piece(x, |_, x| T::values_in_place(curve, x));
}

/// The products of `grad` and the slope in row-major order; `grad` has the length of `kept`, what the slope starts from.
pub(super) fn slopes<T: Stored>(
    grad: &(impl View<T> + ?Sized),
    kept: &(impl View<T> + ?Sized),
    slope: Slope<'_>,
) -> Vec<T> {
    filled(kept.len(), |out| {
        for_each_piece(out, |first, out| {
            let mut buffers = [[T::Compute::default(); BLOCK]; 2];
            blocks(out.len(), |start, length| {
                let [of_grad, of_kept] = &mut buffers;
                let (of_grad, of_kept) = (&mut of_grad[..length], &mut of_kept[..length]);
                grad.load(first + start, of_grad);
                kept.load(first + start, of_kept);
                T::Compute::slopes(slope, of_grad, of_kept);
                T::store_new(of_grad, &mut out[start..start + length]);
            });
        });
    })
}

/// [`slopes`] in place of `grad`.
pub(super) fn slopes_in_place<T: Stored>(grad: &mut [T], kept: &(impl View<T> + ?Sized), slope: Slope<'_>) {
    for_each_piece(grad, |first, grad| {
        if let Some(kept) = kept.stretch(first, grad.len()) {
            return T::slopes_in_place(slope, grad, kept);
        }
        let mut buffers = [[T::Compute::default(); BLOCK]; 2];
        blocks(grad.len(), |start, length| {
            let [of_grad, of_kept] = &mut buffers;
            let (of_grad, of_kept) = (&mut of_grad[..length], &mut of_kept[..length]);
            T::load(&grad[start..start + length], of_grad);
            kept.load(first + start, of_kept);
            T::Compute::slopes(slope, of_grad, of_kept);
            T::store(of_grad, &mut grad[start..start + length]);
        });
    });
}

/// The parameters of a layer, repeated to a table about as wide as a block.
struct Table<T> {
    values: Vec<T>,
    /// Columns in use.
    width: usize,
    /// The length of a row: whole steps of the kernels, the columns beyond the width being filled with 1 and ignored.
    stride: usize,
    units: usize,
    /// Elements of a piece: whole rows of the table.
    piece: usize,
}

impl<T: Compute> Table<T> {
    /// `parameters` holds one row of `units` for each parameter.
    fn new<S: Stored<Compute = T>>(parameters: &[S], units: usize) -> Self {
        let width = (BLOCK / units).max(1) * units;
        let stride = width.next_multiple_of(LANES);
        let column = |row: &[S], i: usize| if i < width { row[i % units].widen() } else { T::constant(1.0) };
        let values = parameters
            .chunks_exact(units)
            .flat_map(|row| (0..stride).map(|i| column(row, i)).collect::<Vec<_>>())
            .collect();
        Self { values, width, stride, units, piece: (PIECE / width).max(1) * width }
    }

    /// Calls `block` for the start, the length and the parameters of each block of a piece; no block crosses the end of
    /// the table.
    fn blocks(&self, length: usize, mut block: impl FnMut(usize, usize, Columns<'_, T>)) {
        for row in (0..length).step_by(self.width) {
            blocks(self.width.min(length - row), |start, length| {
                let columns = Columns { table: &self.values, width: self.stride, first: start };
                block(row + start, length, columns);
            });
        }
    }

    /// The sums of tables like this one over the tables and over repeated columns, in double precision and in order.
    fn fold<S: Stored<Compute = T>>(&self, tables: &[Vec<T>]) -> Vec<S> {
        let parameters = self.values.len() / self.stride;
        let mut sums = vec![0.0; parameters * self.units];
        for table in tables {
            for (row, sums) in table.chunks_exact(self.stride).zip(sums.chunks_exact_mut(self.units)) {
                for repeat in row[..self.width].chunks_exact(self.units) {
                    for (sum, part) in sums.iter_mut().zip(repeat) {
                        *sum += part.to_f64();
                    }
                }
            }
        }
        sums.into_iter().map(|sum| S::narrow(T::constant(sum))).collect()
    }
}

/// `f(x)` in row-major order, with `parameters` holding one row of `units` for each parameter; the last axis of `x` has
/// `units` elements, or `units` is 1.
pub(super) fn values_with<T: Stored>(
    x: &(impl View<T> + ?Sized),
    parameters: &[T],
    units: usize,
    formula: Formula,
) -> Vec<T> {
    let table = Table::new(parameters, units);
    filled(x.len(), |out| {
        let work = |(i, out): (usize, &mut [MaybeUninit<T>])| {
            let mut buffer = [T::Compute::default(); BLOCK];
            table.blocks(out.len(), |start, length, columns| {
                x.load(i * table.piece + start, &mut buffer[..length]);
                T::Compute::values_with(formula, &mut buffer[..length.next_multiple_of(LANES)], columns);
                T::store_new(&buffer[..length], &mut out[start..start + length]);
            });
        };
        if out.len() < PARALLEL {
            out.chunks_mut(table.piece).enumerate().for_each(work);
        } else {
            out.par_chunks_mut(table.piece).enumerate().for_each(work);
        }
    })
}

/// The gradients with respect to `x`, in row-major order, and to `parameters`, in their order; the arguments are those of
/// [`values_with`], `grad` has the length of `x`.
pub(super) fn slopes_with<T: Stored>(
    grad: &(impl View<T> + ?Sized),
    x: &(impl View<T> + ?Sized),
    parameters: &[T],
    units: usize,
    formula: Formula,
) -> (Vec<T>, Vec<T>) {
    let table = Table::new(parameters, units);
    let work = |(i, out): (usize, &mut [MaybeUninit<T>])| {
        let mut sums = vec![T::Compute::default(); table.values.len()];
        let mut buffers = [[T::Compute::default(); BLOCK]; 2];
        table.blocks(out.len(), |start, length, columns| {
            let [of_grad, of_x] = &mut buffers;
            grad.load(i * table.piece + start, &mut of_grad[..length]);
            x.load(i * table.piece + start, &mut of_x[..length]);
            let padded = length.next_multiple_of(LANES);
            // The columns of the last step may be in use by other rows: nothing is added to their sums.
            of_grad[length..padded].fill(T::Compute::default());
            of_x[length..padded].fill(T::Compute::default());
            T::Compute::slopes_with(formula, &mut of_grad[..padded], &of_x[..padded], columns, &mut sums);
            T::store_new(&of_grad[..length], &mut out[start..start + length]);
        });
        sums
    };
    let mut tables = Vec::new();
    let of_x = filled(x.len(), |out| {
        tables = if out.len() < PARALLEL {
            out.chunks_mut(table.piece).enumerate().map(work).collect()
        } else {
            out.par_chunks_mut(table.piece).enumerate().map(work).collect()
        };
    });
    (of_x, table.fold(&tables))
}
