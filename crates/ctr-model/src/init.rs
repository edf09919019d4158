//! Initial values of dense parameters, as functions of a seed and the parameter's name.
use std::cell::Cell;

use burn::module::{Param, ParamId};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use crate::precision::Precision;
use crate::random::Philox;

/// Draws initial values from the stream of a seed.
#[derive(Debug)]
pub struct Initializer<'a, B: Backend> {
    /// The seed of the initialisation stream.
    pub seed: u64,
    /// Where the parameters live.
    pub device: &'a B::Device,
    /// In which format linear layers are to compute their products; the parameters are `f32` in any case.
    pub precision: Precision,
}

#[allow(clippy::expl_impl_clone_on_copy, reason = "derived, it would ask for a backend that is itself `Copy`")]
impl<B: Backend> Clone for Initializer<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend> Copy for Initializer<'_, B> {}

impl<'a, B: Backend> Initializer<'a, B> {
    /// Parameters on `device`, of layers that compute in `f32`.
    #[must_use]
    pub fn new(seed: u64, device: &'a B::Device) -> Self {
        Self { seed, device, precision: Precision::F32 }
    }
}

impl<B: Backend> Initializer<'_, B> {
    /// Weights [I, O] from N(0, 2/(I + O)).
    ///
    /// Source: Glorot & Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, equation 12,
    /// in its normal form.
    #[must_use]
    pub fn xavier_normal(self, name: &str, inputs: usize, outputs: usize) -> Param<Tensor<B, 2>> {
        self.normal(name, [inputs, outputs], xavier_std(inputs, outputs))
    }

    /// A tensor of elements from N(0, std²).
    #[must_use]
    pub fn normal<const D: usize>(self, name: &str, shape: [usize; D], std: f64) -> Param<Tensor<B, D>> {
        if count(&shape) {
            let absent = move |device: &B::Device, _| Tensor::zeros(shape, device);
            return Param::uninitialized(ParamId::new(), absent, self.device.clone(), true, shape.into());
        }
        let mut values = vec![0.0; shape.iter().product()];
        Philox::named(self.seed, name).fill_normal(0, &mut values);
        for value in &mut values {
            *value *= std as f32;
        }
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }

    /// A vector of one value.
    #[must_use]
    pub fn constant(self, length: usize, value: f32) -> Param<Tensor<B, 1>> {
        count(&[length]);
        Param::from_tensor(Tensor::full([length], value, self.device))
    }
}

thread_local! {
    /// Numbers asked for so far, while they are counted.
    static COUNTED: Cell<Option<u128>> = const { Cell::new(None) };
}

/// How many numbers a model's dense parameters hold, found without making them: `build` is to initialise the model with an [`Initializer`] on
/// this thread, and what it returns is good for nothing else.
pub fn measured<M>(build: impl FnOnce() -> M) -> u128 {
    let outer = COUNTED.replace(Some(0));
    drop(build());
    COUNTED.replace(outer).unwrap_or_default()
}

/// Whether the system gives a process so many bytes, as far as it tells beforehand. An allocator may promise any number and end the process
/// later, so the system is asked itself; nothing is kept.
#[must_use]
pub fn is_reservable(bytes: u128) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| bytes == 0 || memmap2::MmapMut::map_anon(bytes).is_ok())
}

/// Counts a parameter; says whether parameters are counted and not made.
fn count(shape: &[usize]) -> bool {
    let Some(before) = COUNTED.get() else { return false };
    let numbers = shape.iter().fold(1_u128, |numbers, &length| numbers.saturating_mul(length as u128));
    COUNTED.set(Some(before.saturating_add(numbers)));
    true
}

/// √(2/(I + O)): the standard deviation of [`Initializer::xavier_normal`].
#[must_use]
pub fn xavier_std(inputs: usize, outputs: usize) -> f64 {
    (2.0 / (inputs + outputs).max(1) as f64).sqrt()
}
