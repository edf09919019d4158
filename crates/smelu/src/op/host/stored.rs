//! Element types as they lie in memory.

use core::mem::MaybeUninit;

use burn::tensor::{bf16, f16};

use super::kernel::Compute;

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
}

macro_rules! stored {
    ($($element:ty as $compute:ty: $widen:expr, $narrow:expr;)*) => {$(
        impl Stored for $element {
            type Compute = $compute;

            #[inline(always)]
            fn widen(self) -> $compute {
                $widen(self)
            }

            #[inline(always)]
            fn narrow(computed: $compute) -> Self {
                $narrow(computed)
            }
        }
    )*};
}

stored! {
    f32 as f32: core::convert::identity, core::convert::identity;
    f64 as f64: core::convert::identity, core::convert::identity;
    f16 as f32: f16::to_f32, f16::from_f32;
    bf16 as f32: bf16::to_f32, bf16::from_f32;
}
