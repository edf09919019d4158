//! y = softmax(x) along a dimension: dx = y·(dy − Σ dy·y), the sum along that dimension.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::FloatTensor;

use crate::op::ModelBackend;

#[derive(Debug)]
struct Softmax;

impl<B: ModelBackend> Backward<B, 1> for Softmax {
    type State = (FloatTensor<B>, usize);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (y, dim) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |grad| {
            let mean = B::float_sum_dim(B::float_mul(grad.clone(), y.clone()), dim);
            B::float_mul(y, B::float_sub(grad, mean))
        });
    }
}

pub(super) fn softmax<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    dim: usize,
) -> FloatTensor<Autodiff<B, C>> {
    match Softmax.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let y = B::shares(x.primitive, dim);
            prep.finish((y.clone(), dim), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::shares(x.primitive, dim)),
    }
}
