//! The same bits for any number of threads.

use burn::tensor::DType;
use smelu::op::ActivationBackend;

use crate::backends::{close, curves, on_each_backend, value_and_slope};

fn the_number_of_threads_changes_no_bit<B: ActivationBackend>() {
    // More than the kernels give to one thread, and no multiple of any piece or vector.
    let x: Vec<f64> = (0..300_007).map(|i| (f64::from(i) * 0.618).sin() * 2.0).collect();
    for (text, curve) in curves() {
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
            pool.install(|| value_and_slope::<B>(&x, &curve, DType::F32))
        };
        let one = with(1);
        assert!(one == with(2) && one == with(5), "{text}");
        // And the elements are the right ones, not merely the same.
        for i in (0..x.len()).step_by(997) {
            let input = f64::from(x[i] as f32);
            let (value, slope) = (curve.value(input), curve.slope(input));
            assert!(close(one.0[i], value, 2e-6) && close(one.1[i], slope, 2e-6), "{text} at {input}");
        }
    }
}

on_each_backend!(the_number_of_threads_changes_no_bit);
