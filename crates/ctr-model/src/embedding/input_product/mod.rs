//! The first product of a perceptron, `[e_1; …; e_F; x]·W`, where the perceptron is all that the rows go into.
//!
//! The product of a field depends on the row alone, not on the example. With `z_u = e_u·W_f` for each distinct row u of a field, the examples
//! that look u up share `z_u`; and with `s_u = Σ dy` over these examples, the gradient of the row is `s_u·W_fᵀ` and that of the field's weights
//! `Σ_u e_uᵀ·s_u`. A batch of B examples with U distinct rows of the field so takes 6·U·D·O operations and 2·B·O additions in place of 6·B·D·O
//! operations, and neither the matrix of the gathered rows nor its gradient is ever in memory. A field of which most lookups of the batch
//! are distinct is gathered and multiplied as any layer's input is.
//!
//! The sums run in another order than those of the plain product, so the bits differ from it; they depend on the batch alone, not on the number of threads.
use std::ops::Range;

use burn::tensor::{DType, Tensor, TensorData, TensorPrimitive};

use self::by_row::ByRow;
use self::kernel::FieldRows;
use super::tables::places;
use super::{EmbeddingTables, Lookups, RowGradients};
use crate::op::ModelBackend;
use crate::parallel::{BLOCK, zeroed};
use crate::precision::Precision;

mod by_lookup;
mod by_row;
mod kernel;

/// The distinct rows of a field's lookups, as places in the plan.
#[derive(Clone, Debug)]
struct FieldPlaces {
    field: usize,
    places: Range<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Shape {
    /// B.
    batch: usize,
    /// D.
    width: usize,
    /// O.
    outputs: usize,
}

/// What the backward pass needs of the forward one.
#[derive(Debug)]
pub struct InputProduct<B: ModelBackend> {
    shape: Shape,
    /// W, [I, O].
    weight: Vec<f32>,
    by_row: Vec<FieldPlaces>,
    by_lookup: Vec<FieldPlaces>,
    /// What is multiplied lookup by lookup, [B, K], and its rows of W, [K, O].
    gathered: Option<[Tensor<B, 2>; 2]>,
}

/// Whether multiplying `distinct` rows and adding them to `batch` examples costs less than multiplying `batch` rows. The additions weigh more
/// beside the products of narrow rows.
fn pays(distinct: usize, batch: usize, width: usize) -> bool {
    distinct * 8 <= batch * if width < 8 { 2 } else { 5 }
}

impl EmbeddingTables {
    /// `[e_1; …; e_F; x]·W`, [B, O], of a batch's rows and its numeric fields x, [B, N]; W: [F·D + N, O].
    ///
    /// None where the backend is not on the host, the numbers are not `f32`, or the tables are other than one table of one width with rows of its own
    /// for each field, each of which looks up one row.
    #[must_use]
    pub fn input_product<B: ModelBackend>(
        &self,
        lookups: Lookups<'_>,
        numeric: &[f32],
        weight: Tensor<B, 2>,
        batch: usize,
    ) -> Option<(Tensor<B, 2>, InputProduct<B>)> {
        let fields = self.field_rows.len();
        if !B::HOST
            || weight.dtype() != DType::F32
            || fields == 0
            || lookups.inverse.len() != batch * fields
            || batch == 0
        {
            return None;
        }
        let shape = Shape { batch, width: self.tables[0].width(), outputs: weight.dims()[1] };
        let mut all: Vec<FieldPlaces> = (0..fields)
            .map(|field| FieldPlaces { field, places: places(lookups.rows, &self.field_rows[field]) })
            .collect();
        all.sort_by_key(|field| field.places.start);
        let (by_row, mut by_lookup): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|field| pays(field.places.len(), batch, shape.width));
        by_lookup.sort_by_key(|field| field.field);
        let values = elements(weight.clone());
        let gathered = (!by_lookup.is_empty() || !numeric.is_empty()).then(|| {
            let x = by_lookup::gather(self.rows(lookups), &by_lookup, numeric, shape);
            let columns = x.len() / batch;
            let device = weight.device();
            let part = match by_row.as_slice() {
                [] => weight,
                _ => matrix(rows_of(&values, &by_lookup, shape, fields), [columns, shape.outputs], &device),
            };
            [matrix(x, [batch, columns], &device), part]
        });
        let kept = InputProduct { shape, weight: values, by_row, by_lookup, gathered };
        let y = self.forward(&kept, lookups);
        Some((y, kept))
    }

    fn forward<B: ModelBackend>(&self, kept: &InputProduct<B>, lookups: Lookups<'_>) -> Tensor<B, 2> {
        let Shape { batch, outputs, .. } = kept.shape;
        let base = kept.gathered.clone().map(|[x, weight]| {
            let [x, weight] = [x, weight].map(|tensor| tensor.into_primitive().tensor());
            Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(B::product(x, weight, Precision::F32)))
        });
        match base {
            Some(y) if kept.by_row.is_empty() => y,
            base => {
                let device = base.as_ref().map_or_else(B::Device::default, Tensor::device);
                let mut y = base.map_or_else(|| zeroed(batch * outputs, BLOCK, |_, _| ()), elements);
                kept.by_row(self, lookups).add_products(&mut y);
                matrix(y, [batch, outputs], &device)
            }
        }
    }

    fn rows<'a>(&'a self, lookups: Lookups<'a>) -> FieldRows<'a> {
        FieldRows { table: self.tables[0].reader(), lookups, fields: self.field_rows.len() as u32 }
    }
}

impl<B: ModelBackend> InputProduct<B> {
    fn by_row<'a>(&'a self, tables: &'a EmbeddingTables, lookups: Lookups<'a>) -> ByRow<'a> {
        ByRow { rows: tables.rows(lookups), fields: &self.by_row, shape: self.shape, weight: &self.weight }
    }

    /// The gradients of the rows and that of W, [I, O], from that of the product, [B, O]. The tables must be as they were.
    #[must_use]
    pub fn backward(
        self,
        tables: &EmbeddingTables,
        lookups: Lookups<'_>,
        grad: Tensor<B, 2>,
    ) -> (RowGradients, Tensor<B, 2>) {
        let Shape { width, outputs, .. } = self.shape;
        let device = grad.device();
        let inputs = self.weight.len() / outputs;
        let mut row_grads = zeroed(lookups.rows.len() * width, BLOCK, |_, _| ());
        let (mut of_rows, mut of_lookups) = self.split(&mut row_grads);

        let gathered = self.gathered.as_ref().map(|[x, weight]| {
            let grad = || grad.clone().into_primitive().tensor();
            let [x, weight] = [x, weight].map(|tensor| tensor.clone().into_primitive().tensor());
            if !self.by_lookup.is_empty() {
                let dx = Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(B::product_input_grad(
                    grad(),
                    weight,
                    Precision::F32,
                )));
                let of_lookups = std::mem::take(&mut of_lookups);
                by_lookup::sum_lookups(tables.rows(lookups), &self.by_lookup, &elements(dx), of_lookups, self.shape);
            }
            Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(B::product_weight_grad(x, grad(), Precision::F32)))
        });
        let weight_grad = match gathered {
            Some(weight_grad) if self.by_row.is_empty() => weight_grad,
            gathered => {
                let mut weight_grad = vec![0.0; inputs * outputs];
                if let Some(part) = gathered {
                    self.spread(&elements(part), &mut weight_grad, tables.field_rows.len());
                }
                let dy = elements(grad);
                self.by_row(tables, lookups).gradients(&dy, std::mem::take(&mut of_rows), &mut weight_grad);
                matrix(weight_grad, [inputs, outputs], &device)
            }
        };
        (RowGradients::of_one_table(row_grads), weight_grad)
    }

    /// The gradients of the rows of each field, in the order of the two lists of fields.
    fn split<'a>(&self, row_grads: &'a mut [f32]) -> (Vec<&'a mut [f32]>, Vec<&'a mut [f32]>) {
        let mut order: Vec<(&FieldPlaces, bool, usize)> = Vec::new();
        order.extend(self.by_row.iter().enumerate().map(|(number, field)| (field, true, number)));
        order.extend(self.by_lookup.iter().enumerate().map(|(number, field)| (field, false, number)));
        order.sort_by_key(|(field, ..)| field.places.start);
        let (mut of_rows, mut of_lookups) = (Vec::new(), Vec::new());
        let mut rest = row_grads;
        for (field, by_row, number) in order {
            let (own, tail) = rest.split_at_mut(field.places.len() * self.shape.width);
            rest = tail;
            if by_row { of_rows.push((number, own)) } else { of_lookups.push((number, own)) }
        }
        (sorted(of_rows), sorted(of_lookups))
    }

    /// Copies the gradient of the rows of W that are multiplied lookup by lookup to their places.
    fn spread(&self, part: &[f32], weight_grad: &mut [f32], fields: usize) {
        let block = self.shape.width * self.shape.outputs;
        let (embedded, numeric) = part.split_at(self.by_lookup.len() * block);
        for (field, part) in self.by_lookup.iter().zip(embedded.chunks_exact(block)) {
            weight_grad[field.field * block..][..block].copy_from_slice(part);
        }
        weight_grad[fields * block..].copy_from_slice(numeric);
    }
}

fn sorted(mut numbered: Vec<(usize, &mut [f32])>) -> Vec<&mut [f32]> {
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, own)| own).collect()
}

/// The rows of W of these fields and those of the numeric ones.
fn rows_of(weight: &[f32], fields: &[FieldPlaces], shape: Shape, all: usize) -> Vec<f32> {
    let block = shape.width * shape.outputs;
    let embedded = fields.iter().flat_map(|field| &weight[field.field * block..][..block]);
    embedded.chain(&weight[all * block..]).copied().collect()
}

fn matrix<B: ModelBackend>(values: Vec<f32>, shape: [usize; 2], device: &B::Device) -> Tensor<B, 2> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn elements<B: ModelBackend>(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor
        .into_data()
        .into_vec()
        .unwrap_or_else(|error| unreachable!("the elements are f32, as was checked: {error:?}"))
}
