//! The list of all models.
#![allow(clippy::large_enum_variant, reason = "a process holds one model, and the derived records cannot be annotated")]
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use serde::{Deserialize, Serialize};

#[allow(clippy::wildcard_imports, reason = "the list names every model and every config")]
use super::*;
use crate::embedding::TableSpec;
use crate::mlp::Mlp;

/// A model of the list, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// The value of `type` in `[model]`.
    pub name: &'static str,
    /// Where the model comes from.
    pub paper: &'static str,
    /// What it is, in one line.
    pub description: &'static str,
    /// A small `[model]` table without `type`, as JSON.
    pub example: &'static str,
}

macro_rules! registry {
    ($($name:literal => $Model:ident($Config:ident), $paper:literal, $description:literal, $example:literal;)+) => {
        /// The model to train, told apart by the key `type`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "type")]
        pub enum ModelConfig {
            $(
                #[doc = concat!("`type = \"", $name, "\"`: ", $description, " (", $paper, ")")]
                #[serde(rename = $name)]
                $Model($Config),
            )+
        }

        /// One of the models.
        #[derive(Module, Debug)]
        pub enum ModelKind<B: Backend> {
            $(
                #[doc = concat!("See [`", stringify!($Model), "`].")]
                $Model($Model<B>),
            )+
        }

        impl ModelConfig {
            /// All models, from the simplest to the latest.
            pub const ALL: &'static [ModelInfo] = &[
                $(ModelInfo { name: $name, paper: $paper, description: $description, example: $example },)+
            ];

            /// The value of `type`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Model(_) => $name,)+
                }
            }

            /// Whether the model concatenates the embeddings of all fields and does nothing else with them, so that their widths may differ.
            #[must_use]
            pub fn concatenates(&self) -> bool {
                matches!(self, Self::Dnn(_) | Self::WideDeep(_) | Self::Dcn(_) | Self::DcnV2(_) | Self::Gdcn(_))
            }

            /// Whether rows of several widths can be [projected](crate::interaction::FieldProjections) to one for the model: not where a field has a
            /// vector for each other field, or a single weight.
            #[must_use]
            pub fn projects(&self) -> bool {
                !matches!(self, Self::Ffm(_) | Self::Lr(_))
            }

            /// The tables that the model looks its rows up in.
            #[must_use]
            pub fn tables(&self, shape: InputShape, init_std: f64) -> Vec<TableSpec> {
                let tables = match self {
                    $(Self::$Model(config) => config.tables(shape),)+
                };
                let named = self.named_fields();
                let spec = |(name, width): (&'static str, usize)| TableSpec {
                    fields: named.iter().find(|named| named.table == name).map(|named| named.fields.to_vec()),
                    ..TableSpec::new(name, width, init_std)
                };
                tables.into_iter().map(spec).collect()
            }

            /// The tables that some fields alone look their rows up in.
            #[must_use]
            pub fn named_fields(&self) -> Vec<NamedFields<'_>> {
                match self {
                    $(Self::$Model(config) => config.named_fields(),)+
                }
            }

            /// Whether the model can be built for data with these categorical fields.
            ///
            /// # Errors
            /// A name of no field, by its key and place.
            pub fn check_names(&self, categorical: &[&str]) -> Result<(), ModelError> {
                self.named_fields().iter().try_for_each(|named| check::names(*named, categorical))
            }

            /// Whether the model can be built for data of this shape.
            ///
            /// # Errors
            /// A key out of its range, or one that the data do not fit, by name.
            pub fn check(&self, shape: InputShape) -> Result<(), ModelError> {
                match self {
                    $(Self::$Model(config) => config.check(shape),)+
                }
            }

            /// The model with its initial dense parameters; the config must pass [`check`](Self::check), and
            /// [`check_names`](Self::check_names) where its tables are made of a layout with named fields.
            #[must_use]
            pub fn init<B: ModelBackend>(&self, shape: InputShape, init: Initializer<'_, B>) -> AnyModel<B> {
                match self {
                    $(Self::$Model(config) => {
                        AnyModel::new(ModelKind::$Model(Architecture::init(config, shape, init)))
                    })+
                }
            }
        }

        impl<B: Backend> ModelKind<B> {
            /// The perceptron on the concatenated fields that the model consists of, if it consists of that alone.
            #[must_use]
            pub fn perceptron(&self) -> Option<&Mlp<B>> {
                match self {
                    Self::Dnn(model) => Some(model.perceptron()),
                    _ => None,
                }
            }
        }

        impl<B: ModelBackend> CtrModel<B> for ModelKind<B> {
            fn forward(&self, input: ModelInput<B>, pass: Pass) -> Tensor<B, 1> {
                match self {
                    $(Self::$Model(model) => model.forward(input, pass),)+
                }
            }
        }
    };
}

registry! {
    "lr" => Lr(LrConfig), "Richardson et al., WWW 2007", "logistic regression", "{}";
    "fm" => Fm(FmConfig), "Rendle, ICDM 2010", "factorisation machine: inner products of all pairs of fields", "{}";
    "ffm" => Ffm(FfmConfig), "Juan et al., RecSys 2016", "field-aware factorisation machine: a field has a vector for each other field", "{}";
    "fwfm" => FwFm(FwFmConfig), "Pan et al., arXiv 1806.03514", "factorisation machine with a weight for each pair of fields", r#"{"linear": "embedded"}"#;
    "fmfm" => FmFm(FmFmConfig), "Sun et al., arXiv 2102.12994", "factorisation machine with a matrix for each pair of fields", "{}";
    "afm" => Afm(AfmConfig), "Xiao et al., arXiv 1708.04617", "factorisation machine whose pairs are weighted by attention", r#"{"attention_units": 8}"#;
    "dnn" => Dnn(DnnConfig), "Covington et al., RecSys 2016", "perceptron on the concatenated fields", r#"{"hidden_units": [16, 8]}"#;
    "ipnn" => Ipnn(IpnnConfig), "Qu et al., arXiv 1611.00144", "perceptron on the fields and the inner products of their pairs", r#"{"hidden_units": [16, 8]}"#;
    "wide_deep" => WideDeep(WideDeepConfig), "Cheng et al., arXiv 1606.07792", "linear model beside a perceptron", r#"{"hidden_units": [16, 8]}"#;
    "deepfm" => DeepFm(DeepFmConfig), "Guo et al., arXiv 1703.04247", "factorisation machine beside a perceptron on the same embeddings", r#"{"hidden_units": [16, 8]}"#;
    "nfm" => Nfm(NfmConfig), "He & Chua, arXiv 1708.05027", "perceptron on the pooled products of all pairs of fields", r#"{"hidden_units": [16, 8]}"#;
    "dcn" => Dcn(DcnConfig), "Wang et al., arXiv 1708.05123", "cross network with vector weights beside a perceptron", r#"{"cross_layers": 2, "hidden_units": [16, 8]}"#;
    "dcn_v2" => DcnV2(DcnV2Config), "Wang et al., arXiv 2008.13535", "cross network with matrices, whole, of low rank or mixed by experts, beside or below a perceptron", r#"{"cross_layers": 2, "low_rank": 4, "experts": 2, "expert_activation": "Swish", "hidden_units": [16, 8]}"#;
    "xdeepfm" => XDeepFm(XDeepFmConfig), "Lian et al., arXiv 1803.05170", "compressed interaction network beside a perceptron", r#"{"cin_units": [8, 8], "hidden_units": [16, 8]}"#;
    "autoint" => AutoInt(AutoIntConfig), "Song et al., arXiv 1810.11921", "self-attention between fields, for AutoInt+ beside a perceptron", r#"{"attention_layers": 2, "attention_units": 8, "heads": 2, "linear": true, "hidden_units": [16, 8]}"#;
    "fibinet" => FiBiNet(FiBiNetConfig), "Huang et al., arXiv 1905.09433", "perceptron on bilinear interactions of fields and of reweighted fields", r#"{"hidden_units": [16, 8]}"#;
    "dlrm" => Dlrm(DlrmConfig), "Naumov et al., arXiv 1906.00091", "perceptron on inner products of embeddings and of a perceptron of the numeric fields", r#"{"hidden_units": [16, 8]}"#;
    "afn" => Afn(AfnConfig), "Cheng et al., arXiv 1909.03276", "perceptron on products of learnt powers of fields, for AFN+ beside another one", r#"{"logarithmic_neurons": 8, "deep_hidden_units": [16, 8], "hidden_units": [16, 8]}"#;
    "masknet" => MaskNet(MaskNetConfig), "Wang et al., arXiv 2102.07619", "blocks masked by functions of the embeddings, in series or in parallel", r#"{"structure": "parallel", "blocks": 2, "block_units": 8, "hidden_units": [16, 8]}"#;
    "edcn" => Edcn(EdcnConfig), "Chen et al., CIKM 2021", "cross and deep streams that share what they find after each layer", r#"{"cross_layers": 2}"#;
    "finalmlp" => FinalMlp(FinalMlpConfig), "Mao et al., arXiv 2304.00902", "two gated perceptrons joined by a bilinear fusion", r#"{"first_hidden_units": [16, 8], "second_hidden_units": [8], "heads": 2, "gate_units": [8]}"#;
    "gdcn" => Gdcn(GdcnConfig), "Wang et al., arXiv 2311.04635", "cross network with information gates beside or below a perceptron", r#"{"cross_layers": 2, "hidden_units": [16, 8]}"#;
}
