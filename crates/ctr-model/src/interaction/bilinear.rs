//! Pairs of fields with learnt weights between them.
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

use super::{Pairs, pair_count, pick};
use crate::init::{Initializer, xavier_std};
use crate::linear::matmul;
use crate::op::ModelBackend;

/// How many weights a [`Bilinear`] interaction has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BilinearKind {
    /// One matrix for all pairs, [D, D].
    Shared,
    /// One matrix for each first field of a pair, [F − 1, D, D].
    Field,
    /// One matrix for each pair, [P, D, D].
    Pair,
    /// One diagonal matrix for each pair, [P, D].
    PairDiagonal,
}

/// `(e_i·W) ⊙ e_j` for each pair i < j.
///
/// # Shapes
/// [B, F, D] → [B, P, D].
///
/// # Reference
/// Huang, Zhang & Zhang, "FiBiNET: combining feature importance and bilinear feature interaction for click-through rate prediction",
/// arXiv 1905.09433, section 3.3; with weights of pairs also Sun et al., "FM²: field-matrixed factorization machines for recommender
/// systems", arXiv 2102.12994.
#[derive(Module, Debug)]
pub struct Bilinear<B: Backend> {
    weight: BilinearWeight<B>,
}

/// The weights W.
#[derive(Module, Debug)]
pub enum BilinearWeight<B: Backend> {
    /// [D, D].
    Shared(Param<Tensor<B, 2>>),
    /// [F − 1, D, D].
    Field(Param<Tensor<B, 3>>),
    /// [P, D, D].
    Pair(Param<Tensor<B, 3>>),
    /// [P, D].
    PairDiagonal(Param<Tensor<B, 2>>),
}

impl<B: ModelBackend> Bilinear<B> {
    /// Weights for `fields` fields of width `dim`, named under `name`.
    #[must_use]
    pub fn new(name: &str, kind: BilinearKind, fields: usize, dim: usize, init: Initializer<'_, B>) -> Self {
        let name = format!("{name}.weight");
        let matrices = |count| init.normal(&name, [count, dim, dim], xavier_std(dim, dim));
        let weight = match kind {
            BilinearKind::Shared => BilinearWeight::Shared(init.xavier_normal(&name, dim, dim)),
            BilinearKind::Field => BilinearWeight::Field(matrices(fields.saturating_sub(1))),
            BilinearKind::Pair => BilinearWeight::Pair(matrices(pair_count(fields))),
            BilinearKind::PairDiagonal => {
                BilinearWeight::PairDiagonal(init.xavier_normal(&name, pair_count(fields), dim))
            }
        };
        Self { weight }
    }

    /// The weighted products; [B, F, D] → [B, P, D].
    #[must_use]
    pub fn forward(&self, fields: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, count, dim] = fields.dims();
        let pairs = Pairs::new(count);
        let first = pairs.places(|i, _| i);
        let second = pick(fields.clone(), &pairs.places(|_, j| j)); // [B, P, D]
        let weighted = match &self.weight {
            BilinearWeight::Shared(weight) => {
                let rows = matmul(fields.reshape([batch * count, dim]), weight.val());
                pick(rows.reshape([batch, count, dim]), &first)
            }
            BilinearWeight::Field(weight) => {
                let first_fields = fields.narrow(1, 0, count - 1);
                pick(each_by_its_matrix(first_fields, weight.val()), &first)
            }
            BilinearWeight::Pair(weight) => each_by_its_matrix(pick(fields, &first), weight.val()),
            BilinearWeight::PairDiagonal(weight) => pick(fields, &first) * weight.val().unsqueeze(),
        };
        weighted * second
    }
}

/// Row k of each example times matrix k; [B, K, D], [K, D, D] → [B, K, D].
fn each_by_its_matrix<B: ModelBackend>(rows: Tensor<B, 3>, matrices: Tensor<B, 3>) -> Tensor<B, 3> {
    matmul(rows.swap_dims(0, 1), matrices).swap_dims(0, 1)
}
