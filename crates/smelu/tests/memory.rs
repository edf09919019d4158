//! What stays allocated: nothing from case to case, and one tensor where the backward pass starts from the output.
//!
//! `PROPTEST_CASES=1000000 cargo test --release -p smelu --test memory -- --nocapture` is the long run. One test of a
//! process of its own: the count is that of the whole process.

#[allow(dead_code, unused_macros, unused_imports, reason = "shared with the contract tests, which use the rest")]
#[path = "contract/backends.rs"]
mod backends;
#[path = "contract/cases.rs"]
mod cases;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

use burn::backend::Autodiff;
use burn::tensor::DType;
use proptest::test_runner::{Config, TestRunner};
use smelu::op::{ActivationBackend, activation};

use backends::{config, tensor};
use cases::{check, curve, input};

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes allocated and not yet freed.
static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: every call goes to the system's allocator with its arguments unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, and the block comes from `alloc` above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Every case agrees with the oracle, and the memory does not grow.
#[allow(clippy::print_stdout, reason = "the long run is recorded")]
fn random_cases_leave_nothing_behind<B: ActivationBackend>() {
    const PARTS: u32 = 8;
    let cases = Config::default().cases;
    let config = Config { cases: cases.div_ceil(PARTS), failure_persistence: None, ..Config::default() };
    let part = || {
        let mut runner = TestRunner::new(config.clone());
        runner.run(&(curve(), input()), |(curve, x)| check::<B>(&curve, x)).expect("every case agrees with the oracle");
        LIVE.load(Relaxed)
    };
    // The first part fills what is kept for the life of the process.
    let first = part();
    let mut last = first;
    for _ in 1..PARTS {
        last = part();
    }
    println!(
        "{}, {cases} cases: {first} bytes live after the first part, {last} after the last",
        B::name(&B::Device::default())
    );
    // Tables of the graph that keep their room: far less than a byte a case in the long run.
    assert!(last - first < 32 << 10, "{first} bytes grew to {last}");
}

/// Bytes kept by an activation whose input nobody else keeps, in tensors of the input's size.
fn kept<B: ActivationBackend>(text: &str) -> f64 {
    const ELEMENTS: usize = 1 << 16;
    let curve = config(text).curve();
    let x = tensor::<Autodiff<B>, 1>(&vec![0.3; ELEMENTS], [ELEMENTS], DType::F32).require_grad();
    let before = LIVE.load(Relaxed);
    let y = activation(x.clone() * 2.0, curve);
    let kept = LIVE.load(Relaxed) - before;
    drop(y);
    kept as f64 / (ELEMENTS * size_of::<f32>()) as f64
}

fn smelu_and_relu_keep_one_tensor<B: ActivationBackend>() {
    for text in ["ReLU", "SmeLU(beta=0)", "SmeLU(beta=0.5)"] {
        let kept = kept::<B>(text);
        assert!((0.9..1.1).contains(&kept), "{text}: {kept}");
    }
    // The same function, its slope taken from the input.
    let kept = kept::<B>("gSmeLU(alpha=0.5, beta=0.5)");
    assert!((1.9..2.1).contains(&kept), "{kept}");
}

#[test]
fn memory_stays_bounded() {
    #[cfg(feature = "flex")]
    {
        smelu_and_relu_keep_one_tensor::<burn::backend::Flex>();
        random_cases_leave_nothing_behind::<burn::backend::Flex>();
    }
    #[cfg(feature = "ndarray")]
    {
        smelu_and_relu_keep_one_tensor::<burn::backend::NdArray>();
        random_cases_leave_nothing_behind::<burn::backend::NdArray>();
    }
}
