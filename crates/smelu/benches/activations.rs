//! The time of a forward and a backward pass over `[4096, 1024]` in `f32` on Flex.
//!
//! `operation` times the operations alone: `f(x)` into a new tensor while the input is kept, then `grad · f'` over a
//! gradient that nobody else reads. `autodiff` times them inside a graph, `y.sum().backward()`, next to the composed form
//! through autodiff. `memory` copies as many bytes as `operation` must move at least, for the bandwidth.
//!
//! The allocator is mimalloc, as in a program that trains: with the system's allocator most of the time of any
//! elementwise operation goes into fresh pages.

use std::hint::black_box;

use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::relu;
use burn::tensor::ops::{ActivationOps, FloatTensor};
use burn::tensor::{Distribution, Tensor};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use smelu::op::{ActivationBackend, Curve, activation, composed_activation};
use smelu::{Activation, ActivationConfig};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROWS: usize = 4096;
const UNITS: usize = 1024;

/// The input read and the output written, then the gradient and the input read and the gradient written.
const BYTES: u64 = (ROWS * UNITS * size_of::<f32>() * 5) as u64;

const ACTIVATIONS: &[&str] = &[
    "SmeLU",
    "ReLU",
    "LeakySmeLU",
    "MeanFreeSmeLU",
    "gSmeLU",
    "RESCU-smoothstep",
    "RESCU-cosine",
    "RESCU-quintic",
    "Cascade2",
    "Cascade3",
    "LeakyReLU",
    "SoftPlus",
    "Swish",
    "GELU",
    "GELU-tanh",
    "Mish",
    "TanhExp",
    "ELU",
    "CELU",
    "SELU",
    "SquarePlus",
];

fn random() -> Tensor<Flex, 2> {
    Tensor::random([ROWS, UNITS], Distribution::Normal(0.0, 1.0), &FlexDevice)
}

fn float(tensor: Tensor<Flex, 2>) -> FloatTensor<Flex> {
    tensor.into_primitive().tensor()
}

fn curve(text: &str) -> Curve {
    text.parse::<ActivationConfig>().expect(text).curve()
}

fn operation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("operation");
    group.throughput(Throughput::Bytes(BYTES));
    let (x, grad) = (random(), random());
    let fresh = || float(grad.clone() * 1.0);

    group.bench_function("ReLU of Burn", |bencher| {
        let x = float(x.clone());
        let pass = |grad| {
            let output = Flex::relu(x.clone());
            (Flex::relu_backward(output.clone(), grad), output)
        };
        bencher.iter_batched(fresh, pass, BatchSize::PerIteration);
    });
    for text in ACTIVATIONS {
        let curve = curve(text);
        group.bench_function(*text, |bencher| {
            let x = float(x.clone());
            let pass = |grad| {
                let output = Flex::activation(x.clone(), curve);
                (Flex::activation_backward(x.clone(), grad, curve), output)
            };
            bencher.iter_batched(fresh, pass, BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn autodiff(criterion: &mut Criterion) {
    type B = Autodiff<Flex>;
    let mut group = criterion.benchmark_group("autodiff");
    let x = Tensor::<B, 2>::from_inner(random()).require_grad();
    let smelu = curve("SmeLU");
    let mut bench = |name: &str, apply: &dyn Fn(Tensor<B, 2>) -> Tensor<B, 2>| {
        group.bench_function(name, |bencher| {
            bencher.iter(|| x.grad(&apply(x.clone()).sum().backward()));
        });
    };
    bench("ReLU of Burn", &relu);
    bench("SmeLU", &|x| activation(x, smelu));
    bench("SmeLU composed", &|x| composed_activation(x, smelu));
    for text in ["SmeLU(beta=0.5@layer)", "SmeLU(beta=0.5@unit)", "gSmeLU(alpha=1@unit, beta=1@unit, g_minus=0@unit)"] {
        let module: Activation<B> = text.parse::<ActivationConfig>().expect(text).init(UNITS, &FlexDevice);
        bench(text, &|x| module.forward(x));
    }
    group.finish();
}

fn memory(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory");
    group.throughput(Throughput::Bytes(BYTES));
    // A copy reads once and writes once.
    let from = vec![1.0_f32; ROWS * UNITS * 5 / 2];
    let mut into = vec![0.0_f32; from.len()];
    group.bench_function("copy", |bencher| {
        bencher.iter(|| {
            into.par_chunks_mut(1 << 15)
                .zip(from.par_chunks(1 << 15))
                .for_each(|(into, from)| into.copy_from_slice(from));
            black_box(&mut into);
        });
    });
    group.finish();
}

criterion_group!(benches, operation, autodiff, memory);
criterion_main!(benches);
