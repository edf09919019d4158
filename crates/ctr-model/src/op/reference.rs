//! Every operation in Burn's own operations, and other references of this module: what a backend without a kernel runs, and what the kernels are compared with.
use burn::tensor::activation::softmax;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use burn::tensor::{
    ElementConversion, FloatDType, IndexingUpdateOp, Int, Shape, Tensor, TensorData, TensorMetadata, TensorPrimitive,
};

use super::{AdamTensors, Attention, HiddenTail, HiddenTailGrads, ModelBackend, NormTensors};
// Burn's own product would round to TF32 where a device can.
use crate::linear::matmul as exact;
use crate::optim::AdamStep;
use crate::pass::DropoutKey;
use crate::precision::Precision;
use crate::random::Philox;
use crate::sum::{block_sums, mean};

fn tensor<B: Backend, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn primitive<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

/// See [`ModelBackend::add_row`].
pub fn add_row<B: Backend>(x: FloatTensor<B>, row: FloatTensor<B>) -> FloatTensor<B> {
    primitive(tensor::<B, 2>(x) + tensor::<B, 1>(row).unsqueeze())
}

/// See [`ModelBackend::sum_rows`].
pub fn sum_rows<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    primitive(tensor::<B, 2>(x).sum_dim(0).squeeze_dim::<1>(0))
}

/// See [`ModelBackend::product`].
pub fn product<B: Backend>(x: FloatTensor<B>, weight: FloatTensor<B>, precision: Precision) -> FloatTensor<B> {
    matmul::<B>(x, weight, precision)
}

fn matmul<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>, precision: Precision) -> FloatTensor<B> {
    match precision {
        // TF32 asks for no more bits than `f32` has.
        Precision::F32 | Precision::Tf32 => B::float_matmul(a, b),
        Precision::Bf16 => {
            let dtype = a.dtype().into();
            let [a, b] = [a, b].map(|factor| B::float_cast(factor, FloatDType::BF16));
            B::float_cast(B::float_matmul(a, b), dtype)
        }
    }
}

/// See [`ModelBackend::product_input_grad`].
pub fn product_input_grad<B: Backend>(
    grad: FloatTensor<B>,
    weight: FloatTensor<B>,
    precision: Precision,
) -> FloatTensor<B> {
    matmul::<B>(grad, B::float_transpose(weight), precision)
}

/// See [`ModelBackend::product_weight_grad`].
pub fn product_weight_grad<B: Backend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    precision: Precision,
) -> FloatTensor<B> {
    matmul::<B>(B::float_transpose(x), grad, precision)
}

/// Each row as a column; [N, H] → [N, H, 1].
///
/// Not `unsqueeze_dim(2)`: Burn 0.21 gives the reshape of a transposed [1, N] to [N, 1, 1] wrong strides (`split_strides`), and a kernel reads
/// past the end of the buffer.
fn columns<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 3> {
    x.unsqueeze::<3>().permute([1, 2, 0])
}

/// See [`ModelBackend::outer_rows`].
pub fn outer_rows<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    let (a, b) = (tensor::<B, 2>(a), tensor::<B, 2>(b));
    let [[rows, left], [_, right]] = [a.dims(), b.dims()];
    let products = columns(a) * b.unsqueeze_dim::<3>(1); // [N, H, F]
    primitive(products.reshape([rows, left * right]))
}

/// See [`ModelBackend::outer_rows_backward`].
pub fn outer_rows_backward<B: Backend>(
    a: FloatTensor<B>,
    b: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> [FloatTensor<B>; 2] {
    let (a, b) = (tensor::<B, 2>(a), tensor::<B, 2>(b));
    let [[rows, left], [_, right]] = [a.dims(), b.dims()];
    let grad = tensor::<B, 2>(grad).reshape([rows, left, right]);
    let of_a = (grad.clone() * b.unsqueeze_dim::<3>(1)).sum_dim(2).reshape([rows, left]);
    let of_b = (grad * columns(a)).sum_dim(1).reshape([rows, right]);
    [of_a, of_b].map(primitive)
}

/// See [`ModelBackend::beside`].
pub fn beside<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>) -> FloatTensor<B> {
    B::float_cat(vec![a, b], 1)
}

/// See [`ModelBackend::columns_of`].
pub fn columns_of<B: Backend>(x: FloatTensor<B>, first: usize, count: usize) -> FloatTensor<B> {
    primitive(tensor::<B, 2>(x).narrow(1, first, count))
}

fn index<B: Backend>(places: &[u32], device: &B::Device) -> Tensor<B, 1, Int> {
    let places: Vec<i64> = places.iter().map(|&place| i64::from(place)).collect();
    let count = places.len();
    Tensor::from_data(TensorData::new(places, [count]), device)
}

/// See [`ModelBackend::pick`].
pub fn pick<B: Backend>(x: FloatTensor<B>, places: &[u32]) -> FloatTensor<B> {
    let x = tensor::<B, 3>(x);
    let index = index::<B>(places, &x.device());
    primitive(x.select(1, index))
}

/// See [`ModelBackend::pick_backward`].
pub fn pick_backward<B: Backend>(grad: FloatTensor<B>, places: &[u32], count: usize) -> FloatTensor<B> {
    let grad = tensor::<B, 3>(grad);
    let ([rows, _, width], device) = (grad.dims(), grad.device());
    let zeros = Tensor::<B, 3>::zeros([rows, count, width], (&device, grad.dtype()));
    primitive(zeros.select_assign(1, index::<B>(places, &device), grad, IndexingUpdateOp::Add))
}

/// See [`ModelBackend::exp`].
pub fn exp<B: Backend>(x: FloatTensor<B>) -> FloatTensor<B> {
    B::float_exp(x)
}

/// Q, K and V for each example and head, [B, H, F, W] each, and the weights before and after dropout, [B, H, F, F].
struct Heads<B: ModelBackend> {
    parts: [Tensor<B, 4>; 3],
    weights: Tensor<B, 4>,
    applied: Tensor<B, 4>,
}

fn masked<B: ModelBackend>(weights: Tensor<B, 4>, attention: Attention) -> Tensor<B, 4> {
    match attention.dropout {
        Some((key, probability)) => tensor(B::dropout(primitive(weights), key, probability)),
        None => weights,
    }
}

/// [B·F, A] → [B, H, F, W].
fn by_head<B: Backend>(rows: Tensor<B, 2>, Attention { fields, heads, .. }: Attention) -> Tensor<B, 4> {
    let [count, units] = rows.dims();
    rows.reshape([count / fields.max(1), fields, heads, units / heads]).swap_dims(1, 2)
}

/// [B, H, F, W] → [B·F, A].
fn by_field<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 2> {
    let [batch, heads, fields, width] = x.dims();
    x.swap_dims(1, 2).reshape([batch * fields, heads * width])
}

fn heads<B: ModelBackend>(projected: FloatTensor<B>, attention: Attention) -> Heads<B> {
    let projected = tensor::<B, 2>(projected);
    let [rows, columns] = projected.dims();
    let units = attention.units(rows, columns);
    let parts = [0, 1, 2].map(|part| by_head(projected.clone().narrow(1, part * units, units), attention));
    let [query, key, _] = parts.clone();
    let weights = softmax(exact(query, key.swap_dims(2, 3)) * attention.scale, 3);
    Heads { parts, applied: masked(weights.clone(), attention), weights }
}

/// See [`ModelBackend::attend`].
pub fn attend<B: ModelBackend>(projected: FloatTensor<B>, attention: Attention) -> FloatTensor<B> {
    let Heads { parts: [_, _, value], applied, .. } = heads::<B>(projected, attention);
    primitive(by_field(exact(applied, value)))
}

/// See [`ModelBackend::attend_backward`].
pub fn attend_backward<B: ModelBackend>(
    projected: FloatTensor<B>,
    grad: FloatTensor<B>,
    attention: Attention,
) -> FloatTensor<B> {
    let Heads { parts: [query, key, value], weights, applied } = heads::<B>(projected, attention);
    let grad = by_head(tensor::<B, 2>(grad), attention);
    let of_value = exact(applied.swap_dims(2, 3), grad.clone());
    let of_weights = masked(exact(grad, value.swap_dims(2, 3)), attention);
    let mean = (weights.clone() * of_weights.clone()).sum_dim(3);
    let of_scores = weights * (of_weights - mean) * attention.scale;
    let of_query = exact(of_scores.clone(), key);
    let of_key = exact(of_scores.swap_dims(2, 3), query);
    primitive(Tensor::cat([of_query, of_key, of_value].map(by_field).to_vec(), 1))
}

/// See [`ModelBackend::batch_moments`].
pub fn batch_moments<B: ModelBackend>(x: FloatTensor<B>) -> (FloatTensor<B>, FloatTensor<B>) {
    let x = tensor::<B, 2>(x);
    let rows = x.dims()[0] as f64;
    let mean = tensor::<B, 1>(B::sum_rows(primitive(x.clone()))) / rows; // [C]
    let deviation = x - mean.clone().unsqueeze();
    let variance = tensor::<B, 1>(B::sum_rows(primitive(deviation.powi_scalar(2)))) / rows; // [C]
    (primitive(mean), primitive(variance))
}

struct Normalised<B: Backend> {
    x: Tensor<B, 2>,
    reciprocal: Tensor<B, 2>,
}

fn normalise<B: Backend>(x: FloatTensor<B>, norm: &NormTensors<B>) -> Normalised<B> {
    let mean = tensor::<B, 1>(norm.mean.clone()).unsqueeze();
    let deviation = (tensor::<B, 1>(norm.variance.clone()) + norm.epsilon).sqrt();
    // Not `recip`, which on `NdArray` is an estimate of 8 to 14 bits, depending on the processor.
    let reciprocal: Tensor<B, 2> = (deviation.ones_like() / deviation).unsqueeze();
    Normalised { x: (tensor::<B, 2>(x) - mean) * reciprocal.clone(), reciprocal }
}

/// See [`ModelBackend::batch_norm`].
pub fn batch_norm<B: Backend>(x: FloatTensor<B>, norm: NormTensors<B>) -> FloatTensor<B> {
    let normalised = normalise(x, &norm).x;
    primitive(normalised * tensor::<B, 1>(norm.gamma).unsqueeze() + tensor::<B, 1>(norm.beta).unsqueeze())
}

/// See [`ModelBackend::batch_norm_backward`].
pub fn batch_norm_backward<B: ModelBackend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    norm: NormTensors<B>,
) -> [FloatTensor<B>; 3] {
    let Normalised { x, reciprocal } = normalise(x, &norm);
    let grad = tensor::<B, 2>(grad);
    let rows = grad.dims()[0] as f64;
    let sum_rows = |x: Tensor<B, 2>| tensor::<B, 1>(B::sum_rows(primitive(x))).unsqueeze::<2>(); // [1, C]
    let beta_grad = sum_rows(grad.clone());
    let gamma_grad = sum_rows(grad.clone() * x.clone());
    let scale = tensor::<B, 1>(norm.gamma).unsqueeze() * reciprocal;
    let centred =
        if norm.moments_of_batch { grad - beta_grad.clone() / rows - x * (gamma_grad.clone() / rows) } else { grad };
    [primitive(centred * scale), primitive(gamma_grad.squeeze_dim::<1>(0)), primitive(beta_grad.squeeze_dim::<1>(0))]
}

/// The rounded threshold of a 16-bit number below which an element is dropped, and the factor of a kept one.
pub(super) fn dropout_threshold(probability: f64) -> (u32, f32) {
    let threshold = (probability * 65_536.0).round() as u32;
    (threshold, (65_536.0 / (65_536.0 - f64::from(threshold))) as f32)
}

/// The factor of element `index` is decided by 16 bits of block `index / 8` of the key's stream.
pub(super) fn dropout_factor(key: DropoutKey, index: u64, threshold: u32, scale: f32) -> f32 {
    let block = Philox::new(key.seed).block(dropout_counter(key, (index / 8) as u32));
    let word = block[(index % 8 / 2) as usize];
    let bits = if index.is_multiple_of(2) { word & 0xFFFF } else { word >> 16 };
    if bits < threshold { 0.0 } else { scale }
}

/// The Philox counter of a block of eight elements.
pub(super) fn dropout_counter(key: DropoutKey, block: u32) -> [u32; 4] {
    [block, key.layer, key.step as u32, (key.step >> 32) as u32]
}

/// See [`ModelBackend::dropout`].
pub fn dropout<B: Backend>(x: FloatTensor<B>, key: DropoutKey, probability: f64) -> FloatTensor<B> {
    let (threshold, scale) = dropout_threshold(probability);
    let shape = x.shape();
    let factors: Vec<f32> =
        (0..shape.num_elements() as u64).map(|index| dropout_factor(key, index, threshold, scale)).collect();
    let mask = B::float_from_data(TensorData::new(factors, shape).convert_dtype(x.dtype()), &B::float_device(&x));
    B::float_mul(x, mask)
}

/// See [`ModelBackend::hidden_tail`]: the single operations, one after another.
pub fn hidden_tail<B: ModelBackend>(x: FloatTensor<B>, tail: HiddenTail<B>) -> FloatTensor<B> {
    let HiddenTail { bias, norm, curve, dropout } = tail;
    let x = match norm {
        Some(norm) => B::activation(B::batch_norm(B::add_row(x, bias), norm), curve),
        None => B::activation_of_sum(x, bias, curve),
    };
    match dropout {
        Some((key, probability)) => B::dropout(x, key, probability),
        None => x,
    }
}

/// See [`ModelBackend::hidden_tail_backward`].
pub fn hidden_tail_backward<B: ModelBackend>(
    x: FloatTensor<B>,
    grad: FloatTensor<B>,
    tail: HiddenTail<B>,
) -> HiddenTailGrads<B> {
    let HiddenTail { bias, norm, curve, dropout } = tail;
    let grad = match dropout {
        Some((key, probability)) => B::dropout(grad, key, probability),
        None => grad,
    };
    let Some(norm) = norm else {
        let grad = B::activation_of_sum_backward(x, bias, grad, curve);
        return HiddenTailGrads { x: grad.clone(), bias: B::sum_rows(grad), norm: None };
    };
    let of_batch = norm.moments_of_batch;
    let x = B::add_row(x, bias.clone());
    let grad = B::activation_backward(B::batch_norm(x.clone(), norm.clone()), grad, curve);
    let [grad, gamma, beta] = B::batch_norm_backward(x, grad, norm);
    let bias = if of_batch { B::float_mul_scalar(bias, 0.0.into()) } else { B::sum_rows(grad.clone()) };
    HiddenTailGrads { x: grad, bias, norm: Some([gamma, beta]) }
}

/// See [`ModelBackend::bce_with_logits`].
///
/// max(z, 0) − z·y + log(1 + exp(−|z|)): neither a large logit nor a certain one overflows.
pub fn bce_with_logits<B: Backend>(logits: FloatTensor<B>, labels: FloatTensor<B>) -> FloatTensor<B> {
    let (z, y) = (tensor::<B, 1>(logits), tensor::<B, 1>(labels));
    let tail = (-z.clone().abs()).exp().log1p();
    primitive(mean(z.clone().clamp_min(0.0) - z * y + tail))
}

/// See [`ModelBackend::bce_with_logits_backward`].
pub fn bce_with_logits_backward<B: Backend>(
    logits: FloatTensor<B>,
    labels: FloatTensor<B>,
    grad: FloatTensor<B>,
) -> FloatTensor<B> {
    let rows = logits.shape().num_elements() as f64;
    let probability = tensor::<B, 1>(B::sigmoid(logits));
    primitive((probability - tensor::<B, 1>(labels)) * (tensor::<B, 1>(grad) / rows))
}

/// See [`ModelBackend::adam`].
pub fn adam<B: Backend>(
    [parameter, first, second]: AdamTensors<B>,
    grad: FloatTensor<B>,
    step: AdamStep,
) -> AdamTensors<B> {
    let flat = |t: FloatTensor<B>| {
        let elements = t.shape().num_elements();
        tensor::<B, 1>(B::float_reshape(t, Shape::new([elements])))
    };
    let shape = parameter.shape();
    let grad = flat(grad) * step.grad_scale;
    let first = flat(first) * step.beta1 + grad.clone() * (1.0 - step.beta1);
    let second = flat(second) * step.beta2 + grad.clone() * grad * (1.0 - step.beta2);
    let change = first.clone() / (second.clone().sqrt() * step.second_scale + step.epsilon);
    let parameter = flat(parameter) - change * step.step_size;
    [parameter, first, second].map(|t| B::float_reshape(primitive(t), shape.clone()))
}

/// See [`ModelBackend::weighted_sum`].
pub fn weighted_sum<B: Backend>(a: FloatTensor<B>, b: FloatTensor<B>, of_a: f64, of_b: f64) -> FloatTensor<B> {
    primitive(tensor::<B, 1>(a) * of_a + tensor::<B, 1>(b) * of_b)
}

/// See [`ModelBackend::squared_norm`].
pub fn squared_norm<B: Backend>(x: FloatTensor<B>) -> f64 {
    let elements = x.shape().num_elements();
    if elements == 0 {
        return 0.0;
    }
    let x = tensor::<B, 1>(B::float_reshape(x, Shape::new([elements])));
    block_sums(x.clone() * x).into_data().iter::<f64>().sum()
}

/// The number of a tensor that has one; waits for the device.
pub(super) fn number<B: Backend>(x: FloatTensor<B>) -> f64 {
    tensor::<B, 1>(x).into_scalar().elem::<f64>()
}
