//! The activations as Burn modules.

mod activation;
mod identity;
mod relu;
mod smelu;

pub use activation::Activation;
pub use identity::Identity;
pub use relu::Relu;
pub use smelu::{Smelu, SmeluConfig};
