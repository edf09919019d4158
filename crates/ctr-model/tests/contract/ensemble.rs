//! Several models side by side.
use burn::tensor::{Tensor, TensorData};
use ctr_model::embedding::{EmbeddingTable, EmbeddingTables, RowClip, UpdateRule, UpdateScope};
use ctr_model::init::Initializer;
use ctr_model::model::{
    CtrModel, EnsembleConfig, InputShape, MemberPrediction, MemberTables, ModelConfig, ModelInput, Predictor,
};
use ctr_model::optim::{AdamConfig, RowOptimizerConfig};
use ctr_model::{ModelBackend, Pass, parameters};

use crate::backends::on_backends;
use crate::embedding::Plan;
use crate::values::{assert_close, elements, matrix};

const SHAPE: InputShape = InputShape { categorical: 2, numeric: 1, embedding_dim: 3 };
const IDS: [u64; 8] = [0, 5, 1, 6, 2, 7, 0, 8];

fn model(text: &str) -> ModelConfig {
    serde_json::from_str(text).unwrap()
}

fn deepfm() -> ModelConfig {
    model(r#"{"type": "deepfm", "hidden_units": [4], "activation": "SmeLU(beta=1)", "dropout": 0.5}"#)
}

struct Fixture<B: ModelBackend> {
    predictor: Predictor<B>,
    tables: EmbeddingTables,
    device: B::Device,
}

fn fixture<B: ModelBackend>(ensemble: EnsembleConfig) -> Fixture<B> {
    let device = B::Device::default();
    let adam: AdamConfig = serde_json::from_str("{}").unwrap();
    let rule = UpdateRule {
        scope: UpdateScope::AllRows,
        optimizer: RowOptimizerConfig::LazyAdam(adam),
        l2: 0.0,
        weight_decay: 0.0,
        clip: RowClip::default(),
    };
    let config = deepfm();
    let tables = EmbeddingTables::new(&ensemble.tables(&config, SHAPE, 0.5), 9, rule, 3).unwrap();
    let predictor = ensemble.init(&config, SHAPE, Initializer::new(3, &device));
    Fixture { predictor, tables, device }
}

impl<B: ModelBackend> Fixture<B> {
    fn input(&self) -> ModelInput<B> {
        let plan = Plan::new(&IDS);
        let embeddings = self.tables.gather(plan.lookups(), 4, &self.device);
        ModelInput { embeddings, numeric: Some(matrix(2, [4, 1])) }
    }

    fn members(&self, pass: Pass) -> Vec<Vec<f32>> {
        self.predictor.member_logits(self.input(), pass).into_iter().map(elements).collect()
    }

    fn together(&self) -> Vec<f32> {
        elements(self.predictor.forward(self.input(), Pass::Evaluate))
    }
}

fn ensemble(members: usize, tables: MemberTables, predict: MemberPrediction) -> EnsembleConfig {
    EnsembleConfig { members, tables, predict, ..EnsembleConfig::default() }
}

fn the_first_member_is_the_single_model_and_the_others_differ<B: ModelBackend>() {
    let single = fixture::<B>(EnsembleConfig::default());
    let train = Pass::Train { dropout_seed: 9, step: 4 };
    for tables in [MemberTables::Separate, MemberTables::Shared] {
        let three = fixture::<B>(ensemble(3, tables, MemberPrediction::MeanLogit));
        for pass in [Pass::Evaluate, train] {
            let (alone, members) = (single.members(pass), three.members(pass));
            assert_eq!(members[0], alone[0], "{tables:?} {pass:?}");
            assert!(members[1] != members[0] && members[2] != members[0] && members[1] != members[2]);
        }
        let names: Vec<&str> = three.tables.tables().iter().map(EmbeddingTable::name).collect();
        match tables {
            MemberTables::Shared => assert_eq!(names, ["embedding", "linear"]),
            MemberTables::Separate => assert_eq!(
                names,
                ["embedding", "linear", "embedding.member1", "linear.member1", "embedding.member2", "linear.member2"]
            ),
        }
    }
}

fn a_single_model_keeps_the_names_of_its_parameters<B: ModelBackend>() {
    let names = |predictor: &Predictor<B>| -> Vec<String> {
        parameters::collect(predictor).into_iter().map(|parameter| parameter.name).collect()
    };
    let plain = deepfm().init::<B>(SHAPE, Initializer::new(3, &B::Device::default()));
    let plain: Vec<String> = parameters::collect(&plain).into_iter().map(|parameter| parameter.name).collect();
    assert_eq!(names(&fixture::<B>(EnsembleConfig::default()).predictor), plain);
    let two = names(&fixture::<B>(ensemble(2, MemberTables::Shared, MemberPrediction::First)).predictor);
    assert_eq!(two.len(), 2 * plain.len());
    assert_eq!(two[0], format!("members.0.{}", plain[0]));
    assert_eq!(two[plain.len()], format!("members.1.{}", plain[0]));
}

fn members_predict_together_as_asked<B: ModelBackend>() {
    let of = |predict| fixture::<B>(ensemble(3, MemberTables::Separate, predict));
    let first = of(MemberPrediction::First);
    let members = first.members(Pass::Evaluate);
    assert_eq!(first.together(), members[0]);
    let means = (0..4).map(|row| members.iter().map(|member| member[row]).sum::<f32>() / 3.0);
    assert_close("mean logit", &of(MemberPrediction::MeanLogit).together(), &means.collect::<Vec<_>>(), 1e-6);
    let sigmoid = |z: f32| 1.0 / (1.0 + (-f64::from(z)).exp());
    let logit = |p: f64| (p / (1.0 - p)).ln() as f32;
    let means = (0..4).map(|row| logit(members.iter().map(|member| sigmoid(member[row])).sum::<f64>() / 3.0));
    let together = of(MemberPrediction::MeanProbability).together();
    assert_close("mean probability", &together, &means.collect::<Vec<_>>(), 1e-5);
}

fn a_mean_of_certain_predictions_is_finite<B: ModelBackend>() {
    let two = fixture::<B>(ensemble(2, MemberTables::Shared, MemberPrediction::MeanProbability));
    // Rows of the same large numbers drive the logits far out.
    let embeddings = |width: usize| {
        Tensor::<B, 3>::from_data(TensorData::new(vec![1e3_f32; 4 * 2 * width], [4, 2, width]), &two.device)
    };
    let input = ModelInput { embeddings: vec![embeddings(3), embeddings(1)], numeric: Some(matrix(2, [4, 1])) };
    let logits = elements(two.predictor.forward(input, Pass::Evaluate));
    assert!(logits.iter().all(|logit| logit.is_finite() && logit.abs() > 100.0), "{logits:?}");
}

on_backends!(
    the_first_member_is_the_single_model_and_the_others_differ,
    a_single_model_keeps_the_names_of_its_parameters,
    members_predict_together_as_asked,
    a_mean_of_certain_predictions_is_finite
);
