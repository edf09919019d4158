//! Every input that fuzzing has kept, once more.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{mutate, targets};

type Target = fn(&[u8]);

const ALL: [(&str, Target); 3] =
    [("manifest", targets::manifest), ("tensors", targets::tensors), ("config", targets::config)];

fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

#[test]
fn no_kept_input_makes_a_reader_panic() {
    for (name, target) in ALL {
        let mut inputs = 0;
        for entry in fs::read_dir(fuzz().join("corpus").join(name)).unwrap() {
            target(&fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs > 1, "{name}: {inputs} inputs");
    }
}

/// Mutations of the kept inputs, without the instrumented build: `FUZZ_MINUTES=10 FUZZ_TARGET=config cargo test --workspace --test command
/// no_mutation -- --ignored --nocapture`.
#[test]
#[ignore = "takes as long as it is asked to: cargo test --workspace --test command no_mutation -- --ignored"]
fn no_mutation_makes_a_reader_panic() {
    let number = |name: &str, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let time = Duration::from_secs(60 * number("FUZZ_MINUTES", 1));
    let wanted = std::env::var("FUZZ_TARGET").ok();
    for (name, target) in ALL.into_iter().filter(|(name, _)| wanted.as_deref().is_none_or(|wanted| wanted == *name)) {
        let runs = mutate::run(&fuzz(), name, target, number("FUZZ_SEED", 1), time);
        eprintln!("{name}: {runs} runs in {} s, no panic", time.as_secs());
    }
}
