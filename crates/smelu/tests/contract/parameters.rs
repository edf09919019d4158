//! Learnable parameters: values and gradients for a layer and for its units, and modules that train them.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::{BalancedCheckpointing, CheckpointStrategy, NoCheckpointing};
use burn::module::{AutodiffModule, Module};
use burn::record::{BinBytesRecorder, FullPrecisionSettings, Recorder};
use burn::tensor::DType;
use burn::tensor::backend::Backend;
use smelu::Activation;
use smelu::op::{ActivationBackend, Curve, activation, activation_with, composed_activation_with};

use crate::backends::{close, config, curves, elements, has_f64, on_each_backend, tensor};

fn wave(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i as f64 * 0.73 + 0.2).sin() * 2.5).collect()
}

/// The parameters of `curve` for `units` units, each a little off the one before, where that leaves a range intact.
fn spread(curve: &Curve, units: usize) -> Vec<f64> {
    let shift = |u: usize| 1.0 + 0.01 * u as f64;
    curve.parameters().iter().flat_map(|value| (0..units).map(move |u| value * shift(u))).collect()
}

fn parametric() -> impl Iterator<Item = (&'static str, Curve)> {
    curves().filter(|(_, curve)| !curve.parameters().is_empty())
}

/// Value, gradient of the input and gradient of the parameters, through autodiff, for an uneven upstream gradient.
fn run<B: ActivationBackend, C: CheckpointStrategy>(
    curve: &Curve,
    shape: [usize; 3],
    units: usize,
    dtype: DType,
) -> [Vec<f64>; 3] {
    let count = shape.iter().product();
    let x = tensor::<Autodiff<B, C>, 3>(&wave(count), shape, dtype).require_grad();
    let rows = curve.parameters().len();
    let parameters = tensor::<Autodiff<B, C>, 2>(&spread(curve, units), [rows, units], dtype).require_grad();
    let y = activation_with(x.clone() * 1.0, parameters.clone(), curve.formula());
    let weights = tensor(&wave(count + 7)[7..], shape, dtype);
    let grads = (y.clone() * weights).sum().backward();
    let of_x = x.grad(&grads).expect("x requires a gradient");
    let of_parameters = parameters.grad(&grads).expect("the parameters require a gradient");
    assert_eq!(of_parameters.dims(), [rows, units]);
    [elements(y), elements(of_x), elements(of_parameters)]
}

fn gradients_are_those_of_the_composed_reference<B: ActivationBackend>() {
    // Fewer and more units than a block has elements, and no multiple of a step.
    for (shape, units) in [([3, 4, 5], 5), ([3, 4, 5], 1), ([1, 70, 37], 37), ([1, 3, 2500], 2500), ([1, 70, 37], 1)] {
        for (text, curve) in parametric() {
            let fused = run::<B, NoCheckpointing>(&curve, shape, units, DType::F32);
            let count = shape.iter().product();
            let (y, of_x, of_parameters) = composed_activation_with(
                tensor::<B, 3>(&wave(count), shape, DType::F32),
                tensor(&wave(count + 7)[7..], shape, DType::F32),
                tensor(&spread(&curve, units), [curve.parameters().len(), units], DType::F32),
                curve.formula(),
            );
            let composed = [elements(y), elements(of_x), elements(of_parameters)];
            for (part, (fused, composed)) in fused.iter().zip(&composed).enumerate() {
                // Sums of up to a few thousand terms of either sign; elementary functions that graphics cards, which have no
                // double precision either, compute with fewer digits than the kernels.
                let elementwise = if has_f64::<B>() { 3e-6 } else { 1e-5 };
                let tolerance = if part == 2 { 3e-4 } else { elementwise };
                for (i, (fused, composed)) in fused.iter().zip(composed).enumerate() {
                    assert!(
                        close(*fused, *composed, tolerance),
                        "{text} {shape:?} {part}: {fused} for {composed} at {i}"
                    );
                }
            }
        }
    }
}

/// Against the derivative of each element taken alone and summed, in double precision where the backend has it.
fn sums_are_those_of_the_elements<B: ActivationBackend>() {
    let (dtype, rounding) = if has_f64::<B>() { (DType::F64, 1e-14) } else { (DType::F32, 3e-6) };
    let shape = [2, 9, 7];
    for units in [1, 7] {
        for (text, curve) in parametric() {
            let parameters = spread(&curve, units);
            let at = |u: usize| {
                let own: Vec<f64> = (0..curve.parameters().len()).map(|p| parameters[p * units + u]).collect();
                Curve::new(curve.formula(), &own).expect("the right number")
            };
            let [y, of_x, of_parameters] = run::<B, NoCheckpointing>(&curve, shape, units, dtype);
            let (x, upstream) = (wave(126), wave(133)[7..].to_vec());
            let mut sums = vec![0.0; parameters.len()];
            for i in 0..x.len() {
                let (unit, curve) = (i % units, at(i % units));
                let (value, slope) = (curve.value(x[i]), upstream[i] * curve.slope(x[i]));
                assert!(close(y[i], value, rounding), "{text} at {}: {} for {value}", x[i], y[i]);
                assert!(close(of_x[i], slope, rounding), "{text} at {}: slope {} for {slope}", x[i], of_x[i]);
                for (p, slope) in curve.parameter_slopes(x[i]).into_iter().enumerate() {
                    sums[p * units + unit] += upstream[i] * slope;
                }
            }
            for (sum, exact) in of_parameters.iter().zip(&sums) {
                assert!(close(*sum, *exact, 100.0 * rounding), "{text}: {sum} for {exact}");
            }
        }
    }
}

/// Through a loss that is not linear, by moving each parameter.
#[test]
fn derivatives_of_parameters_are_finite_differences() {
    let x = [-2.31, -0.87, -0.33, -0.14, 0.11, 0.42, 0.77, 1.9];
    for (text, curve) in parametric() {
        let loss = |parameters: &[f64]| -> f64 {
            let curve = Curve::new(curve.formula(), parameters).expect("the right number");
            x.iter().map(|x| curve.value(*x).powi(2).sin()).sum()
        };
        for p in 0..curve.parameters().len() {
            let analytic: f64 = x
                .iter()
                .map(|x| {
                    let y = curve.value(*x);
                    (y * y).cos() * 2.0 * y * curve.parameter_slopes(*x)[p]
                })
                .sum();
            let moved = |step: f64| {
                let mut parameters = curve.parameters().to_vec();
                parameters[p] += step;
                loss(&parameters)
            };
            // At a width of 0 only a step up is in range, and its difference has an error of first order.
            let at_edge = curve.parameters()[p] == 0.0 && (text.starts_with("SmeLU") || text.contains("alpha=0,"));
            let (numeric, tolerance) = if at_edge {
                ((moved(1e-6) - moved(0.0)) / 1e-6, 1e-5)
            } else {
                ((moved(1e-6) - moved(-1e-6)) / 2e-6, 2e-7)
            };
            assert!(close(analytic, numeric, tolerance), "{text}: parameter {p}: {analytic} for {numeric}");
        }
    }
}

fn the_sum_is_the_same_for_any_number_of_threads<B: ActivationBackend>() {
    for units in [1, 61] {
        for text in ["SmeLU(beta=0.5)", "gSmeLU(alpha=0.5, beta=2, g_minus=0.05)", "Swish(beta=1.5)"] {
            let curve = config(text).curve();
            let with = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads");
                pool.install(|| run::<B, NoCheckpointing>(&curve, [5, 1009, 61], units, DType::F32))
            };
            let one = with(1);
            assert!(one == with(2) && one == with(5), "{text} {units}");
        }
    }
}

fn checkpointing_changes_nothing<B: ActivationBackend>() {
    for (text, curve) in parametric() {
        let plain = run::<B, NoCheckpointing>(&curve, [2, 3, 5], 5, DType::F32);
        assert_eq!(plain, run::<B, BalancedCheckpointing>(&curve, [2, 3, 5], 5, DType::F32), "{text}");
    }
}

fn strided_inputs_are_read_in_their_order<B: ActivationBackend>() {
    let curve = config("gSmeLU(alpha=0.5, beta=2, g_minus=0.05)").curve();
    let source = tensor::<B, 2>(&wave(60), [6, 10], DType::F32);
    let parameters = tensor::<B, 2>(&spread(&curve, 4), [5, 4], DType::F32);
    let view = source.slice([1..5, 2..9]).transpose();
    let copy = tensor::<B, 2>(&elements(view.clone()), [7, 4], DType::F32);
    let of = |x| elements(activation_with::<B, 2>(x, parameters.clone(), curve.formula()));
    assert_eq!(of(view), of(copy));
}

/// A module with learnt parameters starts as the fixed one, learns towards a target, and keeps what it learnt.
fn modules_learn<B: ActivationBackend + Backend>() {
    type Ad<B> = Autodiff<B>;
    let device = B::Device::default();
    let target = config("SmeLU(beta=1.5)").curve();
    let x = tensor::<Ad<B>, 2>(&wave(400), [100, 4], DType::F32);
    for text in ["SmeLU(beta=0.5@layer)", "SmeLU(beta=0.5@unit)", "SmeLU(beta=0.5@unit:softplus)"] {
        let config = config(text);
        let mut module: Activation<Ad<B>> = config.init(4, &device);
        assert_eq!(module.to_string(), text);
        let start = elements(module.forward(x.clone()));
        assert!(start.iter().zip(elements(activation(x.clone(), config.curve()))).all(|(a, b)| close(*a, b, 1e-6)));

        let loss =
            |module: &Activation<Ad<B>>| (module.forward(x.clone()) - activation(x.clone(), target)).square().mean();
        let first = elements(loss(&module))[0];
        for _ in 0..150 {
            let grads = loss(&module).backward();
            module = module.map(&mut Descend { grads: &grads, rate: 20.0 });
        }
        let last = elements(loss(&module))[0];
        assert!(last < 1e-3 * first, "{text}: {first} to {last}");
        let Activation::Smelu(smelu) = &module else { panic!("{text} is a SmeLU") };
        let beta = elements(smelu.beta().learnt().expect("it is learnt"));
        assert_eq!(beta.len(), if text.contains("unit") { 4 } else { 1 });
        assert!(beta.iter().all(|beta| close(*beta, 1.5, 0.05)), "{text}: {beta:?}");

        let recorder = BinBytesRecorder::<FullPrecisionSettings>::default();
        let bytes = recorder.record(module.clone().into_record(), ()).expect("a record is written");
        let record = recorder.load(bytes, &device).expect("it was just written");
        let again = config.init::<Ad<B>>(4, &device).load_record(record);
        assert_eq!(
            elements(module.valid().forward(x.clone().inner())),
            elements(again.valid().forward(x.clone().inner()))
        );
    }
}

/// One step of gradient descent on every parameter of a module.
struct Descend<'a> {
    grads: &'a burn::backend::autodiff::grads::Gradients,
    rate: f64,
}

impl<B: ActivationBackend> burn::module::ModuleMapper<Autodiff<B>> for Descend<'_> {
    fn map_float<const D: usize>(
        &mut self,
        parameter: burn::module::Param<burn::tensor::Tensor<Autodiff<B>, D>>,
    ) -> burn::module::Param<burn::tensor::Tensor<Autodiff<B>, D>> {
        parameter.map(|tensor| {
            let step = tensor.grad(self.grads).expect("every parameter is used") * self.rate;
            burn::tensor::Tensor::from_inner(tensor.inner() - step).require_grad()
        })
    }
}

on_each_backend!(
    gradients_are_those_of_the_composed_reference,
    sums_are_those_of_the_elements,
    the_sum_is_the_same_for_any_number_of_threads,
    checkpointing_changes_nothing,
    strided_inputs_are_read_in_their_order,
    modules_learn,
);
