//! Element types as they lie in memory.

use core::mem::MaybeUninit;

use burn::tensor::{bf16, f16};

use super::BLOCK;
use super::kernel::{Compute, Slope};
use crate::op::curve::Curve;

/// An element type, and the number type it is computed in.
pub(in crate::op) trait Stored: Copy + Send + Sync {
    /// The number type of the kernels.
    type Compute: Compute;

    /// To the kernel; exact.
    fn widen(self) -> Self::Compute;

    /// Back to memory; rounds to nearest.
    fn narrow(computed: Self::Compute) -> Self;

    /// [`widen`](Stored::widen) of every element; the lengths are equal.
    #[inline]
    fn load(from: &[Self], into: &mut [Self::Compute]) {
        for (into, from) in into.iter_mut().zip(from) {
            *into = from.widen();
        }
    }

    /// [`narrow`](Stored::narrow) of every number; the lengths are equal.
    #[inline]
    fn store(from: &[Self::Compute], into: &mut [Self]) {
        for (into, from) in into.iter_mut().zip(from) {
            *into = Self::narrow(*from);
        }
    }

    /// [`store`](Stored::store) into new memory; the lengths are equal.
    #[inline]
    fn store_new(from: &[Self::Compute], into: &mut [MaybeUninit<Self>]) {
        for (into, from) in into.iter_mut().zip(from) {
            into.write(Self::narrow(*from));
        }
    }

    /// `f(x)` into new memory of the length of `x`, every element of which is written.
    fn values(curve: &Curve, x: &[Self], out: &mut [MaybeUninit<Self>]);

    /// `f(x)` in place.
    fn values_in_place(curve: &Curve, x: &mut [Self]);

    /// The product of `grad` and the slope in place of `grad`, which has the length of `kept`.
    fn slopes_in_place(slope: Slope<'_>, grad: &mut [Self], kept: &[Self]);
}

/// An element type that is computed as it lies in memory: the kernels stream over the tensor itself.
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

            fn values(curve: &Curve, x: &[Self], out: &mut [MaybeUninit<Self>]) {
                Self::values_into(curve, x, out);
            }

            fn values_in_place(curve: &Curve, x: &mut [Self]) {
                <Self as Compute>::values(curve, x);
            }

            fn slopes_in_place(slope: Slope<'_>, grad: &mut [Self], kept: &[Self]) {
                <Self as Compute>::slopes(slope, grad, kept);
            }
        }
    )*};
}

/// An element type of half precision: computed in single precision, a block at a time.
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

            fn values(curve: &Curve, x: &[Self], out: &mut [MaybeUninit<Self>]) {
                let mut buffer = [0.0; BLOCK];
                for (x, out) in x.chunks(BLOCK).zip(out.chunks_mut(BLOCK)) {
                    let block = &mut buffer[..x.len()];
                    Self::load(x, block);
                    <f32 as Compute>::values(curve, block);
                    Self::store_new(block, out);
                }
            }

            fn values_in_place(curve: &Curve, x: &mut [Self]) {
                let mut buffer = [0.0; BLOCK];
                for x in x.chunks_mut(BLOCK) {
                    let block = &mut buffer[..x.len()];
                    Self::load(x, block);
                    <f32 as Compute>::values(curve, block);
                    Self::store(block, x);
                }
            }

            fn slopes_in_place(slope: Slope<'_>, grad: &mut [Self], kept: &[Self]) {
                let [mut of_grad, mut of_kept] = [[0.0; BLOCK]; 2];
                for (grad, kept) in grad.chunks_mut(BLOCK).zip(kept.chunks(BLOCK)) {
                    let (of_grad, of_kept) = (&mut of_grad[..kept.len()], &mut of_kept[..kept.len()]);
                    Self::load(grad, of_grad);
                    Self::load(kept, of_kept);
                    <f32 as Compute>::slopes(slope, of_grad, of_kept);
                    Self::store(of_grad, grad);
                }
            }
        }
    )*};
}

stored_as_computed!(f32, f64);
stored_half!(f16, bf16);
