#!/usr/bin/env python3
"""PyTorch twin of `ctr bench` for DNN, DCN-V2 and DeepFM, on a GPU or, with --device cpu, without one.

It reads a run config of configs/bench/ and the shards that `ctr prepare` wrote, and prints one JSON line: samples a second over the steps
measured, and over each fifth of them: copies of the batches to the device are included, their making is not waited for (threads put them into
pinned memory ahead of time). Rows of `mode = "sparse"` are updated by sparse Adagrad with one accumulator per
element, the only sparse Adagrad that PyTorch has, those of `mode = "dense"` by Adam like everything else. With --compile the dense part runs
through torch.compile, with --tf32 the products of matrices in TF32. In place of a model, --bandwidth measures a copy in the device's memory, and
--products the products of dense layers, each given as BATCHxINPUTSxOUTPUTS, as examples/layer_speed.rs of ctr-model does.
"""

import argparse
import json
import sys
import threading
import time
import tomllib
from pathlib import Path
from queue import Queue

import numpy as np
import torch
from torch import nn


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--encoded", type=Path, help="folder in the cache with schema.json and train.shard")
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--warmup", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--loader-threads", type=int, default=4)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--bandwidth", action="store_true")
    parser.add_argument("--products", nargs="+", metavar="LAYER")
    args = parser.parse_args()
    if args.steps < 5 or args.loader_threads < 1:
        parser.error("--steps is at least 5, --loader-threads at least 1")
    return args


def read_shard(path):
    """Labels [rows], numeric [rows, N] and field-local ids [rows, F]; the layout is that of crates/ctr-data/src/shard/."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    magic, (version, _), rows = raw[:8].tobytes(), raw[8:16].view("<u4"), int(raw[16:24].view("<u8")[0])
    categorical, numeric = (int(count) for count in raw[24:32].view("<u4"))
    if magic != b"CTRSHARD" or version != 2 or int(raw[32:36].view("<u4")[0]):
        sys.exit(f"{path}: expected a shard of version 2 without multi-hot fields")
    end, sections = 64, []
    for size in (rows, 4 * rows * numeric, 4 * rows * categorical):
        start = (end + 63) // 64 * 64
        end = start + size
        sections.append(raw[start:end])
    labels, numbers, ids = sections
    numbers = numbers.view("<f4").reshape(rows, numeric).copy()
    return labels.astype(np.float32), numbers, ids.view("<u4").reshape(rows, categorical).astype(np.int64)


def smelu(x, beta):
    middle = (x + beta) ** 2 / (4 * beta)
    return torch.where(x >= beta, x, torch.where(x <= -beta, torch.zeros_like(x), middle))


class Dense(nn.Module):
    """The hidden layers, beside a cross network where there is one; w·[cross(x); hidden(x)] + b."""

    def __init__(self, width, config):
        super().__init__()
        self.beta = None
        if config["activation"] != "ReLU":
            self.beta = float(config["activation"].split("beta=")[1].rstrip(")"))
        inputs, layers = width, []
        for units in config["hidden_units"]:
            layers.append(nn.Linear(inputs, units))
            inputs = units
        self.hidden = nn.ModuleList(layers)
        norm = (lambda units: nn.BatchNorm1d(units)) if config.get("batch_norm") else (lambda units: nn.Identity())
        self.norms = nn.ModuleList(norm(units) for units in config["hidden_units"])
        self.dropout = nn.Dropout(config.get("dropout", 0.0))
        crosses = config.get("cross_layers", 0)
        self.cross = nn.ModuleList(nn.Linear(width, width) for _ in range(crosses))
        self.output = nn.Linear(inputs + (width if crosses else 0), 1)

    def forward(self, x):
        hidden = x
        for layer, norm in zip(self.hidden, self.norms):
            hidden = norm(layer(hidden))
            hidden = torch.relu(hidden) if self.beta is None else smelu(hidden, self.beta)
            hidden = self.dropout(hidden)
        if len(self.cross):
            crossed = x
            for layer in self.cross:
                crossed = x * layer(crossed) + crossed
            hidden = torch.cat([crossed, hidden], 1)
        return self.output(hidden).squeeze(1)


def pairs(vectors):
    """FM's sum of the inner products of all pairs; [B, F, D] to [B]."""
    return 0.5 * (vectors.sum(1).square() - vectors.square().sum(1)).sum(1)


class Batches:
    """The batches of an endless row of epochs, made by threads ahead of time, handed out in their order."""

    def __init__(self, ids, numeric, labels, args, seed, pinned):
        order = np.random.default_rng(seed).permutation(len(labels))
        size, count = args.batch_size, max(len(labels) // args.batch_size, 1)
        self.queues = [Queue(2) for _ in range(args.loader_threads)]

        def make(number):
            step = number
            while True:
                picked = order[step % count * size : (step % count + 1) * size]
                try:
                    tensors = [torch.from_numpy(part[picked]) for part in (ids, numeric, labels)]
                    self.queues[number].put([tensor.pin_memory() for tensor in tensors] if pinned else tensors)
                except Exception as error:
                    self.queues[number].put(error)
                    return
                step += len(self.queues)

        for number in range(args.loader_threads):
            threading.Thread(target=make, args=(number,), daemon=True).start()

    def take(self, step):
        batch = self.queues[step % len(self.queues)].get()
        if isinstance(batch, Exception):
            raise batch
        return batch


def bandwidth():
    x = torch.randn(256 << 20, device="cuda")
    y = torch.empty_like(x)
    for step in range(33):
        if step == 3:
            torch.cuda.synchronize()
            start = time.perf_counter()
        y.copy_(x)
    torch.cuda.synchronize()
    seconds = (time.perf_counter() - start) / 30
    print(json.dumps({"copy_gb_per_second": 2 * x.nbytes / seconds / 1e9, "device": torch.cuda.get_device_name()}))


def products(layers, device):
    def seconds(work):
        def run(times):
            start = time.perf_counter()
            for _ in range(times):
                work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            return (time.perf_counter() - start) / times

        run(3)
        return run(int(min(max(0.2 / run(10), 3), 10000)))

    for layer in layers:
        batch, inputs, outputs = (int(size) for size in layer.split("x"))
        x, w, dy = (2 * torch.rand(shape, device=device) - 1 for shape in ((batch, inputs), (inputs, outputs), (batch, outputs)))
        works = {"y": lambda: x @ w, "dx": lambda: dy @ w.T, "dW": lambda: x.T @ dy}
        speeds = [f"{name} {2e-12 * batch * inputs * outputs / seconds(work):.2f}" for name, work in works.items()]
        print(f"{layer}: {', '.join(speeds)} TFLOP/s")


def main():
    args = arguments()
    torch.backends.cuda.matmul.allow_tf32 = args.tf32
    if args.bandwidth:
        bandwidth()
        return
    if args.products:
        products(args.products, torch.device(args.device))
        return
    config = tomllib.loads(args.config.read_text())
    schema = json.loads((args.encoded / "schema.json").read_text())
    sizes = [field["cardinality"] for field in schema["categorical"]]
    labels, numeric, ids = read_shard(args.encoded / "train.shard")
    ids = ids + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    dim, device = config["embedding"]["dim"], torch.device(args.device)
    torch.manual_seed(config["seed"])

    sparse, deepfm = config["embedding"]["mode"] == "sparse", config["model"]["type"] == "deepfm"
    table = nn.Embedding(sum(sizes), dim, sparse=sparse, device=device)
    nn.init.normal_(table.weight, std=config["embedding"]["init_std"])
    linear = nn.Embedding(sum(sizes), 1, sparse=sparse, device=device) if deepfm else None
    tables = [*table.parameters(), *(linear.parameters() if deepfm else [])]
    dense = Dense(len(sizes) * dim + numeric.shape[1], config["model"]).to(device)
    forward = torch.compile(dense) if args.compile else dense
    parameters = [*dense.parameters(), *([] if sparse else tables)]
    optimizers = [torch.optim.Adam(parameters, lr=config["optimizer"]["learning_rate"], fused=device.type == "cuda")]
    if sparse:
        optimizers.append(torch.optim.Adagrad(tables, lr=config["embedding"]["optimizer"]["learning_rate"]))
    penalty, clip = config["embedding"].get("l2", 0.0), config["training"].get("gradient_clip_norm")

    def moved(tensor):
        return tensor.to(device, non_blocking=True)

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize()

    batches = Batches(ids, numeric, labels, args, config["seed"], pinned=device.type == "cuda")
    bounds, marks = [args.warmup + args.steps * part // 5 for part in range(6)], []
    for step in range(args.warmup + args.steps):
        if step in bounds:
            wait()
            marks.append(time.perf_counter())
        of_batch, numbers, clicked = batches.take(step)
        rows = moved(of_batch)
        vectors = table(rows)
        x = torch.cat([vectors.flatten(1), moved(numbers)], 1) if numeric.shape[1] else vectors.flatten(1)
        logits = forward(x)
        if deepfm:
            logits = logits + linear(rows).sum((1, 2)) + pairs(vectors)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, moved(clicked))
        if penalty:
            loss = loss + 0.5 * penalty * sum(weights.square().sum() for weights in tables)
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(parameters, clip)
        for optimizer in optimizers:
            optimizer.step()
    wait()
    marks.append(time.perf_counter())
    rows = min(args.batch_size, len(labels))
    sizes = [end - start for start, end in zip(bounds, bounds[1:])]
    fifths = [round(rows * size / (end - start)) for size, start, end in zip(sizes, marks, marks[1:])]
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    report = {"samples_per_second": rows * args.steps / (marks[-1] - marks[0]), "fifths": fifths, "torch": torch.__version__, "device": name}
    print(json.dumps({**report, "loss": loss.item(), "compile": args.compile}))


if __name__ == "__main__":
    main()
