//! Sums over all numbers of a tensor: their value, their gradient, and that they repeat.
use burn::backend::Autodiff;
use burn::tensor::Tensor;
use ctr_model::ModelBackend;
use ctr_model::op::reference;
use ctr_model::sum::{mean, sum};

use crate::backends::on_backends;
use crate::values::{elements, normals, vector};

/// Around one block, around a block of blocks, and as many as make a device start many groups of threads.
const LENGTHS: [usize; 9] = [1, 2, 255, 256, 257, 1000, 65_536, 65_537, 300_001];

/// Blocks of 256 leave less than this of Σ|x|: three times 256 roundings, half a unit each, at worst.
const TOLERANCE: f64 = 3.0 * 256.0 * 6e-8;

/// Numbers of one size each, none of which cancels much.
fn numbers(length: usize) -> Vec<f32> {
    normals(length as u64, length).into_iter().map(|x| x.abs() + 0.1).collect()
}

fn sums_and_means_equal_those_in_f64<B: ModelBackend>() {
    for length in LENGTHS {
        let values = numbers(length);
        let exact: f64 = values.iter().copied().map(f64::from).sum();
        let [total, average] = [sum(vector::<B>(values.clone())), mean(vector::<B>(values))].map(|x| {
            assert_eq!(x.dims(), [1]);
            f64::from(elements(x)[0])
        });
        assert!((total - exact).abs() <= TOLERANCE * exact, "{length}: {total} against {exact}");
        let exact = exact / length as f64;
        assert!((average - exact).abs() <= TOLERANCE * exact, "{length}: {average} against {exact}");
    }
    assert_eq!(elements(sum(vector::<B>(Vec::new()))), [0.0]);
}

fn a_squared_norm_equals_that_in_f64<B: ModelBackend>() {
    let norm = |values| {
        let x: Tensor<B, 1> = vector(values);
        reference::squared_norm::<B>(x.into_primitive().tensor())
    };
    for length in LENGTHS {
        let values = numbers(length);
        let exact: f64 = values.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let actual = norm(values);
        assert!((actual - exact).abs() <= TOLERANCE * exact, "{length}: {actual} against {exact}");
    }
    assert!(norm(Vec::new()) == 0.0);
    assert!(norm(vec![1.0, f32::NAN]).is_nan());
}

/// Tensors of other lengths than one another, none at all, a transposed one, empty ones, and one with NaN.
fn norms_of_several_tensors_add_up<B: ModelBackend>() {
    for lengths in [&[][..], &[1], &[64, 65, 300_001, 2]] {
        let tensors: Vec<Vec<f32>> = lengths.iter().map(|&length| numbers(length)).collect();
        let exact: f64 = tensors.iter().flatten().map(|&x| f64::from(x) * f64::from(x)).sum();
        let tensors = tensors.into_iter().map(|values| vector::<B>(values).into_primitive().tensor()).collect();
        let mut worked = 0;
        let (norm, ()) = B::squared_norms_while(tensors, || worked += 1);
        assert!((norm - exact).abs() <= TOLERANCE * exact, "{lengths:?}: {norm} against {exact}");
        assert_eq!(worked, 1);
    }
    let transposed = vector::<B>(numbers(60)).reshape([5, 12]).transpose();
    let exact: f64 = numbers(60).iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let norm = |tensors: Vec<Tensor<B, 1>>| {
        let tensors = tensors.into_iter().map(|x| x.into_primitive().tensor()).collect();
        B::squared_norms_while(tensors, || ()).0
    };
    let (of_transposed, ()) = B::squared_norms_while(vec![transposed.into_primitive().tensor()], || ());
    assert!((of_transposed - exact).abs() <= TOLERANCE * exact);
    assert_eq!(norm(vec![vector(Vec::new()), vector(vec![3.0]), vector(Vec::new())]), 9.0);
    assert!(norm(vec![vector(vec![1.0]), vector(vec![1.0, f32::NAN])]).is_nan());
}

/// The number is that of the tensor when it is asked for, whatever is done meanwhile.
fn a_number_is_read_while_other_work_is_done<B: ModelBackend>() {
    let x = vector::<B>(vec![0.1]);
    let (number, y) =
        B::read_while(x.clone().into_primitive().tensor(), || x.clone() * 2.0 + sum(vector(numbers(70_000))));
    assert_eq!(number, f64::from(0.1_f32));
    assert_eq!(y.dims(), [1]);
    // Work that is the last to hold the tensor may write in its buffer.
    for _ in 0..20 {
        let x = vector::<B>(vec![0.5]) + 0.25;
        let (number, y) = B::read_while(x.clone().into_primitive().tensor(), move || (x * 8.0).sqrt());
        assert_eq!((number, elements(y)), (0.75, vec![6.0_f32.sqrt()]));
    }
    let (number, ()) = B::read_while(vector::<B>(vec![f32::NAN]).into_primitive().tensor(), || ());
    assert!(number.is_nan());
}

fn the_gradient_of_a_sum_is_one_everywhere<B: ModelBackend>() {
    for length in LENGTHS {
        let x = vector::<Autodiff<B>>(numbers(length)).require_grad();
        let mut grads = sum(x.clone()).backward();
        assert_eq!(elements(x.grad_remove(&mut grads).unwrap()), vec![1.0; length]);
    }
}

on_backends!(
    sums_and_means_equal_those_in_f64,
    a_squared_norm_equals_that_in_f64,
    norms_of_several_tensors_add_up,
    a_number_is_read_while_other_work_is_done,
    the_gradient_of_a_sum_is_one_everywhere
);

/// A hundred times the same bits: atomic additions give others in few of them.
#[cfg(any(feature = "cuda", feature = "wgpu"))]
fn on_a_device<B: ModelBackend>() {
    if !crate::device::works::<B>() {
        return;
    }
    sums_and_means_equal_those_in_f64::<B>();
    a_squared_norm_equals_that_in_f64::<B>();
    norms_of_several_tensors_add_up::<B>();
    a_number_is_read_while_other_work_is_done::<B>();
    the_gradient_of_a_sum_is_one_everywhere::<B>();
    let values = normals(9, 300_001);
    let x: Tensor<B, 1> = vector(values);
    let take = || {
        let (logits, labels) = (x.clone(), x.clone().sign().clamp_min(0.0));
        let loss = B::bce_with_logits(logits.into_primitive().tensor(), labels.into_primitive().tensor());
        let loss = Tensor::<B, 1>::from_primitive(burn::tensor::TensorPrimitive::Float(loss));
        let norm = B::squared_norm(x.clone().into_primitive().tensor());
        let (norms, ()) = B::squared_norms_while(vec![x.clone().into_primitive().tensor(); 2], || ());
        (elements(sum(x.clone()))[0].to_bits(), elements(loss)[0].to_bits(), norm.to_bits(), norms.to_bits())
    };
    let first = take();
    for _ in 0..100 {
        assert_eq!(take(), first);
    }
}

#[cfg(feature = "wgpu")]
#[test]
fn sums_on_wgpu() {
    on_a_device::<burn::backend::Wgpu>();
}

#[cfg(feature = "cuda")]
#[test]
fn sums_on_cuda() {
    on_a_device::<burn::backend::Cuda>();
}
