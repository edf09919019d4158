//! The models of `configs/frappe_x1` and `configs/movielenslatest_x1` have as many parameters as the BARS benchmark logged for them.
use std::path::Path;

use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use ctr_model::embedding::TableSpec;
use ctr_model::init::{self, Initializer};
use ctr_model::model::{InputShape, ModelConfig};
use ctr_model::parameters;
use serde::Deserialize;

/// A run config, as far as it matters here.
#[derive(Deserialize)]
struct RunConfig {
    model: ModelConfig,
}

/// A data set: its fields and the rows of its tables, ids for unseen values included.
struct Dataset {
    folder: &'static str,
    fields: usize,
    rows: usize,
    /// The logged count of each config.
    counts: &'static [(&'static str, usize)],
}

/// Rows of the fields of Frappe that gates look up, the one for unseen values included.
const USERS: usize = 955;
const ITEMS: usize = 4083;

const DATASETS: [Dataset; 2] = [
    Dataset {
        folder: "frappe_x1",
        fields: 10,
        rows: 5389,
        counts: &[
            ("lr", 5_390),
            ("fm", 59_280),
            ("ffm", 490_400),
            ("fwfm", 107_826),
            ("fmfm", 59_730),
            ("afm", 60_826),
            ("dnn", 417_891),
            ("ipnn", 433_491),
            ("wide_deep", 423_280),
            ("deepfm", 423_280),
            ("nfm", 384_880),
            ("dcn", 418_591),
            ("cross_network", 55_191),
            ("dcn_v2", 458_391),
            ("cross_network_v2", 94_391),
            ("cin", 147_984),
            ("xdeepfm", 429_809),
            ("autoint", 306_051),
            ("autoint_plus", 622_180),
            ("fibinet", 743_480),
            ("afn", 4_066_711),
            ("afn_plus", 4_482_205),
            ("masknet", 571_691),
            ("edcn", 86_351),
        ],
    },
    Dataset {
        folder: "movielenslatest_x1",
        fields: 3,
        rows: 90_239,
        counts: &[
            ("lr", 90_240),
            ("fm", 992_630),
            ("ffm", 1_895_020),
            ("fwfm", 1_804_784),
            ("fmfm", 992_660),
            ("afm", 992_832),
            ("dnn", 1_238_391),
            ("ipnn", 1_237_191),
            ("wide_deep", 1_328_630),
            ("deepfm", 1_328_630),
            ("nfm", 1_318_230),
            ("dcn", 1_238_661),
            ("cross_network", 902_841),
            ("dcn_v2", 1_243_071),
            ("cross_network_v2", 909_861),
            ("cin", 1_002_390),
            ("xdeepfm", 1_351_767),
            ("autoint", 1_047_798),
            ("autoint_plus", 1_383_799),
            ("fibinet", 1_340_790),
            ("afn", 2_506_797),
            ("afn_plus", 3_742_791),
            ("masknet", 2_624_541),
            ("edcn", 904_701),
        ],
    },
];

/// The parameters of a model with tables of `rows` rows, of which `rows_of` gives those of a single field.
fn count(config: &ModelConfig, shape: InputShape, rows: usize, rows_of: impl Fn(&str) -> usize) -> usize {
    let rows = |table: &TableSpec| match &table.fields {
        Some(fields) => fields.iter().map(|field| rows_of(field)).sum(),
        None => rows,
    };
    let tables: usize = config.tables(shape, 1e-4).iter().map(|table| rows(table) * table.width).sum();
    let init = Initializer::new(1, &FlexDevice);
    let dense = parameters::count_trainable(&config.init::<Flex>(shape, init));
    // Small parameters that no initialiser makes are left out, running statistics are in.
    let measured = init::measured(|| config.init::<Flex>(shape, init)) as usize;
    assert!(measured.abs_diff(dense) <= dense / 20 + 8, "{measured} numbers measured, {dense} made");
    tables + dense
}

#[test]
fn parameter_counts_equal_the_published_ones() {
    for dataset in DATASETS {
        let shape = InputShape { categorical: dataset.fields, numeric: 0, embedding_dim: 10 };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs").join(dataset.folder);
        let mut left: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        for &(name, expected) in dataset.counts {
            let text = std::fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
            let RunConfig { model } = toml::from_str(&text).unwrap();
            model.check(shape).unwrap();
            let none = |field: &str| panic!("{name} has a table for {field}");
            assert_eq!(count(&model, shape, dataset.rows, none), expected, "{}/{name}", dataset.folder);
            left.retain(|config| config != name);
        }
        // FinalMLP was run by a later version, whose tables have a row for padding in each field. Its gates on Frappe look up tables of
        // their own.
        let text = std::fs::read_to_string(folder.join("finalmlp.toml")).unwrap();
        let RunConfig { model } = toml::from_str(&text).unwrap();
        let rows_of = |field: &str| match field {
            "user" => USERS + 1,
            "item" => ITEMS + 1,
            _ => panic!("a gate looks up {field}"),
        };
        let expected = if dataset.fields == 10 { 253_392 } else { 1_040_902 };
        assert_eq!(count(&model, shape, dataset.rows + dataset.fields, rows_of), expected, "{}", dataset.folder);
        left.retain(|config| config != "finalmlp");
        assert_eq!(left, [""; 0], "configs of {} without a count", dataset.folder);
    }
}
