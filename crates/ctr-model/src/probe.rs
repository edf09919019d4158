//! A look at what passes between the layers of a model, for whoever watches a training.
//!
//! Layers show their tensors to `show`; nobody looks, and nothing is computed, unless the forward pass runs inside [`watch`].
use std::cell::RefCell;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Where in a layer a tensor was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// What the activation is applied to.
    PreActivation,
    /// What it returns.
    Activation,
}

/// A tensor of a hidden layer, on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// The number of the layer in the model.
    pub layer: u32,
    /// Where in the layer.
    pub site: Site,
    /// Units, O.
    pub units: usize,
    /// The values, row-major [B, O].
    pub values: Vec<f32>,
}

thread_local! {
    static SIGHTS: RefCell<Option<Vec<Sight>>> = const { RefCell::new(None) };
}

/// Runs a forward pass on this thread and returns, beside its result, what its layers showed, in order.
pub fn watch<R>(forward: impl FnOnce() -> R) -> (R, Vec<Sight>) {
    SIGHTS.set(Some(Vec::new()));
    let result = forward();
    (result, SIGHTS.take().unwrap_or_default())
}

/// Whether somebody watches this thread's forward pass.
pub(crate) fn is_watched() -> bool {
    SIGHTS.with_borrow(Option::is_some)
}

/// Shows a tensor to whoever watches; [B, O].
pub(crate) fn show<B: Backend>(layer: u32, site: Site, tensor: &Tensor<B, 2>) {
    SIGHTS.with_borrow_mut(|sights| {
        if let Some(sights) = sights {
            let [_, units] = tensor.dims();
            let values = tensor.clone().into_data().iter::<f32>().collect();
            sights.push(Sight { layer, site, units, values });
        }
    });
}
