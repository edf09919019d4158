//! Bad rows stop the work, are left out, or are put aside; they are counted, and none is guessed at.

use std::collections::BTreeMap;
use std::fs;

use ctr_data::{Dataset, Labels, Reason, Split};

use crate::workshop::{CSV_CONFIG, TEST, TRAIN, VALID, Workshop, all_rows, rows};

/// One row of each kind of fault, and the reason it is counted under.
const BAD: [(&[u8], Reason); 12] = [
    (b"2,ann,x,1\n", Reason::Label),
    (b"nan,ann,x,1\n", Reason::Label),
    (b"1,ann,x\n", Reason::FieldCount),
    (b"1,ann,x,1,1\n", Reason::FieldCount),
    (b"1,ann,x,NaN\n", Reason::Number),
    (b"1,ann,x,1e39\n", Reason::Number),
    (b"1,ann,x,\n", Reason::Missing),
    (b"1,a\xffn,x,1\n", Reason::Encoding),
    (b"1,a\0n,x,1\n", Reason::Nul),
    (b"1,a\"n,x,1\n", Reason::Quote),
    (b"\n", Reason::EmptyLine),
    (b"1,\"ann\"n,x,1\r\n", Reason::Quote),
];

fn with_rows(policy: &str) -> String {
    format!("{CSV_CONFIG}\n[rows]\n{policy}\n")
}

/// `TRAIN` with every bad row between each two of its rows.
fn littered() -> Vec<u8> {
    let (header, good) = TRAIN.split_once('\n').unwrap();
    let bad: Vec<u8> = BAD.iter().flat_map(|(row, _)| row.iter().copied()).collect();
    let mut text = format!("{header}\n").into_bytes();
    for row in good.split_inclusive('\n') {
        text.extend_from_slice(row.as_bytes());
        text.extend_from_slice(&bad);
    }
    text
}

fn expected_counts(times: u64) -> BTreeMap<Reason, u64> {
    let mut counts = BTreeMap::new();
    for (_, reason) in BAD {
        *counts.entry(reason).or_default() += times;
    }
    counts
}

#[test]
fn skipped_rows_leave_what_is_good_and_are_counted_by_reason() {
    let clean = Workshop::small().prepare(CSV_CONFIG).unwrap();
    assert!(clean.bad_rows().is_empty());
    let workshop = Workshop::with(littered(), VALID, TEST);
    let dataset = workshop.prepare(&with_rows("bad = 'skip'")).unwrap();
    assert_eq!(dataset.digest(), clean.digest(), "schema, vocabularies and rows are those of the good rows");
    assert_eq!(*dataset.bad_rows(), BTreeMap::from([("train".to_owned(), expected_counts(4))]));
    let again = workshop.prepare(&with_rows("bad = 'skip'")).unwrap();
    assert!(again.was_cached() && again.bad_rows() == dataset.bad_rows());
}

#[test]
fn quarantined_rows_lie_in_their_file_as_they_were() {
    let workshop = Workshop::with(littered(), VALID, TEST.replace("1,dan", "?,dan\n1,dan"));
    let file = workshop.raw("aside.jsonl");
    let config = with_rows(&format!("bad = 'quarantine'\nquarantine = '{}'", file.display()));
    let dataset = workshop.prepare(&config).unwrap();
    let check = |dataset: &Dataset| {
        let text = fs::read_to_string(&file).unwrap();
        let entries: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let counted: u64 = dataset.bad_rows().values().flat_map(BTreeMap::values).sum();
        assert_eq!((entries.len() as u64, counted), (4 * 12 + 1, 4 * 12 + 1));
        assert_eq!((entries[0]["line"].as_u64(), entries[0]["row"].as_str()), (Some(3), Some("2,ann,x,1")));
        assert_eq!(entries[0]["reason"], "label");
        assert!(entries[0]["message"].as_str().unwrap().contains("line 3, column `label`: found \"2\""));
        assert_eq!(entries[7]["row_hex"], "312c61ff6e2c782c31");
        assert_eq!(entries[11]["row"], "1,\"ann\"n,x,1");
        assert_eq!((&entries[48]["row"], &entries[48]["reason"]), (&"?,dan".into(), &"field_count".into()));
    };
    check(&dataset);
    // A data set that is ready brings its bad rows with it.
    fs::remove_file(&file).unwrap();
    let again = workshop.prepare(&config).unwrap();
    assert!(again.was_cached());
    check(&again);
}

#[test]
fn a_line_that_is_too_long_is_one_bad_row() {
    let long = format!("1,{},x,1\n", "a".repeat(3 << 20));
    let open = format!("1,\"{},x,1\n", "a\n".repeat(1500));
    let text = format!("{TRAIN}{long}0,bob,y,1\n{open}1,bob,y,1\n");
    let workshop = Workshop::with(text, VALID, TEST);
    let message = workshop.prepare(&with_rows("max_line_bytes = 2000")).unwrap_err().to_string();
    assert!(message.contains("line 6: found a line of more than 2000 bytes, beginning with \"1,aaa"), "{message}");
    let dataset = workshop.prepare(&with_rows("max_line_bytes = 2000\nbad = 'skip'")).unwrap();
    assert_eq!(dataset.split(Split::Train).len(), 4 + 1 + 501 - 500);
}

#[test]
fn predictions_never_leave_a_row_out() {
    let workshop = Workshop::with(littered(), VALID, TEST);
    let encoder = workshop.prepare(&with_rows("bad = 'skip'")).unwrap().encoder().unwrap();
    let message = workshop.encode(&encoder, &workshop.raw("train"), Labels::Optional).unwrap_err().to_string();
    assert!(message.contains("line 3, column `label`"), "{message}");
}

#[test]
fn a_file_of_bad_rows_alone_has_no_rows() {
    let workshop = Workshop::with("label,user,item,price\n2,a,b,1\n", VALID, TEST);
    let message = workshop.prepare(&with_rows("bad = 'skip'")).unwrap_err().to_string();
    assert!(message.contains("no rows"), "{message}");
}

#[test]
fn a_bad_header_is_an_error_whatever_the_policy() {
    let workshop = Workshop::with("label,us\0er,item,price\n1,a,b,1\n", VALID, TEST);
    let message = workshop.prepare(&with_rows("bad = 'skip'")).unwrap_err().to_string();
    assert!(message.contains("line 1: found a NUL byte"), "{message}");
}

#[test]
fn bad_rows_of_the_sparse_formats_are_left_out_too() {
    let config = "name = 's'\nsource = { format = 'libsvm', index = { user = [1, 9] } }\nrows = { bad = 'skip' }\n\
                  files = { train = 'train', valid = 'train', test = 'train' }\n\
                  fields = [{ name = 'user', type = 'categorical' }]";
    let bad = "1 3:1\n1 x\n1 3:1 4:1\n\n3 3:1\n0 4:1\n";
    let dataset = Workshop::with(bad, "", "").prepare(config).unwrap();
    let clean = Workshop::with("1 3:1\n0 4:1\n", "", "").prepare(config).unwrap();
    assert_eq!(all_rows(&dataset), all_rows(&clean));
    assert_eq!(rows(dataset.split(Split::Test)).len(), 2);
    let expected = [(Reason::Token, 1), (Reason::RepeatedField, 1), (Reason::EmptyLine, 1), (Reason::Label, 1)];
    assert_eq!(dataset.bad_rows()["valid"], BTreeMap::from(expected));
}

#[test]
fn policies_that_contradict_themselves() {
    for (policy, key) in [
        ("bad = 'quarantine'", "rows.quarantine"),
        ("bad = 'skip'\nquarantine = 'x'", "rows.quarantine"),
        ("max_line_bytes = 3", "rows.max_line_bytes"),
    ] {
        let message = Workshop::small().prepare(&with_rows(policy)).unwrap_err().to_string();
        assert!(message.contains(&format!("`{key}`")), "{message}");
    }
}
