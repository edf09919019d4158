//! Bias, batch norm, activation and dropout of a hidden layer: one backward pass, which computes again what lies between its input and
//! its output.
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::ops::FloatTensor;

use super::{Kept, norm_primitives};
use crate::op::{HiddenTail, HiddenTailGrads, ModelBackend};

/// With N parents: x and the bias, and under batch norm γ and β.
#[derive(Debug)]
struct Tail;

impl<B: ModelBackend, const N: usize> Backward<B, N> for Tail {
    type State = (Kept, HiddenTail<B>);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let grad = grads.consume::<B>(&ops.node); // [B, C]
        let (x, tail) = ops.state;
        let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x);
        let HiddenTailGrads { x, bias, norm } = B::hidden_tail_backward(x, grad, tail);
        let all = [x, bias].into_iter().chain(norm.into_iter().flatten());
        for (node, grad) in ops.parents.into_iter().zip(all) {
            if let Some(node) = node {
                grads.register::<B>(node.id, grad);
            }
        }
    }
}

pub(super) fn hidden_tail<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    tail: HiddenTail<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    match &tail.norm {
        Some(norm) => apply::<B, C, 4>(&[&x, &tail.bias, &norm.gamma, &norm.beta].map(Clone::clone), tail),
        None => apply::<B, C, 2>(&[&x, &tail.bias].map(Clone::clone), tail),
    }
}

/// `parents` are x and the parameters that the tail has.
fn apply<B: ModelBackend, C: CheckpointStrategy, const N: usize>(
    parents: &[FloatTensor<Autodiff<B, C>>; N],
    tail: HiddenTail<Autodiff<B, C>>,
) -> FloatTensor<Autodiff<B, C>> {
    let tail = HiddenTail::<B> {
        bias: tail.bias.primitive,
        norm: tail.norm.map(norm_primitives),
        curve: tail.curve,
        dropout: tail.dropout,
    };
    let nodes = parents.each_ref().map(|parent| parent.node.clone());
    let x = &parents[0];
    match Backward::<B, N>::prepare::<C>(Tail, nodes).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(x), tail.clone());
            prep.finish(state, B::hidden_tail(x.primitive.clone(), tail))
        }
        OpsKind::UnTracked(prep) => prep.finish(B::hidden_tail(x.primitive.clone(), tail)),
    }
}
