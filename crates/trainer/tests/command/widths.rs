//! Widths of embeddings: chosen by the cardinality, mixed in front of interactions, halved between quotient and remainder.
use crate::tables::{DATASET, workspace};
use crate::workspace::{Workspace, digests};

/// The dataset without widths of its own.
fn without_widths() -> String {
    let widths = [
        "embedding = { dim = 6 }\n",
        "dim = \"auto\", ",
        "embedding = { dim = 3 }\n",
        "dim = 2, ",
        ", pretrained = { file = \"shops.csv\" }",
    ];
    widths.iter().fold(DATASET.to_owned(), |text, width| {
        assert!(text.contains(width), "{width}");
        text.replacen(width, "", 1)
    })
}

fn run(workspace: &Workspace, name: &str, set: &[&str]) -> [String; 2] {
    let mut arguments = vec!["--set", "training.epochs=1"];
    arguments.extend(set.iter().flat_map(|set| ["--set", set]));
    digests(&workspace.train(name, &arguments))
}

#[test]
fn auto_for_the_run_is_auto_for_every_field() {
    let workspace = workspace();
    workspace.write("dataset.toml", &without_widths());
    let whole = run(&workspace, "whole", &["embedding.dim=auto"]);
    let each = without_widths()
        .replace("type = \"categorical\"\n", "type = \"categorical\"\nembedding.dim = \"auto\"\n")
        .replace("embedding = { compress = { buckets = 5 } }\n", "embedding.compress = { buckets = 5 }\n")
        .replace("embedding = { frozen = true }\n", "embedding.frozen = true\n");
    assert!(each.matches("\"auto\"").count() == 6, "{each}");
    workspace.write("dataset.toml", &each);
    assert_eq!(run(&workspace, "each", &["embedding.dim=4"]), whole);
    workspace.write("dataset.toml", &without_widths());
    assert_ne!(run(&workspace, "four", &["embedding.dim=4"]), whole);
}

#[test]
fn models_of_interactions_take_fields_of_several_widths() {
    let workspace = workspace();
    for model in
        ["{type=\"fm\"}", "{type=\"deepfm\", hidden_units=[8]}", "{type=\"xdeepfm\", cin_units=[4], hidden_units=[8]}"]
    {
        let name = model.split('"').nth(1).unwrap();
        let set = format!("model={model}");
        let first = run(&workspace, name, &[&set, "threads=1"]);
        assert_eq!(run(&workspace, &format!("{name}-3"), &[&set, "threads=3"]), first, "{name}");
        let shown = workspace.succeed(&["inspect", name]);
        // The fields of the widest rows pass as they are.
        assert!(shown.contains("projections.maps.2") || shown.contains("projections.maps.3"), "{shown}");
        // A saved run is built with its projections again.
        let predicted = workspace.succeed(&["predict", name, "raw/test.csv", "-o", &format!("{name}.parquet")]);
        assert!(predicted.contains(&first[1]), "{predicted}");
    }
    let parts = ["the field `", "`model.type = \"ffm\"` needs one width for all fields"];
    workspace.fail(&["train", "config.toml", "--set", "model={type=\"ffm\"}"], &parts);
}

#[test]
fn quotient_and_remainder_are_halves_of_a_concatenated_embedding() {
    let workspace = workspace();
    let with = |width: &str, combine: &str| {
        let to = format!("embedding = {{ dim = {width}, compress = {{ buckets = 5, combine = \"{combine}\" }} }}");
        let from = "embedding = { dim = \"auto\", compress = { buckets = 5 } }";
        assert!(DATASET.contains(from));
        workspace.write("dataset.toml", &DATASET.replacen(from, &to, 1));
    };
    with("8", "concatenate");
    let first = run(&workspace, "one", &["threads=1"]);
    assert_eq!(run(&workspace, "three", &["threads=3"]), first);
    // The rows are of width 4, like those of fields without a width of their own.
    let shown = workspace.succeed(&["inspect", "one"]);
    assert!(!shown.contains("embedding.8"), "{shown}");
    assert!(workspace.succeed(&["predict", "one", "raw/test.csv", "-o", "p.parquet"]).contains(&first[1]));
    assert_ne!(run(&workspace, "fm", &["model={type=\"fm\"}"]), first);
    with("8", "multiply");
    assert_ne!(run(&workspace, "multiplied", &[]), first);
    // An odd width has no halves, and "auto" is rounded up.
    with("7", "concatenate");
    workspace.fail(&["train", "config.toml"], &["the field `page` has embeddings of width 7", "even `embedding.dim`"]);
    with("\"auto\"", "concatenate");
    run(&workspace, "auto", &[]);
    with("8", "concatenated");
    workspace.fail(&["train", "config.toml"], &["dataset.toml:", "nearest known one is `concatenate`"]);
}
