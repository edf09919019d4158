//! Prediction encodes raw files exactly as the run's own splits were.

use std::fs;
use std::sync::atomic::AtomicBool;

use ctr_data::config::RowsConfig;
use ctr_data::{DataError, EncodeOptions, Encoder, Labels, Split, write_csv};

use crate::workshop::{CSV_CONFIG, TEST, TRAIN, VALID, Workshop, parse, rows};

#[test]
fn a_split_s_own_file_gives_the_split() {
    let workshop = Workshop::small();
    let dataset = workshop.prepare(CSV_CONFIG).unwrap();
    let encoder = dataset.encoder().unwrap();
    for split in Split::ALL {
        let shards = workshop.encode(&encoder, &workshop.raw(split.name()), Labels::Required).unwrap();
        assert_eq!(rows(&shards), rows(dataset.split(split)));
        assert_eq!(shards.digest(), dataset.split(split).digest());
    }
}

#[test]
fn an_encoder_survives_saving() {
    let config = CSV_CONFIG.replace(
        "type = \"numeric\"",
        "type = \"numeric\"\nstandardise = true\ntransform = \"log1p\"\nmissing = \"mean\"",
    );
    let workshop = Workshop::small();
    let encoder = workshop.prepare(&config).unwrap().encoder().unwrap();
    let run = tempfile::tempdir().unwrap();
    encoder.save(run.path()).unwrap();
    assert_eq!(fs::read_dir(run.path()).unwrap().count(), 1, "one file, nothing temporary left");
    let loaded = Encoder::load(run.path()).unwrap();
    assert_eq!(loaded.schema(), encoder.schema());
    let file = workshop.write("new", "label,user,item,price\n1,cyd,y,0.1\n0,nobody,x,\n");
    let encode = |encoder| rows(&workshop.encode(encoder, &file, Labels::Required).unwrap());
    assert_eq!(encode(&loaded), encode(&encoder));
}

#[test]
fn labels_may_be_absent_where_they_are_optional() {
    let workshop = Workshop::small();
    let dataset = workshop.prepare(CSV_CONFIG).unwrap();
    let encoder = dataset.encoder().unwrap();
    let file = workshop.write("unlabelled", "item,price,user\ny,7,dan\n");
    let shards = workshop.encode(&encoder, &file, Labels::Optional).unwrap();
    assert_eq!(shards.categorical(0), dataset.split(Split::Test).categorical(0));
    assert!(!shards.has_labels() && shards.label(0).is_nan() && shards.positives().is_none());
    let message = workshop.encode(&encoder, &file, Labels::Required).unwrap_err().to_string();
    assert!(message.contains("no column `label`"), "{message}");
    // A label that is there is checked all the same.
    let file = workshop.write("bad", "item,price,user,label\ny,7,dan,2\n");
    let message = workshop.encode(&encoder, &file, Labels::Optional).unwrap_err().to_string();
    assert!(message.contains("line 2, column `label`"), "{message}");
}

#[test]
fn unlabelled_files_of_the_other_formats() {
    let rest = "files = { train = 'train', valid = 'train', test = 'train' }";
    let tabs = "\t".repeat(38);
    let cases = [
        ("'criteo_tsv'", "'C1'", format!("1\ta{tabs}\n"), format!("a{tabs}\nb{tabs}\n")),
        ("'libsvm', index = { u = [1, 9] }", "'u'", "1 3:1\n".to_owned(), "3:1\n4:1\n".to_owned()),
        ("'libfm'", "'0'", "1 0:3:1\n".to_owned(), "0:3:1\n0:4:1\n".to_owned()),
    ];
    for (format, field, train, unlabelled) in cases {
        let config = format!(
            "name = 'x'\nsource = {{ format = {format} }}\n{rest}\nfields = [{{ name = {field}, type = 'categorical' }}]"
        );
        let workshop = Workshop::with(&train, "", "");
        let encoder = workshop.prepare(&config).unwrap().encoder().unwrap();
        let file = workshop.write("unlabelled", &unlabelled);
        let shards = workshop.encode(&encoder, &file, Labels::Optional).unwrap();
        assert_eq!((shards.len(), shards.has_labels()), (2, false), "{format}");
        assert!(workshop.encode(&encoder, &file, Labels::Required).is_err(), "{format}");
        // Some rows with and some without labels are an error in either order.
        for mixed in [[train.as_str(), &unlabelled].concat(), [unlabelled.as_str(), &train].concat()] {
            let file = workshop.write("mixed", mixed);
            assert!(workshop.encode(&encoder, &file, Labels::Optional).is_err(), "{format}");
        }
    }
}

#[test]
fn encoding_can_be_cancelled() {
    let workshop = Workshop::with(TRAIN.to_owned() + &"0,ann,x,1\n".repeat(20_000), VALID, TEST);
    let encoder = workshop.prepare(CSV_CONFIG).unwrap().encoder().unwrap();
    let (scratch_dir, cancelled) = (&workshop.raw(""), &AtomicBool::new(true));
    let options = EncodeOptions {
        labels: Labels::Required,
        scratch_dir,
        threads: 2,
        max_line_bytes: RowsConfig::MAX_LINE_BYTES,
        progress: &|_| {},
        cancelled,
    };
    let error = encoder.encode_file(&workshop.raw("train"), &options).unwrap_err();
    assert!(matches!(error, DataError::Cancelled), "{error}");
}

#[test]
fn an_exported_source_encodes_to_the_same_rows() {
    let quotable = "label,user,item,price\n1,\"a,b\",\"say \"\"x\"\"\",2.50\n0,\"two\nlines\",y,-1\n";
    let workshop = Workshop::with(quotable, VALID, TEST);
    let dataset = workshop.prepare(CSV_CONFIG).unwrap();
    let source = parse(CSV_CONFIG).open_source(Split::Train, &workshop.raw("")).unwrap();
    let exported = workshop.raw("exported");
    write_csv(source.as_ref(), &exported).unwrap();
    let text = fs::read_to_string(&exported).unwrap();
    assert_eq!(text, "label,user,item,price\n1,\"a,b\",\"say \"\"x\"\"\",2.50\n0,\"two\nlines\",y,-1\n");
    let shards = workshop.encode(&dataset.encoder().unwrap(), &exported, Labels::Required).unwrap();
    assert_eq!(rows(&shards), rows(dataset.split(Split::Train)));
}
