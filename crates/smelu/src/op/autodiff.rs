//! The backward pass, for the autodiff decorator over any backend.

use core::any::TypeId;
use core::marker::PhantomData;

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::retro_forward::RetroForward;
use burn::backend::autodiff::checkpoint::state::BackwardStates;
use burn::backend::autodiff::checkpoint::strategy::{CheckpointStrategy, NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::TensorMetadata;
use burn::tensor::ops::FloatTensor;

use super::{ActivationBackend, Curve, Formula};

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

/// The step of the backward pass of SmeLU from its output.
#[derive(Debug)]
struct SmeluBackwardFromOutput;

impl<B: ActivationBackend> Backward<B, 1> for SmeluBackwardFromOutput {
    type State = (FloatTensor<B>, f64);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let (y, beta) = ops.state;
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::smelu_backward_from_output(y, grad, beta));
    }
}

/// SmeLU of half-width `beta`, keeping the output: `curve` of an input that nobody else owns takes no new memory, and the
/// next layer keeps the same output for the gradient of its weights.
fn from_output<B: ActivationBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    curve: &Curve,
    beta: f64,
) -> FloatTensor<Autodiff<B, C>> {
    match Backward::<B, 1>::prepare::<C>(SmeluBackwardFromOutput, [x.node]).compute_bound().stateful() {
        OpsKind::Tracked(tracked) => {
            let y = B::activation(x.primitive, *curve);
            tracked.finish((y.clone(), beta), y)
        }
        OpsKind::UnTracked(untracked) => untracked.finish(B::activation(x.primitive, *curve)),
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

/// As [`ActivationBackward`], with a second parent: the tensor of parameters.
#[derive(Debug)]
struct ActivationWithBackward;

impl<B: ActivationBackend> Backward<B, 2> for ActivationWithBackward {
    type State = (NodeId, NodeId, Formula);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let (input, parameters, formula) = ops.state;
        let x: FloatTensor<B> = checkpointer.retrieve_node_output(input);
        let parameters: FloatTensor<B> = checkpointer.retrieve_node_output(parameters);
        let grad = grads.consume::<B>(&ops.node);
        // One pass gives both, so that an input without a gradient costs no more than the parameters alone.
        let (of_x, of_parameters) = B::activation_with_backward(x, grad, parameters, formula);
        let [x, parameters] = ops.parents;
        for (parent, gradient) in [(x, of_x), (parameters, of_parameters)] {
            if let Some(parent) = parent {
                grads.register::<B>(parent.id, gradient);
            }
        }
    }
}

/// As [`RetroActivation`], for the operation with parameters.
#[derive(Debug, Clone)]
struct RetroActivationWith<B> {
    input: NodeId,
    parameters: NodeId,
    formula: Formula,
    backend: PhantomData<B>,
}

impl<B: ActivationBackend> RetroForward for RetroActivationWith<B> {
    fn forward(&self, states: &mut BackwardStates, out_node: NodeId) {
        let x = states.get_state::<FloatTensor<B>>(&self.input);
        let parameters = states.get_state::<FloatTensor<B>>(&self.parameters);
        states.save(out_node, B::activation_with(x, parameters, self.formula));
    }
}

impl<B: ActivationBackend, C: CheckpointStrategy> ActivationBackend for Autodiff<B, C> {
    fn activation(x: FloatTensor<Self>, curve: Curve) -> FloatTensor<Self> {
        // With gradient checkpointing the output is the one to give up: it can be computed again from the input.
        if B::FROM_OUTPUT
            && TypeId::of::<C>() == TypeId::of::<NoCheckpointing>()
            && let Some(beta) = curve.half_width_from_value(x.primitive.dtype())
        {
            return from_output::<B, C>(x, &curve, beta);
        }
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

    fn activation_with(x: FloatTensor<Self>, parameters: FloatTensor<Self>, formula: Formula) -> FloatTensor<Self> {
        let retro = RetroActivationWith::<B> {
            input: x.node.id,
            parameters: parameters.node.id,
            formula,
            backend: PhantomData,
        };
        let prepared =
            Backward::<B, 2>::prepare::<C>(ActivationWithBackward, [x.node.clone(), parameters.node.clone()])
                .memory_bound()
                .retro_forward(retro)
                .parents([&x, &parameters])
                .stateful();
        match prepared {
            OpsKind::Tracked(mut tracked) => {
                let state = (tracked.checkpoint(&x), tracked.checkpoint(&parameters), formula);
                tracked.finish(state, B::activation_with(x.primitive, parameters.primitive, formula))
            }
            OpsKind::UnTracked(untracked) => {
                untracked.finish(B::activation_with(x.primitive, parameters.primitive, formula))
            }
        }
    }

    // The backward operations keep their composed defaults here: being differentiable themselves, they give second
    // derivatives when a caller differentiates through them.
}
