//! The data sets that the repository describes.

use std::fs;
use std::path::Path;

use ctr_data::{DatasetConfig, Split};

use crate::workshop::parse;

fn configs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/datasets")
}

#[test]
fn every_configuration_is_valid_and_survives_serialising() {
    let mut count = 0;
    for entry in fs::read_dir(configs()).unwrap() {
        let path = entry.unwrap().path();
        let config: DatasetConfig = parse(&fs::read_to_string(&path).unwrap());
        config.validate().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(parse(&toml::to_string(&config).unwrap()), config, "{}", path.display());
        count += 1;
    }
    assert!(count >= 2);
}

/// The quickstart promises a model that comes within 0.005 of these bounds; they stand in its first lines.
#[test]
fn the_quickstart_s_best_auc_and_log_loss_are_as_stated() {
    let text = fs::read_to_string(configs().join("quickstart.toml")).unwrap();
    let mut rows = Vec::new();
    let source = parse(&text).open_source(Split::Test, Path::new("")).unwrap();
    source
        .read(&mut |row| {
            let row = row?;
            rows.push((row.true_probability.unwrap(), row.label.unwrap()));
            Ok(())
        })
        .unwrap();
    let log_loss =
        rows.iter().map(|&(p, click)| -(if click { p } else { 1.0 - p }).ln()).sum::<f64>() / rows.len() as f64;

    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "ties need the rank formula with halves");
    let clicks = rows.iter().filter(|(_, click)| *click).count() as f64;
    let ranks: f64 = rows.iter().enumerate().filter(|(_, (_, click))| *click).map(|(rank, _)| rank as f64 + 1.0).sum();
    let auc = (ranks - clicks * (clicks + 1.0) / 2.0) / (clicks * (rows.len() as f64 - clicks));

    let stated = format!("(Bayes AUC {auc:.3} on\n# these test rows, log loss {log_loss:.3})");
    assert!(text.contains(&stated), "the bounds are {stated}");
}
