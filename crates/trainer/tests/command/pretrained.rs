//! Rows from files: CSV, Parquet and safetensors.
use std::fs;
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use safetensors::tensor::{Dtype, TensorView};

use crate::tables::{DATASET, workspace};
use crate::workspace::{Workspace, digests};

const SHOPS: usize = 7;

fn digest(workspace: &Workspace, name: &str) -> String {
    digests(&workspace.train(name, &["--set", "training.epochs=1"]))[0].clone()
}

/// Gives the field another file of rows.
fn give(workspace: &Workspace, pretrained: &str) {
    let from = "pretrained = { file = \"shops.csv\" }";
    assert!(DATASET.contains(from));
    workspace.write("dataset.toml", &DATASET.replacen(from, &format!("pretrained = {pretrained}"), 1));
}

fn values() -> Vec<String> {
    (0..SHOPS).map(|shop| format!("s{shop}")).collect()
}

/// The numbers of the CSV file.
fn numbers() -> Vec<[f32; 2]> {
    (0..SHOPS).map(|shop| [format!("0.{shop}").parse().unwrap(), format!("-0.{shop}").parse().unwrap()]).collect()
}

fn texts() -> Vec<ByteArray> {
    values().iter().map(|value| ByteArray::from(value.as_str())).collect()
}

fn parquet_columns() -> Vec<u8> {
    let schema = "message rows { required binary shop (UTF8); required float x; required double y; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(), None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let x: Vec<f32> = numbers().iter().map(|row| row[0]).collect();
    column.typed::<FloatType>().write_batch(&x, None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let y: Vec<f64> = numbers().iter().map(|row| f64::from(row[1])).collect();
    column.typed::<DoubleType>().write_batch(&y, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn parquet_lists() -> Vec<u8> {
    let schema = "message rows { required binary shop (UTF8);
        required group row (LIST) { repeated group list { required float element; } } }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&texts(), None, None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let (levels, repeats) = (vec![1; 2 * SHOPS], [0, 1].repeat(SHOPS));
    column.typed::<FloatType>().write_batch(&numbers().concat(), Some(&levels), Some(&repeats)).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn safetensors(names: &[&str]) -> Vec<u8> {
    let bytes: Vec<u8> = numbers().concat().iter().flat_map(|number| number.to_le_bytes()).collect();
    let view = || TensorView::new(Dtype::F32, vec![SHOPS, 2], &bytes).unwrap();
    safetensors::serialize(names.iter().map(|name| (*name, view())), None).unwrap()
}

#[test]
fn every_format_gives_the_same_rows() {
    let workspace = workspace();
    let csv = digest(&workspace, "csv");
    fs::write(workspace.path("raw/columns.parquet"), parquet_columns()).unwrap();
    fs::write(workspace.path("raw/lists.parquet"), parquet_lists()).unwrap();
    fs::write(workspace.path("raw/one.safetensors"), safetensors(&["weight"])).unwrap();
    fs::write(workspace.path("raw/two.safetensors"), safetensors(&["weight", "other"])).unwrap();
    workspace.write("raw/shops.txt", &values().join("\n"));
    for (run, pretrained) in [
        ("columns", "{ file = \"columns.parquet\" }"),
        ("lists", "{ file = \"lists.parquet\" }"),
        ("one", "{ file = \"one.safetensors\", values = \"shops.txt\" }"),
        ("two", "{ file = \"two.safetensors\", tensor = \"other\", values = \"shops.txt\" }"),
    ] {
        give(&workspace, pretrained);
        assert_eq!(digest(&workspace, run), csv, "{run}");
    }
}

#[test]
fn what_is_wrong_with_parquet_and_safetensors_is_told() {
    let workspace = workspace();
    fs::write(workspace.path("raw/shops.parquet"), parquet_columns()).unwrap();
    fs::write(workspace.path("raw/shops.safetensors"), safetensors(&["weight", "other"])).unwrap();
    fs::write(workspace.path("raw/cut.safetensors"), &safetensors(&["weight"])[..40]).unwrap();
    fs::write(workspace.path("raw/cut.parquet"), &parquet_columns()[..40]).unwrap();
    workspace.write("raw/shops.txt", &values().join("\n"));
    workspace.write("raw/short.txt", "s1\ns2\n");
    for (pretrained, parts) in [
        ("{ file = \"cut.parquet\" }", ["cut.parquet", "cannot read"]),
        ("{ file = \"cut.safetensors\", values = \"shops.txt\" }", ["cut.safetensors", "cannot read"]),
        (
            "{ file = \"shops.safetensors\", values = \"shops.txt\" }",
            ["found 2 tensors", "embedding.pretrained.tensor"],
        ),
        (
            "{ file = \"shops.safetensors\", values = \"shops.txt\", tensor = \"weigth\" }",
            ["found the tensors other, weight", "one that is called `weigth`"],
        ),
        (
            "{ file = \"shops.safetensors\", values = \"short.txt\", tensor = \"weight\" }",
            ["found F32 of shape [7, 2]", "F32 of shape [2, 2]"],
        ),
        ("{ file = \"shops.safetensors\" }", ["dataset.toml:", "pretrained.values` is \"absent\""]),
        ("{ file = \"shops.csv\", values = \"shops.txt\" }", ["dataset.toml:", "ends in `.safetensors`"]),
        ("{ file = \"shops.csv\", tensor = \"weight\" }", ["dataset.toml:", "ends in `.safetensors`"]),
        ("{ file = \"shops.csv\", blake3 = \"12\" }", ["dataset.toml:", "64 hexadecimal digits"]),
        ("{ file = \"absent.parquet\" }", ["dataset.toml:", "absent.parquet"]),
    ] {
        give(&workspace, pretrained);
        workspace.fail(&["train", "config.toml", "--run-dir", "run"], &parts);
        assert!(!workspace.path("run").exists(), "{pretrained}");
    }
    workspace.write(
        "dataset.toml",
        &DATASET.replace("dim = 2, frozen", "dim = 3, frozen").replace("shops.csv", "shops.parquet"),
    );
    workspace
        .fail(&["train", "config.toml"], &["shops.parquet", "row 1: found 2 numbers, expected a value and 3 numbers"]);
}

#[test]
fn a_run_goes_on_with_the_content_it_was_planned_with_only() {
    let workspace = workspace();
    let resume = ["train", "config.toml", "--run-dir", "run", "--resume", "auto", "--set", "training.epochs=1"];
    workspace.succeed(&resume);
    // The same content again is the same run.
    let shops = workspace.read("raw/shops.csv");
    workspace.write("raw/shops.csv", &shops);
    workspace.succeed(&resume);
    workspace.write("raw/shops.csv", &shops.replace("s3,0.3", "s3,0.7"));
    workspace.fail(&resume, &["plan fingerprint", "another `--run-dir`"]);
    // What the run saved names the digest: its replay refuses other content, and its predictions need no file.
    workspace.fail(&["train", "run/config.toml", "--run-dir", "again"], &["shops.csv", "embedding.pretrained.blake3"]);
    fs::remove_file(workspace.path("raw/shops.csv")).unwrap();
    workspace.succeed(&["predict", "run", "raw/test.csv", "-o", "p.parquet"]);
}

#[test]
fn frozen_pretrained_rows_stay_as_they_were_read() {
    let workspace = workspace();
    let first = digest(&workspace, "first");
    // The same rows in another order, and a value that the data do not hold.
    let shops = workspace.read("raw/shops.csv");
    let reversed: Vec<&str> = shops.lines().rev().chain(["unseen,9,9"]).collect();
    workspace.write("raw/shops.csv", &reversed.join("\n"));
    assert_eq!(digest(&workspace, "reversed"), first);
    workspace.write("raw/shops.csv", &shops.replace("s3,0.3", "s3,0.7"));
    assert_ne!(digest(&workspace, "changed"), first);
}

#[test]
fn what_is_wrong_with_pretrained_rows_is_told() {
    let workspace = workspace();
    for (text, part) in [
        ("s1,1,2\ns2,1\n", "line 2: found 2 columns, expected a value and 2 numbers"),
        ("s1,1,x\n", "line 1: found \"x\", expected a finite number"),
        ("s1,1,inf\n", "expected a finite number"),
        ("z,1,2\n", "none of its 1 values is in the vocabulary of the table `shop`"),
    ] {
        workspace.write("raw/shops.csv", text);
        workspace.fail(&["train", "config.toml", "--run-dir", "run"], &["shops.csv", part]);
        assert!(!workspace.path("run").exists());
    }
    fs::remove_file(workspace.path("raw/shops.csv")).unwrap();
    workspace.fail(&["train", "config.toml"], &["shops.csv", "a file that can be read"]);
}
