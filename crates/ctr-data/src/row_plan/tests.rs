//! Row plans against sorted maps.
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::bags::Bags;
use crate::config::Pooling;
use crate::row_layout::RowLayout;
use crate::row_layout::{FieldRows, TableRows};
use crate::schema::MultiHot;

/// The row of each lookup, and where the lookups of each slot begin, by the definitions.
fn expand(categorical: &[u32], bags: &Bags, layout: &RowLayout) -> (Vec<u64>, Vec<u32>) {
    let (mut rows, mut starts) = (Vec::new(), vec![0]);
    let (mut ids, mut lists) = (categorical.iter(), 0);
    let slots = layout.fields.iter().cycle();
    let count = if layout.single_fields() > 0 {
        categorical.len() / layout.single_fields()
    } else {
        bags.ends.len() / layout.multi_hot_fields().max(1)
    };
    for field in slots.take(count * layout.fields()) {
        let table = &layout.tables[field.table];
        if field.multi_hot.is_some() {
            rows.extend(bags.ids[bags.range(lists)].iter().map(|&id| table.base + u64::from(id)));
            lists += 1;
        } else {
            let id = u64::from(*ids.next().unwrap());
            match table.buckets {
                None => rows.push(table.base + id),
                Some(m) => rows.extend([table.base + id / m, table.base + table.ids.div_ceil(m) + id % m]),
            }
        }
        starts.push(rows.len() as u32);
    }
    (rows, starts)
}

fn reference(categorical: &[u32], bags: &Bags, layout: &RowLayout) -> RowPlan {
    let (row_of, starts) = expand(categorical, bags, layout);
    let mut lookups_of: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (n, &row) in row_of.iter().enumerate() {
        lookups_of.entry(row).or_default().push(n as u32);
    }
    let mut plan = RowPlan { inverse: vec![u32::MAX; row_of.len()], offsets: vec![0], ..RowPlan::default() };
    if !layout.is_one_to_one() {
        plan.bags = starts;
    }
    for (u, (row, lookups)) in lookups_of.into_iter().enumerate() {
        plan.rows.push(row);
        for &n in &lookups {
            plan.inverse[n as usize] = u as u32;
        }
        plan.order.extend(lookups);
        plan.offsets.push(plan.order.len() as u32);
    }
    plan
}

/// Fields of mixed sizes, and examples whose ids are legal in them. Some arenas have more than 2³² rows.
fn batches() -> impl Strategy<Value = (RowLayout, Vec<u32>)> {
    let cardinality = prop_oneof![1_u64..4, 1_u64..3000, Just(1_u64 << 20), Just(1_u64 << 32)];
    prop::collection::vec(cardinality, 1..6).prop_flat_map(|cardinalities| {
        let ids: Vec<_> =
            cardinalities.iter().map(|&cardinality| 0..=(cardinality - 1).min(u64::from(u32::MAX)) as u32).collect();
        prop::collection::vec(ids, 0..60)
            .prop_map(move |examples| (RowLayout::new(cardinalities.iter().copied()), examples.concat()))
    })
}

/// Two tables, the second compressed in half of the cases; fields that share them, some multi-hot.
fn mixed_batches() -> impl Strategy<Value = (RowLayout, Vec<u32>, Bags)> {
    let table = |name: &str, ids, buckets| TableRows { name: name.to_owned(), base: 0, ids, buckets };
    let list = Some(MultiHot { pooling: Pooling::Sum, weighted: false });
    let fields = prop::collection::vec((0_usize..2, any::<bool>()), 1..5);
    (1_u64..30, 1_u64..5000, prop::option::of(1_u64..40), fields, 0_usize..30).prop_flat_map(
        move |(small, large, buckets, fields, examples)| {
            let tables = vec![table("a", small, None), table("b", large, buckets)];
            // A multi-hot field of a compressed table is not allowed.
            let rows = |(table, multi): (usize, bool)| FieldRows {
                table,
                multi_hot: if multi && (table == 0 || buckets.is_none()) { list } else { None },
            };
            let layout = RowLayout::of_tables(tables, fields.into_iter().map(rows).collect());
            let example: Vec<_> = layout
                .fields
                .iter()
                .map(|field| {
                    let length = if field.multi_hot.is_some() { 0..5 } else { 1..2 };
                    prop::collection::vec(0..layout.tables[field.table].ids as u32, length)
                })
                .collect();
            prop::collection::vec(example, examples).prop_map(move |examples| {
                let (mut categorical, mut bags) = (Vec::new(), Bags::default());
                for (field, ids) in examples.iter().flat_map(|example| layout.fields.iter().zip(example)) {
                    if field.multi_hot.is_some() {
                        for &id in ids {
                            bags.push(id, 1.0);
                        }
                        bags.end_bag();
                    } else {
                        categorical.extend(ids);
                    }
                }
                (layout.clone(), categorical, bags)
            })
        },
    )
}

#[test]
fn factors_are_weights_over_their_sum_where_the_mean_is_asked_for() {
    let list = |pooling, weighted| FieldRows { table: 0, multi_hot: Some(MultiHot { pooling, weighted }) };
    let tables = vec![TableRows { name: "t".to_owned(), base: 0, ids: 9, buckets: None }];
    let fields = vec![list(Pooling::Mean, false), FieldRows { table: 0, multi_hot: None }, list(Pooling::Sum, true)];
    let layout = RowLayout::of_tables(tables, fields);
    let mut bags = Bags::default();
    for (id, weight) in [(1, 1.0), (2, 3.0)] {
        bags.push(id, weight);
    }
    bags.end_bag();
    bags.push(3, 0.5);
    bags.end_bag();
    let plan = RowPlanner::new().plan(&[7], &bags, &layout).unwrap();
    assert_eq!(plan.factors, [0.25, 0.75, 1.0, 0.5]);
    assert_eq!(plan.bags, [0, 2, 3, 4]);
}

proptest! {
    #[test]
    fn equals_a_sorted_map((layout, categorical) in batches()) {
        let mut planner = RowPlanner::new();
        // A first plan of other contents: nothing of it may be left in the buffers.
        planner.plan(&vec![0; layout.fields() * 70], &Bags::default(), &layout)?;
        let none = Bags::default();
        prop_assert_eq!(planner.plan(&categorical, &none, &layout)?, reference(&categorical, &none, &layout));
    }

    #[test]
    fn shared_compressed_and_multi_hot_tables_equal_a_sorted_map((layout, categorical, bags) in mixed_batches()) {
        let mut planner = RowPlanner::new();
        let first = planner.plan(&categorical, &bags, &layout)?;
        prop_assert_eq!(&first, &reference(&categorical, &bags, &layout));
        prop_assert_eq!(planner.plan(&categorical, &bags, &layout)?, first);
    }
}

#[test]
fn rows_beyond_32_bits_are_told_apart() {
    let layout = RowLayout::new([1 << 32, 1 << 32, 5]);
    let plan = RowPlanner::new().plan(&[7, 7, 4, 7, 8, 4], &Bags::default(), &layout).unwrap();
    assert_eq!(plan.rows, [7, (1 << 32) + 7, (1 << 32) + 8, (1 << 33) + 4]);
    assert_eq!(plan.inverse, [0, 1, 3, 0, 2, 3]);
    assert_eq!(plan.lookups_of(3), [2, 5]);
}

#[test]
fn no_lookups_give_an_empty_plan() {
    for layout in [RowLayout::new([]), RowLayout::new([3, 4])] {
        let plan = RowPlanner::new().plan(&[], &Bags::default(), &layout).unwrap();
        assert_eq!((plan.unique(), plan.lookups(), plan.offsets), (0, 0, vec![0]));
    }
}

#[test]
fn an_id_beyond_its_field_is_refused() {
    let layout = RowLayout::new([3, 4]);
    let message = RowPlanner::new().plan(&[0, 0, 3, 0], &Bags::default(), &layout).unwrap_err().to_string();
    assert!(message.contains("id 3 in field number 0") && message.contains("cardinality, 3"), "{message}");
}

#[test]
fn part_of_an_example_is_refused() {
    assert!(RowPlanner::new().plan(&[0, 0, 1], &Bags::default(), &RowLayout::new([3, 4])).is_err());
    assert!(RowPlanner::new().plan(&[0], &Bags::default(), &RowLayout::new([])).is_err());
}
