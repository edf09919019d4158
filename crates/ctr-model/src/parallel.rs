//! Multi-threaded loops whose results do not depend on the number of threads.
//!
//! Work is cut into blocks of a fixed size, never into as many parts as there are threads; sums are taken inside each block and the blocks'
//! sums are added in order.
use core::mem::MaybeUninit;

use rayon::prelude::*;

/// Elements of a block: 64 KiB of `f32`, half a core's second-level cache with its peers.
pub const BLOCK: usize = 16 * 1024;

/// New memory for `length` numbers, filled by `fill`, which must write every one of them.
pub(crate) fn filled(length: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut out = Vec::with_capacity(length);
    fill(&mut out.spare_capacity_mut()[..length]);
    // SAFETY: the capacity is at least `length`, and each caller in this crate writes every element of the slice it is given. Zeroing
    // first would be one more pass over every activation of a step.
    unsafe { out.set_len(length) };
    out
}

/// New memory for `length` numbers, in blocks that are 0 when `f` is given the number of each and the block. The thread that fills a block zeroes it: one
/// thread would take longer to zero the rows of a large batch than all threads to gather them.
pub(crate) fn zeroed(length: usize, block: usize, f: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    filled(length, |out| {
        out.par_chunks_mut(block.max(1)).enumerate().for_each(|(number, out)| {
            out.fill(MaybeUninit::new(0.0));
            // SAFETY: every element has just been written, and `MaybeUninit<f32>` has the layout of `f32`.
            let out = unsafe { &mut *(core::ptr::from_mut(out) as *mut [f32]) };
            f(number, out);
        });
    })
}

/// Applies `f` to blocks of `out` beside the same blocks of `inputs`.
pub fn for_each_block<const N: usize>(
    out: &mut [f32],
    inputs: [&[f32]; N],
    f: impl Fn(usize, &mut [f32], [&[f32]; N]) + Sync,
) {
    let run = |(index, block): (usize, &mut [f32])| {
        let start = index * BLOCK;
        let length = block.len();
        f(start, block, inputs.map(|input| &input[start..start + length]));
    };
    if out.len() <= BLOCK {
        run((0, out));
    } else {
        out.par_chunks_mut(BLOCK).enumerate().for_each(run);
    }
}

/// Σ f(block) over fixed blocks of `values`, added in order.
pub fn sum_blocks(values: &[f32], f: impl Fn(&[f32]) -> f64 + Send + Sync) -> f64 {
    if values.len() <= BLOCK {
        return f(values);
    }
    values.par_chunks(BLOCK).map(f).collect::<Vec<_>>().into_iter().sum()
}

/// Σ v² in `f64`.
#[must_use]
pub fn squared_norm(values: &[f32]) -> f64 {
    sum_blocks(values, |block| {
        let mut lanes = [0.0_f64; 8];
        let mut chunks = block.chunks_exact(8);
        for chunk in &mut chunks {
            for (lane, &value) in lanes.iter_mut().zip(chunk) {
                *lane += f64::from(value) * f64::from(value);
            }
        }
        let tail: f64 = chunks.remainder().iter().map(|&value| f64::from(value) * f64::from(value)).sum();
        lanes.iter().sum::<f64>() + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
    }

    #[test]
    fn sums_have_the_same_bits_for_any_number_of_threads() {
        let values: Vec<f32> = (0..100_003).map(|i| ((i * 7919) % 1013) as f32 * 0.37 - 180.0).collect();
        let one = on_threads(1, || squared_norm(&values));
        for threads in [2, 3, 4] {
            assert_eq!(one.to_bits(), on_threads(threads, || squared_norm(&values)).to_bits());
        }
        let exact: f64 = values.iter().map(|&v| f64::from(v).powi(2)).sum();
        assert!((one - exact).abs() <= exact * 1e-12);
    }

    #[test]
    fn blocks_cover_every_element_once() {
        let input: Vec<f32> = (0..3 * BLOCK + 17).map(|i| i as f32).collect();
        let mut out = vec![0.0; input.len()];
        for_each_block(&mut out, [&input], |start, block, [x]| {
            for (offset, (slot, value)) in block.iter_mut().zip(x).enumerate() {
                assert_eq!(*value, (start + offset) as f32);
                *slot += *value;
            }
        });
        assert_eq!(out, input);
    }
}
