//! y = a/b, b with one number for many of a: da = dy/b, db = −(Σ dy·y)/b over the numbers that share it.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::TensorMetadata;
use burn::tensor::ops::FloatTensor;

use super::Kept;
use crate::op::ModelBackend;

#[derive(Debug)]
struct Quotient;

impl<B: ModelBackend> Backward<B, 2> for Quotient {
    type State = (Kept, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [a_node, b_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node);
        let (b, y) = ops.state;
        let b = checkpointer.retrieve_node_output::<FloatTensor<B>>(b);
        if let Some(node) = b_node {
            let (whole, shared) = (y.shape(), b.shape());
            let is_shared = |&dim: &usize| shared[dim] != whole[dim];
            let product = B::float_mul(grad.clone(), y);
            let sum = (0..whole.num_dims()).filter(is_shared).fold(product, B::float_sum_dim);
            grads.register::<B>(node.id, B::float_neg(B::float_div(sum, b.clone())));
        }
        if let Some(node) = a_node {
            grads.register::<B>(node.id, B::float_div(grad, b));
        }
    }
}

pub(super) fn quotient<B: ModelBackend, C: CheckpointStrategy>(
    a: FloatTensor<Autodiff<B, C>>,
    b: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let whole = a.primitive.shape();
    match Quotient.prepare::<C>([a.node.clone(), b.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let b_kept = prep.checkpoint(&b);
            let y = B::quotient(a.primitive, b.primitive);
            assert_eq!(y.shape(), whole, "the divisor has more numbers than the dividend");
            prep.finish((b_kept, y.clone()), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(B::quotient(a.primitive, b.primitive)),
    }
}
