//! Shared, hashed and multi-hot fields, from text to batches.
use ctr_data::{LoaderOptions, Order, Split, batches};

use crate::workshop::Workshop;

const CONFIG: &str = r#"
name = "tables"
[source]
format = "csv"
[files]
train = "train"
valid = "valid"
test = "test"
[[fields]]
name = ["a", "b"]
type = "categorical"
table = "shared"
[[fields]]
name = "h"
type = "categorical"
hash = { buckets = 7, seed = 1 }
[[fields]]
name = "list"
type = "categorical"
table = "shared"
multi_hot = { weight_separator = ":" }
"#;

const TRAIN: &str = "label,a,b,h,list\n1,x,y,p,x:1|z:0.5\n0,y,x,q,\n0,x,x,p,z:2\n";
const VALID: &str = "label,a,b,h,list\n1,w,y,new,w:1\n0,z,z,p,\n";

#[test]
fn fields_of_one_table_share_their_ids_and_lists_keep_their_order_and_weights() {
    let workshop = Workshop::with(TRAIN, VALID, VALID);
    let dataset = workshop.prepare(CONFIG).unwrap();
    // Counts over all fields of the table: x 5, y 2, z 2.
    let train = dataset.split(Split::Train);
    assert_eq!(train.categorical(0)[..2], [1, 2]);
    assert_eq!(train.categorical(1)[..2], [2, 1]);
    let mut bags = ctr_data::Bags::default();
    (0..3).for_each(|row| train.add_bags(row, &mut bags));
    assert_eq!((bags.ends, bags.ids, bags.weights), (vec![2, 2, 3], vec![1, 3, 3], vec![1.0, 0.5, 2.0]));
    let cardinalities: Vec<u64> = dataset.schema().categorical.iter().map(|field| field.cardinality).collect();
    assert_eq!(cardinalities, [4, 4, 8, 4]);

    let valid = dataset.split(Split::Valid);
    assert_eq!(valid.categorical(0)[..2], [0, 2]);
    // A value that train did not hold has a bucket, and the same value always the same one.
    assert!((1..=7).contains(&valid.categorical(0)[2]));
    assert_eq!(valid.categorical(1)[2], train.categorical(0)[2]);
    let encoder = dataset.encoder().unwrap();
    assert_eq!(encoder.value(3, 3), Some("z"));
    assert_eq!(
        (encoder.id("shared", "y"), encoder.id("shared", "new"), encoder.id("absent", "y")),
        (Some(2), Some(0), None)
    );
    assert_eq!(encoder.value(2, 1), None);
}

#[test]
fn batches_hold_the_lists_of_their_examples_whatever_the_number_of_threads() {
    let dataset = Workshop::with(TRAIN, VALID, VALID).prepare(CONFIG).unwrap();
    let layout = dataset.schema().row_layout();
    let collect = |threads| -> Vec<_> {
        let options = LoaderOptions { batch_size: 2, threads, ..LoaderOptions::default() };
        let order = Order::Shuffled { seed: 3, epoch: 1 };
        batches(dataset.split(Split::Train), &layout, order, &options).map(Result::unwrap).collect()
    };
    let one = collect(0);
    for batch in &one {
        assert_eq!(batch.bags.ends.len(), batch.len());
        assert_eq!(batch.plan.bags.len(), batch.len() * 4 + 1);
        assert_eq!(batch.plan.lookups(), batch.len() * 3 + batch.bags.ids.len());
        assert_eq!(batch.plan.factors.len(), batch.plan.lookups());
    }
    for threads in [1, 2, 4] {
        assert_eq!(collect(threads), one, "{threads}");
    }
}

#[test]
fn what_is_no_list_is_refused_with_its_place() {
    for (row, part) in
        [("1,x,y,p,x:1||z:1", "a value"), ("1,x,y,p,x:-1", "a finite weight > 0"), ("1,x,y,p,x", "and a weight")]
    {
        let train = format!("{TRAIN}{row}\n");
        let message = Workshop::with(train, VALID, VALID).prepare(CONFIG).unwrap_err().to_string();
        assert!(message.contains("train, line 5, column `list`") && message.contains(part), "{message}");
    }
}

#[test]
fn what_tables_are_like_does_not_change_the_encoded_data() {
    let workshop = Workshop::with(TRAIN, VALID, VALID);
    let first = workshop.prepare(CONFIG).unwrap();
    let wide = CONFIG.replace("hash = {", "embedding = { dim = 5, frozen = true }\nhash = {");
    assert_eq!(workshop.prepare(&wide).unwrap().digest(), first.digest());
    assert_eq!(workshop.cached().len(), 1);
    let other = CONFIG.replace("seed = 1", "seed = 2");
    assert_ne!(workshop.prepare(&other).unwrap().digest(), first.digest());
}
