//! How near the kernels come to the bandwidth of a device's memory: bytes a second of SmeLU's passes beside a copy.
//!
//! ```text
//! cargo run --release -p smelu --features cuda --example 05_bandwidth -- cuda
//! ```
//!
//! A copy and a forward pass read and write one number for each element, a backward pass reads two and writes one.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example shows its results")]
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use std::marker::PhantomData;

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn main() {
    let device = std::env::args().nth(1).unwrap_or_default();
    let millions = std::env::args().nth(2).and_then(|count| count.parse().ok()).unwrap_or(256);
    match device.as_str() {
        #[cfg(feature = "cuda")]
        "cuda" => bandwidth::print(PhantomData::<burn::backend::Cuda>, "cuda", millions),
        #[cfg(feature = "wgpu")]
        "wgpu" => bandwidth::print(PhantomData::<burn::backend::Wgpu>, "wgpu", millions),
        _ => {
            eprintln!(
                "\"{device}\": expected the device, `cuda` or `wgpu`, that this example was built for with `--features`"
            );
            std::process::exit(2);
        }
    }
}

#[cfg(not(any(feature = "cuda", feature = "wgpu")))]
fn main() {
    eprintln!("nothing to measure: build with `--features cuda` or `--features wgpu`");
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod bandwidth {
    use std::marker::PhantomData;
    use std::time::Instant;

    use burn::tensor::backend::{Backend, DeviceOps};
    use burn::tensor::{Distribution, Tensor};
    use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
    use cubecl::server::ComputeServer;
    use smelu::ActivationBackend;
    use smelu::op::Curve;

    const REPEATS: u32 = 30;

    /// Prints what each pass over `millions`·2²⁰ numbers moves.
    pub(super) fn print<R, F, I, BT>(_backend: PhantomData<CubeBackend<R, F, I, BT>>, name: &str, millions: usize)
    where
        R: CubeRuntime,
        R::Server: ComputeServer,
        R::Device: DeviceOps,
        F: FloatElement,
        I: IntElement,
        BT: BoolElement,
    {
        let device = R::Device::default();
        let (rows, columns) = (millions << 10, 1 << 10);
        let random = || {
            let uniform = Distribution::Uniform(-2.0, 2.0);
            Tensor::<CubeBackend<R, F, I, BT>, 2>::random([rows, columns], uniform, &device).into_primitive().tensor()
        };
        let (x, dy) = (random(), random());
        let sync = || CubeBackend::<R, F, I, BT>::sync(&device).expect("the device finishes its work");
        let time = |what: &str, numbers: usize, pass: &dyn Fn()| {
            for _ in 0..3 {
                pass();
            }
            sync();
            let start = Instant::now();
            for _ in 0..REPEATS {
                pass();
            }
            sync();
            let seconds = start.elapsed().as_secs_f64() / f64::from(REPEATS);
            let bytes = rows * columns * numbers * size_of::<f32>();
            println!("{name} {what:16} {:8.1} GB/s {:9.1} us", bytes as f64 / seconds / 1e9, seconds * 1e6);
        };
        time("copy", 2, &|| drop(x.copy()));
        for (what, curve) in [("SmeLU", Curve::smelu(0.5)), ("ReLU", Curve::relu())] {
            type Of<R, F, I, BT> = CubeBackend<R, F, I, BT>;
            time(&format!("{what} forward"), 2, &|| drop(Of::<R, F, I, BT>::activation(x.clone(), curve)));
            time(&format!("{what} backward"), 3, &|| {
                drop(Of::<R, F, I, BT>::activation_backward(x.clone(), dy.clone(), curve));
            });
        }
    }
}
