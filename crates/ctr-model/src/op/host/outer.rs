//! Outer products of the rows of two matrices, in blocks of rows.
use core::mem::MaybeUninit;

use rayon::prelude::*;

use crate::parallel::{BLOCK, filled};

/// Rows whose products fill a block.
fn rows_of_block([left, right]: [usize; 2]) -> usize {
    (BLOCK / (left * right)).max(1)
}

/// `c[n, h·F + f] = a[n, h]·b[n, f]`; a: [N, H], b: [N, F], `widths` are H and F.
pub(super) fn forward(a: &[f32], b: &[f32], widths: [usize; 2]) -> Vec<f32> {
    let [left, right] = widths;
    if left == 0 || right == 0 {
        return Vec::new();
    }
    let (rows, products) = (a.len() / left, left * right);
    assert!(a.len() == rows * left && b.len() == rows * right, "shapes of an outer product");
    let block = rows_of_block(widths);
    filled(rows * products, |out| {
        let blocks = out.par_chunks_mut(block * products).zip(a.par_chunks(block * left));
        blocks.zip(b.par_chunks(block * right)).for_each(|((out, a), b)| {
            let rows = a.chunks_exact(left).zip(b.chunks_exact(right));
            for (out, (a, b)) in out.chunks_exact_mut(products).zip(rows) {
                for (out, &a) in out.chunks_exact_mut(right).zip(a) {
                    for (out, &b) in out.iter_mut().zip(b) {
                        *out = MaybeUninit::new(a * b);
                    }
                }
            }
        });
    })
}

/// `da[n, h] = Σ_f g[n, h·F + f]·b[n, f]` and `db[n, f] = Σ_h g[n, h·F + f]·a[n, h]`, in one pass over g.
pub(super) fn backward(a: &[f32], b: &[f32], grad: &[f32], widths: [usize; 2]) -> [Vec<f32>; 2] {
    let [left, right] = widths;
    let (mut of_a, mut of_b) = (vec![0.0; a.len()], vec![0.0; b.len()]);
    if left == 0 || right == 0 {
        return [of_a, of_b];
    }
    let rows = a.len() / left;
    assert!(b.len() == rows * right && grad.len() == rows * left * right, "shapes of an outer product");
    let block = rows_of_block(widths);
    let values = a.par_chunks(block * left).zip(b.par_chunks(block * right));
    let grads = of_a.par_chunks_mut(block * left).zip(of_b.par_chunks_mut(block * right));
    grads.zip(values).zip(grad.par_chunks(block * left * right)).for_each(|(((of_a, of_b), (a, b)), grad)| {
        let values = a.chunks_exact(left).zip(b.chunks_exact(right));
        let grads = of_a.chunks_exact_mut(left).zip(of_b.chunks_exact_mut(right));
        for (((of_a, of_b), (a, b)), grad) in grads.zip(values).zip(grad.chunks_exact(left * right)) {
            for ((of_a, &a), grad) in of_a.iter_mut().zip(a).zip(grad.chunks_exact(right)) {
                let mut sum = 0.0;
                for ((of_b, &b), &grad) in of_b.iter_mut().zip(b).zip(grad) {
                    *of_b += grad * a;
                    sum += grad * b;
                }
                *of_a = sum;
            }
        }
    });
    [of_a, of_b]
}
