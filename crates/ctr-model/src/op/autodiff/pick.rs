//! Vectors by their places: the gradient of a vector is the sum over the places that read it.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::TensorMetadata;
use burn::tensor::ops::FloatTensor;

use crate::op::ModelBackend;

#[derive(Debug)]
struct Pick;

impl<B: ModelBackend> Backward<B, 1> for Pick {
    type State = (Vec<u32>, usize);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (places, count) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::pick_backward(grad, &places, count));
    }
}

pub(super) fn pick<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    places: &[u32],
) -> FloatTensor<Autodiff<B, C>> {
    let count = x.primitive.shape()[1];
    match Pick.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((places.to_vec(), count), B::pick(x.primitive, places)),
        OpsKind::UnTracked(prep) => prep.finish(B::pick(x.primitive, places)),
    }
}
