//! Kernels on host memory, written once for `Flex` and `NdArray`: each reads and writes every element as few times as the operation allows.
//!
//! Sums are taken over fixed blocks of rows and the blocks are added in order, so that the bits do not depend on the number of threads.
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Shape, TensorMetadata};

use super::{AdamTensors, Attention, HiddenTail, HiddenTailGrads, ModelBackend, NormTensors, reference};
use crate::optim::AdamStep;
use crate::parallel;
use crate::pass::DropoutKey;
use crate::precision::Precision;

pub(crate) mod adam;
mod attention;
mod batch_norm;
mod bf16;
mod dropout;
mod exp;
#[cfg(feature = "flex")]
mod flex;
mod hidden_tail;
#[cfg(feature = "ndarray")]
mod ndarray;
mod outer;
mod product;
mod rows;
mod tf32;

/// A backend whose `f32` tensors are slices of host memory.
trait HostBackend: Backend {
    /// Whether the elements are `f32`: the kernels know no other type.
    fn is_f32(tensor: &FloatTensor<Self>) -> bool;

    /// The same tensor as one contiguous buffer; a copy only where it is not one already.
    fn contiguous(tensor: FloatTensor<Self>) -> FloatTensor<Self>;

    /// The elements of a contiguous tensor.
    fn slice(tensor: &FloatTensor<Self>) -> &[f32];

    /// The elements of a contiguous tensor for writing; copies them first when another tensor shares the buffer.
    fn slice_mut(tensor: &mut FloatTensor<Self>) -> &mut [f32];

    /// A tensor of these elements.
    fn from_vec(values: Vec<f32>, shape: Shape) -> FloatTensor<Self>;
}

fn add_row<B: HostBackend>(x: FloatTensor<B>, row: FloatTensor<B>) -> FloatTensor<B> {
    let (mut x, row) = (B::contiguous(x), B::contiguous(row));
    rows::add_row(B::slice_mut(&mut x), B::slice(&row));
    x
}

fn sum_rows<B: HostBackend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let columns = x.shape()[1];
    let x = B::contiguous(x);
    vector::<B>(rows::sum_rows(B::slice(&x), columns))
}

fn batch_moments<B: HostBackend>(x: FloatTensor<B>) -> (FloatTensor<B>, FloatTensor<B>) {
    let columns = x.shape()[1];
    let x = B::contiguous(x);
    let (mean, variance) = batch_norm::moments(B::slice(&x), columns);
    (vector::<B>(mean), vector::<B>(variance))
}

fn vector<B: HostBackend>(values: Vec<f32>) -> FloatTensor<B> {
    let length = values.len();
    B::from_vec(values, Shape::new([length]))
}

fn contiguous_norm<B: HostBackend>(norm: NormTensors<B>) -> NormTensors<B> {
    NormTensors {
        gamma: B::contiguous(norm.gamma),
        beta: B::contiguous(norm.beta),
        mean: B::contiguous(norm.mean),
        variance: B::contiguous(norm.variance),
        ..norm
    }
}

fn norm_slices<B: HostBackend>(norm: &NormTensors<B>) -> batch_norm::Norm<'_> {
    batch_norm::Norm {
        gamma: B::slice(&norm.gamma),
        beta: B::slice(&norm.beta),
        mean: B::slice(&norm.mean),
        variance: B::slice(&norm.variance),
        epsilon: norm.epsilon,
        moments_of_batch: norm.moments_of_batch,
    }
}

fn batch_norm<B: HostBackend>(x: FloatTensor<B>, norm: NormTensors<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let (x, norm) = (B::contiguous(x), contiguous_norm(norm));
    B::from_vec(batch_norm::forward(B::slice(&x), norm_slices(&norm)), shape)
}

fn batch_norm_backward<B: HostBackend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    norm: NormTensors<B>,
) -> [FloatTensor<B>; 3] {
    let (x, mut grad, norm) = (B::contiguous(x), B::contiguous(grad), contiguous_norm(norm));
    let (gamma_grad, beta_grad) = batch_norm::backward(B::slice(&x), B::slice_mut(&mut grad), norm_slices(&norm));
    [grad, vector::<B>(gamma_grad), vector::<B>(beta_grad)]
}

fn dropout<B: HostBackend>(x: FloatTensor<B>, key: DropoutKey, probability: f64) -> FloatTensor<B> {
    let mut x = B::contiguous(x);
    dropout::dropout(B::slice_mut(&mut x), dropout::Mask::new(key, probability));
    x
}

/// What computes a product from its factors and [rows, inputs, outputs].
type Multiply = fn(&[f32], &[f32], [usize; 3]) -> Vec<f32>;

/// A product of two factors in `precision`; the result has `shape`.
fn multiply<B: HostBackend>(
    multiply: Multiply,
    factors: [FloatTensor<B>; 2],
    sizes: [usize; 3],
    shape: [usize; 2],
    precision: Precision,
) -> FloatTensor<B> {
    let mut factors = factors.map(B::contiguous);
    for factor in &mut factors {
        match precision {
            Precision::F32 => (),
            Precision::Tf32 => tf32::round(B::slice_mut(factor)),
            Precision::Bf16 => bf16::round(B::slice_mut(factor)),
        }
    }
    let mut values = multiply(B::slice(&factors[0]), B::slice(&factors[1]), sizes);
    if precision == Precision::Bf16 {
        bf16::round(&mut values);
    }
    B::from_vec(values, Shape::new(shape))
}

fn product<B: HostBackend>(x: FloatTensor<B>, weight: FloatTensor<B>, precision: Precision) -> FloatTensor<B> {
    let [rows, inputs, outputs] = [x.shape()[0], weight.shape()[0], weight.shape()[1]];
    multiply::<B>(product::product, [x, weight], [rows, inputs, outputs], [rows, outputs], precision)
}

fn product_input_grad<B: HostBackend>(
    grad: FloatTensor<B>,
    weight: FloatTensor<B>,
    precision: Precision,
) -> FloatTensor<B> {
    let [rows, inputs, outputs] = [grad.shape()[0], weight.shape()[0], weight.shape()[1]];
    multiply::<B>(product::input_grad, [grad, weight], [rows, inputs, outputs], [rows, inputs], precision)
}

fn product_weight_grad<B: HostBackend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    precision: Precision,
) -> FloatTensor<B> {
    let [rows, inputs, outputs] = [x.shape()[0], x.shape()[1], grad.shape()[1]];
    multiply::<B>(product::weight_grad, [x, grad], [rows, inputs, outputs], [inputs, outputs], precision)
}

fn outer_rows<B: HostBackend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    let [rows, left, right] = [a.shape()[0], a.shape()[1], b.shape()[1]];
    let (a, b) = (B::contiguous(a), B::contiguous(b));
    B::from_vec(outer::forward(B::slice(&a), B::slice(&b), [left, right]), Shape::new([rows, left * right]))
}

fn outer_rows_backward<B: HostBackend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> [FloatTensor<B>; 2] {
    let shapes = [a.shape(), b.shape()];
    let widths = [shapes[0][1], shapes[1][1]];
    let [a, b, grad] = [a, b, grad].map(B::contiguous);
    let [of_a, of_b] = outer::backward(B::slice(&a), B::slice(&b), B::slice(&grad), widths);
    let [shape_of_a, shape_of_b] = shapes;
    [B::from_vec(of_a, shape_of_a), B::from_vec(of_b, shape_of_b)]
}

fn exp<B: HostBackend>(x: FloatTensor<B>) -> FloatTensor<B> {
    let mut x = B::contiguous(x);
    exp::exp(B::slice_mut(&mut x));
    x
}

fn contiguous_tail<B: HostBackend>(tail: HiddenTail<B>) -> HiddenTail<B> {
    HiddenTail { bias: B::contiguous(tail.bias), norm: tail.norm.map(contiguous_norm::<B>), ..tail }
}

fn tail_slices<B: HostBackend>(tail: &HiddenTail<B>) -> hidden_tail::Tail<'_> {
    hidden_tail::Tail {
        bias: B::slice(&tail.bias),
        norm: tail.norm.as_ref().map(norm_slices::<B>),
        curve: &tail.curve,
        dropout: tail.dropout.map(|(key, probability)| dropout::Mask::new(key, probability)),
    }
}

fn hidden_tail<B: HostBackend>(x: FloatTensor<B>, tail: HiddenTail<B>) -> FloatTensor<B> {
    let shape = x.shape();
    let (x, tail) = (B::contiguous(x), contiguous_tail(tail));
    B::from_vec(hidden_tail::forward(B::slice(&x), tail_slices(&tail)), shape)
}

fn hidden_tail_backward<B: HostBackend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    tail: HiddenTail<B>,
) -> HiddenTailGrads<B> {
    let (x, mut grad, tail) = (B::contiguous(x), B::contiguous(grad), contiguous_tail(tail));
    let grads = hidden_tail::backward(B::slice(&x), B::slice_mut(&mut grad), tail_slices(&tail));
    HiddenTailGrads { x: grad, bias: vector::<B>(grads.bias), norm: grads.norm.map(|norm| norm.map(vector::<B>)) }
}

fn adam<B: HostBackend>(tensors: AdamTensors<B>, grad: FloatTensor<B>, step: AdamStep) -> AdamTensors<B> {
    let [mut parameter, mut first, mut second] = tensors.map(B::contiguous);
    let grad = B::contiguous(grad);
    adam::adam(
        [B::slice_mut(&mut parameter), B::slice_mut(&mut first), B::slice_mut(&mut second)],
        B::slice(&grad),
        step,
    );
    [parameter, first, second]
}

fn squared_norm<B: HostBackend>(x: FloatTensor<B>) -> f64 {
    let x = B::contiguous(x);
    parallel::squared_norm(B::slice(&x))
}

/// The kernels where the elements are `f32`, the reference for any other type.
macro_rules! host_operations {
    ($backend:ty) => {
        impl ModelBackend for $backend {
            const HOST: bool = true;

            fn add_row(x: FloatTensor<Self>, row: FloatTensor<Self>) -> FloatTensor<Self> {
                if Self::is_f32(&x) { add_row::<Self>(x, row) } else { reference::add_row::<Self>(x, row) }
            }

            fn sum_rows(x: FloatTensor<Self>) -> FloatTensor<Self> {
                if Self::is_f32(&x) { sum_rows::<Self>(x) } else { reference::sum_rows::<Self>(x) }
            }

            fn computes_in(_precision: Precision, _device: &Self::Device) -> bool {
                true
            }

            fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
                if Self::is_f32(&x) {
                    product::<Self>(x, weight, precision)
                } else {
                    reference::product::<Self>(x, weight, precision)
                }
            }

            fn product_input_grad(
                grad: FloatTensor<Self>,
                weight: FloatTensor<Self>,
                precision: Precision,
            ) -> FloatTensor<Self> {
                if Self::is_f32(&grad) {
                    product_input_grad::<Self>(grad, weight, precision)
                } else {
                    reference::product_input_grad::<Self>(grad, weight, precision)
                }
            }

            fn product_weight_grad(
                x: FloatTensor<Self>,
                grad: FloatTensor<Self>,
                precision: Precision,
            ) -> FloatTensor<Self> {
                if Self::is_f32(&x) {
                    product_weight_grad::<Self>(x, grad, precision)
                } else {
                    reference::product_weight_grad::<Self>(x, grad, precision)
                }
            }

            fn outer_rows(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
                if Self::is_f32(&a) { outer_rows::<Self>(a, b) } else { reference::outer_rows::<Self>(a, b) }
            }

            fn outer_rows_backward(
                a: FloatTensor<Self>,
                b: FloatTensor<Self>,
                grad: FloatTensor<Self>,
            ) -> [FloatTensor<Self>; 2] {
                if Self::is_f32(&a) {
                    outer_rows_backward::<Self>(a, b, grad)
                } else {
                    reference::outer_rows_backward::<Self>(a, b, grad)
                }
            }

            fn exp(x: FloatTensor<Self>) -> FloatTensor<Self> {
                if Self::is_f32(&x) { exp::<Self>(x) } else { reference::exp::<Self>(x) }
            }

            fn attend(projected: FloatTensor<Self>, attention: Attention) -> FloatTensor<Self> {
                if Self::is_f32(&projected) {
                    attention::attend::<Self>(projected, attention)
                } else {
                    reference::attend::<Self>(projected, attention)
                }
            }

            fn attend_backward(
                projected: FloatTensor<Self>,
                grad: FloatTensor<Self>,
                attention: Attention,
            ) -> FloatTensor<Self> {
                if Self::is_f32(&projected) {
                    attention::attend_backward::<Self>(projected, grad, attention)
                } else {
                    reference::attend_backward::<Self>(projected, grad, attention)
                }
            }

            fn hidden_tail(x: FloatTensor<Self>, tail: HiddenTail<Self>) -> FloatTensor<Self> {
                if Self::is_f32(&x) { hidden_tail::<Self>(x, tail) } else { reference::hidden_tail::<Self>(x, tail) }
            }

            fn hidden_tail_backward(
                x: FloatTensor<Self>,
                grad: FloatTensor<Self>,
                tail: HiddenTail<Self>,
            ) -> HiddenTailGrads<Self> {
                if Self::is_f32(&x) {
                    hidden_tail_backward::<Self>(x, grad, tail)
                } else {
                    reference::hidden_tail_backward::<Self>(x, grad, tail)
                }
            }

            fn batch_moments(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
                if Self::is_f32(&x) { batch_moments::<Self>(x) } else { reference::batch_moments::<Self>(x) }
            }

            fn batch_norm(x: FloatTensor<Self>, norm: NormTensors<Self>) -> FloatTensor<Self> {
                if Self::is_f32(&x) { batch_norm::<Self>(x, norm) } else { reference::batch_norm::<Self>(x, norm) }
            }

            fn batch_norm_backward(
                x: FloatTensor<Self>,
                grad: FloatTensor<Self>,
                norm: NormTensors<Self>,
            ) -> [FloatTensor<Self>; 3] {
                if Self::is_f32(&x) {
                    batch_norm_backward::<Self>(x, grad, norm)
                } else {
                    reference::batch_norm_backward::<Self>(x, grad, norm)
                }
            }

            fn dropout(x: FloatTensor<Self>, key: DropoutKey, probability: f64) -> FloatTensor<Self> {
                if Self::is_f32(&x) {
                    dropout::<Self>(x, key, probability)
                } else {
                    reference::dropout::<Self>(x, key, probability)
                }
            }

            fn adam(tensors: AdamTensors<Self>, grad: FloatTensor<Self>, step: AdamStep) -> AdamTensors<Self> {
                if Self::is_f32(&grad) {
                    adam::<Self>(tensors, grad, step)
                } else {
                    reference::adam::<Self>(tensors, grad, step)
                }
            }

            fn squared_norm(x: FloatTensor<Self>) -> f64 {
                if Self::is_f32(&x) { squared_norm::<Self>(x) } else { reference::squared_norm::<Self>(x) }
            }
        }
    };
}

#[cfg(feature = "flex")]
host_operations!(burn::backend::Flex);
#[cfg(feature = "ndarray")]
host_operations!(burn::backend::NdArray);
