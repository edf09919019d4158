#!/usr/bin/env python3
"""PyTorch twin of `ctr train configs/frappe/dnn_relu.toml`, for timing and for comparing AUC.

It reads the same run config (sizes, activation, dropout, L2, learning rate, batch) and the same CSV files, and prints one
JSON line per epoch and one at the end. Eager mode, the forms of each operation that measured fastest (README.md).
"""

import argparse
import json
import math
import os
import platform
import re
import sys
import time
import tomllib
from pathlib import Path

from torch_allocator import with_allocator


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True, help="run config, such as configs/frappe/dnn_relu.toml")
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with train.csv, valid.csv and test.csv")
    parser.add_argument("--epochs", type=int, default=15, help="epochs, none left out (default 15)")
    parser.add_argument("--seed", type=int, default=None, help="default: the config's")
    parser.add_argument("--activation", default=None, help="ReLU or SmeLU(beta=0.5); default: the config's")
    parser.add_argument("--dropout", type=float, default=None, help="default: the config's")
    parser.add_argument("--l2", type=float, default=None, help="L2 of the embedding tables; default: the config's")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--adam", choices=["fused", "foreach", "loop"], default="fused")
    parser.add_argument(
        "--allocator",
        default="system",
        help="system; tuned (glibc kept from returning memory); or the path of a library to preload (jemalloc, mimalloc)",
    )
    return parser.parse_args()


ARGS = arguments()
with_allocator(ARGS.allocator)
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(ARGS.threads)

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402


def read_csv(path):
    """The label [N] and the raw fields [N, F] of one file."""
    values = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64)
    return values[:, 0].astype(np.float32), values[:, 1:]


class Encoder:
    """Vocabulary fitted on the training split; each field owns a range of rows, the first of which is its OOV id."""

    def __init__(self, fields):
        self.vocabularies = [np.unique(column) for column in fields.T]
        sizes = [len(vocabulary) + 1 for vocabulary in self.vocabularies]
        self.offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.rows = sum(sizes)

    def encode(self, fields):
        encoded = np.empty(fields.shape, dtype=np.int64)
        for index, vocabulary in enumerate(self.vocabularies):
            column = fields[:, index]
            place = np.minimum(np.searchsorted(vocabulary, column), len(vocabulary) - 1)
            encoded[:, index] = self.offsets[index] + np.where(vocabulary[place] == column, place + 1, 0)
        return torch.from_numpy(encoded)


class SmeLUFunction(torch.autograd.Function):
    """0 below -beta, x above beta, (x + beta)^2 / (4 beta) between. With c = clamp(x + beta, 0, 2 beta) the value is
    c^2 / (4 beta) + relu(x - beta) and the slope c / (2 beta): only c is kept for the backward pass."""

    @staticmethod
    def forward(ctx, x, beta):
        bent = torch.clamp(x + beta, 0.0, 2.0 * beta)
        ctx.save_for_backward(bent)
        ctx.beta = beta
        return (bent * bent).mul_(0.25 / beta).add_(torch.relu(x - beta))

    @staticmethod
    def backward(ctx, gradient):
        (bent,) = ctx.saved_tensors
        return (gradient * bent).mul_(0.5 / ctx.beta), None


class SmeLU(nn.Module):
    def __init__(self, beta):
        super().__init__()
        self.beta = beta

    def forward(self, x):
        return SmeLUFunction.apply(x, self.beta)


def activation(name):
    smelu = re.fullmatch(r"SmeLU\(beta=([0-9.]+)\)", name)
    if smelu:
        return lambda: SmeLU(float(smelu[1]))
    if name == "ReLU":
        return nn.ReLU
    sys.exit(f"activation {name}: expected ReLU or SmeLU(beta=NUMBER)")


class Dnn(nn.Module):
    """Embedding (one table for all fields: one lookup), then Linear, BatchNorm, activation, Dropout per hidden layer."""

    def __init__(self, rows, fields, dim, init_std, hidden, act, dropout):
        super().__init__()
        self.embedding = nn.Embedding(rows, dim)
        nn.init.normal_(self.embedding.weight, std=init_std)
        layers, width = [], fields * dim
        for units in hidden:
            layers += [nn.Linear(width, units), nn.BatchNorm1d(units), act()]
            if dropout > 0.0:
                layers.append(nn.Dropout(dropout))
            width = units
        layers.append(nn.Linear(width, 1))
        self.mlp = nn.Sequential(*layers)
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, ids):  # [B, F] -> [B]
        return self.mlp(self.embedding(ids).flatten(1)).squeeze(1)


def auc(labels, scores):
    """Exact AUC, ties half."""
    order = np.argsort(scores, kind="stable")
    scores, labels = scores[order], labels[order].astype(np.float64)
    starts = np.concatenate([[0], np.flatnonzero(scores[1:] != scores[:-1]) + 1])
    positives = np.add.reduceat(labels, starts)
    negatives = np.add.reduceat(1.0 - labels, starts)
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + 0.5 * negatives)).sum() / (positives.sum() * negatives.sum()))


def evaluate(model, ids, labels, batch):
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(part) for part in ids.split(batch)]).double()
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels.double()).item()
    return auc(labels.numpy(), logits.numpy()), loss


def train_epoch(model, optimizer, ids, labels, batch, l2, clip):
    """One pass in a new random order. Nothing here waits for a value of the computation."""
    model.train()
    table, parameters = model.embedding.weight, list(model.parameters())
    for picked in torch.randperm(len(labels)).split(batch):
        optimizer.zero_grad(set_to_none=True)
        logits = model(ids.index_select(0, picked))
        nn.functional.binary_cross_entropy_with_logits(logits, labels.index_select(0, picked)).backward()
        # The gradient of (l2 / 2) * ||table||^2, added as autograd would but without its passes over the table.
        table.grad.add_(table.detach(), alpha=l2)
        nn.utils.clip_grad_norm_(parameters, clip, foreach=True)
        optimizer.step()


def print_line(event, **values):
    rounded = {k: (round(v, 6) if isinstance(v, float) and math.isfinite(v) else v) for k, v in values.items()}
    print(json.dumps({"event": event, **rounded}), flush=True)


def main():
    config = tomllib.loads(ARGS.config.read_text())
    model_config, embedding, training = config["model"], config["embedding"], config["training"]
    optimizer_config, plateau = config["optimizer"], training["reduce_lr_on_plateau"]
    name = ARGS.activation or model_config["activation"]
    dropout = model_config["dropout"] if ARGS.dropout is None else ARGS.dropout
    l2 = embedding["l2"] if ARGS.l2 is None else ARGS.l2
    seed = config["seed"] if ARGS.seed is None else ARGS.seed
    batch = training["batch_size"]
    if not model_config["batch_norm"] or embedding["mode"] != "dense" or optimizer_config["type"] != "adam":
        sys.exit(f"{ARGS.config}: the twin has batch norm, dense embeddings and Adam only")

    torch.set_num_threads(ARGS.threads)
    torch.manual_seed(seed)
    splits = {split: read_csv(ARGS.data_dir / f"{split}.csv") for split in ("train", "valid", "test")}
    encoder = Encoder(splits["train"][1])
    splits = {split: (encoder.encode(f), torch.from_numpy(y)) for split, (y, f) in splits.items()}
    ids, labels = splits["train"]

    model = Dnn(
        encoder.rows,
        ids.shape[1],
        embedding["dim"],
        embedding["init_std"],
        model_config["hidden_units"],
        activation(name),
        dropout,
    )
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=optimizer_config["learning_rate"],
        betas=(optimizer_config["beta1"], optimizer_config["beta2"]),
        eps=optimizer_config["epsilon"],
        fused=True if ARGS.adam == "fused" else None,
        foreach=None if ARGS.adam == "fused" else ARGS.adam == "foreach",
    )

    best_auc, best_epoch, best_state = -math.inf, 0, None
    for epoch in range(1, ARGS.epochs + 1):
        start = time.perf_counter()
        train_epoch(model, optimizer, ids, labels, batch, l2, training["gradient_clip_norm"])
        trained = time.perf_counter()
        valid_auc, valid_loss = evaluate(model, *splits["valid"], config["evaluation"]["batch_size"])
        evaluated = time.perf_counter()
        print_line(
            "epoch",
            epoch=epoch,
            train_seconds=trained - start,
            eval_seconds=evaluated - trained,
            samples_per_second=len(labels) / (trained - start),
            learning_rate=optimizer.param_groups[0]["lr"],
            valid_auc=valid_auc,
            valid_log_loss=valid_loss,
        )
        if valid_auc > best_auc + training["min_delta"]:
            best_auc, best_epoch = valid_auc, epoch
            best_state = {key: value.clone() for key, value in model.state_dict().items()}
        else:
            group = optimizer.param_groups[0]
            group["lr"] = max(group["lr"] * plateau["factor"], plateau["min_lr"])

    model.load_state_dict(best_state)
    test_auc, test_loss = evaluate(model, *splits["test"], config["evaluation"]["batch_size"])
    print_line(
        "final",
        torch=torch.__version__,
        numpy=np.__version__,
        python=platform.python_version(),
        threads=torch.get_num_threads(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        allocator=ARGS.allocator if ARGS.allocator in ("system", "tuned") else Path(ARGS.allocator).name,
        adam=ARGS.adam,
        activation=name,
        dropout=dropout,
        l2=l2,
        seed=seed,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        best_epoch=best_epoch,
        test_auc=test_auc,
        test_log_loss=test_loss,
    )


if __name__ == "__main__":
    main()
