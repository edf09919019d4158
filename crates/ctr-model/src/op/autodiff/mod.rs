//! The operations on [`Autodiff`]: one file per hand-written backward pass.
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::{Autodiff, NodeId};
use burn::tensor::ops::FloatTensor;

use super::{Attention, HiddenTail, ModelBackend, NormTensors};
use crate::pass::DropoutKey;
use crate::precision::Precision;

mod affine;
mod attention;
mod batch_norm;
mod beside;
mod dropout;
mod exp;
mod hidden_tail;
mod logarithm;
mod loss;
mod outer;
mod pick;
mod product;
mod quotient;
mod softmax;

impl<B: ModelBackend, C: CheckpointStrategy> ModelBackend for Autodiff<B, C> {
    const HOST: bool = B::HOST;

    fn computes_in(precision: Precision, device: &Self::Device) -> bool {
        B::computes_in(precision, device)
    }

    fn affine(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self> {
        affine::affine::<B, C>(x, weight, bias, precision)
    }

    fn product(x: FloatTensor<Self>, weight: FloatTensor<Self>, precision: Precision) -> FloatTensor<Self> {
        product::product::<B, C>(x, weight, precision)
    }

    fn outer_rows(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        outer::outer_rows::<B, C>(a, b)
    }

    fn beside(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        beside::beside::<B, C>(a, b)
    }

    fn pick(x: FloatTensor<Self>, places: &[u32]) -> FloatTensor<Self> {
        pick::pick::<B, C>(x, places)
    }

    fn exp(x: FloatTensor<Self>) -> FloatTensor<Self> {
        exp::exp::<B, C>(x)
    }

    fn ln(x: FloatTensor<Self>) -> FloatTensor<Self> {
        logarithm::logarithm::<B, C>(x, logarithm::Of::Number)
    }

    fn ln_1p(x: FloatTensor<Self>) -> FloatTensor<Self> {
        logarithm::logarithm::<B, C>(x, logarithm::Of::OnePlusNumber)
    }

    fn quotient(a: FloatTensor<Self>, b: FloatTensor<Self>) -> FloatTensor<Self> {
        quotient::quotient::<B, C>(a, b)
    }

    fn shares(x: FloatTensor<Self>, dim: usize) -> FloatTensor<Self> {
        softmax::softmax::<B, C>(x, dim)
    }

    fn attend(projected: FloatTensor<Self>, attention: Attention) -> FloatTensor<Self> {
        attention::attend::<B, C>(projected, attention)
    }

    fn hidden_tail(x: FloatTensor<Self>, tail: HiddenTail<Self>) -> FloatTensor<Self> {
        hidden_tail::hidden_tail::<B, C>(x, tail)
    }

    fn batch_moments(x: FloatTensor<Self>) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (mean, variance) = B::batch_moments(x.primitive);
        (FloatTensor::<Self>::new(mean), FloatTensor::<Self>::new(variance))
    }

    fn weighted_sum(a: FloatTensor<Self>, b: FloatTensor<Self>, of_a: f64, of_b: f64) -> FloatTensor<Self> {
        FloatTensor::<Self>::new(B::weighted_sum(a.primitive, b.primitive, of_a, of_b))
    }

    fn batch_norm(x: FloatTensor<Self>, norm: NormTensors<Self>) -> FloatTensor<Self> {
        batch_norm::batch_norm::<B, C>(x, norm)
    }

    fn dropout(x: FloatTensor<Self>, key: DropoutKey, probability: f64) -> FloatTensor<Self> {
        dropout::dropout::<B, C>(x, key, probability)
    }

    fn bce_with_logits(logits: FloatTensor<Self>, labels: FloatTensor<Self>) -> FloatTensor<Self> {
        loss::bce_with_logits::<B, C>(logits, labels)
    }
}

/// The node under which a tensor was kept for the backward pass.
type Kept = NodeId;

/// The tensors of the inner backend.
fn norm_primitives<B: ModelBackend, C: CheckpointStrategy>(norm: NormTensors<Autodiff<B, C>>) -> NormTensors<B> {
    NormTensors {
        gamma: norm.gamma.primitive,
        beta: norm.beta.primitive,
        mean: norm.mean.primitive,
        variance: norm.variance.primitive,
        epsilon: norm.epsilon,
        moments_of_batch: norm.moments_of_batch,
    }
}
