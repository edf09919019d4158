//! An activation in a Burn model, chosen by a text, with a half-width that is learnt.
//!
//! `cargo run -p smelu --example 01_in_a_model`

use burn::backend::ndarray::NdArrayDevice;
use burn::backend::{Autodiff, NdArray};
use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use smelu::{Activation, ActivationBackend, ActivationConfig};

type Ad = Autodiff<NdArray>;

#[derive(Module, Debug)]
struct Model<B: Backend> {
    input: Linear<B>,
    activation: Activation<B>,
    output: Linear<B>,
}

impl<B: ActivationBackend> Model<B> {
    fn new(activation: &ActivationConfig, device: &B::Device) -> Self {
        const UNITS: usize = 32;
        Self {
            input: LinearConfig::new(2, UNITS).init(device),
            activation: activation.init(UNITS, device),
            output: LinearConfig::new(UNITS, 1).init(device),
        }
    }

    /// `[rows, 2]` to `[rows, 1]`.
    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.output.forward(self.activation.forward(self.input.forward(x)))
    }
}

#[allow(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), smelu::ActivationError> {
    let device = NdArrayDevice::Cpu;
    Ad::seed(&device, 7);
    // `@unit` learns one half-width for each unit, `@layer` would learn one for all, and no suffix keeps it.
    let config: ActivationConfig = "SmeLU(beta=0.5@unit)".parse()?;
    let mut model = Model::<Ad>::new(&config, &device);
    println!("{model}");

    // The target: the distance from the origin.
    let x = Tensor::<Ad, 2>::random([512, 2], Distribution::Normal(0.0, 1.0), &device);
    let target = x.clone().square().sum_dim(1).sqrt();
    let mut optimizer = AdamConfig::new().init();
    for step in 0..=300 {
        let loss = (model.forward(x.clone()) - target.clone()).square().mean();
        if step % 100 == 0 {
            println!("step {step}: loss {:.5}", loss.clone().into_scalar());
        }
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        model = optimizer.step(0.01, model, grads);
    }

    let Activation::Smelu(smelu) = &model.activation else { return Ok(()) };
    if let Some(beta) = smelu.beta().learnt() {
        println!("half-widths now from {:.3} to {:.3}", beta.clone().min().into_scalar(), beta.max().into_scalar());
    }
    Ok(())
}
