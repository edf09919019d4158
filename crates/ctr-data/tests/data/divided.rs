//! One set of files, divided by a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ctr_data::{Dataset, Reason, Split};

use crate::workshop::{Workshop, rows};

const ROWS: usize = 20_000;

/// Users 0 … 999, times that ascend with the rows.
fn text() -> String {
    let mut text = "label,user,time,day\n".to_owned();
    for row in 0..ROWS {
        let user = row.wrapping_mul(2_654_435_761) / 7 % 1000;
        writeln!(text, "{},u{user},{row},2024-01-{:02}", row % 2, 1 + row * 30 / ROWS).unwrap();
    }
    text
}

fn config(split: &str) -> String {
    format!(
        "name = 'd'\nsource = {{ format = 'csv' }}\nfiles = {{ all = 'all' }}\nsplit = {{ {split} }}\n\
         fields = [{{ name = 'user', type = 'categorical' }}, {{ name = 'time', type = 'numeric' }}]"
    )
}

fn prepared(text: &str, split: &str) -> Dataset {
    let workshop = Workshop::empty();
    workshop.write("all", text);
    workshop.prepare(&config(split)).unwrap()
}

/// The times of each split's rows, which number the rows.
fn members(dataset: &Dataset) -> [Vec<usize>; 3] {
    Split::ALL.map(|split| {
        let shards = dataset.split(split);
        (0..shards.len()).map(|row| shards.numeric(row)[0] as usize).collect()
    })
}

fn assert_a_partition(members: &[Vec<usize>; 3]) {
    assert!(members.iter().all(|rows| rows.is_sorted()), "rows stay in their order");
    let mut all = members.concat();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..ROWS), "each row is in one split");
}

#[test]
fn by_ratio() {
    let text = text();
    let members_of = |seed| members(&prepared(&text, &format!("by = 'ratio', valid = 0.2, test = 0.1, seed = {seed}")));
    let first = members_of(0);
    assert_a_partition(&first);
    // Binomial: five standard deviations are 5 √(20000 p (1 − p)), at most 283.
    for (rows, expected) in first.iter().zip([14_000, 4_000, 2_000]) {
        assert!(rows.len().abs_diff(expected) < 283, "{} rows", rows.len());
    }
    assert_eq!(first, members_of(0));
    assert_ne!(first, members_of(1));
}

/// The division is part of what a published run promises: these rows may never change.
#[test]
fn the_division_is_pinned() {
    let [_, valid, test] = members(&prepared(&text(), "by = 'ratio', valid = 0.2, test = 0.1"));
    assert_eq!((&valid[..6], &test[..6]), (&VALID[..], &TEST[..]));
}
const VALID: [usize; 6] = [4, 5, 6, 10, 12, 23];
const TEST: [usize; 6] = [1, 2, 3, 7, 20, 26];

#[test]
fn by_the_hash_of_a_column_a_user_stays_whole() {
    let dataset = prepared(&text(), "by = 'hash', column = 'user', valid = 0.1, test = 0.2, seed = 4");
    let members = members(&dataset);
    assert_a_partition(&members);
    let users = |rows: &Vec<usize>| -> BTreeSet<usize> {
        rows.iter().map(|row| row.wrapping_mul(2_654_435_761) / 7 % 1000).collect()
    };
    let [train, valid, test] = members.each_ref().map(users);
    assert!(train.is_disjoint(&valid) && train.is_disjoint(&test) && valid.is_disjoint(&test));
    assert!(valid.len().abs_diff(100) < 50 && test.len().abs_diff(200) < 65, "{} and {}", valid.len(), test.len());
    // Values of the other splits are unknown to the vocabulary, which is fitted on the training rows.
    assert!(rows(dataset.split(Split::Valid)).iter().all(|(_, ids, ..)| ids[0] == 0));
    assert_eq!(dataset.schema().categorical[0].cardinality, 1 + train.len() as u64);
}

#[test]
fn by_time_as_a_number_and_as_a_text() {
    let numbers = members(&prepared(&text(), "by = 'time', column = 'time', valid = 10000, test = 15000.5"));
    assert_a_partition(&numbers);
    assert_eq!(numbers.each_ref().map(|rows| rows[0]), [0, 10_000, 15_001]);
    // `day` is no field: a rule may go by any column.
    let texts = members(&prepared(&text(), "by = 'time', column = 'day', valid = '2024-01-16', test = '2024-01-25'"));
    assert_a_partition(&texts);
    assert_eq!(texts.each_ref().map(|rows| rows[0]), [0, 10_000, 16_000]);
}

#[test]
fn a_time_that_is_none_is_a_bad_row() {
    let bad_number = text().replacen(",5,2024", ",soon,2024", 1);
    let workshop = Workshop::empty();
    workshop.write("all", &bad_number);
    let split = "by = 'time', column = 'time', valid = 10000, test = 15000";
    let message = workshop.prepare(&config(split)).unwrap_err().to_string();
    assert!(message.contains("line 7, column `time`: found \"soon\"") && message.contains("a time that"), "{message}");
    let split = "by = 'time', column = 'day', valid = '2024-01-16', test = '2024-01-25'";
    workshop.write("all", text().replacen(",6,2024-01-01", ",6,", 1));
    let message = workshop.prepare(&config(split)).unwrap_err().to_string();
    assert!(message.contains("line 8, column `day`: found nothing, expected a time"), "{message}");
    workshop.write("all", bad_number.replacen(",6,2024-01-01", ",6,", 1));
    let dataset = workshop.prepare(&format!("{}\nrows = {{ bad = 'skip' }}", config(split))).unwrap();
    let expected = BTreeMap::from([(Reason::Split, 1), (Reason::Number, 1)]);
    assert_eq!(dataset.bad_rows()["all"], expected);
}

#[test]
fn a_split_without_rows_is_an_error() {
    let workshop = Workshop::empty();
    workshop.write("all", text());
    let message = workshop.prepare(&config("by = 'time', column = 'time', valid = 5, test = 90000")).unwrap_err();
    assert!(message.to_string().contains("split `test`: no rows"), "{message}");
}

#[test]
fn rules_that_cannot_be_followed() {
    for (split, key) in [
        ("by = 'ratio', valid = 0.0, test = 0.1", "split.valid"),
        ("by = 'ratio', valid = 0.5, test = 0.5", "split.test"),
        ("by = 'hash', column = 'label', valid = 0.1, test = 0.1", "split.column"),
        ("by = 'time', column = 'time', valid = 9, test = 8", "split.test"),
        ("by = 'time', column = 'time', valid = 9, test = '2024'", "split.test"),
    ] {
        let message = Workshop::empty().prepare(&config(split)).unwrap_err().to_string();
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
    for (files, key) in [
        ("{ train = 'all', valid = 'all', test = 'all' }", "split.by"),
        ("{ all = 'all', test = 'all' }", "files.test"),
    ] {
        let config = config("by = 'ratio', valid = 0.1, test = 0.1").replace("{ all = 'all' }", files);
        let message = Workshop::empty().prepare(&config).unwrap_err().to_string();
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
    let undivided = config("").replace("split = {  }\n", "");
    let message = Workshop::empty().prepare(&undivided).unwrap_err().to_string();
    assert!(message.contains("`files.all`") && message.contains("[split]"), "{message}");
}
