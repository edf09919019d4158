//! From the schema and the config to the rows of the tables and what each field looks up in them.
use std::collections::{BTreeMap, BTreeSet};

use ctr_data::config::{CategoricalConfig, Combine as Combining, FieldConfig, Pooling};
use ctr_data::{CategoricalField, RowLayout, Schema};
use ctr_model::embedding::{Combine, FieldLookup, LookupLayout, RowGroup};
use ctr_model::model::{EMBEDDING_TABLE, InputShape};

use crate::config::Plan;
use crate::learner::LearnerError;

/// How the loader and the tables number rows.
#[derive(Clone, Debug)]
pub struct Layouts {
    /// That of the loader.
    pub rows: RowLayout,
    /// That of the tables.
    pub lookups: LookupLayout,
}

impl Layouts {
    /// The layouts of a plan's tables; fields of one width lie side by side.
    #[must_use]
    pub fn new(plan: &Plan, schema: &Schema) -> Self {
        let fields = plan.data.dataset.resolved_fields();
        let configs: BTreeMap<&str, &CategoricalConfig> = fields
            .iter()
            .filter_map(|field| match field {
                FieldConfig::Categorical(config) => Some((config.names[0].as_str(), config)),
                FieldConfig::Numeric(_) => None,
            })
            .collect();
        let embedding = |field: &CategoricalField| configs.get(field.name.as_str()).map(|config| &config.embedding);
        let width = |field: &CategoricalField| {
            let dim = embedding(field).and_then(|embedding| embedding.dim);
            dim.map_or(plan.embedding.dim, |dim| dim.width(field.cardinality))
        };
        let widths: BTreeSet<usize> = schema.categorical.iter().map(width).collect();
        let compress = |field: &CategoricalField| embedding(field).and_then(|embedding| embedding.compress);
        let rows = schema.row_layout_by(|field| {
            (widths.range(..width(field)).count(), compress(field).map(|compress| compress.buckets))
        });
        let first_of = |table: &str| schema.categorical.iter().find(|field| field.table == table);
        let groups = rows
            .tables
            .iter()
            .map(|table| RowGroup {
                rows: table.base..table.base + table.rows(),
                width: first_of(&table.name).map_or(0, width),
                frozen: first_of(&table.name).and_then(embedding).is_some_and(|embedding| embedding.frozen),
            })
            .collect();
        let combine = |field: &CategoricalField| match (field.multi_hot, compress(field)) {
            (Some(list), _) if list.pooling == Pooling::Max => Combine::Max,
            (None, Some(compress)) if compress.combine == Combining::Multiply => Combine::Product,
            (None, None) => Combine::One,
            _ => Combine::Sum,
        };
        let fields = schema.categorical.iter().zip(&rows.fields);
        let fields = fields.map(|(field, rows)| FieldLookup { group: rows.table, combine: combine(field) }).collect();
        let mixed = widths.iter().any(|&width| width != plan.embedding.dim);
        let concatenated = mixed.then(|| EMBEDDING_TABLE.to_owned());
        Self { rows, lookups: LookupLayout { groups, fields, concatenated } }
    }

    /// The error that a field has another width than the run's, for models that need one width.
    #[must_use]
    pub fn another_width(&self, plan: &Plan, schema: &Schema) -> Option<LearnerError> {
        self.lookups.concatenated.as_ref()?;
        let mut fields = schema.categorical.iter().zip(&self.lookups.fields);
        let (field, width) = fields.find_map(|(field, lookup)| {
            let width = self.lookups.groups[lookup.group].width;
            (width != plan.embedding.dim).then_some((field, width))
        })?;
        Some(LearnerError::MixedWidths { field: field.name.clone(), width, dim: plan.embedding.dim })
    }

    /// The shape of the data that the model is built for: rows of several widths are one field of all widths together.
    #[must_use]
    pub fn input_shape(&self, plan: &Plan, schema: &Schema) -> InputShape {
        let (categorical, embedding_dim) = match self.lookups.concatenated {
            Some(_) => (1, self.lookups.total_width()),
            None => (schema.categorical.len(), plan.embedding.dim),
        };
        InputShape { categorical, numeric: schema.numeric.len(), embedding_dim }
    }
}
