//! Sums over all numbers of a tensor, in an order that is a function of their count.
//!
//! Burn's `sum` and `mean` add the sums of groups of threads by atomic additions where a device has them: in the order in which the groups
//! end, so that two runs differ in the last bit. `clippy.toml` forbids both.
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Numbers that are added one after another.
const BLOCK: usize = 256;

/// Σ x; \[N\] → \[1\]; 0 where there is no number. Blocks of 256 numbers are summed, then blocks of their sums, until one number is left. Differentiable.
#[must_use]
pub fn sum<B: Backend>(x: Tensor<B, 1>) -> Tensor<B, 1> {
    let mut sums = x;
    while sums.dims()[0] > BLOCK {
        sums = block_sums(sums);
    }
    if sums.dims()[0] == 0 { Tensor::zeros([1], &sums.device()) } else { sums.sum_dim(0) }
}

/// (Σ x)/N; \[N\] → \[1\], the sum as [`sum`] takes it.
#[must_use]
pub fn mean<B: Backend>(x: Tensor<B, 1>) -> Tensor<B, 1> {
    let numbers = x.dims()[0] as f64;
    sum(x) / numbers
}

/// The sum of each block, the last of which may be shorter; \[N\] → \[⌈N/256⌉\].
pub(crate) fn block_sums<B: Backend>(x: Tensor<B, 1>) -> Tensor<B, 1> {
    let numbers = x.dims()[0];
    let (blocks, rest) = (numbers / BLOCK, numbers % BLOCK);
    let of_rows = |x: Tensor<B, 1>, rows, columns| x.reshape([rows, columns]).sum_dim(1).reshape([rows]);
    if rest == 0 {
        return of_rows(x, blocks, BLOCK);
    }
    let last = x.clone().slice(numbers - rest..numbers).sum_dim(0);
    if blocks == 0 {
        return last;
    }
    Tensor::cat(vec![of_rows(x.slice(0..numbers - rest), blocks, BLOCK), last], 0)
}
