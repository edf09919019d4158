//! What lies between the embeddings and the logit: one file for each interaction of fields.
//!
//! The contract: an interaction takes the fields of a batch, [B, F, D], and gives features of them, [B, K]; P = F·(F − 1)/2 is the number
//! of pairs of fields i < j, in the order (0, 1), (0, 2), …, (F − 2, F − 1). Where an interaction works on concatenated fields instead, its
//! shape is [B, C] → [B, C] with C = F·D, and where its features are vectors, [B, F, D] → [B, K, D]. All of them are made of Burn's own
//! operations: autodiff differentiates them on every backend.
mod attention_pooling;
mod bi_interaction;
mod bilinear;
mod bilinear_fusion;
mod bridge;
mod compressed;
mod concatenate;
mod cross;
mod cross_matrix;
mod cross_mixture;
mod feature_gate;
mod field_aware;
mod fields;
mod first_order;
mod gated_cross;
mod inner_product;
mod logarithmic;
mod mask_block;
mod pairs;
mod projections;
mod regulation;
mod self_attention;
mod squeeze_excitation;

pub use attention_pooling::AttentionPooling;
pub use bi_interaction::bi_interaction;
pub use bilinear::{Bilinear, BilinearKind, BilinearWeight};
pub use bilinear_fusion::BilinearFusion;
pub use bridge::{Bridge, BridgeKind};
pub use compressed::CompressedInteraction;
pub use concatenate::{concatenate, flatten};
pub use cross::{CrossLayer, CrossNetwork};
pub use cross_matrix::{MatrixCrossLayer, MatrixCrossNetwork};
pub use cross_mixture::{CrossMixtureConfig, MixtureCrossLayer, MixtureCrossNetwork};
pub use feature_gate::FeatureGate;
pub use field_aware::field_aware_products;
pub use fields::FieldEmbedding;
pub use first_order::FirstOrder;
pub use gated_cross::{GatedCrossLayer, GatedCrossNetwork};
pub use inner_product::inner_products;
pub use logarithmic::Logarithmic;
pub use mask_block::{MaskBlock, MaskBlockConfig};
pub use pairs::{Pairs, pair_count, pick};
pub use projections::FieldProjections;
pub use regulation::Regulation;
pub use self_attention::{SelfAttention, SelfAttentionConfig};
pub use squeeze_excitation::SqueezeExcitation;
