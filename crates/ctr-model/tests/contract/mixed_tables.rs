//! Tables of several widths, shared, compressed, frozen and multi-hot ones, against a plain replay.
#![allow(clippy::needless_range_loop, reason = "several lists are walked together")]
use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use burn::tensor::{Tensor, TensorData};
use ctr_model::embedding::{
    Combine, EmbeddingTable, EmbeddingTables, FieldLookup, LookupLayout, Lookups, RowGroup, TableSpec, UpdateRule,
};
use ctr_model::optim::{AdagradConfig, RowOptimizerConfig, SgdConfig, UpdateStep};
use proptest::prelude::*;

use crate::values::{assert_close, assert_close_to_scale, elements, normals};

type B = Flex;

/// Groups: rows 0..5 of width 3, 5..12 of width 3 (frozen), 12..30 of width 2.
fn layout() -> LookupLayout {
    let group = |rows, width, frozen| RowGroup { rows, width, frozen };
    let field = |group, combine| FieldLookup { group, combine };
    LookupLayout {
        groups: vec![group(0..5, 3, false), group(5..12, 3, true), group(12..30, 2, false)],
        fields: vec![
            field(2, Combine::Sum),
            field(0, Combine::One),
            field(1, Combine::One),
            field(2, Combine::Max),
            field(2, Combine::Product),
            field(0, Combine::Sum),
            field(2, Combine::Concatenate),
        ],
        names: Vec::new(),
        concatenated: Some("embedding".to_owned()),
    }
}

fn specs() -> [TableSpec; 2] {
    [("embedding", 0), ("linear", 1)].map(|(name, width)| TableSpec::new(name, width, 0.5))
}

/// The rows and factors that each slot of an example looks up.
type Example = Vec<Vec<(u64, f32)>>;

fn examples() -> impl Strategy<Value = Vec<Example>> {
    let rows = |group: usize, count| {
        let rows = layout().groups[group].rows.clone();
        prop::collection::vec((rows, prop_oneof![Just(1.0_f32), 0.25_f32..2.0]), count)
    };
    let one = |slot: Vec<(u64, f32)>| slot.into_iter().map(|(row, _)| (row, 1.0)).collect::<Vec<_>>();
    let example = (
        rows(2, 0..4),
        rows(0, 1..2).prop_map(one),
        rows(1, 1..2).prop_map(one),
        rows(2, 0..4).prop_map(one),
        rows(2, 2..3).prop_map(one),
        rows(0, 0..3),
        rows(2, 2..3).prop_map(one),
    );
    prop::collection::vec(example.prop_map(|(a, b, c, d, e, f, g)| vec![a, b, c, d, e, f, g]), 1..8)
}

/// A row plan with bags, made the plain way.
struct Plan {
    rows: Vec<u64>,
    inverse: Vec<u32>,
    offsets: Vec<u32>,
    order: Vec<u32>,
    bags: Vec<u32>,
    factors: Vec<f32>,
}

impl Plan {
    fn new(examples: &[Example]) -> Self {
        let lookups: Vec<(u64, f32)> = examples.iter().flatten().flatten().copied().collect();
        let mut rows: Vec<u64> = lookups.iter().map(|(row, _)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        let inverse: Vec<u32> = lookups.iter().map(|(row, _)| rows.binary_search(row).unwrap() as u32).collect();
        let mut order: Vec<u32> = (0..lookups.len() as u32).collect();
        order.sort_by_key(|&n| inverse[n as usize]);
        let offsets = (0..=rows.len() as u32)
            .map(|unique| order.partition_point(|&n| inverse[n as usize] < unique) as u32)
            .collect();
        let mut bags = vec![0];
        bags.extend(examples.iter().flatten().scan(0, |end, slot| {
            *end += slot.len() as u32;
            Some(*end)
        }));
        let factors = lookups.iter().map(|(_, factor)| *factor).collect();
        Self { rows, inverse, offsets, order, bags, factors }
    }

    fn lookups(&self) -> Lookups<'_> {
        let Self { rows, inverse, offsets, order, bags, factors } = self;
        Lookups { rows, inverse, offsets, order, bags, factors }
    }
}

/// The weights of a row of the plan, of either specification.
fn row(tables: &EmbeddingTables, spec: usize, row: u64) -> Vec<f32> {
    let of_spec = if spec == 0 { &tables.tables()[..2] } else { &tables.tables()[2..] };
    let table = of_spec.iter().find(|table| table.row_range().contains(&row)).unwrap();
    table.row((row - table.row_range().start) as usize).into_owned()
}

/// The combined row of a slot, and for each of its lookups the gradient that `grad` of the slot gives it.
fn combine(combine: Combine, rows: &[(Vec<f32>, f32)], grad: &[f32]) -> (Vec<f32>, Vec<Vec<f32>>) {
    if combine == Combine::Concatenate {
        let [(first, _), (second, _)] = rows else { panic!("two rows") };
        // A specification of one width has the sum instead.
        if grad.len() == first.len() {
            let value = first.iter().zip(second).map(|(a, b)| a + b).collect();
            return (value, vec![grad.to_vec(); 2]);
        }
        let (of_first, of_second) = grad.split_at(first.len());
        return ([first.as_slice(), second].concat(), vec![of_first.to_vec(), of_second.to_vec()]);
    }
    let width = grad.len();
    let mut value = vec![0.0; width];
    let mut grads = vec![vec![0.0; width]; rows.len()];
    for column in 0..width {
        let e: Vec<f32> = rows.iter().map(|(row, _)| row[column]).collect();
        match combine {
            Combine::One => (value[column], grads[0][column]) = (e[0], grad[column]),
            Combine::Sum => {
                for (n, (_, factor)) in rows.iter().enumerate() {
                    value[column] += factor * e[n];
                    grads[n][column] = factor * grad[column];
                }
            }
            Combine::Max => {
                if let Some(best) = (0..e.len()).rev().max_by(|&a, &b| e[a].total_cmp(&e[b])) {
                    (value[column], grads[best][column]) = (e[best], grad[column]);
                }
            }
            Combine::Concatenate => unreachable!("answered above"),
            Combine::Product => {
                value[column] = e[0] * e[1];
                (grads[0][column], grads[1][column]) = (grad[column] * e[1], grad[column] * e[0]);
            }
        }
    }
    (value, grads)
}

fn sgd() -> UpdateRule {
    UpdateRule::sparse(RowOptimizerConfig::Sgd(SgdConfig { learning_rate: 0.1, ..SgdConfig::default() }))
}

const STEP: UpdateStep = UpdateStep { number: 1, rate_scale: 1.0, grad_scale: 1.0 };

fn leaf(seed: u64, shape: [usize; 3]) -> Tensor<B, 3> {
    Tensor::from_data(TensorData::new(normals(seed, shape.iter().product()), shape), &FlexDevice)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn gathered_values_and_updates_equal_a_plain_replay(examples in examples()) {
        let layout = layout();
        let plan = Plan::new(&examples);
        let mut tables = EmbeddingTables::with_layout(&specs(), &layout, sgd(), 5).unwrap();
        let gathered = tables.gather::<B>(plan.lookups(), examples.len(), &FlexDevice);
        let batch = examples.len();
        prop_assert_eq!(gathered[0].dims(), [batch, 1, 2 + 3 + 3 + 2 + 2 + 3 + 4]);
        prop_assert_eq!(gathered[1].dims(), [batch, 7, 1]);
        let initial: Vec<Vec<Vec<f32>>> = (0..2).map(|spec| (0..30).map(|r| row(&tables, spec, r)).collect()).collect();
        let grads = [leaf(100, gathered[0].dims()), leaf(101, gathered[1].dims())];

        let mut expected = initial.clone();
        for spec in 0..2 {
            let (values, grads) = (elements(gathered[spec].clone()), elements(grads[spec].clone()));
            let mut place = 0;
            for example in &examples {
                for (field, slot) in layout.fields.iter().zip(example) {
                    let halves = if field.combine == Combine::Concatenate { 2 } else { 1 };
                    let width = if spec == 0 { halves * layout.groups[field.group].width } else { 1 };
                    let rows: Vec<_> = slot.iter().map(|&(r, factor)| (initial[spec][r as usize].clone(), factor)).collect();
                    let (value, lookup_grads) = combine(field.combine, &rows, &grads[place..place + width]);
                    assert_close("gathered", &values[place..place + width], &value, 1e-6);
                    for ((r, _), grad) in slot.iter().zip(lookup_grads) {
                        if !layout.groups.iter().any(|group| group.frozen && group.rows.contains(r)) {
                            expected[spec][*r as usize].iter_mut().zip(grad).for_each(|(w, g)| *w -= 0.1 * g);
                        }
                    }
                    place += width;
                }
            }
            prop_assert_eq!(place, values.len());
        }
        let reduced = tables.reduce(grads.map(Some).to_vec(), plan.lookups());
        tables.update(&reduced, plan.lookups(), STEP);
        for spec in 0..2 {
            for r in 0..30_u64 {
                let touched = examples.iter().flatten().flatten().any(|(looked, _)| *looked == r);
                let (now, expected) = (row(&tables, spec, r), &expected[spec][r as usize]);
                // What is left of terms of about a tenth, whose rounding does not shrink with it.
                assert_close_to_scale("row", &now, expected, 1e-6, 0.1);
                if !touched || (5..12).contains(&r) {
                    prop_assert_eq!(&now, &initial[spec][r as usize]);
                }
            }
        }
    }
}

#[test]
fn a_weight_does_not_depend_on_how_rows_are_divided_among_tables() {
    let mixed = EmbeddingTables::with_layout(&specs(), &layout(), sgd(), 5).unwrap();
    let names: Vec<&str> = mixed.tables().iter().map(EmbeddingTable::name).collect();
    assert_eq!(names, ["embedding.3", "embedding.2", "linear"]);
    let spec = TableSpec { width: 3, ..specs()[0].clone() };
    let whole = EmbeddingTables::new(&[spec], 30, sgd(), 5).unwrap();
    for r in 0..30 {
        let weights = row(&mixed, 0, r);
        assert_eq!(weights, whole.tables()[0].row(r as usize)[..weights.len()]);
    }
}

#[test]
fn mixed_tables_do_not_depend_on_the_number_of_threads() {
    let layout = layout();
    let rule =
        UpdateRule { l2: 0.01, ..UpdateRule::sparse(RowOptimizerConfig::RowwiseAdagrad(AdagradConfig::default())) };
    let draws = normals(9, 4000 * 14);
    let mut draw = draws.iter().map(|v| (v.abs() * 1e4) as u64);
    let mut next = |group: usize| {
        let rows = layout.groups[group].rows.clone();
        rows.start + draw.next().unwrap() % (rows.end - rows.start)
    };
    let counts = [3, 1, 1, 2, 2, 2, 2];
    let examples: Vec<Example> = (0..4000)
        .map(|_| {
            layout.fields.iter().zip(counts).map(|(f, n)| (0..n).map(|_| (next(f.group), 1.0)).collect()).collect()
        })
        .collect();
    let plan = Plan::new(&examples);
    let run = |threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
            let mut tables = EmbeddingTables::with_layout(&specs(), &layout, rule.clone(), 5).unwrap();
            for step in 0..3 {
                let gathered = tables.gather::<B>(plan.lookups(), examples.len(), &FlexDevice);
                let grads = gathered.iter().map(|tensor| Some(leaf(step, tensor.dims()) + tensor.clone())).collect();
                let grads = tables.reduce(grads, plan.lookups());
                let norm = tables.squared_norm(&grads, plan.lookups());
                tables.update(&grads, plan.lookups(), UpdateStep { grad_scale: 1.0 / norm.sqrt(), ..STEP });
            }
            tables.tables().iter().map(|table| (table.weights(), table.state())).collect::<Vec<_>>()
        })
    };
    let one = run(1);
    assert!(run(2) == one && run(4) == one);
}
