//! Tables of every kind in one run: hashed, shared, compressed, multi-hot, frozen, pretrained, and of several widths.
use std::fmt::Write as _;

use crate::workspace::{Workspace, digests};

pub(crate) const DATASET: &str = r#"
name = "kinds"
dir = "raw"
[source]
format = "csv"
[files]
train = "train.csv"
valid = "valid.csv"
test = "test.csv"
[[fields]]
name = ["user", "friend"]
type = "categorical"
table = "user"
[[fields]]
name = "item"
type = "categorical"
hash = { buckets = 1000, seed = 3 }
embedding = { dim = 6 }
[[fields]]
name = "page"
type = "categorical"
embedding = { dim = "auto", compress = { buckets = 5 } }
[[fields]]
name = "tags"
type = "categorical"
multi_hot = { pooling = "mean", weight_separator = ":" }
embedding = { dim = 3 }
[[fields]]
name = "words"
type = "categorical"
multi_hot = { separator = " ", pooling = "max" }
[[fields]]
name = "shop"
type = "categorical"
embedding = { dim = 2, frozen = true, pretrained = { file = "shops.csv" } }
[[fields]]
name = "price"
type = "numeric"
"#;

pub(crate) fn workspace() -> Workspace {
    let workspace = Workspace::new();
    for (name, seed, rows) in [("train", 1, 1500), ("valid", 2, 400), ("test", 3, 450)] {
        workspace.write(&format!("raw/{name}.csv"), &csv(seed, rows));
    }
    let shops: Vec<String> = (0..7).map(|shop| format!("s{shop},0.{shop},-0.{shop}")).collect();
    workspace.write("raw/shops.csv", &shops.join("\n"));
    workspace.write("dataset.toml", DATASET);
    workspace
}

fn csv(seed: u64, rows: u64) -> String {
    let mut text = String::from("label,user,friend,item,page,tags,words,shop,price\n");
    let mut state = seed;
    let mut next = |bound: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    for _ in 0..rows {
        let (user, item, page, shop) = (next(40), next(300), next(30), next(7));
        let chance = 10 + 40 * u64::from(user % 3 == 0) + 20 * u64::from(item % 4 == 1) + 20 * (page % 2);
        let label = u64::from(next(100) < chance);
        let tags: Vec<String> = (0..next(4)).map(|_| format!("t{}:{}.5", next(12), next(3))).collect();
        let words: Vec<String> = (0..next(3)).map(|_| format!("w{}", next(20))).collect();
        let (friend, price) = (next(45), next(9));
        let (tags, words) = (tags.join("|"), words.join(" "));
        writeln!(text, "{label},u{user},u{friend},i{item},p{page},{tags},{words},s{shop},0.{price}").unwrap();
    }
    text
}

#[test]
fn every_kind_of_table_gives_the_same_bits_for_any_number_of_threads() {
    let workspace = workspace();
    let first = workspace.train("first", &["--threads", "1", "--set", "loader.threads=1"]);
    assert!(first["result"]["test"]["auc"].as_f64().unwrap() > 0.55, "{first}");
    for threads in ["2", "4"] {
        let loader = format!("loader.threads={threads}");
        let run = workspace.train(&format!("threads-{threads}"), &["--threads", threads, "--set", &loader]);
        assert_eq!(digests(&run), digests(&first), "{threads}");
    }
    let inline = workspace.train("inline", &["--threads", "4", "--set", "loader.threads=0"]);
    assert_eq!(digests(&inline), digests(&first));
}

#[test]
fn a_saved_run_with_every_kind_of_table_predicts_as_it_was_tested() {
    let workspace = workspace();
    let run = workspace.train("run", &["--set", "training.epochs=1"]);
    let text = workspace.succeed(&["predict", "run", "raw/test.csv", "-o", "p.parquet"]);
    assert!(text.contains(run["result"]["prediction_digest"].as_str().unwrap()), "{text}");
    assert!(workspace.succeed(&["inspect", "run"]).contains("embedding.6"));
}

#[test]
fn dense_mode_and_logistic_regression_take_every_kind_of_table_too() {
    let workspace = workspace();
    let dense = ["--set", "embedding={dim=4, init_std=0.01, mode=\"dense\"}"];
    let run = |name: &str, threads: &str, set: &[&str]| {
        let arguments = [&["--threads", threads][..], set].concat();
        digests(&workspace.train(name, &arguments))
    };
    assert_eq!(run("dense-1", "1", &dense), run("dense-3", "3", &dense));
    let widths = ["dim = 6", "dim = \"auto\", ", "dim = 3", "dim = 2, ", ", pretrained = { file = \"shops.csv\" }"];
    let dataset = widths.iter().fold(DATASET.to_owned(), |text, width| text.replace(width, ""));
    workspace.write("dataset.toml", &dataset);
    let lr = ["--set", "model={type=\"lr\"}", "--set", "embedding.dim=1"];
    assert_eq!(run("lr-1", "1", &lr), run("lr-3", "3", &lr));
}

#[test]
fn keys_of_tables_are_checked_with_their_place() {
    let workspace = workspace();
    for (from, to, part) in [
        ("buckets = 1000", "bucket = 1000", "nearest known one is `buckets`"),
        ("buckets = 1000", "buckets = 0", "hash.buckets` is 0"),
        ("dim = 6", "dim = \"automatic\"", "expected a whole number or \"auto\""),
        ("dim = 6", "dim = 0", "embedding.dim` is 0"),
        ("pooling = \"max\"", "pooling = \"maxx\"", "nearest known one is `max`"),
        ("pooling = \"max\"", "pooling = \"max\", weight_separator = \":\"", "the largest element has no weight"),
        (
            "pooling = \"max\" }",
            "pooling = \"max\" }\nembedding = { compress = { buckets = 3 } }",
            "cannot be compressed",
        ),
        (
            "table = \"user\"",
            "table = \"user\"\nhash = { buckets = 5 }\nmin_count = 2",
            "a hashed field counts no values",
        ),
        (
            "name = \"item\"\n",
            "name = \"item\"\ntable = \"user\"\n",
            "the same `min_count`, `top_k`, `hash` and `embedding` as the field `user`",
        ),
        (
            "embedding = { dim = 2, frozen = true",
            "hash = { buckets = 9 }\nembedding = { dim = 2, frozen = true",
            "stand for no single value",
        ),
    ] {
        assert!(DATASET.contains(from), "{from}");
        workspace.write("dataset.toml", &DATASET.replacen(from, to, 1));
        workspace.fail(&["train", "config.toml"], &["dataset.toml:", part]);
    }
    workspace.write("dataset.toml", DATASET);
    workspace.fail(
        &["train", "config.toml", "--set", "model={type=\"lr\"}", "--set", "embedding.dim=1"],
        &["embedding", "lr"],
    );
}
