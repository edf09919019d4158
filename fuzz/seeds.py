#!/usr/bin/env python3
"""Writes the first inputs of each target to corpus/TARGET/: python3 seeds.py. Those of `parquet` need pyarrow.

What fuzzing finds is put beside them by `scripts/fuzz.sh`; the encoder's seed is a file that `ctr prepare` wrote.
"""

import gzip
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent / "corpus"


def put(target, name, data):
    folder = HERE / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


csv = 'label,user,price,item,tags,p,unused\n1,ann,0.5,7,a:1|b:2,0.25,x\n0,"b,""o\n",,8,,1,\n'
put("csv", "plain", csv)
put("csv", "byte_order_mark_crlf", "\ufeff" + csv.replace("\n", "\r\n"))
put("csv", "gzip", gzip.compress(csv.encode(), mtime=0))
put("csv", "no_label", 'user,price,item,tags,p\nann,0.5,7,a:1,0.25\n')
put("csv", "quotes", 'label,user,price,item,tags,p\n1,a"b,1,2,,1\n1,"a"b,1,2,,1\n0,"open,1,2,,1\n0,x,1e999,2,,1\n')
put("csv", "numbers", 'label,user,price,item,tags,p\n' + "".join(
    f"1,u,{n},2,a:{n},{n}\n" for n in "nan inf -0 1e308 1e-400 999999999999999 +1 0x10 1.5.2 -".split()))
row = "1\t" + "\t".join(str(i) for i in range(13)) + "\t" + "\t".join(f"{i:08x}" for i in range(26))
put("criteo_tsv", "plain", f"{row}\n0{row[1:]}\n")
put("criteo_tsv", "no_label", row[2:] + "\n")
put("criteo_tsv", "missing", "0" + 39 * "\t" + "\n")
put("criteo_tsv", "ragged", f"{row}\t1\n{row[:-10]}\n\n2{row[1:]}\n")
put("libsvm", "plain", "1 7:1 200:0.5 300:1\n0 8:1\n1 200:3\n")
put("libsvm", "odd", "1 7:2 007:1 7:1 7:1\n-1 a:b\n\n1\t200:nan 9223372036854775808:1 99999999999999999999:1 :1 1: 1\n")
put("libsvm", "no_label", "7:1 200:0.5\n")
put("libfm", "plain", "1 0:7:1 1:1:0.5 item:3:1\n0 0:8:1\n1 1:1:3\n")
put("libfm", "odd", "1 0:7:2 0:7:1 0:7:1\n1 a:b:c:d ::: 0::1 :7:1 1:1:1e999\n")
put("libfm", "no_label", "0:7:1 1:1:0.5\n")


def shard(rows, flags, single, numeric, multi, lists):
    labels, probabilities, weights = flags & 1, flags >> 1 & 1, flags >> 2 & 1
    values = sum(lists)
    head = b"CTRSHARD" + struct.pack("<IIQIIIIQ", 2, flags, rows, single, numeric, multi, 0, values)
    ends, end = b"", 0
    for length in lists:
        end += length
        ends += struct.pack("<Q", end)
    sections = [
        bytes(i % 2 for i in range(rows)) if labels else b"",
        struct.pack(f"<{rows * numeric}f", *(i / 2 for i in range(rows * numeric))),
        struct.pack(f"<{rows * single}I", *range(rows * single)),
        struct.pack(f"<{rows}d", *(i / rows for i in range(rows))) if probabilities else b"",
        ends,
        struct.pack(f"<{values}I", *range(values)),
        struct.pack(f"<{values}f", *range(values)) if weights else b"",
    ]
    out = head.ljust(64, b"\0")
    for section in sections:
        out = out.ljust(-(-len(out) // 64) * 64, b"\0") + section
    return out.ljust(-(-len(out) // 64) * 64, b"\0") + bytes(32)


put("shard", "plain", shard(3, 1, 2, 1, 0, []))
put("shard", "all", shard(2, 7, 1, 2, 2, [0, 3, 1, 0]))
put("shard", "empty", shard(0, 1, 1, 1, 0, []))
put("shard", "no_label", shard(4, 0, 1, 0, 1, [1, 1, 1, 1]))

fit = {"epochs": 1, "batches": 0, "loss_sum": 0.5, "rows": 0, "rate_scale": 1.0, "best": {"epoch": 1, "value": 0.7},
       "epochs_without_improvement": 0, "finished": False, "train_seconds": 1.25}
header = b"{}"
put("manifest", "manifest", json.dumps({
    "steps": 1, "fit": fit, "identity": {"plan": "p", "schema": "s", "dataset": "d"}, "files": [
        {"name": "parameters.safetensors", "bytes": 10, "blake3": "0"},
        {"name": "optimizer.safetensors", "bytes": 10, "blake3": "0"}]}))
put("manifest", "index", json.dumps({"checkpoints": [
    {"name": "step-0000000001", "steps": 1, "epoch": None}], "best": "step-0000000001"}))
put("manifest", "sealed", json.dumps({"version": 2, "blake3": "0", "content": {"checkpoints": [], "best": None}}))


def safetensors(tensors):
    head, data = {}, b""
    for name, (shape, values) in tensors.items():
        start = len(data)
        data += struct.pack(f"<{len(values)}f", *values)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}
    head = json.dumps(head).encode()
    head = head.ljust(-(-len(head) // 8) * 8)
    return struct.pack("<Q", len(head)) + head + data


put("tensors", "plain", safetensors({"a.weight": ([2, 2], [1, 2, 3, 4]), "b": ([], [5]), "tables.user": ([0], [])}))
put("tensors", "empty", safetensors({}))

dataset = 'name = "tiny"\n[source]\nformat = "{}"\n{}\n[files]\ntrain = "a"\nvalid = "b"\ntest = "c*"\n{}'
fields = ('[[fields]]\nname = ["user", "item"]\ntype = "categorical"\nmin_count = 2\n{}\n[[fields]]\nname = "price"\n'
          'type = "numeric"\nmissing = {{ constant = 0.5 }}\ntransform = "log1p"\nstandardise = true\n')


def run(model, data, optimizer='type = "adam"\nlearning_rate = 1e-3', more=""):
    data = data.replace("\n[", "\n[data.dataset.").replace("[data.dataset.[", "[[data.dataset.")
    return (f'name = "x"\nseed = 1\n[data.dataset]\n{data}\n[model]\n{model}\n[embedding]\ndim = 4\n[optimizer]\n{optimizer}\n'
            f'[training]\nbatch_size = 128\nepochs = 2\n{more}')


plain = dataset.format("csv", 'delimiter = "\\t"', fields.format('multi_hot = { separator = "|" }'))
put("config", "dnn", run('type = "dnn"\nhidden_units = [16, 8]\nactivation = "SmeLU(beta=0.5)"\nbatch_norm = true\ndropout = 0.4',
                         plain, more="[training.reduce_lr_on_plateau]\nfactor = 0.1\n[checkpoint]\nevery_steps = 10\n"))
put("config", "lr", run('type = "lr"', dataset.format("libsvm", 'index = { user = [1, 5], item = 7, price = 9 }',
                                                        fields.format("")), 'type = "sgd"\nlearning_rate = 0.1'))
put("config", "split", run('type = "lr"', 'name = "x"\nlabel = "click"\nfields = [{ name = "user", type = "categorical", hash = { buckets = 10 } }]'
                           '\n[source]\nformat = "parquet"\n[files]\nall = ["a", "b"]\n[split]\nby = "time"\ncolumn = "t"\nvalid = 1\ntest = 2'
                           '\n[rows]\nbad = "quarantine"\nquarantine = "bad.jsonl"'))
put("config", "synthetic", run('type = "lr"', 'name = "x"\n[source]\nformat = "synthetic"\nseed = 1\nrows = { train = 10, valid = 5, test = 5 }\n'
                               'categorical = [{ name = "item", cardinality = 50, effect = 1.0 }]\nnumeric = [{ name = "hour", weight = 0.5 }]'))

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise SystemExit("parquet: left out, there is no pyarrow")
table = pa.table({
    "label": pa.array([1, 0, 1, 0, 1], pa.int64()),
    "user": pa.array(["ann", None, "bob", "ann", ""]),
    "price": pa.array([0.5, None, 1e300, -1.0, 2.0], pa.float64()),
    "item": pa.array([7, 8, 9, 7, None], pa.int32()),
})
for name, options in {
    "plain": {"compression": "none", "use_dictionary": False},
    "dictionary": {"compression": "none"},
    "snappy": {"compression": "snappy", "row_group_size": 2},
    "gzip": {"compression": "gzip"},
    "zstd": {"compression": "zstd"},
    "version_2": {"compression": "none", "data_page_version": "2.0", "use_dictionary": False,
                  "column_encoding": {"label": "DELTA_BINARY_PACKED", "user": "DELTA_BYTE_ARRAY"}},
}.items():
    HERE.joinpath("parquet").mkdir(exist_ok=True)
    pq.write_table(table, HERE / "parquet" / name, store_schema=False, write_statistics=False, **options)
