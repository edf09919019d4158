//! The peak of memory and the time of a training step of a perceptron, 3 × 1024 units at batch 8192, on Flex.
//!
//! `cargo run --release -p smelu --example 04_memory` runs itself once for each activation and prints a table. SmeLU and
//! ReLU keep their output for the backward pass, where the next layer keeps it anyway; gSmeLU with α = β computes what
//! SmeLU does and keeps its input as well, as ReLU of Burn does. Needs Linux, which tells the peak in /proc.

use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::{Distribution, Tensor, activation::relu};
use smelu::{Activation, ActivationConfig};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: usize = 8192;
const UNITS: usize = 1024;
const STEPS: u32 = 4;
const RELU_OF_BURN: &str = "ReLU of Burn";
const ACTIVATIONS: [&str; 4] = [RELU_OF_BURN, "ReLU", "gSmeLU(alpha=0.5, beta=0.5)", "SmeLU(beta=0.5)"];

type Ad = Autodiff<Flex>;

/// Runs `STEPS` steps; the mean seconds of one after the first.
fn train(text: &str) -> Result<f64, Box<dyn std::error::Error>> {
    let device = FlexDevice;
    let activation = (text != RELU_OF_BURN).then(|| text.parse::<ActivationConfig>()).transpose()?;
    let activation: Option<Activation<Ad>> = activation.map(|config| config.init(UNITS, &device));
    let layers: Vec<Linear<Ad>> = (0..3).map(|_| LinearConfig::new(UNITS, UNITS).init(&device)).collect();
    let output: Linear<Ad> = LinearConfig::new(UNITS, 1).init(&device);
    let x = Tensor::<Ad, 2>::random([BATCH, UNITS], Distribution::Normal(0.0, 1.0), &device);
    let mut seconds = 0.0;
    for step in 0..STEPS {
        let start = Instant::now();
        let hidden = layers.iter().fold(x.clone(), |x, layer| {
            let x = layer.forward(x);
            match &activation {
                Some(activation) => activation.forward(x),
                None => relu(x),
            }
        });
        drop(output.forward(hidden).square().mean().backward());
        if step > 0 {
            seconds += start.elapsed().as_secs_f64();
        }
    }
    Ok(seconds / f64::from(STEPS - 1))
}

/// The peak of the resident memory of this process, in MiB.
fn peak() -> Result<f64, Box<dyn std::error::Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system tells no peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
}

#[allow(clippy::print_stdout, reason = "an example shows what it does")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(text) = env::args().nth(1) {
        let seconds = train(&text)?;
        println!("| {text} | {:.0} | {seconds:.2} |", peak()?);
        return Ok(());
    }
    println!("| activation | peak of memory, MiB | seconds a step |\n|---|---|---|");
    for text in ACTIVATIONS {
        if !Command::new(env::current_exe()?).arg(text).status()?.success() {
            return Err(format!("the run with {text} failed").into());
        }
    }
    Ok(())
}
