use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

fn metadata() -> PredictionMetadata {
    PredictionMetadata {
        run_id: "2021-relu".to_owned(),
        dataset_digest: "d1".to_owned(),
        split: "test".to_owned(),
        model_digest: "m1".to_owned(),
    }
}

fn sample() -> Predictions {
    Predictions::from_logits(vec![0, 1, 5], Some(vec![0.0, 1.0, 1.0]), vec![-1.5, 0.25, 40.0]).unwrap()
}

fn written(predictions: &Predictions) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("test.parquet");
    write(&path, predictions, &metadata()).unwrap();
    (folder, path)
}

fn csv(text: &str) -> Result<PredictionFile, PredictionsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.csv");
    fs::write(&path, text).unwrap();
    read(&path)
}

#[test]
fn parquet_comes_back_bit_for_bit_with_its_metadata() {
    for predictions in [
        sample(),
        Predictions::of_whole_file(None, vec![0.5, -0.0, f32::MIN_POSITIVE]).unwrap(),
        Predictions::of_whole_file(Some(vec![]), vec![]).unwrap(),
    ] {
        let (_folder, path) = written(&predictions);
        let file = read(&path).unwrap();
        assert_eq!(file.predictions.checksum(), predictions.checksum());
        assert_eq!(file.predictions, predictions);
        assert_eq!(file.metadata, Some(metadata()));
    }
}

#[test]
fn many_rows_span_row_groups_and_pages() {
    let logits: Vec<f32> = (0..(1 << 20) + 77).map(|i| (i % 1999) as f32 / 99.0 - 10.0).collect();
    let labels = logits.iter().map(|z| f32::from(u8::from(*z > 3.0))).collect();
    let predictions = Predictions::of_whole_file(Some(labels), logits).unwrap();
    let (_folder, path) = written(&predictions);
    assert_eq!(read(&path).unwrap().predictions, predictions);
    assert!(fs::metadata(&path).unwrap().len() < 10 << 20);
}

#[test]
fn the_digest_is_blake3_of_the_logits() {
    let bytes: Vec<u8> = [-1.5f32, 0.25, 40.0].iter().flat_map(|z| z.to_le_bytes()).collect();
    assert_eq!(sample().digest(), blake3::hash(&bytes).to_hex().to_string());
    let other_rows = Predictions::of_whole_file(None, vec![-1.5, 0.25, 40.0]).unwrap();
    assert_eq!(other_rows.digest(), sample().digest());
    assert_ne!(other_rows.checksum(), sample().checksum());
    let other_sign = Predictions::of_whole_file(None, vec![0.0]).unwrap();
    assert_ne!(other_sign.digest(), Predictions::of_whole_file(None, vec![-0.0]).unwrap().digest());
}

#[test]
fn bad_values_are_refused_with_their_place() {
    let error = Predictions::of_whole_file(None, vec![0.0, f32::NAN]).unwrap_err();
    assert_eq!(error.to_string(), "prediction 1: `logit` is NaN, expected a finite number");
    let error = Predictions::of_whole_file(Some(vec![0.5]), vec![0.0]).unwrap_err();
    assert_eq!(error.to_string(), "prediction 0: `label` is 0.5, expected 0 or 1");
    assert!(Predictions::of_whole_file(Some(vec![]), vec![0.0]).is_err());
    let error = Predictions::from_logits(vec![3, 3], None, vec![0.0, 0.0]).unwrap_err();
    assert!(error.to_string().contains("row 3 follows row 3"), "{error}");
}

#[test]
fn writing_is_repeatable_and_replaces_only_when_complete() {
    let (folder, path) = written(&sample());
    let first = fs::read(&path).unwrap();
    write(&path, &sample(), &metadata()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), first);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file stays");
    let beyond = Predictions::from_logits(vec![u64::MAX], None, vec![0.0]).unwrap();
    assert!(matches!(write(&path, &beyond, &metadata()), Err(PredictionsError::Encode { .. })));
    assert_eq!(fs::read(&path).unwrap(), first);
    let nowhere = folder.path().join("absent").join("p.parquet");
    let error = write(&nowhere, &sample(), &metadata()).unwrap_err().to_string();
    assert!(error.contains("absent/p.parquet") && error.contains("check that its folder exists"), "{error}");
}

#[test]
fn truncated_files_and_flipped_bits_are_errors_or_harmless() {
    let (folder, path) = written(&sample());
    let good = fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged.parquet");
    for length in (0..good.len()).step_by(7) {
        fs::write(&damaged, &good[..length]).unwrap();
        let error = read(&damaged).unwrap_err().to_string();
        assert!(error.contains("damaged.parquet"), "{error}");
    }
    for index in 0..good.len() {
        let mut bytes = good.clone();
        bytes[index] ^= 1 << (index % 8);
        fs::write(&damaged, &bytes).unwrap();
        // Bits outside (the program's name, unused offsets) may change; values and metadata never do unnoticed.
        match read(&damaged) {
            Ok(file) => {
                assert_eq!(file.predictions, sample(), "byte {index}");
                assert!(file.metadata.is_none_or(|stored| stored == metadata()), "byte {index}");
            }
            Err(error) => assert!(error.to_string().contains("damaged.parquet"), "{error}"),
        }
    }
}

#[test]
fn a_later_format_is_named() {
    let (_folder, path) = written(&sample());
    let bytes = fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|window| window == b"ctr.format").unwrap() + 10;
    let mut later = bytes.clone();
    assert_eq!(later[at + 2], b'1');
    later[at + 2] = b'7';
    fs::write(&path, later).unwrap();
    let error = read(&path).unwrap_err().to_string();
    assert!(error.contains("format 7, this program reads format 1"), "{error}");
}

#[test]
fn csv_has_the_same_columns_in_any_order() {
    let file = csv("probability,row,extra,logit,label\r\n0.25,0,x,-1,0\r\n0.75,4,,1,1\r\n").unwrap();
    assert_eq!(file.metadata, None);
    assert_eq!(file.predictions.rows(), [0, 4]);
    assert_eq!(file.predictions.labels(), Some(&[0.0, 1.0][..]));
    assert_eq!(file.predictions.probabilities(), [0.25, 0.75]);
    assert_eq!(csv("row,label,logit,probability\n0,,1,0.5\n").unwrap().predictions.labels(), None);
}

#[test]
fn csv_errors_name_line_column_and_value() {
    let head = "row,label,logit,probability\n0,1,0.5,0.6\n";
    for (line, expected) in [
        ("1,0,abc,0.5", "line 3: `logit` is `abc`, expected a finite number"),
        ("1,0,NaN,0.5", "line 3: `logit` is NaN, expected a finite number"),
        ("1,0,0.1,1.5", "line 3: `probability` is 1.5, expected a number from 0 to 1"),
        ("1,2,0.1,0.5", "line 3: `label` is 2, expected 0 or 1"),
        ("-1,0,0.1,0.5", "line 3: `row` is `-1`, expected a row number from 0"),
        ("1,,0.1,0.5", "line 3: a label is missing"),
        ("0,1,0.1,0.5", "line 3: row 0 follows row 0"),
        ("1,1,0.1", "3 fields"),
    ] {
        let error = csv(&format!("{head}{line}\n")).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("p.csv"), "{error}");
    }
    let error = csv("row,label,score\n").unwrap_err().to_string();
    assert!(error.contains("column `logit` is missing, found row, label, score"), "{error}");
}

#[test]
fn absent_and_foreign_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.parquet");
    assert!(read(&absent).unwrap_err().to_string().contains("absent.parquet"));
    let text = folder.path().join("text.parquet");
    fs::write(&text, "row,label\n").unwrap();
    assert!(read(&text).unwrap_err().to_string().contains("not a readable file of predictions"));
    let bytes = folder.path().join("bytes.csv");
    fs::write(&bytes, [0xff, 0xfe, 0x00]).unwrap();
    assert!(read(&bytes).is_err());
    assert!(read(folder.path()).is_err());
}

#[test]
fn comparisons_need_the_same_rows() {
    let here = sample();
    assert!(here.require_same_rows(&here).is_ok());
    let fewer = Predictions::of_whole_file(None, vec![0.0]).unwrap();
    assert!(here.require_same_rows(&fewer).unwrap_err().to_string().contains("3 against 1"));
    let others = Predictions::of_whole_file(None, vec![0.0; 3]).unwrap();
    let error = here.require_same_rows(&others).unwrap_err().to_string();
    assert!(error.contains("prediction 2 is of row 5 in one and of row 2"), "{error}");
    let labels = Predictions::from_logits(vec![0, 1, 5], Some(vec![0.0, 0.0, 1.0]), vec![0.0; 3]).unwrap();
    assert!(here.require_same_rows(&labels).unwrap_err().to_string().contains("the label of row 1 is 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        for name in ["any.parquet", "any.csv"] {
            let path = folder.path().join(name);
            let mut framed = b"PAR1".to_vec();
            framed.extend(&bytes);
            framed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            framed.extend(b"PAR1");
            fs::write(&path, &framed).unwrap();
            prop_assert!(read(&path).is_err());
        }
    }
}
