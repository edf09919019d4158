//! Random parameters and inputs against the oracle. The long run stands in `../memory.rs`.

use proptest::prelude::*;

use crate::cases::{check, curve, input};

proptest! {
    #[cfg(feature = "flex")]
    #[test]
    fn flex_agrees_with_the_oracle(curve in curve(), x in input()) {
        check::<burn::backend::Flex>(&curve, x)?;
    }

    #[cfg(feature = "ndarray")]
    #[test]
    fn ndarray_agrees_with_the_oracle(curve in curve(), x in input()) {
        check::<burn::backend::NdArray>(&curve, x)?;
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn wgpu_agrees_with_the_oracle(curve in curve(), x in input()) {
        if crate::accelerator::has_wgpu() {
            check::<burn::backend::Wgpu>(&curve, x)?;
        }
    }

    #[cfg(feature = "cuda")]
    #[test]
    fn cuda_agrees_with_the_oracle(curve in curve(), x in input()) {
        if crate::accelerator::has_cuda() {
            check::<burn::backend::Cuda>(&curve, x)?;
        }
    }
}
