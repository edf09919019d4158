//! Adam in one pass: each parameter, moment and gradient is read once and written once.
use multiversion::multiversion;
use rayon::prelude::*;

use crate::optim::AdamStep;
use crate::parallel::BLOCK;

/// Updates parameters and both moments in place.
pub(crate) fn adam([parameter, first, second]: [&mut [f32]; 3], grad: &[f32], step: AdamStep) {
    parameter
        .par_chunks_mut(BLOCK)
        .zip(first.par_chunks_mut(BLOCK))
        .zip(second.par_chunks_mut(BLOCK))
        .zip(grad.par_chunks(BLOCK))
        .for_each(|(((parameter, first), second), grad)| adam_block(parameter, first, second, grad, step));
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma"))]
fn adam_block(parameter: &mut [f32], first: &mut [f32], second: &mut [f32], grad: &[f32], step: AdamStep) {
    let step = step.to_f32();
    for (((parameter, first), second), grad) in parameter.iter_mut().zip(first).zip(second).zip(grad) {
        step.apply(parameter, first, second, *grad);
    }
}
