//! The operations a model is made of, as one extension of Burn's [`Backend`].
//!
//! | piece | where |
//! |---|---|
//! | plain reference of every operation, in Burn's own operations | [`reference`](mod@reference) |
//! | single-pass kernels on host memory, for `Flex` and `NdArray` | `host` |
//! | hand-written backward passes | `autodiff` |
//! | tables in the memory of a device, and kernels, on wgpu and CUDA | `cube` |
use burn::tensor::DType;
use burn::tensor::backend::Backend;
use burn::tensor::ops::FloatTensor;
use smelu::ActivationBackend;
use smelu::op::Curve;

use crate::embedding::{DeviceTables, EmbeddingTables, TableError};
use crate::optim::AdamStep;
use crate::pass::DropoutKey;
use crate::precision::Precision;

mod autodiff;
#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod cube;
#[cfg(any(feature = "flex", feature = "ndarray"))]
mod host;
pub mod reference;

/// Parameter, first moment and second moment, in this order.
pub type AdamTensors<B> = [FloatTensor<B>; 3];

/// The operations of a click-through-rate model.
///
/// Each has a default body made of Burn's own operations (its reference); a backend overrides what it can do in fewer passes over memory.
/// On [`Autodiff`](burn::backend::Autodiff) the differentiable ones have hand-written backward passes.
pub trait ModelBackend: ActivationBackend {
    /// Whether tensors lie in host memory, and operations run where they are called.
    const HOST: bool = false;

    /// Whether products can be computed in `precision` on `device`.
    fn computes_in(precision: Precision, device: &Self::Device) -> bool {
        precision != Precision::Bf16 || Self::supports_dtype(device, DType::BF16)
    }

    /// y = x·W + b; x: [B, I], W: [I, O], b: \[O\], y: [B, O]. Differentiable in all three.
    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        Self::add_row(Self::product(x, weight, precision), bias)
    }

    /// y = x·W; x: [B, I], W: [I, O], y: [B, O], or one such product for each matrix of equal leading dimensions. Differentiable in both.
    ///
    /// With [`Precision::F32`] neither factors nor sums are rounded to fewer bits than `f32` has, whatever a device could do.
    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        reference::product::<Self>(x, weight, precision)
    }

    /// dx = dy·Wᵀ: the gradient of x in [`product`](Self::product); dy: [B, O], W: [I, O], dx: [B, I].
    fn product_input_grad(
        grad: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        reference::product_input_grad::<Self>(grad, weight, precision)
    }

    /// dW = xᵀ·dy: the gradient of W in [`product`](Self::product); x: [B, I], dy: [B, O], dW: [I, O].
    fn product_weight_grad(x: FloatTensor<Self>, grad: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        reference::product_weight_grad::<Self>(x, grad, precision)
    }

    /// c\[n, h·F + f\] = a\[n, h\]·b\[n, f\]: the outer product of each two rows; a: [N, H], b: [N, F], c: [N, H·F]. Differentiable in both.
    fn outer_rows(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::outer_rows::<Self>(a, b)
    }

    /// The gradients of a and b in [`outer_rows`](Self::outer_rows), given that of c.
    fn outer_rows_backward(
        a: FloatTensor<Self>,
        b: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> [FloatTensor<Self>; 2] {
        reference::outer_rows_backward::<Self>(a, b, grad)
    }

    /// [a b]: the rows of a, each with that of b behind it; a: [B, M], b: [B, N] → [B, M + N]. Differentiable in both.
    fn beside(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::beside::<Self>(a, b)
    }

    /// The `count` columns of x from `first` on: the gradient of either matrix in [`beside`](Self::beside), given that of the whole; [B, C] →
    /// [B, `count`].
    fn columns_of(x: FloatTensor<Self>, first: usize, count: usize) -> FloatTensor<Self> {
        reference::columns_of::<Self>(x, first, count)
    }

    /// y\[n, p\] = x\[n, places\[p\]\]: vectors by their places, which may repeat; x: [B, K, D], y: [B, P, D]. Differentiable.
    fn pick(x: FloatTensor<Self>, places: &[u32]) -> FloatTensor<Self> {
        reference::pick::<Self>(x, places)
    }

    /// The gradient of x in [`pick`](Self::pick), [B, K, D], given that of y: for each of the `count` vectors the sum over the places that read it.
    fn pick_backward(grad: FloatTensor<Self>, places: &[u32], count: usize) -> FloatTensor<Self> {
        reference::pick_backward::<Self>(grad, places, count)
    }

    /// eˣ, element by element; NaN stays NaN. Differentiable.
    fn exp(x: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::exp::<Self>(x)
    }

    /// ln x, element by element. Differentiable; the backward pass divides.
    fn ln(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_log(x)
    }

    /// ln(1 + x), element by element, near 0 as exact as the backend's `log1p`. Differentiable; the backward pass divides.
    fn ln_1p(x: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_log1p(x)
    }

    /// a/b, element by element; b has the dimensions of a, or one number for all of a dimension. Differentiable; the backward pass divides.
    ///
    /// # Panics
    /// On [`Autodiff`](burn::backend::Autodiff), where b has more numbers than a along a dimension.
    fn quotient(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_div(a, b)
    }

    /// The softmax along dimension `dim`, by the backend's own: exp(x) over its sum. Differentiable; the backward pass is
    /// dx = y·(dy − Σ dy·y).
    fn shares(x: FloatTensor<Self>, dim: usize) -> FloatTensor<Self> {
        Self::softmax(x, dim)
    }

    /// `softmax(scale·Q·Kᵀ)·V` between the F fields of each example, for each head; Q, K and V lie side by side in `projected`, [B·F, 3·A], each
    /// with the heads' vectors of A/H numbers side by side. The result is [B·F, A]. Differentiable.
    ///
    /// # Panics
    /// Where F does not divide the rows, or 3·H the columns.
    fn attend(projected: FloatTensor<Self>, attention: Attention) -> FloatTensor<Self> {
        reference::attend::<Self>(projected, attention)
    }

    /// The gradient of `projected` in [`attend`](Self::attend), given that of its result.
    fn attend_backward(
        projected: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        attention: Attention,
    ) -> FloatTensor<Self> {
        reference::attend_backward::<Self>(projected, grad, attention)
    }

    /// What follows the product of a hidden layer, in one pass: bias, batch norm, activation, dropout; [B, C] → [B, C].
    ///
    /// Differentiable in x, the bias, γ and β.
    fn hidden_tail(x: FloatTensor<Self>, tail: HiddenTail<Self>) -> FloatTensor<Self> {
        reference::hidden_tail::<Self>(x, tail)
    }

    /// The gradients of [`hidden_tail`](Self::hidden_tail), given that of its output.
    fn hidden_tail_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        tail: HiddenTail<Self>,
    ) -> HiddenTailGrads<Self> {
        reference::hidden_tail_backward::<Self>(x, grad, tail)
    }

    /// x + row, the row repeated over the batch; x: [B, C], row: \[C\].
    fn add_row(x: FloatTensor<Self>, row: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::add_row::<Self>(x, row)
    }

    /// Σ over the batch; x: [B, C] → \[C\].
    fn sum_rows(x: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::sum_rows::<Self>(x)
    }

    /// Mean and biased variance over the batch; x: [B, C] → (\[C\], \[C\]). Not differentiable: see [`batch_norm`](Self::batch_norm).
    fn batch_moments(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        reference::batch_moments::<Self>(x)
    }

    /// y = γ·(x − mean)/√(variance + ε) + β; x: [B, C], the others \[C\].
    ///
    /// Differentiable in x, γ and β. `moments_of_batch` says that mean and variance are those of `x` itself, so that the gradient of x
    /// passes through them too (Ioffe & Szegedy 2015, section 3).
    fn batch_norm(x: FloatTensor<Self>, norm: NormTensors<Self>) -> FloatTensor<Self> {
        reference::batch_norm::<Self>(x, norm)
    }

    /// The gradients of [`batch_norm`](Self::batch_norm) for x, γ and β, given that of y.
    fn batch_norm_backward(
        x: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        norm: NormTensors<Self>,
    ) -> [FloatTensor<Self>; 3] {
        reference::batch_norm_backward::<Self>(x, grad, norm)
    }

    /// `of_a`·a + `of_b`·b; a, b: \[C\]. Not differentiable: what running statistics are moved with.
    fn weighted_sum(a: FloatTensor<Self>, b: FloatTensor<Self>, of_a: f64, of_b: f64) -> FloatTensor<Self> {
        reference::weighted_sum::<Self>(a, b, of_a, of_b)
    }

    /// Inverted dropout: an element is kept, and divided by the probability of being kept, or set to 0.
    ///
    /// `probability` is that of being dropped; it is rounded to a multiple of 2⁻¹⁶. Linear in x, so it is its own backward pass.
    fn dropout(x: FloatTensor<Self>, key: DropoutKey, probability: f64) -> FloatTensor<Self> {
        reference::dropout::<Self>(x, key, probability)
    }

    /// Mean binary cross-entropy of logits z against labels y in [0, 1], in nats; z, y: \[B\] → \[1\]. Differentiable in z.
    fn bce_with_logits(logits: FloatTensor<Self>, labels: FloatTensor<Self>) -> FloatTensor<Self> {
        reference::bce_with_logits::<Self>(logits, labels)
    }

    /// (σ(z) − y)·g/B: the gradient of the logits in [`bce_with_logits`](Self::bce_with_logits), given that of the loss, g, \[1\].
    fn bce_with_logits_backward(
        logits: FloatTensor<Self>,
        labels: FloatTensor<Self>,
        grad: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        reference::bce_with_logits_backward::<Self>(logits, labels, grad)
    }

    /// One step of Adam on a parameter and its moments; not differentiable. Returns the tensors in the order they were given.
    fn adam(tensors: AdamTensors<Self>, grad: FloatTensor<Self>, step: AdamStep) -> AdamTensors<Self> {
        reference::adam::<Self>(tensors, grad, step)
    }

    /// One step of [`adam`](Self::adam) on each parameter and its moments, given its gradient; in the order they were given.
    #[must_use]
    fn adam_of_all(all: Vec<(AdamTensors<Self>, FloatTensor<Self>)>, step: AdamStep) -> Vec<AdamTensors<Self>> {
        all.into_iter().map(|(tensors, grad)| Self::adam(tensors, grad, step)).collect()
    }

    /// Σ x² in `f64`. Waits for the device.
    fn squared_norm(x: FloatTensor<Self>) -> f64 {
        reference::squared_norm::<Self>(x)
    }

    /// The sum of the [`squared_norm`](Self::squared_norm)s of several tensors in their order, and what `work` returns. A device is waited for
    /// once, after `work`, which may hand it more to do; it may add the squares in another order than `squared_norm`, that of their number.
    fn squared_norms_while<T>(tensors: Vec<FloatTensor<Self>>, work: impl FnOnce() -> T) -> (f64, T) {
        (tensors.into_iter().map(Self::squared_norm).sum(), work())
    }

    /// A number, \[1\], and what `work` returns. The number is on its way to the host while `work` hands the device more to do; a device is waited
    /// for after `work`, and only until it has the number.
    fn read_while<T>(number: FloatTensor<Self>, work: impl FnOnce() -> T) -> (f64, T) {
        (reference::number::<Self>(number), work())
    }

    /// Copies of the tables in the memory of `device`; `None` where that is the host's. `tables` must be [plain](EmbeddingTables::is_plain).
    ///
    /// `largest_buffer` bounds the bytes of a buffer below what the device allows: a table is cut into parts of so many bytes at most.
    ///
    /// # Errors
    /// When the device does not have the memory.
    fn device_tables(
        _tables: &EmbeddingTables,
        _device: &Self::Device,
        _largest_buffer: Option<u64>,
    ) -> Result<Option<Box<dyn DeviceTables<Self>>>, TableError> {
        Ok(None)
    }
}

/// The tensors and constants of a batch normalisation; each tensor is \[C\].
#[derive(Clone, Debug)]
pub struct NormTensors<B: Backend> {
    /// The scale γ.
    pub gamma: FloatTensor<B>,
    /// The shift β.
    pub beta: FloatTensor<B>,
    /// The mean to subtract.
    pub mean: FloatTensor<B>,
    /// The biased variance to divide by the root of.
    pub variance: FloatTensor<B>,
    /// ε, added to the variance.
    pub epsilon: f64,
    /// Whether mean and variance were computed from x itself.
    pub moments_of_batch: bool,
}

/// Attention between the fields of an example.
///
/// # Reference
/// Vaswani et al., "Attention is all you need", arXiv 1706.03762, section 3.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Fields of an example, F.
    pub fields: usize,
    /// Heads, H.
    pub heads: usize,
    /// What scores are multiplied by.
    pub scale: f64,
    /// Dropout of the weights, [B, H, F, F]: which mask, and the probability of being dropped.
    pub dropout: Option<(DropoutKey, f64)>,
}

impl Attention {
    /// A, for `rows` of `columns` numbers.
    fn units(self, rows: usize, columns: usize) -> usize {
        let Self { fields, heads, .. } = self;
        assert!(
            rows.is_multiple_of(fields) && heads > 0 && columns.is_multiple_of(3 * heads),
            "[{rows}, {columns}] does not hold Q, K and V of {heads} heads for examples of {fields} fields"
        );
        columns / 3
    }
}

/// What follows the product x of a hidden layer: y = dropout(f(BN(x + b))).
#[derive(Clone, Debug)]
pub struct HiddenTail<B: Backend> {
    /// The bias b, \[C\].
    pub bias: FloatTensor<B>,
    /// The batch normalisation; its mean is that of x + b.
    pub norm: Option<NormTensors<B>>,
    /// The activation f.
    pub curve: Curve,
    /// Which mask, and the probability of being dropped.
    pub dropout: Option<(DropoutKey, f64)>,
}

/// The gradients of a [`HiddenTail`].
#[derive(Clone, Debug)]
pub struct HiddenTailGrads<B: Backend> {
    /// Of x, [B, C].
    pub x: FloatTensor<B>,
    /// Of the bias, \[C\]. Exactly 0 under batch norm by the batch's own moments: the mean takes the bias out again.
    pub bias: FloatTensor<B>,
    /// Of γ and β, \[C\] each.
    pub norm: Option<[FloatTensor<B>; 2]>,
}
