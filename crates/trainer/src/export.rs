//! A trained model for other programs: its tensors as safetensors, and beside them what they mean, as JSON.
use std::path::Path;

use ctr_data::Schema;
use ctr_model::parameters;
use serde::Serialize;

use crate::checkpoint::{Checkpoint, tensors};
use crate::config::{EnsembleConfig, ModelConfig, Plan};
use crate::layouts::Layouts;
use crate::repro::{FileError, ParameterDigest, write_atomic, write_atomic_with};
use crate::run_folder::RunRecord;

/// Version of `model.json`.
const VERSION: u32 = 1;

/// The contents of `model.json`.
#[derive(Debug, Serialize)]
struct Sidecar<'a> {
    format: &'static str,
    version: u32,
    /// Name of the run.
    run: &'a str,
    /// Steps and whole epochs trained.
    steps: u64,
    epochs: usize,
    /// BLAKE3 of names, shapes and bits of all tensors, in the order of `tensors`.
    tensor_digest: String,
    plan_fingerprint: &'a str,
    dataset_digest: &'a str,
    encoder_digest: &'a str,
    /// The model's part of the config: that of each member, as wide as it is, where there are several.
    model: ModelConfig,
    /// How many of them there are, and what they predict together: the tensors of member m are named `members.m.` and, where each has tables
    /// of its own, `tables.NAME.member`m from member 1 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    ensemble: Option<EnsembleConfig>,
    /// How the tensors are to be read.
    conventions: [&'static str; 4],
    /// The categorical fields in the order of the model's input: field-local id i is row `first_row` + i.
    categorical: Vec<Categorical<'a>>,
    /// The tables that some fields alone look their rows up in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tables_of_some_fields: Vec<TableOfSomeFields>,
    /// The numeric fields in the order of the model's input, after the categorical ones.
    numeric: &'a [ctr_data::NumericField],
    tensors: Vec<TensorEntry<'a>>,
}

#[derive(Debug, Serialize)]
struct Categorical<'a> {
    name: &'a str,
    /// Among the rows of all fields: of a table `tables.NAME`.
    first_row: u64,
    /// Elements of its embedding.
    width: usize,
    /// Among the rows of the fields of its width: of a table `tables.NAME.WIDTH`, where fields have several widths.
    first_row_of_width: u64,
    ids: u64,
    /// m of a table compressed by quotient and remainder: id i has the rows ⌊i/m⌋ and ⌈ids/m⌉ + i mod m, none where it has row i.
    buckets: Option<u64>,
    /// Whether an example has a list of ids.
    multi_hot: bool,
}

#[derive(Debug, Serialize)]
struct TableOfSomeFields {
    tensor: String,
    /// The fields in the order of the gathered rows.
    fields: Vec<FieldRows>,
}

#[derive(Debug, Serialize)]
struct FieldRows {
    name: String,
    /// Field-local id i is row `first_row` + i of the tensor.
    first_row: u64,
}

#[derive(Debug, Serialize)]
struct TensorEntry<'a> {
    name: &'a str,
    shape: &'a [usize],
    kind: Kind,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// Updated by gradients.
    Parameter,
    /// Running mean or variance of a batch normalisation.
    Statistic,
    /// Embedding rows of all fields, or of some, one after another.
    Table,
}

const CONVENTIONS: [&str; 4] = [
    "every tensor is f32, little-endian, row-major",
    "linear.weight is [inputs, outputs]: y = x W + b, the transpose of torch.nn.Linear.weight",
    "batch norm: gamma, beta, running_mean, running_var; epsilon 1e-5",
    "the input of a perceptron is the embeddings of the categorical fields, one after another, then the numeric fields",
];

fn tables_of_some_fields(plan: &Plan, schema: &Schema, layouts: &Layouts) -> Vec<TableOfSomeFields> {
    let lookups = &layouts.lookups;
    let specs = plan.ensemble.tables(&plan.member_model(), layouts.input_shape(plan, schema), plan.embedding.init_std);
    let mut tables = Vec::new();
    for spec in &specs {
        let Some(named) = &spec.fields else { continue };
        // A plan that has been trained names fields that are there.
        for (name, rows) in lookups.parts(spec).unwrap_or_default() {
            let first = |field: usize| lookups.groups[lookups.fields[field].group].rows.start;
            let here = |field: &usize| named.contains(&lookups.names[*field]) && rows.contains(&first(*field));
            let fields = (0..lookups.fields.len())
                .filter(here)
                .map(|field| FieldRows { name: lookups.names[field].clone(), first_row: first(field) - rows.start });
            tables.push(TableOfSomeFields { tensor: format!("tables.{name}"), fields: fields.collect() });
        }
    }
    tables
}

/// Writes `model.safetensors` and `model.json` into a folder that exists.
///
/// # Errors
/// When a file cannot be written.
pub fn write(
    folder: &Path,
    checkpoint: &Checkpoint,
    plan: &Plan,
    schema: &Schema,
    record: &RunRecord,
) -> Result<(), FileError> {
    let layouts = Layouts::of_saved(plan, schema);
    let kind = |name: &str| match name {
        _ if name.starts_with("tables.") => Kind::Table,
        _ if parameters::is_statistic(name) => Kind::Statistic,
        _ => Kind::Parameter,
    };
    let mut digest = ParameterDigest::new();
    for parameter in &checkpoint.parameters {
        digest.add(&parameter.name, &parameter.shape, &parameter.values);
    }
    let sidecar = Sidecar {
        format: "ctr model",
        version: VERSION,
        run: &record.name,
        steps: checkpoint.steps,
        epochs: checkpoint.fit.epochs,
        tensor_digest: digest.finish().to_string(),
        plan_fingerprint: &record.plan,
        dataset_digest: &record.dataset_digest,
        encoder_digest: &record.encoder_digest,
        model: plan.member_model(),
        ensemble: (!plan.ensemble.is_single()).then_some(plan.ensemble),
        conventions: CONVENTIONS,
        categorical: schema
            .categorical
            .iter()
            .zip(&layouts.rows.fields)
            .map(|(field, rows)| {
                let (table, group) = (&layouts.rows.tables[rows.table], &layouts.lookups.groups[rows.table]);
                let mut groups = layouts.lookups.groups.iter();
                let first_of_width =
                    groups.find(|other| other.width == group.width).map_or(0, |first| first.rows.start);
                Categorical {
                    name: &field.name,
                    first_row: table.base,
                    width: group.width,
                    first_row_of_width: table.base - first_of_width,
                    ids: field.cardinality,
                    buckets: table.buckets,
                    multi_hot: rows.multi_hot.is_some(),
                }
            })
            .collect(),
        tables_of_some_fields: tables_of_some_fields(plan, schema, &layouts),
        numeric: &schema.numeric,
        tensors: checkpoint
            .parameters
            .iter()
            .map(|parameter| TensorEntry {
                name: &parameter.name,
                shape: &parameter.shape,
                kind: kind(&parameter.name),
            })
            .collect(),
    };
    write_atomic_with(&folder.join("model.safetensors"), |file| tensors::write(&checkpoint.parameters, file))?;
    // Last: who finds it finds the tensors.
    let path = folder.join("model.json");
    let mut text = serde_json::to_vec_pretty(&sidecar).map_err(|error| FileError::write(&path, 0, error.into()))?;
    text.push(b'\n');
    write_atomic(&path, &text)
}
