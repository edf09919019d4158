//! The backward pass, for the autodiff decorator over any backend.

use core::marker::PhantomData;

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::FloatTensor;

use super::{ActivationBackend, Curve};

/// The step of the backward pass: `grad · f'(x)` from the input kept (or recomputed) by the checkpointer.
#[derive(Debug)]
struct ActivationBackward;

impl<B: ActivationBackend> Backward<B, 1> for ActivationBackward {
    type State = (NodeId, Curve);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let (input, curve) = ops.state;
        let x: FloatTensor<B> = checkpointer.retrieve_node_output(input);
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::activation_backward(x, grad, curve));
    }
}

/// Computes the output again when gradient checkpointing dropped it.
#[derive(Debug, Clone)]
struct RetroActivation<B> {
    input: NodeId,
    curve: Curve,
    backend: PhantomData<B>,
}

impl<B: ActivationBackend> RetroForward for RetroActivation<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FloatTensor<B>>(&self.input);
        states.save(out_node, B::activation(x, self.curve));
    }
}

impl<B: ActivationBackend, C: CheckpointStrategy> ActivationBackend for Autodiff<B, C> {
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        let prepared = Backward::<B, 1>::prepare::<C>(ActivationBackward, [x.node.clone()])
            .memory_bound()
            .retro_forward(RetroActivation::<B> { input: x.node.id, curve, backend: PhantomData })
            .parents([&x])
            .stateful();
        match prepared {
            OpsKind::Tracked(mut tracked) => {
                let input = tracked.checkpoint(&x);
                tracked.finish((input, curve), B::activation(x.primitive, curve))
            }
            OpsKind::UnTracked(untracked) => untracked.finish(B::activation(x.primitive, curve)),
        }
    }

    // `activation_backward` keeps its composed default here: being differentiable itself, it gives second derivatives
    // when a caller differentiates through it.
}
