//! c = a ⊗ b row by row: da = g·b, db = gᵀ·a.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;

use super::Kept;
use crate::op::ModelBackend;

#[derive(Debug)]
struct OuterRows;

impl<B: ModelBackend> Backward<B, 2> for OuterRows {
    type State = [Kept; 2];

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let nodes = ops.parents;
        let grad = grads.consume::<B>(&ops.node); // [N, H·F]
        let [a, b] = ops.state.map(|kept| checkpointer.retrieve_node_output::<FloatTensor<B>>(kept));
        for (node, grad) in nodes.into_iter().zip(B::outer_rows_backward(a, b, grad)) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

pub(super) fn outer_rows<B: ModelBackend, C: CheckpointStrategy>(
    a: FloatTensor<Autodiff<B, C>>,
    b: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    match OuterRows.prepare::<C>([a.node.clone(), b.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = [prep.checkpoint(&a), prep.checkpoint(&b)];
            prep.finish(state, B::outer_rows(a.primitive, b.primitive))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::outer_rows(a.primitive, b.primitive)),
    }
}
