//! The values of `vectors.json`: double precision, slopes checked by finite differences.
//!
//! Per entry: the activation, its parameters, and on the common grid `x` the value `y`, the slope `dx` and the derivative
//! with respect to each parameter. Where these are sums whose terms cancel they have lost digits: `tails.json` names those
//! cells, and what they should be. `scripts/reference/activation_tails.py` computes and writes it.

use burn::backend::Autodiff;
use burn::tensor::DType;
use serde_json::Value;
use smelu::op::{ActivationBackend, Curve, Formula, activation_with};

use crate::backends::{close_in_f32, elements, on_each_backend, tensor, value_and_slope};

struct Vector {
    label: String,
    curve: Curve,
    x: Vec<f64>,
    y: Vec<f64>,
    dx: Vec<f64>,
    /// The derivative with respect to each parameter that the file has.
    parameters: Vec<Vec<f64>>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn formula(name: &str) -> (Formula, &'static [&'static str]) {
    match name {
        "smelu" => (Formula::Smelu, &["beta"]),
        "gsmelu" => (Formula::GSmelu, &["alpha", "beta", "gm", "gp", "t"]),
        "leaky_relu" => (Formula::LeakyRelu, &["slope"]),
        "softplus" => (Formula::Softplus, &["beta"]),
        "swish" => (Formula::Swish, &["beta"]),
        "gelu" => (Formula::Gelu, &["beta"]),
        "gelu_tanh" => (Formula::GeluTanh, &[]),
        "mish" => (Formula::Mish, &["beta"]),
        "tanhexp" => (Formula::TanhExp, &["beta"]),
        "elu" => (Formula::Elu, &["alpha"]),
        "selu" => (Formula::Selu, &[]),
        "celu" => (Formula::Celu, &["alpha"]),
        "squareplus" => (Formula::SquarePlus, &["b"]),
        name => panic!("no formula for {name}"),
    }
}

fn parsed(file: &str) -> Value {
    serde_json::from_str(file).expect("a file of this folder is JSON")
}

fn vectors() -> Vec<Vector> {
    let mut file = parsed(include_str!("vectors.json"));
    correct(&mut file);
    let x = numbers(&file["x"]);
    let vector = |entry: &Value| {
        let (formula, names) = formula(entry["act"].as_str().expect("a name"));
        let values: Vec<f64> = names.iter().map(|name| entry["params"][name].as_f64().expect("a parameter")).collect();
        Vector {
            label: format!("{} {}", entry["act"], entry["params"]),
            curve: Curve::new(formula, &values).expect("one value for each parameter"),
            x: x.clone(),
            y: numbers(&entry["y"]),
            dx: numbers(&entry["dx"]),
            parameters: names.iter().map(|name| numbers(&entry[format!("d{name}")])).collect(),
        }
    };
    let vectors: Vec<Vector> = file["vectors"].as_array().expect("an array of vectors").iter().map(vector).collect();
    assert_eq!(vectors.len(), 32);
    vectors
}

/// Puts the exact numbers of `tails.json` in place of those that it names, each of which must be there.
fn correct(file: &mut Value) {
    let tails = parsed(include_str!("tails.json"));
    let tails = tails.as_array().expect("an array of cells");
    assert_eq!(tails.len(), 17);
    for tail in tails {
        let position =
            numbers(&file["x"]).iter().position(|x| Some(*x) == tail["x"].as_f64()).expect("a point of the grid");
        let mut entries = file["vectors"].as_array_mut().expect("an array of vectors").iter_mut();
        let entry = entries.find(|entry| entry["act"] == tail["act"] && entry["params"] == tail["params"]);
        let cell = &mut entry.expect("an entry for the cell")[tail["field"].as_str().expect("a name")][position];
        assert_eq!(cell.as_f64(), tail["given"].as_f64(), "{tail}");
        *cell = tail["exact"].clone();
    }
}

#[test]
fn the_oracle_agrees_to_1e_12() {
    // Below the normal numbers a double has fewer digits than that.
    let close = |value: f64, exact: f64| (value - exact).abs() <= 1e-12 * exact.abs() + f64::MIN_POSITIVE;
    for vector in vectors() {
        for (i, x) in vector.x.iter().enumerate() {
            let derivatives = vector.curve.parameter_slopes(*x);
            let ours = [vector.curve.value(*x), vector.curve.slope(*x)].into_iter().chain(derivatives);
            let exact = [&vector.y, &vector.dx].into_iter().chain(&vector.parameters);
            for (part, (value, exact)) in ours.zip(exact).enumerate() {
                assert!(close(value, exact[i]), "{} at {x}: {value} for {} (part {part})", vector.label, exact[i]);
            }
        }
    }
}

/// Values with 40 digits, rounded, beyond the grid of the file, where double precision loses digits in the textbook form.
#[test]
fn tails_are_exact() {
    let close = |value: f64, exact: f64| (value / exact - 1.0).abs() <= 1e-12;
    let curve = |formula, parameters: &[f64]| Curve::new(formula, parameters).expect("the right number");
    assert!(close(curve(Formula::SquarePlus, &[1.0]).value(-1e6), 2.499_999_999_999_375e-7));
    assert!(close(curve(Formula::TanhExp, &[1.0]).value(-30.0), -2.807_286_890_652_052_4e-12));
    assert!(close(curve(Formula::Mish, &[1.0]).value(-30.0), -2.807_286_890_651_921e-12));
}

#[test]
fn leaky_relu_of_slope_0_is_relu() {
    let (leaky, relu) = (Curve::new(Formula::LeakyRelu, &[0.0]).expect("one parameter"), Curve::relu());
    for x in [-20.0, -0.5, 0.0, 0.5, 20.0] {
        assert_eq!(leaky.value(x), relu.value(x));
    }
}

fn agrees_in_f32<B: ActivationBackend>() {
    for vector in vectors() {
        let (values, slopes) = value_and_slope::<B>(&vector.x, &vector.curve, DType::F32);
        for (i, x) in vector.x.iter().enumerate() {
            let (y, dx, label) = (vector.y[i], vector.dx[i], &vector.label);
            assert!(close_in_f32(values[i], y), "{label} at {x}: {} for {y}", values[i]);
            assert!(close_in_f32(slopes[i], dx), "{label} at {x}: slope {} for {dx}", slopes[i]);
        }
    }
}

/// The parameters as a tensor with one column for each element of the grid, so that each derivative stands alone.
fn parameters_agree_in_f32<B: ActivationBackend>() {
    for vector in vectors().into_iter().filter(|vector| !vector.parameters.is_empty()) {
        let units = vector.x.len();
        let values = vector.curve.parameters();
        let columns: Vec<f64> = values.iter().flat_map(|value| vec![*value; units]).collect();
        let parameters = tensor::<Autodiff<B>, 2>(&columns, [values.len(), units], DType::F32).require_grad();
        let x = tensor::<Autodiff<B>, 2>(&vector.x, [1, units], DType::F32).require_grad();
        let y = activation_with(x.clone(), parameters.clone(), vector.curve.formula());
        let grads = y.clone().sum().backward();
        let slopes = elements(x.grad(&grads).expect("x requires a gradient"));
        let derivatives = elements(parameters.grad(&grads).expect("the parameters require a gradient"));
        let (y, label) = (elements(y), &vector.label);
        for (i, x) in vector.x.iter().enumerate() {
            assert!(close_in_f32(y[i], vector.y[i]), "{label} at {x}: {} for {}", y[i], vector.y[i]);
            assert!(close_in_f32(slopes[i], vector.dx[i]), "{label} at {x}: slope {} for {}", slopes[i], vector.dx[i]);
            for (p, exact) in vector.parameters.iter().enumerate() {
                let derivative = derivatives[p * units + i];
                assert!(close_in_f32(derivative, exact[i]), "{label} at {x}: d{p} {derivative} for {}", exact[i]);
            }
        }
    }
}

on_each_backend!(agrees_in_f32, parameters_agree_in_f32);
