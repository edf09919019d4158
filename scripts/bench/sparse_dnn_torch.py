#!/usr/bin/env python3
"""PyTorch twin of `ctr train` for a DNN with sparse embedding updates (configs/bench/), for timing and for comparing losses.

It reads the same run config and the very shards that `ctr prepare` wrote, and prints one JSON line per epoch and one at the end. The form
of each operation is the fastest that was found in eager PyTorch (README.md).
"""

import argparse
import json
import os
import platform
import sys
import time
import tomllib
from pathlib import Path

from torch_allocator import with_allocator


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="run config, such as configs/bench/wide.toml")
    parser.add_argument("--encoded", type=Path, required=True, help="folder in the cache with schema.json and train.shard")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--allocator", default="system", help="system; tuned; or the path of a library to preload")
    return parser.parse_args()


ARGS = arguments()
with_allocator(ARGS.allocator)
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGS.threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402


def read_shard(path):
    """Labels [rows], numeric [rows, N] and field-local ids [rows, F]; the layout is that of crates/ctr-data/src/shard/."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    magic, (version, _), rows = raw[:8].tobytes(), raw[8:16].view("<u4"), int(raw[16:24].view("<u8")[0])
    categorical, numeric = (int(count) for count in raw[24:32].view("<u4"))
    lists = int(raw[32:36].view("<u4")[0])
    if magic != b"CTRSHARD" or version != 2 or lists:
        sys.exit(f"{path}: expected a shard of version 2 without multi-hot fields")
    end, sections = 64, []
    for size in (rows, 4 * rows * numeric, 4 * rows * categorical):
        start = (end + 63) // 64 * 64
        end = start + size
        sections.append(raw[start:end])
    labels, numbers, ids = sections
    return (
        torch.from_numpy(labels.astype(np.float32)),
        torch.from_numpy(numbers.view("<f4").reshape(rows, numeric).copy()),
        ids.view("<u4").reshape(rows, categorical).astype(np.int64),
    )


class Dnn(nn.Module):
    """One table for all fields (one lookup, one sparse gradient), then Linear and ReLU per hidden layer."""

    def __init__(self, rows, fields, numeric, dim, init_std, hidden):
        super().__init__()
        self.embedding = nn.Embedding(rows, dim, sparse=True)
        nn.init.normal_(self.embedding.weight, std=init_std)
        layers, width = [], fields * dim + numeric
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU(inplace=True)]
            width = units
        layers.append(nn.Linear(width, 1))
        self.mlp = nn.Sequential(*layers)
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, ids, numeric):  # [B, F], [B, N] -> [B]
        x = self.embedding(ids).flatten(1)
        return self.mlp(torch.cat([x, numeric], 1) if numeric.shape[1] else x).squeeze(1)


def main():
    config = tomllib.loads(ARGS.config.read_text())
    model_config, embedding, batch = config["model"], config["embedding"], config["training"]["batch_size"]
    row_optimizer, dense_optimizer = embedding["optimizer"], config["optimizer"]
    if model_config["activation"] != "ReLU" or row_optimizer["type"] != "adagrad" or dense_optimizer["type"] != "adam":
        sys.exit(f"{ARGS.config}: the twin has ReLU, Adagrad on rows and Adam on the rest only")
    torch.set_num_threads(ARGS.threads)
    torch.manual_seed(config["seed"])
    schema = json.loads((ARGS.encoded / "schema.json").read_text())
    sizes = [field["cardinality"] for field in schema["categorical"]]
    labels, numeric, ids = read_shard(ARGS.encoded / "train.shard")
    ids = torch.from_numpy(ids + np.concatenate([[0], np.cumsum(sizes)[:-1]]))

    model = Dnn(sum(sizes), len(sizes), numeric.shape[1], embedding["dim"], embedding["init_std"], model_config["hidden_units"])
    rows = torch.optim.Adagrad(model.embedding.parameters(), lr=row_optimizer["learning_rate"])
    dense = torch.optim.Adam(model.mlp.parameters(), lr=dense_optimizer["learning_rate"], eps=1e-8, fused=True)
    for epoch in range(1, ARGS.epochs + 1):
        start, losses = time.perf_counter(), []
        for picked in torch.randperm(len(labels)).split(batch):
            rows.zero_grad(set_to_none=True)
            dense.zero_grad(set_to_none=True)
            logits = model(ids.index_select(0, picked), numeric.index_select(0, picked))
            loss = nn.functional.binary_cross_entropy_with_logits(logits, labels.index_select(0, picked))
            loss.backward()
            rows.step()
            dense.step()
            losses.append(loss.detach())
        seconds = time.perf_counter() - start
        loss = torch.stack(losses).mean().item()
        print(json.dumps({"event": "epoch", "epoch": epoch, "train_seconds": seconds, "train_loss": loss}), flush=True)
    print(
        json.dumps(
            {
                "event": "final",
                "torch": torch.__version__,
                "numpy": np.__version__,
                "python": platform.python_version(),
                "cpu_capability": torch.backends.cpu.get_cpu_capability(),
                "adam": "fused",
                "rows": sum(sizes),
            }
        )
    )


if __name__ == "__main__":
    main()
