//! Ranks 1 to 6, and tensors that do not lie in memory in row-major order.

use burn::backend::Autodiff;
use burn::tensor::{DType, Tensor};
use smelu::op::{ActivationBackend, Curve, activation, composed_activation, composed_activation_backward};

use crate::backends::{close, curves, elements, on_each_backend, supported, tensor};

fn ramp(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 0.37 - 2.0) % 3.0).collect()
}

/// Equal up to the rounding of the elementary functions, of which the composed reference has others.
fn agree(fused: &[f64], composed: &[f64], text: &str) {
    assert_eq!(fused.len(), composed.len(), "{text}");
    for (i, (fused, composed)) in fused.iter().zip(composed).enumerate() {
        assert!(close(*fused, *composed, 2e-6), "{text}: {fused} for {composed} at {i}");
    }
}

/// Value and gradient for the layout that `view` makes are those of the composed reference for the same layout, and the
/// source of the view stays as it was.
fn check<B: ActivationBackend, const D: usize, const E: usize>(
    shape: [usize; D],
    view: impl Fn(Tensor<Autodiff<B>, D>) -> Tensor<Autodiff<B>, E>,
) {
    let values = ramp(shape.iter().product());
    for dtype in supported::<B>([DType::F32, DType::F64]) {
        for (text, curve) in curves() {
            let x = tensor::<Autodiff<B>, D>(&values, shape, dtype).require_grad();
            let y = activation(view(x.clone()), curve);
            // The weights make the upstream gradient differ from element to element.
            let weights = tensor(&ramp(y.dims().iter().product()), y.dims(), dtype);
            let grads = (y.clone() * weights.clone()).sum().backward();
            let gradient = elements(x.grad(&grads).expect("x requires a gradient"));

            let seen = view(x.clone()).inner();
            agree(&elements(y), &elements(composed_activation(seen.clone(), curve)), text);
            let upstream = composed_activation_backward(seen, weights.inner(), curve);
            let grads = (view(x.clone()) * Tensor::from_inner(upstream)).sum().backward();
            let reference = elements(x.grad(&grads).expect("x requires a gradient"));
            agree(&gradient, &reference, text);
            assert_eq!(elements(x), elements(tensor::<B, D>(&values, shape, dtype)), "the input was changed");
        }
    }
}

fn ranks_1_to_6<B: ActivationBackend>() {
    check::<B, 1, 1>([7], |x| x);
    check::<B, 2, 2>([3, 5], |x| x);
    check::<B, 3, 3>([2, 3, 5], |x| x);
    check::<B, 4, 4>([2, 1, 3, 5], |x| x);
    check::<B, 5, 5>([2, 2, 3, 1, 5], |x| x);
    check::<B, 6, 6>([1, 2, 2, 3, 2, 5], |x| x);
}

fn transposed<B: ActivationBackend>() {
    check::<B, 2, 2>([4, 6], Tensor::transpose);
    check::<B, 3, 3>([2, 3, 4], |x| x.permute([2, 0, 1]));
    check::<B, 4, 4>([2, 3, 4, 2], |x| x.swap_dims(1, 3));
}

fn sliced<B: ActivationBackend>() {
    check::<B, 2, 2>([6, 8], |x| x.slice([1..5, 2..7]));
    check::<B, 2, 2>([6, 8], |x| x.narrow(0, 2, 2));
    check::<B, 2, 2>([6, 8], |x| x.slice([1..5, 2..7]).transpose());
    check::<B, 3, 3>([4, 5, 6], |x| x.slice([0..4, 1..3, 0..6]).permute([1, 2, 0]));
}

fn flipped_and_expanded<B: ActivationBackend>() {
    check::<B, 2, 2>([4, 6], |x| x.flip([0, 1]));
    check::<B, 2, 2>([1, 6], |x| x.expand([5, 6]));
    check::<B, 2, 3>([4, 6], |x| x.reshape([4, 1, 6]).expand([4, 3, 6]));
}

/// The value of a view of a shared buffer must not be written into the buffer.
fn a_shared_buffer_is_not_overwritten<B: ActivationBackend>() {
    let values = ramp(24);
    let x = tensor::<B, 2>(&values, [4, 6], DType::F32);
    let view = x.clone().narrow(0, 1, 2);
    let other = x.clone();
    let _ = activation(view, Curve::smelu(1.0));
    let _ = activation(other, Curve::relu());
    assert_eq!(elements(x), elements(tensor::<B, 2>(&values, [4, 6], DType::F32)));
}

/// A view that is the last owner of its buffer may be overwritten, and must still give the elements of the view.
fn the_last_owner_of_a_view_is_right<B: ActivationBackend>() {
    let curve = Curve::smelu(1.0);
    let values = ramp(24);
    let fresh = || tensor::<B, 2>(&values, [4, 6], DType::F32) * 1.0;
    let views: [fn(Tensor<B, 2>) -> Tensor<B, 2>; 4] =
        [|x| x, Tensor::transpose, |x| x.narrow(0, 1, 2), |x| x.slice([1..3, 2..5]).transpose()];
    for view in views {
        assert_eq!(elements(activation(view(fresh()), curve)), elements(composed_activation(view(fresh()), curve)));
    }
}

on_each_backend!(
    ranks_1_to_6,
    transposed,
    sliced,
    flipped_and_expanded,
    a_shared_buffer_is_not_overwritten,
    the_last_owner_of_a_view_is_right,
);
