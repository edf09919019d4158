//! The kernels of the CPU backends: one pass over memory, vectorised, on all threads of the pool.
//!
//! Every element is computed by itself and without contraction of multiplications and additions, so the result depends
//! neither on the number of threads nor on the vector width of the processor.

use core::mem::MaybeUninit;

use burn::tensor::{bf16, f16};
use multiversion::multiversion;
use rayon::prelude::*;

use super::curve::{Curve, with_scalar};
use crate::scalar::{Real, ScalarActivation};

/// Elements one task works on: a piece of the input and of the output stay in the second-level cache together.
const PIECE: usize = 32 * 1024;

/// Below this many elements waking the pool costs more than it saves.
const PARALLEL: usize = 4 * PIECE;

/// An element type as it lies in memory, and the number type it is computed in.
pub(super) trait Stored: Copy + Send + Sync {
    /// The number type of the kernel.
    type Compute: Real + Send + Sync;

    /// To the kernel; exact.
    fn widen(self) -> Self::Compute;

    /// Back to memory; rounds to nearest.
    fn narrow(computed: Self::Compute) -> Self;
}

macro_rules! stored_as_computed {
    ($($float:ty),*) => {$(
        impl Stored for $float {
            type Compute = Self;

            #[inline(always)]
            fn widen(self) -> Self {
                self
            }

            #[inline(always)]
            fn narrow(computed: Self) -> Self {
                computed
            }
        }
    )*};
}

macro_rules! stored_half {
    ($($half:ty),*) => {$(
        impl Stored for $half {
            type Compute = f32;

            #[inline(always)]
            fn widen(self) -> f32 {
                self.to_f32()
            }

            #[inline(always)]
            fn narrow(computed: f32) -> Self {
                Self::from_f32(computed)
            }
        }
    )*};
}

stored_as_computed!(f32, f64);
stored_half!(f16, bf16);

/// `f(x)` into new memory.
pub(super) fn values<T: Stored>(x: &[T], curve: Curve) -> Vec<T> {
    let mut out = Vec::with_capacity(x.len());
    let spare = &mut out.spare_capacity_mut()[..x.len()];
    with_scalar!(curve, T::Compute, |activation| {
        if x.len() < PARALLEL {
            value_piece(x, spare, activation);
        } else {
            spare.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(out, x)| value_piece(x, out, activation));
        }
    });
    // SAFETY: the pieces cover the first `x.len()` elements of the spare capacity, and `value_piece` writes every
    // element of its piece. Zeroing first would be a second pass over the output.
    unsafe { out.set_len(x.len()) };
    out
}

/// `f(x)` in place.
pub(super) fn values_in_place<T: Stored>(x: &mut [T], curve: Curve) {
    with_scalar!(curve, T::Compute, |activation| {
        if x.len() < PARALLEL {
            value_piece_in_place(x, activation);
        } else {
            x.par_chunks_mut(PIECE).for_each(|x| value_piece_in_place(x, activation));
        }
    });
}

/// `grad · f'(x)` in place of `grad`, which has the length of `x`.
pub(super) fn scale_by_slopes<T: Stored>(grad: &mut [T], x: &[T], curve: Curve) {
    with_scalar!(curve, T::Compute, |activation| {
        if x.len() < PARALLEL {
            slope_piece(grad, x, activation);
        } else {
            grad.par_chunks_mut(PIECE).zip(x.par_chunks(PIECE)).for_each(|(grad, x)| slope_piece(grad, x, activation));
        }
    });
}

/// `grad · f'(x)` into new memory; `grad` has the length of `x`.
pub(super) fn slope_products<T: Stored>(grad: &[T], x: &[T], curve: Curve) -> Vec<T> {
    assert_eq!(grad.len(), x.len(), "the gradient of an elementwise operation has the shape of its input");
    let mut out = Vec::with_capacity(x.len());
    let spare = &mut out.spare_capacity_mut()[..x.len()];
    with_scalar!(curve, T::Compute, |activation| {
        if x.len() < PARALLEL {
            product_piece(grad, x, spare, activation);
        } else {
            let inputs = grad.par_chunks(PIECE).zip(x.par_chunks(PIECE));
            let pieces = spare.par_chunks_mut(PIECE).zip(inputs);
            pieces.for_each(|(out, (grad, x))| product_piece(grad, x, out, activation));
        }
    });
    // SAFETY: as in `values`; the lengths were compared above, so every piece is written whole.
    unsafe { out.set_len(x.len()) };
    out
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma+f16c", "x86_64+avx2+fma+f16c"))]
fn value_piece<T: Stored, A: ScalarActivation<T::Compute>>(x: &[T], out: &mut [MaybeUninit<T>], activation: A) {
    for (out, x) in out.iter_mut().zip(x) {
        out.write(T::narrow(activation.value(x.widen())));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma+f16c", "x86_64+avx2+fma+f16c"))]
fn value_piece_in_place<T: Stored, A: ScalarActivation<T::Compute>>(x: &mut [T], activation: A) {
    for x in x {
        *x = T::narrow(activation.value(x.widen()));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma+f16c", "x86_64+avx2+fma+f16c"))]
fn slope_piece<T: Stored, A: ScalarActivation<T::Compute>>(grad: &mut [T], x: &[T], activation: A) {
    for (grad, x) in grad.iter_mut().zip(x) {
        *grad = T::narrow(grad.widen() * activation.slope(x.widen()));
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl+avx2+fma+f16c", "x86_64+avx2+fma+f16c"))]
fn product_piece<T: Stored, A: ScalarActivation<T::Compute>>(
    grad: &[T],
    x: &[T],
    out: &mut [MaybeUninit<T>],
    activation: A,
) {
    for (out, (grad, x)) in out.iter_mut().zip(grad.iter().zip(x)) {
        out.write(T::narrow(grad.widen() * activation.slope(x.widen())));
    }
}
