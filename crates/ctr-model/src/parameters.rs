//! The parameters of a module by name.
//!
//! A name is the path of fields and indices that leads to the parameter, joined by dots (`mlp.layers.0.linear.weight`); the variants of
//! enums are no part of it, nor is the place of a model in an [`AnyModel`](crate::model::AnyModel).
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};

/// One parameter, or one running statistic, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedParameter {
    /// The path of the parameter.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its elements, in row-major order.
    pub values: Vec<f32>,
}

/// Parameters that do not fit the module they are loaded into.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ParameterError {
    /// The module has a parameter that was not given.
    #[error("the parameter `{name}` of shape {expected:?} is missing")]
    Missing {
        /// The parameter.
        name: String,
        /// Its shape in the module.
        expected: Vec<usize>,
    },
    /// A parameter has another shape.
    #[error("the parameter `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// The parameter.
        name: String,
        /// Its shape in the module.
        expected: Vec<usize>,
        /// The shape that was given.
        found: Vec<usize>,
    },
    /// A parameter was given that the module does not have.
    #[error("the parameter `{name}` belongs to no part of this model")]
    Unknown {
        /// The parameter.
        name: String,
    },
}

/// Keeps track of where in a module a visitor or mapper is.
#[derive(Debug, Default)]
pub(crate) struct PathStack {
    parts: Vec<Option<String>>,
}

impl PathStack {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        // A model's parameters have the same names with and without projections in front of it.
        let transparent = container.starts_with("Enum:") || (container, name) == ("Struct:AnyModel", "model");
        self.parts.push((!transparent).then(|| name.to_owned()));
    }

    pub(crate) fn exit(&mut self) {
        self.parts.pop();
    }

    pub(crate) fn name(&self) -> String {
        self.parts.iter().flatten().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

/// All parameters and running statistics of a module, in the order of its fields.
#[must_use]
pub fn collect<B: Backend, M: Module<B>>(module: &M) -> Vec<NamedParameter> {
    let mut collector = Collector { path: PathStack::default(), found: Vec::new() };
    module.visit(&mut collector);
    collector.found
}

/// The number of trainable parameters: running statistics do not count.
#[must_use]
pub fn count_trainable<B: Backend, M: Module<B>>(module: &M) -> usize {
    collect(module).iter().filter(|parameter| !is_statistic(&parameter.name)).map(|p| p.values.len()).sum()
}

/// The gradient of each trainable parameter, in the order of the module's fields; `None` where the loss does not depend on it.
#[must_use]
pub fn gradients<B: AutodiffBackend, M: Module<B>>(
    module: &M,
    grads: &B::Gradients,
) -> Vec<(String, Option<Vec<f32>>)> {
    let mut collector = GradientCollector::<B> { path: PathStack::default(), grads, found: Vec::new() };
    module.visit(&mut collector);
    collector.found
}

/// Whether a name is that of a running statistic, which no optimiser touches.
#[must_use]
pub fn is_statistic(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|field| field.starts_with("running_"))
}

/// Replaces all parameters and running statistics of a module.
///
/// # Errors
/// When one is missing, has another shape, or belongs nowhere; the first one found is named.
pub fn load<B: Backend, M: Module<B>>(module: M, parameters: &[NamedParameter]) -> Result<M, ParameterError> {
    let expected = collect(&module);
    for have in &expected {
        match parameters.iter().find(|given| given.name == have.name) {
            None => return Err(ParameterError::Missing { name: have.name.clone(), expected: have.shape.clone() }),
            Some(given) if given.shape != have.shape => {
                return Err(ParameterError::Shape {
                    name: have.name.clone(),
                    expected: have.shape.clone(),
                    found: given.shape.clone(),
                });
            }
            Some(_) => {}
        }
    }
    if let Some(stray) = parameters.iter().find(|given| expected.iter().all(|have| have.name != given.name)) {
        return Err(ParameterError::Unknown { name: stray.name.clone() });
    }
    Ok(module.map(&mut Loader { path: PathStack::default(), parameters }))
}

struct Collector {
    path: PathStack,
    found: Vec<NamedParameter>,
}

impl<B: Backend> ModuleVisitor<B> for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let tensor = param.val();
        let shape = tensor.dims().to_vec();
        let values = tensor.into_data().iter::<f32>().collect();
        self.found.push(NamedParameter { name: self.path.name(), shape, values });
    }

    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }
}

struct GradientCollector<'a, B: AutodiffBackend> {
    path: PathStack,
    grads: &'a B::Gradients,
    found: Vec<(String, Option<Vec<f32>>)>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for GradientCollector<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let name = self.path.name();
        if !is_statistic(&name) {
            let gradient = param.val().grad(self.grads).map(|grad| grad.into_data().iter::<f32>().collect());
            self.found.push((name, gradient));
        }
    }

    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.enter(name, container_type);
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.exit();
    }
}

struct Loader<'a> {
    path: PathStack,
    parameters: &'a [NamedParameter],
}

impl<B: Backend> ModuleMapper<B> for Loader<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let name = self.path.name();
        let (id, tensor, mapper) = param.consume();
        let tensor = match self.parameters.iter().find(|given| given.name == name) {
            Some(given) => {
                let data = TensorData::new(given.values.clone(), given.shape.clone());
                Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad())
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
