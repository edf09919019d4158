//! What one pass for bias and activation would save over one for each, around the matrix products of a layer.
//!
//! The passes are written here side by side, with the crate's SmeLU inlined; sums over rows are taken over blocks of a
//! fixed size. Values lie above the transition region and biases are 0, so that passes in place may be repeated.

use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use burn::tensor::{Distribution, Tensor};
use criterion::Criterion;
use multiversion::multiversion;
use rayon::prelude::*;
use smelu::scalar::{ScalarActivation, Smelu};

/// Rows of a block.
const ROWS: usize = 64;

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn add_bias(z: &mut [f32], bias: &[f32]) {
    for row in z.chunks_exact_mut(bias.len()) {
        for (z, bias) in row.iter_mut().zip(bias) {
            *z += bias;
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn activate(z: &mut [f32], smelu: Smelu<f32>) {
    for z in z {
        *z = smelu.value(*z);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn add_bias_and_activate(z: &mut [f32], bias: &[f32], smelu: Smelu<f32>) {
    for row in z.chunks_exact_mut(bias.len()) {
        for (z, bias) in row.iter_mut().zip(bias) {
            *z = smelu.value(*z + bias);
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn slopes(grad: &mut [f32], y: &[f32], smelu: Smelu<f32>) {
    for (grad, y) in grad.iter_mut().zip(y) {
        *grad *= smelu.slope_from_value(*y);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn sum_rows(grad: &[f32], sums: &mut [f32]) {
    for row in grad.chunks_exact(sums.len()) {
        for (sum, grad) in sums.iter_mut().zip(row) {
            *sum += grad;
        }
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2"))]
fn slopes_and_sum_rows(grad: &mut [f32], y: &[f32], sums: &mut [f32], smelu: Smelu<f32>) {
    for (row, y) in grad.chunks_exact_mut(sums.len()).zip(y.chunks_exact(sums.len())) {
        for ((sum, grad), y) in sums.iter_mut().zip(row).zip(y) {
            *grad *= smelu.slope_from_value(*y);
            *sum += *grad;
        }
    }
}

/// The sums of the blocks, added in order.
fn total(blocks: Vec<Vec<f32>>, units: usize) -> Vec<f32> {
    blocks.into_iter().fold(vec![0.0; units], |mut total, block| {
        total.iter_mut().zip(block).for_each(|(total, sum)| *total += sum);
        total
    })
}

fn passes(criterion: &mut Criterion, rows: usize, units: usize) {
    let mut group = criterion.benchmark_group(format!("layer [{rows}, {units}]"));
    let smelu = Smelu::new(0.5);
    let block = ROWS * units;
    let (mut z, mut grad) = (vec![1.0_f32; rows * units], vec![1.0_f32; rows * units]);
    let (y, bias) = (z.clone(), vec![0.0_f32; units]);
    group.bench_function("bias, then SmeLU, then slope, then sum of rows", |bencher| {
        bencher.iter(|| {
            z.par_chunks_mut(block).for_each(|z| add_bias(z, &bias));
            z.par_chunks_mut(block).for_each(|z| activate(z, smelu));
            grad.par_chunks_mut(block).zip(y.par_chunks(block)).for_each(|(grad, y)| slopes(grad, y, smelu));
            let sums = grad.par_chunks(block).map(|grad| {
                let mut sums = vec![0.0; units];
                sum_rows(grad, &mut sums);
                sums
            });
            total(sums.collect(), units)
        });
    });
    group.bench_function("bias with SmeLU, then slope with sum of rows", |bencher| {
        bencher.iter(|| {
            z.par_chunks_mut(block).for_each(|z| add_bias_and_activate(z, &bias, smelu));
            let sums = grad.par_chunks_mut(block).zip(y.par_chunks(block)).map(|(grad, y)| {
                let mut sums = vec![0.0; units];
                slopes_and_sum_rows(grad, y, &mut sums, smelu);
                sums
            });
            total(sums.collect(), units)
        });
    });
    let random = |shape| Tensor::<Flex, 2>::random(shape, Distribution::Normal(0.0, 1.0), &FlexDevice);
    let (x, weight, grad) = (random([rows, units]), random([units, units]), random([rows, units]));
    group.bench_function("the three matrix products", |bencher| {
        bencher.iter(|| {
            let y = x.clone().matmul(weight.clone());
            let of_x = grad.clone().matmul(weight.clone().transpose());
            (y, of_x, x.clone().transpose().matmul(grad.clone()))
        });
    });
    group.finish();
}

pub(crate) fn layer(criterion: &mut Criterion) {
    passes(criterion, 4096, 400);
    passes(criterion, 2048, 1024);
}
