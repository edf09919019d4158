//! Why a loss is no number: the first place in the step where a number is not finite.
use std::fmt;

use burn::module::AutodiffModule;
use burn::tensor::Tensor;
use ctr_data::HostBatch;
use ctr_model::model::{CtrModel, ModelInput};
use ctr_model::probe::{self, Sight, Site};
use ctr_model::{ModelBackend, Pass, parameters};

use crate::learner::{Learner, lookups};
use crate::repro::replica_seed;
use crate::step::numeric;
use crate::step::replicas::shares;

/// Where the first number of a step that is not finite stands, in the order of the computation.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// In a parameter, since the update before.
    Parameter {
        /// The parameter.
        name: String,
        /// Which of its elements, in row-major order.
        element: usize,
    },
    /// In a row of an embedding table, since the update before.
    EmbeddingRow {
        /// The table.
        table: String,
        /// The row.
        row: u64,
        /// Rows of the training split that look it up.
        rows: Vec<u64>,
    },
    /// In the numeric fields.
    Numeric {
        /// Rows of the training split.
        rows: Vec<u64>,
    },
    /// In what a hidden layer's activation is applied to, or in what it returns: parameters and inputs are finite, their product is not.
    Layer {
        /// The number of the layer in the model, from 0.
        layer: u32,
        /// Whether it is what the activation returns.
        activation: bool,
        /// Rows of the training split.
        rows: Vec<u64>,
    },
    /// In the logits.
    Logits {
        /// Rows of the training split.
        rows: Vec<u64>,
    },
    /// In the sum of the losses alone.
    Loss,
}

/// Rows named at most.
const NAMED: usize = 8;

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |rows: &[u64]| {
            let first: Vec<String> = rows.iter().take(NAMED).map(u64::to_string).collect();
            let more = if rows.len() > NAMED { format!(" and {} more", rows.len() - NAMED) } else { String::new() };
            format!("training row{} {}{more}", if rows.len() == 1 { "" } else { "s" }, first.join(", "))
        };
        match self {
            Self::Parameter { name, element } => {
                write!(f, "the parameter `{name}` (element {element}), since the update before")
            }
            Self::EmbeddingRow { table, row, rows } => {
                write!(f, "row {row} of the table `{table}`, since an update before, looked up by {}", named(rows))
            }
            Self::Numeric { rows } => write!(f, "the numeric fields of {}", named(rows)),
            Self::Layer { layer, activation, rows } => {
                let what = if *activation { "the activation" } else { "the pre-activation" };
                write!(f, "{what} of hidden layer {layer} for {}", named(rows))
            }
            Self::Logits { rows } => write!(f, "the logit of {}", named(rows)),
            Self::Loss => f.write_str("the mean of the losses"),
        }
    }
}

/// Looks for the first number that is not finite, in a learner whose step with this batch gave a loss that is none.
#[must_use]
pub fn diagnose<B: ModelBackend>(learner: &Learner<B>, batch: &HostBatch) -> Cause {
    // Running statistics have taken in the batch already: they are no cause.
    let dense = parameters::collect(&learner.model);
    for parameter in dense.iter().filter(|parameter| !parameters::is_statistic(&parameter.name)) {
        if let Some(element) = parameter.values.iter().position(|value| !value.is_finite()) {
            return Cause::Parameter { name: parameter.name.clone(), element };
        }
    }
    let size = batch.labels.len();
    let rows = broken_examples(&batch.numeric, &batch.examples);
    if !rows.is_empty() {
        return Cause::Numeric { rows };
    }
    if let Some(cause) = broken_row(learner, batch) {
        return cause;
    }
    let embeddings: Vec<Tensor<B, 3>> = learner.tables.gather(lookups(&batch.plan), size, &learner.device);
    let numeric = numeric::<B>(batch, &learner.device);
    let shares = shares(size, learner.replicas.len()).enumerate();
    let mut causes = shares.filter_map(|(replica, share)| {
        let input = ModelInput {
            embeddings: embeddings.iter().map(|rows| rows.clone().slice(share.clone())).collect(),
            numeric: numeric.as_ref().map(|numeric| numeric.clone().slice(share.clone())),
        };
        let dropout_seed = replica_seed(learner.dropout_seed, replica);
        broken_layer(learner, input, Pass::Train { dropout_seed, step: learner.steps }, &batch.examples[share])
    });
    causes.next().unwrap_or(Cause::Loss)
}

/// Those of the examples that have a number which is not finite among theirs; `values` are as many for each.
fn broken_examples(values: &[f32], examples: &[u64]) -> Vec<u64> {
    let rows = values.chunks_exact((values.len() / examples.len()).max(1)).zip(examples);
    rows.filter(|(values, _)| values.iter().any(|value| !value.is_finite())).map(|(_, &row)| row).collect()
}

/// The first layer of a forward pass, or its logits, with a number that is not finite; `examples` are those of the input.
fn broken_layer<B: ModelBackend>(
    learner: &Learner<B>,
    input: ModelInput<B>,
    pass: Pass,
    examples: &[u64],
) -> Option<Cause> {
    let (logits, sights) = probe::watch(|| learner.model.valid().forward(input, pass));
    for Sight { layer, site, values, .. } in sights {
        let rows = broken_examples(&values, examples);
        if !rows.is_empty() {
            return Some(Cause::Layer { layer, activation: site == Site::Activation, rows });
        }
    }
    let rows = broken_examples(&logits.into_data().iter::<f32>().collect::<Vec<_>>(), examples);
    (!rows.is_empty()).then_some(Cause::Logits { rows })
}

/// The first embedding row of the batch with a number that is not finite.
fn broken_row<B: ModelBackend>(learner: &Learner<B>, batch: &HostBatch) -> Option<Cause> {
    let plan = &batch.plan;
    let slots = if plan.bags.is_empty() { plan.inverse.len() } else { plan.bags.len() - 1 };
    let fields = (slots / batch.labels.len()).max(1);
    let slot = |lookup: u32| match plan.bags.as_slice() {
        [] => lookup as usize,
        bags => bags.partition_point(|&start| start <= lookup) - 1,
    };
    for table in learner.tables().tables() {
        let range = table.row_range();
        for (place, &row) in plan.rows.iter().enumerate().filter(|(_, row)| range.contains(row)) {
            if table.row((row - range.start) as usize).iter().all(|weight| weight.is_finite()) {
                continue;
            }
            let lookups = &plan.order[plan.offsets[place] as usize..plan.offsets[place + 1] as usize];
            let mut rows: Vec<u64> = lookups.iter().map(|&lookup| batch.examples[slot(lookup) / fields]).collect();
            rows.dedup();
            return Some(Cause::EmbeddingRow { table: table.name().to_owned(), row, rows });
        }
    }
    None
}
