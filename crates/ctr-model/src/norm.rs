//! Batch normalisation.
use burn::module::{Module, Param, RunningState};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorPrimitive};

use crate::init::Initializer;
use crate::op::{ModelBackend, NormTensors};
use crate::pass::Pass;

/// y = γ·(x − mean)/√(variance + ε) + β for each column; [B, C] → [B, C].
///
/// In training, mean and biased variance are the batch's, and the running ones move toward them by `momentum` (the variance by its unbiased
/// estimate, as PyTorch); in evaluation the running ones are used. A batch of one example has no variance: it leaves the running
/// variance as it is.
///
/// # Reference
/// Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift", ICML 2015.
#[derive(Module, Debug)]
pub struct BatchNorm<B: Backend> {
    /// The scale γ, \[C\].
    pub gamma: Param<Tensor<B, 1>>,
    /// The shift β, \[C\].
    pub beta: Param<Tensor<B, 1>>,
    /// The running mean, \[C\].
    pub running_mean: RunningState<Tensor<B, 1>>,
    /// The running variance, \[C\].
    pub running_var: RunningState<Tensor<B, 1>>,
    momentum: f64,
    epsilon: f64,
}

impl<B: Backend> BatchNorm<B> {
    /// γ = 1, β = 0, running mean 0 and variance 1; momentum 0.1 and ε = 1e-5.
    #[must_use]
    pub fn new(columns: usize, init: Initializer<'_, B>) -> Self {
        Self {
            gamma: init.constant(columns, 1.0),
            beta: init.constant(columns, 0.0),
            running_mean: RunningState::new(Tensor::zeros([columns], init.device)),
            running_var: RunningState::new(Tensor::ones([columns], init.device)),
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }
}

impl<B: ModelBackend> BatchNorm<B> {
    /// Applies the layer; [B, C] → [B, C].
    #[must_use]
    pub fn forward(&self, x: Tensor<B, 2>, pass: Pass) -> Tensor<B, 2> {
        let norm = self.tensors(&x, None, pass);
        Tensor::from_primitive(TensorPrimitive::Float(B::batch_norm(x.into_primitive().tensor(), norm)))
    }

    /// What normalises x + bias (x where there is none), x being [B, C]; in training the running statistics move.
    pub(crate) fn tensors(&self, x: &Tensor<B, 2>, bias: Option<Tensor<B, 1>>, pass: Pass) -> NormTensors<B> {
        let moments_of_batch = matches!(pass, Pass::Train { .. });
        let (mean, variance) = if moments_of_batch {
            let (mean, variance) = B::batch_moments(x.clone().into_primitive().tensor());
            let mean = match bias {
                Some(bias) => B::float_add(mean, bias.detach().into_primitive().tensor()),
                None => mean,
            };
            self.track(&mean, &variance, x.dims()[0]);
            (mean, variance)
        } else {
            [&self.running_mean, &self.running_var].map(|state| state.value_sync().into_primitive().tensor()).into()
        };
        let [gamma, beta] = [&self.gamma, &self.beta].map(|param| param.val().into_primitive().tensor());
        NormTensors { gamma, beta, mean, variance, epsilon: self.epsilon, moments_of_batch }
    }

    fn track(&self, mean: &B::FloatTensorPrimitive, variance: &B::FloatTensorPrimitive, rows: usize) {
        let tensor = |primitive: &B::FloatTensorPrimitive| {
            Tensor::<B, 1>::from_primitive(TensorPrimitive::Float(primitive.clone()))
        };
        let toward = |state: &RunningState<Tensor<B, 1>>, value: Tensor<B, 1>| {
            let [state_now, value] = [state.value_sync(), value].map(|tensor| tensor.into_primitive().tensor());
            let moved = B::weighted_sum(state_now, value, 1.0 - self.momentum, self.momentum);
            state.update(Tensor::from_primitive(TensorPrimitive::Float(moved)).detach());
            // Without this the state would be one update behind for whoever reads it next.
            let _ = state.value_sync();
        };
        toward(&self.running_mean, tensor(mean));
        if rows > 1 {
            toward(&self.running_var, tensor(variance) * (rows as f64 / (rows - 1) as f64));
        }
    }
}
