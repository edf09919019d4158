//! The values of `vectors.json`: double precision, computed with 50 digits, slopes checked by finite differences.
//!
//! Per entry: the activation, its parameters, and on the common grid `x` the value `y`, the slope `dx` and the derivative
//! with respect to each parameter.

use burn::tensor::DType;
use serde_json::Value;
use smelu::op::{ActivationBackend, Curve};

use crate::backends::{close_in_f32, on_each_backend, value_and_slope};

struct Vector {
    label: String,
    curve: Curve,
    x: Vec<f64>,
    y: Vec<f64>,
    dx: Vec<f64>,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("an array").iter().map(|number| number.as_f64().expect("a number")).collect()
}

fn curve(name: &str, parameters: &Value) -> Option<Curve> {
    let parameter = |name: &str| parameters[name].as_f64().expect("a parameter");
    match name {
        "smelu" => Some(Curve::Smelu { beta: parameter("beta") }),
        "leaky_relu" if parameter("slope") == 0.0 => Some(Curve::Relu),
        _ => None,
    }
}

fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(include_str!("vectors.json")).expect("vectors.json is JSON");
    let x = numbers(&file["x"]);
    let entries = file["vectors"].as_array().expect("an array of vectors");
    let vectors: Vec<Vector> = entries
        .iter()
        .filter_map(|entry| {
            let curve = curve(entry["act"].as_str().expect("a name"), &entry["params"])?;
            let (y, mut dx) = (numbers(&entry["y"]), numbers(&entry["dx"]));
            if curve == Curve::Relu {
                // The file takes the slope at the kink from the right, where leaky ReLU has it; ReLU has it from the left.
                dx[x.iter().position(|x| *x == 0.0).expect("the grid holds 0")] = 0.0;
            }
            Some(Vector { label: format!("{} {}", entry["act"], entry["params"]), curve, x: x.clone(), y, dx })
        })
        .collect();
    assert_eq!(vectors.len(), 7, "six of SmeLU and one of ReLU");
    vectors
}

#[test]
fn the_oracle_agrees_to_1e_12() {
    let close = |value: f64, exact: f64| (value - exact).abs() <= 1e-12 * exact.abs().max(f64::MIN_POSITIVE);
    for vector in vectors() {
        for ((x, y), dx) in vector.x.iter().zip(&vector.y).zip(&vector.dx) {
            let (value, slope) = (vector.curve.value(*x), vector.curve.slope(*x));
            assert!(close(value, *y), "{} at {x}: value {value}, exact {y}", vector.label);
            assert!(close(slope, *dx), "{} at {x}: slope {slope}, exact {dx}", vector.label);
        }
    }
}

fn agrees_in_f32<B: ActivationBackend>() {
    for vector in vectors() {
        let (values, slopes) = value_and_slope::<B>(&vector.x, vector.curve, DType::F32);
        for (i, x) in vector.x.iter().enumerate() {
            assert!(close_in_f32(values[i], vector.y[i]), "{} at {x}: {} for {}", vector.label, values[i], vector.y[i]);
            assert!(
                close_in_f32(slopes[i], vector.dx[i]),
                "{} at {x}: slope {} for {}",
                vector.label,
                slopes[i],
                vector.dx[i]
            );
        }
    }
}

on_each_backend!(agrees_in_f32);
