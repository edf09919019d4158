//! A store on a disk that fails, and on damaged files: the state before or the new one, and an error with a name.
use super::*;
use crate::fit::FitState;
use crate::repro::disk::faults::{Fault, with_fault};

const KEEP: Retention = Retention { last: 2, every_epochs: 0 };
const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// A folder in memory where the system has one: thousands of files are synced here.
fn memory_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn identity(plan: &str) -> Identity {
    Identity { plan: plan.into(), schema: "schema".into(), dataset: "dataset".into() }
}

fn store(folder: &Path) -> CheckpointStore {
    CheckpointStore::new(folder.join("checkpoints"), identity("plan"))
}

fn checkpoint(steps: u64) -> Checkpoint {
    let tensor = |name: &str, rows: usize| NamedParameter {
        name: name.into(),
        shape: vec![rows, 3],
        values: (0..rows * 3).map(|n| n as f32 * 0.5 - steps as f32).collect(),
    };
    let fit = FitState { batches: steps as usize, loss_sum: 0.1, rows: 7, ..FitState::default() };
    Checkpoint {
        steps,
        fit,
        parameters: vec![tensor("a", 2), tensor("tables.b", 2500)],
        optimizer: vec![tensor("a.first", 2)],
    }
}

/// What a store holds: its latest checkpoint, every other one loadable too.
fn state(store: &CheckpointStore) -> Option<u64> {
    for entry in store.index().unwrap().checkpoints {
        let loaded = store.load_named(&entry.name).unwrap();
        assert_eq!(loaded, checkpoint(loaded.steps), "{}", entry.name);
    }
    store.has_any().unwrap().then(|| store.load(Which::Last).unwrap().steps)
}

#[test]
fn what_is_saved_is_loaded_and_the_rest_is_removed() {
    let folder = memory_folder();
    let store = store(folder.path());
    assert!(matches!(store.load(Which::Last), Err(CheckpointError::None { .. })));
    fs::create_dir_all(folder.path().join("checkpoints/unfinished-step-9/x")).unwrap();
    for steps in [1, 2, 3, 3] {
        store.save(&checkpoint(steps), steps == 1, KEEP).unwrap();
    }
    assert_eq!((state(&store), store.load(Which::Best).unwrap().steps), (Some(3), 1));
    let mut names: Vec<_> = fs::read_dir(folder.path().join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["index.json", "step-0000000001", "step-0000000003", "step-0000000003-2"]);
}

#[test]
fn another_run_is_refused_and_so_is_a_state_that_is_not_finite() {
    let folder = memory_folder();
    let ours = store(folder.path());
    ours.save(&checkpoint(1), false, KEEP).unwrap();
    let other = CheckpointStore::new(folder.path().join("checkpoints"), identity("other"));
    let message = other.load(Which::Last).unwrap_err().to_string();
    assert!(message.contains("plan fingerprint is plan, this run's is other"), "{message}");
    let mut broken = checkpoint(2);
    broken.parameters[1].values[4] = f32::NAN;
    let message = ours.save(&broken, false, KEEP).unwrap_err().to_string();
    assert!(message.contains("`tables.b` has the value NaN (element 4) after step 2"), "{message}");
    assert_eq!(state(&ours), Some(1));
}

/// Every call that changes the disk fails in its turn, in each way that calls fail.
#[test]
fn a_failing_disk_leaves_the_state_before_or_the_new_one() {
    let kinds =
        [Fault::Once(EIO), Fault::Once(ENOSPC), Fault::Forever(EIO), Fault::Forever(ENOSPC), Fault::Short(ENOSPC)];
    for kind in kinds {
        let (mut call, mut failures) = (0, 0);
        loop {
            let folder = memory_folder();
            let store = store(folder.path());
            store.save(&checkpoint(1), true, KEEP).unwrap();
            store.save(&checkpoint(2), false, KEEP).unwrap();
            let (saved, calls) = with_fault(Some((call, kind)), || store.save(&checkpoint(3), false, KEEP));
            let found = state(&store);
            match &saved {
                Ok(()) => assert_eq!(found, Some(3), "{kind:?} at {call}"),
                Err(error) => {
                    failures += 1;
                    let message = error.to_string();
                    assert!(message.contains("checkpoints") && message.contains("os error"), "{message}");
                    assert!([Some(2), Some(3)].contains(&found), "{kind:?} at {call}: {found:?}");
                }
            }
            // The disk works again: so does the store.
            store.save(&checkpoint(4), false, KEEP).unwrap();
            assert_eq!(state(&store), Some(4));
            if call >= calls {
                break;
            }
            call += 1;
        }
        assert!(failures > 15, "{kind:?}: {failures} failures only");
    }
}

/// Whether a store whose file was changed says so, or holds what it held.
fn check_damage(store: &CheckpointStore, what: &str) -> bool {
    match store.load(Which::Last) {
        Ok(loaded) => {
            assert_eq!(loaded, checkpoint(2), "{what}");
            false
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains(".json") || message.contains(".safetensors"), "{what}: {message}");
            true
        }
    }
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

/// Every bit of the small files and of the headers, a sample of the rest; and every kind of truncation.
#[test]
fn a_flipped_bit_and_a_cut_file_are_named_or_change_nothing() {
    let folder = memory_folder();
    let store = store(folder.path());
    store.save(&checkpoint(1), false, KEEP).unwrap();
    store.save(&checkpoint(2), false, KEEP).unwrap();
    let step = folder.path().join("checkpoints/step-0000000002");
    for (path, all) in [
        (folder.path().join("checkpoints/index.json"), true),
        (step.join(MANIFEST), true),
        (step.join(PARAMETERS), false),
        (step.join(OPTIMIZER), false),
    ] {
        let good = fs::read(&path).unwrap();
        let header = if all { good.len() } else { 200.min(good.len()) };
        let sample = (0..60_usize).map(|n| (n * 7919 * 8 + n) % (good.len() * 8));
        let mut noticed = 0;
        for bit in (0..header * 8).chain(sample) {
            fs::write(&path, flip(&good, bit)).unwrap();
            noticed += usize::from(check_damage(&store, &format!("{}: bit {bit}", path.display())));
        }
        assert!(noticed > header * 7, "{}: {noticed} of {} bits", path.display(), header * 8);
        let lengths: Vec<usize> =
            if all { (0..good.len() - 1).collect() } else { vec![0, 1, 7, 8, 9, 90, good.len() - 1] };
        for length in lengths {
            fs::write(&path, &good[..length]).unwrap();
            assert!(check_damage(&store, &format!("{} cut to {length}", path.display())));
        }
        fs::remove_file(&path).unwrap();
        assert!(check_damage(&store, &format!("{} removed", path.display())));
        fs::write(&path, &good).unwrap();
    }
    assert!(!check_damage(&store, "restored"));
}
