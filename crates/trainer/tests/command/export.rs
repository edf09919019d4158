//! `ctr export`, and starting from what it wrote.
use std::sync::atomic::AtomicBool;

use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use safetensors::SafeTensors;
use serde_json::Value;
use trainer::checkpoint::all_parameters;
use trainer::config::{Overrides, Plan};
use trainer::learner::Learner;
use trainer::warm_start;

use crate::workspace::{Workspace, digests};

#[test]
fn an_export_has_every_tensor_and_says_what_it_means() {
    let workspace = Workspace::new();
    let record = workspace.train("run", &[]);
    workspace.succeed(&["export", "run", "--output", "model"]);
    let bytes = std::fs::read(workspace.path("model/model.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let sidecar: Value = serde_json::from_str(&workspace.read("model/model.json")).unwrap();
    let entries = sidecar["tensors"].as_array().unwrap();
    assert_eq!(entries.len(), tensors.len());
    for entry in entries {
        let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
        assert_eq!(tensors.tensor(entry["name"].as_str().unwrap()).unwrap().shape(), shape);
    }
    let kind =
        |name: &str| entries.iter().find(|entry| entry["name"] == name).map(|entry| entry["kind"].clone()).unwrap();
    assert_eq!(kind("tables.embedding"), "table");
    assert_eq!(kind("mlp.layers.0.norm.running_mean"), "statistic");
    assert_eq!(kind("mlp.output.weight"), "parameter");
    let fields = sidecar["categorical"].as_array().unwrap();
    assert_eq!((fields[1]["name"].as_str(), &fields[1]["first_row"]), (Some("item"), &fields[0]["ids"]));
    assert_eq!(sidecar["dataset_digest"], record["dataset_digest"]);
    workspace.fail(&["export", "run", "-o", "x", "--checkpoint", "step-9"], &["step-9", "cannot read"]);
}

#[test]
fn tables_of_some_fields_say_whose_rows_they_hold() {
    let workspace = Workspace::new();
    let model = "model={type=\"finalmlp\", first_hidden_units=[6], second_hidden_units=[4], gate_units=[3], \
                 first_gate_fields=[\"item\"], second_gate_fields=[\"item\", \"user\"]}";
    workspace.train("run", &["--set", model, "--set", "watch.step_digests=1"]);
    workspace.succeed(&["export", "run", "--output", "model"]);
    let sidecar: Value = serde_json::from_str(&workspace.read("model/model.json")).unwrap();
    let [users, items] = [0, 1].map(|field| sidecar["categorical"][field]["ids"].as_u64().unwrap());
    let rows = |name: &str, first_row: u64| serde_json::json!({"name": name, "first_row": first_row});
    let expected = serde_json::json!([
        {"tensor": "tables.first_gate", "fields": [rows("item", 0)]},
        {"tensor": "tables.second_gate", "fields": [rows("user", 0), rows("item", users)]},
    ]);
    assert_eq!(sidecar["tables_of_some_fields"], expected);
    let entries = sidecar["tensors"].as_array().unwrap();
    let shape = |name: &str| &entries.iter().find(|entry| entry["name"] == name).unwrap()["shape"];
    assert_eq!(*shape("tables.first_gate"), serde_json::json!([items, 4]));
    assert_eq!(*shape("tables.second_gate"), serde_json::json!([users + items, 4]));
    assert!(workspace.succeed(&["verify", "run"]).contains("identical"));
}

#[test]
fn a_warm_start_takes_the_tensors_it_names_and_leaves_the_others() {
    let workspace = Workspace::new();
    let cold = workspace.train("run", &[]);
    workspace.succeed(&["export", "run", "--output", "model"]);
    let file = format!("warm_start.file={}", workspace.path("model/model.safetensors").display());
    let plan = |set: &[&str]| {
        let set = [&[file.as_str()], set].concat().into_iter().map(str::to_owned).collect();
        let overrides = Overrides { set, cache_dir: Some(workspace.path("cache")), ..Overrides::default() };
        Plan::load(&workspace.path("config.toml"), &overrides).unwrap()
    };
    let data = trainer::dataset::open(&plan(&[]), &|_| {}, &AtomicBool::new(false)).unwrap();
    let initial = || Learner::<Flex>::new(&plan(&[]), data.schema(), FlexDevice).unwrap();
    let bytes = std::fs::read(workspace.path("model/model.safetensors")).unwrap();
    let exported = SafeTensors::deserialize(&bytes).unwrap();
    for parts in [&[][..], &["warm_start.parts=[\"tables.\", \"mlp.layers.0.\"]"]] {
        let plan = plan(parts);
        let warm = warm_start::apply(initial(), plan.warm_start.as_ref().unwrap()).unwrap();
        for (parameter, before) in all_parameters(&warm).iter().zip(all_parameters(&initial())) {
            let taken =
                parts.is_empty() || ["tables.", "mlp.layers.0."].iter().any(|part| parameter.name.starts_with(part));
            if taken {
                let bytes: Vec<u8> = parameter.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                assert_eq!(exported.tensor(&parameter.name).unwrap().data(), bytes, "{}", parameter.name);
            } else {
                assert_eq!(*parameter, before);
            }
        }
    }
    // The digest of the file is part of what the run is; its place is not.
    assert_ne!(plan(&[]).fingerprint().unwrap(), plan(&["warm_start.parts=[\"tables.\"]"]).fingerprint().unwrap());
    let warm = workspace.train("warm", &["--set", &file, "--set", "watch.step_digests=1"]);
    assert_ne!(digests(&warm), digests(&cold));
    assert!(workspace.succeed(&["verify", "warm"]).contains("identical"));
    let begin = ["train", "config.toml", "--run-dir", "bad", "--resume", "auto", "--set", &file];
    workspace.fail(&[&begin[..], &["--set", "warm_start.parts=[\"mpl.\"]"]].concat(), &["`mpl.`", "mlp.output.weight"]);
    workspace.fail(&[&begin[..], &["--set", "model.hidden_units=[12, 9]"]].concat(), &["model.safetensors", "shape"]);
    std::fs::rename(workspace.path("model"), workspace.path("moved")).unwrap();
    workspace.fail(&begin, &["warm_start.file", "can be read"]);
    // A run that has begun needs the file no more.
    workspace.succeed(&["eval", "warm"]);
}
