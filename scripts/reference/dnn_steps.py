#!/usr/bin/env python3
"""Losses of 50 training steps of a DNN in PyTorch, for crates/trainer/src/step/tests.rs.

    python scripts/reference/dnn_steps.py > crates/trainer/src/step/dnn_steps.json

Embeddings of width 8 of four fields, two numeric fields, hidden layers of 64 and 32 with batch norm and SmeLU(beta=0.5), Adam on
everything (tables included, every row at every step), batches of 256. Initial weights and batches come from SplitMix64 by a rule that
the test repeats (`Numbers` here and there), so that only the losses need a file. The losses in double precision, from the same
single-precision start, show how far rounding alone takes two correct programs apart.
"""

import json

import numpy as np
import torch
from torch import nn

CARDINALITIES = [7, 40, 300, 1000]
NUMERIC = 2
WIDTH = 8
HIDDEN = [64, 32]
BETA = 0.5
BATCH = 256
STEPS = 50
LEARNING_RATE = 2e-3


class Numbers:
    """SplitMix64 (Steele, Lea & Flood 2014) by position: number i of stream s."""

    def __init__(self, stream):
        self.stream, self.place = stream, 0

    def take(self, count):
        with np.errstate(over="ignore"):
            index = np.arange(self.place + 1, self.place + count + 1, dtype=np.uint64) + np.uint64(self.stream << 32)
            self.place += count
            z = index * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            return z ^ (z >> np.uint64(31))

    def units(self, count):
        """Multiples of 2^-23 in [-1, 1): exact in single precision."""
        return (self.take(count) >> np.uint64(40)).astype(np.float64) / 2.0**23 - 1.0


class SmeLU(nn.Module):
    def forward(self, x):
        bent = torch.clamp(x + BETA, 0.0, 2.0 * BETA)
        return torch.where(x >= BETA, x, bent * bent / (4.0 * BETA))


def weights():
    """The table [rows, WIDTH], then weight [in, out] of each linear layer; every factor is a power of two."""
    rows = sum(CARDINALITIES)
    table = Numbers(1).units(rows * WIDTH).reshape(rows, WIDTH) / 4
    widths = [len(CARDINALITIES) * WIDTH + NUMERIC, *HIDDEN, 1]
    layers = [
        Numbers(10 + i).units(a * b).reshape(a, b) / 4 for i, (a, b) in enumerate(zip(widths[:-1], widths[1:], strict=True))
    ]
    return table, layers


def batch(step):
    """Field-local ids [B, F], numeric values [B, N] and labels [B]; a click is likelier for some values."""
    numbers = Numbers(1000 + step)
    ids = np.stack([numbers.take(BATCH) % np.uint64(c) for c in CARDINALITIES], axis=1).astype(np.int64)
    numeric = numbers.units(BATCH * NUMERIC).reshape(BATCH, NUMERIC)
    chance = 20 + 40 * (ids[:, 0] % 2) + 20 * (ids[:, 1] % 2 ^ ids[:, 2] % 2) + 15 * (numeric[:, 0] > 0)
    labels = (numbers.take(BATCH) % np.uint64(100)).astype(np.int64) < chance
    return ids, numeric, labels.astype(np.float64)


def losses(dtype):
    torch.set_num_threads(1)
    table, layers = weights()
    embedding = nn.Embedding.from_pretrained(torch.tensor(table, dtype=dtype), freeze=False)
    modules = []
    for index, weight in enumerate(layers):
        linear = nn.Linear(*weight.shape, dtype=dtype)
        linear.weight.data = torch.tensor(weight.T.copy(), dtype=dtype)
        nn.init.zeros_(linear.bias)
        modules.append(linear)
        if index < len(HIDDEN):
            modules += [nn.BatchNorm1d(weight.shape[1], dtype=dtype), SmeLU()]
    mlp = nn.Sequential(*modules)
    optimizer = torch.optim.Adam([*embedding.parameters(), *mlp.parameters()], lr=LEARNING_RATE, eps=1e-8)
    bases = np.concatenate([[0], np.cumsum(CARDINALITIES)[:-1]])
    found = []
    for step in range(STEPS):
        ids, numeric, labels = batch(step)
        rows = embedding(torch.from_numpy(ids + bases)).flatten(1)
        x = torch.cat([rows, torch.tensor(numeric, dtype=dtype)], 1)
        loss = nn.functional.binary_cross_entropy_with_logits(mlp(x).squeeze(1), torch.tensor(labels, dtype=dtype))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def main():
    single, double = losses(torch.float32), losses(torch.float64)
    print(f'{{\n "torch": "{torch.__version__}",\n "single": {json.dumps(single)},\n "double": {json.dumps(double)}\n}}')


if __name__ == "__main__":
    main()
