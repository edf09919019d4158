//! y = x·W + b: dx = dy·Wᵀ, dW = xᵀ·dy, db = Σ dy.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;

use super::Kept;
use crate::op::ModelBackend;
use crate::precision::Precision;

#[derive(Debug)]
struct Affine;

impl<B: ModelBackend> Backward<B, 3> for Affine {
    type State = (Kept, Kept, Precision);

    fn backward(self, ops: Ops<Self::State, 3>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let [x_node, weight_node, bias_node] = ops.parents;
        let grad = grads.consume::<B>(&ops.node); // [B, O]
        let (x, weight, precision) = ops.state;
        if let Some(node) = bias_node {
            grads.register::<B>(node.id, B::sum_rows(grad.clone()));
        }
        if let Some(node) = weight_node {
            let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x); // [B, I]
            grads.register::<B>(node.id, B::product_weight_grad(x, grad.clone(), precision));
        }
        if let Some(node) = x_node {
            let weight = checkpointer.retrieve_node_output::<FloatTensor<B>>(weight); // [I, O]
            grads.register::<B>(node.id, B::product_input_grad(grad, weight, precision));
        }
    }
}

pub(super) fn affine<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    weight: FloatTensor<Autodiff<B, C>>,
    bias: FloatTensor<Autodiff<B, C>>,
    precision: Precision,
) -> FloatTensor<Autodiff<B, C>> {
    match Affine.prepare::<C>([x.node.clone(), weight.node.clone(), bias.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), prep.checkpoint(&weight), precision);
            prep.finish(state, B::affine(x.primitive, weight.primitive, bias.primitive, precision))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::affine(x.primitive, weight.primitive, bias.primitive, precision)),
    }
}
