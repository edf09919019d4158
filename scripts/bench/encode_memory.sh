#!/bin/sh
# Prepares a file several times larger than the memory the process may have: a memory cgroup ends it if it takes more.
#
#   scripts/bench/encode_memory.sh        (as root: it makes a cgroup)
#
# Needs `cargo build --release --workspace --bins --example criteo_shaped`. The 26 categories are hashed: a fitted vocabulary is held in memory and
# grows with the values, not with the rows. Prints what results/encode_speed/README.md says of memory; the digest must not depend on THREADS.
#
# LIMIT_MB  what the process may have, its share of the page cache included (default: 512)
# TIMES     size of the file in that unit (default: 5)
# THREADS   list of thread counts, one run each (default: "1 2")
# SCRATCH   folder on a disk, not in memory (default: /var/tmp)
set -eu
cd "$(dirname "$0")/../.."
limit=${LIMIT_MB:-512}
times=${TIMES:-5}
scratch=$(mktemp -d "${SCRATCH:-/var/tmp}/memory.XXXXXX")
group=
end() {
    rm -rf "$scratch"
    [ -z "$group" ] || rmdir "$group"
}
trap end EXIT INT TERM

cat >"$scratch/data.toml" <<'TOML'
name = "criteo"
[source]
format = "criteo_tsv"
[files]
all = "rows.tsv"
[split]
by = "ratio"
valid = 0.1
test = 0.1
[[fields]]
name = ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13"]
type = "numeric"
missing = { constant = 0.0 }
transform = "log1p"
standardise = true
[[fields]]
name = ["C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", "C20",
    "C21", "C22", "C23", "C24", "C25", "C26"]
type = "categorical"
hash = { buckets = 1_000_000 }
TOML
cat >"$scratch/run.toml" <<'TOML'
[data]
dataset = "data.toml"
[model]
type = "lr"
[optimizer]
type = "sgd"
learning_rate = 0.1
TOML
# About 272 bytes a row.
target/release/examples/criteo_shaped $((limit * times * 1048576 / 272 + 1)) "$scratch/rows.tsv"
size=$(wc -c <"$scratch/rows.tsv")
echo "file: $size bytes, $((size / 1048576 / limit)) times the limit of $limit MiB"

if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    group=/sys/fs/cgroup/ctr-memory-$$
    max=memory.max peak=memory.peak
else
    group=/sys/fs/cgroup/memory/ctr-memory-$$
    max=memory.limit_in_bytes peak=memory.max_usage_in_bytes
fi
mkdir "$group"
echo $((limit * 1048576)) >"$group/$max"
for threads in ${THREADS:-1 2}; do
    sync
    # Pages of the file that are in memory already would be nobody's.
    dd if="$scratch/rows.tsv" iflag=nocache count=0 2>/dev/null
    begin=$(date +%s%N)
    sh -c 'echo $$ >"$1/cgroup.procs"; shift; exec "$@"' sh "$group" \
        /usr/bin/time -f 'largest resident set: %M KiB' target/release/ctr prepare "$scratch/run.toml" --cache-dir "$scratch/cache-$threads" \
        --threads "$threads" 2>"$scratch/log" >"$scratch/out" || {
        cat "$scratch/log" >&2
        exit 1
    }
    took=$((($(date +%s%N) - begin) / 1000000))
    echo "$threads threads: $((size / took / 1000)) MB/s; largest charge of the cgroup, page cache included: $(($(cat "$group/$peak") / 1048576)) MiB"
    tail -1 "$scratch/log"
    (cd "$scratch/cache-$threads"/criteo-* && sha256sum ./*.shard schema.json encoder.bin) >"$scratch/sums-$threads"
    sha256sum <"$scratch/sums-$threads"
    cmp "$scratch/sums-$threads" "$scratch/sums-$(echo "${THREADS:-1 2}" | cut -d' ' -f1)" && echo "the same bytes"
done
