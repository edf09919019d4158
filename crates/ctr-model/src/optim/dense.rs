//! The optimiser of the dense parameters.
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Shape, Tensor, TensorData, TensorMetadata, TensorPrimitive};

use super::{OptimizerConfig, UpdateStep};
use crate::op::ModelBackend;
use crate::parameters::{NamedParameter, ParameterError, PathStack};

/// Both moments of one parameter.
#[derive(Clone, Debug)]
pub struct MomentPair<B: Backend> {
    first: B::FloatTensorPrimitive,
    second: B::FloatTensorPrimitive,
}

/// Updates every trainable parameter of a module in one pass over each, in place where the buffer is not shared.
#[derive(Clone, Debug)]
pub struct DenseOptimizer<B: Backend> {
    config: OptimizerConfig,
    moments: BTreeMap<String, MomentPair<B>>,
}

impl<B: ModelBackend> DenseOptimizer<B> {
    /// An optimiser without state; moments start at 0 at the first step.
    #[must_use]
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, moments: BTreeMap::new() }
    }

    /// Σ over all parameters of ‖gradient‖².
    #[must_use]
    pub fn squared_norm<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(
        &self,
        module: &M,
        grads: &A::Gradients,
    ) -> f64 {
        let mut norm = Norm::<A> { grads, total: 0.0 };
        module.visit(&mut norm);
        norm.total
    }

    /// One step; a parameter without a gradient stays as it is.
    #[must_use]
    pub fn step<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(
        &mut self,
        module: M,
        grads: A::Gradients,
        step: UpdateStep,
    ) -> M {
        module.map(&mut Update { optimizer: self, grads, step, path: PathStack::default() })
    }

    /// The moments by name: `NAME.first` and `NAME.second`.
    #[must_use]
    pub fn state(&self) -> Vec<NamedParameter> {
        let named = |name: String, moment: &B::FloatTensorPrimitive| {
            let shape = moment.shape().to_vec();
            let flat = B::float_reshape(moment.clone(), Shape::new([moment.shape().num_elements()]));
            let flat: Tensor<B, 1> = Tensor::from_primitive(TensorPrimitive::Float(flat));
            NamedParameter { name, shape, values: flat.into_data().iter::<f32>().collect() }
        };
        self.moments
            .iter()
            .flat_map(|(name, pair)| {
                [named(format!("{name}.first"), &pair.first), named(format!("{name}.second"), &pair.second)]
            })
            .collect()
    }

    /// Replaces the moments by those of [`state`](Self::state), which belong to these parameters.
    ///
    /// # Errors
    /// When one of a pair is missing, or a moment belongs to no parameter or has another shape than its parameter.
    pub fn set_state(
        &mut self,
        state: &[NamedParameter],
        parameters: &[NamedParameter],
        device: &B::Device,
    ) -> Result<(), ParameterError> {
        let mut moments = BTreeMap::new();
        for moment in state {
            let unknown = || ParameterError::Unknown { name: moment.name.clone() };
            let (name, half) = moment.name.rsplit_once('.').ok_or_else(unknown)?;
            let parameter = parameters.iter().find(|parameter| parameter.name == name).ok_or_else(unknown)?;
            if moment.shape != parameter.shape {
                let (expected, found) = (parameter.shape.clone(), moment.shape.clone());
                return Err(ParameterError::Shape { name: moment.name.clone(), expected, found });
            }
            let other = match half {
                "first" => "second",
                "second" => "first",
                _ => return Err(unknown()),
            };
            let other = format!("{name}.{other}");
            let pair = state.iter().find(|moment| moment.name == other);
            let pair = pair.ok_or_else(|| ParameterError::Missing { name: other, expected: moment.shape.clone() })?;
            if half == "first" {
                let tensor = |moment: &NamedParameter| {
                    B::float_from_data(TensorData::new(moment.values.clone(), moment.shape.clone()), device)
                };
                moments.insert(name.to_owned(), MomentPair { first: tensor(moment), second: tensor(pair) });
            }
        }
        self.moments = moments;
        Ok(())
    }

    fn update(
        &mut self,
        name: &str,
        parameter: B::FloatTensorPrimitive,
        grad: B::FloatTensorPrimitive,
        step: UpdateStep,
    ) -> B::FloatTensorPrimitive {
        match &self.config {
            OptimizerConfig::Sgd(config) => {
                let rate = config.learning_rate * step.rate_scale * step.grad_scale;
                B::float_sub(parameter, B::float_mul_scalar(grad, rate.into()))
            }
            OptimizerConfig::Adam(config) => {
                let pair = self.moments.remove(name).unwrap_or_else(|| {
                    let zeros = || B::float_zeros(grad.shape(), &B::float_device(&grad), grad.dtype().into());
                    MomentPair { first: zeros(), second: zeros() }
                });
                let [parameter, first, second] = B::adam([parameter, pair.first, pair.second], grad, config.at(step));
                self.moments.insert(name.to_owned(), MomentPair { first, second });
                parameter
            }
        }
    }
}

struct Norm<'a, A: AutodiffBackend> {
    grads: &'a A::Gradients,
    total: f64,
}

impl<A: AutodiffBackend> ModuleVisitor<A> for Norm<'_, A>
where
    A::InnerBackend: ModelBackend,
{
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
        if let Some(grad) = param.val().grad(self.grads) {
            self.total += A::InnerBackend::squared_norm(grad.into_primitive().tensor());
        }
    }
}

struct Update<'a, A: AutodiffBackend> {
    optimizer: &'a mut DenseOptimizer<A::InnerBackend>,
    grads: A::Gradients,
    step: UpdateStep,
    path: PathStack,
}

impl<A: AutodiffBackend> ModuleMapper<A> for Update<'_, A>
where
    A::InnerBackend: ModelBackend,
{
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        let (id, tensor, mapper) = param.consume();
        let tensor = match tensor.grad_remove(&mut self.grads) {
            Some(grad) => {
                let require_grad = tensor.is_require_grad();
                let parameter = tensor.inner().into_primitive().tensor();
                let grad = grad.into_primitive().tensor();
                let updated = self.optimizer.update(&self.path.name(), parameter, grad, self.step);
                let updated = Tensor::from_primitive(TensorPrimitive::Float(updated));
                Tensor::from_inner(updated).set_require_grad(require_grad)
            }
            None => tensor,
        };
        Param::from_mapped_value(id, tensor, mapper)
    }

    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }
}
