//! The optimiser of the dense parameters.
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Shape, Tensor, TensorData, TensorMetadata, TensorPrimitive};

use super::{AdamStep, OptimizerConfig, UpdateStep};
use crate::op::{AdamTensors, ModelBackend};
use crate::parameters::{NamedParameter, ParameterError, PathStack};

/// Limits on the gradient of each dense parameter, in this order; `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TensorClip {
    /// Largest magnitude of an element.
    pub value: Option<f64>,
    /// Largest L2 norm of a parameter's gradient; larger ones are scaled down to it.
    pub norm: Option<f64>,
}

/// Updates every trainable parameter of a module in one pass over each, in place where the buffer is not shared.
#[derive(Clone, Debug)]
pub struct DenseOptimizer<B: Backend> {
    config: OptimizerConfig,
    /// Largest root mean square of a parameter's step, in units of the learning rate.
    update_clip: Option<f64>,
    /// One tensor of each of [`OptimizerConfig::state_names`] for each parameter that has had a gradient.
    state: BTreeMap<String, Vec<B::FloatTensorPrimitive>>,
}

impl OptimizerConfig {
    /// What the numbers of state are called that each parameter needs.
    fn state_names(&self) -> &'static [&'static str] {
        match self {
            Self::Adam(_) | Self::AdamW(_) => &["first", "second"],
            Self::Adagrad(_) => &["squares"],
            Self::Sgd(config) if config.momentum > 0.0 => &["velocity"],
            Self::Sgd(_) => &[],
        }
    }
}

impl<B: ModelBackend> DenseOptimizer<B> {
    /// An optimiser without state; all state starts at 0 at a parameter's first step.
    #[must_use]
    pub fn new(config: OptimizerConfig) -> Self {
        Self { config, update_clip: None, state: BTreeMap::new() }
    }

    /// The same optimiser, whose steps are scaled down to at most this root mean square over the elements of a parameter, in units of the
    /// learning rate; weight decay is a part of the step.
    #[must_use]
    pub fn with_update_clip(self, update_clip: Option<f64>) -> Self {
        Self { update_clip, ..self }
    }

    /// Replaces the gradient g of each parameter by clip(g): its elements limited to ±`value`, then the whole tensor scaled by
    /// min(1, `norm`/‖g‖₂).
    pub fn clip<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(
        &self,
        module: &M,
        grads: &mut A::Gradients,
        clip: TensorClip,
    ) {
        if clip != TensorClip::default() {
            module.visit(&mut Clip::<A> { grads, clip });
        }
    }

    /// Σ over all parameters of ‖gradient‖².
    #[must_use]
    pub fn squared_norm<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(
        &self,
        module: &M,
        grads: &A::Gradients,
    ) -> f64 {
        self.squared_norm_while(module, grads, || ()).0
    }

    /// The [`squared_norm`](Self::squared_norm), and what `work` returns: a device computes the norm while `work` hands it more to do, and is
    /// waited for after that.
    pub fn squared_norm_while<A: AutodiffBackend<InnerBackend = B>, M: Module<A>, T>(
        &self,
        module: &M,
        grads: &A::Gradients,
        work: impl FnOnce() -> T,
    ) -> (f64, T) {
        let mut found = Found::<A> { grads, found: Vec::new() };
        module.visit(&mut found);
        B::squared_norms_while(found.found, work)
    }

    /// One step; a parameter without a gradient stays as it is.
    #[must_use]
    pub fn step<A: AutodiffBackend<InnerBackend = B>, M: Module<A>>(
        &mut self,
        module: M,
        grads: A::Gradients,
        step: UpdateStep,
    ) -> M {
        // Parameters are updated in place, so nothing else may hold them: they are taken out, and put back when all have been updated.
        let mut take = Take { grads, taken: Vec::new(), path: PathStack::default() };
        let module = module.map(&mut take);
        let require_grad: Vec<_> =
            take.taken.iter().map(|taken| taken.as_ref().map(|taken| taken.require_grad)).collect();
        let updated = self.update_all(take.taken.into_iter().flatten().collect(), step);
        module.map(&mut Put { require_grad: require_grad.into_iter(), updated: updated.into_iter() })
    }

    fn update_all(&mut self, taken: Vec<Taken<B>>, step: UpdateStep) -> Vec<B::FloatTensorPrimitive> {
        let rate = self.config.learning_rate() * step.rate_scale;
        let limit = self.update_clip.map(|limit| limit * rate);
        let before: Vec<_> =
            limit.map_or_else(Vec::new, |_| taken.iter().map(|taken| taken.parameter.clone()).collect());
        let updated: Vec<_> = match self.config.clone() {
            OptimizerConfig::Adam(config) => self.adam(taken, config.at(step)),
            OptimizerConfig::AdamW(config) => {
                let kept = 1.0 - rate * config.weight_decay;
                let decayed = taken.into_iter().map(|taken| {
                    let parameter = B::float_mul_scalar(taken.parameter, kept.into());
                    Taken { parameter, ..taken }
                });
                let decayed = decayed.collect();
                self.adam(decayed, config.adam().at(step))
            }
            _ => taken.into_iter().map(|taken| self.update(taken, rate, step.grad_scale)).collect(),
        };
        match limit {
            None => updated,
            Some(limit) => {
                before.into_iter().zip(updated).map(|(before, after)| clipped::<B>(before, after, limit)).collect()
            }
        }
    }

    fn adam(&mut self, taken: Vec<Taken<B>>, step: AdamStep) -> Vec<B::FloatTensorPrimitive> {
        let mut names = Vec::with_capacity(taken.len());
        let mut all = Vec::with_capacity(taken.len());
        for taken in taken {
            let [first, second] = self.state_of(&taken);
            names.push(taken.name);
            all.push(([taken.parameter, first, second], taken.grad));
        }
        let updated = names.into_iter().zip(B::adam_of_all(all, step));
        let put = |(name, [parameter, first, second]): (_, AdamTensors<B>)| {
            self.state.insert(name, vec![first, second]);
            parameter
        };
        updated.map(put).collect()
    }

    /// The state of a parameter; 0 at its first step.
    fn state_of<const N: usize>(&mut self, taken: &Taken<B>) -> [B::FloatTensorPrimitive; N] {
        let grad = &taken.grad;
        let zeros = || B::float_zeros(grad.shape(), &B::float_device(grad), grad.dtype().into());
        let mut state = self.state.remove(&taken.name).unwrap_or_default().into_iter();
        core::array::from_fn(|_| state.next().unwrap_or_else(zeros))
    }

    /// The state by name: `NAME.first` and `NAME.second` for the moments of Adam, `NAME.squares` for Adagrad's accumulator, `NAME.velocity`
    /// for momentum.
    #[must_use]
    pub fn state(&self) -> Vec<NamedParameter> {
        let named = |name: String, state: &B::FloatTensorPrimitive| {
            let shape = state.shape().to_vec();
            let flat = B::float_reshape(state.clone(), Shape::new([state.shape().num_elements()]));
            let flat: Tensor<B, 1> = Tensor::from_primitive(TensorPrimitive::Float(flat));
            NamedParameter { name, shape, values: flat.into_data().iter::<f32>().collect() }
        };
        let kinds = self.config.state_names();
        self.state
            .iter()
            .flat_map(|(name, tensors)| {
                kinds.iter().zip(tensors).map(move |(kind, state)| named(format!("{name}.{kind}"), state))
            })
            .collect()
    }

    /// Replaces the state by that of [`state`](Self::state), which belongs to these parameters.
    ///
    /// # Errors
    /// When some of the state of a parameter is missing, belongs to no parameter or has another shape than its parameter.
    pub fn set_state(
        &mut self,
        state: &[NamedParameter],
        parameters: &[NamedParameter],
        device: &B::Device,
    ) -> Result<(), ParameterError> {
        let kinds = self.config.state_names();
        let mut restored = BTreeMap::new();
        for part in state {
            let unknown = || ParameterError::Unknown { name: part.name.clone() };
            let (name, kind) = part.name.rsplit_once('.').ok_or_else(unknown)?;
            let parameter = parameters.iter().find(|parameter| parameter.name == name).ok_or_else(unknown)?;
            if !kinds.contains(&kind) {
                return Err(unknown());
            }
            if part.shape != parameter.shape {
                let (expected, found) = (parameter.shape.clone(), part.shape.clone());
                return Err(ParameterError::Shape { name: part.name.clone(), expected, found });
            }
            if restored.contains_key(name) {
                continue;
            }
            let tensors = kinds.iter().map(|kind| {
                let wanted = format!("{name}.{kind}");
                match state.iter().find(|part| part.name == wanted) {
                    Some(part) => {
                        Ok(B::float_from_data(TensorData::new(part.values.clone(), part.shape.clone()), device))
                    }
                    None => Err(ParameterError::Missing { name: wanted, expected: parameter.shape.clone() }),
                }
            });
            restored.insert(name.to_owned(), tensors.collect::<Result<_, _>>()?);
        }
        self.state = restored;
        Ok(())
    }

    /// A step of SGD or Adagrad.
    fn update(&mut self, taken: Taken<B>, rate: f64, grad_scale: f64) -> B::FloatTensorPrimitive {
        match self.config.clone() {
            OptimizerConfig::Sgd(config) if config.momentum == 0.0 => {
                let change = B::float_mul_scalar(taken.grad, (rate * grad_scale).into());
                B::float_sub(taken.parameter, change)
            }
            OptimizerConfig::Sgd(config) => {
                let [velocity] = self.state_of(&taken);
                let grad = B::float_mul_scalar(taken.grad, grad_scale.into());
                let velocity = B::float_mul_scalar(velocity, config.momentum.into());
                let velocity = B::float_add(velocity, grad.clone());
                let direction = if config.nesterov {
                    B::float_add(grad, B::float_mul_scalar(velocity.clone(), config.momentum.into()))
                } else {
                    velocity.clone()
                };
                self.state.insert(taken.name, vec![velocity]);
                B::float_sub(taken.parameter, B::float_mul_scalar(direction, rate.into()))
            }
            OptimizerConfig::Adagrad(config) => {
                let [squares] = self.state_of(&taken);
                let grad = B::float_mul_scalar(taken.grad, grad_scale.into());
                let squares = B::float_add(squares, B::float_mul(grad.clone(), grad.clone()));
                let root = B::float_add_scalar(B::float_sqrt(squares.clone()), config.epsilon.into());
                self.state.insert(taken.name, vec![squares]);
                let change = B::float_div(B::float_mul_scalar(grad, rate.into()), root);
                B::float_sub(taken.parameter, change)
            }
            OptimizerConfig::Adam(_) | OptimizerConfig::AdamW(_) => unreachable!("all parameters at once"),
        }
    }
}

/// `after`, or the point on the way to it from `before` whose distance has the root mean square `limit`.
fn clipped<B: ModelBackend>(
    before: B::FloatTensorPrimitive,
    after: B::FloatTensorPrimitive,
    limit: f64,
) -> B::FloatTensorPrimitive {
    let step = B::float_sub(after.clone(), before.clone());
    let elements = step.shape().num_elements().max(1) as f64;
    let size = (B::squared_norm(step.clone()) / elements).sqrt();
    if size <= limit { after } else { B::float_add(before, B::float_mul_scalar(step, (limit / size).into())) }
}

/// The gradients of a module's parameters, in the order in which they are visited.
struct Found<'a, A: AutodiffBackend> {
    grads: &'a A::Gradients,
    found: Vec<FloatTensor<A::InnerBackend>>,
}

impl<A: AutodiffBackend> ModuleVisitor<A> for Found<'_, A> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
        self.found.extend(param.val().grad(self.grads).map(|grad| grad.into_primitive().tensor()));
    }
}

struct Clip<'a, A: AutodiffBackend> {
    grads: &'a mut A::Gradients,
    clip: TensorClip,
}

impl<A: AutodiffBackend> ModuleVisitor<A> for Clip<'_, A>
where
    A::InnerBackend: ModelBackend,
{
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<A, D>>) {
        let tensor = param.val();
        let Some(mut grad) = tensor.grad_remove(self.grads) else { return };
        if let Some(limit) = self.clip.value {
            grad = grad.clamp(-limit, limit);
        }
        if let Some(limit) = self.clip.norm {
            let norm = A::InnerBackend::squared_norm(grad.clone().into_primitive().tensor()).sqrt();
            if norm > limit {
                grad = grad.mul_scalar(limit / norm);
            }
        }
        tensor.grad_replace(self.grads, grad);
    }
}

/// A parameter on its own, to be updated in place.
struct Taken<B: Backend> {
    name: String,
    parameter: B::FloatTensorPrimitive,
    grad: B::FloatTensorPrimitive,
    require_grad: bool,
}

/// Takes the parameters that have a gradient out of a module and leaves their gradients in their places.
struct Take<A: AutodiffBackend> {
    grads: A::Gradients,
    /// In the order in which they are visited; none where there is no gradient.
    taken: Vec<Option<Taken<A::InnerBackend>>>,
    path: PathStack,
}

impl<A: AutodiffBackend> ModuleMapper<A> for Take<A> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        let (id, mut tensor, mapper) = param.consume();
        let grad = tensor.grad_remove(&mut self.grads);
        self.taken.push(grad.map(|grad| {
            let require_grad = tensor.is_require_grad();
            let parameter = core::mem::replace(&mut tensor, Tensor::from_inner(grad.clone()));
            let [parameter, grad] = [parameter.inner(), grad].map(|t| t.into_primitive().tensor());
            Taken { name: self.path.name(), parameter, grad, require_grad }
        }));
        Param::from_mapped_value(id, tensor, mapper)
    }

    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }
}

/// Puts them back, in the same order.
struct Put<A: AutodiffBackend> {
    /// That of each parameter that was taken; none of one that was not.
    require_grad: std::vec::IntoIter<Option<bool>>,
    updated: std::vec::IntoIter<FloatTensor<A::InnerBackend>>,
}

impl<A: AutodiffBackend> ModuleMapper<A> for Put<A> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
        let Some(require_grad) = self.require_grad.next().flatten() else { return param };
        let (id, _, mapper) = param.consume();
        let Some(updated) = self.updated.next() else { unreachable!("each parameter that was taken was updated") };
        let updated = Tensor::from_primitive(TensorPrimitive::Float(updated));
        Param::from_mapped_value(id, Tensor::from_inner(updated).set_require_grad(require_grad), mapper)
    }
}
