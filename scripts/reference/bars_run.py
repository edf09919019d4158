#!/usr/bin/env python3
"""Whole runs of some models in PyTorch by the BARS protocol, to tell what a program does from what the protocol does.

    python scripts/reference/bars_run.py --model fmfm --data-dir DATA --seeds 2021 190034 992817 27011 948432 > run.jsonl

DATA holds train.csv, valid.csv and test.csv of Frappe_x1 (datasets/README.md). The runs are those of configs/frappe_x1/MODEL.toml: tables and
first-order weights from N(0, 1e-4^2), other weights by Xavier's normal law, Adam over everything, L2 over whole tables, batches of 4096, learning
rate x 0.1 after an epoch without a better validation AUC, stop after the second in a row. One line of JSON for each seed.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=sorted(MODELS), required=True)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with train.csv, valid.csv and test.csv")
    parser.add_argument("--seeds", type=int, nargs="+", default=[2021])
    parser.add_argument("--epochs", type=int, default=200, help="at most (default 200)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda; other draws, and sums in another order, on each")
    return parser.parse_args()


def read_csv(path):
    values = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.int64)
    return torch.from_numpy(values[:, 0].astype(np.float32)), values[:, 1:]


def encode(splits):
    """Row numbers in one table; the first row of each field is that of values which train does not have."""
    encoded, start = [np.zeros_like(split) for split in splits], 0
    for field in range(splits[0].shape[1]):
        known = np.unique(splits[0][:, field])
        for split, rows in zip(splits, encoded):
            place = np.minimum(np.searchsorted(known, split[:, field]), len(known) - 1)
            rows[:, field] = start + np.where(known[place] == split[:, field], place + 1, 0)
        start += len(known) + 1
    return [torch.from_numpy(rows) for rows in encoded], start


class FmFM(nn.Module):
    """Logit = b + sum of first-order weights + sum over pairs of <e_i * w_ij, e_j>."""

    def __init__(self, rows, fields, dim):
        super().__init__()
        self.first_order, self.embedding = nn.Embedding(rows, 1), nn.Embedding(rows, dim)
        for table in (self.first_order, self.embedding):
            nn.init.normal_(table.weight, std=1e-4)
        self.bias = nn.Parameter(torch.zeros(1))
        self.pairs = torch.triu_indices(fields, fields, 1)
        self.weight = nn.Parameter(torch.empty(self.pairs.shape[1], dim))
        nn.init.xavier_normal_(self.weight)

    def forward(self, ids):
        e = self.embedding(ids)
        pairs = e[:, self.pairs[0]] * self.weight * e[:, self.pairs[1]]
        return self.first_order(ids).sum((1, 2)) + pairs.sum((1, 2)) + self.bias


class CrossNetwork(nn.Module):
    """x_{l+1} = x_0 * (x_l . w) + b + x_l, then a linear layer."""

    def __init__(self, rows, fields, dim):
        super().__init__()
        width = fields * dim
        self.embedding = nn.Embedding(rows, dim)
        self.weights = nn.ModuleList(nn.Linear(width, 1, bias=False) for _ in range(6))
        self.biases = nn.ParameterList(torch.zeros(width) for _ in range(6))
        self.output = nn.Linear(width, 1)
        initialise(self)

    def forward(self, ids):
        x = x0 = self.embedding(ids).flatten(1)
        for weight, bias in zip(self.weights, self.biases):
            x = x0 * weight(x) + bias + x
        return self.output(x).squeeze(1)


class CrossNetworkV2(nn.Module):
    """x_{l+1} = x_0 * (W x_l + b) + x_l, then a linear layer."""

    def __init__(self, rows, fields, dim):
        super().__init__()
        width = fields * dim
        self.embedding = nn.Embedding(rows, dim)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.output = nn.Linear(width, 1)
        initialise(self)

    def forward(self, ids):
        x = x0 = self.embedding(ids).flatten(1)
        for layer in self.layers:
            x = x0 * layer(x) + x
        return self.output(x).squeeze(1)


class AFM(nn.Module):
    """Logit = b + sum of first-order weights + <p, sum over pairs of a_ij e_i * e_j>, a the softmax of a scoring layer."""

    def __init__(self, rows, fields, dim):
        super().__init__()
        self.first_order, self.embedding = nn.Embedding(rows, 1), nn.Embedding(rows, dim)
        self.bias = nn.Parameter(torch.zeros(1))
        self.pairs = torch.triu_indices(fields, fields, 1)
        self.hidden, self.score, self.output = nn.Linear(dim, 128), nn.Linear(128, 1, bias=False), nn.Linear(dim, 1, bias=False)
        self.dropout = nn.Dropout(0.1)
        initialise(self)

    def forward(self, ids):
        e = self.embedding(ids)
        pairs = e[:, self.pairs[0]] * e[:, self.pairs[1]]
        weights = self.dropout(torch.softmax(self.score(torch.relu(self.hidden(pairs))), 1))
        pooled = self.dropout((weights * pairs).sum(1))
        return self.first_order(ids).sum((1, 2)) + self.output(pooled).squeeze(1) + self.bias


class AFN(nn.Module):
    """An MLP on norm(exp(W norm(ln max(|e|, 1e-5))))."""

    def __init__(self, rows, fields, dim):
        super().__init__()
        self.embedding = nn.Embedding(rows, dim)
        self.log_norm, self.exp_norm = nn.BatchNorm1d(fields), nn.BatchNorm1d(1000)
        self.exponents = nn.Linear(fields, 1000, bias=False)
        self.mlp = nn.Sequential(nn.Linear(1000 * dim, 400), nn.ReLU(), nn.Dropout(0.4), nn.Linear(400, 1))
        initialise(self)

    def forward(self, ids):
        logs = self.log_norm(self.embedding(ids).abs().clamp(min=1e-5).log())
        products = self.exp_norm(self.exponents(logs.transpose(1, 2)).exp().transpose(1, 2))
        return self.mlp(products.flatten(1)).squeeze(1)


def initialise(model):
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=1e-4)
        elif isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


# With the L2 coefficient of the tables.
MODELS = {
    "afm": (AFM, 1e-5),
    "afn": (AFN, 1e-3),
    "cross_network": (CrossNetwork, 1e-4),
    "cross_network_v2": (CrossNetworkV2, 1e-3),
    "fmfm": (FmFM, 1e-5),
}


def auc(labels, scores):
    """Exact, ties half."""
    order = np.argsort(scores, kind="stable")
    scores, labels = scores[order], labels[order].astype(np.float64)
    starts = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1]]))
    positives, negatives = np.add.reduceat(labels, starts), np.add.reduceat(1.0 - labels, starts)
    below = np.cumsum(negatives) - negatives
    return float((positives * (below + 0.5 * negatives)).sum() / (positives.sum() * negatives.sum()))


@torch.no_grad()
def evaluate(model, labels, ids):
    model.eval()
    logits = torch.cat([model(part) for part in ids.split(4096)])
    return auc(labels.cpu().numpy(), logits.cpu().numpy()), float(binary_cross_entropy_with_logits(logits, labels))


def train(name, seed, labels, ids, rows, epochs):
    torch.manual_seed(seed)
    kind, l2 = MODELS[name]
    model = kind(rows, ids[0].shape[1], 10).to(ids[0].device)
    tables = [module.weight for module in model.modules() if isinstance(module, nn.Embedding)]
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    best, best_epoch, worse, course, state = -1.0, 0, 0, [], None
    for epoch in range(1, epochs + 1):
        model.train()
        for batch in torch.randperm(len(labels[0]), device=ids[0].device).split(4096):
            adam.zero_grad()
            loss = binary_cross_entropy_with_logits(model(ids[0][batch]), labels[0][batch])
            (loss + sum(l2 / 2 * table.square().sum() for table in tables)).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            adam.step()
        valid_auc, valid_log_loss = evaluate(model, labels[1], ids[1])
        course.append(round(valid_auc, 6))
        print(f"seed {seed}, epoch {epoch}: valid AUC {valid_auc:.6f}, log loss {valid_log_loss:.6f}", file=sys.stderr)
        if valid_auc > best + 1e-6:
            best, best_epoch, worse = valid_auc, epoch, 0
            state = {name: value.clone() for name, value in model.state_dict().items()}
        else:
            worse += 1
            for group in adam.param_groups:
                group["lr"] = max(group["lr"] * 0.1, 1e-6)
        if worse == 2:
            break
    model.load_state_dict(state)
    test_auc, test_log_loss = evaluate(model, labels[2], ids[2])
    return {"model": name, "seed": seed, "epochs": len(course), "best_epoch": best_epoch, "test_auc": test_auc, "test_log_loss": test_log_loss, "valid_auc": course, "device": ids[0].device.type}


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    splits = [read_csv(options.data_dir / f"{name}.csv") for name in ("train", "valid", "test")]
    labels, (ids, rows) = [split[0] for split in splits], encode([split[1] for split in splits])
    labels, ids = ([split.to(options.device) for split in part] for part in (labels, ids))
    for seed in options.seeds:
        print(json.dumps(train(options.model, seed, labels, ids, rows, options.epochs)), flush=True)


if __name__ == "__main__":
    main()
