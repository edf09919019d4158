//! All tables of a model.
use std::fmt::Write;
use std::ops::Range;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::gather::gather_slots;
use super::layout::{Combine, LookupLayout};
use super::segment::{looked_up, segment_slots};
use super::update::Rows;
use super::{
    EmbeddingTable, Lookups, TableError, TableSpec, UpdateRule, UpdateScope, gather, norm, segment_sum, update,
};
use crate::optim::UpdateStep;

/// The tables of a model, which share their rows' numbering, and how they are updated.
#[derive(Debug)]
pub struct EmbeddingTables {
    pub(super) tables: Vec<EmbeddingTable>,
    /// The rows of each field, where there is one table with rows of its own for each field, one of which it looks up; otherwise none.
    pub(super) field_rows: Vec<Range<u64>>,
    /// The rows of each table that are updated.
    trainable: Vec<Vec<Range<u64>>>,
    outputs: Vec<Output>,
    rule: UpdateRule,
}

/// The tensor that a specification's rows are gathered into.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// The tables with the rows of the specification.
    tables: Range<usize>,
    /// Whether lookup n is slot n, and every slot has the one width of the one table.
    plain: bool,
    /// Whether the fields of an example follow one another, each with the width of its rows, instead of [B, F, D].
    concatenated: bool,
    /// Elements of an example.
    pub(super) width: usize,
    /// The fields of an example, `None` for those that look nothing up here; not known, and not needed, where the output is plain.
    pub(super) slots: Vec<Option<SlotOutput>>,
}

/// Where the combined row of a field goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlotOutput {
    /// Its table.
    pub(super) table: usize,
    pub(super) offset: usize,
    pub(super) width: usize,
    pub(super) combine: Combine,
}

impl Output {
    /// The widths of the fields that look something up here.
    fn widths(&self) -> impl Iterator<Item = usize> {
        self.slots.iter().flatten().map(|slot| slot.width)
    }

    /// Whether the fields have several widths.
    fn is_mixed(&self) -> bool {
        self.widths().any(|width| Some(width) != self.widths().next())
    }

    /// Whether some fields look nothing up here.
    fn is_partial(&self) -> bool {
        self.slots.iter().any(Option::is_none)
    }

    pub(super) fn widest(&self) -> usize {
        self.widths().max().unwrap_or(0)
    }
}

/// The gradient of each touched row, for each table.
#[derive(Clone, Debug)]
pub struct RowGradients {
    per_table: Vec<TableGradients>,
}

#[derive(Clone, Debug)]
struct TableGradients {
    /// The touched rows, ascending; `None` stands for those that the table has among the rows of the plan.
    rows: Option<Vec<u64>>,
    /// [U, D].
    grads: Vec<f32>,
}

impl RowGradients {
    /// Those of the rows of the only table, [U, D].
    pub(super) fn of_one_table(grads: Vec<f32>) -> Self {
        Self { per_table: vec![TableGradients { rows: None, grads }] }
    }
}

impl TableGradients {
    /// Those of the rows that are marked.
    fn of_some(rows: &[u64], grads: &[f32], width: usize, marked: &[bool]) -> Self {
        let kept = || rows.iter().zip(grads.chunks_exact(width)).zip(marked).filter(|(_, marked)| **marked);
        let rows = kept().map(|((row, _), _)| *row).collect();
        Self { rows: Some(rows), grads: kept().flat_map(|((_, grad), _)| grad.iter().copied()).collect() }
    }
}

impl EmbeddingTables {
    /// Tables of `rows` rows each, drawn from `seed`; each field looks up one row.
    ///
    /// # Errors
    /// When the memory cannot be reserved, or a table is for some fields alone, which have no names here.
    pub fn new(specs: &[TableSpec], rows: u64, rule: UpdateRule, seed: u64) -> Result<Self, TableError> {
        Self::with_layout(specs, &LookupLayout::uniform(rows, 0), rule, seed)
    }

    /// Tables with the rows and lookups of `layout`, drawn from `seed`. A weight depends on the seed, the name of its specification, its row
    /// and its column alone.
    ///
    /// # Errors
    /// When the memory cannot be reserved, or a table is for a field that the layout does not have.
    pub fn with_layout(
        specs: &[TableSpec],
        layout: &LookupLayout,
        rule: UpdateRule,
        seed: u64,
    ) -> Result<Self, TableError> {
        let one_to_one = layout.fields.iter().all(|field| field.combine == Combine::One);
        let (tables, trainable, outputs) = (Vec::new(), Vec::new(), Vec::new());
        let mut all = Self { tables, field_rows: Vec::new(), trainable, outputs, rule };
        for spec in specs {
            let first = all.tables.len();
            // The tables of the members of an ensemble have the name of a single model's, and more behind a dot.
            let concatenated = spec.fields.is_none() && layout.concatenated.as_deref() == spec.name.split('.').next();
            let used = layout.looks_up(spec)?;
            let arenas: Vec<_> = match &spec.fields {
                Some(_) => layout.parts(spec)?.into_iter().map(|(name, rows)| (name, rows, spec.width)).collect(),
                None if concatenated => {
                    let arenas = layout.arenas();
                    let several = arenas.len() > 1;
                    let name = |width| if several { format!("{}.{width}", spec.name) } else { spec.name.clone() };
                    arenas.into_iter().map(|(rows, width)| (name(width), rows, width)).collect()
                }
                None => vec![(spec.name.clone(), 0..layout.rows(), spec.width)],
            };
            for (name, rows, width) in arenas {
                let spec = TableSpec { width, ..spec.clone() };
                let trainable = layout.trainable(&rows);
                let mut table =
                    EmbeddingTable::new(&spec, rows.clone(), all.rule.state_len(width), seed)?.renamed(name);
                match all.rule.scope {
                    UpdateScope::AllRows => table.materialise(&rows),
                    // Frozen rows are never written by an update; reading them should not compute them each time.
                    UpdateScope::TouchedRows => {
                        for group in layout.groups.iter().filter(|group| group.frozen) {
                            let (start, end) = (group.rows.start.max(rows.start), group.rows.end.min(rows.end));
                            if start < end {
                                table.materialise(&(start..end));
                            }
                        }
                    }
                }
                all.tables.push(table);
                all.trainable.push(trainable);
            }
            let tables = first..all.tables.len();
            let plain = one_to_one && !concatenated && spec.fields.is_none();
            all.outputs.push(output((layout, &used), &all.tables, tables, spec.width, (plain, concatenated)));
        }
        if let [Output { plain: true, .. }] = all.outputs[..] {
            all.field_rows = layout.rows_by_field().unwrap_or_default();
        }
        Ok(all)
    }

    /// Writes the initial weights of all rows into memory now, instead of at the first update of each. No weight changes.
    pub fn materialise(&mut self) {
        for table in &mut self.tables {
            let rows = table.row_range();
            table.materialise(&rows);
        }
    }

    /// The tables: those of each specification in turn, one for each width, or for each run of rows where it is for some fields alone.
    #[must_use]
    pub fn tables(&self) -> &[EmbeddingTable] {
        &self.tables
    }

    /// How the rows are updated.
    #[must_use]
    pub fn rule(&self) -> &UpdateRule {
        &self.rule
    }

    /// The rows of a table that are updated.
    #[cfg_attr(not(any(feature = "cuda", feature = "wgpu")), allow(dead_code, reason = "accelerators need it"))]
    pub(crate) fn trainable(&self, table: usize) -> &[Range<u64>] {
        &self.trainable[table]
    }

    /// Whether every field looks up one row of the one width of each table: what [`DeviceTables`](super::DeviceTables) can hold.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.outputs.iter().all(|output| output.plain)
    }

    /// Each table with its rows, weights, state and bytes, as an error message has it, and the bytes of all.
    #[must_use]
    pub fn sizes(&self) -> (String, u128) {
        let (mut list, mut total) = (String::new(), 0);
        for table in &self.tables {
            let bytes = table.rows() as u128 * table.stride() as u128 * size_of::<f32>() as u128;
            total += bytes;
            let (rows, width, state) = (table.rows(), table.width(), table.stride() - table.width());
            let separator = if list.is_empty() { "" } else { ", " };
            // Writing to a text cannot fail.
            let _ = write!(
                list,
                "{separator}`{}` of {rows} rows with {width} weights and {state} numbers of state each, {bytes} bytes",
                table.name()
            );
        }
        (list, total)
    }

    /// The tables, to load weights into.
    pub fn tables_mut(&mut self) -> &mut [EmbeddingTable] {
        &mut self.tables
    }

    /// The rows of a batch's lookups, one tensor for each specification: [B, F, D] of the F fields that look something up there, or
    /// [B, 1, ΣD] for that of [`LookupLayout::concatenated`] where fields have several widths.
    #[must_use]
    pub fn gather<B: Backend>(&self, lookups: Lookups<'_>, batch: usize, device: &B::Device) -> Vec<Tensor<B, 3>> {
        self.outputs
            .iter()
            .map(|output| {
                let (values, shape) = if output.plain {
                    let table = &self.tables[output.tables.start];
                    let fields = lookups.inverse.len().checked_div(batch).unwrap_or(0);
                    (gather(table, lookups), [batch, fields, table.width()])
                } else {
                    let values = gather_slots(&self.tables, output, lookups, batch);
                    let fields = output.widths().count();
                    let shape = match (output.concatenated, fields) {
                        (true, _) if output.is_mixed() => [batch, 1, output.width],
                        (_, 0) => [batch, 0, self.tables.get(output.tables.start).map_or(0, EmbeddingTable::width)],
                        _ => [batch, fields, output.width / fields],
                    };
                    (values, shape)
                };
                Tensor::from_data(TensorData::new(values, shape), device)
            })
            .collect()
    }

    /// The gradient of each row from those of the gathered tensors, summed over the lookups of the row in their order. `None` stands for a
    /// tensor that the loss does not depend on. The tables must be as they were when the tensors were gathered.
    #[must_use]
    pub fn reduce<B: Backend>(&self, grads: Vec<Option<Tensor<B, 3>>>, lookups: Lookups<'_>) -> RowGradients {
        let slots = lookups.slots();
        let mut per_table = Vec::with_capacity(self.tables.len());
        for (output, grad) in self.outputs.iter().zip(grads) {
            let of_tables = |grad: Option<&[f32]>| -> Vec<TableGradients> {
                let tables = self.tables[output.tables.clone()].iter();
                let of_table = |table: &EmbeddingTable| {
                    let unique = places(lookups.rows, &table.row_range());
                    let grads = match grad {
                        None => vec![0.0; unique.len() * table.width()],
                        Some(grad) if output.plain => segment_sum(grad, table.width(), lookups),
                        Some(grad) => segment_slots(table, unique.clone(), output, lookups, slots.as_deref(), grad),
                    };
                    if output.is_partial() {
                        let here = looked_up(unique.clone(), output, lookups, slots.as_deref());
                        if here.contains(&false) {
                            return TableGradients::of_some(&lookups.rows[unique], &grads, table.width(), &here);
                        }
                    }
                    TableGradients { rows: None, grads }
                };
                tables.map(of_table).collect()
            };
            per_table.extend(match grad {
                Some(grad) => with_elements(grad, |grad| of_tables(Some(grad))),
                None => of_tables(None),
            });
        }
        RowGradients { per_table }
    }

    /// The squared norm of the gradient of all trainable rows, the L2 term included.
    #[must_use]
    pub fn squared_norm(&self, grads: &RowGradients, lookups: Lookups<'_>) -> f64 {
        let parts = self.parts(grads, lookups);
        parts.map(|(table, range, rows)| norm::squared_norm(&self.tables[table], &range, rows, &self.rule)).sum()
    }

    /// Updates the tables in place.
    pub fn update(&mut self, grads: &RowGradients, lookups: Lookups<'_>, step: UpdateStep) {
        let parts: Vec<_> = self.parts(grads, lookups).collect();
        for (table, range, rows) in parts {
            update::apply(&mut self.tables[table], &range, rows, &self.rule, step);
        }
    }

    /// The touched rows of each trainable range of each table.
    fn parts<'a>(
        &self,
        grads: &'a RowGradients,
        lookups: Lookups<'a>,
    ) -> impl Iterator<Item = (usize, Range<u64>, Rows<'a>)> + use<'a> {
        let mut parts = Vec::new();
        for (number, (table, TableGradients { rows, grads })) in self.tables.iter().zip(&grads.per_table).enumerate() {
            let of_plan = || &lookups.rows[places(lookups.rows, &table.row_range())];
            let rows = rows.as_deref().unwrap_or_else(of_plan);
            for range in &self.trainable[number] {
                let touched = places(rows, range);
                let grads = &grads[touched.start * table.width()..touched.end * table.width()];
                parts.push((number, range.clone(), Rows { rows: &rows[touched], grads }));
            }
        }
        parts.into_iter()
    }
}

fn output(
    (layout, used): (&LookupLayout, &[bool]),
    all: &[EmbeddingTable],
    tables: Range<usize>,
    width: usize,
    (plain, concatenated): (bool, bool),
) -> Output {
    let mut offset = 0;
    let slot = |(field, used): (&super::layout::FieldLookup, &bool)| {
        if !used {
            return None;
        }
        let group = &layout.groups[field.group];
        let width = if concatenated { layout.field_width(field) } else { width };
        let holds = |table: &EmbeddingTable| table.row_range().contains(&group.rows.start);
        let table = tables.start + all[tables.clone()].iter().position(holds).unwrap_or_default();
        let combine = match field.combine {
            Combine::Concatenate if !concatenated => Combine::Sum,
            combine => combine,
        };
        let slot = SlotOutput { table, offset, width, combine };
        offset += width;
        Some(slot)
    };
    let slots = layout.fields.iter().zip(used).map(slot).collect();
    Output { tables, plain, concatenated, width: offset, slots }
}

/// The places of the rows within `range` in `rows`, which ascend.
pub(super) fn places(rows: &[u64], range: &Range<u64>) -> Range<usize> {
    rows.partition_point(|&row| row < range.start)..rows.partition_point(|&row| row < range.end)
}

fn with_elements<B: Backend, R>(tensor: Tensor<B, 3>, f: impl FnOnce(&[f32]) -> R) -> R {
    let data = tensor.into_data();
    match data.as_slice::<f32>() {
        Ok(elements) => f(elements),
        Err(_) => f(&data.iter::<f32>().collect::<Vec<_>>()),
    }
}
