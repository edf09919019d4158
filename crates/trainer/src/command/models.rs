//! `ctr models`.
use std::fmt::Write as _;

use anyhow::Context;
use ctr_model::model::{ModelConfig, ModelInfo};
use serde_json::{Map, Value};

use crate::cli::ModelsArgs;
use crate::printer;

pub(super) fn run(args: &ModelsArgs) -> anyhow::Result<()> {
    let text = match &args.model {
        None => list()?,
        Some(name) => one(name)?,
    };
    printer::result(&text);
    Ok(())
}

/// All models, three lines each.
fn list() -> anyhow::Result<String> {
    let mut text = String::new();
    for info in ModelConfig::ALL {
        let table = table(info)?;
        let keys: Vec<&str> =
            table.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key).skip(1).collect();
        let keys = if keys.is_empty() { "none".to_owned() } else { keys.join(", ") };
        let _ = writeln!(text, "{}\n    {} [{}]\n    keys: {keys}", info.name, info.description, info.paper);
    }
    text.push_str("\n`ctr models NAME` shows the keys of a model as a `[model]` table to copy.");
    Ok(text)
}

/// One model as a `[model]` table to copy.
fn one(name: &str) -> anyhow::Result<String> {
    let info = ModelConfig::ALL.iter().find(|info| info.name == name).with_context(|| {
        let nearest = ModelConfig::ALL
            .iter()
            .map(|info| info.name)
            .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        format!("there is no model `{name}`; the nearest one is `{}` (`ctr models` lists all)", nearest.unwrap_or("lr"))
    })?;
    Ok(format!("# {}\n# {}\n[model]\n{}", info.description, info.paper, table(info)?.trim_end()))
}

/// The keys of a model with the values of its example or their defaults, one line each, in the order in which the model declares them.
fn table(info: &ModelInfo) -> anyhow::Result<String> {
    let mut table: Map<String, Value> = serde_json::from_str(info.example)?;
    table.insert("type".to_owned(), info.name.into());
    let config: ModelConfig = serde_json::from_value(table.into())?;
    Ok(toml::to_string(&config)?)
}
