//! The time of a forward and a backward pass over `[4096, 1024]` in `f32` on Flex.
//!
//! `operation` times the operations alone: `f(x)` into a new tensor while the input is kept, then `grad · f'` over a
//! gradient that nobody else reads; "from its output" the value goes in place of the input, and the slope starts from it.
//! `graph` times them inside a graph, `y.sum().backward()`, and `composed` the composed form through autodiff.
//! `memory` copies as many bytes as `operation` must move at least, for the bandwidth. `layer` compares passes around the
//! matrix products of a layer.
//!
//! The allocator is mimalloc, as in a program that trains: with the system's allocator most of the time of any
//! elementwise operation goes into fresh pages.

mod layer;

use std::hint::black_box;
use std::time::Duration;

use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::relu;
use burn::tensor::ops::{ActivationOps, FloatTensor};
use burn::tensor::{Distribution, Tensor};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
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
    "Cascade4",
    "Cascade16",
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
    for (text, beta) in [("ReLU", 0.0), ("SmeLU", 0.5)] {
        let curve = curve(text);
        group.bench_function(format!("{text} from its output"), |bencher| {
            let fresh = || (fresh(), float(x.clone() * 1.0));
            let pass = |(grad, x)| {
                let output = Flex::activation(x, curve);
                (Flex::smelu_backward_from_output(output.clone(), grad, beta), output)
            };
            bencher.iter_batched(fresh, pass, BatchSize::PerIteration);
        });
    }
    group.finish();
}

type Ad = Autodiff<Flex>;

/// Times `apply` and its backward pass.
fn in_graph(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, apply: impl Fn(Tensor<Ad, 2>) -> Tensor<Ad, 2>) {
    let x = Tensor::<Ad, 2>::from_inner(random()).require_grad();
    group.bench_function(name, |bencher| bencher.iter(|| x.grad(&apply(x.clone()).sum().backward())));
}

fn graph(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("graph");
    in_graph(&mut group, "ReLU of Burn", relu);
    for text in ACTIVATIONS {
        let curve = curve(text);
        in_graph(&mut group, text, |x| activation(x, curve));
    }
    for text in ["SmeLU(beta=0.5@layer)", "SmeLU(beta=0.5@unit)", "gSmeLU(alpha=1@unit, beta=1@unit, g_minus=0@unit)"] {
        let module: Activation<Ad> = text.parse::<ActivationConfig>().expect(text).init(UNITS, &FlexDevice);
        in_graph(&mut group, text, |x| module.forward(x));
    }
    group.finish();

    let mut group = criterion.benchmark_group("composed");
    // Passes of some hundred milliseconds.
    group.sample_size(10).warm_up_time(Duration::from_millis(200));
    for text in ACTIVATIONS {
        let curve = curve(text);
        in_graph(&mut group, text, |x| composed_activation(x, curve));
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

criterion_group!(benches, memory, operation, graph, layer::layer);
criterion_main!(benches);
