//! What the fixed order costs on a device: the gradient of each row as the tables sum it, lookup by lookup, beside a kernel that adds each number
//! wherever it belongs by an atomic addition, in whatever order the threads come.
//!
//! ```text
//! cargo run --release -p ctr-model --features cuda --example reduction_speed -- 4096 16384 65536
//! ```
//!
//! An argument is a batch size. The batch has 26 fields of Criteo's kinds of cardinality, and rows of 16 numbers.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example shows its results")]
#[cfg(any(feature = "cuda", feature = "wgpu"))]
use std::marker::PhantomData;

#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    #[cfg(feature = "cuda")]
    device::measure_all(PhantomData::<burn::backend::Cuda>, "cuda")?;
    #[cfg(all(feature = "wgpu", not(feature = "cuda")))]
    device::measure_all(PhantomData::<burn::backend::Wgpu>, "wgpu")?;
    Ok(())
}

#[cfg(not(any(feature = "cuda", feature = "wgpu")))]
fn main() {
    eprintln!("nothing to measure: build with `--features cuda` or `--features wgpu`");
}

#[cfg(any(feature = "cuda", feature = "wgpu"))]
mod device {
    use std::error::Error;
    use std::marker::PhantomData;
    use std::time::Instant;

    use burn::tensor::backend::{Backend, DeviceOps};
    use burn::tensor::{Distribution, Tensor};
    use burn_cubecl::{BoolElement, CubeBackend, CubeRuntime, FloatElement, IntElement};
    use ctr_data::{Bags, RowLayout, RowPlan, RowPlanner};
    use ctr_model::ModelBackend;
    use ctr_model::embedding::{EmbeddingTables, Lookups, TableSpec, UpdateRule};
    use ctr_model::optim::{AdagradConfig, RowOptimizerConfig};
    use ctr_model::random::Philox;
    use cubecl::calculate_cube_count_elemwise;
    use cubecl::prelude::*;
    use cubecl::server::{ComputeServer, Handle};

    const FIELDS: usize = 26;
    const WIDTH: usize = 16;
    /// Cardinalities from a few values to many, one kind after the other over the fields.
    const CARDINALITIES: [u64; 6] = [4, 30, 600, 15_000, 90_000, 400_000];

    #[cube(launch_unchecked)]
    fn clear(sums: &mut Array<f32>) {
        if ABSOLUTE_POS >= sums.len() {
            terminate!();
        }
        sums[ABSOLUTE_POS] = 0.0f32;
    }

    #[cube(launch_unchecked)]
    fn add_atomically(
        grads: &Array<f32>,
        inverse: &Array<u32>,
        sums: &mut Array<Atomic<f32>>,
        #[comptime] width: usize,
    ) {
        if ABSOLUTE_POS >= grads.len() {
            terminate!();
        }
        let row = usize::cast_from(inverse[ABSOLUTE_POS / width]);
        sums[row * width + ABSOLUTE_POS % width].fetch_add(grads[ABSOLUTE_POS]);
    }

    fn plan(batch: usize) -> Result<RowPlan, Box<dyn Error>> {
        let layout = RowLayout::new((0..FIELDS).map(|field| CARDINALITIES[field % CARDINALITIES.len()]));
        let stream = Philox::named(7, "lookups");
        let id = |lookup: usize| {
            let uniform = f64::from(stream.block([lookup as u32, 0, 0, 0])[0]) / 2.0_f64.powi(32);
            // The smaller an id, the more frequent it is.
            (uniform.powi(4) * CARDINALITIES[lookup % FIELDS % CARDINALITIES.len()] as f64) as u32
        };
        let ids: Vec<u32> = (0..batch * FIELDS).map(id).collect();
        Ok(RowPlanner::new().plan(&ids, &Bags::default(), &layout)?)
    }

    fn lookups(plan: &RowPlan) -> Lookups<'_> {
        let RowPlan { rows, inverse, offsets, order, bags, factors, .. } = plan;
        Lookups { rows, inverse, offsets, order, bags, factors }
    }

    pub(super) fn measure_all<R, F, I, BT>(
        _backend: PhantomData<CubeBackend<R, F, I, BT>>,
        name: &str,
    ) -> Result<(), Box<dyn Error>>
    where
        R: CubeRuntime,
        R::Server: ComputeServer,
        R::Device: DeviceOps,
        F: FloatElement,
        I: IntElement,
        BT: BoolElement,
    {
        let device = R::Device::default();
        let rows = FIELDS.div_ceil(CARDINALITIES.len()) as u64 * CARDINALITIES.iter().sum::<u64>();
        let rule = UpdateRule::sparse(RowOptimizerConfig::Adagrad(AdagradConfig::default()));
        let spec = TableSpec::new("embedding", WIDTH, 0.0);
        let host = EmbeddingTables::new(&[spec], rows, rule, 1)?;
        let Some(mut tables) = CubeBackend::<R, F, I, BT>::device_tables(&host, &device, None)? else {
            return Err("the device has no tables of its own".into());
        };
        println!("{name}: microseconds of one summation of the rows' gradients");
        println!("batch   rows     fixed order   atomic additions   fixed / atomic");
        for argument in std::env::args().skip(1) {
            let batch: usize =
                argument.parse().map_err(|_| format!("{argument}: expected a batch size, such as 4096"))?;
            let plan = plan(batch)?;
            let shape = [batch, FIELDS, WIDTH];
            let grads = Tensor::<CubeBackend<R, F, I, BT>, 3>::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
            let uploaded = tables.upload(lookups(&plan));
            let sync = || CubeBackend::<R, F, I, BT>::sync(&device);
            let fixed = microseconds(sync, || tables.reduce(vec![Some(grads.clone())], lookups(&plan), &uploaded))?;

            let client = R::client(&device);
            let inverse = client.create_from_slice(bytemuck::cast_slice(&plan.inverse));
            let sums = client.empty(plan.rows.len() * WIDTH * size_of::<f32>());
            let grads = grads.into_primitive().tensor().handle;
            let atomic = microseconds(sync, || atomics(&client, &grads, &inverse, &sums, &plan))?;
            println!("{batch:<7} {:<8} {fixed:<13.1} {atomic:<18.1} {:.2}", plan.rows.len(), fixed / atomic);
        }
        Ok(())
    }

    fn atomics<R: CubeRuntime>(
        client: &ComputeClient<R>,
        grads: &Handle,
        inverse: &Handle,
        sums: &Handle,
        plan: &RowPlan,
    ) {
        let (numbers, of_rows) = (plan.inverse.len() * WIDTH, plan.rows.len() * WIDTH);
        let grid = |threads| {
            let dim = CubeDim::new(client, threads);
            (calculate_cube_count_elemwise(client, threads, dim), dim)
        };
        let ((clear_cubes, clear_dim), (cubes, dim)) = (grid(of_rows), grid(numbers));
        // SAFETY: the buffers have these lengths, and each lookup's place is below the number of rows.
        unsafe {
            clear::launch_unchecked::<R>(
                client,
                clear_cubes,
                clear_dim,
                ArrayArg::from_raw_parts(sums.clone(), of_rows),
            );
            add_atomically::launch_unchecked::<R>(
                client,
                cubes,
                dim,
                ArrayArg::from_raw_parts(grads.clone(), numbers),
                ArrayArg::from_raw_parts(inverse.clone(), plan.inverse.len()),
                ArrayArg::from_raw_parts(sums.clone(), of_rows),
                WIDTH,
            );
        }
    }

    /// Of one `work`, as the mean over many, after some that are not counted.
    fn microseconds<E>(sync: impl Fn() -> Result<(), E>, mut work: impl FnMut()) -> Result<f64, E> {
        const TIMES: u32 = 200;
        (0..10).for_each(|_| work());
        sync()?;
        let start = Instant::now();
        (0..TIMES).for_each(|_| work());
        sync()?;
        Ok(start.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES))
    }
}
