#!/bin/sh
# Fuzzes a reader with libFuzzer, on the stable toolchain; coverage guides it.
#
#   scripts/fuzz.sh TARGET [MINUTES]     e.g. scripts/fuzz.sh csv 10
#   scripts/fuzz.sh --build [TARGETS]    compiles only
#   scripts/fuzz.sh --replay             every kept input once, each target
#
# Targets: csv criteo_tsv libsvm libfm parquet shard encoder manifest tensors config. A panic, an abort, 2 GB of memory or 20 seconds for one
# input end the run with a non-zero status; the input lies in fuzz/artifacts/TARGET/. What is found on the way is kept in fuzz/found/TARGET/.
# With a nightly toolchain and cargo-fuzz, `cargo +nightly fuzz run TARGET` does the same under the address sanitizer.
#
# SEED     seed of the mutations (default: 1)
# CARGO_TARGET_DIR  folder of what is compiled (default: fuzz/target)
set -eu
cd "$(dirname "$0")/.."
data="csv criteo_tsv libsvm libfm parquet shard encoder"
trainer="manifest tensors config"
target_dir=${CARGO_TARGET_DIR:-fuzz/target}
# Named, so that build scripts are compiled without instrumentation.
host=$(rustc -vV | sed -n "s/^host: //p")
bin=$target_dir/$host/release
# What cargo-fuzz passes, less the sanitizer, which is not stable.
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
RUSTFLAGS="$RUSTFLAGS -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
export RUSTFLAGS

# Inputs pass through files: in memory, and away at the end, which the fuzzer does not wait for.
memory=/dev/shm
[ -d "$memory" ] || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d "$memory/ctr-fuzz.XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT INT TERM

build() {
    for name in "$@"; do
        features=
        case " $trainer " in *" $name "*) features="--features trainer" ;; esac
        # shellcheck disable=SC2086
        cargo build --quiet --release --locked --manifest-path fuzz/Cargo.toml --target-dir "$target_dir" \
            --target "$host" $features --bin "$name"
    done
}

case ${1:-} in
"" | -h | --help)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" | sed '$d'
    ;;
--build)
    shift
    # shellcheck disable=SC2086
    build ${*:-$data $trainer}
    ;;
--replay)
    for name in $data $trainer; do
        build "$name"
        "$bin/$name" -rss_limit_mb=2048 fuzz/corpus/"$name"/* 2>&1 | tail -1
        echo "$name: $(find fuzz/corpus/"$name" -type f | wc -l) inputs"
    done
    ;;
*)
    name=$1
    minutes=${2:-10}
    build "$name"
    mkdir -p "fuzz/found/$name" "fuzz/artifacts/$name"
    "$bin/$name" "fuzz/found/$name" "fuzz/corpus/$name" -artifact_prefix="fuzz/artifacts/$name/" \
        -dict="fuzz/dictionaries/$name.dict" -max_total_time=$((minutes * 60)) -rss_limit_mb=2048 -timeout=20 -max_len=65536 \
        -seed="${SEED:-1}" -print_final_stats=1
    ;;
esac
