//! The models under test: every one of the registry, and variants that its example does not show.
use ctr_model::model::{InputShape, ModelConfig};
use serde_json::{Map, Value};

/// Four fields of both kinds.
pub(crate) const BOTH: InputShape = InputShape { categorical: 2, numeric: 2, embedding_dim: 4 };

/// Keys beside those of the examples.
const VARIANTS: &[(&str, &str)] = &[
    ("dnn", r#"{"hidden_units": []}"#),
    ("dcn", r#"{"cross_layers": 3, "hidden_units": []}"#),
    ("dcn_v2", r#"{"cross_layers": 2, "hidden_units": [8]}"#),
    ("dcn_v2", r#"{"cross_layers": 2, "low_rank": 2, "hidden_units": [8]}"#),
    ("dcn_v2", r#"{"cross_layers": 2, "low_rank": 2, "experts": 2, "hidden_units": [8]}"#),
    ("dcn_v2", r#"{"cross_layers": 2, "structure": "stacked", "hidden_units": [8]}"#),
    ("dcn_v2", r#"{"cross_layers": 2, "structure": "stacked", "hidden_units": []}"#),
    ("fwfm", r#"{"linear": "weight"}"#),
    ("fwfm", r#"{"linear": "field"}"#),
    ("fmfm", r#"{"interaction": "vector"}"#),
    ("afm", r#"{"attention_units": 4, "attention_dropout": 0.2, "dropout": 0.3}"#),
    ("xdeepfm", r#"{"cin_units": [4], "hidden_units": []}"#),
    (
        "autoint",
        r#"{"attention_layers": 1, "attention_units": 4, "scale": true, "layer_norm": true, "hidden_units": []}"#,
    ),
    ("autoint", r#"{"attention_layers": 2, "attention_units": 4, "residual": false, "hidden_units": [8]}"#),
    ("fibinet", r#"{"bilinear": "shared", "reduction_ratio": 1.0, "hidden_units": [8]}"#),
    ("fibinet", r#"{"bilinear": "field", "reduction_ratio": 9.0, "hidden_units": [8]}"#),
    ("dlrm", r#"{"interaction": "cat", "hidden_units": [8]}"#),
    ("afn", r#"{"logarithmic_neurons": 8, "hidden_units": [8]}"#),
    (
        "masknet",
        r#"{"structure": "serial", "hidden_units": [8, 4], "embedding_norm": true, "layer_norm": false, "dropout": 0.3}"#,
    ),
    (
        "edcn",
        r#"{"cross_layers": 2, "bridge": "concatenation", "batch_norm": true, "temperature": 3.0, "dropout": 0.3}"#,
    ),
    ("edcn", r#"{"cross_layers": 1, "bridge": "pointwise_addition", "regulation": false}"#),
    ("edcn", r#"{"cross_layers": 2, "bridge": "attention_pooling"}"#),
    (
        "finalmlp",
        r#"{"first_hidden_units": [8], "second_hidden_units": [8, 4], "batch_norm": true, "first_dropout": 0.2}"#,
    ),
    ("gdcn", r#"{"cross_layers": 2, "structure": "stacked", "hidden_units": [8]}"#),
];

/// The keys of `[model]` with `type`.
pub(crate) fn keys(name: &str, text: &str) -> Map<String, Value> {
    let mut keys: Map<String, Value> = serde_json::from_str(text).unwrap();
    keys.insert("type".to_owned(), name.into());
    keys
}

/// A config of these keys.
pub(crate) fn config(keys: Map<String, Value>) -> ModelConfig {
    serde_json::from_value(keys.into()).unwrap()
}

/// Every model as its example shows it, the variants, and each with batch norm and dropout where it has them.
pub(crate) fn models() -> Vec<ModelConfig> {
    let examples = ModelConfig::ALL.iter().map(|info| (info.name, info.example));
    let plain: Vec<_> = examples.chain(VARIANTS.iter().copied()).map(|(name, text)| keys(name, text)).collect();
    let regularised = plain.iter().filter(|keys| keys.contains_key("hidden_units")).cloned().map(|mut keys| {
        keys.insert("batch_norm".to_owned(), true.into());
        keys.insert("dropout".to_owned(), 0.3.into());
        keys
    });
    let regularised = regularised.filter(|keys| serde_json::from_value::<ModelConfig>(keys.clone().into()).is_ok());
    plain.iter().cloned().chain(regularised).map(config).collect()
}
