//! Binary cross-entropy with logits: dz = (σ(z) − y)/B, exact also at z = 0.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::FloatTensor;

use super::Kept;
use crate::op::ModelBackend;

/// Carries the labels, which are data and never differentiated.
#[derive(Debug)]
struct BceWithLogits;

impl<B: ModelBackend> Backward<B, 1> for BceWithLogits {
    type State = (Kept, FloatTensor<B>);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let (logits, labels) = ops.state;
        let logits = checkpointer.retrieve_node_output::<FloatTensor<B>>(logits);
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::bce_with_logits_backward(logits, labels, grad));
    }
}

pub(super) fn bce_with_logits<B: ModelBackend, C: CheckpointStrategy>(
    logits: FloatTensor<Autodiff<B, C>>,
    labels: FloatTensor<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let labels = labels.primitive;
    match BceWithLogits.prepare::<C>([logits.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&logits), labels.clone());
            prep.finish(state, B::bce_with_logits(logits.primitive, labels))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::bce_with_logits(logits.primitive, labels)),
    }
}
