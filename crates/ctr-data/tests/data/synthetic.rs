//! Generated data follow the law that their configuration states.

use ctr_data::{Dataset, Labels, Shards, Split, write_csv};

use crate::workshop::{Workshop, all_rows, parse, rows};

const CONFIG: &str = r#"
    name = "made"
    [source]
    format = "synthetic"
    seed = 5
    rows = { train = 40_000, valid = 2_000, test = 2_000 }
    bias = -0.5
    categorical = [
        { name = "item", cardinality = 200, exponent = 1.1, effect = 0.8 },
        { name = "city", cardinality = 20, exponent = 0.0, effect = 0.5 },
    ]
    numeric = [
        { name = "age", weight = 0.7 },
        { name = "price", distribution = "log_normal", weight = -0.4 },
        { name = "hour", distribution = "uniform", weight = 1.0 },
    ]
    interactions = [{ fields = ["item", "city"], rank = 3, effect = 0.6 }]
"#;

fn prepared(config: &str) -> Dataset {
    Workshop::empty().prepare(config).unwrap()
}

fn probabilities(shards: &Shards) -> Vec<f64> {
    (0..shards.len()).map(|row| shards.true_probability(row).unwrap()).collect()
}

#[test]
fn labels_are_drawn_with_the_stated_probability() {
    let dataset = prepared(CONFIG);
    let train = dataset.split(Split::Train);
    let mut by_probability: Vec<(f64, f64)> =
        probabilities(train).into_iter().enumerate().map(|(row, p)| (p, f64::from(train.label(row)))).collect();
    by_probability.sort_by(|a, b| a.0.total_cmp(&b.0));
    for part in by_probability.chunks(by_probability.len() / 8) {
        let expected: f64 = part.iter().map(|(p, _)| p).sum();
        let variance: f64 = part.iter().map(|(p, _)| p * (1.0 - p)).sum();
        let clicks: f64 = part.iter().map(|(_, label)| label).sum();
        assert!((clicks - expected).abs() < 4.5 * variance.sqrt(), "{clicks} clicks where {expected} were expected");
    }
    let spread = by_probability[by_probability.len() * 9 / 10].0 - by_probability[by_probability.len() / 10].0;
    assert!(spread > 0.3, "probabilities hardly differ: {spread}");
}

#[test]
fn values_follow_their_power_law() {
    let workshop = Workshop::empty();
    let dataset = workshop.prepare(CONFIG).unwrap();
    let train = dataset.split(Split::Train);
    let encoder = dataset.encoder().unwrap();
    let total: f64 = (1..=200).map(|k| f64::from(k).powf(-1.1)).sum();
    for rank in [1, 2, 5, 20] {
        let id = (1..=200).find(|&id| encoder.value(0, id) == Some(&(rank - 1).to_string())).unwrap();
        let count = (0..train.len()).filter(|&row| train.categorical(row)[0] == id).count() as f64;
        let p = f64::from(rank).powf(-1.1) / total;
        let rows = train.len() as f64;
        assert!((count - rows * p).abs() < 4.5 * (rows * p * (1.0 - p)).sqrt(), "rank {rank}: {count} of {}", rows * p);
    }
}

#[test]
fn seeds_and_splits_differ_and_repeat() {
    let first = prepared(CONFIG);
    assert_eq!(all_rows(&first), all_rows(&prepared(CONFIG)));
    let other = prepared(&CONFIG.replace("seed = 5", "seed = 6"));
    assert_ne!(rows(first.split(Split::Valid)), rows(other.split(Split::Valid)));
    assert_ne!(rows(first.split(Split::Valid)), rows(first.split(Split::Test)));
    // The first rows of a longer split are the rows of a shorter one.
    let longer = prepared(&CONFIG.replace("test = 2_000", "test = 3_000"));
    assert_eq!(rows(longer.split(Split::Test))[..2000], rows(first.split(Split::Test)));
}

/// The bits are the same on every platform: published results rest on them.
#[test]
fn the_rows_are_pinned() {
    let dataset = prepared(&CONFIG.replace("train = 40_000", "train = 1_000"));
    assert_eq!(dataset.digest(), "884c18fc656abb79e3820c381ceeedb8cf5b3a1c5bfaffa135a631b940b5e53d");
}

#[test]
fn exported_rows_are_the_generated_ones() {
    let workshop = Workshop::empty();
    let dataset = workshop.prepare(CONFIG).unwrap();
    for split in Split::ALL {
        let source = parse(CONFIG).open_source(split, &workshop.raw("")).unwrap();
        write_csv(source.as_ref(), &workshop.raw(split.name())).unwrap();
    }
    let encoded = workshop.encode(&dataset.encoder().unwrap(), &workshop.raw("test"), Labels::Required).unwrap();
    assert_eq!(rows(&encoded), rows(dataset.split(Split::Test)));
    let fields = r#"
        name = "read_back"
        source = { format = "csv", true_probability = "true_probability" }
        files = { train = "train", valid = "valid", test = "test" }
        fields = [{ name = ["item", "city"], type = "categorical" }, { name = ["age", "price", "hour"], type = "numeric" }]
    "#;
    assert_eq!(all_rows(&workshop.prepare(fields).unwrap()), all_rows(&dataset));
}

#[test]
fn configurations_that_cannot_be_generated() {
    let cases = [
        ("cardinality = 200", "cardinality = 0", "source.categorical.item.cardinality"),
        ("exponent = 1.1", "exponent = -1.0", "source.categorical.item.exponent"),
        ("effect = 0.8", "effect = nan", "source.categorical.item.effect"),
        ("weight = 0.7", "weight = inf", "source.numeric.age.weight"),
        ("valid = 2_000", "valid = 0", "source.rows.valid"),
        ("[\"item\", \"city\"]", "[\"item\", \"age\"]", "source.interactions.fields"),
        ("rank = 3", "rank = 0", "source.interactions.rank"),
        ("\"age\"", "\"city\"", "source"),
    ];
    for (good, bad, key) in cases {
        assert!(CONFIG.contains(good));
        let message = parse(&CONFIG.replace(good, bad)).validate().unwrap_err().to_string();
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
    let mistyped = format!("{CONFIG}\n[[fields]]\nname = \"item\"\ntype = \"numeric\"");
    let message = parse(&mistyped).validate().unwrap_err().to_string();
    assert!(message.contains("`fields.item.type`") && message.contains("expected categorical"), "{message}");
}
