//! Models that name fields of the data.

use super::*;

#[test]
fn a_model_that_names_fields_names_categorical_ones() {
    let finalmlp = |keys: &str| {
        let (before, rest) = RUN.split_once("[model]").unwrap();
        let (_, after) = rest.split_once("[embedding]").unwrap();
        let model = "type = \"finalmlp\"\nfirst_hidden_units = [4]\nsecond_hidden_units = [4]";
        format!("{before}[model]\n{model}\n{keys}\n[embedding]{after}")
    };
    load(&finalmlp("gate_units = [3]\nsecond_gate_fields = [\"item\", \"user\"]"), &[]).unwrap();
    for (keys, expected) in [
        (
            "gate_units = [3]\nfirst_gate_fields = [\"user\", \"price\"]",
            "configs/run.toml:12:30: `model.first_gate_fields[1]` is \"price\"; expected a categorical field (user, item)",
        ),
        (
            "gate_units = [3]\nsecond_gate_fields = [\"item\", \"item\"]",
            "configs/run.toml:12:31: `model.second_gate_fields[1]` is \"item\"; expected each field once",
        ),
        (
            "second_gate_fields = [\"item\"]",
            "configs/run.toml:11:22: `model.second_gate_fields` is [\"item\"]; expected no such key, unless there is `model.gate_units`",
        ),
    ] {
        assert_eq!(message(&finalmlp(keys), &[]), expected);
    }
}
