//! A data set is prepared once, and never half.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ctr_data::{DataError, PrepareOptions, Split, Stage, prepare};

use crate::workshop::{CSV_CONFIG, GO_ON, TEST, TRAIN, VALID, Workshop, all_rows, parse};

#[test]
fn the_second_time_comes_from_the_cache() {
    let workshop = Workshop::small();
    let first = workshop.prepare(CSV_CONFIG).unwrap();
    let second = workshop.prepare(CSV_CONFIG).unwrap();
    assert_eq!((first.was_cached(), second.was_cached()), (false, true));
    assert_eq!((first.digest(), first.dir()), (second.digest(), second.dir()));
    assert_eq!(all_rows(&first), all_rows(&second));
    assert_eq!(workshop.cached().len(), 1);
}

#[test]
fn content_and_configuration_make_the_key_and_places_do_not() {
    let workshop = Workshop::small();
    let first = workshop.prepare(CSV_CONFIG).unwrap();
    let changes: [(&str, String); 7] = [
        ("min_count", CSV_CONFIG.replace("type = \"categorical\"", "type = \"categorical\"\nmin_count = 2")),
        ("transform", CSV_CONFIG.replace("type = \"numeric\"", "type = \"numeric\"\ntransform = \"log1p\"")),
        ("top_k", CSV_CONFIG.replace("type = \"categorical\"", "type = \"categorical\"\ntop_k = 1")),
        ("buckets", CSV_CONFIG.replace("type = \"numeric\"", "type = \"numeric\"\ntransform = { buckets = [0, 1.5] }")),
        ("field order", CSV_CONFIG.replace("[\"user\", \"item\"]", "[\"item\", \"user\"]")),
        ("splits exchanged", CSV_CONFIG.replace("= \"valid\"", "= \"test\"")),
        ("fewer fields", CSV_CONFIG.replace("[\"user\", \"item\"]", "\"user\"")),
    ];
    for (what, config) in changes {
        let dataset = workshop.prepare(&config).unwrap();
        assert!(!dataset.was_cached() && dataset.digest() != first.digest(), "{what}");
    }
    fs::rename(workshop.raw("train"), workshop.raw("elsewhere")).unwrap();
    let moved = CSV_CONFIG.replace("train = \"train\"", "train = \"elsewhere\"");
    let spelt_out = moved.replace("\"small\"", "\"small\"\nlabel = \"label\"\ndir = \"/nowhere\"");
    assert!(workshop.prepare(&moved).unwrap().was_cached());
    assert!(workshop.prepare(&spelt_out).unwrap().was_cached());
    workshop.write("elsewhere", TRAIN.replace("2.5", "2.6"));
    assert!(!workshop.prepare(&moved).unwrap().was_cached());
}

#[test]
fn equal_rows_have_equal_digests_however_they_were_written() {
    let unix = Workshop::small().prepare(CSV_CONFIG).unwrap();
    let crlf = |text: &str| text.replace('\n', "\r\n");
    let windows = Workshop::with(crlf(TRAIN), crlf(VALID), crlf(TEST)).prepare(CSV_CONFIG).unwrap();
    assert_eq!(unix.digest(), windows.digest());
}

#[test]
fn a_cancelled_preparation_leaves_nothing() {
    let many = format!("{TRAIN}{}", "0,ann,x,1\n".repeat(50_000));
    let workshop = Workshop::with(many, VALID, TEST);
    for stop_at in [Stage::Fingerprint(Some(Split::Train)), Stage::Fit, Stage::Encode(Some(Split::Train))] {
        let cancelled = AtomicBool::new(false);
        let seen = Mutex::new(Vec::new());
        let progress = |progress: ctr_data::PrepareProgress| {
            seen.lock().unwrap().push(progress);
            cancelled.fetch_or(progress.stage == stop_at, Ordering::Relaxed);
        };
        let (data_dir, cache_dir) = (&workshop.raw(""), &workshop.cache());
        let options = PrepareOptions { data_dir, cache_dir, threads: 2, progress: &progress, cancelled: &cancelled };
        let error = prepare(&parse(CSV_CONFIG), &options).unwrap_err();
        assert!(matches!(error, DataError::Cancelled), "{error}");
        assert_eq!(workshop.cached(), Vec::<String>::new());
        assert_eq!(seen.lock().unwrap().last().unwrap().stage, stop_at, "work went on");
    }
    assert!(!workshop.prepare(CSV_CONFIG).unwrap().was_cached());
}

#[test]
fn progress_reaches_the_end_of_every_stage() {
    let workshop = Workshop::small();
    let ends = Mutex::new(Vec::new());
    let progress = |progress: ctr_data::PrepareProgress| {
        assert!(progress.done <= progress.total);
        if progress.done == progress.total {
            ends.lock().unwrap().push((progress.stage, progress.rows));
        }
    };
    let (data_dir, cache_dir) = (&workshop.raw(""), &workshop.cache());
    prepare(
        &parse(CSV_CONFIG),
        &PrepareOptions { data_dir, cache_dir, threads: 2, progress: &progress, cancelled: &GO_ON },
    )
    .unwrap();
    let ends = ends.into_inner().unwrap();
    for (stage, rows) in [
        (Stage::Fit, 4),
        (Stage::Encode(Some(Split::Train)), 4),
        (Stage::Encode(Some(Split::Valid)), 2),
        (Stage::Encode(Some(Split::Test)), 1),
    ] {
        assert!(ends.contains(&(stage, rows)), "{stage:?} is not in {ends:?}");
    }
}

#[test]
fn what_a_killed_preparation_left_is_cleared_away() {
    let workshop = Workshop::small();
    let dir = workshop.prepare(CSV_CONFIG).unwrap().dir().to_path_buf();
    let building = workshop.cache().join(format!(".{}.building", dir.file_name().unwrap().to_str().unwrap()));
    fs::rename(&dir, &building).unwrap();
    fs::remove_file(building.join("manifest.json")).unwrap();
    assert!(!workshop.prepare(CSV_CONFIG).unwrap().was_cached());
    assert_eq!(workshop.cached().len(), 1);
}

#[test]
fn of_many_at_once_one_prepares() {
    let many = format!("{TRAIN}{}", "0,ann,x,1\n".repeat(20_000));
    let workshop = Workshop::with(many, VALID, TEST);
    let cached: Vec<bool> = std::thread::scope(|scope| {
        let prepare = || workshop.prepare(CSV_CONFIG).unwrap().was_cached();
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(prepare)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(cached.iter().filter(|cached| !**cached).count(), 1, "{cached:?}");
}

#[test]
fn a_file_that_changes_meanwhile_is_noticed() {
    let workshop = Workshop::small();
    let progress = |progress: ctr_data::PrepareProgress| {
        if progress.stage == Stage::Encode(Some(Split::Train)) {
            workshop.write("valid", VALID.replace("bob", "ann"));
        }
    };
    let (data_dir, cache_dir) = (&workshop.raw(""), &workshop.cache());
    let options = PrepareOptions { data_dir, cache_dir, threads: 2, progress: &progress, cancelled: &GO_ON };
    let error = prepare(&parse(CSV_CONFIG), &options).unwrap_err();
    assert!(matches!(error, DataError::Changed { .. }), "{error}");
    assert!(error.to_string().contains(&workshop.raw("valid").display().to_string()), "{error}");
    assert_eq!(workshop.cached(), Vec::<String>::new());
}
