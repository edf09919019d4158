//! The first product of a perceptron from distinct rows, against sums in `f64` over every lookup.
use burn::backend::flex::FlexDevice;
use burn::tensor::{Tensor, TensorData};
use ctr_model::embedding::{Combine, EmbeddingTables, FieldLookup, LookupLayout, RowGroup, TableSpec, UpdateRule};
use ctr_model::optim::{RowOptimizerConfig, SgdConfig, UpdateStep};

use crate::embedding::Plan;
use crate::values::normals;

type B = burn::backend::Flex;

/// Fields of these numbers of rows: of a batch of 300, the lookups of the first two repeat rows, those of the third seldom do.
const ROWS: [u64; 3] = [5, 60, 100_000];
const BATCH: usize = 300;

struct Case {
    width: usize,
    outputs: usize,
    numeric: usize,
    /// The order in which the rows of the fields lie in the table.
    order: [usize; 3],
}

impl Case {
    fn inputs(&self) -> usize {
        ROWS.len() * self.width + self.numeric
    }

    fn layout(&self) -> LookupLayout {
        let mut start = 0;
        let groups = self.order.map(|field| {
            let rows = start..start + ROWS[field];
            start = rows.end;
            RowGroup { rows, width: self.width, frozen: false }
        });
        let group = |field| self.order.iter().position(|other| *other == field).unwrap();
        let fields = (0..ROWS.len()).map(|field| FieldLookup { group: group(field), combine: Combine::One });
        LookupLayout { groups: groups.to_vec(), fields: fields.collect(), names: Vec::new(), concatenated: None }
    }

    fn tables(&self) -> EmbeddingTables {
        let spec = TableSpec::new("embedding", self.width, 1.0);
        let sgd = SgdConfig { learning_rate: 1.0, momentum: 0.0, nesterov: false };
        let rule = UpdateRule::sparse(RowOptimizerConfig::Sgd(sgd));
        EmbeddingTables::with_layout(&[spec], &self.layout(), rule, 7).unwrap()
    }

    /// The rows that the examples look up, [B, F].
    fn lookups(&self) -> Vec<u64> {
        let layout = self.layout();
        let row = |number: usize| {
            let field = number % ROWS.len();
            let random = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
            layout.groups[layout.fields[field].group].rows.start + random % ROWS[field]
        };
        (0..BATCH * ROWS.len()).map(row).collect()
    }
}

/// What a case computes: y, the rows after a step of gradient descent of rate 1, and the gradient of W.
struct Computed {
    y: Vec<f32>,
    stepped: Vec<f32>,
    weight_grad: Vec<f32>,
}

fn matrix(values: &[f32], columns: usize) -> Tensor<B, 2> {
    let data = TensorData::new(values.to_vec(), [values.len() / columns, columns]);
    Tensor::from_data(data, &FlexDevice)
}

fn compute(case: &Case, [weight, numeric, dy]: [&[f32]; 3]) -> Computed {
    let (mut tables, plan) = (case.tables(), Plan::new(&case.lookups()));
    let product = tables.input_product::<B>(plan.lookups(), numeric, matrix(weight, case.outputs), BATCH);
    let (y, product) = product.expect("one table, rows of its own for each field");
    let (rows, weight_grad) = product.backward(&tables, plan.lookups(), matrix(dy, case.outputs));
    tables.update(&rows, plan.lookups(), UpdateStep { number: 1, rate_scale: 1.0, grad_scale: 1.0 });
    let elements = |tensor: Tensor<B, 2>| tensor.into_data().iter::<f32>().collect();
    Computed { y: elements(y), stepped: tables.tables()[0].weights(), weight_grad: elements(weight_grad) }
}

fn assert_near(name: &str, actual: &[f32], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{name}");
    let scale = expected.iter().fold(1.0_f64, |most, value| most.max(value.abs()));
    for (place, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let error = (f64::from(*actual) - expected).abs();
        assert!(error <= 1e-5 * scale, "{name}[{place}]: {actual} against {expected}");
    }
}

fn cases() -> Vec<Case> {
    let case = |width, outputs, numeric, order| Case { width, outputs, numeric, order };
    vec![
        case(16, 64, 0, [0, 1, 2]),
        case(10, 100, 3, [2, 0, 1]),
        case(17, 65, 1, [1, 2, 0]),
        case(3, 1, 2, [0, 2, 1]),
        case(1, 130, 0, [2, 1, 0]),
    ]
}

#[test]
fn products_and_gradients_are_those_of_every_lookup() {
    for case in cases() {
        let Case { width, outputs, numeric: numbers, .. } = case;
        let name = format!("width {width}, {outputs} outputs, {numbers} numeric fields");
        let weight = normals(1, case.inputs() * outputs);
        let (numeric, dy) = (normals(2, BATCH * numbers), normals(3, BATCH * outputs));
        let computed = compute(&case, [&weight, &numeric, &dy]);

        let table = case.tables().tables()[0].weights();
        let lookups = case.lookups();
        let (mut y, mut weight_grad) = (vec![0.0; BATCH * outputs], vec![0.0; weight.len()]);
        let mut stepped: Vec<f64> = table.iter().copied().map(f64::from).collect();
        for example in 0..BATCH {
            let fields = lookups[example * ROWS.len()..][..ROWS.len()].iter();
            let places = fields.flat_map(|row| (0..width).map(move |d| Some(*row as usize * width + d)));
            let places = places.chain((0..numbers).map(|_| None)).enumerate();
            for (input, place) in places {
                let number = || numeric[example * numbers + input - ROWS.len() * width];
                let x = f64::from(place.map_or_else(number, |place| table[place]));
                for output in 0..outputs {
                    let (w, dy) =
                        (f64::from(weight[input * outputs + output]), f64::from(dy[example * outputs + output]));
                    y[example * outputs + output] += x * w;
                    weight_grad[input * outputs + output] += x * dy;
                    if let Some(place) = place {
                        stepped[place] -= w * dy;
                    }
                }
            }
        }
        assert_near(&format!("{name}: y"), &computed.y, &y);
        assert_near(&format!("{name}: dW"), &computed.weight_grad, &weight_grad);
        assert_near(&format!("{name}: rows"), &computed.stepped, &stepped);
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for case in cases() {
        let weight = normals(1, case.inputs() * case.outputs);
        let (numeric, dy) = (normals(2, BATCH * case.numeric), normals(3, BATCH * case.outputs));
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let computed = pool.install(|| compute(&case, [&weight, &numeric, &dy]));
            let all = [computed.y, computed.stepped, computed.weight_grad];
            all.map(|values| values.into_iter().map(f32::to_bits).collect::<Vec<_>>())
        };
        let one = on(1);
        for threads in [2, 4] {
            assert!(on(threads) == one, "{threads} threads, width {}", case.width);
        }
    }
}

#[test]
fn tables_of_other_kinds_are_gathered_instead() {
    let case = &cases()[0];
    let none = |layout: &LookupLayout| {
        let spec = TableSpec::new("embedding", case.width, 1.0);
        let sgd = SgdConfig { learning_rate: 1.0, momentum: 0.0, nesterov: false };
        let rule = UpdateRule::sparse(RowOptimizerConfig::Sgd(sgd));
        let tables = EmbeddingTables::with_layout(&[spec], layout, rule, 7).unwrap();
        let plan = Plan::new(&case.lookups());
        let weight = matrix(&normals(1, case.inputs() * case.outputs), case.outputs);
        tables.input_product::<B>(plan.lookups(), &[], weight, BATCH).is_none()
    };
    assert!(!none(&case.layout()));
    let mut shared = case.layout();
    shared.fields[1].group = 0;
    assert!(none(&shared), "fields that share rows");
    let mut pooled = case.layout();
    pooled.fields[0].combine = Combine::Sum;
    assert!(none(&pooled), "a field of several lookups");
    assert!(none(&LookupLayout::uniform(200_000, 3)), "rows without fields");
}
