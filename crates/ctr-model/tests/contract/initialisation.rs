//! How the weights of a perceptron start.
use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use burn::tensor::{Tensor, TensorData};
use ctr_model::Pass;
use ctr_model::init::Initializer;
use ctr_model::mlp::MlpConfig;

use crate::values::{elements, normals};

const BATCH: usize = 64;
const UNITS: usize = 64;
const LAYERS: usize = 8;

/// The mean square of the logits of perceptrons of eight layers, for inputs from N(0, 1).
fn mean_square(activation: &str, init: &str) -> f64 {
    let text = format!(r#"{{"hidden_units": {:?}, "activation": "{activation}"{init}}}"#, [UNITS; LAYERS]);
    let config: MlpConfig = serde_json::from_str(&text).unwrap();
    let squares = (0..16).flat_map(|seed| {
        let mlp = config.init::<Flex>("mlp", UNITS, Initializer::new(seed, &FlexDevice));
        let x = TensorData::new(normals(seed, BATCH * UNITS), [BATCH, UNITS]);
        let logits = mlp.forward(Tensor::from_data(x, &FlexDevice), Pass::Evaluate);
        elements(logits).into_iter().map(|z| f64::from(z).powi(2))
    });
    squares.sum::<f64>() / (16 * BATCH) as f64
}

#[test]
fn auto_keeps_the_scale_of_the_signal_through_the_layers_and_xavier_is_the_default() {
    for activation in ["ReLU", "SmeLU(beta=1)", "LeakySmeLU(beta=0.5, slope=0.1)"] {
        let auto = mean_square(activation, r#", "init": "auto""#);
        let xavier = mean_square(activation, r#", "init": "xavier""#);
        // Each Xavier layer of equal widths halves the mean square, more or less.
        assert!((0.4..2.5).contains(&auto), "{activation}: {auto}");
        assert!(!(0.4..2.5).contains(&xavier), "{activation}: {xavier}");
        assert_eq!(xavier, mean_square(activation, ""), "{activation}");
    }
}
