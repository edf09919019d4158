//! Fields of several widths in front of models that need one.
use burn::backend::flex::FlexDevice;
use burn::backend::{Autodiff, Flex};
use burn::tensor::Tensor;
use ctr_model::Pass;
use ctr_model::init::Initializer;
use ctr_model::interaction::FieldProjections;
use ctr_model::model::{CtrModel, InputShape, ModelConfig, ModelInput};
use ctr_model::parameters;

use crate::values::{assert_close, elements, matrix};

type A = Autodiff<Flex>;

const WIDTHS: [usize; 3] = [2, 4, 3];
const BATCH: usize = 5;

fn init() -> Initializer<'static, A> {
    Initializer::new(3, &FlexDevice)
}

fn rows() -> Tensor<A, 3> {
    matrix::<A>(1, [BATCH, WIDTHS.iter().sum()]).unsqueeze_dim(1)
}

#[test]
fn narrow_fields_are_multiplied_and_the_widest_passes() {
    let projections = FieldProjections::new("projections", &WIDTHS, init());
    let maps = parameters::collect::<A, _>(&projections);
    let names: Vec<(&str, &[usize])> = maps.iter().map(|map| (map.name.as_str(), map.shape.as_slice())).collect();
    assert_eq!(names, [("maps.0", [2, 4].as_slice()), ("maps.2", &[3, 4])]);
    let rows = rows().require_grad();
    let out = projections.forward(rows.clone());
    assert_eq!(out.dims(), [BATCH, WIDTHS.len(), 4]);
    let (e, values) = (elements(rows.clone()), elements(out.clone()));
    let mut expected = Vec::new();
    for example in e.chunks_exact(9) {
        let product = |row: &[f32], map: &[f32]| -> Vec<f32> {
            (0..4).map(|column| row.iter().enumerate().map(|(d, e)| e * map[d * 4 + column]).sum()).collect()
        };
        expected.extend(product(&example[..2], &maps[0].values));
        expected.extend(&example[2..6]);
        expected.extend(product(&example[6..], &maps[1].values));
    }
    assert_close("projected", &values, &expected, 1e-6);

    // The gradient of a row that passes is that of its place; those of the others come back through the maps.
    let grads = out.sum().backward();
    let of_rows = elements(rows.grad(&grads).unwrap());
    let through = |map: &[f32], d: usize| map[d * 4..][..4].iter().sum::<f32>();
    let mut expected = vec![through(&maps[0].values, 0), through(&maps[0].values, 1), 1.0, 1.0, 1.0, 1.0];
    expected.extend((0..3).map(|d| through(&maps[1].values, d)));
    assert_close("gradient", &of_rows, &expected.repeat(BATCH), 1e-6);
    assert!(parameters::gradients::<A, _>(&projections, &grads).iter().all(|(_, grad)| grad.is_some()));
}

#[test]
fn a_model_behind_projections_keeps_its_parameters_and_their_names() {
    let shape = InputShape { categorical: WIDTHS.len(), numeric: 0, embedding_dim: 4 };
    for info in ModelConfig::ALL {
        let mut json: serde_json::Value = serde_json::from_str(info.example).unwrap();
        json["type"] = info.name.into();
        let config: ModelConfig = serde_json::from_value(json).unwrap();
        if !config.projects() {
            assert!(["ffm", "lr"].contains(&info.name));
            continue;
        }
        let alone = parameters::collect(&config.init::<A>(shape, init()));
        let model = config.init::<A>(shape, init()).projecting(&WIDTHS, init());
        let (maps, own): (Vec<_>, Vec<_>) =
            parameters::collect(&model).into_iter().partition(|parameter| parameter.name.starts_with("projections."));
        assert_eq!(own, alone, "{}", info.name);
        assert_eq!(maps.len(), 2);
        let others = config.tables(shape, 0.1).into_iter().skip(1);
        let others = others.map(|spec| matrix::<A>(9, [BATCH, 3 * spec.width]).reshape([BATCH, 3, spec.width]));
        let embeddings = [rows()].into_iter().chain(others).collect();
        let logits = model.forward(ModelInput { embeddings, numeric: None }, Pass::Evaluate);
        assert_eq!(logits.dims(), [BATCH], "{}", info.name);
    }
}
