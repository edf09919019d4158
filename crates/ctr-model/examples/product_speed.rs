//! Speed and error of the ways that CubeCL has of computing the three products of a dense layer, y = x·W, dx = dy·Wᵀ and dW = xᵀ·dy: what the
//! choice in `op::cube::product` stands on.
//!
//! ```text
//! cargo run --release -p ctr-model --features cuda --example product_speed -- f32:4096x429x1024 bf16:4096x429x1024
//! ```
//!
//! An argument is the format of the factors and B×I×O of a layer. Each line has TFLOP/s and the largest error against sums in double precision, over the largest product.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example shows its results")]
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use std::marker::PhantomData;

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn main() {
    #[cfg(feature = "cuda")]
    device::measure_all(PhantomData::<burn::backend::Cuda>, "cuda");
    #[cfg(all(feature = "wgpu", not(feature = "cuda")))]
    device::measure_all(PhantomData::<burn::backend::Wgpu>, "wgpu");
}

#[cfg(not(any(feature = "cuda", feature = "wgpu")))]
fn main() {
    eprintln!("nothing to measure: build with `--features cuda` or `--features wgpu`");
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod device {
    use std::marker::PhantomData;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Instant;

    use burn::tensor::backend::{Backend, DeviceOps};
    use burn::tensor::{DType, Distribution, Tensor, TensorPrimitive};
    use burn_cubecl::tensor::CubeTensor;
    use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
    use ctr_model::{ModelBackend, Precision};
    use cubecl::server::ComputeServer;
    use cubek::matmul::components::tile::TileMatmulKind;
    use cubek::matmul::definition::{MatmulElems, MatmulGlobalElems};
    use cubek::matmul::launch::{Strategy, launch_ref};
    use cubek::matmul::routines::BlueprintStrategy::{self, Inferred};
    use cubek::matmul::routines::TileSizeSelection;
    use cubek::matmul::routines::double_buffering::DoubleBufferingArgs;
    use cubek::matmul::routines::double_unit::DoubleUnitSelectionArgs;
    use cubek::matmul::routines::ordered_double_buffering::OrderedSelectionArgs;
    use cubek::matmul::routines::simple::SimpleArgs;
    use cubek::matmul::routines::simple_unit::SimpleUnitSelectionArgs;
    use cubek::std::InputBinding;

    type Cube<R> = CubeBackend<R, f32, i32, u8>;

    fn dtype(format: &str) -> Option<DType> {
        match format {
            "f32" => Some(DType::F32),
            "bf16" => Some(DType::BF16),
            _ => None,
        }
    }

    fn strategies() -> Vec<(&'static str, Strategy)> {
        let max = TileSizeSelection::MaxTileSize;
        let min = TileSizeSelection::MinTileSize;
        let simple = |multi_rows, tile_matmul| SimpleArgs { multi_rows, tile_matmul };
        let double = |specialized, tile_matmul| DoubleBufferingArgs { specialized, tile_matmul };
        let ordered = |rows, tile_matmul| OrderedSelectionArgs {
            partition_k: Some(2),
            row_count: Some(rows),
            rows_per_plane: Some(2),
            tile_matmul,
        };
        let (cmma, mma) = (TileMatmulKind::Cmma, TileMatmulKind::Mma);
        vec![
            ("simple unit, large tiles", Strategy::SimpleUnit(Inferred(SimpleUnitSelectionArgs { tile_size: max }))),
            ("simple unit, small tiles", Strategy::SimpleUnit(Inferred(SimpleUnitSelectionArgs { tile_size: min }))),
            ("double unit, large tiles", Strategy::DoubleUnit(Inferred(DoubleUnitSelectionArgs { tile_size: max }))),
            ("double unit, small tiles", Strategy::DoubleUnit(Inferred(DoubleUnitSelectionArgs { tile_size: min }))),
            ("gemv plane parallel", Strategy::GemvPlaneParallel(BlueprintStrategy::default())),
            ("gemv unit perpendicular", Strategy::GemvUnitPerpendicular(BlueprintStrategy::default())),
            ("naive", Strategy::Naive),
            ("simple cyclic cmma", Strategy::SimpleCyclicCmma(Inferred(simple(false, cmma)))),
            ("simple cyclic cmma, rows", Strategy::SimpleCyclicCmma(Inferred(simple(true, cmma)))),
            ("simple cyclic mma", Strategy::SimpleCyclicMma(Inferred(simple(false, mma)))),
            ("simple cyclic mma, rows", Strategy::SimpleCyclicMma(Inferred(simple(true, mma)))),
            ("double cyclic cmma", Strategy::DoubleCyclicCmma(Inferred(double(false, cmma)))),
            ("double cyclic mma", Strategy::DoubleCyclicMma(Inferred(double(false, mma)))),
            ("double cyclic mma, specialized", Strategy::DoubleCyclicMma(Inferred(double(true, mma)))),
            ("ordered double mma 4", Strategy::OrderedDoubleMma(Inferred(ordered(4, mma)))),
            ("ordered double mma 8", Strategy::OrderedDoubleMma(Inferred(ordered(8, mma)))),
            ("ordered double cmma 8", Strategy::OrderedDoubleCmma(Inferred(ordered(8, cmma)))),
            ("simple tma mma, rows", Strategy::SimpleTmaMma(Inferred(simple(true, mma)))),
            ("double tma mma", Strategy::DoubleTmaMma(Inferred(double(false, mma)))),
            ("specialized tma mma", Strategy::SpecializedTmaMma(Inferred(().into()))),
        ]
    }

    pub(super) fn measure_all<R, F, I, BT>(_backend: PhantomData<CubeBackend<R, F, I, BT>>, name: &str)
    where
        R: CubeRuntime,
        R::Server: ComputeServer,
        R::Device: DeviceOps,
        F: FloatElement,
        I: IntElement,
        BT: BoolElement,
    {
        std::panic::set_hook(Box::new(|_| ()));
        let device = R::Device::default();
        for argument in std::env::args().skip(1) {
            let (format, sizes) = argument.split_once(':').unwrap_or_default();
            let sizes: Vec<usize> = sizes.split('x').filter_map(|size| size.parse().ok()).collect();
            let (Some(dtype), &[batch, inputs, outputs]) = (dtype(format), sizes.as_slice()) else {
                eprintln!(
                    "{argument}: expected FORMAT:BATCHxINPUTSxOUTPUTS, such as f32:4096x429x1024; a format is f32 or bf16"
                );
                return;
            };
            {
                let random = |rows, columns| {
                    let distribution = Distribution::Uniform(-1.0, 1.0);
                    Tensor::<Cube<R>, 2>::random([rows, columns], distribution, &device).cast(dtype)
                };
                let (x, w, dy) = (random(batch, inputs), random(inputs, outputs), random(batch, outputs));
                for (what, a, b) in [
                    ("y = x W", x.clone(), w.clone()),
                    ("dx = dy W'", dy.clone(), w.transpose()),
                    ("dW = x' dy", x.transpose(), dy),
                ] {
                    println!("{name} {argument} {what}");
                    if dtype == DType::F32 {
                        println!("  {:32} {}", "ours", measure(&a, &b, &device, || Ok(ours(&a, &b))));
                    }
                    for (strategy_name, strategy) in strategies() {
                        let out = Tensor::<Cube<R>, 2>::zeros([a.dims()[0], b.dims()[1]], &device).cast(dtype);
                        let result = measure(&a, &b, &device, || {
                            let [a, b, target] = [&a, &b, &out].map(|x| x.clone().into_primitive().tensor());
                            launch::<R>(&strategy, a, b, &target)?;
                            Ok(out.clone())
                        });
                        println!("  {strategy_name:32} {result}");
                    }
                }
            }
        }
    }

    fn launch<R: CubeRuntime>(
        strategy: &Strategy,
        a: CubeTensor<R>,
        b: CubeTensor<R>,
        out: &CubeTensor<R>,
    ) -> Result<(), String> {
        let dtype = a.dtype.into();
        let mut dtypes = MatmulElems::from_globals(&MatmulGlobalElems { lhs: dtype, rhs: dtype, out: dtype });
        let (a, b) = (InputBinding::new(a.binding(), dtype), InputBinding::new(b.binding(), dtype));
        launch_ref(strategy, &out.client, a, b, out.clone().binding(), &mut dtypes)
            .map_err(|error| format!("{error:?}"))
    }

    /// The product that the models use.
    fn ours<R: CubeRuntime>(a: &Tensor<Cube<R>, 2>, b: &Tensor<Cube<R>, 2>) -> Tensor<Cube<R>, 2>
    where
        R::Server: ComputeServer,
        R::Device: DeviceOps,
    {
        let [a, b] = [a, b].map(|x| x.clone().into_primitive().tensor());
        let out = <Cube<R> as ModelBackend>::product(a, b, Precision::F32);
        Tensor::from_primitive(TensorPrimitive::Float(out))
    }

    fn measure<R: CubeRuntime>(
        a: &Tensor<Cube<R>, 2>,
        b: &Tensor<Cube<R>, 2>,
        device: &R::Device,
        once: impl Fn() -> Result<Tensor<Cube<R>, 2>, String>,
    ) -> String
    where
        R::Server: ComputeServer,
        R::Device: DeviceOps,
    {
        let [rows, inner] = a.dims();
        let columns = b.dims()[1];
        let run = || {
            let sync = || Cube::<R>::sync(device).map_err(|error| format!("{error:?}"));
            let out = once()?;
            sync()?;
            let warm = Instant::now();
            once()?;
            sync()?;
            let repeats = (0.02 / warm.elapsed().as_secs_f64().max(1e-5)).clamp(3.0, 200.0) as usize;
            let start = Instant::now();
            for _ in 0..repeats {
                once()?;
            }
            sync()?;
            let seconds = start.elapsed().as_secs_f64() / repeats as f64;
            let flops = 2.0 * rows as f64 * inner as f64 * columns as f64;
            Ok::<_, String>(format!(
                "{:8.3} TFLOP/s {:9.1} us, error {:.1e}",
                flops / seconds / 1e12,
                seconds * 1e6,
                error::<R>(a, b, out)
            ))
        };
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(text)) => text,
            Ok(Err(reason)) => format!("refused: {}", reason.chars().take(90).collect::<String>()),
            Err(_) => "panicked".to_owned(),
        }
    }

    /// The largest error in the first rows, over the largest number in them.
    fn error<R: CubeRuntime>(a: &Tensor<Cube<R>, 2>, b: &Tensor<Cube<R>, 2>, out: Tensor<Cube<R>, 2>) -> f64
    where
        R::Server: ComputeServer,
        R::Device: DeviceOps,
    {
        let (rows, inner, columns) = (4, a.dims()[1], b.dims()[1]);
        let numbers =
            |tensor: Tensor<Cube<R>, 2>| -> Vec<f32> { tensor.cast(DType::F32).into_data().to_vec().unwrap() };
        let (a, b, out) = (numbers(a.clone().narrow(0, 0, rows)), numbers(b.clone()), numbers(out.narrow(0, 0, rows)));
        let (mut worst, mut largest) = (0.0_f64, 0.0_f64);
        for row in 0..rows {
            for column in 0..columns.min(64) {
                let exact: f64 =
                    (0..inner).map(|k| f64::from(a[row * inner + k]) * f64::from(b[k * columns + column])).sum();
                worst = worst.max((f64::from(out[row * columns + column]) - exact).abs());
                largest = largest.max(exact.abs());
            }
        }
        worst / largest
    }
}
