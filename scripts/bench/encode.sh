#!/bin/sh
# Megabytes of Criteo-shaped text per second: `wc -l`, the CSV readers of pyarrow and pandas, and ours, in one run on the same file.
#
#   scripts/bench/encode.sh
#
# Needs `cargo build --release --workspace --examples`. Prints a table for results/encode_speed/README.md.
#
# ROWS     rows of the generated file, about 230 bytes each (default: 2000000)
# SCRATCH  folder of the file and of what is encoded, both deleted (default: a folder in /tmp)
# THREADS  threads of ours and of pyarrow (default: 2)
# PYTHON   interpreter with pyarrow and pandas (default: python3); those that are missing are left out
set -eu
cd "$(dirname "$0")/../.."
rows=${ROWS:-2000000}
threads=${THREADS:-2}
python=${PYTHON:-python3}
bin=target/release/examples
scratch=$(mktemp -d "${SCRATCH:-/tmp}/encode.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

"$bin/criteo_shaped" "$rows" "$scratch/train.tsv"
bytes=$(wc -c <"$scratch/train.tsv")
echo "file: $rows rows, $bytes bytes, in the page cache; $threads threads; $(nproc) cores"

# Each three times, the best counted: others can only make a run slower.
best() {
    name=$1
    shift
    least=
    for _ in 1 2 3; do
        begin=$(date +%s%N)
        "$@" >/dev/null
        took=$(($(date +%s%N) - begin))
        if [ -z "$least" ] || [ "$took" -lt "$least" ]; then least=$took; fi
    done
    echo "$name: $((bytes * 1000 / least)) MB/s"
}
best "wc -l" wc -l "$scratch/train.tsv"
"$python" - "$scratch/train.tsv" "$threads" <<'PY'
import sys, time
path, threads = sys.argv[1], int(sys.argv[2])
size = __import__("os").path.getsize(path) / 1e6

def best(name, read):
    took = []
    for _ in range(2):
        begin = time.perf_counter()
        read()
        took.append(time.perf_counter() - begin)
    print(f"{name}: {size / min(took):.0f} MB/s", flush=True)

try:
    import pyarrow as pa
    import pyarrow.csv as csv
    pa.set_cpu_count(threads)
    columns = [f"f{i}" for i in range(40)]
    types = {f"f{i}": pa.string() for i in range(14, 40)}
    best(f"pyarrow {pa.__version__} read_csv, {threads} threads, text kept as text", lambda: csv.read_csv(
        path, csv.ReadOptions(column_names=columns), csv.ParseOptions(delimiter="\t"),
        csv.ConvertOptions(column_types=types)))
    best(f"pyarrow {pa.__version__} read_csv, categories as dictionaries", lambda: csv.read_csv(
        path, csv.ReadOptions(column_names=columns), csv.ParseOptions(delimiter="\t"),
        csv.ConvertOptions(column_types={f"f{i}": pa.dictionary(pa.int32(), pa.string()) for i in range(14, 40)})))
except ImportError:
    print("pyarrow: not installed")
try:
    import pandas
    best(f"pandas {pandas.__version__} read_csv, C engine", lambda: pandas.read_csv(path, sep="\t", header=None))
except ImportError:
    print("pandas: not installed")
PY
for count in 1 "$threads"; do
    echo "ours, $count threads:"
    "$bin/encode_speed" "$scratch/train.tsv" "$scratch" "$count"
done
