//! Dropout: the mask is computed where it is used.
use burn_cubecl::CubeRuntime;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::launch::{array, grid, owned};
use crate::op::reference::dropout_threshold;
use crate::pass::DropoutKey;

/// Sets elements to 0 or scales them, one thread for each.
///
/// Element i is decided by 16 bits of Philox4x32-10 at counter (i/8, `counter`), whose key is `key`: see
/// [`Philox`](crate::random::Philox) and [`dropout_factor`](crate::op::reference).
#[cube(launch_unchecked, address_type = "dynamic")]
fn mask(x: &mut Array<f32>, key: &Sequence<u32>, counter: &Sequence<u32>, threshold: u32, scale: f32) {
    if ABSOLUTE_POS >= x.len() {
        terminate!();
    }
    let mut a = u32::cast_from(ABSOLUTE_POS / 8);
    let mut b = *counter.index(0usize);
    let mut c = *counter.index(1usize);
    let mut d = *counter.index(2usize);
    let mut low = *key.index(0usize);
    let mut high = *key.index(1usize);
    for _ in 0..10 {
        let first = u32::mul_hi(a, 0xD251_1F53u32);
        let second = u32::mul_hi(c, 0xCD9E_8D57u32);
        let next_b = c * 0xCD9E_8D57u32;
        let next_d = a * 0xD251_1F53u32;
        a = second ^ b ^ low;
        b = next_b;
        c = first ^ d ^ high;
        d = next_d;
        low += 0x9E37_79B9u32;
        high += 0xBB67_AE85u32;
    }
    let place = u32::cast_from(ABSOLUTE_POS % 8);
    let mut word = a;
    if place / 2 == 1 {
        word = b;
    }
    if place / 2 == 2 {
        word = c;
    }
    if place / 2 == 3 {
        word = d;
    }
    let mut factor = scale;
    if ((word >> (place % 2 * 16)) & 0xFFFFu32) < threshold {
        factor = 0.0f32;
    }
    x[ABSOLUTE_POS] = x[ABSOLUTE_POS] * factor;
}

pub(super) fn dropout<R: CubeRuntime>(x: CubeTensor<R>, key: DropoutKey, probability: f64) -> CubeTensor<R> {
    let (threshold, scale) = dropout_threshold(probability);
    let (x, words) = (owned(x), |number: u64| [number as u32, (number >> 32) as u32]);
    let length = x.meta.num_elements();
    let (count, dim) = grid(&x.client, length);
    // SAFETY: a thread reads and writes the place of its own number, which it compares with the length.
    unsafe {
        mask::launch_unchecked::<R>(
            &x.client,
            count,
            dim,
            AddressType::from_len(length),
            array(&x.handle, length),
            words(key.seed).into_iter().collect(),
            [key.layer].into_iter().chain(words(key.step)).collect(),
            threshold,
            scale,
        );
    }
    x
}
