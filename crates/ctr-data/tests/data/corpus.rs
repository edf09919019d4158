//! Every input that fuzzing has kept, once more.

use std::fs;
use std::path::Path;

use crate::targets;

type Target = fn(&[u8]);

#[test]
fn no_kept_input_makes_a_reader_panic() {
    let all: [(&str, Target); 7] = [
        ("csv", targets::csv),
        ("criteo_tsv", targets::criteo_tsv),
        ("libsvm", targets::libsvm),
        ("libfm", targets::libfm),
        ("parquet", targets::parquet),
        ("shard", targets::shard),
        ("encoder", targets::encoder),
    ];
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for (name, target) in all {
        let mut inputs = 0;
        for entry in fs::read_dir(corpus.join(name)).unwrap() {
            target(&fs::read(entry.unwrap().path()).unwrap());
            inputs += 1;
        }
        assert!(inputs > 2, "{name}: {inputs} inputs");
    }
}
