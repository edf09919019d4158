//! Operations among others, as a backend that queues and fuses operations meets them.

use burn::backend::Autodiff;
use burn::tensor::DType;
use smelu::op::{ActivationBackend, Curve, activation, activation_with};

use crate::backends::{close, config, elements, on_each_backend, tensor};

const X: [f64; 6] = [-2.0, -0.5, -0.1, 0.2, 0.7, 1.5];

/// The same chain of operations on the same shapes, again and again: how one that was queued before is run again must not
/// bring back its parameters.
fn a_chain_is_run_with_its_own_parameters<B: ActivationBackend>() {
    let curves = ["SmeLU(beta=0.5)", "SmeLU(beta=2)", "Swish(beta=3)", "Cascade5", "Cascade5(g0=0.3)", "SmeLU(beta=1)"];
    for curve in curves.iter().cycle().take(4 * curves.len()).map(|text| config(text).curve()) {
        let x = tensor::<Autodiff<B>, 2>(&X, [2, 3], DType::F32).require_grad();
        let inner = activation((x.clone() * 2.0) + 0.25, curve);
        let y = activation((inner * 0.5) - 0.125, curve).exp();
        let grads = (y.clone() * 3.0).sum().backward();
        let gradient = elements(x.grad(&grads).expect("x requires a gradient"));
        for ((x, y), gradient) in X.iter().zip(elements(y)).zip(gradient) {
            let input = x * 2.0 + 0.25;
            let middle = curve.value(input) * 0.5 - 0.125;
            let exact = curve.value(middle).exp();
            let slope = 3.0 * exact * curve.slope(middle) * 0.5 * curve.slope(input) * 2.0;
            assert!(close(y, exact, 1e-5), "{curve:?} at {x}: {y} for {exact}");
            assert!(close(gradient, slope, 2e-5), "{curve:?} at {x}: slope {gradient} for {slope}");
        }
    }
}

/// A formula with learnt parameters, which are themselves the result of operations; the input is read elsewhere too.
fn parameters_may_be_results<B: ActivationBackend>() {
    for beta in [0.5, 1.0, 2.0, 0.5, 1.0] {
        let logarithm = tensor::<Autodiff<B>, 2>(&[f64::ln(beta); 3], [1, 3], DType::F32).require_grad();
        let curve = Curve::smelu(beta);
        let x = tensor::<Autodiff<B>, 2>(&X, [2, 3], DType::F32).require_grad();
        let y = activation_with(x.clone() + 0.1, logarithm.clone().exp(), curve.formula()) + x.clone();
        let grads = y.clone().square().sum().backward();
        let of_x = elements(x.grad(&grads).expect("x requires a gradient"));
        let of_logarithm = elements(logarithm.grad(&grads).expect("the parameter requires a gradient"));
        let mut sums = [0.0; 3];
        for (i, (x, y)) in X.iter().zip(elements(y)).enumerate() {
            let exact = curve.value(x + 0.1) + x;
            assert!(close(y, exact, 1e-6), "{beta} at {x}: {y} for {exact}");
            let slope = 2.0 * exact * (curve.slope(x + 0.1) + 1.0);
            assert!(close(of_x[i], slope, 1e-5), "{beta} at {x}: slope {} for {slope}", of_x[i]);
            sums[i % 3] += 2.0 * exact * curve.parameter_slopes(x + 0.1)[0] * beta;
        }
        for (sum, exact) in of_logarithm.iter().zip(sums) {
            assert!(close(*sum, exact, 1e-5), "{beta}: {sum} for {exact}");
        }
    }
}

/// An input that is used again afterwards, and one of whose owners is dropped before anything was run.
fn an_input_with_other_owners_is_left_alone<B: ActivationBackend>() {
    let x = tensor::<B, 2>(&X, [2, 3], DType::F32) * 1.0;
    let first = activation(x.clone(), Curve::smelu(1.0));
    let second = activation(first.clone(), Curve::smelu(0.5)) + first.clone();
    drop(first);
    let third = activation(x.clone().transpose(), Curve::relu()).transpose() + x;
    for ((x, second), third) in X.iter().zip(elements(second)).zip(elements(third)) {
        let first = Curve::smelu(1.0).value(*x);
        assert!(close(second, Curve::smelu(0.5).value(first) + first, 1e-6), "{second} at {x}");
        assert!(close(third, x.max(0.0) + x, 1e-6), "{third} at {x}");
    }
}

on_each_backend!(
    a_chain_is_run_with_its_own_parameters,
    parameters_may_be_results,
    an_input_with_other_owners_is_left_alone,
);
