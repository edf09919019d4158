//! Attention between fields: the weights are computed once more.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;

use super::Kept;
use crate::op::{Attention, ModelBackend};

#[derive(Debug)]
struct Attend;

impl<B: ModelBackend> Backward<B, 1> for Attend {
    type State = (Kept, Attention);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node); // [B·F, A]
        let (projected, attention) = ops.state;
        if let Some(node) = node {
            let projected = checkpointer.retrieve_node_output::<FloatTensor<B>>(projected); // [B·F, 3·A]
            grads.register::<B>(node.id, B::attend_backward(projected, grad, attention));
        }
    }
}

pub(super) fn attend<B: ModelBackend, C: CheckpointStrategy>(
    projected: FloatTensor<Autodiff<B, C>>,
    attention: Attention,
) -> FloatTensor<Autodiff<B, C>> {
    match Attend.prepare::<C>([projected.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&projected), attention);
            prep.finish(state, B::attend(projected.primitive, attention))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::attend(projected.primitive, attention)),
    }
}
