//! From the schema and the config to the rows of the tables and what each field looks up in them.
use std::collections::{BTreeMap, BTreeSet};

use ctr_data::config::{CategoricalConfig, Combine as Combining, Dim, FieldConfig, Pooling};
use ctr_data::{CategoricalField, RowLayout, Schema};
use ctr_model::embedding::{Combine, FieldLookup, LookupLayout, RowGroup};
use ctr_model::model::{EMBEDDING_TABLE, InputShape, ModelConfig};

use crate::config::Plan;
use crate::learner::LearnerError;

/// How the loader and the tables number rows.
#[derive(Clone, Debug)]
pub struct Layouts {
    /// That of the loader.
    pub rows: RowLayout,
    /// That of the tables.
    pub lookups: LookupLayout,
    /// Width of the embedding of each categorical field, \[F\].
    pub widths: Vec<usize>,
}

impl Layouts {
    /// The layouts of a plan's tables; rows of one width lie side by side.
    ///
    /// # Errors
    /// Widths that the model or a field's compression has no use for.
    pub fn new(plan: &Plan, schema: &Schema) -> Result<Self, LearnerError> {
        let layouts = Self::of_saved(plan, schema);
        let mut fields = schema.categorical.iter().zip(&layouts.widths).zip(&layouts.lookups.fields);
        if let Some(((field, &width), _)) =
            fields.find(|((_, width), lookup)| lookup.combine == Combine::Concatenate && *width % 2 == 1)
        {
            return Err(LearnerError::OddWidth { field: field.name.clone(), width });
        }
        let first = layouts.widths.first().copied().unwrap_or_default();
        let other = schema.categorical.iter().zip(&layouts.widths).find(|(_, width)| **width != first);
        if let Some((field, &width)) = other
            && !plan.model.concatenates()
            && !plan.model.projects()
        {
            let (field, model) = (field.name.clone(), plan.model.name());
            return Err(LearnerError::MixedWidths { field, width, dim: first, model });
        }
        Ok(layouts)
    }

    /// The layouts of a plan that has been trained.
    #[must_use]
    pub fn of_saved(plan: &Plan, schema: &Schema) -> Self {
        let fields = plan.data.dataset.resolved_fields();
        let configs: BTreeMap<&str, &CategoricalConfig> = fields
            .iter()
            .filter_map(|field| match field {
                FieldConfig::Categorical(config) => Some((config.names[0].as_str(), config)),
                FieldConfig::Numeric(_) => None,
            })
            .collect();
        let embedding = |field: &CategoricalField| configs.get(field.name.as_str()).map(|config| &config.embedding);
        let compress = |field: &CategoricalField| embedding(field).and_then(|embedding| embedding.compress);
        // A single weight is no row that could be halved.
        let concatenates = |field: &CategoricalField| {
            compress(field).is_some_and(|compress| compress.combine == Combining::Concatenate)
                && !matches!(plan.model, ModelConfig::Lr(_))
        };
        let width = |field: &CategoricalField| {
            let dim = embedding(field).and_then(|embedding| embedding.dim).unwrap_or(plan.embedding.dim);
            let width = dim.width(field.cardinality);
            if dim == Dim::Auto && concatenates(field) { width.next_multiple_of(2) } else { width }
        };
        let row_width = |field: &CategoricalField| width(field) / if concatenates(field) { 2 } else { 1 };
        let row_widths: BTreeSet<usize> = schema.categorical.iter().map(row_width).collect();
        let rows = schema.row_layout_by(|field| {
            (row_widths.range(..row_width(field)).count(), compress(field).map(|compress| compress.buckets))
        });
        let first_of = |table: &str| schema.categorical.iter().find(|field| field.table == table);
        let groups = rows
            .tables
            .iter()
            .map(|table| RowGroup {
                rows: table.base..table.base + table.rows(),
                width: first_of(&table.name).map_or(0, row_width),
                frozen: first_of(&table.name).and_then(embedding).is_some_and(|embedding| embedding.frozen),
            })
            .collect();
        let combine = |field: &CategoricalField| match (field.multi_hot, compress(field)) {
            (Some(list), _) if list.pooling == Pooling::Max => Combine::Max,
            (None, Some(compress)) if compress.combine == Combining::Multiply => Combine::Product,
            (None, Some(_)) if concatenates(field) => Combine::Concatenate,
            (None, None) => Combine::One,
            _ => Combine::Sum,
        };
        let fields = schema.categorical.iter().zip(&rows.fields);
        let fields = fields.map(|(field, rows)| FieldLookup { group: rows.table, combine: combine(field) }).collect();
        let widths: Vec<usize> = schema.categorical.iter().map(width).collect();
        let full = widths.iter().copied().max();
        let mixed = row_widths.iter().any(|width| Some(*width) != full);
        let concatenated = mixed.then(|| EMBEDDING_TABLE.to_owned());
        let names = schema.categorical.iter().map(|field| field.name.clone()).collect();
        Self { rows, lookups: LookupLayout { groups, fields, names, concatenated }, widths }
    }

    /// The widths of the fields, where they differ and the model needs one: narrower fields are projected to the widest.
    #[must_use]
    pub fn projected(&self, plan: &Plan) -> Option<&[usize]> {
        (self.is_mixed() && !plan.model.concatenates()).then_some(&self.widths)
    }

    /// The shape of the data that the model is built for: rows of several widths that are concatenated are one field of all widths together.
    #[must_use]
    pub fn input_shape(&self, plan: &Plan, schema: &Schema) -> InputShape {
        let (categorical, embedding_dim) = if self.is_mixed() && plan.model.concatenates() {
            (1, self.widths.iter().sum())
        } else {
            let of_no_field = match plan.embedding.dim {
                Dim::Fixed(width) => width,
                Dim::Auto => 1,
            };
            (schema.categorical.len(), self.widths.iter().copied().max().unwrap_or(of_no_field))
        };
        InputShape { categorical, numeric: schema.numeric.len(), embedding_dim }
    }

    fn is_mixed(&self) -> bool {
        self.widths.windows(2).any(|pair| pair[0] != pair[1])
    }
}
