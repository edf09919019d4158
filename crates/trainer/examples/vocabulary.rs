//! The cost of a training step for one size of the vocabulary, as one line of JSON:
//!
//!     cargo run --release --example vocabulary -- ROWS uniform|zipf
//!
//! 26 hashed fields of ROWS/26 buckets each, width 16, row-wise Adagrad; a perceptron of 256 and 128 units; batches of 4096 examples. The
//! ids are uniform over the rows, the worst case for the caches, or Zipf-distributed with exponent 1.05, as ids are in logs.
#![allow(clippy::print_stdout, reason = "the measurement is the result")]
use std::time::{Duration, Instant};

use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use burn::tensor::Tensor;
use ctr_data::{Bags, CategoricalField, HostBatch, RowLayout, RowPlan, RowPlanner, Schema};
use ctr_model::embedding::{EmbeddingTables, LookupLayout, TableSpec, UpdateRule};
use ctr_model::optim::{AdagradConfig, RowOptimizerConfig, UpdateStep};
use trainer::config::{Overrides, Plan};
use trainer::learner::{Learner, lookups};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FIELDS: usize = 26;
const WIDTH: usize = 16;
const BATCH: usize = 4096;
/// Batches; those of one pass together touch far more memory than the caches hold, where the table has it.
const BATCHES: usize = 40;
const WARM_UP: usize = 10;

const CONFIG: &str = r#"
[data.dataset]
name = "vocabulary"
source = { format = "synthetic", seed = 0, rows = { train = 1, valid = 1, test = 1 }, categorical = [{ name = "x", cardinality = 2 }] }
[model]
type = "dnn"
hidden_units = [256, 128]
[embedding]
dim = 16
mode = "sparse"
optimizer = { type = "rowwise_adagrad" }
"#;

/// Weyl's sequence through the finaliser of `SplitMix64`: numbers for a benchmark.
struct Numbers(u64);

impl Numbers {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A rank of a bounded Zipf law, by the inverse of its continuous form, scattered over the buckets as a hash function does.
    fn zipf(&mut self, buckets: u64) -> u32 {
        const EXPONENT: f64 = 1.05;
        let end = (buckets as f64).powf(1.0 - EXPONENT);
        let rank = ((end - 1.0) * self.unit() + 1.0).powf(1.0 / (1.0 - EXPONENT)) as u64;
        ((u128::from(rank.wrapping_mul(0x9E37_79B9_7F4A_7C15)) * u128::from(buckets)) >> 64) as u32
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, rows, law] = &arguments[..] else { return Err("usage: vocabulary ROWS uniform|zipf".into()) };
    let buckets = rows.parse::<f64>()? as u64 / FIELDS as u64;
    let layout = RowLayout::new([buckets; FIELDS]);
    let mut numbers = Numbers(1);
    let mut draw = || if law == "zipf" { numbers.zipf(buckets) } else { (numbers.draw() % buckets) as u32 };
    let batches: Vec<Vec<u32>> = (0..BATCHES).map(|_| (0..BATCH * FIELDS).map(|_| draw()).collect()).collect();

    let mut planner = RowPlanner::new();
    let mut plan_times = Vec::new();
    let plans: Vec<RowPlan> = batches
        .iter()
        .map(|ids| timed(&mut plan_times, || planner.plan(ids, &Bags::default(), &layout)))
        .collect::<Result<_, _>>()?;
    let base = resident()?;
    let tables = embedding_part(&plans, layout.rows, base)?;
    let unique = plans.iter().map(RowPlan::unique).sum::<usize>() / plans.len();
    let [first, step] = whole_step(batches, plans, buckets)?;
    println!(
        "{{\"rows\": {}, \"law\": \"{law}\", \"threads\": {}, \"unique_rows\": {unique}, \"plan_ms\": {:.2}, {tables}, \"first_step_ms\": {first:.2}, \"step_ms\": {step:.2}}}",
        layout.rows,
        rayon::current_num_threads(),
        median(&plan_times[WARM_UP..]),
    );
    Ok(())
}

/// Gather, segmented sum and update alone; the raw cost of touching the rows' memory; the time and the memory of initialising all rows.
fn embedding_part(plans: &[RowPlan], rows: u64, base: u64) -> Result<String, Box<dyn std::error::Error>> {
    let spec = TableSpec::new("embedding", WIDTH, 0.01);
    let rule = UpdateRule::sparse(RowOptimizerConfig::RowwiseAdagrad(AdagradConfig::default()));
    let started = Instant::now();
    let mut tables = EmbeddingTables::with_layout(&[spec], &LookupLayout::uniform(rows, FIELDS), rule, 1)?;
    let made = milliseconds(started.elapsed());
    let started = Instant::now();
    tables.materialise();
    let initialised = started.elapsed().as_secs_f64();
    let memory = resident()? - base;
    let mut times: [Vec<Duration>; 4] = Default::default();
    for (number, plan) in (1..).zip(plans) {
        let lookups = lookups(plan);
        let [touch, gather, reduce, update] = &mut times;
        // One number of each row, as the caches and the memory give it.
        timed(touch, || {
            let table = &tables.tables()[0];
            std::hint::black_box(plan.rows.iter().map(|&row| table.row(row as usize)[0]).sum::<f32>())
        });
        let leaf: Vec<Tensor<Flex, 3>> = timed(gather, || tables.gather(lookups, BATCH, &FlexDevice));
        let grads = leaf.into_iter().map(Some).collect();
        let grads = timed(reduce, || tables.reduce(grads, lookups));
        timed(update, || tables.update(&grads, lookups, UpdateStep { number, rate_scale: 1.0, grad_scale: 1.0 }));
    }
    let [touch, gather, reduce, update] = times.map(|times| median(&times[WARM_UP..]));
    let bytes = rows * (WIDTH as u64 + 1) * 4;
    Ok(format!(
        "\"make_ms\": {made:.2}, \"initialise_s\": {initialised:.2}, \"table_mib\": {}, \"resident_mib\": {}, \"touch_ms\": {touch:.2}, \
         \"gather_ms\": {gather:.2}, \"reduce_ms\": {reduce:.2}, \"update_ms\": {update:.2}",
        bytes >> 20,
        memory >> 20,
    ))
}

/// The training step with the perceptron: over batches whose rows are mostly new and have to be initialised, then over the same batches
/// again.
fn whole_step(ids: Vec<Vec<u32>>, plans: Vec<RowPlan>, buckets: u64) -> Result<[f64; 2], Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("vocabulary.toml");
    std::fs::write(&path, CONFIG)?;
    let plan = Plan::load(&path, &Overrides::default())?;
    let field = |number: usize| {
        let name = format!("c{number}");
        CategoricalField { table: name.clone(), name, cardinality: buckets, multi_hot: None }
    };
    let categorical = (0..FIELDS).map(field).collect();
    let schema = Schema { label: "label".to_owned(), categorical, numeric: Vec::new() };
    let batch = |(index, (categorical, plan))| HostBatch {
        index,
        examples: (0..BATCH as u64).collect(),
        labels: (0..BATCH).map(|example| f32::from(u8::from(example % 4 == 0))).collect(),
        numeric: Vec::new(),
        categorical,
        bags: Bags::default(),
        plan,
    };
    let batches: Vec<HostBatch> = ids.into_iter().zip(plans).enumerate().map(batch).collect();
    let mut learner = Learner::<Flex>::new(&plan, &schema, FlexDevice)?;
    let mut medians = [0.0; 2];
    for slot in &mut medians {
        let mut times = Vec::new();
        for batch in &batches {
            learner = timed(&mut times, || learner.step(batch).0);
        }
        *slot = median(&times[WARM_UP..]);
    }
    Ok(medians)
}

fn timed<R>(times: &mut Vec<Duration>, work: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let result = work();
    times.push(started.elapsed());
    result
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn median(times: &[Duration]) -> f64 {
    let mut times = times.to_vec();
    times.sort_unstable();
    milliseconds(times[times.len() / 2])
}

/// Resident memory of the process, in bytes.
fn resident() -> std::io::Result<u64> {
    const PAGE: u64 = 4096;
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.map(|pages| pages * PAGE).ok_or_else(|| std::io::Error::other("/proc/self/statm is not as expected"))
}
