//! y = ln x: dx = dy/x; y = ln(1 + x): dx = dy/(1 + x).
use burn::backend::autodiff::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind, unary};
use burn::tensor::ops::FloatTensor;

use super::Kept;
use crate::op::ModelBackend;

/// Which logarithm.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Number,
    OnePlusNumber,
}

impl Of {
    fn ln<B: ModelBackend>(self, x: FloatTensor<B>) -> FloatTensor<B> {
        match self {
            Self::Number => B::ln(x),
            Self::OnePlusNumber => B::ln_1p(x),
        }
    }
}

#[derive(Debug)]
struct Logarithm;

impl<B: ModelBackend> Backward<B, 1> for Logarithm {
    type State = (Kept, Of);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, checkpointer: &mut Checkpointer) {
        let (x, of) = ops.state;
        let x = checkpointer.retrieve_node_output::<FloatTensor<B>>(x);
        let divisor = match of {
            Of::Number => x,
            Of::OnePlusNumber => B::float_add_scalar(x, 1_f32.into()),
        };
        unary::<B, _>(ops.parents, ops.node, grads, |grad| B::float_div(grad, divisor));
    }
}

pub(super) fn logarithm<B: ModelBackend, C: CheckpointStrategy>(
    x: FloatTensor<Autodiff<B, C>>,
    of: Of,
) -> FloatTensor<Autodiff<B, C>> {
    match Logarithm.prepare::<C>([x.node.clone()]).compute_bound().stateful() {
        OpsKind::Tracked(mut prep) => {
            let state = (prep.checkpoint(&x), of);
            prep.finish(state, of.ln::<B>(x.primitive))
        }
        OpsKind::UnTracked(prep) => prep.finish(of.ln::<B>(x.primitive)),
    }
}
