//! Matrices side by side: the gradient of each is its columns of the whole's.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::TensorMetadata;
use burn::tensor::ops::FloatTensor;

use crate::op::ModelBackend;

#[derive(Debug)]
struct Beside;

impl<B: ModelBackend> Backward<B, 2> for Beside {
    /// The columns of a and of b.
    type State = [usize; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node); // [B, M + N]
        let ([a, b], [left, right]) = (ops.parents, ops.state);
        for (node, first, count) in [(a, 0, left), (b, left, right)] {
            if let Some(node) = node {
                grads.register::<B>(node.id, B::columns_of(grad.clone(), first, count));
            }
        }
    }
}

pub(super) fn beside<B: ModelBackend, C: CheckpointStrategy>(
    a: FloatTensor<Autodiff<B, C>>,
    b: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let columns = [&a, &b].map(|matrix| matrix.primitive.shape()[1]);
    match Beside.prepare::<C>([a.node.clone(), b.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(columns, B::beside(a.primitive, b.primitive)),
        OpsKind::UnTracked(prep) => prep.finish(B::beside(a.primitive, b.primitive)),
    }
}
