//! Every way in which input can be wrong gives one error that says where, what was found, what was expected and what to do.

use std::fs;

use ctr_data::{DataError, DatasetConfig};

use crate::workshop::{CSV_CONFIG, TEST, TRAIN, VALID, Workshop};

const CRITEO: &str = r#"
    name = "criteo"
    source = { format = "criteo_tsv" }
    files = { train = "train", valid = "valid", test = "test" }
    fields = [{ name = "I1", type = "numeric", missing = { constant = 0.0 } }, { name = "C26", type = "categorical" }]
"#;

const LIBSVM: &str = r#"
    name = "sparse"
    source = { format = "libsvm", index = { user = [1, 9], age = 10 } }
    files = { train = "train", valid = "valid", test = "test" }
    fields = [{ name = "user", type = "categorical" }, { name = "age", type = "numeric", missing = "mean" }]
"#;

const LIBFM: &str = r#"
    name = "sparse"
    source = { format = "libfm", key = { user = "0" } }
    files = { train = "train", valid = "valid", test = "test" }
    fields = [{ name = "user", type = "categorical" }, { name = "age", type = "numeric", missing = "mean" }]
"#;

fn message(config: &str, train: impl AsRef<[u8]>) -> String {
    let workshop = Workshop::with(train, VALID, TEST);
    let error = workshop.prepare(config).unwrap_err();
    let message = error.to_string();
    assert_eq!(workshop.cached(), Vec::<String>::new(), "left behind after: {message}");
    let path = workshop.raw("train").display().to_string();
    assert!(message.contains(&path), "no path in: {message}");
    message
}

fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
    assert!(message.contains("; "), "no next step in: {message}");
}

#[test]
fn csv_rows() {
    let header = "label,user,item,price\n0,a,b,1\n";
    let cases: &[(&[u8], &[&str])] = &[
        (b"1,ann,x\n", &["line 3", "3 fields", "4, as many as the header has"]),
        (b"1,ann,x,2,3\n", &["line 3", "5 fields"]),
        (b"\n1,ann,x,2\n", &["line 3", "an empty line"]),
        (b"2,ann,x,2\n", &["line 3", "column `label`", "\"2\"", "0 or 1"]),
        (b",ann,x,2\n", &["line 3", "column `label`", "nothing", "0 or 1"]),
        (b"nan,ann,x,2\n", &["column `label`"]),
        (b"01,ann,x,2\n", &["column `label`"]),
        (b" 1,ann,x,2\n", &["column `label`"]),
        (b"1,ann,x,2\n1,ann,x,two\n", &["line 4", "column `price`", "\"two\"", "a finite number"]),
        (b"1,ann,x,\n", &["line 3", "column `price`", "nothing", "set `missing`"]),
        (b"1,ann,x,inf\n", &["column `price`", "a finite number"]),
        (b"1,ann,x,1e39\n", &["column `price`", "f32", "logarithmic"]),
        (b"1,a\xffn,x,2\n", &["line 3", "byte 0xff at byte 4", "UTF-8"]),
        (b"1,ann,x\0,2\n", &["line 3", "NUL byte at byte 8", "text"]),
        (b"1,an\"n,x,2\"\n", &["line 3", "a quote at the beginning of a field or none"]),
        (b"1,\"ann\"n,x,2\n", &["line 3", "after a closing quote"]),
        (b"1,\"ann,x,2\n1,b,y,2\n", &["line 3", "a quote that is not closed"]),
    ];
    for (row, parts) in cases {
        assert_says(&message(CSV_CONFIG, [header.as_bytes(), row].concat()), parts);
    }
}

#[test]
fn a_quoted_field_over_several_lines_is_blamed_on_its_first() {
    let train = "label,user,item,price\n0,\"a\nb\nc\",x,1\n1,\"a\nb\",x,oops\n1,ann,x,1\n";
    assert_says(&message(CSV_CONFIG, train), &["line 5", "column `price`", "oops"]);
}

#[test]
fn a_column_that_is_not_there() {
    let text = message(CSV_CONFIG, TRAIN.replace("item", "itme"));
    assert_says(&text, &["line 1", "no column `item`", "did you mean `itme`?", "found: label, user, itme, price"]);
    assert_says(&message(CSV_CONFIG, TRAIN.replace("label", "click")), &["no column `label`"]);
}

#[test]
fn a_column_that_is_there_twice() {
    let text = message(CSV_CONFIG, "label,user,item,price,item\n0,a,b,1,c\n");
    assert_says(&text, &["line 1", "column `item`", "two columns of this name"]);
}

#[test]
fn files_without_rows() {
    assert_says(&message(CSV_CONFIG, ""), &["no rows"]);
    assert_says(&message(CSV_CONFIG, "label,user,item,price\n"), &["no rows"]);
    assert_says(&message(LIBSVM, ""), &["no rows"]);
    assert_says(&message(CRITEO, ""), &["no rows"]);
}

#[test]
fn a_line_without_an_end() {
    let mut train = TRAIN.as_bytes().to_vec();
    train.extend(std::iter::repeat_n(b'a', 40 << 20));
    assert_says(&message(CSV_CONFIG, train), &["line 6", "a line of more than 16777216 bytes, beginning with \"aaa"]);
}

#[test]
fn criteo_rows() {
    let good = format!("1\t5{}\n", "\t".repeat(38));
    let cases: &[(String, &[&str])] = &[
        (format!("1\t5{}\n", "\t".repeat(37)), &["line 2", "39 fields", "40"]),
        (good.replace('5', "five"), &["line 2", "column `I1`", "\"five\""]),
        (good.replacen('1', "-1", 1), &["line 2", "column `label`"]),
    ];
    for (row, parts) in cases {
        assert_says(&message(CRITEO, format!("{good}{row}")), parts);
    }
    assert_says(&message(CRITEO, "1,2,3\n"), &["line 1", "1 field", "40: a label, 13 integers and 26 categories"]);
}

#[test]
fn sparse_rows() {
    let cases: &[(&str, &[&str])] = &[
        ("1 3:1 x:1\n", &["line 2", "\"x:1\"", "index:value"]),
        ("1 3\n", &["line 2", "\"3\"", "index:value"]),
        ("1 3:\n", &["line 2", "\"3:\""]),
        ("1 03:1\n", &["without leading zeros"]),
        ("1 3:2\n", &["column `user`", "the value 1 for a category"]),
        ("1 3:1 4:1\n", &["column `user`", "\"4:1\"", "each field once"]),
        ("1 3:1 10:old\n", &["column `age`", "\"old\""]),
        ("3:1 10:4\n", &["line 2", "column `label`", "\"3:1\""]),
        ("\n", &["line 2", "an empty line"]),
    ];
    for (row, parts) in cases {
        assert_says(&message(LIBSVM, format!("0 1:1 10:30\n{row}")), parts);
    }
    let cases: &[(&str, &[&str])] = &[
        ("1 0:7\n", &["line 2", "\"0:7\"", "field:feature:value"]),
        ("1 0:7:1:1\n", &["field:feature:value"]),
        ("1 0::1\n", &["none of them empty"]),
        ("1 0:7:0.5\n", &["column `user`", "the value 1 for a category"]),
        ("1 0:7:1 0:8:1\n", &["column `user`", "each field once"]),
    ];
    for (row, parts) in cases {
        assert_says(&message(LIBFM, format!("0 0:1:1 age:1:30\n{row}")), parts);
    }
}

#[test]
fn errors_in_the_other_splits_name_their_file() {
    let workshop = Workshop::with(TRAIN, VALID, "label,user,item,price\n1,dan,y\n");
    let message = workshop.prepare(CSV_CONFIG).unwrap_err().to_string();
    assert_says(&message, &[&workshop.raw("test").display().to_string(), "line 2"]);
}

#[test]
fn a_file_that_cannot_be_read() {
    let workshop = Workshop::small();
    fs::remove_file(workshop.raw("valid")).unwrap();
    let path = workshop.raw("valid").display().to_string();
    assert_says(&workshop.prepare(CSV_CONFIG).unwrap_err().to_string(), &["cannot open", &path, "fetch the data set"]);
    fs::create_dir(workshop.raw("valid")).unwrap();
    assert_says(&workshop.prepare(CSV_CONFIG).unwrap_err().to_string(), &[&path, "not a folder"]);
}

#[test]
fn a_cache_that_cannot_be_written() {
    let workshop = Workshop::small();
    fs::write(workshop.cache(), "a file where the folder should be").unwrap();
    let message = workshop.prepare(CSV_CONFIG).unwrap_err().to_string();
    assert_says(&message, &["cannot create", &workshop.cache().display().to_string()]);
}

/// Rows divided by a column that is no field.
const DAYS: &str = "files = { all = 'a' }\nsplit = { by = 'time', column = 'day', valid = 1, test = 2 }";

#[test]
fn configurations() {
    let base = |fields: &str| {
        format!(
            "name = 'x'\nsource = {{ format = 'csv' }}\nfiles = {{ train = 'a', valid = 'b', test = 'c' }}\nfields = [{fields}]"
        )
    };
    let user = "{ name = 'user', type = 'categorical' }";
    let cases: &[(String, &[&str])] = &[
        (base(user).replace("'x'", "'../x'"), &["`name`", "it names a folder"]),
        (base(""), &["`fields`", "at least one"]),
        (base(&format!("{user}, {user}")), &["`fields.name`", "\"user\"", "each column once"]),
        (base("{ name = 'label', type = 'categorical' }"), &["`fields.name`", "the label column not at all"]),
        (base(&format!("{user}, {{ name = [], type = 'numeric' }}")), &["`fields.name`", "the name of a column"]),
        (base("{ name = 'u', type = 'categorical', min_count = 0 }"), &["`fields.u.min_count`", "at least 1"]),
        (base("{ name = 'p', type = 'numeric', missing = { constant = inf } }"), &["`fields.p.missing.constant`"]),
        (base("{ name = 'u', type = 'categorical', top_k = 0 }"), &["`fields.u.top_k`", "found 0", "1 to"]),
        (
            base("{ name = 'u', type = 'categorical', top_k = 5, hash = { buckets = 9 } }"),
            &["`fields.u.top_k`", "a hashed field counts no values"],
        ),
        (
            base(
                "{ name = 'u', type = 'categorical', top_k = 5, table = 't' }, { name = 'v', type = 'categorical', table = 't' }",
            ),
            &["`fields.v.table`", "`top_k`"],
        ),
        (
            base("{ name = 'p', type = 'numeric', transform = { quantiles = 1 } }"),
            &["`fields.p.transform.quantiles`", "2 to 1000"],
        ),
        (
            base("{ name = 'p', type = 'numeric', transform = { buckets = [] } }"),
            &["`fields.p.transform.buckets`", "1 to 999"],
        ),
        (
            base("{ name = 'p', type = 'numeric', transform = { buckets = [1.0, 1.0] } }"),
            &["buckets", "greater than the one before"],
        ),
        (base("{ name = 'p', type = 'numeric', transform = { buckets = [0.0, inf] } }"), &["buckets", "finite"]),
        (
            base(user)
                .replace("'csv'", "'libsvm', index = { user = [1, 9], day = 5 }")
                .replace("files = { train = 'a', valid = 'b', test = 'c' }", DAYS),
            &["`split.column`", "\"day\"", "(1, 9)", "field `user`"],
        ),
        (
            base(user)
                .replace("'csv'", "'libfm', key = { user = 'day' }")
                .replace("files = { train = 'a', valid = 'b', test = 'c' }", DAYS),
            &["`split.column`", "\"day\"", "field `user`"],
        ),
        (base(user).replace("'csv'", "'csv', delimiter = 'ä'"), &["`source.delimiter`", "ASCII"]),
        (base(user).replace("'csv'", "'criteo_tsv'"), &["`fields.name`", "\"user\"", "one of I1, I2"]),
        (base(user).replace("'csv'", "'libsvm'"), &["`source.index`", "\"user\""]),
        (base(user).replace("'csv'", "'libsvm', index = { user = [9, 3] }"), &["`source.index.user`", "first ≤ last"]),
        (base(user).replace("files", "files_").replace("files_", "#"), &["`files`", "`train`, `valid` and `test`"]),
    ];
    for (config, parts) in cases {
        let config: DatasetConfig = toml::from_str(config).unwrap();
        let error = config.validate().unwrap_err();
        assert!(matches!(error, DataError::Config { .. }));
        let message = error.to_string();
        for part in *parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn unknown_keys_are_refused_with_the_known_ones() {
    let base = CSV_CONFIG;
    let cases = [
        (base.replace("name = \"small\"", "name = \"small\"\nlabels = \"y\""), "labels"),
        (base.replace("format = \"csv\"", "format = \"csv\"\nseparator = \";\""), "separator"),
        (base.replace("type = \"numeric\"", "type = \"numeric\"\nmin_count = 2"), "min_count"),
        (base.replace("valid = \"valid\"", "valid = \"valid\"\nval = \"valid\""), "val"),
    ];
    for (config, key) in cases {
        let message = toml::from_str::<DatasetConfig>(&config).unwrap_err().to_string();
        assert!(message.contains(&format!("unknown field `{key}`")), "{message}");
    }
    let message = toml::from_str::<DatasetConfig>(&base.replace("\"csv\"", "\"orc\"")).unwrap_err().to_string();
    assert!(message.contains("orc") && message.contains("criteo_tsv"), "{message}");
}
