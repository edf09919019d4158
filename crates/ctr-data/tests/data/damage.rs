//! A damaged cache is named, and made anew.

use std::fs;
use std::path::Path;

use ctr_data::{DataError, Dataset, Encoder, Shards};

use crate::workshop::{CSV_CONFIG, TEST, Workshop, all_rows};

const FILES: [&str; 7] =
    ["manifest.json", "config.json", "schema.json", "encoder.bin", "train.shard", "valid.shard", "test.shard"];

/// What opening everything says.
fn open(dir: &Path) -> Result<(), DataError> {
    Dataset::open(dir)?.encoder().map(drop)
}

#[test]
fn every_flipped_bit_is_noticed() {
    let workshop = Workshop::small();
    let dir = workshop.prepare(CSV_CONFIG).unwrap().dir().to_path_buf();
    open(&dir).unwrap();
    for name in FILES {
        let path = dir.join(name);
        let good = fs::read(&path).unwrap();
        for byte in (0..good.len()).step_by(5) {
            let mut bad = good.clone();
            bad[byte] ^= 1 << (byte % 8);
            fs::write(&path, &bad).unwrap();
            match open(&dir) {
                Err(DataError::Damaged { .. }) => {}
                // White space of one kind for another changes nothing that is read.
                other => assert!(
                    name == "manifest.json" && good[byte].is_ascii_whitespace(),
                    "{name}, byte {byte}: {other:?}"
                ),
            }
        }
        fs::write(&path, &good).unwrap();
    }
    open(&dir).unwrap();
}

#[test]
fn every_bit_of_a_shards_header_and_digest_is_guarded() {
    let workshop = Workshop::small();
    let dir = workshop.prepare(CSV_CONFIG).unwrap().dir().to_path_buf();
    let path = dir.join("train.shard");
    let good = fs::read(&path).unwrap();
    for bit in (0..64 * 8).chain((good.len() - 32) * 8..good.len() * 8) {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bad).unwrap();
        let message = Shards::open(&path).unwrap_err().to_string();
        assert!(message.contains("train.shard"), "bit {bit}: {message}");
    }
}

#[test]
fn every_truncation_is_noticed() {
    let workshop = Workshop::small();
    let dir = workshop.prepare(CSV_CONFIG).unwrap().dir().to_path_buf();
    for name in FILES {
        let path = dir.join(name);
        let good = fs::read(&path).unwrap();
        for length in [0, 1, 20, 63, good.len() / 2, good.len() - 2] {
            fs::write(&path, &good[..length.min(good.len() - 2)]).unwrap();
            let error = open(&dir).unwrap_err();
            assert!(error.to_string().contains(name), "{name} cut to {length}: {error}");
        }
        fs::write(&path, [good.clone(), vec![0; 64]].concat()).unwrap();
        assert!(open(&dir).is_err(), "{name} lengthened");
        fs::remove_file(&path).unwrap();
        assert!(matches!(open(&dir).unwrap_err(), DataError::Io { .. }), "{name} removed");
        fs::write(&path, &good).unwrap();
    }
}

#[test]
fn shards_that_changed_places_are_noticed() {
    let workshop = Workshop::small();
    let dir = workshop.prepare(CSV_CONFIG).unwrap().dir().to_path_buf();
    fs::copy(dir.join("train.shard"), dir.join("test.shard")).unwrap();
    let message = open(&dir).unwrap_err().to_string();
    assert!(message.contains("test.shard") && message.contains("BLAKE3 digest"), "{message}");
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let workshop = Workshop::small();
    let first = workshop.prepare(CSV_CONFIG).unwrap();
    let (dir, rows) = (first.dir().to_path_buf(), all_rows(&first));
    for name in FILES {
        fs::write(dir.join(name), "damaged").unwrap();
        let again = workshop.prepare(CSV_CONFIG).unwrap();
        assert_eq!((again.was_cached(), all_rows(&again)), (false, rows.clone()), "{name}");
        assert!(workshop.prepare(CSV_CONFIG).unwrap().was_cached());
    }
}

#[test]
fn another_kind_of_file_is_named_as_such() {
    let workshop = Workshop::small();
    let text = workshop.write("text", TEST.repeat(20));
    let message = Shards::open(&text).unwrap_err().to_string();
    assert!(message.contains("magic: found label,us, expected CTRSHARD"), "{message}");
    fs::rename(text, workshop.raw("encoder.bin")).unwrap();
    let message = Encoder::load(&workshop.raw("")).unwrap_err().to_string();
    assert!(message.contains("magic: found label,us, expected CTRENCOD"), "{message}");
}
