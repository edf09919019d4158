//! Exponentials in place, on all threads: a polynomial that vectorises and has the same bits whatever the platform's library is.
use multiversion::multiversion;
use rayon::prelude::*;
use smelu::scalar::Real;

use crate::parallel::BLOCK;

pub(super) fn exp(x: &mut [f32]) {
    x.par_chunks_mut(BLOCK).for_each(exp_block);
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn exp_block(x: &mut [f32]) {
    for x in x {
        *x = Real::exp(*x);
    }
}
