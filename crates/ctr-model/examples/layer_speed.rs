//! Speed of the three products of a dense layer as the models compute them in `f32`: y = x·W, dx = dy·Wᵀ and dW = xᵀ·dy.
//!
//! ```text
//! cargo run --release -p ctr-model --features cuda --example layer_speed -- 4096x429x1024 4096x1024x512
//! ```
//!
//! An argument is B×I×O of a layer: x is [B, I], W [I, O]. Each line has the layer and the TFLOP/s of its products, one after another, on CUDA or wgpu
//! where they are built, else on Flex. `scripts/gpu_check.sh` puts PyTorch's beside them.
//! `product_speed` compares the products with CubeCL's other ways.
#![allow(clippy::print_stdout, reason = "an example shows its results")]
use std::error::Error;
use std::time::Instant;

use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use ctr_model::{ModelBackend, Precision};

fn main() -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "cuda")]
    return measure_all::<burn::backend::Cuda>();
    #[cfg(all(feature = "wgpu", not(feature = "cuda")))]
    return measure_all::<burn::backend::Wgpu>();
    #[cfg(all(feature = "flex", not(any(feature = "cuda", feature = "wgpu"))))]
    return measure_all::<burn::backend::Flex>();
    #[cfg(not(any(feature = "cuda", feature = "wgpu", feature = "flex")))]
    return Err("nothing to measure: build with `--features cuda`, `wgpu` or `flex`".into());
}

#[cfg_attr(not(any(feature = "cuda", feature = "wgpu", feature = "flex")), allow(dead_code, reason = "no backend"))]
fn measure_all<B: ModelBackend>() -> Result<(), Box<dyn Error>> {
    let device = B::Device::default();
    for argument in std::env::args().skip(1) {
        let sizes: Vec<usize> = argument.split('x').filter_map(|size| size.parse().ok()).collect();
        let &[batch, inputs, outputs] = sizes.as_slice() else {
            return Err(format!("{argument}: expected BATCHxINPUTSxOUTPUTS, such as 4096x429x1024").into());
        };
        let random = |rows, columns| {
            let distribution = Distribution::Uniform(-1.0, 1.0);
            Tensor::<B, 2>::random([rows, columns], distribution, &device).into_primitive().tensor()
        };
        let (x, w, dy) = (random(batch, inputs), random(inputs, outputs), random(batch, outputs));
        let y = seconds::<B>(&device, || drop(B::product(x.clone(), w.clone(), Precision::F32)))?;
        let dx = seconds::<B>(&device, || drop(B::product_input_grad(dy.clone(), w.clone(), Precision::F32)))?;
        let dw = seconds::<B>(&device, || drop(B::product_weight_grad(x.clone(), dy.clone(), Precision::F32)))?;
        let speed = |seconds: f64| 2e-12 * (batch * inputs * outputs) as f64 / seconds;
        println!("{argument}: y {:.2}, dx {:.2}, dW {:.2} TFLOP/s", speed(y), speed(dx), speed(dw));
    }
    Ok(())
}

/// Of one `work`, as the mean over about a fifth of a second, after some that are not counted.
fn seconds<B: Backend>(device: &B::Device, work: impl Fn()) -> Result<f64, Box<dyn Error>> {
    let sync = || B::sync(device).map_err(|error| format!("{error:?}"));
    let run = |times: u32| -> Result<f64, Box<dyn Error>> {
        let start = Instant::now();
        (0..times).for_each(|_| work());
        sync()?;
        Ok(start.elapsed().as_secs_f64() / f64::from(times))
    };
    run(3)?;
    let once = run(10)?;
    run((0.2 / once).clamp(3.0, 10_000.0) as u32)
}
