//! Batch normalisation: one backward pass for x, γ and β together.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;

use super::{Kept, norm_primitives};
use crate::op::{ModelBackend, NormTensors};

#[derive(Debug)]
struct BatchNorm;

impl<B: ModelBackend> Backward<B, 3> for BatchNorm {
    type State = (Kept, NormTensors<B>);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node); // [B, C]
        let (x, norm) = ops.state;
        let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x);
        for (node, grad) in ops.parents.into_iter().zip(B::batch_norm_backward(x, grad, norm)) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

pub(super) fn batch_norm<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    norm: NormTensors<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let nodes = [x.node.clone(), norm.gamma.node.clone(), norm.beta.node.clone()];
    let norm = norm_primitives(norm);
    match BatchNorm.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), norm.clone());
            prep.finish(state, B::batch_norm(x.primitive, norm))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::batch_norm(x.primitive, norm)),
    }
}
