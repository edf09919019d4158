//! Tables that some fields alone look their rows up in.
use burn::backend::Flex;
use burn::backend::flex::FlexDevice;
use burn::tensor::{Tensor, TensorData};
use ctr_model::embedding::{
    Combine, EmbeddingTable, EmbeddingTables, FieldLookup, LookupLayout, RowClip, RowGroup, TableError, TableSpec,
    UpdateRule, UpdateScope,
};
use ctr_model::optim::{RowOptimizerConfig, SgdConfig};

use crate::embedding::Plan;
use crate::values::elements;

const BATCH: usize = 4;
const WIDTH: usize = 2;
const L2: f64 = 0.25;

/// Four fields, of which `a` and `d` share their rows.
fn layout() -> LookupLayout {
    let group = |rows| RowGroup { rows, width: WIDTH, frozen: false };
    let field = |group| FieldLookup { group, combine: Combine::One };
    LookupLayout {
        groups: vec![group(0..5), group(5..8), group(8..12)],
        fields: vec![field(0), field(1), field(2), field(0)],
        names: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
        concatenated: None,
    }
}

/// One row of each field for each example; `d` does not look up row 3 of those that it shares with `a`.
const IDS: [u64; BATCH * 4] = [0, 5, 8, 1, 1, 6, 9, 1, 4, 5, 10, 0, 3, 7, 11, 4];

fn tables(fields: Option<&[&str]>) -> Result<EmbeddingTables, TableError> {
    let fields = fields.map(|fields| fields.iter().map(|&field| field.to_owned()).collect());
    EmbeddingTables::with_layout(&[TableSpec { fields, ..TableSpec::new("gate", WIDTH, 0.5) }], &layout(), rule(), 3)
}

fn rule() -> UpdateRule {
    UpdateRule {
        scope: UpdateScope::TouchedRows,
        optimizer: RowOptimizerConfig::Sgd(SgdConfig { learning_rate: 1.0, ..SgdConfig::default() }),
        l2: L2,
        weight_decay: 0.0,
        clip: RowClip::default(),
    }
}

fn gathered(tables: &EmbeddingTables) -> Tensor<Flex, 3> {
    tables.gather(Plan::new(&IDS).lookups(), BATCH, &FlexDevice).remove(0)
}

/// Those of the elements of [B, 4, D] that belong to `fields`.
fn of_fields(all: &[f32], fields: &[usize]) -> Vec<f32> {
    let examples = all.chunks_exact(4 * WIDTH);
    examples.flat_map(|example| fields.iter().flat_map(|&field| example[field * WIDTH..][..WIDTH].to_vec())).collect()
}

#[test]
fn the_named_fields_find_their_rows_in_the_order_of_the_data() {
    let all = elements(gathered(&tables(None).unwrap()));
    for (named, fields) in [(&["b"][..], &[1][..]), (&["d", "b"], &[1, 3]), (&["a", "b", "c", "d"], &[0, 1, 2, 3])] {
        let some = gathered(&tables(Some(named)).unwrap());
        assert_eq!(some.dims(), [BATCH, fields.len(), WIDTH]);
        assert_eq!(elements(some), of_fields(&all, fields), "{named:?}");
    }
}

#[test]
fn a_table_holds_the_rows_of_its_fields_and_no_others() {
    let ranges = |named: &[&str]| -> Vec<_> {
        let tables = tables(Some(named)).unwrap();
        tables.tables().iter().map(|table| (table.name().to_owned(), table.row_range())).collect()
    };
    assert_eq!(ranges(&["b"]), [("gate".to_owned(), 5..8)]);
    assert_eq!(ranges(&["b", "d"]), [("gate".to_owned(), 0..8)]);
    assert_eq!(ranges(&["a", "c"]), [("gate.part0".to_owned(), 0..5), ("gate.part1".to_owned(), 8..12)]);
}

#[test]
fn rows_that_other_fields_look_up_stay_as_they_are() {
    let plan = Plan::new(&IDS);
    for (named, fields) in [(&["d"][..], &[3][..]), (&["a", "c"], &[0, 2]), (&["a", "d"], &[0, 3])] {
        let mut tables = tables(Some(named)).unwrap();
        let before: Vec<Vec<f32>> = tables.tables().iter().map(EmbeddingTable::weights).collect();
        let grad: Vec<f32> = (1..=BATCH * fields.len() * WIDTH).map(|n| n as f32).collect();
        let tensor =
            Tensor::<Flex, 3>::from_data(TensorData::new(grad.clone(), [BATCH, fields.len(), WIDTH]), &FlexDevice);
        let rows = tables.reduce(vec![Some(tensor)], plan.lookups());
        let step = ctr_model::optim::UpdateStep { number: 1, rate_scale: 1.0, grad_scale: 1.0 };
        tables.update(&rows, plan.lookups(), step);
        for (table, before) in tables.tables().iter().zip(before) {
            for (row, before) in table.row_range().zip(before.chunks_exact(WIDTH)) {
                let mut expected = before.to_vec();
                let (mut sum, mut touched) = ([0.0; WIDTH], false);
                for (slot, grad) in grad.chunks_exact(WIDTH).enumerate() {
                    if IDS[slot / fields.len() * 4 + fields[slot % fields.len()]] == row {
                        sum.iter_mut().zip(grad).for_each(|(sum, grad)| *sum += grad);
                        touched = true;
                    }
                }
                if touched {
                    sum.iter_mut().zip(before).for_each(|(sum, weight)| *sum += L2 as f32 * weight);
                }
                expected.iter_mut().zip(sum).for_each(|(weight, sum)| *weight -= sum);
                let place = (row - table.row_range().start) as usize;
                assert_eq!(*table.row(place), expected[..], "{named:?}: row {row}");
            }
        }
    }
}

#[test]
fn fields_that_are_not_there_or_not_named_once_are_refused() {
    let unknown = "the table `gate` is for the field `e`, which is not among the categorical fields (a, b, c, d)";
    for (fields, expected) in [
        (&["b", "e"][..], unknown),
        (&["b", "c", "b"], "the table `gate` is for the fields [b, c, b]; expected at least one, each once"),
        (&[], "the table `gate` is for the fields []; expected at least one, each once"),
    ] {
        assert_eq!(tables(Some(fields)).unwrap_err().to_string(), expected);
    }
    let spec = TableSpec { fields: Some(vec!["a".to_owned()]), ..TableSpec::new("gate", WIDTH, 0.5) };
    let unnamed = LookupLayout { names: vec!["a".to_owned()], ..layout() };
    let error = EmbeddingTables::with_layout(&[spec], &unnamed, rule(), 3).unwrap_err().to_string();
    assert!(error.ends_with("names 1 of 4 fields; expected a name for each"), "{error}");
}

/// A table for some fields has one width, also where the table that it is named like has several.
#[test]
fn widths_of_the_concatenated_table_do_not_matter() {
    let mut layout = LookupLayout { concatenated: Some("gate".to_owned()), ..layout() };
    layout.groups[1].width = 7;
    let spec = TableSpec { fields: Some(vec!["b".to_owned(), "c".to_owned()]), ..TableSpec::new("gate", WIDTH, 0.5) };
    let some = gathered(&EmbeddingTables::with_layout(&[spec], &layout, rule(), 3).unwrap());
    assert_eq!(elements(some), of_fields(&elements(gathered(&tables(None).unwrap())), &[1, 2]));
}
