//! Dropout: the mask is computed again from its key, so nothing is kept for the backward pass.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::FloatTensor;

use crate::op::ModelBackend;
use crate::pass::DropoutKey;

#[derive(Debug)]
struct Dropout;

impl<B: ModelBackend> Backward<B, 1> for Dropout {
    type State = (DropoutKey, f64);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (key, probability) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::dropout(grad, key, probability));
    }
}

pub(super) fn dropout<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    key: DropoutKey,
    probability: f64,
) -> FloatTensor<Autodiff<B, C>> {
    match Dropout.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((key, probability), B::dropout(x.primitive, key, probability)),
        OpsKind::UnTracked(prep) => prep.finish(B::dropout(x.primitive, key, probability)),
    }
}
