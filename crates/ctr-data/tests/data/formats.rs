//! The same rows in every format come out the same.

use ctr_data::{Dataset, Split};
use proptest::prelude::*;

use crate::workshop::{CSV_CONFIG, TEST, TRAIN, VALID, Workshop, all_rows, parse};

fn prepared(change: impl Fn(&str) -> Vec<u8>, config: &str) -> Dataset {
    Workshop::with(change(TRAIN), change(VALID), change(TEST)).prepare(config).unwrap()
}

#[test]
fn csv_rows_become_ids_and_numbers() {
    let workshop = Workshop::small();
    let dataset = workshop.prepare(CSV_CONFIG).unwrap();
    let ids: Vec<&[u32]> = (0..4).map(|row| dataset.split(Split::Train).categorical(row)).collect();
    // ann 1 (twice), bob 2, cyd 3; x 1 (three times), y 2.
    assert_eq!(ids, [[1, 1], [2, 2], [1, 1], [3, 1]]);
    assert_eq!(dataset.split(Split::Valid).categorical(0), [2, 0]);
    assert_eq!(dataset.split(Split::Test).categorical(0), [0, 2]);
    assert_eq!(dataset.split(Split::Train).numeric(0), [2.5]);
    let labels: Vec<f32> = (0..4).map(|row| dataset.split(Split::Train).label(row)).collect();
    assert_eq!(labels, [1.0, 0.0, 0.0, 1.0]);
    let schema = dataset.schema();
    assert_eq!(schema.categorical.iter().map(|field| field.cardinality).collect::<Vec<_>>(), [4, 3]);
    assert_eq!((schema.row_layout().tables[1].base, schema.row_layout().rows), (4, 7));
    assert_eq!(dataset.encoder().unwrap().value(0, 3), Some("cyd"));
}

#[test]
fn spelling_of_a_csv_file_does_not_matter() {
    let plain = prepared(|text| text.into(), CSV_CONFIG);
    let quoted = |text: &str| format!("\"{}\"\n", text.trim_end().replace(',', "\",\"").replace('\n', "\"\n\""));
    let spellings: [(&str, Dataset); 7] = [
        ("CRLF", prepared(|text| text.replace('\n', "\r\n").into(), CSV_CONFIG)),
        ("byte order mark", prepared(|text| format!("\u{feff}{text}").into(), CSV_CONFIG)),
        ("no last line end", prepared(|text| text.trim_end().into(), CSV_CONFIG)),
        ("quotes", prepared(|text| quoted(text).into(), CSV_CONFIG)),
        ("quotes and CRLF", prepared(|text| quoted(text).replace('\n', "\r\n").into(), CSV_CONFIG)),
        (
            "semicolons",
            prepared(|text| text.replace(',', ";").into(), &CSV_CONFIG.replace("\"csv\"", "\"csv\"\ndelimiter = ';'")),
        ),
        (
            "labels with a point",
            prepared(|text| text.replace("\n1,", "\n1.0,").replace("\n0,", "\n0.0,").into(), CSV_CONFIG),
        ),
    ];
    for (spelling, dataset) in &spellings {
        assert_eq!(all_rows(dataset), all_rows(&plain), "{spelling}");
    }
}

#[test]
fn columns_that_no_field_names_are_left_out() {
    let widened =
        prepared(|text| format!("extra,{},7", text.trim_end().replace('\n', ",7\nextra,")).into(), CSV_CONFIG);
    assert_eq!(all_rows(&widened), all_rows(&prepared(|text| text.into(), CSV_CONFIG)));
}

#[test]
fn criteo_columns_are_found_by_name() {
    let line = |label: &str, i2: &str, c26: &str| format!("{label}\t\t{i2}{}{c26}\n", "\t".repeat(37));
    let train = [line("1", "7", "aa"), line("0", "", "bb"), line("0", "0", "aa")].concat();
    let config = r#"
        name = "criteo"
        source = { format = "criteo_tsv" }
        files = { train = "train", valid = "train", test = "train" }
        fields = [
            { name = "I2", type = "numeric", missing = { constant = -1.0 }, transform = "log_squared" },
            { name = ["C26", "C1"], type = "categorical" },
        ]
    "#;
    let dataset = Workshop::with(train, "", "").prepare(config).unwrap();
    let shards = dataset.split(Split::Train);
    assert_eq!((0..3).map(|row| shards.numeric(row)[0]).collect::<Vec<_>>(), [3.0, -1.0, 0.0]);
    // The empty C1 is a value like any other.
    assert_eq!((0..3).map(|row| shards.categorical(row)).collect::<Vec<_>>(), [[1, 1], [2, 1], [1, 1]]);
}

#[test]
fn sparse_formats_equal_csv() {
    let csv = prepared(|text| text.into(), CSV_CONFIG);
    // Users are indices 1.., items 11.., the price index 20; names become numbers, which does not change ids here.
    let number = |user: &str| ["ann", "bob", "cyd", "dan"].iter().position(|name| *name == user).unwrap() + 1;
    let item = |item: &str| ["x", "y", "z"].iter().position(|name| *name == item).unwrap() + 11;
    let lines = |text: &str, line: &dyn Fn(&str, usize, usize, &str) -> String| {
        let rows = text.lines().skip(1).map(|row| {
            let parts: Vec<&str> = row.split(',').collect();
            line(parts[0], number(parts[1]), item(parts[2]), parts[3])
        });
        rows.collect::<String>().into_bytes()
    };
    let rest = CSV_CONFIG.split_once("[files]").unwrap().1;
    let libsvm = prepared(
        |text| lines(text, &|label, user, item, price| format!("{label} 20:{price} {user}:1 {item}:1 99:5 \n")),
        &format!(
            "name = 'small'\n[source]\nformat = 'libsvm'\nindex = {{ user = [1, 10], item = [11, 19], price = 20 }}\n[files]{rest}"
        ),
    );
    let libfm = prepared(
        |text| {
            lines(text, &|label, user, item, price| format!("{label} 0:{user}:1 item:{item}:1.0 2:0:{price} 7:1:1\n"))
        },
        &format!("name = 'small'\n[source]\nformat = 'libfm'\nkey = {{ user = '0', price = '2' }}\n[files]{rest}"),
    );
    assert_eq!(all_rows(&libsvm), all_rows(&csv));
    assert_eq!(all_rows(&libfm), all_rows(&csv));
}

#[test]
fn missing_categories_follow_their_policy() {
    let train = "label,user,item,price\n1,,x,1\n0,,x,1\n0,ann,x,1\n";
    let with = |policy: &str| {
        CSV_CONFIG.replacen("type = \"categorical\"", &format!("type = \"categorical\"\nmissing = \"{policy}\""), 1)
    };
    let users = |policy: &str| {
        let dataset = Workshop::with(train, VALID, TEST).prepare(&with(policy)).unwrap();
        (0..3).map(|row| dataset.split(Split::Train).categorical(row)[0]).collect::<Vec<_>>()
    };
    assert_eq!(users("value"), [1, 1, 2]);
    assert_eq!(users("oov"), [0, 0, 1]);
    let error = Workshop::with(train, VALID, TEST).prepare(&with("error")).unwrap_err().to_string();
    assert!(error.contains("line 2, column `user`: found nothing"), "{error}");
}

#[test]
fn a_sparse_field_that_a_line_lacks_is_missing() {
    let config = r#"
        name = "sparse"
        source = { format = "libsvm" }
        files = { train = "train", valid = "train", test = "train" }
        fields = [{ name = "3", type = "categorical" }, { name = "5", type = "numeric", missing = "mean" }]
    "#;
    let dataset = Workshop::with("1 3:red 5:4\n0 5:8\n0 3:red\n", "", "").prepare(config).unwrap();
    let shards = dataset.split(Split::Train);
    assert_eq!((0..3).map(|row| shards.categorical(row)[0]).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!((0..3).map(|row| shards.numeric(row)[0]).collect::<Vec<_>>(), [4.0, 8.0, 6.0]);
}

#[test]
fn standardisation_uses_the_training_rows_alone() {
    let config = CSV_CONFIG.replace("type = \"numeric\"", "type = \"numeric\"\nstandardise = true");
    let dataset = Workshop::with(
        "label,user,item,price\n0,a,b,1\n0,a,b,3\n",
        "label,user,item,price\n0,a,b,1000\n",
        "label,user,item,price\n0,a,b,2\n",
    )
    .prepare(&config)
    .unwrap();
    let value = |split, row| dataset.split(split).numeric(row)[0];
    assert_eq!((value(Split::Train, 0), value(Split::Train, 1), value(Split::Test, 0)), (-1.0, 1.0, 0.0));
    assert_eq!(value(Split::Valid, 0), 998.0);
}

proptest! {
    /// Any text in a field, written by the `csv` crate, is read back as that text.
    #[test]
    fn any_text_survives_a_csv_file(values in prop::collection::vec("[a\",;\r\n é]{1,6}", 1..20)) {
        let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
        writer.write_record(["label", "user", "item", "price"])?;
        for value in &values {
            writer.write_record(["1", value, "x", "1"])?;
        }
        let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
        let workshop = Workshop::with(bytes, "", "");
        let mut read = Vec::new();
        parse(CSV_CONFIG).open_source(Split::Train, &workshop.raw(""))?.read(&mut |row| {
            let row = row?;
            read.push(row.value(0).to_owned());
            Ok(())
        })?;
        prop_assert_eq!(read, values);
    }
}

/// Bytes that the formats give a meaning to, and any others.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => prop::sample::select(b"01:\t \n\r\",".as_slice()), 1 => any::<u8>()]
}

proptest! {
    /// Bytes of any kind give rows or an error, never a panic.
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(byte(), 0..200)) {
        let workshop = Workshop::empty();
        let tabs = bytes.iter().flat_map(|&byte| [b'\t', byte]).collect();
        let headed = [b"label,1\n".as_slice(), &bytes].concat();
        for (format, field, content) in
            [("csv", "1", headed), ("libsvm", "1", bytes.clone()), ("libfm", "1", bytes.clone()), ("criteo_tsv", "C1", tabs)]
        {
            let config = format!(
                "name = 'x'\nsource = {{ format = '{format}' }}\nfiles = {{ train = 'train', valid = 'x', test = 'x' }}\n\
                 fields = [{{ name = '{field}', type = 'categorical' }}]"
            );
            workshop.write("train", &content);
            let source = parse(&config).open_source(Split::Train, &workshop.raw(""))?;
            let mut bytes_read = 0;
            let _ = source.read(&mut |row| {
                let Ok(row) = row else { return Ok(()) };
                assert!(row.value(0).len() <= content.len() && row.offset > bytes_read && row.offset <= content.len() as u64);
                bytes_read = row.offset;
                Ok(())
            });
        }
    }
}
